"""Switches: where components are in a model, and how a mask turns them off there."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray

from spexlens.errors import ModelError
from spexlens.lenses.components.names import Component, Kind
from spexlens.models.architectures import Layer
from spexlens.models.hooks import Blend, Site, Swap, changed, copied
from spexlens.models.model import HuggingFaceModel
from spexlens.models.objectives.objective import Batch

# Inner parts before outer ones: a position is what its layer's own change leaves of it.
_ORDER: tuple[Kind, ...] = ("head", "neuron", "MLP", "layer", "position")


@dataclass(frozen=True)
class Switch:
    """The components of one kind in one layer.

    Attributes:
        site: where they act.
        kind: what they are.
        columns: (c,) int64, of the masks.
        indices: (c,) int64, which of the parts they are.
        parts: how many parts there are, candidates or not: heads, neurons or tokens;
            else 1.
    """

    site: Site
    kind: Kind
    columns: torch.Tensor
    indices: torch.Tensor
    parts: int

    def swap(
        self, replaced: torch.Tensor, instead: torch.Tensor | None, *, rescale: bool
    ) -> Swap:
        """The change that replaces components.

        Args:
            replaced: (m, n) bool, True where something else goes on.
            instead: (1, T or 1, D), what goes on; None for zero.
            rescale: multiply what is left of a layer's heads by |heads| / |heads left|.
        """
        device = replaced.device
        # Parts that are no candidates stay, and count among those that are left.
        away = torch.zeros(len(replaced), self.parts, dtype=torch.bool, device=device)
        away[:, self.indices.to(device)] = replaced[:, self.columns.to(device)]
        kept = ~away
        return Swap(self._laid(kept), instead, self._scale(kept.sum(dim=1), rescale))

    def blend(
        self, degrees: torch.Tensor, instead: torch.Tensor | None, *, rescale: bool
    ) -> Blend:
        """The change that keeps components to a degree, (m, n) float; else as `swap`."""
        device = degrees.device
        every = torch.ones(len(degrees), self.parts, dtype=degrees.dtype, device=device)
        kept = every.index_copy(  # not in place, so that gradients pass
            1, self.indices.to(device), degrees[:, self.columns.to(device)]
        )
        return Blend(self._laid(kept), instead, self._scale(kept.sum(dim=1), rescale))

    def _laid(self, kept: torch.Tensor) -> torch.Tensor:
        """(m, parts) along the dimension of the activations where the parts are."""
        return kept[:, :, None] if self.kind == "position" else kept[:, None]

    def _scale(self, left: torch.Tensor, rescale: bool) -> torch.Tensor | None:
        """(m, 1, 1), what the heads that are left are multiplied by; None for one."""
        if not rescale or self.kind != "head":
            return None
        # Where no head is left there is nothing to multiply, by any number.
        return (self.parts / left.clamp(min=1))[:, None, None]


@dataclass(frozen=True)
class Switchboard:
    """The switches of all components of a lens, and what goes on where one is off.

    Attributes:
        model: it is asked where it is, and its weights are never touched.
        switches: in the order in which they act.
        instead: for each input, what goes on at a site, (1, T or 1, D); zero where
            nothing is named.
        rescale: see `Switch.swap`.
        restoring: kept components are the ones that are replaced, in a model that reads
            the counterfactual.
    """

    model: HuggingFaceModel
    switches: tuple[Switch, ...]
    instead: Sequence[Mapping[Site, torch.Tensor]]
    rescale: bool
    restoring: bool

    @contextmanager
    def ablated(self, masks: NDArray[np.bool_], number: int = 0) -> Iterator[None]:
        """Inside, forward passes have a row a mask, with its components ablated.

        Args:
            masks: (m, n) bool.
            number: of the input whose stand-ins are taken.
        """
        kept = torch.from_numpy(np.ascontiguousarray(masks)).to(self.model.device)
        replaced = kept if self.restoring else ~kept
        instead = self.instead[number]
        changes = {
            switch.site: switch.swap(
                replaced, instead.get(switch.site), rescale=self.rescale
            )
            for switch in self.switches
        }
        with changed(changes, len(masks)):
            yield

    @contextmanager
    def faded(self, degrees: torch.Tensor, number: int = 0) -> Iterator[None]:
        """Inside, in forward passes of one row, components are there to a degree.

        Args:
            degrees: (n,) float, 0 ablated, 1 kept.
            number: of the input whose stand-ins are taken.
        """
        live = 1.0 - degrees if self.restoring else degrees
        instead = self.instead[number]
        changes = {
            switch.site: switch.blend(
                live[None], instead.get(switch.site), rescale=self.rescale
            )
            for switch in self.switches
        }
        with changed(changes, 1):
            yield


def sizes_of(
    model: HuggingFaceModel, layers: Sequence[Layer], batch: Batch
) -> list[dict[Kind, int]]:
    """How many components of each kind each layer has, seen in one forward pass.

    Raises:
        ModelError: an activation is not where the architecture says, or does not split
            into heads; or the configuration does not say how many there are.
    """
    config = model.model.config.get_text_config()
    if not hasattr(config, "num_attention_heads"):
        raise ModelError(
            f"{type(config).__name__} has no num_attention_heads, which says how many"
            " heads a layer has: map yours to it with the class's attribute_map"
        )
    heads = int(config.num_attention_heads)
    # Layers are looked at although nothing is counted there: one that nothing passes is
    # refused here, before anything is ablated.
    sites = [
        site_of(layer, kind) for layer in layers for kind in ("head", "neuron", "layer")
    ]
    widths = [int(copy.shape[-1]) for copy in activations(model, sites, batch).values()]
    length = int(batch["input_ids"].shape[1])
    sizes: list[dict[Kind, int]] = []
    by_layer = zip(widths[::3], widths[1::3], strict=True)
    for number, (across, neurons) in enumerate(by_layer):
        if across % heads:
            raise ModelError(
                f"{across} values enter the heads' projection in layer {number}, no"
                f" multiple of {heads} heads: check the registered architecture"
            )
        sizes.append(
            {"head": heads, "MLP": 1, "neuron": neurons, "layer": 1, "position": length}
        )
    return sizes


def activations(
    model: HuggingFaceModel, sites: Sequence[Site], batch: Batch
) -> dict[Site, torch.Tensor]:
    """(1, T, D) at each site, in one forward pass of one row of the model as it is.

    Raises:
        ModelError: nothing passes a site.
    """
    with torch.inference_mode(), model.explained(), copied(sites) as copies:
        model.outputs(batch)
    silent = [site for site in sites if site not in copies]
    if silent:
        raise ModelError(
            f"nothing passed a {type(silent[0].module).__name__} of"
            f" {type(model.model).__name__} that its registered architecture names; it"
            " cannot be ablated there"
        )
    return {site: copies[site] for site in sites}


def switches_of(
    components: Sequence[Component],
    layers: Sequence[Layer],
    sizes: Sequence[dict[Kind, int]],
    device: torch.device,
) -> tuple[Switch, ...]:
    """The switches for masks of these components, in the order in which they act.

    Args:
        components: column i of the masks is component i.
        layers, sizes: of the model.
        device: where the masks will be.
    """
    groups: dict[tuple[int, Kind], list[int]] = {}
    for column, component in enumerate(components):
        groups.setdefault((component.layer, component.kind), []).append(column)
    in_order = sorted(groups.items(), key=lambda group: _ORDER.index(group[0][1]))
    switches = []
    for (layer, kind), columns in in_order:
        indices = [components[column].index for column in columns]
        switches.append(
            Switch(
                site=site_of(layers[layer], kind),
                kind=kind,
                columns=torch.tensor(columns, device=device),
                indices=torch.tensor(indices, device=device),
                parts=sizes[layer][kind],
            )
        )
    return tuple(switches)


def site_of(layer: Layer, kind: Kind) -> Site:
    """Where components of a kind act in a layer."""
    return {
        "head": Site(layer.heads, "in"),
        "neuron": Site(layer.mlp, "in"),
        "MLP": Site(layer.mlp, "out"),
        "layer": Site(layer.whole, "added"),
        "position": Site(layer.whole, "out"),
    }[kind]
