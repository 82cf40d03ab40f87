"""Examples: inputs and labels, from arrays, tables or files."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from spexlens.arguments import did_you_mean, in_python, named, shown
from spexlens.errors import InvalidInput
from spexlens.files import csv_file, jsonl_file, text_file

_EXACT = 2**53  # from here on floats are whole for want of digits


@dataclass(frozen=True, eq=False)
class Examples:
    """N examples: features or texts, a label each, and what else is known of them.

    Attributes:
        inputs: (N, d) or (N, ...) float64, or (N,) texts.
        labels: (N,) classes of any type, or float64 targets; None where there are none.
        columns: what is known of each beside its text, by name, such as its source or
            author.
    """

    inputs: NDArray[Any]
    labels: NDArray[Any] | None = None
    columns: Mapping[str, Sequence[Any]] = field(default_factory=dict)

    def __len__(self) -> int:
        return len(self.inputs)

    @property
    def textual(self) -> bool:
        """Whether the inputs are texts."""
        return self.inputs.dtype.kind == "O"

    @classmethod
    def of(
        cls, table: Any, *, text: str = "text", label: str | None = "label"
    ) -> "Examples":
        """Texts and labels from a table with named columns: a `datasets.Dataset`, a
        frame, a dictionary.

        Labels that are floats are numbers to predict; all others are classes, by name
        where the table knows their names.

        Args:
            table: `table[name]` gives a column.
            text: the column of texts.
            label: the column of labels, or None if there is none.

        Raises:
            InvalidInput: there is no such column, a text is no text, or one or a label
                is missing or not valid Unicode.
        """
        columns = _columns(table, text, label)
        rows = _Rows(len(columns[text]))
        return cls._from(columns, text, label, rows)

    @classmethod
    def _from(
        cls,
        columns: Mapping[str, list[Any]],
        text: str,
        label: str | None,
        rows: "_Rows",
    ) -> "Examples":
        others = {name: column for name, column in columns.items() if name != text}
        texts = _texts(columns[text], rows)
        return cls(
            texts, None if label is None else _labels(columns[label], rows), others
        )

    @classmethod
    def read(
        cls,
        path: str | Path,
        *,
        text: str = "text",
        label: str | None = "label",
        labelled: bool = True,
    ) -> "Examples":
        """Texts and labels from a CSV file with a header, or a JSONL file of objects,
        by its ending.

        The same table is the same examples from either: what a column of a CSV file
        holds is read as `csv_file.values` says. The labels of a file are numbers to
        predict if all are numbers and one has a fraction; whole numbers are classes,
        also where they are written as 1.0.

        Args:
            path: ends in .csv or .jsonl.
            text, label: as `of`.
            labelled: whether the column of labels must be there.

        Raises:
            InvalidInput: the file cannot be read, a line is not like the others, a
                column is missing or there twice, or a text or label is missing.
        """
        path = Path(path)
        if path.suffix.lower() not in (".csv", ".jsonl") and not path.is_dir():
            raise InvalidInput(
                f"{path} is neither .csv nor .jsonl: a header and commas between"
                " columns, or objects"
            )
        needed = [
            name for name in (text, label if labelled else None) if name is not None
        ]
        columns, lines = (
            _csv(path, text, needed) if path.suffix.lower() == ".csv" else _jsonl(path)
        )
        if label in columns and label != text:
            columns[label] = _classes(columns[label])
        label = label if labelled or label in columns else None
        try:
            return cls._from(
                _columns(columns, text, label), text, label, _Rows(len(lines), lines)
            )
        except InvalidInput as error:
            raise InvalidInput(f"{path}: {error}") from None

    def take(self, rows: Sequence[int]) -> "Examples":
        """Some of the examples.

        Raises:
            InvalidInput: there is no such row.
        """
        wrong = [row for row in rows if not 0 <= row < len(self)]
        if wrong or not len(rows):
            raise InvalidInput(
                f"there are rows 0 to {len(self) - 1}; got"
                f" {shown(wrong) if wrong else 'none'}"
            )
        chosen = list(rows)
        labels = None if self.labels is None else self.labels[chosen]
        columns = {
            name: [column[row] for row in chosen]
            for name, column in self.columns.items()
        }
        return Examples(self.inputs[chosen], labels, columns)


@dataclass(frozen=True)
class _Rows:
    """How the rows of a table are called: from 0 as in Python, or by their lines in a
    file.

    Attributes:
        count: how many there are.
        lines: of each, where they are a file's.
    """

    count: int
    lines: Sequence[int] | None = None

    def called(self, row: int) -> str:
        return f"row {row}" if self.lines is None else f"line {self.lines[row]}"


def examples_of(data: Any, what: str) -> Examples:
    """Examples as they are, or a pair of inputs and labels, or inputs alone.

    Raises:
        InvalidInput: inputs that are neither texts nor numbers, or not one label an
            input.
    """
    if isinstance(data, Examples):
        rows = _Rows(len(data))
        for values, name in (
            (data.inputs if data.textual else (), "text"),
            (data.labels, "label"),
        ):
            _refuse_halves(() if values is None else values, name, rows)
        return data
    if _is_table(data):
        return _of_table(data, what)
    inputs, labels = (
        data if isinstance(data, tuple) and len(data) == 2 else (data, None)
    )
    inputs = _inputs(inputs, what)
    if labels is None:
        return Examples(inputs)
    labels = _plain(labels)
    labels = _labels(labels, _Rows(len(labels)))
    if len(labels) != len(inputs):
        raise InvalidInput(f"{what}: {len(inputs)} inputs, but {len(labels)} labels")
    return Examples(inputs, labels)


def _is_table(data: Any) -> bool:
    """Whether it has named columns; a frame of numbers alone is an array."""
    if isinstance(data, Mapping) or hasattr(data, "column_names"):
        return True
    return hasattr(data, "columns") and any(
        dtype.kind not in "biuf" for dtype in data.dtypes
    )


def _of_table(table: Any, what: str) -> Examples:
    """The columns "text" and, where it is there, "label"."""
    names = _names(table)
    if "text" not in names:
        raise InvalidInput(
            f"{what} are a table without a column 'text'; the columns are"
            f" {', '.join(map(str, names))}: name yours with Examples.of(table,"
            " text=..., label=...)"
        )
    return Examples.of(table, label="label" if "label" in names else None)


def points_of(data: Any, like: Examples) -> Examples:
    """Test points, as `examples_of`; one alone is a point of its own.

    Raises:
        InvalidInput: they are not like the training examples.
    """
    if not isinstance(data, Examples) and not _is_table(data):
        inputs, labels = (
            data if isinstance(data, tuple) and len(data) == 2 else (data, None)
        )
        alone = (
            isinstance(inputs, str) or _depth(inputs, like) == like.inputs.ndim - 1 > 0
        )
        data = ([inputs] if alone else inputs, labels)
        data = data if labels is not None else data[0]
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


def _depth(inputs: Any, like: Examples) -> int:
    """How many dimensions inputs have; those of the others where it cannot be told."""
    try:
        return int(np.ndim(inputs))
    except ValueError:
        return like.inputs.ndim


def _shape(examples: Examples) -> str:
    return (
        "texts" if examples.textual else f"arrays of shape {examples.inputs.shape[1:]}"
    )


def _inputs(inputs: Any, what: str) -> NDArray[Any]:
    for dense in ("toarray", "to_numpy"):  # of sparse features, and of frames
        inputs = getattr(inputs, dense)() if hasattr(inputs, dense) else inputs
    if isinstance(inputs, str | Path) and Path(inputs).suffix.lower() in (
        ".csv",
        ".jsonl",
    ):
        raise InvalidInput(f"{what} are a path: give Examples.read({str(inputs)!r})")
    if (
        isinstance(inputs, str)
        or not hasattr(inputs, "__len__")
        or getattr(inputs, "ndim", 1) == 0
    ):
        raise InvalidInput(
            f"{what} are several texts, or numbers of shape (N, d); got {inputs!r}"
        )
    values = inputs if isinstance(inputs, np.ndarray) else list(inputs)
    if len(values) and all(isinstance(each, str) for each in values):
        return _texts(list(values), _Rows(len(values)))
    if len(values) and all(isinstance(each, Mapping) for each in values):
        raise InvalidInput(
            f"{what} are a list of rows: give their columns, as a table or a dictionary"
            " of lists"
        )
    if len(values) and all(
        isinstance(each, tuple | list) and _begins_with_text(each) for each in values
    ):
        raise InvalidInput(
            f"{what} are a list of pairs: give a pair of lists, (texts, labels)"
        )
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
    if not np.isfinite(array).all():
        row = int(
            np.flatnonzero(~np.isfinite(array).reshape(len(array), -1).all(axis=1))[0]
        )
        raise InvalidInput(f"{what} must be finite; row {row} is not")
    return array


def _begins_with_text(row: Sequence[Any]) -> bool:
    return len(row) > 0 and isinstance(row[0], str)


def _texts(values: Sequence[Any], rows: _Rows) -> NDArray[Any]:
    for row, value in enumerate(values):
        if not isinstance(value, str) or not value.strip():
            raise InvalidInput(
                f"{rows.called(row)} has no text"
                + ("" if value is None else f": {value!r}")
            )
    _refuse_halves(values, "text", rows)
    texts = np.empty(len(values), dtype=object)
    texts[:] = list(values)
    if not len(texts):
        raise InvalidInput("there is no row")
    return texts


def _labels(values: list[Any], rows: _Rows) -> NDArray[Any]:
    """Classes or float64 targets."""
    for row, value in enumerate(values):
        if is_missing(value):
            raise InvalidInput(f"{rows.called(row)} has no label")
        if not isinstance(value, str | int | float | np.generic):
            raise InvalidInput(
                f"{rows.called(row)}: a label is a word or a number; got {shown(value)}"
            )
    _refuse_halves(values, "label", rows)
    words = [isinstance(value, str) for value in values]
    if not any(isinstance(value, float | np.floating) for value in values):
        classes = np.array(
            list(map(str, values)) if any(words) and not all(words) else values
        )
        # whole numbers that no dtype of those holds
        too_large = classes.dtype.kind in "Of"
        return np.array(list(map(str, values))) if too_large else classes
    if any(words):
        first = words.index(True)
        raise InvalidInput(
            "labels are words or fractions, not both; "
            f"{rows.called(first)} has the word {shown(values[first])}"
        )
    numbers = np.array(values, dtype=np.float64)
    if not np.isfinite(numbers).all():
        worst = int(np.argmin(np.isfinite(numbers)))
        raise InvalidInput(f"{rows.called(worst)} has a label that is not finite")
    return numbers


def is_missing(value: Any) -> bool:
    """Whether it is what stands for nothing: None, an empty text, NaN, or a table's own
    mark.
    """
    unlike = value != value
    return (
        value is None
        or (isinstance(value, str) and not value)
        or not (isinstance(unlike, bool | np.bool_) and not unlike)
    )


def _plain(labels: Any) -> list[Any]:
    """Labels as a list; one alone as a list of one."""
    if isinstance(labels, np.ndarray):
        return list(np.atleast_1d(labels).tolist())
    return (
        [labels]
        if isinstance(labels, str) or not hasattr(labels, "__len__")
        else list(labels)
    )


def _named(table: Any, label: str, values: list[Any]) -> list[Any]:
    """Labels by name where a `datasets.Dataset` has the names of the classes."""
    feature = (getattr(table, "features", None) or {}).get(label)
    names = getattr(feature, "names", None)
    if names is None:
        return values
    # -1 is withheld
    return [None if value is None or value < 0 else names[value] for value in values]


def _columns(table: Any, text: str, label: str | None) -> dict[str, list[Any]]:
    """The columns of a table, by name, those of texts and labels among them."""
    names = _names(table)
    for name, what in ((text, "texts"), (label, "labels")):
        if name is not None and name not in names:
            raise InvalidInput(_no_column(name, what, list(map(str, names))))
    columns = {str(name): list(table[name]) for name in names}
    if label is not None:
        columns[label] = _named(table, label, columns[label])
    return columns


def _no_column(name: str, what: str, names: list[str]) -> str:
    """What to say of a column that is not there: what there is, and the nearest first."""
    option = f"{what.removesuffix('s')}_column"
    chosen = in_python(f"{what.removesuffix('s')}=...") or named(option)
    there = f"{did_you_mean(name, names)}the columns are {', '.join(names)}"
    return f"there is no column {name!r} of {what}; {there}; choose with {chosen}"


def _names(table: Any) -> list[Any]:
    for known in ("column_names", "columns"):
        if hasattr(table, known):
            return list(getattr(table, known))
    if isinstance(table, Mapping):
        return list(table)
    raise InvalidInput(
        f"expected a table with named columns; got {type(table).__name__}"
    )


def _csv(
    path: Path, text: str, needed: Sequence[str]
) -> tuple[dict[str, list[Any]], list[int]]:
    """The columns of a CSV file, and the lines of its rows; a text that looks like a
    number is a text.
    """
    table = csv_file.table(path, needed)
    columns = {
        name: (
            list(csv_file.texts(fields)) if name == text else csv_file.values(fields)
        )
        for name, fields in table.columns.items()
    }
    return columns, table.lines


def _jsonl(path: Path) -> tuple[dict[str, list[Any]], list[int]]:
    """The values of a JSONL file by their keys, and the lines of its rows."""
    rows = jsonl_file.objects(path, "an object")
    if not rows:
        raise InvalidInput(f"{path} holds no row")
    names = list(rows[0].content)
    for row in rows:
        unlike = sorted(set(names) ^ set(row.content))
        if unlike:
            why = f"only one of the two has {unlike[0]!r}"
            raise InvalidInput(
                f"{row.place}: expected an object with the keys of line {rows[0].line};"
                f" {why}"
            )
    columns = {name: [row.content[name] for row in rows] for name in names}
    return columns, [row.line for row in rows]


def _classes(values: list[Any]) -> list[Any]:
    """A file's labels: whole numbers, where all are numbers and none has a fraction;
    else as they are.
    """
    known = [value for value in values if value is not None]
    if not all(
        type(value) is int or (type(value) is float and _whole(value))
        for value in known
    ):
        return values
    return [None if value is None else int(value) for value in values]


def _whole(number: float) -> bool:
    return number.is_integer() and abs(number) < _EXACT


def _as_classes(labels: NDArray[Any], classes: NDArray[Any]) -> NDArray[Any]:
    """Labels of test points; where the classes are numbers, the number that a word
    writes.

    A table may hold "1" in one file and 1 in another.
    """
    if labels.dtype.kind != "U" or classes.dtype.kind not in "iub":
        return labels
    known = {str(name): name for name in classes.tolist()}
    found = [known.get(label, label) for label in labels.tolist()]
    return np.array(
        found,
        dtype=(
            object if any(isinstance(label, str) for label in found) else classes.dtype
        ),
    )


def _refuse_halves(values: Iterable[Any], what: str, rows: _Rows) -> None:
    """Refuse half a character: it could not be saved."""
    for row, value in enumerate(values):
        half = text_file.half_character(value) if isinstance(value, str) else None
        if half is not None:
            raise InvalidInput(
                f"{rows.called(row)}: the {what} is not valid Unicode: {half}"
            )
