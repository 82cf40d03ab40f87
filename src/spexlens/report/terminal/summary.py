"""The summary: what was found, how sure that is and what it cost, a line each."""

from collections.abc import Mapping, Sequence

from spexlens.evidence.unchosen import SHARE
from spexlens.report.content.figures import Figures
from spexlens.report.content.wording import meaning
from spexlens.results.interaction import Interaction
from spexlens.results.result import Result

# sets that are named, and how many of them of two members or more
_STRONG = 3
_TOGETHER = 2
_PART = 0.03  # of the variance, what is worth naming beside the strongest
# of R²
_HIGH = 0.9
_FAIR = 0.7
_LOW = 0.5
_LEAST_SAID = 0.0005  # of the variance: smaller shares are written 0.0%


def unchanging(explanation: Result, output: int | str) -> bool:
    """Whether the answer is the same whatever was ablated."""
    column = explanation.position(output)
    ends = {
        each[column]
        for each in (explanation.whole, explanation.empty)
        if each is not None
    }
    # a fit of nothing may be of what does change
    predicted = explanation.faithfulness.r2[column] >= _LOW
    return predicted and len(ends) < 2 and not explanation.deviation(output)


def worth_saying(interaction: Interaction) -> bool:
    """Whether its share is more than 0.0%."""
    return interaction.share >= _LEAST_SAID


def summary(
    explanation: Result,
    output: int | str,
    found: Sequence[Interaction],
    alone: Mapping[int, float],
) -> dict[str, str]:
    """What was found, how sure it is, and what it cost, by these names.

    Args:
        explanation: what to say it of.
        output: of a vector-valued game, which output.
        found: the interactions of its tables.
        alone: the effect of each candidate, by position.
    """
    return {
        "Found": _found(explanation, output, found, alone),
        "Confidence": _sure(explanation, output),
        "Cost": _cost(explanation),
    }


def _found(
    explanation: Result,
    output: int | str,
    found: Sequence[Interaction],
    alone: Mapping[int, float],
) -> str:
    if unchanging(explanation, output):
        return (
            "the answer never changes, whatever is ablated; there is nothing to"
            " explain."
        )
    if explanation.faithfulness.r2[explanation.position(output)] < _LOW:
        return "nothing that predicts the answer; what is listed below may be chance."
    ranked = sorted(
        (each for each in found if worth_saying(each) and _held(each)),
        key=lambda each: -each.share,
    )
    if not ranked:
        return (
            "nothing worth reporting; no candidate, and no few of them, do much to the"
            " answer."
        )
    strong = [each for each in ranked if each.share >= _PART] or ranked[:1]
    together = [each for each in strong if each.order > 1][:_TOGETHER]
    named = (
        together
        + [each for each in strong if each.order == 1][: _STRONG - len(together)]
    )
    figures = Figures.of(explanation, output)
    kept = kept_of(explanation)
    sentences = [
        f"{_listed(each.labels)} {meaning(each, alone, kept, 'the answer')}"
        f" ({figures.signed(each.effect)})"
        for each in named
    ]
    least = "" if ranked[0].share >= _PART else "nothing stands out; the strongest: "
    return f"{least}{'; '.join(sentences)}."


def _listed(labels: Sequence[str]) -> str:
    """Names as a sentence has them."""
    lines = (" ".join(label.split()) for label in labels)
    *rest, last = (f"“{line}”" for line in lines)
    return f"{', '.join(rest)} and {last}" if rest else last


def kept_of(explanation: Result) -> str:
    """What a candidate is that is not ablated."""
    return "trained on" if explanation.facts.get("call") == "retraining" else "kept"


def _held(interaction: Interaction) -> bool:
    """Whether nothing that was measured speaks against it."""
    refuted = interaction.evidence is not None and interaction.evidence.refuted
    return interaction.audible and not refuted


def _sure(explanation: Result, output: int | str) -> str:
    """How well it predicts, what was measured again, and what was left out."""
    column = explanation.position(output)
    checks = explanation.checks
    decided = [] if checks is None else checks.decided(column)
    said = [_grade(explanation, column)]
    if decided:
        right = sum(not each.refuted for each in decided)
        said.append(
            f"{right} of {len(decided)} effects measured again on the model hold"
        )
    elif checks is not None and checks.found[column]:
        said.append("what was measured again on the model was too noisy to say")
    share = 0.0 if explanation.unchosen is None else explanation.unchosen.share[column]
    if round(share, 2) > SHARE:
        said.append(f"but {share:.0%} of the variance is in what was not chosen")
    return f"{'; '.join(said)}."


def _grade(explanation: Result, column: int) -> str:
    """A word, and what it rests on."""
    said = explanation.faithfulness
    if said.source == "exact":
        return f"complete. All {said.masks:,} ways to ablate were tried"
    r2 = said.r2[column]
    failing = explanation.checks is not None and explanation.checks.fail(column)
    steps = (("high", _HIGH), ("fair", _FAIR), ("low", _LOW))
    grade = (
        "none"
        if failing
        else next((name for name, least in steps if r2 >= least), "none")
    )
    between = ""
    if said.intervals:
        low = said.intervals[column][0]
        between = (
            f", at least {low:.2f} in 19 of 20 cases" if low > 0 else ", perhaps none"
        )
    return (
        f"{grade}. The explanation predicts answers it has not seen with R² {r2:.2f} (1"
        f" is perfect{between})"
    )


def _cost(explanation: Result) -> str:
    account = explanation.account
    call = explanation.facts.get("call") or "call"
    parts = [f"{account.calls} of {account.budget} {call}s paid"]
    parts += [f"{account.reused} reused"] if account.reused else []
    parts += [f"{account.trainings} trainings"] if account.trainings else []
    parts += [f"stopped early, {account.saved} {call}s saved"] if account.saved else []
    return f"{', '.join(parts)}; {account.seconds:.1f} s."
