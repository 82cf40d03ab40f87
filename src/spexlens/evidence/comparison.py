"""Comparison: what an expert expected beside what was found."""

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from spexlens.evidence.spot_checks import Check, Checks, Verdict
from spexlens.games.candidate import Candidate
from spexlens.games.expectations import Expectations, Rule, meets
from spexlens.spectrum.shares import Members, shares_by_output
from spexlens.spectrum.spectrum import Spectrum

_FIRST = 4  # sets of a rule that are checked before others
_UNEXPECTED = 10


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


def sets_to_check(
    expectations: Expectations,
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
    for rule in expectations.rules:
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


def compare(
    expectations: Expectations,
    candidates: Sequence[Candidate],
    names: Sequence[str],
    spectrum: Spectrum,
    checks: Checks | None,
    output: int,
) -> Comparison:
    """What was found in one output of an explanation.

    Args:
        expectations: of an expert.
        candidates: that were ablated.
        names: what they are called.
        spectrum: of the explanation.
        checks: of its strongest interactions, or None.
        output: by position.
    """
    measured = {} if checks is None else checks.of(output)
    book = _Book(names, spectrum, output, measured, expectations.least_share)
    parts: dict[str, list[Finding]] = {
        name: [] for name in ("found", "missing", "forbidden", "absent")
    }
    unused = list[str]()
    expected = set[Members]()
    for rule in expectations.rules:
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
