"""Linear algebra over GF(2), for the few dozen rows of a code."""

import numpy as np
from numpy.typing import NDArray

Bits = NDArray[np.uint8]


def product(a: Bits, b: Bits) -> Bits:
    """a @ b mod 2: (p, q) and (q, r) -> (p, r) uint8."""
    # float32 goes to the BLAS, and counts exactly up to 2^24
    counts = np.rint(a.astype(np.float32) @ b.astype(np.float32)).astype(np.int64)
    return (counts & 1).astype(np.uint8)


def reduce(rows: Bits) -> tuple[Bits, Bits, NDArray[np.int64]]:
    """Reduced row echelon form of (p, q) rows, by Gauss and Jordan.

    Returns:
        echelon (r, q) uint8, the rows that are not zero; steps (r, p) uint8, such that
        steps @ rows = echelon; pivots (r,) int64, the column of each leading one.
    """
    count, columns = rows.shape

    # an identity beside the rows comes to hold the steps
    identity = np.eye(count, dtype=np.uint8)
    work = np.concatenate([rows, identity], axis=1)

    pivots: list[int] = []
    for column in range(columns):
        top = len(pivots)
        below = np.flatnonzero(work[top:, column])
        if not len(below):
            continue

        pivot = top + below[0]
        work[[top, pivot]] = work[[pivot, top]]

        # above as well as below: the form is the reduced one
        ones = np.flatnonzero(work[:, column])
        others = ones[ones != top]
        work[others] ^= work[top]

        pivots.append(column)
        if len(pivots) == count:
            break

    echelon = work[: len(pivots), :columns]
    steps = work[: len(pivots), columns:]
    return echelon, steps, np.array(pivots, dtype=np.int64)


def express(basis: Bits, rows: Bits) -> Bits:
    """The matrix K with K @ basis = rows.

    Args:
        basis: (r, q) uint8, independent rows.
        rows: (p, q) uint8, in their span.

    Returns:
        (p, r) uint8.
    """
    _, steps, pivots = reduce(basis)
    return product(rows[:, pivots], steps)
