"""BCH codes as they serve a sparse transform: the syndrome of a set names the set."""

from functools import cache
from math import comb

import numpy as np
from numpy.typing import NDArray

from spexlens.errors import InvalidInput
from spexlens.masks import masks as mask_algebra
from spexlens.transform.binary import Bits, reduce
from spexlens.transform.field import Field


class Code:
    """A shortened binary BCH code of length n that corrects t errors (Lin & Costello,
    2004, ch. 6).

    Candidate i stands at α^i of GF(2^m), n < 2^m. The syndrome of a set S is Σ_{i∈S}
    α^(ij) for j = 1, 3, ..., 2t - 1; it names every set of at most t members. Where the
    syndrome's bits have rank n, a set of any order is read off by linear algebra.

    Attributes:
        n: the number of candidates.
        t: the order up to which every set is named; n where the rank is n.
        rows: (p, n) uint8, parity checks: `rows` times the indicator of a set is its
            syndrome.
        basis: (r, n) uint8, independent rows that span the same checks.
    """

    def __init__(self, n: int, t: int) -> None:
        """
        Raises:
            InvalidInput: there are more candidates than elements in the largest field,
                65,535.
        """
        if n >= 1 << 16:
            raise InvalidInput(
                f"a sparse transform takes at most {(1 << 16) - 1} candidates; got {n}"
            )
        self.n = n
        self._field = Field(max(4, n.bit_length()))
        t = min(t, self._field.order // 2 + 1)  # from where the rank is n
        powers = np.arange(1, 2 * t, 2)[:, None] * np.arange(n) % self._field.order
        bits = (
            self._field.powers[powers][:, None]
            >> np.arange(self._field.degree)[:, None]
            & 1
        )
        self.rows: Bits = bits.astype(np.uint8).reshape(-1, n)
        self.basis: Bits = reduce(self.rows)[0]
        self.t = t
        self.all_orders = len(self.basis) == n
        if self.all_orders:
            # the identity
            self.rows = self.basis
            self.t = n

    @property
    def rank(self) -> int:
        """r, the number of independent checks."""
        return len(self.basis)

    @property
    def density(self) -> float:
        """The share of all syndromes that name a set."""
        if self.all_orders:
            return 1.0
        named = sum(comb(self.n, order) for order in range(self.t + 1))
        return min(1.0, named / float(1 << self.rank))

    def decode(self, syndromes: Bits) -> tuple[NDArray[np.bool_], Bits]:
        """The sets that have these syndromes.

        Args:
            syndromes: (N, p) uint8, as `rows` gives them.

        Returns:
            named (N,) bool, which of them belong to a set of at most t members; and the
                indicators
            (named.sum(), n) uint8 of those sets.
        """
        if self.all_orders:
            return np.ones(len(syndromes), np.bool_), syndromes
        place = np.int32(1) << np.arange(self._field.degree, dtype=np.int32)
        odd = syndromes.reshape(len(syndromes), self.t, -1) @ place
        locators, orders = self._locators(odd)
        named = np.zeros(len(syndromes), np.bool_)
        rows = np.flatnonzero(self._splits(locators, orders))
        members = self._roots(locators[rows])
        sound = members.sum(axis=1) == orders[rows]
        named[rows[sound]] = True
        return named, members[sound]

    def _locators(
        self, odd: NDArray[np.int32]
    ) -> tuple[NDArray[np.int32], NDArray[np.int64]]:
        """Error locators Λ(x) = c Π (1 + x α^i), by Berlekamp and Massey without
        division.

        In a binary code every second discrepancy is zero, so t steps do (Lin &
        Costello, section 6.3).

        Args:
            odd: (N, t) int32, the syndromes for j = 1, 3, ..., 2t - 1.

        Returns:
            (N, t + 1) int32, the coefficients of 1, x, ..., x^t; and (N,) the number of
                errors,
            more than t where there is no answer.
        """
        gf = self._field
        syndromes = np.zeros((len(odd), 2 * self.t), np.int32)
        syndromes[:, ::2] = odd
        for j in range(self.t):
            syndromes[:, 2 * j + 1] = gf.multiply(syndromes[:, j], syndromes[:, j])
        locator = np.zeros((len(odd), self.t + 1), np.int32)
        locator[:, 0] = 1
        # the locator before it last grew, times a power of x
        earlier = np.roll(locator, 1, axis=1)
        scale = np.ones((len(odd), 1), np.int32)
        orders = np.zeros(len(odd), np.int64)
        for step in range(self.t):
            known = syndromes[:, 2 * step :: -1][:, : self.t + 1]
            terms = gf.multiply(locator[:, : known.shape[1]], known)
            discrepancy = np.bitwise_xor.reduce(terms, axis=1)[:, None]
            grows = (discrepancy[:, 0] != 0) & (orders <= step)
            base = np.where(grows[:, None], locator, earlier)
            locator = gf.multiply(scale, locator) ^ gf.multiply(discrepancy, earlier)
            scale = np.where(grows[:, None], discrepancy, scale)
            orders = np.where(grows, 2 * step + 1 - orders, orders)
            earlier = np.zeros_like(base)
            earlier[:, 2:] = base[:, :-2]
        return locator, orders

    def _splits(
        self, locators: NDArray[np.int32], orders: NDArray[np.int64]
    ) -> NDArray[np.bool_]:
        """Whether Λ has as many distinct roots in the field as errors: whether x^(2^m)
        = x modulo Λ.

        This leaves about 1 in t! of the words that noise makes, before their roots are
        searched.
        """
        gf = self._field
        result: NDArray[np.bool_] = orders <= 1
        for order in range(2, self.t + 1):
            rows = np.flatnonzero((orders == order) & (locators[:, order] != 0))
            if not len(rows):
                continue
            monic = gf.divide(locators[rows, :order], locators[rows, order, None])
            power = np.zeros((len(rows), order), np.int32)
            power[:, 1] = 1
            for _ in range(gf.degree):
                square = np.zeros((len(rows), 2 * order - 1), np.int32)
                square[:, ::2] = gf.multiply(power, power)
                for top in range(2 * order - 2, order - 1, -1):
                    square[:, top - order : top] ^= gf.multiply(
                        square[:, top, None], monic
                    )
                power = square[:, :order]
            power[:, 1] ^= 1
            result[rows] = ~power.any(axis=1)
        return result

    def _roots(self, locators: NDArray[np.int32]) -> Bits:
        """Which candidates are among the errors, Λ(α^-i) = 0: (N, t + 1) -> (N, n)
        uint8.
        """
        gf = self._field
        members = np.empty((len(locators), self.n), np.uint8)
        places = -np.arange(self.n) % gf.order
        for part in mask_algebra.blocks(len(locators), 16 * self.n):
            logs = gf.logs[locators[part]]
            value = np.zeros((len(logs), self.n), np.int32)
            for power in range(locators.shape[1]):
                value ^= gf.powers[logs[:, power, None] + power * places % gf.order]
            members[part] = value == 0
        return members


@cache
def rank(n: int, t: int) -> int:
    """The number of independent parity checks of the code of length n that corrects t
    errors.
    """
    return Code(n, t).rank
