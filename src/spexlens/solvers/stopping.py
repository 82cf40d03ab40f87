"""Stopping: fewer masks, where more would not change what is found."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from spexlens.arguments import named
from spexlens.errors import InvalidInput
from spexlens.games.game import Game
from spexlens.solvers.auto import PROXIED
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
    """InvalidInput unless a run may stop early: its masks are those of a longer one's
    beginning.
    """
    if until is None:
        return
    if until != "stable":
        raise InvalidInput(f"until is 'stable' or None; got {until!r}")
    if game.base.training_candidates is not None:
        raise InvalidInput(
            "masks that share trainings are drawn at once: leave out"
            f" {named('until', 'stable')}"
        )
    if not isinstance(method, ProxySpex) and method not in ("auto", "proxyspex"):
        raise InvalidInput(
            f"{named('until', 'stable')} goes with method auto or proxyspex, whose"
            " masks nest"
        )
    if method == "auto" and all_masks(game.n, budget) < 1 << game.n:
        if budget >= _NESTED:
            raise InvalidInput(
                f"from {_NESTED} calls on {named('until', 'stable')} goes with method"
                " proxyspex"
            )
        if game.n > PROXIED or budget < ProxySpex().least(game.n):
            raise InvalidInput(
                f"{named('until', 'stable')} goes with method proxyspex, and for"
                f" {counted(game.n)} and {budget} calls auto takes spex: leave it out"
            )


def run_plan(
    solver: Solver, plan: Plan, ask: Ask, seed: int, *, early: bool
) -> "PlanRun":
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
    looking = solver if isinstance(solver, ProxySpex) else ProxySpex()
    looks = _looks(plan.total, looking.least(plan.n)) if early else []
    remembering = _Remembering(ask)
    before: list[frozenset[tuple[int, ...]]] = []
    for count in looks:
        begun = looking.plan(plan.n, count, seed)
        begun, values = looking.carry_out(begun, remembering, seed)
        fit = looking.fit_packed(begun.packed, plan.n, values, seed)
        before.append(strongest(fit.spectrum))
        if before[-1] and len(before) >= _UNMOVED and len(set(before[-_UNMOVED:])) == 1:
            return PlanRun(looking, begun, values, fit, stopped=True)
    plan, values = solver.carry_out(plan, remembering, seed)
    return PlanRun(
        solver, plan, values, solver.fit_packed(plan.packed, plan.n, values, seed)
    )


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
            self._known.update(
                (keys[row], value) for row, value in zip(new, values, strict=True)
            )
        return np.array([self._known[key] for key in keys])
