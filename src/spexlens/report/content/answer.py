"""The answer: what the model says with everything kept, as a reader's first line."""

from math import exp

from spexlens.report.content.figures import Figures
from spexlens.results.result import Result

_CERTAIN = 500  # of log-odds: exp() of more is no number


def answered(explanation: Result, output: int | str) -> str:
    """One sentence; empty where nobody asked."""
    about = explanation.about
    if about.answered is not None and about.probability is not None:
        return _label_given(explanation, output, about.answered, about.probability)

    column = explanation.position(output)
    if explanation.whole is None:
        return ""

    whole = explanation.whole[column]
    number = Figures.of(explanation, column, raw=True).signed(whole)
    target = target_of(explanation, output)
    likely = _probability(explanation.unit, whole)
    # the mean of log-probabilities is no answer's probability
    if likely is not None and target and not about.averaged:
        return (
            f"{about.speaker} gives {target} a probability of {percent(likely)}"
            f" ({explanation.unit} {number})."
        )
    unit = explanation.unit + of_target(explanation, output)
    return f"{about.speaker} answers {number}{about.average} ({unit})."


def percent(probability: float) -> str:
    """Of one that is not certain, never 0% or 100%."""
    # a rounded 100% would say that nothing else can be
    if 0 < probability < 0.001:
        return "less than 0.1%"
    if 0.999 < probability < 1:
        return "more than 99.9%"
    return f"{probability:.1%}"


def target_of(explanation: Result, output: int | str) -> str | None:
    """What is watched: an output by its name, or what the game says."""
    if explanation.outputs:
        return explanation.outputs[explanation.position(output)]
    return explanation.about.target


def of_target(explanation: Result, output: int | str) -> str:
    """What is watched, as it stands behind its unit."""
    target = target_of(explanation, output)
    foil = explanation.about.foil
    of = f" of {target}" if target else ""
    over = "" if foil is None else f" over {foil}"
    return of + over


def _label_given(
    explanation: Result, output: int | str, label: str, probability: float
) -> str:
    """The label that the model gives; and the answer, where it is of another."""
    sentence = f"The model's answer: {label}, with a probability of"
    if label == target_of(explanation, output) or explanation.whole is None:
        return f"{sentence} {percent(probability)}."

    # the model says one label, and another is explained
    column = explanation.position(output)
    whole = explanation.whole[column]
    number = Figures.of(explanation, column, raw=True).signed(whole)
    unit = explanation.unit + of_target(explanation, output)
    return f"{sentence} {percent(probability)} ({unit} {number})."


def _probability(unit: str, answer: float) -> float | None:
    """What an answer in a unit is as a probability; None where it says none."""
    if unit == "probability":
        return answer if 0 <= answer <= 1 else None
    if unit == "log-probability":
        return exp(answer) if answer <= 0 else None
    if unit != "log-odds":
        return None
    if abs(answer) >= _CERTAIN:
        return float(answer > 0)
    return 1.0 / (1.0 + exp(-answer))
