"""Scores: how well predictions meet values, and how alike two samples are."""

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]


def r_squared(values: Array, predictions: Array) -> float:
    """The coefficient of determination, R² = 1 - Σ(y - ŷ)² / Σ(y - ȳ)².

    At most 1, and below 0 where the predictions are worse than the mean of the values.
    For constant values it is 1 if they are met to rounding, else 0.

    Args:
        values: (m,) float64, y.
        predictions: (m,) float64, ŷ.
    """
    # values up to 1e308 are squared below
    size = float(np.abs(values).max(initial=0.0)) or 1.0
    values = values / size
    predictions = predictions / size

    missed = values - predictions
    varied = values - values.mean()
    residual = float((missed**2).sum())
    total = float((varied**2).sum())

    # values of size one that are off by a few units in the last place
    rounding = len(values) * (np.finfo(np.float64).eps * 8) ** 2
    if total <= rounding:
        return 1.0 if residual <= rounding else 0.0
    return 1.0 - residual / total


def rank_correlation(values: Array, predictions: Array) -> float:
    """Spearman's ρ, the correlation of the ranks; 0 where either sample is constant.

    Equal values have the mean of their ranks.

    Args:
        values: (m,) float64.
        predictions: (m,) float64.

    Returns:
        From -1 to 1.
    """
    first = _centred_ranks(values)
    second = _centred_ranks(predictions)
    size = float(np.sqrt((first @ first) * (second @ second)))
    return float(first @ second) / size if size > 0 else 0.0


def squared_correlation(first: Array, second: Array) -> float:
    """Pearson's r² of two samples; 1 where both are constant, 0 where only one is.

    A sample is constant if it differs from its mean by no more than rounding.

    Args:
        first: (m,) float64.
        second: (m,) float64.

    Returns:
        From 0 to 1, but for rounding.
    """
    first_away = first - first.mean()
    first_size = float(first_away @ first_away)

    second_away = second - second.mean()
    second_size = float(second_away @ second_away)

    # of a constant sample, what the rounding of its mean leaves
    tiny = np.finfo(np.float64).eps ** 2 * len(first)
    first_constant = first_size <= tiny * float(first @ first)
    second_constant = second_size <= tiny * float(second @ second)
    if first_constant or second_constant:
        return float(first_constant and second_constant)

    covariance = first_away @ second_away
    return float(covariance**2 / (first_size * second_size))


def _centred_ranks(sample: Array) -> Array:
    """Ranks from 1, less their mean: (m,) -> (m,) float64."""
    from scipy.stats import rankdata

    ranks: Array = rankdata(sample) - (len(sample) + 1) / 2
    return ranks
