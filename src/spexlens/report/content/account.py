"""The account: what an explanation cost, how far to trust it, and how it was come by."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from spexlens.evidence.unchosen import SHARE
from spexlens.report.content.evidence import below, checked
from spexlens.report.content.figures import Figures
from spexlens.report.content.known import said_of_knowledge
from spexlens.results.result import Result


def account(explanation: Result, output: int | str) -> list[str]:
    """The lines below the tables: what a reader should know of what is above."""
    facts = explanation.facts
    column = explanation.position(output)
    return [
        *_noise(explanation, column),
        *below(explanation, column),
        *_chosen(facts),
        *_unchosen(explanation, column),
        *_path(explanation, column),
        *_said_of_data(facts),
        *(f"read: {note}" for note in facts.get("notes") or []),
        *said_of_knowledge(facts),
        *(f"caveat: {caveat}" for caveat in explanation.details.get("caveats") or []),
    ]


def details(explanation: Result, output: int | str) -> list[str]:
    """How the explanation was come by, with all figures."""
    account = explanation.account
    facts = explanation.facts
    lines = list[str]()
    column = explanation.position(output)
    said = explanation.faithfulness
    intervals = said.intervals[column : column + 1]
    faithfulness = replace(said, r2=(said.r2[column],), intervals=intervals)
    passes = account.passes * int(facts.get("passes_a_batch") or 1)
    call = facts.get("call") or "call"
    figures = Figures.of(explanation, column, raw=True)
    if explanation.whole and explanation.empty:
        whole = explanation.whole[column]
        empty = explanation.empty[column]
        lines.append(
            f"range: {figures.signed(whole)} with everything kept,"
            f" {figures.signed(empty)} with everything ablated ({explanation.unit}): a"
            f" total variation of {figures.signed(whole - empty)}; standard deviation"
            f" over masks {figures.plain(explanation.deviation(column))}"
        )
    return [
        *lines,
        f"faithfulness: {faithfulness}",
        *_held_out(explanation, column),
        *checked(explanation, column),
        (
            f"method: {account.method}, {account.design}, seed {account.seed};"
            f" {len(explanation.spectrum)} sets"
        ),
        f"asked: {_counted(passes, 'forward pass' if call == 'call' else 'batch')}",
        *_rows(facts),
    ]


def _said_of_data(facts: Mapping[str, Any]) -> list[str]:
    """What was decided about the training examples and the test points."""
    lines = []
    if facts.get("chosen"):
        lines.append(
            f"candidates: {facts['chosen']}, at the cost of one training of a linear"
            " head"
        )
    if facts.get("truncated"):
        lines.append(
            f"caveat: {facts['truncated']} texts are longer than the model's window;"
            " read up to there"
        )
    if facts.get("predicted"):
        lines.append(
            "the labels of the test points are those predicted with every example in"
        )
    return lines


def _rows(facts: Mapping[str, Any]) -> list[str]:
    """How the model was asked, where that is not as usual."""
    if facts.get("rows") == "one length":
        return [
            "read: padding changes this model's answers, so that only rows of one"
            " length go together"
        ]
    if facts.get("rows") == "one at a time":
        return [
            "read: this model's answers depend on what else is in a batch, so that each"
            " row goes alone"
        ]
    return []


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
    alone = (
        "; of a pair it alone makes up to"
        f" {Figures.of(explanation, column).plain(floor)}"
    )
    deviation = Figures.of(explanation, column, raw=True).plain(noise.deviation[column])
    return [
        f"noise: ±{deviation} {differs} ({noise.repeated} repeats), for which "
        f"R² is not expected above {noise.ceiling[column]:.3f}{alone if floor else ''}"
    ]


def _chosen(facts: Mapping[str, Any]) -> list[str]:
    """How candidates were chosen, what that cost, and what became of the others."""
    if not facts.get("screening"):
        return []
    kept = facts.get("kept") or 0
    cost = facts.get("screening_cost") or {}
    named = {
        "forward": "forward pass",
        "backward": "backward pass",
        "trainings": "training of a linear head",
        "calls": "call",
        "reused": "reused call",
    }
    spent = [
        _counted(cost[name], what) for name, what in named.items() if cost.get(name)
    ]
    paid = f" ({', '.join(spent)})" if spent else ""
    of = facts.get("of") or kept
    return [
        f"candidates: {of - kept} of {of} {facts['screening']}{paid}; the other {kept}"
        " stay kept"
    ]


def _counted(count: int, what: str) -> str:
    return (
        f"{count}"
        f" {what}{'' if count == 1 else 'es' if what.endswith(('s', 'h')) else 's'}"
    )


def _unchosen(explanation: Result, column: int) -> list[str]:
    """What the others do."""
    found = explanation.unchosen
    if found is None:
        return []
    share = found.share[column]
    others = _counted(found.candidates, "other")
    figures = Figures.of(explanation, column, raw=True)
    said = (
        f"not chosen: ablating random halves of the {others} moves the answer by"
        f" ±{figures.plain(found.moved[column])} (of the chosen,"
        f" ±{figures.plain(found.deviation[column])}), all of them to"
        f" {figures.signed(found.without[column])}; {_counted(found.masks, 'mask')}"
    )
    if round(share, 2) <= SHARE:
        return [said]
    mend = "give more calls" if explanation.path else "choose more, all, or zoom"
    return [
        said,
        f"caveat: {share:.0%} of the variance is in what was not chosen: {mend}",
    ]


def _path(explanation: Result, column: int) -> list[str]:
    """The levels of a zoom."""
    lines = []
    for step in explanation.path:
        split = (
            f"; {len(step.split)} split, {step.kept} kept as they are"
            if step.split
            else ""
        )
        ended = f"; {step.ended}" if step.ended else ""
        lines.append(
            f"zoom: {step.candidates} candidates ({step.level}), {step.calls} calls, "
            f"R² {step.r2[column]:.3f}{split}{ended}"
        )
    return lines
