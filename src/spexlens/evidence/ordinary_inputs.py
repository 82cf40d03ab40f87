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
    """What the model answers on ordinary inputs, and whether nothing kept is like them;
    an output each.

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
        """Of the answers as they were, where this is of answers that were brought to
        size one.
        """
        low, high, empty = map(sizes.answers, (self.low, self.high, self.empty))
        return replace(self, low=low, high=high, empty=empty)

    def far(self, output: int) -> bool:
        """Whether the empty answer is outside by more than half of the range."""
        low = self.low[output]
        high = self.high[output]
        empty = self.empty[output]
        return low < high and max(low - empty, empty - high) > _BEYOND * (high - low)

    @classmethod
    def of(cls, values: Array, empty: Sequence[float], inputs: int) -> "Ordinary":
        """Of answers (m,) or (m, k)."""
        columns = values.reshape(len(values), -1)
        return cls(
            tuple(columns.min(axis=0).tolist()),
            tuple(columns.max(axis=0).tolist()),
            inputs,
            tuple(empty),
        )
