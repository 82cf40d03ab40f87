"""The kernel's hyper-parameters: the maximum of their posterior, by L-BFGS."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from spexlens.solvers.proxyspex.kernel.prior import Prior, log_cosh

Array = NDArray[np.float64]

_CAP = 0.97  # of ρ: at 1 a candidate's own coefficient would say nothing of the others
_LEAST_NOISE = 1e-7
_FAILED = 1e12  # the value of a point without a posterior: L-BFGS steps back
_MOST_LOG = 50.0  # of ln ρ before it is clipped: its fourth power does not overflow


@dataclass(frozen=True)
class _Belief:
    """A normal prior of a hyper-parameter, and the scale that L-BFGS moves it on."""

    mean: float
    spread: float
    step: float


_LOG_COUNT = _Belief(np.log(1.5), 0.7, 3.0)  # ln Σρ: how many candidates matter
_LOG_SIZE = _Belief(0.0, 1.0, 3.0)  # ln of the variance of the latent function
_LOG_NOISE = _Belief(-2.0, 1.5, 3.0)
_TILT = _Belief(0.0, 0.5, 1.5)  # of all candidates together
# spreads of one candidate's own ln ρ and γ
_SINGLE_COUNT = 0.65
_SINGLE_TILT = 0.1
_SINGLE_TILT_STEP = 0.05


class Marginal:
    """The posterior of the hyper-parameters of a `Prior`, given latent values.

    A point θ holds, in this order: z (n), ln Σρ, ln a, ln σ², γ_0, η (n), with ρ_i =
    clip(exp(ln Σρ - ln n + z_i)), γ_i = (γ_0 + η_i) / √n, and a the variance of the
    non-constant part before the tilt, A = a / (Π(1 + ρ_i) - 1).
    """

    def __init__(
        self, signs: Array, latent: Array, least_noise: float = _LEAST_NOISE
    ) -> None:
        """
        Args:
            signs: (m, n) of ±1.
            latent: (m,), of mean about zero and variance about one.
            least_noise: what σ² is not below.
        """
        self.signs = signs
        self.latent = latent
        self.least_noise = least_noise

        self.m, self.n = signs.shape
        shared = (_LOG_COUNT, _LOG_SIZE, _LOG_NOISE, _TILT)
        means = [belief.mean for belief in shared]
        spreads = [belief.spread for belief in shared]
        # what all candidates share is known the better the more masks there are
        root = np.sqrt(self.m)
        steps = [belief.step / root for belief in shared]

        # in the order of a point: z, what is shared, η
        zeros = np.zeros(self.n)
        count = zeros + _SINGLE_COUNT
        tilt = zeros + _SINGLE_TILT
        tilt_step = zeros + _SINGLE_TILT_STEP
        self.mean = np.concatenate([zeros, means, zeros])
        self.spread = np.concatenate([count, spreads, tilt])
        self.step = np.concatenate([count, steps, tilt_step])

    def maximise(self, steps: int, start: Array | None = None) -> Array:
        """θ after some steps of L-BFGS: (2n + 4,) float64."""
        from scipy.optimize import minimize

        def objective(scaled: Array) -> tuple[float, Array]:
            value, gradient = self.value(scaled * self.step)
            return value, gradient * self.step

        first = (self.mean if start is None else start) / self.step
        optimum = minimize(
            objective,
            first,
            jac=True,
            method="L-BFGS-B",
            options={"maxiter": steps, "maxcor": 20},
        )

        return np.asarray(optimum.x * self.step)

    def prior(self, theta: Array) -> Prior:
        """The prior that a point stands for."""
        n = self.n
        _, log_size, log_noise, common_tilt = theta[n : n + 4]
        rho, _ = self._rho(theta)

        # less ln(Π(1 + ρ) - 1), without overflow
        total = np.log1p(rho).sum()
        log_scale = log_size - total - np.log(-np.expm1(-total))

        tilt = (common_tilt + theta[n + 4 :]) / np.sqrt(n)
        noise = np.exp(log_noise) + self.least_noise

        return Prior(float(log_scale), rho, tilt, float(noise))

    def value(self, theta: Array) -> tuple[float, Array]:
        """The negative log posterior up to a constant, and its gradient (2n + 4,).

        With y the latent values over g, C = K + σ²I, α = C⁻¹y and W = C⁻¹ - αα^T it is
        ½ ln|C| + ½ y^T α + Σ ln g plus the priors, and its derivative by a parameter of
        C is ½ tr(W ∂C) (Rasmussen & Williams, 2006, eq. 5.9). ∂K/∂ρ_i = K ∘ (s_i s_i^T
        - ρ_i) / (1 - ρ_i²).
        """
        prior = self.prior(theta)
        log_gains, values = self._untilted(prior)
        kernel = prior.gram(self.signs, self.signs)
        inverse, log_determinant = inverted(kernel, prior.noise)
        if inverse is None or not np.isfinite(values).all():
            return _FAILED, np.zeros_like(theta)

        alpha = inverse @ values
        away = (theta - self.mean) / self.spread

        quadratic = log_determinant + values @ alpha + away @ away
        value = 0.5 * quadratic + log_gains.sum()

        # W, and then W ∘ K in its place: of many masks, one matrix less
        pull = inverse - np.outer(alpha, alpha)

        trace = float(np.trace(pull))
        pull *= kernel
        whole = float(pull.sum())

        count = self._count_gradient(theta, prior, pull, whole)
        tilt = self._tilt_gradient(prior, 1 - alpha * values)

        # the least noise does not move with ln σ²
        noise = 0.5 * (prior.noise - self.least_noise) * trace

        # ln Σρ moves every ln ρ as z does, and γ_0 every tilt: theirs are the sums
        shared = [count.sum(), 0.5 * whole, noise, tilt.sum()]
        gradient = np.concatenate([count, shared, tilt])

        pulled_back = away / self.spread  # by the priors of the hyper-parameters
        return float(value), gradient + pulled_back

    def _untilted(self, prior: Prior) -> tuple[Array, Array]:
        """ln g (m,), and the latent values over g (m,), which may be infinite."""
        with np.errstate(over="ignore", invalid="ignore"):
            normaliser = 0.5 * log_cosh(2 * prior.tilt).sum()
            log_gains = self.signs @ prior.tilt - normaliser
            return log_gains, self.latent * np.exp(-log_gains)

    def _count_gradient(
        self, theta: Array, prior: Prior, pull: Array, whole: float
    ) -> Array:
        """By z: (n,), from W ∘ K (m, m) and its sum."""
        _, slope = self._rho(theta)
        # 1 - 1 / Π(1 + ρ): of A = a / (Π(1 + ρ) - 1), what its derivative has
        total = np.log1p(prior.rho).sum()
        shrink = -np.expm1(-total)

        # s_i^T (W ∘ K) s_i, of all candidates by one product
        agreement = np.einsum("ij,ij->j", self.signs, pull @ self.signs)
        direct = (agreement - prior.rho * whole) / (1 - prior.rho**2)

        # ρ moves A as well, which keeps the variance at a
        through_scale = whole / shrink / (1 + prior.rho)
        return np.asarray(0.5 * slope * (direct - through_scale))

    def _tilt_gradient(self, prior: Prior, unmet: Array) -> Array:
        """By η: (n,), from 1 - α y (m,)."""
        along = unmet @ self.signs

        # ∂ ln g / ∂γ_i = s_i - tanh 2γ_i
        normalised = np.tanh(2 * prior.tilt) * unmet.sum()
        return np.asarray((along - normalised) / np.sqrt(self.n))

    def _rho(self, theta: Array) -> tuple[Array, Array]:
        """ρ (n,) and its derivative by z."""
        n = self.n
        shared = theta[n] - np.log(n)
        return _clipped(shared + theta[:n])


def inverted(kernel: Array, noise: float) -> tuple[Array | None, float]:
    """(K + σ²I)⁻¹ and ln|K + σ²I|; (None, 0) where it is not positive definite."""
    from scipy.linalg import lapack

    total = kernel.copy()
    total.flat[:: len(total) + 1] += noise

    try:
        lower = np.linalg.cholesky(total)
    except np.linalg.LinAlgError:
        return None, 0.0

    log_determinant = 2.0 * float(np.log(np.diagonal(lower)).sum())

    # from the factor: half the work of an inverse
    inverse, failed = lapack.dpotri(lower.T, lower=0, overwrite_c=0)
    if failed:
        return None, 0.0

    inverse = inverse + inverse.T  # one triangle is zero
    inverse.flat[:: len(inverse) + 1] /= 2.0

    return inverse, log_determinant


def _clipped(log_rho: Array) -> tuple[Array, Array]:
    """ρ / (1 + (ρ / cap)⁴)^¼, and its derivative by ln ρ."""
    free = np.exp(np.minimum(log_rho, _MOST_LOG))
    excess = 1.0 + (free / _CAP) ** 4

    rho = free * excess**-0.25
    return rho, rho / excess
