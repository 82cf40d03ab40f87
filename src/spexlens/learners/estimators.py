"""Any scikit-learn estimator or pipeline, fitted anew on each subset, over the cores."""

import copy
import warnings
from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import cache
from itertools import chain
from os import _exit, cpu_count, getpid, getppid
from threading import Thread
from time import perf_counter, sleep
from typing import Any

import numpy as np
from numpy.typing import NDArray

from spexlens.errors import InvalidInput, ModelError
from spexlens.identity import Unknown, describe
from spexlens.learners.classes import classes_of, completed, counts
from spexlens.learners.learner import (
    Answer,
    Fitted,
    Learner,
    Task,
    Trainer,
    remarked,
)
from spexlens.masks.one_thread import one_thread
from spexlens.models.log_probabilities import log_softmax
from spexlens.printable import one_line

_LEAST = 1e-6  # of a probability
_CALM = 1e-9  # how far apart the answers of two seeds may be that decide nothing
_LOST = 2.0  # seconds of training that a crash may cost
_WATCHED = 0.5  # seconds between two looks at whether the parent lives
_ROWS = 16  # fits a process and batch, at most

_LATE = "training did not converge: it counts as far as it came"
_MEAN_PREDICTED = (
    "nothing was kept: the mean of all training labels counts as predicted"
)
_SCORED_NOTHING = "fewer than two classes: all count as scored 0"


@dataclass(frozen=True)
class Estimator(Learner):
    """An estimator or pipeline of scikit-learn, or one that behaves as they do.

    Each `random_state` in it is set by the seed. A classifier's log-probabilities are
    its decision function's where that is seen to be the logits of its probabilities (so
    that they do not saturate), else those of `predict_proba`, none below 1e-6; one
    without probabilities answers with the scores of its decision function.

    Attributes:
        estimator: unfitted; it is cloned for each subset.
        jobs: processes, by default one a core.
    """

    estimator: Any
    jobs: int | None = None

    def prepare(self, task: Task) -> Trainer:
        return _EstimatorTrainer(self, task)


class _EstimatorTrainer(Trainer):
    def __init__(self, learner: Estimator, task: Task) -> None:
        from sklearn.base import is_classifier

        estimator = learner.estimator
        name = type(estimator).__name__
        if not _learns(estimator):
            raise InvalidInput(
                "a learner is a classifier or a regressor of scikit-learn, or ours;"
                f" got {name}"
            )

        codes = np.zeros(len(task), np.int64)
        if is_classifier(estimator):
            self.classes, codes = classes_of(task, name)
        elif not task.numeric:
            raise InvalidInput(f"{name} predicts numbers: give labels that are floats")

        self._jobs = learner.jobs or cpu_count() or 1
        self._codes = codes
        self._training = self._tried(estimator, task)

    def _tried(self, estimator: Any, task: Task) -> "_Training":
        """How it is trained, seen by fitting it to everything, twice.

        Once to see that it works, and what it answers with; again to see how long it
        takes, and whether seeds matter.

        Raises:
            ModelError: the estimator cannot be fitted to the examples.
        """
        everything = np.ones(len(task), np.bool_)
        try:
            first, _ = _fitted(estimator, task, everything, 0)
            self.answer, method = _how(first, task)

            training = _Training(estimator, method, task, self.classes)
            began = perf_counter()
            second, _ = _fitted(estimator, task, everything, 1)
            seconds = perf_counter() - began

            answers = training.answers(first)
            reseeded = training.answers(second)
        except Exception as error:  # an estimator may raise whatever it likes
            name = type(estimator).__name__
            raise ModelError(
                f"{name} cannot learn the examples: {_one_line(error)}"
            ) from error

        # Each fit is on its own: how many make a batch, which is committed at once,
        # changes no value.
        self.batch_size = self._jobs * int(np.clip(_LOST / seconds, 1, _ROWS))

        alike = np.allclose(answers, reseeded, rtol=_CALM, atol=_CALM)
        self.seeded = bool(_random(estimator)) and not alike

        return training

    def fit(self, kept: NDArray[np.bool_], seeds: NDArray[np.int64]) -> Fitted:
        classes = 1 if self.classes is None else len(self.classes)
        held = counts(kept, self._codes, classes)
        answers, remarks = self._nothing(kept, held)

        # No classifier learns from examples of one class alone.
        present = (held > 0).sum(axis=1)
        able = np.flatnonzero(present >= min(2, classes))

        for row, (answer, remark) in self._trained(able, kept, seeds):
            if answer is None:
                held[row] = 0  # nothing was learnt
            else:
                answers[row] = answer
            if remark:
                remarks[row] = remark

        if self.answer == "log-probabilities":
            answers, absent = completed(answers, held)
            remarks = absent | remarks
        return Fitted(answers, remarks)

    def _trained(
        self,
        rows: NDArray[np.int64],
        kept: NDArray[np.bool_],
        seeds: NDArray[np.int64],
    ) -> "Iterator[tuple[int, _Learnt]]":
        """What training on some of the subsets gave, by their rows, over the cores."""
        from joblib import Parallel, delayed

        count = min(self._jobs, max(1, len(rows)))
        parts = [rows[first::count] for first in range(count)]

        train = delayed(_trained_each)
        calls = [
            train(self._training, kept[part], seeds[part].tolist(), getpid())
            for part in parts
        ]

        # Nothing is memory-mapped: what is sent goes through pipes, and no file holds it.
        learnt = Parallel(n_jobs=count, max_nbytes=None)(calls)

        every_row = np.concatenate(parts).tolist()
        return zip(every_row, chain.from_iterable(learnt), strict=True)

    def asking(self, tests: NDArray[Any]) -> Trainer:
        other = copy.copy(self)
        task = replace(self._training.task, tests=tests)
        other._training = replace(self._training, task=task)
        return other

    def _nothing(
        self, kept: NDArray[np.bool_], held: NDArray[np.int64]
    ) -> tuple[NDArray[np.float64], dict[int, str]]:
        """What counts where nothing is learnt: (m, t, c), and remarks."""
        task = self._training.task
        answers = np.zeros((len(kept), len(task.tests), held.shape[1]))

        if self.answer == "predictions":
            means = _shrunken_means(kept, task)
            answers[:] = means[:, None, None]
            empty = np.flatnonzero(~kept.any(axis=1))
            return answers, remarked(empty, _MEAN_PREDICTED)

        if self.answer == "scores":
            few = np.flatnonzero((held > 0).sum(axis=1) < 2)
            return answers, remarked(few, _SCORED_NOTHING)

        return answers, {}

    def identity(self) -> list[Any] | None:
        from sklearn.base import clone

        # What it was fitted to before decides nothing, nor do its seeds: there are
        # others.
        fresh = clone(self._training.estimator)
        fresh.set_params(**dict.fromkeys(_random(fresh)))
        try:
            return ["estimator", describe(fresh)]
        except Unknown as unknown:
            self.unknown = str(unknown)
            return None

    def facts(self) -> dict[str, Any]:
        return {"learner": one_line(repr(self._training.estimator))}


_Learnt = tuple[NDArray[np.float64] | None, str]
"""Answers (t, c) about the test points, or None where nothing was learnt; and a remark,
or ""."""


@dataclass(frozen=True)
class _Training:
    """What the processes that train need to know.

    Attributes:
        estimator: unfitted.
        method: by which it is asked.
        task: with the examples and the test points.
        classes: (c,), or None of numbers.
    """

    estimator: Any
    method: str
    task: Task
    classes: NDArray[Any] | None

    def on(self, kept: NDArray[np.bool_], seed: int) -> _Learnt:
        """What a subset, (N,), teaches."""
        try:
            with one_thread():
                fitted, late = _fitted(self.estimator, self.task, kept, seed)
                answers = self.answers(fitted)
        # one subset on which it fails must not end a night of others
        except Exception as error:
            why = f"{type(error).__name__} in training: {_one_line(error)}"
            return None, f"{why}; it counts as nothing learnt"
        if not np.isfinite(answers).all():
            return None, "training gave no finite answer; it counts as nothing learnt"
        return answers, late

    def answers(self, fitted: Any) -> NDArray[np.float64]:
        """(t, c) float64, about the test points; 0 for classes that it was not shown."""
        tests = self.task.tests
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            output = getattr(fitted, self.method)(tests)

        output = np.asarray(output, dtype=np.float64)
        if self.classes is None:
            return output.reshape(len(tests), 1)

        if self.method == "predict_proba":
            scores = np.log(np.maximum(output, _LEAST))
        elif hasattr(fitted, "predict_proba"):
            scores = log_softmax(_columns(output))
        else:
            scores = _columns(output)

        answers = np.zeros((len(tests), len(self.classes)))
        shown = np.searchsorted(self.classes, fitted.classes_)
        answers[:, shown] = scores
        return answers


def _shrunken_means(kept: NDArray[np.bool_], task: Task) -> NDArray[np.float64]:
    """(m,), of the kept examples' labels, the mean of all counted as one more."""
    labels = np.asarray(task.labels, np.float64)
    total = kept @ labels + labels.mean()
    return np.asarray(total / (1.0 + kept.sum(axis=1)))


def _trained_each(
    training: _Training, kept: NDArray[np.bool_], seeds: list[int], parent: int
) -> list[_Learnt]:
    """What each of some subsets teaches, in a process that ends when its parent does."""
    if getpid() != parent:
        _end_with(parent)
    subsets = zip(kept, seeds, strict=True)
    return [training.on(mask, seed) for mask, seed in subsets]


@cache
def _end_with(parent: int) -> None:
    """Leave this process as soon as it is no longer the parent's child.

    A parent that is killed cannot say so.
    """

    def watch() -> None:
        while getppid() == parent:
            sleep(_WATCHED)
        _exit(1)

    Thread(target=watch, name="watch", daemon=True).start()


def _learns(estimator: Any) -> bool:
    """Whether it is a classifier or a regressor."""
    from sklearn.base import is_classifier, is_regressor

    # Of what cannot even be fitted, scikit-learn does not like to be asked the rest.
    if not hasattr(estimator, "fit"):
        return False
    return bool(is_classifier(estimator) or is_regressor(estimator))


def _fitted(
    estimator: Any, task: Task, kept: NDArray[np.bool_], seed: int
) -> tuple[Any, str]:
    """A clone fitted to a subset, and a remark if it did not converge."""
    from sklearn.base import clone
    from sklearn.exceptions import ConvergenceWarning

    assert task.labels is not None
    fresh = clone(estimator)
    fresh.set_params(**dict.fromkeys(_random(fresh), seed))
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        fresh.fit(task.inputs[kept], task.labels[kept])

    late = any(issubclass(warning.category, ConvergenceWarning) for warning in caught)
    return fresh, _LATE if late else ""


def _random(estimator: Any) -> list[str]:
    """The parameters that hold a seed, those of a pipeline's steps among them."""
    names = estimator.get_params(deep=True)
    return [name for name in names if name.split("__")[-1] == "random_state"]


def _how(fitted: Any, task: Task) -> tuple[Answer, str]:
    """What a fitted estimator answers with, and how it is asked."""
    from sklearn.base import is_regressor

    if is_regressor(fitted):
        return "predictions", "predict"

    if not hasattr(fitted, "predict_proba"):
        if not hasattr(fitted, "decision_function"):
            raise InvalidInput("it has neither probabilities nor a decision function")
        return "scores", "decision_function"

    if hasattr(fitted, "decision_function") and _scores_are_logits(fitted, task.tests):
        return "log-probabilities", "decision_function"
    return "log-probabilities", "predict_proba"


def _scores_are_logits(fitted: Any, tests: NDArray[Any]) -> bool:
    """Whether the softmax of its decision function is its probabilities."""
    scores = np.asarray(fitted.decision_function(tests), np.float64)
    likely = np.exp(log_softmax(_columns(scores)))
    probabilities = fitted.predict_proba(tests)
    if likely.shape != probabilities.shape:
        return False
    return np.allclose(likely, probabilities, rtol=1e-6, atol=1e-12)


def _columns(scores: NDArray[np.float64]) -> NDArray[np.float64]:
    """A score for each class: of one that is the second's of two, (t,) -> (t, 2)."""
    if scores.ndim > 1:
        return scores
    return np.stack([np.zeros_like(scores), scores], axis=1)


def _one_line(error: BaseException) -> str:
    return one_line(error, 200)
