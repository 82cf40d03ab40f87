"""Regression on a support that something else recovered."""

import numpy as np
from numpy.typing import NDArray

from spexlens.ablation import masks as mask_algebra
from spexlens.spectrum.spectrum import Spectrum

_PENALTIES = np.logspace(-4, 4, 33)


def refit(spectrum: Spectrum, masks: NDArray[np.bool_], values: NDArray[np.float64]) -> Spectrum:
    """Ridge regression of the values on the sets of a spectrum.

    Each coefficient is shrunk in proportion to its size in the spectrum given (its prior standard
    deviation is |F(S)|), so that a support of more sets than masks is harmless; the empty set is
    the unpenalised intercept. The penalty minimises the leave-one-out error, in closed form from
    one eigendecomposition (Hastie, Tibshirani & Friedman, 2009, eq. 7.64).

    Args:
        spectrum: s sets and the sizes to expect; scalar.
        masks: (m, n) bool.
        values: (m,) float64.
    """
    size = np.abs(spectrum.values)
    kept = np.flatnonzero((spectrum.sets.orders > 0) & (size > 0))
    mean = float(values.mean())
    if not len(kept):
        return Spectrum.of(spectrum.n, {(): mean})
    sets, scale = spectrum.sets.take(kept), size[kept] / size[kept].max()
    design = mask_algebra.characters(mask_algebra.pack(masks), sets.packed)
    centre = design.mean(axis=0)
    design = (design - centre) * scale
    squares, left = _left_singular(design)
    target = left.T @ (values - mean)
    penalty = _leave_one_out(left, squares, target, values - mean)
    coefficients = scale * (design.T @ (left @ (target / (squares + penalty))))
    found = Spectrum(sets, coefficients)
    return Spectrum.of(
        spectrum.n,
        {(): mean - float(centre @ coefficients), **dict(zip(found.sets, found.values, strict=True))},
    )


def _left_singular(design: NDArray[np.float64]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Squared singular values (r,) and left singular vectors (m, r), from the smaller Gram matrix."""
    if design.shape[0] <= design.shape[1]:
        squares, left = np.linalg.eigh(design @ design.T)
    else:
        squares, right = np.linalg.eigh(design.T @ design)
        left = design @ (right / np.sqrt(np.maximum(squares, np.finfo(np.float64).tiny)))
    sound = squares > len(squares) * np.finfo(np.float64).eps * max(float(squares[-1]), 1.0)
    return squares[sound], left[:, sound]


def _leave_one_out(
    left: NDArray[np.float64],
    squares: NDArray[np.float64],
    target: NDArray[np.float64],
    residual: NDArray[np.float64],
) -> float:
    """The penalty of the least leave-one-out error, from 1e-4 to 1e4 times the largest square."""
    if not len(squares):
        return 1.0
    penalties = _PENALTIES * float(squares[-1])
    shrink = squares[:, None] / (squares[:, None] + penalties)
    leverage = left**2 @ shrink + 1.0 / len(residual)
    errors = (residual[:, None] - left @ (shrink * target[:, None])) / np.maximum(1.0 - leverage, 1e-6)
    return float(penalties[np.argmin((errors**2).sum(axis=0))])
