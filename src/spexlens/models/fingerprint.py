"""Fingerprints: all in a model and its tokenizer that decides an answer, by its bytes."""

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

_NAMES = ("_name_or_path", "transformers_version")  # settings that decide no answer

_KNOWN: WeakKeyDictionary[Any, tuple[int, Any]] = WeakKeyDictionary()
"""Of each module, a stamp and what was described when it had that stamp."""


def fingerprint_of(model: HuggingFaceModel, *, anew: bool = True) -> str:
    """sha256 of a model and its tokenizer.

    Of the model's configuration, code, weights and hooks, and of how it is read.

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
    settings = config.to_dict()
    for name in _NAMES:
        settings.pop(name, None)
    # What is written here is in ledgers on disk: "model 2" rises with every change.
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
    """sha256 of a model and of what else decides a value, as JSON.

    Args:
        model: see `fingerprint_of`.
        parts: as JSON.
        anew: see `fingerprint_of`.

    Returns:
        The sha256 and None; or None, and why it cannot be told.
    """
    try:
        fingerprint = fingerprint_of(model, anew=anew)
    except Unknown as error:
        what = f"{model.called!r} cannot be recognised in a ledger on disk"
        return None, f"{what}: {error}; take it away, or give ledger=None"
    content = json.dumps([fingerprint, *parts])
    return hashlib.sha256(content.encode()).hexdigest(), None


def _attention(config: Any) -> list[Any]:
    """How attention is computed, registered functions of somebody's own included."""
    from transformers.masking_utils import ALL_MASK_ATTENTION_FUNCTIONS
    from transformers.modeling_utils import ALL_ATTENTION_FUNCTIONS

    name = str(getattr(config, "_attn_implementation", ""))
    tables = (ALL_ATTENTION_FUNCTIONS, ALL_MASK_ATTENTION_FUNCTIONS)
    functions = [table[name] for table in tables if name in table]
    return [name, *map(describe, functions)]


def _replaced(model: Any) -> list[Any]:
    """The functions that somebody put in the place of those beside a model's classes."""
    replaced = []
    for home in sorted({type(module).__module__ for module in model.modules()}):
        # Installed code is told by its name alone, which says nothing of what somebody
        # put into it; other code is told by what it does.
        if home not in sys.modules or not installed(home):
            continue
        for name, value in sorted(vars(sys.modules[home]).items()):
            if isinstance(value, FunctionType) and holds_own(value):
                replaced.append([home, name, describe(value)])
    return replaced


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
    """What changes with most that is done to a model, and is read in no time.

    The objects it is made of, and how often autograd saw each tensor written to.
    """
    tokenizer = model.tokenizer
    parts: list[Any] = [
        id(tokenizer.backend_tokenizer),
        len(tokenizer),
        str(tokenizer.special_tokens_map),
        tokenizer.model_max_length,
        tokenizer.split_special_tokens,
        str(tokenizer.chat_template),
    ]
    for module in model.model.modules():
        for value in vars(module).values():
            parts.append(id(value))
            if isinstance(value, dict):  # of hooks, parameters, buffers and modules
                parts += [id(part) for part in value.values()]
        parameters = module.parameters(recurse=False)
        buffers = module.buffers(recurse=False)
        for tensor in (*parameters, *buffers):
            # A tensor of inference mode keeps no count.
            version = 0 if tensor.is_inference() else tensor._version
            parts += [id(tensor), version, str(tensor.dtype)]
    return hash(tuple(parts))


def tokenizer_identity(tokenizer: "PreTrainedTokenizerBase") -> list[Any]:
    """Everything in a tokenizer that decides what is read, as JSON.

    Its file, special tokens, window and templates.

    Raises:
        Unknown: it cannot be written as a file.
    """
    backend: Any = tokenizer.backend_tokenizer
    flags = [
        type(tokenizer).__qualname__,
        backend.encode_special_tokens,
        tokenizer.split_special_tokens,
    ]
    special = sorted(tokenizer.special_tokens_map.items())
    return [
        _file_of(backend),
        flags,
        {name: str(token) for name, token in special},
        str(tokenizer.model_max_length),
        describe(tokenizer.chat_template),
        list(tokenizer.model_input_names),
    ]


def _file_of(backend: Any) -> str:
    """sha256 of the file that a tokenizer would be saved as.

    Padding and truncation are left out: whoever used it last has left them behind, and
    they decide nothing, since they are given with every text.
    """
    padding = backend.padding
    truncation = backend.truncation
    backend.no_padding()
    backend.no_truncation()
    try:
        content = backend.to_str().encode("utf-8", "surrogatepass")
    except Exception as error:  # tokenizers raises no other class
        raise Unknown(f"its tokenizer: {error}") from error
    finally:
        if padding is not None:
            backend.enable_padding(**padding)
        if truncation is not None:
            backend.enable_truncation(**truncation)
    return hashlib.sha256(content).hexdigest()


def _offloaded(model: Any, name: str) -> "torch.Tensor":
    """A weight that a `device_map` keeps elsewhere while it is not used."""
    from accelerate.utils import align_module_device  # which has made the device map

    owner, _, leaf = name.rpartition(".")
    module = model.get_submodule(owner)
    with align_module_device(module, "cpu"):
        weight: torch.Tensor = getattr(module, leaf)
        return weight.detach().clone()
