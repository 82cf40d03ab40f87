"""Which solver suits a number of candidates and a budget."""

from spexlens.ablation.masks import ENUMERABLE
from spexlens.errors import InvalidInput
from spexlens.solvers.auto import Auto
from spexlens.solvers.base import Solver
from spexlens.solvers.exact import Exact
from spexlens.solvers.proxyspex.solver import ProxySpex
from spexlens.solvers.spex.solver import Spex

SOLVERS: dict[str, type[Solver]] = {"exact": Exact, "proxyspex": ProxySpex, "spex": Spex}
"""The solvers by the name of their method."""

METHODS = ("auto", *SOLVERS)


def choose_solver(method: str | Solver, n: int, budget: int) -> Solver:
    """The solver of a method; a solver is its own.

    "auto" is exact where 2^n calls fit the budget, else ProxySPEX, with SPEX beside it from 2,000
    calls on, and SPEX alone where the calls are too few for ProxySPEX.

    Raises:
        InvalidInput: the method is unknown, or the budget is not positive.
        BudgetTooSmall: no method, or not this one, works with so few calls; the text says the least.
    """
    if isinstance(method, str) and method not in METHODS:
        raise InvalidInput(f"unknown method {method!r}; choose one of {', '.join(METHODS)}")
    if budget < 1:
        raise InvalidInput(f"the budget is a number of calls, at least 1; got {budget}")
    solvers = [SOLVERS[name]() for name in SOLVERS if name != "exact" or n <= ENUMERABLE]
    if method != "auto":
        chosen = SOLVERS[method]() if isinstance(method, str) else method
        if chosen.least(n) > budget:
            others = [repr(solver.name) for solver in solvers if solver.least(n) <= budget]
            chosen.refuse_below_least(n, budget, [f"method {name}" for name in others])
        return chosen
    preferred = [solvers[0], Auto(), *solvers[1:]] if n <= ENUMERABLE else [Auto(), *solvers]
    able = [solver for solver in preferred if solver.least(n) <= budget]
    best = able[0] if able else min(solvers, key=lambda solver: solver.least(n))
    best.refuse_below_least(n, budget)
    return best
