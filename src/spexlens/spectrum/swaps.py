"""Swaps: a tabu search for the mask of a given size at which a Spectrum is largest."""

from time import perf_counter
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from spexlens.spectrum.spectrum import Spectrum

if TYPE_CHECKING:
    from scipy.sparse import csr_array

Mask = NDArray[np.bool_]

_STARTS = 12
_PATIENCE = 40  # swaps without a new best
_REST = (6, 14)  # swaps for which a candidate that was moved stays where it is


def search(spectrum: Spectrum, keep: int, deadline: float) -> Mask:
    """The best mask found, (n,) bool: from the largest single effects, then from random masks.

    Each swap is the best one that does not move back what was just moved (Glover, ORSA J. Comput. 1,
    1989). Seeds and numbers of swaps are fixed; past the deadline, by `perf_counter`, no more are made,
    but for the first start's first.
    """
    from scipy.sparse import csr_array

    rng = np.random.default_rng(0)
    n, sets = spectrum.n, spectrum.sets
    incidence = csr_array((np.ones(len(sets.members)), sets.members, sets.starts), shape=(len(sets), n))
    single = np.array([float(spectrum[(i,)]) for i in range(n)])
    best, top = np.zeros(n, np.bool_), -np.inf
    for start in range(_STARTS):
        order = np.argsort(single, kind="stable") if start == 0 else rng.permutation(n)
        mask = np.zeros(n, np.bool_)
        mask[order[:keep]] = True
        found, value = _climb(incidence, spectrum.values, mask, rng, deadline)
        if value > top:
            best, top = found, value
        if perf_counter() > deadline:
            break
    return best


def _climb(
    incidence: "csr_array",
    coefficients: NDArray[np.float64],
    mask: Mask,
    rng: np.random.Generator,
    deadline: float,
) -> tuple[Mask, float]:
    """The best mask that swaps lead to from one, and its value."""
    terms = coefficients * (1.0 - 2.0 * (incidence @ mask % 2))
    value = top = float(terms.sum())
    best, free, step, last = mask.copy(), np.zeros(len(mask), np.int64), 0, 0
    while 0 < mask.sum() < len(mask) and step - last < _PATIENCE and perf_counter() < deadline:
        step += 1
        away, back = np.flatnonzero(mask), np.flatnonzero(~mask)
        gains = _gains(incidence, terms)[np.ix_(away, back)]
        resting = (free[away] >= step)[:, None] | (free[back] >= step)
        gains[resting & (value + gains <= top)] = -np.inf
        a, b = np.unravel_index(int(gains.argmax()), gains.shape)
        i, j = away[a], back[b]
        value += float(gains[a, b])
        mask[i], mask[j] = False, True
        terms = coefficients * (1.0 - 2.0 * (incidence @ mask % 2))
        free[[i, j]] = step + rng.integers(*_REST, 2)
        if value > top + 1e-12 * abs(top):
            best, top, last = mask.copy(), value, step
    return best, top


def _gains(incidence: "csr_array", terms: NDArray[np.float64]) -> NDArray[np.float64]:
    """(n, n): what flipping i and j adds, D_i + D_j + 4 Σ_{S∋i,j} F(S) χ_S with D_i = -2 Σ_{S∋i} F(S) χ_S."""
    from scipy.sparse import diags_array

    both = (incidence.T @ diags_array(terms) @ incidence).toarray()
    alone = -2.0 * both.diagonal()
    return np.asarray(alone[:, None] + alone + 4.0 * both)
