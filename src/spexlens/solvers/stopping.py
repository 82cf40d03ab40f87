"""Stopping: fewer masks, where more would not change what is found."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from spexlens.arguments import named
from spexlens.errors import InvalidInput
from spexlens.games.game import Game
from spexlens.solvers.auto import PROXIED
from spexlens.solvers.choice import SOLVERS
from spexlens.solvers.proxyspex.solver import ProxySpex
from spexlens.solvers.solver import Fit, Plan, Solver, all_masks, counted
from spexlens.spectrum.shares import strongest

Ask = Callable[[NDArray[np.uint8]], NDArray[np.float64]]

# masks of the first look, and of each in proportion to the one before
_FIRST = 80
_GROWTH = 1.2
_UNMOVED = 3  # looks with the same strongest sets, one after the other
_NESTED = 2000  # calls, from which on other solvers take part, whose masks do not nest


@dataclass(frozen=True)
class PlanRun:
    """A plan that was carried out.

    Attributes:
        solver: that fitted it.
        plan: with all masks that were asked for.
        values: (m,) or (m, k), theirs.
        fit: to them.
        stopped: whether it ended early.
    """

    solver: Solver
    plan: Plan
    values: NDArray[np.float64]
    fit: Fit
    stopped: bool = False


def refuse_unstoppable(
    until: str | None, game: Game, method: str | Solver, budget: int
) -> None:
    """InvalidInput unless a run may stop early: its masks begin those of a longer one."""
    if until is None:
        return
    if until != "stable":
        raise InvalidInput(f"until is 'stable' or None; got {until!r}")
    if game.base.strategy.shares_trainings:
        raise InvalidInput(
            "masks that share trainings are drawn at once: leave out"
            f" {named('until', 'stable')}"
        )
    if not _may_nest(method):
        raise InvalidInput(
            f"{named('until', 'stable')} goes with method auto or proxyspex, whose"
            " masks nest"
        )
    if method == "auto" and all_masks(game.n, budget) < 1 << game.n:
        _refuse_unless_proxied(game.n, budget)


def _may_nest(method: object) -> bool:
    """Whether a method's plans nest, of "auto" those of some budgets."""
    if isinstance(method, Solver):
        return method.nested
    if not isinstance(method, str):
        return False
    return method == "auto" or (method in SOLVERS and SOLVERS[method].nested)


def _refuse_unless_proxied(n: int, budget: int) -> None:
    """InvalidInput where "auto" takes a solver whose plans do not nest."""
    if budget >= _NESTED:
        raise InvalidInput(
            f"from {_NESTED} calls on {named('until', 'stable')} goes with method"
            " proxyspex"
        )
    if n > PROXIED or budget < ProxySpex().least(n):
        raise InvalidInput(
            f"{named('until', 'stable')} goes with method proxyspex, and for"
            f" {counted(n)} and {budget} calls auto takes spex: leave it out"
        )


def run_plan(
    solver: Solver, plan: Plan, ask: Ask, seed: int, *, early: bool
) -> PlanRun:
    """A plan with all its masks, their values and the fit; or as many as it takes.

    Args:
        solver: of the plan.
        plan: for this seed.
        ask: the values of packed masks.
        seed: decides every random choice.
        early: whether to stop where the five strongest sets of two members or more have
            been the same at three looks, the first after 80 masks and each after a
            fifth more.
    """
    remembering = _Remembering(ask)
    if early:
        stopped = _stopped_early(solver, plan, remembering, seed)
        if stopped is not None:
            return stopped

    plan, values = solver.carry_out(plan, remembering, seed)
    fit = solver.fit_packed(plan.packed, plan.n, values, seed)
    return PlanRun(solver, plan, values, fit)


def _stopped_early(
    solver: Solver, plan: Plan, ask: "_Remembering", seed: int
) -> PlanRun | None:
    """The first look after which nothing moved, or None if something always did."""
    # all 2^n masks are no beginning of one another: ProxySPEX looks at some of them
    looking = solver if solver.nested else ProxySpex()
    history: list[frozenset[tuple[int, ...]]] = []
    for count in _looks(plan.total, looking.least(plan.n)):
        shorter = looking.plan(plan.n, count, seed)
        shorter, values = looking.carry_out(shorter, ask, seed)
        fit = looking.fit_packed(shorter.packed, plan.n, values, seed)
        history.append(strongest(fit.spectrum))

        if _settled(history):
            return PlanRun(looking, shorter, values, fit, stopped=True)
    return None


def _settled(history: list[frozenset[tuple[int, ...]]]) -> bool:
    """Whether the last looks found the same sets, and any."""
    latest = history[-_UNMOVED:]
    if len(latest) < _UNMOVED:
        return False
    same = len(set(latest)) == 1
    return same and bool(latest[-1])


def _looks(total: int, least: int) -> list[int]:
    """How many masks there are at each look, all before the end."""
    counts = [max(_FIRST, least)]
    while counts[-1] < total:
        counts.append(int(_GROWTH * counts[-1]) + 1)
    return counts[:-1]


class _Remembering:
    """Asks for each mask once."""

    def __init__(self, ask: Ask) -> None:
        self._ask = ask
        self._known: dict[bytes, NDArray[np.float64]] = {}

    def __call__(self, packed: NDArray[np.uint8]) -> NDArray[np.float64]:
        """The values of packed masks, of those known as they were."""
        keys = [row.tobytes() for row in packed]

        new = [row for row, key in enumerate(keys) if key not in self._known]
        if new:
            values = self._ask(packed[new])
            for row, value in zip(new, values, strict=True):
                self._known[keys[row]] = value

        return np.array([self._known[key] for key in keys])
