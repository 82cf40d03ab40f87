"""Losses of a linear head: value, residual and curvature at given scores."""

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]  # float64; float32 where a direction is looked for

_LEAST = 1e-10  # of a probability, in the curvature alone


def inner(x: Array, y: Array) -> Array:
    """The inner product of each subset: (m, c, N) and (m, c, N) -> (m,)."""
    return np.asarray(np.einsum("mcn,mcn->m", x, y))


class Curvature(ABC):
    """The curvature W of a loss at the scores of a batch of subsets, W = S Sᵀ.

    In float32. Arrays are (m, c, N): m subsets, c scores, N examples.
    """

    @abstractmethod
    def times(self, x: Array) -> Array:
        """W x."""

    @abstractmethod
    def root(self, x: Array) -> Array:
        """S x."""

    @abstractmethod
    def transposed(self, x: Array) -> Array:
        """Sᵀ x, also for x of shape (m, c, 1), the same for all examples."""

    @abstractmethod
    def unrooted(self, x: Array) -> Array:
        """The shortest y with S y = x, for x that S can give."""

    @abstractmethod
    def solve(self, sums: Array) -> Array:
        """The intercepts b for which W b, summed over the examples, is `sums`.

        (m, c, 1) -> (m, c, 1).
        """

    @abstractmethod
    def diagonal(self) -> Array:
        """The diagonal of SᵀS, about: (m, c, N)."""

    def seen(self, x: Array) -> Array:
        """x, (m, c, k), less what W cannot see of it whatever the example."""
        return x


class Diagonal(Curvature):
    """Each score has a curvature of its own."""

    def __init__(self, curvature: Array) -> None:
        self._whole = curvature.astype(np.float32)

        self._root = np.sqrt(self._whole)
        # A subset without examples has none to divide by.
        self._total = np.maximum(self._whole.sum(axis=2, keepdims=True), 1e-30)

    def times(self, x: Array) -> Array:
        return self._whole * x

    def root(self, x: Array) -> Array:
        return self._root * x

    def transposed(self, x: Array) -> Array:
        return self._root * x

    def unrooted(self, x: Array) -> Array:
        return _divided(x, self._root)

    def solve(self, sums: Array) -> Array:
        return np.asarray(sums / self._total)

    def diagonal(self) -> Array:
        return self._whole


class Coupled(Curvature):
    """Of a softmax: W = w (D - π πᵀ), D = diag π; its root is S = √w D½ (I - √π √πᵀ)."""

    def __init__(self, likely: Array, weights: Array) -> None:
        likely = np.maximum(likely, _LEAST)
        likely /= likely.sum(axis=1, keepdims=True)

        weighted = weights * likely
        inverse = _inverse_of_total(likely, weighted)
        self._inverse = inverse.astype(np.float32)
        self._likely = likely.astype(np.float32)
        self._weighted = weighted.astype(np.float32)

        self._unit = np.sqrt(self._likely)
        strength = np.sqrt(weights).astype(np.float32)
        self._root = strength * self._unit

    def times(self, x: Array) -> Array:
        return np.asarray(self._weighted * (x - _summed(self._likely, x)))

    def root(self, x: Array) -> Array:
        return np.asarray(self._root * (x - self._unit * _summed(self._unit, x)))

    def transposed(self, x: Array) -> Array:
        x = self._root * x
        return np.asarray(x - self._unit * _summed(self._unit, x))

    def unrooted(self, x: Array) -> Array:
        return _divided(x, self._root)

    def solve(self, sums: Array) -> Array:
        return self._inverse @ sums

    def diagonal(self) -> Array:
        return np.asarray(self._weighted * (1.0 - self._likely))

    def seen(self, x: Array) -> Array:
        return np.asarray(x - x.mean(axis=1, keepdims=True))


def _inverse_of_total(likely: Array, weighted: Array) -> Array:
    """(m, c, c), of Σ W over the examples: that of the intercepts alone."""
    total = -weighted @ likely.transpose(0, 2, 1)

    classes = np.arange(likely.shape[1])
    total[:, classes, classes] += weighted.sum(axis=2)

    # A shift of all intercepts changes nothing: give it a curvature, so that there is
    # an inverse.
    shift = np.trace(total, axis1=1, axis2=2) / len(classes) ** 2
    shift = np.maximum(shift, 1e-30)

    return np.linalg.inv(total + shift[:, None, None])


def _divided(x: Array, root: Array) -> Array:
    """x over a root, 0 where that is 0: an example that is left out weighs nothing."""
    quotients = np.zeros_like(x)
    return np.asarray(np.divide(x, root, out=quotients, where=root > 0))


def _summed(x: Array, y: Array) -> Array:
    """The inner product over the scores, (m, 1, N)."""
    wide = np.broadcast_to(y, x.shape)
    return np.asarray(np.einsum("mcn,mcn->mn", x, wide)[:, None])


class Loss(ABC):
    """A convex loss of c scores for each of N examples, summed with weights.

    Attributes:
        columns: c.
    """

    columns: int

    @abstractmethod
    def at(self, scores: Array, weights: Array) -> tuple[Array, Array, Array]:
        """The loss, minus its gradient, and the point of `curvature`.

        Args:
            scores: (m, c, N).
            weights: (m, 1, N).

        Returns:
            (m,), (m, c, N) and (m, c, N), from which `curvature` tells the curvature at
                these scores.
        """

    @abstractmethod
    def curvature(self, point: Array, weights: Array) -> Curvature:
        """At the scores for which `at` gave this point."""


@dataclass(frozen=True)
class Logistic(Loss):
    """ln(1 + e^∓f), one score an example.

    Attributes:
        positive: (N,) bool, which examples are of the second class.
    """

    positive: NDArray[np.bool_]
    columns: int = 1

    def at(self, scores: Array, weights: Array) -> tuple[Array, Array, Array]:
        margin = np.where(self.positive, scores, -scores)
        # e^-|f| is at most one, whatever the score: no power overflows.
        small = np.exp(-np.abs(margin))

        # ln(1 + e^-f) = ln(1 + e^-|f|) + max(-f, 0)
        losses = np.log1p(small) + np.maximum(-margin, 0.0)
        wrong = np.where(margin > 0, small, 1.0) / (1.0 + small)

        residual = np.where(self.positive, weights, -weights) * wrong
        return inner(weights, losses), residual, wrong

    def curvature(self, point: Array, weights: Array) -> Curvature:
        return Diagonal(weights * np.maximum(point * (1.0 - point), _LEAST))


@dataclass(frozen=True)
class Softmax(Loss):
    """-ln of the softmax of c scores at the label.

    Attributes:
        labels: (N,) int64, the examples' classes.
        columns: c.
    """

    labels: NDArray[np.int64]
    columns: int

    def at(self, scores: Array, weights: Array) -> tuple[Array, Array, Array]:
        # The largest is taken off first, so that no power overflows.
        largest = scores.max(axis=1, keepdims=True)
        shifted = scores - largest

        powers = np.exp(shifted)
        total = powers.sum(axis=1, keepdims=True)
        likely = powers / total

        examples = np.arange(len(self.labels))
        at_labels = (slice(None), self.labels, examples)
        losses = np.log(total[:, 0]) - shifted[at_labels]
        weight = weights[:, 0]

        residual = -weights * likely
        residual[at_labels] += weight

        loss = np.einsum("mn,mn->m", weight, losses)
        return loss, residual, likely

    def curvature(self, point: Array, weights: Array) -> Curvature:
        return Coupled(point, weights)


@dataclass(frozen=True)
class Squared(Loss):
    """½ (f - y)², one score a target.

    Attributes:
        targets: (c, N) float64.
    """

    targets: NDArray[np.float64]

    @property
    def columns(self) -> int:  # type: ignore[override]
        """The targets of an example."""
        return len(self.targets)

    def at(self, scores: Array, weights: Array) -> tuple[Array, Array, Array]:
        missing = self.targets - scores
        residual = weights * missing
        return 0.5 * inner(residual, missing), residual, scores

    def curvature(self, point: Array, weights: Array) -> Curvature:
        return Diagonal(np.broadcast_to(weights, point.shape))
