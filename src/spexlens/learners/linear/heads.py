"""Linear heads on frozen features: all subsets trained together, to the exact optimum."""

import copy
import os
from abc import abstractmethod
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import pairwise
from operator import index
from typing import Any

import numpy as np
from numpy.typing import NDArray

from spexlens.arguments import named, number
from spexlens.errors import InvalidInput
from spexlens.games.recipe import Recipe
from spexlens.learners.classes import classes_of, completed, counts
from spexlens.learners.learner import Fitted, Learner, Task, Trainer, remarked
from spexlens.learners.linear.forms import form_of
from spexlens.learners.linear.losses import Logistic, Loss, Softmax, Squared
from spexlens.learners.linear.newton import Form, Parameters, minimise
from spexlens.learners.recipes import LogisticHeadRecipe, RidgeHeadRecipe
from spexlens.masks.one_thread import one_thread
from spexlens.models.log_probabilities import of_heads

_SCORES_A_BLOCK = 1 << 16
_SUBSETS_A_BATCH = 512
# Strength of a penalty, and feature times the root of 1 / strength: beyond these, single
# precision has no room for their squares.
_WEAKEST = 1e-20
_LARGEST = 1e18
_LATE = "training did not converge: it counts as far as it came"


@dataclass(frozen=True)
class LogisticHead(Learner):
    """Multinomial logistic regression: C Σ loss + ½|w|², intercepts not penalised.

    The optimum is that of scikit-learn's `LogisticRegression` with the same C (for two
    classes one vector of weights, for more one a class), on each subset's own classes.

    Attributes:
        C: the inverse strength of the penalty.
    """

    C: float = 1.0

    @property
    def recipe(self) -> Recipe:
        return LogisticHeadRecipe(self.C)

    def prepare(self, task: Task) -> Trainer:
        _refuse_texts(task, "a logistic head")
        head = replace(self, C=_strength(self.C, "C"))
        _refuse_large(task, head.C)
        return _LogisticTrainer(head, task)


@dataclass(frozen=True)
class RidgeHead(Learner):
    """Ridge regression: Σ (f - y)² + alpha |w|², the intercept not penalised.

    Of classes, y is 1 for an example's own and -1 for the others, as in scikit-learn's
    `RidgeClassifier`; nothing kept scores all classes 0. Of numbers, nothing kept
    predicts the mean of all training labels.

    Attributes:
        alpha: the strength of the penalty.
    """

    alpha: float = 1.0

    @property
    def recipe(self) -> Recipe:
        return RidgeHeadRecipe(self.alpha)

    def prepare(self, task: Task) -> Trainer:
        _refuse_texts(task, "a ridge head")
        head = replace(self, alpha=_strength(self.alpha, "alpha"))
        _refuse_large(task, 1.0 / head.alpha)
        return _RidgeTrainer(head, task)


@LogisticHeadRecipe.made_by
def _logistic_head(recipe: LogisticHeadRecipe) -> LogisticHead:
    return LogisticHead(recipe.C)


@RidgeHeadRecipe.made_by
def _ridge_head(recipe: RidgeHeadRecipe) -> RidgeHead:
    return RidgeHead(recipe.alpha)


class _HeadTrainer(Trainer):
    """What heads share: features, the start, and blocks of subsets on several threads."""

    batch_size = _SUBSETS_A_BATCH

    def __init__(self, task: Task) -> None:
        # An intercept that is not penalised takes up the shift, which would cost
        # precision.
        self._mean = task.inputs.mean(axis=0)
        self._features = task.inputs - self._mean
        self._tests = task.tests - self._mean
        self._forms: dict[int, Form] = {}

    @property
    @abstractmethod
    def _everything(self) -> Parameters:
        """The optimum with everything kept, found once."""

    def asking(self, tests: NDArray[np.float64]) -> Trainer:
        _ = self._everything  # found now, so that the copies share it
        other = copy.copy(self)
        other._tests = np.asarray(tests, np.float64) - self._mean
        return other

    def _optima(
        self, loss: Loss, weights: NDArray[np.float64], start: Parameters | None
    ) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
        """The scores (m, t, c) of the test points, and where the optimum was reached."""
        form = self._form(loss.columns)

        def optimum(rows: slice) -> tuple[Parameters, NDArray[np.bool_]]:
            return minimise(form, loss, weights[rows], start)

        blocks = _blocks(len(weights), weights.shape[1] * loss.columns)
        # A block a thread, and BLAS on one: the sums of a block do not depend on how
        # many threads there are.
        with one_thread(), ThreadPoolExecutor(os.cpu_count()) as pool:
            optima = list(pool.map(optimum, blocks))
            scores = [form.answers(parameters, self._tests) for parameters, _ in optima]

        reached = [converged for _, converged in optima]
        return np.concatenate(scores), np.concatenate(reached)

    def _start(self, loss: Loss, weight: float) -> Parameters:
        """The optimum with everything kept."""
        with one_thread():
            weights = np.full((1, len(self._features)), weight)
            return minimise(self._form(loss.columns), loss, weights)[0]

    def _form(self, columns: int) -> Form:
        if columns not in self._forms:
            self._forms[columns] = form_of(self._features, columns)
        return self._forms[columns]


class _LogisticTrainer(_HeadTrainer):
    answer = "log-probabilities"

    def __init__(self, head: LogisticHead, task: Task) -> None:
        super().__init__(task)
        self._head = head
        self.classes, self._codes = classes_of(task, "a logistic head")

    def fit(self, kept: NDArray[np.bool_], seeds: NDArray[np.int64]) -> Fitted:
        assert self.classes is not None
        held = counts(kept, self._codes, len(self.classes))

        tests = np.arange(len(self._tests))
        answers = np.zeros((len(kept), len(tests), len(self.classes)))
        late: dict[int, str] = {}

        # a head of the classes that are there: others have no optimum, only a way down
        for rows, classes in _alike(held):
            fitted, reached = self._fitted(kept[rows], classes)
            answers[np.ix_(rows, tests, classes)] = fitted
            late |= remarked(rows[~reached], _LATE)

        answers, remarks = completed(answers, held)
        return Fitted(answers, remarks | late)

    def _fitted(
        self, kept: NDArray[np.bool_], classes: NDArray[np.int64]
    ) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
        """Log-probabilities (m, t, c) of the classes that these subsets all have.

        Args:
            kept: (m, N).
            classes: (c,), which.

        Returns:
            Them, and (m,) where the optimum was reached.
        """
        assert self.classes is not None
        start = self._everything if len(classes) == len(self.classes) else None

        weights = self._head.C * kept.astype(np.float64)
        scores, reached = self._optima(self._loss(classes), weights, start)
        return of_heads(scores), reached

    def _loss(self, classes: NDArray[np.int64]) -> Loss:
        """Of these classes alone."""
        # Examples of others count as of the first: they are left out, and weigh nothing.
        positions = np.zeros(int(self._codes.max()) + 1, np.int64)
        positions[classes] = np.arange(len(classes))

        labels = positions[self._codes]
        if len(classes) == 2:
            return Logistic(labels == 1)
        return Softmax(labels, len(classes))

    @cached_property
    def _everything(self) -> Parameters:
        assert self.classes is not None
        return self._start(self._loss(np.arange(len(self.classes))), self._head.C)

    def identity(self) -> list[Any]:
        return ["logistic head", self._head.C]

    def facts(self) -> dict[str, Any]:
        return {"learner": f"logistic head, C = {self._head.C:g}"}


def _alike(
    held: NDArray[np.int64],
) -> Iterator[tuple[NDArray[np.int64], NDArray[np.int64]]]:
    """Subsets that have examples of the same two classes or more: they share a loss.

    Args:
        held: (m, c), how many examples each has of each class.

    Yields:
        Their rows, and the classes.
    """
    present, group = np.unique(held > 0, axis=0, return_inverse=True)
    group = group.ravel()  # some versions of numpy give a column
    for place, known in enumerate(present):
        classes = np.flatnonzero(known)
        if len(classes) >= 2:
            yield np.flatnonzero(group == place), classes


class _RidgeTrainer(_HeadTrainer):
    def __init__(self, head: RidgeHead, task: Task) -> None:
        super().__init__(task)
        self._head = head
        self.seeded = False
        if task.numeric:
            assert task.labels is not None
            self.answer = "predictions"
            targets = task.labels[None, :].astype(np.float64)
            self._nothing = targets.mean(axis=1)
        else:
            self.classes, codes = classes_of(task, "a ridge head")
            own = codes == np.arange(len(self.classes))[:, None]
            self.answer = "scores"
            targets = np.where(own, 1.0, -1.0)
            self._nothing = np.zeros(len(targets))
        self._loss = Squared(targets)

    def fit(self, kept: NDArray[np.bool_], seeds: NDArray[np.int64]) -> Fitted:
        answers = np.empty((len(kept), len(self._tests), self._loss.columns))
        some = kept.any(axis=1)

        empty = np.flatnonzero(~some)
        answers[empty] = self._nothing
        remarks = remarked(empty, "nothing was kept: " + self._said())

        rows = np.flatnonzero(some)
        if not len(rows):
            return Fitted(answers, remarks)

        # Σ (f - y)² + alpha |w|², over 2 alpha, is a loss plus ½|w|².
        weights = kept[rows].astype(np.float64) / self._head.alpha

        scores, reached = self._optima(self._loss, weights, self._everything)
        answers[rows] = scores
        return Fitted(answers, remarks | remarked(rows[~reached], _LATE))

    @cached_property
    def _everything(self) -> Parameters:
        return self._start(self._loss, 1.0 / self._head.alpha)

    def _said(self) -> str:
        if self.answer == "predictions":
            return "the mean of all training labels counts as predicted"
        return "every class counts as scored 0"

    def identity(self) -> list[Any]:
        return ["ridge head", self._head.alpha]

    def facts(self) -> dict[str, Any]:
        return {"learner": f"ridge head, alpha = {self._head.alpha:g}"}


def _refuse_texts(task: Task, name: str) -> None:
    if task.textual:
        raise InvalidInput(
            f"{name} reads features, not texts: give {named('encoder', 'tf-idf')}, or"
            " an encoder's name"
        )


def _strength(given: float, what: str) -> float:
    """As plain Python, an int as one: it is part of what a ledger knows a head by."""
    strength = number(given, what, positive=True)
    if not _WEAKEST <= strength <= 1.0 / _WEAKEST:
        raise InvalidInput(
            f"{what} is from {_WEAKEST:g} to {1.0 / _WEAKEST:g}; got {strength:g}"
        )
    return index(given) if isinstance(given, int | np.integer) else strength


def _refuse_large(task: Task, strength: float) -> None:
    """InvalidInput if weighted sums of squared features are beyond single precision."""
    tables = (task.inputs, task.tests)
    largest = max(float(np.abs(features).max(initial=0.0)) for features in tables)
    if largest * strength**0.5 > _LARGEST:
        raise InvalidInput(
            f"features of up to {largest:.2g} are too large for a head: standardise"
            " them, say by scikit-learn's StandardScaler"
        )


def _blocks(rows: int, scores_a_row: int) -> list[slice]:
    """Slices of range(rows), all of about one size, whatever machine it is."""
    count = -(-rows * scores_a_row // _SCORES_A_BLOCK)
    ends = [rows * part // count for part in range(count + 1)]
    return [slice(first, last) for first, last in pairwise(ends) if last > first]
