"""Layout: a text in its surroundings, as tokens, each of one candidate or of none."""

from bisect import bisect_left, bisect_right
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from spexlens.errors import InvalidInput
from spexlens.lenses.text import units
from spexlens.lenses.text.surroundings import Surrounded, surround
from spexlens.lenses.text.units import Span
from spexlens.models.model import HuggingFaceModel
from spexlens.models.reading import Completion, Reading, read, refuse_far_longer

# the tokenizer's special tokens that say where texts begin and end
_STRUCTURE = ("bos", "eos", "cls", "sep", "pad")


@dataclass(frozen=True)
class Layout:
    """What a model reads, and the candidates that its tokens belong to.

    Attributes:
        reading: the whole input's tokens, a completion's behind them.
        owner: (L,) int64, the candidate each token belongs to; -1 for special tokens,
            the template, white space, the completion and whatever else is never
            ablated.
        spans: the candidates' characters in the text.
        surrounded: the text in its template.
        completion: what a causal model is asked for.
    """

    reading: Reading
    owner: NDArray[np.int64]
    spans: list[Span]
    surrounded: Surrounded
    completion: str | Completion | None = None


def lay_out(
    model: HuggingFaceModel,
    text: str,
    completion: str | Completion | None = None,
    *,
    unit: str,
    spans: Sequence[Span] | None,
    template: str,
    chat: bool,
) -> Layout:
    """Tokenise a text in its template, and give each token to a candidate, or to none.

    Raises:
        InvalidInput: a bad template, unit or span, or a candidate without a token of
            its own.
        InputTooLong: it does not fit the model's window; seen before anything is made
            of it.
        ModelError: a chat template is asked for and the tokenizer has none.
    """
    # by characters, before a text that is far too long is tokenised
    refuse_far_longer(model, text, "the text", parted=True)
    surrounded = surround(model.tokenizer, text, template, chat=chat)
    reading = read(model, surrounded.whole, completion, rendered=surrounded.rendered)
    model.refuse_longer_than_window(len(reading), "the text", parted=True)
    places = _own_places(model, reading)
    if spans is not None:
        cut = units.check(spans, text)
    elif unit == "token":
        cut = _tokens(text, surrounded, places)
        if not cut:
            raise InvalidInput("the text has no token to ablate")
    else:
        cut = _without_structure(units.cut(text, unit), surrounded, reading, places)
    # Words may share a token, which goes to one of them; spans that were given may not.
    return _laid(
        surrounded, reading, places, cut, completion, exclusive=spans is not None
    )


def lay_out_spans(
    model: HuggingFaceModel, text: str, spans: list[Span], *, exclusive: bool
) -> Layout:
    """Tokenise a text alone, whose candidates are known, or none.

    Args:
        model: whose tokenizer reads.
        text: the text.
        spans: the candidates.
        exclusive: refuse a token that two of them share.

    Raises:
        InvalidInput: a candidate has no token of its own.
    """
    surrounded = surround(model.tokenizer, text, "{text}", chat=False)
    reading = read(model, text)
    return _laid(
        surrounded,
        reading,
        _own_places(model, reading),
        spans,
        None,
        exclusive=exclusive,
    )


def spans_of(
    model: HuggingFaceModel,
    text: str,
    reading: Reading,
    *,
    unit: str,
    spans: Sequence[Span] | None,
) -> list[Span]:
    """The candidates of a text alone, of a unit that is not "token".

    Raises:
        InvalidInput: a bad unit or span, or nothing to ablate.
    """
    if spans is not None:
        return units.check(spans, text)
    surrounded = surround(model.tokenizer, text, "{text}", chat=False)
    return _without_structure(
        units.cut(text, unit), surrounded, reading, _own_places(model, reading)
    )


def token_spans(model: HuggingFaceModel, text: str) -> list[Span]:
    """The characters of each token of a text alone; none where it has no token."""
    surrounded = surround(model.tokenizer, text, "{text}", chat=False)
    return _tokens(text, surrounded, _own_places(model, read(model, text)))


def _own_places(model: HuggingFaceModel, reading: Reading) -> NDArray[np.int64]:
    """(L, 2) int64, `Reading.places`, with -1 for tokens that begin and end texts."""
    places = reading.places.copy()
    places[_structural(model, reading)] = -1
    return places


def _tokens(text: str, surrounded: Surrounded, places: NDArray[np.int64]) -> list[Span]:
    """The characters in the text that each token stands for."""
    visible = []
    for start, end in places.tolist():
        shown = surrounded.of(start, end) if end > start else None
        if shown is not None and text[slice(*shown)].strip():
            visible.append(shown)
    return _merged(sorted(visible))


def _laid(
    surrounded: Surrounded,
    reading: Reading,
    places: NDArray[np.int64],
    cut: list[Span],
    completion: str | Completion | None,
    *,
    exclusive: bool,
) -> Layout:
    """The layout of candidates that are known."""
    where = [surrounded.within(start, end) for start, end in cut]
    owner = _owners(places, where, surrounded.whole, cut, reading, exclusive=exclusive)
    return Layout(reading, owner, cut, surrounded, completion)


def _structural(model: HuggingFaceModel, reading: Reading) -> NDArray[np.bool_]:
    """(L,) bool: tokens that say where texts begin and end, which always stay.

    Those that the text itself holds are among them.
    """
    tokenizer = model.tokenizer
    known = [getattr(tokenizer, f"{name}_token_id") for name in _STRUCTURE]
    # Some tokenizers have one token for several purposes: one that stands for words too
    # is ablated as those are.
    words = (None, tokenizer.mask_token_id, tokenizer.unk_token_id)
    structural = [token for token in known if token not in words]
    return np.isin(reading.ids, structural)


def _without_structure(
    cut: list[Span], surrounded: Surrounded, reading: Reading, places: NDArray[np.int64]
) -> list[Span]:
    """The spans that are not wholly inside of tokens that begin and end texts.

    Raises:
        InvalidInput: none is left.
    """
    written = reading.places[:, 1] > reading.places[:, 0]
    structure = reading.places[(places[:, 0] < 0) & written]
    if not len(structure):
        return cut
    free = []
    for span in cut:
        start, end = surrounded.within(*span)
        inside = (structure[:, 0] <= start) & (end <= structure[:, 1])
        if not inside.any():
            free.append(span)
    if not free:
        raise InvalidInput(
            "the text has nothing to ablate but tokens that say where texts begin"
            " and end"
        )
    return free


def _merged(places: list[Span]) -> list[Span]:
    """Sorted places, those that overlap made one: several tokens may share a character."""
    merged: list[Span] = []
    for start, end in places:
        if merged and start < merged[-1][1]:
            first, last = merged.pop()
            merged.append((first, max(end, last)))
        else:
            merged.append((start, end))
    return merged


def _owners(
    places: NDArray[np.int64],
    where: list[Span],
    whole: str,
    cut: list[Span],
    reading: Reading,
    *,
    exclusive: bool,
) -> NDArray[np.int64]:
    """The candidate that each token overlaps most, -1 for none: (L, 2) -> (L,) int64.

    Args:
        places: of the tokens in the whole string.
        where: of the candidates in it.
        whole: the string.
        cut: the candidates' characters in the text, to name them by.
        reading: what is read.
        exclusive: refuse a token that overlaps two.
    """
    owner = np.full(len(places), -1)
    begins = [start for start, _ in where]
    stops = [stop for _, stop in where]
    for token, (start, end) in enumerate(places.tolist()):
        # Candidates are in order and apart: those that a token overlaps are neighbours.
        neighbours = range(bisect_right(stops, start), bisect_left(begins, end))
        overlaps: dict[int, int] = {}
        for number in neighbours:
            size = min(end, stops[number]) - max(start, begins[number])
            if size > 0:
                overlaps[number] = size
        if exclusive and len(overlaps) > 1:
            raise InvalidInput(
                f"two spans share the token {whole[start:end]!r}; move the border"
                " between them"
            )
        if overlaps:
            owner[token] = max(overlaps, key=overlaps.__getitem__)
    _refuse_bare(owner, where, whole, cut, reading)
    return owner.astype(np.int64)


def _refuse_bare(
    owner: NDArray[np.int64],
    where: list[Span],
    whole: str,
    cut: list[Span],
    reading: Reading,
) -> None:
    """InvalidInput for a candidate that owns no token; arguments as for `_owners`."""
    bare = np.setdiff1d(np.arange(len(where)), owner)
    if not len(bare):
        return
    start, end = where[bare[0]]
    remedy = "use a coarser unit"
    if reading.note and reading.completion:
        remedy = "the completion begins in it"
    raise InvalidInput(
        f"{whole[start:end]!r} at character {cut[bare[0]][0]} has no token of its"
        f" own; {remedy}"
    )
