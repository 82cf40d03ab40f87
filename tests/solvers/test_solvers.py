"""Solvers find functions that were planted, say how sure they are, and repeat
themselves.
"""

from itertools import combinations

import numpy as np
import pytest
from conftest import carried_out
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from spexlens.errors import BudgetTooSmall, InvalidInput
from spexlens.masks.designs import everything, uniform
from spexlens.masks.masks import pack
from spexlens.solvers.exact import Exact
from spexlens.solvers.proxyspex.proxies.boosting import Boosting
from spexlens.solvers.proxyspex.proxies.proxy import FoldedProxy
from spexlens.solvers.proxyspex.solver import ProxySpex
from spexlens.solvers.ridge import refit
from spexlens.solvers.solver import Fit
from spexlens.spectrum.spectrum import Spectrum

Array = NDArray[np.float64]
Masks = NDArray[np.bool_]
QUICK = (
    Boosting(depth=2, columns=0.5, trees=40),
    Boosting(depth=4, columns=1.0, trees=40),
)


def planted(n: int, seed: int) -> Spectrum:
    """A mean, five single candidates, four pairs and two triples of like size."""
    rng = np.random.default_rng(seed)
    drawn = {
        tuple(sorted(rng.permutation(n)[:order].tolist())): (
            rng.choice([-1, 1]) * rng.uniform(0.5, 1.5)
        )
        for order in (1, 1, 1, 1, 1, 2, 2, 2, 2, 3, 3)
    }
    return Spectrum.of(n, {(): 1.0} | drawn)


def explained(values: Array, predictions: Array) -> float:
    """The share of the variance that is explained."""
    return float(1.0 - np.mean((values - predictions) ** 2) / np.var(values))


def assert_same(one: Fit, other: Fit) -> None:
    assert list(one.spectrum.sets) == list(other.spectrum.sets)
    assert one.spectrum.values.tobytes() == other.spectrum.values.tobytes()
    assert one.faithfulness == other.faithfulness
    assert one.details == other.details


# Exact


@given(
    n=st.integers(1, 8),
    outputs=st.sampled_from([(), (1,), (3,)]),
    seed=st.integers(0, 2**32 - 1),
)
@settings(deadline=None, max_examples=40)
def test_exact_recovers_every_coefficient_from_masks_in_any_order(
    n: int, outputs: tuple[int, ...], seed: int
) -> None:
    rng = np.random.default_rng(seed)
    truth = Spectrum.from_table(rng.normal(size=(1 << n, *outputs)))
    masks = rng.permutation(Exact().plan(n, 1 << n, seed=0).masks)
    found = Exact().fit(masks, truth.predict(masks), seed=0)
    assert found.spectrum.values.shape[1:] == outputs
    for members, value in truth:
        np.testing.assert_allclose(found.spectrum[members], value, rtol=0, atol=1e-12)
    assert found.faithfulness.source == "exact"
    assert found.faithfulness.r2 == (1.0,) * (outputs[0] if outputs else 1)
    assert found.faithfulness.masks == 1 << n


def test_exact_lists_no_set_that_is_only_rounding() -> None:
    truth = Spectrum.of(8, {(): 0.1, (2,): 0.7, (1, 3, 6): -0.3})
    found = Exact().fit(everything(8), truth.predict(everything(8)), seed=0).spectrum
    assert list(found.sets) == list(truth.sets)


def test_exact_of_a_constant_is_its_mean() -> None:
    for value in (0.0, 2.5):
        assert dict(
            Exact().fit(everything(4), np.full(16, value), seed=0).spectrum
        ) == {(): value}


def test_exact_plans_each_mask_once() -> None:
    plan = Exact().plan(6, 64, seed=0)
    assert plan.method == "exact"
    assert plan.masks.shape == (64, 6)
    assert len({tuple(row) for row in plan.masks.tolist()}) == 64


def test_exact_refuses_masks_that_are_not_all_masks_once() -> None:
    masks = everything(4)
    repeated = masks.copy()
    repeated[3] = masks[7]
    for bad in (masks[:-1], repeated, np.concatenate([masks, masks[:1]])):
        with pytest.raises(InvalidInput, match=r"2\^4"):
            Exact().fit(bad, np.zeros(len(bad)), seed=0)


def test_exact_refuses_a_few_masks_of_many_candidates() -> None:
    with pytest.raises(InvalidInput, match=r"2\^60"):
        Exact().fit(uniform(60, 10, seed=0), np.zeros(10), seed=0)


def test_exact_refuses_a_budget_below_all_masks_and_names_both() -> None:
    with pytest.raises(
        BudgetTooSmall, match=r"exact needs at least 64 calls for 6 .*budget is 63"
    ):
        Exact().plan(6, 63, seed=0)
    with pytest.raises(InvalidInput, match="at most 20 candidates"):
        Exact().plan(21, 1 << 21, seed=0)


# Refit


@pytest.mark.parametrize("seed", range(3))
def test_a_refit_on_the_true_support_finds_the_true_coefficients(seed: int) -> None:
    truth = planted(30, seed)
    masks = uniform(30, 120, seed)
    signs = np.random.default_rng(seed).choice([-1.0, 1.0], len(truth))
    found = refit(
        Spectrum(truth.sets, signs), pack(masks), truth.predict(masks)
    ).spectrum  # the signs do not matter
    assert list(found.sets) == list(truth.sets)
    np.testing.assert_allclose(found.values, truth.values, atol=2e-3)


@pytest.mark.parametrize("seed", range(3))
def test_more_sets_than_masks_do_no_harm_where_their_sizes_are_small(seed: int) -> None:
    truth = planted(30, seed)
    masks, fresh = uniform(30, 120, seed), uniform(30, 1000, seed + 100)
    decoys = {
        members: 0.1 for order in (1, 2) for members in combinations(range(30), order)
    }
    support = Spectrum.of(30, decoys | {members: 1.0 for members, _ in truth})
    assert len(support) > 3 * len(masks)
    found = refit(support, pack(masks), truth.predict(masks)).spectrum
    assert explained(truth.predict(fresh), found.predict(fresh)) > 0.98


@pytest.mark.parametrize("seed", range(3))
def test_a_refit_to_noise_on_more_sets_than_masks_stays_near_the_mean(
    seed: int,
) -> None:
    masks, fresh = uniform(30, 120, seed), uniform(30, 1000, seed + 100)
    values = np.random.default_rng(seed).normal(size=120)
    support = Spectrum.of(
        30,
        {
            members: 1.0
            for order in (1, 2)
            for members in combinations(range(30), order)
        },
    )
    predicted = refit(support, pack(masks), values).spectrum.predict(fresh)
    assert np.sqrt(np.mean((predicted - values.mean()) ** 2)) < 0.5 * values.std()


@pytest.mark.parametrize("support", [{}, {(): 4.0}, {(): 4.0, (1,): 0.0}])
def test_a_refit_on_no_sets_is_the_mean_of_the_values(
    support: dict[tuple[int, ...], float],
) -> None:
    masks = uniform(6, 30, seed=0)
    values = np.random.default_rng(0).normal(size=30)
    found = refit(Spectrum.of(6, support), pack(masks), values).spectrum
    assert dict(found) == {(): pytest.approx(values.mean(), abs=1e-15)}


def test_a_refit_on_sets_that_never_change_is_the_mean_of_the_values() -> None:
    masks = uniform(6, 30, seed=0)
    masks[:, 2] = True
    values = np.random.default_rng(0).normal(size=30)
    found = refit(Spectrum.of(6, {(2,): 1.0}), pack(masks), values).spectrum
    np.testing.assert_allclose(found.predict(masks), values.mean(), atol=1e-12)


def test_a_refit_moves_with_the_values() -> None:
    truth, masks = planted(12, 0), uniform(12, 80, seed=0)
    values = truth.predict(masks) + np.random.default_rng(0).normal(size=80)
    base, moved = (
        refit(truth, pack(masks), each).spectrum
        for each in (values, 10.0 - 3.0 * values)
    )
    np.testing.assert_allclose(
        moved.predict(masks), 10.0 - 3.0 * base.predict(masks), atol=1e-9
    )


# ProxySPEX: its plan


@pytest.mark.parametrize("n", [6, 17, 40, 100])
def test_a_plan_is_distinct_and_a_larger_budget_begins_with_a_smaller_one(
    n: int,
) -> None:
    solver = ProxySpex()
    weights = np.random.default_rng(n).normal(size=n)
    small, middle, large = (
        carried_out(solver, n, budget, 2, lambda masks: np.tanh(masks @ weights))[
            0
        ].masks
        for budget in (50, 150, 400)
    )
    assert large.shape == (min(400, 1 << n), n)
    assert len({tuple(row) for row in large.tolist()}) == len(large)
    np.testing.assert_array_equal(large[:50], small)
    np.testing.assert_array_equal(large[: len(middle)], middle)


@pytest.mark.parametrize("n", [5, 40, 100])
def test_a_plan_begins_with_everything_kept_and_everything_ablated(n: int) -> None:
    masks = ProxySpex().plan(n, 50, seed=2).masks
    assert masks[0].all()
    assert not masks[1].any()


def test_a_plan_never_asks_for_more_masks_than_there_are() -> None:
    assert len(ProxySpex().plan(5, 1000, seed=0).masks) == 32


@pytest.mark.parametrize(
    ("n", "least"), [(8, 20), (40, 20), (41, 21), (100, 50), (1001, 501)]
)
def test_a_budget_below_the_least_is_refused_with_both_numbers(
    n: int, least: int
) -> None:
    solver = ProxySpex()
    assert solver.least(n) == least
    assert solver.plan(n, least, seed=0).total == least
    message = (
        f"proxyspex needs at least {least} calls for {n} candidates; the budget is"
        f" {least - 1}"
    )
    with pytest.raises(BudgetTooSmall, match=message):
        solver.plan(n, least - 1, seed=0)


# ProxySPEX: its fit


@pytest.fixture(scope="module")
def truth() -> Spectrum:
    return planted(20, seed=1)


@pytest.fixture(scope="module")
def masks() -> Masks:
    return ProxySpex(design="space-filling").plan(20, 400, seed=1).masks


@pytest.fixture(scope="module")
def fresh() -> Masks:
    return uniform(20, 2000, seed=1001)


@pytest.fixture(scope="module")
def fit(truth: Spectrum, masks: Masks) -> Fit:
    return ProxySpex(workers=1).fit(masks, truth.predict(masks), seed=1)


def test_proxyspex_recovers_a_planted_sparse_function(
    truth: Spectrum, fit: Fit, fresh: Masks
) -> None:
    assert explained(truth.predict(fresh), fit.spectrum.predict(fresh)) > 0.96
    largest = fit.spectrum.truncate(count=len(truth) - 1)
    assert list(largest.sets) == list(truth.sets)
    for members, value in truth:
        assert fit.spectrum[members] == pytest.approx(value, abs=0.3)


def test_its_cross_validated_r2_is_close_to_that_on_fresh_masks(
    truth: Spectrum, fit: Fit, fresh: Masks
) -> None:
    assert fit.faithfulness.source == "cross-validated"
    assert fit.faithfulness.masks == 398  # the two corners are in no score
    real = explained(truth.predict(fresh), fit.spectrum.predict(fresh))
    assert fit.faithfulness.mean == pytest.approx(real, abs=0.03)


def test_its_cross_validated_r2_counts_the_noise(
    truth: Spectrum, masks: Masks, fresh: Masks
) -> None:
    rng = np.random.default_rng(0)
    noise = np.sqrt(truth.energy.sum())  # half of the variance cannot be explained
    noisy = ProxySpex(QUICK, workers=1).fit(
        masks, truth.predict(masks) + noise * rng.normal(size=400), seed=1
    )
    values = truth.predict(fresh) + noise * rng.normal(size=len(fresh))
    real = explained(values, noisy.spectrum.predict(fresh))
    assert 0.0 < real < 0.5
    assert noisy.faithfulness.mean == pytest.approx(real, abs=0.15)


def test_every_proxy_is_reported_and_the_best_weighs_most(fit: Fit) -> None:
    (averaged,) = fit.details["averaged"]
    assert [each["proxy"] for each in averaged[:4]] == [
        "constant", "kernel", "linear, order 1", "linear, order 2",
    ]  # fmt: skip
    assert sum(each["weight"] for each in averaged) == pytest.approx(1.0)
    best = max(averaged, key=lambda each: each["r2"])
    assert best["weight"] == max(each["weight"] for each in averaged)
    assert fit.faithfulness.r2[0] > best["r2"] - 0.02


def test_any_number_of_workers_gives_the_same_fit_bit_for_bit(
    truth: Spectrum, masks: Masks, fit: Fit
) -> None:
    assert_same(ProxySpex(workers=4).fit(masks, truth.predict(masks), seed=1), fit)


def test_another_seed_is_another_fit(truth: Spectrum, masks: Masks) -> None:
    values = truth.predict(masks)
    one, again, other = (
        ProxySpex(QUICK, workers=1).fit(masks, values, seed) for seed in (0, 0, 7)
    )
    assert_same(one, again)
    assert one.faithfulness.r2 != other.faithfulness.r2


@pytest.mark.parametrize("value", [0.0, 0.1, -3e6])
def test_a_constant_function_is_its_mean_and_fully_explained(value: float) -> None:
    masks = uniform(20, 60, seed=0)
    found = ProxySpex(QUICK, workers=1).fit(masks, np.full(60, value), seed=0)
    assert found.faithfulness.r2 == (1.0,)
    np.testing.assert_allclose(
        found.spectrum.predict(uniform(20, 50, seed=1)), value, rtol=1e-12
    )


@pytest.mark.parametrize("seed", [0, 2])
def test_on_noise_it_is_no_worse_than_the_mean(seed: int) -> None:
    values = np.random.default_rng(seed).normal(size=60)
    found = ProxySpex(QUICK, workers=1).fit(uniform(30, 60, seed), values, seed)
    # the mean of four folds scores about -0.04 on the fifth
    assert found.faithfulness.mean > -0.15


@pytest.mark.parametrize("n", [1, 2, 3, 4])
def test_so_few_candidates_are_left_to_the_exact_solver(n: int) -> None:
    with pytest.raises(InvalidInput, match="use method 'exact'"):
        ProxySpex().plan(n, 100, seed=0)


def test_a_linear_function_is_found_without_interactions(
    fresh: Masks, masks: Masks
) -> None:
    weights = np.random.default_rng(0).normal(size=20)
    found = ProxySpex(workers=1).fit(masks, masks @ weights, seed=0)
    assert explained(fresh @ weights, found.spectrum.predict(fresh)) > 0.99
    pairs = found.spectrum.sets.orders > 1
    assert found.spectrum.energy[pairs].sum() < 0.01 * found.spectrum.energy.sum()


def test_each_output_of_a_vector_is_fitted_as_if_it_were_alone(
    truth: Spectrum, masks: Masks
) -> None:
    values = np.column_stack([truth.predict(masks), masks @ np.linspace(-1.0, 1.0, 20)])
    solver = ProxySpex(QUICK, workers=1)
    both = solver.fit(masks, values, seed=3)
    assert both.spectrum.values.shape[1:] == (2,)
    assert (
        len(both.faithfulness.r2)
        == len(both.details["averaged"])
        == len(both.uncertainty)
        == 2
    )
    for k in range(2):
        alone = solver.fit(masks, values[:, k], seed=3)
        assert alone.faithfulness.r2[0] == both.faithfulness.r2[k]
        assert alone.details["averaged"][0] == both.details["averaged"][k]
        np.testing.assert_allclose(
            both.spectrum.predict(masks)[:, k],
            alone.spectrum.predict(masks),
            atol=1e-12,
        )


# The proxy seam


class LeastSquares(FoldedProxy):
    name = "least squares"

    def spectrum(self, masks: Masks, values: Array, seed: int) -> Spectrum:
        design = np.column_stack([np.ones(len(masks)), 1.0 - 2.0 * masks])
        solution = np.linalg.lstsq(design, values, rcond=None)[0]
        sets = [(), *((i,) for i in range(masks.shape[1]))]
        return Spectrum.of(masks.shape[1], dict(zip(sets, solution, strict=True)))


def heaviest(fit: Fit) -> str:
    name: str = max(fit.details["averaged"][0], key=lambda each: each["weight"])[
        "proxy"
    ]
    return name


@pytest.fixture(scope="module")
def weights() -> Array:
    """Of like size, so that none falls to the cut at 99% of the energy."""
    return np.asarray(np.linspace(1.0, 1.5, 20) * np.tile([1.0, -1.0], 10))


def test_a_proxy_of_ones_own_wins_where_it_is_right(
    masks: Masks, fresh: Masks, weights: Array
) -> None:
    few = Boosting(depth=2, columns=0.5, trees=5)  # too few to split on every candidate
    found = ProxySpex(proxies=[few, LeastSquares()], workers=1).fit(
        masks, 2.0 + masks @ weights, seed=0
    )
    assert heaviest(found) == "least squares"
    assert found.faithfulness.mean == pytest.approx(1.0, abs=1e-12)
    np.testing.assert_allclose(
        found.spectrum.predict(fresh), 2.0 + fresh @ weights, atol=1e-9
    )


def test_a_proxy_of_ones_own_loses_where_it_is_wrong(masks: Masks) -> None:
    values = 1.0 * (masks[:, 0] & masks[:, 1]) - 1.0 * (masks[:, 2] ^ masks[:, 3])
    found = ProxySpex(proxies=[LeastSquares(), *QUICK], workers=1).fit(
        masks, values, seed=0
    )
    assert heaviest(found).startswith("boosting")


def test_a_proxy_listed_twice_scores_the_same_twice(
    masks: Masks, weights: Array
) -> None:
    found = ProxySpex(proxies=[QUICK[0], QUICK[0]], workers=1).fit(
        masks, masks @ weights, seed=0
    )
    _, one, other = found.details["averaged"][0]
    assert one == other
