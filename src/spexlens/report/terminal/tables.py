"""Tables in a terminal: one row a set, as wide as there is room for."""

from dataclasses import dataclass

from rich.table import Table as Drawn
from rich.text import Text

from spexlens.printable import one_line
from spexlens.report.content.figures import Cell, Tone
from spexlens.report.content.tables import Column, Meaning, Row, Table

WIDE = 70
"""Columns of a terminal, from which there is room for figures."""

_BROAD = 100  # and for all of them, beside sentences
_NARROW = 12  # of the members
_MOST = 48  # characters of a label

_STYLES: dict[Tone, str] = {
    "": "",
    "raises": "green",
    "lowers": "red",
    "faint": "dim",
    "holds": "green",
    "refuted": "red",
    "unsure": "dim",
}


@dataclass(frozen=True)
class Room:
    """What there is room for.

    Attributes:
        width: columns of the terminal.
        verbose: whether all that is known of a row is shown, however narrow it is.
    """

    width: int
    verbose: bool

    def has(self, column: Column) -> bool:
        """Whether a column is shown at all, beside the members or below them."""
        return self.verbose or self.beside(column)

    def beside(self, column: Column) -> bool:
        """Whether there is room for a column beside the members."""
        return self.width >= WIDE or column.essential

    @property
    def for_sentences(self) -> bool:
        """Whether there is room for the sentences beside the members, and not only
        below them.
        """
        return self.width >= (_BROAD if self.verbose else WIDE)


def drawn(table: Table, room: Room) -> Drawn:
    """A table for `rich`; what has no room beside the members stands below them."""
    drawn = Drawn(
        title=table.title,
        title_justify="left",
        title_style="bold",
        box=None,
        pad_edge=False,
    )
    shown = [column for column in table.columns if room.has(column)]
    beside = [column for column in shown if room.beside(column)]
    below = [column for column in shown if not room.beside(column)]
    for column in beside:
        style = "dim" if column.faint else ""
        drawn.add_column(column.title, justify="right", style=style, no_wrap=True)
    # rich would fold labels to a letter a line before it gives up a figure
    narrow = min(_NARROW, room.width // 2)
    drawn.add_column("which", overflow="fold", min_width=narrow)
    if room.for_sentences:
        drawn.add_column("what it does", style="dim")
    for row in table.rows:
        figures = [figure(row.cells[column.name]) for column in beside]
        if room.for_sentences:
            drawn.add_row(*figures, _labels(row), row.sentence)
        else:
            lines = _lines_below(row, below)
            drawn.add_row(*figures, _labels(row).append(lines, "dim not bold"))
    return drawn


def legend(
    meanings: tuple[Meaning, ...], tables: tuple[Table, ...], room: Room
) -> list[str]:
    """What the columns and marks mean that there is room for."""
    shown = {
        column.name for table in tables for column in table.columns if room.has(column)
    }
    return [
        meaning.text
        for meaning in meanings
        if meaning.column is None or meaning.column in shown
    ]


def figure(cell: Cell) -> Text:
    """A cell in its colour: green where it raises the answer and red where it lowers
    it.
    """
    return Text(cell.text, style=_STYLES[cell.tone])


def shortened(label: str) -> str:
    """A label in a line of its own."""
    line = one_line(label)
    return line if len(line) <= _MOST else f"{line[:30]} … {line[-14:]}"


def _labels(row: Row) -> Text:
    labels = Text(
        " × ".join(map(shortened, row.labels)), style="bold" if row.audible else "dim"
    )
    if row.kinds:
        labels.append(f" ({' × '.join(row.kinds)})", "dim italic")
    return labels


def _lines_below(row: Row, columns: list[Column]) -> str:
    """The sentence, and the figures that have no room beside the members."""
    figures = [
        f"{column.title} {row.cells[column.name].text}"
        for column in columns
        if row.cells[column.name].text
    ]
    lines = [row.sentence, ", ".join(figures)]
    return "".join(f"\n{line}" for line in lines if line)
