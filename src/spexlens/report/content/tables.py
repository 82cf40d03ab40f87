"""Tables: what acts together, one row a set, with all figures that a page may show."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

from spexlens.evidence.artefacts import Survival
from spexlens.evidence.stability import Stability
from spexlens.report.content.evidence import MARKS, measured
from spexlens.report.content.figures import Cell, Figures
from spexlens.report.content.wording import meaning
from spexlens.results.interaction import Interaction
from spexlens.results.result import Result
from spexlens.spectrum.shares import TOP

ColumnName = Literal[
    "effect", "mark", "half width", "share", "survives", "measured", "top"
]

_SHORT = 8  # characters of a unit that heads a column


@dataclass(frozen=True)
class Column:
    """A column of figures.

    Attributes:
        name: what its cells are called.
        title: what stands above it; may be empty.
        essential: whether it is there where there is room for little.
        faint: whether its cells are less to be seen than others.
    """

    name: ColumnName
    title: str
    essential: bool = False
    faint: bool = False


@dataclass(frozen=True)
class Row:
    """A set of candidates that act together.

    Attributes:
        members: the candidates' positions, ascending.
        labels: their names.
        kinds: what they are, where they are of different kinds; else empty.
        audible: whether it is more than noise alone would make.
        sentence: what keeping them does, the end of a sentence that begins with them.
        cells: its figures, by the names of their columns.
    """

    members: tuple[int, ...]
    labels: tuple[str, ...]
    kinds: tuple[str, ...]
    audible: bool
    sentence: str
    cells: Mapping[ColumnName, Cell]


@dataclass(frozen=True)
class Table:
    """The strongest sets of some orders.

    Attributes:
        name: what its rows have in common.
        total: how many such sets there are, of which these are shown.
        columns: those of which a row has a figure.
        rows: the strongest first.
    """

    name: str
    total: int
    columns: tuple[Column, ...]
    rows: tuple[Row, ...]

    @property
    def title(self) -> str:
        """Its name; and how many there are, where not all are shown."""
        if len(self.rows) >= self.total:
            return self.name
        return f"{self.name} (the strongest {len(self.rows)} of {self.total})"


@dataclass(frozen=True)
class Meaning:
    """What a reader should know of a column, or of the marks in it.

    Attributes:
        text: one line.
        column: beside which it is needed; None where it always is.
    """

    text: str
    column: ColumnName | None = None


@dataclass(frozen=True)
class Tabulation:
    """What the tables of a page share.

    Attributes:
        explanation: whose tables.
        alone: the effect of each candidate, by position.
        figures: how effects are written.
        stable: how steadily each interaction is among the strongest, by its members.
        verbose: whether all that is known of a row is shown.
    """

    explanation: Result
    alone: Mapping[int, float]
    figures: Figures
    verbose: bool
    stable: Mapping[tuple[int, ...], Stability] = field(default_factory=dict)

    @classmethod
    def of(
        cls,
        explanation: Result,
        output: int | str,
        alone: Mapping[int, float],
        verbose: bool,
    ) -> "Tabulation":
        """Of one output of an explanation; see the attributes."""
        stable = {}
        # of what is exact no draw could be another
        exact = explanation.faithfulness.source == "exact"
        if explanation.stability and not exact:
            of_output = explanation.stability[explanation.position(output)]
            stable = {stability.members: stability for stability in of_output}
        figures = Figures.of(explanation, output)
        return cls(explanation, alone, figures, verbose, stable)

    def table(
        self, name: str, interactions: Sequence[Interaction], total: int
    ) -> Table:
        """One table, of so many sets of which these are shown."""
        rows = tuple(self._row(interaction) for interaction in interactions)
        columns = tuple(
            column
            for column in self._columns()
            if any(row.cells[column.name].text for row in rows)
        )
        return Table(name, total, columns, rows)

    def meanings(self, interactions: Sequence[Interaction]) -> tuple[Meaning, ...]:
        """What the columns and marks are that tables of these interactions have."""
        # of all tables together: a column of one is explained once
        columns = {column.name for column in self.table("", interactions, 0).columns}
        explanation = self.explanation
        meanings = []
        if "half width" in columns:
            text = "±: half of a 90% interval; an effect within it of zero may be none"
            meanings.append(Meaning(text, "half width"))
        if "share" in columns:
            text = (
                "share: how much of all that ablating changes is this row's own (of the"
                " variance)"
            )
            meanings.append(Meaning(text, "share"))
        meanings += self._meaning_of_marks(interactions)
        if "top" in columns:
            text = (
                f"top {TOP}: how often it is among the {TOP} strongest of its table,"
                " had others been asked"
            )
            meanings.append(Meaning(text, "top"))
        if "survives" in columns and explanation.artefacts is not None:
            variants = explanation.artefacts.variants
            names = ", ".join(variant.name for variant in variants)
            text = (
                f"survives: the effect when ablated by {names}, over this one, where it"
                " changes most: 1 as strong, 0 gone, below 0 turned round; with ?, not"
                " sure"
            )
            meanings.append(Meaning(text, "survives"))
        return tuple(meanings)

    def _meaning_of_marks(self, interactions: Sequence[Interaction]) -> list[Meaning]:
        checks = self.explanation.checks
        verdicts = {one.evidence.verdict for one in interactions if one.evidence}
        marks = ", ".join(
            f"{mark} {verdict}"
            for verdict, (mark, _) in MARKS.items()
            if verdict in verdicts
        )
        if not marks or checks is None:
            return []
        half = ", ± half of a 90% interval" if self.verbose else ""
        text = (
            f"measured again on the model, in {checks.contexts} random contexts{half}:"
            f" {marks}"
        )
        return [Meaning(text)]

    def _columns(self) -> list[Column]:
        """Those that there may be, as they stand side by side."""
        columns = [Column("effect", self._unit, essential=True)]
        if not self.verbose:
            columns.append(Column("mark", "", essential=True))
        columns += [
            Column("half width", "±", faint=True),
            Column("share", "share"),
            Column("survives", "survives"),
        ]
        if self.verbose:
            columns += [Column("measured", "measured"), Column("top", f"top {TOP}")]
        return columns

    @property
    def _unit(self) -> str:
        """What heads the column of effects."""
        titles = {"raw": self.explanation.unit, "share": "of total", "sd": "in sd"}
        title = titles[self.explanation.scale]
        return title if len(title) <= _SHORT else "effect"

    def _row(self, interaction: Interaction) -> Row:
        check = interaction.evidence
        cells: dict[ColumnName, Cell] = {
            "effect": effect(interaction, self.figures),
            "mark": Cell() if check is None else Cell(*MARKS[check.verdict]),
            "half width": half_width(interaction, self.figures),
            "share": Cell(f"{interaction.share:.1%}", value=interaction.share),
            "survives": _survives(interaction.survival),
            "measured": measured(check, self.figures),
            "top": _stays(self.stable.get(interaction.members)),
        }
        return Row(
            interaction.members,
            interaction.labels,
            interaction.kinds if interaction.across else (),
            interaction.audible,
            self._sentence(interaction),
            cells,
        )

    def _sentence(self, interaction: Interaction) -> str:
        # no direction is told of what may be zero
        if not interaction.audible:
            return "may be the model's noise"
        if interaction.interval is not None:
            low, high = interaction.interval
            if low < 0 < high:
                return "may do nothing"
        return meaning(interaction, self.alone, self.explanation.about.when_kept)


def effect(interaction: Interaction, figures: Figures) -> Cell:
    """Its size; faint where noise alone would make as much."""
    text = figures.signed(interaction.effect)
    if not interaction.audible:
        return Cell(text, "faint", interaction.effect)
    tone: Literal["raises", "lowers"] = "raises" if interaction.effect > 0 else "lowers"
    return Cell(text, tone, interaction.effect)


def half_width(interaction: Interaction, figures: Figures) -> Cell:
    """Half of the 90% interval; nothing where there is none, or no doubt."""
    low, high = interaction.interval or (0.0, 0.0)
    # also of NaN, which is not larger than anything
    if not high > low:
        return Cell()
    half = (high - low) / 2
    return Cell(figures.plain(half), value=half)


def _stays(stability: Stability | None) -> Cell:
    """How often it is among the strongest."""
    if stability is None:
        return Cell()
    return Cell(f"{stability.stays:.0%}", value=stability.stays)


def _survives(survival: Survival | None) -> Cell:
    """How much of it there is when ablated in another way; with a question mark where
    that is not sure.
    """
    if survival is None:
        return Cell()
    doubt = "" if survival.sure else "?"
    return Cell(f"{survival.score:.2f}{doubt}", value=survival.score)
