"""The candidates in a terminal, each coloured by what keeping it does on average."""

from collections.abc import Mapping

from rich.text import Text

from spexlens.games.candidate import Candidate
from spexlens.results.result import Result

_LISTED = 100
_DIGITS = 9  # of the number of a layer
_COMPONENTS = {"head", "MLP", "neuron", "layer", "position"}
_EXAMPLES = {"example", "cluster"}


def coloured(
    explanation: Result, alone: Mapping[int, float], output: int | str
) -> Text:
    """The text, components and others, green where keeping one raises the answer, red
    where it lowers it.

    Args:
        explanation: whose candidates.
        alone: the effect of each candidate, by position.
        output: of a vector-valued game, which output.
    """
    largest = max(map(abs, alone.values()), default=0.0) or 1.0
    styles = {place: _style(effect / largest) for place, effect in alone.items()}
    text = explanation.facts.get("text")
    parts: dict[str, list[tuple[Candidate, str]]] = {
        "text": [],
        "components": [],
        "others": [],
    }
    for place, candidate in enumerate(explanation.candidates):
        spanned = text is not None and candidate.span is not None
        part = (
            "text"
            if spanned
            else "components"
            if candidate.kind in _COMPONENTS
            else "others"
        )
        parts[part].append((candidate, styles.get(place, "")))
    shown = [Text(line) for line in _asked(explanation, output)]
    if parts["text"] or (text is not None and parts["components"]):
        shown.append(Text(str(text)))
        for candidate, style in parts["text"]:
            shown[-1].stylize(style, *(candidate.span or (0, 0)))
    if parts["components"]:
        shown.append(_layers(parts["components"]))
    if parts["others"]:
        shown.append(
            Text(" ").join(
                Text(_named(candidate), style) for candidate, style in parts["others"]
            )
        )
    return Text("\n").join(shown)


def _asked(explanation: Result, output: int | str) -> list[str]:
    """The test point, where training examples are what is explained and it is a text."""
    tests = explanation.facts.get("tests")
    if (
        not isinstance(tests, list)
        or explanation.facts.get("mean")
        or explanation.facts.get("text")
    ):
        return []
    position = explanation.position(output)
    return [f"test: {tests[position]}"] if position < len(tests) else []


def _named(candidate: Candidate) -> str:
    """Its label; of a training example the number."""
    return (
        candidate.label.partition(" ")[0]
        if candidate.kind in _EXAMPLES
        else candidate.label
    )


def _layers(components: list[tuple[Candidate, str]]) -> Text:
    """A line a layer; of many components, only those that matter."""
    lines: dict[str, Text] = {}
    few = len(components) <= _LISTED
    for candidate, style in components:
        layer, _, part = candidate.label.partition(".")
        if few or style:
            line = lines.setdefault(layer, Text().append(layer if part else "", "dim"))
            line.append(" " if line else "").append(part or layer, style)
    return Text("\n").join(lines[layer] for layer in sorted(lines, key=_number))


def _number(layer: str) -> tuple[int, str]:
    """What a layer is sorted by: its number, and what has none comes last."""
    number = layer[1:]
    known = (
        layer[:1] == "L"
        and number.isascii()
        and number.isdigit()
        and len(number) < _DIGITS
    )
    return (int(number) if known else 10**_DIGITS), layer


def _style(strength: float) -> str:
    """A background from black (0) to full green or red (±1)."""
    level = int(40 + 110 * abs(strength))
    if abs(strength) < 0.08:
        return ""
    colour = f"rgb(0,{level},60)" if strength > 0 else f"rgb({level},0,40)"
    return f"bold white on {colour}"
