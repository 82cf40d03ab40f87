"""Similarity: what is watched in an encoder's answer."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from spexlens.arguments import readable
from spexlens.errors import InvalidInput, ModelError
from spexlens.models.model import HuggingFaceModel
from spexlens.models.objectives.objective import AveragedObjective, Batch, Objective
from spexlens.models.pooling import Pooling, pooled
from spexlens.models.reading import Reading, read, refuse_far_longer

SIMILARITY_UNITS = ("cosine similarity",)
"""The objectives of an encoder."""


@dataclass
class SimilarityObjective(AveragedObjective):
    """Cosine similarity of the text's embedding to a fixed one, that of `tokens`."""

    reference: NDArray[np.float64]
    tokens: tuple[int, ...]
    pooling: Pooling
    target: str
    unit: str = "cosine similarity"

    averaged = "embeddings"

    def raw(self, model: HuggingFaceModel, batch: Batch) -> torch.Tensor:
        return embed(model, batch, self.pooling)

    def answer(self, raw: torch.Tensor) -> torch.Tensor:
        reference = torch.from_numpy(self.reference).to(raw.device)
        return torch.nn.functional.cosine_similarity(raw, reference, dim=1)

    def identity(self) -> list[Any]:
        return ["similarity", self.tokens, self.pooling]


@dataclass
class PairObjective(Objective):
    """Cosine similarity of a text's embedding to a query's, both as the model is now."""

    query: Batch
    pooling: Pooling
    target: str
    unit: str = "cosine similarity"

    def __call__(self, model: HuggingFaceModel, batch: Batch) -> torch.Tensor:
        rows = len(batch["input_ids"])
        # The query is read once a row: hooks may change each row in its own way.
        query = {name: tensor.repeat(rows, 1) for name, tensor in self.query.items()}
        texts = embed(model, batch, self.pooling)
        queries = embed(model, query, self.pooling)
        return torch.nn.functional.cosine_similarity(texts, queries, dim=1)

    def identity(self) -> list[Any]:
        return ["pair", self.query["input_ids"].tolist(), self.pooling]


def embed(model: HuggingFaceModel, batch: Batch, pooling: Pooling) -> torch.Tensor:
    """The pooled last hidden state, (m, d) float64, of rows padded on the right.

    Only the tokens that are attended to are pooled.

    Raises:
        ModelError: the model gives none.
    """
    hidden = getattr(model.outputs(batch), "last_hidden_state", None)
    if hidden is None:
        raise ModelError(
            f"{type(model.model).__name__} gives no hidden states of its tokens: it is"
            " no encoder"
        )
    return pooled(hidden.double(), batch["attention_mask"], pooling)


def similarity_objective(
    model: HuggingFaceModel,
    target: object,
    text: str,
    parts: Sequence[Batch],
    queried: Sequence[Reading],
) -> SimilarityObjective:
    """What to watch of an encoder.

    Args:
        model: an encoder.
        target: the query to compare with, or None for the unablated text itself.
        text: that is explained.
        parts: the unablated text, as one batch or a batch a window.
        queried: what is read of a query, a reading a window; empty where it is read at
            once.

    Raises:
        InvalidInput: the target is no text.
        InputTooLong: the query does not fit the model's window.
    """
    if target is not None and not isinstance(target, str):
        raise InvalidInput("an encoder's target is a text, the query to compare with")
    compared = parts
    if target is not None:
        compared = [model.tensors(part.arrays()) for part in queried]
        compared = compared or [query_of(model, target)]
    tokens: list[int] = []
    for part in compared:
        tokens += part["input_ids"][0].tolist()
    pooling = model.sentence.pooling
    with torch.inference_mode():
        windows = [embed(model, part, pooling) for part in compared]
        embeddings = torch.cat(windows)
    reference = embeddings.mean(dim=0).cpu().numpy()
    return SimilarityObjective(reference, tuple(tokens), pooling, target or text)


def query_of(model: HuggingFaceModel, text: str) -> Batch:
    """A query as a batch of one row.

    Raises:
        InputTooLong: it does not fit the model's window.
    """
    refuse_far_longer(model, readable(text, "the query"), "the query")
    reading = read(model, text)
    model.refuse_longer_than_window(len(reading), "the query")
    return model.tensors(reading.arrays())
