"""The values of an index, from masks chosen for it, beside the truth."""

import numpy as np
import pytest
from numpy.typing import NDArray

from spexlens.masks import designs
from spexlens.masks import masks as mask_algebra
from spexlens.solvers.proxyspex.proxies.linear import Linear
from spexlens.solvers.proxyspex.solver import ProxySpex
from spexlens.spectrum.estimand import Estimand
from spexlens.spectrum.estimates import Estimates

Array = NDArray[np.float64]
N = 10


def saturating(n: int, seed: int) -> Array:
    """(2^n,) a squashed sum of weights and pairs: large at both ends."""
    rng = np.random.default_rng(seed)
    masks = designs.everything(n).astype(float)
    total = masks @ rng.normal(0.3, 1.0, n)
    for _ in range(6):
        i, j = rng.choice(n, 2, replace=False)
        total += rng.normal(0.0, 1.5) * masks[:, i] * masks[:, j]
    return np.asarray(np.tanh(total / 2.0))


def estimated(
    table: Array, estimand: Estimand, calls: int, **settings: object
) -> Estimates:
    n = len(table).bit_length() - 1
    solver = ProxySpex(estimand=estimand, **settings)  # type: ignore[arg-type]

    def ask(packed: NDArray[np.uint8]) -> Array:
        return table[mask_algebra.to_index(mask_algebra.unpack(packed, n))]

    plan, values = solver.carry_out(solver.plan(n, calls, 0), ask, 0)
    assert len(plan) == calls
    fit = solver.fit_packed(plan.packed, n, values, 0)
    assert fit.estimates is not None
    return fit.estimates


def error(found: Estimates, table: Array, order: int) -> float:
    """Squared error over squared size."""
    truth = found.estimand.of_table(table, found.sets)
    rows = found.sets.orders == order
    return float(
        np.sum((found.values[rows, 0] - truth[rows]) ** 2) / np.sum(truth[rows] ** 2)
    )


@pytest.mark.parametrize("index", ["sii", "stii", "fsii"])
def test_masks_for_an_index_estimate_it_better_than_uniform_ones(index: str) -> None:
    estimand = Estimand(index, 2)
    for_it, uniform = [], []
    for seed in range(4):
        table = saturating(N, seed)
        for_it.append(error(estimated(table, estimand, 100), table, 2))
        # a pool keeps its masks as they are
        pool = designs.uniform(N, 100, seed)
        found = estimated(table, estimand, 100, pool=pool, design="uniform")
        uniform.append(error(found, table, 2))
    assert np.mean(for_it) < 0.7 * np.mean(uniform)


def test_intervals_hold_the_truth_about_as_often_as_they_say() -> None:
    held: dict[int, list[bool]] = {1: [], 2: []}
    for seed in range(8):
        table = saturating(N, seed)
        found = estimated(table, Estimand("sii", 2), 100)
        truth = found.estimand.of_table(table, found.sets)
        within = np.abs(found.values[:, 0] - truth) <= found.half_widths[:, 0]
        for order, hits in held.items():
            hits += within[found.sets.orders == order].tolist()
    assert 0.8 < np.mean(held[1]) < 0.99
    assert 0.85 < np.mean(held[2]) < 0.99


def test_the_error_that_is_expected_is_about_that_which_is_made() -> None:
    expected, made = [], []
    for seed in range(8):
        table = saturating(N, seed)
        found = estimated(table, Estimand("sii", 1), 100)
        expected.append(found.relative_error(1))
        made.append(error(found, table, 1))
    assert 0.4 < np.mean(expected) / np.mean(made) < 2.5


def test_shapley_values_of_a_sum_are_its_weights_and_known() -> None:
    weights = np.arange(1.0, N + 1)
    found = estimated(designs.everything(N) @ weights, Estimand("sii", 1), 60)
    np.testing.assert_allclose(found.values[:, 0], weights, rtol=0.02)
    assert found.relative_error(1) < 0.01


def test_values_are_in_the_unit_of_the_answers() -> None:
    table = saturating(N, 1)
    plain = estimated(table, Estimand("sii", 1), 80)
    large = estimated(1024.0 * table, Estimand("sii", 1), 80)
    np.testing.assert_array_equal(large.values, 1024.0 * plain.values)
    np.testing.assert_array_equal(large.half_widths, 1024.0 * plain.half_widths)
    assert large.relative_error(1) == plain.relative_error(1)


def test_a_larger_budget_begins_with_a_smaller_ones_masks() -> None:
    table = saturating(N, 2)
    solver = ProxySpex(estimand=Estimand("sii", 2))

    def ask(packed: NDArray[np.uint8]) -> Array:
        return table[mask_algebra.to_index(mask_algebra.unpack(packed, N))]

    longest, _ = solver.carry_out(solver.plan(N, 300, 5), ask, 5)
    for calls in (20, 40, 41, 100, 200):
        plan, _ = solver.carry_out(solver.plan(N, calls, 5), ask, 5)
        assert np.array_equal(plan.packed, longest.packed[:calls])
    again, _ = solver.carry_out(solver.plan(N, 300, 5), ask, 5)
    assert np.array_equal(again.packed, longest.packed)


@pytest.mark.parametrize(("n", "calls"), [(5, 20), (5, 31), (6, 64), (7, 100)])
def test_nearly_all_masks_leave_hardly_any_error(n: int, calls: int) -> None:
    table = saturating(n, 4)
    found = estimated(table, Estimand("sii", 2), calls)
    if calls == 1 << n:
        assert error(found, table, 1) < 1e-20
        assert error(found, table, 2) < 1e-20
        return
    assert error(found, table, 1) < 0.05
    assert found.relative_error(1) < 0.1


def test_what_weighs_all_masks_alike_keeps_its_masks() -> None:
    table = saturating(N, 3)

    def ask(packed: NDArray[np.uint8]) -> Array:
        return table[mask_algebra.to_index(mask_algebra.unpack(packed, N))]

    default = ProxySpex()
    expected, _ = default.carry_out(default.plan(N, 100, 0), ask, 0)
    for index in ("bii", "fbii", "fourier"):
        solver = ProxySpex(estimand=Estimand(index, 2))
        plan, values = solver.carry_out(solver.plan(N, 100, 0), ask, 0)
        assert np.array_equal(plan.packed, expected.packed)
        # such an index is read off the spectrum
        assert solver.fit_packed(plan.packed, N, values, 0).estimates is None


def test_many_candidates_are_read_off_the_spectrum() -> None:
    n = 40
    weights = np.linspace(2.0, 0.1, n)
    solver = ProxySpex(estimand=Estimand("sii", 1))

    def ask(packed: NDArray[np.uint8]) -> Array:
        masks = mask_algebra.unpack(packed, n)
        return np.asarray(masks @ weights + 3.0 * (masks[:, 0] & masks[:, 1]))

    plan, values = solver.carry_out(solver.plan(n, 200, 0), ask, 0)
    found = solver.fit_packed(plan.packed, n, values, 0).estimates
    assert found is not None
    truth = weights + 1.5 * (np.arange(n) < 2)
    np.testing.assert_allclose(found.values[:, 0], truth, atol=0.3)
    within = np.abs(found.values[:, 0] - truth) <= found.half_widths[:, 0]
    assert within.mean() > 0.7


def test_without_a_kernel_intervals_are_those_of_independent_errors() -> None:
    table = saturating(N, 0)
    found = estimated(table, Estimand("sii", 1), 100, proxies=[Linear(2)])
    truth = found.estimand.of_table(table, found.sets)
    assert (found.half_widths > 0).all()
    assert np.mean(np.abs(found.values[:, 0] - truth) <= found.half_widths[:, 0]) > 0.6


def test_several_outputs_have_a_column_each() -> None:
    tables = np.stack([saturating(8, 0), saturating(8, 1)], axis=1)
    solver = ProxySpex(estimand=Estimand("sii", 1))

    def ask(packed: NDArray[np.uint8]) -> Array:
        return tables[mask_algebra.to_index(mask_algebra.unpack(packed, 8))]

    plan, values = solver.carry_out(solver.plan(8, 100, 0), ask, 0)
    found = solver.fit_packed(plan.packed, 8, values, 0).estimates
    assert found is not None
    assert found.values.shape == (8, 2)
    for output in range(2):
        truth = found.estimand.of_table(tables[:, output], found.sets)
        np.testing.assert_allclose(found.values[:, output], truth, atol=0.2)
