"""Text rows: the texts and labels of a fine-tuning as a model reads them."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from spexlens.errors import InvalidInput

if TYPE_CHECKING:
    import torch

    from spexlens.models.model import HuggingFaceModel


@dataclass(frozen=True)
class Row:
    """A text's tokens.

    Attributes:
        ids: all that is read.
        prompt: how many of them, from the first, are given and not predicted.
        segments: which text of a pair each belongs to, or None.
        cut: whether the text was longer than the model's window.
        target: the model's label for it, or -1.
    """

    ids: list[int]
    prompt: int
    segments: list[int] | None = None
    cut: bool = False
    target: int = -1


def rows_of(
    model: "HuggingFaceModel", texts: NDArray[Any], completions: NDArray[Any] | None
) -> list[Row]:
    """Texts as a model reads them, as far as its window goes.

    Of a causal model's the beginning is left out, of others the end.

    Args:
        model: a classifier, or a causal model.
        texts: (N,).
        completions: (N,), what a causal model is to continue them with; None if it
            learns whole texts.

    Raises:
        InvalidInput: a text without a token to learn from.
    """
    if model.kind != "causal":
        rows = [_whole(model, text) for text in texts]
        fewest = 1
    else:
        answers: list[str | None] = [None] * len(texts)
        if completions is not None:
            answers = [str(completion) for completion in completions]
        pairs = zip(texts, answers, strict=True)
        rows = [_continued(model, text, answer) for text, answer in pairs]
        fewest = 2  # the first is not predicted

    for text, row in zip(texts, rows, strict=True):
        if len(row.ids) < fewest:
            raise InvalidInput(f"the text {text!r} has no token to learn from")
    return rows


def lengths_of(rows: Sequence[Row]) -> NDArray[np.int64]:
    """(N,) int64, the tokens of each."""
    return np.array([len(row.ids) for row in rows], np.int64)


def batch_of(
    model: "HuggingFaceModel", rows: Sequence[Row]
) -> "dict[str, torch.Tensor]":
    """Rows that share a forward pass, as tensors of shape (B, L), padded on the right."""
    from spexlens.models.tokens import Tokens
    from spexlens.models.tokens import batch_of as batch

    return batch(model, [Tokens(row.ids, row.segments) for row in rows])


def _whole(model: "HuggingFaceModel", text: str) -> Row:
    """What a classifier reads."""
    from spexlens.models.tokens import as_far_as_it_goes

    tokens, cut = as_far_as_it_goes(model, text)
    return Row(tokens.ids, 1, tokens.segments, cut)


def _continued(model: "HuggingFaceModel", text: str, completion: str | None) -> Row:
    """What a causal model reads; its end is kept, for that is what is continued."""
    from spexlens.models.reading import read

    reading = read(model, text, completion)
    ids = reading.ids.tolist()

    prompt = 1
    if completion is not None:
        prompt = len(ids) - reading.completion

    longer = 0
    if model.window is not None:
        longer = max(0, len(ids) - model.window)
    if longer:
        # The token that opens a text, if there is one, opens what is left.
        opening = int(reading.places[0, 1] < 0)
        del ids[opening : opening + longer]

    return Row(ids, max(1, prompt - longer), cut=longer > 0)


def refuse_other_problems(model: "HuggingFaceModel") -> None:
    """InvalidInput for a classifier that is not made to choose one label."""
    problem = model.model.config.problem_type
    if problem not in (None, "single_label_classification"):
        raise InvalidInput(
            f"{model.called!r} is made for {problem}, and fine-tuning learns one label"
            " of several: set its config.problem_type to 'single_label_classification'"
            " if that is meant"
        )


def columns_of(classes: NDArray[Any], model: "HuggingFaceModel") -> NDArray[np.int64]:
    """The model's label for each class, (c,) int64.

    By name, case aside if that is clear; else in order, if there are as many.

    Raises:
        InvalidInput: it has other labels.
    """
    from spexlens.models.model import has_labels, labels_of

    own = labels_of(model.model.config)
    wanted = [str(label) for label in classes]
    if has_labels(own, wanted):
        if not set(wanted) <= set(own):
            wanted = [label.lower() for label in wanted]
            own = [label.lower() for label in own]
        return np.array([own.index(label) for label in wanted])
    # A head of "LABEL_0", "LABEL_1" says nothing of what its labels mean.
    if len(own) == len(wanted):
        return np.arange(len(own))
    raise InvalidInput(
        f"the model's labels are {', '.join(own)}; the examples' are"
        f" {', '.join(wanted)}"
    )
