"""Components: the parts of a transformer that may be switched off, by name."""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Literal

from spexlens.arguments import named
from spexlens.errors import InvalidInput

Kind = Literal["head", "MLP", "neuron", "layer", "position"]

COMPONENTS: dict[str, Kind] = {
    "heads": "head",
    "mlps": "MLP",
    "neurons": "neuron",
    "layers": "layer",
    "residual": "position",
}
"""What all components of a kind are asked for by."""

# At most nine digits: a longer number is no name, and need not be made a number.
_NAMES: dict[Kind, re.Pattern[str]] = {
    "head": re.compile(r"L([0-9]{1,9})\.H([0-9]{1,9})"),
    "MLP": re.compile(r"L([0-9]{1,9})\.MLP"),
    "neuron": re.compile(r"L([0-9]{1,9})\.MLP\[([0-9]{1,9})\]"),
    "layer": re.compile(r"L([0-9]{1,9})"),
    "position": re.compile(r"L([0-9]{1,9})\.RESID\[([0-9]{1,9})\]"),
}


@dataclass(frozen=True)
class Component:
    """One component.

    Attributes:
        layer: from 0.
        kind: "head", "MLP" (a whole block), "neuron" (of an MLP), "layer", or
            "position" (of the residual stream after the layer).
        index: of the head, the neuron or the token; 0 for what a layer has one of.
    """

    layer: int
    kind: Kind
    index: int = 0

    @property
    def name(self) -> str:
        """`L3.H7`, `L2.MLP`, `L5.MLP[1203]`, `L4` or `L1.RESID[6]`."""
        within_layer = {
            "head": f".H{self.index}",
            "MLP": ".MLP",
            "neuron": f".MLP[{self.index}]",
            "layer": "",
            "position": f".RESID[{self.index}]",
        }
        return f"L{self.layer}{within_layer[self.kind]}"


def select(
    components: str | Iterable[str],
    layers: Iterable[int] | None,
    sizes: Sequence[dict[Kind, int]],
) -> tuple[Component, ...]:
    """The components asked for, each once: all of a kind, layer by layer, or those named.

    Args:
        components: kinds (`COMPONENTS`), names such as "L3.H7", or both.
        layers: restricts the kinds; None for all layers.
        sizes: for each layer, how many components of each kind it has.

    Raises:
        InvalidInput: an unknown kind or name, a component or layer that the model does
            not have, none at all, or `layers` with nothing to restrict.
    """
    names = [components] if isinstance(components, str) else list(components)
    within = _layers_of(layers, len(sizes))
    if layers is not None and not any(name in COMPONENTS for name in names):
        raise InvalidInput(
            f"{named('layers')} goes with a kind ({', '.join(COMPONENTS)}); these are"
            " single components"
        )
    selected: list[Component] = []
    for name in names:
        kind = COMPONENTS.get(name)
        if kind is None:
            selected.append(_named(name, sizes))
        else:
            selected += _all_of_kind(kind, within, sizes)
    if not selected:
        raise InvalidInput("no component was given; give heads, or names such as L0.H1")
    # A component may be named beside its kind: it is one candidate.
    return tuple(dict.fromkeys(selected))


def _layers_of(layers: Iterable[int] | None, count: int) -> Sequence[int]:
    """The layers that kinds are restricted to, in order."""
    if layers is None:
        return range(count)
    chosen = sorted(set(layers))
    wrong = [layer for layer in chosen if not 0 <= layer < count]
    if wrong or not chosen:
        what = f"there is no layer {wrong[0]}" if wrong else "no layer was given"
        raise InvalidInput(f"{what}; the model has layers 0 to {count - 1}")
    return chosen


def _all_of_kind(
    kind: Kind, layers: Sequence[int], sizes: Sequence[dict[Kind, int]]
) -> list[Component]:
    return [
        Component(layer, kind, index)
        for layer in layers
        for index in range(sizes[layer][kind])
    ]


def _named(name: object, sizes: Sequence[dict[Kind, int]]) -> Component:
    """The component of a name, which the model has."""
    for kind, pattern in _NAMES.items():
        match = pattern.fullmatch(str(name))
        if match is None:
            continue
        layer = int(match[1])
        index = int(match[2]) if pattern.groups > 1 else 0
        if layer >= len(sizes):
            raise InvalidInput(
                f"there is no {name}; the model has layers L0 to L{len(sizes) - 1}"
            )
        if index >= sizes[layer][kind]:
            raise InvalidInput(
                f"there is no {name}; layer {layer} has {sizes[layer][kind]} {kind}s,"
                " from 0"
            )
        return Component(layer, kind, index)
    raise InvalidInput(
        f"unknown component {name!r}; give {', '.join(COMPONENTS)}, or names such as "
        "L3.H7, L2.MLP, L5.MLP[1203], L4, L1.RESID[6]"
    )
