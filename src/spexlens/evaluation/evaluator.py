"""The evaluator: every mask is paid for once, and what was paid for is kept."""

import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager, suppress
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from spexlens.errors import InvalidInput, LedgerError, NonFiniteValue, OutOfMemory
from spexlens.evaluation.batching import Batch, Batching
from spexlens.evaluation.counts import Counts
from spexlens.evaluation.ledger.ledger import Ledger
from spexlens.evaluation.pace import Clock, Pace
from spexlens.games.answers import real_numbers
from spexlens.games.game import Game
from spexlens.masks import masks as mask_algebra
from spexlens.masks.outputs import squeezed
from spexlens.memory import ran_out
from spexlens.spectrum.sizes import LARGEST, refuse_large

_PLAIN = (
    "a plain function cannot be recognised in a ledger on disk: "
    "give Game(..., fingerprint='...'), or ledger=None"
)

# seconds, the shortest and the longest, between two looks at what others are paid for
_WAITS = (0.01, 0.5)
_NAMED = 20  # candidates that an error names

Progress = Callable[[int, int], None]
"""Called with (masks finished, masks to finish in all)."""


@dataclass(frozen=True)
class _Order:
    """The distinct masks of one call, and how far it is with them.

    Attributes:
        rows: (m, w) uint8, packed.
        known: (m,) bool, whose values are recorded, or on their way into the ledger.
        mine: (m,) bool, which this process has claimed, and not asked for yet.
    """

    rows: NDArray[np.uint8]
    known: NDArray[np.bool_]
    mine: NDArray[np.bool_]

    def missing(self) -> int:
        """How many are not known yet."""
        return int((~self.known).sum())


class Evaluator:
    """Runs a game through a ledger.

    Batches are cut from the whole list of distinct masks before looking at what is
    known, and each is committed all or nothing: an interrupted run, repeated, sends the
    model the very batches that an uninterrupted one would have, and so gets the same
    values bit for bit. Commits run in a thread beside the model, at most one batch
    behind it; of a game that commits each batch, none.

    At most some five seconds of answers are on their way at any moment. A plain
    function is asked for one mask first, then for two, four and so on; and a batch that
    would take longer than half of that, as the last ones went, is halved, unless the
    game has fixed it.

    What this process is about to ask for it claims in the ledger. What another has
    claimed it leaves to the other, and asks for the rest meanwhile.

    Attributes:
        paid: evaluations of the model so far, one a distinct mask that was not in the
            ledger.
        reused: distinct masks that were answered from the ledger.
        passes: how often the model was called, each time with a batch of masks.
        trainings: of a game in which masks share trainings, how many were made.
        asked: distinct masks asked for so far, of which so many are `finished`.
    """

    def __init__(
        self,
        game: Game,
        ledger: Ledger,
        *,
        run: int | None = None,
        progress: Progress | None = None,
        expected: int = 0,
        clock: Clock = time.monotonic,
    ) -> None:
        """
        Args:
            game: what to evaluate.
            ledger: where to record it.
            run: the ledger's run row in which to count.
            progress: told after each batch how far things are.
            expected: how many masks will be asked for in all, where more than one call
                asks for them.
            clock: by which answers are timed.

        Raises:
            InvalidInput: the ledger is on disk and the game has no fingerprint.
        """
        if ledger.path is not None and not game.fingerprint:
            raise InvalidInput(game.unknown or _PLAIN)
        self.game = game
        self.ledger = ledger
        self.run = run
        self.progress = progress
        # a number each, not one `Counts`: `paid` is added to by the writer's thread
        self.paid = 0
        self.reused = 0
        self.passes = 0
        self.trainings = 0
        self.asked = 0
        self.finished = 0
        self._expected = expected
        self._pace = Pace(clock)
        self._batching = Batching(game, self._pace, ledger.limit(game.key))
        self._pending: Future[None] | None = None
        self._outputs: int | None = None
        # by another process, whose values were committed first and stand
        self._overtaken = False

    @property
    def counts(self) -> Counts:
        """What was asked of the game so far."""
        return Counts(self.paid, self.reused, self.passes, self.trainings)

    def values(self, masks: ArrayLike) -> NDArray[np.float64]:
        """The game's values, from the ledger or from the model: (m, n) -> (m,) or (m,
        k) float64.

        Raises:
            NonFiniteValue: the model answered NaN or infinity.
            OutOfMemory: a single mask does not fit into memory.
            InvalidInput: the game's answer has the wrong shape, or is too large to be
                squared.
        """
        return self.packed_values(
            mask_algebra.pack(mask_algebra.as_masks(masks, self.game.n))
        )

    def packed_values(self, packed: NDArray[np.uint8]) -> NDArray[np.float64]:
        """`values` of packed masks, (m, w) uint8; they are unpacked a batch at a time."""
        first, inverse = mask_algebra.distinct(packed)
        rows = packed[first]
        if not len(rows):
            return np.zeros(0)

        # what others wrote up to now is found by the look-up below
        self.ledger.changed_elsewhere()
        known, values = self._recorded(rows)
        refuse_large(values[known])

        self.reused += int(known.sum())
        self.asked += len(rows)

        unclaimed = np.zeros(len(rows), np.bool_)
        order = _Order(rows, known, unclaimed)
        with self._claims(order), ThreadPoolExecutor(1, "ledger") as writer:
            values = self._completed(order, values, writer)

        # the ledger has what was committed first, which may be another's
        if self._overtaken:
            _, values = self._recorded(rows)

        values = values[inverse]
        return squeezed(values)

    def _completed(
        self, order: _Order, values: NDArray[np.float64], writer: ThreadPoolExecutor
    ) -> NDArray[np.float64]:
        """The values of an order, (m, k), when all of it is asked for and committed.

        Args:
            order: nothing of it is left unknown.
            values: (m, k) of those that were known before; k = 0 if none was.
            writer: the thread that commits.
        """
        finished_before = self.finished
        for batch in self._turns(order):
            for part, answer, remarks in self._answers(order, batch):
                order.known[part] = True
                order.mine[part] = False
                self._commit(order, part, answer, remarks, writer)

                # only the first answer tells how many outputs there are
                if not values.size:
                    values = np.empty((len(order.rows), answer.shape[1]))
                values[part] = answer

            self.finished = finished_before + int(order.known.sum())
            if self.progress is not None:
                self.progress(self.finished, max(self.asked, self._expected))

        self._flush()
        return values

    def _commit(
        self,
        order: _Order,
        part: Batch,
        answer: NDArray[np.float64],
        remarks: dict[int, str],
        writer: ThreadPoolExecutor,
    ) -> None:
        """Begin to commit an answer, once the one before is committed.

        One that cannot be squared, and each of a game that commits each batch, is
        waited for.
        """
        self._flush()
        if self.ledger.changed_elsewhere():
            self._take_over(order)
        self._pending = writer.submit(self._keep, order.rows[part], answer, remarks)
        squarable = bool((np.abs(answer) <= LARGEST).all())
        if self.game.commit_each_batch or not squarable:
            # before the model is asked for more; raises if it was not finite
            self._flush()
            refuse_large(answer)

    @contextmanager
    def _claims(self, order: _Order) -> Iterator[None]:
        """Around asking for masks: what fails, or is interrupted, lets go of what it
        claimed.
        """
        try:
            yield
        except BaseException:
            with suppress(LedgerError):  # what went wrong first is what is told
                self.ledger.release(self.game.key, order.rows[~order.known])
            raise

    def _turns(self, order: _Order) -> Iterator[Batch]:
        """Batches, each claimed just before it is given, until all masks are known."""
        left = self._batching.batches(order.rows)
        shortest, longest = _WAITS
        pause = shortest
        waited = False
        while left:
            theirs: list[Batch] = []
            while left:
                some, left = self._batching.ahead(left)
                self._claim(order, np.concatenate(some), waited)
                for batch in some:
                    yield batch
                    if not order.known[batch].all():
                        theirs.append(batch)
            left = theirs
            if left:
                self._flush()
                missing = order.missing()
                self._take_over(order)
                moved_on = order.missing() < missing
                pause = shortest if moved_on else min(2 * pause, longest)
                time.sleep(pause)
                waited = True

    def _claim(self, order: _Order, batch: Batch, waiting: bool) -> None:
        """Mark as this process's what nobody else is paid for."""
        missing = batch[~order.known[batch]]
        if len(missing):
            order.mine[missing] = self.ledger.claim(
                self.game.key, order.rows[missing], waiting=waiting
            )

    def _flush(self) -> None:
        """Wait for the commit that is under way, and raise what it raised."""
        pending = self._pending
        self._pending = None
        if pending is not None:
            pending.result()

    def _take_over(self, order: _Order) -> None:
        """Count as known what another process has paid for since."""
        missing = np.flatnonzero(~order.known)
        if not len(missing):
            return

        recorded, _ = self._recorded(order.rows[missing])
        theirs = missing[recorded]
        order.known[theirs] = True
        self.reused += len(theirs)
        self._overtaken |= len(theirs) > 0

    def _recorded(
        self, rows: NDArray[np.uint8]
    ) -> tuple[NDArray[np.bool_], NDArray[np.float64]]:
        """Which masks the ledger holds (m,), and their values in an (m, k) table; k = 0
        if it holds none.
        """
        values = self.ledger.lookup(self.game.key, rows)
        known = np.array([value is not None for value in values])
        recorded = [value for value in values if value is not None]
        if not recorded:
            return known, np.empty((len(rows), 0))

        # rows that are not known stay as they are: nobody reads them
        self._outputs = len(recorded[0])
        table = np.empty((len(rows), self._outputs))
        table[known] = recorded
        return known, table

    def _answers(
        self, order: _Order, batch: Batch
    ) -> Iterator[tuple[Batch, NDArray[np.float64], dict[int, str]]]:
        """A batch's missing values and their remarks, in halves of halves where the
        whole does not fit.

        The batch is halved, not what is missing of it, so that a resumed run halves
        where the first one did.
        """
        missing = batch[order.mine[batch]]
        if not len(missing):
            return

        if not self._batching.too_large(len(batch)):
            answer = self._ask(mask_algebra.unpack(order.rows[missing], self.game.n))
            if answer is not None:
                yield missing, answer, self.game.remarks()
                return
            if len(missing) == 1:
                raise OutOfMemory(
                    f"out of memory on a single mask of {self.game.n} candidates"
                )

            # kept in the ledger: a resumed run is to cut its batches as this one did
            self._flush()
            half = (len(batch) + 1) // 2
            self._batching.fits = half
            self.ledger.remember_limit(self.game.key, half)

        middle = (len(batch) + 1) // 2
        yield from self._answers(order, batch[:middle])
        yield from self._answers(order, batch[middle:])

    def _ask(self, masks: NDArray[np.bool_]) -> NDArray[np.float64] | None:
        """One call of the model: (m, k) float64, or None if it ran out of memory."""
        begun = self._pace.clock()
        try:
            answer = real_numbers(self.game.value(masks))
        except (MemoryError, RuntimeError, OutOfMemory) as error:
            if not ran_out(error):
                raise
            return None

        if answer.ndim not in (1, 2) or len(answer) != len(masks) or answer.size == 0:
            raise InvalidInput(
                f"the game answered {len(masks)} mask{'s' * (len(masks) != 1)} with an"
                f" array of shape {answer.shape}; expected ({len(masks)},) or"
                f" ({len(masks)}, k); a function of one mask is Game(lambda masks:"
                " [function(mask) for mask in masks], ...)"
            )
        self._pace.took(len(masks), self._pace.clock() - begun)
        self.passes += 1
        self.trainings += self.game.strategy.trainings(masks)

        answer = answer.reshape(len(masks), -1)
        self._refuse_other_outputs(answer.shape[1])
        return answer

    def _refuse_other_outputs(self, count: int) -> None:
        """InvalidInput if answers have another number of outputs than those before, or
        than the game has names for.
        """
        if self._outputs is None:
            self._outputs = len(self.game.outputs or ()) or count
        if count != self._outputs:
            raise InvalidInput(
                f"the game answered with {count} outputs; expected {self._outputs}"
            )

    def _keep(
        self,
        packed: NDArray[np.uint8],
        answer: NDArray[np.float64],
        remarks: dict[int, str],
    ) -> None:
        """Commit what is finite of an answer, in the writer's thread.

        Raises:
            NonFiniteValue: some of it is not.
        """
        finite = np.asarray(np.isfinite(answer).all(axis=1))
        place = np.cumsum(finite) - 1  # of a finite row among the finite ones
        finite_remarks = {
            int(place[row]): remark for row, remark in remarks.items() if finite[row]
        }

        new = self.ledger.commit(
            self.game.key, packed[finite], answer[finite], self.run, finite_remarks
        )

        # fewer are new where another process was first: then its values stand
        count = int(finite.sum())
        self._overtaken |= new < count
        self.paid += count

        if not finite.all():
            worst = int(np.flatnonzero(~finite)[0])
            single = packed[worst : worst + 1]
            mask = mask_algebra.unpack(single, self.game.n)[0]
            raise NonFiniteValue(self._accusation(mask, answer[worst]))

    def _accusation(self, mask: NDArray[np.bool_], answer: NDArray[np.float64]) -> str:
        """Which mask the model answered with what is no number."""
        kept = [name for name, keep in zip(self.game.names, mask, strict=True) if keep]
        bits = "".join("01"[int(keep)] for keep in mask)
        shown = ", ".join(map(repr, kept[:_NAMED]))
        if len(kept) > _NAMED:
            shown += ", ..."

        fate = "stays in the ledger"
        if self.ledger.path is None:
            fate = "is lost with this process"
        return (
            f"the model answered {', '.join(map(str, answer))} for mask {bits} "
            f"(kept: {shown or 'nothing'}); what was finished before {fate}"
        )
