"""Examples: inputs and labels, from arrays, tables or files."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from numpy.typing import NDArray

from spexlens.arguments import shown
from spexlens.errors import InvalidInput
from spexlens.lenses.examples import files
from spexlens.lenses.examples.rows import Rows, labels_of, texts_of
from spexlens.lenses.examples.tables import columns_of


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
        columns = columns_of(table, text, label)
        return cls._from(columns, text, label, Rows(len(columns[text])))

    @classmethod
    def _from(
        cls,
        columns: Mapping[str, list[Any]],
        text: str,
        label: str | None,
        rows: Rows,
    ) -> "Examples":
        others = {name: column for name, column in columns.items() if name != text}
        texts = texts_of(columns[text], rows)
        labels = None if label is None else labels_of(columns[label], rows)
        return cls(texts, labels, others)

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
        needed = [text]
        if label is not None and labelled:
            needed.append(label)
        table = files.read(path, text, needed)
        columns = table.by_name
        if label in columns and label != text:
            columns[label] = files.as_classes(columns[label])
        if label not in columns and not labelled:
            label = None
        try:
            columns = columns_of(columns, text, label)
            return cls._from(columns, text, label, Rows(len(table.lines), table.lines))
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
