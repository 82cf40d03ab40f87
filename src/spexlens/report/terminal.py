"""An explanation in a terminal: the text coloured by main effect, and what acts together."""

from collections.abc import Iterable, Mapping
from dataclasses import replace
from io import StringIO
from typing import Any

import numpy as np
from rich.console import Console, Group, RenderableType
from rich.table import Table
from rich.text import Text

from spexlens.explanation import Explanation, Interaction, Subset
from spexlens.report.wording import KINDS, kind, meaning

_ROWS = 8
_LISTED = 100
_LEAST_SHARE = 0.005


def render(explanation: Explanation, *, output: int | str = 0, top: int | None = None) -> RenderableType:
    """A page for `rich`: the text, the answers, the tables and the account.

    Args:
        explanation: what to show.
        output: of a vector-valued game, which output.
        top: rows a table, instead of a page's worth.
    """
    low = explanation.interactions("bii", order=2, output=output)
    singles = [i for i in low if i.order == 1]
    alone = {i.members[0]: i.effect for i in singles}
    pairs = [i for i in low if i.order == 2]
    higher, total = explanation.higher(top or _ROWS, output=output)
    parts: list[RenderableType] = [_title(explanation, output), _coloured(explanation, alone, output), Text()]
    for name, found, least, of in (
        ("Act together", pairs, 3, len(pairs)),
        ("Act together, three or more", higher, 0, total),
        ("On their own", singles, 3, len(singles)),
    ):
        shown = found[:top] if top else _worth_showing(found, least)
        if shown:
            parts += [_table(name, shown, alone, explanation.unit, of), Text()]
    parts += [_legend(pairs[:top] if top else _worth_showing(pairs, 3), alone), Text()]
    return Group(*parts, _account(explanation, output))


def listing(
    explanation: Explanation,
    index: str,
    order: int,
    *,
    output: int | str = 0,
    top: int | None = None,
) -> RenderableType:
    """One table of any index, the largest |effect| first; see `Explanation.interactions`."""
    found = explanation.interactions(index, order, output=output)
    title = f"{index} of order {order} · {explanation.unit}{_of_target(explanation, output)}"
    table = Table(box=None, pad_edge=False)
    table.add_column(index, justify="right", no_wrap=True)
    table.add_column("±", justify="right", no_wrap=True)
    table.add_column("of", style="bold", overflow="fold")
    for row in found[: top or 20]:
        table.add_row(_effect(row), _half_width(row), Text(" × ".join(map(_shortened, row.labels))))
    return Group(Text(title, style="bold"), table)


def subset(explanation: Explanation, found: Subset, *, output: int | str = 0) -> RenderableType:
    """What `Explanation.best_subset` found, what the explanation says of it, and how sure that is."""
    count, unit = len(found.members), f"{explanation.unit}{_of_target(explanation, output)}"
    everything = explanation.spectrum.predict(np.ones((1, len(explanation.candidates)), np.bool_))
    whole = float(everything.reshape(-1)[explanation.position(output)])
    sure = "no other so large is predicted higher"
    if not found.proved:
        sure = f"none so large is predicted above {found.bound:+.3f}: a gap of {found.gap:.3f}"
    return Group(
        Text(f"best {count} of {len(explanation.candidates)} to keep · {unit}", style="bold"),
        Text(", ".join(map(_shortened, found.labels))),
        Text(f"predicted: {found.value:+.3f} with only these, {whole:+.3f} with everything", style="dim"),
        Text(f"{sure}; {found.seconds:.1f} s", style="dim"),
    )


def plain(explanation: Explanation) -> str:
    """The same page as text, without colour."""
    console = Console(file=StringIO(), width=110, color_system=None)
    for output in range(len(explanation.outputs or ("",))):
        console.print(render(explanation, output=output))
    page = console.file
    assert isinstance(page, StringIO)
    return "\n".join(line.rstrip() for line in page.getvalue().rstrip().splitlines())


def _worth_showing(interactions: list[Interaction], least: int) -> list[Interaction]:
    """A page's worth: at most 8, of at least half a percent of the variance, but the first few anyway."""
    audible = sum(interaction.share >= _LEAST_SHARE for interaction in interactions)
    return interactions[: min(_ROWS, max(audible, least))]


def _title(explanation: Explanation, output: int | str) -> Text:
    facts = explanation.facts
    kinds = {candidate.kind for candidate in explanation.candidates}
    count = len(explanation.candidates)
    noun = kinds.pop() if len(kinds) == 1 else "candidate"
    title = Text(f"{count} {noun}{'s' * (count != 1)}", style="bold")
    title.append(f" · {explanation.unit}{_of_target(explanation, output)}")
    if facts.get("texts"):
        title.append(f" · mean of {len(facts['texts'])} prompts")
    if facts.get("lens") == "data":
        return title.append(_retrained(facts))
    return title.append(_how(facts))


def _retrained(facts: Mapping[str, Any]) -> str:
    """What was trained on what."""
    tests = facts["tests"] if isinstance(facts["tests"], int) else len(facts["tests"])
    mean = f" · mean of {tests} test points" if facts["mean"] else ""
    others = f" · {facts['others']} others always {facts['others_are']}" if facts["others"] else ""
    repeats = f" · mean of {facts['repeats']} trainings" if facts["repeats"] > 1 else ""
    return f"{mean} · retrained: {facts['learner']}{others}{repeats}"


def _how(facts: Mapping[str, Any]) -> str:
    """What was done to what is ablated."""
    if facts.get("ablation") == "restore":
        return " · restored in the counterfactual"
    how = facts.get("replacement") or facts.get("ablation")
    return f" · ablated by {how}{', rescaled' * bool(facts.get('rescale'))}" if how else ""


def _of_target(explanation: Explanation, output: int | str) -> str:
    target = explanation.facts.get("target")
    if explanation.outputs:
        target = explanation.outputs[explanation.position(output)]
    foil = explanation.facts.get("foil")
    return (f" of {target}" if target else "") + (f" over {foil}" if foil is not None else "")


def _asked(explanation: Explanation, output: int | str) -> list[str]:
    """The test point, where training examples are what is explained and it is a text."""
    tests = explanation.facts.get("tests")
    if not isinstance(tests, list) or explanation.facts["mean"]:
        return []
    return [f"test: {tests[explanation.position(output)]}"]


def _coloured(explanation: Explanation, alone: dict[int, float], output: int | str) -> Text:
    """The text, components or candidates, green where keeping one raises the answer, red if it lowers it."""
    text = explanation.facts.get("text")
    largest = max(map(abs, alone.values()), default=0.0) or 1.0
    if explanation.facts.get("lens") == "mechanistic":
        return _layers(explanation, alone, largest)
    if text is None or any(c.span is None for c in explanation.candidates):
        shown = Text("\n".join([*_asked(explanation, output), ""]))
        for position, candidate in enumerate(explanation.candidates):
            label = candidate.label.partition(" ")[0] if candidate.kind == "example" else candidate.label
            shown.append(label, _style(alone.get(position, 0.0) / largest)).append(" ")
        return shown
    shown = Text(str(text))
    for position, candidate in enumerate(explanation.candidates):
        shown.stylize(_style(alone.get(position, 0.0) / largest), *(candidate.span or (0, 0)))
    return shown


def _layers(explanation: Explanation, alone: dict[int, float], largest: float) -> Text:
    """The components, a line a layer, under the text if it is one; of many, only those that matter."""
    lines: dict[str, Text] = {}
    few = len(explanation.candidates) <= _LISTED
    for position, candidate in enumerate(explanation.candidates):
        layer, _, part = candidate.label.partition(".")
        style = _style(alone.get(position, 0.0) / largest)
        if few or style:
            line = lines.setdefault(layer, Text().append(layer if part else "", "dim"))
            line.append(" " if line else "").append(part or layer, style)
    text = explanation.facts.get("text")
    opening = [] if text is None else [Text(str(text))]
    return Text("\n").join([*opening, *(lines[layer] for layer in sorted(lines, key=_number))])


def _number(layer: str) -> int:
    return int(layer[1:])


def _style(strength: float) -> str:
    """A background from black (0) to full green or red (±1)."""
    level = int(40 + 110 * abs(strength))
    if abs(strength) < 0.08:
        return ""
    colour = f"rgb(0,{level},60)" if strength > 0 else f"rgb({level},0,40)"
    return f"bold white on {colour}"


def _table(
    name: str, interactions: Iterable[Interaction], alone: dict[int, float], unit: str, total: int
) -> Table:
    rows = list(interactions)
    more = f" ({len(rows)} of {total})" if len(rows) < total else ""
    table = Table(title=name + more, title_justify="left", title_style="bold", box=None, pad_edge=False)
    table.add_column(unit if len(unit) <= 8 else "effect", justify="right", no_wrap=True)
    doubts = [_half_width(row) for row in rows] if any(map(_half_width, rows)) else []
    if doubts:
        table.add_column("±", justify="right", style="dim", no_wrap=True)
    table.add_column("share", justify="right", no_wrap=True)
    table.add_column("of", style="bold", overflow="fold", min_width=12)
    table.add_column("meaning", style="dim")
    for position, row in enumerate(rows):
        labels = Text(" × ".join(map(_shortened, row.labels)))
        doubt = doubts[position : position + 1]
        table.add_row(_effect(row), *doubt, f"{row.share:.1%}", labels, meaning(row, alone))
    return table


def _effect(interaction: Interaction) -> Text:
    return Text(f"{interaction.effect:+.3f}", style="green" if interaction.effect > 0 else "red")


def _half_width(interaction: Interaction) -> str:
    """Half of the 90% interval; nothing where there is none, or no doubt."""
    low, high = interaction.interval or (0.0, 0.0)
    return f"{(high - low) / 2:.3f}" if high > low else ""


def _legend(pairs: list[Interaction], alone: dict[int, float]) -> Text:
    """What the kinds of pairs on the page mean, and what a share is."""
    used = {kind(pair, alone) for pair in pairs}
    lines = [f"{name}: {what}" for name, what in KINDS.items() if name in used]
    if any(map(_half_width, pairs)):
        lines.append("±: half of a 90% interval; an effect within it of zero may be none")
    lines.append("share: of the variance over masks that the explanation carries, what is this set's own")
    return Text("\n".join(lines), style="dim italic")


def _shortened(label: str) -> str:
    line = " ".join(label.split())
    return line if len(line) <= 48 else f"{line[:30]} … {line[-14:]}"


def _account(explanation: Explanation, output: int | str) -> Text:
    account = explanation.account
    column = explanation.position(output)
    faithfulness = replace(explanation.faithfulness, r2=(explanation.faithfulness.r2[column],))
    passes = account.passes * int(explanation.facts.get("passes_a_batch", 1))
    call = explanation.facts.get("call", "call")
    batches = "forward passes" if call == "call" else "batches"
    lines = []
    if explanation.whole and explanation.empty:
        lines.append(
            f"model: {explanation.whole[column]:+.3f} with everything kept, "
            f"{explanation.empty[column]:+.3f} with everything ablated ({explanation.unit})"
        )
    lines += [
        f"faithfulness: {faithfulness}",
        *_judged(explanation, column),
        f"method: {account.method}, {account.design}, seed {account.seed}; {len(explanation.spectrum)} sets",
        f"cost: {account.calls} of {account.budget} {call}s paid, {account.reused} reused; "
        f"{passes} {batches}, {account.seconds:.1f} s",
        *_said_of_data(explanation.facts),
        *(f"caveat: {caveat}" for caveat in explanation.details.get("caveats", [])),
    ]
    return Text("\n".join(lines), style="dim")


def _said_of_data(facts: Mapping[str, Any]) -> list[str]:
    """What was decided about the training examples and the test points."""
    lines = []
    if facts.get("chosen"):
        lines.append(f"candidates: {facts['chosen']}, at the cost of one training of a linear head")
    if facts.get("truncated"):
        lines.append(
            f"caveat: {facts['truncated']} texts are longer than the model's window; read up to there"
        )
    if facts.get("predicted"):
        lines.append("the labels of the test points are those predicted with every example in")
    return lines


def _judged(explanation: Explanation, column: int) -> list[str]:
    """Both models on masks that were held out, and what seeds do."""
    held, noise, lines = explanation.held_out, explanation.noise, []
    if held is not None:
        lines.append(
            f"held out: R² {held.r2[column]:.3f}, rank correlation (LDS) {held.lds[column]:.3f} on "
            f"{held.masks} masks; a linear model of the same calls: {held.linear_r2[column]:.3f}, "
            f"{held.linear_lds[column]:.3f}"
        )
    if noise is not None:
        lines.append(
            f"noise: ±{noise.deviation[column]:.3f} from seed to seed ({noise.repeated} repeats), for which "
            f"R² is not expected above {noise.ceiling[column]:.3f}"
        )
    return lines
