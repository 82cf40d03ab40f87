"""Hugging Face models: loaded quietly, checked, and asked as they are meant to be."""

import inspect
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import numpy as np
from numpy.typing import NDArray

from spexlens.arguments import readable
from spexlens.errors import InputTooLong, InvalidInput, MissingExtra, ModelError

try:
    import torch
    import transformers
    from transformers import AutoConfig, AutoTokenizer
except ImportError as error:
    raise MissingExtra(error.name or "transformers", "hf") from error

from spexlens.models.kinds import KINDS, Kind, is_generator, kind_named, looks_ahead
from spexlens.models.pooling import PLAIN, Pooling, Sentence, pooling_of, sentence_of
from spexlens.models.quiet import one_line, quiet

if TYPE_CHECKING:
    from transformers import PreTrainedModel, PreTrainedTokenizerBase

__all__ = ["HuggingFaceModel", "Kind", "Pooling", "classifier_for", "continues_texts", "load", "pooling_of"]

IN_TRAINING = "the model was in training mode; for the answer it was put into evaluation mode"
"""What is remarked on answers of a model that somebody trains."""

ANSWERS_AT_RANDOM = "the model answers the same text differently each time, so that its answers are noisy"
"""What is noted of a model that draws random numbers in evaluation mode too."""

ATTENDS_TO_BOTH_SIDES = (
    "the model attends to both sides: each token of the completion is scored from what is before it alone"
)
"""What is noted of a model whose logits change with later tokens."""

_LOADERS: dict[Kind, str] = {
    "classifier": "AutoModelForSequenceClassification",
    "causal": "AutoModelForCausalLM",
    "encoder": "AutoModel",
}
_TOKENS_A_BATCH = 8192
_ROWS_A_BATCH = 256
_LOGITS_A_BATCH = 1 << 26
_ORDINARY = 6
_NO_LIMIT = 1_000_000  # tokens: what tokenizers and configurations write where there is none
_SHIFTED_POSITIONS = {
    "roberta",
    "roberta-prelayernorm",
    "xlm-roberta",
    "xlm-roberta-xl",
    "camembert",
    "mpnet",
    "data2vec-text",
    "longformer",
}


@dataclass(frozen=True)
class HuggingFaceModel:
    """A model and its fast tokenizer, always asked in evaluation mode.

    Attributes:
        model: the PyTorch module.
        tokenizer: a fast tokenizer, so that characters can be mapped to tokens.
        kind: "classifier", "causal" or "encoder".
        name: the hub id or directory it came from, for people to read.
        revision: of the hub, where one was asked for.
        ahead: whether a causal model's logits change with later tokens, as those of a model do that attends
            to both sides; its completions are scored one token at a time, from what comes before alone.
        sentence: how an encoder is to be read.
    """

    model: "PreTrainedModel"
    tokenizer: "PreTrainedTokenizerBase"
    kind: Kind
    name: str
    revision: str | None = None
    ahead: bool = False
    sentence: Sentence = PLAIN

    @property
    def called(self) -> str:
        """Its name, or of one that was made in memory its class's."""
        return self.name or type(self.model).__name__

    @property
    def device(self) -> "torch.device":
        """Where inputs go."""
        return self.model.device

    @property
    def labels(self) -> tuple[str, ...]:
        """A classifier's labels, by index, as they are shown; of those of one name, each with its number."""
        names: dict[Any, str] = {**(self.model.config.id2label or {})}
        known = [str(names.get(i, i)) for i in range(self.model.config.num_labels or 0)]
        return tuple(
            f"{label} #{place}" if known.count(label) > 1 else label for place, label in enumerate(known)
        )

    @property
    def vocabulary(self) -> int:
        """How many logits a causal model gives for each position."""
        return int(self.model.config.get_text_config().vocab_size)

    @property
    def padding(self) -> int:
        """The token that fills short rows; attention never reaches it."""
        # A decoder that classifies finds the last token by its own padding token, not the tokenizer's.
        config = self.model.config
        own = getattr(config.get_text_config(), "pad_token_id", None) if self.kind == "classifier" else None
        known = (own, self.tokenizer.pad_token_id, self.tokenizer.eos_token_id, 0)
        return next(int(token) for token in known if token is not None and token >= 0)

    def outputs(self, batch: dict[str, Any], **settings: Any) -> Any:
        """What the model answers to a batch, in evaluation mode, whatever mode it is in.

        Args:
            batch: input_ids, attention_mask and more; what the model has no use for is left out.
            settings: more arguments, likewise.
        """
        with self.evaluating():
            return self.trained_outputs(batch, **{"use_cache": False, **settings})

    def trained_outputs(self, batch: dict[str, Any], **settings: Any) -> Any:
        """`outputs` in the mode that the model is in, for training it."""
        here = {name: tensor.to(self.device) for name, tensor in batch.items()}  # it may have moved since
        return self.model(
            **{name: given for name, given in {**here, **settings}.items() if name in self.accepts}
        )

    def remarks(self, count: int) -> dict[int, str]:
        """What is to be remarked on so many answers, by the model as it is."""
        training = any(module.training for module in self.model.modules())
        return dict.fromkeys(range(count), IN_TRAINING) if training else {}

    @contextmanager
    def evaluating(self) -> Iterator[None]:
        """Inside, every module is in evaluation mode; afterwards each is in the mode it was in."""
        training = [module for module in self.model.modules() if module.training]
        for module in training:
            module.training = False
        try:
            yield
        finally:
            for module in training:
                module.training = True

    def refuse_longer_than_window(self, tokens: int, what: str) -> None:
        """Raise InputTooLong if the model cannot read so many tokens at once."""
        if self.window is not None and tokens > self.window:
            raise InputTooLong(f"{what} has {tokens} tokens; {self.called!r} reads at most {self.window}")

    def rows_that_fit(self, tokens: int, answered: int = 0) -> int:
        """How many rows of so many tokens suit one forward pass.

        Args:
            tokens: the longest row's.
            answered: of a causal model, the positions whose logits are read.
        """
        rows = min(_ROWS_A_BATCH, _TOKENS_A_BATCH // tokens)
        if self.kind == "causal":
            positions = answered + 1 if "logits_to_keep" in self.accepts else tokens
            rows = min(rows, _LOGITS_A_BATCH // (positions * self.vocabulary))
        return max(1, rows)

    @contextmanager
    def explained(self) -> Iterator[None]:
        """Around the first forward passes: a model that cannot read its input says so in one line.

        Raises:
            ModelError: whatever the model raised, in one line.
        """
        try:
            yield
        except (InvalidInput, ModelError):
            raise
        except (
            RuntimeError, ValueError, IndexError, AttributeError, TypeError, AssertionError, KeyError,
        ) as error:  # fmt: skip
            raise ModelError(f"{self.called!r} cannot read the text: {one_line(error)}") from error

    def tensors(self, arrays: dict[str, NDArray[np.int64]]) -> dict[str, "torch.Tensor"]:
        """Arrays as tensors on the model's device."""
        return {name: torch.from_numpy(array).to(self.device) for name, array in arrays.items()}

    @property
    def window(self) -> int | None:
        """The most tokens the model reads at once, or None where nothing limits it."""
        config = self.model.config.get_text_config()
        positions = getattr(config, "max_position_embeddings", None)
        if positions and config.model_type in _SHIFTED_POSITIONS:
            positions -= (config.pad_token_id or 0) + 1
        limits = (positions, self.sentence.window or self.tokenizer.model_max_length)
        known = [int(limit) for limit in limits if limit and 0 < limit < _NO_LIMIT]
        return min(known) if known else None

    @property
    def rounding(self) -> float:
        """How far apart the answers of two batch sizes may be: 1e-5, or more in half precision."""
        return max(1e-5, 16 * torch.finfo(self.model.dtype).eps)

    @cached_property
    def accepts(self) -> frozenset[str]:
        """The names of the arguments of the model's forward pass."""
        return frozenset(inspect.signature(self.model.forward).parameters)


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
        model: hub id, directory, a model of transformers that is in memory (then give its tokenizer), or
            what this gave before, as it is; it is put into evaluation mode.
        tokenizer: instead of the model's own.
        kind: what to load it as; by default what its configuration says it is.
        revision: branch, tag or commit on the hub.
        device: a torch device; by default CUDA if there is one.
        trust_remote_code: run code that comes with the model. Off unless asked for.

    Raises:
        ModelError: it cannot be read, has no safetensors weights or no fast tokenizer, or lacks the
            weights of the head that `kind` needs.
        InvalidInput: an unknown kind, or a module without a tokenizer.
    """
    if kind is not None and kind not in KINDS:
        raise InvalidInput(f"unknown model kind {kind!r}; choose one of {', '.join(KINDS)}")
    if isinstance(model, HuggingFaceModel):
        torch.nn.Module.eval(model.model)
        return model
    if not isinstance(model, str | Path):
        if tokenizer is None:
            raise InvalidInput("a model in memory needs its tokenizer: pass tokenizer=...")
        if not isinstance(model, transformers.PreTrainedModel):
            raise InvalidInput(f"a model in memory is one of transformers; got {type(model).__name__}")
        module, architecture = model, type(model).__name__
        if kind == "encoder":  # under whatever head there is
            module = cast("PreTrainedModel", module.base_model)
        kind = kind or kind_named(module.config, architecture)
        if kind == "causal" and not is_generator(module.config, architecture):
            raise ModelError(f"{architecture} is no causal language model: it does not continue texts")
    else:
        readable(str(model), "the model's name")
        hub: dict[str, Any] = {"revision": revision, "trust_remote_code": trust_remote_code}
        module, kind, tokenizer = _from_pretrained(str(model), kind, tokenizer, hub)
        device = device or ("cuda" if torch.cuda.is_available() else "cpu")
        try:
            torch.nn.Module.to(module, device)
        except (RuntimeError, AssertionError) as error:
            raise InvalidInput(f"cannot use the device {device!r}: {one_line(error)}") from error
    if not tokenizer.is_fast:
        raise ModelError(f"{type(tokenizer).__name__} is a slow tokenizer; a fast one is needed for offsets")
    if not isinstance(tokenizer.model_max_length, int | float):
        raise ModelError(f"the tokenizer's model_max_length is no number: {tokenizer.model_max_length!r}")
    torch.nn.Module.eval(module)
    return seen(HuggingFaceModel(module, tokenizer, kind, str(module.name_or_path), revision))


def seen(model: HuggingFaceModel) -> HuggingFaceModel:
    """A model with what is seen when it is asked, and what lies beside it.

    Raises:
        ModelError: it cannot be asked as what it is taken for.
    """
    if model.kind == "encoder":
        return replace(model, sentence=sentence_of(model.name, model.revision))
    if model.kind == "causal":
        with model.explained():
            return replace(model, ahead=looks_ahead(_asking(model), _ordinary(model), model.rounding))
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
    name: str, kind: Kind | None, tokenizer: "PreTrainedTokenizerBase | None", hub: dict[str, Any]
) -> "tuple[PreTrainedModel, Kind, PreTrainedTokenizerBase]":
    if name.startswith((".", "/", "~")) and not Path(name).is_dir():
        raise ModelError(f"cannot load a model from {name!r}: there is no such directory")
    with quiet():
        try:
            config = AutoConfig.from_pretrained(name, **hub)
            architecture = (config.architectures or [""])[0]
            kind = kind or kind_named(config, architecture)
            loader = _loader(kind, config, architecture)
            module, report = loader.from_pretrained(
                name, config=config, use_safetensors=True, output_loading_info=True, **hub
            )
            tokenizer = tokenizer or AutoTokenizer.from_pretrained(name, **hub)
        except ModelError:
            raise
        except Exception as error:  # transformers raises whatever its parsers and downloads raise
            raise ModelError(f"cannot load a model from {name!r}: {one_line(error)}") from error
    missing = sorted(report["missing_keys"])
    if missing and not all("pooler" in key or "position_ids" in key for key in missing):
        raise ModelError(
            f"{name!r} has no weights for {', '.join(missing[:3])}: as a {kind} it would answer at random"
        )
    return module, kind, tokenizer


def classifier_for(
    name: str, labels: Sequence[str], hub: dict[str, Any]
) -> tuple[HuggingFaceModel, set[str]]:
    """A model with a head for these labels, and the names of the parameters that it has no weights for.

    A classifier that has these labels already (case aside) is taken as it is. Of any other model the head,
    and whatever is missing beside it, is there with random weights.

    Args:
        name: hub id or local directory.
        labels: the head's.
        hub: `revision` and `trust_remote_code`.

    Raises:
        ModelError: it cannot be read, has no safetensors weights or no fast tokenizer, or is none that
            transformers can put a classifier's head on.
    """
    with quiet():
        try:
            config = AutoConfig.from_pretrained(name, **hub)
            if not has_labels([str(label) for label in (config.id2label or {}).values()], labels):
                config.num_labels = len(labels)
                config.id2label = dict(enumerate(labels))
                config.label2id = {label: place for place, label in enumerate(labels)}
            module, report = transformers.AutoModelForSequenceClassification.from_pretrained(
                name,
                config=config,
                use_safetensors=True,
                ignore_mismatched_sizes=True,
                output_loading_info=True,
                **hub,
            )
            tokenizer = AutoTokenizer.from_pretrained(name, **hub)
        except Exception as error:  # transformers raises whatever its parsers and downloads raise
            raise ModelError(f"cannot put a head on {name!r}: {one_line(error)}") from error
    padding = getattr(module.config, "pad_token_id", None)
    if padding is None or padding < 0:  # a decoder finds its last token by it
        known = (tokenizer.pad_token_id, tokenizer.eos_token_id)
        module.config.pad_token_id = next((token for token in known if token is not None), None)
    fresh = {*report["missing_keys"], *(entry[0] for entry in report["mismatched_keys"])}
    return HuggingFaceModel(module, tokenizer, "classifier", name, hub.get("revision")), fresh


def has_labels(own: Sequence[str], wanted: Sequence[str]) -> bool:
    """Whether a model's labels are those wanted: to the letter, or case aside where that leaves no doubt."""
    if set(wanted) <= set(own):
        return len(set(own)) == len(own)
    folded = [label.lower() for label in own]
    asked = [label.lower() for label in wanted]
    clear = len(set(folded)) == len(folded) and len(set(asked)) == len(asked)
    return clear and set(asked) <= set(folded)


def continues_texts(model: "str | Path | PreTrainedModel", hub: dict[str, Any]) -> bool:
    """Whether a model says that it is a causal one; nothing but its configuration is read.

    Raises:
        ModelError: it cannot be read, or is an encoder-decoder.
    """
    if not isinstance(model, str | Path):
        return is_generator(model.config, type(model).__name__)
    with quiet():
        try:
            config = AutoConfig.from_pretrained(str(model), **hub)
        except Exception as error:  # transformers raises whatever its parsers and downloads raise
            raise ModelError(f"cannot load a model from {str(model)!r}: {one_line(error)}") from error
    return is_generator(config, (config.architectures or [""])[0])


def _loader(kind: Kind, config: Any, architecture: str) -> Any:
    """What makes a model of a kind: the class that its configuration names, if that is one of the kind."""
    named = getattr(transformers, architecture, None) if architecture else None
    if isinstance(named, type) and hasattr(named, "from_pretrained"):
        try:
            if kind_named(config, architecture) == kind:
                return named
        except ModelError:  # it is for something else: then what is asked for is another head of it
            pass
    return getattr(transformers, _LOADERS[kind])
