"""Fine-tuning: a Hugging Face classifier or causal model, trained on one subset at a
time.
"""

import copy
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from numpy.typing import NDArray

from spexlens.arguments import named, whole_number
from spexlens.errors import InvalidInput, ModelError
from spexlens.identity import describe, digest
from spexlens.learners.learner import Fitted, Learner, Read, Task, Trainer, classes_of
from spexlens.learners.rates import refuse_unusable
from spexlens.learners.text_rows import (
    Row,
    batch_of,
    columns_of,
    lengths_of,
    refuse_other_problems,
    rows_of,
)

if TYPE_CHECKING:
    import torch
    from transformers import PreTrainedModel, PreTrainedTokenizerBase

    from spexlens.models.model import HuggingFaceModel
    from spexlens.models.rows import Together

_AFTER_LAYERS = ("pooler", "norm", "ln_f", "final_layer_norm", "final_layernorm")
_CLIPPED = 1.0
_IGNORED = -100
_ROWS = 64

DIVERGED = "training diverged: the model as it was at the start counts"
NOTHING = "nothing was kept: the model as it was at the start counts"


@dataclass(frozen=True)
class FineTuning(Learner):
    """A classifier or causal language model of Hugging Face, fine-tuned on one subset
    after the other.

    AdamW with a linearly falling rate and gradients clipped at norm 1. Each training
    begins with the very same weights; the order of the examples (one that is left out
    is passed over), dropout and the weights of a new head are the seed's. A causal
    model learns to continue a prompt with its label, or a whole text where there are no
    labels. Texts longer than the model's window are cut, and the facts say how many.

    Attributes:
        model: hub id, local directory, or a model in memory (then with its tokenizer),
            which is as before after each training. A model that does not know the
            labels gets a new head.
        train: "head", "all", or the number of last layers that are trained beside the
            head.
        epochs: passes over the examples.
        learning_rate: by default 1e-3 for a head, else 5e-5.
        rows: examples a step.
        weight_decay: of AdamW.
        tokenizer, revision, device, trust_remote_code: see `models.huggingface.load`.
        kind: "classifier" or "causal"; by default a causal model if it is one, else a
            classifier.
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
        if (
            whole_number(self.epochs, named("epochs")) < 1
            or whole_number(self.rows, "rows") < 1
        ):
            raise InvalidInput(
                f"{named('epochs')} and rows are at least 1; got {self.epochs} and"
                f" {self.rows}"
            )
        refuse_unusable(self.learning_rate, self.weight_decay)
        layers = isinstance(self.train, int | np.integer) and not isinstance(
            self.train, bool
        )
        if not (self.train in ("head", "all") or (layers and int(self.train) > 0)):
            raise InvalidInput(
                f"{named('train')} is 'head', 'all' or a number of last layers; got"
                f" {self.train!r}"
            )
        if not task.textual:
            raise InvalidInput(
                "a language model is fine-tuned on texts; these examples are numbers"
            )
        return _FineTuner(self, task)


class _FineTuner(Trainer):
    seeded = True
    batch_size = 1
    _read: Read | None

    def __init__(self, learner: FineTuning, task: Task) -> None:
        self._learner = learner
        self._model, fresh = _loaded(learner, task)
        self._rate = learner.learning_rate or (
            1e-3 if learner.train == "head" else 5e-5
        )
        if self._model.kind == "causal":
            self.answer: Any = "completions"
            self._refuse_without_completions(task)
        else:
            self.answer = "log-probabilities"
            refuse_other_problems(self._model)
            self.classes, codes = classes_of(task, "a classifier")
            self._columns = columns_of(self.classes, self._model)
        self._read = None
        self._test_labels = task.test_labels
        self.model = self._model
        if self._model.ahead:
            raise ModelError(
                f"{type(self._model.model).__name__} attends to both sides, so that in"
                " training it would see what it is to say: take a causal model"
            )
        completions = self.answer == "completions"
        self._train_rows = rows_of(
            self._model, task.inputs, task.labels if completions else None
        )
        self._test_rows = rows_of(
            self._model, task.tests, task.test_labels if completions else None
        )
        if not completions:
            targets = zip(self._train_rows, self._columns[codes].tolist(), strict=True)
            self._train_rows = [replace(row, target=target) for row, target in targets]
        named = dict(self._model.model.named_parameters())
        self._fresh = [named[name] for name in sorted(fresh) if name in named]
        self._start_afresh(0)
        self._trained = _chosen(self._model.model, learner.train)
        tuned = {id(each) for each in self._trained}
        self._start = [each.detach().clone() for each in self._trained]
        self._fresh = [each for each in self._fresh if id(each) in tuned]
        with self._model.explained():
            self._together = self._seen_together()

    def fit(self, kept: NDArray[np.bool_], seeds: NDArray[np.int64]) -> Fitted:
        answers = []
        remarks = {}
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
                    answer = self._answers()
                    remarks[row] = DIVERGED
                answers.append(answer)
        return Fitted(np.stack(answers), remarks)

    def asking(self, tests: NDArray[Any]) -> Trainer:
        other = copy.copy(self)
        labels = None
        if self._test_labels is not None and self.answer == "completions":
            labels = np.repeat(self._test_labels[:1], len(tests))
        other._test_rows = rows_of(self._model, tests, labels)
        return other

    def reading(self, read: Read) -> Trainer:
        other = copy.copy(self)
        other._read = read
        return other

    def _train(self, members: NDArray[np.int64], seed: int) -> None:
        import torch

        model = self._model.model
        s = self._learner
        optimizer = torch.optim.AdamW(
            self._trained, lr=self._rate, weight_decay=s.weight_decay
        )
        steps = s.epochs * -(-len(members) // s.rows)
        falling = torch.optim.lr_scheduler.LambdaLR(
            optimizer, lambda step: 1.0 - step / steps
        )
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

    def _seen_together(self) -> "Together":
        """Which rows share a forward pass."""
        from spexlens.models.rows import probes, together_as

        lengths = lengths_of(self._train_rows)
        few = probes(lengths)
        return together_as(
            lambda rows: self._asked(self._train_rows, few[rows]),
            lengths[few],
            self._model.rounding,
        )[0]

    def _asked(
        self, rows: Sequence[Row], chosen: NDArray[np.int64]
    ) -> NDArray[np.float64]:
        """The answers about some of the rows, in one forward pass: (B, c) float64."""
        import torch

        with torch.inference_mode():
            said = self._said([rows[row] for row in chosen.tolist()])
        return np.asarray(said.cpu().numpy(), dtype=np.float64)

    def _loss(self, rows: list[int]) -> "torch.Tensor":
        """The mean cross-entropy over the rows of a batch, or over the tokens of their
        completions.
        """
        import torch

        from spexlens.models.rows import divided

        total = torch.zeros((), device=self._model.device)
        count = 0
        chosen = [self._train_rows[row] for row in rows]
        for places in divided(
            lengths_of(chosen), self._together, lambda *_: len(chosen)
        ):
            group = [chosen[place] for place in places.tolist()]
            if self.answer == "completions":
                logits, labels = self._predicted(group)
                lost = torch.nn.functional.cross_entropy(
                    logits.flatten(0, 1),
                    labels.flatten(),
                    ignore_index=_IGNORED,
                    reduction="sum",
                )
                count += int((labels != _IGNORED).sum())
            else:
                targets = torch.tensor(
                    [row.target for row in group], device=self._model.device
                )
                logits = self._model.trained_outputs(
                    batch_of(self._model, group)
                ).logits
                lost = torch.nn.functional.cross_entropy(
                    logits.float(), targets, reduction="sum"
                )
                count += len(group)
            total = total + lost
        return total / count

    def _answers(self) -> NDArray[np.float64]:
        """(t, c) float64, of the model as it is now."""
        import torch

        torch.nn.Module.eval(self._model.model)
        if self._read is not None:
            with torch.inference_mode():
                return self._as_answers(self._read().double())
        from spexlens.models.rows import answered

        tests = self._test_rows
        return answered(
            lambda chosen: self._asked(tests, chosen),
            lengths_of(tests),
            self._together,
            lambda *_: _ROWS,
        )

    def _said(self, rows: Sequence[Row]) -> "torch.Tensor":
        """(B, c) float64, the answers about rows that share a forward pass."""
        import torch

        if self.answer == "completions":
            logits, labels = self._predicted(rows)
            known = torch.log_softmax(logits.double(), dim=2)
            given = known.gather(2, labels.clamp(min=0)[..., None])[..., 0]
            return (given * (labels != _IGNORED)).sum(dim=1, keepdim=True)
        logits = self._model.trained_outputs(
            batch_of(self._model, rows)
        ).logits.double()
        return torch.log_softmax(logits[:, self._columns], dim=1)

    def _as_answers(self, given: "torch.Tensor") -> NDArray[np.float64]:
        """(t, c), of (t, labels) logits or (t,) log-probabilities."""
        import torch

        if self.answer == "completions":
            return np.asarray(given[:, None].cpu().numpy(), dtype=np.float64)
        return np.asarray(
            torch.log_softmax(given[:, self._columns], dim=1).cpu().numpy(),
            dtype=np.float64,
        )

    def _predicted(self, rows: Sequence[Row]) -> "tuple[torch.Tensor, torch.Tensor]":
        """Logits (B, L - 1, V) and the tokens they predict (B, L - 1), -100 where those
        are given.
        """
        batch = batch_of(self._model, rows)
        labels = batch["input_ids"].clone()
        for place, row in enumerate(rows):
            labels[place, : row.prompt] = _IGNORED
            labels[place, len(row.ids) :] = _IGNORED
        return self._model.trained_outputs(batch).logits[:, :-1].float(), labels[:, 1:]

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

        spread = float(
            getattr(self._model.model.config, "initializer_range", None) or 0.02
        )
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
            raise InvalidInput(
                "a causal model's labels are completions: give texts, for the test"
                " points too"
            )
        if task.labels is None and task.test_labels is not None:
            raise InvalidInput(
                "the test points have completions, but the training texts have none"
            )

    def identity(self) -> list[Any] | None:
        from spexlens.models.fingerprint import told

        s = self._learner
        settings = describe([s.train, s.epochs, self._rate, s.rows, s.weight_decay])
        fingerprint, self.unknown = told(self._model)
        if fingerprint is None:
            return None
        rows = [
            [[row.ids, row.prompt, row.segments, row.target] for row in each]
            for each in (self._train_rows, self._test_rows)
        ]
        columns = [] if self.answer == "completions" else self._columns.tolist()
        return [
            "fine-tuning 2",
            fingerprint,
            len(self._fresh),
            settings,
            digest(rows),
            columns,
        ]

    def facts(self) -> dict[str, Any]:
        s = self._learner
        what = {"head": "its head", "all": "all of it"}.get(
            str(s.train), f"its head and last {s.train} layers"
        )
        return {
            "learner": f"{what} fine-tuned, {s.epochs} epochs, AdamW at {self._rate:g}",
            "model": self._model.title,
            "kind": self._model.kind,
            "truncated": sum(row.cut for row in (*self._train_rows, *self._test_rows)),
            "rows": self._together,
            "device": str(self._model.device),
        }


def _loaded(learner: FineTuning, task: Task) -> "tuple[HuggingFaceModel, set[str]]":
    """The model, and the names of parameters that it came without."""
    import torch

    from spexlens.models.huggingface import classifier_for, continues_texts, load

    settings: dict[str, Any] = {
        "revision": learner.revision,
        "trust_remote_code": learner.trust_remote_code,
    }
    plain = isinstance(learner.model, str | Path)
    causal = (
        continues_texts(learner.model, settings)
        if learner.kind is None
        else learner.kind == "causal"
    )
    if plain and not causal:
        labels = list(map(str, classes_of(task, "a classifier")[0]))
        model, fresh = classifier_for(str(learner.model), labels, settings)
        device = learner.device or ("cuda" if torch.cuda.is_available() else "cpu")
        torch.nn.Module.to(model.model, device)
        torch.nn.Module.eval(model.model)
        return model, fresh
    model = load(
        learner.model,
        tokenizer=learner.tokenizer,
        kind=learner.kind,
        device=learner.device,
        **settings,
    )
    if model.kind == "encoder":
        raise InvalidInput(
            "a model in memory that is an encoder has no head to fine-tune: give its"
            " directory"
        )
    return model, set()


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
        raise ModelError(
            f"the head is tied to the embeddings: give {named('train', 'all')}, or a"
            " number of last layers"
        )
    if isinstance(train, int | np.integer):
        layers = layers_of(model)
        if train > len(layers):
            raise InvalidInput(
                f"{named('train', train)}: the model has {len(layers)} layers"
            )
        chosen += [
            each for layer in layers[-train:] for each in layer.whole.parameters()
        ]
    return list({id(each): each for each in chosen}.values())
