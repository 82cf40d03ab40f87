"""Spelled text: a string where a candidate was, and the whole read anew."""

import numpy as np
from numpy.typing import NDArray

from spexlens.lenses.text.layout import Layout
from spexlens.lenses.text.tokens import Rows
from spexlens.models.model import HuggingFaceModel
from spexlens.models.reading import Completion, Reading, read

_REMEMBERED = 20_000  # texts


class SpelledText:
    """A text with a neutral string for each ablated candidate, read by the tokenizer.

    So what is put in is tokenised with its neighbours, as when a person writes it:
    behind a space, inside of brackets, or beside another such string.

    Attributes:
        hidden: always False; see `AblatableTokens`.
    """

    hidden = False

    def __init__(self, model: HuggingFaceModel, layout: Layout, neutral: str) -> None:
        """
        Args:
            model: whose tokenizer reads.
            layout: the text and its candidates, all kept.
            neutral: the string.
        """
        self._model = model
        self._layout = layout
        self._neutral = neutral
        self._completion = layout.reading.completed
        self._known: dict[bytes, Reading] = {}

    def lengths(self, masks: NDArray[np.bool_]) -> NDArray[np.int64]:
        """(m,) int64, the number of tokens the model reads for each mask."""
        return np.array([len(self._reading(mask)) for mask in masks], np.int64)

    @property
    def longest(self) -> int:
        """The most tokens that are read of all masks that are tried.

        Those keep everything, nothing, or all but one candidate: another may lead to
        more, which `rows` refuses.
        """
        count = len(self._layout.spans)
        masks = np.concatenate(
            [
                np.ones((1, count), np.bool_),
                np.zeros((1, count), np.bool_),
                ~np.eye(count, dtype=np.bool_),
            ]
        )
        return int(self.lengths(masks).max())

    def kept_owners(self) -> NDArray[np.int64]:
        """(L,) int64, the owners of the tokens that are read with everything kept."""
        return self._layout.owner

    def rows(self, masks: NDArray[np.bool_], *, pad: int) -> Rows:
        """The batch a model reads, padded on the right to its longest row.

        Args:
            masks: (m, n) bool.
            pad: the token that fills short rows.

        Raises:
            InputTooLong: a text does not fit the model's window.
        """
        readings = [self._reading(mask) for mask in masks]
        lengths = np.array([len(reading) for reading in readings], np.int64)
        self._model.refuse_longer_than_window(
            int(lengths.max()), "the input with neutral strings in it"
        )
        shape = (len(masks), int(lengths.max()))
        ids = np.full(shape, pad, np.int64)
        attention = np.zeros(shape, np.int64)
        segments = np.zeros(shape, np.int64)
        for row, reading in enumerate(readings):
            ids[row, : len(reading)] = reading.ids
            attention[row, : len(reading)] = 1
            if reading.segments is not None:
                segments[row, : len(reading)] = reading.segments
        paired = any(reading.segments is not None for reading in readings)
        return Rows(ids, lengths, attention, segments if paired else None)

    def identity(self) -> list[object]:
        """Everything that decides what is read, beside the tokenizer, as JSON."""
        surrounded = self._layout.surrounded
        return [
            surrounded.whole,
            surrounded.rendered,
            self._layout.spans,
            self._neutral,
            self._completion,
        ]

    def _reading(self, mask: NDArray[np.bool_]) -> Reading:
        """What the model reads for one mask."""
        key = np.packbits(mask).tobytes()
        if key not in self._known:
            # Masks come again in other batches; a text is read once, within bounds.
            if len(self._known) >= _REMEMBERED:
                self._known.clear()
            self._known[key] = self._read(mask)
        return self._known[key]

    def _read(self, mask: NDArray[np.bool_]) -> Reading:
        """What the model reads, the completion's tokens as they are behind the text."""
        # as the layout has it, from which the completion's tokens come
        if mask.all():
            return self._layout.reading
        spans = [
            span
            for span, kept in zip(self._layout.spans, mask.tolist(), strict=True)
            if not kept
        ]
        surrounded = self._layout.surrounded
        text = surrounded.replaced(spans, self._neutral)
        # A tokenizer may join the completion with what stands before it: then its tokens
        # are put there as they are, so that every mask is asked for the same ones.
        if self._completion and isinstance(self._layout.completion, str):
            joint = read(
                self._model, text, self._layout.completion, rendered=surrounded.rendered
            )
            if joint.completed == self._completion:
                return joint
        completion = Completion(self._completion, "") if self._completion else None
        return read(self._model, text, completion, rendered=surrounded.rendered)
