"""An explanation in a terminal: the text coloured by main effect, and what acts together."""

from collections import Counter
from collections.abc import Iterable, Mapping
from io import StringIO
from typing import Any

import numpy as np
from rich.console import Console, Group, RenderableType
from rich.table import Table
from rich.text import Text

from spexlens.explanation import Explanation, Interaction, Subset
from spexlens.report.account import account
from spexlens.report.candidates import coloured
from spexlens.report.wording import KINDS, kind, meaning

_ROWS = 8
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
    parts: list[RenderableType] = [_title(explanation, output), coloured(explanation, alone, output), Text()]
    for name, found, least, of in (
        ("Act together", pairs, 3, len(pairs)),
        ("Act together, three or more", higher, 0, total),
        ("On their own", singles, 3, len(singles)),
    ):
        shown = found[:top] if top else _worth_showing(found, least)
        if shown:
            parts += [_table(name, shown, alone, explanation.unit, of), Text()]
    parts += [_legend(pairs[:top] if top else _worth_showing(pairs, 3), alone), Text()]
    return Group(*parts, account(explanation, output))


def listing(
    explanation: Explanation,
    index: str,
    order: int,
    *,
    output: int | str = 0,
    top: int | None = None,
    across: bool | None = None,
) -> RenderableType:
    """One table of any index, the largest |effect| first; see `Explanation.interactions`."""
    found = explanation.interactions(index, order, output=output, across=across)
    title = f"{index} of order {order} · {explanation.unit}{_of_target(explanation, output)}"
    table = Table(box=None, pad_edge=False)
    table.add_column(index, justify="right", no_wrap=True)
    table.add_column("±", justify="right", no_wrap=True)
    table.add_column("of", style="bold", overflow="fold")
    for row in found[: top or 20]:
        labels = Text(" × ".join(map(_shortened, row.labels)))
        labels.append(f" ({' × '.join(row.kinds)})" if row.across else "", "dim italic")
        table.add_row(_effect(row), _half_width(row), labels)
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
    kinds = Counter(candidate.kind for candidate in explanation.candidates)
    counted = [f"{count} {kind}{'s' * (count != 1)}" for kind, count in kinds.items()]
    title = Text(", ".join(counted), style="bold")
    title.append(f" · {explanation.unit}{_of_target(explanation, output)}")
    if facts.get("texts"):
        title.append(f" · mean of {len(facts['texts'])} prompts")
    return title.append(_how(facts)).append(_retrained(facts) if "learner" in facts else "")


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
        labels.append(f" ({' × '.join(row.kinds)})" if row.across else "", "dim italic")
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
