"""JSON text of strangers: how deep it is found before it is parsed, and every number
seen to be one.
"""

import json
import re
from collections.abc import Callable
from math import inf, isfinite
from typing import Any

import numpy as np

DEEPEST = 64
"""Objects and lists in one another, that a file may have."""

# one that does not end reaches to the end
_STRING = re.compile(r'"(?:[^"\\]++|\\.)*+"?', re.DOTALL)
_NO_BRACKETS = bytes(set(range(256)) - set(b"[]{}"))
_DIGITS = 300  # of a whole number: beyond, it is no float
_LISTED = 40  # characters of a key that an error names


def read_json(
    text: str,
    *,
    pairs: Callable[[list[tuple[str, Any]]], Any] | None = None,
    constant: Callable[[str], Any] | None = None,
    endless: bool = False,
) -> Any:
    """The value of JSON text.

    Args:
        text: JSON.
        pairs, constant: as the hooks of `json.loads`.
        endless: whether a whole number of hundreds of digits is read as infinity, as
            1e400 is, so that `refuse_unbounded` says where it stands.

    Raises:
        ValueError: it is no JSON, or nested too deeply: one line. A
            `json.JSONDecodeError` says where.
    """
    refuse_deep(text)
    try:
        return json.loads(
            text,
            object_pairs_hook=pairs,
            parse_constant=constant,
            parse_int=_whole if endless else None,
        )
    except RecursionError as error:  # the stack was deep already
        raise ValueError(f"it is nested more than {DEEPEST} deep") from error
    except json.JSONDecodeError:
        raise
    except ValueError as error:
        if "digits" not in str(error):
            raise
        raise ValueError("a number has thousands of digits") from error


def _whole(digits: str) -> int | float:
    """A whole number; one of hundreds of digits is infinite."""
    return int(digits) if len(digits) <= _DIGITS else inf


def refuse_deep(text: str) -> None:
    """ValueError if brackets and braces of JSON or TOML are more than `DEEPEST` within
    one another.
    """
    marks = _STRING.sub("", text).encode("utf-8", "replace")
    brackets = marks.translate(None, delete=_NO_BRACKETS)
    if len(brackets) <= DEEPEST:
        return
    opening = np.isin(np.frombuffer(brackets, np.uint8), list(b"[{"))
    depths = np.cumsum(np.where(opening, 1, -1))
    if int(depths.max()) > DEEPEST:
        raise ValueError(f"it is nested more than {DEEPEST} deep")


def refuse_unbounded(content: Any, where: str = "") -> None:
    """Refuse numbers in JSON that are not finite, and what is nested too deeply.

    Raises:
        ValueError: the text begins with the path of what is refused.
    """
    left = [(where, content, 0)]
    while left:
        place, value, depth = left.pop()
        if depth > DEEPEST:
            raise ValueError(f"{path_of(place)}: it is nested more than {DEEPEST} deep")
        if isinstance(value, dict):
            left += [(f"{place}.{key}", value[key], depth + 1) for key in value]
        elif isinstance(value, list):
            parts = enumerate(value)
            left += [(f"{place}.{number}", part, depth + 1) for number, part in parts]
        elif isinstance(value, float) and not isfinite(value):
            raise ValueError(f"{path_of(place)}: it is to be a finite number")


def encodable(text: str) -> str:
    """JSON text with half characters, such as half an emoji, as escapes: it reads back
    as it was.
    """
    return text.encode("utf-8", "backslashreplace").decode("utf-8")


def path_of(place: str) -> str:
    """A path within a file, its longest names cut, for people to read."""
    parts = place.strip(".").split(".")
    return ".".join(
        part if len(part) <= _LISTED else f"{part[:_LISTED]}…" for part in parts
    )
