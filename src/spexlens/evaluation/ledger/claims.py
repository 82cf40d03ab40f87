"""Claims: which masks another process is being paid for at this moment.

A claim is a row beside the answers. It ends when its mask is recorded, when its owner
lets go of it, when its owner is dead, or, where that cannot be seen, after ten minutes.
"""

import os
import socket
import sqlite3
import threading
import time
from collections.abc import Sequence
from pathlib import Path
from uuid import uuid4
from weakref import WeakValueDictionary

SCHEMA = """
CREATE TABLE IF NOT EXISTS claims (
    game TEXT NOT NULL, mask BLOB NOT NULL, host TEXT NOT NULL, process TEXT NOT NULL, owner TEXT NOT NULL,
    until REAL NOT NULL, PRIMARY KEY (game, mask)
) WITHOUT ROWID
"""
_SECONDS = 600.0  # that a claim holds whose owner cannot be seen to live
_MASKS_A_QUERY = 500  # SQLite takes 999 parameters, in its older versions
_STARTTIME = 22  # the number of a field of /proc/PID/stat, from 1


class Claims:
    """The claims of one connection, by one owner. Transactions are the caller's."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        """
        Args:
            connection: of a ledger whose tables exist.
        """
        self._connection = connection
        self._host = _host()
        self._process = f"{os.getpid()} {_begun(os.getpid())}"
        self._owner = str(uuid4())
        self._thread: int | None = None
        _LIVING[self._owner] = self

    def end(self) -> None:
        """Make no more claims, and hold none."""
        _LIVING.pop(self._owner, None)

    def take(
        self, game: str, keys: Sequence[bytes], *, waiting: bool = False
    ) -> set[bytes]:
        """Claim masks; those of which now are this owner's. Claims of the dead are
        taken over.

        Args:
            game: whose masks.
            keys: the masks.
            waiting: whether there is nothing left to do but to wait for them. Then
                claims of this thread's own are taken over too: they are of an
                explanation within which this one is made, which goes on only after this
                one.
        """
        now = time.time()
        self._thread = threading.get_ident()
        held = {key: claim for key, *claim in self._rows(game, keys)}
        free = [
            key
            for key in keys
            if key not in held or not self._stands(held[key], now, waiting)
        ]

        claim = (self._host, self._process, self._owner, now + _SECONDS)
        rows = [(game, key, *claim) for key in free]
        self._connection.executemany(
            "INSERT OR REPLACE INTO claims VALUES (?, ?, ?, ?, ?, ?)", rows
        )
        return set(free)

    def release(self, game: str, keys: Sequence[bytes]) -> None:
        """Let go of masks, recorded or not, that are this owner's."""
        rows = [(game, key, self._owner) for key in keys]
        self._connection.executemany(
            "DELETE FROM claims WHERE game = ? AND mask = ? AND owner = ?", rows
        )

    def _rows(
        self, game: str, keys: Sequence[bytes]
    ) -> list[tuple[bytes, str, str, str, float]]:
        claims: list[tuple[bytes, str, str, str, float]] = []
        for start in range(0, len(keys), _MASKS_A_QUERY):
            chunk = keys[start : start + _MASKS_A_QUERY]
            marks = ",".join("?" * len(chunk))
            query = (
                "SELECT mask, host, process, owner, until FROM claims WHERE game = ?"
                f" AND mask IN ({marks})"
            )
            claims += self._connection.execute(query, [game, *chunk])
        return claims

    def _stands(self, claim: Sequence[object], now: float, waiting: bool) -> bool:
        """Whether a claim is another's, who lives and whose time is not up."""
        host, process, owner, until = claim
        if owner == self._owner:
            return False
        # one that is to end later than any can was not made by this machine's clock
        if not isinstance(until, float) or not now < until <= now + _SECONDS:
            return False
        if host != self._host:
            return True
        if process != self._process:
            return _lives(str(process))
        living = _LIVING.get(str(owner))
        if living is None:
            return False
        return not waiting or living._thread != threading.get_ident()


_LIVING: WeakValueDictionary[str, Claims] = WeakValueDictionary()
"""The owners of this process, whose connections are open."""


def _host() -> str:
    """This machine, and on Linux which of its spaces of process numbers."""
    try:
        space = os.readlink("/proc/self/ns/pid")
    except OSError:
        space = ""
    return f"{socket.gethostname()} {space}"


def _begun(process: int) -> str:
    """When a process began, where Linux says it: two of one number began at two times.

    One that only waits to be noticed by its parent is dead.
    """
    try:
        status = Path(f"/proc/{process}/stat").read_text()
    except OSError:
        return ""
    # behind the name, which may hold anything: the third field on, see proc(5)
    state, *fields = status.rpartition(")")[2].split()
    return "dead" if state == "Z" else fields[_STARTTIME - 4]


def _lives(process: str) -> bool:
    number, _, begun = process.partition(" ")
    if not number.isdecimal():
        return False
    try:
        os.kill(int(number), 0)  # the signal that only asks
    except (ProcessLookupError, OverflowError):
        return False
    except PermissionError:  # it is another user's
        pass
    return _begun(int(number)) == begun
