"""The exact Fourier spectrum of regression trees over masks."""

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
        means = np.zeros(len(self.feature))
        half = np.zeros(len(self.feature))
        for nodes, _, _ in reversed(levels):
            left, right = self._means(self.children[nodes], means).T
            means[nodes] = (left + right) / 2
            half[nodes] = (left - right) / 2
        families = [np.full((1, len(levels) or 1), self.n, np.int32)]
        values = [self._means(self.roots, means).sum(keepdims=True)]
        for depth, (nodes, path, signs) in enumerate(levels):
            subsets = (np.arange(1 << depth)[:, None] >> np.arange(depth) & 1).astype(
                np.bool_
            )
            members = np.full((len(nodes), 1 << depth, len(levels)), self.n, np.int32)
            members[:, :, :depth] = np.where(subsets, path[:, None, :], self.n)
            members[:, :, depth] = self.feature[nodes, None]
            spread = half[nodes, None] / (1 << depth)
            for sign in signs.T[:, :, None]:
                spread = np.concatenate([spread, spread * sign], axis=1)
            families.append(members.reshape(-1, len(levels)))
            values.append(spread.ravel())
        return Spectrum(
            Sets.from_ragged(self.n, np.concatenate(families)), np.concatenate(values)
        )

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
        inner = children >= 0
        result = self.leaves[np.where(inner, 0, ~children)]
        return np.where(
            inner, means[np.where(inner, children, 0)] if len(means) else 0.0, result
        )

    def _levels(
        self,
    ) -> list[tuple[NDArray[np.int64], NDArray[np.int32], NDArray[np.int8]]]:
        """For each depth: its internal nodes (c,), the candidates above them (c,
        depth), and χ there.
        """
        levels = []
        nodes = self.roots[self.roots >= 0]
        path = np.empty((len(nodes), 0), np.int32)
        signs = np.empty((len(nodes), 0), np.int8)
        while len(nodes):
            levels.append((nodes, path, signs))
            below = self.children[nodes]
            parent, side = np.nonzero(below >= 0)
            nodes = below[parent, side]
            path = np.column_stack([path[parent], self.feature[levels[-1][0]][parent]])
            signs = np.column_stack([signs[parent], (1 - 2 * side).astype(np.int8)])
        return levels


def parse_lightgbm(text: str, n: int) -> Forest:
    """The trees of a LightGBM model from its own text format
    (`Booster.model_to_string`).
    """
    trees = text.split("\nTree=")[1:]
    leaves = _numbers(trees, "leaf_value")
    sizes = _numbers(trees, "num_leaves").astype(np.int64)
    nodes = sizes - 1
    first_leaf = np.cumsum(sizes) - sizes
    first_node = np.cumsum(nodes) - nodes
    split = [tree for tree, size in zip(trees, sizes, strict=True) if size > 1]
    pair = np.stack(
        [_numbers(split, "left_child"), _numbers(split, "right_child")], axis=1
    ).astype(np.int64)
    shift = np.where(
        pair >= 0,
        np.repeat(first_node, nodes)[:, None],
        -np.repeat(first_leaf, nodes)[:, None],
    )
    return Forest(
        n,
        _numbers(split, "split_feature").astype(np.int32),
        pair + shift,
        leaves,
        np.where(nodes > 0, first_node, ~first_leaf),
    )


def _numbers(trees: list[str], field: str) -> NDArray[np.float64]:
    """One field of every tree, end to end."""
    mark = f"\n{field}="
    return np.fromstring(
        " ".join(tree.split(mark, 1)[1].split("\n", 1)[0] for tree in trees), sep=" "
    )
