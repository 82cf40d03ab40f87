"""A model of Hugging Face with its tokenizer, asked as it is meant to be."""

import inspect
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from numpy.typing import NDArray

from spexlens.arguments import named, offered
from spexlens.errors import InputTooLong, InvalidInput, ModelError, OutOfMemory
from spexlens.memory import enough_memory
from spexlens.models.bundled import title
from spexlens.models.kinds import Kind
from spexlens.models.quiet import one_line
from spexlens.models.sentence import PLAIN, Sentence

if TYPE_CHECKING:
    from transformers import PreTrainedModel, PreTrainedTokenizerBase

IN_TRAINING = (
    "the model was in training mode; for the answer it was put into evaluation mode"
)
"""What is remarked on answers of a model that somebody trains."""

ANSWERS_AT_RANDOM = (
    "the model answers the same text differently each time, so that its answers are"
    " noisy"
)
"""What is noted of a model that draws random numbers in evaluation mode too."""

ATTENDS_TO_BOTH_SIDES = (
    "the model attends to both sides: each token of the completion is scored from what"
    " is before it alone"
)
"""What is noted of a model whose logits change with later tokens."""

# Of one forward pass, so that a laptop's memory holds it: tokens, rows, and logits (256
# MB of float32).
_TOKENS_A_BATCH = 8192
_ROWS_A_BATCH = 256
_LOGITS_A_BATCH = 1 << 26
# Tokenizers and configurations write a huge number of tokens where there is no limit.
_NO_LIMIT = 1_000_000
# what code of a model raises that is given an input it is not made for
_FAILURES = (
    RuntimeError,
    ValueError,
    IndexError,
    AttributeError,
    TypeError,
    AssertionError,
    KeyError,
)
# families that count positions from behind the padding token's number
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
        ahead: whether a causal model's logits change with later tokens, as those of a
            model do that attends to both sides; its completions are scored one token at
            a time, from what comes before alone.
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
    def title(self) -> str:
        """Its name: of a bundled one not its folder."""
        return title(self.name)

    @property
    def called(self) -> str:
        """Its title, or of one that was made in memory its class's name."""
        return self.title or type(self.model).__name__

    @property
    def device(self) -> "torch.device":
        """Where inputs go."""
        return self.model.device

    @property
    def labels(self) -> tuple[str, ...]:
        """A classifier's labels, by index, as they are shown.

        Those that share a name are shown with their numbers, such as "positive #2".
        """
        names = labels_of(self.model.config)
        shown = [
            f"{name} #{place}" if names.count(name) > 1 else name
            for place, name in enumerate(names)
        ]
        return tuple(shown)

    @property
    def vocabulary(self) -> int:
        """How many logits a causal model gives for each position."""
        return int(self.model.config.get_text_config().vocab_size)

    @property
    def padding(self) -> int:
        """The token that fills short rows; attention never reaches it."""
        candidates = [self.tokenizer.pad_token_id, self.tokenizer.eos_token_id, 0]
        if self.kind == "classifier":
            # A decoder that classifies finds the last token by its own padding token,
            # not the tokenizer's.
            config = self.model.config.get_text_config()
            candidates.insert(0, getattr(config, "pad_token_id", None))
        tokens = [int(token) for token in candidates if token is not None]
        return next(token for token in tokens if token >= 0)

    def outputs(self, batch: dict[str, Any], **settings: Any) -> Any:
        """What the model answers to a batch, in evaluation mode, whatever its own is.

        Args:
            batch: input_ids, attention_mask and more; what the model has no use for is
                left out.
            settings: more arguments, likewise.
        """
        with self.evaluating():
            # Without `use_cache=False` a decoder keeps keys and values that nobody reads.
            return self.trained_outputs(batch, **{"use_cache": False, **settings})

    def trained_outputs(self, batch: dict[str, Any], **settings: Any) -> Any:
        """`outputs` in the mode that the model is in, for training it."""
        # The model may have moved since the batch was made.
        here = {name: tensor.to(self.device) for name, tensor in batch.items()}
        arguments = {**here, **settings}
        accepted = {
            name: value for name, value in arguments.items() if name in self.accepts
        }
        return self.model(**accepted)

    def remarks(self, count: int) -> dict[int, str]:
        """What is to be remarked on so many answers, by the model as it is."""
        training = any(module.training for module in self.model.modules())
        return dict.fromkeys(range(count), IN_TRAINING) if training else {}

    @contextmanager
    def evaluating(self) -> Iterator[None]:
        """Inside, every module is in evaluation mode; afterwards as it was before."""
        training = [module for module in self.model.modules() if module.training]
        # Not by `eval()`: a model may have one of its own that does more.
        for module in training:
            module.training = False
        try:
            yield
        finally:
            for module in training:
                module.training = True

    def refuse_longer_than_window(
        self, tokens: int, what: str, *, parted: bool = False, at_least: bool = False
    ) -> None:
        """Raise InputTooLong if the model cannot read so many tokens at once.

        Args:
            tokens: how many there are.
            what: has them, such as "the text".
            parted: whether it has parts that can be explained, and can be read by
                windows.
            at_least: there may be more tokens.
        """
        if self.window is None or tokens <= self.window:
            return
        ways = f"cut {what} or choose a model with a longer window"
        if parted and self.kind != "causal" and offered("windows"):
            ways = (
                f"give {named('windows', True)} to read it by windows, cut {what}, or"
                " choose a model with a longer window"
            )
        count = f"more than {tokens}" if at_least else str(tokens)
        no_way = "; a coarser unit does not help" if parted else ""
        raise InputTooLong(
            f"{what} has {count} tokens, and {self.called!r} reads at most"
            f" {self.window} at once: {ways}{no_way}"
        )

    def rows_that_fit(self, tokens: int, answered: int = 0) -> int:
        """How many rows of so many tokens suit one forward pass.

        Args:
            tokens: the longest row's.
            answered: of a causal model, the positions whose logits are read.
        """
        rows = min(_ROWS_A_BATCH, _TOKENS_A_BATCH // tokens)
        if self.kind == "causal":
            # A vocabulary of 10^5 makes the logits far larger than what is read.
            positions = answered + 1 if "logits_to_keep" in self.accepts else tokens
            rows = min(rows, _LOGITS_A_BATCH // (positions * self.vocabulary))
        return max(1, rows)

    @contextmanager
    def explained(self) -> Iterator[None]:
        """Around the first forward passes: what a model cannot read is told in one line.

        Raises:
            OutOfMemory: there was not enough for it.
            ModelError: whatever else the model raised, in one line.
        """
        advice = "on a single text: give a shorter one, or a device with more"
        try:
            with enough_memory(advice):
                yield
        except (InvalidInput, ModelError, OutOfMemory):
            raise
        except _FAILURES as error:
            raise ModelError(
                f"{self.called!r} cannot read the text: {one_line(error)}"
            ) from error

    def tensors(
        self, arrays: dict[str, NDArray[np.int64]]
    ) -> dict[str, "torch.Tensor"]:
        """Arrays as tensors on the model's device.

        Raises:
            ModelError: there is a token that the model does not know, as of a larger
                vocabulary.
        """
        # Looked at here: on a GPU an index that is out of range ends the whole process.
        ids = arrays.get("input_ids")
        largest = 0 if ids is None else int(ids.max(initial=0))
        if self.known is not None and largest >= self.known:
            raise ModelError(
                f"the tokenizer of {self.called!r} gives token {largest}, but the model"
                f" knows {self.known} tokens: its tokenizer is another model's"
            )
        here = self.device
        return {
            name: torch.from_numpy(array).to(here) for name, array in arrays.items()
        }

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
        """How far apart the answers of two batch sizes may be.

        1e-5, or more in half precision, where matrix products of another shape are
        added up in another order.
        """
        return max(1e-5, 16 * torch.finfo(self.model.dtype).eps)

    @cached_property
    def known(self) -> int | None:
        """How many tokens it has embeddings of, or None where it does not say."""
        try:
            weight = getattr(self.model.get_input_embeddings(), "weight", None)
        # transformers' own of one that embeds no tokens
        except (NotImplementedError, AttributeError):
            return None
        if not isinstance(weight, torch.Tensor) or weight.ndim != 2:
            return None
        return len(weight)

    @cached_property
    def accepts(self) -> frozenset[str]:
        """The names of the arguments of the model's forward pass."""
        return frozenset(inspect.signature(self.model.forward).parameters)


def labels_of(config: Any) -> list[str]:
    """A configuration's names of labels, by index; the index where there is no name."""
    names: dict[Any, str] = dict(config.id2label or {})
    return [str(names.get(place, place)) for place in range(config.num_labels or 0)]


def has_labels(own: Sequence[str], wanted: Sequence[str]) -> bool:
    """Whether a model's labels are those wanted, without doubt.

    To the letter, or case aside where no two differ by case alone.
    """
    if set(wanted) <= set(own):
        return _distinct(own)
    lower_own = [label.lower() for label in own]
    lower_wanted = [label.lower() for label in wanted]
    clear = _distinct(lower_own) and _distinct(lower_wanted)
    return clear and set(lower_wanted) <= set(lower_own)


def _distinct(labels: Sequence[str]) -> bool:
    return len(set(labels)) == len(labels)
