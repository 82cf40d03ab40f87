"""Scores: how well predictions meet values."""

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]


def r_squared(values: NDArray[np.float64], predictions: NDArray[np.float64]) -> float:
    """1 - Σ(y - ŷ)² / Σ(y - ȳ)²: (m,) and (m,) -> float.

    For constant values it is 1 if they are met to rounding, else 0.
    """
    size = float(np.abs(values).max(initial=0.0)) or 1.0
    values = values / size
    predictions = predictions / size
    residual = float(((values - predictions) ** 2).sum())
    total = float(((values - values.mean()) ** 2).sum())
    rounding = len(values) * (np.finfo(np.float64).eps * 8) ** 2
    if total <= rounding:
        return 1.0 if residual <= rounding else 0.0
    return 1.0 - residual / total


def rank_correlation(values: Array, predictions: Array) -> float:
    """Spearman's, (m,) and (m,) -> float; 0 where either is constant."""
    from scipy.stats import rankdata

    first, second = (
        rankdata(each) - (len(each) + 1) / 2 for each in (values, predictions)
    )
    size = float(np.sqrt((first @ first) * (second @ second)))
    return float(first @ second) / size if size > 0 else 0.0


def squared_correlation(first: Array, second: Array) -> float:
    """Of two samples, 1 where both are constant, 0 where one is."""
    away = [each - each.mean() for each in (first, second)]
    sizes = [float(each @ each) for each in away]
    tiny = np.finfo(np.float64).eps ** 2 * len(first)
    constant = [
        size <= tiny * float(each @ each)
        for size, each in zip(sizes, (first, second), strict=True)
    ]
    if any(constant):
        return float(all(constant))
    return float((away[0] @ away[1]) ** 2 / (sizes[0] * sizes[1]))
