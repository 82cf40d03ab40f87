"""Several fitted proxies as one: who predicts better what it did not see counts more."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from spexlens.solvers.proxyspex.proxies.proxy import FittedProxy
from spexlens.spectrum.scores import r_squared
from spexlens.spectrum.sets import Sets

Array = NDArray[np.float64]

_POWER = -8.0  # of 1 - R²: the best by far counts alone, near equals count alike
_LEAST = 0.03
_MET = 1e-12  # of 1 - R²: what meets all values has no infinite weight


@dataclass(frozen=True)
class Average(FittedProxy):
    """Σ w · proxy.

    Attributes:
        members: the proxies.
        weights: (p,) their shares, adding up to one.
    """

    members: Sequence[FittedProxy]
    weights: Array

    @property
    def ease(self) -> float:
        """As the heaviest member expects."""
        return _heaviest(self.members, self.weights).ease

    def predict(self, masks: NDArray[np.bool_]) -> Array:
        """(p, n) bool -> (p,) float64."""
        predictions = [member.predict(masks) for member in self.members]
        return weighted(self.weights, predictions)

    def table(self) -> Array:
        """(2^n,) by mask index."""
        return weighted(self.weights, [member.table() for member in self.members])

    def large_sets(self, count: int) -> Sets:
        """Those of all members."""
        families = [member.large_sets(count) for member in self.members]
        return Sets.concatenate(families).distinct()


def averaged(
    values: Array,
    proxies: Sequence[FittedProxy],
    beforehand: Sequence[float],
    judged: NDArray[np.bool_],
) -> Average:
    """The proxies that predict better than the mean, by their `shares`; else the mean.

    Args:
        values: (m,) that they were fitted to.
        proxies: p of them; the first is the mean of the values.
        beforehand: what each weighs before it has predicted anything.
        judged: (m,) bool, the masks on which they are judged.
    """
    members: Sequence[FittedProxy] = proxies[1:]
    r2 = [r_squared(values[judged], proxy.left_out[judged]) for proxy in members]

    weights = shares(r2, beforehand[1:])
    left_out = weighted(weights, [proxy.left_out for proxy in members])
    # each may be better than the mean, and their average worse
    if weights.any() and r_squared(values[judged], left_out[judged]) > 0.0:
        rows = np.flatnonzero(weights)
        members = [members[row] for row in rows.tolist()]
        weights = weights[rows]
    else:
        members = proxies[:1]
        weights = np.ones(1)

    heaviest = _heaviest(members, weights)
    left_out = weighted(weights, [member.left_out for member in members])

    return Average(
        n=proxies[0].n,
        left_out=left_out,
        priors=heaviest.priors,
        noise=_noise(values, left_out, heaviest),
        members=members,
        weights=weights,
    )


def shares(r2: Sequence[float], beforehand: Sequence[float]) -> Array:
    """π (1 - R²)^-8, made to add up to one: (p,).

    What predicts no better than the mean, or has less than 3%, gets nothing; so may
    all.

    Args:
        r2: p scores.
        beforehand: π, what each weighs before it has predicted anything.
    """
    scores = np.array(r2, dtype=np.float64)
    unexplained = np.maximum(1.0 - scores, _MET)

    weights = np.array(beforehand) * unexplained**_POWER
    weights[~(scores > 0.0)] = 0.0  # nor what is not a number
    least = _LEAST * weights.sum()
    weights[weights < least] = 0.0

    return weights / weights.sum() if weights.any() else weights


def weighted(weights: Array, parts: Sequence[Array]) -> Array:
    """Σ w · part; zero for no parts."""
    terms = [w * part for w, part in zip(weights, parts, strict=True)]
    return np.asarray(sum(terms))


def _heaviest(members: Sequence[FittedProxy], weights: Array) -> FittedProxy:
    return members[int(np.argmax(weights))]


def _noise(values: Array, left_out: Array, heaviest: FittedProxy) -> float:
    """What the heaviest member expects, times what averaging changed of its error."""
    before = float(np.mean((values - heaviest.left_out) ** 2))
    after = float(np.mean((values - left_out) ** 2))

    if before > 0:
        return heaviest.noise * after / before
    return heaviest.noise
