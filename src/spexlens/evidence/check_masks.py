"""Gathering: what is bought after a fit, to check it, and the last fit that it joins."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from spexlens.budget.allocation import Allocation
from spexlens.budget.reserve import Reserve
from spexlens.budget.shares import Shares
from spexlens.evaluation.sized import Sized
from spexlens.evidence.factorial import (
    LEAST_CONTEXTS,
    MOST_CONTEXTS,
    FactorialDesign,
    closure,
    fitting,
    least_seen,
    spread_over,
    worth_checking,
)
from spexlens.evidence.held_out import HeldOut, judge, linear_datamodel
from spexlens.evidence.spot_checks import Checks, checks_of
from spexlens.games.game import Game
from spexlens.masks import designs
from spexlens.masks import masks as mask_algebra
from spexlens.masks.masks import seen_among
from spexlens.solvers.solver import Fit, Plan, Solver
from spexlens.solvers.stopping import PlanRun
from spexlens.spectrum.shares import Members
from spexlens.spectrum.spectrum import Spectrum

Array = NDArray[np.float64]
Packed = NDArray[np.uint8]

OTHER_SEED = 1 << 62
"""Of what the plan's masks are not drawn with."""

_POOL = 64  # contexts drawn for one that is used, where masks are few


@dataclass(frozen=True)
class CheckMasks:
    """A plan, what it was answered, and what else a game was asked to check the fit.

    Attributes:
        plan: of the first fit.
        values: (m,) or (m, k), of its masks.
        corners: of the sets that are checked, or None.
        fresh: (f, w) uint8, packed masks that are uniform and were not planned.
        asked: (c + f, ...) the values of the corners' masks, and then of the fresh
            ones.
        judged: (c + f,) bool, which of those say how well the fit predicts what it did
            not see.
        clusters: (c + f,) int64, which of them were drawn together.
    """

    plan: Plan
    values: Array
    corners: FactorialDesign | None
    fresh: Packed
    asked: Array
    judged: NDArray[np.bool_]
    clusters: NDArray[np.int64]

    @property
    def packed(self) -> Packed:
        """(c + f, w): the corners' masks, then the fresh ones."""
        own = (
            self.plan.packed[:0]
            if self.corners is None
            else mask_algebra.pack(self.corners.masks)
        )
        return np.concatenate([own, self.fresh])

    def held_out(self, spectrum: Spectrum, seed: int) -> HeldOut | None:
        """The fit, and a linear model of the same calls, on what neither saw."""
        if self.judged.sum() < 2:
            return None
        linear = linear_datamodel(self.plan.masks, self.values, seed)
        masks = mask_algebra.unpack(self.packed[self.judged], self.plan.n)
        clusters = self.clusters[self.judged]
        return judge(spectrum, linear, masks, self.asked[self.judged], clusters, seed)

    def checks(self, spectrum: Spectrum) -> Checks | None:
        """What the corners say of the fit."""
        if self.corners is None:
            return None
        count = len(self.corners.masks)
        found = checks_of(self.corners, spectrum, self.asked[:count])
        return Checks(found, count, len(self.corners.rows[0]))

    def refitted(self, solver: Solver, fit: Fit, seed: int) -> Fit:
        """A last fit, to all values."""
        packed = np.concatenate([self.plan.packed, self.packed])
        first, _ = mask_algebra.distinct(packed)
        values = np.concatenate([self.values, self.asked])
        return solver.refit(fit, packed[first], self.plan.n, values[first], seed)


@dataclass(frozen=True)
class Checked:
    """A fit, and what was bought to check it.

    Attributes:
        spectrum: of the fit that was checked.
        bought: the plan's masks and those that check it, with their values.
        checks: what those say of the strongest interactions, or None.
    """

    spectrum: Spectrum
    bought: CheckMasks
    checks: Checks | None


def gather(
    evaluator: Sized,
    allocation: Allocation,
    run: PlanRun,
    first: Sequence[Members] = (),
) -> CheckMasks:
    """Ask for the corners of the strongest sets, and for uniform masks that were not
    planned.

    Args:
        evaluator: of the game.
        allocation: of the budget: how many masks there are, how many more are held out
            of the fit and their repetitions, and trainings, where masks share them.
        run: the fit.
        first: sets that are checked before all others.
    """
    shares = allocation.shares
    reserve = allocation.reserve
    seed = allocation.request.seed
    # No more masks are held out than were asked for; else those join them that the
    # checks leave.
    as_asked = allocation.request.held_out is not None
    game = evaluator.game
    own = shares.held_out > 0
    plan = run.plan
    fresh = _fresh(game, plan, shares, plan.packed, shares.held_out, seed)
    corners = _corners(
        game, plan, reserve, run.fit.spectrum, fresh if own else None, seed, first
    )
    packed = plan.packed[:0] if corners is None else mask_algebra.pack(corners.masks)
    known = np.concatenate([plan.packed, fresh])
    spare = reserve.checks - int((~seen_among(packed, known)).sum())
    if spare > 0 and own and game.strategy.shares_trainings:
        # more masks of the trainings that are held out
        more = shares.held_out + spare * game.repeats // shares.times
        fresh = _fresh(game, plan, shares, plan.packed, more, seed)
    elif spare > 0 and not (game.strategy.shares_trainings or (own and as_asked)):
        more = spare * game.repeats // shares.times if own else spare
        drawn = _fresh(game, plan, shares, np.concatenate([known, packed]), more, seed)
        fresh = np.concatenate([fresh, drawn])
    asked = _values(
        evaluator,
        plan,
        run.values,
        packed,
        fresh,
        shares.times if own else game.repeats,
    )
    alone = np.ones(len(fresh), np.bool_)
    judged = np.concatenate(
        [~seen_among(packed, known) if not own else np.zeros(len(packed), bool), alone]
    )
    clusters = _clusters(game, corners, fresh)
    return CheckMasks(plan, run.values, corners, fresh, asked, judged, clusters)


def _values(
    evaluator: Sized,
    plan: Plan,
    values: Array,
    packed: Packed,
    fresh: Packed,
    times: int,
) -> Array:
    """Of the corners' masks and the fresh ones, in that order.

    They are asked for together, so that they share trainings, unless fresh ones are
    repeated more often.
    """
    together = times == evaluator.game.repeats
    new = packed[~seen_among(packed, np.concatenate([plan.packed, fresh]))]
    answers = [values]
    if together and len(fresh) + len(new):
        answers.append(evaluator.packed_values(np.concatenate([fresh, new])))
    elif not together:
        answers += [evaluator.packed_values(fresh, times)] if len(fresh) else []
        answers += [evaluator.packed_values(new)] if len(new) else []
    every = np.concatenate([plan.packed, fresh, new])
    first, where = mask_algebra.distinct(np.concatenate([every, packed, fresh]))
    return np.asarray(np.concatenate(answers)[first[where[len(every) :]]])


def _corners(
    game: Game,
    plan: Plan,
    reserve: Reserve,
    spectrum: Spectrum,
    fresh: Packed | None,
    seed: int,
    first: Sequence[Members],
) -> FactorialDesign | None:
    """The corners of the strongest sets for so many calls; None where there are none.

    Contexts are uniform masks whose corners the fit did not see, of those held out
    where there are any.
    """
    ranked = list(dict.fromkeys([*first, *worth_checking(spectrum)]))
    contexts, room = spread_over(reserve.checks, len(ranked[0]) if ranked else 0)
    if game.strategy.shares_trainings:  # a context takes two trainings at least
        contexts = LEAST_CONTEXTS
        room = reserve.checks // LEAST_CONTEXTS
    sets = fitting(ranked, room, game.strategy, reserve.trainings // contexts)
    if not sets:
        return None
    n = plan.n
    family = len(closure(sets))
    if fresh is None:
        count = (
            min(_POOL * contexts, 1 << n) if n <= mask_algebra.ENUMERABLE else contexts
        )
        pool = designs.uniform(n, count, seed ^ OTHER_SEED ^ 1)
    else:  # which are paid for
        pool = mask_algebra.unpack(fresh, n)
        if not game.strategy.shares_trainings:
            contexts = min(reserve.checks // max(1, family - 1), MOST_CONTEXTS)
    if reserve.each:  # each other way to ablate is asked for the same masks
        contexts = min(contexts, max(LEAST_CONTEXTS, reserve.each // family))
    chosen = least_seen(pool, sets, plan.packed, contexts)
    return FactorialDesign.of(sets, chosen) if len(chosen) > 2 else None


def _fresh(
    game: Game, plan: Plan, shares: Shares, seen: Packed, count: int, seed: int
) -> Packed:
    """So many uniform masks that were not seen, packed, or as many as there are.

    Where masks share trainings, these are of trainings of their own.
    """
    if not count:
        return plan.packed[:0]
    return game.strategy.fresh(
        plan.packed, seen, count, shares.trainings, seed ^ OTHER_SEED
    )


def _clusters(
    game: Game, corners: FactorialDesign | None, fresh: Packed
) -> NDArray[np.int64]:
    """Masks of one context were drawn together, and masks that share a training."""
    own = np.zeros(0, np.int64) if corners is None else corners.context
    behind = int(own.max(initial=-1)) + 1
    fresh_groups = game.strategy.groups(mask_algebra.unpack(fresh, game.n))
    return np.concatenate([own, behind + fresh_groups])
