"""Choosing: which training examples, or groups, are worth a budget of retrainings."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from spexlens.arguments import named, shown, unknown
from spexlens.errors import InvalidInput
from spexlens.learners.classes import labels_as
from spexlens.learners.learner import Task
from spexlens.learners.linear.heads import LogisticHead, RidgeHead
from spexlens.learners.linear.influence import Head, influence, leave_one_out
from spexlens.memory import enough_memory

AUTO = 40
"""The most candidates that "auto" chooses."""

SIMILARITY = "gradient similarity"
SCREENINGS = {
    "leave-one-out": "leave-one-out",
    "influence": "influence",
    SIMILARITY: "similarity of gradients",
}
"""The names of what a number of candidates is chosen by, and what a result calls it."""

_EFFECTS = {"influence": influence, "leave-one-out": leave_one_out}
_QUICK = 2000  # rows of a Hessian that is inverted without being asked for: seconds


def choose(
    asked: str | int | Sequence[int] | Sequence[str],
    owner: NDArray[np.int64],
    names: Sequence[str],
    task: Task,
    by: str | None = None,
    head: Head | None = None,
) -> tuple[list[int], str | None]:
    """The positions of the candidates among the examples or groups, ascending, and how
    they were chosen.

    Args:
        asked: "all", "auto", how many, or which: positions, or names of groups.
        owner: (N,), the example's group, or itself.
        names: of the groups, or of the examples.
        task: what is learned, and asked.
        by: what a number of them is chosen by, one of `SCREENINGS`; `default_screening`
            for None.
        head: whose influence, or leave-one-out; a default one, logistic for classes and
            ridge for numbers, for None.

    Raises:
        InvalidInput: there is no such candidate or screening, or nothing to choose by.
    """
    count = len(names)
    if by is not None and by not in SCREENINGS:
        raise InvalidInput(unknown("screening", by, SCREENINGS))
    if isinstance(asked, str):
        if asked not in ("all", "auto"):
            raise InvalidInput(
                f"candidates are 'all', 'auto', a number, or a list; got {shown(asked)}"
            )
        asked = count if asked == "all" else AUTO
    if isinstance(asked, int | np.integer):
        if asked < 1:
            raise InvalidInput(f"a number of candidates is at least 1; got {asked}")
        if asked >= count:
            return list(range(count)), None
        scores, said = scores_of(by, owner, count, task, head)
        strength = np.abs(scores).sum(axis=1)
        if not strength.any():
            raise InvalidInput(
                f"nothing to choose by: {said} is 0 for every example; "
                f"give {named('candidates', 'all')} or a list"
            )
        best = np.sort(np.argsort(-strength, kind="stable")[: int(asked)])
        return best.tolist(), f"{asked} of {count} by {said}"
    places = {name: place for place, name in enumerate(names)}
    picked = []
    for name in asked:
        place = places.get(name, -1) if isinstance(name, str) else int(name)
        if not 0 <= place < count:
            raise InvalidInput(
                f"no candidate {shown(name)}; there are {count}:"
                f" {', '.join(names[:5])}, ..."
            )
        picked.append(place)
    if not picked:
        raise InvalidInput("the list of candidates is empty")
    return sorted(set(picked)), None


def default_screening(task: Task) -> str:
    """Leave-one-out in closed form, or gradient similarity for texts without labels and
    large heads.
    """
    if task.labels is None:
        return SIMILARITY
    features, _ = features_of(task)
    scores = 1 if task.numeric else max(1, len(np.unique(task.labels)) - 1)
    return (
        "leave-one-out" if scores * (min(features.shape) + 1) <= _QUICK else SIMILARITY
    )


def scores_of(
    by: str | None, owner: NDArray[np.int64], count: int, task: Task, head: Head | None
) -> tuple[NDArray[np.float64], str]:
    """(count, t), how each candidate acts on each test point, 0 where that is not
    finite; and by what.

    Gradients' similarities add up over test points, and within a group, as magnitudes:
    t is 1. Effects have signs: a group's on a test point is the sum of its examples'.
    Arguments as for `choose`.
    """
    by = by or default_screening(task)
    said = SCREENINGS[by]
    members = owner >= 0
    if by == SIMILARITY:
        sums = np.bincount(
            owner[members], gradient_similarity(task)[members], minlength=count
        )[:, None].astype(np.float64)
    else:
        if task.labels is None:
            raise InvalidInput(
                f"{by} needs labels of the training examples; texts alone have"
                f" {SIMILARITY}"
            )
        if head is None:
            head = RidgeHead() if task.numeric else LogisticHead()
            said += " at a ridge head" if task.numeric else " at a logistic head"
        features, tests = features_of(task)
        with enough_memory(f"in {by}: choose by {SIMILARITY}, or give fewer features"):
            effects = _EFFECTS[by](head, replace(task, inputs=features, tests=tests))
        sums = np.zeros((count, effects.shape[1]))
        np.add.at(sums, owner[members], effects[members])
    return np.where(np.isfinite(sums), sums, 0.0), said


def gradient_similarity(task: Task) -> NDArray[np.float64]:
    """(N,), |product| of each example's gradient with a test point's at a linear head,
    summed over those.

    The head (logistic for classes, ridge for numbers) is trained once, on everything,
    on the features or on a text's tf-idf: with residuals r and features x the
    gradients' product is r · r' (x · x' + 1) (Pruthi et al., "Estimating training data
    influence", NeurIPS 2020, at the last checkpoint). For texts without labels it is
    the similarity of the texts alone.
    """
    features, tests = features_of(task)
    kernel = features @ tests.T + 1.0
    if task.labels is None:
        return np.asarray(np.abs(kernel).sum(axis=1))
    tested = task.test_labels
    both = Task(features, task.labels, np.concatenate([features, tests]), None)
    everything = np.ones((1, len(features)), np.bool_)
    if task.numeric:
        answers = (
            RidgeHead()
            .prepare(both)
            .fit(everything, np.zeros(1, np.int64))
            .answers[0, :, 0]
        )
        residuals = (task.labels - answers[: len(features)])[:, None]
        # Of a point without a number it is the prediction's own gradient, not a loss's.
        theirs = (
            np.ones((len(tests), 1))
            if tested is None
            else (tested - answers[len(features) :])[:, None]
        )
    else:
        likely = np.exp(
            LogisticHead()
            .prepare(both)
            .fit(everything, np.zeros(1, np.int64))
            .answers[0]
        )
        classes = np.unique(task.labels)
        residuals = -likely[: len(features)]
        theirs = -likely[len(features) :]
        residuals[np.arange(len(residuals)), labels_as(classes, task.labels)] += 1.0
        guesses = likely[len(features) :].argmax(axis=1)
        known = guesses if tested is None else labels_as(classes, tested)
        theirs[np.arange(len(theirs)), known] += 1.0
    return np.asarray(np.abs((residuals @ theirs.T) * kernel).sum(axis=1))


def features_of(task: Task) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Of the examples and of the test points."""
    if task.textual:
        from spexlens.learners.encoders import encoded

        made = encoded(task.inputs, task.tests, "tf-idf", None)
        return made.train, made.tests
    return task.inputs.reshape(len(task), -1), task.tests.reshape(len(task.tests), -1)
