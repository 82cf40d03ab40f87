"""Tiny models: a configuration shrunk field by field, and weights drawn so that answers
differ.
"""

import contextlib
import signal
from collections.abc import Iterator
from typing import Any

import torch
from transformers import PreTrainedConfig, PreTrainedModel

from architectures.catalogue import Entry
from architectures.sizes import LAYERS, OWN, SIZES, TOKENS, VOCABULARY

MOST_PARAMETERS = 5_000_000
SECONDS = 60
_MOST_LAYERS = 4
_LAYER_COUNTS = (
    "num_hidden_layers",
    "n_layer",
    "num_layers",
    "n_layers",
    "decoder_layers",
)


class CannotBuild(Exception):
    """A class that is not built tiny; the text says why."""


def tiny(entry: Entry, seed: int = 0) -> PreTrainedModel:
    """The entry's model in evaluation mode, its matrices drawn from normal(0, 0.2).

    Raises:
        CannotBuild: it has too many parameters, takes too long, or its constructor
            fails.
    """
    try:
        with within(SECONDS):
            config = tiny_config(entry)
            with torch.device("meta"):
                parameters = entry.model_class(config).num_parameters()
            if parameters > MOST_PARAMETERS:
                raise CannotBuild(
                    f"more than {MOST_PARAMETERS // 10**6} million parameters"
                )
            torch.manual_seed(seed)
            return drawn(entry.model_class(config), seed)
    except CannotBuild:
        raise
    except ImportError as error:
        raise CannotBuild(str(error).split(" but ")[0].strip()) from error
    except Exception as error:  # a constructor raises what it likes
        raise CannotBuild(last_line(error.__cause__ or error)) from error


def tiny_config(entry: Entry) -> PreTrainedConfig:
    """The entry's configuration, as small as its class allows."""
    config = shrunk(_config(entry))
    if entry.name.endswith("EncoderModel") and hasattr(config, "is_encoder_decoder"):
        config.is_encoder_decoder = False
    if entry.column == "causal":
        if hasattr(config, "is_decoder"):
            config.is_decoder = True
        if "ForCausalLM" in entry.name and getattr(config, "is_encoder_decoder", False):
            config.is_encoder_decoder = False
    return config


def shrunk(config: PreTrainedConfig) -> PreTrainedConfig:
    """The same configuration with small sizes, its sub-configurations too."""
    given: dict[str, Any] = {}
    fresh = VOCABULARY - 1
    for name, value in vars(config).items():
        if isinstance(value, PreTrainedConfig):
            given[name] = shrunk(value)
        elif name in TOKENS:
            given[name] = TOKENS[name]
        elif name == "head_dim" and value is None:
            given[name] = SIZES[name]
        elif (size := _size(name, value)) != value:
            given[name] = size
        elif name.endswith(("token_id", "token_index")) and type(value) is int:
            given[name], fresh = fresh, fresh - 1
    given |= _key_value_heads(config) | _layers(config)
    return type(config)(**{**given, **OWN.get(config.model_type, {})})


def drawn(model: PreTrainedModel, seed: int = 0, size: float = 0.2) -> PreTrainedModel:
    """Its matrices drawn at random, large enough that answers differ."""
    torch.manual_seed(seed)
    with torch.no_grad():
        for _, weight in model.named_parameters():
            if weight.ndim > 1:
                weight.normal_(0, size)
    return model.eval()


@contextlib.contextmanager
def within(seconds: int) -> Iterator[None]:
    """Raise TimeoutError in whatever takes longer; only in the main thread, and not
    inside another.
    """

    def stop(*_: object) -> None:
        raise TimeoutError(f"it takes longer than {seconds} s")

    if not hasattr(signal, "SIGALRM"):  # Windows has no alarms
        yield
        return
    before = signal.signal(signal.SIGALRM, stop)
    signal.alarm(seconds)
    try:
        yield
    finally:
        signal.alarm(0)
        signal.signal(signal.SIGALRM, before)


def last_line(error: BaseException) -> str:
    """An error's type and text in one line."""
    return f"{type(error).__name__}: {' '.join(str(error).split())}"[:200]


def _config(entry: Entry) -> PreTrainedConfig:
    """The default configuration of the entry's class, which may be the text's part of
    its family's.
    """
    whole: PreTrainedConfig = entry.config_class()
    own = entry.model_class.config_class
    if own is None or isinstance(whole, own):
        return whole
    return next((part for part in vars(whole).values() if isinstance(part, own)), whole)


def _key_value_heads(config: PreTrainedConfig) -> dict[str, int]:
    """Half as many heads of keys and values, where the default has fewer than of
    queries.
    """
    pairs = {
        "kv_n_heads": "n_heads",
        "num_key_value_heads": "num_attention_heads",
        "num_kv_heads": "num_attention_heads",
        "swa_num_key_value_heads": "swa_num_attention_heads",
    }
    found = {}
    for shared, every in pairs.items():
        groups, heads = vars(config).get(shared), vars(config).get(every)
        if type(groups) is int and type(heads) is int:
            found[shared] = 4 if groups == heads else 1 if groups == 1 else 2
    return found


def _layers(config: PreTrainedConfig) -> dict[str, Any]:
    """One layer of each kind that the configuration lists, and at least two."""
    count = next(
        (name for name in _LAYER_COUNTS if type(vars(config).get(name)) is int), None
    )
    if count is None:
        return {}
    layers = vars(config)[count]
    listed = {
        name: value
        for name, value in vars(config).items()
        if isinstance(value, list | tuple)
        and len(value) == layers
        and layers > LAYERS
        and list(value) != [*range(layers)]
        and not isinstance(value[0], list)
    }
    kinds = [tuple(values[i] for values in listed.values()) for i in range(layers)]
    chosen = sorted({kind: i for i, kind in reversed([*enumerate(kinds)])}.values())[
        :_MOST_LAYERS
    ]
    while len(chosen) < min(LAYERS, layers):
        chosen.append(layers - 1)
    cut = {
        name: [_size(name, values[i]) for i in chosen]
        for name, values in listed.items()
    }
    return {count: len(chosen)} | cut


def _size(name: str, value: Any) -> Any:
    return SIZES[name] if name in SIZES and type(value) is int and value > 0 else value
