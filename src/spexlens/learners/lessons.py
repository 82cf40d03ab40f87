"""Lessons: what a language model is taught of texts: labels, or how they go on."""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from spexlens.errors import InvalidInput
from spexlens.learners.classes import classes_of
from spexlens.learners.learner import Answer, Task
from spexlens.learners.text_rows import (
    Row,
    batch_of,
    columns_of,
    refuse_other_problems,
    rows_of,
)

if TYPE_CHECKING:
    import torch

    from spexlens.models.model import HuggingFaceModel

_IGNORED = -100  # in place of a token that is not predicted; cross-entropy's own


class Lesson(ABC):
    """What a model is taught, and asked.

    Attributes:
        answer: what it says of a test point.
        classes: (c,), or None.
        columns: the model's label for each class; empty of completions.
    """

    answer: Answer
    classes: NDArray[Any] | None = None
    columns: NDArray[np.int64] = np.zeros(0, np.int64)

    def __init__(self, model: "HuggingFaceModel") -> None:
        self._model = model

    @abstractmethod
    def examples(self, task: Task) -> list[Row]:
        """The training texts as the model reads them, with what it is to say."""

    @abstractmethod
    def tests(self, texts: NDArray[Any], labels: NDArray[Any] | None) -> list[Row]:
        """Test points, (t,), as the model reads them."""

    @abstractmethod
    def loss(self, rows: Sequence[Row]) -> "tuple[torch.Tensor, int]":
        """The summed cross-entropy of rows that share a forward pass, and of how much."""

    @abstractmethod
    def answers(self, rows: Sequence[Row]) -> "torch.Tensor":
        """(B, c) float64, about rows that share a forward pass."""

    @abstractmethod
    def answers_read(self, values: "torch.Tensor") -> "torch.Tensor":
        """(t, c), of (t, labels) logits or (t,) log-probabilities of completions."""


def lesson_for(model: "HuggingFaceModel", task: Task) -> Lesson:
    """What there is to be taught.

    Raises:
        InvalidInput: the task's labels are none that this model can learn.
    """
    if model.kind == "causal":
        return Completions(model, task)
    return Labels(model, task)


class Labels(Lesson):
    """A classifier's label for each text."""

    answer = "log-probabilities"

    def __init__(self, model: "HuggingFaceModel", task: Task) -> None:
        super().__init__(model)
        refuse_other_problems(model)
        self.classes, self._codes = classes_of(task, "a classifier")
        self.columns = columns_of(self.classes, model)

    def examples(self, task: Task) -> list[Row]:
        rows = rows_of(self._model, task.inputs, None)
        targets = self.columns[self._codes].tolist()
        pairs = zip(rows, targets, strict=True)
        return [replace(row, target=target) for row, target in pairs]

    def tests(self, texts: NDArray[Any], labels: NDArray[Any] | None) -> list[Row]:
        return rows_of(self._model, texts, None)

    def loss(self, rows: Sequence[Row]) -> "tuple[torch.Tensor, int]":
        import torch

        labels = [row.target for row in rows]
        targets = torch.tensor(labels, device=self._model.device)
        logits = self._logits(rows).float()
        loss = torch.nn.functional.cross_entropy(logits, targets, reduction="sum")
        return loss, len(rows)

    def answers(self, rows: Sequence[Row]) -> "torch.Tensor":
        return self.answers_read(self._logits(rows).double())

    def answers_read(self, values: "torch.Tensor") -> "torch.Tensor":
        import torch

        # Of the classes alone: a head may have labels that no example has.
        return torch.log_softmax(values[:, self.columns], dim=1)

    def _logits(self, rows: Sequence[Row]) -> "torch.Tensor":
        batch = batch_of(self._model, rows)
        logits: torch.Tensor = self._model.trained_outputs(batch).logits
        return logits


class Completions(Lesson):
    """What a causal model is to continue a prompt with, or a whole text."""

    answer = "completions"

    def __init__(self, model: "HuggingFaceModel", task: Task) -> None:
        super().__init__(model)
        if task.labels is not None and (task.test_labels is None or task.numeric):
            raise InvalidInput(
                "a causal model's labels are completions: give texts, for the test"
                " points too"
            )
        if task.labels is None and task.test_labels is not None:
            raise InvalidInput(
                "the test points have completions, but the training texts have none"
            )

    def examples(self, task: Task) -> list[Row]:
        return rows_of(self._model, task.inputs, task.labels)

    def tests(self, texts: NDArray[Any], labels: NDArray[Any] | None) -> list[Row]:
        return rows_of(self._model, texts, labels)

    def loss(self, rows: Sequence[Row]) -> "tuple[torch.Tensor, int]":
        import torch

        logits, tokens = self._predicted(rows)
        loss = torch.nn.functional.cross_entropy(
            logits.flatten(0, 1),
            tokens.flatten(),
            ignore_index=_IGNORED,
            reduction="sum",
        )
        return loss, int((tokens != _IGNORED).sum())

    def answers(self, rows: Sequence[Row]) -> "torch.Tensor":
        import torch

        logits, tokens = self._predicted(rows)
        every = torch.log_softmax(logits.double(), dim=2)
        places = tokens.clamp(min=0)[..., None]  # those ignored have no place
        likely = every.gather(2, places)[..., 0]
        return (likely * (tokens != _IGNORED)).sum(dim=1, keepdim=True)

    def answers_read(self, values: "torch.Tensor") -> "torch.Tensor":
        return values[:, None]

    def _predicted(self, rows: Sequence[Row]) -> "tuple[torch.Tensor, torch.Tensor]":
        """Logits (B, L - 1, V), and the tokens (B, L - 1) that they predict.

        The tokens are -100 where they are given, or padding.
        """
        batch = batch_of(self._model, rows)
        tokens = batch["input_ids"].clone()

        for place, row in enumerate(rows):
            tokens[place, : row.prompt] = _IGNORED
            tokens[place, len(row.ids) :] = _IGNORED

        logits = self._model.trained_outputs(batch).logits
        # The logits at a place predict the token behind it.
        return logits[:, :-1].float(), tokens[:, 1:]
