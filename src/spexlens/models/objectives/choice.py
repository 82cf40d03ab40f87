"""Choice: which objectives a model has, and the one that is asked for."""

from collections.abc import Sequence

from spexlens.arguments import did_you_mean, named
from spexlens.errors import InvalidInput
from spexlens.models.kinds import Kind
from spexlens.models.model import HuggingFaceModel
from spexlens.models.objectives.completions import (
    COMPLETION_UNITS,
    completion_objective,
)
from spexlens.models.objectives.labels import LABEL_UNITS, REGRESSION, label_objective
from spexlens.models.objectives.objective import Objective
from spexlens.models.objectives.similarity import SIMILARITY_UNITS, similarity_objective
from spexlens.models.reading import Completion, Reading

OBJECTIVES: dict[Kind, tuple[str, ...]] = {
    "classifier": LABEL_UNITS,
    "causal": COMPLETION_UNITS,
    "encoder": SIMILARITY_UNITS,
}
"""The objectives of each kind of model; the first is the default."""

Target = str | int | Sequence[str | int] | Completion | None
"""A label or several, a completion, a query, or None for what the model says itself."""

_KIND_NAMES: dict[Kind, str] = {
    "classifier": "a classifier",
    "causal": "a causal model",
    "encoder": "an encoder",
}


def objective_for(
    model: HuggingFaceModel,
    objective: str | None,
    target: Target,
    foil: str | int | None,
    readings: Sequence[Reading],
    text: str,
    against: Reading | None = None,
    queried: Sequence[Reading] = (),
) -> Objective:
    """What to watch in a model's answer about a text.

    Args:
        model: decides which objectives there are.
        objective: one of `objectives_of`; by default the first of them, or "logit
            difference" where a foil is given.
        target: label or labels, completion, or query; by default the predicted label,
            or the text.
        foil: for "logit difference", the label or completion that the target is
            compared with.
        readings: the unablated input, one reading or one a window; of a causal model
            one, with the completion behind it.
        text: the text that is explained.
        against: of a causal model, the same with the foil behind it.
        queried: what is read of a query by windows; empty where it is read at once.

    Raises:
        InvalidInput, UnknownLabel: this kind of model has no such objective, target or
            foil.
    """
    unit = _unit(model, objective, foil)
    if model.kind == "causal":
        return completion_objective(unit, target, readings[0], foil, against)
    parts = [model.tensors(reading.arrays()) for reading in readings]
    if model.kind == "classifier":
        return label_objective(model, unit, target, foil, parts)
    return similarity_objective(model, target, text, parts, queried)


def objectives_of(model: HuggingFaceModel) -> tuple[str, ...]:
    """The objectives that there are, the default first.

    Of a classifier its problem type decides.
    """
    if model.kind == "classifier" and model.model.config.problem_type == "regression":
        return REGRESSION
    return OBJECTIVES[model.kind]


def _unit(model: HuggingFaceModel, objective: str | None, foil: object) -> str:
    known = objectives_of(model)
    default = known[0] if foil is None else "logit difference"
    unit = objective or default
    if unit not in known:
        what = _KIND_NAMES[model.kind]
        if known is REGRESSION:
            what = "a classifier trained for numbers"
        raise InvalidInput(
            f"{what} has no objective {unit!r}; {did_you_mean(unit, known)}choose one"
            f" of {', '.join(known)}"
        )
    if (unit == "logit difference") != (foil is not None):
        raise InvalidInput(
            f"objective 'logit difference' and {named('foil')} go together; give both"
            " or neither"
        )
    return unit
