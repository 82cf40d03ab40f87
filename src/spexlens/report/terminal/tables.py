"""Tables: what acts together, one row a set, as wide as there is room for."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from rich.table import Table
from rich.text import Text

from spexlens.evidence.artefacts import Survival
from spexlens.evidence.stability import Stability
from spexlens.report.content.evidence import MARKS, measured
from spexlens.report.content.figures import Figures
from spexlens.report.content.wording import meaning
from spexlens.report.terminal.summary import kept_of
from spexlens.results.interaction import Interaction
from spexlens.results.result import Result
from spexlens.spectrum.shares import TOP

WIDE = 70
"""Columns of a terminal, from which there is room for figures."""

_BROAD = 100  # and for all of them, beside sentences
_MOST = 48  # characters of a label


@dataclass(frozen=True)
class Tables:
    """What the tables of a page share.

    Attributes:
        unit: of the effects.
        alone: the effect of each candidate, by position.
        stable: how steadily each interaction is among the strongest, by its members.
        figures: how effects are written.
        kept: what a candidate is that is not ablated.
        width: columns of the terminal.
        verbose: whether all that is known of a row is shown.
    """

    unit: str
    alone: Mapping[int, float]
    stable: Mapping[tuple[int, ...], Stability]
    figures: Figures
    kept: str
    width: int
    verbose: bool

    @classmethod
    def of(
        cls,
        explanation: Result,
        output: int | str,
        alone: Mapping[int, float],
        width: int,
        verbose: bool,
    ) -> "Tables":
        """Those of an explanation.

        Args:
            explanation: whose tables.
            output: of a vector-valued game, which output.
            alone: the effect of each candidate, by position.
            width: columns of the terminal.
            verbose: whether all that is known of a row is shown.
        """
        unit = {"raw": explanation.unit, "share": "of total", "sd": "in sd"}[
            explanation.scale
        ]
        found = (
            explanation.stability[explanation.position(output)]
            if explanation.stability
            else ()
        )
        exact = explanation.faithfulness.source == "exact"
        return cls(
            unit if len(unit) <= 8 else "effect",
            alone,
            {} if exact else {each.members: each for each in found},
            Figures.of(explanation, output),
            kept_of(explanation),
            width,
            verbose,
        )

    def table(self, name: str, rows: Sequence[Interaction], total: int) -> Table:
        """One table, of so many sets of which these are shown."""
        more = f" (the strongest {len(rows)} of {total})" if len(rows) < total else ""
        table = Table(
            title=name + more,
            title_justify="left",
            title_style="bold",
            box=None,
            pad_edge=False,
        )
        cells = self._cells(rows)
        beside = {
            title: cell
            for title, cell in cells.items()
            if self.width >= WIDE or title in self._always
        }
        for title in beside:
            table.add_column(
                title,
                justify="right",
                style="dim" if title == "±" else "",
                no_wrap=True,
            )
        table.add_column("which", overflow="fold", min_width=min(12, self.width // 2))
        if self._beside:
            table.add_column("what it does", style="dim")
        for place, row in enumerate(rows):
            figures = (cell[place] for cell in beside.values())
            labels = self._labels(row)
            sentence = self._sentence(row)
            if self._beside:
                table.add_row(*figures, labels, sentence)
                continue
            below = [
                f"{title} {cell[place]}"
                for title, cell in cells.items()
                if title not in beside and cell[place]
            ]
            told = "".join(f"\n{line}" for line in (sentence, ", ".join(below)) if line)
            table.add_row(*figures, labels.append(told, "dim not bold"))
        return table

    @property
    def _always(self) -> tuple[str, str]:
        """The columns that there is room for in any terminal: effects, and what
        measuring them again said.
        """
        return self.unit, ""

    @property
    def _beside(self) -> bool:
        """Whether there is room for the sentences beside the members, and not only
        below them.
        """
        return self.width >= (_BROAD if self.verbose else WIDE)

    def legend(self, rows: Sequence[Interaction], explanation: Result) -> list[str]:
        """What the columns and marks are that the tables of these rows have."""
        cells = self._cells(rows)
        lines = []
        if "±" in cells:
            lines.append(
                "±: half of a 90% interval; an effect within it of zero may be none"
            )
        if "share" in cells:
            lines.append(
                "share: how much of all that ablating changes is this row's own (of the"
                " variance)"
            )
        verdicts = {row.evidence.verdict for row in rows if row.evidence is not None}
        marks = ", ".join(
            f"{mark} {verdict}"
            for verdict, (mark, _) in MARKS.items()
            if verdict in verdicts
        )
        if marks and explanation.checks is not None:
            half = ", ± half of a 90% interval" if "measured" in cells else ""
            contexts = explanation.checks.contexts
            lines.append(
                f"measured again on the model, in {contexts} random contexts{half}:"
                f" {marks}"
            )
        if f"top {TOP}" in cells:
            lines.append(
                f"top {TOP}: how often it is among the {TOP} strongest of its table,"
                " had others been asked"
            )
        if "survives" in cells and explanation.artefacts is not None:
            names = ", ".join(
                variant.name for variant in explanation.artefacts.variants
            )
            lines.append(
                f"survives: the effect when ablated by {names}, over this one, where it"
                " changes most: 1 as strong, 0 gone, below 0 turned round; with ?, not"
                " sure"
            )
        return lines

    def _cells(self, rows: Sequence[Interaction]) -> dict[str, list[Text]]:
        """The figures that there is room and reason for, by the titles of their
        columns.
        """
        cells = {self.unit: [effect(row, self.figures) for row in rows]}
        if not self.verbose:
            cells[""] = [_mark(row) for row in rows]
        if self.verbose or self.width >= WIDE:
            cells["±"] = [Text(half_width(row, self.figures)) for row in rows]
            cells["share"] = [Text(f"{row.share:.1%}") for row in rows]
            cells["survives"] = [Text(_survives(row.survival)) for row in rows]
        if self.verbose:
            cells["measured"] = [measured(row.evidence, self.figures) for row in rows]
            cells[f"top {TOP}"] = [
                Text(_stays(self.stable.get(row.members))) for row in rows
            ]
        return {title: cell for title, cell in cells.items() if any(map(str, cell))}

    def _sentence(self, row: Interaction) -> str:
        if not row.audible:
            return "may be the model's noise"
        low, high = row.interval or (row.effect, row.effect)
        if low < 0 < high:
            return "may do nothing"
        return meaning(row, self.alone, self.kept)

    def _labels(self, row: Interaction) -> Text:
        labels = Text(
            " × ".join(map(shortened, row.labels)),
            style="bold" if row.audible else "dim",
        )
        if row.across:
            labels.append(f" ({' × '.join(row.kinds)})", "dim italic")
        return labels


def effect(interaction: Interaction, figures: Figures) -> Text:
    """Its size, green where it raises the answer and red where it lowers it."""
    style = (
        ("green" if interaction.effect > 0 else "red") if interaction.audible else "dim"
    )
    return Text(figures.signed(interaction.effect), style=style)


def _mark(interaction: Interaction) -> Text:
    """What measuring it again said."""
    if interaction.evidence is None:
        return Text()
    return Text(*MARKS[interaction.evidence.verdict])


def half_width(interaction: Interaction, figures: Figures) -> str:
    """Half of the 90% interval; nothing where there is none, or no doubt."""
    low, high = interaction.interval or (0.0, 0.0)
    return figures.plain((high - low) / 2) if high > low else ""


def shortened(label: str) -> str:
    """A label in a line of its own."""
    line = " ".join(label.split())
    return line if len(line) <= _MOST else f"{line[:30]} … {line[-14:]}"


def _stays(stability: Stability | None) -> str:
    """How often it is among the strongest."""
    return "" if stability is None else f"{stability.stays:.0%}"


def _survives(survival: Survival | None) -> str:
    """How much of it there is when ablated in another way; with a question mark where
    that is not sure.
    """
    return (
        ""
        if survival is None
        else f"{survival.score:.2f}{'' if survival.sure else '?'}"
    )
