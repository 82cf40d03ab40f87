"""Ablatable tokens: a token sequence whose parts come and go with the candidates."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from spexlens.masks import masks as mask_algebra

ALWAYS = 0
KEPT = 1
ABLATED = -1


@dataclass(frozen=True)
class Rows:
    """What a model reads for each of m masks, padded on the right to L tokens.

    Attributes:
        ids: (m, L) int64.
        lengths: (m,) int64, tokens that are no padding.
        attention: (m, L) int64, 1 where a token is attended to.
        segments: (m, L) int64, or None.
    """

    ids: NDArray[np.int64]
    lengths: NDArray[np.int64]
    attention: NDArray[np.int64]
    segments: NDArray[np.int64] | None = None

    def take(self, chosen: NDArray[np.int64]) -> "Rows":
        """Some of the rows, padded no further than they need."""
        # Padding takes time, and may move the last digits of an answer.
        longest = int(self.lengths[chosen].max())
        segments = None
        if self.segments is not None:
            segments = self.segments[chosen, :longest]
        return Rows(
            ids=self.ids[chosen, :longest],
            lengths=self.lengths[chosen],
            attention=self.attention[chosen, :longest],
            segments=segments,
        )

    def distinct(self) -> tuple["Rows", NDArray[np.int64]]:
        """The rows that differ, and which of them each is."""
        parts = [self.lengths[:, None], *self.arrays().values()]
        table = np.concatenate(parts, axis=1)
        # Rows are compared byte by byte, as packed masks are.
        first, inverse = mask_algebra.distinct(table.view(np.uint8))
        return self.take(first), inverse

    def arrays(self) -> dict[str, NDArray[np.int64]]:
        """The model's arguments by name."""
        arguments = {"input_ids": self.ids, "attention_mask": self.attention}
        if self.segments is not None:
            arguments["token_type_ids"] = self.segments
        return arguments


@dataclass(frozen=True)
class AblatableTokens:
    """Slots in reading order, each with one token and the condition for its being there.

    A kept candidate shows its own tokens; an ablated one shows its stand-ins, if it has
    any. One list of slots therefore serves every replacement: a mask token for each
    token (each is followed by its stand-in), deletion (none).

    Attributes:
        ids: (p,) int64, the token of each slot.
        owner: (p,) int64, the candidate it depends on, -1 where it depends on none.
        when: (p,) int8, `ALWAYS`, `KEPT` or `ABLATED`.
        hidden: ablated candidates' tokens stay in place and lose the attention of all
            others.
        segments: (p,) int64, which text of a pair each slot belongs to, or None.
    """

    ids: NDArray[np.int64]
    owner: NDArray[np.int64]
    when: NDArray[np.int8]
    hidden: bool = False
    segments: NDArray[np.int64] | None = None

    def present(self, masks: NDArray[np.bool_]) -> NDArray[np.bool_]:
        """Which slots stand in the input: (m, n) -> (m, p) bool."""
        kept = self._owner_kept(masks)
        in_turn = np.where(self.when == KEPT, kept | self.hidden, ~kept)
        present: NDArray[np.bool_] = (self.when == ALWAYS) | in_turn
        return present

    def seen(self, masks: NDArray[np.bool_]) -> NDArray[np.bool_]:
        """Which slots stand in the input and are attended to: (m, n) -> (m, p) bool."""
        if not self.hidden:
            return self.present(masks)
        seen: NDArray[np.bool_] = self._owner_kept(masks) | (self.when == ALWAYS)
        return seen

    def _owner_kept(self, masks: NDArray[np.bool_]) -> NDArray[np.bool_]:
        """Whether each slot's candidate is kept: (m, p)."""
        # Where there is none, -1, the first candidate's is taken, and has no say.
        kept: NDArray[np.bool_] = masks[:, np.maximum(self.owner, 0)]
        return kept

    def lengths(self, masks: NDArray[np.bool_]) -> NDArray[np.int64]:
        """(m,) int64, the number of tokens the model reads for each mask."""
        return np.asarray(self.present(masks).sum(axis=1), dtype=np.int64)

    @property
    def longest(self) -> int:
        """The most tokens that any mask leads to."""
        total = int((self.when == ALWAYS).sum())
        candidates = np.unique(self.owner[self.owner >= 0])
        for candidate in candidates:
            own = self.owner == candidate
            kept = int((own & (self.when == KEPT)).sum())
            ablated = int((own & (self.when == ABLATED)).sum())
            total += max(kept, ablated)
        return total

    def identity(self) -> list[Any]:
        """Everything that decides what is read, as JSON."""
        segments = None if self.segments is None else self.segments.tolist()
        return [
            self.ids.tolist(),
            self.owner.tolist(),
            self.when.tolist(),
            self.hidden,
            segments,
        ]

    def kept_owners(self) -> NDArray[np.int64]:
        """(L,) int64, the owners of the tokens that are read with everything kept."""
        read = (self.when == ALWAYS) | (self.when == KEPT)
        owners: NDArray[np.int64] = self.owner[read]
        return owners

    def rows(self, masks: NDArray[np.bool_], *, pad: int) -> Rows:
        """The batch a model reads, padded on the right to its longest row.

        Args:
            masks: (m, n) bool.
            pad: the token that fills short rows.
        """
        present = self.present(masks)
        length = present.sum(axis=1)
        # A stable sort on "absent" moves the slots that are read to the front in order.
        longest = int(length.max())
        order = np.argsort(~present, axis=1, kind="stable")[:, :longest]
        real = np.take_along_axis(present, order, axis=1)
        ids = np.where(real, self.ids[order], pad)
        attention = np.take_along_axis(self.seen(masks), order, axis=1) & real
        segments = None
        if self.segments is not None:
            segments = np.where(real, self.segments[order], 0)
        return Rows(
            ids=ids,
            lengths=length.astype(np.int64),
            attention=attention.astype(np.int64),
            segments=segments,
        )


def substitute(
    ids: NDArray[np.int64],
    owner: NDArray[np.int64],
    stand_ins: list[list[int]],
    *,
    hidden: bool = False,
    segments: NDArray[np.int64] | None = None,
) -> AblatableTokens:
    """Slots for a tokenised text.

    Args:
        ids: (L,) int64, the whole input's tokens.
        owner: (L,) int64, the candidate each token belongs to, or -1.
        stand_ins: for each token, the tokens that stand in its place while its
            candidate is ablated.
        hidden: see `AblatableTokens`.
        segments: (L,) int64, which text of a pair each token belongs to, or None.
    """
    slots: list[tuple[int, int, int, int]] = []
    segment_of = np.zeros(len(ids), np.int64)
    if segments is not None:
        segment_of = segments
    for token, candidate, segment, others in zip(
        ids.tolist(), owner.tolist(), segment_of.tolist(), stand_ins, strict=True
    ):
        when = ALWAYS if candidate < 0 else KEPT
        slots.append((token, candidate, when, segment))
        slots.extend((other, candidate, ABLATED, segment) for other in others)
    table = np.array(slots, dtype=np.int64).reshape(-1, 4)
    return AblatableTokens(
        ids=table[:, 0],
        owner=table[:, 1],
        when=table[:, 2].astype(np.int8),
        hidden=hidden,
        segments=None if segments is None else table[:, 3],
    )
