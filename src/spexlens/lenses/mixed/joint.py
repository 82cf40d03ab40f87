"""A text and components of one model, and no training."""

import numpy as np
import torch
from numpy.typing import NDArray

from spexlens.errors import InvalidInput
from spexlens.lenses.components.lens import MechanisticLens
from spexlens.lenses.mixed.ablated_model import AblatedModel
from spexlens.lenses.mixed.combination import Combination
from spexlens.lenses.mixed.parts import Parts
from spexlens.lenses.text.lens import FeatureLens
from spexlens.models.objectives.objective import Batch, Objective
from spexlens.models.objectives.similarity import PairObjective


class Joint(Combination):
    """One forward pass reads the ablated text with the components ablated.

    Attributes:
        passes: forward passes for each batch of masks.
    """

    def __init__(self, text: FeatureLens, components: MechanisticLens) -> None:
        """
        Raises:
            InvalidInput: the lenses watch two things, or one with two foils.
        """
        watched = components.behaviours[0].objective
        if not _is_watched(text.objective, watched):
            raise InvalidInput(
                "a mixed game watches one thing, and one foil: the lenses watch the"
                f" {text.objective.unit} of {text.objective.target!r} and the"
                f" {watched.unit} of {watched.target!r}"
            )
        self._text = text
        self._components = components
        self._reader = AblatedModel(Parts(text=text, components=components))
        self._model = components.model
        self.unit = watched.unit
        self.outputs = watched.outputs
        self.passes = components.passes
        self.batch_size = components.batch_size
        self.remarks = {}

    def values(self, masks: NDArray[np.bool_]) -> NDArray[np.float64]:
        """What is watched: (m, n) bool -> (m,) or (m, k) float64."""
        self.remarks = self._model.remarks(len(masks))
        objective = self._reader.objective

        def measured(batch: Batch) -> torch.Tensor:
            return torch.from_numpy(objective.measure(self._model, batch))

        with self._model.explained():
            values = self._reader.read(masks, measured)
        return np.asarray(values.numpy())

    @property
    def device(self) -> torch.device:
        """Where the model is."""
        return self._model.device

    def value_at(self, degrees: torch.Tensor) -> torch.Tensor:
        """The same, differentiable, of candidates that are there to a degree: (n,) ->
        (k,).
        """
        words = self._text.n
        with self._components.switchboard.faded(degrees[words:]):
            return self._text.value_at(
                degrees[:words], model=self._model, objective=self._reader.objective
            )


def _is_watched(one: Objective, other: Objective) -> bool:
    """Whether the text's objective is that of the components."""
    same = other.identity() == one.identity()
    # the text's lens compares with the query as it was
    if isinstance(other, PairObjective):
        return other.target == one.target
    return same
