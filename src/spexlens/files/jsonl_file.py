"""JSONL files that people give: a JSON object a line."""

import json
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from spexlens.errors import InvalidInput
from spexlens.files.json_text import read_json
from spexlens.files.text_file import half_character, lines, read

_ESCAPED = re.compile(r"\\u[dD][89a-fA-F]")  # half a character, as JSON escapes it


@dataclass(frozen=True)
class Row:
    """An object of a JSONL file.

    Attributes:
        line: the number of its line, from 1.
        place: the file and where in it the row stands, for an error.
        content: the object.
    """

    line: int
    place: str
    content: dict[str, Any]


def objects(
    path: Path, expected: str, counted: tuple[str, int] | None = None
) -> list[Row]:
    """The objects of a JSONL file, one a line that is not blank.

    What JSON has no word for, but many writers write: NaN is read as null, Infinity as
    infinity.

    Args:
        path: of the file.
        expected: what a line should be, for the error where it is something else.
        counted: what the rows are called in errors beside their lines, and the number
            of the first.

    Raises:
        InvalidInput: the file cannot be read; or a line is no object, gives a key
            twice, or escapes half a character (a lone surrogate), which no file could
            hold and no tokenizer reads.
    """
    rows: list[Row] = []
    for number, line in enumerate(lines(read(path)), start=1):
        if not line.strip():
            continue
        place = f"{path}, line {number}"
        subject = place
        if counted is not None:
            name, first = counted
            place = f"{place}, {name} {first + len(rows)}"
            subject = f"{place},"
        content = _json(line, place, subject)
        if not isinstance(content, dict):
            raise InvalidInput(f"{place}: expected {expected}")
        rows.append(Row(number, place, content))
    return rows


def _json(line: str, place: str, subject: str) -> Any:
    """The value that a line is.

    Args:
        line: of the file.
        place: the file and where in it the line stands.
        subject: the same, to be followed by "is not JSON".
    """

    def once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        content = dict(pairs)
        if len(content) < len(pairs):
            names = [name for name, _ in pairs]
            twice = next(name for name in names if names.count(name) > 1)
            raise InvalidInput(f"{place}: the key {twice!r} is there twice")
        return content

    def constant(name: str) -> float | None:
        return None if name == "NaN" else float(name)

    try:
        content = read_json(line, pairs=once, constant=constant)
    except InvalidInput:  # of `once`; it is a ValueError too
        raise
    except json.JSONDecodeError as error:
        raise InvalidInput(
            f"{subject} is not JSON: {error.msg}: column {error.colno}"
        ) from error
    except ValueError as error:
        raise InvalidInput(
            f"{subject} is not JSON that can be read: {error}"
        ) from error
    if _ESCAPED.search(line):  # a file in UTF-8 holds half a character in no other way
        _refuse_halves(content, place)
    return content


def _refuse_halves(content: Any, place: str) -> None:
    """Refuse half a character anywhere in a value."""
    left = [("the text", content)]
    while left:
        name, value = left.pop()
        if isinstance(value, dict):
            left += [("a key", key) for key in value]
            left += [(repr(key), part) for key, part in value.items()]
        elif isinstance(value, list):
            left += [(name, part) for part in value]
        elif isinstance(value, str):
            half = half_character(value)
            if half is not None:
                raise InvalidInput(f"{place}: {name} is not valid Unicode: {half}")
