"""Expectations: what an expert says should act together and what must not, and how that
compares.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from difflib import get_close_matches
from fnmatch import fnmatchcase

import numpy as np
from numpy.typing import NDArray

from spexlens.evidence.spot_checks import Check, Checks, Verdict
from spexlens.games.candidate import Candidate
from spexlens.games.names import positions_named
from spexlens.spectrum.shares import Members, shares_by_output
from spexlens.spectrum.spectrum import Spectrum

LEAST_SHARE = 0.005
"""Of the variance, from which an interaction counts as found where the file does not
say.
"""

_FIRST = 4  # sets of a rule that are checked before others
_UNEXPECTED = 10
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
class Finding:
    """A rule, or a strong interaction that no rule is of, and what was found.

    Attributes:
        name: the rule's; empty without one.
        members, labels: the strongest interaction that the rule is of; empty where
            there is none.
        effect: its Banzhaf interaction index.
        share: of the variance.
        verdict: of its check on the model, or None where it was not checked.
    """

    name: str
    members: Members = ()
    labels: tuple[str, ...] = ()
    effect: float = 0.0
    share: float = 0.0
    verdict: Verdict | None = None


@dataclass(frozen=True)
class Comparison:
    """What was expected of one output, and what was found.

    Attributes:
        found: expected, and there.
        missing: expected, and not there: too weak, of the other sign, or refuted by its
            check.
        forbidden: forbidden, and there: possibly a spurious correlation.
        absent: forbidden, and not there.
        unexpected: strong, of two members or more, and not among the expected.
        unused: the names of rules that no candidates fit.
    """

    found: tuple[Finding, ...] = ()
    missing: tuple[Finding, ...] = ()
    forbidden: tuple[Finding, ...] = ()
    absent: tuple[Finding, ...] = ()
    unexpected: tuple[Finding, ...] = ()
    unused: tuple[str, ...] = ()


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

    def named(
        self,
        candidates: Sequence[Candidate],
        spectrum: Spectrum,
        names: Sequence[str] | None = None,
    ) -> list[Members]:
        """The strongest sets of each rule, those to check before others; `names` as of
        `Pattern.fits`.
        """
        share = shares_by_output(spectrum).max(axis=1)
        ranked = np.argsort(-share, kind="stable")
        first: dict[Members, None] = {}
        for rule in self.rules:
            fits = [pattern.fits(candidates, names) for pattern in rule.members]
            own = (
                spectrum.sets[j]
                for j in ranked.tolist()
                if share[j] > 0
                and spectrum.sets.orders[j] == len(fits)
                and meets(fits, spectrum.sets[j])
            )
            first.update(
                dict.fromkeys(
                    members for _, members in zip(range(_FIRST), own, strict=False)
                )
            )
        return list(first)

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

    def compare(
        self,
        candidates: Sequence[Candidate],
        names: Sequence[str],
        spectrum: Spectrum,
        checks: Checks | None,
        output: int,
    ) -> Comparison:
        """What was found in one output of an explanation.

        Args:
            candidates: that were ablated.
            names: what they are called.
            spectrum: of the explanation.
            checks: of its strongest interactions, or None.
            output: by position.
        """
        measured = {} if checks is None else checks.of(output)
        book = _Book(names, spectrum, output, measured, self.least_share)
        parts: dict[str, list[Finding]] = {
            name: [] for name in ("found", "missing", "forbidden", "absent")
        }
        unused = list[str]()
        expected = set[Members]()
        for rule in self.rules:
            fits = [pattern.fits(candidates, names) for pattern in rule.members]
            if not meets(fits, range(len(candidates))):
                unused.append(rule.name)
                continue
            finding, there = book.finding(rule, fits)
            where = ("forbidden", "absent") if rule.forbidden else ("found", "missing")
            parts[where[0] if there else where[1]].append(finding)
            expected |= {finding.members} if rule.forbidden else book.strong_sets(fits)
        others = [each for each in book.strong() if each.members not in expected]
        lists = {name: tuple(each) for name, each in parts.items()}
        return Comparison(
            **lists, unexpected=tuple(others[:_UNEXPECTED]), unused=tuple(unused)
        )


@dataclass
class _Book:
    """The interactions of one output, the largest share first."""

    names: Sequence[str]
    spectrum: Spectrum
    output: int
    checks: dict[Members, Check]
    least: float
    ranked: list[tuple[Members, float, float]] = field(init=False)

    def __post_init__(self) -> None:
        share = shares_by_output(self.spectrum)[:, self.output]
        values = self.spectrum.values.reshape(len(self.spectrum), -1)[:, self.output]
        order = [j for j in np.argsort(-share, kind="stable").tolist() if share[j] > 0]
        sets = self.spectrum.sets
        self.ranked = [
            (sets[j], float((-2.0) ** sets.orders[j] * values[j]), float(share[j]))
            for j in order
        ]

    def finding(
        self, rule: Rule, fits: Sequence[NDArray[np.bool_]]
    ) -> tuple[Finding, bool]:
        """The strongest interaction that a rule is of, and whether it counts as found.

        Of those found, one without further members comes first.
        """
        matching = [row for row in self.ranked if meets(fits, row[0])]
        matching.sort(key=lambda row: (row[2] < self.least, len(row[0]) > len(fits)))
        strongest: Finding | None = None
        for members, effect, share in matching:
            there = (
                share >= self.least
                and effect * rule.sign >= 0
                and not self._refuted(members)
            )
            if there or strongest is None:
                strongest = self._named(rule.name, members, effect, share)
            if there:
                return strongest, True
        return strongest or Finding(rule.name), False

    def strong(self) -> list[Finding]:
        """All of two members or more that count as found."""
        return [
            self._named("", *row)
            for row in self.ranked
            if len(row[0]) > 1 and row[2] >= self.least and not self._refuted(row[0])
        ]

    def strong_sets(self, fits: Sequence[NDArray[np.bool_]]) -> set[Members]:
        """Those of a rule."""
        return {each.members for each in self.strong() if meets(fits, each.members)}

    def _refuted(self, members: Members) -> bool:
        check = self.checks.get(members)
        return check is not None and check.refuted

    def _named(
        self, name: str, members: Members, effect: float, share: float
    ) -> Finding:
        check = self.checks.get(members)
        labels = tuple(self.names[i] for i in members)
        return Finding(
            name,
            members,
            labels,
            effect,
            share,
            None if check is None else check.verdict,
        )


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
