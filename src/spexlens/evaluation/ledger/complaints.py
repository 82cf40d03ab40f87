"""Complaints: what went wrong with a ledger's file, in one line, with a way on."""

import shlex
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from spexlens.errors import LedgerError
from spexlens.evaluation.ledger.records import DamagedRecord

_DAMAGED = (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB)


@contextmanager
def explained(path: Path | None) -> Iterator[None]:
    """Around whatever asks a ledger's file; None for one in memory.

    Raises:
        LedgerError: the file is damaged, or SQLite cannot use it.
    """
    where = "the ledger in memory" if path is None else path
    try:
        yield
    except DamagedRecord as error:
        raise LedgerError(f"{where} is damaged: {error}; {_way_on(path)}") from error
    except UnicodeDecodeError as error:
        raise LedgerError(
            f"{where} is damaged: it holds text that is none; {_way_on(path)}"
        ) from error
    except sqlite3.DatabaseError as error:
        if _primary_code(error) in _DAMAGED:
            raise LedgerError(
                f"{where} is damaged: {error}; {_way_on(path)}"
            ) from error
        raise LedgerError(f"{where} cannot be used as a ledger: {error}") from error


def salvaging(path: Path) -> str:
    """The command that saves what is whole of a ledger."""
    damaged = shlex.quote(str(path))
    whole = shlex.quote(str(path.with_suffix(".whole.db")))
    return f"spexlens salvage {damaged} {whole}"


def _way_on(path: Path | None) -> str:
    if path is None:
        return "begin again"
    return f"keep it, and save what is whole in another: {salvaging(path)}"


def _primary_code(error: sqlite3.Error) -> int:
    """SQLite's code without what it adds in the upper bytes of an extended one."""
    # what Python itself raises, as of a closed connection, has none
    return int(getattr(error, "sqlite_errorcode", 0)) & 0xFF
