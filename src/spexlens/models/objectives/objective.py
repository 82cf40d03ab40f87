"""What every objective has: one number (or k) for each row of a batch."""

from abc import ABC, abstractmethod
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from spexlens.models.model import HuggingFaceModel

Batch = dict[str, Any]
"""Tensors of shape (m, L), input_ids and attention_mask among them, by their names."""


class Objective(ABC):
    """A model's answer to a batch.

    Attributes:
        unit: what the answer is measured in.
        target: what it is about, for people to read.
        outputs: names of the k answers where there are several.
    """

    unit: str
    target: str
    outputs: tuple[str, ...] | None = None

    # What must be defined.

    @abstractmethod
    def __call__(self, model: HuggingFaceModel, batch: Batch) -> torch.Tensor:
        """(m,) or (m, k) float64, for a batch of m rows."""

    @abstractmethod
    def identity(self) -> list[Any]:
        """Everything that decides the answer beside the model and the batch, as JSON."""

    # What may be overwritten.

    def facts(self) -> dict[str, Any]:
        """What the model answers to what is explained, as far as that was asked."""
        return {}

    # What follows from these.

    def measure(self, model: HuggingFaceModel, batch: Batch) -> NDArray[np.float64]:
        """The answer as an array, (m,) or (m, k) float64, without keeping gradients."""
        with torch.inference_mode():
            return np.asarray(self(model, batch).cpu().numpy(), dtype=np.float64)


class AveragedObjective(Objective):
    """An answer made of numbers that the windows of one text can share the mean of."""

    averaged: str
    """What these numbers are called, for people to read."""

    @abstractmethod
    def raw(self, model: HuggingFaceModel, batch: Batch) -> torch.Tensor:
        """(m, r) float64, what the answer is computed from."""

    @abstractmethod
    def answer(self, raw: torch.Tensor) -> torch.Tensor:
        """(m, r) -> (m,) or (m, k) float64, the answer."""

    def __call__(self, model: HuggingFaceModel, batch: Batch) -> torch.Tensor:
        return self.answer(self.raw(model, batch))
