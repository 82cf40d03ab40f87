"""CountingGame: a game around a function that keeps what it was asked for."""

from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray

from spexlens.games.candidate import Candidate
from spexlens.games.game import Game


class CountingGame(Game):
    """A function as a game, for tests of whatever asks one: the double of `Game.value`.

    Attributes:
        batches: the masks of each call of `value`, in order, (m, n) bool each.
    """

    def __init__(
        self,
        value: Callable[[NDArray[np.bool_]], ArrayLike],
        candidates: int | Sequence[str | Candidate],
        fingerprint: str | None = None,
        *,
        outputs: Sequence[str] | None = None,
        batch_size: int | None = None,
    ) -> None:
        """
        Args:
            value, candidates, fingerprint, outputs, batch_size: as for `Game`.

        Raises:
            InvalidInput: as `Game`.
        """
        super().__init__(
            value, candidates, fingerprint, outputs=outputs, batch_size=batch_size
        )
        self.batches: list[NDArray[np.bool_]] = []

    def value(self, masks: NDArray[np.bool_]) -> NDArray[np.float64]:
        """As `Game.value`, and remembers the masks, also of a call that fails."""
        # whoever asks may write to its masks later
        self.batches.append(masks.copy())
        return super().value(masks)

    @property
    def masks(self) -> NDArray[np.bool_]:
        """(m, n) bool, all masks that were asked for, in order."""
        return np.concatenate([np.zeros((0, self.n), np.bool_), *self.batches])

    @property
    def evaluations(self) -> int:
        """How many masks were asked for; one that was asked twice counts twice."""
        return sum(len(batch) for batch in self.batches)

    def forget(self) -> None:
        """Count from nothing again."""
        self.batches.clear()
