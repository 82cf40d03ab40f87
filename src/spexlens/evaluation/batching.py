"""Batching: how a list of masks is cut into the batches that a game is handed."""

import numpy as np
from numpy.typing import NDArray

from spexlens.evaluation.pace import Pace
from spexlens.games.game import Game
from spexlens.masks import masks as mask_algebra

Batch = NDArray[np.int64]
"""(b,) int64, the rows of a batch in the list that it was cut from."""


class Batching:
    """Cuts batches of one game, the same ones each time that the same list is given.

    Attributes:
        fits: the rows of a batch beyond which memory ran out; None if it never did.
    """

    def __init__(self, game: Game, pace: Pace, fits: int | None) -> None:
        """
        Args:
            game: whose masks.
            pace: how long its answers take.
            fits: see the attribute.
        """
        self.fits = fits
        self._game = game
        self._pace = pace
        self._size = 1 if game.paced else game.batch_size  # of the next batch

    def batches(self, packed: NDArray[np.uint8]) -> list[Batch]:
        """All of some packed masks, (m, w) uint8, in batches."""
        if self._game.strategy.shares_trainings:
            return self._whole_trainings(packed)
        costs = [
            self._game.costs(mask_algebra.unpack(packed[block], self._game.n))
            for block in mask_algebra.blocks(len(packed), self._game.n)
        ]
        # those of like cost together, the costliest first: if memory runs out, it does
        # so at once
        order = np.argsort(-np.concatenate(costs), kind="stable")
        return np.split(order, self._borders(len(packed)))

    def ahead(self, batches: list[Batch]) -> tuple[list[Batch], list[Batch]]:
        """About a second's work of batches, at least one, and the rest."""
        most = self._pace.ahead()
        masks = 0
        for number, batch in enumerate(batches, start=1):
            masks += len(batch)
            if masks >= most:
                return batches[:number], batches[number:]
        return batches, []

    def too_large(self, masks: int) -> bool:
        """Whether a batch of so many needs more memory than there is, or more time than
        should be at risk.
        """
        if self.fits is not None and masks > self.fits:
            return True
        if self._game.fixed_batches or self._game.strategy.shares_trainings:
            return False
        return self._pace.too_long(masks)

    def _borders(self, masks: int) -> list[int]:
        """Where batches of so many masks end, but for the last."""
        borders: list[int] = []
        end = self._size
        while end <= masks:
            borders.append(end)
            self._size = min(2 * self._size, self._game.batch_size)
            end += self._size
        if borders and borders[-1] == masks:
            borders.pop()
        return borders

    def _whole_trainings(self, packed: NDArray[np.uint8]) -> list[Batch]:
        """Batches that split no training, each of a batch's size if its trainings are
        no larger.
        """
        masks = mask_algebra.unpack(packed, self._game.n)
        trainings = self._game.strategy.groups(masks)
        order = np.argsort(trainings, kind="stable")
        sorted_trainings = trainings[order]
        ends = np.flatnonzero(np.diff(sorted_trainings)) + 1

        # a training goes with those before it where it fits
        batches: list[Batch] = []
        for training in np.split(order, ends):
            size = len(training)
            if batches and len(batches[-1]) + size <= self._game.batch_size:
                batches[-1] = np.concatenate([batches[-1], training])
            else:
                batches.append(training)

        return batches
