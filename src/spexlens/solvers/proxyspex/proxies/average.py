"""Several fitted proxies as one: each counts the more the better it predicts what it
did not see.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from spexlens.solvers.proxyspex.proxies.proxy import FittedProxy
from spexlens.spectrum.scores import r_squared
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

    @property
    def ease(self) -> float:
        """As the heaviest member expects."""
        return _heaviest(self.members, self.weights).ease

    def predict(self, masks: NDArray[np.bool_]) -> Array:
        """(p, n) bool -> (p,) float64."""
        return weighted(
            self.weights, [member.predict(masks) for member in self.members]
        )

    def table(self) -> Array:
        """(2^n,) by mask index."""
        return weighted(self.weights, [member.table() for member in self.members])

    def large_sets(self, count: int) -> Sets:
        """Those of all members."""
        return Sets.concatenate(
            [member.large_sets(count) for member in self.members]
        ).distinct()


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
    r2 = [r_squared(values[judged], proxy.left_out[judged]) for proxy in proxies]
    weights = shares(r2[1:], beforehand[1:])
    left_out = weighted(weights, [proxy.left_out for proxy in proxies[1:]])
    useful = weights.any() and r_squared(values[judged], left_out[judged]) > 0.0
    weights = np.concatenate([[0.0], weights]) if useful else np.eye(len(proxies))[0]
    kept = np.flatnonzero(weights)
    members = [proxies[i] for i in kept.tolist()]
    heaviest = _heaviest(members, weights[kept])
    left_out = weighted(weights[kept], [member.left_out for member in members])
    return Average(
        n=proxies[0].n,
        left_out=left_out,
        priors=heaviest.priors,
        noise=_noise(values, left_out, heaviest),
        members=members,
        weights=weights[kept],
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
    weights = np.array(beforehand) * np.maximum(1.0 - scores, 1e-12) ** _POWER
    weights[~(scores > 0.0)] = 0.0  # nor what is not a number
    weights[weights < _LEAST * weights.sum()] = 0.0
    return weights / weights.sum() if weights.any() else weights


def weighted(weights: Array, parts: Sequence[Array]) -> Array:
    """Σ w · part; zero for no parts."""
    return np.asarray(sum(w * part for w, part in zip(weights, parts, strict=True)))


def _heaviest(members: Sequence[FittedProxy], weights: Array) -> FittedProxy:
    return members[int(np.argmax(weights))]


def _noise(values: Array, left_out: Array, heaviest: FittedProxy) -> float:
    """What the heaviest member expects, times what averaging changed of its error."""
    own = float(np.mean((values - heaviest.left_out) ** 2))
    return (
        heaviest.noise * float(np.mean((values - left_out) ** 2)) / own
        if own > 0
        else heaviest.noise
    )
