"""Runs: a ledger's table of who asked for what, and how far that came."""

import json
import sqlite3
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from spexlens.evaluation.ledger.records import DamagedRecord

SCHEMA = """
CREATE TABLE IF NOT EXISTS runs (
    run INTEGER PRIMARY KEY, game TEXT NOT NULL, method TEXT NOT NULL, seed INTEGER NOT NULL,
    design TEXT NOT NULL, budget INTEGER NOT NULL, evaluations INTEGER NOT NULL DEFAULT 0,
    passes INTEGER NOT NULL DEFAULT 0, seconds REAL, started TEXT NOT NULL, versions TEXT NOT NULL,
    recipe TEXT, request TEXT
)
"""
_SINCE_4 = ("recipe", "request")  # columns that tables of earlier versions lack


@dataclass(frozen=True)
class Run:
    """A run, as a ledger knows it.

    Attributes:
        id: its number in the ledger, from 1.
        game: the key of its game.
        method: the solver's name, or "plan".
        seed: of its random draws.
        design: how its masks are drawn, in words.
        budget: the calls that it may cost.
        evaluations: masks that it has paid for so far.
        passes: batches that these were answered in.
        seconds: how long it took; None while it is under way, and for ever if it was
            interrupted.
        started: the date and time, UTC, in ISO 8601.
        versions: of the packages that it was made with, by name.
        recipe: JSON, how its game is made again; None where that is unknown.
        request: JSON, what was asked of `explain`; None where that is unknown.
    """

    id: int
    game: str
    method: str
    seed: int
    design: str
    budget: int
    evaluations: int
    passes: int
    seconds: float | None
    started: str
    versions: dict[str, str]
    recipe: str | None = None
    request: str | None = None

    @property
    def finished(self) -> bool:
        """Whether it came to its end."""
        return self.seconds is not None


class Runs:
    """The table of runs of one connection. Transactions are the caller's."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        """
        Args:
            connection: of a ledger whose tables exist.
        """
        self._connection = connection

    @staticmethod
    def create(connection: sqlite3.Connection) -> None:
        """Make the table, or give one of an earlier version the columns that it lacks."""
        connection.execute(SCHEMA)
        held = {column[1] for column in connection.execute("PRAGMA table_info(runs)")}
        for name in _SINCE_4:
            if name not in held:
                connection.execute(f"ALTER TABLE runs ADD COLUMN {name} TEXT")

    def begin(self, row: Mapping[str, object]) -> int:
        """Open a row, column -> value; the number of its run."""
        names = ", ".join(row)
        marks = ", ".join("?" * len(row))
        cursor = self._connection.execute(
            f"INSERT INTO runs ({names}) VALUES ({marks})", tuple(row.values())
        )
        return int(cursor.lastrowid or 0)

    def count(self, run: int, evaluations: int) -> None:
        """Add a batch to what the run has paid for."""
        self._connection.execute(
            "UPDATE runs SET evaluations = evaluations + ?, passes = passes + 1 WHERE"
            " run = ?",
            (evaluations, run),
        )

    def finish(self, run: int, seconds: float) -> str | None:
        """Close a run's row; the key of its game, or None if there is no such run."""
        self._connection.execute(
            "UPDATE runs SET seconds = ? WHERE run = ?", (seconds, run)
        )
        game = self._connection.execute(
            "SELECT game FROM runs WHERE run = ?", (run,)
        ).fetchone()
        return None if game is None else str(game[0])

    def all(self) -> list[Run]:
        """Every run, oldest first.

        Raises:
            DamagedRecord: a row is not what was written, as far as that can be seen:
                rows of runs have no seal, since no value depends on them.
        """
        cursor = self._connection.execute("SELECT * FROM runs ORDER BY run")
        names = [column[0] for column in cursor.description]
        return [_run(dict(zip(names, row, strict=True))) for row in cursor]


def _run(row: dict[str, Any]) -> Run:
    number = row.pop("run")
    try:
        versions = json.loads(row.pop("versions"))
    except (TypeError, ValueError) as error:
        raise DamagedRecord(
            f"run {number} does not say by which versions it was made"
        ) from error
    for name in _SINCE_4:
        if not isinstance(row[name], str | None):
            raise DamagedRecord(f"run {number} does not say what was asked of it")
    return Run(id=number, versions=versions, **row)
