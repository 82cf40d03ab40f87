"""Designs: masks chosen without looking at any value.

Every design is decided by its arguments alone, so that a run that is taken up again
asks for the same masks in the same order.
"""

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

# the largest n for which 2^n is compared with a budget: indices of masks are int64
_COUNTABLE = 62


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
    if n <= _COUNTABLE and count > 1 << n:
        raise BudgetTooSmall(
            f"{count} distinct masks of {n} candidates do not exist; there are {1 << n}"
        )
    rng = np.random.default_rng([seed, n])

    # so few that all can be shuffled: nothing is drawn twice
    if n <= ENUMERABLE:
        chosen = rng.permutation(1 << n)[:count]
        return pack(from_index(chosen.astype(np.int64), n))

    # beyond half of all masks, most draws would be of masks that were drawn already
    half = 1 << (n - 1)
    if n <= _COUNTABLE and count > half:
        return _filled_up(_drawn(rng, n, half), n, count, seed)

    return _drawn(rng, n, count)


def _drawn(rng: np.random.Generator, n: int, count: int) -> NDArray[np.uint8]:
    """The first `count` distinct masks that a generator draws, (count, w) uint8."""
    packed = np.empty((0, (n + 7) // 8), np.uint8)
    while len(packed) < count:
        missing = count - len(packed)
        rounds = -(-missing // _DRAW)

        # a round is whole, even if a few masks are missing: the rest is cut off
        draws = [
            rng.integers(0, 2, size=(_DRAW, n), dtype=np.uint8) for _ in range(rounds)
        ]
        fresh = np.concatenate(draws).astype(np.bool_)

        # each stays where it was first drawn, so that designs are nested
        packed = np.concatenate([packed, pack(fresh)])
        first, _ = distinct(packed)
        packed = packed[first]

    return packed[:count]


def _filled_up(
    packed: NDArray[np.uint8], n: int, count: int, seed: int
) -> NDArray[np.uint8]:
    """Half of all 2^n masks, and as many of the other half as make `count`.

    The other half is in random order, decided by the seed.
    """
    missing = np.ones(1 << n, np.bool_)
    present = to_index(unpack(packed, n))
    missing[present] = False

    # a generator of its own: how often the other one drew plays no part
    rng = np.random.default_rng([seed, n, 1])
    order = rng.permutation(np.flatnonzero(missing))

    wanted = count - len(packed)
    more = from_index(order[:wanted], n)
    return np.concatenate([packed, pack(more)])


def paired(n: int, count: int, seed: int) -> NDArray[np.bool_]:
    """Distinct uniform masks, each followed by its complement: (count, n) bool.

    Nested as `uniform`.

    Raises:
        BudgetTooSmall: more masks are asked for than there are.
    """
    rest = uniform(n - 1, (count + 1) // 2, seed)
    # of each pair, the mask that ablates candidate 0 comes first
    ablated = np.zeros((len(rest), 1), np.bool_)
    half = np.concatenate([ablated, rest], axis=1)
    pairs = np.stack([half, ~half], axis=1)
    return pairs.reshape(-1, n)[:count]


def leave_one_out(n: int) -> NDArray[np.bool_]:
    """Everything kept, then each candidate ablated alone: (n + 1, n) bool."""
    everything_kept = np.ones((1, n), np.bool_)
    one_ablated = ~np.eye(n, dtype=np.bool_)
    return np.concatenate([everything_kept, one_ablated])
