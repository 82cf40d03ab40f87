"""A Gaussian process conditioned on values: exactly, or through inducing masks where
they are many.
"""

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


def condition(
    prior: Prior, signs: Array, latent: Array
) -> tuple[Posterior, Array, Array]:
    """The posterior mean given latent values.

    Args:
        prior: its hyper-parameters.
        signs: (m, n) float64 of ±1.
        latent: (m,) float64.

    Returns:
        The posterior; its mean at the masks (m,); and value less prediction of each
            mask when it is
        left out (m,): α_b / [C⁻¹]_bb (Rasmussen & Williams, 2006, eq. 5.12).
    """
    gains = prior.gains(signs)
    values = latent / gains
    if len(signs) > EXACT:
        weights, fitted, residuals = _induced(prior, signs, values)
        posterior = Posterior(prior, signs[:_INDUCING], weights)
    else:
        inverse, _ = inverted(prior.gram(signs, signs), prior.noise)
        if inverse is None:
            raise InvalidInput(
                "the kernel of these masks cannot be inverted; are there masks that"
                " stand twice?"
            )
        weights = inverse @ values
        fitted = values - prior.noise * weights
        residuals = weights / np.diagonal(inverse)
        posterior = Posterior(prior, signs, weights)
    return posterior, gains * fitted, gains * residuals


def ease(prior: Prior, signs: Array, seed: int) -> float:
    """The variance expected of a prediction at uniform masks, over that at masks left
    out; at most 1.

    Masks that fill the space are far from each other, so that what they left out is
    harder to predict than a uniform mask is.

    Args:
        prior: its hyper-parameters.
        signs: (m, n) float64 of ±1.
        seed: decides the uniform masks.
    """
    inverse, _ = inverted(prior.gram(signs, signs), prior.noise)
    assert inverse is not None
    rng = np.random.default_rng([seed, signs.shape[1]])
    fresh = rng.choice([-1.0, 1.0], (_FRESH, signs.shape[1]))
    cross = prior.gram(fresh, signs)
    own = float(prior.gram(signs[:1], signs[:1])[0, 0]) + prior.noise
    expected = prior.gains(fresh) ** 2 * (
        own - np.einsum("ij,ij->i", cross @ inverse, cross)
    )
    left_out = prior.gains(signs) ** 2 / np.diagonal(inverse)
    return min(float(expected.mean() / left_out.mean()), 1.0)


def _induced(prior: Prior, signs: Array, values: Array) -> tuple[Array, Array, Array]:
    """Regression on the kernel's values at the first masks (Nyström; Rasmussen &
    Williams, 2006, eq. 8.14).

    Returns:
        Weights of the first masks, the fit and the leave-one-out residuals, before the
            tilt.
    """
    from scipy.linalg import cho_solve, cholesky, solve_triangular

    centres = signs[:_INDUCING]
    own = prior.gram(centres, centres)
    own.flat[:: len(own) + 1] += 1e-6 * own[0, 0]
    lower = cholesky(own, lower=True)
    gram = np.zeros_like(own)
    product = np.zeros(len(own))

    def features(rows: slice) -> Array:
        block = prior.gram(centres, signs[rows])
        return np.asarray(
            solve_triangular(lower, block, lower=True, overwrite_b=True).T
        )

    blocks = list(mask_algebra.blocks(len(signs), 8 * len(centres)))
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
        leverage = (solve_triangular(factor, block.T, lower=True) ** 2).sum(axis=0)
        residuals[rows] = (values[rows] - fitted[rows]) / np.maximum(
            1.0 - leverage, 1e-6
        )
    return solve_triangular(lower, coefficients, lower=True, trans=1), fitted, residuals
