"""Outputs: how many numbers a game answers for a mask."""

import numpy as np
from numpy.typing import NDArray


def by_output(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Values with a column an output: (m,) or (m, k) -> (m, k) float64, a view.

    What computes with values does so on these columns. A game of one output without a
    name answers (m,), and its results are handed out as it answered.
    """
    return values[:, None] if values.ndim == 1 else values


def squeezed(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Values as they are handed out: (m, k) -> (m,) of one output, else (m, k)."""
    columns = by_output(values)
    return columns[:, 0] if columns.shape[1] == 1 else values
