"""Hugging Face models: loaded quietly, checked, and identified by their weights."""

import hashlib
import inspect
import json
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from numpy.typing import NDArray

from spexlens.errors import InputTooLong, InvalidInput, MissingExtra, ModelError

try:
    import torch
    import transformers
    from transformers import AutoConfig, AutoTokenizer
    from transformers.utils.hub import cached_file
except ImportError as error:
    raise MissingExtra(error.name or "transformers", "hf") from error

if TYPE_CHECKING:
    from transformers import PreTrainedModel, PreTrainedTokenizerBase

Kind = Literal["classifier", "causal", "encoder"]

_LOADERS: dict[Kind, str] = {
    "classifier": "AutoModelForSequenceClassification",
    "causal": "AutoModelForCausalLM",
    "encoder": "AutoModel",
}
_TOKENS_A_BATCH = 8192
_ROWS_A_BATCH = 256
_LOGITS_A_BATCH = 1 << 26
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
    """A model in evaluation mode and its fast tokenizer.

    Attributes:
        model: the PyTorch module.
        tokenizer: a fast tokenizer, so that characters can be mapped to tokens.
        kind: "classifier", "causal" or "encoder".
        name: the hub id or directory it came from, for people to read.
        revision: of the hub, where one was asked for.
    """

    model: "PreTrainedModel"
    tokenizer: "PreTrainedTokenizerBase"
    kind: Kind
    name: str
    revision: str | None = None

    @property
    def device(self) -> "torch.device":
        """Where inputs go."""
        return self.model.device

    @property
    def labels(self) -> tuple[str, ...]:
        """A classifier's labels, by index."""
        names: dict[Any, str] = {**(self.model.config.id2label or {})}
        return tuple(str(names.get(i, i)) for i in range(self.model.config.num_labels or 0))

    @property
    def vocabulary(self) -> int:
        """How many logits a causal model gives for each position."""
        return int(self.model.config.get_text_config().vocab_size)

    @property
    def padding(self) -> int:
        """The token that fills short rows; attention never reaches it."""
        # A decoder that classifies finds the last token by its own padding token, not the tokenizer's.
        own = self.model.config.pad_token_id if self.kind == "classifier" else None
        known = (own, self.tokenizer.pad_token_id, self.tokenizer.eos_token_id, 0)
        return next(int(token) for token in known if token is not None)

    def refuse_longer_than_window(self, tokens: int, what: str) -> None:
        """Raise InputTooLong if the model cannot read so many tokens at once."""
        if self.window is not None and tokens > self.window:
            raise InputTooLong(f"{what} has {tokens} tokens; {self.name!r} reads at most {self.window}")

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
        except (RuntimeError, ValueError, IndexError, AttributeError, TypeError) as error:
            raise ModelError(f"{self.name!r} cannot read the text: {_one_line(error)}") from error

    def tensors(self, arrays: dict[str, NDArray[np.int64]]) -> dict[str, "torch.Tensor"]:
        """Arrays as tensors on the model's device."""
        return {name: torch.from_numpy(array).to(self.device) for name, array in arrays.items()}

    @property
    def window(self) -> int | None:
        """The most tokens the model reads at once, or None where nothing limits it."""
        config = self.model.config
        positions = getattr(config, "max_position_embeddings", None)
        if positions and config.model_type in _SHIFTED_POSITIONS:
            positions -= (config.pad_token_id or 0) + 1
        limits = (positions, self.tokenizer.model_max_length)
        known = [int(limit) for limit in limits if limit and limit < 1_000_000]
        return min(known) if known else None

    @property
    def rounding(self) -> float:
        """How far apart the answers of two batch sizes may be: 1e-5, or more in half precision."""
        return max(1e-5, 16 * torch.finfo(self.model.dtype).eps)

    @cached_property
    def accepts(self) -> frozenset[str]:
        """The names of the arguments of the model's forward pass."""
        return frozenset(inspect.signature(self.model.forward).parameters)

    @cached_property
    def fingerprint(self) -> str:
        """sha256 of the configuration, the data type and every weight."""
        digest = hashlib.sha256()
        config = self.model.config.to_dict()
        for irrelevant in ("_name_or_path", "transformers_version"):
            config.pop(irrelevant, None)
        digest.update(json.dumps(config, sort_keys=True, default=str).encode())
        for name, tensor in sorted(self.model.state_dict().items()):
            digest.update(f"{name} {tensor.dtype} {tuple(tensor.shape)}".encode())
            data = self._offloaded(name) if tensor.is_meta else tensor.detach().cpu()
            digest.update(data.contiguous().flatten().view(torch.uint8).numpy().data)
        return digest.hexdigest()

    def _offloaded(self, name: str) -> "torch.Tensor":
        """A weight that a `device_map` keeps on disk or in main memory while it is not used."""
        from accelerate.utils import align_module_device  # which has made the device map

        owner, _, leaf = name.rpartition(".")
        module = self.model.get_submodule(owner)
        with align_module_device(module, "cpu"):
            weight: torch.Tensor = getattr(module, leaf)
            return weight.detach().clone()


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
    if kind is not None and kind not in _LOADERS:
        raise InvalidInput(f"unknown model kind {kind!r}; choose one of {', '.join(_LOADERS)}")
    if isinstance(model, HuggingFaceModel):
        torch.nn.Module.eval(model.model)
        return model
    if not isinstance(model, str | Path):
        if tokenizer is None:
            raise InvalidInput("a model in memory needs its tokenizer: pass tokenizer=...")
        if not isinstance(model, transformers.PreTrainedModel):
            raise InvalidInput(f"a model in memory is one of transformers; got {type(model).__name__}")
        module = model
        kind = kind or _kind_of(module.config, type(module).__name__)
    else:
        hub: dict[str, Any] = {"revision": revision, "trust_remote_code": trust_remote_code}
        module, kind, tokenizer = _from_pretrained(str(model), kind, tokenizer, hub)
        device = device or ("cuda" if torch.cuda.is_available() else "cpu")
        try:
            torch.nn.Module.to(module, device)
        except (RuntimeError, AssertionError) as error:
            raise InvalidInput(f"cannot use the device {device!r}: {_one_line(error)}") from error
    if not tokenizer.is_fast:
        raise ModelError(f"{type(tokenizer).__name__} is a slow tokenizer; a fast one is needed for offsets")
    torch.nn.Module.eval(module)
    return HuggingFaceModel(module, tokenizer, kind, str(module.name_or_path), revision)


def _from_pretrained(
    name: str, kind: Kind | None, tokenizer: "PreTrainedTokenizerBase | None", hub: dict[str, Any]
) -> "tuple[PreTrainedModel, Kind, PreTrainedTokenizerBase]":
    if name.startswith((".", "/", "~")) and not Path(name).is_dir():
        raise ModelError(f"cannot load a model from {name!r}: there is no such directory")
    with _quiet():
        try:
            config = AutoConfig.from_pretrained(name, **hub)
            kind = kind or _kind_of(config, (config.architectures or [""])[0])
            loader = getattr(transformers, _LOADERS[kind])
            module, report = loader.from_pretrained(
                name, config=config, use_safetensors=True, output_loading_info=True, **hub
            )
            tokenizer = tokenizer or AutoTokenizer.from_pretrained(name, **hub)
        except ModelError:
            raise
        except Exception as error:  # transformers raises whatever its parsers and downloads raise
            raise ModelError(f"cannot load a model from {name!r}: {_one_line(error)}") from error
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
    with _quiet():
        try:
            config = AutoConfig.from_pretrained(name, **hub)
            own = {str(label).lower() for label in (config.id2label or {}).values()}
            if not {label.lower() for label in labels} <= own:
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
            raise ModelError(f"cannot put a head on {name!r}: {_one_line(error)}") from error
    if module.config.pad_token_id is None:  # a decoder finds its last token by it
        module.config.pad_token_id = tokenizer.pad_token_id or tokenizer.eos_token_id
    fresh = {*report["missing_keys"], *(entry[0] for entry in report["mismatched_keys"])}
    return HuggingFaceModel(module, tokenizer, "classifier", name, hub.get("revision")), fresh


def kind_of(model: "str | Path | PreTrainedModel", hub: dict[str, Any]) -> Kind:
    """What a model says that it is; nothing but its configuration is read.

    Raises:
        ModelError: it cannot be read.
    """
    if not isinstance(model, str | Path):
        return _kind_of(model.config, type(model).__name__)
    with _quiet():
        try:
            config = AutoConfig.from_pretrained(str(model), **hub)
        except Exception as error:  # transformers raises whatever its parsers and downloads raise
            raise ModelError(f"cannot load a model from {str(model)!r}: {_one_line(error)}") from error
    return _kind_of(config, (config.architectures or [""])[0])


def _kind_of(config: Any, architecture: str) -> Kind:
    if getattr(config, "is_encoder_decoder", False):
        raise ModelError(f"{architecture} is an encoder-decoder, which no lens can ablate yet")
    if architecture.endswith("ForSequenceClassification"):
        return "classifier"
    if architecture.endswith(("ForCausalLM", "LMHeadModel")):
        return "causal"
    return "encoder"


def pooling_of(name: str, revision: str | None = None) -> Literal["mean", "cls"]:
    """How a sentence encoder pools its tokens: what its `1_Pooling/config.json` says, else the mean.

    Raises:
        ModelError: it pools in another way, or has layers after the pooling.
    """
    pooling, modules = (
        _settings(name, "1_Pooling/config.json", revision),
        _settings(name, "modules.json", revision),
    )
    after = [module["type"] for module in modules or [] if "Dense" in module["type"]]
    modes = [
        mode for mode, used in (pooling or {}).items() if mode.startswith("pooling_mode_") and used is True
    ]
    if after or modes not in ([], ["pooling_mode_mean_tokens"], ["pooling_mode_cls_token"]):
        raise ModelError(
            f"{name!r} embeds with {', '.join(modes + after)}; only mean and cls pooling are known"
        )
    return "cls" if modes == ["pooling_mode_cls_token"] else "mean"


def normalises(name: str, revision: str | None = None) -> bool:
    """Whether a sentence encoder's embeddings are scaled to length one: what its `modules.json` says."""
    modules = _settings(name, "modules.json", revision)
    return any("Normalize" in module["type"] for module in modules or [])


def _settings(name: str, file: str, revision: str | None) -> Any:
    """A JSON file that lies beside a model, or None."""
    if not name:
        return None  # a model made in memory comes from nowhere
    with _quiet():
        path = cached_file(
            name,
            file,
            revision=revision,
            _raise_exceptions_for_missing_entries=False,
            _raise_exceptions_for_connection_errors=False,
            _raise_exceptions_for_gated_repo=False,
        )
    try:
        return json.loads(Path(path).read_text(encoding="utf-8")) if path else None
    except ValueError as error:
        raise ModelError(f"{file} of {name!r} is damaged: {_one_line(error)}") from error


def _one_line(error: BaseException) -> str:
    return " ".join(str(error).split())[:300]


@contextmanager
def _quiet() -> Iterator[None]:
    """No progress bars and no log lines while loading; the user's own settings come back after."""
    logging: Any = transformers.utils.logging
    level, bars = logging.get_verbosity(), logging.is_progress_bar_enabled()
    logging.set_verbosity(logging.CRITICAL)
    logging.disable_progress_bar()
    try:
        yield
    finally:
        logging.set_verbosity(level)
        if bars:
            logging.enable_progress_bar()
