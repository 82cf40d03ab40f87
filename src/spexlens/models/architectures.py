"""Architectures: where a model's layers, heads and MLPs are, by its modules' names."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

from spexlens.errors import InvalidInput, ModelError

if TYPE_CHECKING:
    from torch import nn
    from transformers import PreTrainedModel


@dataclass(frozen=True)
class Architecture:
    """The names of the modules that hold a model's components.

    Attributes:
        layers: from the base model to the list of its layers, such as "encoder.layer".
        heads: from a layer to the projection that the outputs of its attention heads
            enter side by side. Its bias belongs to no head.
        mlp: from a layer to the projection that ends its MLP: the neurons enter it, and
            what leaves it is the block's output, its bias included.
    """

    layers: str
    heads: str
    mlp: str


# Families whose code transformers copied from one of these have its names.
_BERT = Architecture("encoder.layer", "attention.output.dense", "output.dense")
_LLAMA = Architecture("layers", "self_attn.o_proj", "mlp.down_proj")

_ARCHITECTURES: dict[str, Architecture] = {
    "bert": _BERT,
    "distilbert": Architecture("transformer.layer", "attention.out_lin", "ffn.lin2"),
    "gemma": _LLAMA,
    "gemma2": _LLAMA,
    "gemma3_text": _LLAMA,
    "gpt2": Architecture("h", "attn.c_proj", "mlp.c_proj"),
    "gpt_neox": Architecture("layers", "attention.dense", "mlp.dense_4h_to_h"),
    "llama": _LLAMA,
    "mistral": _LLAMA,
    "opt": Architecture("decoder.layers", "self_attn.out_proj", "fc2"),
    "phi": Architecture("layers", "self_attn.dense", "mlp.fc2"),
    "phi3": _LLAMA,
    "qwen2": _LLAMA,
    "qwen3": _LLAMA,
    "roberta": _BERT,
    "xlm-roberta": _BERT,
}


@dataclass(frozen=True)
class Layer:
    """One layer's modules.

    Attributes:
        whole: the layer itself; its first argument is the residual stream, its (first)
            output too.
        heads: the projection that the heads' outputs enter.
        mlp: the projection that ends the MLP.
    """

    whole: "nn.Module"
    heads: "nn.Module"
    mlp: "nn.Module"


def register_architecture(model_type: str, architecture: Architecture) -> None:
    """Say where the components of a kind of model are, from now on.

    An earlier entry is replaced.

    Args:
        model_type: `model.config.model_type`.
        architecture: the names of its modules.

    Raises:
        InvalidInput: not a type's name, or not an Architecture.
    """
    named = isinstance(model_type, str) and model_type
    if not named or not isinstance(architecture, Architecture):
        raise InvalidInput(
            "register_architecture takes a config's model_type and an Architecture; "
            f"got {model_type!r} and {type(architecture).__name__}"
        )
    _ARCHITECTURES[model_type] = architecture


def registered() -> tuple[str, ...]:
    """The model types that are known, sorted."""
    return tuple(sorted(_ARCHITECTURES))


def architecture_of(model: "PreTrainedModel") -> Architecture:
    """What is registered for a model.

    Raises:
        ModelError: nothing is; the text says what to register.
    """
    model_type = str(model.config.get_text_config().model_type)
    if model_type not in _ARCHITECTURES:
        raise ModelError(
            f"the architecture {model_type!r} is unknown: say where its components are"
            f" with spexlens.register_architecture({model_type!r},"
            " spexlens.Architecture(layers=..., heads=..., mlp=...)); known are"
            f" {', '.join(registered())}"
        )
    return _ARCHITECTURES[model_type]


def layers_of(model: "PreTrainedModel") -> tuple[Layer, ...]:
    """The layers of a model, first to last.

    Raises:
        ModelError: the architecture is unknown, or the model has no module of a
            registered name.
    """
    names = architecture_of(model)
    stack = _part(_body(model), names.layers, model)
    layers = [
        Layer(whole, _part(whole, names.heads, model), _part(whole, names.mlp, model))
        for whole in stack.children()
    ]
    if not layers:
        raise ModelError(f"{names.layers!r} of {type(model).__name__} holds no layers")
    return tuple(layers)


def _body(model: "PreTrainedModel") -> "nn.Module":
    """What holds the layers.

    The base model, or its language model where it sees pictures as well.
    """
    base: nn.Module = model.base_model
    return getattr(base, "language_model", base)


def _part(module: "nn.Module", name: str, model: "PreTrainedModel") -> "nn.Module":
    try:
        return module.get_submodule(name)
    except AttributeError as error:
        raise ModelError(
            f"{type(model).__name__} has no module {name!r} in its"
            f" {type(module).__name__}, as its registered architecture says: {error}"
        ) from error
