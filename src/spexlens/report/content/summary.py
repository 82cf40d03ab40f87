"""The summary: what was found, how sure that is and what it cost, a sentence each."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

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

_NEVER_CHANGES = (
    "the answer never changes, whatever is ablated; there is nothing to explain."
)
_NOT_PREDICTED = "nothing that predicts the answer; what is listed below may be chance."
_NOTHING = (
    "nothing worth reporting; no candidate, and no few of them, do much to the answer."
)
_WEAK = "nothing stands out; the strongest: "


@dataclass(frozen=True)
class Finding:
    """One interaction in words.

    Attributes:
        members: the candidates' positions, ascending.
        labels: their names, each on one line.
        meaning: what keeping them does, the end of a sentence that begins with them.
        effect: in the explanation's scale.
        figure: the effect as it is written.
    """

    members: tuple[int, ...]
    labels: tuple[str, ...]
    meaning: str
    effect: float
    figure: str

    @property
    def sentence(self) -> str:
        """The whole of it, without a full stop."""
        quoted = [f"“{label}”" for label in self.labels]
        named = quoted[-1]
        if len(quoted) > 1:
            named = f"{', '.join(quoted[:-1])} and {named}"
        return f"{named} {self.meaning} ({self.figure})"


@dataclass(frozen=True)
class Found:
    """What was found.

    Attributes:
        lead: what stands before the findings, or is all there is to say.
        findings: the strongest, first those that act together.
    """

    lead: str
    findings: tuple[Finding, ...] = ()

    @property
    def sentence(self) -> str:
        """All of it as one sentence."""
        if not self.findings:
            return self.lead
        return f"{self.lead}{'; '.join(one.sentence for one in self.findings)}."


@dataclass(frozen=True)
class Summary:
    """What was found, how sure it is, and what it cost.

    Attributes:
        found: in parts.
        confidence, cost: a sentence each.
    """

    found: Found
    confidence: str
    cost: str

    @property
    def sentences(self) -> dict[str, str]:
        """The three sentences, by the names that a page gives them."""
        return {
            "Found": self.found.sentence,
            "Confidence": self.confidence,
            "Cost": self.cost,
        }


def summary(
    explanation: Result,
    output: int | str,
    interactions: Sequence[Interaction],
    alone: Mapping[int, float],
) -> Summary:
    """What is to be said in three sentences.

    Args:
        explanation: what to say it of.
        output: of a vector-valued game, which output.
        interactions: those of its tables.
        alone: the effect of each candidate, by position.
    """
    return Summary(
        _found(explanation, output, interactions, alone),
        _confidence(explanation, output),
        _cost(explanation),
    )


def unchanging(explanation: Result, output: int | str) -> bool:
    """Whether the answer is the same whatever was ablated."""
    column = explanation.position(output)
    measured = (explanation.whole, explanation.empty)
    ends = {answers[column] for answers in measured if answers is not None}
    # a fit of nothing may be of what does change
    predicted = explanation.faithfulness.r2[column] >= _LOW
    return predicted and len(ends) < 2 and not explanation.deviation(output)


def worth_saying(interaction: Interaction) -> bool:
    """Whether its share is more than 0.0%."""
    return interaction.share >= _LEAST_SAID


def _found(
    explanation: Result,
    output: int | str,
    interactions: Sequence[Interaction],
    alone: Mapping[int, float],
) -> Found:
    if unchanging(explanation, output):
        return Found(_NEVER_CHANGES)
    if explanation.faithfulness.r2[explanation.position(output)] < _LOW:
        return Found(_NOT_PREDICTED)
    worth = [one for one in interactions if worth_saying(one) and _holds(one)]
    ranked = sorted(worth, key=lambda interaction: -interaction.share)
    if not ranked:
        return Found(_NOTHING)
    # the same figures as in the tables, so that a reader finds them there
    figures = Figures.of(explanation, output)
    kept = explanation.about.when_kept
    findings = [
        Finding(
            interaction.members,
            tuple(" ".join(label.split()) for label in interaction.labels),
            meaning(interaction, alone, kept, "the answer"),
            interaction.effect,
            figures.signed(interaction.effect),
        )
        for interaction in _to_name(ranked)
    ]
    lead = "" if ranked[0].share >= _PART else _WEAK
    return Found(lead, tuple(findings))


def _to_name(ranked: Sequence[Interaction]) -> list[Interaction]:
    """The strongest few, those that act together first; at least the strongest."""
    strong = [one for one in ranked if one.share >= _PART] or ranked[:1]
    together = [one for one in strong if one.order > 1][:_TOGETHER]
    singles = [one for one in strong if one.order == 1]
    return [*together, *singles[: _STRONG - len(together)]]


def _holds(interaction: Interaction) -> bool:
    """Whether nothing that was measured speaks against it."""
    check = interaction.evidence
    refuted = check is not None and check.refuted
    return interaction.audible and not refuted


def _confidence(explanation: Result, output: int | str) -> str:
    """How well it predicts, what was measured again, and what was left out."""
    column = explanation.position(output)
    parts = [_grade(explanation, column), *_measured_again(explanation, column)]
    unchosen = explanation.unchosen
    share = 0.0 if unchosen is None else unchosen.share[column]
    if round(share, 2) > SHARE:
        parts.append(f"but {share:.0%} of the variance is in what was not chosen")
    return f"{'; '.join(parts)}."


def _measured_again(explanation: Result, column: int) -> list[str]:
    checks = explanation.checks
    if checks is None:
        return []
    decided = checks.decided(column)
    if decided:
        holding = sum(not check.refuted for check in decided)
        return [f"{holding} of {len(decided)} effects measured again on the model hold"]
    if checks.found[column]:
        return ["what was measured again on the model was too noisy to say"]
    return []


def _grade(explanation: Result, column: int) -> str:
    """A word, and what it rests on."""
    faithfulness = explanation.faithfulness
    if faithfulness.source == "exact":
        return f"complete. All {faithfulness.masks:,} ways to ablate were tried"
    between = ""
    if faithfulness.intervals:
        low = faithfulness.intervals[column][0]
        between = ", perhaps none"
        if low > 0:
            between = f", at least {low:.2f} in 19 of 20 cases"
    return (
        f"{_grade_word(explanation, column)}. The explanation predicts answers it has"
        f" not seen with R² {faithfulness.r2[column]:.2f} (1 is perfect{between})"
    )


def _grade_word(explanation: Result, column: int) -> str:
    # however well it predicts, it is not to be relied on where its checks fail
    if explanation.checks is not None and explanation.checks.fail(column):
        return "none"
    for word, least in (("high", _HIGH), ("fair", _FAIR), ("low", _LOW)):
        if explanation.faithfulness.r2[column] >= least:
            return word
    return "none"


def _cost(explanation: Result) -> str:
    account = explanation.account
    call = explanation.about.called
    parts = [f"{account.calls} of {account.budget} {call}s paid"]
    if account.reused:
        parts.append(f"{account.reused} reused")
    if account.trainings:
        parts.append(f"{account.trainings} trainings")
    if account.saved:
        parts.append(f"stopped early, {account.saved} {call}s saved")
    return f"{', '.join(parts)}; {account.seconds:.1f} s."
