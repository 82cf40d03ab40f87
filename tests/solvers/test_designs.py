"""Which masks are asked for: far apart first, then where a fitted kernel knows least."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from conftest import carried_out
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from threadpoolctl import threadpool_limits

from spexlens import explain
from spexlens.errors import InvalidInput
from spexlens.evaluation.evaluator import Evaluator
from spexlens.evaluation.ledger.ledger import Ledger
from spexlens.games.game import Game
from spexlens.masks import masks as mask_algebra
from spexlens.masks.designs import uniform
from spexlens.solvers.auto import Auto
from spexlens.solvers.exact import Exact
from spexlens.solvers.proxyspex import design
from spexlens.solvers.proxyspex.kernel.prior import Prior, signs_of
from spexlens.solvers.proxyspex.solver import ProxySpex
from spexlens.solvers.solver import Plan
from spexlens.solvers.spex import Spex
from spexlens.spectrum.scores import r_squared

Array = NDArray[np.float64]
Masks = NDArray[np.bool_]


def space_filling(n: int, count: int, seed: int) -> NDArray[np.uint8]:
    return design.space_filling(design.drawn(n, count, seed), n, count)


def rows(packed: NDArray[np.uint8]) -> set[bytes]:
    return {row.tobytes() for row in packed}


def saturating(masks: Masks) -> Array:
    """Few candidates that matter, in a sum that saturates and a pair."""
    weights = np.random.default_rng(masks.shape[1]).normal(size=masks.shape[1])
    weights[6:] *= 0.05
    return np.asarray(np.tanh(masks @ weights - 0.5) + (masks[:, 0] & masks[:, 1]))


# Far apart


@given(n=st.integers(3, 90), count=st.integers(2, 90), seed=st.integers(0, 1000))
@settings(deadline=None, max_examples=15)
def test_a_design_is_exactly_so_many_distinct_masks_corners_first(
    n: int, count: int, seed: int
) -> None:
    count = min(count, 1 << n)
    packed = space_filling(n, count, seed)
    masks = mask_algebra.unpack(packed, n)
    assert packed.shape == (count, (n + 7) // 8)
    assert len(rows(packed)) == count
    assert masks[0].all()
    assert not masks[1].any()
    # no bit beyond the candidates
    np.testing.assert_array_equal(mask_algebra.pack(masks), packed)


@pytest.mark.parametrize("n", [10, 13, 70])
def test_a_longer_design_begins_with_a_shorter_one(n: int) -> None:
    longest = space_filling(n, 1000, seed=4)
    for count in (2, 100, 600):
        np.testing.assert_array_equal(space_filling(n, count, seed=4), longest[:count])
    assert len(rows(longest)) == 1000


def test_all_masks_of_few_candidates_are_a_design() -> None:
    assert len(rows(space_filling(5, 32, seed=0))) == 32
    assert len(rows(space_filling(12, 4096, seed=0))) == 4096


def test_designs_beyond_the_pool_are_whole() -> None:
    packed = space_filling(40, 2600, seed=0)
    assert len(packed) == len(rows(packed)) == 2600


def test_another_seed_is_another_design() -> None:
    one, again, other = (space_filling(30, 100, seed) for seed in (1, 1, 2))
    np.testing.assert_array_equal(one, again)
    assert len(rows(one) & rows(other)) < 10


@pytest.mark.parametrize("n", [12, 20])
def test_masks_that_fill_the_space_are_farther_apart_than_uniform_ones(n: int) -> None:
    def nearest(masks: Masks) -> Array:
        distance = (masks[:, None] != masks).sum(axis=2) + n * np.eye(len(masks))
        return np.asarray(distance.min(axis=1))

    for seed in range(3):
        filling = nearest(mask_algebra.unpack(space_filling(n, 60, seed), n))
        random = nearest(uniform(n, 60, seed))
        assert filling.mean() > random.mean() + 0.3
        assert filling.min() > random.min()


# Adapted


@pytest.mark.parametrize("noise", [0.0, 0.3])
def test_each_mask_is_the_one_with_the_largest_posterior_variance(noise: float) -> None:
    rng = np.random.default_rng(0)
    prior = Prior(0.3, rng.uniform(0.05, 0.4, 7), rng.normal(0, 0.2, 7), noise)
    masks = uniform(7, 60, seed=0)
    signs = signs_of(masks)
    chosen = design._least_known(prior, mask_algebra.pack(masks), 7, 5, 30)
    gains = prior.gains(signs)
    covariance = np.outer(gains, gains) * (
        prior.gram(signs, signs) + noise * np.eye(60)
    )
    np.testing.assert_array_equal(chosen[:5], np.arange(5))
    for j in range(5, 30):
        seen = chosen[:j]
        solved = np.linalg.solve(covariance[np.ix_(seen, seen)], covariance[seen])
        variance = np.diagonal(covariance) - (covariance[seen] * solved).sum(axis=0)
        variance[seen] = -1.0
        assert variance[chosen[j]] == pytest.approx(variance.max(), rel=1e-3)
    assert len(set(chosen.tolist())) == 30


def test_masks_are_bought_where_the_candidates_that_matter_vary() -> None:
    rng = np.random.default_rng(0)
    bought = mask_algebra.pack(uniform(16, 150, seed=0))
    masks = mask_algebra.unpack(bought, 16)
    values = masks[:, :6] @ rng.normal(size=6) + 2.0 * (
        masks[:, 0] ^ masks[:, 1] ^ masks[:, 2]
    )
    more = design.adapted(bought, values, design.drawn(16, 200, seed=1), 16, 200)[150:]
    known = {row.tobytes() for row in np.packbits(masks[:, :6], axis=1)}
    fresh = np.packbits(mask_algebra.unpack(more, 16)[:, :6], axis=1)
    unseen = np.mean([row.tobytes() not in known for row in fresh])
    random = np.packbits(uniform(16, 2000, seed=2)[:, :6], axis=1)
    assert unseen > 2 * np.mean([row.tobytes() not in known for row in random])


@pytest.mark.parametrize("n", [14, 30])
def test_it_explains_more_than_uniform_masks(n: int) -> None:
    fresh = uniform(n, 3000, seed=99)
    scores = []
    for seed in range(4):
        for name in ("adaptive", "uniform"):
            solver = ProxySpex(design=name)  # type: ignore[arg-type]
            plan, values = carried_out(solver, n, 150, seed, saturating)
            fit = solver.fit_packed(plan.packed, n, values, seed)
            scores.append(r_squared(saturating(fresh), fit.spectrum.predict(fresh)))
    assert np.mean(scores[::2]) > np.mean(scores[1::2])


@pytest.mark.parametrize("n", [11, 40])
def test_the_first_masks_of_any_budget_are_those_of_a_smaller_one(n: int) -> None:
    solver = ProxySpex()
    longest = carried_out(solver, n, 1400, 5, saturating)[0].packed
    assert len(longest) == len(rows(longest)) == 1400
    for budget in (40, 80, 81, 160, 300, 1279, 1281):
        plan, _ = carried_out(solver, n, budget, 5, saturating)
        np.testing.assert_array_equal(plan.packed, longest[:budget])


def test_masks_follow_values_and_not_their_scale() -> None:
    first, scaled, mirrored = (
        carried_out(ProxySpex(), 20, 200, 0, function)[0].packed
        for function in (
            saturating,
            lambda m: 1024.0 * saturating(m),
            lambda m: saturating(~m),
        )
    )
    np.testing.assert_array_equal(scaled, first)
    assert len(rows(first) & rows(mirrored)) < 150


def test_threads_change_no_mask() -> None:
    plans = []
    for threads in (1, 2):
        with threadpool_limits(threads):
            plans.append(
                carried_out(ProxySpex(), 40, 300, 0, saturating)[0].packed.tobytes()
            )
    assert plans[0] == plans[1]


def trembling(
    function: Callable[[Masks], Array], seed: int
) -> Callable[[Masks], Array]:
    """The function on another machine: its values are 1e-5 off, as those of float32
    are.
    """

    def value(masks: Masks) -> Array:
        values = function(masks)
        draws = [
            np.random.default_rng([seed, *row.tolist()])
            for row in np.packbits(masks, axis=1)
        ]
        noise = np.array([rng.uniform(-1.0, 1.0) for rng in draws])
        return values + 1e-5 * noise.reshape(-1, *[1] * (values.ndim - 1)) * values

    return value


def sparse(masks: Masks) -> Array:
    """Two sets and nothing else: a fit is exact after few masks."""
    return 2.0 * (masks[:, 0] & masks[:, 1]) - 1.5 * masks[:, 4]


def test_noise_of_other_machines_hardly_ever_changes_a_mask() -> None:
    parted = 0
    for n, budget in ((9, 400), (16, 320), (40, 320)):
        for function in (
            saturating,
            sparse,
            lambda m: np.column_stack([saturating(m), sparse(m)]),
        ):
            calm = carried_out(ProxySpex(), n, budget, 0, function)[0].packed
            for seed in range(2):
                other = carried_out(
                    ProxySpex(), n, budget, 0, trembling(function, seed)
                )[0].packed
                np.testing.assert_array_equal(other[:160], calm[:160])
                parted += not np.array_equal(other, calm)
    assert parted <= 1  # of 18


def test_threads_of_a_model_change_no_mask_that_an_explanation_asks_for() -> None:
    torch = pytest.importorskip("torch")
    from spexlens import MechanisticLens
    from spexlens.models.bundled import INDUCTION

    before, asked = torch.get_num_threads(), []
    try:
        for threads in (1, 2):
            torch.set_num_threads(threads)
            lens = MechanisticLens(
                str(INDUCTION),
                "owl ink cup sun key owl ink cup",
                target="sun",
                components=["heads", "mlps"],
            )
            seen: list[NDArray[np.uint8]] = []
            answer = lens.value

            def recorded(
                masks: Masks, seen: list[NDArray[np.uint8]] = seen, answer: Any = answer
            ) -> Array:
                seen.append(mask_algebra.pack(masks))
                return np.asarray(answer(masks))

            game = Game(recorded, lens.n)
            explain(game, 200, noise=0)
            asked.append(rows(np.concatenate(seen)))
    finally:
        torch.set_num_threads(before)
    assert asked[0] == asked[1]
    assert len(asked[0]) == 200


def test_a_run_that_goes_on_on_another_machine_pays_for_no_mask_twice(
    tmp_path: Path,
) -> None:
    first = Game(saturating, 25, fingerprint="saturating")
    second = Game(trembling(saturating, 3), 25, fingerprint="saturating")
    assert explain(first, 130, ledger=tmp_path / "runs.db", checks=0).calls == 130
    again = explain(second, 300, ledger=tmp_path / "runs.db", checks=0)
    assert (again.calls, again.account.reused) == (170, 130)


@pytest.mark.parametrize(
    "function",
    [
        sparse,
        lambda masks: 1.0 * masks[:, 3],
        lambda masks: masks @ np.random.default_rng(1).normal(size=masks.shape[1]),
        lambda masks: 1.0 * masks.all(axis=1),
        lambda masks: 1e6 * ~masks.any(axis=1) + masks[:, 0],
        lambda masks: np.full(len(masks), 0.3),
    ],
)
@pytest.mark.parametrize(("n", "budget"), [(7, 128), (10, 700), (30, 400)])
def test_once_a_fit_is_exact_masks_are_far_apart_each_once(
    function: Callable[[Masks], Array], n: int, budget: int
) -> None:
    with np.errstate(all="raise", under="ignore"):
        plan, _ = carried_out(ProxySpex(), n, budget, 0, function)
    assert len(rows(plan.packed)) == budget

    def nearest(masks: Masks) -> float:
        return float(
            ((masks[:, None] != masks).sum(axis=2) + n * np.eye(len(masks)))
            .min(axis=1)
            .mean()
        )

    assert nearest(plan.masks[-60:]) > 0.8 * nearest(uniform(n, 60, seed=5))


@pytest.mark.parametrize(
    "values",
    [
        lambda masks: np.zeros(len(masks)),
        lambda masks: np.zeros((len(masks), 3)),
        lambda masks: 1.0 * masks.all(axis=1),
        lambda masks: 1e250 * saturating(masks),
        lambda masks: 1e-250 * saturating(masks),
        lambda masks: np.exp(3.0 * masks.sum(axis=1)),
        lambda masks: np.stack(
            [saturating(masks), np.ones(len(masks)), -saturating(masks)], axis=1
        ),
    ],
)
def test_values_of_any_kind_have_a_design(values: Callable[[Masks], Array]) -> None:
    with np.errstate(all="raise", under="ignore"):
        plan, answered = carried_out(ProxySpex(), 15, 150, 0, values)
    assert len(plan) == len(rows(plan.packed)) == len(answered) == 150


def test_outputs_that_say_the_same_are_planned_as_one() -> None:
    one = carried_out(ProxySpex(), 20, 150, 0, saturating)[0].packed
    twice = carried_out(
        ProxySpex(),
        20,
        150,
        0,
        lambda m: np.stack([saturating(m), 2 * saturating(m) + 5], axis=1),
    )
    assert len(rows(one) & rows(twice[0].packed)) > 140


# Among those that can be asked for


def test_only_masks_of_a_pool_are_asked_for() -> None:
    recorded = uniform(30, 400, seed=3)
    solver = ProxySpex(pool=recorded)
    plan, _ = carried_out(solver, 30, 300, 0, saturating)
    assert len(plan) == 300
    assert rows(plan.packed) < rows(mask_algebra.pack(recorded))
    assert (
        plan.design
        == "two of a pool of 400, 78 far apart, then where a kernel is least sure"
    )
    everything, _ = carried_out(solver, 30, 500, 0, saturating)
    assert rows(everything.packed) == rows(mask_algebra.pack(recorded))


def test_a_pool_of_other_candidates_is_refused() -> None:
    with pytest.raises(InvalidInput, match=r"expected \(m, 31\)"):
        ProxySpex(pool=uniform(30, 100, seed=0)).plan(31, 100, seed=0)


def test_a_pool_that_is_too_small_is_refused() -> None:
    with pytest.raises(
        InvalidInput, match="the pool holds 10 masks; proxyspex needs at least 20"
    ):
        ProxySpex(pool=uniform(30, 10, seed=0)).plan(30, 100, seed=0)


# A plan is carried out


@pytest.mark.parametrize("solver", [ProxySpex(), Auto(), Spex(), Exact()])
def test_every_mask_is_asked_for_once_and_their_number_is_known_beforehand(
    solver: ProxySpex | Auto | Spex | Exact,
) -> None:
    n, budget = (10, 1024) if solver.name == "exact" else (40, 2100)
    plan = solver.plan(n, budget, seed=1)
    asked: list[NDArray[np.uint8]] = []

    def ask(packed: NDArray[np.uint8]) -> Array:
        asked.append(packed)
        return saturating(mask_algebra.unpack(packed, n))

    complete, values = solver.carry_out(plan, ask, seed=1)
    everything = np.concatenate(asked)
    np.testing.assert_array_equal(everything, complete.packed)
    np.testing.assert_array_equal(values, saturating(complete.masks))
    assert (
        len(rows(everything))
        == len(everything)
        == plan.total
        == complete.total
        == len(complete)
    )
    assert (plan.method, plan.design) == (complete.method, complete.design)
    assert len(asked) == {"proxyspex": 6, "auto": 6, "spex": 1, "exact": 1}[solver.name]


def test_a_solver_that_plans_all_at_once_extends_nothing() -> None:
    plan = Plan("spex", 5, mask_algebra.pack(uniform(5, 10, seed=0)), "any", rest=3)
    with pytest.raises(InvalidInput, match="spex chooses all masks at once"):
        Spex().extended(plan, np.zeros(10), seed=0)


def test_a_plan_goes_on_only_with_the_values_of_its_masks() -> None:
    plan = ProxySpex().plan(20, 200, seed=0)
    for wrong, message in (
        (np.zeros(3), "80 masks need as many values"),
        (np.full(80, np.nan), "finite"),
    ):
        with pytest.raises(InvalidInput, match=message):
            ProxySpex().extended(plan, wrong, seed=0)
    complete, values = carried_out(ProxySpex(), 20, 100, 0, saturating)
    assert ProxySpex().extended(complete, values, seed=0) is complete


def test_progress_is_of_the_whole_plan() -> None:
    told: list[tuple[int, int]] = []
    game = Game(saturating, 20, batch_size=50)
    solver = ProxySpex()
    plan = solver.plan(20, 200, seed=0)
    with Ledger(None) as ledger:
        evaluator = Evaluator(
            game, ledger, progress=lambda *now: told.append(now), expected=plan.total
        )
        solver.carry_out(plan, evaluator.packed_values, seed=0)
        assert (evaluator.paid, evaluator.reused) == (200, 0)
    assert told == [(50, 200), (80, 200), (130, 200), (160, 200), (200, 200)]
