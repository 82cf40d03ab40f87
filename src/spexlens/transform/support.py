"""The sets found so far: where each lies in every group's bins, and their coefficients."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from spexlens.spectrum.sets import Sets
from spexlens.spectrum.spectrum import Spectrum
from spexlens.transform.binary import Bits
from spexlens.transform.subspace import Group

Bins = Sequence[NDArray[np.float64]]
"""A group's bins each, (2^b, P) float64."""

# steps of the conjugate gradients, at most
_ITERATIONS = 200

# of the values' size: a gradient so small is rounding
_TOLERANCE = 1e-14


class Support:
    """Sets and their coefficients.

    Attributes:
        members: (s, n) uint8, the indicators.
        coefficients: (s,) float64.
    """

    def __init__(self, groups: Sequence[Group], members: Bits) -> None:
        self.groups = groups
        self.members = members
        self.coefficients = np.zeros(len(members))

        # of each group (s, P): the entries that a set adds to, in the bins laid flat
        self._cells: list[NDArray[np.int64]] = []
        self._signs: list[NDArray[np.float64]] = []

        for group in groups:
            bins, signs = group.locate(members)
            first = bins[:, None] * group.delays
            cells = first + np.arange(group.delays)

            self._cells.append(cells)
            self._signs.append(signs)

    def spectrum(self) -> Spectrum:
        """The sets with their coefficients."""
        sets = Sets.from_incidence(self.members.astype(np.bool_))
        return Spectrum(sets, self.coefficients)

    def fit(self, bins: Bins) -> list[NDArray[np.float64]]:
        """Set the coefficients by least squares over all values.

        By Parseval, a group's values and 2^b times its bins have one sum of squares, so
        this is the regression on all coded values. Its normal matrix is nearly a
        multiple of the identity: conjugate gradients need few steps (Golub & Van Loan,
        2013, algorithm 11.3.3).

        Returns:
            What the sets leave of the bins, (2^b, P) float64 each.
        """
        residual = list(bins)
        self.coefficients = np.zeros(len(self.members))

        gradient = self._gather(residual)
        direction = gradient
        square = float(gradient @ gradient)

        size = sum(group.size for group in self.groups)
        enough = _TOLERANCE**2 * self._power(bins) * size

        for _ in range(_ITERATIONS):
            if square <= enough:
                break
            image = self._scatter(direction)
            step = square / self._power(image)
            self.coefficients = self.coefficients + step * direction
            residual = [
                rest - step * part for rest, part in zip(residual, image, strict=True)
            ]
            gradient = self._gather(residual)
            previous = square
            square = float(gradient @ gradient)
            direction = gradient + (square / previous) * direction
        return residual

    def _power(self, bins: Bins) -> float:
        """The sum of squares of the values that have these bins."""
        return sum(
            group.bins * float((entries**2).sum())
            for group, entries in zip(self.groups, bins, strict=True)
        )

    def _scatter(self, coefficients: NDArray[np.float64]) -> list[NDArray[np.float64]]:
        """The bins that these coefficients make, (2^b, P) float64 each."""
        image: list[NDArray[np.float64]] = []
        for group, cells, signs in zip(
            self.groups, self._cells, self._signs, strict=True
        ):
            parts = (coefficients[:, None] * signs).ravel()
            count = group.bins * group.delays
            sums = np.bincount(cells.ravel(), parts, count)

            # of no sets at all, bincount counts whole numbers
            entries = sums.astype(np.float64).reshape(group.bins, group.delays)
            image.append(entries)
        return image

    def _gather(self, bins: Bins) -> NDArray[np.float64]:
        """The transpose of `_scatter`, each group weighted by its 2^b: (s,) float64."""
        total = np.zeros(len(self.members))
        for group, cells, signs, entries in zip(
            self.groups, self._cells, self._signs, bins, strict=True
        ):
            signed = entries.ravel()[cells] * signs
            total += group.bins * signed.sum(axis=1)
        return total
