"""Allocation: what the calls of a budget are spent on."""

from dataclasses import dataclass, replace

from spexlens.budget.request import Request
from spexlens.budget.reserve import (
    Beside,
    Left,
    Reserve,
    divided,
    reserve_of_rest,
    unchosen_masks,
)
from spexlens.budget.shares import Shares, trainings_of
from spexlens.games.game import Game
from spexlens.solvers.solver import Plan


@dataclass(frozen=True)
class Allocation:
    """What the calls of a budget are spent on.

    Attributes:
        game: that is asked.
        request: what was asked of it.
        beside: what is asked beside it.
        unchosen: masks that ablate what was not chosen.
        left: what that leaves.
        shares: the fit's part, and what is held out.
        reserve: what is for evidence.
    """

    game: Game
    request: Request
    beside: Beside
    unchosen: int
    left: Left
    shares: Shares
    reserve: Reserve

    def plan(self) -> Plan:
        """The masks of the fit."""
        return self.shares.solver.plan(
            self.game.n, self.shares.masks, self.request.seed
        )

    def calls(self, plan: Plan) -> int:
        """How many evaluations there will be, if it does not stop early."""
        reserve = self.reserve
        shares = self.shares
        # `Shares.held_out` and `again` are not of these: each has its own repetitions.
        masks = (
            plan.total
            + self.unchosen
            + reserve.checks
            + reserve.each * self.beside.variants
            + reserve.smallest
        )
        repeated = shares.held_out * shares.times + shares.again + reserve.repeats
        return masks * self.game.repeats + repeated + self.beside.ordinary

    def design(self, plan: Plan) -> str:
        """How the masks are chosen, in a few words."""
        parts = [self.game.strategy.described(plan.design)]
        if self.shares.held_out:
            parts.append(f"{self.shares.held_out} held out")
        if self.reserve.checks:
            parts.append(f"{self.reserve.checks} to check it")
        return "; ".join(parts)

    def noisy(self) -> "Allocation":
        """The same request, of a game that was found to answer differently.

        Raises:
            BudgetTooSmall: it is not enough for more repetitions.
        """
        beside = replace(self.beside, noisy=True)
        return allocate(self.game, self.request, beside)

    def stopped(self, masks: int) -> "Allocation":
        """The same, of a plan of all 2^n masks that ended after so many.

        There is something to check after all.
        """
        spare = self.left.calls - masks
        reserve = reserve_of_rest(
            self.game,
            spare,
            self.request,
            self.beside,
            self.reserve,
        )
        return replace(self, reserve=reserve)


def allocate(game: Game, request: Request, beside: Beside | None = None) -> Allocation:
    """What a request's budget is spent on.

    Args:
        game: that is asked.
        request: what is asked of it.
        beside: what is asked beside it; None for nothing.

    Raises:
        BudgetTooSmall: the text says the least that works.
        InvalidInput: as `explain`.
    """
    beside = beside or Beside()
    unchosen = unchosen_masks(game, request)
    trainings = trainings_of(game, request.budget, request.trainings, unchosen)
    left = Left(request.budget - unchosen * game.repeats, trainings)
    shares, reserve = divided(game, left, request, beside)
    return Allocation(game, request, beside, unchosen, left, shares, reserve)
