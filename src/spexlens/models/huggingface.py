"""Hugging Face models: loaded quietly, and seen to be what they are taken for."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias, cast

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
from spexlens.models.quiet import one_line, quiet
from spexlens.models.sentence import pooling_of, sentence_of
from spexlens.models.tokenizing import refuse_unusable

if TYPE_CHECKING:
    from transformers import PreTrainedModel, PreTrainedTokenizerBase

__all__ = ["classifier_for", "continues_texts", "load", "pooling_of"]

_LOADERS: dict[Kind, str] = {
    "classifier": "AutoModelForSequenceClassification",
    "causal": "AutoModelForCausalLM",
    "encoder": "AutoModel",
}

_ORDINARY = 6  # tokens that a causal model is tried with

_Loaded: TypeAlias = "tuple[PreTrainedModel, Kind, PreTrainedTokenizerBase]"


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
        return _as_loaded(model, tokenizer, kind, device)
    if isinstance(model, str | Path):
        hub = {"revision": revision, "trust_remote_code": trust_remote_code}
        module, kind, tokenizer = _by_name(str(model), kind, tokenizer, hub)
        _move(module, device)
    else:
        module, kind, tokenizer = _in_memory(model, tokenizer, kind, device)
    _refuse_other_tokenizers(tokenizer)
    torch.nn.Module.eval(module)
    return seen(
        HuggingFaceModel(module, tokenizer, kind, str(module.name_or_path), revision)
    )


def _as_loaded(
    model: HuggingFaceModel, tokenizer: Any, kind: Kind | None, device: str | None
) -> HuggingFaceModel:
    """What was loaded before, in evaluation mode again.

    Raises:
        InvalidInput: it is asked for in another way than it was loaded.
    """
    same_kind = kind in (None, model.kind)
    same_tokenizer = tokenizer is None or tokenizer is model.tokenizer
    if not (same_kind and same_tokenizer):
        raise InvalidInput(
            f"the model is loaded already, as {article(model.kind)}: give no kind"
            " or tokenizer"
        )
    _refuse_elsewhere(model.model, device)
    torch.nn.Module.eval(model.model)
    return model


def _in_memory(
    model: Any, tokenizer: Any, kind: Kind | None, device: str | None
) -> "_Loaded":
    """A model of transformers as it is, or what is under its head.

    Raises:
        InvalidInput: it is none of transformers', has no tokenizer, or is elsewhere.
        ModelError: it is not of the kind that is asked for.
    """
    if not isinstance(model, transformers.PreTrainedModel):
        raise InvalidInput(
            "the model is a hub id, a folder, a model of transformers and"
            f" tokenizer=..., or a pipeline; got {article(type(model).__name__)}"
        )
    if tokenizer is None:
        raise InvalidInput("a model in memory needs its tokenizer: pass tokenizer=...")
    _refuse_elsewhere(model, device)
    module = model
    architecture = type(model).__name__
    if kind == "encoder":  # under whatever head there is
        module = cast("PreTrainedModel", module.base_model)
    kind = kind or kind_named(module.config, architecture)
    if kind == "causal" and not is_generator(module.config, architecture):
        raise ModelError(
            f"{architecture} is no causal language model: it does not continue texts"
        )
    return module, kind, tokenizer


def _move(module: "PreTrainedModel", device: str | None) -> None:
    """Put a model on a device, by default on CUDA if there is one."""
    device = device or ("cuda" if torch.cuda.is_available() else "cpu")
    try:
        torch.nn.Module.to(module, device)
    except (RuntimeError, AssertionError) as error:
        raise InvalidInput(
            f"cannot use the device {device!r}: {one_line(error)}"
        ) from error


def _refuse_other_tokenizers(tokenizer: "PreTrainedTokenizerBase") -> None:
    """ModelError for a tokenizer without offsets, or without a window."""
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
    """InvalidInput if a model in memory is not where it is wanted."""
    # It is not moved here: whoever made it may be using it where it is.
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
    if model.kind == "classifier":
        return model
    with model.explained():
        ahead = looks_ahead(_asking(model), _ordinary(model), model.rounding)
    return replace(model, ahead=ahead)


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
    ordinary = [token for token in known if token not in special]
    return ordinary[-_ORDINARY:] or [0]


def _by_name(
    name: str,
    kind: Kind | None,
    tokenizer: "PreTrainedTokenizerBase | None",
    hub: dict[str, Any],
) -> "_Loaded":
    """A bundled model, a folder or a hub id, with every weight that its head needs.

    Raises:
        ModelError: it cannot be read, or lacks weights.
    """
    readable(name, "the model's name")
    name = str(BUNDLED.get(name, name))
    if name.startswith((".", "/", "~")) and not Path(name).is_dir():
        raise ModelError(
            f"cannot load a model from {name!r}: there is no such directory"
        )
    with quiet(), _told_as_one_line(f"cannot load a model from {name!r}"):
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
    _refuse_random_head(name, kind, report)
    return module, kind, tokenizer


@contextmanager
def _told_as_one_line(what: str) -> Iterator[None]:
    """Inside, whatever else is raised becomes a ModelError of one line."""
    try:
        yield
    except ModelError:
        raise
    # transformers raises whatever its parsers and downloads raise
    except Exception as error:
        raise ModelError(f"{what}: {one_line(error)}") from error


def _refuse_random_head(name: str, kind: Kind, report: dict[str, Any]) -> None:
    """ModelError where weights are missing that decide an answer."""
    missing = sorted(report["missing_keys"])
    # Poolers are not read, and positions are counted anew.
    decides = [key for key in missing if "pooler" not in key]
    decides = [key for key in decides if "position_ids" not in key]
    if decides:
        raise ModelError(
            f"{name!r} has no weights for {', '.join(missing[:3])}: "
            f"as {article(kind)} it would answer at random"
        )


def classifier_for(
    name: str, labels: Sequence[str], hub: dict[str, Any]
) -> tuple[HuggingFaceModel, set[str]]:
    """A model with a head for these labels, and the parameters that it came without.

    A classifier that has these labels already (case aside) is taken as it is. Of any
    other model the head, and whatever is missing beside it, is there with random
    weights.

    Args:
        name: hub id or local directory.
        labels: the head's.
        hub: `revision` and `trust_remote_code`.

    Returns:
        The model, and the names of the parameters that have random weights.

    Raises:
        ModelError: it cannot be read, has no safetensors weights or no fast tokenizer,
            or is none that transformers can put a classifier's head on.
    """
    with quiet(), _told_as_one_line(f"cannot put a head on {name!r}"):
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
    _give_padding(module.config, tokenizer)
    mismatched = {entry[0] for entry in report["mismatched_keys"]}
    fresh = {*report["missing_keys"], *mismatched}
    model = HuggingFaceModel(module, tokenizer, "classifier", name, hub.get("revision"))
    return model, fresh


def _give_padding(config: Any, tokenizer: "PreTrainedTokenizerBase") -> None:
    """A padding token for a model that has none: a decoder finds its last token by it."""
    padding = getattr(config, "pad_token_id", None)
    if padding is not None and padding >= 0:
        return
    known = (tokenizer.pad_token_id, tokenizer.eos_token_id)
    config.pad_token_id = next((token for token in known if token is not None), None)


def continues_texts(model: "str | Path | PreTrainedModel", hub: dict[str, Any]) -> bool:
    """Whether a model says that it is a causal one: only its configuration is read.

    Raises:
        ModelError: it cannot be read, or is an encoder-decoder.
    """
    model, _ = _parts(model, None)
    if not isinstance(model, str | Path):
        return is_generator(model.config, type(model).__name__)
    name = str(model)
    with quiet(), _told_as_one_line(f"cannot load a model from {name!r}"):
        config = configuration_of(name, hub)
    return is_generator(config, (config.architectures or [""])[0])


def _loader(kind: Kind, config: Any, architecture: str) -> Any:
    """What makes a model of a kind.

    The class that its configuration names, if that is one of the kind.

    Raises:
        ModelError: transformers has none of the kind for this family.
    """
    named = getattr(transformers, architecture, None) if architecture else None
    if isinstance(named, type) and hasattr(named, "from_pretrained"):
        # Of one that is for something else, what is asked for is another head of it.
        with suppress(ModelError):
            if kind_named(config, architecture) == kind:
                return named
    return _of_family(kind, config)


def _of_family(kind: Kind, config: Any) -> Any:
    """What makes the model of a kind that transformers has for a family."""
    loader = getattr(transformers, _LOADERS[kind])
    # `auto_map` names code that comes with the model, which no table lists.
    if type(config) not in loader._model_mapping and not hasattr(config, "auto_map"):
        raise ModelError(
            f"transformers has no {kind} model of the {config.model_type!r} family:"
            " name another kind, or none"
        )
    return loader
