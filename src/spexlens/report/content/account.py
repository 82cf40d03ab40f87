"""The account: what an explanation cost, how far to trust it, and how it was come by."""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Literal

from spexlens.evidence.unchosen import SHARE
from spexlens.games.typed_facts import counted
from spexlens.report.content.evidence import checked, evidence
from spexlens.report.content.figures import Figures
from spexlens.results.account import Step
from spexlens.results.result import Result

Topic = Literal["noise", "evidence", "candidates", "input and model", "caveats"]


@dataclass(frozen=True)
class Remark:
    """What a reader should know of what is above.

    Attributes:
        topic: what it is about.
        text: one line.
    """

    topic: Topic
    text: str


def account(explanation: Result, output: int | str) -> tuple[Remark, ...]:
    """The remarks below the tables."""
    column = explanation.position(output)
    about = explanation.about
    chosen = [
        *about.choice,
        *_unchosen(explanation, column),
        *(_level(step, column) for step in explanation.path),
    ]
    caveats = explanation.details.get("caveats") or []
    return (
        *_remarks("noise", _noise(explanation, column)),
        *_remarks("evidence", evidence(explanation, column)),
        *_remarks("candidates", chosen),
        *_remarks("input and model", about.notes),
        *_remarks("caveats", [f"caveat: {caveat}" for caveat in caveats]),
    )


def details(explanation: Result, output: int | str) -> tuple[str, ...]:
    """How the explanation was come by, with all figures, a line each."""
    account = explanation.account
    about = explanation.about
    column = explanation.position(output)
    faithfulness = explanation.faithfulness
    of_column = replace(
        faithfulness,
        r2=(faithfulness.r2[column],),
        intervals=faithfulness.intervals[column : column + 1],
    )
    # a lens may ask the model several times a batch, which the account does not know
    passes = account.passes * int(about.passes_a_batch or 1)
    return (
        *_range(explanation, column),
        f"faithfulness: {of_column}",
        *_held_out(explanation, column),
        *checked(explanation, column),
        (
            f"method: {account.method}, {account.design}, seed {account.seed};"
            f" {len(explanation.spectrum)} sets"
        ),
        f"asked: {counted(passes, about.passed)}",
        *about.batching,
    )


def _remarks(topic: Topic, lines: Iterable[str]) -> list[Remark]:
    return [Remark(topic, line) for line in lines]


def _range(explanation: Result, column: int) -> list[str]:
    """From where to where the answers go."""
    if not explanation.whole or not explanation.empty:
        return []
    figures = Figures.of(explanation, column, raw=True)
    whole = explanation.whole[column]
    empty = explanation.empty[column]
    return [
        f"range: {figures.signed(whole)} with everything kept,"
        f" {figures.signed(empty)} with everything ablated ({explanation.unit}): a"
        f" total variation of {figures.signed(whole - empty)}; standard deviation"
        f" over masks {figures.plain(explanation.deviation(column))}"
    ]


def _held_out(explanation: Result, column: int) -> list[str]:
    """Both models on masks that were held out."""
    held = explanation.held_out
    if held is None:
        return []
    between = ""
    if held.intervals:
        low, high = held.intervals[column]
        between = f" (90%: {low:.3f} to {high:.3f})"
    return [
        f"held out: R² {held.r2[column]:.3f}{between}, rank correlation (LDS)"
        f" {held.lds[column]:.3f} on {held.masks} fresh masks; a linear model of the"
        f" same calls: {held.linear_r2[column]:.3f}, {held.linear_lds[column]:.3f}"
    ]


def _noise(explanation: Result, column: int) -> list[str]:
    """What seeds do."""
    noise = explanation.noise
    if noise is None or noise.deviation[column] <= 0:
        return []

    differs = "from seed to seed" if noise.seeded else "from call to call"
    floor = noise.floor(2, column) / abs(explanation.size(column))

    of_a_pair = ""
    if floor:
        figure = Figures.of(explanation, column).plain(floor)
        of_a_pair = f"; of a pair it alone makes up to {figure}"

    deviation = Figures.of(explanation, column, raw=True).plain(noise.deviation[column])
    return [
        f"noise: ±{deviation} {differs} ({noise.repeated} repeats), for which R² is not"
        f" expected above {noise.ceiling[column]:.3f}{of_a_pair}"
    ]


def _unchosen(explanation: Result, column: int) -> list[str]:
    """What the candidates do that were not chosen."""
    unchosen = explanation.unchosen
    if unchosen is None:
        return []
    figures = Figures.of(explanation, column, raw=True)
    lines = [
        f"not chosen: ablating random halves of the"
        f" {counted(unchosen.candidates, 'other')} moves the answer by"
        f" ±{figures.plain(unchosen.moved[column])} (of the chosen,"
        f" ±{figures.plain(unchosen.deviation[column])}), all of them to"
        f" {figures.signed(unchosen.without[column])};"
        f" {counted(unchosen.masks, 'mask')}"
    ]
    share = unchosen.share[column]
    # as it is written: no caveat of 10% where 10% is the bound
    if round(share, 2) > SHARE:
        mend = "give more calls" if explanation.path else "choose more, all, or zoom"
        lines.append(
            f"caveat: {share:.0%} of the variance is in what was not chosen: {mend}"
        )
    return lines


def _level(step: Step, column: int) -> str:
    """One level of a zoom."""
    split = ""
    if step.split:
        split = f"; {len(step.split)} split, {step.kept} kept as they are"
    ended = f"; {step.ended}" if step.ended else ""
    return (
        f"zoom: {step.candidates} candidates ({step.level}), {step.calls} calls, "
        f"R² {step.r2[column]:.3f}{split}{ended}"
    )
