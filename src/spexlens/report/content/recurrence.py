"""An aggregate, as data: which interactions recur, by order."""

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median
from typing import Literal

from spexlens.report.content.figures import Cell, Figures, Tone
from spexlens.report.content.legible import words_shown
from spexlens.results.recurrence import Recurrence, Recurrences

ColumnName = Literal["found", "effect", "±", "in sd", "+", "−", "share", "rank"]

COLUMNS: tuple[ColumnName, ...] = (
    *("found", "effect", "±", "in sd"),
    *("+", "−", "share", "rank"),
)
"""Of every table, from left to right; their names are their titles."""

ESSENTIAL: tuple[ColumnName, ...] = ("found", "effect")
"""Those that are there where there is room for little."""

_ROWS = 12


@dataclass(frozen=True)
class Row:
    """An interaction that recurs.

    Attributes:
        labels: of its members.
        cells: its figures, by the names of their columns.
    """

    labels: tuple[str, ...]
    cells: dict[ColumnName, Cell]


@dataclass(frozen=True)
class Table:
    """Interactions of some orders.

    Attributes:
        title: what they have in common, and how many there are where not all are shown.
        rows: those found most often first.
    """

    title: str
    rows: tuple[Row, ...]


@dataclass(frozen=True)
class AggregateContent:
    """What the page of an aggregate says.

    Attributes:
        title: of how many explanations, and of what.
        tables: an order each, pairs first; none is empty.
        meanings: of all columns, a line each; what was looked for, where nothing is.
        essential_meanings: the same of the essential columns.
        trust: how far the explanations are to be trusted.
    """

    title: str
    tables: tuple[Table, ...]
    meanings: tuple[str, ...]
    essential_meanings: tuple[str, ...]
    trust: str


def page(aggregate: Recurrences, *, top: int | None = None) -> AggregateContent:
    """All that is said of an aggregate; every word of it can be shown.

    Args:
        aggregate: what it is about.
        top: rows a table, instead of a page's worth.
    """
    aggregate = words_shown(aggregate)
    essential, all_columns = _meanings(aggregate)
    least = min(aggregate.r2)
    return AggregateContent(
        _title(aggregate),
        tuple(_tables(aggregate, top or _ROWS)),
        all_columns,
        essential,
        f"faithfulness: R² {median(aggregate.r2):.3f} in the middle, {least:.3f} at the"
        " least",
    )


def _title(aggregate: Recurrences) -> str:
    count = aggregate.explanations
    targets = aggregate.targets
    of = ""
    if len(targets) == 1:
        of = f" of {targets[0]}"
    elif targets:
        of = f" of {len(targets)} targets"
    explanations = "1 explanation" if count == 1 else f"{count} explanations"
    together = ""
    if len(targets) > 1:
        together = " · taken together over the targets"
        if any(row.target is not None for row in aggregate.rows):
            together = " · each target by itself"
    return f"{explanations} · {aggregate.unit}{of} · {aggregate.index}{together}"


def _tables(aggregate: Recurrences, top: int) -> list[Table]:
    targets = {row.target for row in aggregate.rows}
    tables = []
    for target in sorted(targets, key=lambda target: target or ""):
        rows = [row for row in aggregate.rows if row.target == target]

        # a single target is named in the page's title
        of = ""
        if target is not None and len(aggregate.targets) > 1:
            of = f", effects on {target}"

        pairs = [row for row in rows if row.order == 2]
        higher = [row for row in rows if row.order > 2]
        singles = [row for row in rows if row.order == 1]

        tables += [
            _table(f"Act together{of}", pairs, top),
            _table(f"Act together, three or more{of}", higher, top),
            _table(f"On their own{of}", singles, top),
        ]

    return [table for table in tables if table.rows]


def _table(name: str, rows: Sequence[Recurrence], top: int) -> Table:
    if not rows:
        return Table(name, ())
    # of all rows, also those not shown: with more of them no figure changes
    figures = Figures.sized(max(abs(row.effect) for row in rows))
    more = f" ({top} of {len(rows)})" if top < len(rows) else ""
    return Table(name + more, tuple(_row(row, figures) for row in rows[:top]))


def _row(row: Recurrence, figures: Figures) -> Row:
    tone: Tone = "raises" if row.effect > 0 else "lowers"

    # one explanation alone deviates from nothing
    deviation = Cell()
    if row.deviation is not None:
        deviation = Cell(figures.plain(row.deviation), value=row.deviation)

    cells: dict[ColumnName, Cell] = {
        "found": Cell(f"{row.found} of {row.possible}", value=row.found),
        "effect": Cell(figures.signed(row.effect), tone, row.effect),
        "±": deviation,
        "in sd": Cell(f"{row.standardised:+.2f}", tone, row.standardised),
        "+": Cell(str(row.positive), value=row.positive),
        "−": Cell(str(row.negative), value=row.negative),
        "share": Cell(f"{row.share:.1%}", value=row.share),
        "rank": Cell(f"{row.rank:.1f}", value=row.rank),
    }
    return Row(row.labels, cells)


def _meanings(aggregate: Recurrences) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Of the essential columns, and of all."""
    if not aggregate.rows:
        nothing = (f"nothing was found in {aggregate.least} or more of them",)
        return nothing, nothing
    counted = (
        f"found: with a share of at least {aggregate.least_share:.1%} of the variance,"
        " of the explanations that have all members"
    )
    essential = (
        counted,
        "effect: the mean over those explanations, where one without it counts as zero",
    )
    all_columns = (
        counted,
        (
            "effect ± deviation: over those explanations, where one without it counts"
            " as zero"
        ),
        (
            "in sd: the mean effect, each in standard deviations of its own"
            " explanation's answers over masks"
        ),
        (
            "+, −: how often it was found above and below zero; rank: its mean by"
            " |effect|, where found"
        ),
    )
    return essential, all_columns
