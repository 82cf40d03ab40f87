"""Estimates: the values of an index, and how far each may be from the truth."""

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from spexlens.spectrum.estimand import Estimand
from spexlens.spectrum.sets import Sets
from spexlens.spectrum.uncertainty import HALF_WIDTH

Array = NDArray[np.float64]


@dataclass(frozen=True)
class Estimates:
    """The values of the index that masks were chosen for.

    Attributes:
        estimand: the index and its order.
        sets: t sets.
        values: (t, k) float64, a column an output, in the unit of the answers.
        half_widths: (t, k) float64, half of each 90% interval.
    """

    estimand: Estimand
    sets: Sets
    values: Array
    half_widths: Array

    def relative_error(self, order: int, output: int = 0) -> float:
        """Σ (estimate - truth)² / Σ truth² that is expected, over the sets of an order.

        Under a posterior a truth is its mean and an error apart from it: squared sizes
        are those of the means and of the errors together. 0 where both are nothing.
        """
        rows = self.sets.orders == order
        deviations = self.half_widths[rows, output] / HALF_WIDTH
        error = float(np.sum(deviations**2))
        size = float(np.sum(self.values[rows, output] ** 2))
        return error / (size + error) if error else 0.0

    def times(self, units: Array) -> "Estimates":
        """Of values that are so many times as large: (k,) float64."""
        return replace(
            self, values=self.values * units, half_widths=self.half_widths * units
        )
