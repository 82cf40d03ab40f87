"""Fine-tuning: a Hugging Face model, trained on one subset after the other."""

import copy
from collections.abc import Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from numpy.typing import NDArray

from spexlens.arguments import named, whole_number
from spexlens.errors import InvalidInput, ModelError
from spexlens.games.recipe import Recipe
from spexlens.identity import describe, digest
from spexlens.learners.classes import classes_of
from spexlens.learners.learner import Fitted, Learner, Read, Task, Trainer
from spexlens.learners.lessons import lesson_for
from spexlens.learners.rates import refuse_unusable
from spexlens.learners.recipes import FineTuningRecipe
from spexlens.learners.text_rows import Row, lengths_of
from spexlens.learners.tuned_weights import TunedWeights

if TYPE_CHECKING:
    import torch
    from transformers import PreTrainedModel, PreTrainedTokenizerBase

    from spexlens.models.model import HuggingFaceModel
    from spexlens.models.rows import Together

_CLIPPED = 1.0  # the largest norm of a gradient
_ROWS = 64  # test points a forward pass
_HEAD_RATE = 1e-3  # learning rates by default: of a head, and of what is below it
_BODY_RATE = 5e-5

DIVERGED = "training diverged: the model as it was at the start counts"
NOTHING = "nothing was kept: the model as it was at the start counts"


@dataclass(frozen=True)
class FineTuning(Learner):
    """A classifier or causal model of Hugging Face, fine-tuned on each subset.

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

    @property
    def recipe(self) -> Recipe | None:
        """None where the model or its tokenizer is in memory."""
        if not isinstance(self.model, str | Path) or self.tokenizer is not None:
            return None
        return FineTuningRecipe(
            model=str(self.model),
            train=self.train,
            epochs=self.epochs,
            learning_rate=self.learning_rate,
            rows=self.rows,
            weight_decay=self.weight_decay,
            model_kind=self.kind,
            revision=self.revision,
            device=self.device,
            trust_remote_code=self.trust_remote_code,
        )

    def prepare(self, task: Task) -> Trainer:
        epochs = whole_number(self.epochs, named("epochs"))
        if epochs < 1 or whole_number(self.rows, "rows") < 1:
            raise InvalidInput(
                f"{named('epochs')} and rows are at least 1; got {self.epochs} and"
                f" {self.rows}"
            )

        refuse_unusable(self.learning_rate, self.weight_decay)
        if not (self.train in ("head", "all") or self._trains_layers):
            raise InvalidInput(
                f"{named('train')} is 'head', 'all' or a number of last layers; got"
                f" {self.train!r}"
            )

        if not task.textual:
            raise InvalidInput(
                "a language model is fine-tuned on texts; these examples are numbers"
            )
        return _FineTuner(self, task)

    @property
    def _trains_layers(self) -> bool:
        """Whether `train` is a number of layers, which True is not."""
        if isinstance(self.train, bool) or not isinstance(self.train, int | np.integer):
            return False
        return int(self.train) > 0

    @property
    def _rate(self) -> float:
        """The learning rate, given or not."""
        default = _HEAD_RATE if self.train == "head" else _BODY_RATE
        return self.learning_rate or default


@FineTuningRecipe.made_by
def _fine_tuning(recipe: FineTuningRecipe) -> FineTuning:
    return FineTuning(
        model=recipe.model,
        train=recipe.train,
        epochs=recipe.epochs,
        learning_rate=recipe.learning_rate,
        rows=recipe.rows,
        weight_decay=recipe.weight_decay,
        kind=recipe.model_kind,
        revision=recipe.revision,
        device=recipe.device,
        trust_remote_code=recipe.trust_remote_code,
    )


class _FineTuner(Trainer):
    seeded = True
    batch_size = 1
    _read: Read | None

    def __init__(self, learner: FineTuning, task: Task) -> None:
        self._learner = learner
        self._model, fresh = _loaded(learner, task)
        self.model = self._model
        self._rate = learner._rate
        self._lesson = lesson_for(self._model, task)
        self.answer = self._lesson.answer
        self.classes = self._lesson.classes

        if self._model.ahead:
            raise ModelError(
                f"{type(self._model.model).__name__} attends to both sides, so that in"
                " training it would see what it is to say: take a causal model"
            )

        self._read = None
        self._test_labels = task.test_labels
        self._train_rows = self._lesson.examples(task)
        self._test_rows = self._lesson.tests(task.tests, task.test_labels)

        self._weights = TunedWeights(self._model, learner.train, fresh)
        with self._model.explained():
            self._together = self._seen_together()

    def fit(self, kept: NDArray[np.bool_], seeds: NDArray[np.int64]) -> Fitted:
        answers = []
        remarks = {}
        with self._borrowed():
            for row, (mask, seed) in enumerate(zip(kept, seeds.tolist(), strict=True)):
                answer, remark = self._fit_one(np.flatnonzero(mask), seed)
                answers.append(answer)
                if remark is not None:
                    remarks[row] = remark
        return Fitted(np.stack(answers), remarks)

    def asking(self, tests: NDArray[Any]) -> Trainer:
        other = copy.copy(self)
        labels = None
        if self._test_labels is not None:
            labels = np.repeat(self._test_labels[:1], len(tests))
        other._test_rows = self._lesson.tests(tests, labels)
        return other

    def reading(self, read: Read) -> Trainer:
        other = copy.copy(self)
        other._read = read
        return other

    def _fit_one(
        self, members: NDArray[np.int64], seed: int
    ) -> tuple[NDArray[np.float64], str | None]:
        """The answers (t, c) after training on these examples, and a remark or None."""
        self._restore(seed)
        remark = None
        if len(members):
            self._train(members, seed)
        else:
            remark = NOTHING

        answer = self._answers()
        if np.isfinite(answer).all():
            return answer, remark
        # weights that are no numbers answer nothing: the model counts as untrained
        self._restore(seed)
        return self._answers(), DIVERGED

    def _restore(self, seed: int) -> None:
        self._weights.restore(seed)

    def _borrowed(self) -> AbstractContextManager[None]:
        return self._weights.borrowed()

    def _train(self, members: NDArray[np.int64], seed: int) -> None:
        import torch

        learner = self._learner
        trained = self._weights.trained

        optimizer = torch.optim.AdamW(
            trained, lr=self._rate, weight_decay=learner.weight_decay
        )

        steps = learner.epochs * -(-len(members) // learner.rows)
        falling = torch.optim.lr_scheduler.LambdaLR(
            optimizer, lambda step: 1.0 - step / steps
        )

        torch.nn.Module.train(self._model.model)
        order = np.random.default_rng(seed)
        torch.manual_seed(seed)  # of dropout

        for _ in range(learner.epochs):
            # Drawn for all examples, so that the order of those kept is the same in
            # every subset.
            drawn = order.permutation(len(self._train_rows))
            drawn = drawn[np.isin(drawn, members)]
            for first in range(0, len(drawn), learner.rows):
                batch = drawn[first : first + learner.rows].tolist()

                optimizer.zero_grad()
                self._loss(batch).backward()  # type: ignore[no-untyped-call]
                torch.nn.utils.clip_grad_norm_(trained, _CLIPPED)
                optimizer.step()
                falling.step()

    def _loss(self, rows: list[int]) -> "torch.Tensor":
        """The mean cross-entropy over the rows, or the tokens of their completions."""
        import torch

        from spexlens.models.rows import divided

        batch = [self._train_rows[row] for row in rows]

        # summed over the groups before it is divided: a group may have few terms
        total = torch.zeros((), device=self._model.device)
        count = 0

        groups = divided(lengths_of(batch), self._together, lambda *_: len(batch))
        for places in groups:
            group = [batch[place] for place in places.tolist()]
            loss, terms = self._lesson.loss(group)
            total = total + loss
            count += terms
        return total / count

    def _seen_together(self) -> "Together":
        """Which rows share a forward pass."""
        from spexlens.models.rows import probes, together_as

        lengths = lengths_of(self._train_rows)
        few = probes(lengths)

        def ask(rows: NDArray[np.int64]) -> NDArray[np.float64]:
            return self._asked(self._train_rows, few[rows])

        together, _ = together_as(ask, lengths[few], self._model.rounding)
        return together

    def _answers(self) -> NDArray[np.float64]:
        """(t, c) float64, of the model as it is now."""
        import torch

        from spexlens.models.rows import answered

        torch.nn.Module.eval(self._model.model)
        if self._read is not None:
            with torch.inference_mode():
                answers = self._lesson.answers_read(self._read().double())
            return _array(answers)
        tests = self._test_rows

        def ask(rows: NDArray[np.int64]) -> NDArray[np.float64]:
            return self._asked(tests, rows)

        return answered(ask, lengths_of(tests), self._together, lambda *_: _ROWS)

    def _asked(
        self, rows: Sequence[Row], chosen: NDArray[np.int64]
    ) -> NDArray[np.float64]:
        """The answers about some of the rows, in one forward pass: (B, c) float64."""
        import torch

        with torch.inference_mode():
            answers = self._lesson.answers([rows[row] for row in chosen.tolist()])
        return _array(answers)

    def identity(self) -> list[Any] | None:
        from spexlens.models.fingerprint import told

        learner = self._learner
        settings = describe(
            [
                learner.train,
                learner.epochs,
                self._rate,
                learner.rows,
                learner.weight_decay,
            ]
        )

        fingerprint, self.unknown = told(self._model)
        if fingerprint is None:
            return None

        rows = [_content(self._train_rows), _content(self._test_rows)]
        return [
            "fine-tuning 2",
            fingerprint,
            len(self._weights.fresh),
            settings,
            digest(rows),
            self._lesson.columns.tolist(),
        ]

    def facts(self) -> dict[str, Any]:
        learner = self._learner
        parts = {"head": "its head", "all": "all of it"}
        layers = f"its head and last {learner.train} layers"
        what = parts.get(str(learner.train), layers)
        how = f"{learner.epochs} epochs, AdamW at {self._rate:g}"

        rows = [*self._train_rows, *self._test_rows]
        return {
            "learner": f"{what} fine-tuned, {how}",
            "model": self._model.title,
            "kind": self._model.kind,
            "truncated": sum(row.cut for row in rows),
            "rows": self._together,
            "device": str(self._model.device),
        }


def _content(rows: Sequence[Row]) -> list[list[Any]]:
    """What decides an answer of rows, as JSON."""
    return [[row.ids, row.prompt, row.segments, row.target] for row in rows]


def _array(answers: "torch.Tensor") -> NDArray[np.float64]:
    return np.asarray(answers.cpu().numpy(), dtype=np.float64)


def _loaded(learner: FineTuning, task: Task) -> "tuple[HuggingFaceModel, set[str]]":
    """The model, and the names of parameters that it came without."""
    import torch

    from spexlens.models.huggingface import classifier_for, continues_texts, load

    hub: dict[str, Any] = {
        "revision": learner.revision,
        "trust_remote_code": learner.trust_remote_code,
    }
    causal = learner.kind == "causal"
    if learner.kind is None:
        causal = continues_texts(learner.model, hub)

    if isinstance(learner.model, str | Path) and not causal:
        classes, _ = classes_of(task, "a classifier")
        labels = list(map(str, classes))
        model, fresh = classifier_for(str(learner.model), labels, hub)
        device = learner.device or ("cuda" if torch.cuda.is_available() else "cpu")
        torch.nn.Module.to(model.model, device)
        torch.nn.Module.eval(model.model)
        return model, fresh

    model = load(
        learner.model,
        tokenizer=learner.tokenizer,
        kind=learner.kind,
        device=learner.device,
        **hub,
    )

    if model.kind == "encoder":
        raise InvalidInput(
            "a model in memory that is an encoder has no head to fine-tune: give its"
            " directory"
        )
    return model, set()
