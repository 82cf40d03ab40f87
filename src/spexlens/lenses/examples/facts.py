"""Facts of the lens on training examples: what was trained, and on what it was tested."""

from collections.abc import Iterator
from dataclasses import dataclass

from spexlens.games.typed_facts import Facts, NextStep, Subject


@dataclass(frozen=True)
class TrainingFacts(Facts):
    """What a game says of itself that may train a model.

    Attributes:
        learner: how a model is trained; None where none is.
        tests: the test points that are texts, or how many there are.
        mean: whether the answer is the mean over them.
        others, others_are: how many examples belong to no candidate, and what is always
            done with them.
        repeats: trainings of which an answer is the mean.
        chosen: how candidates were chosen, or None.
        truncated: texts that are longer than the model's window.
        predicted: whether the labels of the test points are the model's own.
    """

    learner: str | None = None
    tests: tuple[str, ...] | int | None = None
    mean: bool | None = None
    others: int | None = None
    others_are: str | None = None
    repeats: int | None = None
    chosen: str | None = None
    truncated: int | None = None
    predicted: bool | None = None

    @property
    def headline(self) -> str:
        """With what was trained on what."""
        if not self.learner:
            return super().headline
        mean = f" · mean of {self._points} test points" if self.mean else ""
        others = ""
        if self.others:
            others = f" · {self.others} others always {self.others_are}"
        repeats = ""
        if (self.repeats or 1) > 1:
            repeats = f" · mean of {self.repeats} trainings"
        return f"{super().headline}{mean} · retrained: {self.learner}{others}{repeats}"

    @property
    def speaker(self) -> str:
        """A model of the training itself, where each call is one."""
        if self.call == "retraining":
            return "Trained on everything, the model"
        return super().speaker

    @property
    def averaged(self) -> bool:
        """Also where it is the mean over test points."""
        return super().averaged or bool(self.mean)

    @property
    def average(self) -> str:
        """Over how many test points, where each call is a training."""
        if self.call != "retraining":
            return super().average
        return f" on average over {self._points} test points" if self.mean else ""

    @property
    def notes(self) -> list[str]:
        """With what was decided about the training examples and the test points."""
        lines = []
        if self.chosen:
            lines.append(
                f"candidates: {self.chosen}, at the cost of one training of a linear"
                " head"
            )
        if self.truncated:
            lines.append(
                f"caveat: {self.truncated} texts are longer than the model's window;"
                " read up to there"
            )
        if self.predicted:
            lines.append(
                "the labels of the test points are those predicted with every example"
                " in"
            )
        return [*lines, *super().notes]

    def test_of(self, output: int) -> str | None:
        """The test point of one output, where it is a text."""
        if not isinstance(self.tests, tuple) or self.mean or self.text:
            return None
        return self.tests[output] if output < len(self.tests) else None

    @property
    def _points(self) -> int:
        """How many test points there are."""
        if isinstance(self.tests, tuple):
            return len(self.tests)
        return self.tests or 0


@dataclass(frozen=True)
class ExampleFacts(TrainingFacts):
    """What the lens on training examples says of itself."""

    def next_steps(self, subject: Subject) -> Iterator[NextStep]:
        """Every mask of these examples alone."""
        members = list(subject.members)
        masks = 1 << len(members)
        yield NextStep(
            "every mask of these alone, the others kept",
            f"spexlens.explain(spexlens.screen(lens, {members}), {masks * 2})",
        )
