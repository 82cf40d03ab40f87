"""Hooks: read or replace activations in a forward pass; they are always removed."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from typing import Any, Literal

import torch
from torch import nn
from torch.utils.hooks import RemovableHandle

Change = Callable[[torch.Tensor, torch.Tensor | None], torch.Tensor]
"""(rows, T, D) activations -> what goes on in their place. The second argument is None,
except where the activations are what a layer made of its input: then it is that
input."""


@dataclass(frozen=True)
class Site:
    """Where activations are in a model.

    Attributes:
        module: beside which they are.
        place: "in" for what enters the module, "out" for what leaves it, "added" for
            what it adds to what enters.
    """

    module: nn.Module
    place: Literal["in", "out", "added"]

    def hook(self, change: Change, rows: int) -> RemovableHandle:
        """Apply a change in every forward pass of so many rows.

        Modules that get the tokens of all rows as one long list are served too.

        Returns:
            A handle; the change holds until it is removed.
        """

        def changed(
            live: torch.Tensor, base: torch.Tensor | None = None
        ) -> torch.Tensor:
            # Some layers flatten rows and tokens before they project.
            by_row = live.reshape(rows, -1, live.shape[-1])
            return change(by_row, base).reshape(live.shape)

        def before(_: nn.Module, inputs: tuple[Any, ...]) -> tuple[Any, ...]:
            return (changed(inputs[0]), *inputs[1:])

        def after(
            _: nn.Module, inputs: tuple[Any, ...], named: dict[str, Any], output: Any
        ) -> Any:
            base = None
            if self.place == "added":
                base = inputs[0] if inputs else named["hidden_states"]
            if isinstance(output, torch.Tensor):
                return changed(output, base)
            return (changed(output[0], base), *output[1:])

        if self.place == "in":
            return self.module.register_forward_pre_hook(before)
        return self.module.register_forward_hook(after, with_kwargs=True)


@contextmanager
def changed(changes: Mapping[Site, Change], rows: int) -> Iterator[None]:
    """Inside, forward passes of so many rows are changed at these sites."""
    with ExitStack() as hooks:
        for site, change in changes.items():
            hooks.callback(site.hook(change, rows).remove)
        yield


@contextmanager
def copied(sites: Iterable[Site]) -> Iterator[dict[Site, torch.Tensor]]:
    """Inside, activations of a forward pass of one row are copied: (1, T, D) by site."""
    copies: dict[Site, torch.Tensor] = {}

    def copy(site: Site) -> Change:
        def keep(live: torch.Tensor, base: torch.Tensor | None) -> torch.Tensor:
            copies[site] = live.clone() if base is None else live - base
            return live

        return keep

    with changed({site: copy(site) for site in sites}, rows=1):
        yield copies


@contextmanager
def widened(layer: nn.Module, rows: int) -> Iterator[None]:
    """Inside, what enters a layer as one row goes on as so many equal rows.

    The layers before it are shared: they are passed once.
    """

    def widen(
        _: nn.Module, inputs: tuple[Any, ...], named: dict[str, Any]
    ) -> tuple[Any, dict[str, Any]]:
        if inputs:
            return (inputs[0].expand(rows, -1, -1), *inputs[1:]), named
        wide = named["hidden_states"].expand(rows, -1, -1)
        return inputs, {**named, "hidden_states": wide}

    handle = layer.register_forward_pre_hook(widen, with_kwargs=True)
    try:
        yield
    finally:
        handle.remove()


@dataclass(frozen=True)
class Swap:
    """A change: where `live` is False, something else goes on instead.

    Attributes:
        live: (rows, T or 1, P) bool, for P parts of equal width side by side in the
            last dimension.
        instead: (1, T or 1, D), or None for zero.
        scale: (rows, 1, 1), a factor of what is live, or None.
    """

    live: torch.Tensor
    instead: torch.Tensor | None = None
    scale: torch.Tensor | None = None

    def __call__(self, live: torch.Tensor, base: torch.Tensor | None) -> torch.Tensor:
        stays = _across(self.live.to(live.device), live)
        scaled = _scaled(live, self.scale)
        return torch.where(stays, scaled, _stand_in(self.instead, live, base))


@dataclass(frozen=True)
class Blend:
    """A differentiable change: parts are on the way from something else to what is live.

    Attributes:
        degree: (rows, T or 1, P) float, 0 for something else, 1 for what is live, for P
            parts of equal width side by side in the last dimension.
        instead: (1, T or 1, D), or None for zero.
        scale: (rows, 1, 1), a factor of what is live, or None.
    """

    degree: torch.Tensor
    instead: torch.Tensor | None = None
    scale: torch.Tensor | None = None

    def __call__(self, live: torch.Tensor, base: torch.Tensor | None) -> torch.Tensor:
        degree = _across(self.degree.to(live), live)
        other = _stand_in(self.instead, live, base)
        return other + degree * (_scaled(live, self.scale) - other)


def _across(parts: torch.Tensor, live: torch.Tensor) -> torch.Tensor:
    """Of each entry what is given of the part that it lies in.

    (rows, T or 1, P) -> (rows, T or 1, D or 1).
    """
    count = parts.shape[-1]
    width = live.shape[-1]
    if count in (1, width):
        return parts
    return parts.repeat_interleave(width // count, dim=-1)


def _scaled(live: torch.Tensor, scale: torch.Tensor | None) -> torch.Tensor:
    return live if scale is None else live * scale.to(live)


def _stand_in(
    instead: torch.Tensor | None, live: torch.Tensor, base: torch.Tensor | None
) -> torch.Tensor | float:
    """What goes on instead; of what a layer adds, on top of what entered it."""
    other: torch.Tensor | float = 0.0 if instead is None else instead.to(live)
    return other if base is None else base + other
