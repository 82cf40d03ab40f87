"""A page: all that is said of one output of an explanation, as data.

It knows no terminal, no colour and no width: whoever draws it chooses those.
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from spexlens.arguments import in_python, named
from spexlens.report.content.account import Remark, account, details
from spexlens.report.content.answer import answered, of_target
from spexlens.report.content.candidates import Candidates, candidates
from spexlens.report.content.legible import legible
from spexlens.report.content.summary import Summary, summary, unchanging, worth_saying
from spexlens.report.content.tables import Meaning, Table, Tabulation
from spexlens.results.doubts import doubts
from spexlens.results.interaction import Interaction
from spexlens.results.result import Result
from spexlens.spectrum.shares import STRONG

_ROWS = 8
_FIRST = 3  # rows that are shown however small they are

_UNITS = {
    "raw": "",
    "share": "share of f(all) - f(none), ",
    "sd": "standard deviations over masks, ",
}


@dataclass(frozen=True)
class Title:
    """What was explained.

    Attributes:
        counted: how many candidates of which kinds.
        watched: the unit, and what is watched.
        headline: what the game says of itself; empty, or it begins with a separator.
    """

    counted: str
    watched: str
    headline: str


@dataclass(frozen=True)
class PageContent:
    """What a page says, from its first line to its last.

    Attributes:
        answer: what the model says with everything kept; empty where nobody asked.
        title: what was explained.
        warnings: what speaks against it, the gravest first.
        summary: what was found, how sure that is, and what it cost.
        candidates: each by itself, where it stands.
        tables: what acts together, and what does on its own; none is empty.
        nothing: of what there is nothing to show; empty where there is of all.
        meanings: of the tables' columns and marks.
        account: what a reader should know of all that.
        details: how it was come by; empty where nobody asked.
        more: how to ask for the details; empty where they are there.
    """

    answer: str
    title: Title
    warnings: tuple[str, ...]
    summary: Summary
    candidates: Candidates
    tables: tuple[Table, ...]
    nothing: str
    meanings: tuple[Meaning, ...]
    account: tuple[Remark, ...]
    details: tuple[str, ...]
    more: str

    @property
    def verbose(self) -> bool:
        """Whether it says all that is known."""
        return bool(self.details)


@dataclass(frozen=True)
class _Group:
    """Interactions of one table.

    Attributes:
        name: of the table.
        shown: a page's worth.
        total: how many there are.
    """

    name: str
    shown: Sequence[Interaction]
    total: int


def page(
    explanation: Result,
    output: int | str = 0,
    *,
    top: int | None = None,
    verbose: bool = False,
) -> PageContent:
    """All that a page says of one output; every word of it can be shown.

    Args:
        explanation: what it is about.
        output: of a vector-valued game, which output, by position or name.
        top: rows a table, instead of a page's worth.
        verbose: with all that is known of each row, and how it was come by.

    Raises:
        InvalidInput: there is no such output.
    """
    explanation = legible(explanation)
    output = explanation.position(output)

    low = explanation.interactions("bii", order=2, output=output)
    singles = [interaction for interaction in low if interaction.order == 1]
    pairs = [interaction for interaction in low if interaction.order == 2]
    higher, total = explanation.higher(top or _ROWS, output=output)
    alone = {single.members[0]: single.effect for single in singles}

    groups = [
        _Group("Act together", _shown(pairs, top, _FIRST), len(pairs)),
        _Group("Act together, three or more", _shown(higher, top, 0), total),
        _Group("On their own", _shown(singles, top, _FIRST), len(singles)),
    ]
    # a fit of what never changes lists rounding errors
    if unchanging(explanation, output):
        groups = []

    listed = [interaction for group in groups for interaction in group.shown]
    tabulation = Tabulation.of(explanation, output, alone, verbose)

    return PageContent(
        answer=answered(explanation, output),
        title=_title(explanation, output),
        warnings=tuple(doubts(explanation, output)),
        summary=summary(explanation, output, [*low, *higher], alone),
        candidates=candidates(explanation, alone, output),
        tables=tuple(
            tabulation.table(group.name, group.shown, group.total)
            for group in groups
            if group.shown
        ),
        nothing=_nothing(listed) if groups else "",
        meanings=tabulation.meanings(listed),
        account=account(explanation, output),
        details=details(explanation, output) if verbose else (),
        more="" if verbose else _more(),
    )


def unit_of(explanation: Result, output: int | str) -> str:
    """What effects are measured in, and what is watched."""
    unit = _UNITS[explanation.scale] + explanation.unit
    return unit + of_target(explanation, output)


def _shown(
    interactions: Sequence[Interaction], top: int | None, least: int
) -> Sequence[Interaction]:
    """So many as were asked for, or a page's worth: at most 8, of at least half a
    percent of the variance, but the first few anyway.
    """
    if top:
        return interactions[:top]
    large = sum(interaction.share >= STRONG for interaction in interactions)
    first = interactions[: min(_ROWS, max(large, least))]
    return [interaction for interaction in first if worth_saying(interaction)]


def _title(explanation: Result, output: int) -> Title:
    kinds = Counter(candidate.kind for candidate in explanation.candidates)
    counted = [
        f"{count} {kind}" if count == 1 else f"{count} {kind}s"
        for kind, count in kinds.items()
    ]
    watched = unit_of(explanation, output)
    return Title(", ".join(counted), watched, explanation.about.headline)


def _nothing(listed: Sequence[Interaction]) -> str:
    """Of what there is nothing to show."""
    if any(interaction.order > 1 for interaction in listed):
        return ""
    missing = "act together" if listed else "act together, or on their own"
    return f"None {missing}: no other set has as much as 0.1% of the variance."


def _more() -> str:
    """How to see more, for whoever reads the page."""
    how = in_python(".page(verbose=True)") or named("verbose", True)
    return f"all figures, and how they were come by: {how}"
