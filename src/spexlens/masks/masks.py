"""Masks: their packed form, their indices, their parities and characters.

A mask is a row of n booleans, True = the candidate is kept, False = it is ablated.
Packed, it is ceil(n / 8) bytes, candidate i at bit i % 8 of byte i // 8, so that for n
<= 62 the little-endian integer of a mask is its *index*: bit i is candidate i.
"""

from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from spexlens.errors import InvalidInput

ENUMERABLE = 20
"""The largest n whose 2^n masks are ever listed."""

# 16 MiB: about what a processor's last cache holds
_BLOCK_BYTES = 1 << 24

# a packed mask of at most so many bytes fits one 64-bit word
_WORD_BYTES = 8


def as_masks(masks: ArrayLike, n: int) -> NDArray[np.bool_]:
    """Masks as a boolean array of shape (m, n); a single mask becomes a row.

    Raises:
        InvalidInput: the shape is not (m, n) or (n,), or an entry is neither 0 nor 1.
    """
    try:
        array = np.asarray(masks)
    except ValueError as error:
        raise InvalidInput(f"masks must be a rectangle of booleans: {error}") from error
    if array.ndim == 1:
        array = array[None, :]
    if array.ndim != 2 or array.shape[1] != n:
        raise InvalidInput(
            f"masks have shape {array.shape}; expected (m, {n}), one column a candidate"
        )
    if array.dtype == np.bool_:
        return array
    if not np.isin(array, (0, 1)).all():
        raise InvalidInput("masks must hold only True/1 (kept) and False/0 (ablated)")
    return array.astype(np.bool_)


def pack(masks: NDArray[np.bool_]) -> NDArray[np.uint8]:
    """Packed masks: (m, n) bool -> (m, ceil(n / 8)) uint8."""
    return np.packbits(masks, axis=1, bitorder="little")


def unpack(packed: NDArray[np.uint8], n: int) -> NDArray[np.bool_]:
    """The inverse of `pack`: (m, ceil(n / 8)) uint8 -> (m, n) bool."""
    return np.unpackbits(packed, axis=1, count=n, bitorder="little").astype(np.bool_)


def to_index(masks: NDArray[np.bool_]) -> NDArray[np.int64]:
    """The integer of each mask, bit i = candidate i; (m, n) -> (m,), n <= 62."""
    place_values = 1 << np.arange(masks.shape[1], dtype=np.int64)
    return masks.astype(np.int64) @ place_values


def from_index(index: NDArray[np.int64], n: int) -> NDArray[np.bool_]:
    """The inverse of `to_index`: (m,) -> (m, n)."""
    bits = index[:, None] >> np.arange(n, dtype=np.int64) & 1
    return bits.astype(np.bool_)


def distinct(packed: NDArray[np.uint8]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """The distinct rows of packed masks, (m, w) uint8, in order of appearance.

    Returns:
        first (d,), the position where each distinct row first stands, and inverse (m,),
        which of them each row is: packed[first][inverse] equals packed.
    """
    rows = _as_scalars(packed)
    _, first, inverse = np.unique(rows, return_index=True, return_inverse=True)

    # np.unique sorts by content: rank the rows by where they first stand instead
    appearance = np.argsort(first, kind="stable")

    # the inverse of a permutation
    rank = np.empty_like(appearance)
    rank[appearance] = np.arange(len(appearance))

    return first[appearance], rank[inverse.ravel()]


def _as_scalars(packed: NDArray[np.uint8]) -> NDArray[Any]:
    """Each row as one scalar that can be sorted: (m, w) uint8 -> (m,)."""
    width = packed.shape[1]
    if width > _WORD_BYTES:
        return np.ascontiguousarray(packed).view(np.dtype((np.void, width))).ravel()
    # as whole numbers they are sorted some ten times faster than as bytes
    padded = np.pad(packed, ((0, 0), (0, _WORD_BYTES - width)))
    return np.ascontiguousarray(padded).view(np.uint64).ravel()


def parities(masks: NDArray[np.uint8], sets: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """|S ∩ m| mod 2 for every mask and set, packed along the sets.

    Eight candidates at a time are looked up in a table of the 256 XORs of their
    incidence rows (the "four Russians" method), so the work is m * n/8 * s/8 byte
    operations and no float is touched.

    Args:
        masks: (m, w) uint8, packed masks.
        sets: (s, w) uint8, packed sets over the same candidates.

    Returns:
        (m, ceil(s / 8)) uint8; bit j % 8 of byte j // 8 is the parity of set j.
    """
    # turned round: of each candidate, the sets that hold it
    set_bits = np.unpackbits(sets, axis=1, bitorder="little")
    incidence = np.packbits(set_bits.T, axis=1, bitorder="little")

    width = incidence.shape[1]
    result = np.zeros((len(masks), width), np.uint8)
    table = np.zeros((256, width), np.uint8)

    for byte in range(masks.shape[1]):
        first = 8 * byte
        candidates = incidence[first : first + 8]
        if not candidates.any():
            continue

        # table[0] stays zero; each bit doubles what is filled of the table
        for bit, candidate in enumerate(candidates):
            filled = 1 << bit
            table[filled : 2 * filled] = table[:filled] ^ candidate

        # a mask's byte is the row of the XOR of its candidates
        result ^= table[masks[:, byte]]

    return result


def characters(
    masks: NDArray[np.uint8], sets: NDArray[np.uint8]
) -> NDArray[np.float64]:
    """The design matrix χ_S(m) = (-1)^|S ∩ m|.

    Args:
        masks: (m, w) uint8, packed masks.
        sets: (s, w) uint8, packed sets over the same candidates.

    Returns:
        (m, s) float64, of 1.0 and -1.0.
    """
    packed = parities(masks, sets)
    odd = np.unpackbits(packed, axis=1, count=len(sets), bitorder="little")
    return 1.0 - 2.0 * odd.astype(np.float64)


def blocks(rows: int, bytes_per_row: int) -> Iterator[slice]:
    """Slices of range(rows), each of about 16 MiB."""
    step = max(1, _BLOCK_BYTES // max(1, bytes_per_row))
    for start in range(0, rows, step):
        yield slice(start, min(start + step, rows))


def whole(packed: NDArray[np.uint8], n: int) -> NDArray[np.bool_]:
    """Which packed masks keep everything: (m, w) -> (m,) bool."""
    everything = pack(np.ones((1, n), np.bool_))
    return np.asarray((packed == everything).all(axis=1), dtype=np.bool_)


def empty(packed: NDArray[np.uint8]) -> NDArray[np.bool_]:
    """Which packed masks ablate everything: (m, w) -> (m,) bool."""
    return np.asarray(~packed.any(axis=1), dtype=np.bool_)


def seen_among(packed: NDArray[np.uint8], seen: NDArray[np.uint8]) -> NDArray[np.bool_]:
    """Which packed masks are among those seen: (p, w) and (m, w) -> (p,) bool."""
    if not len(seen) or not len(packed):
        return np.zeros(len(packed), np.bool_)
    first, inverse = distinct(np.concatenate([seen, packed]))
    first_appearance = first[inverse[len(seen) :]]
    return np.asarray(first_appearance < len(seen))


def unseen(packed: NDArray[np.uint8], seen: NDArray[np.uint8]) -> NDArray[np.int64]:
    """Where the distinct packed masks first stand that are not among those seen.

    Args:
        packed: (p, w) uint8.
        seen: (m, w) uint8.

    Returns:
        (d,) int64, positions in `packed`, ascending.
    """
    first, _ = distinct(np.concatenate([seen, packed]))
    return first[first >= len(seen)] - len(seen)
