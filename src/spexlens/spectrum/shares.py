"""Shares: which part of the variance over uniform masks each set carries.

The variance of f over uniform masks is Σ F(S)² over the non-empty sets (Parseval), so
each set has a share of it, and the shares sum to one.
"""

import numpy as np
from numpy.typing import NDArray

from spexlens.spectrum.spectrum import Spectrum

Array = NDArray[np.float64]

Members = tuple[int, ...]
"""A set as the positions of its candidates, ascending."""

TOP = 5
"""How many sets `strongest` lists unless it is told otherwise."""

STRONG = 0.005
"""Half a percent of the variance: from which an interaction counts as strong."""


def shares_by_output(spectrum: Spectrum) -> Array:
    """F(S)² / Σ F² of each set, output by output.

    Returns:
        (s, k) float64, with k = 1 for a spectrum of shape (s,); 0 for the empty set.
        Each column sums to 1, or is 0 where that output is constant.
    """
    energy = spectrum.columns**2
    energy[spectrum.sets.orders == 0] = 0.0
    variance = energy.sum(axis=0)
    return np.asarray(energy / np.maximum(variance, np.finfo(np.float64).tiny))


def shares_of(spectrum: Spectrum) -> Array:
    """The largest share of each set over the outputs: (s,) float64 in [0, 1]."""
    return np.asarray(shares_by_output(spectrum).max(axis=1))


def strongest(spectrum: Spectrum, count: int = TOP) -> frozenset[Members]:
    """The sets of two members or more with the largest shares, by `shares_of`.

    Args:
        spectrum: of one output or several.
        count: how many sets; fewer where fewer have a share above zero.
    """
    interactions = spectrum.sets.orders > 1
    share = np.where(interactions, shares_of(spectrum), 0.0)
    ranked = np.argsort(-share, kind="stable")[:count]
    return frozenset(spectrum.sets[j] for j in ranked.tolist() if share[j] > 0)
