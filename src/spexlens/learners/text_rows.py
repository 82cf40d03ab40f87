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
    """Texts as a model reads them, as far as its window goes: a causal model's from the
    end.

    Args:
        model: a classifier, or a causal model.
        texts: (N,).
        completions: (N,), what a causal model is to continue them with; None if it
            learns whole texts.

    Raises:
        InvalidInput: a text without a token to learn from.
    """
    labels = [None] * len(texts) if completions is None else list(map(str, completions))
    make = _continued if model.kind == "causal" else _whole
    rows = [make(model, text, label) for text, label in zip(texts, labels, strict=True)]
    for text, row in zip(texts, rows, strict=True):
        if len(row.ids) < 1 + (model.kind == "causal"):
            raise InvalidInput(f"the text {text!r} has no token to learn from")
    return rows


def lengths_of(rows: Sequence[Row]) -> NDArray[np.int64]:
    """(N,) int64, the tokens of each."""
    return np.array([len(row.ids) for row in rows], np.int64)


def batch_of(
    model: "HuggingFaceModel", rows: Sequence[Row]
) -> "dict[str, torch.Tensor]":
    """Rows that share a forward pass, as tensors of shape (B, L), padded on the right."""
    from spexlens.models.reading import Tokens
    from spexlens.models.reading import batch_of as batch

    return batch(model, [Tokens(row.ids, row.segments) for row in rows])


def _whole(model: "HuggingFaceModel", text: str, _: str | None) -> Row:
    """What a classifier reads."""
    from spexlens.models.reading import as_far_as_it_goes

    tokens, cut = as_far_as_it_goes(model, text)
    return Row(tokens.ids, 1, tokens.segments, cut)


def _continued(model: "HuggingFaceModel", text: str, completion: str | None) -> Row:
    """What a causal model reads, its end kept where the whole does not fit, for that is
    what is continued.
    """
    from spexlens.models.reading import read

    reading = read(model, text, completion)
    ids = reading.ids.tolist()
    prompt = len(ids) - reading.completion if completion is not None else 1
    longer = 0 if model.window is None else max(0, len(ids) - model.window)
    if longer:
        opened = int(reading.places[0, 1] < 0)
        ids = [*ids[:opened], *ids[opened + longer :]]
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
    """The model's label for each class: by name, case aside if that is clear, else in
    order if as many.

    Raises:
        InvalidInput: it has other labels.
    """
    from spexlens.models.model import has_labels, labels_of

    own = labels_of(model.model.config)
    wanted = [str(label) for label in classes]
    if has_labels(own, wanted):
        exact = set(wanted) <= set(own)
        known = own if exact else [label.lower() for label in own]
        return np.array(
            [known.index(label if exact else label.lower()) for label in wanted]
        )
    if len(own) == len(wanted):
        return np.arange(len(own))
    raise InvalidInput(
        f"the model's labels are {', '.join(own)}; the examples' are"
        f" {', '.join(wanted)}"
    )
