"""Combination: what makes one value of the lenses of a mixed game."""

from abc import ABC, abstractmethod

import numpy as np
from numpy.typing import NDArray


class Combination(ABC):
    """The lenses of a mixed game together.

    Attributes:
        unit, outputs: of what is watched, as a game's.
        batch_size: masks at once.
        remarks: on the masks whose values were asked for last, by row.
    """

    unit: str
    outputs: tuple[str, ...] | None
    batch_size: int
    remarks: dict[int, str]

    @abstractmethod
    def values(self, masks: NDArray[np.bool_]) -> NDArray[np.float64]:
        """What is watched: (m, n) bool -> (m,) or (m, k) float64."""
