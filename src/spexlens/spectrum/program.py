"""Program: the mask of a given size at which a Spectrum is largest, by mixed-integer programming on HiGHS.

One variable a candidate (1 = kept) and one a set (its parity), tied together by linear rows: for sets of
up to three members all facets of the parity polytope (Jeroslow, Discrete Math. 11, 1975), for larger ones
Σ m_i = 2 q + parity with a whole q. The size ties the pairs of one candidate together, where all are there.
"""

from itertools import product
from time import perf_counter
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from spexlens.spectrum.spectrum import Spectrum

if TYPE_CHECKING:
    from scipy.sparse import csr_array

_FACETS = 3

_Row = tuple[list[int], list[float], float, float]
"""Columns, their factors, and the lowest and highest value of their sum."""


def solve(spectrum: Spectrum, keep: int, deadline: float) -> tuple[NDArray[np.bool_] | None, float]:
    """A mask with `keep` kept, (n,) bool, or None if none was found; and a bound that none passes.

    Args:
        spectrum: of one output.
        keep: how many candidates are kept.
        deadline: when to stop, by `perf_counter`.
    """
    from scipy.optimize import Bounds, LinearConstraint, milp

    bound = float(np.abs(spectrum.values).sum())
    n, count = spectrum.n, len(spectrum)
    wide = np.flatnonzero(spectrum.sets.orders > _FACETS)
    columns = n + count + len(wide)
    rows, low, high = _rows(spectrum, keep, wide)
    objective = np.zeros(columns)
    objective[n : n + count] = 2.0 * spectrum.values  # of -Σ F (1 - 2 parity), without its constant
    upper = np.ones(columns)
    upper[n + count :] = spectrum.sets.orders[wide] // 2
    whole = np.ones(columns, np.int64)
    whole[n : n + count] = np.isin(np.arange(count), wide)
    answer = milp(
        objective,
        integrality=whole,
        bounds=Bounds(0, upper),
        constraints=LinearConstraint(rows, low, high),
        options={"time_limit": max(deadline - perf_counter(), 0.01), "mip_rel_gap": 0.0},
    )
    constant = float(spectrum.values.sum())
    dual = getattr(answer, "mip_dual_bound", None)
    if dual is not None and np.isfinite(dual):
        bound = min(bound, constant - float(dual))
    return None if answer.x is None else answer.x[:n] > 0.5, bound


def _rows(
    spectrum: Spectrum, keep: int, wide: NDArray[np.int64]
) -> "tuple[csr_array, NDArray[np.float64], NDArray[np.float64]]":
    """The constraints' matrix, and the lowest and highest value of each row."""
    n, count = spectrum.n, len(spectrum)
    rows: list[_Row] = [(list(range(n)), [1.0] * n, keep, keep)]
    helpers = {int(position): n + count + order for order, position in enumerate(wide)}
    for position, members in enumerate(spectrum.sets):
        names = [*members, n + position]
        if position in helpers:
            rows.append(([*names, helpers[position]], [1.0] * len(members) + [-1.0, -2.0], 0.0, 0.0))
            continue
        for signs in product((-1.0, 1.0), repeat=len(names)):
            odd = signs.count(1.0)
            if odd % 2:  # a point of even parity is never all of an odd set and nothing else
                rows.append((names, list(signs), -np.inf, odd - 1.0))
    rows += _ties(spectrum, keep)
    from scipy.sparse import csr_array

    starts = np.cumsum([0, *(len(names) for names, *_ in rows)])
    flat = [name for names, *_ in rows for name in names]
    matrix = csr_array(
        (np.concatenate([signs for _, signs, *_ in rows]), flat, starts),
        shape=(len(rows), n + count + len(wide)),
    )
    return matrix, np.array([row[2] for row in rows]), np.array([row[3] for row in rows])


def _ties(spectrum: Spectrum, keep: int) -> list[_Row]:
    """Where all pairs of a candidate i are sets: Σ_j parity_ij = Σ_j m_j + (n - 2 keep) m_i, over j ≠ i.

    A pair's parity is m_i + m_j - 2 m_i m_j, and Σ_j m_i m_j = (keep - 1) m_i.
    """
    n = spectrum.n
    pairs: dict[int, list[tuple[int, int]]] = {}
    for position, members in enumerate(spectrum.sets):
        if len(members) == 2:
            pairs.setdefault(members[0], []).append((members[1], n + position))
            pairs.setdefault(members[1], []).append((members[0], n + position))
    rows = []
    for i, found in pairs.items():
        if len(found) == n - 1:
            names = [i, *(column for _, column in found)]
            rows.append((names, [2.0 * keep - n, *([1.0] * (n - 1))], float(keep), float(keep)))
    return rows
