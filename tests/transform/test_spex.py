"""SPEX: the code names sets, the bins are sorted by it, peeling is exact, and every
budget gets an answer.
"""

import json
from itertools import combinations
from math import comb

import galois
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

import spexlens
from spexlens.errors import BudgetTooSmall, InvalidInput, NonFiniteValue
from spexlens.masks import designs
from spexlens.masks import masks as mask_algebra
from spexlens.solvers.choice import choose_solver
from spexlens.solvers.proxyspex.proxies.boosting import Boosting
from spexlens.solvers.proxyspex.proxies.proxy import FittedFunction
from spexlens.solvers.proxyspex.proxies.trees import parse_lightgbm
from spexlens.solvers.proxyspex.readout import read
from spexlens.solvers.spex import Spex
from spexlens.spectrum.scores import r_squared
from spexlens.spectrum.sets import Sets
from spexlens.spectrum.spectrum import Spectrum
from spexlens.transform.allotment import Allotment, allot, least_calls
from spexlens.transform.bch import Code
from spexlens.transform.binary import express, product, reduce
from spexlens.transform.field import Field
from spexlens.transform.peeling import peel
from spexlens.transform.subspace import Design
from spexlens.transform.virtual import read_spectrum

Bits = NDArray[np.uint8]


def indicators(rng: np.random.Generator, count: int, n: int, most: int) -> Bits:
    """Random sets of 0 to `most` members."""
    rows = np.zeros((count, n), np.uint8)
    for row in rows:
        row[rng.choice(n, rng.integers(0, min(most, n) + 1), replace=False)] = 1
    return rows


def sparse(n: int, count: int, seed: int, most: int = 5) -> Spectrum:
    """A mean and distinct sets of orders 1 to `most`, coefficients in ±[.5, 1.5]."""
    rng = np.random.default_rng(seed)
    coefficients: dict[tuple[int, ...], float] = {(): 2.0}
    while len(coefficients) <= count:
        order = int(rng.integers(1, most + 1))
        members = tuple(sorted(int(i) for i in rng.choice(n, order, replace=False)))
        coefficients[members] = float(rng.choice([-1, 1]) * rng.uniform(0.5, 1.5))
    return Spectrum.of(n, coefficients)


def peeled(
    truth: Spectrum,
    design: Design,
    *,
    noise: float = 0.0,
    seed: int = 0,
    soft: bool = True,
) -> Spectrum:
    """What peeling finds in a design's values of a function."""
    values = truth.predict(mask_algebra.unpack(design.masks(), truth.n))
    values = values + noise * np.random.default_rng(seed).standard_normal(len(values))
    return peel(
        design.code, design.groups, design.transform(values), soft=soft
    ).spectrum()


def assert_equal_spectra(found: Spectrum, truth: Spectrum, tolerance: float) -> None:
    found = Spectrum(
        found.sets, np.where(np.abs(found.values) > tolerance, found.values, 0.0)
    )
    differences = {members: value - truth[members] for members, value in found}
    differences |= {members: value - found[members] for members, value in truth}
    worst = max(differences, key=lambda members: abs(differences[members]))
    assert abs(differences[worst]) <= tolerance, (
        f"{worst} is off by {differences[worst]}"
    )


# The field and linear algebra over GF(2)


@pytest.mark.parametrize("degree", range(2, 17))
def test_the_powers_of_alpha_are_all_elements_but_zero(degree: int) -> None:
    field = Field(degree)
    assert sorted(field.powers[: field.order]) == list(range(1, 1 << degree))
    np.testing.assert_array_equal(
        field.logs[field.powers[: field.order]], np.arange(field.order)
    )


@pytest.mark.parametrize("degree", [3, 8, 10])
def test_products_and_quotients_are_those_of_galois(degree: int) -> None:
    ours = Field(degree)
    modulus = int(ours.powers[degree]) ^ (1 << degree)
    theirs = galois.GF(
        2**degree, irreducible_poly=galois.Poly.Int(modulus), primitive_element=2
    )
    rng = np.random.default_rng(degree)
    a, b = rng.integers(0, 1 << degree, (2, 500)).astype(np.int32)
    a[:5] = 0
    np.testing.assert_array_equal(
        ours.multiply(a, b), np.asarray(theirs(a) * theirs(b))
    )
    b = np.maximum(b, 1)
    np.testing.assert_array_equal(ours.divide(a, b), np.asarray(theirs(a) / theirs(b)))


@given(
    shape=st.tuples(st.integers(1, 12), st.integers(1, 20)),
    seed=st.integers(0, 2**32 - 1),
)
@settings(deadline=None, max_examples=60)
def test_reduction_keeps_the_span_and_express_finds_the_combination(
    shape: tuple[int, int], seed: int
) -> None:
    rows = np.random.default_rng(seed).integers(0, 2, shape, dtype=np.uint8)
    echelon, steps, pivots = reduce(rows)
    np.testing.assert_array_equal(product(steps, rows), echelon)
    np.testing.assert_array_equal(
        echelon[:, pivots], np.eye(len(pivots), dtype=np.uint8)
    )
    assert len(echelon) == np.linalg.matrix_rank(galois.GF2(rows))
    if len(echelon):
        np.testing.assert_array_equal(product(express(echelon, rows), echelon), rows)


# The code


@given(n=st.integers(1, 300), t=st.integers(1, 7), seed=st.integers(0, 2**32 - 1))
@settings(deadline=None, max_examples=60)
def test_every_set_of_at_most_t_members_is_decoded_from_its_syndrome(
    n: int, t: int, seed: int
) -> None:
    code = Code(n, t)
    sets = indicators(np.random.default_rng(seed), 40, n, code.t)
    named, found = code.decode(product(sets, code.rows.T))
    assert named.all()
    np.testing.assert_array_equal(found, sets)


@pytest.mark.parametrize(
    ("n", "t"), [(14, 2), (20, 3), (64, 5), (255, 4), (1000, 5), (2000, 5)]
)
def test_any_syndrome_is_decoded_to_a_set_that_has_it_or_to_none(
    n: int, t: int
) -> None:
    code = Code(n, t)
    words = np.random.default_rng(n).integers(0, 2, (4000, code.rank), dtype=np.uint8)
    syndromes = product(words, express(code.basis, code.rows).T)
    named, found = code.decode(syndromes)
    assert 0 < named.sum() < len(named) or n == 64  # of length 64 in 127, hardly any
    assert (found.sum(axis=1) <= t).all()
    np.testing.assert_array_equal(product(found, code.rows.T), syndromes[named])


@pytest.mark.parametrize(("m", "t"), [(4, 3), (8, 4)])
def test_syndromes_and_rank_are_those_of_galois(m: int, t: int) -> None:
    n = 2**m - 1
    code = Code(n, t)
    modulus = int(Field(m).powers[m]) ^ (1 << m)
    gf = galois.GF(2**m, irreducible_poly=galois.Poly.Int(modulus), primitive_element=2)
    sets = indicators(np.random.default_rng(m), 30, n, n)
    alpha = gf(2) ** np.outer(np.arange(1, 2 * t, 2), np.arange(n))
    expected = gf(sets.astype(int)) @ alpha.T
    ours = product(sets, code.rows.T).reshape(len(sets), t, m) @ (1 << np.arange(m))
    np.testing.assert_array_equal(ours, np.asarray(expected))
    assert code.rank == n - galois.BCH(n, d=2 * t + 1).k


def test_sets_beyond_t_are_never_named_as_something_with_another_syndrome() -> None:
    code = Code(100, 2)
    sets = np.zeros((500, 100), np.uint8)
    rng = np.random.default_rng(0)
    for row in sets:
        row[rng.choice(100, 5, replace=False)] = 1
    named, found = code.decode(product(sets, code.rows.T))
    assert (found.sum(axis=1) <= 2).all()
    np.testing.assert_array_equal(
        product(found, code.rows.T), product(sets, code.rows.T)[named]
    )


def test_a_code_of_full_rank_names_sets_of_every_order() -> None:
    code = Code(14, 5)
    assert code.rank == code.t == 14
    sets = np.ones((1, 14), np.uint8)
    np.testing.assert_array_equal(code.decode(product(sets, code.rows.T))[1], sets)


def test_more_candidates_than_the_largest_field_are_refused() -> None:
    with pytest.raises(InvalidInput, match="at most 65535 candidates; got 70000"):
        Code(70_000, 1)


# The design


@pytest.mark.parametrize(
    ("n", "t", "bits"),
    [(10, 2, (3,)), (14, 3, (4, 3)), (12, 5, (2, 5, 3)), (20, 1, (2, 3))],
)
def test_a_bin_holds_the_signed_coefficients_of_its_sets(
    n: int, t: int, bits: tuple[int, ...]
) -> None:
    truth = sparse(n, 30, seed=n)
    design = Design.draw(n, t, bits, seed=3)
    bins = design.transform(truth.predict(mask_algebra.unpack(design.masks(), n)))
    members = np.array([np.isin(np.arange(n), each) for each in truth.sets], np.uint8)
    for group, each in zip(design.groups, bins, strict=True):
        places, signs = group.locate(members)
        expected = np.zeros_like(each)
        np.add.at(expected, places, truth.values[:, None] * signs)
        np.testing.assert_allclose(each, expected, atol=1e-12)


def test_the_masks_of_a_group_are_distinct_and_a_larger_design_holds_a_smaller_one() -> (
    None
):
    small, large = (
        Design.draw(64, 3, bits, seed=5).masks() for bits in ((3, 3), (4, 4, 4))
    )
    assert {row.tobytes() for row in small} <= {row.tobytes() for row in large}
    group = Design.draw(64, 3, (5,), seed=5)
    assert (
        len({row.tobytes() for row in group.masks()})
        == group.size
        == 2**5 * (21 - 5 + 1)
    )


# Peeling


@given(n=st.integers(24, 80), count=st.integers(0, 20), seed=st.integers(0, 2**32 - 1))
@settings(deadline=None, max_examples=40)
def test_peeling_a_noiseless_sparse_function_is_exact(
    n: int, count: int, seed: int
) -> None:
    truth = sparse(n, count, seed)
    assert_equal_spectra(peeled(truth, Design.draw(n, 5, (5, 5, 5), seed)), truth, 1e-9)


def test_equal_coefficients_are_told_apart() -> None:
    rng = np.random.default_rng(0)
    sets = {
        tuple(sorted(int(i) for i in rng.choice(40, 3, replace=False))): 1.0
        for _ in range(25)
    }
    truth = Spectrum.of(40, {**sets, (): 1.0})
    assert_equal_spectra(peeled(truth, Design.draw(40, 3, (5, 5, 5), 0)), truth, 1e-9)


def test_soft_decoding_is_never_worse_than_hard_on_average_and_better_in_noise() -> (
    None
):
    found: dict[bool, list[int]] = {False: [], True: []}
    for noise in (0.0, 1.0, 2.5):
        for seed in range(6):
            truth = sparse(64, 30, seed)
            design = Design.draw(64, 5, (5, 5, 5), seed)
            for soft, counts in found.items():
                spectrum = peeled(truth, design, noise=noise, seed=seed, soft=soft)
                counts.append(len(set(truth.sets) & set(spectrum.sets)))
    hard, soft = (
        np.array(found[each]).reshape(3, 6).mean(axis=1) for each in (False, True)
    )
    assert (soft >= hard).all()
    assert soft[2] > hard[2] + 1


def test_noise_alone_names_nothing() -> None:
    for seed in range(5):
        design = Design.draw(50, 3, (5, 5, 5), seed)
        found = peeled(Spectrum.of(50, {(): 1.0}), design, noise=1.0, seed=seed)
        assert len(found) <= 2


# What a budget buys


@given(n=st.integers(1, 2000), budget=st.integers(1, 60_000))
@settings(deadline=None, max_examples=150)
def test_an_allotment_fits_the_budget_and_leaves_delays(n: int, budget: int) -> None:
    found = allot(n, budget)
    if found is None:
        least = least_calls(n)
        assert least is None or budget < least
        return
    assert found.coded + 2 == found.calls <= budget
    assert all(2 <= b <= found.checks - 2 for b in found.bits)


@pytest.mark.parametrize(("n", "published"), [(64, 27_648), (1000, 43_008)])
def test_the_published_budgets_buy_the_published_design_for_less(
    n: int, published: int
) -> None:
    found = allot(n, published)
    assert found is not None
    assert found.corrections == 5
    assert found.bits[:3] == (8, 8, 8)
    assert Allotment(n, 5, (8, 8, 8)).calls < 0.8 * published


# The solver


@pytest.mark.parametrize("n", [1, 2, 5, 8, 11, 16, 20, 64, 300, 2000])
@pytest.mark.parametrize("extra", [0, 1, 60])
def test_a_plan_spends_the_budget_on_distinct_masks_and_its_length_repeats_it(
    n: int, extra: int
) -> None:
    solver = Spex()
    budget = solver.least(n) + extra
    plan = solver.plan(n, budget, seed=4)
    assert len(plan) == (min(budget, 1 << n) if n <= 20 else budget)
    assert len({row.tobytes() for row in plan.packed}) == len(plan)
    np.testing.assert_array_equal(solver.plan(n, len(plan), seed=4).packed, plan.packed)
    with pytest.raises(
        BudgetTooSmall,
        match=f"spex needs at least {solver.least(n)} calls for {n} candidate",
    ):
        solver.plan(n, solver.least(n) - 1, seed=4)


@pytest.mark.parametrize("n", range(8, 21))
def test_small_budgets_run_for_small_n(n: int) -> None:
    truth = sparse(n, 4, seed=n, most=2)
    fresh = designs.uniform(n, min(500, 1 << n), seed=99)
    for budget, least in ((100, 0.5), (500, 0.99)):
        plan = Spex().plan(n, budget, seed=0)
        fit = Spex().fit(plan.masks, truth.predict(plan.masks), seed=0)
        assert r_squared(truth.predict(fresh), fit.spectrum.predict(fresh)) > least
        assert fit.faithfulness.mean > least


@pytest.mark.parametrize("n", [64, 256])
def test_planted_sets_are_recovered_from_noise_and_nothing_else(n: int) -> None:
    truth = sparse(n, 40, seed=n)
    plan = Spex(corrections=5, bits=6, groups=3).plan(n, 8000, seed=1)
    noise = (
        0.1
        * np.sqrt(truth.energy.sum())
        * np.random.default_rng(0).standard_normal(len(plan))
    )
    fit = Spex(corrections=5, bits=6, groups=3).fit(
        plan.masks, truth.predict(plan.masks) + noise, seed=1
    )
    loud = {members for members, value in fit.spectrum if abs(value) > 0.05}
    assert loud == set(truth.sets)
    assert fit.faithfulness.source == "leave-one-out"
    assert fit.faithfulness.mean == pytest.approx(1 / 1.01, abs=0.003)
    assert fit.details["bits"] == [6, 6, 6]


def test_values_beyond_the_code_join_the_regression() -> None:
    truth = sparse(64, 10, seed=0)
    solver = Spex(corrections=5, bits=4, groups=3)
    plan = solver.plan(64, 3000, seed=0)
    values = truth.predict(plan.masks) + np.random.default_rng(0).standard_normal(3000)
    few = solver.fit(plan.masks, values, seed=0)
    coded = few.details["coded"]
    assert coded == Allotment(64, 5, (4, 4, 4)).coded < 2000
    changed = values.copy()
    changed[coded + 2 :] += truth.predict(plan.masks[coded + 2 :])
    again = solver.fit(plan.masks, changed, seed=0)
    assert set(again.spectrum.sets) >= {members for members in truth.sets if members}
    grown = [
        again.spectrum[members] / few.spectrum[members]
        for members in truth.sets
        if members
    ]
    assert np.median(grown) > 1.2


def test_masks_may_come_in_any_order_but_must_be_those_of_the_plan() -> None:
    truth = sparse(30, 8, seed=0)
    plan = Spex().plan(30, 1000, seed=0)
    order = np.random.default_rng(0).permutation(1000)
    fit = Spex().fit(plan.masks, truth.predict(plan.masks), seed=0)
    shuffled = Spex().fit(plan.masks[order], truth.predict(plan.masks[order]), seed=0)
    assert_equal_spectra(shuffled.spectrum, fit.spectrum, 1e-9)
    with pytest.raises(
        InvalidInput,
        match=r"needs the masks it planned, each once: .* not those of seed 1",
    ):
        Spex().fit(plan.masks, truth.predict(plan.masks), seed=1)
    twice = np.concatenate([plan.masks[:1], plan.masks[:-1]])
    with pytest.raises(InvalidInput, match="each once"):
        Spex().fit(twice, truth.predict(twice), seed=0)


def test_one_seed_is_one_fit_bit_for_bit() -> None:
    truth = sparse(40, 12, seed=0)
    plan = Spex().plan(40, 700, seed=7)
    values = truth.predict(plan.masks) + np.random.default_rng(0).standard_normal(700)
    one, other = (Spex().fit(plan.masks, values, seed=7) for _ in range(2))
    assert one.spectrum.values.tobytes() == other.spectrum.values.tobytes()
    assert list(one.spectrum.sets) == list(other.spectrum.sets)
    assert one.faithfulness == other.faithfulness
    assert one.details == other.details


def test_a_vector_of_outputs_is_explained_output_by_output() -> None:
    first, second = sparse(30, 6, seed=0, most=2), sparse(30, 6, seed=1, most=2)
    plan = Spex().plan(30, 800, seed=0)
    values = np.stack([first.predict(plan.masks), second.predict(plan.masks)], axis=1)
    fit = Spex().fit(plan.masks, values, seed=0)
    assert fit.faithfulness.r2 == pytest.approx((1.0, 1.0))
    for column, truth in enumerate((first, second)):
        assert_equal_spectra(
            Spectrum(fit.spectrum.sets, fit.spectrum.values[:, column]), truth, 1e-8
        )


def test_a_constant_is_explained_by_its_mean() -> None:
    plan = Spex().plan(30, 200, seed=0)
    fit = Spex().fit(plan.masks, np.full(200, -3.0), seed=0)
    assert list(fit.spectrum.sets) == [()]
    assert fit.spectrum[()] == pytest.approx(-3)
    assert fit.faithfulness.r2 == (1.0,)
    assert fit.details["caveats"] == []


def test_a_linear_function_is_recovered_exactly() -> None:
    weights = np.random.default_rng(0).normal(size=40)
    plan = Spex().plan(40, 1500, seed=0)
    fit = Spex().fit(plan.masks, plan.masks @ weights, seed=0)
    effects = {
        members: -2 * value for members, value in fit.spectrum if len(members) == 1
    }
    np.testing.assert_allclose(
        [effects.get((i,), 0.0) for i in range(40)], weights, atol=1e-8
    )
    assert all(abs(value) < 1e-8 for members, value in fit.spectrum if len(members) > 1)


def test_sets_that_the_code_cannot_name_are_admitted() -> None:
    truth = Spectrum.of(40, {tuple(range(i, i + 9)): 1.0 for i in range(0, 27, 3)})
    game = spexlens.Game(truth.predict, 40)
    explanation = spexlens.explain(game, 2000, method="spex")
    assert explanation.faithfulness.mean < 0.05
    assert max(np.abs(explanation.spectrum.values), default=0.0) < 0.5
    (caveat,) = explanation.details["caveats"]
    assert (
        "of the variance is unexplained: noise, too few calls, or sets of more than"
        in caveat
    )
    assert "caveat: " in repr(explanation)


def test_values_that_are_not_finite_are_named() -> None:
    plan = Spex().plan(30, 200, seed=0)
    values = np.zeros(200)
    values[17] = np.nan
    with pytest.raises(InvalidInput, match="row 17 is nan"):
        Spex().fit(plan.masks, values, seed=0)
    with pytest.raises(InvalidInput, match="200 masks need as many values"):
        Spex().fit(plan.masks, np.zeros(199), seed=0)
    with pytest.raises(NonFiniteValue, match="the model answered nan"):
        spexlens.explain(
            spexlens.Game(lambda m: np.where(m[:, 0], np.nan, 1.0), 30),
            200,
            method="spex",
        )


def test_parameters_must_be_positive_and_leave_delays() -> None:
    for wrong in (0, 2.5, "3"):
        with pytest.raises(
            InvalidInput, match="bits must be a whole number, at least 1; got"
        ):
            Spex(bits=wrong)  # type: ignore[arg-type]
    with pytest.raises(
        InvalidInput,
        match="no code for 64 candidates leaves delays beside bins of 90 bits",
    ):
        Spex(bits=90).plan(64, 10_000, seed=0)


# Through the front door


def test_explain_takes_spex_by_name_and_with_settings_of_its_own() -> None:
    truth = sparse(30, 6, seed=0)
    game = spexlens.Game(truth.predict, 30)
    named = spexlens.explain(game, 600, method="spex")
    assert named.account.method == "spex"
    assert "groups of 2^" in named.account.design
    chosen = spexlens.explain(game, 600, method=Spex(corrections=3, bits=3, groups=3))
    assert (
        "t = 3, 3 groups of 2^3 bins × 13 delays; at most 314 coded masks, the rest"
        " uniform" in chosen.account.design
    )
    assert json.loads(named.to_json())["details"]["corrections"] >= 3


def test_auto_falls_back_to_spex_where_the_calls_are_too_few_for_proxies() -> None:
    assert choose_solver("auto", 1000, 100).name == "spex"
    assert choose_solver("auto", 1000, 500).name == "proxyspex"


def test_a_refusal_says_what_would_fit() -> None:
    with pytest.raises(
        BudgetTooSmall, match=r"at least 74 calls .* is 60, enough for 255 candidates$"
    ):
        choose_solver("spex", 1000, 60)
    with pytest.raises(
        BudgetTooSmall, match=r"is 60, enough for method 'proxyspex' or method 'spex'$"
    ):
        choose_solver("exact", 10, 60)


# Virtual ablations


def test_the_spectrum_of_a_forest_is_read_by_virtual_ablation() -> None:
    rng = np.random.default_rng(0)
    masks = designs.uniform(60, 400, seed=0)
    values = masks @ rng.normal(size=60) + 3.0 * (masks[:, 0] & masks[:, 1])
    booster = Boosting(depth=3, columns=0.5, trees=60).booster(masks, values, seed=0)
    forest = parse_lightgbm(booster.model_to_string(), 60).spectrum()
    found = read_spectrum(forest.predict, 60).spectrum
    large = forest.truncate(count=50)
    assert len(forest) > 200
    np.testing.assert_allclose(
        [found[members] for members in large.sets], large.values, atol=1e-3
    )


def test_a_proxy_of_which_only_its_answers_are_known_is_read_out() -> None:
    truth = sparse(60, 40, seed=0)
    found = read(FittedFunction(60, np.zeros(0), (), 0.0, truth.predict), seed=0)
    assert list(found.spectrum.sets) == list(truth.sets)
    np.testing.assert_allclose(found.spectrum.values, truth.values, atol=1e-9)
    assert found.loss < 1e-15


def test_a_reading_says_how_much_it_misses_and_stops_at_the_calls_it_may_take() -> None:
    calls = []

    def dense(masks: NDArray[np.bool_]) -> NDArray[np.float64]:
        calls.append(len(masks))
        return np.sin(37.0 * masks @ np.arange(1.0, 31.0))

    reading = read_spectrum(dense, 30, most_calls=2000)
    assert sum(calls) == reading.calls < 2 * 2000 + 1000
    assert reading.r2 < 0.1
    with pytest.raises(BudgetTooSmall, match="takes more than 100 calls"):
        read_spectrum(dense, 30, most_calls=100)


@pytest.mark.parametrize("n", [1, 2, 3, 7, 12])
def test_few_candidates_are_read_exactly(n: int) -> None:
    truth = Spectrum.from_table(np.random.default_rng(n).normal(size=1 << n))
    reading = read_spectrum(truth.predict, n)
    assert reading.calls == 1 << n
    assert_equal_spectra(reading.spectrum, truth, 1e-12)


@pytest.mark.parametrize(("scale", "offset"), [(1e-170, 0.0), (1e160, 0.0), (1.0, 1e6)])
def test_values_of_any_scale_are_explained_alike(scale: float, offset: float) -> None:
    truth = sparse(30, 8, seed=0, most=3)
    plan = Spex().plan(30, 1000, seed=0)
    values = truth.predict(plan.masks) + 0.1 * np.random.default_rng(0).standard_normal(
        1000
    )
    plain = Spex().fit(plan.masks, values, seed=0)
    other = Spex().fit(plan.masks, values * scale + offset, seed=0)
    assert other.faithfulness.mean == pytest.approx(plain.faithfulness.mean, abs=1e-6)
    for members in truth.sets:
        shift = offset if members == () else 0.0
        assert (other.spectrum[members] - shift) / scale == pytest.approx(
            plain.spectrum[members], rel=1e-5
        )


def test_what_the_code_cannot_name_does_not_raise_the_reported_r2() -> None:
    reported, true = [], []
    for seed in range(6):
        truth = sparse(100, 20, seed)
        plan = Spex().plan(100, 500, seed)
        fit = Spex().fit(plan.masks, truth.predict(plan.masks), seed)
        fresh = designs.uniform(100, 2000, seed=seed + 50)
        reported.append(fit.faithfulness.mean)
        true.append(r_squared(truth.predict(fresh), fit.spectrum.predict(fresh)))
    assert np.mean(true) > 0.1
    assert np.mean(reported) - np.mean(true) < 0.1


@given(n=st.integers(1, 12), most=st.integers(0, 300))
def test_low_orders_are_whole_and_as_many_as_fit(n: int, most: int) -> None:
    sets = list(Sets.low_orders(n, most))
    assert len(sets) <= most
    highest = max(map(len, sets), default=0)
    assert sets == [
        each
        for order in range(1, highest + 1)
        for each in combinations(range(n), order)
    ]
    assert highest == n or len(sets) + comb(n, highest + 1) > most
