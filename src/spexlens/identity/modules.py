"""Modules of torch, by their classes, attributes, hooks, parameters and buffers."""

import sys
from types import FunctionType
from typing import TYPE_CHECKING, Any

from spexlens.identity.code import own
from spexlens.identity.graph import Bag, Seen, Unknown
from spexlens.identity.places import installed

if TYPE_CHECKING:
    import torch

_OF_THE_LENGTH = (
    "inv_freq",
    "long_inv_freq",
    "max_seq_len_cached",
    "original_inv_freq",
    "original_max_seq_len",
)
_CHANGED_BY_USE = {"_output_capturing_hooks_installed"}
_FOR_PEOPLE = {"name_or_path", "warnings_issued", "_is_hf_initialized"}
_RUN = {"forward", "_old_forward", "_hf_hook"}
_COMPILED = "torch._dynamo.eval_frame"
_PLACING = {
    "hf_device_map",
    "to",
    "cuda",
    "npu",
    "xpu",
    "mlu",
    "sdaa",
    "musa",
    "_compiled_call_impl",
}
_MOVING = "accelerate.hooks"
_CAPTURING = "transformers.utils.output_capturing"


def tell_module(value: Any, seen: Seen) -> Any:
    """A module of torch; None for anything else."""
    torch = sys.modules.get("torch")
    if (
        torch is None
        or not hasattr(torch, "nn")
        or not isinstance(value, torch.nn.Module)
    ):
        return None
    if isinstance(value, torch.jit.ScriptModule):
        raise Unknown("a module of TorchScript")
    return [
        "torch module",
        seen(type(value)),
        _attributes(value, seen),
        _tensors(value, seen),
        [[name, seen(child, f".{name}")] for name, child in value._modules.items()],
        _hooks(value, seen),
    ]


def _attributes(module: "torch.nn.Module", seen: Seen) -> Bag:
    """What the module itself holds, beside what torch has in every module.

    Modules that are installed may hold anything, such as locks, which is then told by
    its class.
    """
    import torch

    if type(module).__module__ == _COMPILED:  # what it was compiled from is in it
        return Bag([])
    beside = {*vars(torch.nn.Module()), *_FOR_PEOPLE, *_PLACING, *_CHANGED_BY_USE}
    beside |= _recomputed(module) | _placed(module)
    forgiving = _all_installed(type(module))
    return Bag(
        [
            [
                seen(name),
                seen(
                    _held(each),
                    f"{name!r} of {{module}}",
                    forgiving and name not in _RUN,
                ),
            ]
            for name, each in vars(module).items()
            if name not in beside
        ]
    )


def _placed(module: "torch.nn.Module") -> set[str]:
    """The attributes by which accelerate moves weights between devices, which changes
    no answer.
    """
    held = vars(module)
    if not _moves(held.get("_hf_hook")):
        return set()
    plain = getattr(held.get("_old_forward"), "__func__", None) is type(module).forward
    wrapped = (
        getattr(getattr(held.get("forward"), "func", None), "__module__", None)
        == _MOVING
    )
    return (
        {"_hf_hook"}
        | ({"forward"} if wrapped else set())
        | ({"_old_forward"} if plain else set())
    )


def _held(value: Any) -> Any:
    """An attribute; of several hooks of accelerate, those that do more than move
    weights.
    """
    if type(value).__module__ == _MOVING and type(value).__name__ == "SequentialHook":
        return [hook for hook in value.hooks if not _moves(hook)]
    return value


def _moves(hook: Any) -> bool:
    kind = type(hook)
    if kind.__module__ != _MOVING:
        return False
    if kind.__name__ == "SequentialHook":
        return all(map(_moves, hook.hooks))
    return kind.__name__ in ("AlignDevicesHook", "CpuOffload")


def _all_installed(kind: type) -> bool:
    return all(installed(base.__module__) for base in kind.__mro__)


def _tensors(module: "torch.nn.Module", seen: Seen) -> list[Any]:
    beside = _recomputed(module)
    return [
        [kind, name, seen(tensor, f"{kind} {name!r} of {{module}}", False)]
        for kind, held in (
            ("parameter", module._parameters),
            ("buffer", module._buffers),
        )
        for name, tensor in held.items()
        if name not in beside
    ]


def _recomputed(module: "torch.nn.Module") -> set[str]:
    """What rotary embeddings compute anew, for the length of each input, from what else
    is in them.
    """
    kinds = getattr(module, "rope_type", None)
    if kinds is None or not installed(type(module).__module__):
        return set()
    layers = kinds if isinstance(kinds, dict) else {"": kinds}
    found: set[str] = set()
    for layer, kind in layers.items():
        names = {name: f"{layer}_{name}".lstrip("_") for name in _OF_THE_LENGTH}
        dynamic = "dynamic" in str(kind) and not _written_to(module, names)
        if dynamic or kind == "longrope":  # the latter puts them in anew for each input
            found |= {names[name] for name in _OF_THE_LENGTH[:3]}
    return found


def _written_to(module: "torch.nn.Module", names: dict[str, str]) -> bool:
    """Whether somebody wrote to frequencies that transformers has not recomputed for a
    long input.
    """
    held = {name: getattr(module, own, None) for name, own in names.items()}
    now = held["inv_freq"]
    first = held["original_inv_freq"]
    grown = held["max_seq_len_cached"] != held["original_max_seq_len"]
    if grown or now is None or first is None:
        return False
    return now.shape != first.shape or bool((now != first.to(now.device)).any())


def _hooks(module: "torch.nn.Module", seen: Seen) -> list[Any]:
    """What is called around the module's forward pass, but for what only records it."""
    from torch.nn.modules import module as everywhere

    keywords = {
        *module._forward_pre_hooks_with_kwargs,
        *module._forward_hooks_with_kwargs,
    }
    always = module._forward_hooks_always_called
    return [
        [
            kind,
            key in keywords,
            key in always,
            seen(hook, f"a hook on {of}", _installed_function(hook)),
        ]
        for kind, of, hooks in (
            ("before", "{module}", module._forward_pre_hooks),
            ("after", "{module}", module._forward_hooks),
            ("before any", "every module", everywhere._global_forward_pre_hooks),
            ("after any", "every module", everywhere._global_forward_hooks),
        )
        for key, hook in hooks.items()
        if not (_installed_function(hook) and hook.__module__ == _CAPTURING)
    ]


def _installed_function(hook: Any) -> bool:
    return isinstance(hook, FunctionType) and not own(hook)
