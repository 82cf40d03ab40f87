"""Which solver suits a number of candidates and a budget."""

from spexlens.ablation.masks import ENUMERABLE
from spexlens.errors import BudgetTooSmall, InvalidInput
from spexlens.solvers.base import Solver, shown
from spexlens.solvers.exact import Exact
from spexlens.solvers.proxyspex.solver import ProxySpex

SOLVERS: dict[str, type[Solver]] = {"exact": Exact, "proxyspex": ProxySpex}
"""The solvers by the name of their method."""

METHODS = ("auto", *SOLVERS)


def choose_solver(method: str, n: int, budget: int) -> Solver:
    """The solver of a method; "auto" is exact where 2^n calls fit the budget, ProxySPEX elsewhere.

    Raises:
        InvalidInput: the method is unknown, or the budget is not positive.
        BudgetTooSmall: no method, or not this one, works with so few calls; the text says the least.
    """
    if method not in METHODS:
        raise InvalidInput(f"unknown method {method!r}; choose one of {', '.join(METHODS)}")
    if budget < 1:
        raise InvalidInput(f"the budget is a number of calls, at least 1; got {budget}")
    names = [method] if method != "auto" else [name for name in SOLVERS if name != "exact" or n <= ENUMERABLE]
    solvers = [SOLVERS[name]() for name in names]
    for solver in solvers:
        if solver.least(n) <= budget:
            return solver
    cheapest = min(solvers, key=lambda solver: solver.least(n))
    raise BudgetTooSmall(
        f"{n} candidates need at least {shown(cheapest.least(n))} calls ({cheapest.name}); "
        f"the budget is {budget}"
    )
