"""Sized: a game's answers brought to size one, as its first ones say how."""

import numpy as np
from numpy.typing import NDArray

from spexlens.evaluation.repetitions import Repetitions
from spexlens.games.game import Game
from spexlens.masks.outputs import by_output
from spexlens.spectrum.sizes import Sizes, refuse_small

Array = NDArray[np.float64]
Packed = NDArray[np.uint8]


class Sized:
    """Asks a game's evaluator, and gives its answers at size one.

    Attributes:
        evaluator: of the game.
    """

    def __init__(self, evaluator: Repetitions) -> None:
        """
        Args:
            evaluator: see the attribute.
        """
        self.evaluator = evaluator
        self._sizes: Sizes | None = None

    @property
    def game(self) -> Game:
        """What is asked."""
        return self.evaluator.game

    @property
    def sizes(self) -> Sizes:
        """Of the answers that were asked for first."""
        assert self._sizes is not None, "nothing was asked yet"
        return self._sizes

    def packed_values(self, packed: Packed, times: int | None = None) -> Array:
        """As of `Repetitions`, at size one: (m, k), a column an output.

        Raises:
            InvalidInput: the first answers differ by too little to be squared.
        """
        return self._down(self.evaluator.packed_values(packed, times))

    def base_values(self, packed: Packed) -> Array:
        """`packed_values` for masks of the game's `base`."""
        return self._down(self.evaluator.base_values(packed))

    def _down(self, values: Array) -> Array:
        values = by_output(values)
        if not len(values):
            return values
        if self._sizes is None:
            refuse_small(values, self.game.outputs)
            self._sizes = Sizes.of(values)
        return self._sizes.down(values)
