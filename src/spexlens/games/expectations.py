"""Expectations: what an expert says should act together, and what must not."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from fnmatch import fnmatchcase

import numpy as np
from numpy.typing import NDArray

from spexlens.games.candidate import Candidate
from spexlens.games.names import positions_named
from spexlens.spectrum.shares import STRONG

LEAST_SHARE = STRONG
"""Of the variance, from which an interaction counts as found where the file does not
say.
"""


_NEAREST = 3  # labels that are said to be like a misspelt one


@dataclass(frozen=True)
class Pattern:
    """Candidates by label, position or kind; all that is given has to fit.

    Attributes:
        labels: any of these, whatever the case, with * and ? as in a shell; () for any
            label. A repeated word means all of it, its numbered name (`owl¹`, or
            `owl#1`) that one.
        positions: any of these, from 0; () for any position.
        kinds: any of these, such as "word" or "head"; () for any kind.
    """

    labels: tuple[str, ...] = ()
    positions: Sequence[int] = ()
    kinds: tuple[str, ...] = ()

    def fits(
        self, candidates: Sequence[Candidate], names: Sequence[str] | None = None
    ) -> NDArray[np.bool_]:
        """(n,) bool, which candidates it is of; `names` as of `positions_named`."""
        labels = [candidate.label for candidate in candidates]
        named: set[int] = set()
        for text in self.labels:
            named.update(positions_named(text, labels, names, caseless=True))
        return np.array(
            [
                self._fits(place, candidate, place in named)
                for place, candidate in enumerate(candidates)
            ]
        )

    def __str__(self) -> str:
        places = (
            f"position {' or '.join(map(str, self.positions))}"
            if self.positions
            else ""
        )
        parts = [" or ".join(map(repr, self.labels)), " or ".join(self.kinds), places]
        return " at ".join(part for part in parts if part)

    def _fits(self, place: int, candidate: Candidate, named: bool) -> bool:
        label = " ".join(candidate.label.split()).casefold()
        named = named or any(
            fnmatchcase(label, text.casefold()) for text in self.labels
        )
        return (
            (named or not self.labels)
            and (place in self.positions or not len(self.positions))
            and (candidate.kind in self.kinds or not self.kinds)
        )


@dataclass(frozen=True)
class Rule:
    """One expectation.

    Attributes:
        name: for people to read.
        members: each is met by another member of an interaction, which may have more.
        forbidden: whether it must not be found; else it must.
        sign: 1 or -1 if the effect is to have that sign, 0 for any.
    """

    name: str
    members: tuple[Pattern, ...]
    forbidden: bool = False
    sign: int = 0


@dataclass(frozen=True)
class Unmatched:
    """A rule that no candidates fit, as a misspelt label makes one.

    Attributes:
        rule: its name.
        member: what no candidate is, or nothing where each member is one, but there are
            not enough of them.
        nearest: labels of candidates, those most like it first.
    """

    rule: str
    member: str
    nearest: tuple[str, ...]

    def __str__(self) -> str:
        if not self.member:
            return f"{self.rule!r} has more members than there are candidates for them"
        near = ", ".join(map(repr, self.nearest))
        return (
            f"{self.rule!r} is of no candidate: {self.member} is none of them; the"
            f" nearest are {near}"
        )


@dataclass(frozen=True)
class Expectations:
    """What should act together, and what must not.

    Attributes:
        rules: what is expected and forbidden.
        least_share: of the variance, from which an interaction counts as found.
    """

    rules: tuple[Rule, ...]
    least_share: float = LEAST_SHARE

    def unmatched(self, candidates: Sequence[Candidate]) -> list[Unmatched]:
        """The rules that no candidates fit: they are compared with nothing, so that no
        guard is on.
        """
        found = []
        for rule in self.rules:
            fits = [pattern.fits(candidates) for pattern in rule.members]
            if not meets(fits, range(len(candidates))):
                alone = [
                    pattern
                    for pattern, fit in zip(rule.members, fits, strict=True)
                    if not fit.any()
                ]
                near = _nearest(alone[0].labels if alone else (), candidates)
                found.append(Unmatched(rule.name, str(alone[0]) if alone else "", near))
        return found


def meets(fits: Sequence[NDArray[np.bool_]], members: Iterable[int]) -> bool:
    """Whether each pattern, (n,) bool, has a member of its own: by augmenting paths
    (Kuhn).
    """
    members = tuple(members)
    if len(members) < len(fits):
        return False
    owner: dict[int, int] = {}

    def placed(pattern: int, tried: set[int]) -> bool:
        for member in members:
            if fits[pattern][member] and member not in tried:
                tried.add(member)
                if member not in owner or placed(owner[member], tried):
                    owner[member] = pattern
                    return True
        return False

    return all(placed(pattern, set()) for pattern in range(len(fits)))


def _nearest(labels: Sequence[str], candidates: Sequence[Candidate]) -> tuple[str, ...]:
    """The labels of a few candidates, those most like the ones asked for first."""
    known = {
        " ".join(candidate.label.split()).casefold(): candidate.label
        for candidate in candidates
    }
    near = [
        each
        for label in labels
        for each in get_close_matches(label.casefold(), known, _NEAREST, 0.5)
    ]
    return tuple(known[each] for each in dict.fromkeys([*near, *known]))[:_NEAREST]
