"""The kernel: its prior, posterior and evidence are what they are defined to be, and
its fit is honest.
"""

from concurrent.futures import ThreadPoolExecutor
from itertools import product

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from scipy.stats import multivariate_normal, norm
from threadpoolctl import threadpool_limits

from spexlens.masks.designs import everything, uniform
from spexlens.masks.masks import from_index
from spexlens.solvers.proxyspex.kernel import conditioning as conditioned
from spexlens.solvers.proxyspex.kernel import kernel
from spexlens.solvers.proxyspex.kernel.conditioning import condition
from spexlens.solvers.proxyspex.kernel.kernel import FittedKernel, Kernel
from spexlens.solvers.proxyspex.kernel.marginal import Marginal, inverted
from spexlens.solvers.proxyspex.kernel.posterior import Posterior
from spexlens.solvers.proxyspex.kernel.prior import Prior, signs_of
from spexlens.solvers.proxyspex.kernel.warp import WARPS
from spexlens.solvers.proxyspex.solver import ProxySpex
from spexlens.spectrum.sets import Sets
from spexlens.spectrum.uncertainty import ProductPrior

Array = NDArray[np.float64]
Masks = NDArray[np.bool_]


def drawn_prior(n: int, seed: int, tilt: float = 0.2, noise: float = 0.1) -> Prior:
    rng = np.random.default_rng(seed)
    return Prior(
        float(rng.normal()), rng.uniform(0.02, 0.9, n), tilt * rng.normal(size=n), noise
    )


def drawn_signs(n: int, count: int, seed: int) -> Array:
    return signs_of(uniform(n, count, seed))


def product_kernel(prior: Prior, signs: Array, others: Array, *, tilted: bool) -> Array:
    """k(s, t) as the formula says, one pair at a time."""
    result = np.empty((len(signs), len(others)))
    for (a, s), (b, t) in product(enumerate(signs), enumerate(others)):
        result[a, b] = np.exp(prior.log_scale) * np.prod(1.0 + prior.rho * s * t)
        if tilted:
            result[a, b] *= gain(prior, s) * gain(prior, t)
    return result


def gain(prior: Prior, s: Array) -> float:
    return float(
        np.prod(
            [
                np.exp(g * x) / np.sqrt(np.cosh(2 * g))
                for g, x in zip(prior.tilt, s, strict=True)
            ]
        )
    )


def characters(n: int) -> Array:
    """χ_S(m) for all sets (rows) and masks (columns), both by index."""
    inside = everything(n).astype(int)
    return np.asarray((-1.0) ** (inside @ inside.T))


def explained(values: Array, predictions: Array) -> float:
    """The share of the variance that is explained."""
    return float(1.0 - np.mean((values - predictions) ** 2) / np.var(values))


# The prior


@pytest.mark.parametrize("n", [1, 2, 7, 40])
def test_the_gram_matrix_is_the_product_over_candidates(n: int) -> None:
    prior = drawn_prior(n, seed=n)
    rng = np.random.default_rng(n)
    signs, others = (rng.choice([-1.0, 1.0], (count, n)) for count in (6, 4))
    np.testing.assert_allclose(
        prior.gram(signs, others),
        product_kernel(prior, signs, others, tilted=False),
        rtol=1e-10,
    )
    np.testing.assert_allclose(
        prior.gains(signs), [gain(prior, s) for s in signs], rtol=1e-12
    )


def test_a_mask_is_minus_one_where_it_keeps() -> None:
    np.testing.assert_array_equal(
        signs_of(np.array([[True, False, True]])), [[-1.0, 1.0, -1.0]]
    )


@pytest.mark.parametrize("tilt", [0.0, 0.4])
def test_the_variances_of_coefficients_are_those_of_the_transformed_kernel(
    tilt: float,
) -> None:
    prior = drawn_prior(4, seed=1, tilt=tilt)
    signs, walsh = signs_of(everything(4)), characters(4)
    covariance = (
        walsh @ product_kernel(prior, signs, signs, tilted=True) @ walsh / 16**2
    )
    found = ProductPrior(*prior.untilted()).variances(
        Sets.from_incidence(everything(4))
    )
    np.testing.assert_allclose(found, np.diagonal(covariance), rtol=1e-10)
    if tilt == 0.0:
        np.testing.assert_allclose(
            covariance, np.diag(np.diagonal(covariance)), atol=1e-12
        )


# The posterior


@pytest.mark.parametrize("n", [1, 2, 5, 8, 9])
def test_the_table_is_the_prediction_of_every_mask(n: int) -> None:
    prior, rng = drawn_prior(n, seed=n), np.random.default_rng(n)
    centres = rng.choice([-1.0, 1.0], (12, n))
    posterior = Posterior(prior, centres, rng.normal(size=12))
    signs = signs_of(everything(n))
    gains = np.array([gain(prior, s) for s in signs])
    expected = gains * (
        product_kernel(prior, signs, centres, tilted=False) @ posterior.weights
    )
    np.testing.assert_allclose(
        posterior.predict(signs), expected, rtol=1e-9, atol=1e-12
    )
    np.testing.assert_allclose(posterior.table(), expected, rtol=1e-9, atol=1e-12)


def test_predictions_in_blocks_are_those_of_one_mask_at_a_time() -> None:
    prior, rng = drawn_prior(6, seed=0), np.random.default_rng(0)
    posterior = Posterior(
        prior, rng.choice([-1.0, 1.0], (50_000, 6)), rng.normal(size=50_000)
    )
    signs = signs_of(everything(6))  # more than a block of 16 MiB
    alone = np.concatenate([posterior.predict(signs[j : j + 1]) for j in range(64)])
    np.testing.assert_allclose(
        posterior.predict(signs), alone, rtol=1e-8, atol=1e-8 * np.abs(alone).max()
    )


@pytest.mark.parametrize(("seed", "tilt"), [(0, 0.0), (1, 0.2), (2, 0.5)])
def test_the_search_finds_the_largest_sets_of_a_fitted_posterior(
    seed: int, tilt: float
) -> None:
    rng = np.random.default_rng(seed)
    prior = Prior(
        -1.5, rng.uniform(0.05, 0.5, 10), tilt * rng.normal(size=10) / np.sqrt(10), 0.05
    )
    signs = drawn_signs(10, 150, seed)
    values = (
        signs[:, 0]
        + signs[:, 1] * signs[:, 2]
        - signs[:, 0] * signs[:, 3] * signs[:, 4]
    )
    posterior, _, _ = condition(prior, signs, values + 0.1 * rng.normal(size=150))
    coefficients = np.abs(characters(10) @ posterior.table()) / 1024
    coefficients[0] = -1.0  # the empty set is no interaction
    best = np.argsort(-coefficients)[:60]
    names = list(Sets.from_incidence(from_index(best, 10)))
    found = list(posterior.large_sets(60))
    assert len(found) == len(set(found)) == 60
    assert found[:20] == names[:20]
    assert len(set(found) & set(names)) >= 57


def test_no_more_sets_are_found_than_there_are() -> None:
    posterior = Posterior(
        drawn_prior(3, seed=0), drawn_signs(3, 8, 0), np.arange(1.0, 9.0)
    )
    assert sorted(posterior.large_sets(100)) == sorted(
        list(Sets.from_incidence(everything(3)))[1:]
    )


# Conditioning


@pytest.fixture(scope="module")
def prior() -> Prior:
    return drawn_prior(6, seed=3)


@pytest.fixture(scope="module")
def signs() -> Array:
    return drawn_signs(6, 40, seed=4)


@pytest.fixture(scope="module")
def latent() -> Array:
    return np.random.default_rng(5).normal(size=40)


def test_the_posterior_mean_is_that_of_a_gaussian(
    prior: Prior, signs: Array, latent: Array
) -> None:
    everywhere = signs_of(everything(6))
    gains = np.array([gain(prior, s) for s in signs])
    covariance = product_kernel(
        prior, signs, signs, tilted=True
    ) + prior.noise * np.diag(gains**2)
    across = product_kernel(prior, everywhere, signs, tilted=True)
    posterior, _, _ = condition(prior, signs, latent)
    np.testing.assert_allclose(
        posterior.predict(everywhere), across @ np.linalg.solve(covariance, latent)
    )


def test_what_is_fitted_is_what_is_predicted_at_the_masks(
    prior: Prior, signs: Array, latent: Array
) -> None:
    posterior, fitted, _ = condition(prior, signs, latent)
    np.testing.assert_allclose(fitted, posterior.predict(signs), atol=1e-9)


def really_left_out(prior: Prior, signs: Array, latent: Array, row: int) -> float:
    """Value less prediction, from a fit to all other masks."""
    rest = np.arange(len(signs)) != row
    posterior, _, _ = condition(prior, signs[rest], latent[rest])
    return float(latent[row] - posterior.predict(signs[row : row + 1])[0])


def test_leave_one_out_residuals_are_those_of_really_leaving_a_mask_out(
    prior: Prior, signs: Array, latent: Array
) -> None:
    _, _, residuals = condition(prior, signs, latent)
    expected = [really_left_out(prior, signs, latent, row) for row in range(len(signs))]
    np.testing.assert_allclose(residuals, expected, atol=1e-8)


def test_inducing_masks_are_exact_where_they_are_all_masks(
    prior: Prior, signs: Array, latent: Array, monkeypatch: pytest.MonkeyPatch
) -> None:
    exact = condition(prior, signs, latent)
    monkeypatch.setattr(conditioned, "EXACT", 10)
    induced = condition(prior, signs, latent)
    assert not np.array_equal(exact[0].weights, induced[0].weights)  # it is another way
    everywhere = signs_of(everything(6))
    np.testing.assert_allclose(
        induced[0].predict(everywhere), exact[0].predict(everywhere), atol=1e-3
    )
    np.testing.assert_allclose(induced[1], exact[1], atol=1e-3)
    np.testing.assert_allclose(induced[2], exact[2], atol=1e-3)


def test_few_inducing_masks_leave_a_mask_out_as_if_it_had_not_been_there(
    prior: Prior, signs: Array, latent: Array, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(conditioned, "EXACT", 10)
    monkeypatch.setattr(conditioned, "_INDUCING", 15)
    posterior, fitted, residuals = condition(prior, signs, latent)
    assert len(posterior.centres) == 15
    np.testing.assert_allclose(fitted, posterior.predict(signs), atol=1e-7)
    expected = [really_left_out(prior, signs, latent, row) for row in range(15, 40)]
    np.testing.assert_allclose(residuals[15:], expected, atol=1e-6)


def test_inducing_masks_in_small_blocks_are_those_in_one(
    prior: Prior, signs: Array, latent: Array, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(conditioned, "EXACT", 10)
    monkeypatch.setattr(conditioned, "_INDUCING", 15)
    whole = condition(prior, signs, latent)
    monkeypatch.setattr("spexlens.masks.masks._BLOCK_BYTES", 8 * 15 * 7)
    for one, other in zip(whole[1:], condition(prior, signs, latent)[1:], strict=True):
        np.testing.assert_allclose(other, one, atol=1e-9)


# The evidence


def drawn_theta(marginal: Marginal, seed: int) -> Array:
    rng = np.random.default_rng(seed)
    return np.asarray(
        marginal.mean + 0.7 * marginal.spread * rng.normal(size=len(marginal.mean))
    )


@pytest.mark.parametrize("seed", range(4))
def test_the_gradient_is_that_of_finite_differences(seed: int) -> None:
    rng = np.random.default_rng(seed)
    marginal = Marginal(drawn_signs(5, 30, seed), rng.normal(size=30))
    theta = drawn_theta(marginal, seed)
    _, gradient = marginal.value(theta)
    steps = 1e-5 * np.eye(len(theta))
    numeric = [
        (marginal.value(theta + h)[0] - marginal.value(theta - h)[0]) / 2e-5
        for h in steps
    ]
    np.testing.assert_allclose(gradient, numeric, rtol=1e-5, atol=1e-5)


def test_the_value_is_a_normal_likelihood_and_normal_beliefs_up_to_a_constant() -> None:
    signs = drawn_signs(5, 12, 0)
    latent = np.random.default_rng(0).normal(size=12)
    marginal = Marginal(signs, latent)
    differences = []
    for seed in range(5):
        theta = drawn_theta(marginal, seed)
        z, (count, size, noise, tilt), single = theta[:5], theta[5:9], theta[9:]
        prior = marginal.prior(theta)
        gains = np.array([gain(prior, s) for s in signs])
        covariance = product_kernel(
            prior, signs, signs, tilted=True
        ) + prior.noise * np.diag(gains**2)
        density = multivariate_normal(np.zeros(12), covariance).logpdf(latent)
        density += norm(0, 0.65).logpdf(z).sum() + norm(0, 0.1).logpdf(single).sum()
        density += norm(np.log(1.5), 0.7).logpdf(count) + norm(0, 1).logpdf(size)
        density += norm(-2, 1.5).logpdf(noise) + norm(0, 0.5).logpdf(tilt)
        differences.append(marginal.value(theta)[0] + density)
    assert np.std(differences) < 1e-8
    assert (
        np.std([marginal.value(drawn_theta(marginal, seed))[0] for seed in range(5)])
        > 1.0
    )


def test_a_point_stands_for_the_variance_noise_and_sizes_it_names() -> None:
    marginal = Marginal(drawn_signs(5, 12, 0), np.zeros(12))
    theta = np.concatenate(
        [[0.1, -0.2, 0.0, 0.3, -0.1], [np.log(0.5), 0.7, -1.0, 0.2], np.full(5, 0.05)]
    )
    prior = marginal.prior(theta)
    np.testing.assert_allclose(prior.rho, 0.1 * np.exp(theta[:5]), rtol=1e-3)
    np.testing.assert_allclose(prior.tilt, 0.25 / np.sqrt(5))
    assert prior.noise == pytest.approx(np.exp(-1.0), rel=1e-5)
    all_sets = everything(5)[1:]
    variances = np.exp(prior.log_scale) * np.where(all_sets, prior.rho, 1.0).prod(
        axis=1
    )
    assert variances.sum() == pytest.approx(np.exp(0.7))


def test_a_candidate_however_strong_stays_below_one() -> None:
    marginal = Marginal(drawn_signs(3, 8, 0), np.zeros(8))
    theta = np.concatenate([[60.0, 2.0, -5.0], marginal.mean[3:]])
    rho = marginal.prior(theta).rho
    assert (np.diff(rho) < 0).all()
    assert rho[0] == pytest.approx(0.97)
    assert rho[2] == pytest.approx(0.5 * np.exp(-5), rel=1e-6)


def test_many_steps_end_where_no_direction_leads_up() -> None:
    signs = drawn_signs(5, 30, 1)
    marginal = Marginal(signs, signs[:, 0] + 0.5 * signs[:, 1] * signs[:, 2])
    few, many = (marginal.value(marginal.maximise(steps)) for steps in (5, 500))
    assert many[0] < few[0] < marginal.value(marginal.mean)[0]
    assert np.abs(many[1] * marginal.step).max() < 0.02


def test_an_inverse_and_a_determinant_are_those_of_numpy() -> None:
    half = np.random.default_rng(0).normal(size=(7, 7))
    square = half @ half.T
    inverse, log_determinant = inverted(square, 0.3)
    assert inverse is not None
    np.testing.assert_allclose(
        inverse, np.linalg.inv(square + 0.3 * np.eye(7)), rtol=1e-8
    )
    assert log_determinant == pytest.approx(
        np.linalg.slogdet(square + 0.3 * np.eye(7))[1]
    )
    assert inverted(square, -100.0)[0] is None


# Warps

skewed = st.integers(0, 2**32 - 1).map(
    lambda seed: np.random.default_rng(seed).exponential(size=60) ** 2
)


@pytest.mark.parametrize("name", WARPS)
@given(
    values=skewed,
    scale=st.sampled_from([1e-6, 1.0, 1e6]),
    shift=st.sampled_from([0.0, -2.0, 1e3]),
)
@settings(deadline=None, max_examples=15)
def test_a_warp_there_and_back_is_where_it_began(
    name: str, values: Array, scale: float, shift: float
) -> None:
    values = values * scale + shift * scale
    warp = WARPS[name](values)
    latent = warp.forward(values)
    np.testing.assert_allclose(
        warp.backward(latent), values, atol=1e-9 * np.abs(values).max()
    )
    assert latent.mean() == pytest.approx(0.0, abs=1e-6)
    assert latent.std() == pytest.approx(1.0, abs=1e-6)


@pytest.mark.parametrize("name", WARPS)
def test_a_warp_rises_and_so_does_its_inverse(name: str) -> None:
    values = np.random.default_rng(0).exponential(size=50)
    warp = WARPS[name](values)
    assert (np.diff(warp.forward(np.sort(values))) > 0).all()
    for spread in (0.0, 0.5):
        grid = np.linspace(-8, 8, 1000)
        assert (np.diff(warp.averaged(spread)(grid)) >= -1e-12).all()
        assert np.diff(warp.averaged(spread)(grid)).max() > 0


@pytest.mark.parametrize("name", WARPS)
def test_equal_values_share_a_latent_value(name: str) -> None:
    values = np.random.default_rng(0).integers(0, 4, 40).astype(float)
    warp = WARPS[name](values)
    latent = warp.forward(values)
    assert len(np.unique(latent)) == 4
    assert (np.diff([latent[values == v][0] for v in range(4)]) > 0).all()
    assert latent.mean() == pytest.approx(0.0, abs=1e-9)
    assert latent.std() == pytest.approx(1.0, abs=1e-9)
    np.testing.assert_allclose(warp.backward(latent), values, atol=1e-9)


def test_normal_scores_are_the_quantiles_of_the_ranks() -> None:
    values = np.array([5.0, -1.0, 100.0, 7.0])
    scores = norm.ppf([0.375, 0.125, 0.875, 0.625])
    np.testing.assert_allclose(
        WARPS["rank"](values).forward(values), scores / scores.std()
    )


@pytest.mark.parametrize("name", WARPS)
@pytest.mark.parametrize("ones", [1, 10, 19])
def test_two_distinct_values_are_two_latent_values(name: str, ones: int) -> None:
    values = np.where(np.arange(20) < ones, 3.0, -1.0)
    warp = WARPS[name](values)
    latent = warp.forward(values)
    z_scores = (values - values.mean()) / values.std()
    # no monotone map has another choice
    np.testing.assert_allclose(latent, z_scores, rtol=1e-9)
    np.testing.assert_allclose(warp.backward(latent), values, atol=1e-9)


@pytest.mark.parametrize("name", ["mix", "rank", "logit"])
def test_values_far_outside_are_clamped(name: str) -> None:
    values = np.random.default_rng(0).normal(size=50)
    warp = WARPS[name](values)
    low, high = warp.forward(np.array([-1e9, 1e9]))
    inside = warp.forward(values)
    assert inside.min() - 1.0 < low <= inside.min()
    assert inside.max() <= high < inside.max() + 1.0
    extremes = warp.averaged(0.3)(np.array([-1e9, 1e9]))
    slack = 0.01 * np.ptp(values)
    np.testing.assert_allclose(extremes, [values.min(), values.max()], atol=slack)


@pytest.mark.parametrize("name", WARPS)
@pytest.mark.parametrize("spread", [0.1, 0.6])
def test_an_averaged_warp_is_the_mean_over_normal_latent_values(
    name: str, spread: float
) -> None:
    values = np.random.default_rng(0).exponential(size=80)
    warp = WARPS[name](values)
    latent = np.linspace(-2.5, 2.5, 11)
    drawn = np.random.default_rng(1).normal(size=40_000)
    drawn = np.concatenate([drawn, -drawn])
    expected = [warp.backward(h + spread * drawn).mean() for h in latent]
    error = np.abs(warp.averaged(spread)(latent) - expected).max()
    assert error < 0.07 * spread / 0.6 * values.std()
    assert name == "id" or error < 0.5 * np.abs(warp.backward(latent) - expected).max()


# The fit


def planted(masks: Masks) -> Array:
    """Saturating, with a pair and a triple."""
    a, b, c, d, e, f = (1.0 - 2.0 * masks[:, :6]).T
    return np.asarray(
        np.tanh(0.8 * (a + 0.7 * b * c - 0.5 * d + 0.6 * e + 0.4 * a * e * f))
    )


@pytest.fixture(scope="module")
def masks() -> Masks:
    return ProxySpex(design="space-filling").plan(12, 150, seed=0).masks


@pytest.fixture(scope="module")
def noisy(masks: Masks) -> Array:
    return planted(masks) + 0.1 * np.random.default_rng(0).normal(size=len(masks))


@pytest.fixture(scope="module")
def fit(masks: Masks, noisy: Array) -> FittedKernel:
    return Kernel().fit(masks, noisy, seed=0)


def test_it_predicts_masks_it_never_saw_as_well_as_it_says(
    masks: Masks, noisy: Array, fit: FittedKernel
) -> None:
    fresh = uniform(12, 2000, seed=9)
    real = planted(fresh) + 0.1 * np.random.default_rng(1).normal(size=2000)
    assert explained(real, fit.predict(fresh)) > 0.85
    assert explained(noisy, fit.left_out) == pytest.approx(
        explained(real, fit.predict(fresh)), abs=0.05
    )
    assert 0.5 < fit.noise / np.mean((real - fit.predict(fresh)) ** 2) < 2.0


def test_on_noise_what_it_left_out_is_not_predicted() -> None:
    masks, rng = uniform(12, 100, seed=0), np.random.default_rng(0)
    scores = [
        explained(values, Kernel().fit(masks, values, 0).left_out)
        for values in rng.normal(size=(3, 100))
    ]
    assert max(scores) < 0.1


@pytest.mark.parametrize("row", [0, 40, 149])
def test_what_is_predicted_for_a_mask_left_out_hardly_depends_on_its_value(
    masks: Masks, noisy: Array, fit: FittedKernel, row: int
) -> None:
    changed = noisy.copy()
    changed[row] += 1e4
    other = Kernel().fit(masks, changed, seed=0)
    assert abs(other.left_out[row] - fit.left_out[row]) < 0.25 * noisy.std()
    own = (other.predict(masks[row : row + 1]) - fit.predict(masks[row : row + 1]))[0]
    assert own > 100 * noisy.std()  # whereas the fit that saw it follows it


def test_the_table_of_a_fit_is_its_predictions(fit: FittedKernel) -> None:
    np.testing.assert_allclose(fit.table(), fit.predict(everything(12)), atol=1e-9)


def test_the_warps_share_one_weight_and_are_reported(fit: FittedKernel) -> None:
    warps = fit.report()["warps"]
    assert set(warps) == set(WARPS)
    assert sum(each["weight"] for each in warps.values()) == pytest.approx(1.0)
    assert all(0.5 < each["r2"] < 1.0 for each in warps.values())


def same_bits(one: FittedKernel, other: FittedKernel, masks: Masks) -> bool:
    return (
        one.left_out.tobytes() == other.left_out.tobytes()
        and one.predict(masks).tobytes() == other.predict(masks).tobytes()
        and one.noise == other.noise
        and one.warps == other.warps
    )


def test_three_workers_give_the_same_bits_as_one(masks: Masks, noisy: Array) -> None:
    with threadpool_limits(1):
        alone = Kernel().fit(masks, noisy, seed=0)
        with ThreadPoolExecutor(3) as pool:
            together = Kernel().fit(masks, noisy, seed=0, run=pool.map)
        assert same_bits(together, alone, masks)
        # other folds
        assert not same_bits(Kernel().fit(masks, noisy, seed=1), alone, masks)


def test_the_threads_of_the_linear_algebra_library_change_no_bit(
    masks: Masks, noisy: Array
) -> None:
    fits = []
    for threads in (1, 2):
        with threadpool_limits(threads):
            solver = ProxySpex(proxies=[Kernel()], workers=2)
            plan = solver.plan(40, 300, seed=0).packed.tobytes()
            found = solver.fit(masks, noisy, seed=0)
        fits.append(
            (
                plan,
                found.spectrum.values.tobytes(),
                found.faithfulness,
                found.details,
                found.uncertainty[0].noise,
            )
        )
    assert fits[0] == fits[1]


@pytest.mark.parametrize(
    ("scale", "shift"), [(1e-6, 0.0), (1e6, 0.0), (1.0, 1e3), (-2.0, 0.0)]
)
def test_a_fit_moves_with_the_unit_of_the_values(
    masks: Masks, noisy: Array, fit: FittedKernel, scale: float, shift: float
) -> None:
    moved = Kernel().fit(masks, scale * noisy + shift, seed=0)
    fresh = uniform(12, 300, seed=9)
    small = 1e-3 * noisy.std()
    np.testing.assert_allclose(
        (moved.predict(fresh) - shift) / scale, fit.predict(fresh), atol=small
    )
    np.testing.assert_allclose(
        (moved.left_out - shift) / scale, fit.left_out, atol=small
    )
    assert moved.noise / scale**2 == pytest.approx(fit.noise, rel=1e-3)
    sets = Sets.low_orders(12, 100)
    before, after = (
        sum(prior.variances(sets) for prior in each.priors) for each in (fit, moved)
    )
    np.testing.assert_allclose(np.asarray(after) / scale**2, before, rtol=1e-2)


def test_binary_values_are_predicted() -> None:
    masks, fresh = uniform(12, 150, seed=0), uniform(12, 1000, seed=1)
    fit = Kernel().fit(masks, 1.0 * (masks[:, 0] & masks[:, 1]), seed=0)
    predicted = fit.predict(fresh)
    assert explained(1.0 * (fresh[:, 0] & fresh[:, 1]), predicted) > 0.98
    assert predicted.min() > -0.3
    assert predicted.max() < 1.3


def test_nearly_constant_values_are_predicted(masks: Masks) -> None:
    fresh = uniform(12, 500, seed=1)
    fit = Kernel().fit(masks, 1.0 + 1e-9 * planted(masks), seed=0)
    assert explained(1e-9 * planted(fresh), fit.predict(fresh) - 1.0) > 0.85


def test_very_many_masks_leave_one_warp_and_still_predict(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(conditioned, "EXACT", 200)
    monkeypatch.setattr(conditioned, "_INDUCING", 150)
    monkeypatch.setattr(kernel, "EXACT", 200)
    monkeypatch.setattr(kernel, "_TUNED", 100)
    masks, fresh = uniform(12, 260, seed=0), uniform(12, 1000, seed=1)
    fit = Kernel().fit(masks, planted(masks), seed=0)
    assert len(fit.members) == len(fit.weights) == 1
    real = explained(planted(fresh), fit.predict(fresh))
    assert real > 0.8
    assert explained(planted(masks), fit.left_out) == pytest.approx(real, abs=0.1)
    np.testing.assert_allclose(fit.table(), fit.predict(everything(12)), atol=1e-9)
