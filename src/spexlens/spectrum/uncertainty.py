"""Uncertainty: how far a coefficient, or any index, may be from the truth."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from statistics import NormalDist

import numpy as np
from numpy.typing import NDArray

from spexlens.spectrum.indices import spread, weight
from spexlens.spectrum.sets import Sets
from spexlens.spectrum.spectrum import SetFunction, Spectrum

Array = NDArray[np.float64]

LEVEL = 0.9
"""The share of intervals that are meant to hold the truth."""

HALF_WIDTH = NormalDist().inv_cdf((1 + LEVEL) / 2)
"""Half of such an interval, in standard deviations of a normal distribution."""
_LOW_ORDERS = 20_000
# members that a superset may have more: the sums over larger ones have converged
_BEYOND = 40


@dataclass(frozen=True)
class ProductPrior:
    """Coefficients of mean zero, independent, with variance p(S) = scale · Π_{i∈S} ρ_i.

    Attributes:
        scale: of the values squared.
        rho: (n,) float64 in [0, 1].
    """

    scale: float
    rho: Array

    def variances(self, sets: Sets) -> Array:
        """p(S): (s,) float64."""
        result = np.full(len(sets), self.scale)
        for positions, members in sets.by_order():
            result[positions] *= self.rho[members].prod(axis=1)
        return result

    def supersets(self, members: NDArray[np.int32]) -> Array:
        """Σ p(S) over the S that hold T and j members more: T as (c, t) -> (c, J).

        The elementary symmetric sums of ρ outside T: those of all of ρ, divided by
        Π_{i∈T} (1 + ρ_i x).
        """
        sums = np.zeros(min(len(self.rho), _BEYOND) + 1)
        sums[0] = 1.0
        for rho in self.rho:
            sums[1:] += rho * sums[:-1]
        outside = np.tile(sums, (len(members), 1))
        for rho in self.rho[members].T:
            for j in range(1, outside.shape[1]):
                outside[:, j] -= rho * outside[:, j - 1]
        own = self.scale * self.rho[members].prod(axis=1)
        return np.asarray(np.maximum(outside, 0.0) * own[:, None])


@dataclass(frozen=True)
class Uncertainty:
    """Posterior variances of the coefficients of one output.

    From m random masks a coefficient is measured with variance s² / m, where s² is the
    mean square error of predicting a new mask: noise, and all that is unknown of the
    other coefficients (state evolution of approximate message passing; Bayati &
    Montanari, IEEE Trans. Inf. Theory 57, 2011, eq. 1.4). Under a prior variance p(S)
    its posterior variance is 1 / (1 / p(S) + m / s²), and errors of different
    coefficients are as good as independent.

    Attributes:
        noise: s².
        masks: m.
        priors: p(S) is their sum; if empty it is without bound, and only sets that a
            spectrum lists are thought to matter.
    """

    noise: float
    masks: int
    priors: Sequence[ProductPrior] = ()

    def times(self, unit: float) -> "Uncertainty":
        """Of values that are so many times as large, a power of two; squares at most
        the largest float.
        """
        priors = tuple(
            replace(each, scale=_square(each.scale, unit)) for each in self.priors
        )
        return replace(self, noise=_square(self.noise, unit), priors=priors)

    def variances(self, sets: Sets) -> Array:
        """(s,) float64, of the Fourier coefficients of any sets."""
        unit = _power(
            max(self.noise, *(each.scale for each in self.priors), 0.0) ** 0.5
        )
        return self.times(1.0 / unit)._variances(sets) * unit * unit

    def _variances(self, sets: Sets) -> Array:
        """`variances` of values of size one: two variances are multiplied."""
        if not self.priors:
            return np.full(len(sets), self.noise / self.masks)
        return self._posterior(
            np.asarray(sum(each.variances(sets) for each in self.priors))
        )

    def _posterior(self, prior: Array) -> Array:
        measured = self.noise / self.masks
        return np.asarray(
            prior * measured / np.maximum(prior + measured, np.finfo(np.float64).tiny)
        )

    def half_widths(
        self, spectrum: Spectrum, index: str, found: SetFunction, order: int
    ) -> Array:
        """Half the width of the 90% interval of each value of an index.

        The variance is Σ_{S ⊇ T} weight² · Var F(S). A listed set is thought to be as
        large as it was found, if its prior says less: a warp makes coefficients of
        higher order than its kernel knows of. Sets that are neither listed nor of order
        1 or 2 are as unknown as their prior says.

        Args:
            spectrum: what the index was taken of.
            index: its name.
            found: the index of each T.
            order: the order it was taken for.
        """
        largest = float(np.abs(spectrum.values).max(initial=0.0))
        unit = _power(max(largest, self.noise**0.5))
        values = Spectrum(spectrum.sets, spectrum.values / unit)
        return unit * self.times(1.0 / unit)._half_widths(
            values, index, found.sets, order
        )

    def _half_widths(
        self, spectrum: Spectrum, index: str, found: Sets, order: int
    ) -> Array:
        """`half_widths` of values of size one."""
        low = Sets.low_orders(
            spectrum.n, min(_LOW_ORDERS, spectrum.n * (spectrum.n + 1) // 2)
        )
        listed = Sets.concatenate(
            [spectrum.sets, found, *([low] if self.priors else [])]
        ).distinct()
        known = self._variances(listed)
        if self.priors:
            expected = np.asarray(sum(prior.variances(listed) for prior in self.priors))
            size = np.array([spectrum[members] for members in listed])
            known = self._posterior(np.maximum(expected, size**2)) - expected
        sums = spread(
            listed,
            np.asarray(known),
            lambda s, t: weight(index, s, t, order) ** 2,
            order,
        )
        result = np.array([sums[members] for members in found])
        for positions, members in found.by_order():
            t = members.shape[1]
            for prior in self.priors:
                beyond = prior.supersets(members)
                squares = [
                    weight(index, t + j, t, order) ** 2 for j in range(beyond.shape[1])
                ]
                result[positions] += beyond @ np.array(squares)
        return np.asarray(HALF_WIDTH * np.sqrt(np.maximum(result, 0.0)))


def _power(size: float) -> float:
    """The power of two above a size; 1 above none."""
    return float(np.ldexp(1.0, np.frexp(size)[1])) if size else 1.0


def _square(value: float, unit: float) -> float:
    return min(value * unit * unit, float(np.finfo(np.float64).max))
