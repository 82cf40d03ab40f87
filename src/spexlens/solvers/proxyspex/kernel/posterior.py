"""The kernel's posterior mean: predicted, tabulated, and searched for its large
coefficients.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from spexlens.masks import masks as mask_algebra
from spexlens.solvers.proxyspex.kernel.prior import Prior
from spexlens.spectrum.sets import Sets

Array = NDArray[np.float64]

_AT_ONCE = 64
_ROUNDS = 24


@dataclass(frozen=True)
class Posterior:
    """h(s) = g(s) Σ_b α_b k(s, t_b): a sum of products, one for each centre t_b.

    Attributes:
        prior: the prior, n candidates.
        centres: (m, n) float64 of ±1.
        weights: (m,) float64, α.
    """

    prior: Prior
    centres: Array
    weights: Array

    def predict(self, signs: Array) -> Array:
        """h: (p, n) of ±1 -> (p,)."""
        result = np.empty(len(signs))
        for rows in mask_algebra.blocks(len(signs), 8 * len(self.centres)):
            block = signs[rows]
            result[rows] = self.prior.gains(block) * (
                self.prior.gram(block, self.centres) @ self.weights
            )
        return result

    def table(self) -> Array:
        """h on all 2^n masks, (2^n,) by mask index.

        The products are taken over two halves of the candidates, so that all sums are
        one product of a (2^(n/2), m) by a (m, 2^(n/2)) matrix.
        """
        n = len(self.prior.rho)
        low = self.prior.half(self.centres, slice(0, n // 2))
        high = self.prior.half(self.centres, slice(n // 2, n))
        scale = np.exp(self.prior.log_scale) * self.prior.gains(np.zeros((1, n)))
        return np.asarray(scale * ((high * self.weights) @ low.T).ravel())

    def large_sets(self, count: int) -> Sets:
        """About `count` sets with the largest coefficients, found best first.

        h's coefficients are closed: F(S) = Σ_b c_b Π_{i∈S} r_bi with τ = tanh γ, r_bi =
        (τ_i + ρ_i t_bi) / (1 + ρ_i τ_i t_bi) and c_b = A α_b Π_i cosh γ_i (1 + ρ_i τ_i
        t_bi) / √cosh 2γ_i. Again and again the largest sets found so far are extended
        by one more candidate: under the prior, a large coefficient whose subsets' are
        all small is unlikely.
        """
        start, ratios = self._factors()
        sizes: dict[tuple[int, ...], float] = {}
        expanded: set[tuple[int, ...]] = set()
        frontier: list[tuple[int, ...]] = [()]
        least = 0.0
        for _ in range(_ROUNDS):
            parents = np.stack(
                [start * ratios[:, list(members)].prod(axis=1) for members in frontier]
            )
            for members, children in zip(
                frontier, np.abs(parents @ ratios), strict=True
            ):
                children[list(members)] = 0.0
                for i in np.flatnonzero(children > least).tolist():
                    sizes[tuple(sorted((*members, i)))] = float(children[i])
            expanded.update(frontier)
            listed = list(sizes)
            best = np.argsort(
                -np.fromiter(sizes.values(), float, len(sizes)), kind="stable"
            )[:count]
            ranked = [listed[position] for position in best]
            least = sizes[ranked[-1]] if len(ranked) == count else 0.0
            frontier = [members for members in ranked if members not in expanded][
                :_AT_ONCE
            ]
            if not frontier:
                break
        return Sets.of(len(self.prior.rho), ranked)

    def _factors(self) -> tuple[Array, Array]:
        """c (m,) and r (m, n), see `large_sets`; c without what is the same for all
        centres.
        """
        tanh = np.tanh(self.prior.tilt)
        base = 1.0 + self.prior.rho * tanh * self.centres
        start = self.weights * np.exp(np.log(base).sum(axis=1))
        return start, (tanh + self.prior.rho * self.centres) / base
