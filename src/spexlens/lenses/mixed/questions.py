"""Questions: what a model that was trained on some examples is asked, as the rest of
the mask leaves it.
"""

from abc import ABC, abstractmethod
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from spexlens.arguments import shown
from spexlens.errors import InvalidInput
from spexlens.learners.encoders import scaled
from spexlens.learners.learner import Read
from spexlens.lenses.examples.lens import DataLens
from spexlens.lenses.mixed.ablated_model import AblatedModel
from spexlens.lenses.mixed.parts import Parts
from spexlens.lenses.text.parts import TextParts
from spexlens.models.model import HuggingFaceModel
from spexlens.models.objectives.completions import CompletionObjective
from spexlens.models.objectives.objective import Batch, Objective
from spexlens.models.objectives.similarity import embed

_MASKS_A_BATCH = 512


class Question(ABC):
    """What a trained model is asked about the test point.

    Attributes:
        batch_size: masks that it likes at once.
    """

    batch_size: int = _MASKS_A_BATCH

    @abstractmethod
    def asked(self, masks: NDArray[np.bool_]) -> NDArray[Any] | Read:
        """For `DataLens.about`: (m, n) bool, of the other lenses' candidates."""


class TextQuestion(Question):
    """Parts of a text that the learner reads as a text, or as its tf-idf."""

    def __init__(self, data: DataLens, parts: TextParts) -> None:
        self._encode = None if data.features is None else data.features.encode
        self._parts = parts

    def asked(self, masks: NDArray[np.bool_]) -> NDArray[Any]:
        """(m,) texts, or (m, d) features of them."""
        texts = self._parts.texts(masks)
        return texts if self._encode is None else self._encode(texts)


class EncoderQuestion(Question):
    """Parts of a text, or of the encoder, whose features a head has learned."""

    def __init__(self, model: HuggingFaceModel, parts: Parts) -> None:
        self._reader = AblatedModel(parts)
        self._model = self._reader.model
        self._pooling = model.sentence.pooling

    def asked(self, masks: NDArray[np.bool_]) -> NDArray[np.float64]:
        """(m, d) features."""
        with torch.inference_mode(), self._model.explained():
            features = self._reader.read(masks, self._embedded)
        return scaled(self._model, np.asarray(features.numpy(), dtype=np.float64))

    def _embedded(self, batch: Batch) -> torch.Tensor:
        return embed(self._model, batch, self._pooling).cpu()


class TunedQuestion(Question):
    """Parts of the text that a fine-tuned model reads, or of that model."""

    batch_size = 1  # a training each

    def __init__(self, data: DataLens, parts: Parts) -> None:
        """
        Raises:
            InvalidInput: of a causal model, another completion or unit is watched than
                what it is trained for.
        """
        self._reader = AblatedModel(parts)
        self._model = self._reader.model
        watched = self._reader.objective
        self._completion = isinstance(watched, CompletionObjective)
        if self._completion:
            _refuse_other_completion(data, watched)

    def asked(self, masks: NDArray[np.bool_]) -> Read:
        """What runs the model once it is trained: (m, labels) logits, or (m,)
        log-probabilities of the completion.
        """
        return lambda: self._reader.read(masks, self._logits)

    def _logits(self, batch: Batch) -> torch.Tensor:
        if self._completion:
            return self._reader.objective(self._model, batch)
        logits: torch.Tensor = self._model.outputs(batch).logits
        return logits


def _refuse_other_completion(data: DataLens, watched: Objective) -> None:
    if watched.unit != "log-probability":
        raise InvalidInput(
            "a fine-tuned causal model is asked for the log-probability; name no other"
        )
    labels = data.points.labels
    completion = None if labels is None else str(labels[0])
    if completion is None or completion != watched.target:
        raise InvalidInput(
            f"the test point's completion is {shown(completion)}; the target"
            f" {watched.target!r}"
        )
