"""Monotone warps: scales on which an output looks more like a sum of interactions."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]
Map = Callable[[Array], Array]

_NODES, _WEIGHTS = np.polynomial.hermite_e.hermegauss(9)
_GRID = 4096
# of the range of the values, on either side: where the logit warp saturates
_MARGIN = 0.003
_REACH = 20  # logits, beyond which a probability is zero or one to the eye
_TAIL = 5.0  # standard deviations, beyond which a Gaussian's mass is nothing


@dataclass(frozen=True)
class Warp:
    """A monotone map of values to latent values of mean 0 and variance 1, and back.

    Attributes:
        name: as the result reports it.
        forward: values -> latent values.
        backward: latent values -> values.
        reach: latent values beyond ± reach map to what ± reach does; None where nothing
            saturates.
    """

    name: str
    forward: Map
    backward: Map
    reach: float | None

    def averaged(self, spread: float) -> Map:
        """h ↦ E[backward(h + spread · ε)], ε standard normal.

        By 9-point Gauss-Hermite, tabulated. The mean of a warped Gaussian is not the
        warped mean; leaving it out biases predictions.
        """
        if self.reach is None:
            return self.backward

        end = self.reach + _TAIL * spread
        grid = np.linspace(-end, end, _GRID)

        nodes = grid[:, None] + spread * _NODES
        values = self.backward(nodes.ravel())
        values = values.reshape(_GRID, -1)

        table = values @ (_WEIGHTS / _WEIGHTS.sum())
        return lambda latent: np.interp(latent, grid, table)


def identity(values: Array) -> Warp:
    """z-scores."""
    mean = values.mean()
    scale = values.std()

    def forward(y: Array) -> Array:
        return np.asarray((y - mean) / scale)

    def backward(h: Array) -> Array:
        return np.asarray(h * scale + mean)

    return Warp("id", forward, backward, None)


def rank(values: Array) -> Warp:
    """Normal scores Φ⁻¹((rank - ½) / m); ties share theirs."""
    knots, scores = _normal_scores(values)
    return _interpolated("rank", values, knots, scores)


def mixed(values: Array) -> Warp:
    """Half z-score, half normal score.

    It tames a skewed output and still tells its extremes apart.
    """
    knots, scores = _normal_scores(values)
    standard = (knots - values.mean()) / values.std()
    return _interpolated("mix", values, knots, (scores + standard) / 2)


def logistic(values: Array) -> Warp:
    """The logit of a value's place in a range a little wider than the one observed."""
    from scipy.special import expit, logit

    least = values.min()
    seen = values.max() - least

    low = least - _MARGIN * seen
    width = (1 + 2 * _MARGIN) * seen

    latent = logit((values - low) / width)
    mean = latent.mean()
    scale = latent.std()

    def forward(y: Array) -> Array:
        # values that it was not fitted to may lie outside, where there is no logit
        edge = _MARGIN / 4
        inside = np.clip((y - low) / width, edge, 1 - edge)
        return np.asarray((logit(inside) - mean) / scale)

    def backward(h: Array) -> Array:
        return np.asarray(low + width * expit(h * scale + mean))

    reach = (abs(mean) + _REACH) / scale
    return Warp("logit", forward, backward, float(reach))


WARPS: dict[str, Callable[[Array], Warp]] = {
    "id": identity,
    "mix": mixed,
    "rank": rank,
    "logit": logistic,
}
"""The warps by name; each is fitted to (m,) values that are not all equal."""


def _normal_scores(values: Array) -> tuple[Array, Array]:
    """The distinct values, ascending, and the mean normal score of each."""
    from scipy.special import ndtri

    knots, where, counts = np.unique(values, return_inverse=True, return_counts=True)
    ranks = np.arange(len(values)) + 0.5
    scores = ndtri(ranks / len(values))
    # in ascending order of the values, ties stand side by side
    return knots, np.bincount(np.sort(where), scores) / counts


def _interpolated(name: str, values: Array, knots: Array, scores: Array) -> Warp:
    latent = np.interp(values, knots, scores)

    scores = (scores - latent.mean()) / latent.std()
    return Warp(
        name,
        lambda y: np.interp(y, knots, scores),
        lambda h: np.interp(h, scores, knots),
        float(np.abs(scores).max()),
    )
