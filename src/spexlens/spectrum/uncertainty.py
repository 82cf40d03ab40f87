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

# sets of the lowest orders whose variances are taken one by one, if there is a prior
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
        """Σ p(S) over the sets S that hold T and j members more, for j = 0, ..., J - 1.

        They are the elementary symmetric sums of ρ outside T: the coefficients of
        Π_i (1 + ρ_i x), divided by Π_{i∈T} (1 + ρ_i x).

        Args:
            members: (c, t) int32, c sets T.

        Returns:
            (c, J) float64, J at most 41.
        """
        # Π_i (1 + ρ_i x), cut off behind x^40
        powers = min(len(self.rho), _BEYOND) + 1
        sums = np.zeros(powers)
        sums[0] = 1.0
        for rho in self.rho:
            sums[1:] += rho * sums[:-1]

        # a division of polynomials by one factor after the other, lowest power first
        outside = np.tile(sums, (len(members), 1))
        inside = self.rho[members]
        for rho in inside.T:
            for j in range(1, powers):
                outside[:, j] -= rho * outside[:, j - 1]

        # the division rounds: a sum of nothing may come out below zero
        outside = np.maximum(outside, 0.0)

        variance = self.scale * inside.prod(axis=1)
        return np.asarray(outside * variance[:, None])


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
        """The uncertainty of values that are `unit` times as large.

        Args:
            unit: a power of two. Squares that overflow are the largest float.
        """
        priors = tuple(
            replace(prior, scale=_scaled_square(prior.scale, unit))
            for prior in self.priors
        )
        return replace(self, noise=_scaled_square(self.noise, unit), priors=priors)

    def variances(self, sets: Sets) -> Array:
        """(s,) float64, of the Fourier coefficients of any sets."""
        scales = [prior.scale for prior in self.priors]
        unit = _power_above(max(self.noise, *scales, 0.0) ** 0.5)
        return self.times(1.0 / unit)._variances(sets) * unit * unit

    def _variances(self, sets: Sets) -> Array:
        """`variances` of values of size one: two variances are multiplied."""
        if not self.priors:
            return np.full(len(sets), self.noise / self.masks)
        return self._posterior(self._prior(sets))

    def _prior(self, sets: Sets) -> Array:
        """p(S), the sum over the priors: (s,) float64."""
        return np.asarray(sum(prior.variances(sets) for prior in self.priors))

    def _posterior(self, prior: Array) -> Array:
        """1 / (1 / p + m / s²), without dividing by a p of zero: (s,) -> (s,)."""
        measured = self.noise / self.masks
        tiny = np.finfo(np.float64).tiny
        return np.asarray(prior * measured / np.maximum(prior + measured, tiny))

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

        Returns:
            (t,) float64, in the unit of the values.
        """
        largest = float(np.abs(spectrum.values).max(initial=0.0))
        unit = _power_above(max(largest, self.noise**0.5))
        scaled = Spectrum(spectrum.sets, spectrum.values / unit)
        at_one = self.times(1.0 / unit)
        return unit * at_one._half_widths(scaled, index, found.sets, order)

    def _half_widths(
        self, spectrum: Spectrum, index: str, targets: Sets, order: int
    ) -> Array:
        """`half_widths` of values of size one."""

        def squared_weight(s: int, t: int) -> float:
            return weight(index, s, t, order) ** 2

        # Σ weight² · (Var F(S) - p(S)) over the listed S ⊇ T
        listed = self._listed(spectrum, targets)
        variances = self._beyond_prior(spectrum, listed)
        sums = spread(listed, variances, squared_weight, order)
        result = np.array([sums[members] for members in targets])

        # Σ weight² · p(S) over all S ⊇ T: the weight depends on sizes only
        for positions, members in targets.by_order():
            t = members.shape[1]
            for prior in self.priors:
                supersets = prior.supersets(members)
                sizes = range(t, t + supersets.shape[1])
                squares = np.array([squared_weight(s, t) for s in sizes])
                result[positions] += supersets @ squares

        # rounding may leave less than nothing
        variance = np.maximum(result, 0.0)
        return np.asarray(HALF_WIDTH * np.sqrt(variance))

    def _listed(self, spectrum: Spectrum, targets: Sets) -> Sets:
        """The sets whose variances are taken one by one, each once."""
        n = spectrum.n
        families = [spectrum.sets, targets]
        if self.priors:
            pairs_and_singles = n * (n + 1) // 2
            families.append(Sets.low_orders(n, min(_LOW_ORDERS, pairs_and_singles)))
        return Sets.concatenate(families).distinct()

    def _beyond_prior(self, spectrum: Spectrum, listed: Sets) -> Array:
        """By how much the variances of listed sets exceed their prior: (s,) float64.

        The priors are then added for all supersets at once, listed or not.
        """
        if not self.priors:
            return self._variances(listed)
        expected = self._prior(listed)
        size = np.array([spectrum[members] for members in listed])
        return self._posterior(np.maximum(expected, size**2)) - expected


def _power_above(size: float) -> float:
    """The power of two above a size; 1 for a size of zero."""
    if not size:
        return 1.0
    return float(np.ldexp(1.0, np.frexp(size)[1]))


def _scaled_square(square: float, unit: float) -> float:
    """The square of a value that is `unit` times as large; at most the largest float."""
    return min(square * unit * unit, float(np.finfo(np.float64).max))
