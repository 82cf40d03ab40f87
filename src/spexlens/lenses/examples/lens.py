"""The data lens: retrain on subsets of the training examples, and watch test points."""

import copy
import hashlib
import json
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from spexlens.arguments import (
    in_python,
    named,
    readable,
    whole_number,
    yes_or_no,
)
from spexlens.errors import InvalidInput
from spexlens.games.candidate import Candidate
from spexlens.games.game import Game
from spexlens.games.levels import Level, finest, gathered, nested
from spexlens.keywords import keywords
from spexlens.learners.classes import labels_as
from spexlens.learners.learner import Learner, Read, Task, Trainer
from spexlens.learners.linear.influence import Head
from spexlens.lenses.examples import labels as called
from spexlens.lenses.examples.arrays import examples_of, points_of
from spexlens.lenses.examples.choosing import (
    SCREENINGS,
    choose,
    default_screening,
    features_of,
    scores_of,
)
from spexlens.lenses.examples.digests import digest, seeds
from spexlens.lenses.examples.examples import Examples
from spexlens.lenses.examples.groups import clusters_of, groups_of
from spexlens.lenses.examples.outcomes import outcome_of
from spexlens.lenses.examples.recipe import (
    DataRecipe,
    ExamplesRecipe,
    Selection,
    as_data,
)
from spexlens.lenses.examples.task import learner_of, task_of
from spexlens.lenses.screening.attribution import Attribution

if TYPE_CHECKING:
    from spexlens.models.model import HuggingFaceModel


class DataLens(Game):
    """The training examples, and what a model says of test points that is trained on
    some of them only.

    A mask says which examples, or groups of examples, are in; the model is trained anew
    on each subset, under a seed of the subset's own, and its answer about the test
    points is the value. Several test points make a vector-valued game: the same
    retrainings serve all of them.

    Every subset has a value; where that is not simply what training gave (nothing kept,
    a class without an example, no convergence, a failure) the result says so, and how
    often.
    """

    part = "examples"
    commit_each_batch = True
    deterministic = True
    held_out_share = 0.2

    @keywords()
    def __init__(
        self,
        learner: "Learner | str | Any",
        data: "Examples | tuple[Any, Any] | Sequence[str]",
        test: Any,
        *,
        groups: "str | Sequence[Any] | NDArray[Any] | None" = None,
        candidates: "str | int | Sequence[int] | Sequence[str]" = "all",
        others: str = "in",
        screening: str | None = None,
        objective: str | None = None,
        mean: bool = False,
        repeats: int = 1,
        seed: int = 0,
        encoder: str | Path | None = None,
        cache: str | Path | None = None,
        batch_size: int | None = None,
        fingerprint: str | None = None,
    ) -> None:
        """
        Args:
            learner: `LogisticHead`, `RidgeHead`, `TorchModule`, `FineTuning`, any
                classifier or regressor of scikit-learn, or "logistic" or "ridge".
            data: the training examples: `Examples`, (inputs, labels), or texts alone
                for a causal model.
            test: the test points: `Examples`, (inputs, labels), or inputs alone, whose
                labels are then those predicted with every example in.
            groups: what comes and goes together: "label", "near-duplicates", the name
                of a column, or one value an example. By default each example is on its
                own.
            candidates: "all"; the positions of examples, or the names of groups; a
                number of them, chosen by `screening`; or "auto", at most 40.
            others: whether examples that are no candidates are always "in", or "out".
            screening: what a number of candidates is chosen by, at a linear head
                trained once on everything: "leave-one-out" in closed form or
                "influence", see `learners.linear.influence`, at the learner itself if it is a
                linear head, else at one of default strength; or "gradient similarity"
                to the test points, at one of default strength. The first where labels
                are there and no more than 2,000 parameters, else the last. `screen`
                does the same, and has what was not chosen checked.
            objective: what is watched, one of `lenses.examples.outcomes.OUTCOMES`. By
                default the log-odds of a class, the prediction of a number, the
                log-probability of a completion.
            mean: the value is the mean over the test points.
            repeats: trainings a mask, under as many seeds, whose mean is the value.
            seed: decides everything random in training.
            encoder: makes features of texts, once: "tf-idf", or an encoder's hub id or
                directory.
            cache: the folder where an encoder's features are kept, such as the
                ledger's.
            batch_size: subsets handed to the learner at once.
            fingerprint: of a learner that cannot be recognised, such as one that holds
                a generator: a string that changes whenever the learner does.

        Raises:
            InvalidInput, ModelError, MissingExtra: one line that says what is wrong and
                what to do.
        """
        if others not in ("in", "out"):
            raise InvalidInput(
                "examples that are no candidates are always 'in' or 'out'; got"
                f" {others!r}"
            )
        repeats = whole_number(repeats, named("repeats"))
        seed = whole_number(seed, "seed")
        if batch_size is not None:
            batch_size = whole_number(batch_size, "batch_size")
        mean = yes_or_no(mean, "mean")
        if objective is not None:
            objective = readable(objective, "the objective")
        for name, count in (("repeats", repeats), ("batch_size", batch_size)):
            if count is not None and count < 1:
                raise InvalidInput(f"{named(name)} is at least 1; got {count}")
        self.examples = examples_of(data, "the training examples")
        self.points = points_of(test, self.examples)
        task, self.features = task_of(self.examples, self.points, encoder, cache)
        made = learner_of(learner)
        head = made if isinstance(made, Head) else None
        self._task = task
        self._encoder = None if encoder is None else str(encoder)
        self._selection = Selection.of(groups, candidates, screening)
        self._owner, labels, kind = self._candidates(self._selection, task, head)
        self._others = others
        self._learner = made
        self._objective = objective
        self._mean = mean or len(self.points) == 1
        self._named = fingerprint
        self.repeats = repeats
        self.seed = seed
        self._batch = batch_size
        self._numbers = tuple(range(repeats))
        self._remarks: dict[int, str] = {}
        self._prepare()
        self._content = self._described()
        self._take([Candidate(label, kind) for label in labels], self._identity())

    def _prepare(self) -> None:
        """Everything that is asked of the learner, once."""
        self._trainer = self._learner.prepare(self._task)
        self.seeded = self._trainer.seeded
        self._refuse_vain_repeats()
        self.unit, self._outcome = outcome_of(self._trainer.answer, self._objective)
        self._labels, self._predicted = self._watched(self._task)
        points = range(len(self.points))
        self.outputs = None if self._mean else tuple(map(self._point, points))
        self.batch_size = self._batch or self._trainer.batch_size

    def renew(self) -> None:
        """Take the fingerprint anew, and prepare the learner anew if it, or an example,
        is another since.
        """
        content = self._described()
        if content is None or content == self._content:
            return
        self._prepare()
        self._content = self._described()
        self._take(self.candidates, self._identity())

    def value(self, masks: NDArray[np.bool_]) -> NDArray[np.float64]:
        """What is watched, after training on each mask's examples: (m, n) bool -> (m,)
        or (m, k) float64.
        """
        kept = self.kept(masks)
        outcomes = self._answered(self._trainer, kept, self._labels)
        return np.asarray(outcomes.mean(axis=1) if self._mean else outcomes)

    def about(
        self, masks: NDArray[np.bool_], tests: NDArray[Any] | Read
    ) -> NDArray[np.float64]:
        """What is watched of variants of the one test point: (m, n) bool -> (m, t)
        float64.

        Args:
            masks: one training each.
            tests: (t, d) features or t texts, as the learner reads them; or what runs a
                fine-tuned model, as `learners.learner.Trainer.reading` takes it.

        Raises:
            InvalidInput: the learner can't be asked so, or there are several test
                points.
        """
        if len(self.points) != 1:
            raise InvalidInput(
                f"there are {len(self.points)} test points; variants are of one"
            )
        trainer = (
            self._trainer.reading(tests)
            if callable(tests)
            else self._trainer.asking(tests)
        )
        return self._answered(trainer, self.kept(masks), self._labels)

    def _answered(
        self, trainer: Trainer, kept: NDArray[np.bool_], labels: NDArray[np.float64]
    ) -> NDArray[np.float64]:
        """The outcomes, (m, t), the mean over the seeds; one label is all test points'."""
        values = []
        self._remarks = {}
        for number in self._numbers:
            fitted = trainer.fit(kept, seeds(kept, self.seed, number))
            of_points = np.broadcast_to(labels, fitted.answers.shape[1:2])
            values.append(self._outcome(fitted.answers, of_points))
            self._remarks |= fitted.remarks
        return np.asarray(np.mean(values, axis=0))

    def kept(self, masks: NDArray[np.bool_]) -> NDArray[np.bool_]:
        """The examples that are in: (m, n) bool -> (m, N) bool."""
        return np.where(
            self._owner >= 0, masks[:, np.maximum(self._owner, 0)], self._others == "in"
        )

    def remarks(self) -> dict[int, str]:
        """Of the masks that `value` was last given, those whose value is not simply
        what training gave.
        """
        return self._remarks

    def with_seed(self, number: int) -> "DataLens":
        """This lens with one training a mask, under its seed of this number."""
        single = copy.copy(self)
        single.repeats = 1
        single._numbers = (number if self.seeded else 0,)
        single._take(self.candidates, single._identity())
        if single.fingerprint is None:
            single.key = (
                self.key
                if single._numbers == self._numbers
                else f"{self.key} seed {number}"
            )
        return single

    @property
    def recipe(self) -> DataRecipe | None:  # type: ignore[override]
        """Of learner, examples and test points; None where one of them is no data, such
        as an estimator, or an array that is too large.
        """
        learner = self._learner.recipe
        if learner is None:
            return None
        try:
            return DataRecipe(
                learner=learner,
                data=ExamplesRecipe.holding(self.examples, "the training examples"),
                test=ExamplesRecipe.holding(self.points, "the test points"),
                groups=as_data(self._selection.groups, "the groups"),
                column=as_data(self._selection.column(self.examples), "the groups"),
                candidates=as_data(self._selection.candidates, "the candidates"),
                others=self._others,
                screening=self._selection.screening,
                objective=self._objective,
                mean=self._mean,
                repeats=self.repeats,
                seed=self.seed,
                encoder=self._encoder,
                batch_size=self._batch,
                learner_fingerprint=self._named,
                repetition=self._repetition,
            )
        except InvalidInput:
            return None

    @property
    def _repetition(self) -> int | None:
        """The number of the only seed, or None where all of them have their turn."""
        if self._numbers == tuple(range(self.repeats)):
            return None
        return self._numbers[0]

    @property
    def model(self) -> "HuggingFaceModel | None":
        """What is fine-tuned: lenses made of it are asked of the retrained model, mixed
        with this one.
        """
        return self._trainer.model

    @property
    def at_once(self) -> int:
        """How many subsets the learner likes to train on at once."""
        return self._trainer.batch_size

    @property
    def attributions(self) -> tuple[str, ...]:  # type: ignore[override]
        """Those of `lenses.examples.choosing`, the one that suits the task first."""
        return tuple(dict.fromkeys([default_screening(self._task), *SCREENINGS]))

    def attribute(self, method: str) -> Attribution:
        """Cheap scores of the candidates, by one of `attributions`, at a linear head
        trained once.
        """
        scores, said = scores_of(method, self._owner, self.n, self._task, self._head)
        return Attribution(said, scores, trainings=1)

    def levels(self) -> list[Level]:
        """Clusters of like candidates of one label, then the candidates."""
        features = features_of(self._task)[0]
        members = [np.flatnonzero(self._owner == place) for place in range(self.n)]
        middles = np.stack([features[rows].mean(axis=0) for rows in members])
        labels = None
        if self._task.labels is not None and not self._task.numeric:
            labels = self._task.labels[np.array([int(rows[0]) for rows in members])]
        keys = clusters_of(middles, labels)
        return nested(
            [gathered("cluster", keys, self._cluster), finest(self.candidates)]
        )

    def _cluster(self, group: tuple[int, ...]) -> Candidate:
        """Candidates that are like their first."""
        name = self.candidates[group[0]].label
        more = f" and {len(group) - 1} like it" if len(group) > 1 else ""
        return Candidate(name + more, "cluster")

    def facts(self) -> dict[str, Any]:
        """What was retrained, how, and what was watched."""
        of_features = {} if self.features is None else self.features.facts
        return {
            "lens": "data",
            "call": "retraining",
            **self._trainer.facts(),
            **of_features,
            "unit": self.unit,
            "target": self._target(),
            "predicted": self._predicted,
            "tests": self._tests(),
            "mean": self._mean and len(self.points) > 1,
            "examples": len(self.examples),
            "others": int((self._owner < 0).sum()),
            "others_are": self._others,
            "chosen": self._chosen,
            "repeats": self.repeats,
            "seed": self.seed,
            "seeded": self.seeded,
        }

    def _tests(self) -> list[str] | int:
        """The test points that are texts, or how many there are."""
        if not self.points.textual:
            return len(self.points)
        return [called.short(text) for text in self.points.inputs]

    def _candidates(
        self, selection: Selection, task: Task, head: Head | None
    ) -> tuple[NDArray[np.int64], list[str], str]:
        """Which candidate each example belongs to, or -1; the candidates' labels; their
        kind.
        """
        if selection.groups is None:
            count = len(self.examples)
            names = [called.example(self.examples, row) for row in range(count)]
            owner = np.arange(len(self.examples))
            kind = "example"
        else:
            names, owner = groups_of(self.examples, selection.groups)
            kind = "group"
        picked, self._chosen = choose(
            selection.candidates, owner, names, task, selection.screening, head
        )
        self._head = head
        place = np.full(len(names) + 1, -1)
        place[picked] = np.arange(len(picked))
        return place[owner], [names[position] for position in picked], kind

    def _watched(self, task: Task) -> tuple[NDArray[np.float64], bool]:
        """The test points' labels as the outcome reads them, and whether they are those
        predicted.
        """
        labels = self.points.labels
        classes = self._trainer.classes
        if self._trainer.answer == "completions":
            return np.zeros(len(self.points)), False
        if classes is not None and labels is None:
            everything = np.ones((1, len(self.examples)), np.bool_)
            whole = self._trainer.fit(everything, seeds(everything, self.seed, 0))
            return whole.answers[0].argmax(axis=1).astype(np.float64), True
        if classes is not None and labels is not None:
            return labels_as(classes, labels).astype(np.float64), False
        if labels is None:
            if self.unit == "loss":
                raise InvalidInput(
                    "objective 'loss' needs the test points'"
                    f" numbers{in_python(': give test=(x, y)')}"
                )
            return np.zeros(len(self.points)), False
        return labels.astype(np.float64), False

    def _refuse_vain_repeats(self) -> None:
        if self.repeats > 1 and not self.seeded:
            name = self._trainer.facts()["learner"]
            raise InvalidInput(
                f"training draws no random number, so {named('repeats', 1)} says it"
                f" all: {name}"
            )

    def _target(self) -> str | None:
        classes = self._trainer.classes
        if classes is None:
            return None
        watched = list(
            dict.fromkeys(str(classes[int(label)]) for label in self._labels)
        )
        return watched[0] if len(watched) == 1 else "the right label"

    def _point(self, row: int) -> str:
        """A test point's name."""
        classes = self._trainer.classes
        return f"test #{row}" + (
            f" {classes[int(self._labels[row])]}" if classes is not None else ""
        )

    def _described(self) -> list[Any] | None:
        """Everything but the seeds that decides a value, or None where the learner
        can't be recognised.
        """
        learner = self._named or self._trainer.identity()
        if learner is None:
            why = f": {self._trainer.unknown}" if self._trainer.unknown else ""
            self.unknown = (
                f"the learner cannot be recognised in a ledger on disk{why}; give"
                " ledger=None, or DataLens(..., fingerprint='...'), which is to change"
                " when it does"
            )
            return None
        arrays = (self._task.inputs, self._task.labels, self._task.tests)
        content = [
            learner,
            *map(digest, arrays),
            self._labels.tolist(),
            self._owner.tolist(),
        ]
        return [*content, self._others, self.unit, self._mean]

    def _identity(self) -> str | None:
        """sha256 of everything that decides a value."""
        if self._content is None:
            return None
        numbers = self._numbers if self.seeded else 0
        parts = ["data 2", *self._content, self.seed if self.seeded else 0, numbers]
        return hashlib.sha256(json.dumps(parts).encode()).hexdigest()


@DataRecipe.made_by
def _data_lens(recipe: DataRecipe) -> DataLens:
    lens = DataLens(
        recipe.learner.game(),
        recipe.examples(),
        recipe.test.game(),
        groups=recipe.groups,
        candidates=recipe.candidates,
        others=recipe.others,
        screening=recipe.screening,
        objective=recipe.objective,
        mean=recipe.mean,
        repeats=recipe.repeats,
        seed=recipe.seed,
        encoder=recipe.encoder,
        batch_size=recipe.batch_size,
        fingerprint=recipe.learner_fingerprint,
    )
    return lens if recipe.repetition is None else lens.with_seed(recipe.repetition)
