"""Cutting: where a text is cut into windows that a model can read."""

import re
from bisect import bisect_left, bisect_right
from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray

from spexlens.errors import InputTooLong, InvalidInput
from spexlens.lenses.text import units
from spexlens.lenses.text.layout import Layout, lay_out_spans, spans_of, token_spans
from spexlens.lenses.text.replacement import DELETE, Replacement
from spexlens.lenses.text.spelled import SpelledText
from spexlens.lenses.text.tokens import AblatableTokens
from spexlens.lenses.text.units import Span
from spexlens.lenses.text.windows import Window, Windows
from spexlens.models.model import HuggingFaceModel
from spexlens.models.reading import Reading, read

MOST = 1_000
"""Windows that a text may have."""

# of an even share of the tokens, between which the end of a sentence is looked for
_SHORT = 0.75
_LONG = 1.25
_FAR = 8  # characters a token, of which few texts have so many
_RUN = re.compile(r"\S+")


def cut_into_windows(
    model: HuggingFaceModel,
    text: str,
    *,
    unit: str,
    spans: Sequence[Span] | None,
    replacement: Replacement,
    neutral: str,
) -> Windows:
    """A text in as few windows as it needs, of about equal length, for every mask.

    A window ends where a sentence does, if one ends near its even share of the tokens;
    else between words; and where there is no white space, between tokens.

    Raises:
        InvalidInput: the text is a pair, a unit or span is bad, or a candidate has no
            token of its own.
        InputTooLong: the text has more windows than `MOST`, or not even a word fits.
    """
    most = model.window or len(text)  # a model without a window reads all at once
    far = _FAR * most * MOST
    if len(text) > far:  # before all of it is tokenised
        _refuse_many(len(read(model, text[:far])), most)
    whole = read(model, text)
    if whole.segments is not None or whole.note:
        raise InvalidInput(
            "two texts with a separator between them are not read by windows: leave"
            " windows out"
        )
    begins = whole.places[:, 0]
    ends = whole.places[:, 1]
    shown = (begins >= 0) & (ends > begins)
    starts = np.sort(begins[shown]).tolist()
    special = len(whole) - len(starts)
    room = most - special
    _refuse_many(len(starts), room)
    by_tokens = unit == "token" and spans is None
    cut = None if by_tokens else spans_of(model, text, whole, unit=unit, spans=spans)

    def ablatable(layout: Layout) -> AblatableTokens | SpelledText:
        return replacement.ablatable(model, layout, neutral)

    while room > 0:
        _refuse_many(len(starts), room)
        borders = _borders(text, starts, room)
        windows = _read(
            model, text, borders, cut, ablatable, exclusive=spans is not None
        )
        longest = windows.longest
        if longest <= most:
            return windows
        # What stands in may be longer than what it stands for: leave room for it.
        room = min(room - 1, room * most // longest)
    raise InputTooLong(
        f"{model.called!r} reads at most {most} tokens at once: with replacement"
        f" {replacement.name!r} not even one word fits; choose another replacement"
    )


def readings_by_windows(model: HuggingFaceModel, text: str) -> list[Reading]:
    """What is read of a text that is not ablated, window by window.

    Raises:
        InvalidInput, InputTooLong: as `cut_into_windows`.
    """
    return cut_into_windows(
        model, text, unit="word", spans=None, replacement=DELETE, neutral=""
    ).readings


def _refuse_many(tokens: int, room: int) -> None:
    """InputTooLong for more than `MOST` windows."""
    if tokens > MOST * max(1, room):
        raise InputTooLong(
            f"the text has {tokens} tokens or more: of {room} tokens each that is more"
            f" than {MOST} windows; cut the text"
        )


def _borders(text: str, starts: list[int], room: int) -> list[Span]:
    """Where each window begins and ends.

    Args:
        text: all of it.
        starts: where each token begins, in order.
        room: the most tokens of a window.
    """
    sentences = [start for start, _ in units.cut(text, "sentence")]
    words = [run.start() for run in _RUN.finditer(text)]
    borders = []
    begin = 0
    first = 0
    while len(starts) - first > room:
        left = len(starts) - first
        windows = -(-left // room)  # rounded up
        share = left / windows
        longest = min(room, _LONG * share)
        end = _nearest(sentences, starts, first, share, _SHORT * share, longest)
        end = end or _nearest(words, starts, first, share, 1, room)
        # Where a run without white space is longer than a window, a token begins one.
        end = end or starts[first + int(share)]
        borders.append((begin, end))
        begin = end
        first = bisect_left(starts, end)
    return [*borders, (begin, len(text))]


def _nearest(
    places: list[int],
    starts: list[int],
    first: int,
    share: float,
    least: float,
    most: float,
) -> int | None:
    """Of some places in a text, that with about `share` tokens before it.

    Args:
        places: where a window may end, in order.
        starts: where each token begins.
        first: the number of the token that the window begins with.
        share: how many tokens it should have.
        least, most: how few and how many it may have.
    """
    wanted = min(len(starts) - 1, first + int(share))
    beyond = bisect_left(places, starts[wanted])
    best: tuple[float, int] | None = None
    for place in places[max(0, beyond - 2) : beyond + 2]:
        count = bisect_left(starts, place) - first
        if least <= count <= most and count > 0:
            candidate = (abs(count - share), place)
            best = candidate if best is None else min(best, candidate)
    return None if best is None else best[1]


def _read(
    model: HuggingFaceModel,
    text: str,
    borders: list[Span],
    cut: list[Span] | None,
    ablatable: Callable[[Layout], AblatableTokens | SpelledText],
    *,
    exclusive: bool,
) -> Windows:
    """The windows with these borders.

    Args:
        model: that reads.
        text: all of it.
        borders: where each window begins and ends.
        cut: the candidates; None for the tokens of each window.
        ablatable: a window with candidates that come and go.
        exclusive: refuse a token that two candidates share.
    """
    spans: list[Span] = [] if cut is None else cut
    parts = []
    for begin, end in borders:
        part = text[begin:end]
        if cut is None:
            inside = token_spans(model, part)
            columns = len(spans) + np.arange(len(inside))
            in_text = [(start + begin, stop + begin) for start, stop in inside]
            spans = [*spans, *in_text]
        else:
            columns, inside = _clipped(cut, text, begin, end)
        layout = lay_out_spans(model, part, inside, exclusive=exclusive)
        parts.append(
            Window(
                span=(begin, end),
                columns=columns,
                layout=layout,
                tokens=ablatable(layout),
            )
        )
    return Windows(parts, spans)


def _clipped(
    cut: list[Span], text: str, begin: int, end: int
) -> tuple[NDArray[np.int64], list[Span]]:
    """The candidates that show in a window, and where in it they do.

    A candidate on a border is in both windows, in part; one of which nothing but white
    space is in a window is not in it.
    """
    first = bisect_right(cut, begin, key=lambda span: span[1])
    beyond = bisect_left(cut, end, key=lambda span: span[0])
    columns = []
    inside = []
    for column in range(first, beyond):
        start = max(cut[column][0], begin)
        stop = min(cut[column][1], end)
        if text[start:stop].strip():
            columns.append(column)
            inside.append((start - begin, stop - begin))
    return np.array(columns, np.int64), inside
