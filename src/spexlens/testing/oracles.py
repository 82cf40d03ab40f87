"""Oracles: what a spectrum and an interaction are, by definition, over all 2^n masks.

They share no line with the package's own fast code, so that either can be held against
the other. They take time 4^n: meant for n <= 10.
"""

from itertools import combinations

import numpy as np
from numpy.typing import NDArray

from spexlens.games.game import Game

Array = NDArray[np.float64]
Members = tuple[int, ...]


def every_mask(n: int) -> NDArray[np.bool_]:
    """All masks of n candidates, (2^n, n) bool; bit i of a row's index is candidate i."""
    masks = np.zeros((1 << n, n), np.bool_)
    for index in range(1 << n):
        for i in range(n):
            masks[index, i] = index >> i & 1
    return masks


def values_of(game: Game, masks: NDArray[np.bool_], size: int) -> Array:
    """A game's values of masks, in batches of a size, or of what it takes at most.

    Args:
        game: that is asked.
        masks: (m, n) bool, m > 0.
        size: the most masks that it is asked for at once.

    Returns:
        (m,) or (m, k).
    """
    size = min(size, game.batch_size)
    starts = range(0, len(masks), size)
    batches = [masks[start : start + size] for start in starts]
    return np.concatenate([game.value(batch) for batch in batches])


def table_of(game: Game) -> Array:
    """A game's values of all masks, (2^n,) or (2^n, k), in the order of `every_mask`."""
    masks = every_mask(game.n)
    return values_of(game, masks, len(masks))


def fourier_by_brute_force(table: Array) -> dict[Members, Array]:
    """F(S) = 2^-n Σ_m f(m) (-1)^|S ∩ m| of every set S.

    O'Donnell, Analysis of Boolean Functions (2014), proposition 1.8.

    Args:
        table: (2^n,) or (2^n, k), f in the order of `every_mask`.

    Returns:
        The coefficient of each set, a scalar or (k,).
    """
    n = _candidates(table)
    masks = every_mask(n)
    spectrum = {}
    for members in _subsets(tuple(range(n))):
        common = masks[:, list(members)].sum(axis=1)
        signs = np.where(common % 2, -1.0, 1.0)
        spectrum[members] = np.asarray(signs @ table / len(table))
    return spectrum


def banzhaf_by_brute_force(table: Array, members: Members) -> Array:
    """The Banzhaf interaction index of a set T.

    I(T) = 2^-(n - |T|) Σ_{R ⊆ N∖T} Σ_{L ⊆ T} (-1)^(|T| - |L|) f(R ∪ L): Grabisch &
    Roubens, Int. J. Game Theory 28 (1999), definition 4.

    Args:
        table: (2^n,) or (2^n, k), f in the order of `every_mask`.
        members: of T, positions.

    Returns:
        The index, a scalar or (k,).
    """
    everyone = range(_candidates(table))
    others = tuple(i for i in everyone if i not in members)
    contexts = _subsets(others)
    total = np.zeros(table.shape[1:])
    for context in contexts:
        for inside in _subsets(members):
            sign = (-1) ** (len(members) - len(inside))
            total = total + sign * table[_index(context + inside)]
    return np.asarray(total / len(contexts))


def _candidates(table: Array) -> int:
    """n, of a table of 2^n rows."""
    n = len(table).bit_length() - 1
    if len(table) != 1 << n:
        raise ValueError(f"a table has 2^n rows; this one has {len(table)}")
    return n


def _subsets(members: Members) -> list[Members]:
    """All 2^t of them, by order."""
    sets: list[Members] = []
    for order in range(len(members) + 1):
        sets.extend(combinations(members, order))
    return sets


def _index(members: Members) -> int:
    """Where the mask that keeps only these stands in a table."""
    return sum(1 << i for i in members)
