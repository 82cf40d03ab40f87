"""The kernel's posterior mean: predicted, tabulated, searched for large coefficients."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from spexlens.masks import masks as mask_algebra
from spexlens.solvers.proxyspex.kernel.prior import Prior
from spexlens.spectrum.sets import Sets

Array = NDArray[np.float64]

Members = tuple[int, ...]

# of the search: sets extended in a round, and rounds, which bound the order of a set
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

            flat = self.prior.gram(block, self.centres) @ self.weights
            result[rows] = self.prior.gains(block) * flat
        return result

    def table(self) -> Array:
        """h on all 2^n masks, (2^n,) by mask index.

        The products are taken over two halves of the candidates, so that all sums are
        one product of a (2^(n/2), m) by a (m, 2^(n/2)) matrix.
        """
        n = len(self.prior.rho)
        middle = n // 2
        low = self.prior.half(self.centres, slice(0, middle))
        high = self.prior.half(self.centres, slice(middle, n))

        # gains of no signs: the part of g that is the same for all masks
        no_signs = np.zeros((1, n))
        scale = np.exp(self.prior.log_scale) * self.prior.gains(no_signs)

        # a mask's index counts by its low half first: that is a row's
        products = (high * self.weights) @ low.T
        return np.asarray(scale * products.ravel())

    def large_sets(self, count: int) -> Sets:
        """About `count` sets with the largest coefficients, found best first.

        h's coefficients are closed: F(S) = Σ_b c_b Π_{i∈S} r_bi with τ = tanh γ, r_bi =
        (τ_i + ρ_i t_bi) / (1 + ρ_i τ_i t_bi) and c_b = A α_b Π_i cosh γ_i (1 + ρ_i τ_i
        t_bi) / √cosh 2γ_i. Again and again the largest sets found so far are extended
        by one more candidate: under the prior, a large coefficient whose subsets' are
        all small is unlikely.
        """
        start, ratios = self._factors()

        sizes: dict[Members, float] = {}
        extended: set[Members] = set()
        frontier: list[Members] = [()]
        least = 0.0

        for _ in range(_ROUNDS):
            sizes.update(_extensions(frontier, start, ratios, least))
            extended.update(frontier)

            ranked = _largest(sizes, count)
            # a smaller set cannot enter a full list
            least = sizes[ranked[-1]] if len(ranked) == count else 0.0

            new = [members for members in ranked if members not in extended]
            frontier = new[:_AT_ONCE]
            if not frontier:
                break

        return Sets.of(len(self.prior.rho), ranked)

    def _factors(self) -> tuple[Array, Array]:
        """c (m,) and r (m, n), see `large_sets`; c without what all centres share."""
        tanh = np.tanh(self.prior.tilt)
        base = 1.0 + self.prior.rho * tanh * self.centres

        logs = np.log(base).sum(axis=1)
        start = self.weights * np.exp(logs)

        ratios = (tanh + self.prior.rho * self.centres) / base
        return start, ratios


def _extensions(
    frontier: list[Members], start: Array, ratios: Array, least: float
) -> dict[Members, float]:
    """The size of every set's extensions by one candidate, of those above the least."""
    parents = []
    for members in frontier:
        factors = ratios[:, list(members)]
        parents.append(start * factors.prod(axis=1))

    # every member of the frontier by every candidate, in one product
    coefficients = np.abs(np.stack(parents) @ ratios)

    sizes = {}
    for members, children in zip(frontier, coefficients, strict=True):
        children[list(members)] = 0.0  # those are members already
        for candidate in np.flatnonzero(children > least).tolist():
            longer = tuple(sorted((*members, candidate)))
            sizes[longer] = float(children[candidate])
    return sizes


def _largest(sizes: dict[Members, float], count: int) -> list[Members]:
    """The `count` largest sets, in falling order; of equals, those found first."""
    sets = list(sizes)
    values = np.fromiter(sizes.values(), float, len(sizes))

    order = np.argsort(-values, kind="stable")[:count]
    return [sets[position] for position in order]
