"""Follow-up: for each strong interaction, the commands that look closer."""

import re
import shlex
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from spexlens.lenses.text.units import UNITS
from spexlens.printable import hidden, shown
from spexlens.results.interaction import Interaction
from spexlens.results.result import Result

# of the variance; and so many interactions
_STRONG = 0.005
_MOST = 3
_HEADS = 20
_PATCHING = "attribution patching"
_OTHERS = 2  # ablations
# replacements, those most unlike another first
_PREFERRED = ("delete", "attention", "mask", "unk")
_FINER = {
    "paragraph": "sentence",
    "line": "sentence",
    "sentence": "word",
    "span": "word",
    "word": "token",
}
# characters that stand for masked tokens: a command line takes no more
_LONGEST = 100_000
_LAYER = re.compile(r"L([0-9]{1,6})(?:\.|$)")
_INNER = {"layer": "heads,mlps", "head": "neurons", "MLP": "neurons"}


@dataclass(frozen=True)
class FollowUp:
    """One next step.

    Attributes:
        members, labels: of the interaction that it looks at.
        why: what it answers.
        command: for a shell; or for Python, where there is no command.
    """

    members: tuple[int, ...]
    labels: tuple[str, ...]
    why: str
    command: str


def steps(explanation: Result, output: int | str = 0) -> list[FollowUp]:
    """The next steps for the three strongest interactions of two members or more, each
    command once.

    Those that were refuted by their check are left out. Of a text: which heads carry it
    (the same model and question, the interaction's words masked in a counterfactual,
    heads chosen by attribution patching), whether it survives another replacement,
    which tokens or words of it. Of components: another ablation, and the neurons
    inside. Of training examples and of functions: Python that asks more of the game.
    """
    found = [
        i for i in explanation.interactions("bii", None, output=output) if i.order > 1
    ]
    found = [i for i in found if i.share >= _STRONG and not _refuted(i)]
    found.sort(key=lambda i: (-i.share, i.members))
    makers = {"features": _of_text, "mechanistic": _of_components, "data": _of_examples}
    told = all(
        explanation.facts.get(name) is not None
        for name in ("text", "model", "unit", "kind")
    )
    lens = str(explanation.facts.get("lens"))
    maker = makers.get(lens, _of_function) if told or lens == "data" else _of_function
    target = (
        explanation.outputs[explanation.position(output)]
        if explanation.outputs
        else None
    )
    known: dict[str, FollowUp] = {}
    for interaction in found[:_MOST]:
        for why, command in maker(explanation, interaction, target):
            known.setdefault(
                command, FollowUp(interaction.members, interaction.labels, why, command)
            )
    return list(known.values())


def _refuted(interaction: Interaction) -> bool:
    check = interaction.evidence
    return check is not None and check.refuted


def _of_text(
    explanation: Result, interaction: Interaction, target: str | None
) -> Iterator[tuple[str, str]]:
    facts = explanation.facts
    text = str(facts["text"])
    common = _common(facts, target)
    around = _around(facts)
    if not around:
        masked = _masked(explanation, interaction.members)
        inside = {
            "components": "heads",
            **common,
            "candidates": _HEADS,
            "screening": _PATCHING,
        }
        inside |= {"counterfactual": masked} if masked else {}
        yield "which heads carry it", _command("mechanistic", text, inside)
    unit = str(facts.get("unit_of_text"))
    other = next(
        (name for name in _PREFERRED if name in (facts.get("variants") or [])), None
    )
    if other is not None and facts.get("replacement") and unit in UNITS:
        asked = {
            **common,
            **around,
            "unit": unit,
            "replacement": facts.get("replacement"),
            "against": other,
        }
        yield "does it survive another replacement", _command("features", text, asked)
    counts = facts.get("tokens") or []
    parts = [counts[member] for member in interaction.members if member < len(counts)]
    finer = _FINER.get(unit)
    if finer is not None and (finer != "token" or max(parts, default=1) > 1):
        zoomed = {**common, **around, "unit": finer, "zoom": True, "budget": 1000}
        yield f"which {finer}s of it", _command("features", text, zoomed)


def _of_components(
    explanation: Result, interaction: Interaction, target: str | None
) -> Iterator[tuple[str, str]]:
    facts = explanation.facts
    if not facts.get("text"):
        yield from _of_function(explanation, interaction, target)
        return
    text = str(facts["text"])
    common = _common(facts, target)
    # of a position, without its token
    names = [label.partition(" ")[0] for label in interaction.labels]
    for name in (facts.get("variants") or [])[:_OTHERS]:
        if name != "mean":  # whose references are not written down
            other = {**common, "components": ",".join(names), "ablation": name}
            paired = name in ("resample", "restore")
            if paired and facts.get("counterfactual") is None:
                continue
            other |= {"counterfactual": facts["counterfactual"]} if paired else {}
            yield (
                f"is it there when ablated by {name}",
                _command("mechanistic", text, other),
            )
    kinds = {explanation.candidates[member].kind for member in interaction.members}
    inner = _INNER.get(next(iter(kinds))) if len(kinds) == 1 else None
    if inner is not None and all(map(_LAYER.match, names)):
        layers = sorted({int(found[1]) for found in map(_LAYER.match, names) if found})
        inside = {**common, "components": inner, "layers": ",".join(map(str, layers))}
        inside |= {"candidates": 2 * _HEADS, "screening": _PATCHING}
        yield f"which {inner} of its layers", _command("mechanistic", text, inside)


def _of_examples(
    explanation: Result, interaction: Interaction, target: str | None
) -> Iterator[tuple[str, str]]:
    members = list(interaction.members)
    yield (
        "every mask of these alone, the others kept",
        (
            f"spexlens.explain(spexlens.screen(lens, {members}),"
            f" {(1 << len(members)) * 2})"
        ),
    )


def _of_function(
    explanation: Result, interaction: Interaction, target: str | None
) -> Iterator[tuple[str, str]]:
    budget = 2 * explanation.account.budget
    yield (
        "is it there with twice the calls, and more checks",
        f"spexlens.explain(game, {budget}, checks={max(50, budget // 5)})",
    )


def _common(facts: Mapping[str, Any], target: str | None) -> dict[str, Any]:
    """What says the same question of the same model."""
    named = target or facts.get("target")
    options = {"model": facts["model"]}
    if facts.get("kind") != "encoder" and named:
        options["target"] = named
    if facts.get("foil") is not None:
        options["foil"] = facts["foil"]
    return {**options, "objective": facts["unit"]}


def _around(facts: Mapping[str, Any]) -> dict[str, Any]:
    """What is around the text, and whether it is read by windows."""
    options = (
        {}
        if facts.get("template") in (None, "{text}")
        else {"template": facts["template"]}
    )
    options |= {"windows": True} if (facts.get("windows") or 0) > 1 else {}
    return options | ({"chat": True} if facts.get("chat") else {})


def _masked(explanation: Result, members: Sequence[int]) -> str | None:
    """The text with the members' tokens masked, as many as there were; None where there
    is no mask token.
    """
    facts = explanation.facts
    token = facts.get("mask_token")
    counts = facts.get("tokens")
    if token is None or counts is None or max(members) >= len(counts):
        return None
    if sum(counts[member] for member in members) * len(token) > _LONGEST:
        return None
    text = str(facts["text"])
    for member in sorted(members, reverse=True):
        span = explanation.candidates[member].span
        if span is None:
            return None
        text = text[: span[0]] + " ".join([token] * counts[member]) + text[span[1] :]
    return text


def _command(name: str, text: str, options: Mapping[str, Any]) -> str:
    words = ["spexlens", name]
    for option, value in options.items():
        words += [f"--{option}"] if value is True else [f"--{option}", str(value)]
    return " ".join(
        map(_quoted, [*words, *(["--"] if text.startswith("-") else []), text])
    )


def _quoted(word: str) -> str:
    """A word for a shell, safe to paste and to print: what a terminal would obey is
    written as its bytes.

    $'...' is understood by bash, zsh and ksh, and means the same whatever the locale.
    """
    if not hidden(word) and not {"\t", "\n"} & set(word):
        return shlex.quote(word)
    return "$'" + "".join(map(_in_dollar_quotes, word)) + "'"


def _in_dollar_quotes(letter: str) -> str:
    if letter in "\\'":
        return f"\\{letter}"
    if letter.isascii() and letter.isprintable():
        return letter
    if not letter.isascii() and shown(letter) == letter:
        return letter
    return "".join(f"\\x{byte:02x}" for byte in letter.encode("utf-8", "surrogatepass"))
