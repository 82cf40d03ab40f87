"""Files of examples: the columns of a CSV file with a header, or of a JSONL file."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from spexlens.errors import InvalidInput
from spexlens.files import csv_file, jsonl_file

_EXACT = 2**53  # from here on floats are whole for want of digits


@dataclass(frozen=True)
class Columns:
    """What a file holds.

    Attributes:
        by_name: the values of each column.
        lines: of each row, where it stands in the file.
    """

    by_name: dict[str, list[Any]]
    lines: Sequence[int]


def read(path: Path, text: str, needed: Sequence[str]) -> Columns:
    """The columns of a file, by its ending.

    Args:
        path: ends in .csv or .jsonl.
        text: the column of texts: in it, what looks like a number is a text.
        needed: the columns that must be there.

    Raises:
        InvalidInput: the ending is another, the file cannot be read, a line is not like
            the others, or a column is missing or there twice.
    """
    ending = path.suffix.lower()
    if ending not in (".csv", ".jsonl") and not path.is_dir():
        raise InvalidInput(
            f"{path} is neither .csv nor .jsonl: a header and commas between"
            " columns, or objects"
        )
    return _csv(path, text, needed) if ending == ".csv" else _jsonl(path)


def _csv(path: Path, text: str, needed: Sequence[str]) -> Columns:
    table = csv_file.table(path, needed)
    columns: dict[str, list[Any]] = {}
    for name, fields in table.columns.items():
        if name == text:
            columns[name] = list(csv_file.texts(fields))
        else:
            columns[name] = csv_file.values(fields)
    return Columns(columns, table.lines)


def _jsonl(path: Path) -> Columns:
    """The values by their keys."""
    rows = jsonl_file.objects(path, "an object")
    if not rows:
        raise InvalidInput(f"{path} holds no row")
    names = list(rows[0].content)
    for row in rows:
        unlike = sorted(set(names) ^ set(row.content))
        if unlike:
            why = f"only one of the two has {unlike[0]!r}"
            raise InvalidInput(
                f"{row.place}: expected an object with the keys of line {rows[0].line};"
                f" {why}"
            )
    columns = {name: [row.content[name] for row in rows] for name in names}
    return Columns(columns, [row.line for row in rows])


def as_classes(values: list[Any]) -> list[Any]:
    """A file's labels: whole numbers, where all are numbers and none has a fraction;
    else as they are.
    """
    if not all(_is_whole(value) for value in values if value is not None):
        return values
    return [None if value is None else int(value) for value in values]


def _is_whole(value: Any) -> bool:
    """Whether it is a whole number; True and False are none."""
    if type(value) is float:
        return value.is_integer() and abs(value) < _EXACT
    return type(value) is int
