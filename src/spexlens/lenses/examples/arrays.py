"""Arrays and pairs: what people give as examples or test points, as `Examples`."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from spexlens.arguments import shown
from spexlens.errors import InvalidInput
from spexlens.lenses.examples.examples import Examples
from spexlens.lenses.examples.rows import Rows, labels_of, refuse_halves, texts_of
from spexlens.lenses.examples.tables import is_table, names_of


def examples_of(data: Any, what: str) -> Examples:
    """Examples as they are, or a pair of inputs and labels, or inputs alone.

    Args:
        data: what was given; of a table the columns "text" and "label".
        what: it is, for people to read.

    Raises:
        InvalidInput: inputs that are neither texts nor numbers, or not one label an
            input.
    """
    if isinstance(data, Examples):
        _refuse_unreadable(data)
        return data
    if is_table(data):
        return _of_table(data, what)
    given_inputs, given_labels = _pair(data)
    inputs = _inputs(given_inputs, what)
    if given_labels is None:
        return Examples(inputs)
    values = _listed(given_labels)
    labels = labels_of(values, Rows(len(values)))
    if len(labels) != len(inputs):
        raise InvalidInput(f"{what}: {len(inputs)} inputs, but {len(labels)} labels")
    return Examples(inputs, labels)


def points_of(data: Any, like: Examples) -> Examples:
    """Test points, as `examples_of`; one alone is a point of its own.

    Args:
        data: what was given.
        like: the training examples.

    Raises:
        InvalidInput: they are not like the training examples.
    """
    if not isinstance(data, Examples) and not is_table(data):
        inputs, labels = _pair(data)
        if _is_one(inputs, like):
            inputs = [inputs]
        data = inputs if labels is None else (inputs, labels)
    points = examples_of(data, "the test points")
    if (
        points.textual != like.textual
        or points.inputs.shape[1:] != like.inputs.shape[1:]
    ):
        raise InvalidInput(
            f"the test points are {_shape(points)}, the training examples"
            f" {_shape(like)}"
        )
    if like.labels is None or points.labels is None:
        return points
    if like.labels.dtype.kind != "f":
        return replace(points, labels=_as_classes(points.labels, like.labels))
    if points.labels.dtype.kind not in "fiu":
        label = points.labels.tolist()[0]
        raise InvalidInput(
            f"a test point has the label {shown(label)}; the training labels are"
            " numbers"
        )
    return replace(points, labels=points.labels.astype(np.float64))


def _refuse_unreadable(examples: Examples) -> None:
    """Refuse half characters in texts and labels that were not read here."""
    rows = Rows(len(examples))
    if examples.textual:
        refuse_halves(examples.inputs, "text", rows)
    if examples.labels is not None:
        refuse_halves(examples.labels, "label", rows)


def _pair(data: Any) -> tuple[Any, Any]:
    """Inputs and labels; None for labels where there are none."""
    if isinstance(data, tuple) and len(data) == 2:
        return data
    return data, None


def _of_table(table: Any, what: str) -> Examples:
    """The columns "text" and, where it is there, "label"."""
    names = names_of(table)
    if "text" not in names:
        raise InvalidInput(
            f"{what} are a table without a column 'text'; the columns are"
            f" {', '.join(map(str, names))}: name yours with Examples.of(table,"
            " text=..., label=...)"
        )
    return Examples.of(table, label="label" if "label" in names else None)


def _is_one(inputs: Any, like: Examples) -> bool:
    """Whether it is one text, or the features of one point."""
    if isinstance(inputs, str):
        return True
    try:
        depth = int(np.ndim(inputs))
    except ValueError:  # rows of several lengths: `_inputs` says so
        return False
    return depth == like.inputs.ndim - 1 > 0


def _shape(examples: Examples) -> str:
    if examples.textual:
        return "texts"
    return f"arrays of shape {examples.inputs.shape[1:]}"


def _inputs(inputs: Any, what: str) -> NDArray[Any]:
    """(N,) texts, or (N, d) or (N, ...) float64."""
    for dense in ("toarray", "to_numpy"):  # of sparse features, and of frames
        if hasattr(inputs, dense):
            inputs = getattr(inputs, dense)()
    _refuse_single(inputs, what)
    values = inputs if isinstance(inputs, np.ndarray) else list(inputs)
    if len(values) and all(isinstance(value, str) for value in values):
        return texts_of(list(values), Rows(len(values)))
    _refuse_rows(values, what)
    return _numbers(inputs, what)


def _refuse_single(inputs: Any, what: str) -> None:
    """A path, one text, or one number."""
    if isinstance(inputs, str | Path):
        ending = Path(inputs).suffix.lower()
        if ending in (".csv", ".jsonl"):
            raise InvalidInput(
                f"{what} are a path: give Examples.read({str(inputs)!r})"
            )
    if (
        isinstance(inputs, str)
        or not hasattr(inputs, "__len__")
        or getattr(inputs, "ndim", 1) == 0
    ):
        raise InvalidInput(
            f"{what} are several texts, or numbers of shape (N, d); got {inputs!r}"
        )


def _refuse_rows(values: Sequence[Any] | NDArray[Any], what: str) -> None:
    """Rows of a table, one by one."""
    if not len(values):
        return
    if all(isinstance(row, Mapping) for row in values):
        raise InvalidInput(
            f"{what} are a list of rows: give their columns, as a table or a dictionary"
            " of lists"
        )
    if all(_begins_with_text(row) for row in values):
        raise InvalidInput(
            f"{what} are a list of pairs: give a pair of lists, (texts, labels)"
        )


def _begins_with_text(row: Any) -> bool:
    return isinstance(row, tuple | list) and len(row) > 0 and isinstance(row[0], str)


def _numbers(inputs: Any, what: str) -> NDArray[np.float64]:
    try:
        array = np.array(inputs, dtype=np.float64)  # a copy, as the labels are
    except (TypeError, ValueError) as error:
        raise InvalidInput(
            f"{what} are neither texts nor a table of numbers: {error}"
        ) from error
    if array.ndim < 2 or not array.size:
        raise InvalidInput(
            f"{what} are texts, or numbers of shape (N, d); got shape {array.shape}"
        )
    finite = np.isfinite(array).reshape(len(array), -1).all(axis=1)
    if not finite.all():
        row = int(np.flatnonzero(~finite)[0])
        raise InvalidInput(f"{what} must be finite; row {row} is not")
    return array


def _listed(labels: Any) -> list[Any]:
    """Labels as a list; one alone as a list of one."""
    if isinstance(labels, np.ndarray):
        return list(np.atleast_1d(labels).tolist())
    if isinstance(labels, str) or not hasattr(labels, "__len__"):
        return [labels]
    return list(labels)


def _as_classes(labels: NDArray[Any], classes: NDArray[Any]) -> NDArray[Any]:
    """Labels of test points; where the classes are numbers, the number that a word
    writes.

    A table may hold "1" in one file and 1 in another.
    """
    if labels.dtype.kind != "U" or classes.dtype.kind not in "iub":
        return labels
    by_word = {str(name): name for name in classes.tolist()}
    named = [by_word.get(label, label) for label in labels.tolist()]
    unknown = any(isinstance(label, str) for label in named)
    return np.array(named, dtype=object if unknown else classes.dtype)
