"""How a game of groups is made again."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar

from spexlens.arguments import plain
from spexlens.games.candidate import Candidate
from spexlens.games.recipe import Recipe

Described = tuple[str, str, tuple[int, int] | None]
"""A candidate's label, kind and span."""


@dataclass(frozen=True)
class GroupedRecipe(Recipe):
    """Of a game whose candidates are groups of another's: `screen` and `zoom` make it.

    Attributes:
        base: of the game whose candidates are grouped.
        groups: of each group the positions of its members among the base's candidates.
        candidates: of each group its label, its kind, and its span or None.
        facts: what a result says of the groups.
    """

    kind: ClassVar[str] = "grouped"

    base: Recipe
    groups: tuple[tuple[int, ...], ...]
    candidates: tuple[Described, ...]
    facts: Mapping[str, Any] = field(default_factory=dict, hash=False)

    @classmethod
    def describing(
        cls,
        base: Recipe,
        groups: Sequence[Sequence[int]],
        candidates: Sequence[Candidate],
        facts: Mapping[str, Any],
    ) -> "GroupedRecipe":
        """The recipe of these groups.

        Raises:
            InvalidInput: the facts hold what JSON has not.
        """
        return cls(
            base,
            tuple(tuple(group) for group in groups),
            tuple(_described(candidate) for candidate in candidates),
            plain(facts, "facts"),
        )

    def named(self) -> list[Candidate]:
        """The candidates that the groups are."""
        return [Candidate(*description) for description in self.candidates]


def _described(candidate: Candidate) -> Described:
    if candidate.span is None:
        return candidate.label, candidate.kind, None
    start, end = candidate.span
    return candidate.label, candidate.kind, (int(start), int(end))
