"""What a kernel says beforehand of an index: variances, and covariances with values."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from spexlens.solvers.proxyspex.kernel.prior import Prior, signs_of

Array = NDArray[np.float64]


@dataclass(frozen=True)
class Effects:
    """Means of effects under a kernel, where each candidate is kept at random.

    With h_i(s; x) = exp(γ_i s) (1 + ρ_i s x) and s = -1 where kept, the covariance of
    E[Δ_T f] at share p with f(x) / g(x) is a product over candidates: of the mean of h
    outside T, of its difference inside. Two masks' covariance is such a product too.

    Attributes:
        prior: the kernel.
        shares: (c,) float64, the probabilities p of being kept.
    """

    prior: Prior
    shares: Array

    def with_masks(
        self, masks: NDArray[np.bool_], members: NDArray[np.int32], weights: Array
    ) -> Array:
        """(t, m), with each mask, for (t, d) members; `weights` of the shares."""
        x = signs_of(masks)
        kept = np.exp(-self.prior.tilt) * (1.0 - self.prior.rho * x)
        ablated = np.exp(self.prior.tilt) * (1.0 + self.prior.rho * x)

        scale = self._scale
        total = np.zeros((len(members), len(masks)))
        for share, weight in zip(self.shares, weights, strict=True):
            mean = (1.0 - share) * ablated + share * kept
            everyone = weight * scale * np.exp(np.log(mean).sum(axis=1))
            ratios = ((kept - ablated) / mean).T

            inside = everyone * ratios[members[:, 0]]
            for column in members.T[1:]:
                inside *= ratios[column]
            total += inside
        return total

    def variances(self, members: NDArray[np.int32], weights: Array) -> Array:
        """(t,), of the index of (t, d) members."""
        rho = self.prior.rho
        tilt = self.prior.tilt
        both = np.exp(-2.0 * tilt) * (1.0 + rho)  # kept in either mask
        neither = np.exp(2.0 * tilt) * (1.0 + rho)
        one = 1.0 - rho

        # E over two masks of exp(γ (s + s')) (1 + ρ s s'), for each pair of shares
        p, q = np.meshgrid(self.shares, self.shares)
        p = p.ravel()[:, None]
        q = q.ravel()[:, None]
        mean = p * q * both + (1 - p) * (1 - q) * neither + (p + q - 2 * p * q) * one

        pairs = np.outer(weights, weights).ravel()
        everyone = pairs * self._scale**2 / np.exp(self.prior.log_scale)
        everyone = everyone * np.exp(np.log(mean).sum(axis=1))
        ratios = (both + neither - 2.0 * one) / mean

        inside = np.ones((len(everyone), len(members)))
        for column in members.T:
            inside *= ratios[:, column]
        return np.asarray(everyone @ inside)

    @property
    def _scale(self) -> float:
        """A, and the part of g that is the same for all masks."""
        no_signs = np.zeros((1, len(self.prior.rho)))
        return float(np.exp(self.prior.log_scale) * self.prior.gains(no_signs)[0])
