"""BCH codes as they serve a sparse transform: the syndrome of a set names the set."""

from functools import cache
from math import comb

import numpy as np
from numpy.typing import NDArray

from spexlens.errors import InvalidInput
from spexlens.masks import masks as mask_algebra
from spexlens.transform.binary import Bits, reduce
from spexlens.transform.field import Field

# elements of the largest field, other than zero
_MOST_CANDIDATES = (1 << 16) - 1

Elements = NDArray[np.int32]


class Code:
    """A shortened binary BCH code of length n that corrects t errors.

    (Lin & Costello, *Error Control Coding*, 2nd ed., 2004, ch. 6.) Candidate i stands at
    α^i of GF(2^m), n < 2^m. The syndrome of a set S is Σ_{i∈S} α^(ij) for j = 1, 3, ...,
    2t - 1; it names every set of at most t members. Where the syndrome's bits have rank
    n, a set of any order is read off by linear algebra.

    Attributes:
        n: the number of candidates.
        t: the order up to which every set is named; n where the rank is n.
        rows: (p, n) uint8, parity checks: `rows` times the indicator of a set is its
            syndrome.
        basis: (r, n) uint8, independent rows that span the same checks.
    """

    def __init__(self, n: int, t: int) -> None:
        """The code for n candidates that names every set of at most t.

        Raises:
            InvalidInput: there are more candidates than elements in the largest field,
                65,535.
        """
        if n > _MOST_CANDIDATES:
            raise InvalidInput(
                f"a sparse transform takes at most {_MOST_CANDIDATES} candidates; got {n}"
            )
        self.n = n
        self._field = Field(max(4, n.bit_length()))
        # from this t on the rank is n: more checks would say nothing new
        t = min(t, self._field.order // 2 + 1)
        self.rows: Bits = self._checks(t)
        self.basis: Bits = reduce(self.rows)[0]
        self.t = t
        self.all_orders = len(self.basis) == n
        if self.all_orders:
            # the reduced basis is then the identity: a syndrome is the set itself
            self.rows = self.basis
            self.t = n

    def _checks(self, t: int) -> Bits:
        """The bits of α^(ij) for j = 1, 3, ..., 2t - 1: (t m, n) uint8."""
        odd = np.arange(1, 2 * t, 2)
        exponents = odd[:, None] * np.arange(self.n) % self._field.order
        elements = self._field.powers[exponents]
        bits = elements[:, None] >> np.arange(self._field.degree)[:, None] & 1
        checks: Bits = bits.astype(np.uint8).reshape(-1, self.n)
        return checks

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
            named (N,) bool, which of them belong to a set of at most t members; and
            (named.sum(), n) uint8, the indicators of those sets.
        """
        if self.all_orders:
            return np.ones(len(syndromes), np.bool_), syndromes

        # m bits in a row are one element of the field
        place_values = np.int32(1) << np.arange(self._field.degree, dtype=np.int32)
        elements = syndromes.reshape(len(syndromes), self.t, -1)
        odd = elements @ place_values

        # to look for roots is dear: most words of noise fall out before
        locators, orders = self._locators(odd)
        rows = np.flatnonzero(self._splits(locators, orders))
        members = self._roots(locators[rows])

        # some roots may stand for no candidate: the code is shortened
        sound = members.sum(axis=1) == orders[rows]

        named = np.zeros(len(syndromes), np.bool_)
        named[rows[sound]] = True
        return named, members[sound]

    def _locators(self, odd: Elements) -> tuple[Elements, NDArray[np.int64]]:
        """Error locators Λ(x) = c Π (1 + x α^i), by Berlekamp and Massey.

        Nothing is divided: Λ keeps a factor c. In a binary code every second discrepancy
        is zero, so t steps do (Lin & Costello, section 6.3).

        Args:
            odd: (N, t) int32, the syndromes for j = 1, 3, ..., 2t - 1.

        Returns:
            (N, t + 1) int32, the coefficients of 1, x, ..., x^t; and (N,) int64, the
            number of errors, more than t where there is no answer.
        """
        gf = self._field
        syndromes = self._all_syndromes(odd)

        locator = np.zeros((len(odd), self.t + 1), np.int32)
        locator[:, 0] = 1
        orders = np.zeros(len(odd), np.int64)

        # the locator before it last grew, times a power of x
        earlier = np.roll(locator, 1, axis=1)
        scale = np.ones((len(odd), 1), np.int32)

        for step in range(self.t):
            # those for 2 step + 1, 2 step, ..., as far as Λ has coefficients
            known = syndromes[:, 2 * step :: -1][:, : self.t + 1]
            terms = gf.multiply(locator[:, : known.shape[1]], known)
            discrepancy = np.bitwise_xor.reduce(terms, axis=1)[:, None]

            # Massey: what fails grows if its errors are at most half the syndromes
            # before; else the older locator mends it at the same length
            wrong = discrepancy[:, 0] != 0
            grows = wrong & (orders <= step)
            orders = np.where(grows, 2 * step + 1 - orders, orders)

            base = np.where(grows[:, None], locator, earlier)
            correction = gf.multiply(discrepancy, earlier)
            locator = gf.multiply(scale, locator) ^ correction
            scale = np.where(grows[:, None], discrepancy, scale)

            # two steps in one: times x²
            earlier = np.zeros_like(base)
            earlier[:, 2:] = base[:, :-2]
        return locator, orders

    def _all_syndromes(self, odd: Elements) -> Elements:
        """For j = 1, 2, ..., 2t, from those for odd j: the one for 2j is a square.

        (N, t) -> (N, 2t) int32.
        """
        syndromes = np.zeros((len(odd), 2 * self.t), np.int32)
        syndromes[:, ::2] = odd
        for j in range(self.t):
            root = syndromes[:, j]
            syndromes[:, 2 * j + 1] = self._field.multiply(root, root)
        return syndromes

    def _splits(
        self, locators: Elements, orders: NDArray[np.int64]
    ) -> NDArray[np.bool_]:
        """Whether Λ has as many distinct roots in the field as errors: (N,) bool.

        So it is where x^(2^m) = x modulo Λ. This leaves about 1 in t! of the words that
        noise makes, before their roots are searched.
        """
        gf = self._field
        result: NDArray[np.bool_] = orders <= 1
        for order in range(2, self.t + 1):
            of_degree = (orders == order) & (locators[:, order] != 0)
            rows = np.flatnonzero(of_degree)
            if not len(rows):
                continue

            leading = locators[rows, order, None]
            monic = gf.divide(locators[rows, :order], leading)

            power = np.zeros((len(rows), order), np.int32)
            power[:, 1] = 1
            for _ in range(gf.degree):
                power = self._squared(power, monic)

            # x^(2^m) - x is the product of x - a over all elements a of the field
            power[:, 1] ^= 1
            result[rows] = ~power.any(axis=1)
        return result

    def _squared(self, polynomials: Elements, monic: Elements) -> Elements:
        """Squares modulo monic polynomials, row by row.

        Args:
            polynomials: (N, d) int32, the coefficients of 1, ..., x^(d-1).
            monic: (N, d) int32, those of the polynomials below x^d.
        """
        gf = self._field
        rows, order = polynomials.shape

        # in characteristic 2 the square of a sum is the sum of the squares
        square = np.zeros((rows, 2 * order - 1), np.int32)
        square[:, ::2] = gf.multiply(polynomials, polynomials)

        # x^d is what the modulus has below it; from the top, as that may reach x^d
        for top in range(2 * order - 2, order - 1, -1):
            leading = square[:, top, None]
            square[:, top - order : top] ^= gf.multiply(leading, monic)
        return square[:, :order]

    def _roots(self, locators: Elements) -> Bits:
        """Which candidates are among the errors, where Λ(α^-i) = 0, all of them tried.

        (N, t + 1) int32 -> (N, n) uint8.
        """
        gf = self._field
        members = np.empty((len(locators), self.n), np.uint8)

        # the logarithms of α^-i
        places = -np.arange(self.n) % gf.order

        for part in mask_algebra.blocks(len(locators), 16 * self.n):
            logs = gf.logs[locators[part]]
            value = np.zeros((len(logs), self.n), np.int32)

            # the log of a zero coefficient lies so far up that any shift reads a zero
            for power in range(locators.shape[1]):
                shift = power * places % gf.order
                exponents = logs[:, power, None] + shift
                value ^= gf.powers[exponents]

            members[part] = value == 0
        return members


@cache
def rank(n: int, t: int) -> int:
    """The independent parity checks of the code of length n that corrects t errors."""
    return Code(n, t).rank
