"""The ledger: a durable record of every ablation that was paid for."""

import json
import sqlite3
import threading
from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager, closing, contextmanager
from datetime import UTC, datetime, timedelta
from itertools import count
from pathlib import Path
from types import TracebackType
from typing import Any, NoReturn

import numpy as np
from numpy.typing import NDArray

from spexlens.errors import LedgerError
from spexlens.evaluation.ledger.claims import Claims
from spexlens.evaluation.ledger.complaints import explained
from spexlens.evaluation.ledger.opening import connected, snapshot, transaction
from spexlens.evaluation.ledger.place import Presence, place_of
from spexlens.evaluation.ledger.records import Records
from spexlens.evaluation.ledger.runs import Run, Runs

_SHORTAGE = timedelta(hours=1)  # that a lack of memory is believed to last

_Batch = tuple[str, list[bytes], list[bytes], Mapping[int, str]]


class Ledger:
    """One SQLite file (WAL, synchronous=FULL): a row an ablation, a row a remark on
    one, a row a run.

    Values are committed before anything is computed from them. Several threads and
    processes may use one file at once; where two of them evaluate the same mask at the
    same moment, the first commit stands and both read it. Every answer has a checksum,
    and none is believed without it.
    """

    def __init__(self, path: str | Path | None = None) -> None:
        """
        Args:
            path: the file, created if absent; None or ":memory:" keeps the ledger in
                memory.

        Raises:
            LedgerError: the file is not a ledger, is damaged, is from a newer version,
                or cannot be opened.
        """
        self.path = place_of(path)
        self._lock = threading.RLock()
        self._data_version: int | None = None
        self._paid_for: list[_Batch] = []  # by this process, should the file be lost
        with self._explained():
            self._connection = connected(self.path)
        self._records = Records(self._connection)
        self._claims = Claims(self._connection)
        self._runs = Runs(self._connection)
        self._presence = None if self.path is None else Presence(self.path)

    def lookup(
        self, game: str, masks: NDArray[np.uint8]
    ) -> list[NDArray[np.float64] | None]:
        """The recorded value, (k,) float64, of each packed mask, or None where there is
        none.

        Raises:
            LedgerError: a row of this game is damaged or gone.
        """
        keys = _rows(masks)
        with self._explained(), self._lock, snapshot(self._connection):
            values = self._records.values(game, keys)
        return [values[key].copy() if key in values else None for key in keys]

    def changed_elsewhere(self) -> bool:
        """Whether another process or connection has committed to the file since this
        was last asked.
        """
        with self._explained(), self._lock:
            # a read, to see the newest state
            self._connection.execute("SELECT 1 FROM totals").fetchone()
            before = self._data_version
            row = self._connection.execute("PRAGMA data_version").fetchone()
            self._data_version = row[0]
        return bool(before != row[0])

    def remarks(self, game: str, masks: NDArray[np.uint8]) -> list[str]:
        """What was remarked on any of the packed masks, a text each, a mask that stands
        twice once.
        """
        with self._explained(), self._lock, snapshot(self._connection):
            remarks = self._records.remarks(game)
        if not remarks:
            return []
        distinct = dict.fromkeys(_rows(masks))
        return [remarks[key] for key in distinct if key in remarks]

    def commit(
        self,
        game: str,
        masks: NDArray[np.uint8],
        values: NDArray[np.float64],
        run: int | None = None,
        remarks: Mapping[int, str] | None = None,
    ) -> int:
        """Record one batch, all or nothing: (m, w) packed masks, (m, k) values, remarks
        by row; count it in the run.

        Returns:
            How many of the masks were new; of the others, the values recorded first
                stand.

        Raises:
            LedgerError: the file cannot take it, or is no longer there; the text says
                where all that this process paid for was rescued to.
        """
        batch = (game, _rows(masks), _rows(values.astype("<f8")), dict(remarks or {}))
        with self._lock:
            if self.path is not None:
                self._paid_for.append(batch)
            with self._rescued(), self._transaction():
                new = self._records.add(*batch)
                if self.path is not None:
                    self._claims.release(game, batch[1])
                if run is not None:
                    self._runs.count(run, len(masks))
        return new

    def add(self, game: str, rows: Mapping[bytes, tuple[bytes, str | None]]) -> int:
        """Record answers as another ledger held them: mask -> value and remark. How
        many were new.
        """
        values = [value for value, _ in rows.values()]
        remarks = {
            row: remark
            for row, (_, remark) in enumerate(rows.values())
            if remark is not None
        }
        with self._transaction():
            return self._records.add(game, list(rows), values, remarks)

    def claim(
        self, game: str, masks: NDArray[np.uint8], *, waiting: bool = False
    ) -> NDArray[np.bool_]:
        """Keep other processes from paying for masks that this one is about to ask for.

        Args:
            game: whose.
            masks: (m, w) packed.
            waiting: see `Claims.take`.

        Returns:
            (m,) bool, which are this ledger's to ask for. The others are recorded, or
                another process is being paid for them now: it commits them, or lets go
                of them, or dies.
        """
        # nobody else sees a ledger in memory
        if self.path is None:
            return np.ones(len(masks), np.bool_)

        keys = _rows(masks)
        with self._rescued(), self._unsynced():
            recorded = self._records.values(game, keys)  # since the caller looked
            missing = [key for key in keys if key not in recorded]
            taken = self._claims.take(game, missing, waiting=waiting)

        return np.array([key in taken for key in keys], np.bool_)

    def release(self, game: str, masks: NDArray[np.uint8]) -> None:
        """Let go of masks that were claimed and will not be asked for."""
        if self.path is not None and len(masks):
            with self._unsynced():
                self._claims.release(game, _rows(masks))

    def limit(self, game: str) -> int | None:
        """The rows of a batch beyond which this game has run out of memory, in the last
        hour.
        """
        with self._explained(), self._lock:
            limit = self._records.limit(game)
        if limit is None:
            return None
        rows, since = limit
        try:
            age = datetime.now(UTC) - datetime.fromisoformat(since)
        except (ValueError, TypeError):  # no date, or one without its zone
            return None
        return rows if age < _SHORTAGE else None

    def remember_limit(self, game: str, rows: int) -> None:
        """Keep a limit until the run is finished, so that one that is resumed cuts its
        batches as before.
        """
        with self._rescued(), self._transaction():
            self._records.set_limit(game, rows, _now())

    def begin(
        self,
        game: str,
        *,
        method: str,
        seed: int,
        design: str,
        budget: int,
        versions: dict[str, str],
        recipe: str | None = None,
        request: str | None = None,
    ) -> int:
        """Open a run's row; its evaluations and passes are counted as they are
        committed.

        Args:
            game: the key of the game.
            method, seed, design, budget, versions: see `Run`.
            recipe: JSON, how the game is made again, if that is known.
            request: JSON, what was asked of `explain`, if that is known.

        Returns:
            The number of the run.
        """
        row = {
            "game": game,
            "method": method,
            "seed": seed,
            "design": design,
            "budget": budget,
            "started": _now(),
            "versions": json.dumps(versions),
            "recipe": recipe,
            "request": request,
        }
        with self._rescued(), self._transaction():
            return self._runs.begin(row)

    def finish(self, run: int, seconds: float) -> None:
        """Close a run's row; one without seconds was interrupted. A lack of memory is
        forgotten.
        """
        with self._rescued(), self._transaction():
            game = self._runs.finish(run, seconds)
            if game is not None:
                self._records.forget_limit(game)

    def runs(self) -> list[Run]:
        """Every run, oldest first."""
        with self._explained(), self._lock:
            return self._runs.all()

    def __len__(self) -> int:
        """How many ablations are recorded, of all games."""
        with self._explained(), self._lock:
            row = self._connection.execute("SELECT COUNT(*) FROM ablations").fetchone()
            return int(row[0])

    def close(self) -> None:
        """Close the file."""
        self._claims.end()
        self._connection.close()

    def __enter__(self) -> "Ledger":
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    @contextmanager
    def _transaction(self) -> Iterator[None]:
        with self._explained(), self._lock:
            try:
                with transaction(self._connection):
                    yield
            except BaseException:
                self._records.forget()
                raise

    @contextmanager
    def _unsynced(self) -> Iterator[None]:
        """A transaction that need not outlive a power cut, and so waits for no disk."""
        with self._lock:
            with self._explained():
                self._connection.execute("PRAGMA synchronous = NORMAL")
            try:
                with self._transaction():
                    yield
            finally:
                with self._explained():
                    self._connection.execute("PRAGMA synchronous = FULL")

    def _explained(self) -> AbstractContextManager[None]:
        return explained(self.path)

    @contextmanager
    def _rescued(self) -> Iterator[None]:
        """Whatever befalls the file, what this process has paid for is kept: here, or
        in another file.
        """
        trouble = None if self._presence is None else self._presence.trouble()
        if trouble is not None:
            self._rescue(f"{self.path} {trouble} while it was in use")
        try:
            yield
        except LedgerError as error:
            if self._presence is None or not self._paid_for or not self._is_open():
                raise
            self._rescue(str(error), error)

    def _is_open(self) -> bool:
        try:
            return self._connection.total_changes >= 0
        except sqlite3.ProgrammingError:
            return False

    def _rescue(self, trouble: str, cause: Exception | None = None) -> NoReturn:
        """Keep everything that can still be read, and what this process paid for, in a
        new ledger.
        """
        assert self._presence is not None
        assert self.path is not None
        for place in self._presence.beside(f"{self.path.stem}.rescued.db"):
            fresh = _unused(place)
            try:
                self._copy(fresh)
            except (LedgerError, sqlite3.Error, OSError):  # the next folder may take it
                continue
            raise LedgerError(
                f"{trouble}; what was paid for is kept in {fresh}: go on with it as the"
                " ledger"
            ) from cause
        raise LedgerError(
            f"{trouble}; what this process paid for could not be kept anywhere else"
        ) from cause

    def _copy(self, place: Path) -> None:
        """Into a new file: all that is readable, or else what this process paid for."""
        try:
            with closing(sqlite3.connect(place)) as target:
                self._connection.backup(target)
            self._add_kept(place)
        except (sqlite3.Error, LedgerError):
            place.unlink(missing_ok=True)
            self._add_kept(place)

    def _add_kept(self, place: Path) -> None:
        with Ledger(place) as book, book._transaction():
            for batch in self._paid_for:
                book._records.add(*batch)


@contextmanager
def opened(ledger: "str | Path | Ledger | None") -> Iterator[Ledger]:
    """A ledger by its path, closed afterwards, or one that is open already; None keeps
    one in memory.
    """
    if isinstance(ledger, Ledger):
        yield ledger
        return
    if ledger is not None and not isinstance(ledger, str | Path):
        raise LedgerError(f"a ledger is a path, or an open Ledger; got {ledger!r}")
    with Ledger(ledger) as book:
        yield book


def _unused(place: Path) -> Path:
    """The path, or the first one with a number in it that is free."""
    if not place.exists():
        return place
    numbered = (place.with_name(f"{place.stem}-{number}.db") for number in count(2))
    return next(path for path in numbered if not path.exists())


def _now() -> str:
    """The date and time, UTC, in ISO 8601."""
    return datetime.now(UTC).isoformat(timespec="seconds")


def _rows(table: NDArray[Any]) -> list[bytes]:
    """The bytes of each row."""
    width = table.shape[1] * table.itemsize
    data = table.tobytes()
    return [data[start : start + width] for start in range(0, len(data), width)]
