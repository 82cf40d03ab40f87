"""Windows: the parts of a text that is longer than a model reads at once."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from spexlens.lenses.text.layout import Layout
from spexlens.lenses.text.spelled import SpelledText
from spexlens.lenses.text.tokens import AblatableTokens, Rows
from spexlens.lenses.text.units import Span
from spexlens.masks import masks as mask_algebra
from spexlens.models.reading import Reading


@dataclass(frozen=True)
class Window:
    """One part of a text.

    Attributes:
        span: its characters in the text.
        columns: (c,) int64, which of the text's candidates are in it, or in part.
        layout: what is read of it, everything kept; candidates are numbered as in
            `columns`.
        tokens: the same with candidates that come and go.
    """

    span: Span
    columns: NDArray[np.int64]
    layout: Layout
    tokens: AblatableTokens | SpelledText

    def own(self, masks: NDArray[np.bool_]) -> NDArray[np.bool_]:
        """The masks of what is in it: (m, n) -> (m, c), or (m, 1) where nothing is."""
        # Masks have a column at least: tokens of no candidate look it up, to no effect.
        if not len(self.columns):
            return np.ones((len(masks), 1), np.bool_)
        own: NDArray[np.bool_] = masks[:, self.columns]
        return own


class Windows:
    """A text's windows, with the same borders whichever candidates are kept.

    Attributes:
        parts: in reading order.
        spans: the candidates' characters in the text.
        hidden: see `AblatableTokens`.
    """

    def __init__(self, parts: Sequence[Window], spans: list[Span]) -> None:
        self.parts = tuple(parts)
        self.spans = spans
        self.hidden = self.parts[0].tokens.hidden

    def __len__(self) -> int:
        return len(self.parts)

    @property
    def longest(self) -> int:
        """The most tokens that any mask leads to in one window."""
        return max(part.tokens.longest for part in self.parts)

    @property
    def readings(self) -> list[Reading]:
        """What is read of each, everything kept."""
        return [part.layout.reading for part in self.parts]

    def extremes(self) -> "Windows":
        """The windows that have the most and the fewest tokens, as if they were all."""
        lengths = [len(reading) for reading in self.readings]
        longest = int(np.argmax(lengths))
        shortest = int(np.argmin(lengths))
        ends = sorted({longest, shortest})
        return Windows([self.parts[end] for end in ends], self.spans)

    def counts(self) -> list[int]:
        """How many tokens each candidate has, everywhere."""
        counts = np.zeros(len(self.spans), np.int64)
        for part in self.parts:
            owner = part.layout.owner
            # A candidate may own several tokens of a window: `+=` would add one.
            columns = part.columns[owner[owner >= 0]]
            np.add.at(counts, columns, 1)
        return [int(count) for count in counts]

    def lengths(self, masks: NDArray[np.bool_]) -> NDArray[np.int64]:
        """(m,) int64, the number of tokens in all windows for each mask."""
        lengths = [part.tokens.lengths(part.own(masks)) for part in self.parts]
        return np.asarray(np.sum(lengths, axis=0), np.int64)

    def rows(
        self, masks: NDArray[np.bool_], *, pad: int
    ) -> tuple[Rows, NDArray[np.int64]]:
        """What the model reads: each window once for all masks that leave it alike.

        Args:
            masks: (m, n) bool.
            pad: the token that fills short rows.

        Returns:
            The rows, and (m, windows) int64, which of them each mask's windows are.
        """
        tables: list[Rows] = []
        places = np.empty((len(masks), len(self.parts)), np.int64)
        before = 0
        for number, part in enumerate(self.parts):
            own = part.own(masks)
            first, inverse = mask_algebra.distinct(mask_algebra.pack(own))
            rows, again = part.tokens.rows(own[first], pad=pad).distinct()
            places[:, number] = before + again[inverse]
            tables.append(rows)
            before += len(rows.lengths)
        return _stacked(tables, pad), places

    def identity(self) -> list[Any]:
        """Everything that decides what is read, as JSON."""
        return [
            "windows",
            *([part.columns.tolist(), part.tokens.identity()] for part in self.parts),
        ]


def _stacked(tables: Sequence[Rows], pad: int) -> Rows:
    """Rows one below the other, padded on the right to the longest."""
    lengths = np.concatenate([table.lengths for table in tables])
    longest = int(lengths.max())
    ids = np.full((len(lengths), longest), pad, np.int64)
    attention = np.zeros_like(ids)
    row = 0
    for table in tables:
        count, length = table.ids.shape
        below = slice(row, row + count)
        ids[below, :length] = table.ids
        attention[below, :length] = table.attention
        row += count
    return Rows(ids, lengths, attention)
