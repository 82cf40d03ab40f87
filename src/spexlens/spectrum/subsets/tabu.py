"""Swaps: a tabu search for the mask of a given size at which a Spectrum is largest."""

from time import perf_counter

import numpy as np
from numpy.typing import NDArray

from spexlens.spectrum.spectrum import Spectrum

Array = NDArray[np.float64]
Mask = NDArray[np.bool_]

_STARTS = 12
_CHILDREN = 60
_BEST = 12  # masks that may have children
_PATIENCE = 40  # swaps without a new best
_REST = (6, 14)  # swaps for which a candidate that was moved stays where it is


def search(
    spectrum: Spectrum, keep: int, deadline: float, enough: float = np.inf
) -> Mask:
    """The best mask found, (n,) bool.

    Tabu searches (Glover, ORSA J. Comput. 1, 1989) start from the largest single
    effects, from random masks, and then from children, which keep what two of the best
    have in common (Wu & Hao, Eur. J. Oper. Res. 231, 2013). Seeds and numbers are
    fixed; past the deadline, by `perf_counter`, or once a value is enough, nothing is
    begun but the first.
    """
    rng = np.random.default_rng(0)
    n = spectrum.n
    incidence = np.unpackbits(
        spectrum.sets.packed, axis=1, count=n, bitorder="little"
    ).astype(np.float64)
    best: list[tuple[float, Mask]] = []
    for attempt in range(_STARTS + _CHILDREN):
        if attempt == 0:
            scores = -np.array([float(spectrum[(i,)]) for i in range(n)])
        else:
            scores = rng.random(n)
            if attempt >= _STARTS and len(best) > 1:
                one, other = rng.choice(len(best), 2, replace=False)
                scores = 0.5 * scores + best[one][1] + best[other][1]
        mask = np.zeros(n, np.bool_)
        mask[np.argsort(-scores, kind="stable")[:keep]] = True
        value, mask = _climb(incidence, spectrum.values, mask, rng, deadline)
        if not any((mask == known).all() for _, known in best):
            best = sorted([*best, (value, mask)], key=lambda each: -each[0])[:_BEST]
        if perf_counter() > deadline or best[0][0] >= enough:
            break
    return best[0][1]


def _climb(
    incidence: Array,
    coefficients: Array,
    mask: Mask,
    rng: np.random.Generator,
    deadline: float,
) -> tuple[float, Mask]:
    """The best mask that swaps lead to from one, behind its value.

    Each swap is the best one that does not move back what was just moved, unless it
    leads higher than ever. To flip i and j adds D_i + D_j + 4 Σ_{S∋i,j} F(S) χ_S, where
    D_i = -2 Σ_{S∋i} F(S) χ_S.
    """
    terms = coefficients * (1.0 - 2.0 * (incidence @ mask % 2))
    joint = (incidence.T * terms) @ incidence
    value = top = float(terms.sum())
    best = mask.copy()
    free = np.zeros(len(mask), np.int64)
    step = 0
    last = 0
    while (
        0 < mask.sum() < len(mask)
        and step - last < _PATIENCE
        and perf_counter() < deadline
    ):
        step += 1
        away = np.flatnonzero(mask)
        back = np.flatnonzero(~mask)
        alone = -2.0 * joint.diagonal()
        gains = 4.0 * joint[np.ix_(away, back)] + alone[away, None] + alone[back]
        resting = (free[away] >= step)[:, None] | (free[back] >= step)
        gains[resting & (value + gains <= top)] = -np.inf
        a, b = divmod(int(gains.argmax()), len(back))
        i = away[a]
        j = back[b]
        value += float(gains[a, b])
        mask[i] = False
        mask[j] = True
        turned = np.flatnonzero(incidence[:, i] != incidence[:, j])
        joint -= 2.0 * (incidence[turned].T * terms[turned]) @ incidence[turned]
        terms[turned] = -terms[turned]
        free[[i, j]] = step + rng.integers(*_REST, 2)
        if value > top + 1e-12 * abs(top):
            best = mask.copy()
            top = value
            last = step
    return top, best
