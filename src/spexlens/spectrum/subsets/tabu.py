"""Swaps: a tabu search for the mask of a given size at which a Spectrum is largest."""

from time import perf_counter

import numpy as np
from numpy.typing import NDArray

from spexlens.spectrum.spectrum import Spectrum

Array = NDArray[np.float64]
Mask = NDArray[np.bool_]

# what climbs start from: the single effects and random masks, then children
_STARTS = 12
_CHILDREN = 60

# masks that may have children
_PARENTS = 12

# swaps without a new best, after which a climb ends
_PATIENCE = 40

# swaps for which a candidate that was moved stays where it is: from, and below
_REST = (6, 14)

# of the best value: a rise by less is rounding
_ROUNDING = 1e-12

_Ranked = list[tuple[float, Mask]]
"""The best masks so far behind their values, the highest first."""


def search(
    spectrum: Spectrum, keep: int, deadline: float, enough: float = np.inf
) -> Mask:
    """The best mask found with `keep` candidates kept: (n,) bool.

    Tabu searches (Glover, ORSA J. Comput. 1, 1989) start from the largest single
    effects, from random masks, and then from children, which keep what two of the best
    have in common (Wu & Hao, Eur. J. Oper. Res. 231, 2013). Seeds and numbers are
    fixed; past the deadline, or once a value is enough, nothing is begun but the first.

    Args:
        spectrum: of one output.
        keep: how many candidates are kept.
        deadline: when to stop, by `perf_counter`.
        enough: a value above which no better one is looked for.
    """
    rng = np.random.default_rng(0)
    incidence = spectrum.sets.indicators.astype(np.float64)

    best: _Ranked = []
    for attempt in range(_STARTS + _CHILDREN):
        scores = _start(spectrum, best, attempt, rng)
        ranked = np.argsort(-scores, kind="stable")
        mask = np.zeros(spectrum.n, np.bool_)
        mask[ranked[:keep]] = True

        value, mask = _climb(incidence, spectrum.values, mask, rng, deadline)
        best = _with(best, value, mask)

        # at the end, so that one mask is always there to give
        if perf_counter() > deadline or best[0][0] >= enough:
            break
    return best[0][1]


def _start(
    spectrum: Spectrum, best: _Ranked, attempt: int, rng: np.random.Generator
) -> Array:
    """Scores of the candidates, (n,): those that score highest are kept at first."""
    if attempt == 0:
        # to keep i turns F({i}) to minus F({i})
        singles = [float(spectrum[(i,)]) for i in range(spectrum.n)]
        return -np.array(singles)

    scores = rng.random(spectrum.n)
    if attempt < _STARTS or len(best) < 2:
        return scores

    # a child keeps what both parents keep, and ablates what both ablate
    one, other = rng.choice(len(best), 2, replace=False)
    return np.asarray(0.5 * scores + best[one][1] + best[other][1])


def _with(best: _Ranked, value: float, mask: Mask) -> _Ranked:
    """The best masks with one more, if it is not among them."""
    if any((mask == known).all() for _, known in best):
        return best
    ranked = sorted([*best, (value, mask)], key=lambda entry: -entry[0])
    return ranked[:_PARENTS]


def _climb(
    incidence: Array,
    coefficients: Array,
    mask: Mask,
    rng: np.random.Generator,
    deadline: float,
) -> tuple[float, Mask]:
    """The best mask that swaps lead to from one, behind its value.

    Each swap is the best one that does not move back what was just moved, unless it
    leads higher than ever.
    """
    swaps = _Swaps(incidence, coefficients, mask)
    top = swaps.value
    best = mask.copy()

    # all or nothing kept: there is nothing to swap
    if mask.all() or not mask.any():
        return top, best

    # the last swap for which each candidate stays where it is
    rests_until = np.zeros(len(mask), np.int64)
    step = 0
    last_rise = 0

    while step - last_rise < _PATIENCE and perf_counter() < deadline:
        step += 1
        away, back = swaps.make_best(rests_until >= step, top)
        rests_until[[away, back]] = step + rng.integers(*_REST, 2)
        if swaps.value > top + _ROUNDING * abs(top):
            best = swaps.mask.copy()
            top = swaps.value
            last_rise = step
    return top, best


class _Swaps:
    """A mask, its value, and what every swap of two candidates would add to it.

    To flip i and j adds D_i + D_j + 4 Σ_{S∋i,j} F(S) χ_S, where D_i = -2 Σ_{S∋i} F(S)
    χ_S.

    Attributes:
        mask: (n,) bool, where it stands; changed in place.
        value: of the mask.
    """

    def __init__(self, incidence: Array, coefficients: Array, mask: Mask) -> None:
        self.mask = mask
        self._incidence = incidence
        # F(S) χ_S, and of each pair of candidates the sum of those that hold both
        signs = 1.0 - 2.0 * (incidence @ mask % 2)
        self._terms = coefficients * signs
        self._joint = (incidence.T * self._terms) @ incidence
        self.value = float(self._terms.sum())

    def make_best(self, resting: Mask, top: float) -> tuple[int, int]:
        """Make the swap that gains most; the candidates ablated and kept by it.

        Args:
            resting: (n,) bool, candidates that move only where the value passes `top`.
            top: the highest value so far.
        """
        kept = np.flatnonzero(self.mask)
        ablated = np.flatnonzero(~self.mask)

        # D_i + D_j + 4 Σ F(S) χ_S over the sets that hold both
        alone = -2.0 * self._joint.diagonal()
        both = self._joint[np.ix_(kept, ablated)]
        gains = 4.0 * both + alone[kept, None] + alone[ablated]

        # what was just moved may move back only to a value never seen (aspiration)
        tabu = resting[kept][:, None] | resting[ablated]
        reached = self.value + gains
        known = reached <= top
        gains[tabu & known] = -np.inf

        highest = int(gains.argmax())
        row, column = divmod(highest, len(ablated))
        away = int(kept[row])
        back = int(ablated[column])

        self.value += float(gains[row, column])
        self._swap(away, back)
        return away, back

    def _swap(self, away: int, back: int) -> None:
        """Ablate one and keep another; the terms of sets with one of the two turn."""
        self.mask[away] = False
        self.mask[back] = True
        incidence = self._incidence
        turned = np.flatnonzero(incidence[:, away] != incidence[:, back])
        doubled = 2.0 * (incidence[turned].T * self._terms[turned])
        self._joint -= doubled @ incidence[turned]
        self._terms[turned] = -self._terms[turned]
