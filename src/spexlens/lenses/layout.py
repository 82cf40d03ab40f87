"""Layout: a text inside its surroundings, as tokens, each owned by one candidate or by none."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from spexlens.errors import InvalidInput, ModelError
from spexlens.lenses import units
from spexlens.lenses.units import Span

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase


_PLACE = "\u27e6spexlens\u27e7"  # stands for the text while a chat template is filled in


@dataclass(frozen=True)
class Layout:
    """Tokens in reading order and the candidates they belong to.

    Attributes:
        ids: (L,) int64, the whole input's tokens.
        owner: (L,) int64, the candidate each token belongs to; -1 for special tokens, the template,
            white space and whatever else is never ablated.
        spans: the candidates' characters in the text.
    """

    ids: NDArray[np.int64]
    owner: NDArray[np.int64]
    spans: list[Span]

    def opened(self, token: int) -> "Layout":
        """With one more token, owned by none, in front."""
        return Layout(np.append([token], self.ids), np.append([-1], self.owner), self.spans)

    def followed(self, tokens: Sequence[int]) -> "Layout":
        """With more tokens, owned by none, behind."""
        none = np.full(len(tokens), -1, np.int64)
        ids = np.concatenate([self.ids, np.array(tokens, dtype=np.int64)])
        return Layout(ids, np.concatenate([self.owner, none]), self.spans)


def lay_out(
    tokenizer: "PreTrainedTokenizerBase",
    text: str,
    *,
    unit: str,
    spans: Sequence[Span] | None,
    template: str,
    chat: bool,
) -> Layout:
    """Tokenise a text in its template, and give each token to the candidate it overlaps most.

    Raises:
        InvalidInput: a bad template, unit or span, or a candidate without a token of its own.
        ModelError: a chat template is asked for and the tokenizer has none.
    """
    before, after = _surroundings(tokenizer, text, template, chat)
    encoded = tokenizer(
        before + text + after,
        add_special_tokens=not chat,
        return_offsets_mapping=True,
        return_special_tokens_mask=True,
        truncation=False,
        padding=False,
        verbose=False,
    )
    places = np.array(encoded["offset_mapping"], dtype=np.int64).reshape(-1, 2) - len(before)
    places[np.array(encoded["special_tokens_mask"], dtype=np.bool_)] = -1
    places = np.clip(places, 0, len(text))
    if spans is not None:
        cut = units.check(spans, text)
    elif unit == "token":
        cut = _merged(sorted((int(start), int(end)) for start, end in places if text[start:end].strip()))
        if not cut:
            raise InvalidInput("the text has no token to ablate")
    else:
        cut = units.cut(text, unit)
    owner = _owners(places, cut, text, exclusive=spans is not None)
    return Layout(np.array(encoded["input_ids"], dtype=np.int64), owner, cut)


def _surroundings(
    tokenizer: "PreTrainedTokenizerBase", text: str, template: str, chat: bool
) -> tuple[str, str]:
    """What comes before and after the text in the string that is tokenised."""
    if template.count("{text}") != 1:
        raise InvalidInput(f"a template holds {{text}} exactly once; got {template!r}")
    before, after = template.split("{text}")
    if not chat:
        return before, after
    if not tokenizer.chat_template:
        raise ModelError("the tokenizer has no chat template; leave chat out")
    turn = [{"role": "user", "content": before + _PLACE + after}]
    try:
        whole = str(tokenizer.apply_chat_template(turn, tokenize=False, add_generation_prompt=True))
    except Exception as error:  # a template is a program of its own, and raises what it likes
        raise ModelError(f"the chat template fails: {' '.join(str(error).split())[:200]}") from error
    if whole.count(_PLACE) != 1:
        raise ModelError("the chat template does not show the user's text exactly once")
    before, after = whole.split(_PLACE)
    return before, after


def _merged(places: list[Span]) -> list[Span]:
    """Sorted places, those that overlap made one: several tokens may share a character."""
    merged: list[Span] = []
    for start, end in places:
        if merged and start < merged[-1][1]:
            merged[-1] = (merged[-1][0], max(end, merged[-1][1]))
        else:
            merged.append((start, end))
    return merged


def _owners(places: NDArray[np.int64], spans: list[Span], text: str, *, exclusive: bool) -> NDArray[np.int64]:
    """For each token's (start, end) the span it overlaps most, -1 for none: (L, 2) -> (L,) int64.

    `exclusive` refuses a token that overlaps two.
    """
    starts, ends = np.array(spans, dtype=np.int64).T
    overlap = np.minimum(places[:, 1:], ends) - np.maximum(places[:, :1], starts)
    shared = np.flatnonzero((overlap > 0).sum(axis=1) > 1)
    if exclusive and len(shared):
        start, end = places[shared[0]]
        raise InvalidInput(f"two spans share the token {text[start:end]!r}; move the border between them")
    owner = np.where(overlap.max(axis=1) > 0, overlap.argmax(axis=1), -1)
    bare = np.setdiff1d(np.arange(len(spans)), owner)
    if len(bare):
        start, end = spans[bare[0]]
        raise InvalidInput(
            f"{text[start:end]!r} at character {start} has no token of its own; use a coarser unit"
        )
    return owner.astype(np.int64)
