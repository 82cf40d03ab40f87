"""Rows: texts and labels of examples, each seen to be one, and how an error calls it."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from spexlens.arguments import shown
from spexlens.errors import InvalidInput
from spexlens.files import text_file


@dataclass(frozen=True)
class Rows:
    """How the rows of a table are called: from 0 as in Python, or by their lines in a
    file.

    Attributes:
        count: how many there are.
        lines: of each, where they are a file's.
    """

    count: int
    lines: Sequence[int] | None = None

    def called(self, row: int) -> str:
        """The name of one."""
        return f"row {row}" if self.lines is None else f"line {self.lines[row]}"


def texts_of(values: Sequence[Any], rows: Rows) -> NDArray[Any]:
    """(N,) texts.

    Raises:
        InvalidInput: there is none, or one is empty, no text, or not valid Unicode.
    """
    for row, value in enumerate(values):
        if not isinstance(value, str) or not value.strip():
            what = "" if value is None else f": {value!r}"
            raise InvalidInput(f"{rows.called(row)} has no text{what}")
    refuse_halves(values, "text", rows)
    texts = np.empty(len(values), dtype=object)
    texts[:] = list(values)
    if not len(texts):
        raise InvalidInput("there is no row")
    return texts


def labels_of(values: list[Any], rows: Rows) -> NDArray[Any]:
    """(N,) classes, or float64 targets where one is a float.

    Raises:
        InvalidInput: one is missing, no word or number, not finite, or not valid
            Unicode; or there are words beside fractions.
    """
    for row, value in enumerate(values):
        if is_missing(value):
            raise InvalidInput(f"{rows.called(row)} has no label")
        if not isinstance(value, str | int | float | np.generic):
            raise InvalidInput(
                f"{rows.called(row)}: a label is a word or a number; got {shown(value)}"
            )
    refuse_halves(values, "label", rows)
    if any(isinstance(value, float | np.floating) for value in values):
        return _targets(values, rows)
    return _classes(values)


def _classes(values: list[Any]) -> NDArray[Any]:
    """Words, or whole numbers; words where both are there."""
    words = [isinstance(value, str) for value in values]
    if any(words) and not all(words):
        return np.array(list(map(str, values)))
    classes = np.array(values)
    # whole numbers that no dtype of those holds
    if classes.dtype.kind in "Of":
        return np.array(list(map(str, values)))
    return classes


def _targets(values: list[Any], rows: Rows) -> NDArray[np.float64]:
    words = [isinstance(value, str) for value in values]
    if any(words):
        first = words.index(True)
        raise InvalidInput(
            "labels are words or fractions, not both; "
            f"{rows.called(first)} has the word {shown(values[first])}"
        )
    numbers = np.array(values, dtype=np.float64)
    if not np.isfinite(numbers).all():
        worst = int(np.argmin(np.isfinite(numbers)))
        raise InvalidInput(f"{rows.called(worst)} has a label that is not finite")
    return numbers


def is_missing(value: Any) -> bool:
    """Whether it is what stands for nothing: None, an empty text, NaN, or a table's own
    mark.
    """
    if value is None or (isinstance(value, str) and not value):
        return True
    # pandas' NA is neither like nor unlike itself
    unlike = value != value
    return not isinstance(unlike, bool | np.bool_) or bool(unlike)


def refuse_halves(values: Iterable[Any], what: str, rows: Rows) -> None:
    """Refuse half a character: it could not be saved.

    Raises:
        InvalidInput: there is one; the text says in which row.
    """
    for row, value in enumerate(values):
        half = text_file.half_character(value) if isinstance(value, str) else None
        if half is not None:
            raise InvalidInput(
                f"{rows.called(row)}: the {what} is not valid Unicode: {half}"
            )
