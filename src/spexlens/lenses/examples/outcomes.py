"""Outcomes: what is watched in a retrained model's answers about the test points."""

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from spexlens.errors import InvalidInput
from spexlens.learners.learner import Answer

Array = NDArray[np.float64]
Outcome = Callable[[Array, Array], Array]
"""Answers (m, t, c) and the test points' labels, (t,) positions of classes or targets
-> (m, t).
"""


def _given(answers: Array, labels: Array) -> Array:
    """What is answered for the label: (m, t)."""
    return np.take_along_axis(answers, labels.astype(np.int64)[None, :, None], axis=2)[
        ..., 0
    ]


def _others(answers: Array, labels: Array) -> Array:
    """What is answered for the other labels: (m, t, c - 1)."""
    count = answers.shape[2]
    others = np.array(
        [[c for c in range(count) if c != label] for label in labels.astype(int)]
    )
    return np.take_along_axis(
        answers, others.reshape(1, len(labels), count - 1), axis=2
    )


def _log_odds(answers: Array, labels: Array) -> Array:
    others = _others(answers, labels)
    largest = others.max(axis=2)
    rest = largest + np.log(np.exp(others - largest[..., None]).sum(axis=2))
    return np.asarray(_given(answers, labels) - rest)


def _margin(answers: Array, labels: Array) -> Array:
    return np.asarray(_given(answers, labels) - _others(answers, labels).max(axis=2))


def _accuracy(answers: Array, labels: Array) -> Array:
    return np.asarray((_margin(answers, labels) > 0).astype(np.float64))


def _probability(answers: Array, labels: Array) -> Array:
    return np.asarray(np.exp(_given(answers, labels)))


def _loss(answers: Array, labels: Array) -> Array:
    return np.asarray(-_given(answers, labels))


def _prediction(answers: Array, labels: Array) -> Array:
    return answers[..., 0]


def _squared_error(answers: Array, labels: Array) -> Array:
    return np.asarray((answers[..., 0] - labels) ** 2)


OUTCOMES: dict[Answer, dict[str, Outcome]] = {
    "log-probabilities": {
        "log-odds": _log_odds,
        "margin": _margin,
        "log-probability": _given,
        "loss": _loss,
        "probability": _probability,
        "accuracy": _accuracy,
    },
    "scores": {"margin": _margin, "accuracy": _accuracy},
    "predictions": {"prediction": _prediction, "loss": _squared_error},
    "completions": {
        "log-probability": _given,
        "loss": _loss,
        "probability": _probability,
    },
}
"""Of each kind of answer; the first is the default.

log-odds: ln p / (1 - p) of the label (Park et al., "TRAK", ICML 2023). margin: the
label's log-probability, or score, less the largest other (Ilyas et al., "Datamodels",
ICML 2022). loss: -ln p, or the squared error; a positive effect raises it.
"""


def outcome_of(answer: Answer, objective: str | None) -> tuple[str, Outcome]:
    """What is watched, by name; the default for None.

    Raises:
        InvalidInput: this kind of answer has no such outcome.
    """
    known = OUTCOMES[answer]
    name = objective or next(iter(known))
    if name not in known:
        raise InvalidInput(
            f"the learner answers with {answer}: objective {name!r} is none of"
            f" {', '.join(known)}"
        )
    return name, known[name]
