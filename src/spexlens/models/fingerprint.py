"""Fingerprints: everything in a model and its tokenizer that decides an answer, by its
bytes.
"""

import hashlib
import json
import sys
from types import FunctionType
from typing import TYPE_CHECKING, Any
from weakref import WeakKeyDictionary

from spexlens.identity import Unknown, describe, describe_module
from spexlens.identity.code import holds_own
from spexlens.identity.places import installed
from spexlens.models.model import HuggingFaceModel

if TYPE_CHECKING:
    import torch
    from transformers import PreTrainedTokenizerBase

_NAMES = ("_name_or_path", "transformers_version")


_KNOWN: WeakKeyDictionary[Any, tuple[int, Any]] = WeakKeyDictionary()
"""Of each module, a stamp and what was described of it and its tokenizer when it had
that stamp.
"""


def fingerprint_of(model: HuggingFaceModel, *, anew: bool = True) -> str:
    """sha256 of a model's configuration, code, weights and hooks, of its tokenizer, and
    of how it is read.

    Args:
        model: with its tokenizer.
        anew: read every byte; else what was read last is taken where nothing seems to
            have changed since. It does not seem so where weights were written to behind
            autograd's back, as by `weight.data *= 2`.

    Raises:
        Unknown: something in it cannot be told, such as a hook with a state that nobody
            can read.
    """
    config = model.model.config
    settings = {
        name: value for name, value in config.to_dict().items() if name not in _NAMES
    }
    parts = [
        "model 2",
        json.dumps(settings, sort_keys=True, default=str),
        _attention(config),
        _replaced(model.model),
        _content(model, anew=anew),
        describe(list(vars(model.sentence).items())),
        [model.kind, model.ahead],
    ]
    return hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()


def told(
    model: HuggingFaceModel, *parts: Any, anew: bool = True
) -> tuple[str | None, str | None]:
    """sha256 of a model and of what else decides a value, as JSON; or None, and why it
    cannot be told.

    Args:
        model: see `fingerprint_of`.
        parts: as JSON.
        anew: see `fingerprint_of`.
    """
    try:
        fingerprint = fingerprint_of(model, anew=anew)
    except Unknown as error:
        what = f"{model.called!r} cannot be recognised in a ledger on disk"
        return None, f"{what}: {error}; take it away, or give ledger=None"
    return hashlib.sha256(json.dumps([fingerprint, *parts]).encode()).hexdigest(), None


def _attention(config: Any) -> list[Any]:
    """How attention is computed, the functions that somebody registered for it
    included.
    """
    from transformers.masking_utils import ALL_MASK_ATTENTION_FUNCTIONS
    from transformers.modeling_utils import ALL_ATTENTION_FUNCTIONS

    name = str(getattr(config, "_attn_implementation", ""))
    tables = (ALL_ATTENTION_FUNCTIONS, ALL_MASK_ATTENTION_FUNCTIONS)
    return [name, *(describe(table[name]) for table in tables if name in table)]


def _replaced(model: Any) -> list[Any]:
    """The functions that somebody put in the place of those beside a model's classes."""
    names = sorted({type(module).__module__ for module in model.modules()})
    return [
        [name, each, describe(value)]
        for name in names
        if name in sys.modules and installed(name)
        for each, value in sorted(vars(sys.modules[name]).items())
        if isinstance(value, FunctionType) and holds_own(value)
    ]


def _content(model: HuggingFaceModel, *, anew: bool) -> Any:
    """What is described of a model's module and of its tokenizer."""
    stamp = _stamp(model)
    known = _KNOWN.get(model.model)
    if not anew and known is not None and known[0] == stamp:
        return known[1]
    module = describe_module(model.model, lambda name: _offloaded(model.model, name))
    content = [module, tokenizer_identity(model.tokenizer)]
    _KNOWN[model.model] = (stamp, content)
    return content


def _stamp(model: HuggingFaceModel) -> int:
    """What changes with most that is done to a model: the objects it is made of, and
    autograd's versions.
    """
    parts: list[Any] = [id(model.tokenizer.backend_tokenizer), len(model.tokenizer)]
    parts += [str(model.tokenizer.special_tokens_map), model.tokenizer.model_max_length]
    parts += [model.tokenizer.split_special_tokens, str(model.tokenizer.chat_template)]
    for module in model.model.modules():
        for value in vars(module).values():
            parts.append(id(value))
            if isinstance(value, dict):
                parts += [id(each) for each in value.values()]
        for tensor in (
            *module.parameters(recurse=False),
            *module.buffers(recurse=False),
        ):
            version = 0 if tensor.is_inference() else tensor._version
            parts += [id(tensor), version, str(tensor.dtype)]
    return hash(tuple(parts))


def tokenizer_identity(tokenizer: "PreTrainedTokenizerBase") -> list[Any]:
    """Everything in a tokenizer that decides what is read: its file, special tokens,
    window and templates.
    """
    backend: Any = tokenizer.backend_tokenizer
    pads = backend.padding
    cuts = backend.truncation
    backend.no_padding()
    backend.no_truncation()
    try:
        content = hashlib.sha256(
            backend.to_str().encode("utf-8", "surrogatepass")
        ).hexdigest()
    except Exception as error:  # tokenizers raises no other class
        raise Unknown(f"its tokenizer: {error}") from error
    finally:
        if pads is not None:
            backend.enable_padding(**pads)
        if cuts is not None:
            backend.enable_truncation(**cuts)
    flags = [
        type(tokenizer).__qualname__,
        backend.encode_special_tokens,
        tokenizer.split_special_tokens,
    ]
    special = {
        name: str(token) for name, token in sorted(tokenizer.special_tokens_map.items())
    }
    window = str(tokenizer.model_max_length)
    return [
        content,
        flags,
        special,
        window,
        describe(tokenizer.chat_template),
        list(tokenizer.model_input_names),
    ]


def _offloaded(model: Any, name: str) -> "torch.Tensor":
    """A weight that a `device_map` keeps on disk or in main memory while it is not
    used.
    """
    from accelerate.utils import align_module_device  # which has made the device map

    owner, _, leaf = name.rpartition(".")
    module = model.get_submodule(owner)
    with align_module_device(module, "cpu"):
        weight: torch.Tensor = getattr(module, leaf)
        return weight.detach().clone()
