"""Legible: an explanation or an aggregate with every word as it can be shown; see
`printable`.
"""

from collections.abc import Mapping
from dataclasses import fields, is_dataclass, replace
from typing import Any, TypeVar

from spexlens.printable import hidden, places, shown
from spexlens.results.result import Result

Said = TypeVar("Said")


def legible(explanation: Result) -> Result:
    """The same explanation; the places of candidates in the text are those in the text
    as it is shown.
    """
    # what is shown instead of a character is longer than that
    text = explanation.about.text
    if isinstance(text, str) and hidden(text):
        there = places(text)
        moved = tuple(
            replace(candidate, span=_moved(candidate.span, there))
            for candidate in explanation.candidates
        )
        explanation = replace(explanation, candidates=moved)
    return words_shown(explanation)


def words_shown(value: Said) -> Said:
    """The same value with all texts in it as they can be shown: in dataclasses,
    mappings and sequences.

    What holds no such text is the very same object, arrays among them.
    """
    new: Any = value
    if isinstance(value, str):
        new = shown(value)
    elif isinstance(value, Mapping):
        new = _mapping_shown(value)
    elif type(value) in (tuple, list):
        new = _sequence_shown(value)
    elif is_dataclass(value) and not isinstance(value, type):
        new = _dataclass_shown(value)
    return new  # type: ignore[no-any-return]


def _mapping_shown(mapping: Mapping[Any, Any]) -> Mapping[Any, Any]:
    new = {key: words_shown(part) for key, part in mapping.items()}
    changed = any(new[key] is not mapping[key] for key in new)
    return new if changed else mapping


def _sequence_shown(sequence: Any) -> Any:
    new = [words_shown(part) for part in sequence]
    changed = any(part is not old for part, old in zip(new, sequence, strict=True))
    return type(sequence)(new) if changed else sequence


def _dataclass_shown(value: Any) -> Any:
    changes = {}
    for field in fields(value):
        if not field.init:
            continue
        old = getattr(value, field.name)
        new = words_shown(old)
        if new is not old:
            changes[field.name] = new
    return replace(value, **changes) if changes else value


def _moved(span: tuple[int, int] | None, there: list[int]) -> tuple[int, int] | None:
    if span is None or not 0 <= span[0] <= span[1] < len(there):
        return span
    return there[span[0]], there[span[1]]
