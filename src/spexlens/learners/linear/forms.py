"""Forms of a linear head: a weight a feature, or a coefficient an example."""

import numpy as np
from numpy.typing import NDArray

from spexlens.learners.linear.losses import Array, Curvature, inner
from spexlens.learners.linear.newton import Form, Move, Parameters, conjugate_gradients


def form_of(features: NDArray[np.float64], columns: int) -> Form:
    """The form that is less work for (N, d) features and so many scores an example."""
    if len(features) <= 2 * features.shape[1]:
        return Dual(features, columns)
    return Primal(features, columns)


class Dual(Form):
    """w = Xᵀ a: parameters a (m, c, N), b (m, c, 1), and K a, where K = X Xᵀ.

    With residual r and curvature W = S Sᵀ, Newton's step is a + δ = r - W (K δ + β).
    For δ = S x it is (I + Sᵀ K S) x + Sᵀ β = S⁺ (r - a), which stays well conditioned
    (Rasmussen & Williams, "Gaussian Processes for Machine Learning", 2006, section
    3.4); and a + δ sums to zero over the examples, since intercepts are not penalised:
    they are projected out.
    """

    def __init__(self, features: NDArray[np.float64], columns: int) -> None:
        self._features = features
        self._columns = columns
        self._gram = features @ features.T
        # Directions are found in single precision, which is twice as fast.
        self._single = self._gram.astype(np.float32)
        self._diagonal = np.diag(self._single)

    def start(self, weights: Array, found: Parameters | None) -> Parameters:
        if found is None:
            subsets, examples = weights.shape
            shape = (subsets, self._columns, examples)
            intercepts = np.zeros((subsets, self._columns, 1))
            return np.zeros(shape), intercepts, np.zeros(shape)
        coefficients, intercepts, _ = found

        # An example that is left out has no coefficient at the optimum.
        a = (weights[:, None] > 0) * coefficients
        b = np.repeat(intercepts, len(a), axis=0)

        return a, b, _along(a, self._gram)

    def scores(self, parameters: Parameters) -> Array:
        return parameters[2] + parameters[1]

    def penalty(self, parameters: Parameters) -> Array:
        a, _, products = parameters
        return np.asarray(0.5 * inner(a, products))

    def direction(
        self, parameters: Parameters, residual: Array, curvature: Curvature, rest: Array
    ) -> Move:
        a, _, products = parameters
        target = curvature.unrooted((residual - a).astype(np.float32))

        sums = a.sum(axis=2, keepdims=True)
        x = self._rooted_step(curvature, target, sums.astype(np.float32), rest)

        da = curvature.root(x).astype(np.float64)
        # In double precision, so that products stay those of the coefficients.
        dk = _along(da, self._gram)

        left = target - x - curvature.transposed(dk.astype(np.float32))
        db = _intercepts(curvature, left).astype(np.float64)
        slope = inner(da, products)

        return Move((da, db, dk), dk + db, slope, inner(da, dk))

    def answers(self, parameters: Parameters, features: NDArray[np.float64]) -> Array:
        a, b, _ = parameters
        return (_along(a, self._features @ features.T) + b).transpose(0, 2, 1)

    def _rooted_step(
        self, curvature: Curvature, target: Array, sums: Array, rest: Array
    ) -> Array:
        """x, of which S x is the step of the coefficients, whose sums are (m, c, 1)."""
        # This part makes the sums vanish; the rest changes none.
        x = curvature.transposed(curvature.solve(-sums))

        missing = target - self._applied(curvature, x)
        return x + self._solved(curvature, missing, rest)

    def _applied(self, curvature: Curvature, x: Array) -> Array:
        """(I + Sᵀ K S) x."""
        return x + curvature.transposed(_along(curvature.root(x), self._single))

    def _solved(self, curvature: Curvature, target: Array, rest: Array) -> Array:
        """x with (I + Sᵀ K S) x = target, but for what intercepts explain of either."""
        inverse = 1.0 / (1.0 + curvature.diagonal() * self._diagonal)

        def product(x: Array) -> Array:
            return _centred(curvature, self._applied(curvature, x))

        def preconditioned(x: Array) -> Array:
            return _centred(curvature, inverse * x)

        centred = _centred(curvature, target)
        return conjugate_gradients(product, preconditioned, centred, rest)


class Primal(Form):
    """Parameters (m, c, d + 1): w and b.

    Directions are preconditioned by the Hessian at the parameters that one is told to
    begin with, and at the mean weights: where subsets differ in few of many examples,
    two or three products do.
    """

    def __init__(self, features: NDArray[np.float64], columns: int) -> None:
        self._columns = columns
        self._features = _with_constant(features)
        self._single = self._features.astype(np.float32)
        self._penalised = np.ones(features.shape[1] + 1)
        self._penalised[-1] = 0.0

    def start(self, weights: Array, found: Parameters | None) -> Parameters:
        if found is not None:
            return (np.repeat(found[0], len(weights), axis=0),)
        return (np.zeros((len(weights), self._columns, self._features.shape[1])),)

    def scores(self, parameters: Parameters) -> Array:
        return _along(parameters[0], self._features.T)

    def penalty(self, parameters: Parameters) -> Array:
        squares = np.einsum("mck,k->m", parameters[0] ** 2, self._penalised)
        return np.asarray(0.5 * squares)

    def direction(
        self, parameters: Parameters, residual: Array, curvature: Curvature, rest: Array
    ) -> Move:
        (w,) = parameters
        features = self._single
        penalty = self._penalised.astype(np.float32)

        inverse = self._preconditioner(curvature)
        downhill = _along(residual, self._features) - self._penalised * w

        def product(x: Array) -> Array:
            pulled = curvature.times(_along(x, features.T))
            return _along(pulled, features) + penalty * x

        def preconditioned(x: Array) -> Array:
            return curvature.seen(_along(x, inverse))

        target = downhill.astype(np.float32)
        step = conjugate_gradients(product, preconditioned, target, rest)
        step = step.astype(np.float64)

        # ½|w + t δ|² - ½|w|² = t w·δ + ½ t² δ·δ, the intercept apart
        penalised = self._penalised * step
        slope = inner(w, penalised)
        bend = inner(step, penalised)

        return Move((step,), _along(step, self._features.T), slope, bend)

    def answers(self, parameters: Parameters, features: NDArray[np.float64]) -> Array:
        return _along(parameters[0], _with_constant(features).T).transpose(0, 2, 1)

    def _preconditioner(self, curvature: Curvature) -> Array:
        """The inverse Hessian for one score, at the mean curvature."""
        mean = curvature.diagonal().mean(axis=(0, 1))
        hessian = (self._single.T * mean) @ self._single + np.diag(self._penalised)
        # The intercept has no penalty, without which there may be no inverse.
        hessian[-1, -1] += 1e-6 * hessian[-1, -1]

        return np.linalg.inv(hessian).astype(np.float32)


def _along(x: Array, matrix: Array) -> Array:
    """x times a matrix, along the last axis: (m, c, k) and (k, l) -> (m, c, l)."""
    # One large product is faster than m small ones.
    rows = x.reshape(-1, x.shape[-1])
    return (rows @ matrix).reshape(*x.shape[:-1], matrix.shape[1])


def _with_constant(features: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.concatenate([features, np.ones((len(features), 1))], axis=1)


def _intercepts(curvature: Curvature, x: Array) -> Array:
    """(m, c, 1), the intercepts b that minimise |x - Sᵀ b|²."""
    return curvature.solve(curvature.root(x).sum(axis=2, keepdims=True))


def _centred(curvature: Curvature, x: Array) -> Array:
    """x less what intercepts explain of it."""
    return x - curvature.transposed(_intercepts(curvature, x))
