"""An aggregate in a terminal: which interactions recur, by order."""

from collections.abc import Iterator
from dataclasses import dataclass
from io import StringIO
from statistics import median

from rich.console import Console, ConsoleOptions, RenderableType
from rich.table import Table
from rich.text import Text

from spexlens.report.content.figures import Figures
from spexlens.report.content.legible import words_shown
from spexlens.report.terminal.tables import WIDE, shortened
from spexlens.results.recurrence import Recurrence, Recurrences

_ROWS = 12
_COLUMNS = ("found", "effect", "±", "in sd", "+", "−", "share", "rank")
_NARROW = ("found", "effect")  # those that there is always room for


def render(aggregate: Recurrences, *, top: int | None = None) -> RenderableType:
    """A page for `rich`: a table an order, pairs first, and what its columns mean.

    Args:
        aggregate: what to show.
        top: rows a table, instead of a page's worth.
    """
    return _Page(words_shown(aggregate), top or _ROWS)


@dataclass(frozen=True)
class _Page:
    """A page, as wide as its console."""

    aggregate: Recurrences
    top: int

    def __rich_console__(
        self, console: Console, options: ConsoleOptions
    ) -> Iterator[RenderableType]:
        aggregate = self.aggregate
        wide = options.max_width >= WIDE
        yield _title(aggregate)
        yield Text()
        targets = sorted(
            {row.target for row in aggregate.rows}, key=lambda target: target or ""
        )
        for target in targets:
            own = [row for row in aggregate.rows if row.target == target]
            of = (
                f", effects on {target}"
                if target is not None and len(aggregate.targets) > 1
                else ""
            )
            for name, rows in (
                ("Act together", [row for row in own if row.order == 2]),
                ("Act together, three or more", [row for row in own if row.order > 2]),
                ("On their own", [row for row in own if row.order == 1]),
            ):
                if rows:
                    yield _table(name + of, rows, self.top, wide=wide)
                    yield Text()
        yield _legend(aggregate, wide=wide)


def plain(aggregate: Recurrences) -> str:
    """The same page as text, without colour."""
    page = StringIO()
    Console(file=page, width=110, color_system=None).print(render(aggregate))
    return "\n".join(line.rstrip() for line in page.getvalue().rstrip().splitlines())


def _title(aggregate: Recurrences) -> Text:
    count = aggregate.explanations
    targets = aggregate.targets
    of = (
        f" of {targets[0]}"
        if len(targets) == 1
        else f" of {len(targets)} targets"
        if targets
        else ""
    )
    title = (
        f"{count} explanation{'s' * (count != 1)} · {aggregate.unit}{of} ·"
        f" {aggregate.index}"
    )
    if len(targets) > 1:
        apart = any(row.target is not None for row in aggregate.rows)
        title += (
            " · each target by itself"
            if apart
            else " · taken together over the targets"
        )
    return Text(title, style="bold")


def _table(name: str, rows: list[Recurrence], top: int, *, wide: bool) -> Table:
    more = f" ({top} of {len(rows)})" if top < len(rows) else ""
    table = Table(
        title=name + more,
        title_justify="left",
        title_style="bold",
        box=None,
        pad_edge=False,
    )
    shown = [column for column in _COLUMNS if wide or column in _NARROW]
    for column in shown:
        dim = "dim" if column == "±" else ""
        table.add_column(column, justify="right", no_wrap=True, style=dim)
    table.add_column("of", style="bold", overflow="fold")
    figures = Figures.sized(max(abs(row.effect) for row in rows))
    for row in rows[:top]:
        colour = "green" if row.effect > 0 else "red"
        cells = (
            Text(f"{row.found} of {row.possible}"),
            Text(figures.signed(row.effect), style=colour),
            Text("" if row.deviation is None else figures.plain(row.deviation)),
            Text(f"{row.standardised:+.2f}", style=colour),
            Text(str(row.positive)),
            Text(str(row.negative)),
            Text(f"{row.share:.1%}"),
            Text(f"{row.rank:.1f}"),
        )
        named = dict(zip(_COLUMNS, cells, strict=True))
        members = Text(" × ".join(map(shortened, row.labels)))
        table.add_row(*(named[column] for column in shown), members)
    return table


def _legend(aggregate: Recurrences, *, wide: bool) -> Text:
    """What the columns mean, and how far the explanations are to be trusted."""
    trust = (
        f"faithfulness: R² {median(aggregate.r2):.3f} in the middle,"
        f" {min(aggregate.r2):.3f} at the least"
    )
    if not aggregate.rows:
        nothing = f"nothing was found in {aggregate.least} or more of them"
        return Text("\n".join([nothing, trust]), style="dim")
    lines = [
        (
            f"found: with a share of at least {aggregate.least_share:.1%} of the"
            " variance, of the explanations that have all members"
        ),
    ]
    if wide:
        lines += [
            (
                "effect ± deviation: over those explanations, where one without it"
                " counts as zero"
            ),
            (
                "in sd: the mean effect, each in standard deviations of its own"
                " explanation's answers over masks"
            ),
            (
                "+, −: how often it was found above and below zero; rank: its mean by"
                " |effect|, where found"
            ),
        ]
    else:
        lines.append(
            "effect: the mean over those explanations, where one without it counts as"
            " zero"
        )
    lines.append(trust)
    return Text("\n".join(lines), style="dim italic")
