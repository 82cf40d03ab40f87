"""The learner seam: train on many subsets of the examples, answer about test points."""

from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from numpy.typing import NDArray

from spexlens.errors import InvalidInput
from spexlens.games.recipe import Recipe

if TYPE_CHECKING:
    import torch

    from spexlens.models.model import HuggingFaceModel

Answer = Literal["log-probabilities", "scores", "predictions", "completions"]
"""What a learner says of a test point.

Log-probabilities of the classes, other scores of them, a number, or the log-probability
of a text.
"""

Read = Callable[[], "torch.Tensor"]
"""Asks a trained model: (t, labels) logits, or (t,) log-probabilities of completions."""


@dataclass(frozen=True)
class Task:
    """What there is to learn, and to be asked.

    Attributes:
        inputs: (N, d) float64, or N texts.
        labels: (N,), classes of any type, or float64 targets; None for texts that are
            to be continued.
        tests: (t, d) float64, or t texts.
        test_labels: (t,), or None where they are not known.
    """

    inputs: NDArray[Any]
    labels: NDArray[Any] | None
    tests: NDArray[Any]
    test_labels: NDArray[Any] | None

    def __len__(self) -> int:
        return len(self.inputs)

    @property
    def numeric(self) -> bool:
        """Whether the labels are numbers to predict, not classes."""
        return self.labels is not None and self.labels.dtype.kind == "f"

    @property
    def textual(self) -> bool:
        """Whether the inputs are texts."""
        return self.inputs.dtype.kind == "O"


@dataclass
class Fitted:
    """Answers about t test points of what was trained on m subsets.

    Attributes:
        answers: (m, t, c) float64; c is 1 but for classes.
        remarks: of rows whose value is not simply what training gave, why and what it
            is.
    """

    answers: NDArray[np.float64]
    remarks: dict[int, str] = field(default_factory=dict)


def remarked(rows: NDArray[np.int64], remark: str) -> dict[int, str]:
    """The same remark on several rows, (k,)."""
    return dict.fromkeys(rows.tolist(), remark)


class Trainer(ABC):
    """A learner with its task: any subset of the examples can be trained on.

    Attributes:
        answer: what it says of a test point.
        classes: (c,), the classes in the order of the answers, or None.
        batch_size: how many subsets it likes to train on at once.
        seeded: whether another seed gives another answer.
        model: that is trained, where it is one of transformers'; its weights are as
            before outside of `fit`.
        unknown: what can't be told of it, and where, once `identity` gave None.
    """

    # What must be defined.

    answer: Answer

    @abstractmethod
    def fit(self, kept: NDArray[np.bool_], seeds: NDArray[np.int64]) -> Fitted:
        """Train on each subset: (m, N) bool, True where an example is in.

        Each has a seed of its own, (m,) below 2^32, which decides all that is random in
        its training: subset and seed alone decide the answer.

        Every subset has an answer: the empty set, one without examples of some class,
        one on which the learner fails or does not converge. Remarks say which, and what
        the answer is.
        """

    @abstractmethod
    def identity(self) -> list[Any] | None:
        """Everything beside the task that decides an answer, as JSON.

        None where it can't be told.
        """

    @abstractmethod
    def facts(self) -> dict[str, Any]:
        """What a result should say, as JSON: at least the learner's name as "learner"."""

    # What may be overwritten.

    classes: NDArray[Any] | None = None
    batch_size: int = 1
    seeded: bool = False
    model: "HuggingFaceModel | None" = None
    unknown: str | None = None

    def asking(self, tests: NDArray[Any]) -> "Trainer":
        """This trainer, asked about other test points.

        They are (t, d) features or t texts, as the task's are.

        What is trained, and how, stays the same; completions are the first test
        point's.

        Raises:
            InvalidInput: it only knows those of its task.
        """
        raise InvalidInput(
            f"{type(self).__name__} can't be asked about other test points than its"
            " task's"
        )

    def reading(self, read: Read) -> "Trainer":
        """This trainer, its trained model asked by a function that runs it.

        Raises:
            InvalidInput: what it trains is no model that others can run.
        """
        raise InvalidInput(
            "only a fine-tuned model can be asked with its components, or tokens,"
            " ablated"
        )


class Learner(ABC):
    """A way to train, with its settings.

    It knows no examples: `prepare` gives it a task, and the trainer that comes of it
    does the work. A learner of your own needs these two classes and nothing else.
    """

    # What must be defined.

    @abstractmethod
    def prepare(self, task: Task) -> Trainer:
        """This learner with a task.

        Raises:
            InvalidInput, ModelError: the learner cannot do this task.
        """

    # What may be overwritten.

    @property
    def recipe(self) -> Recipe | None:
        """How it is made again, as data.

        `recipe.game()` gives a learner whose trainers have the same identity. None
        where data alone does not make it, as it does not make a module of torch, an
        estimator of scikit-learn, or a model that is in memory.
        """
        return None
