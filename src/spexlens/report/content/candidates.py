"""The candidates: what each does on its own, where it stands."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from spexlens.games.candidate import Candidate
from spexlens.results.result import Result

FAINT = 0.08
"""|strength| below which an effect is too small to be seen beside the largest."""

_LISTED = 100  # components, of more only those that matter are named
_DIGITS = 9  # of the number of a layer
_COMPONENTS = {"head", "MLP", "neuron", "layer", "position"}
_EXAMPLES = {"example", "cluster"}


@dataclass(frozen=True)
class Mark:
    """A candidate and what keeping it does on average.

    Attributes:
        name: as it is called among its like; of a component without its layer.
        strength: its effect over the largest of all candidates, from -1 to 1.
        span: (start, end) characters of the text, end excluded; None where it is none
            of its parts.
    """

    name: str
    strength: float
    span: tuple[int, int] | None = None

    @property
    def visible(self) -> bool:
        """Whether it is large enough to be seen."""
        return abs(self.strength) >= FAINT


@dataclass(frozen=True)
class Layer:
    """Components of one layer of a model.

    Attributes:
        name: such as `L3`; empty where the layer itself is the candidate.
        marks: its components.
    """

    name: str
    marks: tuple[Mark, ...]


@dataclass(frozen=True)
class Candidates:
    """All candidates of an explanation.

    Attributes:
        test: the text that a trained model was tested on, where it is one.
        text: that was read; None where no candidate has to do with it.
        parts: the marks in the text.
        layers: components, by layer; None where there are none, empty where none of
            many is to be seen.
        others: candidates of any other kind.
    """

    test: str | None
    text: str | None
    parts: tuple[Mark, ...]
    layers: tuple[Layer, ...] | None
    others: tuple[Mark, ...]


def candidates(
    explanation: Result, alone: Mapping[int, float], output: int | str
) -> Candidates:
    """The candidates of one output.

    Args:
        explanation: whose candidates.
        alone: the effect of each candidate, by position.
        output: of a vector-valued game, which output.
    """
    largest = max(map(abs, alone.values()), default=0.0) or 1.0
    text = explanation.about.text
    parts = list[Mark]()
    components = list[Mark]()
    others = list[Mark]()

    for position, candidate in enumerate(explanation.candidates):
        strength = alone.get(position, 0.0) / largest
        mark = Mark(candidate.label, strength, candidate.span)
        # a function may give spans, and no text that they are of
        if text is not None and candidate.span is not None:
            parts.append(mark)
        elif candidate.kind in _COMPONENTS:
            components.append(mark)
        else:
            others.append(Mark(_short(candidate), strength))

    # components act on a text too, though none of it is a candidate
    read = bool(parts) or (text is not None and bool(components))
    return Candidates(
        explanation.about.test_of(explanation.position(output)),
        str(text) if read else None,
        tuple(parts),
        _by_layer(components) if components else None,
        tuple(others),
    )


def _short(candidate: Candidate) -> str:
    """Its label; of a training example the number."""
    if candidate.kind in _EXAMPLES:
        return candidate.label.partition(" ")[0]
    return candidate.label


def _by_layer(components: Sequence[Mark]) -> tuple[Layer, ...]:
    """The components by layer; of many, only those that matter."""
    few = len(components) <= _LISTED
    names = dict[str, str]()
    layers = dict[str, list[Mark]]()
    for component in components:
        if not few and not component.visible:
            continue

        # of `L3.H7` the part is H7; a layer that is a candidate itself has none
        layer, _, part = component.name.partition(".")
        names.setdefault(layer, layer if part else "")
        mark = Mark(part or layer, component.strength)
        layers.setdefault(layer, []).append(mark)

    ordered = sorted(layers, key=_number)
    return tuple(Layer(names[layer], tuple(layers[layer])) for layer in ordered)


def _number(layer: str) -> tuple[int, str]:
    """What a layer is sorted by: its number, and what has none comes last."""
    number = layer[1:]
    # `²` is a digit to Python, and int() refuses it
    decimal = number.isascii() and number.isdigit()
    known = layer[:1] == "L" and decimal and len(number) < _DIGITS
    return (int(number) if known else 10**_DIGITS), layer
