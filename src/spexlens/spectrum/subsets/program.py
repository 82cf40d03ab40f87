"""Program: questions about the masks of a Spectrum as mixed-integer programs.

HiGHS answers them. One variable a candidate (1 = kept) and one a set (its parity), tied together by linear
rows: for sets of up to three members all facets of the parity polytope (Jeroslow,
Discrete Math. 11, 1975), for larger ones Σ m_i = 2 q + parity with a whole q. A known
size ties the pairs of one candidate together, where all are there.
"""

from collections.abc import Iterator
from itertools import product
from math import ceil
from time import perf_counter
from typing import Any

import numpy as np
from numpy.typing import NDArray

from spexlens.spectrum.spectrum import Spectrum

# the largest sets of which all facets are listed: there are 2^members of them
_FACETS = 3

# of a candidate: what a bound on the size may be off
_HAIR = 1e-4

# among the statuses of scipy
_INFEASIBLE = 2

# HiGHS takes no time limit of nothing
_LEAST_SECONDS = 0.01

Mask = NDArray[np.bool_]

_Row = tuple[list[int], list[float], float, float]
"""Columns, their factors, and the lowest and highest value of their sum."""


def solve(spectrum: Spectrum, keep: int, deadline: float) -> tuple[Mask | None, float]:
    """The highest mask with `keep` candidates kept, and a bound that none passes.

    Args:
        spectrum: of one output.
        keep: how many candidates are kept.
        deadline: when to stop, by `perf_counter`.

    Returns:
        (n,) bool, or None if no mask was found in time; and the bound.
    """
    n = spectrum.n
    rows = [_size(n, keep, keep), *_parities(spectrum), *_ties(spectrum, keep)]
    # of -Σ F (1 - 2 parity), without its constant
    objective = np.zeros(n + len(spectrum))
    objective[n:] = 2.0 * spectrum.values
    answer = _answer(spectrum, objective, rows, deadline, relaxed=False)

    # that no mask passes Σ|F| is known without a solver
    bound = float(np.abs(spectrum.values).sum())
    dual = _dual(answer)
    if dual is not None:
        bound = min(bound, float(spectrum.values.sum()) - dual)
    return _mask(answer, n), bound


def smallest(
    spectrum: Spectrum,
    goal: float,
    least: int,
    most: int,
    deadline: float,
    *,
    relaxed: bool = False,
) -> tuple[Mask | None, int]:
    """The smallest mask that reaches a value, and a bound on its size.

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

    Returns:
        (n,) bool, or None if no mask was found; and the bound.
    """
    if least > most:
        return None, least

    # Σ F (1 - 2 parity) is at least the goal
    n = spectrum.n
    values = spectrum.values
    parities = list(range(n, n + len(spectrum)))
    factors = (2.0 * values).tolist()
    highest = float(values.sum()) - goal
    reached = (parities, factors, -np.inf, highest)
    rows = [_size(n, least, most), *_parities(spectrum), reached]

    # the number of candidates kept
    objective = np.repeat([1.0, 0.0], [n, len(spectrum)])
    answer = _answer(spectrum, objective, rows, deadline, relaxed)
    if answer.status == _INFEASIBLE:
        return None, most + 1

    # a size is whole: a bound of 3.2 says 4
    dual = _dual(answer)
    if dual is not None:
        least = max(least, ceil(dual - _HAIR))

    return None if relaxed else _mask(answer, n), least


def _answer(
    spectrum: Spectrum,
    objective: NDArray[np.float64],
    rows: list[_Row],
    deadline: float,
    relaxed: bool,
) -> Any:
    """What scipy says of the least objective under these rows.

    Args:
        spectrum: whose candidates and sets the variables belong to.
        objective: (n + s,), of the variables of candidates and sets.
        rows: the linear rows.
        deadline: when to stop, by `perf_counter`.
        relaxed: whether to forget that variables are whole.
    """
    from scipy.optimize import Bounds, LinearConstraint, milp

    n = spectrum.n
    sets = len(spectrum)

    # a third kind of variable: q of each larger set
    wide = spectrum.sets.orders > _FACETS
    most_pairs = spectrum.sets.orders[wide] // 2
    matrix, low, high = _assembled(rows, n + sets + len(most_pairs))

    # the parities of small sets are whole by themselves where the candidates are
    whole = np.concatenate([np.ones(n), wide, np.ones(len(most_pairs))])
    return milp(
        np.concatenate([objective, np.zeros(len(most_pairs))]),
        integrality=np.zeros(len(whole)) if relaxed else whole,
        bounds=Bounds(0, np.concatenate([np.ones(n + sets), most_pairs])),
        constraints=LinearConstraint(matrix, low, high),
        options={
            "time_limit": max(deadline - perf_counter(), _LEAST_SECONDS),
            "mip_rel_gap": 0.0,
        },
    )


def _assembled(
    rows: list[_Row], columns: int
) -> tuple[Any, NDArray[np.float64], NDArray[np.float64]]:
    """Rows as a sparse matrix, and the lowest and highest value of each: (rows,)."""
    from scipy.sparse import csr_array

    names, factors, low, high = zip(*rows, strict=True)
    starts = np.cumsum([0, *(len(row) for row in names)])
    matrix = csr_array(
        (np.concatenate(factors), np.concatenate(names), starts),
        shape=(len(rows), columns),
    )
    return matrix, np.array(low), np.array(high)


def _mask(answer: Any, n: int) -> Mask | None:
    """(n,) bool, where HiGHS has a mask."""
    return None if answer.x is None else np.asarray(answer.x[:n] > 0.5)


def _dual(answer: Any) -> float | None:
    """What no objective is below, where HiGHS says it."""
    dual = answer.mip_dual_bound
    if dual is None:
        # a linear program has no such bound: its least value is one
        dual = answer.fun
    if dual is None or not np.isfinite(dual):
        return None
    return float(dual)


def _size(n: int, least: int, most: int) -> _Row:
    """From `least` to `most` candidates are kept."""
    return list(range(n)), [1.0] * n, float(least), float(most)


def _parities(spectrum: Spectrum) -> list[_Row]:
    """What makes each set's variable the parity of its members."""
    rows: list[_Row] = []
    pairs_column = spectrum.n + len(spectrum)
    for column, members in enumerate(spectrum.sets, start=spectrum.n):
        if len(members) <= _FACETS:
            rows += _facets([*members, column])
            continue

        names = [*members, column, pairs_column]
        factors = [*([1.0] * len(members)), -1.0, -2.0]
        rows.append((names, factors, 0.0, 0.0))
        pairs_column += 1

    return rows


def _facets(names: list[int]) -> Iterator[_Row]:
    """The facets of the parity polytope: so many variables of which evenly many are 1.

    Each cuts off one point of odd parity, as no point of even parity is all of an odd
    set of variables and nothing else.
    """
    for signs in product((-1.0, 1.0), repeat=len(names)):
        odd = signs.count(1.0)
        if odd % 2:
            yield names, list(signs), -np.inf, odd - 1.0


def _ties(spectrum: Spectrum, keep: int) -> list[_Row]:
    """What ties the pairs of a candidate together, where all of them are sets.

    For candidate i, Σ_j parity_ij = keep + (n - 2 keep) m_i over j ≠ i: a pair's parity
    is m_i + m_j - 2 m_i m_j, Σ_j m_j = keep - m_i, and Σ_j m_i m_j = (keep - 1) m_i.
    """
    n = spectrum.n
    pairs: dict[int, list[int]] = {}
    for column, members in enumerate(spectrum.sets, start=n):
        if len(members) == 2:
            for candidate in members:
                pairs.setdefault(candidate, []).append(column)

    rows: list[_Row] = []
    for candidate, columns in pairs.items():
        if len(columns) < n - 1:
            continue

        names = [candidate, *columns]
        factors = [2.0 * keep - n, *([1.0] * (n - 1))]
        rows.append((names, factors, float(keep), float(keep)))

    return rows
