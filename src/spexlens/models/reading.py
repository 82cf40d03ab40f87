"""Reading: what a model reads of a text, from the first token to the last."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from spexlens.errors import InvalidInput
from spexlens.models.model import HuggingFaceModel
from spexlens.models.tokenizing import tokenized

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase

_NOWHERE = (-1, -1)
_FAR = 64  # characters a token, of which hardly a text has so many


@dataclass(frozen=True)
class Completion:
    """A completion as tokens, where nobody wrote it: what a causal model itself says.

    Attributes:
        tokens: its tokens.
        text: the same, for people to read.
    """

    tokens: tuple[int, ...]
    text: str


@dataclass(frozen=True)
class Reading:
    """Everything a model reads of a text, or of a prompt with a completion behind it.

    Attributes:
        ids: (L,) int64, the tokens.
        places: (L, 2) int64, the characters that each stands for, (start, end) in the
            text; (-1, -1) of tokens that stand for none of them, and of those of the
            completion.
        segments: (L,) int64, which text of a pair each token belongs to; None for a
            single text.
        completion: how many of the last tokens are the completion.
        note: what a person should know of how prompt and completion, or two texts, were
            put together; or "".
    """

    ids: NDArray[np.int64]
    places: NDArray[np.int64]
    segments: NDArray[np.int64] | None = None
    completion: int = 0
    note: str = ""

    def __len__(self) -> int:
        return len(self.ids)

    @property
    def completed(self) -> tuple[int, ...]:
        """The completion's tokens."""
        return tuple(self.ids[len(self.ids) - self.completion :].tolist())

    @property
    def prompt(self) -> tuple[int, ...]:
        """The tokens before the completion."""
        return tuple(self.ids[: len(self.ids) - self.completion].tolist())

    def arrays(self) -> dict[str, NDArray[np.int64]]:
        """The arguments of a forward pass of one row, each (1, L)."""
        arguments = {
            "input_ids": self.ids[None],
            "attention_mask": np.ones((1, len(self.ids)), np.int64),
        }
        if self.segments is not None:
            arguments["token_type_ids"] = self.segments[None]
        return arguments


def read(
    model: HuggingFaceModel,
    text: str,
    completion: str | Completion | None = None,
    *,
    rendered: bool = False,
) -> Reading:
    """What a model reads.

    A classifier and an encoder read what their tokenizer makes of the text, and of two
    texts with its separator between them what it makes of a pair, their segments
    included. A causal model's prompt begins with its beginning-of-sequence token, once,
    if it has one, and nothing closes it. Its completion follows letter by letter: both
    are tokenised as one text, so that it is scored as the model would write it, and a
    token that holds the end of the prompt and the beginning of the completion is the
    completion's. Where a tokenizer does not show white space, the completion is a word
    of its own.

    Args:
        model: decides how.
        text: the whole text, or prompt.
        completion: what a causal model is asked for.
        rendered: the text holds its special tokens already, as one from a chat template
            does.

    Raises:
        InvalidInput: a completion without a token, or with words that the tokenizer
            does not know.
    """
    if model.kind != "causal":
        return _of_text(model, text, rendered=rendered)
    if isinstance(completion, str):
        return _completed(model, text, completion, rendered=rendered)
    prompt = _encoded(model, text, rendered=rendered)
    if completion is None:
        return prompt
    return _followed(prompt, completion.tokens)


def refuse_far_longer(
    model: HuggingFaceModel, text: str, what: str, *, parted: bool = False
) -> None:
    """Refuse a text that is many times longer than the model's window.

    Only its beginning is tokenised, so that a book is refused at once.

    Args:
        model: that would read it.
        text, what, parted: as of `HuggingFaceModel.refuse_longer_than_window`, where
            `what` names the text.

    Raises:
        InputTooLong: its beginning alone has more than twice as many tokens as the
            model reads.
    """
    if model.window is None or len(text) <= _FAR * model.window:
        return
    beginning = text[: _FAR * model.window]
    tokens = len(read(replace(model, kind="encoder"), beginning))
    # Twice, so that a word that was cut, or the tokens around a text, do not decide it.
    if tokens > 2 * model.window:
        model.refuse_longer_than_window(tokens - 2, what, parted=parted, at_least=True)


def shows_spaces(tokenizer: "PreTrainedTokenizerBase") -> bool:
    """Whether white space between words leaves a trace in the tokens.

    In those of WordPiece it does not.
    """
    backend: Any = tokenizer.backend_tokenizer
    text = "a a"
    if backend.normalizer is not None:
        text = backend.normalizer.normalize_str(text)
    if backend.pre_tokenizer is None:
        return True
    pieces = backend.pre_tokenizer.pre_tokenize_str(text)
    return {letter for piece, _ in pieces for letter in piece.lower()} != {"a"}


def _completed(
    model: HuggingFaceModel, prompt: str, completion: str, *, rendered: bool
) -> Reading:
    """Prompt and completion, tokenised as one text."""
    before = prompt
    if _would_be_one_word(prompt, completion) and not shows_spaces(model.tokenizer):
        before = f"{prompt} "
    whole = _encoded(model, before + completion, rendered=rendered)
    # Of special tokens in the text the places are known too; only those that were put
    # around it have none.
    behind = np.flatnonzero(whole.places[:, 1] > len(before))
    if not len(behind):
        raise InvalidInput(f"the completion {completion!r} has no token")
    first = int(behind[0])
    _refuse_unknown(model.tokenizer, whole.ids[first:].tolist(), completion)
    alone = _encoded(model, prompt, rendered=rendered)
    places = whole.places.copy()
    places[first:] = _NOWHERE
    return replace(
        whole,
        places=places,
        completion=len(whole.ids) - first,
        note=_merged(model.tokenizer, whole.ids, first, alone.ids, completion),
    )


def _would_be_one_word(prompt: str, completion: str) -> bool:
    """Whether no white space is between them, as between "c" and "at"."""
    if not prompt or prompt[-1].isspace():
        return False
    return not completion[:1].isspace()


def _merged(
    tokenizer: "PreTrainedTokenizerBase",
    whole: NDArray[np.int64],
    first: int,
    alone: NDArray[np.int64],
    completion: str,
) -> str:
    """What to say where the prompt has other tokens with the completion behind it."""
    if np.array_equal(whole[:first], alone):
        return ""
    scored = tokenizer.decode(whole[first:].tolist())
    return (
        f"the end of the prompt and the completion {completion!r} share a token: what"
        f" is scored is {scored!r}, as the model would write it"
    )


def _followed(prompt: Reading, tokens: Sequence[int]) -> Reading:
    """A prompt with tokens behind it."""
    return Reading(
        np.concatenate([prompt.ids, np.array(tokens, np.int64)]),
        np.concatenate([prompt.places, np.full((len(tokens), 2), -1)]),
        completion=len(tokens),
        note=prompt.note,
    )


def _of_text(model: HuggingFaceModel, text: str, *, rendered: bool) -> Reading:
    """What a classifier or an encoder reads."""
    whole = _encoded(model, text, rendered=rendered)
    if "token_type_ids" not in model.accepts or whole.segments is None:
        return replace(whole, segments=None)
    segments = whole.segments.tolist()
    separator = model.tokenizer.sep_token
    if separator and separator in text and not rendered:
        pair = _pair(model.tokenizer, text, separator, whole.ids.tolist())
        if pair is None:
            note = (
                f"{separator} stands in the text, but not as between two texts: one"
                " segment"
            )
            return replace(whole, segments=None, note=note)
        segments = pair
    config = model.model.config.get_text_config()
    known = int(getattr(config, "type_vocab_size", None) or len(segments))
    # A model has no embedding of a segment beyond those it knows, and none is needed
    # where all are the first.
    if not any(segments) or max(segments) >= known:
        return replace(whole, segments=None)
    return replace(whole, segments=np.array(segments, np.int64))


def _pair(
    tokenizer: "PreTrainedTokenizerBase", text: str, separator: str, ids: list[int]
) -> list[int] | None:
    """The segments of two texts with separators between them.

    None where the two, read as a pair, have other tokens than the text.
    """
    first, _, second = text.partition(separator)
    # RoBERTa writes two between the texts of a pair.
    while second.startswith(separator):
        second = second[len(separator) :]
    if separator in second:
        return None
    for one, other in ((first, second), (first.strip(), second.strip())):
        pair = tokenized(tokenizer, one, other, return_token_type_ids=True)
        if list(pair["input_ids"]) == ids:
            return list(pair["token_type_ids"])
    return None


def _encoded(model: HuggingFaceModel, text: str, *, rendered: bool) -> Reading:
    """The tokens of a text and the tokenizer's segments.

    Those of a causal model are opened once and not closed.
    """
    tokenizer = model.tokenizer
    encoded = tokenized(
        tokenizer,
        model.sentence.prompted(text),
        add_special_tokens=not rendered,
        return_offsets_mapping=True,
        return_special_tokens_mask=True,
        return_token_type_ids=model.kind != "causal",
    )
    ids = list(encoded["input_ids"])
    # Of a text that is rendered, special tokens are part of it.
    put = [bool(flag) and not rendered for flag in encoded["special_tokens_mask"]]
    before = len(model.sentence.prompt)
    places = [
        _NOWHERE if round_it else _place(start, end, before)
        for round_it, (start, end) in zip(put, encoded["offset_mapping"], strict=True)
    ]
    if model.kind == "causal" and not rendered:
        end = _end_of(put, _in_front(tokenizer))
        ids, places = _opened(tokenizer, ids[:end], places[:end], put[:end])
    segments = encoded.get("token_type_ids")
    return Reading(
        np.array(ids, np.int64),
        np.array(places, np.int64).reshape(-1, 2),
        None if segments is None else np.array(segments, np.int64),
    )


def _place(start: int, end: int, before: int) -> tuple[int, int]:
    """A token's characters in the text, behind so many of the model's own prompt."""
    if before and end <= before:
        return _NOWHERE
    return max(0, start - before), end - before


def _end_of(put: list[bool], front: int) -> int:
    """How many tokens there are without those that the tokenizer puts behind a text.

    Nothing ends between a prompt and its completion.

    Args:
        put: which tokens the tokenizer put round the text.
        front: how many it puts in front of any, which stay where the text is empty.
    """
    end = len(put)
    while end > front and put[end - 1]:
        end -= 1
    return end


def _in_front(tokenizer: "PreTrainedTokenizerBase") -> int:
    """How many special tokens the tokenizer puts in front of a text."""
    put = tokenized(tokenizer, "a", return_special_tokens_mask=True)
    mask: list[int] = list(put["special_tokens_mask"])
    return mask.index(0) if 0 in mask else 0


def _opened(
    tokenizer: "PreTrainedTokenizerBase",
    ids: list[int],
    places: list[tuple[int, int]],
    put: list[bool],
) -> tuple[list[int], list[tuple[int, int]]]:
    """With one beginning-of-sequence token in front, where there is such a token."""
    opening = tokenizer.bos_token_id
    if opening is None:
        return ids, places
    front = put.index(False) if False in put else len(ids)
    begins_so = ids[front : front + 1] == [opening]
    if front == 0 and not begins_so:
        return [int(opening), *ids], [_NOWHERE, *places]
    if begins_so and opening in ids[:front]:
        # The text begins with one itself, behind the tokenizer's.
        ids = ids[:front] + ids[front + 1 :]
        places = places[:front] + places[front + 1 :]
    return ids, places


def _refuse_unknown(
    tokenizer: "PreTrainedTokenizerBase", tokens: list[int], completion: str
) -> None:
    unknown = tokenizer.unk_token_id
    # GPT-2's, for one, is also its token for the end, and stands for no word.
    ends = (tokenizer.eos_token_id, tokenizer.bos_token_id)
    if unknown in tokens and unknown not in ends:
        raise InvalidInput(
            f"the completion {completion!r} has a word that the tokenizer does not know"
        )
