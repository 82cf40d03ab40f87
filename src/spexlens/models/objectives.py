"""Objectives: what is watched in a model's output, one number (or k) for each row of a
batch.
"""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from spexlens.arguments import did_you_mean, named, readable, shown
from spexlens.errors import InvalidInput, ModelError, UnknownLabel
from spexlens.models.kinds import Kind
from spexlens.models.model import HuggingFaceModel
from spexlens.models.pooling import Pooling, pooled
from spexlens.models.reading import Completion, Reading, read, refuse_far_longer

OBJECTIVES: dict[Kind, tuple[str, ...]] = {
    "classifier": ("logit", "log-odds", "probability", "logit difference", "accuracy"),
    "causal": (
        "log-probability",
        "mean log-probability",
        "logit difference",
        "accuracy",
    ),
    "encoder": ("cosine similarity",),
}
"""The objectives of each kind of model; the first is the default."""

REGRESSION = ("prediction",)
"""Those of a classifier whose head predicts numbers: they are no logits of anything."""

Batch = dict[str, Any]
Target = str | int | Sequence[str | int] | Completion | None


class Objective(ABC):
    """A model's answer to a batch.

    Attributes:
        unit: what the answer is measured in.
        target: what it is about, for people to read.
        outputs: names of the k answers where there are several.
    """

    unit: str
    target: str
    outputs: tuple[str, ...] | None = None

    @abstractmethod
    def __call__(self, model: HuggingFaceModel, batch: Batch) -> torch.Tensor:
        """(m,) or (m, k) float64, for `batch` with input_ids and attention_mask of
        shape (m, L).
        """

    def measure(self, model: HuggingFaceModel, batch: Batch) -> NDArray[np.float64]:
        """The answer as an array, (m,) or (m, k) float64, without keeping gradients."""
        with torch.inference_mode():
            return np.asarray(self(model, batch).cpu().numpy(), dtype=np.float64)

    @abstractmethod
    def identity(self) -> list[Any]:
        """Everything that decides the answer beside the model and the batch, as JSON."""

    def facts(self) -> dict[str, Any]:
        """What the model answers to what is explained, as far as that was asked."""
        return {}


class AveragedObjective(Objective):
    """An answer computed from something of which several windows of one text can take
    the mean.
    """

    averaged: str
    """What that is called, for people to read."""

    @abstractmethod
    def raw(self, model: HuggingFaceModel, batch: Batch) -> torch.Tensor:
        """(m, r) float64, what the answer is computed from."""

    @abstractmethod
    def answer(self, raw: torch.Tensor) -> torch.Tensor:
        """(m, r) -> (m,) or (m, k) float64, the answer."""

    def __call__(self, model: HuggingFaceModel, batch: Batch) -> torch.Tensor:
        return self.answer(self.raw(model, batch))


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
        chosen = torch.stack([self._answer(raw, i) for i in self.indices], dim=1)
        return chosen if self.outputs else chosen[:, 0]

    def identity(self) -> list[Any]:
        foil = [] if self.foil is None else [self.foil]
        return ["label", self.indices, self.unit, self.independent, *foil]

    def facts(self) -> dict[str, Any]:
        """The label that the model gives, and its probability."""
        if self.answered is None:
            return {}
        label, probability = self.answered
        return {"answered": label, "probability": probability}

    def _answer(self, logits: torch.Tensor, index: int) -> torch.Tensor:
        """(m,) float64, for one label."""
        if self.unit == "accuracy":
            right = (
                logits[:, index] > 0
                if self.independent
                else logits.argmax(dim=1) == index
            )
            return right.double()
        if self.unit == "logit difference":
            return logits[:, index] - logits[:, self.foil]
        if self.unit in ("logit", "prediction"):
            return logits[:, index]
        log_odds = logits[:, index]
        if not self.independent:
            others = torch.cat([logits[:, :index], logits[:, index + 1 :]], dim=1)
            log_odds = log_odds - torch.logsumexp(others, dim=1)
        return torch.sigmoid(log_odds) if self.unit == "probability" else log_odds


@dataclass
class CompletionObjective(Objective):
    """A causal model's answer about a fixed completion, teacher-forced.

    "log-probability" is the sum over its tokens, "mean log-probability" the mean.
    "accuracy" is 1 where each of them is the likeliest, else 0. "logit difference" is
    the logit of its one token less that of the foil.

    The completion's tokens are the last of every row, before what it is padded with on
    the right. Of a model that looks ahead each token is scored in a pass of its own,
    which ends before it; rows are of one length.
    """

    completion: tuple[int, ...]
    target: str
    unit: str
    foil: int | None = None

    def __call__(self, model: HuggingFaceModel, batch: Batch) -> torch.Tensor:
        logits = (
            self._ahead(model, batch) if model.ahead else self._at_once(model, batch)
        )
        wanted = torch.tensor(self.completion, device=logits.device)
        if self.unit == "accuracy":
            return (logits.argmax(dim=2) == wanted).all(dim=1).double()
        given = logits.gather(2, wanted[:, None].expand(len(logits), -1, 1))[
            ..., 0
        ].double()
        if self.unit == "logit difference":
            return given[:, 0] - logits[:, 0, self.foil].double()
        scores = given - torch.logsumexp(logits.double(), dim=2)
        return scores.mean(dim=1) if self.unit.startswith("mean") else scores.sum(dim=1)

    def _at_once(self, model: HuggingFaceModel, batch: Batch) -> torch.Tensor:
        """(m, c, V) float32, the logits that predict each token of the completion."""
        count = len(self.completion)
        longest = batch["attention_mask"].shape[1]
        ends = longest - batch["attention_mask"].flip(1).argmax(dim=1)
        kept = longest - int(ends.min()) + count + 1
        logits: torch.Tensor = model.outputs(batch, logits_to_keep=kept).logits
        first = ends - count - 1 - (longest - logits.shape[1])
        places = first[:, None] + torch.arange(count, device=first.device)
        rows = torch.arange(len(logits), device=logits.device)[:, None]
        return logits[rows, places.to(logits.device)].float()

    def _ahead(self, model: HuggingFaceModel, batch: Batch) -> torch.Tensor:
        """The same, of rows of one length, from what comes before each token alone."""
        longest = batch["attention_mask"].shape[1]
        found = []
        for left in range(len(self.completion), 0, -1):
            before = {
                name: tensor[:, : longest - left] for name, tensor in batch.items()
            }
            found.append(model.outputs(before).logits[:, -1].float())
        return torch.stack(found, dim=1)

    def identity(self) -> list[Any]:
        return [
            "completion",
            self.completion,
            self.unit,
            *([] if self.foil is None else [self.foil]),
        ]


@dataclass
class SimilarityObjective(AveragedObjective):
    """Cosine similarity of the text's embedding to a fixed one, that of `tokens`."""

    reference: NDArray[np.float64]
    tokens: tuple[int, ...]
    pooling: Pooling
    target: str
    unit: str = "cosine similarity"

    averaged = "embeddings"

    def raw(self, model: HuggingFaceModel, batch: Batch) -> torch.Tensor:
        return embed(model, batch, self.pooling)

    def answer(self, raw: torch.Tensor) -> torch.Tensor:
        reference = torch.from_numpy(self.reference).to(raw.device)
        return torch.nn.functional.cosine_similarity(raw, reference, dim=1)

    def identity(self) -> list[Any]:
        return ["similarity", self.tokens, self.pooling]


@dataclass
class PairObjective(Objective):
    """Cosine similarity of a text's embedding to a query's, both as the model is now."""

    query: Batch
    pooling: Pooling
    target: str
    unit: str = "cosine similarity"

    def __call__(self, model: HuggingFaceModel, batch: Batch) -> torch.Tensor:
        rows = len(batch["input_ids"])
        query = {name: tensor.repeat(rows, 1) for name, tensor in self.query.items()}
        texts, queries = (embed(model, each, self.pooling) for each in (batch, query))
        return torch.nn.functional.cosine_similarity(texts, queries, dim=1)

    def identity(self) -> list[Any]:
        return ["pair", self.query["input_ids"].tolist(), self.pooling]


def embed(model: HuggingFaceModel, batch: Batch, pooling: Pooling) -> torch.Tensor:
    """The pooled last hidden state, (m, d) float64, of the attended tokens of rows
    padded on the right.

    Raises:
        ModelError: the model gives none.
    """
    hidden = getattr(model.outputs(batch), "last_hidden_state", None)
    if hidden is None:
        raise ModelError(
            f"{type(model.model).__name__} gives no hidden states of its tokens: it is"
            " no encoder"
        )
    return pooled(hidden.double(), batch["attention_mask"], pooling)


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


def completion_of(model: HuggingFaceModel, target: object) -> str | Completion | None:
    """A causal model's target as a completion; none for other kinds of model.

    Raises:
        InvalidInput: the target is not a text.
    """
    if model.kind != "causal":
        return None
    if isinstance(target, Completion):
        return target
    if not isinstance(target, str) or not target:
        raise InvalidInput(
            f"a causal model needs {named('target')}: the completion whose probability"
            " is watched"
        )
    return readable(target, "the completion")


def objective_for(
    model: HuggingFaceModel,
    objective: str | None,
    target: Target,
    foil: str | int | None,
    reading: Reading,
    text: str,
    against: Reading | None = None,
    windows: Sequence[Reading] = (),
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
        reading: the unablated input, of a causal model with the completion behind it.
        text: the text that is explained.
        against: of a causal model, the same with the foil behind it.
        windows: of a text that is read by windows, what is read of each, instead of
            `reading`.
        queried: of a query that is read by windows, likewise.

    Raises:
        InvalidInput, UnknownLabel: this kind of model has no such objective, target or
            foil.
    """
    unit = _unit(model, objective, foil)
    if model.kind == "causal":
        said = target.text if isinstance(target, Completion) else str(target)
        other = (
            None
            if against is None
            else _single_token(reading, said, against, str(foil))
        )
        return CompletionObjective(reading.completed, said, unit, other)
    parts = [model.tensors(part.arrays()) for part in windows or (reading,)]
    if model.kind == "classifier":
        return _label_objective(model, target, foil, unit, parts)
    if target is not None and not isinstance(target, str):
        raise InvalidInput("an encoder's target is a text, the query to compare with")
    pooling = model.sentence.pooling
    if target is not None:
        parts = [model.tensors(part.arrays()) for part in queried] or [
            query_of(model, target)
        ]
    tokens = tuple(token for part in parts for token in part["input_ids"][0].tolist())
    with torch.inference_mode():
        embeddings = torch.cat([embed(model, part, pooling) for part in parts])
    reference = embeddings.mean(dim=0).cpu().numpy()
    return SimilarityObjective(reference, tokens, pooling, target or text)


def query_of(model: HuggingFaceModel, text: str) -> Batch:
    """A query as a batch of one row.

    Raises:
        InputTooLong: it does not fit the model's window.
    """
    refuse_far_longer(model, readable(text, "the query"), "the query")
    reading = read(model, text)
    model.refuse_longer_than_window(len(reading), "the query")
    return model.tensors(reading.arrays())


def objectives_of(model: HuggingFaceModel) -> tuple[str, ...]:
    """The objectives that there are, the default first; of a classifier its problem
    type decides.
    """
    regression = model.model.config.problem_type == "regression"
    return (
        REGRESSION
        if model.kind == "classifier" and regression
        else OBJECTIVES[model.kind]
    )


def _unit(model: HuggingFaceModel, objective: str | None, foil: object) -> str:
    known = objectives_of(model)
    unit = objective or (known[0] if foil is None else "logit difference")
    if unit not in known:
        names = {
            "classifier": "a classifier",
            "causal": "a causal model",
            "encoder": "an encoder",
        }
        what = (
            "a classifier trained for numbers"
            if known is REGRESSION
            else names[model.kind]
        )
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


def _single_token(target: Reading, said: str, foil: Reading, against: str) -> int:
    """The foil's one token, behind the same prompt as the target's.

    Raises:
        InvalidInput: either has several, or they do not follow the same tokens.
    """
    for text, found in ((said, target.completed), (against, foil.completed)):
        if len(found) != 1:
            raise InvalidInput(
                f"a logit difference is between single tokens; {text!r} has"
                f" {len(found)}"
            )
    if target.prompt != foil.prompt:
        raise InvalidInput(
            f"{said!r} and {against!r} are not tokenised behind the same prompt, so"
            " that their logits are answers to two questions; begin both with a space,"
            " or neither"
        )
    return foil.completed[0]


def _label_objective(
    model: HuggingFaceModel,
    target: Target,
    foil: str | int | None,
    unit: str,
    parts: Sequence[Batch],
) -> LabelObjective:
    labels = model.labels
    indices: tuple[int, ...] = ()
    if target is not None:
        indices = label_indices(
            labels, list(target) if isinstance(target, list | tuple) else [target]
        )
    against = None if foil is None else label_indices(labels, [foil])[0]
    independent = (
        len(labels) == 1
        or model.model.config.problem_type == "multi_label_classification"
    )
    with torch.inference_mode():
        logits = torch.cat([label_logits(model, part) for part in parts]).mean(dim=0)
    likeliest = int(logits.argmax())
    answered = None
    if unit not in REGRESSION:
        probabilities = (
            torch.sigmoid(logits) if independent else torch.softmax(logits, dim=0)
        )
        answered = (labels[likeliest], float(probabilities[likeliest]))
    indices = indices or (likeliest,)
    return LabelObjective(
        indices, tuple(labels[i] for i in indices), unit, independent, against, answered
    )


def label_indices(
    labels: tuple[str, ...], targets: Sequence[object]
) -> tuple[int, ...]:
    """The positions of labels: an integer is a position, a text a name (case aside) or
    else a position.

    Args:
        labels: as `HuggingFaceModel.labels` shows them: of those of one name, each with
            its number.
        targets: what is asked for.

    Raises:
        UnknownLabel: there is no such label, or several; the text lists those there
            are.
    """
    found = tuple(dict.fromkeys(_label_index(labels, target) for target in targets))
    if not found:
        raise UnknownLabel(
            f"no label was given; the model's labels are {', '.join(labels)}"
        )
    return found


def _label_index(labels: tuple[str, ...], target: object) -> int:
    text = str(target)
    if isinstance(target, str):
        folded = [label.lower() for label in labels]
        if labels.count(text) == 1:
            return labels.index(text)
        if folded.count(text.lower()) == 1:
            return folded.index(text.lower())
        alike = [
            label
            for label in labels
            if text.lower() in (label.lower(), label.lower().rpartition(" #")[0])
        ]
        if alike and text:
            raise UnknownLabel(
                f"{shown(target)} is the name of several labels: say which of"
                f" {', '.join(alike)}"
            )
    if text.isascii() and text.isdigit() and len(text) < 10 and int(text) < len(labels):
        return int(text)
    raise UnknownLabel(
        f"unknown label {shown(target)}; {did_you_mean(target, labels)}"
        f"the model's labels are {', '.join(labels)}"
    )
