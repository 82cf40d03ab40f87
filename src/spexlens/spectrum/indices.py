"""Interaction indices of a Spectrum.

Every index here is linear in f and treats candidates alike, so it is a weighted sum
over the sets that contain T, and the weight depends on three sizes only:

    I(T) = Σ_{S ⊇ T} weight(|S|, |T|, order) · F(S).

A set S of the spectrum is therefore visited once for each of its subsets of at most
`order` members, never for all 2^|S|. The weights are the indices' definitions applied
to one character: the Moebius transform of χ_S is (-2)^|R| on every R ⊆ S and zero
elsewhere.

| name      | index                         | source |
|-----------|-------------------------------|--------|
| `fourier` | Fourier coefficient           | O'Donnell, Analysis of Boolean Functions (2014), ch. 1 |
| `moebius` | Moebius, Harsanyi dividend    | Harsanyi, Int. Econ. Rev. 4 (1963); Rota (1964) |
| `bii`     | Banzhaf interaction index     | Grabisch & Roubens, Int. J. Game Theory 28 (1999), def. 4 |
| `sii`     | Shapley interaction index     | Grabisch & Roubens, Int. J. Game Theory 28 (1999), def. 2 |
| `stii`    | Shapley-Taylor index          | Sundararajan, Dhamdhere & Agarwal, ICML (2020), eq. 3 |
| `fbii`    | Faith-Banzhaf index           | Tsai, Yeh & Ravikumar, JMLR 24 (2023), theorem 17 |
| `fsii`    | Faith-Shapley index           | Tsai, Yeh & Ravikumar, JMLR 24 (2023), eq. 16 |
"""

from collections.abc import Callable
from fractions import Fraction
from functools import cache
from itertools import combinations
from math import comb

import numpy as np
from numpy.typing import NDArray

from spexlens.arguments import unknown, whole_number
from spexlens.errors import InvalidInput
from spexlens.spectrum.sets import Sets
from spexlens.spectrum.spectrum import SetFunction, Spectrum

Weight = Callable[[int, int, int], Fraction]
"""What F(S) counts in the index of a T ⊆ S, from |S|, |T| and the order."""

# members of subsets that are listed: at four bytes each, 1 GiB
_MOST_ENTRIES = 1 << 28


def _fourier(s: int, t: int, order: int) -> Fraction:
    return Fraction(s == t)


def _moebius(s: int, t: int, order: int) -> Fraction:
    return Fraction((-2) ** t)


def _bii(s: int, t: int, order: int) -> Fraction:
    return Fraction((-2) ** t * (s == t))


def _sii(s: int, t: int, order: int) -> Fraction:
    # Σ_R a(R) / (|R|-|T|+1) over T ⊆ R ⊆ S is (-2)^t ∫₀¹ (1-2x)^(s-t) dx.
    if (s - t) % 2:
        return Fraction(0)
    return Fraction((-2) ** t, s - t + 1)


def _stii(s: int, t: int, order: int) -> Fraction:
    if t < order:
        return _moebius(s, t, order)
    total = Fraction(0)
    for r in range(t, s + 1):
        total += Fraction(comb(s - t, r - t) * (-2) ** r, comb(r, t))
    return total


def _fbii(s: int, t: int, order: int) -> Fraction:
    return Fraction((-2) ** t * (s <= order))


def _fsii(s: int, t: int, order: int) -> Fraction:
    # the empty set keeps its Moebius coefficient: its correction has a factor t
    if t == 0:
        return _moebius(s, t, order)

    sign = (-1) ** (order - t)
    factor = sign * t * comb(order, t)
    scale = Fraction(factor, order + t)

    # by their size r, the sets R above the order with T ⊆ R ⊆ S
    above = Fraction(0)
    for r in range(order + 1, s + 1):
        supersets = comb(s - t, r - t)
        moebius = supersets * (-2) ** r
        numerator = moebius * comb(r - 1, order)
        denominator = comb(r + order - 1, order + t)
        above += Fraction(numerator, denominator)

    return _moebius(s, t, order) + scale * above


INDICES: dict[str, Weight] = {
    "fourier": _fourier,
    "moebius": _moebius,
    "bii": _bii,
    "sii": _sii,
    "stii": _stii,
    "fbii": _fbii,
    "fsii": _fsii,
}
"""The indices by name."""


@cache
def weight(index: str, s: int, t: int, order: int) -> float:
    """What F(S) counts in the index of a T ⊆ S: s = |S|, t = |T|."""
    return float(INDICES[index](s, t, order))


def interaction_index(
    spectrum: Spectrum, index: str, order: int | None = None
) -> SetFunction:
    """An interaction index of every set of up to `order` members that can be non-zero.

    Args:
        spectrum: the function, n candidates and s sets.
        index: a key of `INDICES`.
        order: the order of the explanation; by default the largest order in the
            spectrum. For `stii`, `fbii` and `fsii` the values depend on it; elsewhere
            it only cuts the list.

    Returns:
        The index of each T, (t,) or (t, k) as the spectrum's values; the empty set is
        included, with the index's own baseline.

    Raises:
        InvalidInput: an unknown index, an order below one, or more subsets than can be
            listed.
    """
    if index not in INDICES:
        raise InvalidInput(unknown("index", index, INDICES))
    largest = order_of(spectrum, order)

    def weight_of(s: int, t: int) -> float:
        return weight(index, s, t, largest)

    return spread(spectrum.sets, spectrum.values, weight_of, largest)


def order_of(spectrum: Spectrum, order: int | None) -> int:
    """The order given, or the largest in the spectrum, at least 1.

    Raises:
        InvalidInput: an order below one.
    """
    if order is None:
        return _largest_order(spectrum.sets)
    return whole_number(order, "the order of an index", least=1)


def spread(
    sets: Sets,
    values: NDArray[np.float64],
    weight: Callable[[int, int], float],
    order: int,
) -> SetFunction:
    """Σ_{S ⊇ T} weight(|S|, |T|) · value(S), for every T below a set.

    Args:
        sets: s sets.
        values: (s,) or (s, k) float64.
        weight: of |S| and |T|.
        order: the most members of a T.

    Returns:
        A value for each T of at most `order` members that some S contains with a weight
        other than zero.

    Raises:
        InvalidInput: there are more subsets than memory holds.
    """
    order = min(order, _largest_order(sets))
    _refuse_many(sets, weight, order)

    # one row for each pair T ⊆ S; SetFunction sums the rows of one T
    families: list[NDArray[np.int32]] = []
    parts: list[NDArray[np.float64]] = []

    for positions, members in sets.by_order():
        s = members.shape[1]
        for t in range(min(s, order) + 1):
            factor = weight(s, t)
            if not factor:
                continue

            families.append(_subsets(members, t, order, sets.n))
            scaled = factor * values[positions]
            parts.append(np.repeat(scaled, comb(s, t), axis=0))

    if not families:
        return SetFunction(Sets.of(sets.n, []), values[:0])
    subsets = Sets.from_ragged(sets.n, np.concatenate(families))
    return SetFunction(subsets, np.concatenate(parts))


def _subsets(
    members: NDArray[np.int32], t: int, width: int, padding: int
) -> NDArray[np.int32]:
    """All subsets of t members of c sets, (c, s) -> (c · C(s, t), width) int32, padded.

    The subsets of one set follow each other.
    """
    sets, s = members.shape
    # the shape is given for t = 0, where the one empty combination has no column
    columns = np.array(list(combinations(range(s), t)), dtype=np.int64)
    columns = columns.reshape(comb(s, t), t)
    subsets = np.full((sets * len(columns), width), padding, np.int32)
    subsets[:, :t] = members[:, columns].reshape(len(subsets), t)
    return subsets


def _largest_order(sets: Sets) -> int:
    """The most members of a set, at least 1."""
    return max(1, int(sets.orders.max(initial=0)))


def _refuse_many(sets: Sets, weight: Callable[[int, int], float], order: int) -> None:
    """InvalidInput if there are more subsets than memory holds."""
    rows = 0
    for positions, members in sets.by_order():
        s = members.shape[1]
        for t in range(min(s, order) + 1):
            if weight(s, t):
                rows += len(positions) * comb(s, t)
    if rows * order > _MOST_ENTRIES:
        raise InvalidInput(
            f"the {len(sets)} sets of this spectrum have {rows} subsets of up to"
            f" {order} members, more than can be listed: ask for a lower order"
        )


def shapley_values(spectrum: Spectrum) -> NDArray[np.float64]:
    """Shapley values (Shapley, 1953): (n,) or (n, k) float64.

    They sum to f(all) - f(none).
    """
    return _per_candidate(interaction_index(spectrum, "sii", 1))


def banzhaf_values(spectrum: Spectrum) -> NDArray[np.float64]:
    """Banzhaf values (Banzhaf, 1965): (n,) or (n, k) float64.

    The mean change of f from keeping a candidate, over uniform masks of the others.
    """
    return _per_candidate(interaction_index(spectrum, "bii", 1))


def _per_candidate(index: SetFunction) -> NDArray[np.float64]:
    """The values of the single candidates: (n,) or (n, k), zero where none is listed."""
    result = np.zeros((index.n, *index.values.shape[1:]))

    # a set of one member is its first member
    single = index.sets.orders == 1
    candidates = index.sets.members[index.sets.starts[:-1][single]]
    result[candidates] = index.values[single]
    return result
