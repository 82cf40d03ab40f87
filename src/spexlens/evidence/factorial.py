"""Factorial designs: the masks that measure a set's interaction, in some contexts."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import chain, combinations

import numpy as np
from numpy.typing import NDArray

from spexlens.masks import masks as mask_algebra
from spexlens.masks.masks import seen_among
from spexlens.masks.strategy import MaskStrategy
from spexlens.spectrum.shares import Members, shares_of
from spexlens.spectrum.spectrum import Spectrum

Array = NDArray[np.float64]

# Of the calls, for corners. The others are for masks on their own, which say how well
# the fit predicts what it did not see.
_BLOCKS = 0.9
MOST_CONTEXTS = 16
LEAST_CONTEXTS = 3  # two would leave an interval of one degree of freedom
# Of the variance, what is worth a check; so many get one anyway.
_WORTH = 0.005
_ANYWAY = 3
_NOTHING = 1e-4  # of the variance, what is never worth one
_CONSIDERED = 500  # sets, those with the largest shares


@dataclass(frozen=True)
class FactorialDesign:
    """Masks with the corners of some sets in some contexts.

    Attributes:
        sets: what is measured.
        masks: (m, n) bool, distinct.
        context: (m,) int64, of which context each is.
        rows: for each set (C, 2^|S|) int64, where its corners are among the masks.
    """

    sets: tuple[Members, ...]
    masks: NDArray[np.bool_]
    context: NDArray[np.int64]
    rows: tuple[NDArray[np.int64], ...]

    @classmethod
    def of(
        cls, sets: Sequence[Members], contexts: NDArray[np.bool_]
    ) -> "FactorialDesign":
        """The corners of sets in contexts.

        Sets share the corners that they have in common.

        Args:
            sets: what is measured.
            contexts: (C, n) bool.
        """
        family = closure(sets)
        count, n = contexts.shape
        # A corner of a context is the context with one subset of a set turned over.
        flips = np.zeros((len(family), n), np.bool_)
        for row, members in enumerate(family):
            flips[row, list(members)] = True
        corners = contexts[:, None] ^ flips
        masks = corners.reshape(-1, n)
        # Two contexts that differ only inside a set have its corners in common.
        packed = mask_algebra.pack(masks)
        first, where = mask_algebra.distinct(packed)
        where = where.reshape(count, len(family))
        place = {members: row for row, members in enumerate(family)}
        rows = []
        for members in sets:
            columns = [place[subset] for subset in closure([members])]
            rows.append(where[:, columns])
        return cls(
            sets=tuple(sets),
            masks=masks[first],
            context=first // len(family),
            rows=tuple(rows),
        )

    @property
    def packed(self) -> NDArray[np.uint8]:
        """(m, w) uint8, the masks."""
        return mask_algebra.pack(self.masks)

    def interactions(self, values: Array) -> list[Array]:
        """The interaction of each set, in each context.

        Args:
            values: (m,) or (m, k) float64, of the masks.

        Returns:
            Of each set (C,) or (C, k) float64.
        """
        interactions = []
        for members, rows in zip(self.sets, self.rows, strict=True):
            inside = self.masks[rows][:, :, list(members)]
            ablated = len(members) - inside.sum(axis=2)
            signs = 1.0 - 2.0 * (ablated % 2)
            interaction = np.einsum("cj,cj...->c...", signs, values[rows])
            interactions.append(interaction)
        return interactions


def closure(sets: Sequence[Members]) -> list[Members]:
    """All subsets of the sets, each once, the smaller first."""
    family: set[Members] = set()
    for members in sets:
        family.update(_subsets(members))
    return sorted(family, key=lambda subset: (len(subset), subset))


def _subsets(members: Members) -> chain[Members]:
    sizes = range(len(members) + 1)
    return chain.from_iterable(combinations(members, size) for size in sizes)


def spread_over(calls: int, order: int) -> tuple[int, int]:
    """In how many contexts sets are measured for so many calls, and the masks of each.

    Args:
        calls: of which a tenth is left for masks on their own, unless the corners of a
            set need it.
        order: of the set that matters most.
    """
    # With the square root, more calls buy both more sets and more exact measurements.
    balanced = round((calls / 4) ** 0.5)
    contexts = min(max(LEAST_CONTEXTS, balanced), MOST_CONTEXTS)
    room = int(_BLOCKS * calls) // contexts
    if room < 1 << order <= calls // LEAST_CONTEXTS:
        contexts = LEAST_CONTEXTS
        room = calls // LEAST_CONTEXTS
    return contexts, room


def worth_checking(spectrum: Spectrum) -> list[Members]:
    """The sets that a check is spent on, the first counting most.

    What acts together, then single candidates, each by share of the variance, if that
    is audible.
    """
    share = shares_of(spectrum)
    strongest = np.argsort(-share, kind="stable")[:_CONSIDERED]
    together: list[Members] = []
    alone: list[Members] = []
    for j in strongest.tolist():
        members = spectrum.sets[j]
        is_strong = share[j] >= _WORTH
        if len(members) > 1:
            is_among_first = len(together) < _ANYWAY and share[j] > _NOTHING
            if is_strong or is_among_first:
                together.append(members)
        elif len(members) == 1 and is_strong:
            alone.append(members)
    return together + alone


def fitting(
    ranked: Sequence[Members],
    room: int,
    strategy: MaskStrategy | None = None,
    trainings: int = 0,
) -> list[Members]:
    """Of ranked sets those whose corners fit into a context's masks.

    Those that are measured on the way, as subsets of others, come last.

    Args:
        ranked: sets, the first counting most.
        room: masks of a context.
        strategy: of the game's masks; None where each is paid for alone.
        trainings: how many a context may take, its own included, where masks share
            them.
    """
    family: dict[Members, None] = {(): None}
    chosen: dict[Members, None] = {}
    for members in ranked:
        # Before its subsets are listed: there are 2^|S| of them.
        if 1 << len(members) > room:
            continue
        grown = {**family, **dict.fromkeys(_subsets(members))}
        if strategy is not None and not strategy.within(grown, trainings):
            continue
        if len(grown) <= room:
            family = grown
            chosen[members] = None
    on_the_way = [members for members in ranked if members in family]
    return list(dict.fromkeys([*chosen, *on_the_way]))


def least_seen(
    pool: NDArray[np.bool_],
    sets: Sequence[Members],
    seen: NDArray[np.uint8],
    count: int,
) -> NDArray[np.bool_]:
    """The contexts whose corners were not seen, else seen least.

    Args:
        pool: (p, n) bool, the contexts to choose from; of equals the first.
        sets: whose corners count.
        seen: (s, w) uint8, packed masks.
        count: of contexts.

    Returns:
        (count, n) bool, in the pool's order; fewer if the pool has fewer.
    """
    design = FactorialDesign.of(sets, pool)
    is_seen = seen_among(design.packed, seen)
    counts = [is_seen[rows].sum(axis=1) for rows in design.rows]
    seen_of_context = np.sum(counts, axis=0)
    least = np.argsort(seen_of_context, kind="stable")[:count]
    return pool[np.sort(least)]
