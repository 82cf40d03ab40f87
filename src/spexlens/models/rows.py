"""Rows: which of them may share a forward pass, so that no answer depends on the others
in its batch.
"""

from collections.abc import Callable
from typing import Literal, get_args

import numpy as np
from numpy.typing import NDArray

from spexlens.errors import AblationError

Together = Literal["padded", "one length", "one at a time"]
"""Rows of all lengths, short ones padded on the right; rows of one length only; or each
row alone.
"""

Array = NDArray[np.float64]
Ask = Callable[[NDArray[np.int64]], Array]
"""The answers (m, ...) for some rows, by their numbers, in one forward pass and with no
needless padding.
"""

TOGETHER: tuple[Together, ...] = get_args(Together)

_TOO_MUCH = (
    RuntimeError,
    ValueError,
    IndexError,
    AssertionError,
)  # what models raise of rows of other shapes


def together_as(
    ask: Ask, lengths: NDArray[np.int64], rounding: float
) -> tuple[Together, int]:
    """How rows go together: as many as possible whose answers are those they have
    alone.

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
    if agree(ask, rows, alone, rounding):
        return "padded", len(rows) + 1
    passes = len(rows) + 1
    for row in rows if len(np.unique(lengths)) > 1 else ():
        passes += 1
        if not agree(ask, np.array([row, row]), alone[[row, row]], rounding):
            return "one at a time", passes
    return ("one length" if len(np.unique(lengths)) > 1 else "one at a time"), passes


def steady(first: Array, second: Array, rounding: float) -> bool:
    """Whether two answers to the same row are the same, but for rounding relative to
    their size.
    """
    return bool(np.allclose(first, second, rtol=rounding, atol=rounding))


def agree(ask: Ask, rows: NDArray[np.int64], alone: Array, rounding: float) -> bool:
    """Whether rows that share a forward pass are answered as they are alone; a model
    that cannot is not.

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
    return answers.shape == alone.shape and np.allclose(
        answers, alone, rtol=rounding, atol=rounding
    )


def probes(lengths: NDArray[np.int64]) -> NDArray[np.int64]:
    """A few of many rows to try with `together_as`: the shortest, the longest and one
    between.
    """
    return np.unique(np.argsort(lengths, kind="stable")[[0, len(lengths) // 2, -1]])


def answered(
    ask: Ask,
    lengths: NDArray[np.int64],
    together: Together,
    most: Callable[[int, int], int],
) -> Array:
    """The answers (m, ...) for all rows, in their order, asked in groups as `divided`
    says.
    """
    groups = divided(lengths, together, most)
    order = np.argsort(np.concatenate(groups), kind="stable")
    return np.asarray(np.concatenate([ask(group) for group in groups])[order])


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
    for end in range(1, len(order) + 1):
        full = end == len(order) or end - start >= most(sizes[start], sizes[end])
        if full or (together == "one length" and sizes[end] != sizes[start]):
            groups.append(order[start:end])
            start = end
    return groups
