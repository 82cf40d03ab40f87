"""Outputs: how many numbers a game answers for a mask."""

import numpy as np
from numpy.typing import NDArray


def by_output(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Values with a column an output: (m,) or (m, k) -> (m, k) float64, a view.

    What computes with values does so on these columns. A game of one output without a
    name answers (m,), and its results are handed out as it answered.
    """
    return values.reshape(len(values), -1)


def squeezed(
    values: NDArray[np.float64], like: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Values by output, (m, k), in the shape that a game answers in: (m,) where `like`
    has one axis.
    """
    return values[:, 0] if like.ndim == 1 else values
