"""The answer: what the model says with everything kept, as a reader's first line."""

from math import exp

from spexlens.report.content.figures import Figures
from spexlens.results.result import Result


def answered(explanation: Result, output: int | str) -> str:
    """One sentence; empty where nobody asked."""
    column = explanation.position(output)
    facts = explanation.facts
    target = _target(explanation, output)
    whole = None if explanation.whole is None else explanation.whole[column]
    number = (
        "" if whole is None else Figures.of(explanation, column, raw=True).signed(whole)
    )
    unit = explanation.unit + of_target(explanation, output)
    label = facts.get("answered")
    probability = facts.get("probability")
    if label is not None and probability is not None:
        said = (
            f"The model's answer: {label}, with a probability of {percent(probability)}"
        )
        return (
            f"{said}."
            if label == target or not number
            else f"{said} ({unit} {number})."
        )
    if whole is None:
        return ""
    whose, given = _whose(explanation)
    likely = _probability(explanation.unit, whole)
    if (
        likely is not None
        and target
        and not facts.get("texts")
        and not facts.get("mean")
    ):
        return (
            f"{whose} gives {target} a probability of {percent(likely)}"
            f" ({explanation.unit} {number})."
        )
    return f"{whose} answers {number}{given} ({unit})."


def percent(probability: float) -> str:
    """Of one that is not certain, never 0% or 100%."""
    if 0 < probability < 0.001:
        return "less than 0.1%"
    if 0.999 < probability < 1:
        return "more than 99.9%"
    return f"{probability:.1%}"


def _whose(explanation: Result) -> tuple[str, str]:
    """Who answers, and to what."""
    facts = explanation.facts
    if facts.get("call") == "retraining":
        tests = (
            facts["tests"]
            if isinstance(facts.get("tests"), int)
            else len(facts.get("tests") or ())
        )
        over = f" on average over {tests} test points" if facts.get("mean") else ""
        return "Trained on everything, the model", over
    if facts.get("texts"):
        return "The model", f" on average over {len(facts['texts'])} prompts"
    return (
        ("The model", "")
        if facts.get("model")
        else ("With everything kept, the function", "")
    )


def of_target(explanation: Result, output: int | str) -> str:
    """What is watched, behind its unit."""
    target = _target(explanation, output)
    foil = explanation.facts.get("foil")
    return (f" of {target}" if target else "") + (
        f" over {foil}" if foil is not None else ""
    )


def _target(explanation: Result, output: int | str) -> str | None:
    if explanation.outputs:
        return explanation.outputs[explanation.position(output)]
    return explanation.facts.get("target")


def _probability(unit: str, answer: float) -> float | None:
    """What an answer in a unit is as a probability; None where it says none."""
    if unit == "probability":
        return answer if 0 <= answer <= 1 else None
    if unit == "log-probability":
        return exp(answer) if answer <= 0 else None
    if unit == "log-odds":
        return 1.0 / (1.0 + exp(-answer)) if abs(answer) < 500 else float(answer > 0)
    return None
