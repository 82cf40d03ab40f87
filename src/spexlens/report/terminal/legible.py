"""Legible: an explanation or an aggregate with every word as it can be printed; see
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
    text = explanation.facts.get("text")
    if isinstance(text, str) and hidden(text):
        there = places(text)
        moved = tuple(
            replace(candidate, span=_moved(candidate.span, there))
            for candidate in explanation.candidates
        )
        explanation = replace(explanation, candidates=moved)
    return words_shown(explanation)


def words_shown(value: Said) -> Said:
    """The same value with all texts in it as they can be printed: in dataclasses,
    mappings and sequences.
    """
    found: Any = value
    if isinstance(value, str):
        found = shown(value)
    elif isinstance(value, Mapping):
        parts = {key: words_shown(part) for key, part in value.items()}
        found = parts if any(parts[key] is not value[key] for key in parts) else value
    elif type(value) in (tuple, list):
        sequence: Any = value
        told = [words_shown(part) for part in sequence]
        changed = any(new is not old for new, old in zip(told, sequence, strict=True))
        found = type(sequence)(told) if changed else value
    elif is_dataclass(value) and not isinstance(value, type):
        parts = {
            each.name: getattr(value, each.name) for each in fields(value) if each.init
        }
        new = {name: words_shown(part) for name, part in parts.items()}
        changes = {name: part for name, part in new.items() if part is not parts[name]}
        found = replace(value, **changes) if changes else value
    return found  # type: ignore[no-any-return]


def _moved(span: tuple[int, int] | None, there: list[int]) -> tuple[int, int] | None:
    if span is None or not 0 <= span[0] <= span[1] < len(there):
        return span
    return there[span[0]], there[span[1]]
