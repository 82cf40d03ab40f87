"""Any estimator of scikit-learn is a learner, and no subset ends a night."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.cluster import KMeans
from sklearn.compose import ColumnTransformer
from sklearn.datasets import load_digits
from sklearn.ensemble import (
    GradientBoostingClassifier,
    RandomForestClassifier,
    RandomForestRegressor,
)
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.frozen import FrozenEstimator
from sklearn.linear_model import LinearRegression, LogisticRegression
from sklearn.naive_bayes import GaussianNB
from sklearn.neighbors import KNeighborsClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer
from sklearn.svm import LinearSVC
from sklearn.tree import DecisionTreeClassifier

from spexlens import Estimator, LogisticHead, SpexlensError
from spexlens.learners.learner import Task

DIGITS = load_digits()
IMAGES, CLASSES = DIGITS.data / 16, DIGITS.target % 3
TASK = Task(IMAGES[:40], CLASSES[:40], IMAGES[1000:1004], None)
KEPT = np.random.default_rng(0).random((6, 40)) < 0.6


def seeds(kept: Any, first: int = 0) -> Any:
    """A seed for each subset."""
    return first + np.arange(len(kept))


def prepared(estimator: Any, task: Task = TASK, jobs: int = 1) -> Any:
    return Estimator(estimator, jobs=jobs).prepare(task)


def test_logistic_regression_is_the_logistic_head() -> None:
    trainer = prepared(LogisticRegression(tol=1e-8, max_iter=5000))
    assert (trainer.answer, trainer.seeded) == ("log-probabilities", False)
    assert np.allclose(
        trainer.fit(KEPT, seeds(KEPT)).answers,
        LogisticHead().prepare(TASK).fit(KEPT, seeds(KEPT)).answers,
        atol=1e-4,
    )


def test_log_odds_do_not_saturate_where_probabilities_do() -> None:
    features = np.concatenate([np.full((4, 1), -100.0), np.full((4, 1), 100.0)])
    task = Task(features, np.repeat([0, 1], 4), np.array([[1000.0]]), None)
    for estimator in (LogisticRegression(C=1e4, max_iter=1000), GaussianNB()):
        answers = (
            prepared(estimator, task)
            .fit(np.ones((1, 8), np.bool_), seeds([0]))
            .answers[0, 0]
        )
        if isinstance(estimator, LogisticRegression):
            assert answers[1] - answers[0] > 40
        assert np.isfinite(answers).all()


@pytest.mark.parametrize(
    ("estimator", "answer", "seeded"),
    [
        (KNeighborsClassifier(3), "log-probabilities", False),
        (GradientBoostingClassifier(n_estimators=5), "log-probabilities", True),
        (RandomForestClassifier(10), "log-probabilities", True),
        (LinearSVC(), "scores", True),
    ],
)
def test_what_is_answered_and_whether_seeds_matter_is_seen(
    estimator: Any, answer: str, seeded: bool
) -> None:
    trainer = prepared(estimator)
    assert (trainer.answer, trainer.seeded) == (answer, seeded)
    first, again, other = (
        trainer.fit(KEPT, seeds(KEPT, seed)).answers for seed in (5, 5, 50)
    )
    assert first.shape == (6, 4, 3)
    assert np.array_equal(first, again)
    assert np.array_equal(first, other) == (not seeded)


def test_numbers_are_predicted() -> None:
    targets = IMAGES[:40].sum(axis=1)
    task = Task(IMAGES[:40], targets, IMAGES[1000:1004], None)
    kept = np.concatenate([KEPT, np.zeros((1, 40), np.bool_)])
    found = prepared(LinearRegression(), task).fit(kept, seeds(kept))
    for mask, answers in zip(KEPT, found.answers[:-1], strict=True):
        expected = (
            LinearRegression()
            .fit(IMAGES[:40][mask], targets[mask])
            .predict(IMAGES[1000:1004])
        )
        assert np.allclose(answers[:, 0], expected)
    assert np.allclose(found.answers[-1], targets.mean())
    assert list(found.remarks) == [6]
    assert prepared(RandomForestRegressor(5), task).seeded


def test_a_pipeline_reads_texts() -> None:
    texts = np.array(
        ["a good film", "a bad film", "good fun", "bad jokes", "so good", "so bad"],
        dtype=object,
    )
    task = Task(
        texts, np.array(["up", "down"] * 3), np.array(["good"], dtype=object), None
    )
    found = prepared(make_pipeline(TfidfVectorizer(), LogisticRegression()), task).fit(
        np.array([[1, 1, 0, 0, 1, 1], [1, 0, 0, 0, 0, 0]], np.bool_), seeds([0, 0])
    )
    assert found.answers[0, 0, 1] > found.answers[0, 0, 0]
    assert np.allclose(np.exp(found.answers[1, 0]), [1 / 3, 2 / 3])


def test_where_it_fails_the_rest_of_the_night_goes_on() -> None:
    kept = np.zeros((3, 40), np.bool_)
    kept[0, :3], kept[1] = True, True
    found = prepared(KNeighborsClassifier(5)).fit(kept, seeds(kept))
    assert np.isfinite(found.answers).all()
    assert np.allclose(np.exp(found.answers[0]), 1 / 3)
    assert found.remarks[0].startswith("ValueError in training: ")
    assert "nothing was kept" in found.remarks[2]
    assert 1 not in found.remarks


def test_what_does_not_converge_is_said() -> None:
    found = prepared(LogisticRegression(max_iter=2)).fit(KEPT, seeds(KEPT))
    assert set(found.remarks.values()) == {
        "training did not converge: it counts as far as it came"
    }
    assert len(found.remarks) == 6


def test_the_number_of_processes_changes_no_bit() -> None:
    forest = RandomForestClassifier(5)
    one, two = (
        prepared(forest, jobs=jobs).fit(KEPT, seeds(KEPT)).answers for jobs in (1, 2)
    )
    assert np.array_equal(one, two)


def identities(*estimators: Any) -> list[str]:
    """What each is recognised by, in a ledger."""
    trainers = [prepared(estimator) for estimator in estimators]
    assert all(
        trainer.identity() is not None and trainer.unknown is None
        for trainer in trainers
    )
    return [json.dumps(trainer.identity()) for trainer in trainers]


def test_equal_settings_are_recognised() -> None:
    forest = RandomForestClassifier(5, random_state=np.random.RandomState(3))
    for one, other in (
        (
            DecisionTreeClassifier(max_depth=3),
            DecisionTreeClassifier(max_depth=np.int64(3)),
        ),  # type: ignore[arg-type]
        # it is fitted anew
        (LogisticRegression(), LogisticRegression().fit([[0.0], [1.0]], [0, 1])),
        (RandomForestClassifier(5), forest),  # seeds are given to it
        (squares(2), squares(2)),
    ):
        assert len(set(identities(one, other))) == 1


def squares(power: int) -> Any:
    """A pipeline with a function in it."""
    return make_pipeline(FunctionTransformer(lambda x: x**power), LogisticRegression())


def picks(column: int) -> Any:
    """A pipeline with a long mask in it."""
    mask = np.zeros(2500, np.bool_)
    mask[[0, column]] = True
    return make_pipeline(
        FunctionTransformer(np.pad, kw_args={"pad_width": ((0, 0), (0, 2436))}),
        ColumnTransformer([("pick", "passthrough", mask)]),
        LogisticRegression(),
    )


def near(weight: float) -> Any:
    """A learner with a large matrix in a setting."""
    matrix = np.eye(64)
    matrix[30, 30] = weight
    return KNeighborsClassifier(
        3, metric="mahalanobis", metric_params={"VI": matrix}, algorithm="brute"
    )


def stepped(power: int) -> Any:
    """A pipeline with a step whose class is written anew each time, under one name."""
    space = {
        "__name__": "__main__",
        "BaseEstimator": BaseEstimator,
        "TransformerMixin": TransformerMixin,
    }
    exec(
        "class Step(TransformerMixin, BaseEstimator):\n"
        "    def fit(self, X, y=None): return self\n"
        f"    def transform(self, X): return X ** {power}",
        space,
    )
    return make_pipeline(space["Step"](), LogisticRegression())  # type: ignore[operator]


def test_whatever_training_depends_on_is_recognised() -> None:
    both = [make(value) for make in (squares, stepped, near) for value in (1, 2)]
    both += [
        picks(1000),
        picks(1500),
        DecisionTreeClassifier(),
        DecisionTreeClassifier(max_depth=3),
    ]
    both += [
        FrozenEstimator(LogisticRegression(C=c).fit(IMAGES[:40], CLASSES[:40]))
        for c in (1.0, 2.0)
    ]
    assert len(set(identities(*both))) == len(both)


def test_what_cannot_be_told_of_an_estimator_is_said() -> None:
    space: dict[str, Any] = {"rows": (row for row in ()), "__name__": "__main__"}
    exec("def halved(X): return X / 2 if rows else X", space)
    trainer = prepared(
        make_pipeline(FunctionTransformer(space["halved"]), LogisticRegression())
    )
    assert trainer.identity() is None
    assert (
        trainer.unknown
        == "parameter 'steps' of Pipeline: parameter 'func' of FunctionTransformer: "
        "global 'rows' of halved: a generator"
    )


@pytest.mark.parametrize(
    ("estimator", "message"),
    [
        (KMeans(2), "classifier or a regressor"),
        (LinearRegression(), "predicts numbers"),
        (KNeighborsClassifier(99), "cannot learn the examples"),
        (LogisticRegression(C=-1.0), "cannot learn the examples"),
    ],
)
def test_what_cannot_learn_at_all_is_one_line(estimator: Any, message: str) -> None:
    with pytest.raises(SpexlensError) as caught:
        prepared(estimator)
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)


_KILLED = """
import os, sys, time
import numpy as np
from sklearn.tree import DecisionTreeClassifier
from spexlens import Estimator
from spexlens.learners.learner import Task

class Slow(DecisionTreeClassifier):
    def fit(self, X, y):
        if len(y) < 3000:
            open(f"{FOLDER}/{os.getpid()}", "w").close()
            time.sleep(600)
        return super().fit(X, y)

FOLDER = sys.argv[1]
x = np.random.default_rng(0).random((3000, 300))
trainer = Estimator(Slow(), jobs=2).prepare(Task(x, (x[:, 0] > 0.5).astype(int), x[:2], None))
trainer.fit(np.random.default_rng(0).random((4, 3000)) < 0.5, np.arange(4))
"""


@pytest.mark.skipif(not Path("/dev/shm").exists(), reason="needs Linux")
def test_a_killed_run_leaves_no_process_and_no_data(tmp_path: Path) -> None:
    started, temporary = tmp_path / "started", tmp_path / "temporary"
    started.mkdir()
    temporary.mkdir()
    environment = {
        **os.environ,
        "TMPDIR": str(temporary),
        "JOBLIB_TEMP_FOLDER": str(temporary),
    }
    child = subprocess.Popen(
        [sys.executable, "-c", _KILLED, str(started)], env=environment
    )
    until(lambda: len(list(started.iterdir())) == 2 or child.poll() is not None)
    workers = [int(each.name) for each in started.iterdir()]
    assert len(workers) == 2
    # nothing is pickled to a file
    assert not [each for each in temporary.rglob("*") if each.is_file()]
    child.send_signal(signal.SIGKILL)
    child.wait()
    until(lambda: not any(alive(worker) for worker in workers))
    until(
        lambda: (
            not [
                each
                for each in Path("/dev/shm").iterdir()
                if f"-{child.pid}-" in each.name
            ]
        )
    )
    until(lambda: not any(temporary.iterdir()))


def until(condition: Any) -> None:
    """Wait for what happens sooner or later; fail after two minutes."""
    for _ in range(1200):
        if condition():
            return
        time.sleep(0.1)
    raise AssertionError("it never happened")


def alive(process: int) -> bool:
    """Whether a process runs, and is not a zombie that nobody waits for."""
    try:
        return (
            Path(f"/proc/{process}/stat").read_text().rsplit(")", 1)[1].split()[0]
            != "Z"
        )
    except FileNotFoundError:
        return False
