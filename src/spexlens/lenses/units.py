"""Units: where a text may be cut into candidates."""

import re
import unicodedata
from collections.abc import Callable, Iterable, Iterator
from itertools import pairwise
from operator import index

from spexlens.errors import InvalidInput

Span = tuple[int, int]
"""(start, end) characters, end excluded."""

UNITS = ("word", "token", "sentence", "line", "paragraph")
"""The units a text can be cut into. Tokens come from the model's tokenizer."""

_RUN = re.compile(r"\S+")
_LINE = re.compile(r"\S[^\n]*")
_PARAGRAPH = re.compile(r"\S(?:[^\n]|\n(?![^\S\n]*(?:\n|\Z)))*")
_SENTENCE_END = re.compile(r"[.!?…]+[\"'”’)\]]*(?=\s)|[。！？]+")
_ABBREVIATION = re.compile(
    r"(?:\b(?:Mr|Mrs|Ms|Dr|Prof|St|Jr|Sr|vs|cf|Vol|Fig|Eq|al|etc|e\.g|i\.e|a\.m|p\.m)|\b\w|\b(?:\w\.)+\w)\.$"
)


def cut(text: str, unit: str) -> list[Span]:
    """The spans of every word, sentence, line or paragraph of a text, in order.

    Words are runs without white space, less the punctuation at their edges; scripts that write no
    spaces want the unit "token". Sentences end at a
    mark followed by white space, unless it closes an abbreviation or an initial, or the next
    sentence would begin in lower case; a blank line always ends one.

    Raises:
        InvalidInput: the text has none of them, or the unit is unknown.
    """
    cutters = {"word": _words, "line": _matches(_LINE), "paragraph": _matches(_PARAGRAPH)}
    cutters["sentence"] = _sentences
    if unit not in cutters:
        raise InvalidInput(f"unknown unit {unit!r}; choose one of {', '.join(UNITS)}, or give spans")
    spans = [_stripped(text, span) for span in cutters[unit](text)]
    if not spans:
        raise InvalidInput(f"the text has no {unit} to ablate: {text[:40]!r}")
    return spans


def check(spans: Iterable[Span], text: str) -> list[Span]:
    """The user's own spans, sorted.

    Raises:
        InvalidInput: a span is empty, lies outside the text, or overlaps another; or there is none.
    """
    try:
        ordered = sorted((index(start), index(end)) for start, end in spans)
    except (TypeError, ValueError) as error:
        raise InvalidInput("a span is a pair of character positions (start, end)") from error
    if not ordered:
        raise InvalidInput("no span was given")
    for start, end in ordered:
        if not 0 <= start < end <= len(text):
            raise InvalidInput(
                f"span ({start}, {end}) is empty or outside the text of {len(text)} characters"
            )
    for (_, end), (start, _) in pairwise(ordered):
        if start < end:
            raise InvalidInput(f"two spans overlap at characters {start} to {end}")
    return ordered


def _words(text: str) -> Iterator[Span]:
    for run in _RUN.finditer(text):
        start, end = run.span()
        while start < end and _is_edge(text[start]):
            start += 1
        while start < end and _is_edge(text[end - 1]):
            end -= 1
        if start < end:
            yield start, end


def _is_edge(character: str) -> bool:
    """Punctuation, or a character that cannot be seen."""
    return unicodedata.category(character)[0] in "PC"


def _matches(pattern: re.Pattern[str]) -> Callable[[str], Iterable[Span]]:
    return lambda text: (match.span() for match in pattern.finditer(text))


def _sentences(text: str) -> Iterator[Span]:
    for start, end in _matches(_PARAGRAPH)(text):
        begin = start
        for mark in _SENTENCE_END.finditer(text, start, end):
            rest = text[mark.end() : end].lstrip()
            if rest and not rest[0].islower() and not _ABBREVIATION.search(text[begin : mark.end()]):
                yield begin, mark.end()
                begin = end - len(text[mark.end() : end].lstrip())
        yield begin, end


def _stripped(text: str, span: Span) -> Span:
    start, end = span
    return start, start + len(text[start:end].rstrip())
