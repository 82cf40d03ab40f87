"""An explanation in a terminal: what was found, the text coloured by main effect, and
what acts together.
"""

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from io import StringIO
from typing import Any

import numpy as np
from rich.console import Console, ConsoleOptions, Group, RenderableType
from rich.table import Table
from rich.text import Text

from spexlens.arguments import in_python, named
from spexlens.report.content.account import account, details
from spexlens.report.content.figures import Figures
from spexlens.report.terminal.answer import answered, of_target
from spexlens.report.terminal.candidates import coloured
from spexlens.report.terminal.legible import legible, words_shown
from spexlens.report.terminal.summary import summary, unchanging, worth_saying
from spexlens.report.terminal.tables import Tables, effect, half_width, shortened
from spexlens.results.doubts import doubts
from spexlens.results.interaction import Interaction, Subset
from spexlens.results.result import Result

_ROWS = 8
_LEAST_SHARE = 0.005


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
    explanation = legible(explanation)
    return _Page(explanation, explanation.position(output), top, verbose)


@dataclass(frozen=True)
class _Page:
    """A page of one output."""

    explanation: Result
    output: int
    top: int | None
    verbose: bool

    def __rich_console__(
        self, console: Console, options: ConsoleOptions
    ) -> Iterator[RenderableType]:
        """The parts of the page, for the width that there is."""
        explanation = self.explanation
        output = self.output
        low = explanation.interactions("bii", order=2, output=output)
        singles = [each for each in low if each.order == 1]
        pairs = [each for each in low if each.order == 2]
        alone = {each.members[0]: each.effect for each in singles}
        higher, total = explanation.higher(self.top or _ROWS, output=output)
        yield from self._head([*low, *higher], alone)
        yield coloured(explanation, alone, output)
        yield Text()
        if not unchanging(explanation, output):
            tables = Tables.of(
                explanation, output, alone, options.max_width, self.verbose
            )
            listed = list[Interaction]()
            for name, found, least, of in (
                ("Act together", pairs, 3, len(pairs)),
                ("Act together, three or more", higher, 0, total),
                ("On their own", singles, 3, len(singles)),
            ):
                shown = found[: self.top] if self.top else _worth_showing(found, least)
                listed += shown
                if shown:
                    yield tables.table(name, shown, of)
                    yield Text()
            yield from _nothing_of(listed)
            yield from self._below(listed, tables)
        lines = account(explanation, output)
        lines += details(explanation, output) if self.verbose else []
        lines += (
            []
            if self.verbose
            else [f"all figures, and how they were come by: {_more()}"]
        )
        yield Text("\n".join(lines), style="dim")

    def _head(
        self, found: list[Interaction], alone: Mapping[int, float]
    ) -> Iterator[RenderableType]:
        """What comes before the text: the answer, what was explained, what speaks
        against it, and what was found."""
        explanation = self.explanation
        output = self.output
        said = answered(explanation, output)
        if said:
            yield Text(said, style="bold")
        yield _title(explanation, output)
        for doubt in doubts(explanation, output):
            yield Text(doubt, style="bold red")
        for name, line in summary(explanation, output, found, alone).items():
            yield Text(name, style="bold").append(f": {line}", "not bold")
        yield Text()

    def _below(
        self, listed: list[Interaction], tables: Tables
    ) -> Iterator[RenderableType]:
        """What the tables' columns mean."""
        legend = tables.legend(listed, self.explanation)
        if legend:
            yield Text("\n".join(legend), style="dim italic")
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
    explanation, output = legible(explanation), explanation.position(output)
    found = explanation.interactions(index, order, output=output, across=across)
    title = (
        f"{index} of order {order} ·"
        f" {_unit(explanation)}{of_target(explanation, output)}"
    )
    figures = Figures.of(explanation, output)
    table = Table(box=None, pad_edge=False)
    table.add_column(index, justify="right", no_wrap=True)
    table.add_column("±", justify="right", no_wrap=True)
    table.add_column("which", style="bold", overflow="fold")
    for row in found[: top or 20]:
        labels = Text(" × ".join(map(shortened, row.labels)))
        labels.append(f" ({' × '.join(row.kinds)})" if row.across else "", "dim italic")
        table.add_row(effect(row, figures), half_width(row, figures), labels)
    return Group(Text(title, style="bold"), table)


def subset(
    explanation: Result, found: Subset, *, output: int | str = 0
) -> RenderableType:
    """What `Result.best_subset` found, what the explanation says of it, and how
    sure that is.
    """
    explanation, output, found = (
        legible(explanation),
        explanation.position(output),
        words_shown(found),
    )
    count = len(found.members)
    unit = f"{explanation.unit}{of_target(explanation, output)}"
    everything = explanation.spectrum.predict(
        np.ones((1, len(explanation.candidates)), np.bool_)
    )
    whole = float(everything.reshape(-1)[explanation.position(output)])
    figures = Figures.of(explanation, output, raw=True)
    sure = "no other so large is predicted higher"
    if not found.proved:
        bound = figures.signed(found.bound)
        gap = figures.plain(found.gap)
        sure = f"none so large is predicted above {bound}: a gap of {gap}"
    value = figures.signed(found.value)
    all_kept = figures.signed(whole)
    return Group(
        Text(
            f"best {count} of {len(explanation.candidates)} to keep · {unit}",
            style="bold",
        ),
        Text(", ".join(map(shortened, found.labels))),
        Text(
            f"predicted: {value} with only these, {all_kept} with everything",
            style="dim",
        ),
        Text(f"{sure}; {found.seconds:.1f} s", style="dim"),
    )


def plain(explanation: Result, *, verbose: bool = False, width: int = 110) -> str:
    """The same page as text, without colour: of all outputs, one below the other."""
    console = Console(file=StringIO(), width=width, color_system=None)
    for output in range(len(explanation.outputs or ("",))):
        console.print(render(explanation, output=output, verbose=verbose))
    page = console.file
    assert isinstance(page, StringIO)
    return "\n".join(line.rstrip() for line in page.getvalue().rstrip().splitlines())


def _nothing_of(listed: list[Interaction]) -> Iterator[RenderableType]:
    """What there is nothing to show of."""
    together = any(each.order > 1 for each in listed)
    missing = (
        "act together"
        if listed and not together
        else ""
        if listed
        else "act together, or on their own"
    )
    if missing:
        yield Text(
            f"None {missing}: no other set has as much as 0.1% of the variance.",
            style="dim",
        )
        yield Text()


def _more() -> str:
    """How to see more, for whoever reads the page."""
    return in_python(".page(verbose=True)") or named("verbose", True)


def _worth_showing(interactions: list[Interaction], least: int) -> list[Interaction]:
    """A page's worth: at most 8, of at least half a percent of the variance, but the
    first few anyway.
    """
    audible = sum(interaction.share >= _LEAST_SHARE for interaction in interactions)
    first = interactions[: min(_ROWS, max(audible, least))]
    return [interaction for interaction in first if worth_saying(interaction)]


def _title(explanation: Result, output: int | str) -> Text:
    facts = explanation.facts
    kinds = Counter(candidate.kind for candidate in explanation.candidates)
    counted = [f"{count} {kind}{'s' * (count != 1)}" for kind, count in kinds.items()]
    title = Text(", ".join(counted), style="bold")
    title.append(f" · {_unit(explanation)}{of_target(explanation, output)}")
    if facts.get("texts"):
        title.append(f" · mean of {len(facts['texts'])} prompts")
    return title.append(_how(facts)).append(
        _retrained(facts) if facts.get("learner") else ""
    )


def _retrained(facts: Mapping[str, Any]) -> str:
    """What was trained on what."""
    tests = facts["tests"] if isinstance(facts["tests"], int) else len(facts["tests"])
    mean = f" · mean of {tests} test points" if facts["mean"] else ""
    others = (
        f" · {facts['others']} others always {facts['others_are']}"
        if facts["others"]
        else ""
    )
    repeats = f" · mean of {facts['repeats']} trainings" if facts["repeats"] > 1 else ""
    return f"{mean} · retrained: {facts['learner']}{others}{repeats}"


def _how(facts: Mapping[str, Any]) -> str:
    """What was done to what is ablated."""
    if facts.get("ablation") == "restore":
        return " · restored in the counterfactual"
    how = facts.get("replacement") or facts.get("ablation")
    return (
        f" · ablated by {how}{', rescaled' * bool(facts.get('rescale'))}" if how else ""
    )


def _unit(explanation: Result) -> str:
    """What effects are measured in."""
    of = {
        "raw": "",
        "share": "share of f(all) - f(none), ",
        "sd": "standard deviations over masks, ",
    }
    return of[explanation.scale] + explanation.unit
