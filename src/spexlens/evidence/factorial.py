"""Factorial: the masks that measure a set's interaction, and which sets are worth them."""

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

_BLOCKS = 0.9  # of the calls, for corners; the others are for masks on their own
MOST_CONTEXTS = 16
LEAST_CONTEXTS = 3
# of the variance, what is worth a check; so many get one anyway
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
        """The corners of sets in contexts (C, n) bool; sets share those that they have
        in common.
        """
        family = closure(sets)
        count, n = contexts.shape
        flips = np.zeros((len(family), n), np.bool_)
        for row, members in enumerate(family):
            flips[row, list(members)] = True
        every = (contexts[:, None] ^ flips).reshape(-1, n)
        first, where = mask_algebra.distinct(mask_algebra.pack(every))
        place = {members: row for row, members in enumerate(family)}
        rows = [[place[part] for part in closure([members])] for members in sets]
        where = where.reshape(count, len(family))
        return cls(
            tuple(sets),
            every[first],
            first // len(family),
            tuple(where[:, each] for each in rows),
        )

    def interactions(self, values: Array) -> list[Array]:
        """Of each set, in each context: values (m,) or (m, k) of the masks -> (C,) or
        (C, k).
        """
        found = []
        for members, rows in zip(self.sets, self.rows, strict=True):
            kept = self.masks[rows][:, :, list(members)].sum(axis=2)
            signs = 1.0 - 2.0 * ((len(members) - kept) % 2)
            found.append(np.einsum("cj,cj...->c...", signs, values[rows]))
        return found


def closure(sets: Sequence[Members]) -> list[Members]:
    """All subsets of the sets, each once, the smaller first."""
    parts = {part for each in sets for part in _subsets(each)}
    return sorted(parts, key=lambda part: (len(part), part))


def _subsets(members: Members) -> chain[Members]:
    return chain.from_iterable(
        combinations(members, size) for size in range(len(members) + 1)
    )


def spread_over(calls: int, order: int) -> tuple[int, int]:
    """In how many contexts sets are measured for so many calls, and the masks of each.

    Args:
        calls: of which a tenth is left for masks on their own, unless the corners of a
            set need it.
        order: of the set that matters most.
    """
    contexts = min(max(LEAST_CONTEXTS, round((calls / 4) ** 0.5)), MOST_CONTEXTS)
    room = int(_BLOCKS * calls) // contexts
    if room < 1 << order <= calls // LEAST_CONTEXTS:
        contexts = LEAST_CONTEXTS
        room = calls // LEAST_CONTEXTS
    return contexts, room


def worth_checking(spectrum: Spectrum) -> list[Members]:
    """What acts together, then single candidates, each by share of the variance, if
    that is audible.
    """
    share = shares_of(spectrum)
    orders = spectrum.sets.orders
    ranked = np.argsort(-share, kind="stable")[:_CONSIDERED].tolist()
    together = [j for j in ranked if orders[j] > 1 and share[j] > _NOTHING]
    together = [
        j for rank, j in enumerate(together) if share[j] >= _WORTH or rank < _ANYWAY
    ]
    alone = [j for j in ranked if orders[j] == 1 and share[j] >= _WORTH]
    return [spectrum.sets[j] for j in (*together, *alone)]


def fitting(
    ranked: Sequence[Members],
    room: int,
    strategy: MaskStrategy | None = None,
    trainings: int = 0,
) -> list[Members]:
    """Of ranked sets those whose corners fit into a context's masks, and what is
    measured on the way.

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
        grown = (
            {**family, **dict.fromkeys(_subsets(members))}
            if 1 << len(members) <= room
            else {}
        )
        few = strategy is None or strategy.within(grown, trainings)
        if grown and few and len(grown) <= room:
            family = grown
            chosen[members] = None
    on_the_way = [part for part in ranked if part in family]
    return list(dict.fromkeys([*chosen, *on_the_way]))


def least_seen(
    pool: NDArray[np.bool_],
    sets: Sequence[Members],
    seen: NDArray[np.uint8],
    count: int,
) -> NDArray[np.bool_]:
    """The first masks of a pool (p, n) whose corners were not seen, else seen least:
    (count, n) bool.
    """
    corners = FactorialDesign.of(sets, pool)
    old = seen_among(mask_algebra.pack(corners.masks), seen)
    seen_of = np.sum([old[rows].sum(axis=1) for rows in corners.rows], axis=0)
    return pool[np.sort(np.argsort(seen_of, kind="stable")[:count])]
