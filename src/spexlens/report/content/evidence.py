"""Evidence in a terminal: what was measured of a row, and what stands below the tables."""

from rich.text import Text

from spexlens.evidence.comparison import Finding
from spexlens.evidence.smallest import Smallest
from spexlens.evidence.spot_checks import Check, Verdict
from spexlens.report.content.figures import Figures
from spexlens.report.terminal.legible import legible
from spexlens.results.result import Result

MARKS: dict[Verdict, tuple[str, str]] = {
    "confirmed": ("✓", "green"),
    "weaker than said": ("↓", "red"),
    "not there": ("∅", "red"),
    "wrong sign": ("✗", "red"),
    "too noisy to say": ("?", "dim"),
}
"""How a verdict is shown, and in what colour."""

_LISTED = 4


def measured(check: Check | None, figures: Figures) -> Text:
    """What a check measured, half of its interval, and its verdict."""
    if check is None:
        return Text("")
    mark, style = MARKS[check.verdict]
    half = (check.interval[1] - check.interval[0]) / 2
    return Text(
        f"{figures.signed(check.measured)} ±{figures.short(half)} {mark}", style=style
    )


def below(explanation: Result, column: int) -> list[str]:
    """The lines of the account that are evidence."""
    return [
        *_artefacts(explanation, column),
        *_expected(explanation, column),
        *(smallest(explanation, each) for each in explanation.smallest),
    ]


def checked(explanation: Result, column: int) -> list[str]:
    """What was measured again on the model, in a line."""
    checks = explanation.checks
    if checks is None:
        return []
    told = [check.verdict for check in checks.found[column]]
    counts = ", ".join(
        f"{told.count(verdict)} {verdict}" for verdict in MARKS if verdict in told
    )
    joined = (
        "; all values bought for checks joined a last fit" if checks.refitted else ""
    )
    return [
        f"checks: {counts or 'nothing to measure'}, with {checks.masks} masks{joined}"
    ]


def _artefacts(explanation: Result, column: int) -> list[str]:
    found = []
    for variant in (
        () if explanation.artefacts is None else explanation.artefacts.variants
    ):
        survivals = variant.found[column]
        kept = sum(not each.lost and not each.grown for each in survivals)
        ranking = variant.ranking(column)
        ranked = (
            "" if ranking is None else f", rank correlation of effects {ranking:.2f}"
        )
        found.append(
            f"ablated by {variant.name}: {kept} of {len(survivals)} effects survive as"
            f" they are; r² of the answers {variant.agreement[column]:.2f}{ranked},"
            f" with {variant.masks} masks"
        )
    return found


def _expected(explanation: Result, column: int) -> list[str]:
    if not explanation.expectations:
        return []
    found = explanation.expectations[column]
    size = explanation.size(column)
    lines = [
        _findings("expected and found", found.found, size),
        _findings("expected and missing", found.missing, size),
        _findings("forbidden and found", found.forbidden, size),
        _findings("forbidden and not found", found.absent, size),
        _findings("strong and unexpected", found.unexpected, size),
        f"no candidates for: {', '.join(found.unused)}" if found.unused else "",
    ]
    return [line for line in lines if line]


def _findings(title: str, findings: tuple[Finding, ...], size: float) -> str:
    shown = "; ".join(_finding(finding, size) for finding in findings[:_LISTED])
    more = f"; and {len(findings) - _LISTED} more" if len(findings) > _LISTED else ""
    return f"{title}: {shown}{more}" if findings else ""


def _finding(finding: Finding, size: float) -> str:
    if not finding.members:
        return finding.name
    what = (
        f"{' × '.join(' '.join(label.split()) for label in finding.labels)}"
        f" {finding.effect / size:+.3g}"
    )
    what += f" ({finding.share:.1%}{f', {finding.verdict}' if finding.verdict else ''})"
    return f"{finding.name}: {what}" if finding.name else what


def smallest(explanation: Result, found: Smallest) -> str:
    """A smallest set in a line."""
    explanation = legible(explanation)
    labels = ", ".join(" ".join(explanation.names[i].split()) for i in found.members)
    doing = "enough" if found.kind == "sufficient" else "needed"
    count = f"{len(found.members)} of {len(explanation.candidates)} candidates"
    figures = Figures.of(explanation, 0, raw=True)
    answer = (
        ""
        if found.answered is None
        else f", the model answers {figures.signed(found.answered)}"
    )
    held = {True: "confirmed", False: "not confirmed", None: "not asked"}[found.holds]
    each = ", each of them needed" if found.irreducible else ""
    return (
        f"{doing} for {found.share:.0%} of f(all) - f(none): {labels or 'nothing'}"
        f" ({count}; threshold {figures.signed(found.threshold)}{answer}: {held}{each})"
    )
