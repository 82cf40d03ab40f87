"""Comparison: what an expert expected beside what was found."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import islice

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
        spectrum = self.spectrum
        orders = spectrum.sets.orders
        columns = spectrum.values.reshape(len(spectrum), -1)
        values = columns[:, self.output]
        shares = shares_by_output(spectrum)
        share = shares[:, self.output]
        largest = np.argsort(-share, kind="stable")
        self.ranked = []
        for j in largest.tolist():
            if not share[j] > 0:
                break
            effect = (-2.0) ** orders[j] * values[j]
            row = (
                spectrum.sets[j],
                float(effect),
                float(share[j]),
            )
            self.ranked.append(row)

    def finding(
        self, rule: Rule, fits: Sequence[NDArray[np.bool_]]
    ) -> tuple[Finding, bool]:
        """The strongest interaction that a rule is of, and whether it counts as found.

        Of those found, one without further members comes first.
        """

        def place(row: tuple[Members, float, float]) -> tuple[bool, bool]:
            members, _, share = row
            return share < self.least, len(members) > len(fits)

        matching = [row for row in self.ranked if meets(fits, row[0])]
        # Stable: of equal places the larger share stays first.
        matching.sort(key=place)
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
        strong = []
        for members, effect, share in self.ranked:
            if len(members) < 2 or share < self.least:
                continue
            if not self._refuted(members):
                finding = self._named("", members, effect, share)
                strong.append(finding)
        return strong

    def strong_sets(self, fits: Sequence[NDArray[np.bool_]]) -> set[Members]:
        """Those of a rule."""
        sets = [finding.members for finding in self.strong()]
        return {members for members in sets if meets(fits, members)}

    def _refuted(self, members: Members) -> bool:
        check = self.checks.get(members)
        return check is not None and check.refuted

    def _named(
        self, name: str, members: Members, effect: float, share: float
    ) -> Finding:
        check = self.checks.get(members)
        verdict = None if check is None else check.verdict
        labels = tuple(self.names[i] for i in members)
        return Finding(name, members, labels, effect, share, verdict)


def sets_to_check(
    expectations: Expectations,
    candidates: Sequence[Candidate],
    spectrum: Spectrum,
    names: Sequence[str] | None = None,
) -> list[Members]:
    """The strongest sets of each rule, those to check before others.

    Args:
        expectations: of an expert.
        candidates: that are ablated.
        spectrum: of the fit that is to be checked.
        names: as of `Pattern.fits`.
    """
    share = shares_by_output(spectrum).max(axis=1)
    order = np.argsort(-share, kind="stable").tolist()
    ranked = [spectrum.sets[j] for j in order if share[j] > 0]
    first: dict[Members, None] = {}
    for rule in expectations.rules:
        fits = [pattern.fits(candidates, names) for pattern in rule.members]
        # Whether a set meets a rule is slow to say: no more are looked at than needed.
        of_rule = (
            members
            for members in ranked
            if len(members) == len(fits) and meets(fits, members)
        )
        first.update(dict.fromkeys(islice(of_rule, _FIRST)))
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
    found: list[Finding] = []
    missing: list[Finding] = []
    forbidden: list[Finding] = []
    absent: list[Finding] = []
    unused: list[str] = []
    expected: set[Members] = set()
    for rule in expectations.rules:
        fits = [pattern.fits(candidates, names) for pattern in rule.members]
        if not meets(fits, range(len(candidates))):
            unused.append(rule.name)
            continue
        finding, there = book.finding(rule, fits)
        if rule.forbidden:
            (forbidden if there else absent).append(finding)
            expected.add(finding.members)
        else:
            (found if there else missing).append(finding)
            expected |= book.strong_sets(fits)
    strong = book.strong()
    unexpected = [finding for finding in strong if finding.members not in expected]
    return Comparison(
        found=tuple(found),
        missing=tuple(missing),
        forbidden=tuple(forbidden),
        absent=tuple(absent),
        unexpected=tuple(unexpected[:_UNEXPECTED]),
        unused=tuple(unused),
    )
