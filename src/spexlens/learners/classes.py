"""Classes: of examples and of test points, and what stands for those without one."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from spexlens.arguments import shown
from spexlens.errors import InvalidInput
from spexlens.learners.learner import Task

_SHOWN = 10  # labels in an error

_NOTHING = "nothing was kept: every class counts as equally likely"
_SOME_CLASS = (
    "some class was left without an example: its probability counts as 1 / (examples +"
    " classes)"
)


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
    """How many kept examples each class has: (m, N) -> (m, classes).

    Args:
        kept: (m, N).
        codes: (N,), the class of each example.
        classes: how many there are.
    """
    belongs = np.eye(classes, dtype=np.int64)[codes]
    return kept.astype(np.int64) @ belongs


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
    # Where all are missing the rest is zero, whose logarithm nothing reads.
    taken = np.minimum(missing.sum(axis=1) * absent, 1.0 - 1e-12)
    rest = np.log1p(-taken)

    result = np.where(
        missing[:, None, :],
        np.log(absent)[:, None, None],
        log_probabilities + rest[:, None, None],
    )

    remarks = {}
    for row in np.flatnonzero(missing.any(axis=1)).tolist():
        remarks[row] = _NOTHING if missing[row].all() else _SOME_CLASS
    return result, remarks


def labels_as(
    classes: NDArray[Any], labels: Sequence[Any] | NDArray[Any]
) -> NDArray[np.int64]:
    """The position of each label among the classes, (t,) int64.

    Raises:
        InvalidInput: a label that no training example has.
    """
    known = {label: position for position, label in enumerate(classes.tolist())}
    positions = []
    for row, label in enumerate(np.asarray(labels).tolist()):
        # A file may hold as a text what the examples have as a number.
        position = known.get(label, known.get(str(label)))
        if position is None:
            known_labels = ", ".join(map(str, classes[:_SHOWN]))
            raise InvalidInput(
                f"test point {row} has the label {shown(label)}; the training labels"
                f" are {known_labels}"
            )
        positions.append(position)
    return np.array(positions, dtype=np.int64)
