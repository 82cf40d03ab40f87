"""LearnerConformance: what every learner holds, for whoever adds one."""

from collections.abc import Mapping
from typing import get_args
from unittest import SkipTest

import numpy as np
from numpy.typing import NDArray

from spexlens.errors import InvalidInput
from spexlens.games.recipe import Recipe
from spexlens.learners.learner import Answer, Fitted, Learner, Task, Trainer
from spexlens.testing.holding import hold_json, hold_near, hold_one_line, hold_same_bits

Kept = NDArray[np.bool_]
Seeds = NDArray[np.int64]


class LearnerConformance:
    """Tests of a learner; a subclass whose name begins with Test makes it.

    A subclass must define:
        learner: the learner, made anew.

    It may overwrite:
        task: what it learns; by default two classes of points in the plane.
        different: learners that differ from it in one setting each.
        rounding: how far answers may differ between batches.

    The task should be small: the learner is trained some 40 times.
    """

    # What must be defined

    def learner(self) -> Learner:
        """The learner, made anew with the same settings each time."""
        raise NotImplementedError("a subclass of LearnerConformance makes a learner")

    # What may be overwritten

    rounding: float = 1e-6
    """The most that an answer may differ from batch to batch, the largest being one."""

    def task(self) -> Task:
        """What is learnt, the same each time."""
        rng = np.random.default_rng(0)
        labels = np.array(["left", "right"] * 6)
        centres = np.where(labels == "left", -1.0, 1.0)[:, None]
        inputs = centres + rng.normal(size=(12, 2))
        tests = np.array([[-1.0, -1.0], [1.0, 0.5], [0.1, 0.0]])
        return Task(inputs, labels, tests, np.array(["left", "right", "right"]))

    def different(self) -> Mapping[str, Learner]:
        """Learners that differ from `learner` in one setting each, by what differs."""
        return {}

    # What every learner holds

    def test_a_subset_has_one_answer_for_each_test_point_and_class(self) -> None:
        task = self.task()
        trainer = self.learner().prepare(task)
        kept, seeds = _subsets(task)
        answers = trainer.fit(kept, seeds).answers
        columns = 1 if trainer.classes is None else len(trainer.classes)
        known = get_args(Answer)
        assert trainer.answer in known, (
            f"the trainer's answer is {trainer.answer!r}; there are {', '.join(known)}"
        )
        assert answers.dtype == np.float64, f"fit() gave {answers.dtype}; give float64"
        expected = (len(kept), len(task.tests), columns)
        assert answers.shape == expected, (
            f"fit() gave shape {answers.shape}; give {expected}: subsets, test points,"
            " and classes or one"
        )

    def test_every_subset_has_an_answer_also_the_empty_one(self) -> None:
        task = self.task()
        kept, seeds = _subsets(task)
        fitted = self.learner().prepare(task).fit(kept, seeds)
        for row, answers in enumerate(fitted.answers):
            rows = np.flatnonzero(kept[row]).tolist()
            assert np.isfinite(answers).all(), (
                f"subset {row} (rows kept: {rows}) has no finite answer; make one up,"
                " and remark it"
            )
        _hold_remarks(fitted, len(kept))

    def test_batches_of_any_size_agree(self) -> None:
        task = self.task()
        trainer = self.learner().prepare(task)
        kept, seeds = _subsets(task)
        together = trainer.fit(kept, seeds).answers
        for size in (1, 3):
            starts = range(0, len(kept), size)
            rows = [slice(start, start + size) for start in starts]
            parts = [trainer.fit(kept[part], seeds[part]).answers for part in rows]
            apart = np.concatenate(parts)
            hold_near(apart, together, self.rounding, f"{size} subsets at once")

    def test_one_seed_gives_one_answer(self) -> None:
        task = self.task()
        kept, seeds = _subsets(task)
        # made anew, and used twice: neither may draw from a state of its own
        first = self.learner().prepare(task)
        answers = first.fit(kept, seeds).answers
        again = self.learner().prepare(task).fit(kept, seeds).answers
        hold_same_bits(again, answers, "an answer of a learner made anew")
        hold_same_bits(first.fit(kept, seeds).answers, answers, "an answer")

    def test_a_learner_that_is_not_seeded_heeds_no_seed(self) -> None:
        task = self.task()
        trainer = self.learner().prepare(task)
        if trainer.seeded:
            return
        kept, seeds = _subsets(task)
        answers = trainer.fit(kept, seeds).answers
        other = trainer.fit(kept, seeds + 1000).answers
        hold_same_bits(other, answers, "an answer under another seed")

    def test_the_subsets_are_left_as_they_were(self) -> None:
        task = self.task()
        kept, seeds = _subsets(task)
        self.learner().prepare(task).fit(kept, seeds)
        before, seeds_before = _subsets(task)
        assert np.array_equal(kept, before), "fit() wrote into the subsets it was given"
        assert np.array_equal(seeds, seeds_before), (
            "fit() wrote into the seeds it was given"
        )

    def test_equal_learners_have_one_identity(self) -> None:
        first = self._trainer().identity()
        second = self._trainer().identity()
        assert first == second, (
            f"learner() made twice has two identities: {first!r}, then {second!r}"
        )
        hold_json(first, "the identity")

    def test_a_learner_without_an_identity_says_why(self) -> None:
        trainer = self._trainer()
        if trainer.identity() is None:
            assert trainer.unknown, (
                "identity() gave None: set `unknown` to one line that says why"
            )
            assert "\n" not in trainer.unknown, (
                f"`unknown` has more than one line: {trainer.unknown!r}"
            )

    def test_another_setting_moves_the_identity(self) -> None:
        different = self.different()
        if not different:
            raise SkipTest("`different` names no other setting")
        identities = [("the learner", self._trainer().identity())]
        for name, learner in different.items():
            identity = learner.prepare(self.task()).identity()
            for other, known in identities:
                assert identity != known, f"one identity for {other} and for {name}"
            identities.append((name, identity))

    def test_its_facts_are_json_and_name_it(self) -> None:
        facts = self._trainer().facts()
        hold_json(facts, "facts")
        name = facts.get("learner")
        assert name, "facts() lacks learner"
        assert isinstance(name, str), f"facts() has {name!r} for learner; give a text"

    def test_its_recipe_makes_it_again(self) -> None:
        recipe = self.learner().recipe
        if recipe is None:
            raise SkipTest("the learner has no recipe")
        hold_json(recipe.content(), "the recipe")
        again = Recipe.of(recipe.content()).game()
        identity = again.prepare(self.task()).identity()
        expected = self._trainer().identity()
        assert identity == expected, (
            f"the recipe made a learner with the identity {identity!r}, not"
            f" {expected!r}"
        )

    def test_other_test_points_are_answered_or_refused_in_one_line(self) -> None:
        task = self.task()
        trainer = self.learner().prepare(task)
        kept, seeds = _subsets(task)
        try:
            other = trainer.asking(task.tests[:1])
        except InvalidInput as error:
            hold_one_line(error)
            return
        one = other.fit(kept, seeds).answers
        all_points = trainer.fit(kept, seeds).answers
        hold_near(one, all_points[:, :1], self.rounding, "the first test point alone")

    def _trainer(self) -> Trainer:
        return self.learner().prepare(self.task())


def _subsets(task: Task) -> tuple[Kept, Seeds]:
    """All examples, none, one, and five at random: (8, N) bool, with seeds (8,)."""
    count = len(task)
    kept = np.random.default_rng(2).random((8, count)) < 0.6
    # where learners fail: nothing to learn from, and one example of one class
    kept[0] = True
    kept[1] = False
    kept[2] = np.arange(count) == 0
    return kept, np.arange(8, dtype=np.int64)


def _hold_remarks(fitted: Fitted, rows: int) -> None:
    for row, remark in fitted.remarks.items():
        assert 0 <= row < rows, f"a remark is on row {row}, of {rows} subsets"
        assert remark, f"the remark on subset {row} is empty"
        assert "\n" not in remark, (
            f"the remark on subset {row} has more than one line: {remark!r}"
        )
