"""Task: who learns, and what from."""

from dataclasses import replace
from pathlib import Path
from typing import Any

from spexlens.arguments import did_you_mean
from spexlens.errors import InvalidInput
from spexlens.learners.encoders import Features, encoded
from spexlens.learners.estimators import Estimator
from spexlens.learners.learner import Learner, Task
from spexlens.learners.linear.heads import LogisticHead, RidgeHead
from spexlens.lenses.examples.examples import Examples

LEARNERS: dict[str, Learner] = {"logistic": LogisticHead(), "ridge": RidgeHead()}
"""The learners that go by a name."""


def learner_of(learner: Any) -> Learner:
    """A learner as it is, or by its name; an estimator of scikit-learn as one.

    Raises:
        InvalidInput: none goes by this name.
    """
    if isinstance(learner, str):
        if learner not in LEARNERS:
            raise InvalidInput(
                f"unknown learner {learner!r}; {did_you_mean(learner, LEARNERS)}"
                f"by name there are {', '.join(LEARNERS)}"
            )
        return LEARNERS[learner]
    return learner if isinstance(learner, Learner) else Estimator(learner)


def task_of(
    examples: Examples,
    points: Examples,
    encoder: str | Path | None,
    cache: str | Path | None,
) -> tuple[Task, Features | None]:
    """The task that a learner gets, and the features in it if texts are to be encoded."""
    task = Task(examples.inputs, examples.labels, points.inputs, points.labels)
    if encoder is None:
        return task, None
    if not examples.textual:
        raise InvalidInput(
            "an encoder makes features of texts; these examples are numbers already"
        )
    features = encoded(
        examples.inputs,
        points.inputs,
        str(encoder),
        None if cache is None else Path(cache),
    )
    return replace(task, inputs=features.train, tests=features.tests), features
