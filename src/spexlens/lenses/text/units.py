"""Units: where a text may be cut into candidates."""

import re
import unicodedata
from bisect import bisect_right
from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import pairwise
from operator import index

from spexlens.arguments import in_python, unknown
from spexlens.errors import InvalidInput
from spexlens.games.candidate import Candidate
from spexlens.games.levels import Level, finest, gathered, nested

Span = tuple[int, int]
"""(start, end) characters, end excluded."""

UNITS = ("word", "token", "sentence", "line", "paragraph")
"""The units a text can be cut into. Tokens come from the model's tokenizer."""

_LONG = 8  # candidates a phrase, of a sentence without marks

_RUN = re.compile(r"\S+")
_LINE = re.compile(r"\S[^\n]*")
# A paragraph goes on over a line break that no blank line follows.
_PARAGRAPH = re.compile(r"\S(?:[^\n]|\n(?![^\S\n]*(?:\n|\Z)))*")
# Marks of Chinese and Japanese end a sentence without white space behind them.
_SENTENCE_END = re.compile(r"[.!?…]+[\"'”’)\]]*(?=\s)|[。！？]+")
_PHRASE_END = re.compile(r"[,;:—–)\]…]+[\"'”’]*(?=\s)|(?<=\s)(?=[(\[—–])")
_ABBREVIATION = re.compile(
    r"(?:\b(?:Mr|Mrs|Ms|Dr|Prof|St|Jr|Sr|vs|cf|Vol|Fig|Eq|al|etc|e\.g|i\.e|a\.m|p\.m)|\b\w|\b(?:\w\.)+\w)\.$"
)


def cut(text: str, unit: str) -> list[Span]:
    """The spans of every word, sentence, line or paragraph of a text, in order.

    Words are runs without white space, less the punctuation at their edges; scripts
    that write no spaces want the unit "token". Sentences end at a mark followed by
    white space, unless it closes an abbreviation or an initial, or the next sentence
    would begin in lower case; a blank line always ends one.

    Raises:
        InvalidInput: the text has none of them, or the unit is unknown.
    """
    cutters: dict[str, Callable[[str], Iterable[Span]]] = {
        "word": _words,
        "line": _matches(_LINE),
        "paragraph": _matches(_PARAGRAPH),
        "sentence": _sentences,
    }
    if unit not in cutters:
        raise InvalidInput(
            f"{unknown('unit', unit, UNITS)}{in_python(', or give spans')}"
        )
    spans = [_stripped(text, span) for span in cutters[unit](text)]
    if not spans:
        raise InvalidInput(f"the text has no {unit} to ablate: {text[:40]!r}")
    return spans


def levels_of(text: str, candidates: Sequence[Candidate]) -> list[Level]:
    """Paragraphs, sentences, phrases and words as groups of candidates, and those.

    A phrase ends at a mark inside of a sentence, or after eight candidates. Candidates
    belong to where they begin; what would be no coarser than the level below is left
    out.
    """
    starts = [_span_of(candidate)[0] for candidate in candidates]

    def level(name: str, keys: Sequence[object]) -> Level:
        def named(group: Sequence[int]) -> Candidate:
            return _spanning(text, name, [candidates[place] for place in group])

        return gathered(name, keys, named)

    sentences = _within(starts, cut(text, "sentence"))
    phrases = list(zip(sentences, _phrases(text, starts, sentences), strict=True))
    levels = [
        level("paragraph", _within(starts, cut(text, "paragraph"))),
        level("sentence", sentences),
        level("phrase", phrases),
    ]
    words = list(_words(text))
    if words:
        # A word's key holds its phrase's, so that words are nested in phrases.
        in_phrases = list(zip(phrases, _within(starts, words), strict=True))
        levels.append(level("word", in_phrases))
    return nested([*levels, finest(candidates)])


def _phrases(
    text: str, starts: Sequence[int], sentences: Sequence[int]
) -> list[tuple[int, int]]:
    """Which phrase each candidate is in, and which run of eight candidates of it."""
    marks = [mark.end() for mark in _PHRASE_END.finditer(text)]
    keys: list[tuple[int, int]] = []
    sizes: dict[tuple[int, int], int] = {}
    for start, sentence in zip(starts, sentences, strict=True):
        number = bisect_right(marks, start)
        phrase = (sentence, number)
        before = sizes.get(phrase, 0)
        sizes[phrase] = before + 1
        keys.append((number, before // _LONG))
    return keys


def _within(starts: Sequence[int], spans: Sequence[Span]) -> list[int]:
    """The last of the spans that begins no later than each start."""
    begins = [begin for begin, _ in spans]
    return [max(0, bisect_right(begins, start) - 1) for start in starts]


def _spanning(text: str, kind: str, members: Sequence[Candidate]) -> Candidate:
    """From the first member's beginning to the last one's end."""
    if len(members) == 1:
        return members[0]
    start = _span_of(members[0])[0]
    end = _span_of(members[-1])[1]
    return Candidate(" ".join(text[start:end].split()), kind, (start, end))


def _span_of(candidate: Candidate) -> Span:
    """Its characters in the text; those of a text's candidates are known."""
    return candidate.span or (0, 0)


def check(spans: Iterable[Span], text: str) -> list[Span]:
    """The user's own spans, sorted.

    Raises:
        InvalidInput: a span is empty, lies outside the text, or overlaps another; or
            there is none.
    """
    try:
        ordered = sorted((index(start), index(end)) for start, end in spans)
    except (TypeError, ValueError) as error:
        raise InvalidInput(
            "a span is a pair of character positions (start, end)"
        ) from error
    if not ordered:
        raise InvalidInput("no span was given")
    for start, end in ordered:
        if not 0 <= start < end <= len(text):
            raise InvalidInput(
                f"span ({start}, {end}) is empty or outside the text of {len(text)}"
                " characters"
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
    # Unicode's categories P and C: https://www.unicode.org/reports/tr44/#General_Category_Values
    return unicodedata.category(character)[0] in "PC"


def _matches(pattern: re.Pattern[str]) -> Callable[[str], Iterable[Span]]:
    return lambda text: (match.span() for match in pattern.finditer(text))


def _sentences(text: str) -> Iterator[Span]:
    for start, end in _matches(_PARAGRAPH)(text):
        begin = start
        for mark in _SENTENCE_END.finditer(text, start, end):
            rest = text[mark.end() : end].lstrip()
            if not rest or rest[0].islower():
                continue
            if not _ABBREVIATION.search(text[begin : mark.end()]):
                yield begin, mark.end()
                begin = end - len(rest)
        yield begin, end


def _stripped(text: str, span: Span) -> Span:
    """A span without the white space at its end."""
    start, end = span
    return start, start + len(text[start:end].rstrip())
