"""Opening: a connection to a ledger's file, which is made or upgraded if need be; what
is no ledger is refused, and left as it is.
"""

import sqlite3
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from spexlens.errors import LedgerError
from spexlens.evaluation.ledger import claims, upgrade
from spexlens.evaluation.ledger.complaints import salvaging
from spexlens.evaluation.ledger.journal import damage_of
from spexlens.evaluation.ledger.records import DamagedRecord, Records
from spexlens.evaluation.ledger.runs import Runs

_APPLICATION = 0x5350584C  # "SPXL", SQLite's mark of whose file this is
_VERSION = 4  # 1 had no remarks, 2 no seals and no claims, 3 no recipes and requests
_SEALED = 3  # the first version whose rows have seals
_HEADER = b"SQLite format 3\0"
_PATIENCE = 60.0  # seconds to wait for another process
_PAUSE = 0.01


def connected(path: Path | None) -> sqlite3.Connection:
    """A connection to a ledger, its tables made and of the newest version.

    Args:
        path: of the file, made if absent; None for one in memory.

    Raises:
        LedgerError: the file is not a ledger, its journal is damaged, it is from a
            newer version, or cannot be read.
        DamagedRecord: it is of an earlier version, and damaged.
        sqlite3.Error: it cannot be opened.
    """
    if path is not None:
        _refuse_other_files(path)
        _refuse_lost_commits(path)
    connection = sqlite3.connect(
        ":memory:" if path is None else path,
        timeout=_PATIENCE,
        isolation_level=None,
        check_same_thread=False,
    )
    try:
        _prepare(connection, path)
    except BaseException:
        connection.close()
        raise
    return connection


@contextmanager
def snapshot(connection: sqlite3.Connection) -> Iterator[None]:
    """One state of the file for several reads: another process may be changing it."""
    connection.execute("BEGIN")
    try:
        yield
    finally:
        # which a damaged file may have ended already
        with suppress(sqlite3.OperationalError):
            connection.execute("ROLLBACK")


@contextmanager
def transaction(connection: sqlite3.Connection) -> Iterator[None]:
    """All that is written within, or nothing of it."""
    connection.execute("BEGIN IMMEDIATE")
    try:
        yield
        connection.execute("COMMIT")
    except BaseException:
        # a full disk has rolled it back already
        with suppress(sqlite3.OperationalError):
            connection.execute("ROLLBACK")
        raise


def _refuse_other_files(path: Path) -> None:
    """SQLite itself takes a file of a few bytes for an empty database, and overwrites
    it.
    """
    try:
        with path.open("rb") as file:
            head = file.read(len(_HEADER))
    except FileNotFoundError:
        return
    except OSError as error:
        raise LedgerError(f"cannot read {path}: {error.strerror}") from error
    if head not in (b"", _HEADER):
        raise LedgerError(f"{path} is not a ledger; give another path")


def _refuse_lost_commits(path: Path) -> None:
    try:
        lost = damage_of(path)
    except OSError as error:
        raise LedgerError(f"cannot read {path}-wal: {error.strerror}") from error
    if lost is not None:
        raise LedgerError(
            f"the journal of {path} is damaged: {lost}; keep both files, and"
            f" save what is whole: {salvaging(path)}"
        )


def _prepare(connection: sqlite3.Connection, path: Path | None) -> None:
    """Write ahead, to the disk at every commit, into tables of the newest version."""
    with snapshot(connection):
        mark = _pragma(connection, "application_id")
        version = _pragma(connection, "user_version")
        new = mark == 0 and _pragma(connection, "schema_version") == 0
    if mark != _APPLICATION and not new:
        raise LedgerError(
            f"{path} is a database, but not a spexlens ledger; give another path"
        )
    if mark == _APPLICATION and version > _VERSION:
        raise LedgerError(
            f"{path} was written by a newer spexlens; upgrade, or give another path"
        )
    _write_ahead(connection)
    connection.execute("PRAGMA synchronous = FULL")
    if new or version < _VERSION:
        with transaction(connection):
            _make(connection)


def _pragma(connection: sqlite3.Connection, name: str) -> int:
    return int(connection.execute(f"PRAGMA {name}").fetchone()[0])


def _make(connection: sqlite3.Connection) -> None:
    """The tables, empty or from those of an earlier version."""
    version = _pragma(connection, "user_version")
    if version == _VERSION:  # another process was faster
        return
    rows = connection.execute("SELECT name FROM sqlite_master")
    tables = {name for (name,) in rows}
    sealed = "totals" in tables
    if sealed != (version >= _SEALED):
        raise DamagedRecord(f"it says it is of version {version}, which it is not")
    if not sealed and "ablations" in tables:
        upgrade.seal_all(connection)
    elif not sealed:
        Records.create(connection)
    Runs.create(connection)
    connection.execute(claims.SCHEMA)
    connection.execute(f"PRAGMA application_id = {_APPLICATION}")
    connection.execute(f"PRAGMA user_version = {_VERSION}")


def _write_ahead(connection: sqlite3.Connection) -> None:
    """Switch to WAL; SQLite does not wait by itself for another connection that is
    switching.
    """
    deadline = time.monotonic() + _PATIENCE
    while True:
        try:
            connection.execute("PRAGMA journal_mode = WAL")
        except sqlite3.OperationalError as error:
            busy = error.sqlite_errorcode == sqlite3.SQLITE_BUSY
            if not busy or time.monotonic() > deadline:
                raise
            time.sleep(_PAUSE)
        else:
            return
