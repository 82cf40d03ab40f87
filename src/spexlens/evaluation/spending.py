"""Spending: what one run asks of several games, in one account."""

from spexlens.evaluation.counts import Counted, Counts
from spexlens.evaluation.evaluator import Progress
from spexlens.evaluation.ledger.ledger import Ledger
from spexlens.evaluation.repetitions import Repetitions
from spexlens.games.game import Game


class Spending(Counted):
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
        progress = None if self._progress is None else self._after(self._progress)
        evaluator = Repetitions(game, self._ledger, run=self.run, progress=progress)
        self._evaluators.append(evaluator)
        return evaluator

    def _after(self, progress: Progress) -> Progress:
        """Tells of one game what is behind all that was asked so far."""
        before = self.counts.evaluations

        def advance(finished: int, asked: int) -> None:
            # `expected` is looked up each time: it may be mended on the way
            progress(before + finished, max(before + asked, self.expected))

        return advance

    def close(self) -> None:
        """Tell that nothing more is asked for."""
        if self._progress is not None:
            finished = self.counts.evaluations
            self._progress(finished, finished)

    @property
    def counts(self) -> Counts:
        """What was asked of all games so far."""
        return Counts.total(evaluator.counts for evaluator in self._evaluators)
