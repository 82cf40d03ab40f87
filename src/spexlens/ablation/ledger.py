"""The ledger: a durable record of every ablation that was paid for."""

import json
import os
import sqlite3
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from types import TracebackType
from typing import Any

import numpy as np
from numpy.typing import NDArray

from spexlens.errors import LedgerError

_APPLICATION = 0x5350584C  # "SPXL", SQLite's mark of whose file this is
_VERSION = 2  # 1 had no remarks
_HEADER = b"SQLite format 3\0"
_SCHEMA = """
CREATE TABLE IF NOT EXISTS games (id INTEGER PRIMARY KEY, fingerprint TEXT NOT NULL UNIQUE);
CREATE TABLE IF NOT EXISTS ablations (
    game INTEGER NOT NULL, mask BLOB NOT NULL, value BLOB NOT NULL, PRIMARY KEY (game, mask)
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS remarks (
    game INTEGER NOT NULL, mask BLOB NOT NULL, remark TEXT NOT NULL, PRIMARY KEY (game, mask)
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS limits (game TEXT PRIMARY KEY, rows INTEGER NOT NULL);
CREATE TABLE IF NOT EXISTS runs (
    run INTEGER PRIMARY KEY, game TEXT NOT NULL, method TEXT NOT NULL, seed INTEGER NOT NULL,
    design TEXT NOT NULL, budget INTEGER NOT NULL, evaluations INTEGER NOT NULL DEFAULT 0,
    passes INTEGER NOT NULL DEFAULT 0, seconds REAL, started TEXT NOT NULL, versions TEXT NOT NULL
);
"""
_MASKS_A_QUERY = 500
_PATIENCE = 60.0


class Ledger:
    """One SQLite file (WAL, synchronous=FULL): a row an ablation, a row a remark on one, a row a run.

    Values are committed before anything is computed from them. Several threads and processes may
    use one file at once; where two of them evaluate the same mask at the same moment, the first
    commit stands and both read it.
    """

    def __init__(self, path: str | Path | None = None) -> None:
        """
        Args:
            path: the file, created if absent; None keeps the ledger in memory.

        Raises:
            LedgerError: the file is not a ledger, is from a newer version, or cannot be opened.
        """
        if path is not None:
            try:
                os.fsencode(path)
            except UnicodeEncodeError as error:
                raise LedgerError("the ledger's path is not valid Unicode") from error
        self.path = None if path is None else Path(path)
        self._lock = threading.RLock()
        self._seen: int | None = None
        with self._explained():
            self._connection = sqlite3.connect(
                ":memory:" if path is None else self.path or "",
                timeout=_PATIENCE,
                isolation_level=None,
                check_same_thread=False,
            )
            try:
                self._prepare()
            except BaseException:
                self._connection.close()
                raise

    def lookup(self, game: str, masks: NDArray[np.uint8]) -> list[NDArray[np.float64] | None]:
        """The recorded value, (k,) float64, of each packed mask, or None where there is none."""
        keys = _rows(masks)
        found: dict[bytes, NDArray[np.float64]] = {}
        with self._explained(), self._lock:
            number = self._number(game)
            for start in range(0, len(keys) if number is not None else 0, _MASKS_A_QUERY):
                chunk = keys[start : start + _MASKS_A_QUERY]
                marks = ",".join("?" * len(chunk))
                query = f"SELECT mask, value FROM ablations WHERE game = ? AND mask IN ({marks})"
                for mask, value in self._connection.execute(query, [number, *chunk]):
                    found[mask] = np.frombuffer(value, "<f8").astype(np.float64)
        return [found.get(key) for key in keys]

    def changed_elsewhere(self) -> bool:
        """Whether another process or connection has committed to the file since this was last asked."""
        with self._explained(), self._lock:
            self._connection.execute("SELECT 1 FROM games").fetchone()  # a read, to see the newest state
            before, self._seen = self._seen, self._connection.execute("PRAGMA data_version").fetchone()[0]
        return bool(before != self._seen)

    def remarks(self, game: str, masks: NDArray[np.uint8]) -> list[str]:
        """What was remarked on any of the packed masks, a text each, a mask that stands twice once."""
        with self._explained(), self._lock:
            query = "SELECT mask, remark FROM remarks JOIN games ON game = id WHERE fingerprint = ?"
            found = dict(self._connection.execute(query, (game,)))
        return [found[key] for key in dict.fromkeys(_rows(masks)) if key in found] if found else []

    def commit(
        self,
        game: str,
        masks: NDArray[np.uint8],
        values: NDArray[np.float64],
        run: int | None = None,
        remarks: Mapping[int, str] | None = None,
    ) -> int:
        """Record one batch, all or nothing: (m, w) packed masks, (m, k) values, remarks by row; count it
        in the run.

        Returns:
            How many of the masks were new; of the others, the values recorded first stand.
        """
        with self._transaction():
            number = self._number(game)
            if number is None:
                new = self._connection.execute("INSERT INTO games (fingerprint) VALUES (?)", (game,))
                number = int(new.lastrowid or 0)
            keys = _rows(masks)
            pairs = zip(keys, _rows(values.astype("<f8")), strict=True)
            rows = ((number, mask, value) for mask, value in pairs)
            inserted = self._connection.executemany("INSERT OR IGNORE INTO ablations VALUES (?, ?, ?)", rows)
            for row, remark in (remarks or {}).items():
                entry = (number, keys[row], remark)
                self._connection.execute("INSERT OR IGNORE INTO remarks VALUES (?, ?, ?)", entry)
            if run is not None:
                self._connection.execute(
                    "UPDATE runs SET evaluations = evaluations + ?, passes = passes + 1 WHERE run = ?",
                    (len(masks), run),
                )
        return inserted.rowcount

    def limit(self, game: str) -> int | None:
        """The rows of a batch beyond which this game is known to run out of memory."""
        with self._explained(), self._lock:
            row = self._connection.execute("SELECT rows FROM limits WHERE game = ?", (game,)).fetchone()
        return None if row is None else int(row[0])

    def remember_limit(self, game: str, rows: int) -> None:
        """Keep a limit, so that a run that is resumed cuts its batches as the first one did."""
        with self._transaction():
            self._connection.execute("INSERT OR REPLACE INTO limits VALUES (?, ?)", (game, rows))

    def begin(
        self, game: str, *, method: str, seed: int, design: str, budget: int, versions: dict[str, str]
    ) -> int:
        """Open a run's row; its evaluations and passes are counted as they are committed."""
        started = datetime.now(UTC).isoformat(timespec="seconds")
        with self._transaction():
            cursor = self._connection.execute(
                "INSERT INTO runs (game, method, seed, design, budget, started, versions)"
                " VALUES (?, ?, ?, ?, ?, ?, ?)",
                (game, method, seed, design, budget, started, json.dumps(versions)),
            )
        return int(cursor.lastrowid or 0)

    def finish(self, run: int, seconds: float) -> None:
        """Close a run's row; one that stays without seconds was interrupted."""
        with self._transaction():
            self._connection.execute("UPDATE runs SET seconds = ? WHERE run = ?", (seconds, run))

    def runs(self) -> list[dict[str, Any]]:
        """Every run, oldest first, one dictionary a row."""
        with self._explained(), self._lock:
            cursor = self._connection.execute("SELECT * FROM runs ORDER BY run")
            names = [column[0] for column in cursor.description]
            rows = [dict(zip(names, row, strict=True)) for row in cursor]
        return [{**row, "versions": json.loads(row["versions"])} for row in rows]

    def __len__(self) -> int:
        """How many ablations are recorded, of all games."""
        with self._explained(), self._lock:
            return int(self._connection.execute("SELECT COUNT(*) FROM ablations").fetchone()[0])

    def close(self) -> None:
        """Close the file."""
        self._connection.close()

    def __enter__(self) -> "Ledger":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _number(self, game: str) -> int | None:
        row = self._connection.execute("SELECT id FROM games WHERE fingerprint = ?", (game,)).fetchone()
        return None if row is None else int(row[0])

    def _prepare(self) -> None:
        def pragma(name: str) -> int:
            return int(self._connection.execute(f"PRAGMA {name}").fetchone()[0])

        self._refuse_other_files()
        with self._snapshot():
            mark, version = pragma("application_id"), pragma("user_version")
            new = mark == 0 and pragma("schema_version") == 0
        if mark != _APPLICATION and not new:
            raise LedgerError(f"{self.path} is a database, but not a spexlens ledger; give another path")
        if mark == _APPLICATION and version > _VERSION:
            raise LedgerError(f"{self.path} was written by a newer spexlens; upgrade, or give another path")
        self._write_ahead()
        self._connection.execute("PRAGMA synchronous = FULL")
        if new or version < _VERSION:
            with self._transaction():
                for statement in filter(str.strip, _SCHEMA.split(";")):
                    self._connection.execute(statement)
                self._connection.execute(f"PRAGMA application_id = {_APPLICATION}")
                self._connection.execute(f"PRAGMA user_version = {_VERSION}")

    def _refuse_other_files(self) -> None:
        """SQLite itself takes a file of a few bytes for an empty database, and overwrites it."""
        if self.path is not None and self.path.is_file():
            try:
                with self.path.open("rb") as file:
                    head = file.read(len(_HEADER))
            except OSError as error:
                raise LedgerError(f"cannot read {self.path}: {error.strerror}") from error
            if head not in (b"", _HEADER):
                raise LedgerError(f"{self.path} is not a ledger; give another path")

    @contextmanager
    def _snapshot(self) -> Iterator[None]:
        """One state of the file for several reads: another process may be creating it."""
        self._connection.execute("BEGIN")
        try:
            yield
        finally:
            self._connection.execute("ROLLBACK")

    def _write_ahead(self) -> None:
        """Switch to WAL; SQLite does not wait by itself for another connection that is switching."""
        patience = time.monotonic() + _PATIENCE
        while True:
            try:
                self._connection.execute("PRAGMA journal_mode = WAL")
            except sqlite3.OperationalError as error:
                if error.sqlite_errorcode != sqlite3.SQLITE_BUSY or time.monotonic() > patience:
                    raise
                time.sleep(0.01)
            else:
                return

    @contextmanager
    def _transaction(self) -> Iterator[None]:
        with self._explained(), self._lock:
            self._connection.execute("BEGIN IMMEDIATE")
            try:
                yield
            except BaseException:
                self._connection.execute("ROLLBACK")
                raise
            self._connection.execute("COMMIT")

    @contextmanager
    def _explained(self) -> Iterator[None]:
        try:
            yield
        except sqlite3.DatabaseError as error:
            where = "the ledger in memory" if self.path is None else self.path
            raise LedgerError(f"{where} cannot be used as a ledger: {error}") from error


@contextmanager
def opened(ledger: "str | Path | Ledger | None") -> Iterator[Ledger]:
    """A ledger by its path, closed afterwards, or one that is open already; None keeps one in memory."""
    if isinstance(ledger, Ledger):
        yield ledger
        return
    if ledger is not None and not isinstance(ledger, str | Path):
        raise LedgerError(f"a ledger is a path, or an open Ledger; got {ledger!r}")
    with Ledger(ledger) as book:
        yield book


def _rows(table: NDArray[Any]) -> list[bytes]:
    """The bytes of each row."""
    width = table.shape[1] * table.itemsize
    data = table.tobytes()
    return [data[start : start + width] for start in range(0, len(data), width)]
