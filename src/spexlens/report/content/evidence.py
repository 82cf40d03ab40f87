"""Evidence: what was measured of a row, and what stands below the tables."""

from spexlens.evidence.artefacts import Variant
from spexlens.evidence.comparison import Finding
from spexlens.evidence.smallest import Smallest
from spexlens.evidence.spot_checks import Check, Verdict
from spexlens.report.content.figures import Cell, Figures, Tone
from spexlens.report.content.legible import legible
from spexlens.results.result import Result

MARKS: dict[Verdict, tuple[str, Tone]] = {
    "confirmed": ("✓", "holds"),
    "weaker than said": ("↓", "refuted"),
    "not there": ("∅", "refuted"),
    "wrong sign": ("✗", "refuted"),
    "too noisy to say": ("?", "unsure"),
}
"""How a verdict is shown, and what it means at a glance."""

_LISTED = 4  # findings of a kind


def measured(check: Check | None, figures: Figures) -> Cell:
    """What a check measured, half of its interval, and its verdict."""
    if check is None:
        return Cell()
    mark, tone = MARKS[check.verdict]
    low, high = check.interval
    half = figures.short((high - low) / 2)
    text = f"{figures.signed(check.measured)} ±{half} {mark}"
    return Cell(text, tone, check.measured)


def evidence(explanation: Result, column: int) -> list[str]:
    """The lines of the account that are evidence."""
    artefacts = explanation.artefacts
    variants = () if artefacts is None else artefacts.variants
    return [
        *(_survived(variant, column) for variant in variants),
        *_expected(explanation, column),
        *(smallest(explanation, one) for one in explanation.smallest),
    ]


def checked(explanation: Result, column: int) -> list[str]:
    """What was measured again on the model, in a line."""
    checks = explanation.checks
    if checks is None:
        return []
    verdicts = [check.verdict for check in checks.found[column]]
    counts = ", ".join(
        f"{verdicts.count(verdict)} {verdict}"
        for verdict in MARKS
        if verdict in verdicts
    )
    joined = ""
    if checks.refitted:
        joined = "; all values bought for checks joined a last fit"
    return [
        f"checks: {counts or 'nothing to measure'}, with {checks.masks} masks{joined}"
    ]


def smallest(explanation: Result, found: Smallest) -> str:
    """A smallest set in a line.

    Args:
        explanation: that it is of.
        found: one of `Result.smallest`, or of `sufficient` and `necessary`.
    """
    explanation = legible(explanation)

    # names may run over lines; the sentence does not
    names = [explanation.names[member] for member in found.members]
    labels = ", ".join(" ".join(name.split()) for name in names)

    doing = "enough" if found.kind == "sufficient" else "needed"
    count = f"{len(found.members)} of {len(explanation.candidates)} candidates"

    figures = Figures.of(explanation, 0, raw=True)
    answer = ""
    if found.answered is not None:
        answer = f", the model answers {figures.signed(found.answered)}"

    held = {True: "confirmed", False: "not confirmed", None: "not asked"}[found.holds]
    every = ", each of them needed" if found.irreducible else ""
    return (
        f"{doing} for {found.share:.0%} of f(all) - f(none): {labels or 'nothing'}"
        f" ({count}; threshold {figures.signed(found.threshold)}{answer}: {held}"
        f"{every})"
    )


def _survived(variant: Variant, column: int) -> str:
    """How many effects are as they were under another way to ablate."""
    survivals = variant.found[column]
    unmoved = sum(not survival.lost and not survival.grown for survival in survivals)
    ranking = variant.ranking(column)
    ranked = ""
    if ranking is not None:
        ranked = f", rank correlation of effects {ranking:.2f}"
    return (
        f"ablated by {variant.name}: {unmoved} of {len(survivals)} effects survive as"
        f" they are; r² of the answers {variant.agreement[column]:.2f}{ranked},"
        f" with {variant.masks} masks"
    )


def _expected(explanation: Result, column: int) -> list[str]:
    if not explanation.expectations:
        return []
    comparison = explanation.expectations[column]
    size = explanation.size(column)
    lines = [
        _findings("expected and found", comparison.found, size),
        _findings("expected and missing", comparison.missing, size),
        _findings("forbidden and found", comparison.forbidden, size),
        _findings("forbidden and not found", comparison.absent, size),
        _findings("strong and unexpected", comparison.unexpected, size),
    ]
    if comparison.unused:
        lines.append(f"no candidates for: {', '.join(comparison.unused)}")
    return [line for line in lines if line]


def _findings(title: str, findings: tuple[Finding, ...], size: float) -> str:
    """Those of a kind in a line; empty where there are none."""
    if not findings:
        return ""
    listed = "; ".join(_finding(finding, size) for finding in findings[:_LISTED])
    rest = len(findings) - _LISTED
    more = f"; and {rest} more" if rest > 0 else ""
    return f"{title}: {listed}{more}"


def _finding(finding: Finding, size: float) -> str:
    if not finding.members:
        return finding.name
    labels = " × ".join(" ".join(label.split()) for label in finding.labels)
    verdict = f", {finding.verdict}" if finding.verdict else ""
    what = f"{labels} {finding.effect / size:+.3g} ({finding.share:.1%}{verdict})"
    return f"{finding.name}: {what}" if finding.name else what
