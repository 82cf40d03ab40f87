"""Doubts: what speaks against an explanation, to be said before anything else."""

from collections.abc import Iterable

from spexlens.evidence.artefacts import Variant
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
    found = [*_failed(explanation, column), *_unfaithful(explanation, column)]
    artefacts = explanation.artefacts
    if artefacts is not None:
        for variant in artefacts.variants:
            found += _dependent(explanation, variant, column)
        if artefacts.ordinary is not None and artefacts.ordinary.far(column):
            found.append(_extraordinary(artefacts.ordinary, column))
    if explanation.expectations:
        for finding in explanation.expectations[column].forbidden:
            found.append(
                f"forbidden, and found: {_named(finding.labels)} ({finding.share:.1%}"
                f" of the variance): {finding.name}; possibly a spurious correlation"
            )
    return found


def _failed(explanation: Result, column: int) -> list[str]:
    """Checks that refute what was said."""
    if explanation.checks is None:
        return []
    decided = explanation.checks.decided(column)
    refuted = [check for check in decided if check.refuted]
    if not refuted:
        return []
    failing = "Do not rely on this: " * explanation.checks.fail(column)
    size = explanation.size(column)
    shown = "; ".join(
        _said(explanation, check.in_units(size)) for check in refuted[:_NAMED]
    )
    more = f"; and {len(refuted) - _NAMED} more" if len(refuted) > _NAMED else ""
    one = len(refuted) == 1
    counted = (
        f"{len(refuted)} of {len(decided)} effects that were measured again on the"
        " model"
    )
    return [f"{failing}{counted} {'is' if one else 'are'} not as said: {shown}{more}."]


def _said(explanation: Result, check: Check) -> str:
    labels = _named(f"“{explanation.names[i]}”" for i in check.members)
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
    said = explanation.faithfulness
    (_, high) = held.intervals[column]
    if said.intervals and said.intervals[column][1] < _POOR:
        r2 = said.r2[column]
        most = said.intervals[column][1]
        return [f"It does not predict the model: R² {r2:.2f}, at most {most:.2f}."]
    if said.alone and said.alone[column] > high + _CLAIMED:
        claimed = said.alone[column]
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
    lost = [each for each in variant.found[column] if each.lost]
    grown = [each for each in variant.found[column] if each.grown]
    told = []
    for survivals, one, several in (
        (lost, "does not survive", "do not survive"),
        (grown, "more than doubles", "more than double"),
    ):
        shown = ", ".join(
            _named(explanation.names[i] for i in each.members)
            for each in survivals[:_NAMED]
        )
        told += (
            [f"{shown} {one if len(survivals) == 1 else several}"] if survivals else []
        )
    why = " and ".join(told) or "the answers hardly agree"
    return [
        f"The ranking depends on what stands in: ablated by {variant.name} {why} "
        f"(r² of the answers {variant.agreement[column]:.2f})."
    ]


def _extraordinary(ordinary: Ordinary, column: int) -> str:
    """An answer to nothing that is unlike all others."""
    whose = (
        f"{ordinary.inputs} ordinary inputs"
        if ordinary.inputs
        else "masks that keep something"
    )
    return (
        f"With everything ablated the model answers {ordinary.empty[column]:+.3g}, far"
        f" outside of {ordinary.low[column]:+.3g} to {ordinary.high[column]:+.3g} on"
        f" {whose}: ablated inputs are not like those it knows."
    )


def _named(labels: Iterable[str]) -> str:
    return " × ".join(" ".join(label.split()) for label in labels)
