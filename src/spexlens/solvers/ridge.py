"""Regression on a support that something else recovered."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from spexlens.masks import masks as mask_algebra
from spexlens.spectrum.sets import Sets
from spexlens.spectrum.spectrum import Spectrum

_PENALTIES = np.logspace(-4, 4, 33)  # of the largest squared singular value
_ALONE = 1e-6  # of a leverage, below one: from there a value is fitted by itself alone


@dataclass(frozen=True)
class Refit:
    """A spectrum fitted to values, and how far it is from each that is left out.

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
    mean = float(values.mean())
    size = np.abs(prior.values)

    # a set of size zero would get a coefficient of zero; the empty set is the intercept
    rows = np.flatnonzero((prior.sets.orders > 0) & (size > 0))

    if not len(rows):
        count = len(values)

        # a mean of m values moves by 1 / (m - 1) of the residual when one is left out
        left_out = (values - mean) * (count / max(count - 1, 1))
        return Refit(Spectrum.of(prior.n, {(): mean}), left_out)

    expected = size[rows]
    # relative to the largest: the penalties are a multiple of it in any case
    scale = expected / expected.max()
    design = _Design(masks, prior.sets.take(rows), scale)
    coefficients, residuals = design.ridge(values - mean)

    empty = Sets.of(prior.n, [()])
    sets = Sets.concatenate([empty, design.sets])

    # f = mean + Σ c (χ - centre): the centre's part goes to the intercept
    intercept = mean - float(design.centre @ coefficients)
    spectrum = Spectrum(sets, np.concatenate([[intercept], coefficients]))
    return Refit(spectrum, residuals)


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
        total = sum(block.sum(axis=0) for _, block in self._characters())
        self.centre = total / len(masks)

    def ridge(
        self, values: NDArray[np.float64]
    ) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Coefficients (s,) of centred values (m,), and leave-one-out residuals (m,)."""
        # the smaller Gram matrix is the cheaper to decompose
        if len(self.masks) <= len(self.sets):
            return self._wide(values)
        return self._tall(values)

    def _wide(
        self, values: NDArray[np.float64]
    ) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """From the m × m Gram matrix."""
        design = np.concatenate([block for _, block in self._rows()])

        squares, left = np.linalg.eigh(design @ design.T)
        sound = _sound(squares)
        squares = squares[sound]
        left = left[:, sound]

        rotated = _Rotated(squares, left.T @ values, len(values))
        errors = rotated.left_out(left, values)

        best = _best(errors)
        penalty = rotated.penalties[best]
        shrunk = rotated.target / (squares + penalty)

        # Dᵀ (D Dᵀ + λ)⁻¹ y, where D Dᵀ = U s² Uᵀ
        coefficients = self.scale * (design.T @ (left @ shrunk))
        return coefficients, errors[:, best]

    def _tall(
        self, values: NDArray[np.float64]
    ) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """From the s × s Gram matrix; no more than a block of the design is ever held."""
        gram, product = self._normal_equations(values)
        squares, right = np.linalg.eigh(gram)

        sound = _sound(squares)
        squares = squares[sound]
        # D V / s are D's left singular vectors, a block of rows at a time
        right = right[:, sound] / np.sqrt(squares)

        rotated = _Rotated(squares, right.T @ product, len(values))
        errors = np.empty((len(values), len(rotated.penalties)))
        for rows, block in self._rows():
            errors[rows] = rotated.left_out(block @ right, values[rows])

        best = _best(errors)
        penalty = rotated.penalties[best]
        shrunk = squares / (squares + penalty) * rotated.target

        # V s / (s² + λ) Uᵀ y, of which V / s is at hand
        coefficients = self.scale * (right @ shrunk)
        return coefficients, errors[:, best]

    def _normal_equations(
        self, values: NDArray[np.float64]
    ) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """D^T D (s, s) and D^T y (s,)."""
        gram = np.zeros((len(self.sets), len(self.sets)))
        product = np.zeros(len(self.sets))

        for rows, block in self._rows():
            gram += block.T @ block
            product += block.T @ values[rows]
        return gram, product

    def _rows(self) -> Iterator[tuple[slice, NDArray[np.float64]]]:
        for rows, block in self._characters():
            yield rows, (block - self.centre) * self.scale

    def _characters(self) -> Iterator[tuple[slice, NDArray[np.float64]]]:
        for rows in mask_algebra.blocks(len(self.masks), 8 * len(self.sets)):
            yield rows, mask_algebra.characters(self.masks[rows], self.sets.packed)


class _Rotated:
    """The regression in the coordinates of D's singular vectors, a number for each.

    Attributes:
        squares: (r,) D's squared singular values, ascending.
        target: (r,) the values along its left singular vectors.
        count: how many values there are in all.
        penalties: (p,) those that are tried.
    """

    def __init__(
        self, squares: NDArray[np.float64], target: NDArray[np.float64], count: int
    ) -> None:
        self.squares = squares
        self.target = target
        self.count = count
        self.penalties = _penalties(squares, count)

    def left_out(
        self, left: NDArray[np.float64], values: NDArray[np.float64]
    ) -> NDArray[np.float64]:
        """Leave-one-out residuals of some of the rows, one column a penalty.

        Args:
            left: (b, r) float64, those rows of the left singular vectors.
            values: (b,) float64, centred.
        """
        squares = self.squares[:, None]
        shrink = squares / (squares + self.penalties)

        # the intercept, which is not penalised, has a leverage of 1 / m
        leverage = left**2 @ shrink + 1.0 / self.count
        fitted = left @ (shrink * self.target[:, None])
        errors: NDArray[np.float64] = values[:, None] - fitted

        # A row that alone decides a coefficient says nothing of it when left out.
        supported = leverage < 1.0 - _ALONE
        free = np.maximum(1.0 - leverage, _ALONE)
        return np.where(supported, errors / free, values[:, None])


def _best(errors: NDArray[np.float64]) -> int:
    """The column of the penalty with the least squared error."""
    return int(np.argmin((errors**2).sum(axis=0)))


def _sound(squares: NDArray[np.float64]) -> NDArray[np.bool_]:
    """Which eigenvalues are more than rounding."""
    largest = max(float(squares[-1]), 1.0)
    rounding = len(squares) * np.finfo(np.float64).eps * largest
    return squares > rounding


def _penalties(squares: NDArray[np.float64], count: int) -> NDArray[np.float64]:
    """From 1e-4 to 1e4 times the largest square; and zero, where the values are many."""
    if not len(squares):
        return np.ones(1)
    penalties = _PENALTIES * float(squares[-1])
    # with fewer than two values a set, no penalty at all would fit the noise
    if 2 * len(squares) > count:
        return penalties
    return np.concatenate([[0.0], penalties])
