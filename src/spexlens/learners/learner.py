"""The learner seam: train on many subsets of the examples, and answer about the test
points.
"""

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from numpy.typing import NDArray

from spexlens.arguments import shown
from spexlens.errors import InvalidInput

if TYPE_CHECKING:
    import torch

    from spexlens.models.model import HuggingFaceModel

Answer = Literal["log-probabilities", "scores", "predictions", "completions"]
"""What a learner says of a test point: log-probabilities of the classes, other scores
of them, a number, or the log-probability of a text."""

Read = Callable[[], "torch.Tensor"]


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

    answer: Answer
    classes: NDArray[Any] | None = None
    batch_size: int = 1
    seeded: bool = False
    model: "HuggingFaceModel | None" = None
    unknown: str | None = None

    @abstractmethod
    def fit(self, kept: NDArray[np.bool_], seeds: NDArray[np.int64]) -> Fitted:
        """Train on each subset: (m, N) bool, True where an example is in.

        Each has a seed of its own, (m,) below 2^32, which decides all that is random in
        its training: subset and seed alone decide the answer.

        Every subset has an answer: the empty set, one without examples of some class,
        one on which the learner fails or does not converge. Remarks say which, and what
        the answer is.
        """

    def asking(self, tests: NDArray[Any]) -> "Trainer":
        """This trainer, asked about other test points: (t, d) features or t texts, as
        the task's are.

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

        Args:
            read: gives (t, labels) logits of a classifier, or (t,) log-probabilities of
                completions.

        Raises:
            InvalidInput: what it trains is no model that others can run.
        """
        raise InvalidInput(
            "only a fine-tuned model can be asked with its components, or tokens,"
            " ablated"
        )

    @abstractmethod
    def identity(self) -> list[Any] | None:
        """Everything beside the task that decides an answer, as JSON, or None where it
        can't be told.
        """

    @abstractmethod
    def facts(self) -> dict[str, Any]:
        """What a result should say, as JSON: at least the learner's name as "learner"."""


class Learner(ABC):
    """A way to train, with its settings."""

    @abstractmethod
    def prepare(self, task: Task) -> Trainer:
        """This learner with a task.

        Raises:
            InvalidInput, ModelError: the learner cannot do this task.
        """


def classes_of(task: Task, name: str) -> tuple[NDArray[Any], NDArray[np.int64]]:
    """The classes of a task, sorted, (c,), and which one each example has, (N,) int64.

    Raises:
        InvalidInput: the labels are no classes, or there are fewer than two.
    """
    if task.labels is None or task.numeric:
        raise InvalidInput(
            f"{name} needs a class for each training example, not numbers or nothing"
        )
    classes, codes = np.unique(task.labels, return_inverse=True)
    if len(classes) < 2:
        raise InvalidInput(
            f"every training example has the label {shown(classes[0])}; {name} needs"
            " two classes"
        )
    return classes, codes.astype(np.int64)


def counts(
    kept: NDArray[np.bool_], codes: NDArray[np.int64], classes: int
) -> NDArray[np.int64]:
    """How many kept examples each class has: (m, N) -> (m, classes)."""
    return kept.astype(np.int64) @ np.eye(classes, dtype=np.int64)[codes]


def completed(
    log_probabilities: NDArray[np.float64], kept: NDArray[np.int64]
) -> tuple[NDArray[np.float64], dict[int, str]]:
    """Answers with Laplace's rule of succession for classes without an example.

    Of c classes and n kept examples, a class that none of them has gets the probability
    1 / (n + c); the others share the rest as the learner says. With nothing kept all
    are equally likely.

    Args:
        log_probabilities: (m, t, c), of the classes that examples were kept of; what
            stands at others is not read.
        kept: (m, c), how many examples were kept of each class.

    Returns:
        (m, t, c), and remarks.
    """
    classes = kept.shape[1]
    missing = kept == 0
    absent = 1.0 / (kept.sum(axis=1) + classes)
    rest = np.log1p(-np.minimum(missing.sum(axis=1) * absent, 1.0 - 1e-12))
    result = np.where(
        missing[:, None, :],
        np.log(absent)[:, None, None],
        log_probabilities + rest[:, None, None],
    )
    remarks = {
        int(row): (
            "nothing was kept: every class counts as equally likely"
            if missing[row].all()
            else (
                "some class was left without an example: its probability counts as 1 /"
                " (examples + classes)"
            )
        )
        for row in np.flatnonzero(missing.any(axis=1))
    }
    return result, remarks


def labels_as(
    classes: NDArray[Any], labels: Sequence[Any] | NDArray[Any]
) -> NDArray[np.int64]:
    """The position of each label among the classes, (t,) int64.

    Raises:
        InvalidInput: a label that no training example has.
    """
    known = {label: position for position, label in enumerate(classes.tolist())}
    found = []
    for row, label in enumerate(np.asarray(labels).tolist()):
        position = known.get(label, known.get(str(label)))
        if position is None:
            known_labels = ", ".join(map(str, classes[:10]))
            raise InvalidInput(
                f"test point {row} has the label {shown(label)}; the training labels"
                f" are {known_labels}"
            )
        found.append(position)
    return np.array(found, dtype=np.int64)
