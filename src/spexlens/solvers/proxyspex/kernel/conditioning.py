"""A Gaussian process conditioned on values: exactly, or through inducing masks."""

import numpy as np
from numpy.typing import NDArray

from spexlens.errors import InvalidInput
from spexlens.masks import masks as mask_algebra
from spexlens.solvers.proxyspex.kernel.marginal import inverted
from spexlens.solvers.proxyspex.kernel.posterior import Posterior
from spexlens.solvers.proxyspex.kernel.prior import Prior

Array = NDArray[np.float64]

EXACT = 4000
"""The most masks that a kernel matrix is inverted for."""

_INDUCING = 2000
_FRESH = 200
_JITTER = 1e-6  # of a kernel's variance: inducing masks may nearly depend on each other
_ALONE = 1e-6  # of a leverage, below one: from there a value is fitted by itself alone


def condition(
    prior: Prior, signs: Array, latent: Array
) -> tuple[Posterior, Array, Array]:
    """The posterior mean given latent values.

    Beyond `EXACT` masks the mean hangs on the first ones only, which every mask informs.

    Args:
        prior: its hyper-parameters.
        signs: (m, n) float64 of ±1.
        latent: (m,) float64.

    Returns:
        The posterior; its mean at the masks (m,); and value less prediction of each
        mask when it is left out (m,).

    Raises:
        InvalidInput: a mask stands twice, so that the kernel has no inverse.
    """
    gains = prior.gains(signs)
    values = latent / gains

    if len(signs) > EXACT:
        weights, fitted, residuals = _induced(prior, signs, values)
        posterior = Posterior(prior, signs[:_INDUCING], weights)
    else:
        weights, fitted, residuals = _exact(prior, signs, values)
        posterior = Posterior(prior, signs, weights)

    return posterior, gains * fitted, gains * residuals


def ease(prior: Prior, signs: Array, seed: int) -> float:
    """The variance of a prediction at uniform masks, over that at masks left out.

    It is expected, not measured, and at most 1. Masks that fill the space are far from
    each other, so that what they left out is harder to predict than a uniform mask is.

    Args:
        prior: its hyper-parameters.
        signs: (m, n) float64 of ±1.
        seed: decides the uniform masks.
    """
    inverse, _ = inverted(prior.gram(signs, signs), prior.noise)
    assert inverse is not None

    n = signs.shape[1]
    rng = np.random.default_rng([seed, n])
    fresh = rng.choice([-1.0, 1.0], (_FRESH, n))
    expected = _variances(prior, signs, inverse, fresh)

    # 1 / [C⁻¹]_bb is the variance of a mask left out (Rasmussen & Williams, eq. 5.12)
    left_out = prior.gains(signs) ** 2 / np.diagonal(inverse)
    ratio = float(expected.mean() / left_out.mean())
    return min(ratio, 1.0)


def _variances(prior: Prior, signs: Array, inverse: Array, fresh: Array) -> Array:
    """(p,) what the masks leave unknown of fresh ones, (p, n) of ±1; C⁻¹ is given."""
    # the kernel without its tilt has one variance for all masks
    any_mask = signs[:1]
    variance = float(prior.gram(any_mask, any_mask)[0, 0]) + prior.noise

    # k^T C⁻¹ k is what the masks explain
    cross = prior.gram(fresh, signs)
    explained = np.einsum("ij,ij->i", cross @ inverse, cross)
    return np.asarray(prior.gains(fresh) ** 2 * (variance - explained))


def _exact(prior: Prior, signs: Array, values: Array) -> tuple[Array, Array, Array]:
    """Weights of all masks, the fit and the leave-one-out residuals, before the tilt.

    A residual is α_b / [C⁻¹]_bb (Rasmussen & Williams, 2006, eq. 5.12).
    """
    inverse, _ = inverted(prior.gram(signs, signs), prior.noise)
    if inverse is None:
        raise InvalidInput(
            "the kernel of these masks cannot be inverted; are there masks that"
            " stand twice?"
        )

    weights = inverse @ values

    # K α = y - σ² α
    fitted = values - prior.noise * weights
    return weights, fitted, weights / np.diagonal(inverse)


def _induced(prior: Prior, signs: Array, values: Array) -> tuple[Array, Array, Array]:
    """As `_exact`, of the first masks only: regression on the kernel's values there.

    Nyström; Rasmussen & Williams, 2006, eq. 8.14.
    """
    from scipy.linalg import cho_solve, cholesky, solve_triangular

    centres = signs[:_INDUCING]
    covariance = prior.gram(centres, centres)

    jitter = _JITTER * covariance[0, 0]
    covariance.flat[:: len(centres) + 1] += jitter
    lower = cholesky(covariance, lower=True)

    def features(rows: slice) -> Array:
        block = prior.gram(centres, signs[rows])
        solved = solve_triangular(lower, block, lower=True, overwrite_b=True)
        return np.asarray(solved.T)

    # features are made twice rather than held: (m, 2000) would be the largest matrix
    blocks = list(mask_algebra.blocks(len(signs), 8 * len(centres)))
    gram = np.zeros_like(covariance)
    product = np.zeros(len(centres))
    for rows in blocks:
        block = features(rows)
        gram += block.T @ block
        product += block.T @ values[rows]

    gram.flat[:: len(gram) + 1] += prior.noise
    factor = cholesky(gram, lower=True)
    coefficients = cho_solve((factor, True), product)

    fitted = np.empty(len(signs))
    residuals = np.empty(len(signs))
    for rows in blocks:
        block = features(rows)

        fitted[rows] = block @ coefficients
        whitened = solve_triangular(factor, block.T, lower=True)

        # left out, a mask's residual is that of the fit over 1 - x^T G⁻¹ x
        leverage = (whitened**2).sum(axis=0)
        free = np.maximum(1.0 - leverage, _ALONE)

        residuals[rows] = (values[rows] - fitted[rows]) / free

    # f = k^T L⁻ᵀ c: as weights of the inducing masks, which a posterior takes
    weights = solve_triangular(lower, coefficients, lower=True, trans=1)
    return weights, fitted, residuals
