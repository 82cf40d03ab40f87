"""Fine-tuning: a Hugging Face classifier or causal model, trained on one subset at a time."""

import copy
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from numpy.typing import NDArray

from spexlens.errors import InvalidInput, ModelError
from spexlens.learners.base import Fitted, Learner, Read, Task, Trainer, classes_of

if TYPE_CHECKING:
    import torch
    from transformers import PreTrainedModel, PreTrainedTokenizerBase

    from spexlens.models.huggingface import HuggingFaceModel

_AFTER_LAYERS = ("pooler", "norm", "ln_f", "final_layer_norm", "final_layernorm")
_CLIPPED = 1.0
_IGNORED = -100

DIVERGED = "training diverged: the model as it was at the start counts"
NOTHING = "nothing was kept: the model as it was at the start counts"


@dataclass(frozen=True)
class FineTuning(Learner):
    """A classifier or causal language model of Hugging Face, fine-tuned on one subset after the other.

    AdamW with a linearly falling rate and gradients clipped at norm 1. Each training begins with the very
    same weights; the order of the examples (one that is left out is passed over), dropout and the weights
    of a new head are the seed's. A causal model learns to continue a prompt with its label, or a whole
    text where there are no labels. Texts longer than the model's window are cut, and the facts say how many.

    Attributes:
        model: hub id, local directory, or a model in memory (then with its tokenizer), which is as before
            after each training. A model that does not know the labels gets a new head.
        train: "head", "all", or the number of last layers that are trained beside the head.
        epochs: passes over the examples.
        learning_rate: by default 1e-3 for a head, else 5e-5.
        rows: examples a step.
        weight_decay: of AdamW.
        tokenizer, revision, device, trust_remote_code: see `models.huggingface.load`.
        kind: "classifier" or "causal"; by default a causal model if it is one, else a classifier.
    """

    model: "str | Path | PreTrainedModel"
    train: int | Literal["head", "all"] = "head"
    epochs: int = 3
    learning_rate: float | None = None
    rows: int = 8
    weight_decay: float = 0.0
    tokenizer: "PreTrainedTokenizerBase | None" = None
    kind: Literal["classifier", "causal"] | None = None
    revision: str | None = None
    device: str | None = None
    trust_remote_code: bool = False

    def prepare(self, task: Task) -> "Trainer":
        if self.epochs < 1 or self.rows < 1:
            raise InvalidInput(f"epochs and rows are at least 1; got {self.epochs} and {self.rows}")
        if not (self.train in ("head", "all") or (isinstance(self.train, int) and self.train > 0)):
            raise InvalidInput(f"train is 'head', 'all' or a number of last layers; got {self.train!r}")
        if not task.textual:
            raise InvalidInput("a language model is fine-tuned on texts; these examples are numbers")
        return _FineTuner(self, task)


class _FineTuner(Trainer):
    seeded = True
    batch_size = 1
    _read: Read | None

    def __init__(self, learner: FineTuning, task: Task) -> None:
        self._learner = learner
        self._model, fresh = _loaded(learner, task)
        self._rate = learner.learning_rate or (1e-3 if learner.train == "head" else 5e-5)
        if self._model.kind == "causal":
            self.answer: Any = "completions"
            self._refuse_without_completions(task)
        else:
            self.answer = "log-probabilities"
            self.classes, codes = classes_of(task, "a classifier")
            self._columns = _columns_of(self.classes, self._model.labels)
            self._targets = self._columns[codes]
        self._truncated, self._read, self._test_labels = 0, None, task.test_labels
        self.model = self._model
        self._train_rows = self._tokenised(task.inputs, task.labels)
        self._test_rows = self._tokenised(task.tests, task.test_labels)
        named = dict(self._model.model.named_parameters())
        self._fresh = [named[name] for name in sorted(fresh) if name in named]
        self._start_afresh(0)
        self._trained = _chosen(self._model.model, learner.train)
        tuned = {id(each) for each in self._trained}
        self._start = [each.detach().clone() for each in self._trained]
        self._fresh = [each for each in self._fresh if id(each) in tuned]

    def fit(self, kept: NDArray[np.bool_], seeds: NDArray[np.int64]) -> Fitted:
        answers, remarks = [], {}
        with self._borrowed():
            for row, (mask, seed) in enumerate(zip(kept, seeds.tolist(), strict=True)):
                self._restore(seed)
                members = np.flatnonzero(mask)
                if len(members):
                    self._train(members, seed)
                else:
                    remarks[row] = NOTHING
                answer = self._answers()
                if not np.isfinite(answer).all():
                    self._restore(seed)
                    answer, remarks[row] = self._answers(), DIVERGED
                answers.append(answer)
        return Fitted(np.stack(answers), remarks)

    def asking(self, tests: NDArray[Any]) -> Trainer:
        other = copy.copy(self)
        labels = None if self._test_labels is None else np.repeat(self._test_labels[:1], len(tests))
        other._test_rows = self._tokenised(tests, labels)
        return other

    def reading(self, read: Read) -> Trainer:
        other = copy.copy(self)
        other._read = read
        return other

    def _train(self, members: NDArray[np.int64], seed: int) -> None:
        import torch

        model, s = self._model.model, self._learner
        optimizer = torch.optim.AdamW(self._trained, lr=self._rate, weight_decay=s.weight_decay)
        steps = s.epochs * -(-len(members) // s.rows)
        falling = torch.optim.lr_scheduler.LambdaLR(optimizer, lambda step: 1.0 - step / steps)
        torch.nn.Module.train(model)
        order = np.random.default_rng(seed)
        torch.manual_seed(seed)
        for _ in range(s.epochs):
            drawn = order.permutation(len(self._train_rows))
            drawn = drawn[np.isin(drawn, members)]
            for first in range(0, len(drawn), s.rows):
                optimizer.zero_grad()
                self._loss(drawn[first : first + s.rows].tolist()).backward()  # type: ignore[no-untyped-call]
                torch.nn.utils.clip_grad_norm_(self._trained, _CLIPPED)
                optimizer.step()
                falling.step()

    def _loss(self, rows: list[int]) -> "torch.Tensor":
        """The mean cross-entropy over the rows of a batch, or over the tokens of their completions."""
        import torch

        chosen = [self._train_rows[row] for row in rows]
        if self.answer == "completions":
            logits, labels = self._predicted(chosen)
            return torch.nn.functional.cross_entropy(
                logits.flatten(0, 1), labels.flatten(), ignore_index=_IGNORED
            )
        targets = torch.tensor(self._targets[rows], device=self._model.device)
        logits = self._model.model(**self._batch(chosen)).logits
        return torch.nn.functional.cross_entropy(logits.float(), targets)

    def _answers(self) -> NDArray[np.float64]:
        """(t, c) float64, of the model as it is now."""
        import torch

        torch.nn.Module.eval(self._model.model)
        if self._read is not None:
            with torch.inference_mode():
                return self._as_answers(self._read().double())
        parts = []
        with torch.inference_mode():
            for first in range(0, len(self._test_rows), 64):
                chosen = self._test_rows[first : first + 64]
                if self.answer == "completions":
                    logits, labels = self._predicted(chosen)
                    known = torch.log_softmax(logits.double(), dim=2)
                    given = known.gather(2, labels.clamp(min=0)[..., None])[..., 0]
                    parts.append((given * (labels != _IGNORED)).sum(dim=1, keepdim=True))
                else:
                    logits = self._model.model(**self._batch(chosen)).logits.double()
                    parts.append(torch.log_softmax(logits[:, self._columns], dim=1))
        return np.asarray(torch.cat(parts).cpu().numpy(), dtype=np.float64)

    def _as_answers(self, given: "torch.Tensor") -> NDArray[np.float64]:
        """(t, c), of (t, labels) logits or (t,) log-probabilities."""
        import torch

        if self.answer == "completions":
            return np.asarray(given[:, None].cpu().numpy(), dtype=np.float64)
        return np.asarray(torch.log_softmax(given[:, self._columns], dim=1).cpu().numpy(), dtype=np.float64)

    def _predicted(self, rows: "Sequence[_Row]") -> "tuple[torch.Tensor, torch.Tensor]":
        """Logits (B, L - 1, V) and the tokens they predict (B, L - 1), -100 where those are given."""
        batch = self._batch(rows)
        labels = batch["input_ids"].clone()
        for place, row in enumerate(rows):
            labels[place, : row.prompt] = _IGNORED
            labels[place, len(row.ids) :] = _IGNORED
        return self._model.model(**batch).logits[:, :-1].float(), labels[:, 1:]

    def _batch(self, rows: "Sequence[_Row]") -> "dict[str, torch.Tensor]":
        """Tokens padded on the right, where attention never reaches."""
        longest = max(len(row.ids) for row in rows)
        ids = np.full((len(rows), longest), self._model.padding, np.int64)
        mask = np.zeros((len(rows), longest), np.int64)
        for place, row in enumerate(rows):
            ids[place, : len(row.ids)], mask[place, : len(row.ids)] = row.ids, 1
        return self._model.tensors({"input_ids": ids, "attention_mask": mask})

    def _tokenised(self, texts: NDArray[Any], labels: NDArray[Any] | None) -> "list[_Row]":
        tokenizer, window = self._model.tokenizer, self._model.window
        rows = []
        for number, text in enumerate(texts):
            ids = list(tokenizer(text, truncation=False, verbose=False)["input_ids"])
            prompt = 1
            if self.answer == "completions":
                first = tokenizer.bos_token_id
                ids = [first, *ids] if first is not None and ids[:1] != [first] else ids
                if labels is not None:
                    prompt = max(1, len(ids))
                    ids += tokenizer(str(labels[number]), add_special_tokens=False)["input_ids"]
            longer = 0 if window is None else max(0, len(ids) - window)
            self._truncated += longer > 0
            if longer and self.answer == "completions":
                ids, prompt = ids[longer:], max(1, prompt - longer)  # the end is what is continued
            elif longer:
                ids = tokenizer(text, truncation=True, max_length=window)["input_ids"]
            if len(ids) < 1 + (self.answer == "completions"):
                raise InvalidInput(f"text {number} has no token to learn from")
            rows.append(_Row(ids, prompt))
        return rows

    def _restore(self, seed: int) -> None:
        """The start's weights, those of a new head drawn by the seed."""
        import torch

        with torch.no_grad():
            for parameter, value in zip(self._trained, self._start, strict=True):
                parameter.copy_(value)
        self._start_afresh(seed)

    def _start_afresh(self, seed: int) -> None:
        """Draw the weights that the model came without: normal, biases zero."""
        import torch

        spread = float(getattr(self._model.model.config, "initializer_range", None) or 0.02)
        drawn = torch.Generator().manual_seed(seed)
        with torch.no_grad():
            for parameter in self._fresh:
                value = torch.zeros(parameter.shape)
                if parameter.ndim > 1:
                    value.normal_(0.0, spread, generator=drawn)
                parameter.copy_(value.to(parameter))

    @contextmanager
    def _borrowed(self) -> Iterator[None]:
        """The model's parameters ready to train, and everything as before afterwards."""
        import torch

        model = self._model.model
        needed = {each: each.requires_grad for each in model.parameters()}
        devices = [model.device] if model.device.type == "cuda" else []
        with torch.random.fork_rng(devices=devices):
            try:
                for each in needed:
                    each.requires_grad_(False)
                for each in self._trained:
                    each.requires_grad_(True)
                yield
            finally:
                self._restore(0)
                for each, before in needed.items():
                    each.grad = None
                    each.requires_grad_(before)
                torch.nn.Module.eval(model)

    def _refuse_without_completions(self, task: Task) -> None:
        if task.labels is not None and (task.test_labels is None or task.numeric):
            raise InvalidInput("a causal model's labels are completions: give texts, for the test points too")
        if task.labels is None and task.test_labels is not None:
            raise InvalidInput("the test points have completions, but the training texts have none")

    def identity(self) -> list[Any]:
        s = self._learner
        settings = [s.train, s.epochs, self._rate, s.rows, s.weight_decay]
        return ["fine-tuning", self._model.fingerprint, self._model.kind, len(self._fresh), *settings]

    def facts(self) -> dict[str, Any]:
        s = self._learner
        what = {"head": "its head", "all": "all of it"}.get(
            str(s.train), f"its head and last {s.train} layers"
        )
        return {
            "learner": f"{what} fine-tuned, {s.epochs} epochs, AdamW at {self._rate:g}",
            "model": self._model.name,
            "kind": self._model.kind,
            "truncated": self._truncated,
            "device": str(self._model.device),
        }


@dataclass(frozen=True)
class _Row:
    """A text's tokens, of which the first so many are given and not predicted."""

    ids: list[int]
    prompt: int


def _loaded(learner: FineTuning, task: Task) -> "tuple[HuggingFaceModel, set[str]]":
    """The model, and the names of parameters that it came without."""
    import torch

    from spexlens.models.huggingface import classifier_for, kind_of, load

    settings: dict[str, Any] = {"revision": learner.revision, "trust_remote_code": learner.trust_remote_code}
    plain = isinstance(learner.model, str | Path)
    if plain and (learner.kind or kind_of(learner.model, settings)) != "causal":
        labels = list(map(str, classes_of(task, "a classifier")[0]))
        model, fresh = classifier_for(str(learner.model), labels, settings)
        device = learner.device or ("cuda" if torch.cuda.is_available() else "cpu")
        torch.nn.Module.to(model.model, device)
        torch.nn.Module.eval(model.model)
        return model, fresh
    model = load(
        learner.model, tokenizer=learner.tokenizer, kind=learner.kind, device=learner.device, **settings
    )
    if model.kind == "encoder":
        raise InvalidInput(
            "a model in memory that is an encoder has no head to fine-tune: give its directory"
        )
    return model, set()


def _columns_of(classes: NDArray[Any], labels: Sequence[str]) -> NDArray[np.int64]:
    """The model's label for each class: by name, else in order if they are as many."""
    names = [label.lower() for label in labels]
    wanted = [str(label).lower() for label in classes]
    if set(wanted) <= set(names):
        return np.array([names.index(label) for label in wanted])
    if len(names) == len(wanted):
        return np.arange(len(names))
    raise InvalidInput(f"the model's labels are {', '.join(labels)}; the examples' are {', '.join(wanted)}")


def _chosen(model: Any, train: int | str) -> list[Any]:
    """The parameters to train.

    Raises:
        ModelError: there is no head of its own.
    """
    from spexlens.models.architectures import layers_of

    if train == "all":
        return list(model.parameters())
    body = {id(each) for each in model.base_model.parameters()}
    chosen = [each for each in model.parameters() if id(each) not in body]
    for name, child in model.base_model.named_children():
        if name in _AFTER_LAYERS:
            chosen += child.parameters()
    if train == "head" and not any(id(each) not in body for each in chosen):
        raise ModelError("the head is tied to the embeddings: train 'all', or a number of last layers")
    if isinstance(train, int):
        layers = layers_of(model)
        if train > len(layers):
            raise InvalidInput(f"train={train}: the model has {len(layers)} layers")
        chosen += [each for layer in layers[-train:] for each in layer.whole.parameters()]
    return list({id(each): each for each in chosen}.values())
