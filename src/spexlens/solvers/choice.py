"""Which solver suits a number of candidates and a budget."""

from spexlens.arguments import unknown
from spexlens.errors import InvalidInput
from spexlens.masks.masks import ENUMERABLE
from spexlens.solvers.auto import PROXIED, Auto
from spexlens.solvers.exact import Exact
from spexlens.solvers.proxyspex.solver import ProxySpex
from spexlens.solvers.solver import Solver, all_masks, counted
from spexlens.solvers.spex import Spex

SOLVERS: dict[str, type[Solver]] = {
    "exact": Exact,
    "proxyspex": ProxySpex,
    "spex": Spex,
}
"""The solvers by the name of their method."""

METHODS = ("auto", *SOLVERS)


MOST_CANDIDATES = (1 << 16) - 1
"""The most candidates that any solver takes: as many as there are elements in the
largest field of a code.
"""


def refuse_too_many(n: int) -> None:
    """InvalidInput if no solver takes so many candidates."""
    if n > MOST_CANDIDATES:
        raise InvalidInput(
            f"at most {MOST_CANDIDATES} candidates can be explained at once; there are"
            f" {n}: choose some of them, or larger ones"
        )


def choose_solver(method: str | Solver, n: int, budget: int) -> Solver:
    """The solver of a method; a solver is its own.

    "auto" is exact where 2^n calls fit the budget, for up to 20 candidates; else
    ProxySPEX, with SPEX beside it from 2,000 calls on; and SPEX alone where the calls
    are too few for ProxySPEX, or where there are more than 2,000 candidates, or more
    masks than ProxySPEX holds in memory.

    Raises:
        InvalidInput: the method is unknown, the budget is not positive, or there are
            too many candidates or masks for it; the text says what it takes.
        BudgetTooSmall: no method, or not this one, works with so few calls; the text
            says the least.
    """
    if isinstance(method, str) and method not in METHODS:
        raise InvalidInput(unknown("method", method, METHODS))
    if isinstance(method, type) and issubclass(method, Solver):
        raise InvalidInput(
            f"a method is a name, or a solver that is made: {method.__name__}()"
        )
    if not isinstance(method, str | Solver):
        raise InvalidInput(
            f"a method is one of {', '.join(METHODS)}, or a solver; got {method!r}"
        )
    if budget < 1:
        raise InvalidInput(f"the budget is a number of calls, at least 1; got {budget}")
    refuse_too_many(n)
    named: list[Solver] = (
        [ProxySpex(), Spex()] if n > ENUMERABLE else [Exact(), ProxySpex(), Spex()]
    )
    if method != "auto":
        chosen = SOLVERS[method]() if isinstance(method, str) else method
        others = [solver for solver in named if _able(solver, n, budget)]
        if isinstance(chosen, Exact) and n > ENUMERABLE:
            chosen.refuse_too_many(n, others)
        chosen.refuse_below_least(
            n, budget, [f"method {solver.name!r}" for solver in others]
        )
        _refuse_above_most(chosen, n, budget)
        return chosen
    preferred = [*named[:-2], Auto(), *named[-2:]] if n <= PROXIED else [Spex()]
    able = [solver for solver in preferred if _able(solver, n, budget)]
    if not able:
        min(preferred, key=lambda solver: solver.least(n)).refuse_below_least(n, budget)
        _refuse_above_most(max(preferred, key=lambda solver: solver.most(n)), n, budget)
    return able[0]


def _able(solver: Solver, n: int, budget: int) -> bool:
    return solver.least(n) <= budget and all_masks(n, budget) <= solver.most(n)


def _refuse_above_most(solver: Solver, n: int, budget: int) -> None:
    """InvalidInput if so many masks are more than a solver holds in memory."""
    if all_masks(n, budget) > solver.most(n):
        raise InvalidInput(
            f"{solver.name} holds at most {solver.most(n)} masks of {counted(n)} in"
            f" memory; the budget has {budget} for it: give a smaller one"
        )
