"""The exact Fourier spectrum of regression trees over masks."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from spexlens.spectrum.sets import Sets
from spexlens.spectrum.spectrum import Spectrum


@dataclass(frozen=True)
class Forest:
    """A sum of regression trees that split on masks, all trees' nodes in one table.

    No path splits on one candidate twice: after the first split it no longer varies.

    A child >= 0 is the row of an internal node, a child < 0 is leaf ~child. Left =
    ablated.

    Attributes:
        n: number of candidates.
        feature: (nodes,) int32, the candidate that an internal node splits on.
        children: (nodes, 2) int64, (left, right).
        leaves: (leaves,) float64, the value at each leaf.
        roots: (trees,) int64, each tree's root, coded as a child is.
    """

    n: int
    feature: NDArray[np.int32]
    children: NDArray[np.int64]
    leaves: NDArray[np.float64]
    roots: NDArray[np.int64]

    def spectrum(self) -> Spectrum:
        """The Fourier spectrum of the sum of all trees, exact.

        With μ(v) the uniform mean below a node, a tree is its root's mean plus, for
        each internal node v on candidate i, d(v) χ_i · 1[m reaches v], where d(v) =
        (μ(left) - μ(right)) / 2 and the indicator of a path of depth k spreads over the
        2^k subsets of its candidates. This is the recursion of Butler et al. (arXiv
        2505.17495, appendix B), unrolled a level at a time over all trees at once: Σ_v
        2^depth(v) terms.
        """
        levels = self._levels()
        means, halves = self._below(levels)

        # the empty set first, of the roots' means; n stands for no candidate
        width = len(levels)
        families = [np.full((1, width or 1), self.n, np.int32)]
        values = [self._means(self.roots, means).sum(keepdims=True)]
        for level in levels:
            families.append(self._members(level, width))
            values.append(level.spread(halves[level.nodes]))

        sets = Sets.from_ragged(self.n, np.concatenate(families))
        return Spectrum(sets, np.concatenate(values))

    def rescaled(self, scale: float, shift: float) -> "Forest":
        """scale · f + shift: the shift is one more tree, of a single leaf."""
        return replace(
            self,
            leaves=np.append(self.leaves * scale, shift),
            roots=np.append(self.roots, ~len(self.leaves)),
        )

    def _means(
        self, children: NDArray[np.int64], means: NDArray[np.float64]
    ) -> NDArray[np.float64]:
        """The mean below each child, a leaf's being its value."""
        inner = children >= 0

        # both are looked up everywhere, with row 0 where the other kind stands
        leaves = self.leaves[np.where(inner, 0, ~children)]
        if not len(means):
            return leaves

        nodes = np.where(inner, children, 0)
        return np.where(inner, means[nodes], leaves)

    def _below(
        self, levels: Sequence["_Level"]
    ) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """For each internal node the mean below it, and half of left less right."""
        means = np.zeros(len(self.feature))
        halves = np.zeros(len(self.feature))

        # from the deepest level up, so that a child's mean is known before its parent's
        for level in reversed(levels):
            left, right = self._means(self.children[level.nodes], means).T

            means[level.nodes] = (left + right) / 2
            halves[level.nodes] = (left - right) / 2
        return means, halves

    def _levels(self) -> list["_Level"]:
        """The internal nodes by depth, roots first."""
        nodes = self.roots[self.roots >= 0]
        path = np.empty((len(nodes), 0), np.int32)
        signs = np.empty((len(nodes), 0), np.int8)

        levels = []
        while len(nodes):
            levels.append(_Level(nodes, path, signs))

            children = self.children[nodes]
            features = self.feature[nodes]

            # a leaf ends its path: only internal children make the next level
            parent, side = np.nonzero(children >= 0)
            sign = (1 - 2 * side).astype(np.int8)  # left is ablated: +1

            path = np.column_stack([path[parent], features[parent]])
            signs = np.column_stack([signs[parent], sign])
            nodes = children[parent, side]
        return levels

    def _members(self, level: "_Level", width: int) -> NDArray[np.int32]:
        """The sets that a level's nodes spread over: (c · 2^depth, width) members."""
        depth = level.depth
        count = 1 << depth

        # a row a subset of the path, in the order of `spread`
        subset = np.arange(count)[:, None]
        bits = subset >> np.arange(depth) & 1
        present = bits.astype(np.bool_)

        above = level.path[:, None, :]
        shape = (len(level.nodes), count, width)

        members = np.full(shape, self.n, np.int32)
        members[:, :, :depth] = np.where(present, above, self.n)
        members[:, :, depth] = self.feature[level.nodes, None]

        return members.reshape(-1, width)


@dataclass(frozen=True)
class _Level:
    """The c internal nodes of one depth.

    Attributes:
        nodes: (c,) int64, their rows.
        path: (c, depth) int32, the candidates that are split on above them.
        signs: (c, depth) int8, χ of those on the way to a node.
    """

    nodes: NDArray[np.int64]
    path: NDArray[np.int32]
    signs: NDArray[np.int8]

    @property
    def depth(self) -> int:
        """How many splits are above."""
        return int(self.path.shape[1])

    def spread(self, halves: NDArray[np.float64]) -> NDArray[np.float64]:
        """Each node's d over the subsets of its path: (c,) -> (c · 2^depth,)."""
        spread = halves[:, None] / (1 << self.depth)

        # doubled a candidate at a time: without it, and with it
        for sign in self.signs.T[:, :, None]:
            spread = np.concatenate([spread, spread * sign], axis=1)

        return spread.ravel()


def parse_lightgbm(text: str, n: int) -> Forest:
    """The trees of a LightGBM model from its own text (`Booster.model_to_string`)."""
    trees = text.split("\nTree=")[1:]
    leaves = _numbers(trees, "leaf_value")
    sizes = _numbers(trees, "num_leaves").astype(np.int64)

    nodes = sizes - 1
    first_leaf = np.cumsum(sizes) - sizes
    first_node = np.cumsum(nodes) - nodes

    # a tree of one leaf has no lines about splits
    split = [tree for tree, size in zip(trees, sizes, strict=True) if size > 1]

    left = _numbers(split, "left_child")
    right = _numbers(split, "right_child")
    children = np.stack([left, right], axis=1).astype(np.int64)

    # a leaf is coded as ~row, so that a later row is a smaller number
    node_shift = np.repeat(first_node, nodes)[:, None]
    leaf_shift = -np.repeat(first_leaf, nodes)[:, None]
    shift = np.where(children >= 0, node_shift, leaf_shift)

    return Forest(
        n,
        feature=_numbers(split, "split_feature").astype(np.int32),
        children=children + shift,
        leaves=leaves,
        roots=np.where(nodes > 0, first_node, ~first_leaf),
    )


def _numbers(trees: list[str], field: str) -> NDArray[np.float64]:
    """One field of every tree, end to end."""
    mark = f"\n{field}="
    behind = [tree.split(mark, 1)[1] for tree in trees]
    lines = [text.split("\n", 1)[0] for text in behind]
    return np.fromstring(" ".join(lines), sep=" ")
