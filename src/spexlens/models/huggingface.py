"""Hugging Face models: loaded quietly, and seen to be what they are taken for."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from spexlens.arguments import article, readable, unknown
from spexlens.errors import InvalidInput, MissingExtra, ModelError

try:
    import torch
    import transformers
    from transformers import AutoTokenizer
except ImportError as error:
    raise MissingExtra(error.name or "transformers", "hf") from error

from spexlens.models.bundled import BUNDLED
from spexlens.models.configuration import configuration_of
from spexlens.models.kinds import KINDS, Kind, is_generator, kind_named, looks_ahead
from spexlens.models.model import HuggingFaceModel, has_labels, labels_of
from spexlens.models.pooling import pooling_of, sentence_of
from spexlens.models.quiet import one_line, quiet
from spexlens.models.tokenizing import refuse_unusable

if TYPE_CHECKING:
    from transformers import PreTrainedModel, PreTrainedTokenizerBase

__all__ = ["classifier_for", "continues_texts", "load", "pooling_of"]

_LOADERS: dict[Kind, str] = {
    "classifier": "AutoModelForSequenceClassification",
    "causal": "AutoModelForCausalLM",
    "encoder": "AutoModel",
}

_ORDINARY = 6


def load(
    model: "str | Path | PreTrainedModel | HuggingFaceModel",
    *,
    tokenizer: "PreTrainedTokenizerBase | None" = None,
    kind: Kind | None = None,
    revision: str | None = None,
    device: str | None = None,
    trust_remote_code: bool = False,
) -> HuggingFaceModel:
    """A model by hub id or local directory, or one that is already in memory.

    Args:
        model: hub id, directory, a model of transformers that is in memory (then give
            its tokenizer), or what this gave before, as it is; it is put into
            evaluation mode.
        tokenizer: instead of the model's own.
        kind: what to load it as; by default what its configuration says it is.
        revision: branch, tag or commit on the hub.
        device: a torch device; by default CUDA if there is one. A model in memory stays
            where it is.
        trust_remote_code: run code that comes with the model. Off unless asked for.

    Raises:
        ModelError: it cannot be read, has no safetensors weights or no fast tokenizer,
            or lacks the weights of the head that `kind` needs.
        InvalidInput: an unknown kind or device, a module without a tokenizer, or what
            is loaded already asked for in another way.
    """
    if kind is not None and kind not in KINDS:
        raise InvalidInput(unknown("model kind", kind, KINDS))
    model, tokenizer = _parts(model, tokenizer)
    if isinstance(model, HuggingFaceModel):
        if kind not in (None, model.kind) or not (
            tokenizer is None or tokenizer is model.tokenizer
        ):
            raise InvalidInput(
                f"the model is loaded already, as {article(model.kind)}: give no kind"
                " or tokenizer"
            )
        _refuse_elsewhere(model.model, device)
        torch.nn.Module.eval(model.model)
        return model
    if not isinstance(model, str | Path):
        if not isinstance(model, transformers.PreTrainedModel):
            raise InvalidInput(
                "the model is a hub id, a folder, a model of transformers and"
                f" tokenizer=..., or a pipeline; got {article(type(model).__name__)}"
            )
        if tokenizer is None:
            raise InvalidInput(
                "a model in memory needs its tokenizer: pass tokenizer=..."
            )
        _refuse_elsewhere(model, device)
        module = model
        architecture = type(model).__name__
        if kind == "encoder":  # under whatever head there is
            module = cast("PreTrainedModel", module.base_model)
        kind = kind or kind_named(module.config, architecture)
        if kind == "causal" and not is_generator(module.config, architecture):
            raise ModelError(
                f"{architecture} is no causal language model: it does not continue"
                " texts"
            )
    else:
        readable(str(model), "the model's name")
        hub: dict[str, Any] = {
            "revision": revision,
            "trust_remote_code": trust_remote_code,
        }
        module, kind, tokenizer = _from_pretrained(
            str(BUNDLED.get(str(model), model)), kind, tokenizer, hub
        )
        device = device or ("cuda" if torch.cuda.is_available() else "cpu")
        try:
            torch.nn.Module.to(module, device)
        except (RuntimeError, AssertionError) as error:
            raise InvalidInput(
                f"cannot use the device {device!r}: {one_line(error)}"
            ) from error
    if not tokenizer.is_fast:
        raise ModelError(
            f"{type(tokenizer).__name__} is a slow tokenizer; a fast one is needed for"
            " offsets"
        )
    if not isinstance(tokenizer.model_max_length, int | float):
        raise ModelError(
            "the tokenizer's model_max_length is no number:"
            f" {tokenizer.model_max_length!r}"
        )
    torch.nn.Module.eval(module)
    return seen(
        HuggingFaceModel(module, tokenizer, kind, str(module.name_or_path), revision)
    )


def _parts(model: Any, tokenizer: Any) -> tuple[Any, Any]:
    """Of a pipeline of transformers its model and tokenizer; else what was given."""
    if not isinstance(model, transformers.Pipeline):
        return model, tokenizer
    if model.tokenizer is None:
        raise InvalidInput(
            f"a pipeline for {model.task!r} reads no text: it has no tokenizer"
        )
    return model.model, tokenizer or model.tokenizer


def _refuse_elsewhere(model: "PreTrainedModel", device: str | None) -> None:
    """InvalidInput if a model in memory is not where it is wanted: its owner moves it."""
    if device is None:
        return
    try:
        wanted = torch.device(device)
    except RuntimeError as error:
        raise InvalidInput(
            f"cannot use the device {device!r}: {one_line(error)}"
        ) from error
    there = model.device
    if wanted.type != there.type or wanted.index not in (None, there.index):
        raise InvalidInput(
            f"the model is on {there}: move it with model.to({device!r}), or give no"
            " device"
        )


def seen(model: HuggingFaceModel) -> HuggingFaceModel:
    """A model with what is seen when it is asked, and what lies beside it.

    Raises:
        ModelError: it cannot be asked as what it is taken for.
    """
    if model.kind == "encoder":
        return replace(model, sentence=sentence_of(model.name, model.revision))
    if model.kind == "causal":
        with model.explained():
            return replace(
                model,
                ahead=looks_ahead(_asking(model), _ordinary(model), model.rounding),
            )
    return model


def _asking(model: HuggingFaceModel) -> "Callable[[list[int]], torch.Tensor]":
    """A causal model's logits for a row of tokens: L -> (L, V)."""

    def ask(row: list[int]) -> torch.Tensor:
        ids = torch.tensor([row], device=model.device)
        with torch.inference_mode():
            logits: torch.Tensor = model.outputs({"input_ids": ids}).logits[0].float()
        return logits

    return ask


def _ordinary(model: HuggingFaceModel) -> list[int]:
    """The last few tokens that are not special."""
    special = set(model.tokenizer.all_special_ids)
    known = range(min(len(model.tokenizer), model.vocabulary))
    return [token for token in known if token not in special][-_ORDINARY:] or [0]


def _from_pretrained(
    name: str,
    kind: Kind | None,
    tokenizer: "PreTrainedTokenizerBase | None",
    hub: dict[str, Any],
) -> "tuple[PreTrainedModel, Kind, PreTrainedTokenizerBase]":
    if name.startswith((".", "/", "~")) and not Path(name).is_dir():
        raise ModelError(
            f"cannot load a model from {name!r}: there is no such directory"
        )
    with quiet():
        try:
            config = configuration_of(name, hub)
            architecture = (config.architectures or [""])[0]
            kind = kind or kind_named(config, architecture)
            loader = _loader(kind, config, architecture)
            module, report = loader.from_pretrained(
                name,
                config=config,
                use_safetensors=True,
                output_loading_info=True,
                **hub,
            )
            tokenizer = tokenizer or AutoTokenizer.from_pretrained(name, **hub)
            refuse_unusable(tokenizer, name)
        except ModelError:
            raise
        # transformers raises whatever its parsers and downloads raise
        except Exception as error:
            raise ModelError(
                f"cannot load a model from {name!r}: {one_line(error)}"
            ) from error
    missing = sorted(report["missing_keys"])
    if missing and not all("pooler" in key or "position_ids" in key for key in missing):
        raise ModelError(
            f"{name!r} has no weights for {', '.join(missing[:3])}: "
            f"as {article(kind)} it would answer at random"
        )
    return module, kind, tokenizer


def classifier_for(
    name: str, labels: Sequence[str], hub: dict[str, Any]
) -> tuple[HuggingFaceModel, set[str]]:
    """A model with a head for these labels, and the names of the parameters that it has
    no weights for.

    A classifier that has these labels already (case aside) is taken as it is. Of any
    other model the head, and whatever is missing beside it, is there with random
    weights.

    Args:
        name: hub id or local directory.
        labels: the head's.
        hub: `revision` and `trust_remote_code`.

    Raises:
        ModelError: it cannot be read, has no safetensors weights or no fast tokenizer,
            or is none that transformers can put a classifier's head on.
    """
    with quiet():
        try:
            config = configuration_of(name, hub)
            if not has_labels(labels_of(config), labels):
                config.num_labels = len(labels)
                config.id2label = dict(enumerate(labels))
                config.label2id = {label: place for place, label in enumerate(labels)}
            module, report = _of_family("classifier", config).from_pretrained(
                name,
                config=config,
                use_safetensors=True,
                ignore_mismatched_sizes=True,
                output_loading_info=True,
                **hub,
            )
            tokenizer = AutoTokenizer.from_pretrained(name, **hub)
            refuse_unusable(tokenizer, name)
        except ModelError:
            raise
        # transformers raises whatever its parsers and downloads raise
        except Exception as error:
            raise ModelError(
                f"cannot put a head on {name!r}: {one_line(error)}"
            ) from error
    padding = getattr(module.config, "pad_token_id", None)
    if padding is None or padding < 0:  # a decoder finds its last token by it
        known = (tokenizer.pad_token_id, tokenizer.eos_token_id)
        module.config.pad_token_id = next(
            (token for token in known if token is not None), None
        )
    fresh = {
        *report["missing_keys"],
        *(entry[0] for entry in report["mismatched_keys"]),
    }
    return (
        HuggingFaceModel(module, tokenizer, "classifier", name, hub.get("revision")),
        fresh,
    )


def continues_texts(model: "str | Path | PreTrainedModel", hub: dict[str, Any]) -> bool:
    """Whether a model says that it is a causal one; nothing but its configuration is
    read.

    Raises:
        ModelError: it cannot be read, or is an encoder-decoder.
    """
    model, _ = _parts(model, None)
    if not isinstance(model, str | Path):
        return is_generator(model.config, type(model).__name__)
    with quiet():
        try:
            config = configuration_of(str(model), hub)
        except ModelError:
            raise
        # transformers raises whatever its parsers and downloads raise
        except Exception as error:
            raise ModelError(
                f"cannot load a model from {str(model)!r}: {one_line(error)}"
            ) from error
    return is_generator(config, (config.architectures or [""])[0])


def _loader(kind: Kind, config: Any, architecture: str) -> Any:
    """What makes a model of a kind: the class that its configuration names, if that is
    one of the kind.

    Raises:
        ModelError: transformers has none of the kind for this family.
    """
    named = getattr(transformers, architecture, None) if architecture else None
    if isinstance(named, type) and hasattr(named, "from_pretrained"):
        try:
            if kind_named(config, architecture) == kind:
                return named
        # it is for something else: then what is asked for is another head of it
        except ModelError:
            pass
    return _of_family(kind, config)


def _of_family(kind: Kind, config: Any) -> Any:
    """What makes the model of a kind that transformers has for a family."""
    loader = getattr(transformers, _LOADERS[kind])
    if type(config) not in loader._model_mapping and not hasattr(config, "auto_map"):
        raise ModelError(
            f"transformers has no {kind} model of the {config.model_type!r} family:"
            " name another kind, or none"
        )
    return loader
