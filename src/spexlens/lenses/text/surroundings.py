"""Surroundings: the string that a text stands in, and where its characters are."""

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher
from html import escape
from typing import TYPE_CHECKING
from urllib.parse import quote

import numpy as np
from numpy.typing import NDArray

from spexlens.arguments import named
from spexlens.errors import InvalidInput, ModelError
from spexlens.models.bounded import bounded
from spexlens.models.tokenizing import tokenized

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase

# stand for a text while a chat template is filled in
_PLACES = ("qspexlens1standsq", "zspexlens2standsz")
# of a text's visible characters, that must be found in what a template makes of it
_RECOGNISED = 0.8
_SPELLINGS: tuple[Callable[[str], str], ...] = (
    str,
    lambda letter: json.dumps(letter, ensure_ascii=False)[1:-1],
    lambda letter: json.dumps(letter)[1:-1],
    escape,
    # as Jinja does
    lambda letter: escape(letter).replace("&quot;", "&#34;").replace("&#x27;", "&#39;"),
    quote,
)
"""How templates spell single characters: as they are, in JSON, in HTML, in a URL."""
_COMPARED = 20_000  # characters, at most, that are compared one by one


@dataclass(frozen=True)
class Surrounded:
    """A text in its template.

    Attributes:
        whole: the string that is tokenised.
        starts, ends: (c,) int64, where each character of the text begins and ends in
            it; one that a template trims is empty, one that it escapes is several.
        rendered: whether the string holds its special tokens already.
    """

    whole: str
    starts: NDArray[np.int64]
    ends: NDArray[np.int64]
    rendered: bool

    def within(self, start: int, end: int) -> tuple[int, int]:
        """Where some characters of the text are in the whole."""
        first = self.starts[start]
        last = self.ends[end - 1]
        return int(first), int(last)

    def of(self, start: int, end: int) -> tuple[int, int] | None:
        """Which characters of the text some of the whole show; None for none."""
        overlaps = np.flatnonzero((self.ends > start) & (self.starts < end))
        if not len(overlaps):
            return None
        return int(overlaps[0]), int(overlaps[-1]) + 1

    def replaced(self, spans: list[tuple[int, int]], other: str) -> str:
        """The whole with another string in the place of each of these spans.

        Args:
            spans: characters of the text, in order and apart.
            other: the string.
        """
        pieces = []
        done = 0
        for start, end in spans:
            first, last = self.within(start, end)
            pieces += [self.whole[done:first], other]
            done = last
        return "".join([*pieces, self.whole[done:]])


def surround(
    tokenizer: "PreTrainedTokenizerBase", text: str, template: str, *, chat: bool
) -> Surrounded:
    """A text in a template, and that in the tokenizer's chat template if asked for.

    The chat template is filled in with the text itself, so that one that trims it,
    escapes it or looks into it gives what `apply_chat_template` gives.

    Raises:
        InvalidInput: a template without `{text}`, or one that says the text otherwise
            than it is.
        ModelError: a chat template is asked for and the tokenizer has none, or it
            fails.
    """
    if template.count("{text}") != 1:
        raise InvalidInput(f"a template holds {{text}} exactly once; got {template!r}")
    before, after = template.split("{text}")
    if not chat:
        places = np.arange(len(text)) + len(before)
        return Surrounded(before + text + after, places, places + 1, rendered=False)
    if not tokenizer.chat_template:
        raise ModelError(
            f"the tokenizer has no chat template; leave {named('chat')} out"
        )
    import jinja2.sandbox  # noqa: F401  # here, so that each child need not

    turns = [before + shown + after for shown in (text, *_PLACES)]
    whole, *others = _rendered(tokenizer, turns)
    start, end = _shown(whole, others)
    starts, ends = _aligned(text, whole, start, end)
    return Surrounded(whole, starts, ends, rendered=True)


def _rendered(
    tokenizer: "PreTrainedTokenizerBase", contents: Sequence[str]
) -> list[str]:
    """Conversations of one user's turn each, ready to be answered.

    Raises:
        ModelError: the template fails, has no end, or its tokens are not those of the
            string that it makes.
    """
    name = f" of {tokenizer.name_or_path!r}" if tokenizer.name_or_path else ""
    # A template is a program that came with the model: it is run in a child that is
    # ended where it has no end.
    filled = bounded(
        lambda: [_filled(tokenizer, content) for content in contents],
        f"the chat template{name}",
    )
    for whole, tokens in filled:
        encoding = tokenized(tokenizer, whole, add_special_tokens=False)
        if list(encoding["input_ids"]) != tokens:
            raise ModelError(
                "the chat template's tokens are not those of the text that it makes"
            )
    return [whole for whole, _ in filled]


def _filled(
    tokenizer: "PreTrainedTokenizerBase", content: str
) -> tuple[str, list[int]]:
    """The template with one turn in it, as text and as tokens."""
    turn = [{"role": "user", "content": content}]
    whole = str(
        tokenizer.apply_chat_template(turn, tokenize=False, add_generation_prompt=True)
    )
    tokens = tokenizer.apply_chat_template(
        turn, tokenize=True, add_generation_prompt=True, return_dict=False
    )
    return whole, list(map(int, tokens))


def _shown(whole: str, others: Sequence[str]) -> tuple[int, int]:
    """Where a rendered string shows the text: where it differs from others'.

    Args:
        whole: the string.
        others: the same with each of `_PLACES`, which do not begin or end alike.

    Raises:
        ModelError: a text is shown twice or more.
    """
    for other, place in zip(others, _PLACES, strict=True):
        if other.lower().count(place.lower()) > 1:
            raise ModelError(
                "the chat template does not show the user's text exactly once"
            )
    first, second = others
    # Three pairs, as the text may begin or end like one of the two by chance.
    pairs = [(whole, first), (whole, second), (first, second)]
    start = min(_alike(one, other) for one, other in pairs)
    behind = min(_alike(one[::-1], other[::-1]) for one, other in pairs)
    return start, max(start, len(whole) - behind)


def _alike(one: str, other: str) -> int:
    """How many characters two strings begin with alike."""
    count = 0
    for letter, another in zip(one, other, strict=False):
        if letter != another:
            break
        count += 1
    return count


def _aligned(
    text: str, whole: str, start: int, end: int
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Where each character of a text begins and ends in a part of the whole string.

    Raises:
        InvalidInput: the part does not show the text.
    """
    part = whole[start:end]
    core = text.strip()
    trimmed = text.index(core)
    for shown, left_out in ((text, 0), (core, trimmed)):
        for spelled in _SPELLINGS:
            letters = [spelled(letter) for letter in shown]
            place = _within(part, "".join(letters))
            if place >= 0:
                return _placed(letters, start + place, len(text), left_out)
    # The time that it takes to compare grows with the product of the lengths.
    if max(len(text), len(part)) > _COMPARED:
        raise InvalidInput(
            "the chat template changes the text, too long to see how: leave"
            f" {named('chat')} out"
        )
    return _matched(text, part, start)


def _within(part: str, shown: str) -> int:
    """Where a string shows another, capitals aside; -1 where it does not, or twice."""
    if part.count(shown) == 1:
        return part.index(shown)
    folded = part.lower()
    wanted = shown.lower()
    # Some letters are two in lower case, such as a capital i with a dot: then places
    # are not those of the string as it is.
    same_places = len(folded) == len(part) and len(wanted) == len(shown)
    if same_places and folded.count(wanted) == 1:
        return folded.index(wanted)
    return -1


def _placed(
    letters: Sequence[str], first: int, count: int, left_out: int
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Where characters begin and end that are spelled one behind the other.

    Args:
        letters: how each is spelled that is not trimmed.
        first: where the first of them begins.
        count: all characters of the text.
        left_out: how many are trimmed in front.
    """
    lengths = [len(letter) for letter in letters]
    borders = first + np.cumsum([0, *lengths])
    # What is trimmed lies on the first border or on the last, and is empty there.
    places = np.arange(count + 1) - left_out
    at = borders[np.clip(places, 0, len(letters))].astype(np.int64)
    return at[:-1], at[1:]


def _matched(
    text: str, part: str, offset: int
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """The same where a template changes some of the characters, as by escaping.

    Raises:
        InvalidInput: the part does not show most of the text.
    """
    starts = np.zeros(len(text), np.int64)
    ends = np.zeros(len(text), np.int64)
    same = 0
    put_in = None
    matcher = SequenceMatcher(None, text, part, autojunk=False)
    for what, a, b, c, d in matcher.get_opcodes():  # text[a:b] is shown as part[c:d]
        if what == "insert":
            put_in = c  # such as a backslash: it belongs to the character behind it
            continue
        if what == "equal":
            starts[a:b] = np.arange(c, d)
            ends[a:b] = np.arange(c, d) + 1
            same += _visible(text[a:b])
        else:
            starts[a:b] = c
            ends[a:b] = d
        if put_in is not None and a:
            starts[a] = put_in
        put_in = None
    if same < _RECOGNISED * _visible(text):
        raise InvalidInput(
            f"the chat template does not show the text as it is: leave {named('chat')}"
            " out, or use a template"
        )
    return starts + offset, ends + offset


def _visible(text: str) -> int:
    """How many characters are no white space."""
    return sum(not letter.isspace() for letter in text)
