"""Influence and leave-one-out at linear heads: against training anew, and as what
chooses candidates.
"""

import csv
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from refusing import refused
from sklearn.datasets import load_digits
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.naive_bayes import GaussianNB
from typer.testing import CliRunner

from spexlens import DataLens, LogisticHead, RidgeHead
from spexlens.cli import app, main
from spexlens.learners.learner import Task
from spexlens.learners.linear import influence as influence_module
from spexlens.learners.linear.influence import Head, influence, leave_one_out
from spexlens.lenses.examples.choosing import SCREENINGS, choose
from spexlens.lenses.examples.outcomes import outcome_of

Array = NDArray[np.float64]
Watch = Callable[[Array], Array]

HEADS: list[tuple[Head, int]] = [
    (RidgeHead(0.7), 0),
    (RidgeHead(0.7), 2),
    (RidgeHead(0.7), 4),
    (LogisticHead(2.0), 2),
    (LogisticHead(2.0), 3),
    (LogisticHead(2.0), 5),
]
RIDGES, LOGISTICS = HEADS[:3], HEADS[3:]
FEATURES = pytest.mark.parametrize("features", [8, 100])


def heads(cases: list[tuple[Head, int]]) -> Any:
    names = [f"{type(head).__name__} {classes or 'numbers'}" for head, classes in cases]
    return pytest.mark.parametrize(("head", "classes"), cases, ids=names)


def drawn(
    classes: int, features: int, *, count: int = 60, labelled: bool = True
) -> Task:
    rng = np.random.default_rng([classes, features])
    inputs, points = (
        0.5 * rng.normal(size=(count, features)) + 1.0,
        rng.normal(size=(4, features)),
    )
    if not classes:
        return Task(inputs, inputs[:, 0] + rng.normal(size=count), points, None)
    scores = inputs @ rng.normal(size=(features, classes)) / np.sqrt(features)
    labels = np.argmax(
        scores - scores.mean(axis=0) + 0.5 * rng.gumbel(size=scores.shape), axis=1
    )
    return Task(inputs, labels, points, np.arange(4) % classes if labelled else None)


def answers(head: Head, task: Task, weights: Array) -> Array:
    """scikit-learn's scores of the test points, (t, c), of examples that are weighted
    so.
    """
    assert task.labels is not None
    if isinstance(head, LogisticHead):
        model = LogisticRegression(
            C=head.C, solver="newton-cholesky", tol=1e-13, max_iter=500
        )
        scores = model.fit(task.inputs, task.labels, weights).decision_function(
            task.tests
        )
        return (
            scores
            if scores.ndim == 2
            else np.stack([np.zeros_like(scores), scores], axis=1)
        )
    classes = np.unique(task.labels)
    targets = (
        task.labels
        if task.numeric
        else np.where(task.labels[:, None] == classes, 1.0, -1.0)
    )
    return (
        Ridge(head.alpha)
        .fit(task.inputs, targets, weights)
        .predict(task.tests)
        .reshape(4, -1)
    )


def watched(head: Head, task: Task) -> Watch:
    """The outcome, (t,), of answers (t, c): of the test points' labels, or of those
    predicted.
    """
    whole = answers(head, task, np.ones(len(task)))
    kind = "log-probabilities" if isinstance(head, LogisticHead) else "scores"
    outcome = outcome_of("predictions" if task.numeric else kind, None)[1]  # type: ignore[arg-type]
    labels = whole.argmax(axis=1) if task.test_labels is None else task.test_labels
    return lambda scores: outcome(scores[None], labels.astype(np.float64))[0]


@heads(HEADS)
@FEATURES
@pytest.mark.parametrize("labelled", [True, False], ids=["labelled", "predicted"])
def test_influence_is_the_derivative_by_an_examples_weight(
    head: Head, classes: int, features: int, labelled: bool
) -> None:
    task = drawn(classes, features, labelled=labelled)
    found, watch, step = influence(head, task), watched(head, task), 1e-4
    for row in (0, 1, 2):
        more, less = (
            watch(answers(head, task, 1.0 + sign * step * (np.arange(60) == row)))
            for sign in (1, -1)
        )
        np.testing.assert_allclose(
            found[row], (more - less) / (2 * step), rtol=1e-6, atol=1e-7
        )


@heads(RIDGES)
@FEATURES
def test_leave_one_out_of_ridge_is_that_of_training_anew(
    head: Head, classes: int, features: int
) -> None:
    task = drawn(classes, features)
    watch = watched(head, task)
    anew = np.array(
        [
            watch(answers(head, task, (np.arange(60) != row).astype(float)))
            for row in range(60)
        ]
    )
    whole = watch(answers(head, task, np.ones(60)))
    np.testing.assert_allclose(
        leave_one_out(head, task), whole - anew, rtol=1e-8, atol=1e-10
    )


@heads(LOGISTICS)
def test_leave_one_out_of_logistic_is_one_step_of_newton(
    head: Head, classes: int
) -> None:
    """With a weight for each class, the constant with them, and the shortest of the
    steps that solve.
    """
    assert isinstance(head, LogisticHead)
    task = drawn(classes, 8)
    model = LogisticRegression(C=head.C, solver="newton-cholesky", tol=1e-13).fit(
        task.inputs, task.labels
    )
    rows, points = (
        np.append(x, np.ones((len(x), 1)), axis=1) for x in (task.inputs, task.tests)
    )
    weights = np.append(model.coef_, model.intercept_[:, None], axis=1)
    free = np.append(np.ones(8), 0.0)
    if classes == 2:  # of ½|w|², each class has half of w, and twice its penalty
        weights, free = np.concatenate([-weights / 2, weights / 2]), 2 * free
    likely = np.exp(rows @ weights.T)
    likely /= likely.sum(axis=1, keepdims=True)
    watch, found = watched(head, task), leave_one_out(head, task)
    for out in range(0, 60, 7):
        hessian = np.kron(np.eye(classes), np.diag(free))
        gradient = free * weights
        for row in np.flatnonzero(np.arange(60) != out):
            p, x = likely[row], rows[row]
            hessian += head.C * np.kron(np.diag(p) - np.outer(p, p), np.outer(x, x))
            gradient = gradient + head.C * np.outer(
                p - (np.arange(classes) == task.labels[row]), x
            )  # type: ignore[index]
        step = np.linalg.lstsq(hessian, gradient.ravel(), rcond=1e-12)[0].reshape(
            weights.shape
        )
        expected = watch(points @ weights.T) - watch(points @ (weights - step).T)
        np.testing.assert_allclose(found[out], expected, rtol=1e-5, atol=1e-6)


def effects(lens: DataLens) -> Array:
    """(n, t), what is watched less what is watched without the candidate, by
    retraining.
    """
    masks = np.concatenate(
        [np.ones((1, lens.n), np.bool_), ~np.eye(lens.n, dtype=np.bool_)]
    )
    values = lens.value(masks).reshape(lens.n + 1, -1)
    return values[0] - values[1:]


@FEATURES
@pytest.mark.parametrize("classes", [2, 3])
def test_leave_one_out_of_logistic_is_within_6_percent_of_training_anew(
    classes: int, features: int
) -> None:
    task = drawn(classes, features)
    truth = effects(
        DataLens("logistic", (task.inputs, task.labels), (task.tests, task.test_labels))
    )
    found = leave_one_out(LogisticHead(), task)
    assert np.linalg.norm(found - truth) < 0.06 * np.linalg.norm(truth)
    assert np.corrcoef(found.ravel(), truth.ravel())[0, 1] > 0.99


def test_an_example_like_the_test_point_speaks_for_its_own_label() -> None:
    inputs, point = np.array([[1.0], [1.1], [-1.0], [-0.9]]), np.ones((1, 1))
    task = Task(inputs, np.array([1, 0, 0, 1]), point, np.array([1]))
    for effect in (influence, leave_one_out):
        for head in (LogisticHead(), RidgeHead()):
            kept, against = effect(head, task)[:2, 0]
            assert kept > 0 > against


# Choosing.


def overlaps(lens: Callable[..., DataLens], count: int) -> dict[str, float]:
    """What part each screening chooses of the candidates whose effects are largest."""
    most = np.argsort(-np.abs(effects(lens())).sum(axis=1))[:count]
    return {
        by: float(np.mean(np.isin(most, rows(lens(candidates=count, screening=by)))))
        for by in SCREENINGS
    }


def rows(lens: DataLens) -> list[int]:
    return [
        int(candidate.label.split()[0].removeprefix("#"))
        for candidate in lens.candidates
    ]


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("learner", ["logistic", "ridge"])
def test_of_400_examples_the_12_that_matter_are_chosen(learner: str, seed: int) -> None:
    rng = np.random.default_rng(seed)
    features, labels = (
        0.3 * rng.normal(size=(400, 30)),
        rng.permuted(np.arange(400) % 2),
    )
    planted = rng.choice(400, 12, replace=False)
    features[:, 0] = 0.0
    features[planted] = 0.0
    features[planted, 0] = rng.uniform(1.0, 2.0, size=12)
    point = 1.5 * np.eye(30)[0]

    def lens(**settings: Any) -> DataLens:
        return DataLens(learner, (features, labels), (point, 1), **settings)

    for by in SCREENINGS:
        assert set(planted) <= set(rows(lens(candidates=20, screening=by))), by
    found = overlaps(lens, 20)
    assert found["influence"] >= 0.9
    assert found["leave-one-out"] >= 0.95


@pytest.mark.parametrize("learner", ["logistic", "ridge"])
def test_the_digits_that_matter_most_are_chosen(learner: str) -> None:
    digits = load_digits()
    images = digits.data / 16

    def lens(**settings: Any) -> DataLens:
        test = images[1000:1003], digits.target[1000:1003]
        return DataLens(learner, (images[:300], digits.target[:300]), test, **settings)

    found = overlaps(lens, 20)
    assert found["influence"] >= 0.8
    assert found["leave-one-out"] >= 0.9
    assert found["gradient similarity"] < found["influence"]


@pytest.mark.parametrize(
    ("by", "effect"), [("influence", influence), ("leave-one-out", leave_one_out)]
)
@heads([HEADS[0], HEADS[2], HEADS[4]])
def test_a_group_is_as_strong_as_the_sum_of_its_examples(
    by: str, effect: Callable[[Head, Task], Array], head: Head, classes: int
) -> None:
    task = drawn(classes, 8)
    owner = np.arange(60) % 15
    owner[::7] = -1
    signed = effect(head, task)
    sums = np.array([signed[owner == group].sum(axis=0) for group in range(15)])
    strongest = np.argsort(-np.abs(sums).sum(axis=1))[:4]
    names = [f"group {number}" for number in range(15)]
    assert choose(4, owner, names, task, by, head) == (
        sorted(strongest.tolist()),
        f"4 of 15 by {by}",
    )


def test_the_head_is_the_learners_own_and_else_is_named() -> None:
    task = drawn(2, 8)
    data, test = (task.inputs, task.labels), (task.tests, task.test_labels)
    numbers = drawn(0, 8)

    def said(learner: Any, by: str | None) -> Any:
        return DataLens(learner, data, test, candidates=10, screening=by).facts()[
            "chosen"
        ]

    assert said("logistic", None) == "10 of 60 by leave-one-out"
    assert (
        said("logistic", "gradient similarity") == "10 of 60 by similarity of gradients"
    )
    assert said("logistic", "influence") == "10 of 60 by influence"
    assert said(RidgeHead(3.0), "leave-one-out") == "10 of 60 by leave-one-out"
    assert said(GaussianNB(), "influence") == "10 of 60 by influence at a logistic head"
    regression = DataLens(
        Ridge(),
        (numbers.inputs, numbers.labels),
        numbers.tests,
        candidates=10,
        screening="leave-one-out",
    )
    assert regression.facts()["chosen"] == "10 of 60 by leave-one-out at a ridge head"
    for head in (LogisticHead(100.0), RidgeHead(100.0)):
        most = np.argsort(-np.abs(influence(head, task)).sum(axis=1))[:10]
        assert rows(
            DataLens(head, data, test, candidates=10, screening="influence")
        ) == sorted(most)


def test_texts_are_chosen_by_their_tf_idf() -> None:
    rng = np.random.default_rng(1)
    words = [f"word{number}" for number in range(60)]
    texts = [" ".join(rng.choice(words, 8)) for _ in range(80)]
    point = "the film is not bad and her acting never fails"
    texts[33] = point + " to impress"
    labels = np.array(["bad", "good"] * 40)
    for by in ("influence", "leave-one-out"):
        lens = DataLens(
            "logistic",
            (texts, labels),
            (point, "bad"),
            candidates=1,
            screening=by,
            encoder="tf-idf",
        )
        assert rows(lens) == [33]
        inputs, tests = np.array(texts, dtype=object), np.array([point], dtype=object)
        task = Task(inputs, labels, tests, np.array(["bad"]))
        chosen, how = choose(
            1, np.arange(80), [f"#{row}" for row in range(80)], task, by
        )
        assert (chosen, how) == ([33], f"1 of 80 by {by} at a logistic head")


def test_bad_input_is_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    task, numbers = drawn(3, 8), drawn(0, 8)
    owner, names = np.arange(60), [f"#{row}" for row in range(60)]
    unknown = refused(lambda: choose("all", owner, names, task, "magic"))
    assert (
        unknown
        == "unknown screening 'magic'; choose one of leave-one-out, influence, gradient"
        " similarity"
    )
    alike = Task(numbers.inputs, np.full(60, 0.1), numbers.tests, None)
    for by in ("influence", "leave-one-out"):
        assert (
            refused(lambda by=by: choose(5, owner, names, alike, by))
            == f"nothing to choose by: {by} at a ridge head is 0 for every example; "
            "give candidates='all' or a list"
        )
        texts = np.array(["a text"] * 60, dtype=object)
        unlabelled = Task(texts, None, texts[:1], None)
        assert "needs labels" in refused(
            lambda by=by, task=unlabelled: choose(5, owner, names, task, by)
        )
    for head, message in (
        (RidgeHead(-1.0), "alpha is a positive number"),
        (LogisticHead(0.0), "C is"),
    ):
        assert message in refused(lambda head=head: influence(head, task))
    assert "not numbers" in refused(lambda: influence(LogisticHead(), numbers))
    monkeypatch.setattr(influence_module, "_LARGEST", 17)
    assert "a Hessian of 18 rows is too large" in refused(
        lambda: leave_one_out(LogisticHead(), task)
    )
    assert leave_one_out(RidgeHead(), task).shape == (60, 4)


def test_effects_that_are_not_finite_choose_nothing(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    from spexlens.lenses.examples import choosing

    task, names = drawn(2, 8), [f"#{row}" for row in range(60)]
    lost = np.full((60, 4), np.nan)
    monkeypatch.setitem(choosing._EFFECTS, "influence", lambda head, task: lost)
    assert "nothing to choose by" in refused(
        lambda: choose(2, np.arange(60), names, task, "influence")
    )
    lost[[7, 9]] = 1.0
    assert choose(2, np.arange(60), names, task, "influence")[0] == [7, 9]


# At a terminal.


def test_screening_goes_by_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    texts = [
        "a good film",
        "a great film",
        "so much fun",
        "a bad film",
        "a dull film",
        "a thin plot",
    ]
    labels = ["positive"] * 3 + ["negative"] * 3
    for name, lines in (
        ("train", zip(texts, labels, strict=True)),
        ("test", [("a great plot", "positive")]),
    ):
        with (tmp_path / f"{name}.csv").open("w", newline="", encoding="utf-8") as file:
            csv.writer(file).writerows([("text", "label"), *lines])
    asked = [
        "data",
        str(tmp_path / "train.csv"),
        "--test",
        str(tmp_path / "test.csv"),
        "--candidates",
        "4",
    ]
    for by, said in SCREENINGS.items():
        page = (
            CliRunner()
            .invoke(app, [*asked, "--screening", by], catch_exceptions=False)
            .stdout
        )
        assert f"candidates: 4 of 6 by {said}" in page
    monkeypatch.setattr(sys, "argv", ["spexlens", *asked, "--screening", "magic"])
    with pytest.raises(SystemExit) as caught:
        main()
    shown = capsys.readouterr().err
    assert (caught.value.code, shown.count("\n")) == (2, 1)
    assert shown.startswith(
        "spexlens: there is no attribution 'magic' here; choose one of leave-one-out"
    )
