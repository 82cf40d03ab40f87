"""Rows: which may share a forward pass, so that no answer depends on its batch."""

from collections.abc import Callable
from typing import Literal, get_args

import numpy as np
from numpy.typing import NDArray

from spexlens.errors import AblationError

Together = Literal["padded", "one length", "one at a time"]
"""Rows of all lengths, short ones padded on the right; of one length; or each alone."""

Array = NDArray[np.float64]
Ask = Callable[[NDArray[np.int64]], Array]
"""The answers (m, ...) for some rows, by their numbers, in one forward pass.

They are padded no further than the longest of them.
"""

TOGETHER: tuple[Together, ...] = get_args(Together)

# what models raise of rows of other shapes
_TOO_MUCH = (RuntimeError, ValueError, IndexError, AssertionError)


def together_as(
    ask: Ask, lengths: NDArray[np.int64], rounding: float
) -> tuple[Together, int]:
    """How rows go together: as many as are answered as each is alone.

    Args:
        ask: the model.
        lengths: (m,) tokens of each of a few rows, the longest and the shortest among
            them.
        rounding: what answers may be apart by, relative to their size where that is
            above one.

    Returns:
        How, and the forward passes that it took to see it.
    """
    rows = np.arange(len(lengths))
    alone = np.concatenate([ask(rows[row : row + 1]) for row in rows])
    passes = len(rows) + 1
    if agree(ask, rows, alone, rounding):
        return "padded", passes
    if len(np.unique(lengths)) == 1:
        return "one at a time", passes
    for row in rows:
        # Twice the same row, which is a batch without padding.
        passes += 1
        if not agree(ask, np.array([row, row]), alone[[row, row]], rounding):
            return "one at a time", passes
    return "one length", passes


def steady(first: Array, second: Array, rounding: float) -> bool:
    """Whether two answers to the same row are the same, but for rounding.

    It is relative to their size where that is above one.
    """
    return bool(np.allclose(first, second, rtol=rounding, atol=rounding))


def agree(ask: Ask, rows: NDArray[np.int64], alone: Array, rounding: float) -> bool:
    """Whether rows that share a forward pass are answered as they are alone.

    They are not by a model that cannot read them together.

    Args:
        ask: the model.
        rows: which.
        alone: (m, ...), their answers alone.
        rounding: as of `together_as`.
    """
    try:
        answers = ask(rows)
    except AblationError:
        raise
    # alone they were answered: what the model cannot do is read them together
    except _TOO_MUCH:
        return False
    if answers.shape != alone.shape:
        return False
    return np.allclose(answers, alone, rtol=rounding, atol=rounding)


def probes(lengths: NDArray[np.int64]) -> NDArray[np.int64]:
    """Three of many rows to try with `together_as`, one of middle length among them."""
    by_length = np.argsort(lengths, kind="stable")
    return np.unique(by_length[[0, len(lengths) // 2, -1]])


def answered(
    ask: Ask,
    lengths: NDArray[np.int64],
    together: Together,
    most: Callable[[int, int], int],
) -> Array:
    """The answers (m, ...) for all rows, in their order, asked as `divided` says."""
    groups = divided(lengths, together, most)
    order = np.argsort(np.concatenate(groups), kind="stable")
    answers = np.concatenate([ask(group) for group in groups])
    return np.asarray(answers[order])


def divided(
    lengths: NDArray[np.int64], together: Together, most: Callable[[int, int], int]
) -> list[NDArray[np.int64]]:
    """Rows, by their numbers, in groups that share a forward pass.

    Args:
        lengths: (m,) tokens of each row.
        together: how they go together.
        most: of rows of lengths (shortest, longest), how many fit.
    """
    if together == "one at a time":
        return [np.array([row]) for row in range(len(lengths))]
    order = np.argsort(lengths, kind="stable")
    sizes = lengths[order].tolist()
    groups = []
    start = 0
    for end in range(1, len(order)):
        shortest = sizes[start]
        longest = sizes[end]
        full = end - start >= most(shortest, longest)
        apart = together == "one length" and longest != shortest
        if full or apart:
            groups.append(order[start:end])
            start = end
    if len(order):
        groups.append(order[start:])
    return groups
