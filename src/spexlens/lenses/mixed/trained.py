"""Training examples and what a trained model is asked."""

import copy
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from spexlens.lenses.examples.lens import DataLens
from spexlens.lenses.mixed.combination import Combination
from spexlens.masks import masks as mask_algebra

if TYPE_CHECKING:
    from spexlens.lenses.mixed.questions import Question


class Trained(Combination):
    """A model is trained on the examples kept, and asked about the test point as the
    rest of the mask leaves it.
    """

    outputs = None

    def __init__(self, data: DataLens, question: "Question") -> None:
        self._data = data
        self._question = question
        self.unit = data.unit
        self.batch_size = question.batch_size
        self.remarks = {}

    def with_data(self, data: DataLens) -> "Trained":
        """The same question, asked of what other trainings on the examples give."""
        other = copy.copy(self)
        other._data = data
        return other

    def values(self, masks: NDArray[np.bool_]) -> NDArray[np.float64]:
        """What is watched: (m, n) bool -> (m,) float64.

        Masks that keep the same examples share one training, and what is asked of it is
        asked once of masks that are equal in the rest.
        """
        examples = masks[:, : self._data.n]
        rest = masks[:, self._data.n :]
        first, training = mask_algebra.distinct(mask_algebra.pack(examples))
        values = np.empty(len(masks))
        self.remarks = {}
        for start in range(0, len(first), self._data.at_once):
            chunk = first[start : start + self._data.at_once]
            rows = np.flatnonzero((training >= start) & (training < start + len(chunk)))
            trained = training[rows] - start
            variants, variant = mask_algebra.distinct(mask_algebra.pack(rest[rows]))
            question = self._question.asked(rest[rows][variants])
            answers = self._data.about(examples[chunk], question)
            values[rows] = answers[trained, variant]
            self._remark(rows, trained)
        return values

    def _remark(self, rows: NDArray[np.int64], trained: NDArray[np.int64]) -> None:
        """Say of masks, by row, what is remarked on the training that each shares."""
        remarks = self._data.remarks()
        for row, training in zip(rows.tolist(), trained.tolist(), strict=True):
            if training in remarks:
                self.remarks[row] = remarks[training]
