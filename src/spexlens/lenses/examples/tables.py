"""Tables: columns by name, of a `datasets.Dataset`, a frame or a dictionary."""

from collections.abc import Mapping
from typing import Any

from spexlens.arguments import did_you_mean, in_python, named
from spexlens.errors import InvalidInput


def is_table(data: Any) -> bool:
    """Whether it has named columns; a frame of numbers alone is an array."""
    if isinstance(data, Mapping) or hasattr(data, "column_names"):
        return True
    return hasattr(data, "columns") and any(
        dtype.kind not in "biuf" for dtype in data.dtypes
    )


def names_of(table: Any) -> list[Any]:
    """The names of its columns.

    Raises:
        InvalidInput: it is no table.
    """
    for attribute in ("column_names", "columns"):
        if hasattr(table, attribute):
            return list(getattr(table, attribute))
    if isinstance(table, Mapping):
        return list(table)
    raise InvalidInput(
        f"expected a table with named columns; got {type(table).__name__}"
    )


def columns_of(table: Any, text: str, label: str | None) -> dict[str, list[Any]]:
    """The columns of a table, by name, those of texts and labels among them.

    Raises:
        InvalidInput: there is no column of texts, or of labels, of this name.
    """
    names = names_of(table)
    for name, what in ((text, "texts"), (label, "labels")):
        if name is not None and name not in names:
            raise InvalidInput(_no_column(name, what, list(map(str, names))))
    columns = {str(name): list(table[name]) for name in names}
    if label is not None:
        columns[label] = _by_name(table, label, columns[label])
    return columns


def _by_name(table: Any, label: str, values: list[Any]) -> list[Any]:
    """Labels by name where a `datasets.Dataset` has the names of the classes."""
    feature = (getattr(table, "features", None) or {}).get(label)
    names = getattr(feature, "names", None)
    if names is None:
        return values
    # -1 is withheld
    return [None if value is None or value < 0 else names[value] for value in values]


def _no_column(name: str, what: str, names: list[str]) -> str:
    """What to say of a column that is not there: what there is, and the nearest first."""
    option = f"{what.removesuffix('s')}_column"
    chosen = in_python(f"{what.removesuffix('s')}=...") or named(option)
    there = f"{did_you_mean(name, names)}the columns are {', '.join(names)}"
    return f"there is no column {name!r} of {what}; {there}; choose with {chosen}"
