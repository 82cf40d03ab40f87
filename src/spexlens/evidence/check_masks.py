"""Check masks: what is bought after a fit, to check it, and the last fit it joins."""

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
"""What a seed is changed by for masks that must not be those of the plan again."""

_POOL = 64  # contexts drawn for one that is used, where masks are few


@dataclass(frozen=True)
class CheckMasks:
    """A plan, what it was answered, and what else a game was asked to check the fit.

    The masks of the check are the c of the design, and then the f fresh ones.

    Attributes:
        plan: of the first fit.
        values: (m,) or (m, k) float64, of its masks.
        design: the corners of the sets that are checked, or None.
        fresh: (f, w) uint8, packed masks that are uniform and were not planned.
        values_of_checks: (c + f,) or (c + f, k) float64, of the masks of the check.
        is_judged: (c + f,) bool, which of those say how well the fit predicts what it
            did not see.
        clusters: (c + f,) int64, which of them were drawn together.
    """

    plan: Plan
    values: Array
    design: FactorialDesign | None
    fresh: Packed
    values_of_checks: Array
    is_judged: NDArray[np.bool_]
    clusters: NDArray[np.int64]

    @property
    def packed(self) -> Packed:
        """(c + f, w) uint8: the design's masks, then the fresh ones."""
        corners = _corners(self.design, self.plan)
        return np.concatenate([corners, self.fresh])

    def held_out(self, spectrum: Spectrum, seed: int) -> HeldOut | None:
        """The fit, and a linear model of the same calls, on what neither saw."""
        if self.is_judged.sum() < 2:  # R² of one mask says nothing
            return None
        linear = linear_datamodel(self.plan.masks, self.values, seed)
        packed = self.packed[self.is_judged]
        return judge(
            spectrum,
            linear,
            mask_algebra.unpack(packed, self.plan.n),
            self.values_of_checks[self.is_judged],
            self.clusters[self.is_judged],
            seed,
        )

    def checks(self, spectrum: Spectrum) -> Checks | None:
        """What the corners say of the fit."""
        if self.design is None:
            return None
        count = len(self.design.masks)
        values = self.values_of_checks[:count]
        checks = checks_of(self.design, spectrum, values)
        contexts = len(self.design.rows[0])
        return Checks(checks, count, contexts)

    def refitted(self, solver: Solver, fit: Fit, seed: int) -> Fit:
        """A last fit, to all values."""
        packed = np.concatenate([self.plan.packed, self.packed])
        values = np.concatenate([self.values, self.values_of_checks])
        # A corner may have been planned, or be a fresh mask: each counts once.
        first, _ = mask_algebra.distinct(packed)
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
    """Ask for the corners of the strongest sets, and for fresh uniform masks.

    Args:
        evaluator: of the game.
        allocation: of the budget: how many masks there are, how many more are held out
            of the fit and their repetitions, and trainings, where masks share them.
        run: the fit.
        first: sets that are checked before all others.
    """
    return _Gathering(evaluator, allocation, run).check_masks(first)


@dataclass(frozen=True)
class _Gathering:
    """What `gather` was given, and the steps to its masks.

    Attributes:
        evaluator, allocation, run: see `gather`.
    """

    evaluator: Sized
    allocation: Allocation
    run: PlanRun

    @property
    def game(self) -> Game:
        """That is asked."""
        return self.evaluator.game

    @property
    def plan(self) -> Plan:
        """Of the fit."""
        return self.run.plan

    @property
    def shares(self) -> Shares:
        """The fit's part of the budget, and what is held out of it."""
        return self.allocation.shares

    @property
    def reserve(self) -> Reserve:
        """What the budget has for evidence."""
        return self.allocation.reserve

    @property
    def seed(self) -> int:
        """Of the masks that are not the plan's."""
        return self.allocation.request.seed ^ OTHER_SEED

    @property
    def holds_out(self) -> bool:
        """Whether masks are held out of the fit, beside those that the checks buy."""
        return self.shares.held_out > 0

    @property
    def times(self) -> int:
        """The evaluations of a fresh mask."""
        return self.shares.times if self.holds_out else self.game.repeats

    def check_masks(self, first: Sequence[Members]) -> CheckMasks:
        """The masks, and what the game answers to them."""
        held_out = self._fresh(self.plan.packed, self.shares.held_out)
        design = self._design(held_out, first)
        corners = _corners(design, self.plan)
        fresh = self._with_spare(held_out, corners)
        values = self._values(corners, fresh)
        is_judged = self._is_judged(corners, fresh)
        clusters = self._clusters(design, fresh)
        return CheckMasks(
            self.plan,
            self.run.values,
            design,
            fresh,
            values,
            is_judged,
            clusters,
        )

    def _fresh(self, seen: Packed, count: int) -> Packed:
        """So many uniform masks that were not seen, packed, or as many as there are.

        Where masks share trainings, these are of trainings of their own.
        """
        planned = self.plan.packed
        if not count:
            return planned[:0]
        return self.game.strategy.fresh(
            planned,
            seen,
            count,
            self.shares.trainings,
            self.seed,
        )

    def _with_spare(self, held_out: Packed, corners: Packed) -> Packed:
        """The masks held out, and more of them for what the corners leave over."""
        known = np.concatenate([self.plan.packed, held_out])
        bought = ~seen_among(corners, known)
        spare = self.reserve.checks - int(bought.sum())
        if spare <= 0:
            return held_out
        if self.holds_out:
            return self._more_held_out(held_out, corners, spare)
        if self.game.strategy.shares_trainings:
            return held_out  # a fresh mask would take a training that nobody counted
        known = np.concatenate([known, corners])
        drawn = self._fresh(known, spare)
        return np.concatenate([held_out, drawn])

    def _more_held_out(self, held_out: Packed, corners: Packed, spare: int) -> Packed:
        """The masks held out, and as many more as so many masks of the check cost."""
        # Each is repeated under as many seeds as those held out.
        more = spare * self.game.repeats // self.shares.times
        planned = self.plan.packed
        if self.game.strategy.shares_trainings:
            # More masks of the trainings that are held out: none trains anew.
            return self._fresh(planned, self.shares.held_out + more)
        if self.allocation.request.held_out is not None:
            return held_out  # no more than were asked for
        known = np.concatenate([planned, held_out, corners])
        drawn = self._fresh(known, more)
        return np.concatenate([held_out, drawn])

    def _values(self, corners: Packed, fresh: Packed) -> Array:
        """Of the corners' masks and the fresh ones, in that order.

        They are asked for together, so that they share trainings, unless fresh ones are
        repeated more often.
        """
        known = np.concatenate([self.plan.packed, fresh])
        new = corners[~seen_among(corners, known)]
        answers = [self.run.values]
        if self.times == self.game.repeats:
            together = np.concatenate([fresh, new])
            if len(together):
                answers.append(self.evaluator.packed_values(together))
        else:
            if len(fresh):
                answers.append(self.evaluator.packed_values(fresh, self.times))
            if len(new):
                answers.append(self.evaluator.packed_values(new))
        answered = np.concatenate([known, new])
        values = np.concatenate(answers)
        # Corners that were planned, or are fresh, are paid for once: look them up.
        every = np.concatenate([answered, corners, fresh])
        first, where = mask_algebra.distinct(every)
        place = where[len(answered) :]
        return np.asarray(values[first[place]])

    def _is_judged(self, corners: Packed, fresh: Packed) -> NDArray[np.bool_]:
        """Of the corners and the fresh masks, which the fit is judged on.

        All fresh ones are. Corners are where no mask is held out, if the fit did not
        see them.
        """
        of_corners = np.zeros(len(corners), np.bool_)
        if not self.holds_out:
            of_corners = ~seen_among(corners, self.plan.packed)
        of_fresh = np.ones(len(fresh), np.bool_)
        return np.concatenate([of_corners, of_fresh])

    def _design(
        self, held_out: Packed, first: Sequence[Members]
    ) -> FactorialDesign | None:
        """The corners of the strongest sets for so many calls; None of no sets.

        Contexts are uniform masks whose corners the fit did not see, of those held out
        where there are any.
        """
        reserve = self.reserve
        strategy = self.game.strategy
        strongest = worth_checking(self.run.fit.spectrum)
        ranked = list(dict.fromkeys([*first, *strongest]))
        order = len(ranked[0]) if ranked else 0
        contexts, room = spread_over(reserve.checks, order)
        if strategy.shares_trainings:  # a context takes two trainings at least
            contexts = LEAST_CONTEXTS
            room = reserve.checks // LEAST_CONTEXTS
        trainings = reserve.trainings // contexts
        sets = fitting(ranked, room, strategy, trainings)
        if not sets:
            return None
        family = len(closure(sets))
        if self.holds_out:
            pool = mask_algebra.unpack(held_out, self.plan.n)
            if not strategy.shares_trainings:
                # A context is a corner itself, and is paid for already.
                affordable = reserve.checks // max(1, family - 1)
                contexts = min(affordable, MOST_CONTEXTS)
        else:
            pool = self._pool(contexts)
        if reserve.each:  # each other way to ablate is asked for the same masks
            affordable = max(LEAST_CONTEXTS, reserve.each // family)
            contexts = min(contexts, affordable)
        chosen = least_seen(pool, sets, self.plan.packed, contexts)
        if len(chosen) < LEAST_CONTEXTS:
            return None
        return FactorialDesign.of(sets, chosen)

    def _pool(self, contexts: int) -> NDArray[np.bool_]:
        """Uniform masks to choose so many contexts from."""
        n = self.plan.n
        count = contexts
        # Of more candidates, hardly a corner is ever among the plan's masks.
        if n <= mask_algebra.ENUMERABLE:
            count = min(_POOL * contexts, 1 << n)
        # Another seed than that of fresh masks, which would be the same.
        return designs.uniform(n, count, self.seed ^ 1)

    def _clusters(
        self, design: FactorialDesign | None, fresh: Packed
    ) -> NDArray[np.int64]:
        """Masks of one context were drawn together, and masks that share a training."""
        contexts = np.zeros(0, np.int64) if design is None else design.context
        behind = int(contexts.max(initial=-1)) + 1
        masks = mask_algebra.unpack(fresh, self.game.n)
        groups = self.game.strategy.groups(masks)
        return np.concatenate([contexts, behind + groups])


def _corners(design: FactorialDesign | None, plan: Plan) -> Packed:
    """A design's masks, packed: (c, w) uint8, none of no design."""
    return plan.packed[:0] if design is None else design.packed
