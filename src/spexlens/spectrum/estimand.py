"""Estimand: the interaction index that masks are bought and weighed for."""

from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from functools import cache
from math import comb, factorial, prod

import numpy as np
from numpy.typing import NDArray

from spexlens.arguments import unknown, whole_number
from spexlens.errors import InvalidInput
from spexlens.masks import designs
from spexlens.spectrum.indices import INDICES
from spexlens.spectrum.sets import Sets

Array = NDArray[np.float64]

_UNIFORM = ("fourier", "bii", "fbii")
_MOST_NODES = 32

MOST_SETS = 50_000
"""The most values of an index that are estimated one by one."""


@dataclass(frozen=True)
class Estimand:
    """An index of all sets of 1 to `order` candidates, as a sum over masks.

    Every index here is linear in f and treats candidates alike, so that

        I(T) = Σ_m (-1)^(|T| - a) q(b) f(m),

    where a of the members of T and b of the other candidates are kept in m. For the
    Shapley interaction index q(b) = b! (n - |T| - b)! / (n - |T| + 1)!.

    Attributes:
        index: a key of `INDICES`.
        order: the most members of a set.

    Raises:
        InvalidInput: an unknown index, or an order below one.
    """

    index: str
    order: int

    def __post_init__(self) -> None:
        if self.index not in INDICES:
            raise InvalidInput(unknown("index", self.index, INDICES))
        whole_number(self.order, "the order of an index", least=1)

    @property
    def uniform(self) -> bool:
        """Whether it weighs all masks alike: uniform masks are the ones that suit it."""
        return self.index in _UNIFORM

    def count(self, n: int) -> int:
        """How many sets of 1 to `order` of n candidates there are."""
        return sum(comb(n, order) for order in range(1, min(self.order, n) + 1))

    def sets(self, n: int) -> Sets:
        """All sets of 1 to `order` of n candidates, by order, then by members.

        Raises:
            InvalidInput: there are more than `MOST_SETS`.
        """
        count = self.count(n)
        if count > MOST_SETS:
            raise InvalidInput(
                f"the {self.index} index of order {self.order} of {n} candidates has"
                f" {count:,} values; at most {MOST_SETS:,} are estimated: ask for"
                " a lower order, or fewer candidates"
            )
        return Sets.low_orders(n, count)

    def weights(self, n: int, members: int) -> Array:
        """q(b) for a set of so many members, b = 0, ..., n - members: float64.

        Exact until the last step: the sums are of large numbers of both signs.
        """
        return np.array(_weights(self.index, self.order, n, members))

    def nodes(self, n: int, members: int) -> tuple[Array, Array]:
        """Shares of kept candidates, and weights, whose mean effects the index is.

        I(T) = Σ_k w_k E[Δ_T f] at p_k: the mean, over masks that keep each other
        candidate with probability p_k, of what the members of T add together. With the
        multilinear extension of f (Owen, 1972) it is an integral over p against a
        polynomial, or a value at one point. Gauss-Legendre is exact up to some 60
        candidates; of more, smooth effects are met to rounding.

        Returns:
            p (c,) in [0, 1] and w (c,), float64.
        """
        measure = _measure(self.index, self.order, members)
        degree = n - members
        if not isinstance(measure, float):
            degree += len(measure) - 1
        return self.about(members, min(degree // 2 + 1, _MOST_NODES))

    def about(self, members: int, count: int) -> tuple[Array, Array]:
        """As `nodes`, with so many nodes: exact for effects that are polynomials in p of
        a lower degree than twice as many, and near for smooth ones.
        """
        measure = _measure(self.index, self.order, members)
        if isinstance(measure, float):
            return np.array([measure]), np.ones(1)
        nodes, weights = np.polynomial.legendre.leggauss(count)
        shares = (nodes + 1.0) / 2.0
        return shares, weights / 2.0 * np.polynomial.Polynomial(measure)(shares)

    def of_table(self, table: Array, sets: Sets) -> Array:
        """The index of some sets, from a function's values on all 2^n masks.

        Args:
            table: (2^n,) float64, by mask index.
            sets: t sets of n candidates.

        Returns:
            (t,) float64.
        """
        masks = designs.everything(sets.n)
        return np.array([row @ table for row in self.mask_weights(masks, sets)])

    def mask_weights(self, masks: NDArray[np.bool_], sets: Sets) -> Iterator[Array]:
        """What each mask weighs in the index of one set after the other.

        Args:
            masks: (m, n) bool.
            sets: t sets of the n candidates.

        Yields:
            (m,) float64, t times.
        """
        kept = masks.sum(axis=1)
        columns = np.ascontiguousarray(masks.T, np.int64)
        for members in sets:
            inside = np.zeros(len(masks), np.int64)
            for member in members:
                inside += columns[member]
            known = self._signed(sets.n, len(members))
            yield known.take(kept * (len(members) + 1) + inside)

    def _signed(self, n: int, members: int) -> Array:
        """(n + 1, members + 1) a mask's weight, by how many candidates, and how many
        members, it keeps; zero where there is no such mask.
        """
        signed = np.zeros((n + 1, members + 1))
        weights = self.weights(n, members)
        for inside in range(members + 1):
            outside = np.arange(len(weights))
            signed[outside + inside, inside] = (-1.0) ** (members - inside) * weights
        return signed


@cache
def _measure(index: str, order: int, members: int) -> float | tuple[float, ...]:
    """A point, or a polynomial in p by rising powers.

    Sources: see `indices`. That of the Faith-Shapley index below its order follows from
    its definition by partial fractions: the weight of a Moebius coefficient of size r
    is a rational function of r, and 1 / (r + j) = ∫ p^(r + j - 1) dp.

    Raises:
        InvalidInput: it is no such mean.
    """
    t = members
    match index:
        case "moebius":
            return 0.0
        case "bii":
            return 0.5
        case "sii":
            return (1.0,)
        case "stii" if t < order:
            return 0.0
        case "stii":
            return tuple(_polynomial([1, -1], t - 1, Fraction(t)))
        case "fsii" if t == order:
            beta = Fraction(factorial(2 * t - 1), factorial(t - 1) ** 2)
            return tuple(_polynomial([0, 1, -1], t - 1, beta))
        case "fsii":
            return tuple(_below_faithful(order, t))
    raise InvalidInput(f"the {index} index is no mean of effects over masks")


def _polynomial(base: list[int], power: int, factor: Fraction) -> list[float]:
    """factor · base^power, by rising powers of p."""
    result = [factor]
    for _ in range(power):
        longer = [Fraction(0)] * (len(result) + len(base) - 1)
        for i, a in enumerate(result):
            for j, b in enumerate(base):
                longer[i + j] += a * b
        result = longer
    return [float(coefficient) for coefficient in result]


def _below_faithful(order: int, t: int) -> list[float]:
    """The density of the Faith-Shapley index of sets of t < order members."""
    # C(r-1, l) / C(r+l-1, l+t) = scale · (r-1)...(r-l) / (r+l-1)...(r-t), whose
    # factors r - 1 to r - t go out
    sign = (-1) ** (order - t)
    factor = Fraction(sign * t * comb(order, t), order + t)
    scale = factor * Fraction(factorial(order + t), factorial(order))

    poles = [*range(order), *(-j for j in range(1, t + 1))]
    roots = range(1, order + 1)
    density = [Fraction(0)] * (order + t)
    for pole in poles:
        # the residue at r = -pole, of Π (r - root) / Π (r + other)
        above = prod(Fraction(-pole - root) for root in roots)
        below = prod(Fraction(other - pole) for other in poles if other != pole)
        # ∫ p^(r - t) p^(pole + t - 1) dp = 1 / (r + pole)
        if above:
            density[pole + t - 1] += scale * above / below
    return [float(coefficient) for coefficient in density]


@cache
def _weights(index: str, order: int, n: int, members: int) -> tuple[float, ...]:
    """q(b) for b = 0, ..., n - t, where t members are in the set.

    From I(T) = Σ_S W(|S|, t) F(S) over the S that hold T, and F(S) = 2^-n Σ_m χ_S(m)
    f(m): the characters of the R = S - T with j members add up, at b others kept, to
    the Krawtchouk polynomial K_j(b; n - t), the coefficient of z^j in (1 - z)^b
    (1 + z)^(n - t - b).
    """
    others = n - members
    sizes = range(members, n + 1)
    of_size = [INDICES[index](size, members, order) for size in sizes]

    sign = (-1) ** members
    scale = Fraction(sign, 1 << n)

    # (1 + z)^others, and from there on one factor (1 - z) / (1 + z) more for each b
    krawtchouk = [comb(others, j) for j in range(others + 1)]
    weights = []
    for _ in range(others + 1):
        total = sum(w * k for w, k in zip(of_size, krawtchouk, strict=True) if w)
        weights.append(float(scale * total))
        krawtchouk = _next(krawtchouk)
    return tuple(weights)


def _next(polynomial: list[int]) -> list[int]:
    """A polynomial with a factor 1 + z, times (1 - z) / (1 + z); by its coefficients.

    Without that factor, which is there but for the last one, what comes is not asked
    for.
    """
    quotient = []
    carried = 0
    for coefficient in polynomial[:-1]:
        carried = coefficient - carried
        quotient.append(carried)

    # times 1 - z
    return [
        high - low for high, low in zip([*quotient, 0], [0, *quotient], strict=True)
    ]
