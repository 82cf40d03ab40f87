"""An aggregate in a terminal: which interactions recur, by order."""

from collections.abc import Iterator
from dataclasses import dataclass
from io import StringIO

from rich.console import Console, ConsoleOptions, RenderableType
from rich.table import Table as Drawn
from rich.text import Text

from spexlens.report.content.recurrence import (
    COLUMNS,
    ESSENTIAL,
    AggregateContent,
    Table,
    page,
)
from spexlens.report.terminal.tables import WIDE, figure, shortened
from spexlens.results.recurrence import Recurrences


def render(aggregate: Recurrences, *, top: int | None = None) -> RenderableType:
    """A page for `rich`: a table an order, pairs first, and what its columns mean.

    Args:
        aggregate: what to show.
        top: rows a table, instead of a page's worth.
    """
    return _Page(page(aggregate, top=top))


@dataclass(frozen=True)
class _Page:
    """A page, as wide as its console."""

    content: AggregateContent

    def __rich_console__(
        self, console: Console, options: ConsoleOptions
    ) -> Iterator[RenderableType]:
        content = self.content
        wide = options.max_width >= WIDE
        yield Text(content.title, style="bold")
        yield Text()
        for table in content.tables:
            yield _drawn(table, wide=wide)
            yield Text()
        meanings = content.meanings if wide else content.essential_meanings
        style = "dim italic" if content.tables else "dim"
        yield Text("\n".join([*meanings, content.trust]), style=style)


def plain(aggregate: Recurrences) -> str:
    """The same page as text, without colour."""
    text = StringIO()
    console = Console(file=text, width=110, color_system=None)
    console.print(render(aggregate))
    return "\n".join(line.rstrip() for line in text.getvalue().rstrip().splitlines())


def _drawn(table: Table, *, wide: bool) -> Drawn:
    drawn = Drawn(
        title=table.title,
        title_justify="left",
        title_style="bold",
        box=None,
        pad_edge=False,
    )
    columns = COLUMNS if wide else ESSENTIAL
    for column in columns:
        style = "dim" if column == "±" else ""
        drawn.add_column(column, justify="right", no_wrap=True, style=style)
    drawn.add_column("of", style="bold", overflow="fold")
    for row in table.rows:
        figures = [figure(row.cells[column]) for column in columns]
        drawn.add_row(*figures, Text(" × ".join(map(shortened, row.labels))))
    return drawn
