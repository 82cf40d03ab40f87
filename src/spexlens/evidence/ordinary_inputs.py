"""Ordinary inputs: is the answer with nothing kept like theirs?"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from spexlens.spectrum.sizes import Sizes

Array = NDArray[np.float64]

_BEYOND = 0.5  # of the range of ordinary answers


@dataclass(frozen=True)
class Ordinary:
    """What the model answers to ordinary inputs, and to nothing kept, an output each.

    Attributes:
        low, high: the range of their answers.
        inputs: how many there were; 0 where the masks that keep something, and the
            whole, stand for them.
        empty: the answer with everything ablated.

    A single answer is no range: nothing is far from it.
    """

    low: tuple[float, ...]
    high: tuple[float, ...]
    inputs: int
    empty: tuple[float, ...]

    def restored(self, sizes: Sizes) -> "Ordinary":
        """Of the answers as they were.

        Where this is of answers that were brought to size one.
        """
        return replace(
            self,
            low=sizes.answers(self.low),
            high=sizes.answers(self.high),
            empty=sizes.answers(self.empty),
        )

    def far(self, output: int) -> bool:
        """Whether the empty answer is outside by more than half of the range."""
        low = self.low[output]
        high = self.high[output]
        if not low < high:
            return False
        empty = self.empty[output]
        outside = max(low - empty, empty - high)
        return outside > _BEYOND * (high - low)

    @classmethod
    def of(cls, values: Array, empty: Sequence[float], inputs: int) -> "Ordinary":
        """The range of answers.

        Args:
            values: (m,) or (m, k) float64, the answers.
            empty: (k,), the answer with everything ablated.
            inputs: as the attribute.
        """
        columns = values.reshape(len(values), -1)
        low = columns.min(axis=0).tolist()
        high = columns.max(axis=0).tolist()
        return cls(tuple(low), tuple(high), inputs, tuple(empty))
