"""An explanation in a terminal: what was found, the text coloured by main effect, and
what acts together.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from io import StringIO

from rich.console import Console, ConsoleOptions, Group, RenderableType
from rich.table import Table
from rich.text import Text

from spexlens.report.content import listing as content
from spexlens.report.content.page import PageContent, Title, page
from spexlens.report.terminal.candidates import coloured
from spexlens.report.terminal.tables import Room, drawn, figure, legend, shortened
from spexlens.results.interaction import Subset
from spexlens.results.result import Result


def render(
    explanation: Result,
    *,
    output: int | str = 0,
    top: int | None = None,
    verbose: bool = False,
) -> RenderableType:
    """A page for `rich`, as wide as its console: what was found, how sure that is, its
    cost, and the tables.

    Args:
        explanation: what to show.
        output: of a vector-valued game, which output.
        top: rows a table, instead of a page's worth.
        verbose: with all that is known of each row, and how it was come by.
    """
    return _Page(page(explanation, output, top=top, verbose=verbose))


@dataclass(frozen=True)
class _Page:
    """A page of one output."""

    content: PageContent

    def __rich_console__(
        self, console: Console, options: ConsoleOptions
    ) -> Iterator[RenderableType]:
        """The parts of the page, for the width that there is."""
        content = self.content
        yield from self._head()
        yield coloured(content.candidates)
        yield Text()
        yield from self._tables(Room(options.max_width, content.verbose))
        lines = [remark.text for remark in content.account]
        lines += content.details
        if content.more:
            lines.append(content.more)
        yield Text("\n".join(lines), style="dim")

    def _head(self) -> Iterator[RenderableType]:
        """What comes before the text: the answer, what was explained, what speaks
        against it, and what was found.
        """
        content = self.content
        if content.answer:
            yield Text(content.answer, style="bold")
        yield _title(content.title)
        for warning in content.warnings:
            yield Text(warning, style="bold red")
        for name, sentence in content.summary.sentences.items():
            yield Text(name, style="bold").append(f": {sentence}", "not bold")
        yield Text()

    def _tables(self, room: Room) -> Iterator[RenderableType]:
        """The tables, of what there is none, and what the columns mean."""
        content = self.content
        for table in content.tables:
            yield drawn(table, room)
            yield Text()
        if content.nothing:
            yield Text(content.nothing, style="dim")
            yield Text()
        meanings = legend(content.meanings, content.tables, room)
        if meanings:
            yield Text("\n".join(meanings), style="dim italic")
            yield Text()


def listing(
    explanation: Result,
    index: str,
    order: int,
    *,
    output: int | str = 0,
    top: int | None = None,
    across: bool | None = None,
) -> RenderableType:
    """One table of any index, the largest |effect| first; see
    `Result.interactions`.
    """
    listed = content.listing(
        explanation, index, order, output=output, top=top, across=across
    )

    # figures stay whole; where there is no room, names go on in the next line
    table = Table(box=None, pad_edge=False)
    table.add_column(listed.index, justify="right", no_wrap=True)
    table.add_column("±", justify="right", no_wrap=True)
    table.add_column("which", style="bold", overflow="fold")

    for row in listed.rows:
        labels = Text(" × ".join(map(shortened, row.labels)))
        if row.kinds:
            labels.append(f" ({' × '.join(row.kinds)})", "dim italic")
        table.add_row(figure(row.effect), row.half_width.text, labels)

    return Group(Text(listed.title, style="bold"), table)


def subset(
    explanation: Result, best: Subset, *, output: int | str = 0
) -> RenderableType:
    """What `Result.best_subset` found, what the explanation says of it, and how
    sure that is.
    """
    kept = content.subset(explanation, best, output=output)
    return Group(
        Text(kept.title, style="bold"),
        Text(", ".join(map(shortened, kept.labels))),
        *(Text(remark, style="dim") for remark in kept.remarks),
    )


def plain(explanation: Result, *, verbose: bool = False, width: int = 110) -> str:
    """The same page as text, without colour: of all outputs, one below the other."""
    # no colours, so that the text is the same wherever it is printed
    text = StringIO()
    console = Console(file=text, width=width, color_system=None)
    for output in range(len(explanation.outputs or ("",))):
        console.print(render(explanation, output=output, verbose=verbose))
    return "\n".join(line.rstrip() for line in text.getvalue().rstrip().splitlines())


def _title(title: Title) -> Text:
    text = Text(title.counted, style="bold")
    return text.append(f" · {title.watched}").append(title.headline)
