"""Sets: a sparse family of subsets of the candidates."""

from collections.abc import Iterable, Iterator, Sequence
from functools import cached_property
from itertools import chain, combinations
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
            if not row:
                continue

            # sorted: the ends tell whether any is outside
            outside = row[0] < 0 or row[-1] >= n
            repeated = len(set(row)) < len(row)
            if outside or repeated:
                raise InvalidInput(
                    f"{tuple(row)} is not a set of positions from 0 to {n - 1}"
                )

        sizes = [len(row) for row in rows]
        starts = np.cumsum([0, *sizes], dtype=np.int64)
        members = np.array(list(chain.from_iterable(rows)), dtype=np.int32)
        return cls(n, members, starts)

    @classmethod
    def from_incidence(cls, incidence: NDArray[np.bool_]) -> "Sets":
        """Sets from their indicator rows, (s, n) bool."""
        rows, columns = np.nonzero(incidence)
        starts = np.searchsorted(rows, np.arange(len(incidence) + 1))
        return cls(
            incidence.shape[1], columns.astype(np.int32), starts.astype(np.int64)
        )

    @classmethod
    def from_ragged(cls, n: int, padded: NDArray[np.int32]) -> "Sets":
        """Sets from rows of members in any order, padded with n: (s, d) int32."""
        rows = np.sort(padded, axis=1)
        real = rows < n
        starts = _starts(real.sum(axis=1))
        return cls(n, rows[real].astype(np.int32), starts)

    @classmethod
    def low_orders(cls, n: int, most: int) -> "Sets":
        """All sets of 1, 2, ... members: as many whole orders as make at most `most`."""
        rows: list[tuple[int, ...]] = []
        order = 1
        while order <= n and len(rows) + comb(n, order) <= most:
            rows += combinations(range(n), order)
            order += 1
        return cls.of(n, rows)

    @classmethod
    def concatenate(cls, families: Sequence["Sets"]) -> "Sets":
        """One or more families of the same candidates, end to end.

        A set may come to stand twice.
        """
        ends = np.cumsum([0, *(len(family.members) for family in families)])
        starts = [np.zeros(1, np.int64)]
        for family, end in zip(families, ends, strict=False):
            starts.append(family.starts[1:] + end)
        members = np.concatenate([family.members for family in families])
        return cls(families[0].n, members, np.concatenate(starts).astype(np.int64))

    def distinct(self) -> "Sets":
        """Each set once, sorted by order, then by members."""
        return self.merge(np.zeros(len(self)))[0]

    def __len__(self) -> int:
        return len(self.starts) - 1

    def __getitem__(self, position: int) -> tuple[int, ...]:
        start = self.starts[position]
        end = self.starts[position + 1]
        return tuple(self.members[start:end].tolist())

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
        packed = np.zeros((len(self), (self.n + 7) // 8), np.uint8)
        rows = np.repeat(np.arange(len(self)), self.orders)
        byte = self.members >> 3
        bit = np.uint8(1) << (self.members & 7).astype(np.uint8)
        np.bitwise_or.at(packed, (rows, byte), bit)
        return packed

    def take(self, positions: NDArray[np.int64] | Sequence[int]) -> "Sets":
        """The sets at these positions, in this order."""
        chosen = np.asarray(positions, dtype=np.int64)
        sizes = self.orders[chosen]
        starts = _starts(sizes)
        within = np.arange(starts[-1]) - np.repeat(starts[:-1], sizes)
        taken = np.repeat(self.starts[chosen], sizes) + within
        return Sets(self.n, self.members[taken], starts)

    def by_order(self) -> Iterator[tuple[NDArray[np.int64], NDArray[np.int32]]]:
        """For each order d that occurs, ascending, its sets.

        Yields:
            positions (c,) int64 and members (c, d) int32 of the c sets.
        """
        for order in np.unique(self.orders):
            positions = np.flatnonzero(self.orders == order)
            places = self.starts[positions, None] + np.arange(order)
            yield positions, self.members[places]

    def merge(self, values: NDArray[np.float64]) -> tuple["Sets", NDArray[np.float64]]:
        """Equal sets become one and their values are summed.

        Args:
            values: (s,) or (s, k) float64.

        Returns:
            The d distinct sets, sorted by order, then by members; and (d,) or (d, k)
            float64.
        """
        keys = self._keys()
        order = np.lexsort(keys)

        new = np.ones(len(self), np.bool_)
        if len(self):
            changes = np.diff(keys[:, order], axis=1) != 0
            new[1:] = changes.any(axis=0)
        first = np.flatnonzero(new)

        # reduceat takes no empty list of starts
        if not len(first):
            return self.take(order[first]), values[:0]

        summed = np.add.reduceat(values[order], first, axis=0)
        return self.take(order[first]), summed

    def _keys(self) -> NDArray[np.uint64]:
        """What sorts the sets by order, then by members: (w, s), the last row first.

        The order and the members are packed into 64-bit words, as many a word as fit,
        so that sorting compares few words: one, for most spectra.
        """
        # bits of a field: an order may be n, one more than any position
        width = max(1, int(self.n).bit_length())
        per_word = 64 // width

        # the largest set has a field for its order, and one for each member
        largest = int(self.orders.max(initial=0))
        count = largest // per_word + 1
        words = np.zeros((count, len(self)), np.uint64)

        for positions, members in self.by_order():
            order = np.full(len(positions), members.shape[1])
            fields = np.column_stack([order, members]).astype(np.uint64)

            for j, field in enumerate(fields.T):
                word, slot = divmod(j, per_word)

                # the first field decides first: it stands in the highest bits
                places_below = per_word - 1 - slot
                shift = np.uint64(places_below * width)

                # lexsort takes the last row as the most significant
                words[-1 - word, positions] |= field << shift

        return words


def _starts(sizes: NDArray[np.int64]) -> NDArray[np.int64]:
    """Where sets of these sizes start and end, laid end to end: (s,) -> (s + 1,)."""
    return np.concatenate([[0], np.cumsum(sizes)]).astype(np.int64)
