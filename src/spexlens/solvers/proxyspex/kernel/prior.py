"""The kernel's prior: independent Fourier coefficients, smaller for larger sets."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]


@dataclass(frozen=True)
class Prior:
    """Gaussian functions of signs: k(s, t) = g(s) g(t) A Π_i (1 + ρ_i s_i t_i), s = ±1.

    Without its tilt g(s) = exp(Σ γ_i s_i - ½ Σ ln cosh 2γ_i), F(S) is independent of
    all others with variance A Π_{i∈S} ρ_i: sparse-ish, and hierarchical, as language
    models were found to be (arXiv 2505.17495). The tilt lets the size of f grow with
    what is kept. Values are seen with noise of variance σ² g(s)².

    Attributes:
        log_scale: ln A.
        rho: (n,) float64 in (0, 1).
        tilt: (n,) float64, γ.
        noise: σ².
    """

    log_scale: float
    rho: Array
    tilt: Array
    noise: float

    def gram(self, signs: Array, others: Array) -> Array:
        """The kernel without its tilt: (p, n) and (m, n) of ±1 -> (p, m)."""
        # 1 + ρ s t = √(1 - ρ²) exp(s t artanh ρ): the product is one of matrices
        inner = (signs * np.arctanh(self.rho)) @ others.T

        roots = 0.5 * np.log1p(-(self.rho**2)).sum()
        inner += self.log_scale + roots
        return np.asarray(np.exp(inner, out=inner))

    def gains(self, signs: Array) -> Array:
        """g: (p, n) -> (p,)."""
        normaliser = 0.5 * log_cosh(2 * self.tilt).sum()
        return np.asarray(np.exp(signs @ self.tilt - normaliser))

    def half(self, signs: Array, chosen: slice) -> Array:
        """exp(Σ γ_i s_i) Π (1 + ρ_i s_i t_i) over some candidates.

        Of all their 2^k signs by m masks: (m, n) of ±1 -> (2^k, m).
        """
        rho = self.rho[chosen]
        count = len(rho)

        # bit i of a row's number: whether candidate i is kept
        row = np.arange(1 << count)[:, None]
        bits = row >> np.arange(count) & 1
        corners = 1.0 - 2.0 * bits

        tilted = corners @ self.tilt[chosen]
        # as in `gram`, of whose matrix this is a part
        scale = 0.5 * np.log1p(-(rho**2)).sum()

        inner = (corners * np.arctanh(rho)) @ signs[:, chosen].T
        inner += tilted[:, None] + scale
        return np.asarray(np.exp(inner, out=inner))

    def untilted(self) -> tuple[float, Array]:
        """(A', ρ') such that Var F(S) = A' Π_{i∈S} ρ'_i, the tilt included.

        For one candidate the tilted kernel is (e^{γ(s+t)} / cosh 2γ)(1 + ρ s t); its
        two Fourier variances are (cosh² γ + ρ sinh² γ) / cosh 2γ and (sinh² γ + ρ cosh²
        γ) / cosh 2γ.
        """
        square = np.tanh(self.tilt) ** 2

        outside = np.log1p(self.rho * square) - np.log1p(square)
        scale = float(np.exp(self.log_scale + outside.sum()))

        rho = (square + self.rho) / (1 + self.rho * square)
        return scale, rho


def log_cosh(x: Array) -> Array:
    """ln cosh x, without overflow."""
    return np.asarray(np.logaddexp(x, -x) - np.log(2.0))


def signs_of(masks: NDArray[np.bool_]) -> Array:
    """χ of single candidates: -1 where kept, +1 where ablated."""
    return np.where(masks, -1.0, 1.0)
