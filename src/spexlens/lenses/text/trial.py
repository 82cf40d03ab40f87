"""Trial: which rows of a text may share a forward pass, seen before any is counted."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from spexlens.errors import InvalidInput
from spexlens.lenses.text.read_text import ReadText
from spexlens.masks.designs import uniform
from spexlens.models.rows import Together, steady, together_as


@dataclass(frozen=True)
class Trial:
    """What a few masks show of how a model answers.

    Attributes:
        together: which rows may share a forward pass.
        deterministic: whether the model answers the same twice.
        passes: forward passes that it took.
    """

    together: Together
    deterministic: bool
    passes: int


def try_rows(text: ReadText, count: int) -> Trial:
    """See how rows go together, on everything, nothing and two random halves kept.

    Args:
        text: that is read.
        count: its candidates, n.

    Raises:
        InvalidInput: the model takes no notice of what is hidden from attention.
    """
    masks = np.concatenate(
        [
            np.ones((1, count), np.bool_),
            np.zeros((1, count), np.bool_),
            uniform(count, 2, seed=0),
        ]
    )
    model = text.model
    rows = text.trial(masks)
    answers: list[NDArray[np.float64]] = []

    def ask(chosen: NDArray[np.int64]) -> NDArray[np.float64]:
        answers.append(text.measure(rows.take(chosen)))
        return answers[-1]

    together, passes = together_as(ask, rows.lengths, model.rounding)
    again = text.measure(rows.take(np.array([0])))
    deterministic = steady(answers[0], again, model.rounding)
    # The first answers are those of single rows, which differ in what they hide.
    if len(rows.lengths) > 1 and text.replacement.hides:
        _refuse_alike(text, answers[0], answers[1])
    # `CompletionObjective` cuts all rows of a model that looks ahead at one place.
    if model.ahead and together == "padded":
        together = "one length"
    return Trial(together, deterministic, passes + 1)


def _refuse_alike(
    text: ReadText, one: NDArray[np.float64], other: NDArray[np.float64]
) -> None:
    """InvalidInput where two rows are answered alike that hide other tokens."""
    if np.array_equal(one, other):
        raise InvalidInput(
            f"{type(text.model.model).__name__} takes no notice of what is hidden"
            " from attention: choose another replacement"
        )
