"""Shares: which part of the variance over masks each set carries, and the strongest."""

import numpy as np
from numpy.typing import NDArray

from spexlens.spectrum.spectrum import Spectrum

Array = NDArray[np.float64]
Members = tuple[int, ...]


def shares_by_output(spectrum: Spectrum) -> Array:
    """(s, k) float64, F(S)² / Σ F² of each set; 0 for the empty set."""
    energy = spectrum.values.reshape(len(spectrum), -1) ** 2
    energy[spectrum.sets.orders == 0] = 0.0
    return np.asarray(
        energy / np.maximum(energy.sum(axis=0), np.finfo(np.float64).tiny)
    )


def shares_of(spectrum: Spectrum) -> Array:
    """(s,) float64, `shares_by_output`, the largest of each set."""
    return np.asarray(shares_by_output(spectrum).max(axis=1))


TOP = 5
"""How many are the strongest."""


def strongest(spectrum: Spectrum, count: int = TOP) -> frozenset[Members]:
    """The sets of two members or more with the largest shares."""
    share = np.where(spectrum.sets.orders > 1, shares_of(spectrum), 0.0)
    ranked = np.argsort(-share, kind="stable")[:count]
    return frozenset(spectrum.sets[j] for j in ranked.tolist() if share[j] > 0)
