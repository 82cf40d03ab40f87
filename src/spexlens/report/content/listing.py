"""Listings: what is asked for instead of a page, one table or one set."""

from dataclasses import dataclass

import numpy as np

from spexlens.report.content.answer import of_target
from spexlens.report.content.figures import Cell, Figures
from spexlens.report.content.legible import legible, words_shown
from spexlens.report.content.page import unit_of
from spexlens.report.content.tables import effect, half_width
from spexlens.results.interaction import Subset
from spexlens.results.result import Result

_ROWS = 20


@dataclass(frozen=True)
class Listed:
    """A row of a listing.

    Attributes:
        labels: of the members.
        kinds: what they are, where they are of different kinds; else empty.
        effect, half_width: the index, and half of its 90% interval.
    """

    labels: tuple[str, ...]
    kinds: tuple[str, ...]
    effect: Cell
    half_width: Cell


@dataclass(frozen=True)
class Listing:
    """One table of an index.

    Attributes:
        title: what it lists.
        index: which index that is.
        rows: the largest |effect| first.
    """

    title: str
    index: str
    rows: tuple[Listed, ...]


@dataclass(frozen=True)
class SubsetContent:
    """The best candidates to keep.

    Attributes:
        title: of how many they are the best.
        labels: their names.
        remarks: what is predicted of them, and how sure that is, a line each.
    """

    title: str
    labels: tuple[str, ...]
    remarks: tuple[str, ...]


def listing(
    explanation: Result,
    index: str,
    order: int,
    *,
    output: int | str = 0,
    top: int | None = None,
    across: bool | None = None,
) -> Listing:
    """Of any index; see `Result.interactions`."""
    explanation = legible(explanation)
    output = explanation.position(output)
    interactions = explanation.interactions(index, order, output=output, across=across)
    figures = Figures.of(explanation, output)
    rows = [
        Listed(
            interaction.labels,
            interaction.kinds if interaction.across else (),
            effect(interaction, figures),
            half_width(interaction, figures),
        )
        for interaction in interactions[: top or _ROWS]
    ]
    title = f"{index} of order {order} · {unit_of(explanation, output)}"
    return Listing(title, index, tuple(rows))


def subset(
    explanation: Result, best: Subset, *, output: int | str = 0
) -> SubsetContent:
    """What `Result.best_subset` found, what the explanation says of it, and how sure
    that is.
    """
    explanation = legible(explanation)
    best = words_shown(best)
    output = explanation.position(output)

    # predicted as the subset is, so that the two can be compared
    n = len(explanation.candidates)
    everything = explanation.spectrum.predict(np.ones((1, n), np.bool_))
    figures = Figures.of(explanation, output, raw=True)
    value = figures.signed(best.value)
    whole = figures.signed(float(everything.reshape(-1)[output]))

    sure = "no other so large is predicted higher"
    if not best.proved:
        bound = figures.signed(best.bound)
        gap = figures.plain(best.gap)
        sure = f"none so large is predicted above {bound}: a gap of {gap}"
    unit = f"{explanation.unit}{of_target(explanation, output)}"
    return SubsetContent(
        f"best {len(best.members)} of {n} to keep · {unit}",
        best.labels,
        (
            f"predicted: {value} with only these, {whole} with everything",
            f"{sure}; {best.seconds:.1f} s",
        ),
    )
