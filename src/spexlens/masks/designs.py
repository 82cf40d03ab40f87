"""Designs: masks chosen without looking at any value."""

import numpy as np
from numpy.typing import NDArray

from spexlens.errors import BudgetTooSmall, InvalidInput
from spexlens.masks.masks import (
    ENUMERABLE,
    distinct,
    from_index,
    pack,
    to_index,
    unpack,
)

# rows drawn at a time: fixed, so that a longer design begins with a shorter one
_DRAW = 1024


def corners(n: int) -> NDArray[np.bool_]:
    """Everything kept, and everything ablated: (2, n) bool."""
    return np.repeat([[True], [False]], n, axis=1)


def everything(n: int) -> NDArray[np.bool_]:
    """All 2^n masks; row j has index j.

    Raises:
        InvalidInput: n exceeds `ENUMERABLE`.
    """
    if n > ENUMERABLE:
        raise InvalidInput(f"2^{n} masks are too many to list; at most 2^{ENUMERABLE}")
    return from_index(np.arange(1 << n, dtype=np.int64), n)


def uniform(n: int, count: int, seed: int) -> NDArray[np.bool_]:
    """Distinct masks drawn uniformly, without replacement: (count, n) bool.

    Nested: for one n and seed, the first rows of a longer design are the shorter
    design.

    Raises:
        BudgetTooSmall: more masks are asked for than there are.
    """
    return unpack(packed_uniform(n, count, seed), n)


def packed_uniform(n: int, count: int, seed: int) -> NDArray[np.uint8]:
    """`uniform` in packed form, (count, ceil(n / 8)) uint8."""
    if n <= 62 and count > 1 << n:
        raise BudgetTooSmall(
            f"{count} distinct masks of {n} candidates do not exist; there are {1 << n}"
        )
    rng = np.random.default_rng([seed, n])
    if n <= ENUMERABLE:
        return pack(from_index(rng.permutation(1 << n)[:count].astype(np.int64), n))
    packed = np.empty((0, (n + 7) // 8), np.uint8)
    # beyond half, most draws would be of masks drawn
    drawn = min(count, 1 << (n - 1)) if n <= 62 else count
    while len(packed) < drawn:
        draws = -(-(drawn - len(packed)) // _DRAW)
        fresh = [
            rng.integers(0, 2, size=(_DRAW, n), dtype=np.uint8) for _ in range(draws)
        ]
        packed = np.concatenate([packed, pack(np.concatenate(fresh).astype(np.bool_))])
        packed = packed[distinct(packed)[0]]
    return (
        packed[:count] if drawn == count else _filled_up(packed[:drawn], n, count, seed)
    )


def _filled_up(
    packed: NDArray[np.uint8], n: int, count: int, seed: int
) -> NDArray[np.uint8]:
    """Half of all 2^n masks, and so many as make `count` of the other half, in random
    order.
    """
    missing = np.ones(1 << n, np.bool_)
    missing[to_index(unpack(packed, n))] = False
    others = np.random.default_rng([seed, n, 1]).permutation(np.flatnonzero(missing))
    return np.concatenate([packed, pack(from_index(others[: count - len(packed)], n))])


def paired(n: int, count: int, seed: int) -> NDArray[np.bool_]:
    """Distinct uniform masks, each followed by its complement: (count, n) bool; nested
    as `uniform`.

    Raises:
        BudgetTooSmall: more masks are asked for than there are.
    """
    # of each pair, the mask that ablates candidate 0
    rest = uniform(n - 1, (count + 1) // 2, seed)
    half = np.concatenate([np.zeros((len(rest), 1), np.bool_), rest], axis=1)
    return np.stack([half, ~half], axis=1).reshape(-1, n)[:count]


def leave_one_out(n: int) -> NDArray[np.bool_]:
    """Everything kept, then each candidate ablated alone: (n + 1, n) bool."""
    return np.concatenate([np.ones((1, n), np.bool_), ~np.eye(n, dtype=np.bool_)])
