"""Any scikit-learn estimator or pipeline, fitted anew on each subset, over the cores."""

import copy
import warnings
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
from spexlens.learners.learner import (
    Fitted,
    Learner,
    Task,
    Trainer,
    classes_of,
    completed,
    counts,
)
from spexlens.masks.one_thread import one_thread

_LEAST = 1e-6  # of a probability
_CALM = 1e-9
_LOST = 2.0  # seconds of training that a crash may cost
_WATCHED = 0.5  # seconds between two looks at whether the parent lives
_ROWS = 16  # fits a process and batch, at most


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

    def prepare(self, task: Task) -> "Trainer":
        return _EstimatorTrainer(self, task)


class _EstimatorTrainer(Trainer):
    def __init__(self, learner: Estimator, task: Task) -> None:
        from sklearn.base import is_classifier, is_regressor

        self._estimator = learner.estimator
        self._task = task
        self._jobs = learner.jobs or cpu_count() or 1
        name = type(learner.estimator).__name__
        if not hasattr(learner.estimator, "fit") or not (
            is_classifier(learner.estimator) or is_regressor(learner.estimator)
        ):
            raise InvalidInput(
                "a learner is a classifier or a regressor of scikit-learn, or ours;"
                f" got {name}"
            )
        self._codes = np.zeros(len(task), np.int64)
        if is_classifier(learner.estimator):
            self.classes, self._codes = classes_of(task, name)
        elif not task.numeric:
            raise InvalidInput(f"{name} predicts numbers: give labels that are floats")
        self._prepare_answers(name, task)

    def _prepare_answers(self, name: str, task: Task) -> None:
        """Fit on everything, twice, to see that it works, what it answers with, and
        whether seeds matter.

        Raises:
            ModelError: the estimator cannot be fitted to the examples.
        """
        everything = np.ones(len(self._task), np.bool_)
        try:
            first, _ = _fitted(self._estimator, task, everything, 0)
            self.answer, self._method = _how(first, task)
            began = perf_counter()
            second, _ = _fitted(self._estimator, task, everything, 1)
            seconds = perf_counter() - began
            answers, others = (
                _answers(each, self._method, task, self.classes)
                for each in (first, second)
            )
        except Exception as error:  # an estimator may raise whatever it likes
            raise ModelError(
                f"{name} cannot learn the examples: {_one_line(error)}"
            ) from error
        # Each fit is on its own: how many make a batch, which is committed at once,
        # changes no value.
        self.batch_size = self._jobs * int(np.clip(_LOST / seconds, 1, _ROWS))
        self.seeded = bool(_random(self._estimator)) and not np.allclose(
            answers, others, rtol=_CALM, atol=_CALM
        )

    def fit(self, kept: NDArray[np.bool_], seeds: NDArray[np.int64]) -> Fitted:
        from joblib import Parallel, delayed

        held = counts(
            kept, self._codes, 1 if self.classes is None else len(self.classes)
        )
        able = (held > 0).sum(axis=1) >= min(2, held.shape[1])
        count = min(self._jobs, max(1, int(able.sum())))
        # what is sent goes through pipes: no file holds it
        jobs = Parallel(n_jobs=count, max_nbytes=None)
        setting = (self._estimator, self._method, self._task, self.classes)
        parts = [np.flatnonzero(able)[j::count] for j in range(count)]
        found = jobs(
            delayed(_trained_each)(setting, kept[part], seeds[part].tolist(), getpid())
            for part in parts
        )
        answers, remarks = self._nothing(kept, held)
        every = zip(
            np.concatenate(parts).tolist(), chain.from_iterable(found), strict=True
        )
        for row, (answer, remark) in every:
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

    def asking(self, tests: NDArray[Any]) -> Trainer:
        other = copy.copy(self)
        other._task = replace(self._task, tests=tests)
        return other

    def _nothing(
        self, kept: NDArray[np.bool_], held: NDArray[np.int64]
    ) -> tuple[NDArray[np.float64], dict[int, str]]:
        """What counts where nothing is learnt: (m, t, c), and remarks."""
        shape = len(kept), len(self._task.tests), held.shape[1]
        if self.answer == "predictions":
            labels = np.asarray(self._task.labels, np.float64)
            means = (kept @ labels + labels.mean()) / (1.0 + kept.sum(axis=1))
            said = (
                "nothing was kept: the mean of all training labels counts as predicted"
            )
            remarks = dict.fromkeys(np.flatnonzero(~kept.any(axis=1)).tolist(), said)
            return np.broadcast_to(means[:, None, None], shape).copy(), remarks
        if self.answer == "scores":
            few = np.flatnonzero((held > 0).sum(axis=1) < 2)
            return np.zeros(shape), dict.fromkeys(
                few.tolist(), "fewer than two classes: all count as scored 0"
            )
        return np.zeros(shape), {}

    def identity(self) -> list[Any] | None:
        from sklearn.base import clone

        fresh = clone(self._estimator)  # what it was fitted to before decides nothing
        # nor do its seeds: there are others
        fresh.set_params(**dict.fromkeys(_random(fresh)))
        try:
            return ["estimator", describe(fresh)]
        except Unknown as unknown:
            self.unknown = str(unknown)
            return None

    def facts(self) -> dict[str, Any]:
        return {"learner": " ".join(repr(self._estimator).split())}


def _trained_each(
    setting: tuple[Any, str, Task, NDArray[Any] | None],
    kept: NDArray[np.bool_],
    seeds: list[int],
    parent: int,
) -> list[tuple[NDArray[np.float64] | None, str]]:
    """`_trained` on each of some subsets, in a process that ends when its parent does."""
    if getpid() != parent:
        _end_with(parent)
    return [
        _trained(*setting, mask, seed) for mask, seed in zip(kept, seeds, strict=True)
    ]


@cache
def _end_with(parent: int) -> None:
    """Leave this process as soon as it is no longer the parent's child: a killed parent
    cannot say so.
    """

    def watch() -> None:
        while getppid() == parent:
            sleep(_WATCHED)
        _exit(1)

    Thread(target=watch, name="watch", daemon=True).start()


def _trained(
    estimator: Any,
    method: str,
    task: Task,
    classes: NDArray[Any] | None,
    kept: NDArray[np.bool_],
    seed: int,
) -> tuple[NDArray[np.float64] | None, str]:
    """The answers (t, c) after training on a subset, or None, and a remark; runs in a
    process of its own.
    """
    try:
        with one_thread():
            fitted, late = _fitted(estimator, task, kept, seed)
            answers = _answers(fitted, method, task, classes)
    # one subset on which it fails must not end a night of others
    except Exception as error:
        return (
            None,
            (
                f"{type(error).__name__} in training: {_one_line(error)}; it counts as"
                " nothing learnt"
            ),
        )
    if not np.isfinite(answers).all():
        return None, "training gave no finite answer; it counts as nothing learnt"
    return answers, late


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
    return fresh, (
        "training did not converge: it counts as far as it came" if late else ""
    )


def _random(estimator: Any) -> list[str]:
    """The parameters that hold a seed."""
    return [
        name
        for name in estimator.get_params(deep=True)
        if name.split("__")[-1] == "random_state"
    ]


def _how(fitted: Any, task: Task) -> tuple[Any, str]:
    """What a fitted estimator answers with, and how it is asked."""
    from sklearn.base import is_regressor

    if is_regressor(fitted):
        return "predictions", "predict"
    if not hasattr(fitted, "predict_proba"):
        if not hasattr(fitted, "decision_function"):
            raise InvalidInput("it has neither probabilities nor a decision function")
        return "scores", "decision_function"
    if hasattr(fitted, "decision_function"):
        scores = _columns(np.asarray(fitted.decision_function(task.tests), np.float64))
        likely = np.exp(_log_softmax(scores))
        given = fitted.predict_proba(task.tests)
        if likely.shape == given.shape and np.allclose(
            likely, given, rtol=1e-6, atol=1e-12
        ):
            return "log-probabilities", "decision_function"
    return "log-probabilities", "predict_proba"


def _answers(
    fitted: Any, method: str, task: Task, classes: NDArray[Any] | None
) -> NDArray[np.float64]:
    """(t, c) float64, about the test points; 0 for classes that it was not shown."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        given = np.asarray(getattr(fitted, method)(task.tests), dtype=np.float64)
    if classes is None:
        return given.reshape(len(task.tests), 1)
    if method == "predict_proba":
        scores = np.log(np.maximum(given, _LEAST))
    else:
        scores = (
            _columns(given)
            if not hasattr(fitted, "predict_proba")
            else _log_softmax(_columns(given))
        )
    answers = np.zeros((len(scores), len(classes)))
    answers[:, np.searchsorted(classes, fitted.classes_)] = scores
    return answers


def _columns(scores: NDArray[np.float64]) -> NDArray[np.float64]:
    """A score for each class, also where there is one for the second of two: (t,) ->
    (t, 2).
    """
    return (
        np.stack([np.zeros_like(scores), scores], axis=1)
        if scores.ndim == 1
        else scores
    )


def _log_softmax(scores: NDArray[np.float64]) -> NDArray[np.float64]:
    shifted = scores - scores.max(axis=1, keepdims=True)
    return np.asarray(shifted - np.log(np.exp(shifted).sum(axis=1, keepdims=True)))


def _one_line(error: BaseException) -> str:
    return " ".join(str(error).split())[:200]
