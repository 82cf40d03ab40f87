"""Rows: the inputs of `spexlens batch`, a JSON object a line."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from spexlens.cli.options.batch import MECHANISTIC
from spexlens.errors import InvalidInput
from spexlens.files import jsonl_file

SUMMARY = "aggregate"
"""The name that no input has: that of the summary beside their explanations."""

_KEYS = ("prompt", "text", "id", "target", "foil", "counterfactual")
_IDENTIFIER = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,99}")


@dataclass(frozen=True)
class Row:
    """One line of the file.

    Attributes:
        line: its number, from 1.
        name: its id, or else its number in four digits.
        text: what is explained.
        own: the target, foil and counterfactual that it gives.
    """

    line: int
    name: str
    text: str
    own: dict[str, Any]


def rows_of(file: Path, lens: str, foil: str | None) -> list[Row]:
    """The inputs of a JSONL file, all of them checked.

    Args:
        file: to read.
        lens: that each of them gets, "features" or "mechanistic".
        foil: of those that have none of their own.

    Raises:
        InvalidInput: the file cannot be read, holds nothing, or has a line that is not
            what it should be.
    """
    expected = f"an object with prompt or text, and of {', '.join(_KEYS[2:])}"
    rows = [_row(row, expected, lens) for row in jsonl_file.objects(file, expected)]
    if not rows:
        raise InvalidInput(f"{file} holds no prompt; expected one JSON object a line")
    # with a foil for all, it may be of some alone
    compared = ("foil", "counterfactual") if foil is None else ("counterfactual",)
    lines = {SUMMARY: 0}
    for row in rows:
        # names of files, which some systems do not tell apart by case
        before = lines.setdefault(row.name.casefold(), row.line)
        if before != row.line:
            taken = f"that of line {before}" if before else "kept for the aggregate"
            raise InvalidInput(
                f"{file}, line {row.line}: the id {row.name!r} is {taken}"
            )
        _refuse_incomparable(file, rows[0], row, compared)
    return rows


def _refuse_incomparable(
    file: Path, first: Row, row: Row, compared: Sequence[str]
) -> None:
    """InvalidInput for what only one of two rows gives."""
    for key in compared:
        if (key in row.own) != (key in first.own):
            raise InvalidInput(
                f"{file}: lines {first.line} and {row.line} do not both have a"
                f" {key}; their effects would not compare"
            )


def _row(row: jsonl_file.Row, expected: str, lens: str) -> Row:
    """One line, checked."""
    place = row.place
    content = row.content
    is_named_once = ("prompt" in content) != ("text" in content)
    if not set(content) <= set(_KEYS) or not is_named_once:
        raise InvalidInput(f"{place}: expected {expected}")
    if "counterfactual" in content and lens != MECHANISTIC:
        raise InvalidInput(f"{place}: a counterfactual goes with --lens mechanistic")
    own = {key: value for key, value in content.items() if value is not None}
    name = own.pop("id", f"{row.line:04d}")
    text = own.pop("prompt", own.pop("text", None))
    if type(name) not in (str, int) or not _IDENTIFIER.fullmatch(str(name)):
        raise InvalidInput(
            f"{place}: an id is the name of a file, of letters, digits, '_', '-' and"
            f" '.'; got {name!r}"
        )
    for key, value in {"prompt": text, **own}.items():
        is_several = key == "target" and isinstance(value, list) and value
        for part in value if is_several else [value]:
            if not isinstance(part, str):
                raise InvalidInput(f"{place}: the {key} is a text; got {part!r}")
    return Row(row.line, str(name), text, own)
