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
"""What a method may be called."""

MOST_CANDIDATES = (1 << 16) - 1
"""The most candidates of any solver: the elements of a code's largest field."""


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
    _refuse_unknown(method)
    if budget < 1:
        raise InvalidInput(f"the budget is a number of calls, at least 1; got {budget}")

    refuse_too_many(n)

    if method == "auto":
        return _automatic(n, budget)

    # a refusal names those that would do
    solver = SOLVERS[method]() if isinstance(method, str) else method
    others = [other for other in _named(n) if _able(other, n, budget)]
    instead = [f"method {other.name!r}" for other in others]
    solver.refuse_too_many(n, others)
    solver.refuse_below_least(n, budget, instead)
    _refuse_above_most(solver, n, budget)
    return solver


def _refuse_unknown(method: object) -> None:
    """InvalidInput unless this is a method's name or a solver."""
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


def _automatic(n: int, budget: int) -> Solver:
    """The first of the solvers in order of preference that is able to; see above."""
    preferred = _preferred(n)
    able = [solver for solver in preferred if _able(solver, n, budget)]
    if able:
        return able[0]

    # the refusal is that of whoever comes nearest: first in calls, then in memory
    frugal = min(preferred, key=lambda solver: solver.least(n))
    frugal.refuse_below_least(n, budget)
    roomy = max(preferred, key=lambda solver: solver.most(n))
    _refuse_above_most(roomy, n, budget)
    raise AssertionError("a solver that is able was refused")


def _preferred(n: int) -> list[Solver]:
    """The solvers that "auto" tries for n candidates, the best first."""
    if n > PROXIED:
        return [Spex()]
    if n > ENUMERABLE:
        return [Auto(), ProxySpex(), Spex()]
    return [Exact(), Auto(), ProxySpex(), Spex()]


def _named(n: int) -> list[Solver]:
    """Those that have a name of their own and take n candidates."""
    solvers = [solver() for solver in SOLVERS.values()]
    return [solver for solver in solvers if n <= ENUMERABLE or not solver.exhaustive]


def _able(solver: Solver, n: int, budget: int) -> bool:
    return solver.least(n) <= budget and all_masks(n, budget) <= solver.most(n)


def _refuse_above_most(solver: Solver, n: int, budget: int) -> None:
    """InvalidInput if so many masks are more than a solver holds in memory."""
    most = solver.most(n)
    if all_masks(n, budget) > most:
        raise InvalidInput(
            f"{solver.name} holds at most {most} masks of {counted(n)} in"
            f" memory; the budget has {budget} for it: give a smaller one"
        )
