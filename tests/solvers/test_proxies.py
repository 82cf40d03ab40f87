"""Proxies and what is made of them: sparse regression, the average, the read-out, and
auto.
"""

from collections.abc import Callable
from itertools import combinations

import numpy as np
import pytest
from conftest import carried_out
from numpy.typing import NDArray
from sklearn.linear_model import Lasso

from spexlens.errors import BudgetTooSmall, InvalidInput
from spexlens.masks import designs
from spexlens.masks.designs import uniform
from spexlens.solvers.auto import Auto
from spexlens.solvers.choice import choose_solver
from spexlens.solvers.proxyspex import readout
from spexlens.solvers.proxyspex.proxies.average import averaged
from spexlens.solvers.proxyspex.proxies.constant import Constant
from spexlens.solvers.proxyspex.proxies.linear import Linear
from spexlens.solvers.proxyspex.proxies.proxy import FittedSpectrum, folds
from spexlens.solvers.proxyspex.readout import read
from spexlens.solvers.proxyspex.solver import ProxySpex
from spexlens.solvers.solver import Fit, Solver
from spexlens.spectrum.scores import r_squared
from spexlens.spectrum.spectrum import Spectrum

Array = NDArray[np.float64]
Masks = NDArray[np.bool_]


def sparse(n: int, count: int, orders: tuple[int, ...], seed: int) -> Spectrum:
    """A mean and distinct sets of the orders given, coefficients in ±[.5, 1.5]."""
    rng = np.random.default_rng(seed)
    coefficients: dict[tuple[int, ...], float] = {(): 2.0}
    while len(coefficients) <= count:
        order = orders[len(coefficients) % len(orders)]
        members = tuple(sorted(int(i) for i in rng.choice(n, order, replace=False)))
        coefficients[members] = float(rng.choice([-1, 1]) * rng.uniform(0.5, 1.5))
    return Spectrum.of(n, coefficients)


def proxy_of(
    spectrum: Spectrum, left_out: Array | None = None, noise: float = 1.0
) -> FittedSpectrum:
    return FittedSpectrum(
        spectrum.n,
        np.zeros(1) if left_out is None else left_out,
        (),
        noise,
        spectrum,
        {},
    )


# Sparse linear regression


def test_a_sparse_linear_function_of_more_candidates_than_masks_is_recovered() -> None:
    truth = sparse(120, 6, (1,), seed=0)
    masks, fresh = uniform(120, 80, seed=0), uniform(120, 1000, seed=1)
    fit = Linear(1).fit(masks, truth.predict(masks), seed=0)
    assert r_squared(truth.predict(fresh), fit.predict(fresh)) > 0.99
    for members, value in truth:
        assert fit.spectrum[members] == pytest.approx(value, abs=0.1)


def test_pairs_are_recovered_by_order_two_only() -> None:
    truth = Spectrum.of(
        30, {(): 1.0, (2,): 1.0, (5,): -1.0, (9,): 0.8, (2, 5): 1.0, (5, 9): -1.2}
    )
    masks, fresh = uniform(30, 150, seed=0), uniform(30, 1000, seed=1)
    values = truth.predict(masks)
    single, paired = (Linear(order).fit(masks, values, seed=0) for order in (1, 2))
    assert r_squared(truth.predict(fresh), paired.predict(fresh)) > 0.99
    assert r_squared(truth.predict(fresh), single.predict(fresh)) < 0.7
    assert set(paired.spectrum.truncate(count=5).sets) == set(truth.sets)
    assert int(single.spectrum.sets.orders.max()) == 1


@pytest.mark.parametrize("count", [80, 310])
def test_what_linear_regression_left_out_is_predicted_by_refits_without_it(
    count: int,
) -> None:
    truth = sparse(20, 8, (1, 2), seed=2)
    masks = uniform(20, count, seed=2)
    values = truth.predict(masks) + 0.3 * np.random.default_rng(2).normal(size=count)
    fit = Linear(1).fit(masks, values, seed=3)
    fold = folds(count, 10 if count < 300 else 5, 3)
    design = 1.0 - 2.0 * masks
    for held in (fold == j for j in range(int(fold.max()) + 1)):
        x, y = design[~held], values[~held]
        most = np.abs((x - x.mean(axis=0)).T @ (y - y.mean())).max() / len(y)
        lasso = Lasso(alpha=most * fit.report()["penalty"], tol=1e-6).fit(x, y)
        np.testing.assert_allclose(
            fit.left_out[held], lasso.predict(design[held]), atol=0.05 * values.std()
        )


@pytest.mark.parametrize("order", [1, 2])
def test_a_value_does_not_move_what_is_predicted_without_it(order: int) -> None:
    truth = sparse(20, 8, (1, 2), seed=2)
    masks = uniform(20, 100, seed=2)
    values = truth.predict(masks)
    changed = values.copy()
    changed[17] += 0.5 * values.std()
    proxy = Linear(2 if order == 2 else 1)
    before, after = (proxy.fit(masks, each, seed=0) for each in (values, changed))
    # the same penalty: else nothing could be claimed
    assert before.report() == after.report()
    own = folds(100, 10, 0) == folds(100, 10, 0)[17]
    np.testing.assert_allclose(after.left_out[own], before.left_out[own], atol=1e-6)
    assert np.abs(after.left_out[~own] - before.left_out[~own]).max() > 1e-3


def test_on_noise_linear_regression_predicts_nothing() -> None:
    masks, rng = uniform(30, 100, seed=0), np.random.default_rng(0)
    for values in rng.normal(size=(3, 100)):
        assert r_squared(values, Linear(2).fit(masks, values, seed=0).left_out) < 0.1


@pytest.mark.parametrize("order", [1, 2])
def test_linear_regression_of_one_odd_value_among_equal_ones_is_finite(
    order: int,
) -> None:
    masks = uniform(12, 60, seed=0)
    fit = Linear(2 if order == 2 else 1).fit(masks, 1.0 * (np.arange(60) == 7), seed=0)
    assert np.isfinite(fit.left_out).all()
    assert np.isfinite(fit.predict(masks)).all()


def test_the_constant_leaves_each_value_out_of_its_mean() -> None:
    values = np.array([1.0, 2.0, 6.0, 11.0])
    fit = Constant().fit(uniform(5, 4, seed=0), values, seed=0)
    np.testing.assert_allclose(
        fit.left_out, [np.delete(values, j).mean() for j in range(4)]
    )
    np.testing.assert_allclose(fit.predict(uniform(5, 9, seed=1)), 5.0)


# The average


ALL = np.ones(200, np.bool_)


@pytest.fixture(scope="module")
def values() -> Array:
    return np.random.default_rng(0).normal(size=200)


def guesses(values: Array, *errors: float) -> list[FittedSpectrum]:
    """The mean, and proxies whose left-out predictions are wrong by so many standard
    deviations.
    """
    rng = np.random.default_rng(1)
    mean = (values.sum() - values) / (len(values) - 1)
    wrong = [values + error * rng.normal(size=len(values)) for error in errors]
    answers = [Spectrum.of(4, {(): 10.0**j}) for j in range(len(errors) + 1)]
    return [proxy_of(a, left) for a, left in zip(answers, [mean, *wrong], strict=True)]


def test_a_proxy_worse_than_the_mean_counts_nothing(values: Array) -> None:
    proxies = guesses(values, 0.5, 0.6, 2.0)
    together = averaged(values, proxies, np.array([1.0, 1.0, 1.0, 1e9]), ALL)
    assert all(member is not proxies[3] for member in together.members)
    assert len(together.members) == 2
    assert together.weights.sum() == pytest.approx(1.0)


def test_the_better_of_two_weighs_more_and_a_far_better_one_all(values: Array) -> None:
    near = averaged(values, guesses(values, 0.5, 0.45), np.ones(3), ALL)
    assert 0.5 < near.weights[1] < 0.97
    far = averaged(values, guesses(values, 0.5, 0.1), np.ones(3), ALL)
    assert far.weights.tolist() == [1.0]


def test_what_was_thought_beforehand_multiplies_the_weights(values: Array) -> None:
    proxies = guesses(values, 0.5, 0.45)
    odds = [
        together.weights[1] / together.weights[0]
        for together in (
            averaged(values, proxies, np.array([1.0, 1.0, b]), ALL) for b in (1.0, 0.5)
        )
    ]
    assert odds[0] == pytest.approx(2 * odds[1])


@pytest.mark.parametrize("errors", [(), (2.0,), (1.5, 3.0)])
def test_where_nothing_beats_the_mean_the_average_is_constant(
    values: Array, errors: tuple[float, ...]
) -> None:
    proxies = guesses(values, *errors)
    together = averaged(values, proxies, np.ones(len(proxies)), ALL)
    assert [member is proxies[0] for member in together.members] == [True]
    np.testing.assert_array_equal(together.predict(uniform(4, 5, seed=0)), 1.0)


def test_an_average_predicts_tabulates_and_leaves_out_the_weighted_sum(
    values: Array,
) -> None:
    proxies = guesses(values, 0.5, 0.45)
    spectra = [Spectrum.of(4, {(1,): 1.0}), Spectrum.of(4, {(2, 3): -2.0, (): 1.0})]
    proxies[1:] = [
        proxy_of(s, p.left_out) for s, p in zip(spectra, proxies[1:], strict=True)
    ]
    together = averaged(values, proxies, np.ones(3), ALL)
    a, b = together.weights
    masks = designs.everything(4)
    expected = a * spectra[0].predict(masks) + b * spectra[1].predict(masks)
    np.testing.assert_allclose(together.predict(masks), expected)
    np.testing.assert_allclose(together.table(), expected)
    np.testing.assert_allclose(
        together.left_out, a * proxies[1].left_out + b * proxies[2].left_out
    )
    assert set(together.large_sets(10)) >= {(1,), (2, 3)}


def test_the_noise_expected_falls_as_averaging_lowers_the_error(values: Array) -> None:
    alone, *_ = averaged(values, guesses(values, 0.5), np.ones(2), ALL).members
    together = averaged(values, guesses(values, 0.5, 0.5), np.ones(3), ALL)
    before, after = (
        np.mean((values - each.left_out) ** 2) for each in (alone, together)
    )
    assert after < 0.7 * before
    assert together.noise == pytest.approx(alone.noise * after / before, rel=0.2)


@pytest.mark.parametrize("rule", [np.all, np.any])
def test_one_value_unlike_all_others_is_no_worse_than_the_mean(
    rule: Callable[..., Masks],
) -> None:
    masks = ProxySpex(design="space-filling").plan(12, 100, seed=0).masks
    fit = ProxySpex(workers=1).fit(masks, 1.0 * rule(masks, axis=1), seed=0)
    assert np.isfinite(fit.spectrum.values).all()
    assert -0.1 < fit.faithfulness.mean < 0.1
    assert np.abs(fit.spectrum.predict(masks[2:]) - rule(masks[2:], axis=1)).max() < 0.1


# The read-out


@pytest.mark.parametrize("n", [12, 24])
def test_a_sparse_spectrum_is_read_exactly_from_its_table_or_by_virtual_ablation(
    n: int,
) -> None:
    truth = sparse(n, 60, (1, 2, 3, 5, 9), seed=0)
    found = read(proxy_of(truth), seed=0)
    assert list(found.spectrum.sets) == list(truth.sets)
    np.testing.assert_allclose(found.spectrum.values, truth.values, atol=1e-9)
    assert found.loss < 1e-12


@pytest.mark.parametrize("n", [12, 24])
def test_no_more_sets_are_read_than_allowed_and_the_loss_is_what_the_others_hold(
    n: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    truth = sparse(n, 60, (1, 2, 3, 5, 9), seed=0)
    monkeypatch.setattr(readout, "MOST_SETS", 40)
    found = read(proxy_of(truth), seed=0)
    largest = truth.truncate(count=40)
    assert list(found.spectrum.sets) == list(largest.sets)
    np.testing.assert_allclose(found.spectrum.values, largest.values, atol=1e-9)
    lost = truth.energy.sum() - largest.energy.sum()
    assert found.loss == pytest.approx(lost, rel=1e-9 if n == 12 else 0.15)


@pytest.mark.parametrize("n", [10, 22])
def test_sets_that_hold_next_to_nothing_are_not_read(n: int) -> None:
    tiny = dict.fromkeys(combinations(range(n), 2), 1e-3)  # together less than .05%
    truth = Spectrum.of(n, {(): 1.0, (0,): 2.0, (1,): -1.0} | tiny)
    found = read(proxy_of(truth), seed=0)
    assert list(found.spectrum.sets) == [(), (0,), (1,)]
    lost = truth.energy.sum() - 5.0
    assert found.loss == pytest.approx(lost, rel=0.15)


@pytest.mark.parametrize("n", [6, 30])
def test_a_constant_is_read_as_its_mean(n: int) -> None:
    found = read(proxy_of(Spectrum.of(n, {(): -3.5})), seed=0)
    assert dict(found.spectrum) == {(): pytest.approx(-3.5)}
    assert found.loss == pytest.approx(0.0, abs=1e-20)


# Auto


def auto(*proxies: Linear) -> Auto:
    """Auto with quick proxies."""
    solver = Auto()
    solver.proxyspex = ProxySpex(proxies=proxies, workers=1)
    return solver


def rows(packed: NDArray[np.uint8]) -> set[bytes]:
    return {row.tobytes() for row in packed}


def waves(masks: Masks) -> Array:
    return np.asarray(np.sin(masks @ np.arange(masks.shape[1])))


def fitted(
    solver: Solver, n: int, budget: int, seed: int, function: Callable[[Masks], Array]
) -> Fit:
    plan, values = carried_out(solver, n, budget, seed, function)
    return solver.fit_packed(plan.packed, n, values, seed)


def test_auto_lets_spex_have_what_only_spex_can_find() -> None:
    truth = sparse(64, 30, (1, 2, 3, 4, 5), seed=1)
    solver = auto(Linear(1), Linear(2))
    fit, fresh = fitted(solver, 64, 3200, 1, truth.predict), uniform(64, 1000, seed=7)
    assert fit.details["chosen"] == "spex"
    assert fit.details["r2"]["spex"] > fit.details["r2"]["proxyspex"] + 0.1
    assert fit.faithfulness.mean == fit.details["r2"]["spex"]
    assert r_squared(truth.predict(fresh), fit.spectrum.predict(fresh)) > 0.99


def test_auto_lets_proxies_have_what_is_no_sparse_sum() -> None:
    weights = np.random.default_rng(0).normal(size=300)
    solver = auto(Linear(1))
    noise = np.random.default_rng(1)
    fit = fitted(
        solver,
        300,
        2000,
        1,
        lambda masks: masks @ weights + noise.normal(size=len(masks)),
    )
    assert fit.details["chosen"] == "proxyspex"
    assert fit.details["r2"]["proxyspex"] > 0.9
    assert "averaged" in fit.details


@pytest.mark.parametrize("n", [14, 64])
def test_autos_masks_are_distinct_and_its_first_are_those_of_proxyspex(n: int) -> None:
    own = carried_out(ProxySpex(), n, 1000, 3, waves)[0].packed
    for budget in (2000, 2500):
        packed = carried_out(Auto(), n, budget, 3, waves)[0].packed
        assert len(packed) == len(rows(packed)) == budget
        np.testing.assert_array_equal(packed[:1000], own)
    assert (own != carried_out(Auto(), n, 2000, 4, waves)[0].packed[:1000]).any()


def test_auto_plans_what_spex_needs_whatever_the_budget() -> None:
    for budget in (2000, 2777):
        solver = Auto()
        planned = rows(carried_out(solver, 40, budget, 0, waves)[0].packed)
        assert rows(solver.spex.plan(40, budget - 1000, seed=0).packed) <= planned


def test_auto_refuses_masks_of_another_plan() -> None:
    solver = auto(Linear(1))
    masks, another = (
        carried_out(solver, 30, 2000, seed, waves)[0].masks for seed in (0, 1)
    )
    values = np.zeros(2000)
    for wrong in (uniform(30, 2000, seed=0), another, masks[::-1][:-1]):
        with pytest.raises(InvalidInput, match="masks"):
            solver.fit(wrong, values[: len(wrong)], seed=0)


def test_auto_refuses_a_budget_below_its_least() -> None:
    with pytest.raises(BudgetTooSmall, match="auto needs at least 2000 calls"):
        Auto().plan(30, 1999, seed=0)
    with pytest.raises(
        InvalidInput, match="at most 2000 candidates; there are 6000: use method 'spex'"
    ):
        Auto().plan(6000, 3000, seed=0)


@pytest.mark.parametrize(
    ("n", "budget", "name"),
    [
        (8, 256, "exact"),
        (8, 255, "proxyspex"),
        (12, 4096, "exact"),
        (12, 4095, "auto"),
        (20, 1999, "proxyspex"),
        (20, 2000, "auto"),
        (200, 99, "spex"),
        (64, 32, "proxyspex"),
        (1000, 499, "spex"),
        (1000, 500, "proxyspex"),
        (3000, 1499, "spex"),
        (2000, 2000, "auto"),
        (2001, 2000, "spex"),
        (6000, 3000, "spex"),
        (21, 950_000, "auto"),
        (21, 1 << 21, "spex"),
    ],
)
def test_the_budget_decides_the_solver(n: int, budget: int, name: str) -> None:
    assert choose_solver("auto", n, budget).name == name


def test_auto_on_few_candidates_lists_all_masks() -> None:
    truth = sparse(9, 5, (1, 2), seed=0)
    plan = Auto().plan(9, 2100, seed=0)
    fit = Auto().fit_packed(plan.packed, 9, truth.predict(plan.masks), seed=0)
    assert len(plan) == 512
    assert fit.faithfulness.source == "exact"
