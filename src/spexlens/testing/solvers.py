"""SolverConformance: what every solver holds, for whoever adds one."""

import numpy as np
from numpy.typing import NDArray

from spexlens.errors import BudgetTooSmall, InvalidInput
from spexlens.masks.masks import unpack
from spexlens.solvers.solver import Fit, Plan, Solver
from spexlens.testing.holding import hold_json, hold_near, hold_one_line, hold_same_bits
from spexlens.testing.oracles import every_mask, fourier_by_brute_force

Masks = NDArray[np.bool_]
Array = NDArray[np.float64]


class SolverConformance:
    """Tests of a solver; a subclass whose name begins with Test makes it.

    A subclass must define:
        solver: the solver, made anew.

    It may overwrite:
        n, budget: what most tests plan for.
        small: how many candidates all 2^n masks are given of.
        tolerance: how near the exact spectrum a fit to all of them comes.

    What is fitted is f(m) = 1 + 2 m₀ - 1.5 m₁ + 3 m₂m₃ - m₁m₃m₄, or two such columns.
    """

    # What must be defined

    def solver(self) -> Solver:
        """The solver, made anew with the same settings each time."""
        raise NotImplementedError("a subclass of SolverConformance makes a solver")

    # What may be overwritten

    n: int = 8
    """Candidates of most tests, at least 5; 2^n must not be below the budget."""

    budget: int = 200
    """Masks of most tests, no less than the solver's `least(n)`."""

    small: int = 6
    """Candidates all of whose masks are given, at least 5."""

    tolerance: float = 1e-9
    """The most that a coefficient may be off then, the largest being one."""

    # What every solver holds

    def test_it_plans_no_more_than_its_budget(self) -> None:
        solver = self.solver()
        least = solver.least(self.n)
        enough = max(least, self.budget)
        # one more: a design of whole blocks may leave calls over, but not overspend
        for budget in (least, enough, enough + 1):
            plan, values = _planned(solver, self.n, budget, seed=0)
            assert 0 < plan.total <= budget
            assert plan.rest == 0
            assert plan.n == self.n
            assert plan.packed.dtype == np.uint8
            assert plan.masks.shape == (plan.total, self.n)
            assert len(values) == plan.total

    def test_its_outline_says_what_it_plans(self) -> None:
        solver = self.solver()
        plan = solver.plan(self.n, self.budget, seed=0)
        outline = solver.outline(self.n, self.budget, seed=0)
        assert outline.total == plan.total
        assert outline.method == plan.method
        assert outline.design == plan.design != ""

    def test_its_masks_are_distinct(self) -> None:
        plan, _ = _planned(self.solver(), self.n, self.budget, seed=0)
        assert len(np.unique(plan.packed, axis=0)) == len(plan)

    def test_a_longer_plan_begins_with_a_shorter_one_where_plans_are_nested(
        self,
    ) -> None:
        solver = self.solver()
        shorter = solver.least(self.n)
        if not solver.nested or shorter >= self.budget:
            return
        short, _ = _planned(solver, self.n, shorter, seed=0)
        long, _ = _planned(solver, self.n, self.budget, seed=0)
        assert np.array_equal(long.packed[: len(short)], short.packed)

    def test_one_seed_gives_one_plan_and_one_fit(self) -> None:
        first, first_values = _planned(self.solver(), self.n, self.budget, seed=3)
        again, values = _planned(self.solver(), self.n, self.budget, seed=3)
        hold_same_bits(again.packed, first.packed, "the plan")
        hold_same_bits(values, first_values, "the values")
        one = self.solver().fit_packed(first.packed, self.n, values, seed=3)
        two = self.solver().fit_packed(first.packed, self.n, values, seed=3)
        assert list(one.spectrum.sets) == list(two.spectrum.sets)
        hold_same_bits(two.spectrum.values, one.spectrum.values, "the spectrum")
        assert one.faithfulness == two.faithfulness
        assert one.details == two.details

    def test_a_solver_that_was_used_plans_and_fits_as_a_new_one(self) -> None:
        solver = self.solver()
        plan, values = _planned(solver, self.n, self.budget, seed=1)
        # nothing of this fit may be left in the solver
        solver.fit_packed(plan.packed, self.n, values, seed=1)
        again, _ = _planned(solver, self.n, self.budget, seed=1)
        hold_same_bits(again.packed, plan.packed, "the plan")

    def test_fewer_calls_than_its_least_are_refused_in_one_line(self) -> None:
        solver = self.solver()
        least = solver.least(self.n)
        for method in (solver.plan, solver.outline):
            try:
                method(self.n, least - 1, 0)
            except BudgetTooSmall as error:
                hold_one_line(error)
            else:
                raise AssertionError(f"{least - 1} calls are below {least}")

    def test_all_masks_give_the_exact_spectrum(self) -> None:
        solver = self.solver()
        budget = max(solver.least(self.small), 1 << self.small)
        plan, values = _planned(solver, self.small, budget, seed=0)
        assert len(plan) == 1 << self.small
        fit = solver.fit_packed(plan.packed, self.small, values, seed=0)
        exact = fourier_by_brute_force(_scalar(every_mask(self.small)))
        found = np.array([fit.spectrum[members] for members in exact])
        expected = np.array(list(exact.values()))
        hold_near(found, expected, self.tolerance, "the spectrum")

    def test_a_value_may_have_one_number_or_several(self) -> None:
        solver = self.solver()
        plan, values = _planned(solver, self.n, self.budget, seed=0)
        _hold_shape(solver.fit_packed(plan.packed, self.n, values, 0), plan, ())
        columns = _two_columns(plan.masks)
        _hold_shape(solver.fit_packed(plan.packed, self.n, columns, 0), plan, (2,))

    def test_unpacked_masks_are_fitted_alike(self) -> None:
        solver = self.solver()
        plan, values = _planned(solver, self.n, self.budget, seed=0)
        packed = solver.fit_packed(plan.packed, self.n, values, seed=0)
        unpacked = solver.fit(plan.masks, values, seed=0)
        hold_same_bits(unpacked.spectrum.values, packed.spectrum.values, "the spectrum")

    def test_values_that_are_not_finite_are_refused_in_one_line(self) -> None:
        solver = self.solver()
        plan, values = _planned(solver, self.n, self.budget, seed=0)
        # one of many: a mean over all would hide it
        values[1] = np.nan
        try:
            solver.fit_packed(plan.packed, self.n, values, seed=0)
        except InvalidInput as error:
            hold_one_line(error)
        else:
            raise AssertionError("a value that is not finite was fitted")

    def test_its_details_are_json(self) -> None:
        solver = self.solver()
        plan, values = _planned(solver, self.n, self.budget, seed=0)
        fit = solver.fit_packed(plan.packed, self.n, values, seed=0)
        hold_json(fit.details, "details")


def _scalar(masks: Masks) -> Array:
    """What is fitted; see the class."""
    kept = masks.astype(np.float64)
    first, second, third, fourth, fifth = kept.T[:5]
    singles = 2.0 * first - 1.5 * second
    pair = 3.0 * third * fourth
    triple = second * fourth * fifth
    return np.asarray(1.0 + singles + pair - triple)


def _two_columns(masks: Masks) -> Array:
    """It, and it with the candidates in reverse: (m, 2)."""
    return np.stack([_scalar(masks), _scalar(masks[:, ::-1])], axis=1)


def _planned(solver: Solver, n: int, budget: int, seed: int) -> tuple[Plan, Array]:
    """A whole plan, and the values of its masks."""

    def ask(packed: NDArray[np.uint8]) -> Array:
        return _scalar(unpack(packed, n))

    return solver.carry_out(solver.plan(n, budget, seed), ask, seed)


def _hold_shape(fit: Fit, plan: Plan, shape: tuple[int, ...]) -> None:
    """A spectrum of values of a shape each, (), or (k,), and a score for each output."""
    assert fit.spectrum.n == plan.n
    assert len(fit.spectrum), "a spectrum has a set at least, the empty one"
    assert fit.spectrum.values.shape[1:] == shape
    assert fit.spectrum.predict(plan.masks).shape == (len(plan), *shape)
    outputs = shape[0] if shape else 1
    assert len(fit.faithfulness.r2) == outputs
    assert len(fit.uncertainty) in (0, outputs)
