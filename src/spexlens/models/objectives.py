"""Objectives: what is watched in a model's output, one number (or k) for each row of a batch."""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import torch
from numpy.typing import NDArray

from spexlens.errors import InvalidInput, UnknownLabel
from spexlens.models.huggingface import HuggingFaceModel, Kind, pooling_of

OBJECTIVES: dict[Kind, tuple[str, ...]] = {
    "classifier": ("logit", "log-odds", "probability", "logit difference", "accuracy"),
    "causal": ("log-probability", "mean log-probability", "logit difference", "accuracy"),
    "encoder": ("cosine similarity",),
}
"""The objectives of each kind of model; the first is the default."""

Batch = dict[str, Any]
Pooling = Literal["mean", "cls"]
Target = str | int | Sequence[str | int] | None


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
        """(m,) or (m, k) float64, for `batch` with input_ids and attention_mask of shape (m, L)."""

    def measure(self, model: HuggingFaceModel, batch: Batch) -> NDArray[np.float64]:
        """The answer as an array, (m,) or (m, k) float64, without keeping gradients."""
        with torch.inference_mode():
            return np.asarray(self(model, batch).cpu().numpy(), dtype=np.float64)

    @abstractmethod
    def identity(self) -> list[Any]:
        """Everything that decides the answer beside the model and the batch, as JSON."""


@dataclass
class LabelObjective(Objective):
    """A classifier's answer for one label, or for several at once.

    "log-odds" is the logit less the log-sum-exp of the other labels' logits, so it never saturates.
    A classifier with a single output is read as its own log-odds; one trained for several labels at
    once (`multi_label_classification`) has independent logits. "logit difference" is the label's
    logit less the foil's; "accuracy" is 1 where the model gives the label, else 0.
    """

    indices: tuple[int, ...]
    names: tuple[str, ...]
    unit: str
    independent: bool
    foil: int | None = None

    def __post_init__(self) -> None:
        self.target = ", ".join(self.names)
        self.outputs = self.names if len(self.names) > 1 else None

    def __call__(self, model: HuggingFaceModel, batch: Batch) -> torch.Tensor:
        logits: torch.Tensor = model.model(**batch).logits.double()
        chosen = torch.stack([self._answer(logits, i) for i in self.indices], dim=1)
        return chosen if self.outputs else chosen[:, 0]

    def identity(self) -> list[Any]:
        foil = [] if self.foil is None else [self.foil]
        return ["label", self.indices, self.unit, self.independent, *foil]

    def _answer(self, logits: torch.Tensor, index: int) -> torch.Tensor:
        """(m,) float64, for one label."""
        if self.unit == "accuracy":
            right = logits[:, index] > 0 if self.independent else logits.argmax(dim=1) == index
            return right.double()
        if self.unit == "logit difference":
            return logits[:, index] - logits[:, self.foil]
        if self.unit == "logit":
            return logits[:, index]
        log_odds = logits[:, index]
        if not self.independent:
            others = torch.cat([logits[:, :index], logits[:, index + 1 :]], dim=1)
            log_odds = log_odds - torch.logsumexp(others, dim=1)
        return torch.sigmoid(log_odds) if self.unit == "probability" else log_odds


@dataclass
class CompletionObjective(Objective):
    """A causal model's answer about a fixed completion, teacher-forced.

    "log-probability" is the sum over its tokens, "mean log-probability" the mean. "accuracy" is 1
    where each of them is the likeliest, else 0. "logit difference" is the logit of its one token less
    that of the foil.

    The completion's tokens are the last of every row; rows are padded on the left.
    """

    completion: tuple[int, ...]
    target: str
    unit: str
    foil: int | None = None

    def __call__(self, model: HuggingFaceModel, batch: Batch) -> torch.Tensor:
        count = len(self.completion)
        settings = {"logits_to_keep": count + 1, "use_cache": False}
        last = {name: value for name, value in settings.items() if name in model.accepts}
        logits: torch.Tensor = model.model(**batch, **last).logits[:, -count - 1 : -1].float()
        wanted = torch.tensor(self.completion, device=logits.device)
        if self.unit == "accuracy":
            return (logits.argmax(dim=2) == wanted).all(dim=1).double()
        given = logits.gather(2, wanted[:, None].expand(len(logits), -1, 1))[..., 0].double()
        if self.unit == "logit difference":
            return given[:, 0] - logits[:, 0, self.foil].double()
        scores = given - torch.logsumexp(logits, dim=2).double()
        return scores.mean(dim=1) if self.unit.startswith("mean") else scores.sum(dim=1)

    def identity(self) -> list[Any]:
        return ["completion", self.completion, self.unit, *([] if self.foil is None else [self.foil])]


@dataclass
class SimilarityObjective(Objective):
    """Cosine similarity of the text's embedding to a fixed one, that of `tokens`."""

    reference: NDArray[np.float64]
    tokens: tuple[int, ...]
    pooling: Pooling
    target: str
    unit: str = "cosine similarity"

    def __call__(self, model: HuggingFaceModel, batch: Batch) -> torch.Tensor:
        embedding = embed(model, batch, self.pooling)
        return torch.nn.functional.cosine_similarity(
            embedding, torch.from_numpy(self.reference).to(embedding.device), dim=1
        )

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
    """The pooled last hidden state, (m, d) float64; the mean is over the attended tokens."""
    hidden: torch.Tensor = model.model(**batch).last_hidden_state.double()
    if pooling == "cls":
        return hidden[:, 0]
    weight: torch.Tensor = batch["attention_mask"].double()[..., None]
    return (hidden * weight).sum(dim=1) / weight.sum(dim=1)


def completion_tokens(model: HuggingFaceModel, target: object) -> list[int]:
    """A causal model's target as tokens; none for other kinds of model.

    Raises:
        InvalidInput: the target is not a text, or has words that the tokenizer does not know.
    """
    if model.kind != "causal":
        return []
    if not isinstance(target, str) or not target:
        raise InvalidInput("a causal model needs target='...': the completion whose probability is watched")
    tokens = list(model.tokenizer(target, add_special_tokens=False)["input_ids"])
    if not tokens:
        raise InvalidInput(f"the completion {target!r} has no token")
    unknown = model.tokenizer.unk_token_id
    if unknown in tokens and unknown not in (model.tokenizer.eos_token_id, model.tokenizer.bos_token_id):
        raise InvalidInput(f"the completion {target!r} has a word that the tokenizer does not know")
    return tokens


def objective_for(
    model: HuggingFaceModel,
    objective: str | None,
    target: Target,
    foil: str | int | None,
    completion: Sequence[int],
    text: str,
    whole: Batch,
) -> Objective:
    """What to watch in a model's answer about a text.

    Args:
        model: decides which objectives there are.
        objective: one of `OBJECTIVES`; by default the first of this kind, or "logit difference" where
            a foil is given.
        target: label or labels, completion, or query; by default the predicted label, or the text.
        foil: for "logit difference", the label or completion that the target is compared with.
        completion: a causal model's target as tokens.
        text: the text that is explained.
        whole: the unablated input, for what has to be asked of the model once.

    Raises:
        InvalidInput, UnknownLabel: this kind of model has no such objective, target or foil.
    """
    unit = _unit(model.kind, objective, foil)
    if model.kind == "causal":
        against = None if foil is None else _single_token(model, foil, completion, target)
        return CompletionObjective(tuple(completion), str(target), unit, against)
    if model.kind == "classifier":
        return _label_objective(model, target, foil, unit, whole)
    if target is not None and not isinstance(target, str):
        raise InvalidInput("an encoder's target is a text, the query to compare with")
    pooling = pooling_of(model.name, model.revision)
    whole = whole if target is None else query_of(model, target)
    tokens = tuple(whole["input_ids"][0].tolist())
    with torch.inference_mode():
        reference = embed(model, whole, pooling)[0].cpu().numpy()
    return SimilarityObjective(reference, tokens, pooling, target or text)


def query_of(model: HuggingFaceModel, text: str) -> Batch:
    """A query as a batch of one row.

    Raises:
        InputTooLong: it does not fit the model's window.
    """
    encoded = model.tokenizer(text, truncation=False, padding=False, verbose=False)
    model.refuse_longer_than_window(len(encoded["input_ids"]), "the query")
    return model.tensors({name: np.array([encoded[name]]) for name in ("input_ids", "attention_mask")})


def _unit(kind: Kind, objective: str | None, foil: object) -> str:
    unit = objective or (OBJECTIVES[kind][0] if foil is None else "logit difference")
    if unit not in OBJECTIVES[kind]:
        choices = ", ".join(map(repr, OBJECTIVES[kind]))
        raise InvalidInput(f"a {kind} has no objective {unit!r}; choose one of {choices}")
    if (unit == "logit difference") != (foil is not None):
        raise InvalidInput("objective 'logit difference' and foil=... go together; give both or neither")
    return unit


def _single_token(model: HuggingFaceModel, foil: object, completion: Sequence[int], target: object) -> int:
    """The foil's one token."""
    tokens = completion_tokens(model, foil)
    for text, found in ((target, completion), (foil, tokens)):
        if len(found) != 1:
            raise InvalidInput(f"a logit difference is between single tokens; {text!r} has {len(found)}")
    return tokens[0]


def _label_objective(
    model: HuggingFaceModel, target: Target, foil: str | int | None, unit: str, whole: Batch
) -> LabelObjective:
    labels = model.labels
    if target is None:
        with torch.inference_mode():
            target = int(model.model(**whole).logits[0].argmax())
    indices = label_indices(labels, list(target) if isinstance(target, list | tuple) else [target])
    independent = len(labels) == 1 or model.model.config.problem_type == "multi_label_classification"
    against = None if foil is None else label_indices(labels, [foil])[0]
    return LabelObjective(indices, tuple(labels[i] for i in indices), unit, independent, against)


def label_indices(labels: tuple[str, ...], targets: Sequence[object]) -> tuple[int, ...]:
    """The positions of labels: an integer is a position, a text a name (case aside) or else a position.

    Raises:
        UnknownLabel: there is no such label; the text lists those there are.
    """
    lowered = [label.lower() for label in labels]
    found = []
    for target in targets:
        text = str(target)
        position = int(text) if text.isascii() and text.isdigit() else len(labels)
        if isinstance(target, str) and text in labels:
            found.append(labels.index(text))
        elif isinstance(target, str) and lowered.count(text.lower()) == 1:
            found.append(lowered.index(text.lower()))
        elif position < len(labels):
            found.append(position)
        else:
            raise UnknownLabel(f"unknown label {target!r}; the model's labels are {', '.join(labels)}")
    if not found:
        raise UnknownLabel(f"no label was given; the model's labels are {', '.join(labels)}")
    return tuple(dict.fromkeys(found))
