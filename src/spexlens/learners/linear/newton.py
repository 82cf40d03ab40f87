"""Newton's method for linear heads: the exact optimum for many subsets at once."""

from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from spexlens.learners.linear.losses import Array, Curvature, Loss, inner

_EXACT = 1e-8  # how far a score may be from the optimum's, the largest being one
_STEPS = 100
_PRODUCTS = 300
# How well a direction solves its equations, far from the optimum and near it (forcing
# terms: Nocedal & Wright, "Numerical Optimization", 2nd edition, section 7.1).
_LOOSE = 0.1
_TIGHT = 1e-4
# What part of the slope's promise a step has to keep (the same, section 3.1).
_ARMIJO = 1e-4
_SHORTEST = 1e-9  # of a step, whose halves change nothing in double precision
_TINY = float(np.finfo(np.float32).tiny)

Parameters = tuple[Array, ...]
"""Of a linear head, each array with a row a subset."""


@dataclass(frozen=True)
class Move:
    """A direction for the parameters.

    Attributes:
        parameters: how they change.
        scores: (m, c, N), how the scores change.
        slope, bend: (m,), how the penalty does: by t slope + ½ t² bend after t times
            the move.
    """

    parameters: Parameters
    scores: Array
    slope: Array
    bend: Array


class Form(ABC):
    """A way to write the head w, b of scores X w + b, with the penalty ½|w|²."""

    @abstractmethod
    def start(self, weights: Array, found: Parameters | None) -> Parameters:
        """Parameters to begin with.

        Args:
            weights: (m, N), of the examples.
            found: the parameters for one row of other weights, or None for zero.
        """

    @abstractmethod
    def scores(self, parameters: Parameters) -> Array:
        """(m, c, N), of the examples."""

    @abstractmethod
    def penalty(self, parameters: Parameters) -> Array:
        """(m,), ½|w|²."""

    @abstractmethod
    def direction(
        self, parameters: Parameters, residual: Array, curvature: Curvature, rest: Array
    ) -> Move:
        """Newton's step, but for a rest.

        Args:
            parameters: where it begins.
            residual: (m, c, N), minus the gradient of the loss.
            curvature: of the loss.
            rest: (m,), what part of the step's equations may stay unsolved.
        """

    @abstractmethod
    def answers(self, parameters: Parameters, features: NDArray[np.float64]) -> Array:
        """(m, t, c), the scores of other examples, (t, d) float64."""


def minimise(
    form: Form,
    loss: Loss,
    weights: NDArray[np.float64],
    found: Parameters | None = None,
) -> tuple[Parameters, NDArray[np.bool_]]:
    """The minimum of the loss plus ½|w|² for each row of weights.

    It is found to about 1e-8 of the scores.

    Newton's method with a line search; the directions come from conjugate gradients in
    single precision, for all subsets at once, whose errors the next step makes good.

    Args:
        form: how the head is written.
        loss: of N scores.
        weights: (m, N) float64, of each example in the loss; 0 where it is left out.
        found: the parameters of one row, to begin with.

    Returns:
        The parameters, and (m,) bool, where the optimum was reached.
    """
    parameters = form.start(weights, found)
    state = _State.at(form, loss, weights[:, None], parameters)

    result = tuple(part.copy() for part in parameters)
    subsets = len(weights)

    converged = np.zeros(subsets, np.bool_)
    active = np.arange(subsets)
    rest = np.full(subsets, _LOOSE)

    for _ in range(_STEPS):
        curvature = loss.curvature(state.point, state.weights)
        move = form.direction(state.parameters, state.residual, curvature, rest)

        state, length = _searched(loss, state, move)
        for part, reached in zip(result, state.parameters, strict=True):
            part[active] = reached

        moved = _largest(move.scores)
        done = _arrived(moved, rest, _largest(state.scores))
        converged[active[done]] = True

        if done.all():
            break

        # those that arrived would only cost products
        rest = _next_rest(rest, length, moved)[~done]
        active = active[~done]
        state = state.taken(~done)
    return result, converged


def _arrived(moved: Array, rest: Array, largest: Array) -> NDArray[np.bool_]:
    """Whether the scores, (m,) the largest, are the optimum's after a step.

    Near the optimum a step leaves its square, and what its equations left.
    """
    left = moved * np.maximum(moved, rest)
    return np.asarray(left <= _EXACT * (1.0 + largest))


def _next_rest(rest: Array, length: Array, moved: Array) -> Array:
    """(m,), what part of the next step's equations may stay unsolved."""
    # Where a step was halved, the direction was poor, and so was the solution.
    tighter = np.where(length < 1.0, 0.1 * rest, moved)
    return np.clip(tighter, _TIGHT, _LOOSE)


def _largest(scores: Array) -> Array:
    """(m,), of each subset's scores."""
    return np.asarray(np.abs(scores).max(axis=(1, 2)))


@dataclass(frozen=True)
class _State:
    """Where the search is, for the subsets that are not done."""

    weights: Array
    parameters: Parameters
    scores: Array
    penalty: Array
    loss: Array
    residual: Array
    point: Array

    @classmethod
    def at(
        cls, form: Form, loss: Loss, weights: Array, parameters: Parameters
    ) -> "_State":
        scores = form.scores(parameters)
        penalty = form.penalty(parameters)
        return cls(weights, parameters, scores, penalty, *loss.at(scores, weights))

    def moved(self, loss: Loss, move: Move, length: Array) -> "_State":
        """After so much of a move, (m,)."""
        wide = length[:, None, None]

        parts = zip(self.parameters, move.parameters, strict=True)
        parameters = tuple(part + wide * change for part, change in parts)

        scores = self.scores + wide * move.scores
        rise = length * move.slope

        penalty = self.penalty + rise + 0.5 * length**2 * move.bend
        at_scores = loss.at(scores, self.weights)
        return _State(self.weights, parameters, scores, penalty, *at_scores)

    def taken(self, rows: NDArray[np.bool_]) -> "_State":
        """Some of the subsets."""
        if rows.all():
            return self
        return _State(
            self.weights[rows],
            tuple(part[rows] for part in self.parameters),
            self.scores[rows],
            self.penalty[rows],
            self.loss[rows],
            self.residual[rows],
            self.point[rows],
        )


def _searched(loss: Loss, state: _State, move: Move) -> tuple[_State, Array]:
    """The state after a step that lowers the objective: the move, halved until it does.

    Where only rounding keeps a step from lowering it, the step is taken as it is.

    Returns:
        The state, and what part of the move was taken, (m,).
    """
    gain = inner(state.residual, move.scores)
    slope = move.slope - gain

    before = state.loss + state.penalty
    rounding = 1e-13 * np.abs(before)

    length = np.ones(len(before))
    while True:
        tried = state.moved(loss, move, length)
        after = tried.loss + tried.penalty

        promised = _ARMIJO * length * slope
        allowed = before + promised + rounding

        high = ~(after <= allowed)  # so that what is no number counts as high
        if not high.any() or length[high].max() < _SHORTEST:
            return tried, length
        length[high] *= 0.5


def conjugate_gradients(
    product: Callable[[Array], Array],
    preconditioned: Callable[[Array], Array],
    target: Array,
    rest: Array,
) -> Array:
    """x with A x = target, for each of m positive definite A: (m, c, k) float32.

    Preconditioned (Nocedal & Wright, "Numerical Optimization", 2nd edition, algorithm
    5.3), for all of them at once: those that are done wait for the others.

    Args:
        product: A x.
        preconditioned: x times something like the inverse of A.
        target: float32.
        rest: (m,), what part of the target may be missed.
    """
    # from zero, where what is missed is the target itself
    residual = target.copy()
    x = np.zeros_like(target)

    search = preconditioned(residual)
    power = _dot(residual, search)

    # the power is a square, and so is the part of it that may stay
    share = rest[:, None, None].astype(np.float32) ** 2
    enough = np.maximum(share * power, _TINY)

    for _ in range(_PRODUCTS):
        image = product(search)
        bend = np.maximum(_dot(search, image), _TINY)

        # a step of zero for those that are done: they stay where they are
        going = power > enough
        length = np.where(going, power / bend, 0.0)

        x += length * search
        residual -= length * image

        scaled = preconditioned(residual)
        before = np.maximum(power, _TINY)
        power = np.where(going, _dot(residual, scaled), 0.0)

        if not (power > enough).any():
            break

        turn = power / before
        search = scaled + turn * search
    return x


def _dot(x: Array, y: Array) -> Array:
    """(m, 1, 1), the inner product for each subset."""
    rows = x.reshape(len(x), 1, -1)
    columns = y.reshape(len(x), 1, -1).transpose(0, 2, 1)
    return rows @ columns
