"""Doubts: what speaks against an explanation, to be said before anything else."""

from collections.abc import Iterable, Sequence

from spexlens.evidence.artefacts import Survival, Variant
from spexlens.evidence.ordinary_inputs import Ordinary
from spexlens.evidence.spot_checks import Check
from spexlens.results.result import Result

# of R²: an explanation that surely explains less of the answers does not predict them
_POOR = 0.5
_CLAIMED = 0.05  # of R², what a fit may claim beyond the most that fresh masks say
_NAMED = 3


def doubts(explanation: Result, output: int | str = 0) -> list[str]:
    """One line a doubt, the gravest first; none if nothing that was bought speaks
    against it.
    """
    column = explanation.position(output)
    lines = [*_failed(explanation, column), *_unfaithful(explanation, column)]

    artefacts = explanation.artefacts
    if artefacts is not None:
        for variant in artefacts.variants:
            lines += _dependent(explanation, variant, column)
        if artefacts.ordinary is not None and artefacts.ordinary.far(column):
            lines.append(_extraordinary(artefacts.ordinary, column))

    return [*lines, *_forbidden(explanation, column)]


def _failed(explanation: Result, column: int) -> list[str]:
    """Checks that refute what was said."""
    if explanation.checks is None:
        return []

    decided = explanation.checks.decided(column)
    refuted = [check for check in decided if check.refuted]
    if not refuted:
        return []

    failing = "Do not rely on this: " if explanation.checks.fail(column) else ""
    size = explanation.size(column)

    # all are counted, and a few named: a line is read, a list is not
    first = [check.in_units(size) for check in refuted[:_NAMED]]
    shown = "; ".join(_said(explanation, check) for check in first)
    rest = len(refuted) - _NAMED
    more = f"; and {rest} more" if rest > 0 else ""

    be = "is" if len(refuted) == 1 else "are"
    return [
        f"{failing}{len(refuted)} of {len(decided)} effects that were measured again on"
        f" the model {be} not as said: {shown}{more}."
    ]


def _said(explanation: Result, check: Check) -> str:
    labels = _named(f"“{explanation.names[member]}”" for member in check.members)
    be = "has the " if check.verdict == "wrong sign" else "is "
    return (
        f"{labels} {be}{check.verdict} (said {check.said:+.3g}, measured"
        f" {check.measured:+.3g})"
    )


def _unfaithful(explanation: Result, column: int) -> list[str]:
    """Fresh masks that it does not predict, or not as well as it claims."""
    held = explanation.held_out
    if held is None or not held.intervals:
        return []
    # the ends of the intervals, not their middles: only what is sure is said so loudly
    claim = explanation.faithfulness
    (_, high) = held.intervals[column]
    if claim.intervals and claim.intervals[column][1] < _POOR:
        r2 = claim.r2[column]
        most = claim.intervals[column][1]
        return [f"It does not predict the model: R² {r2:.2f}, at most {most:.2f}."]

    if claim.alone and claim.alone[column] > high + _CLAIMED:
        claimed = claim.alone[column]
        fresh = held.r2[column]
        return [
            f"The fit claims R² {claimed:.2f}, but fresh masks say {fresh:.2f}, at most"
            f" {high:.2f}."
        ]
    return []


def _dependent(explanation: Result, variant: Variant, column: int) -> list[str]:
    """What another way to ablate does not bear out."""
    if not variant.depends(column):
        return []
    lost = [survival for survival in variant.found[column] if survival.lost]
    grown = [survival for survival in variant.found[column] if survival.grown]

    reasons = []
    if lost:
        verb = "does not survive" if len(lost) == 1 else "do not survive"
        reasons.append(f"{_first_of(explanation, lost)} {verb}")
    if grown:
        verb = "more than doubles" if len(grown) == 1 else "more than double"
        reasons.append(f"{_first_of(explanation, grown)} {verb}")

    why = " and ".join(reasons) or "the answers hardly agree"
    return [
        f"The ranking depends on what stands in: ablated by {variant.name} {why} "
        f"(r² of the answers {variant.agreement[column]:.2f})."
    ]


def _first_of(explanation: Result, survivals: Sequence[Survival]) -> str:
    """The first few by name."""
    return ", ".join(
        _named(explanation.names[member] for member in survival.members)
        for survival in survivals[:_NAMED]
    )


def _extraordinary(ordinary: Ordinary, column: int) -> str:
    """An answer to nothing that is unlike all others."""
    whose = "masks that keep something"
    if ordinary.inputs:
        whose = f"{ordinary.inputs} ordinary inputs"
    return (
        f"With everything ablated the model answers {ordinary.empty[column]:+.3g}, far"
        f" outside of {ordinary.low[column]:+.3g} to {ordinary.high[column]:+.3g} on"
        f" {whose}: ablated inputs are not like those it knows."
    )


def _forbidden(explanation: Result, column: int) -> list[str]:
    """What was not to be there."""
    if not explanation.expectations:
        return []
    return [
        f"forbidden, and found: {_named(finding.labels)} ({finding.share:.1%} of the"
        f" variance): {finding.name}; possibly a spurious correlation"
        for finding in explanation.expectations[column].forbidden
    ]


def _named(labels: Iterable[str]) -> str:
    return " × ".join(" ".join(label.split()) for label in labels)
