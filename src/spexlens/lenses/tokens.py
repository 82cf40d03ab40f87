"""Ablatable tokens: a token sequence whose parts come and go with the candidates."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

ALWAYS, KEPT, ABLATED = 0, 1, -1


@dataclass(frozen=True)
class AblatableTokens:
    """Slots in reading order, each holding one token and the condition under which it is there.

    A kept candidate shows its own tokens; an ablated one shows its stand-ins, if it has any. One
    list of slots therefore serves every replacement: a mask token for each token (each is followed
    by its stand-in), a neutral string (one stand-in a run), deletion (none).

    Attributes:
        ids: (p,) int64, the token of each slot.
        owner: (p,) int64, the candidate it depends on, -1 where it depends on none.
        when: (p,) int8, `ALWAYS`, `KEPT` or `ABLATED`.
        hidden: ablated candidates' tokens stay in place and lose the attention of all others.
    """

    ids: NDArray[np.int64]
    owner: NDArray[np.int64]
    when: NDArray[np.int8]
    hidden: bool = False

    def present(self, masks: NDArray[np.bool_]) -> NDArray[np.bool_]:
        """Which slots stand in the input: (m, n) -> (m, p) bool."""
        kept = masks[:, np.maximum(self.owner, 0)]
        present: NDArray[np.bool_] = (self.when == ALWAYS) | np.where(
            self.when == KEPT, kept | self.hidden, ~kept
        )
        return present

    def seen(self, masks: NDArray[np.bool_]) -> NDArray[np.bool_]:
        """Which slots stand in the input and are attended to: (m, n) -> (m, p) bool."""
        if not self.hidden:
            return self.present(masks)
        seen: NDArray[np.bool_] = masks[:, np.maximum(self.owner, 0)] | (self.when == ALWAYS)
        return seen

    def lengths(self, masks: NDArray[np.bool_]) -> NDArray[np.int64]:
        """(m,) int64, the number of tokens the model reads for each mask."""
        return np.asarray(self.present(masks).sum(axis=1), dtype=np.int64)

    @property
    def longest(self) -> int:
        """The most tokens that any mask leads to."""
        total = int((self.when == ALWAYS).sum())
        for candidate in np.unique(self.owner[self.owner >= 0]):
            mine = self.owner == candidate
            total += int(max((mine & (self.when == KEPT)).sum(), (mine & (self.when == ABLATED)).sum()))
        return total

    def rows(
        self, masks: NDArray[np.bool_], *, pad: int, left: bool
    ) -> tuple[NDArray[np.int64], NDArray[np.bool_], NDArray[np.bool_]]:
        """The batch a model reads, padded to its longest row.

        Args:
            masks: (m, n) bool.
            pad: the token that fills short rows.
            left: pad on the left instead of the right.

        Returns:
            ids (m, L) int64, real (m, L) bool (not padding), attention (m, L) bool.
        """
        present, seen = self.present(masks), self.seen(masks)
        length = present.sum(axis=1)
        longest = int(length.max())
        if (length == longest).all():
            shape = (len(masks), longest)
            ids = np.broadcast_to(self.ids, present.shape)[present].reshape(shape)
            return ids, np.ones(shape, np.bool_), seen[present].reshape(shape)
        # A stable sort on "absent" (or "present") moves the slots that are read to one end, in order.
        order = np.argsort(present if left else ~present, axis=1, kind="stable")
        order = order[:, -longest:] if left else order[:, :longest]
        real = np.take_along_axis(present, order, axis=1)
        ids = np.where(real, self.ids[order], pad)
        return ids, real, np.take_along_axis(seen, order, axis=1) & real


def substitute(
    ids: NDArray[np.int64], owner: NDArray[np.int64], stand_ins: list[list[int]], *, hidden: bool = False
) -> AblatableTokens:
    """Slots for a tokenised text.

    Args:
        ids: (L,) int64, the whole input's tokens.
        owner: (L,) int64, the candidate each token belongs to, or -1.
        stand_ins: for each token, the tokens that stand in its place while its candidate is ablated.
        hidden: see `AblatableTokens`.
    """
    slots: list[tuple[int, int, int]] = []
    for token, candidate, others in zip(ids.tolist(), owner.tolist(), stand_ins, strict=True):
        slots.append((token, candidate, ALWAYS if candidate < 0 else KEPT))
        slots.extend((other, candidate, ABLATED) for other in others)
    table = np.array(slots, dtype=np.int64).reshape(-1, 3)
    return AblatableTokens(table[:, 0], table[:, 1], table[:, 2].astype(np.int8), hidden)
