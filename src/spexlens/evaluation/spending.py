"""Spending: what one run asks of several games, in one account."""

from spexlens.evaluation.evaluator import Progress
from spexlens.evaluation.ledger.ledger import Ledger
from spexlens.evaluation.repetitions import Repetitions
from spexlens.games.game import Game


class Spending:
    """The evaluators of a run: of a game, of its other ways to ablate, of ordinary
    inputs.

    Attributes:
        run: the ledger's run row in which to count.
        expected: how many evaluations will be asked for in all.
    """

    def __init__(
        self, ledger: Ledger, progress: Progress | None = None, expected: int = 0
    ) -> None:
        """
        Args:
            ledger: where everything is recorded.
            progress: told after each batch how far things are, in evaluations of all
                games.
            expected: see the attribute.
        """
        self._ledger = ledger
        self._progress = progress
        self.expected = expected
        self._evaluators: list[Repetitions] = []
        self.run: int | None = None

    def on(self, game: Game) -> Repetitions:
        """An evaluator of a game, whose calls count here.

        Raises:
            InvalidInput: the ledger is on disk and the game has no fingerprint.
        """
        before = self.paid + self.reused

        def told(finished: int, asked: int) -> None:
            if self._progress is not None:
                self._progress(before + finished, max(before + asked, self.expected))

        progress = None if self._progress is None else told
        self._evaluators.append(
            Repetitions(game, self._ledger, run=self.run, progress=progress)
        )
        return self._evaluators[-1]

    def close(self) -> None:
        """Tell that nothing more is asked for."""
        if self._progress is not None:
            self._progress(self.paid + self.reused, self.paid + self.reused)

    @property
    def paid(self) -> int:
        """Evaluations of models so far."""
        return sum(evaluator.paid for evaluator in self._evaluators)

    @property
    def reused(self) -> int:
        """Evaluations that the ledger held before."""
        return sum(evaluator.reused for evaluator in self._evaluators)

    @property
    def trainings(self) -> int:
        """Trainings so far, of games in which masks share them."""
        return sum(evaluator.trainings for evaluator in self._evaluators)

    @property
    def passes(self) -> int:
        """How often models were called, each time with a batch of masks."""
        return sum(evaluator.passes for evaluator in self._evaluators)
