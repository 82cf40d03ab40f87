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

_LISTED = 1 << 28  # members of subsets, at four bytes each

Weight = Callable[[int, int, int], Fraction]

_MOST_ENTRIES = 1 << 28  # members of subsets that are listed, 1 GiB


def _fourier(s: int, t: int, order: int) -> Fraction:
    return Fraction(s == t)


def _moebius(s: int, t: int, order: int) -> Fraction:
    return Fraction((-2) ** t)


def _bii(s: int, t: int, order: int) -> Fraction:
    return Fraction((-2) ** t * (s == t))


def _sii(s: int, t: int, order: int) -> Fraction:
    # Σ_R a(R) / (|R|-|T|+1) over T ⊆ R ⊆ S is (-2)^t ∫₀¹ (1-2x)^(s-t) dx.
    return Fraction((-2) ** t, s - t + 1) if (s - t) % 2 == 0 else Fraction(0)


def _stii(s: int, t: int, order: int) -> Fraction:
    if t < order:
        return _moebius(s, t, order)
    return sum(
        (Fraction(comb(s - t, r - t) * (-2) ** r, comb(r, t)) for r in range(t, s + 1)),
        Fraction(0),
    )


def _fbii(s: int, t: int, order: int) -> Fraction:
    return Fraction((-2) ** t * (s <= order))


def _fsii(s: int, t: int, order: int) -> Fraction:
    scale = (
        Fraction((-1) ** (order - t) * t * comb(order, t), order + t)
        if t
        else Fraction(0)
    )
    above = (
        Fraction(
            comb(s - t, r - t) * (-2) ** r * comb(r - 1, order),
            comb(r + order - 1, order + t),
        )
        for r in range(order + 1, s + 1)
    )
    return _moebius(s, t, order) + scale * sum(above, Fraction(0))


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
    """An interaction index of every set of at most `order` members that can be
    non-zero.

    Args:
        spectrum: the function, n candidates and s sets.
        index: a key of `INDICES`.
        order: the order of the explanation; by default the largest order in the
            spectrum. For `stii`, `fbii` and `fsii` the values depend on it; elsewhere
            it only cuts the list.

    Returns:
        The index of each T; the empty set is included, with the index's own baseline.

    Raises:
        InvalidInput: an unknown index, or an order below one.
    """
    if index not in INDICES:
        raise InvalidInput(unknown("index", index, INDICES))
    order = order_of(spectrum, order)
    return spread(
        spectrum.sets, spectrum.values, lambda s, t: weight(index, s, t, order), order
    )


def order_of(spectrum: Spectrum, order: int | None) -> int:
    """The order given, or the largest in the spectrum, at least 1.

    Raises:
        InvalidInput: an order below one.
    """
    if order is None:
        return max(1, int(spectrum.sets.orders.max(initial=0)))
    return whole_number(order, "the order of an index", least=1)


def spread(
    sets: Sets,
    values: NDArray[np.float64],
    weight: Callable[[int, int], float],
    order: int,
) -> SetFunction:
    """Σ_{S ⊇ T} weight(|S|, |T|) · value(S) for every T of at most `order` members
    below a set.

    Args:
        sets: s sets.
        values: (s,) or (s, k) float64.
        weight: of |S| and |T|.
        order: the most members of a T.
    """
    order = min(order, max(1, int(sets.orders.max(initial=0))))
    _refuse_many(sets, weight, order)
    families: list[NDArray[np.int32]] = []
    parts: list[NDArray[np.float64]] = []
    # of larger ones there are none
    order = max(1, min(order, int(sets.orders.max(initial=0))))
    listed = 0
    for positions, members in sets.by_order():
        s = members.shape[1]
        for t in range(min(s, order) + 1):
            factor = weight(s, t)
            if factor:
                listed += len(positions) * comb(s, t) * order
                if listed > _LISTED:
                    raise InvalidInput(
                        f"the subsets of up to {order} members are more than can be"
                        f" listed: sets have up to {int(sets.orders.max())} members;"
                        " ask for a smaller order"
                    )
                chosen = np.array(
                    list(combinations(range(s), t)), dtype=np.int64
                ).reshape(comb(s, t), t)
                subsets = np.full(
                    (len(positions) * len(chosen), order), sets.n, np.int32
                )
                subsets[:, :t] = members[:, chosen].reshape(len(subsets), t)
                families.append(subsets)
                parts.append(np.repeat(factor * values[positions], len(chosen), axis=0))
    if not families:
        return SetFunction(Sets.of(sets.n, []), values[:0])
    return SetFunction(
        Sets.from_ragged(sets.n, np.concatenate(families)), np.concatenate(parts)
    )


def _refuse_many(sets: Sets, weight: Callable[[int, int], float], order: int) -> None:
    """InvalidInput if there are more subsets than memory holds."""
    rows = sum(
        len(positions) * comb(members.shape[1], t)
        for positions, members in sets.by_order()
        for t in range(min(members.shape[1], order) + 1)
        if weight(members.shape[1], t)
    )
    if rows * order > _MOST_ENTRIES:
        raise InvalidInput(
            f"the {len(sets)} sets of this spectrum have {rows} subsets of up to"
            f" {order} members, more than can be listed: ask for a lower order"
        )


def shapley_values(spectrum: Spectrum) -> NDArray[np.float64]:
    """Shapley values (Shapley, 1953): (n,) or (n, k) float64. They sum to f(all) -
    f(none).
    """
    return _per_candidate(interaction_index(spectrum, "sii", 1))


def banzhaf_values(spectrum: Spectrum) -> NDArray[np.float64]:
    """Banzhaf values (Banzhaf, 1965): (n,) or (n, k) float64, the mean change of f over
    uniform masks.
    """
    return _per_candidate(interaction_index(spectrum, "bii", 1))


def _per_candidate(index: SetFunction) -> NDArray[np.float64]:
    result = np.zeros((index.n, *index.values.shape[1:]))
    single = index.sets.orders == 1
    result[index.sets.members[index.sets.starts[:-1][single]]] = index.values[single]
    return result
