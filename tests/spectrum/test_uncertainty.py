"""Intervals: every index is as uncertain as the coefficients it is made of, and they
hold the truth.
"""

from functools import reduce
from itertools import combinations
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from spexlens import Explanation, Game, explain
from spexlens.masks.designs import everything, uniform
from spexlens.results.interaction import Interaction
from spexlens.solvers.exact import Exact
from spexlens.solvers.proxyspex.kernel.kernel import Kernel
from spexlens.solvers.proxyspex.proxies.linear import Linear
from spexlens.solvers.proxyspex.solver import ProxySpex
from spexlens.solvers.spex import Spex
from spexlens.spectrum import uncertainty as module
from spexlens.spectrum.indices import INDICES, interaction_index
from spexlens.spectrum.sets import Sets
from spexlens.spectrum.spectrum import Spectrum
from spexlens.spectrum.uncertainty import ProductPrior, Uncertainty

Array = NDArray[np.float64]
Masks = NDArray[np.bool_]
Z = 1.6448536  # of the standard normal, 95% lie below


# The prior of the coefficients


def test_a_prior_variance_is_the_product_over_the_members() -> None:
    prior = ProductPrior(2.0, np.array([0.5, 0.1, 0.25]))
    found = prior.variances(Sets.of(3, [(), (1,), (0, 2), (0, 1, 2)]))
    np.testing.assert_allclose(found, [2.0, 0.2, 0.25, 0.025])


def test_what_supersets_hold_is_their_sum_by_size() -> None:
    prior = ProductPrior(1.5, np.random.default_rng(0).uniform(0.01, 0.9, 8))
    for members in [(), (3,), (0, 7), (1, 2, 5), tuple(range(8))]:
        found = prior.supersets(np.array([members], np.int32).reshape(1, -1))[0]
        rest = [i for i in range(8) if i not in members]
        for j, value in enumerate(found):
            above = [
                prior.rho[[*members, *more]].prod() for more in combinations(rest, j)
            ]
            assert value == pytest.approx(1.5 * sum(above), rel=1e-9, abs=1e-15)


def test_what_supersets_of_many_candidates_hold_is_a_polynomials_coefficients() -> None:
    rho = np.random.default_rng(1).uniform(0.0, 0.1, 200)
    found = ProductPrior(1.0, rho).supersets(np.array([[0, 5], [7, 199]], np.int32))
    for row, members in zip(found, [(0, 5), (7, 199)], strict=True):
        outside = np.delete(rho, members)
        expected = (
            rho[list(members)].prod()
            * reduce(np.convolve, [np.array([1.0, r]) for r in outside])[:15]
        )
        np.testing.assert_allclose(row[:15], expected, rtol=1e-8)


# The coefficients


def test_a_variance_joins_what_was_believed_and_what_was_measured() -> None:
    prior = ProductPrior(2.0, np.array([0.5, 0.1, 0.0]))
    found = Uncertainty(3.0, 60, [prior]).variances(
        Sets.of(3, [(), (0,), (0, 1), (2,)])
    )
    expected = [1 / (1 / p + 60 / 3.0) for p in (2.0, 1.0, 0.1)]
    np.testing.assert_allclose(found, [*expected, 0.0])


def test_priors_of_several_parts_are_added() -> None:
    priors = [
        ProductPrior(2.0, np.array([0.5, 0.1])),
        ProductPrior(0.5, np.array([0.1, 0.8])),
    ]
    found = Uncertainty(3.0, 60, priors).variances(Sets.of(2, [(0, 1), (1,)]))
    np.testing.assert_allclose(
        found, [1 / (1 / (0.1 + 0.04) + 20), 1 / (1 / (0.2 + 0.4) + 20)]
    )


def test_without_a_prior_a_variance_is_that_of_a_mean_over_masks() -> None:
    """The coefficient is then measured by the mean of value times character."""
    rng, masks = np.random.default_rng(0), uniform(12, 200, seed=0)
    character = (1.0 - 2.0 * masks[:, 3]) * (1.0 - 2.0 * masks[:, 8])
    measured = (0.7 * rng.normal(size=(5000, 200)) * character).mean(axis=1)
    found = Uncertainty(0.49, 200).variances(Sets.of(12, [(3, 8), (), (1,)]))
    np.testing.assert_allclose(found, measured.var(), rtol=0.06)


def test_without_noise_nothing_is_uncertain() -> None:
    sets = Sets.of(3, [(), (0, 2)])
    for priors in (
        [],
        [ProductPrior(1.0, np.full(3, 0.5))],
        [ProductPrior(0.0, np.zeros(3))],
    ):
        np.testing.assert_array_equal(Uncertainty(0.0, 8, priors).variances(sets), 0.0)


# The indices

UNBOUNDED = Uncertainty(0.8, 40)
BELIEVED = Uncertainty(
    0.8,
    40,
    [
        ProductPrior(0.3, np.array([0.9, 0.5, 0.3, 0.7, 0.2, 0.6])),
        ProductPrior(0.1, np.array([0.1, 0.8, 0.8, 0.1, 0.5, 0.9])),
    ],
)


def drawn_widths(
    variances: Array, spectrum: Spectrum, index: str, order: int
) -> list[float]:
    """1.645 standard deviations of an index of functions drawn at random, of each T of
    a spectrum.
    """
    drawn = (
        np.random.default_rng(0).normal(size=(64, 6000)) * np.sqrt(variances)[:, None]
    )
    indices = interaction_index(
        Spectrum(Sets.from_incidence(everything(6)), drawn), index, order
    )
    return [
        float(Z * np.std(indices[members]))
        for members in interaction_index(spectrum, index, order).sets
    ]


@pytest.mark.parametrize("order", [1, 2, 3])
@pytest.mark.parametrize("index", INDICES)
@pytest.mark.parametrize("lists", ["low orders", "nothing"])
def test_an_interval_is_as_wide_as_the_spread_of_functions_drawn(
    lists: str, index: str, order: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A listed set is thought at least as large as it was found; the others are as
    their prior says.
    """
    highest = {"low orders": 2, "nothing": 0}[lists]
    monkeypatch.setattr(module, "_LOW_ORDERS", {2: 20_000, 0: 0}[highest])
    spectrum = Spectrum.of(
        6, {(): 1.0, (0,): 0.5, (1, 4): 2.0, (0, 2, 3, 5): 1.0, (1, 2, 4): -1.0}
    )
    found = interaction_index(spectrum, index, order)
    sets = Sets.from_incidence(everything(6))
    known = {*spectrum.sets, *found.sets, *Sets.low_orders(6, 21 if highest else 0)}
    size = np.array([float(spectrum[members]) ** 2 for members in sets])
    expected = np.maximum(sum(prior.variances(sets) for prior in BELIEVED.priors), size)
    measured = 1.0 / (1.0 / expected + BELIEVED.masks / BELIEVED.noise)
    believed = sum(prior.variances(sets) for prior in BELIEVED.priors)
    variances = np.where([members in known for members in sets], measured, believed)
    widths = BELIEVED.half_widths(spectrum, index, found, order)
    np.testing.assert_allclose(
        widths, drawn_widths(variances, spectrum, index, order), rtol=0.05
    )


@pytest.mark.parametrize("index", INDICES)
def test_without_a_prior_only_the_sets_listed_are_uncertain(index: str) -> None:
    spectrum = Spectrum.of(6, {(): 1.0, (0,): 0.5, (1, 4): 2.0, (0, 2, 3): 1.0})
    found = interaction_index(spectrum, index, 2)
    known = {*spectrum.sets, *found.sets}
    sets = Sets.from_incidence(everything(6))
    variances = np.array([0.02 if members in known else 0.0 for members in sets])
    widths = UNBOUNDED.half_widths(spectrum, index, found, 2)
    np.testing.assert_allclose(
        widths, drawn_widths(variances, spectrum, index, 2), rtol=0.05
    )


def test_an_empty_index_has_no_widths() -> None:
    spectrum = Spectrum(Sets.of(6, []), np.zeros(0))
    found = interaction_index(spectrum, "bii", 2)
    assert BELIEVED.half_widths(spectrum, "bii", found, 2).shape == (0,)


# Explanations


def value(masks: Masks) -> Array:
    """Two singles, a pair, a triple, and noise that each mask has once and for all."""
    signs = 1.0 - 2.0 * masks
    noise = np.random.default_rng(0).normal(size=1 << 14)
    own = noise[masks[:, :14] @ (1 << np.arange(14))]
    parts = signs[:, 0] + 0.8 * signs[:, 1] - 0.9 * signs[:, 2] * signs[:, 3]
    return np.asarray(parts + 0.5 * signs[:, 4] * signs[:, 5] * signs[:, 6] + 0.6 * own)


def both(masks: Masks) -> Array:
    return np.stack([value(masks), 100.0 * masks[:, 7] + 10.0 * value(masks)], axis=1)


QUICK = ProxySpex(proxies=[Kernel()], workers=1, design="space-filling")


@pytest.fixture(scope="module")
def scalar() -> Explanation:
    return explain(Game(value, 14), 100, method=QUICK)


@pytest.fixture(scope="module")
def vector() -> Explanation:
    return explain(Game(both, 14, outputs=["first", "second"]), 100, method=QUICK)


def widths(interactions: list[Interaction]) -> dict[tuple[int, ...], float]:
    """Half the width of each interval, which must lie about its effect."""
    result = {}
    for i in interactions:
        assert i.interval is not None
        low, high = i.interval
        assert low <= i.effect <= high
        assert (low + high) / 2 == pytest.approx(
            i.effect, abs=1e-9 * max(1.0, abs(i.effect))
        )
        result[i.members] = (high - low) / 2
    return result


def test_an_exact_explanation_has_intervals_of_no_width() -> None:
    explanation = explain(
        Game(both, 14, outputs=["first", "second"]), 1 << 14, method=Exact()
    )
    for output in ("first", "second"):
        found = widths(explanation.interactions("moebius", 2, output=output))
        assert len(found) == 105
        assert set(found.values()) == {0.0}


@pytest.mark.parametrize("index", INDICES)
def test_every_interaction_has_an_interval_whatever_the_index(
    index: str, scalar: Explanation
) -> None:
    found = widths(scalar.interactions(index, 2))
    assert found
    assert min(found.values()) > 0.0
    assert np.isfinite(list(found.values())).all()


def test_a_banzhaf_interval_is_wider_by_two_for_each_member(
    scalar: Explanation,
) -> None:
    fourier, banzhaf = (
        widths(scalar.interactions(index, None)) for index in ("fourier", "bii")
    )
    assert fourier.keys() == banzhaf.keys()
    for members, width in banzhaf.items():
        assert width == pytest.approx(2 ** len(members) * fourier[members])


def test_higher_interactions_have_the_intervals_that_they_have_among_all(
    scalar: Explanation,
) -> None:
    among = widths(scalar.interactions("bii", None))
    higher = widths(scalar.higher(5)[0])
    assert len(higher) == 5
    for members, width in higher.items():
        assert len(members) > 2
        assert width == pytest.approx(among[members])


def test_intervals_are_in_the_table_and_survive_a_file(
    scalar: Explanation, tmp_path: Path
) -> None:
    scalar.save(tmp_path / "e.json")
    again = Explanation.load(tmp_path / "e.json")
    assert [i.interval for i in again.interactions("sii")] == [
        i.interval for i in scalar.interactions("sii")
    ]
    frame = again.to_frame("sii")
    assert list(zip(frame["low"], frame["high"], strict=True)) == [
        i.interval for i in scalar.interactions("sii")
    ]


def test_each_output_of_a_vector_has_intervals_of_its_own(
    scalar: Explanation, vector: Explanation, tmp_path: Path
) -> None:
    first, second = (
        widths(vector.interactions(output=name)) for name in ("first", "second")
    )
    alone = widths(scalar.interactions())
    for members in alone.keys() & first.keys():
        assert first[members] == pytest.approx(alone[members], rel=1e-6)
    assert second[(0,)] > 5 * first[(0,)]
    vector.save(tmp_path / "e.json")
    again = Explanation.load(tmp_path / "e.json")
    for name in ("first", "second"):
        assert [i.interval for i in again.interactions(output=name)] == [
            i.interval for i in vector.interactions(output=name)
        ]


def test_an_explanation_of_no_measured_uncertainty_has_no_intervals(
    scalar: Explanation,
) -> None:
    fields = {name: getattr(scalar, name) for name in scalar.__dataclass_fields__}
    bare = Explanation(**fields | {"uncertainty": None})
    assert {i.interval for i in bare.interactions()} == {None}
    assert np.isnan(bare.to_frame()["low"]).all()


def test_four_times_the_masks_halve_the_intervals_of_pure_noise() -> None:
    found = []
    for count in (200, 800):
        values = np.random.default_rng(0).normal(size=count)
        masks = uniform(30, count, seed=0)
        fit = ProxySpex(proxies=[Linear(1)], workers=1).fit(masks, values, seed=0)
        found.append(float(fit.uncertainty[0].variances(Sets.of(30, [(3,)]))[0]))
    assert found[0] / found[1] == pytest.approx(4.0, rel=0.25)


# Coverage


def covered(explanation: Explanation, truth: Spectrum, index: str) -> list[bool]:
    """Whether each interval holds the truth."""
    exact = interaction_index(truth, index, 2)
    result = []
    for i in explanation.interactions(index, 2):
        assert i.interval is not None
        result.append(bool(i.interval[0] <= exact[i.members] <= i.interval[1]))
    return result


@pytest.mark.parametrize("index", ["bii", "sii"])
def test_intervals_of_a_function_of_many_small_effects_hold_it_nine_times_in_ten(
    index: str,
) -> None:
    hits: list[bool] = []
    for seed in range(8):
        rng = np.random.default_rng(seed)
        sets = Sets.from_incidence(everything(10))
        rho = rng.uniform(0.05, 0.3, 10)
        truth = Spectrum(
            sets,
            rng.normal(size=1024) * np.sqrt(ProductPrior(1.0, rho).variances(sets)),
        )
        noise = 0.2 * np.sqrt(truth.energy.sum())
        table = truth.table() + noise * rng.normal(size=1024)
        game = Game(lambda masks, table=table: table[masks @ (1 << np.arange(10))], 10)
        hits += covered(explain(game, 120, method=QUICK, seed=seed), truth, index)
    assert len(hits) > 200
    assert 0.82 < np.mean(hits) < 0.98


def test_intervals_of_spex_hold_a_sparse_noisy_function_nine_times_in_ten() -> None:
    hits: list[bool] = []
    for seed in range(4):
        rng = np.random.default_rng(seed)
        coefficients = {(i,): float(rng.choice([-1.0, 1.0])) for i in range(12)}
        coefficients |= {(i, i + 20): float(rng.choice([-1.0, 1.0])) for i in range(12)}
        truth = Spectrum.of(40, {(): 1.0} | coefficients)
        plan = Spex().plan(40, 800, seed)
        fit = Spex().fit(
            plan.masks, truth.predict(plan.masks) + rng.normal(size=800), seed
        )
        widths = fit.uncertainty[0].half_widths(
            fit.spectrum, "fourier", fit.spectrum, 2
        )
        for (members, coefficient), width in zip(fit.spectrum, widths, strict=True):
            if members in coefficients:
                hits.append(bool(abs(coefficient - truth[members]) <= width))
    assert len(hits) > 90
    assert 0.82 < np.mean(hits) < 0.98
