"""Influence: what each example does to a linear head's answers, without training again.

Both ways start from the head θ* that is trained on everything, with gradients g of the
examples' losses and the Hessian H of the whole objective there, and both say how the
answer about a test point differs between training with an example and training without
it:

- `influence` to first order, -∇f · H⁻¹ g;
- `leave_one_out` by Newton's step from θ* for the objective without the example, which
  for ridge is exact.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from spexlens.errors import InvalidInput
from spexlens.learners.classes import classes_of, labels_as
from spexlens.learners.learner import Task
from spexlens.learners.linear.heads import LogisticHead, RidgeHead
from spexlens.learners.linear.watched import (
    Array,
    Watched,
    log_odds,
    margin,
    prediction,
)
from spexlens.masks.one_thread import one_thread

Head = LogisticHead | RidgeHead

_LARGEST = 10_000  # rows of a Hessian: 800 MB


def influence(head: Head, task: Task) -> Array:
    """How keeping each example changes what is watched, to first order.

    It is the derivative of what is watched by the example's weight in the loss, at
    weight one: -∇f · H⁻¹ g with the exact Hessian (Koh & Liang, "Understanding
    black-box predictions via influence functions", ICML 2017, section 2.1, whose sign
    is that of the loss at the test point and so the opposite).

    Args:
        head: its C or alpha; trained once, on everything.
        task: inputs (N, d) and tests (t, d). Watched are the log-odds of a test point's
            class at a logistic head, its margin at a ridge head, the prediction of a
            number; of the class that is predicted, where the test points have no
            labels.

    Returns:
        (N, t) float64, positive where keeping the example raises what is watched.

    Raises:
        InvalidInput: the head cannot do this task, or there are too many features and
            classes.
    """
    columns = []
    with one_thread():
        at = _optimum_of(head, task)
        for row in range(len(at.tests)):
            _, slopes = at.watched(row)
            columns.append(at.change(row, at.residuals) @ slopes)
    return np.stack(columns, axis=1)


def leave_one_out(head: Head, task: Task) -> Array:
    """How what is watched differs from that after training without each example.

    Newton's step without example i, whose curvature is W and whose leverage is L = Zᵀ
    H⁻¹ Z, is that of the whole Hessian for the gradient (I - W L)⁻¹ g. At a ridge head
    it arrives: the result is that of training anew. At a logistic head it is the
    approximation of Pregibon, "Logistic regression diagnostics", Annals of Statistics
    1981, and for several classes of Rad & Maleki, "A scalable estimate of the
    out-of-sample prediction error via approximate leave-one-out cross-validation", JRSS
    B 2020; of a class without any other example it tells less, since training anew
    would not know the class.

    Args and raises as of `influence`.

    Returns:
        (N, t) float64, what is watched with all examples less what is watched without
            this one.
    """
    whole = []
    without = []
    with one_thread():
        at = _optimum_of(head, task)
        pulls = at.pulls_without()
        for row in range(len(at.tests)):
            with_all, _ = at.watched(row)
            with_one_less, _ = at.watched(row, at.change(row, pulls))
            whole.append(with_all)
            without.append(with_one_less)
    return np.array(whole) - np.stack(without, axis=1)


@dataclass(frozen=True)
class _Optimum:
    """A head trained on everything: p features by k scores by m targets.

    The constant is one of the features. Each target has k scores, with weights of
    their own; m is 1 but for a ridge head, whose classes share a Hessian.

    Attributes:
        rows, tests: (N, p) and (t, p), features.
        residuals: (N, k, m), minus the derivatives of an example's loss by its scores.
        curvature: (N, k, k), its second derivatives.
        inverse: (k, p, k, p), of the Hessian.
        basis: (c, k m), what the scores mean for the answers.
        answers: (t, c).
        labels: (t,) int64, the class that is watched.
        outcome: what is watched of answers.
    """

    rows: Array
    tests: Array
    residuals: Array
    curvature: Array
    inverse: Array
    basis: Array
    answers: Array
    labels: NDArray[np.int64]
    outcome: Watched

    def change(self, row: int, pulls: Array) -> Array:
        """What each example changes in the answers about a test point.

        Args:
            row: the test point's.
            pulls: (N, k, m), how each example pulls at its own scores.

        Returns:
            (N, c).
        """
        k, p = self.inverse.shape[:2]
        # H⁻¹ z of the test point is the same for all examples.
        reach = (self.inverse @ self.tests[row]).transpose(1, 0, 2)

        # all pairs of scores at once: one product of matrices, not k² of vectors
        products = self.rows @ reach.reshape(p, k * k)
        products = products.reshape(-1, k, k)

        changes = np.einsum("nij,nim->njm", products, pulls)
        return np.asarray(changes.reshape(len(pulls), -1) @ self.basis.T)

    def pulls_without(self) -> Array:
        """(N, k, m), (I - W L)⁻¹ g: how leaving each example out pulls at its scores."""
        scores = self.curvature.shape[1]

        rest = np.eye(scores) - self.curvature @ self._leverage()
        return np.asarray(np.linalg.solve(rest, self.residuals), dtype=np.float64)

    def _leverage(self) -> Array:
        """(N, k, k), how an example's scores answer to a pull at them."""
        k = self.inverse.shape[0]
        leverage = np.empty((k, k, len(self.rows)))

        for i in range(k):
            for j in range(k):
                reached = self.rows @ self.inverse[i, :, j]
                # zᵀ H⁻¹ z of each example; all pairs of examples would be N² numbers
                leverage[i, j] = np.einsum("np,np->n", reached, self.rows)
        return leverage.transpose(2, 0, 1)

    def watched(self, row: int, less: Array | float = 0.0) -> tuple[Array, Array]:
        """What is watched of a test point's answers, and its derivatives by them.

        Args:
            row: the test point's.
            less: a change of the answers that is taken off them.
        """
        return self.outcome(self.answers[row] - less, int(self.labels[row]))


def _optimum_of(head: Head, task: Task) -> _Optimum:
    _refuse(head, task)
    centre = task.inputs.mean(axis=0)
    inputs = task.inputs - centre
    tests = task.tests - centre

    # the optimum lies in the examples' span, where the Hessian is smaller
    if inputs.shape[1] > len(inputs):
        inputs, tests = _rotated(inputs, tests)

    rows = _with_constant(inputs)
    tests = _with_constant(tests)

    if isinstance(head, LogisticHead):
        return _logistic(head, task, rows, tests)
    return _ridge(head, task, rows, tests)


def _refuse(head: Head, task: Task) -> None:
    """What the head cannot do, and a Hessian that is too large."""
    classes = head.prepare(task).classes
    scores = 1
    if isinstance(head, LogisticHead) and classes is not None:
        scores = len(classes) - 1
    rows = scores * (min(task.inputs.shape) + 1)
    if rows > _LARGEST:
        raise InvalidInput(
            f"a Hessian of {rows} rows is too large to invert, the most are {_LARGEST}:"
            " choose by gradient similarity, or give fewer features"
        )


def _logistic(head: LogisticHead, task: Task, rows: Array, tests: Array) -> _Optimum:
    classes, codes = classes_of(task, "a logistic head")
    one_hot = np.eye(len(classes))
    # as many scores as are free: of all classes', the intercepts' Hessian is singular
    basis = _basis(len(classes))

    about_rows, answers = _trained_on_everything(head, task, rows, tests)
    likely = np.exp(about_rows)

    # Of a softmax, by the scores of all classes: diag π - π πᵀ.
    by_class = likely[:, :, None] * (one_hot - likely[:, None, :])
    curvature = head.C * (basis.T @ by_class @ basis)

    missing = one_hot[codes] - likely
    return _Optimum(
        rows,
        tests,
        residuals=head.C * (missing @ basis)[:, :, None],
        curvature=curvature,
        inverse=_inverse(rows, curvature, 1.0),
        basis=basis,
        answers=answers,
        labels=_labels(task, classes, answers),
        outcome=log_odds,
    )


def _trained_on_everything(
    head: LogisticHead, task: Task, rows: Array, tests: Array
) -> tuple[Array, Array]:
    """Log-probabilities of the examples, (N, c), and of the test points, (t, c)."""
    features = rows[:, :-1]  # a head has an intercept of its own
    points = np.concatenate([rows, tests])[:, :-1]

    trainer = head.prepare(Task(features, task.labels, points, None))
    everything = np.ones((1, len(rows)), np.bool_)

    fitted = trainer.fit(everything, np.zeros(1, np.int64))
    about = fitted.answers[0]
    return about[: len(rows)], about[len(rows) :]


def _ridge(head: RidgeHead, task: Task, rows: Array, tests: Array) -> _Optimum:
    curvature = np.ones((len(rows), 1, 1))
    inverse = _inverse(rows, curvature, head.alpha)

    if task.numeric:
        assert task.labels is not None
        # equal labels have residuals of exactly zero
        targets = task.labels[:, None] - task.labels[0]
    else:
        classes, codes = classes_of(task, "a ridge head")
        targets = 2.0 * np.eye(len(classes))[codes] - 1.0

    weights = inverse[0, :, 0] @ (rows.T @ targets)
    answers = tests @ weights

    numbers = np.zeros(len(tests), np.int64)
    return _Optimum(
        rows,
        tests,
        residuals=(targets - rows @ weights)[:, None, :],
        curvature=curvature,
        inverse=inverse,
        basis=np.eye(targets.shape[1]),
        answers=answers,
        labels=numbers if task.numeric else _labels(task, classes, answers),
        outcome=prediction if task.numeric else margin,
    )


def _rotated(inputs: Array, tests: Array) -> tuple[Array, Array]:
    """As many features as examples: (N, d) and (t, d), d > N -> (N, N) and (t, N).

    Inner products with the examples stay as they are, and so does the optimum with its
    penalty: it lies in the span of the examples.
    """
    from scipy.linalg import qr_multiply

    turned, triangle = qr_multiply(inputs.T, tests, mode="right")
    return np.asarray(triangle.T), np.asarray(turned)


def _inverse(rows: Array, curvature: Array, penalty: float) -> Array:
    """(k, p, k, p), of the Hessian: Σ W ⊗ z zᵀ and the penalty of all but the constant."""
    k = curvature.shape[1]
    p = rows.shape[1]

    penalties = np.full(p, penalty)
    penalties[-1] = 0.0

    hessian = np.zeros((k, p, k, p))
    for i in range(k):
        # a block at a time: all weighted rows at once would be k² copies of them
        for j in range(k):
            weights = curvature[:, i, j, None]
            hessian[i, :, j] += rows.T @ (weights * rows)
        hessian[i, :, i] += np.diag(penalties)

    size = k * p
    inverse = np.linalg.inv(hessian.reshape(size, size))

    inverse = inverse.reshape(k, p, k, p)
    return np.asarray(inverse, dtype=np.float64)


def _basis(classes: int) -> Array:
    """(c, k), what scores say of each class.

    Of two classes the score is that of the second; of more, scores sum to zero.
    A shift of all classes' scores changes no probability, and the penalty keeps the
    weights free of it.
    """
    if classes == 2:
        return np.array([[0.0], [1.0]])
    return np.linalg.qr(np.eye(classes) - 1.0 / classes)[0][:, :-1]


def _labels(task: Task, classes: NDArray[Any], answers: Array) -> NDArray[np.int64]:
    """(t,), the test points' classes, or those predicted."""
    if task.test_labels is None:
        return np.asarray(answers.argmax(axis=1))
    return labels_as(classes, task.test_labels)


def _with_constant(features: Array) -> Array:
    return np.concatenate([features, np.ones((len(features), 1))], axis=1)
