"""Program: questions about the masks of a Spectrum as mixed-integer programs, answered
by HiGHS.

One variable a candidate (1 = kept) and one a set (its parity), tied together by linear
rows: for sets of up to three members all facets of the parity polytope (Jeroslow,
Discrete Math. 11, 1975), for larger ones Σ m_i = 2 q + parity with a whole q. A known
size ties the pairs of one candidate together, where all are there.
"""

from itertools import product
from math import ceil
from time import perf_counter
from typing import Any

import numpy as np
from numpy.typing import NDArray

from spexlens.spectrum.spectrum import Spectrum

_FACETS = 3
_HAIR = 1e-4  # of a candidate: what a bound on the size may be off
_INFEASIBLE = 2  # among the statuses of scipy

_Row = tuple[list[int], list[float], float, float]
"""Columns, their factors, and the lowest and highest value of their sum."""


def solve(
    spectrum: Spectrum, keep: int, deadline: float
) -> tuple[NDArray[np.bool_] | None, float]:
    """The highest mask with `keep` kept, (n,) bool, or None if none was found; and a
    bound that none passes.

    Args:
        spectrum: of one output.
        keep: how many candidates are kept.
        deadline: when to stop, by `perf_counter`.
    """
    n = spectrum.n
    rows = [_size(n, keep, keep), *_parities(spectrum), *_ties(spectrum, keep)]
    objective = np.zeros(n + len(spectrum))
    # of -Σ F (1 - 2 parity), without its constant
    objective[n:] = 2.0 * spectrum.values
    answer = _answer(spectrum, objective, rows, deadline, relaxed=False)
    bound = float(np.abs(spectrum.values).sum())
    dual = _dual(answer)
    return _mask(answer, n), (
        bound if dual is None else min(bound, float(spectrum.values.sum()) - dual)
    )


def smallest(
    spectrum: Spectrum,
    goal: float,
    least: int,
    most: int,
    deadline: float,
    *,
    relaxed: bool = False,
) -> tuple[NDArray[np.bool_] | None, int]:
    """The smallest mask that reaches a value: (n,) bool, or None if none was found; and
    a bound on its size.

    No mask of at most `most` that reaches the value is smaller than the bound, which is
    `most` + 1 where there is none. The mask found may miss the value by what HiGHS
    tolerates, about a millionth of Σ|F|.

    Args:
        spectrum: of one output.
        goal: the value.
        least: how many candidates are kept, at least.
        most: how many candidates are kept, at most.
        deadline: when to stop, by `perf_counter`.
        relaxed: solve the linear relaxation, which has a bound and no mask, and takes
            little time; of the whole program HiGHS tells no bound before it has a mask.
    """
    if least > most:
        return None, least
    n = spectrum.n
    values = spectrum.values
    parities = list(range(n, n + len(spectrum)))
    reached = (parities, (2.0 * values).tolist(), -np.inf, float(values.sum()) - goal)
    rows = [_size(n, least, most), *_parities(spectrum), reached]
    objective = np.repeat([1.0, 0.0], [n, len(spectrum)])
    answer = _answer(spectrum, objective, rows, deadline, relaxed)
    if answer.status == _INFEASIBLE:
        return None, most + 1
    dual = _dual(answer)
    least = least if dual is None else max(least, ceil(dual - _HAIR))
    return None if relaxed else _mask(answer, n), least


def _answer(
    spectrum: Spectrum,
    objective: NDArray[np.float64],
    rows: list[_Row],
    deadline: float,
    relaxed: bool,
) -> Any:
    """What scipy says of the least objective, (n + s,), under these rows, or of the
    linear relaxation.
    """
    from scipy.optimize import Bounds, LinearConstraint, milp
    from scipy.sparse import csr_array

    n = spectrum.n
    count = len(spectrum)
    wide = spectrum.sets.orders > _FACETS
    helpers = spectrum.sets.orders[wide] // 2
    names, factors, low, high = zip(*rows, strict=True)
    starts = np.cumsum([0, *(len(each) for each in names)])
    columns = n + count + len(helpers)
    matrix = csr_array(
        (np.concatenate(factors), np.concatenate(names), starts),
        shape=(len(rows), columns),
    )
    integers = np.concatenate([np.ones(n), wide, np.ones(len(helpers))])
    return milp(
        np.concatenate([objective, np.zeros(len(helpers))]),
        integrality=np.zeros(columns) if relaxed else integers,
        bounds=Bounds(0, np.concatenate([np.ones(n + count), helpers])),
        constraints=LinearConstraint(matrix, np.array(low), np.array(high)),
        options={
            "time_limit": max(deadline - perf_counter(), 0.01),
            "mip_rel_gap": 0.0,
        },
    )


def _mask(answer: Any, n: int) -> NDArray[np.bool_] | None:
    return None if answer.x is None else np.asarray(answer.x[:n] > 0.5)


def _dual(answer: Any) -> float | None:
    """What no objective is below, where HiGHS says it."""
    dual = answer.fun if answer.mip_dual_bound is None else answer.mip_dual_bound
    return float(dual) if dual is not None and np.isfinite(dual) else None


def _size(n: int, least: int, most: int) -> _Row:
    return list(range(n)), [1.0] * n, float(least), float(most)


def _parities(spectrum: Spectrum) -> list[_Row]:
    """What makes each set's variable the parity of its members."""
    rows: list[_Row] = []
    helper = spectrum.n + len(spectrum)
    for column, members in enumerate(spectrum.sets, start=spectrum.n):
        names = [*members, column]
        if len(members) > _FACETS:
            rows.append(
                ([*names, helper], [1.0] * len(members) + [-1.0, -2.0], 0.0, 0.0)
            )
            helper += 1
            continue
        for signs in product((-1.0, 1.0), repeat=len(names)):
            odd = signs.count(1.0)
            # a point of even parity is never all of an odd set and nothing else
            if odd % 2:
                rows.append((names, list(signs), -np.inf, odd - 1.0))
    return rows


def _ties(spectrum: Spectrum, keep: int) -> list[_Row]:
    """Where all pairs of a candidate i are sets: Σ_j parity_ij = Σ_j m_j + (n - 2 keep)
    m_i, over j ≠ i.

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
            rows.append(
                (names, [2.0 * keep - n, *([1.0] * (n - 1))], float(keep), float(keep))
            )
    return rows
