"""Labels: what examples and test points are called."""

from typing import Any

from spexlens.lenses.examples.examples import Examples

_SHOWN = 60  # characters of a text


def example(examples: Examples, row: int) -> str:
    """A training example's name: its position, its label, and the beginning of a text."""
    name = f"#{row}"
    if examples.labels is not None:
        name += f" {_label(examples.labels[row])}"
    if examples.textual:
        name += f": {short(examples.inputs[row])}"
    return name


def short(text: Any) -> str:
    """The beginning of a text, on one line."""
    line = " ".join(str(text).split())
    return line if len(line) <= _SHOWN else f"{line[: _SHOWN - 1]}…"


def _label(label: Any) -> str:
    return f"{label:.4g}" if isinstance(label, float) else str(label)
