"""Repetitions: a game evaluated several times, and how far its values are apart."""

import copy
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from spexlens.evaluation.counts import Counted, Counts
from spexlens.evaluation.evaluator import Evaluator, Progress
from spexlens.evaluation.ledger.ledger import Ledger
from spexlens.games.game import Game


class Repetitions(Counted):
    """Runs a game's repetitions through a ledger, each as a game of its own, and
    averages them.

    Each evaluation of a mask, under a seed or just again, is paid for, and kept, on its
    own.
    """

    def __init__(
        self,
        game: Game,
        ledger: Ledger,
        *,
        run: int | None = None,
        progress: Progress | None = None,
        expected: int = 0,
    ) -> None:
        """
        Args:
            game: what to evaluate, `game.repeats` times a mask.
            ledger: where to record it.
            run: the ledger's run row in which to count.
            progress: told after each batch how far things are, in evaluations.
            expected: how many evaluations will be asked for in all.

        Raises:
            InvalidInput: the ledger is on disk and the game has no fingerprint.
        """
        self.game = game
        self._ledger = ledger
        self._progress = progress
        self._expected = expected
        self._run = run
        self._evaluators = [self._evaluator(0)]
        self._asked: list[list[NDArray[np.uint8]]] = [[]]  # what each was asked for
        # evaluations that are asked for elsewhere too, and are not counted twice
        self._asked_again = 0
        # over all repeated masks: squared distances from the mean, (k,), and how many
        # degrees of freedom they have
        self._squares: NDArray[np.float64] | float = 0.0
        self._degrees = 0

    @property
    def run(self) -> int | None:
        """The ledger's run row in which is counted."""
        return self._run

    @run.setter
    def run(self, run: int | None) -> None:
        self._run = run
        for evaluator in self._evaluators:
            evaluator.run = run

    @property
    def counts(self) -> Counts:
        """What was asked of all repetitions so far."""
        total = Counts.total(evaluator.counts for evaluator in self._evaluators)
        return replace(total, reused=total.reused - self._asked_again)

    def packed_values(
        self, packed: NDArray[np.uint8], times: int | None = None
    ) -> NDArray[np.float64]:
        """The mean over the repetitions of each packed mask: (m, w) uint8 -> (m,) or
        (m, k) float64.

        Args:
            packed: distinct masks of the game; they are asked for, and recorded, as
                those of its `base`.
            times: how many repetitions, instead of the game's own number.
        """
        return self.base_values(self.game.to_base(packed), times)

    def base_values(
        self, packed: NDArray[np.uint8], times: int | None = None
    ) -> NDArray[np.float64]:
        """`packed_values` for masks of the game's `base`."""
        answers = []
        for number in range(times or self.game.repeats):
            if number == len(self._evaluators):
                self._evaluators.append(self._evaluator(number))
                self._asked.append([])

            self._asked[number].append(packed)
            evaluator = self._evaluators[number]
            answers.append(evaluator.packed_values(packed))

        if len(answers) == 1:
            return answers[0]

        stacked = np.stack(answers)
        mean = np.asarray(stacked.mean(axis=0))

        # the mean of each mask takes one degree of freedom
        away = stacked - mean
        squares = (away**2).reshape(-1, *mean.shape[1:])
        self._squares = self._squares + squares.sum(axis=0)
        self._degrees += (len(answers) - 1) * len(packed)
        return mean

    def again(self, packed: NDArray[np.uint8], times: int) -> NDArray[np.float64]:
        """More repetitions of masks that are asked for elsewhere too, for `deviation`;
        their mean values.
        """
        self._asked_again += min(times, self.game.repeats) * len(packed)
        return self.packed_values(packed, times)

    @property
    def deviation(self) -> NDArray[np.float64] | None:
        """(k,), the standard deviation of one evaluation of a mask; None if none was
        repeated.
        """
        if not self._degrees:
            return None
        return np.atleast_1d(np.sqrt(self._squares / self._degrees))

    @property
    def repeated(self) -> int:
        """How many evaluations repeated a mask."""
        return self._degrees

    def remarks(self) -> Iterator[tuple[str, int]]:
        """What was remarked on the evaluations asked for, and how often, the most
        frequent first.
        """
        remarks = Counter[str]()
        for evaluator, batches in zip(self._evaluators, self._asked, strict=True):
            if batches:
                masks = np.concatenate(batches)
                remarks.update(self._ledger.remarks(evaluator.game.key, masks))
        yield from sorted(remarks.items(), key=lambda item: (-item[1], item[0]))

    def _evaluator(self, number: int) -> Evaluator:
        """That of a repetition, from 0: the first is the game as it is."""
        game = self.game.base.with_seed(number)
        if number and game.key == self.game.base.key:
            game = _apart(game, number)
        return Evaluator(
            game,
            self._ledger,
            run=self._run,
            progress=self._advance if self._progress else None,
        )

    def _advance(self, *_: int) -> None:
        """Tell how far all repetitions are together."""
        if self._progress is None:
            return
        finished = sum(evaluator.finished for evaluator in self._evaluators)
        asked = sum(evaluator.asked for evaluator in self._evaluators)
        self._progress(
            finished - self._asked_again,
            max(asked - self._asked_again, self._expected),
        )


def _apart(game: Game, number: int) -> Game:
    """A game without seeds, asked again: a ledger keeps what it answers beside what it
    answered before.
    """
    again = copy.copy(game)
    again.key = f"{game.key} again {number}"
    return again
