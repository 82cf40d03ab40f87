"""Watched: what is watched of a head's answers, and its derivatives by them."""

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]
Watched = Callable[[Array, int], tuple[Array, Array]]
"""Answers (..., c) and a label -> what is watched (...), and its derivatives (..., c)."""


def log_odds(answers: Array, label: int) -> tuple[Array, Array]:
    """ln p / (1 - p) of the label, of answers that are log-probabilities."""
    others = np.delete(answers, label, axis=-1)
    rest = np.logaddexp.reduce(others, axis=-1)
    likely = np.exp(others - rest[..., None])  # of the others alone
    return answers[..., label] - rest, np.insert(-likely, label, 1.0, axis=-1)


def margin(answers: Array, label: int) -> tuple[Array, Array]:
    """The label's answer less the largest other."""
    others = np.delete(answers, label, axis=-1)
    largest = np.eye(others.shape[-1])[others.argmax(axis=-1)]
    slopes = np.insert(-largest, label, 1.0, axis=-1)
    return answers[..., label] - others.max(axis=-1), slopes


def prediction(answers: Array, label: int) -> tuple[Array, Array]:
    """The answer itself, of a number."""
    return answers[..., label], np.ones_like(answers)
