"""An explanation in a terminal: the text coloured by main effect, and what acts together."""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from io import StringIO
from typing import Any

import numpy as np
from rich.console import Console, Group, RenderableType
from rich.table import Table
from rich.text import Text

from spexlens.doubts import doubts
from spexlens.evidence.artefacts import LOST, Survival
from spexlens.evidence.stability import TOP, Stability
from spexlens.explanation import Explanation
from spexlens.interaction import Interaction, Subset
from spexlens.report.account import account
from spexlens.report.candidates import coloured
from spexlens.report.evidence import marks, measured
from spexlens.report.figures import Figures
from spexlens.report.legible import legible, words_shown
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
    explanation, output = legible(explanation), explanation.position(output)
    low = explanation.interactions("bii", order=2, output=output)
    singles = [i for i in low if i.order == 1]
    alone = {i.members[0]: i.effect for i in singles}
    pairs = [i for i in low if i.order == 2]
    higher, total = explanation.higher(top or _ROWS, output=output)
    parts: list[RenderableType] = [_title(explanation, output), *_doubts(explanation, output)]
    parts += [coloured(explanation, alone, output), Text()]
    columns = _Columns.of(explanation, output)
    for name, found, least, of in (
        ("Act together", pairs, 3, len(pairs)),
        ("Act together, three or more", higher, 0, total),
        ("On their own", singles, 3, len(singles)),
    ):
        shown = found[:top] if top else _worth_showing(found, least)
        if shown:
            parts += [_table(name, shown, alone, columns, of), Text()]
    parts += [_legend(pairs[:top] if top else _worth_showing(pairs, 3), alone, explanation, output), Text()]
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
    explanation, output = legible(explanation), explanation.position(output)
    found = explanation.interactions(index, order, output=output, across=across)
    title = f"{index} of order {order} · {_unit(explanation)}{_of_target(explanation, output)}"
    figures = Figures.of(explanation, output)
    table = Table(box=None, pad_edge=False)
    table.add_column(index, justify="right", no_wrap=True)
    table.add_column("±", justify="right", no_wrap=True)
    table.add_column("of", style="bold", overflow="fold")
    for row in found[: top or 20]:
        labels = Text(" × ".join(map(_shortened, row.labels)))
        labels.append(f" ({' × '.join(row.kinds)})" if row.across else "", "dim italic")
        table.add_row(_effect(row, figures), _half_width(row, figures), labels)
    return Group(Text(title, style="bold"), table)


def subset(explanation: Explanation, found: Subset, *, output: int | str = 0) -> RenderableType:
    """What `Explanation.best_subset` found, what the explanation says of it, and how sure that is."""
    explanation, output, found = legible(explanation), explanation.position(output), words_shown(found)
    count, unit = len(found.members), f"{explanation.unit}{_of_target(explanation, output)}"
    everything = explanation.spectrum.predict(np.ones((1, len(explanation.candidates)), np.bool_))
    whole = float(everything.reshape(-1)[explanation.position(output)])
    figures = Figures.of(explanation, output, raw=True)
    sure = "no other so large is predicted higher"
    if not found.proved:
        bound, gap = figures.signed(found.bound), figures.plain(found.gap)
        sure = f"none so large is predicted above {bound}: a gap of {gap}"
    value, all_kept = figures.signed(found.value), figures.signed(whole)
    return Group(
        Text(f"best {count} of {len(explanation.candidates)} to keep · {unit}", style="bold"),
        Text(", ".join(map(_shortened, found.labels))),
        Text(f"predicted: {value} with only these, {all_kept} with everything", style="dim"),
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
    title.append(f" · {_unit(explanation)}{_of_target(explanation, output)}")
    if facts.get("texts"):
        title.append(f" · mean of {len(facts['texts'])} prompts")
    return title.append(_how(facts)).append(_retrained(facts) if facts.get("learner") else "")


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


@dataclass(frozen=True)
class _Columns:
    """What the tables show beside effects.

    Attributes:
        unit: of the effects.
        stable: how steadily each interaction is among the strongest, by its members.
        figures: how effects are written.
    """

    unit: str
    stable: Mapping[tuple[int, ...], Stability]
    figures: Figures

    @classmethod
    def of(cls, explanation: Explanation, output: int | str) -> "_Columns":
        unit = {"raw": explanation.unit, "share": "of total", "sd": "in sd"}[explanation.scale]
        found = explanation.stability[explanation.position(output)] if explanation.stability else ()
        exact = explanation.faithfulness.source == "exact"
        return cls(
            unit if len(unit) <= 8 else "effect",
            {} if exact else {each.members: each for each in found},
            Figures.of(explanation, output),
        )


def _table(
    name: str, interactions: Iterable[Interaction], alone: dict[int, float], columns: _Columns, total: int
) -> Table:
    rows = list(interactions)
    more = f" ({len(rows)} of {total})" if len(rows) < total else ""
    table = Table(title=name + more, title_justify="left", title_style="bold", box=None, pad_edge=False)
    cells: dict[str, list[str | Text]] = {
        columns.unit: [_effect(row, columns.figures) for row in rows],
        "±": [_half_width(row, columns.figures) for row in rows],
        "share": [f"{row.share:.1%}" for row in rows],
        "measured": [measured(row.evidence, columns.figures) for row in rows],
        f"top {TOP}": [_stays(columns.stable.get(row.members)) for row in rows],
        "survives": [_survives(row.survival) for row in rows],
    }
    shown = {title: cell for title, cell in cells.items() if any(map(str, cell))}
    for title in shown:
        table.add_column(title, justify="right", style="dim" if title == "±" else "", no_wrap=True)
    table.add_column("of", overflow="fold", min_width=12)
    meanings = [_meaning(row, alone, brief="measured" in shown or bool(columns.stable)) for row in rows]
    meanings = meanings if any(meanings) else []
    if meanings:
        table.add_column("meaning", style="dim")
    for position, row in enumerate(rows):
        labels = Text(" × ".join(map(_shortened, row.labels)), style="bold" if row.audible else "dim")
        labels.append(f" ({' × '.join(row.kinds)})" if row.across else "", "dim italic")
        what = meanings[position : position + 1]
        table.add_row(*(cell[position] for cell in shown.values()), labels, *what)
    return table


def _effect(interaction: Interaction, figures: Figures) -> Text:
    style = ("green" if interaction.effect > 0 else "red") if interaction.audible else "dim"
    return Text(figures.signed(interaction.effect), style=style)


def _stays(stability: Stability | None) -> str:
    """How often it is among the strongest."""
    return "" if stability is None else f"{stability.stays:.0%}"


def _survives(survival: Survival | None) -> str:
    """How much of it is left when ablated in another way; with a question mark where that is not sure."""
    return "" if survival is None else f"{survival.score:.2f}{'' if survival.sure else '?'}"


def _meaning(row: Interaction, alone: Mapping[int, float], *, brief: bool) -> str:
    """What an effect means; only the kind of a pair, where evidence takes the room."""
    if not row.audible:
        return "within the noise"
    if brief:
        return kind(row, alone) if row.order == 2 else ""
    return meaning(row, alone)


def _doubts(explanation: Explanation, output: int | str) -> list[RenderableType]:
    """What speaks against it, before anything else."""
    return [Text(line, style="bold red") for line in doubts(explanation, output)]


def _unit(explanation: Explanation) -> str:
    """What effects are measured in."""
    of = {"raw": "", "share": "share of f(all) - f(none), ", "sd": "standard deviations over masks, "}
    return of[explanation.scale] + explanation.unit


def _half_width(interaction: Interaction, figures: Figures) -> str:
    """Half of the 90% interval; nothing where there is none, or no doubt."""
    low, high = interaction.interval or (0.0, 0.0)
    return figures.plain((high - low) / 2) if high > low else ""


def _legend(
    pairs: list[Interaction], alone: dict[int, float], explanation: Explanation, output: int | str
) -> Text:
    """What the kinds of pairs on the page mean, and what its columns are."""
    used = {kind(pair, alone) for pair in pairs}
    lines = [f"{name}: {what}" for name, what in KINDS.items() if name in used]
    if any(pair.interval is not None and pair.interval[1] > pair.interval[0] for pair in pairs):
        lines.append("±: half of a 90% interval; an effect within it of zero may be none")
    lines += marks(explanation, explanation.position(output))
    if explanation.stability and explanation.faithfulness.source != "exact":
        lines.append(
            f"top {TOP}: how often it is among the {TOP} strongest of its table, had other masks been drawn"
        )
    if explanation.artefacts is not None and explanation.artefacts.variants:
        names = ", ".join(variant.name for variant in explanation.artefacts.variants)
        lines.append(
            f"survives: from 0 to 1, how much of it is left when ablated by {names}, the least; "
            f"with ?, not sure on which side of {LOST:g}"
        )
    lines.append("share: of the variance over masks that the explanation carries, what is this set's own")
    return Text("\n".join(lines), style="dim italic")


def _shortened(label: str) -> str:
    line = " ".join(label.split())
    return line if len(line) <= 48 else f"{line[:30]} … {line[-14:]}"
