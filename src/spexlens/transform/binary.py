"""Linear algebra over GF(2), for the few dozen rows of a code."""

import numpy as np
from numpy.typing import NDArray

Bits = NDArray[np.uint8]


def product(a: Bits, b: Bits) -> Bits:
    """a @ b mod 2: (p, q) and (q, r) -> (p, r) uint8."""
    return (
        np.rint(a.astype(np.float32) @ b.astype(np.float32)).astype(np.int64) & 1
    ).astype(np.uint8)


def reduce(rows: Bits) -> tuple[Bits, Bits, NDArray[np.int64]]:
    """Reduced row echelon form.

    Returns:
        echelon (r, q), the rows that are not zero; steps (r, p), such that steps @ rows
            = echelon;
        pivots (r,), the column of the leading one of each.
    """
    count, columns = rows.shape
    work = np.concatenate([rows, np.eye(count, dtype=np.uint8)], axis=1)
    pivots: list[int] = []
    for column in range(columns):
        below = np.flatnonzero(work[len(pivots) :, column])
        if not len(below):
            continue
        top = len(pivots)
        work[[top, top + below[0]]] = work[[top + below[0], top]]
        others = np.flatnonzero(work[:, column])
        others = others[others != top]
        work[others] ^= work[top]
        pivots.append(column)
        if len(pivots) == count:
            break
    rank = len(pivots)
    return (
        work[:rank, :columns],
        work[:rank, columns:],
        np.array(pivots, dtype=np.int64),
    )


def express(basis: Bits, rows: Bits) -> Bits:
    """The matrix K with K @ basis = rows: independent (r, q) and (p, q) in their span
    -> (p, r).
    """
    _, steps, pivots = reduce(basis)
    return product(rows[:, pivots], steps)
