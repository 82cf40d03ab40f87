"""Regression on a support that something else recovered."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from spexlens.masks import masks as mask_algebra
from spexlens.spectrum.sets import Sets
from spexlens.spectrum.spectrum import Spectrum

_PENALTIES = np.logspace(-4, 4, 33)


@dataclass(frozen=True)
class Refit:
    """A spectrum fitted to values, and how far it is from each value when that one is
    left out.

    Attributes:
        spectrum: the fit.
        residuals: (m,) float64, leave-one-out: value less prediction.
    """

    spectrum: Spectrum
    residuals: NDArray[np.float64]


def refit(
    prior: Spectrum, masks: NDArray[np.uint8], values: NDArray[np.float64]
) -> Refit:
    """Ridge regression of the values on the sets of a spectrum.

    Each coefficient is shrunk in proportion to its size in the spectrum given (its
    prior standard deviation is |F(S)|), so that a support of more sets than masks is
    harmless; the empty set is the unpenalised intercept. The penalty minimises the
    leave-one-out error, in closed form from one eigendecomposition (Hastie, Tibshirani
    & Friedman, 2009, eq. 7.64); with two masks a set or more, it may be zero.

    Args:
        prior: s sets and the sizes to expect; scalar.
        masks: (m, w) uint8, packed.
        values: (m,) float64.
    """
    size = np.abs(prior.values)
    kept = np.flatnonzero((prior.sets.orders > 0) & (size > 0))
    mean = float(values.mean())
    if not len(kept):
        left_out = (values - mean) * (len(values) / max(len(values) - 1, 1))
        return Refit(Spectrum.of(prior.n, {(): mean}), left_out)
    design = _Design(masks, prior.sets.take(kept), size[kept] / size[kept].max())
    coefficients, residuals = design.ridge(values - mean)
    sets = Sets.concatenate([Sets.of(prior.n, [()]), design.sets])
    start = mean - float(design.centre @ coefficients)
    return Refit(Spectrum(sets, np.concatenate([[start], coefficients])), residuals)


class _Design:
    """The centred and scaled characters D of the sets, made a block of rows at a time.

    Attributes:
        sets: the s sets.
        scale: (s,) the prior standard deviations.
        centre: (s,) the mean of each character.
    """

    def __init__(
        self, masks: NDArray[np.uint8], sets: Sets, scale: NDArray[np.float64]
    ) -> None:
        self.masks = masks
        self.sets = sets
        self.scale = scale
        self.centre = sum(block.sum(axis=0) for _, block in self._characters()) / len(
            masks
        )

    def ridge(
        self, values: NDArray[np.float64]
    ) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Coefficients (s,) of centred values (m,), and their leave-one-out residuals
        (m,).
        """
        return (
            self._wide(values)
            if len(self.masks) <= len(self.sets)
            else self._tall(values)
        )

    def _wide(
        self, values: NDArray[np.float64]
    ) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """From the m × m Gram matrix."""
        design = np.concatenate([block for _, block in self._rows()])
        squares, left = np.linalg.eigh(design @ design.T)
        sound = _sound(squares)
        squares = squares[sound]
        left = left[:, sound]
        target = left.T @ values
        penalties = _penalties(squares, len(values))
        errors = _left_out(left, squares, target, values, penalties, len(values))
        best = int(np.argmin((errors**2).sum(axis=0)))
        coefficients = self.scale * (
            design.T @ (left @ (target / (squares + penalties[best])))
        )
        return coefficients, errors[:, best]

    def _tall(
        self, values: NDArray[np.float64]
    ) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """From the s × s Gram matrix; no more than a block of the design is ever held."""
        gram = np.zeros((len(self.sets), len(self.sets)))
        product = np.zeros(len(self.sets))
        for rows, block in self._rows():
            gram += block.T @ block
            product += block.T @ values[rows]
        squares, right = np.linalg.eigh(gram)
        sound = _sound(squares)
        squares, right = squares[sound], right[:, sound] / np.sqrt(squares[sound])
        target = right.T @ product
        penalties = _penalties(squares, len(values))
        errors = np.empty((len(values), len(penalties)))
        for rows, block in self._rows():
            left = block @ right
            errors[rows] = _left_out(
                left, squares, target, values[rows], penalties, len(values)
            )
        best = int(np.argmin((errors**2).sum(axis=0)))
        coefficients = self.scale * (
            right @ (squares / (squares + penalties[best]) * target)
        )
        return coefficients, errors[:, best]

    def _rows(self) -> Iterator[tuple[slice, NDArray[np.float64]]]:
        for rows, block in self._characters():
            yield rows, (block - self.centre) * self.scale

    def _characters(self) -> Iterator[tuple[slice, NDArray[np.float64]]]:
        for rows in mask_algebra.blocks(len(self.masks), 8 * len(self.sets)):
            yield rows, mask_algebra.characters(self.masks[rows], self.sets.packed)


def _sound(squares: NDArray[np.float64]) -> NDArray[np.bool_]:
    """Which eigenvalues are more than rounding."""
    return squares > len(squares) * np.finfo(np.float64).eps * max(
        float(squares[-1]), 1.0
    )


def _penalties(squares: NDArray[np.float64], values: int) -> NDArray[np.float64]:
    """From 1e-4 to 1e4 times the largest square; and zero, where the values are many."""
    if not len(squares):
        return np.ones(1)
    penalties = _PENALTIES * float(squares[-1])
    return (
        np.concatenate([[0.0], penalties]) if 2 * len(squares) <= values else penalties
    )


def _left_out(
    left: NDArray[np.float64],
    squares: NDArray[np.float64],
    target: NDArray[np.float64],
    values: NDArray[np.float64],
    penalties: NDArray[np.float64],
    count: int,
) -> NDArray[np.float64]:
    """Leave-one-out residuals of some of the rows, one column a penalty."""
    shrink = squares[:, None] / (squares[:, None] + penalties)
    leverage = left**2 @ shrink + 1.0 / count
    errors: NDArray[np.float64] = values[:, None] - left @ (shrink * target[:, None])
    # A row that alone decides a coefficient says nothing of it when left out.
    return np.where(
        leverage < 1.0 - 1e-6,
        errors / np.maximum(1.0 - leverage, 1e-6),
        values[:, None],
    )
