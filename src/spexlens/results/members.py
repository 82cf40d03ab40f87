"""Members: which candidates somebody names, by their labels or positions."""

from collections.abc import Iterable, Sequence
from operator import index
from typing import Any

from spexlens.arguments import did_you_mean
from spexlens.errors import InvalidInput
from spexlens.games.candidate import Candidate

_LISTED = 10


def members_of(
    named: Any, candidates: Sequence[Candidate], labels: Sequence[str]
) -> tuple[int, ...]:
    """The positions of the candidates that are named, ascending.

    Args:
        named: one label; or several labels and positions; or what has `members`, such
            as an interaction.
        candidates: what there is.
        labels: what each is called in tables, where those of one label are numbered.

    Raises:
        InvalidInput: there is no such candidate, or more than one of that label.
    """
    if hasattr(named, "members"):
        named = named.members

    # a text is iterable too, but names one candidate
    if isinstance(named, str) or not isinstance(named, Iterable):
        named = [named]

    positions = {_position(candidate, candidates, labels) for candidate in named}
    if not positions:
        raise InvalidInput("name at least one candidate")
    return tuple(sorted(positions))


def _position(
    named: Any, candidates: Sequence[Candidate], labels: Sequence[str]
) -> int:
    if isinstance(named, str):
        return _called(named, candidates, labels)
    try:
        position = index(named)
    except TypeError:
        raise InvalidInput(
            f"a candidate is a label or a position; got {named!r}"
        ) from None

    if not 0 <= position < len(candidates):
        raise InvalidInput(
            f"there is no candidate {position}; their positions are 0 to"
            f" {len(candidates) - 1}"
        )
    return position


def _called(label: str, candidates: Sequence[Candidate], labels: Sequence[str]) -> int:
    """The one candidate of a label."""
    # as tables call it: `owl²` is one candidate, though two are labelled `owl`
    if labels.count(label) == 1:
        return labels.index(label)

    positions = [
        position
        for position, candidate in enumerate(candidates)
        if candidate.label == label
    ]
    if len(positions) == 1:
        return positions[0]
    if positions:
        shown = ", ".join(map(str, positions))
        raise InvalidInput(
            f"{len(positions)} candidates are called {label!r}: give a position, one of"
            f" {shown}"
        )

    known = [candidate.label for candidate in candidates]
    meant = did_you_mean(label, known)
    first = ", ".join(map(repr, known[:_LISTED]))
    more = ", ..." if len(known) > _LISTED else ""
    raise InvalidInput(
        f"there is no candidate {label!r}; {meant}there are {first}{more}"
    )
