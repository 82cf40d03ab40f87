"""The evaluator: every mask is paid for once, and what was paid for is kept."""

import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager, suppress

import numpy as np
from numpy.typing import ArrayLike, NDArray

from spexlens.errors import InvalidInput, LedgerError, NonFiniteValue, OutOfMemory
from spexlens.evaluation.counts import Counts
from spexlens.evaluation.ledger.ledger import Ledger
from spexlens.evaluation.pace import Clock, Pace
from spexlens.games.answers import real_numbers
from spexlens.games.game import Game
from spexlens.masks import masks as mask_algebra
from spexlens.memory import ran_out
from spexlens.spectrum.sizes import LARGEST, refuse_large

_PLAIN = (
    "a plain function cannot be recognised in a ledger on disk: "
    "give Game(..., fingerprint='...'), or ledger=None"
)

# seconds, the shortest and the longest, between two looks at what others are paid for
_WAITS = (0.01, 0.5)

Progress = Callable[[int, int], None]
"""Called with (masks finished, masks to finish in all)."""


class Evaluator:
    """Runs a game through a ledger.

    Batches are cut from the whole list of distinct masks before looking at what is
    known, and each is committed all or nothing: an interrupted run, repeated, sends the
    model the very batches that an uninterrupted one would have, and so gets the same
    values bit for bit. Commits run in a thread beside the model, at most one batch
    behind it; of a commit_each_batch game, none.

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
        self._size = 1 if game.paced else game.batch_size  # of the next batch
        self._fits = ledger.limit(game.key)
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
        self.ledger.changed_elsewhere()
        known, values = self._recorded(rows)
        refuse_large(values[known])
        self.reused += int(known.sum())
        self.asked += len(rows)
        finished = self.finished
        with self._claims(rows, known), ThreadPoolExecutor(1, "ledger") as writer:
            for batch, mine in self._turns(rows, known):
                for part, answer, remarks in self._answers(rows, batch, mine):
                    known[part] = True
                    mine[part] = False
                    self._flush()
                    if self.ledger.changed_elsewhere():
                        self._take_over(rows, known)
                    self._pending = writer.submit(
                        self._keep, rows[part], answer, remarks
                    )
                    if (
                        self.game.commit_each_batch
                        or not (np.abs(answer) <= LARGEST).all()
                    ):
                        # before the model is asked for more; raises if it was not
                        # finite
                        self._flush()
                        refuse_large(answer)
                    if not values.size:
                        values = np.empty((len(rows), answer.shape[1]))
                    values[part] = answer
                self.finished = finished + int(known.sum())
                if self.progress is not None:
                    self.progress(self.finished, max(self.asked, self._expected))
            self._flush()
        if self._overtaken:
            _, values = self._recorded(rows)
        values = values[inverse]
        return values[:, 0] if values.shape[1] == 1 else values

    @contextmanager
    def _claims(
        self, rows: NDArray[np.uint8], known: NDArray[np.bool_]
    ) -> Iterator[None]:
        """Around asking for masks: what fails, or is interrupted, lets go of what it
        claimed.
        """
        try:
            yield
        except BaseException:
            with suppress(LedgerError):  # what went wrong first is what is told
                self.ledger.release(self.game.key, rows[~known])
            raise

    def _turns(
        self, rows: NDArray[np.uint8], known: NDArray[np.bool_]
    ) -> Iterator[tuple[NDArray[np.int64], NDArray[np.bool_]]]:
        """Batches, and (m,) which masks are this process's to ask for now; until all
        are known.
        """
        left = self._batches(rows)
        mine = np.zeros(len(rows), np.bool_)
        (pause, longest) = _WAITS
        waited = False
        while left:
            theirs: list[NDArray[np.int64]] = []
            while left:
                some, left = self._some(left)
                self._claim(rows, np.concatenate(some), known, mine, waited)
                for batch in some:
                    yield batch, mine
                    if not known[batch].all():
                        theirs.append(batch)
            left = theirs
            if left:
                self._flush()
                missing = int((~known).sum())
                self._take_over(rows, known)
                pause = (
                    _WAITS[0]
                    if int((~known).sum()) < missing
                    else min(2 * pause, longest)
                )
                time.sleep(pause)
                waited = True

    def _some(
        self, batches: list[NDArray[np.int64]]
    ) -> tuple[list[NDArray[np.int64]], list[NDArray[np.int64]]]:
        """About a second's work of batches, at least one, and the rest."""
        most = self._pace.ahead()
        masks = 0
        for number, batch in enumerate(batches):
            masks += len(batch)
            if masks >= most:
                return batches[: number + 1], batches[number + 1 :]
        return batches, []

    def _claim(
        self,
        rows: NDArray[np.uint8],
        batch: NDArray[np.int64],
        known: NDArray[np.bool_],
        mine: NDArray[np.bool_],
        waiting: bool,
    ) -> None:
        """Mark as this process's what nobody else is paid for."""
        missing = batch[~known[batch]]
        if len(missing):
            mine[missing] = self.ledger.claim(
                self.game.key, rows[missing], waiting=waiting
            )

    def _flush(self) -> None:
        """Wait for the commit that is under way, and raise what it raised."""
        pending = self._pending
        self._pending = None
        if pending is not None:
            pending.result()

    def _take_over(self, rows: NDArray[np.uint8], known: NDArray[np.bool_]) -> None:
        """Count as known what another process has paid for since."""
        missing = np.flatnonzero(~known)
        theirs = missing[self._recorded(rows[missing])[0]] if len(missing) else missing
        known[theirs] = True
        self.reused += len(theirs)
        self._overtaken |= len(theirs) > 0

    def _recorded(
        self, rows: NDArray[np.uint8]
    ) -> tuple[NDArray[np.bool_], NDArray[np.float64]]:
        """Which masks the ledger holds (m,), and their values in an (m, k) table; k = 0
        if it holds none.
        """
        answers = self.ledger.lookup(self.game.key, rows)
        known = np.array([answer is not None for answer in answers])
        found = [answer for answer in answers if answer is not None]
        self._outputs = len(found[0]) if found else self._outputs
        values = np.empty((len(rows), len(found[0]) if found else 0))
        if found:
            values[known] = found
        return known, values

    def _batches(self, rows: NDArray[np.uint8]) -> list[NDArray[np.int64]]:
        if self.game.training_candidates is not None:
            return self._whole_trainings(rows)
        blocks = mask_algebra.blocks(len(rows), self.game.n)
        lengths = [
            self.game.costs(mask_algebra.unpack(rows[block], self.game.n))
            for block in blocks
        ]
        longest_first = np.argsort(-np.concatenate(lengths), kind="stable")
        return np.split(longest_first, self._borders(len(rows)))

    def _borders(self, masks: int) -> list[int]:
        """Where batches of so many masks end, but for the last."""
        borders: list[int] = []
        end = self._size
        while end <= masks:
            borders.append(end)
            self._size = min(2 * self._size, self.game.batch_size)
            end += self._size
        return borders if not borders or borders[-1] < masks else borders[:-1]

    def _whole_trainings(self, rows: NDArray[np.uint8]) -> list[NDArray[np.int64]]:
        """Batches that split no training, each of a batch's size if its trainings are
        no larger.
        """
        slices = self._slices(mask_algebra.unpack(rows, self.game.n))
        order = np.argsort(slices, kind="stable")
        batches: list[NDArray[np.int64]] = []
        for run in np.split(order, np.flatnonzero(np.diff(slices[order])) + 1):
            if batches and len(batches[-1]) + len(run) <= self.game.batch_size:
                batches[-1] = np.concatenate([batches[-1], run])
            else:
                batches.append(run)
        return batches

    def _slices(self, masks: NDArray[np.bool_]) -> NDArray[np.int64]:
        """(m,) int64, which training each mask shares."""
        return mask_algebra.distinct(
            mask_algebra.pack(masks[:, self.game.training_candidates])
        )[1]

    def _answers(
        self, rows: NDArray[np.uint8], batch: NDArray[np.int64], mine: NDArray[np.bool_]
    ) -> Iterator[tuple[NDArray[np.int64], NDArray[np.float64], dict[int, str]]]:
        """A batch's missing values and their remarks, in halves of halves where the
        whole does not fit.

        The batch is halved, not what is missing of it, so that a resumed run halves
        where the first one did.
        """
        missing = batch[mine[batch]]
        if not len(missing):
            return
        if not self._takes_too_much(len(batch)):
            answer = self._ask(mask_algebra.unpack(rows[missing], self.game.n))
            if answer is not None:
                yield missing, answer, self.game.remarks()
                return
            if len(missing) == 1:
                raise OutOfMemory(
                    f"out of memory on a single mask of {self.game.n} candidates"
                )
            self._flush()
            self._fits = (len(batch) + 1) // 2
            self.ledger.remember_limit(self.game.key, self._fits)
        middle = (len(batch) + 1) // 2
        yield from self._answers(rows, batch[:middle], mine)
        yield from self._answers(rows, batch[middle:], mine)

    def _takes_too_much(self, masks: int) -> bool:
        """Whether a batch of so many needs more memory than there is, or more time than
        should be at risk.
        """
        if self._fits is not None and masks > self._fits:
            return True
        return (
            not self.game.fixed_batches
            and self.game.training_candidates is None
            and self._pace.too_long(masks)
        )

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
        if self.game.training_candidates is not None:
            self.trainings += int(self._slices(masks).max()) + 1
        answer = answer.reshape(len(masks), -1)
        named = len(self.game.outputs) if self.game.outputs is not None else None
        self._outputs = self._outputs or named or answer.shape[1]
        if answer.shape[1] != self._outputs:
            raise InvalidInput(
                f"the game answered with {answer.shape[1]} outputs; expected"
                f" {self._outputs}"
            )
        return answer

    def _keep(
        self,
        packed: NDArray[np.uint8],
        answer: NDArray[np.float64],
        remarks: dict[int, str],
    ) -> None:
        finite = np.asarray(np.isfinite(answer).all(axis=1))
        place = np.cumsum(finite) - 1
        told = {
            int(place[row]): remark for row, remark in remarks.items() if finite[row]
        }
        new = self.ledger.commit(
            self.game.key, packed[finite], answer[finite], self.run, told
        )
        self._overtaken |= new < finite.sum()
        self.paid += int(finite.sum())
        if not finite.all():
            worst = int(np.flatnonzero(~finite)[0])
            raise NonFiniteValue(
                self._accuse(
                    mask_algebra.unpack(packed[worst : worst + 1], self.game.n)[0],
                    answer[worst],
                )
            )

    def _accuse(self, mask: NDArray[np.bool_], answer: NDArray[np.float64]) -> str:
        kept = [name for name, keep in zip(self.game.names, mask, strict=True) if keep]
        bits = "".join("01"[int(keep)] for keep in mask)
        shown = ", ".join(map(repr, kept[:20])) + (", ..." if len(kept) > 20 else "")
        fate = (
            "is lost with this process"
            if self.ledger.path is None
            else "stays in the ledger"
        )
        return (
            f"the model answered {', '.join(map(str, answer))} for mask {bits} "
            f"(kept: {shown or 'nothing'}); what was finished before {fate}"
        )
