"""Linear heads: the optimum of every subset is scikit-learn's, however the subsets
come.
"""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from sklearn.datasets import load_digits
from sklearn.linear_model import LogisticRegression, Ridge, RidgeClassifier

from spexlens import LogisticHead, RidgeHead, SpexlensError
from spexlens.learners.learner import Learner, Task
from spexlens.learners.linear.forms import Dual, Primal, form_of
from spexlens.masks import designs

Array = NDArray[np.float64]
DIGITS = load_digits()


def unseeded(kept: NDArray[np.bool_]) -> NDArray[np.int64]:
    """Seeds for training that draws no random number."""
    return np.zeros(len(kept), np.int64)


def log_odds(
    features: Array, labels: NDArray[np.int64], tests: Array, c: float
) -> Array:
    """Of scikit-learn, by its own Newton solver, converged: (t, classes)
    log-probabilities.
    """
    fit = LogisticRegression(C=c, solver="newton-cholesky", tol=1e-12, max_iter=10_000)
    scores = fit.fit(features, labels).decision_function(tests)
    scores = (
        np.stack([np.zeros_like(scores), scores], axis=1)
        if scores.ndim == 1
        else scores
    )
    shifted = scores - scores.max(axis=1, keepdims=True)
    return np.asarray(shifted - np.log(np.exp(shifted).sum(axis=1, keepdims=True)))


def furthest(task: Task, kept: NDArray[np.bool_], c: float) -> float:
    """The largest difference from scikit-learn, in differences of log-probabilities
    between classes.
    """
    found = LogisticHead(C=c).prepare(task).fit(kept, unseeded(kept)).answers
    classes = np.unique(task.labels)
    worst = 0.0
    for mask, answers in zip(kept, found, strict=True):
        labels = task.labels[mask]
        present = np.isin(classes, labels)
        if present.sum() > 1:
            expected = log_odds(task.inputs[mask], labels, task.tests, c)
            own = answers[:, present]
            apart = (own - own[:, :1]) - (expected - expected[:, :1])
            worst = max(worst, float(np.abs(apart).max()))
    return worst


def test_every_subset_of_eight_examples_has_scikit_learns_optimum() -> None:
    rng = np.random.default_rng(0)
    task = Task(
        rng.normal(size=(8, 3)), np.arange(8) % 2, rng.normal(size=(5, 3)), None
    )
    for c in (0.1, 1.0, 30.0):
        assert furthest(task, designs.everything(8), c) < 1e-5


@pytest.mark.parametrize("scale", [0.05, 1.0, 30.0])
@pytest.mark.parametrize("c", [0.01, 1.0, 100.0])
def test_random_subsets_of_many_features_have_scikit_learns_optimum(
    scale: float, c: float
) -> None:
    rng = np.random.default_rng(1)
    features = scale * rng.normal(size=(70, 384))
    labels = (features @ rng.normal(size=384) > 0).astype(int)
    task = Task(features[:60], labels[:60], features[60:], None)
    assert isinstance(form_of(task.inputs, 1), Dual)
    assert furthest(task, rng.random((20, 60)) < 0.5, c) < 1e-5


@pytest.mark.parametrize(("count", "form"), [(60, Dual), (400, Primal)])
def test_ten_classes_of_which_some_may_be_missing_have_scikit_learns_optimum(
    count: int, form: type
) -> None:
    rng = np.random.default_rng(2)
    images = DIGITS.data / 16
    task = Task(images[:count], DIGITS.target[:count], images[1000:1005], None)
    assert isinstance(form_of(task.inputs, 10), form)
    assert (
        furthest(
            task, rng.random((12, count)) < rng.choice([0.1, 0.5, 0.9], (12, 1)), 1.0
        )
        < 1e-5
    )


def test_duplicates_constants_and_lopsided_classes_have_scikit_learns_optimum() -> None:
    rng = np.random.default_rng(3)
    features = rng.normal(size=(30, 5))
    features[10:20], features[:, 4] = features[:10], 7.0
    labels = np.where(np.arange(30) < 3, "rare", "common")
    task = Task(features, labels, rng.normal(size=(4, 5)), None)
    for c in (0.1, 10.0):
        assert furthest(task, rng.random((25, 30)) < 0.5, c) < 1e-5


def test_at_the_optimum_the_gradient_vanishes() -> None:
    """Of C Σ loss + ½|w|², written out; the head is read off its answers, which are
    linear in the inputs.
    """
    rng = np.random.default_rng(4)
    features, labels = rng.normal(size=(40, 3)), (rng.random(40) < 0.4).astype(int)
    kept = rng.random((10, 40)) < 0.6
    probes = np.concatenate([np.zeros((1, 3)), np.eye(3), features])
    found = (
        LogisticHead(C=2.0)
        .prepare(Task(features, labels, probes, None))
        .fit(kept, unseeded(kept))
        .answers
    )
    for mask, answers in zip(kept, found[..., 1] - found[..., 0], strict=True):
        intercept, weights = answers[0], answers[1:4] - answers[0]
        missing = labels - 1 / (1 + np.exp(-(features @ weights + intercept)))
        assert np.abs(weights - 2.0 * features[mask].T @ missing[mask]).max() < 1e-6
        assert abs(missing[mask].sum()) < 1e-6


@pytest.mark.parametrize("alpha", [0.1, 10.0])
@pytest.mark.parametrize("count", [20, 200])
def test_ridge_has_scikit_learns_optimum(alpha: float, count: int) -> None:
    rng = np.random.default_rng(5)
    images, numbers = (
        DIGITS.data / 16,
        DIGITS.target + rng.normal(size=len(DIGITS.target)),
    )
    tests, kept = images[1000:1004], rng.random((10, count)) < 0.6
    for labels, oracle in (
        (numbers, Ridge(alpha)),
        (DIGITS.target, RidgeClassifier(alpha)),
    ):
        task = Task(images[:count], labels[:count], tests, None)
        found = RidgeHead(alpha).prepare(task).fit(kept, unseeded(kept)).answers
        for mask, answers in zip(kept, found, strict=True):
            fit = oracle.fit(images[:count][mask], labels[:count][mask])
            if labels is numbers:
                assert np.allclose(answers[:, 0], fit.predict(tests), atol=1e-5)
            else:
                seen = np.isin(np.unique(DIGITS.target[:count]), fit.classes_)
                assert np.allclose(
                    answers[:, seen], fit.decision_function(tests), atol=1e-5
                )


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 10**6), st.integers(4, 30), st.integers(1, 40), st.integers(2, 4))
def test_neither_order_nor_company_changes_an_answer(
    seed: int, n: int, d: int, classes: int
) -> None:
    rng = np.random.default_rng(seed)
    features, tests = rng.normal(size=(n, d)), rng.normal(size=(3, d))
    labels = np.arange(n) % classes
    kept, order = rng.random((5, n)) < 0.6, rng.permutation(n)
    trainer = LogisticHead().prepare(Task(features, labels, tests, None))
    together = trainer.fit(kept, unseeded(kept)).answers
    apart = np.concatenate(
        [trainer.fit(mask[None], unseeded(mask[None])).answers for mask in kept]
    )
    shuffled = LogisticHead().prepare(Task(features[order], labels[order], tests, None))
    assert np.allclose(together, apart, atol=1e-6)
    assert np.allclose(
        together,
        shuffled.fit(kept[:, order], unseeded(kept[:, order])).answers,
        atol=1e-6,
    )


def test_a_class_without_an_example_is_as_likely_as_laplace_says() -> None:
    features = np.random.default_rng(6).normal(size=(9, 2))
    task = Task(features, np.array(["a", "b", "c"] * 3), features[:2], None)
    kept = np.array(
        [np.zeros(9), np.arange(9) % 3 == 0, np.arange(9) % 3 < 2, np.ones(9)], np.bool_
    )
    found = LogisticHead().prepare(task).fit(kept, unseeded(kept))
    likely = np.exp(found.answers)
    assert np.allclose(likely.sum(axis=2), 1.0)
    assert np.allclose(likely[0], 1 / 3)
    assert np.allclose(likely[1], [4 / 6, 1 / 6, 1 / 6])
    assert np.allclose(likely[2, :, 2], 1 / 9)
    assert sorted(found.remarks) == [0, 1, 2]
    assert "nothing was kept" in found.remarks[0]


def test_with_nothing_kept_ridge_predicts_the_mean_and_says_so() -> None:
    task = Task(np.eye(4), np.array([1.0, 2.0, 3.0, 6.0]), np.eye(4)[:2], None)
    found = (
        RidgeHead()
        .prepare(task)
        .fit(np.zeros((2, 4), np.bool_), unseeded(np.zeros((2, 4), np.bool_)))
    )
    assert np.allclose(found.answers, 3.0)
    assert set(found.remarks) == {0, 1}


def test_what_does_not_converge_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    rng = np.random.default_rng(7)
    task = Task(
        rng.normal(size=(20, 30)), np.arange(20) % 2, rng.normal(size=(2, 30)), None
    )
    trainer = LogisticHead(C=100.0).prepare(task)
    kept = rng.random((3, 20)) < 0.5
    assert trainer.fit(kept, unseeded(kept)).remarks == {}
    monkeypatch.setattr("spexlens.learners.linear.newton._STEPS", 1)
    found = trainer.fit(kept, unseeded(kept))
    assert np.isfinite(found.answers).all()
    assert set(found.remarks.values()) == {
        "training did not converge: it counts as far as it came"
    }


@pytest.mark.parametrize(
    ("learner", "labels", "textual", "message"),
    [
        (LogisticHead(), np.arange(6) % 2, True, "reads features, not texts"),
        (LogisticHead(C=0.0), np.arange(6) % 2, False, "C is a positive number"),
        (
            LogisticHead(C=float("nan")),
            np.arange(6) % 2,
            False,
            "C is a positive number",
        ),
        (RidgeHead(alpha=-1.0), np.arange(6) % 2, False, "alpha is a positive number"),
        (LogisticHead(), np.zeros(6, int), False, "two classes"),
        (LogisticHead(), np.linspace(0, 1, 6), False, "not numbers"),
    ],
)
def test_bad_input_is_one_line(
    learner: Learner, labels: NDArray[np.float64], textual: bool, message: str
) -> None:
    texts = np.array(["a"] * 6, dtype=object)
    inputs = texts if textual else np.eye(6)
    with pytest.raises(SpexlensError) as caught:
        learner.prepare(Task(inputs, labels, inputs[:1], None))
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)
