"""Tokens: texts as rows of a batch, each as far as the model's window goes."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from spexlens.models.model import HuggingFaceModel
from spexlens.models.reading import Reading, read
from spexlens.models.tokenizing import tokenized

if TYPE_CHECKING:
    import torch


@dataclass(frozen=True)
class Tokens:
    """A text's tokens, and the segments they belong to if it is a pair."""

    ids: list[int]
    segments: list[int] | None = None


def as_far_as_it_goes(model: HuggingFaceModel, text: str) -> tuple[Tokens, bool]:
    """What a classifier or an encoder reads of a text, up to its window.

    Returns:
        The tokens, and whether the text was longer.
    """
    reading = read(model, text)
    if model.window is None or len(reading) <= model.window:
        segments = None if reading.segments is None else reading.segments.tolist()
        return Tokens(reading.ids.tolist(), segments), False
    ids = _shortened(model, text)
    return Tokens(ids, _shortened_segments(reading, ids)), True


def batch_of(
    model: HuggingFaceModel, rows: Sequence[Tokens]
) -> dict[str, "torch.Tensor"]:
    """Texts as a batch of tensors (m, L), padded on the right.

    Attention never reaches the padding.
    """
    longest = max(len(row.ids) for row in rows)
    shape = (len(rows), longest)
    ids = np.full(shape, model.padding, np.int64)
    attention = np.zeros(shape, np.int64)
    segments = np.zeros(shape, np.int64)
    for place, row in enumerate(rows):
        length = len(row.ids)
        ids[place, :length] = row.ids
        attention[place, :length] = 1
        if row.segments:
            segments[place, :length] = row.segments
    arguments = {"input_ids": ids, "attention_mask": attention}
    # Left out of single texts, since some models of pairs read them otherwise.
    if any(row.segments for row in rows):
        arguments["token_type_ids"] = segments
    return model.tensors(arguments)


def _shortened(model: HuggingFaceModel, text: str) -> list[int]:
    """The tokens of a text up to the model's window, closed as a whole text is."""
    shortened = tokenized(
        model.tokenizer,
        model.sentence.prompted(text),
        truncation=True,
        max_length=model.window,
    )
    return list(shortened["input_ids"])


def _shortened_segments(reading: Reading, ids: list[int]) -> list[int] | None:
    """The segments of a text that was shortened to these tokens, or None."""
    if reading.segments is None:
        return None
    of_the_text = reading.places[::-1, 1] >= 0
    closing = int(of_the_text.argmax())  # tokens behind the text
    kept = np.arange(len(reading))
    cut = slice(len(ids) - closing, len(reading) - closing)
    kept = np.delete(kept, cut)
    # Else it was shortened elsewhere than at its end, and no token's segment is known.
    if reading.ids[kept].tolist() != ids:
        return None
    segments: list[int] = reading.segments[kept].tolist()
    return segments
