"""Several fitted proxies as one: each counts the more the better it predicts what it did not see."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from spexlens.evidence.faithfulness import r_squared
from spexlens.solvers.proxyspex.proxy import FittedProxy
from spexlens.spectrum.sets import Sets

Array = NDArray[np.float64]

_POWER = -8.0
_LEAST = 0.03


@dataclass(frozen=True)
class Average(FittedProxy):
    """Σ w · proxy.

    Attributes:
        members: the proxies.
        weights: (p,) their shares, adding up to one.
    """

    members: Sequence[FittedProxy]
    weights: Array

    def predict(self, masks: NDArray[np.bool_]) -> Array:
        """(p, n) bool -> (p,) float64."""
        return _sum(self.weights, [member.predict(masks) for member in self.members])

    def table(self) -> Array:
        """(2^n,) by mask index."""
        return _sum(self.weights, [member.table() for member in self.members])

    def large_sets(self, count: int) -> Sets:
        """Those of all members."""
        return Sets.concatenate([member.large_sets(count) for member in self.members]).distinct()


def average(values: Array, proxies: Sequence[FittedProxy], beforehand: Array) -> Average:
    """Proxies with weights π (1 - R²)^-8, R² of what they left out; below 1% is nothing.

    Args:
        values: (m,) that they were fitted to.
        proxies: p of them; the first is the mean of the values, and counts only where no other
            predicts better than it.
        beforehand: (p,) π.
    """
    r2 = np.array([r_squared(values, proxy.left_out) for proxy in proxies])
    weights = beforehand * np.maximum(1.0 - r2, 1e-12) ** _POWER
    weights[r2 <= 0.0] = 0.0
    weights[0] = 0.0 if weights[1:].any() else 1.0
    weights[weights < _LEAST * weights.sum()] = 0.0
    kept = np.flatnonzero(weights)
    shares = weights[kept] / weights[kept].sum()
    members = [proxies[i] for i in kept.tolist()]
    heaviest = members[int(np.argmax(shares))]
    left_out = _sum(shares, [member.left_out for member in members])
    return Average(
        n=proxies[0].n,
        left_out=left_out,
        priors=heaviest.priors,
        noise=_noise(values, left_out, heaviest),
        members=members,
        weights=shares,
    )


def _noise(values: Array, left_out: Array, heaviest: FittedProxy) -> float:
    """What the heaviest member expects, times what averaging changed of its error."""
    own = float(np.mean((values - heaviest.left_out) ** 2))
    return heaviest.noise * float(np.mean((values - left_out) ** 2)) / own if own > 0 else heaviest.noise


def _sum(weights: Array, parts: Sequence[Array]) -> Array:
    return np.asarray(sum(w * part for w, part in zip(weights, parts, strict=True)))
