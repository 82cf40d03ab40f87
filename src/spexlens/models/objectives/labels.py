"""Labels: what is watched in a classifier's answer."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import torch

from spexlens.arguments import did_you_mean, shown
from spexlens.errors import ModelError, UnknownLabel
from spexlens.models.log_probabilities import label_log_odds
from spexlens.models.model import HuggingFaceModel
from spexlens.models.objectives.objective import AveragedObjective, Batch

REGRESSION = ("prediction",)
"""Those of a classifier whose head predicts numbers: they are no logits of anything."""

_DIGITS = 10  # a longer number is no position, and int() need not read it


@dataclass
class LabelObjective(AveragedObjective):
    """A classifier's answer for one label, or for several at once.

    "log-odds" is the logit less the log-sum-exp of the other labels' logits, so it
    never saturates. A classifier with a single output is read as its own log-odds; one
    trained for several labels at once (`multi_label_classification`) has independent
    logits. "logit difference" is the label's logit less the foil's; "accuracy" is 1
    where the model gives the label, else 0. Of a head trained for numbers
    (`regression`) "prediction" is the number.
    """

    indices: tuple[int, ...]
    names: tuple[str, ...]
    unit: str
    independent: bool
    foil: int | None = None
    answered: tuple[str, float] | None = None
    """The label that the model gives the text, and its probability; None of numbers."""

    def __post_init__(self) -> None:
        self.target = ", ".join(self.names)
        self.outputs = self.names if len(self.names) > 1 else None

    averaged = "logits"

    def raw(self, model: HuggingFaceModel, batch: Batch) -> torch.Tensor:
        return label_logits(model, batch)

    def answer(self, raw: torch.Tensor) -> torch.Tensor:
        watched = _WATCHED[self.unit]
        columns = [watched(self, raw, label) for label in self.indices]
        answers = torch.stack(columns, dim=1)
        return answers if self.outputs else answers[:, 0]

    def identity(self) -> list[Any]:
        foil = [] if self.foil is None else [self.foil]
        return ["label", self.indices, self.unit, self.independent, *foil]

    def facts(self) -> dict[str, Any]:
        """The label that the model gives, and its probability."""
        if self.answered is None:
            return {}
        label, probability = self.answered
        return {"answered": label, "probability": probability}


_Watched = Callable[[LabelObjective, torch.Tensor, int], torch.Tensor]
"""An objective, logits (m, labels) float64 and a label -> (m,) float64."""


def _logit(_: LabelObjective, logits: torch.Tensor, label: int) -> torch.Tensor:
    return logits[:, label]


def _log_odds(
    objective: LabelObjective, logits: torch.Tensor, label: int
) -> torch.Tensor:
    # An independent label's logit is its log-odds: no other label takes from it.
    if objective.independent:
        return logits[:, label]
    return label_log_odds(logits, label)


def _probability(
    objective: LabelObjective, logits: torch.Tensor, label: int
) -> torch.Tensor:
    return torch.sigmoid(_log_odds(objective, logits, label))


def _logit_difference(
    objective: LabelObjective, logits: torch.Tensor, label: int
) -> torch.Tensor:
    return logits[:, label] - logits[:, objective.foil]


def _accuracy(
    objective: LabelObjective, logits: torch.Tensor, label: int
) -> torch.Tensor:
    if objective.independent:
        return (logits[:, label] > 0).double()
    return (logits.argmax(dim=1) == label).double()


_WATCHED: dict[str, _Watched] = {
    "logit": _logit,
    "log-odds": _log_odds,
    "probability": _probability,
    "logit difference": _logit_difference,
    "accuracy": _accuracy,
    "prediction": _logit,
}

LABEL_UNITS = tuple(unit for unit in _WATCHED if unit not in REGRESSION)
"""The objectives of a classifier that chooses labels; the first is the default."""


def label_logits(model: HuggingFaceModel, batch: Batch) -> torch.Tensor:
    """A classifier's logits, (m, labels) float64.

    Raises:
        ModelError: it does not answer with one logit a label for each text.
    """
    logits = getattr(model.outputs(batch), "logits", None)
    if logits is None or logits.ndim != 2:
        raise ModelError(
            f"{type(model.model).__name__} gives no logits of labels for a text: it is"
            " no classifier"
        )
    answers: torch.Tensor = logits.double()
    return answers


def label_objective(
    model: HuggingFaceModel,
    unit: str,
    target: object,
    foil: object,
    parts: Sequence[Batch],
) -> LabelObjective:
    """What to watch of a classifier.

    Args:
        model: a classifier.
        unit: one of its objectives.
        target: a label, a list of labels, or None for the one that it gives the text.
        foil: the label to compare with, or None.
        parts: the unablated text, as one batch or a batch a window.

    Raises:
        UnknownLabel: it has no such label.
        ModelError: it gives no logits of labels.
    """
    labels = model.labels
    # Refused before the model is asked, which may take long.
    targets = _targets(labels, target)
    against = None if foil is None else label_indices(labels, [foil])[0]
    problem = model.model.config.problem_type
    independent = len(labels) == 1 or problem == "multi_label_classification"
    with torch.inference_mode():
        windows = [label_logits(model, part) for part in parts]
        logits = torch.cat(windows).mean(dim=0)
    likeliest = int(logits.argmax())
    answered = None
    if unit not in REGRESSION:
        probability = _probabilities(logits, independent)[likeliest]
        answered = (labels[likeliest], float(probability))
    indices = targets or (likeliest,)
    names = tuple(labels[label] for label in indices)
    return LabelObjective(indices, names, unit, independent, against, answered)


def _targets(labels: tuple[str, ...], target: object) -> tuple[int, ...]:
    """The labels that are asked for, one or several; none where none is."""
    if target is None:
        return ()
    if isinstance(target, list | tuple):
        return label_indices(labels, target)
    return label_indices(labels, [target])


def _probabilities(logits: torch.Tensor, independent: bool) -> torch.Tensor:
    """(labels,), of the logits of one text."""
    return torch.sigmoid(logits) if independent else torch.softmax(logits, dim=0)


def label_indices(
    labels: tuple[str, ...], targets: Sequence[object]
) -> tuple[int, ...]:
    """The positions of labels.

    An integer is a position, a text a name (case aside) or else a position.

    Args:
        labels: as `HuggingFaceModel.labels` shows them: of those of one name, each with
            its number.
        targets: what is asked for.

    Raises:
        UnknownLabel: there is no such label, or several; the text lists those there
            are.
    """
    positions = [_label_index(labels, target) for target in targets]
    if not positions:
        raise UnknownLabel(
            f"no label was given; the model's labels are {', '.join(labels)}"
        )
    return tuple(dict.fromkeys(positions))


def _label_index(labels: tuple[str, ...], target: object) -> int:
    text = str(target)
    # A name goes before a position: labels may be called "0" and "1", in any order.
    position = _named(labels, text) if isinstance(target, str) else None
    if position is not None:
        return position
    if text.isascii() and text.isdigit() and len(text) < _DIGITS:
        position = int(text)
        if position < len(labels):
            return position
    raise UnknownLabel(
        f"unknown label {shown(target)}; {did_you_mean(target, labels)}"
        f"the model's labels are {', '.join(labels)}"
    )


def _named(labels: tuple[str, ...], name: str) -> int | None:
    """The position of the one label of a name, to the letter or case aside, or None.

    Raises:
        UnknownLabel: there are several, which are told apart by their numbers.
    """
    if labels.count(name) == 1:
        return labels.index(name)
    lowered = name.lower()
    folded = [label.lower() for label in labels]
    if folded.count(lowered) == 1:
        return folded.index(lowered)
    alike = [label for label in labels if lowered in _lower_names(label)]
    if alike and name:
        raise UnknownLabel(
            f"{shown(name)} is the name of several labels: say which of"
            f" {', '.join(alike)}"
        )
    return None


def _lower_names(label: str) -> tuple[str, str]:
    """A label in lower case, with its number and without it."""
    lowered = label.lower()
    return lowered, lowered.rpartition(" #")[0]
