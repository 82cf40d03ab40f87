"""SolverConformance: what every solver holds, for whoever adds one."""

from typing import get_args

import numpy as np
from numpy.typing import NDArray

from spexlens.errors import BudgetTooSmall, InvalidInput
from spexlens.masks.masks import unpack
from spexlens.solvers.faithfulness import Source
from spexlens.solvers.solver import Fit, Plan, Solver
from spexlens.testing.holding import hold_json, hold_one_line, hold_same_bits
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
        order: the largest set that the solver ever fits, if there is one.

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

    order: int | None = None
    """The members that a fitted set has at most; None for sets of all orders.

    What is fitted has a set of order three. Larger sets than this are not compared. The
    others are, with what the true spectrum has for them: all 2^n masks are given, so
    the characters are orthogonal, and what is left out moves no other coefficient.
    """

    # What every solver holds

    def test_it_has_a_name(self) -> None:
        name = getattr(self.solver(), "name", None)
        assert isinstance(name, str), f"a solver has a name, a string; got {name!r}"
        assert name, "a solver's name is empty"

    def test_it_plans_no_more_than_its_budget(self) -> None:
        solver = self.solver()
        least = solver.least(self.n)
        enough = max(least, self.budget)
        # one more: a design of whole blocks may leave calls over, but not overspend
        for budget in (least, enough, enough + 1):
            plan, values = _planned(solver, self.n, budget, seed=0)
            _hold_plan(plan, self.n, budget)
            assert len(values) == plan.total, (
                f"{len(values)} values, {plan.total} masks"
            )

    def test_it_plans_each_mask_once_if_its_budget_is_above_all(self) -> None:
        solver = self.solver()
        count = 1 << self.small
        budget = max(solver.least(self.small), count) + 1
        plan, _ = _planned(solver, self.small, budget, seed=0)
        assert plan.total <= count, (
            f"there are {count} masks of {self.small} candidates; for a budget of"
            f" {budget} the plan has {plan.total}"
        )
        _hold_distinct(plan)

    def test_its_outline_says_what_it_plans(self) -> None:
        solver = self.solver()
        plan = solver.plan(self.n, self.budget, seed=0)
        outline = solver.outline(self.n, self.budget, seed=0)
        assert outline.total == plan.total, (
            f"the outline says {outline.total} masks, the plan has {plan.total}"
        )
        assert outline.method == plan.method, (
            f"the outline's method is {outline.method!r}, the plan's {plan.method!r}"
        )
        assert plan.design, "a plan says in a few words how its masks are chosen"
        assert outline.design == plan.design, (
            f"the outline's design is {outline.design!r}, the plan's {plan.design!r}"
        )

    def test_its_masks_are_distinct(self) -> None:
        plan, _ = _planned(self.solver(), self.n, self.budget, seed=0)
        _hold_distinct(plan)

    def test_a_longer_plan_begins_with_a_shorter_one_where_plans_are_nested(
        self,
    ) -> None:
        solver = self.solver()
        shorter = solver.least(self.n)
        if not solver.nested or shorter >= self.budget:
            return
        short, _ = _planned(solver, self.n, shorter, seed=0)
        long, _ = _planned(solver, self.n, self.budget, seed=0)
        assert np.array_equal(long.packed[: len(short)], short.packed), (
            f"nested: the plan of {self.budget} does not begin with that of {shorter}"
        )

    def test_one_seed_gives_one_plan_and_one_fit(self) -> None:
        first, first_values = _planned(self.solver(), self.n, self.budget, seed=3)
        again, values = _planned(self.solver(), self.n, self.budget, seed=3)
        hold_same_bits(again.packed, first.packed, "the plan")
        hold_same_bits(values, first_values, "the values")
        one = self.solver().fit_packed(first.packed, self.n, values, seed=3)
        two = self.solver().fit_packed(first.packed, self.n, values, seed=3)
        assert list(one.spectrum.sets) == list(two.spectrum.sets), (
            "two fits with one seed have other sets"
        )
        hold_same_bits(two.spectrum.values, one.spectrum.values, "the spectrum")
        assert one.faithfulness == two.faithfulness, (
            f"faithfulness: {one.faithfulness!r}, then {two.faithfulness!r}"
        )
        assert one.details == two.details, (
            f"details: {one.details!r}, then {two.details!r}"
        )

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
        count = 1 << self.small
        budget = max(solver.least(self.small), count)
        plan, values = _planned(solver, self.small, budget, seed=0)
        assert len(plan) == count, f"{len(plan)} masks were planned, of {count}"
        fit = solver.fit_packed(plan.packed, self.small, values, seed=0)
        exact = fourier_by_brute_force(_scalar(every_mask(self.small)))
        largest = max(abs(float(value)) for value in exact.values())
        errors = {
            members: abs(float(fit.spectrum[members]) - float(value))
            for members, value in exact.items()
            if self.order is None or len(members) <= self.order
        }
        # the first that is not a number, if one is
        worst = list(errors)[int(np.argmax(list(errors.values())))]
        assert errors[worst] <= self.tolerance * largest, (
            f"the spectrum: off by {errors[worst]:.3g} at the set {worst}, which has"
            f" {float(exact[worst]):.3g} and was given {float(fit.spectrum[worst]):.3g};"
            f" at most {self.tolerance:g} of the largest, {largest:.3g}, is within"
            " `tolerance`, and sets above `order` are not compared"
        )

    def test_it_says_where_its_faithfulness_comes_from(self) -> None:
        solver = self.solver()
        plan, values = _planned(solver, self.n, self.budget, seed=0)
        _hold_faithfulness(solver.fit_packed(plan.packed, self.n, values, 0), plan)

    def test_all_masks_of_few_candidates_have_a_finite_faithfulness(self) -> None:
        # where there are as many sets as masks, none can be predicted by the others
        for n in (1, 2, 3):
            solver = self.solver()
            budget = max(solver.least(n), 1 << n)
            try:
                plan, values = _planned(solver, n, budget, seed=0)
            except InvalidInput as error:  # it takes no game that small, and says so
                hold_one_line(error)
                continue
            _hold_faithfulness(solver.fit_packed(plan.packed, n, values, 0), plan)

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
    kept = np.zeros((len(masks), max(5, masks.shape[1])))
    kept[:, : masks.shape[1]] = masks  # candidates that there are not are ablated
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


def _hold_plan(plan: Plan, n: int, budget: int) -> None:
    """A whole plan of packed masks, within a budget."""
    assert 0 < plan.total <= budget, f"{plan.total} masks for a budget of {budget}"
    assert plan.rest == 0, f"{plan.rest} masks of the plan were never chosen"
    assert plan.n == n, f"a plan of {plan.n} candidates, for {n}"
    dtype = plan.packed.dtype
    assert dtype == np.uint8, (
        f"a plan's masks are packed, uint8 (masks.pack); got {dtype}"
    )
    width = (n + 7) // 8
    shape = plan.packed.shape
    assert shape == (plan.total, width), (
        f"{plan.total} packed masks of {n} candidates are ({plan.total}, {width});"
        f" got {shape}"
    )


def _hold_distinct(plan: Plan) -> None:
    distinct = len(np.unique(plan.packed, axis=0))
    assert distinct == len(plan), (
        f"a plan asks for a mask once: {len(plan)} masks, {distinct} distinct ones"
    )


def _hold_faithfulness(fit: Fit, plan: Plan) -> None:
    """A known source, as many masks as can be, and finite numbers."""
    said = fit.faithfulness
    sources = get_args(Source)
    assert said.source in sources, (
        f"faithfulness: the source is one of {', '.join(sources)}; got {said.source!r}"
    )
    assert isinstance(said.r2, tuple), (
        f"faithfulness: r2 is a tuple, one an output; got {said.r2!r}"
    )
    assert np.isfinite(said.r2).all(), (
        f"faithfulness: R² is {said.r2}, of {len(plan)} masks of {plan.n} candidates"
    )
    assert 0 < said.masks <= len(plan), (
        f"faithfulness: R² is said to be over {said.masks} masks; {len(plan)} were given"
    )
    assert max(said.r2) <= 1.0, f"faithfulness: R² is at most 1; got {said.r2}"


def _hold_shape(fit: Fit, plan: Plan, shape: tuple[int, ...]) -> None:
    """A spectrum of values of a shape each, (), or (k,), and a score for each output."""
    spectrum = fit.spectrum
    assert spectrum.n == plan.n, f"a spectrum of {spectrum.n} candidates, for {plan.n}"
    assert len(spectrum), "a spectrum has a set at least, the empty one"
    got = spectrum.values.shape[1:]
    assert got == shape, f"coefficients of shape {got} for values of shape {shape}"
    predicted = spectrum.predict(plan.masks).shape
    assert predicted == (len(plan), *shape), f"predictions of shape {predicted}"
    outputs = shape[0] if shape else 1
    scores = len(fit.faithfulness.r2)
    assert scores == outputs, f"R² is one an output: {scores} for {outputs}"
    uncertain = len(fit.uncertainty)
    assert uncertain in (0, outputs), (
        f"uncertainty is empty, or one an output: {uncertain} for {outputs}"
    )
