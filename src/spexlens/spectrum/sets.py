"""Sets: a sparse family of subsets of the candidates."""

from collections.abc import Iterable, Iterator, Sequence
from functools import cached_property
from itertools import combinations
from math import comb
from operator import index

import numpy as np
from numpy.typing import NDArray

from spexlens.errors import InvalidInput


class Sets:
    """Subsets of {0, ..., n-1}, stored as their members end to end.

    Attributes:
        n: the number of candidates.
        members: (total,) int32, the members of every set, ascending within a set.
        starts: (s + 1,) int64; set j is members[starts[j]:starts[j + 1]].
    """

    def __init__(
        self, n: int, members: NDArray[np.int32], starts: NDArray[np.int64]
    ) -> None:
        self.n = n
        self.members = members
        self.starts = starts

    @classmethod
    def of(cls, n: int, sets: Iterable[Iterable[int]]) -> "Sets":
        """Sets from any collections of positions.

        Raises:
            InvalidInput: a position is outside 0..n-1 or stands twice in one set.
        """
        rows = [sorted(index(i) for i in members) for members in sets]
        for row in rows:
            if row and (row[0] < 0 or row[-1] >= n or len(set(row)) < len(row)):
                raise InvalidInput(
                    f"{tuple(row)} is not a set of positions from 0 to {n - 1}"
                )
        starts = np.cumsum([0, *(len(row) for row in rows)], dtype=np.int64)
        return cls(
            n, np.array([i for row in rows for i in row], dtype=np.int32), starts
        )

    @classmethod
    def from_incidence(cls, incidence: NDArray[np.bool_]) -> "Sets":
        """Sets from their indicator rows, (s, n) bool."""
        rows, columns = np.nonzero(incidence)
        starts = np.searchsorted(rows, np.arange(len(incidence) + 1)).astype(np.int64)
        return cls(incidence.shape[1], columns.astype(np.int32), starts)

    @classmethod
    def from_ragged(cls, n: int, padded: NDArray[np.int32]) -> "Sets":
        """Sets from rows of members in any order, padded with n: (s, d) int32."""
        rows = np.sort(padded, axis=1)
        real = rows < n
        starts = np.concatenate([[0], np.cumsum(real.sum(axis=1))]).astype(np.int64)
        return cls(n, rows[real].astype(np.int32), starts)

    @classmethod
    def low_orders(cls, n: int, most: int) -> "Sets":
        """All sets of 1, 2, ... members, as many whole orders as make at most so many
        sets.
        """
        rows: list[tuple[int, ...]] = []
        order = 1
        while order <= n and len(rows) + comb(n, order) <= most:
            rows += combinations(range(n), order)
            order += 1
        return cls.of(n, rows)

    @classmethod
    def concatenate(cls, families: Sequence["Sets"]) -> "Sets":
        """One or more families of the same candidates, end to end; a set may come to
        stand twice.
        """
        ends = np.cumsum([0, *(len(family.members) for family in families)])
        starts = [
            family.starts[1:] + end for family, end in zip(families, ends, strict=False)
        ]
        members = np.concatenate([family.members for family in families])
        return cls(
            families[0].n, members, np.concatenate([[0], *starts]).astype(np.int64)
        )

    def distinct(self) -> "Sets":
        """Each set once, sorted by order, then by members."""
        return self.merge(np.zeros(len(self)))[0]

    def __len__(self) -> int:
        return len(self.starts) - 1

    def __getitem__(self, position: int) -> tuple[int, ...]:
        return tuple(
            self.members[self.starts[position] : self.starts[position + 1]].tolist()
        )

    def __iter__(self) -> Iterator[tuple[int, ...]]:
        return (self[position] for position in range(len(self)))

    @cached_property
    def orders(self) -> NDArray[np.int64]:
        """(s,) int64, the number of members of each set."""
        return np.diff(self.starts)

    @property
    def indicators(self) -> NDArray[np.uint8]:
        """(s, n) uint8, 1 where a candidate is a member."""
        return np.unpackbits(self.packed, axis=1, count=self.n, bitorder="little")

    @cached_property
    def packed(self) -> NDArray[np.uint8]:
        """(s, ceil(n / 8)) uint8, each set as a packed mask of its members."""
        bits = np.zeros((len(self), (self.n + 7) // 8), np.uint8)
        rows = np.repeat(np.arange(len(self)), self.orders)
        np.bitwise_or.at(
            bits,
            (rows, self.members >> 3),
            np.uint8(1) << (self.members & 7).astype(np.uint8),
        )
        return bits

    def take(self, positions: NDArray[np.int64] | Sequence[int]) -> "Sets":
        """The sets at these positions, in this order."""
        chosen = np.asarray(positions, dtype=np.int64)
        sizes = self.orders[chosen]
        starts = np.concatenate([[0], np.cumsum(sizes)]).astype(np.int64)
        within = np.arange(starts[-1]) - np.repeat(starts[:-1], sizes)
        return Sets(
            self.n, self.members[np.repeat(self.starts[chosen], sizes) + within], starts
        )

    def by_order(self) -> Iterator[tuple[NDArray[np.int64], NDArray[np.int32]]]:
        """For each order d that occurs: the positions (c,) and the members (c, d) of
        its sets.
        """
        for order in np.unique(self.orders):
            positions = np.flatnonzero(self.orders == order)
            yield (
                positions,
                self.members[self.starts[positions, None] + np.arange(order)],
            )

    def merge(self, values: NDArray[np.float64]) -> tuple["Sets", NDArray[np.float64]]:
        """Equal sets become one and their values are summed; sorted by order, then by
        members.

        Args:
            values: (s,) or (s, k) float64.
        """
        keys = self._keys()
        order = np.lexsort(keys)
        new = np.ones(len(self), np.bool_)
        if len(self):
            new[1:] = (np.diff(keys[:, order], axis=1) != 0).any(axis=0)
        first = np.flatnonzero(new)
        summed = (
            np.add.reduceat(values[order], first, axis=0) if len(first) else values[:0]
        )
        return self.take(order[first]), summed

    def _keys(self) -> NDArray[np.uint64]:
        """Columns that sort the sets by order, then by members: (w, s), the last the
        most significant.

        The order and the members are packed into 64-bit words, as many a word as fit,
        so that sorting compares few words: one, for most spectra.
        """
        width = max(1, int(self.n).bit_length())
        per_word = 64 // width
        words = np.zeros(
            (int(self.orders.max(initial=0)) // per_word + 1, len(self)), np.uint64
        )
        for positions, members in self.by_order():
            fields = np.column_stack(
                [np.full(len(positions), members.shape[1]), members]
            ).astype(np.uint64)
            for j, field in enumerate(fields.T):
                word, slot = divmod(j, per_word)
                words[-1 - word, positions] |= field << np.uint64(
                    (per_word - 1 - slot) * width
                )
        return words
