"""Salvage: a new ledger of what is whole in a damaged one."""

import shutil
import sqlite3
import tempfile
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from spexlens.errors import LedgerError
from spexlens.evaluation.ledger.ledger import Ledger
from spexlens.evaluation.ledger.seals import Sealer, seal_of

_ROWS = (
    "SELECT a.game, a.mask, a.value, a.seal, r.remark FROM ablations a LEFT JOIN"
    " remarks r ON r.game = a.game AND r.mask = a.mask ORDER BY a.game {0}, a.mask {0}"
)


@dataclass(frozen=True)
class Salvaged:
    """What became of a damaged ledger.

    Attributes:
        kept: answers that are in the new one.
        lost: answers that it should have had, as far as that can be read.
    """

    kept: int
    lost: int


def salvage(damaged: str | Path, whole: str | Path) -> Salvaged:
    """Write every answer whose checksum holds into a new ledger; the damaged one is
    left as it is.

    Args:
        damaged: a ledger that cannot be read to the end.
        whole: the path of the new one, where there is no file yet.

    Raises:
        LedgerError: there is no such ledger, nothing of it can be read, or the new path
            is taken.
    """
    source = Path(damaged)
    target = Path(whole)
    if not source.is_file():
        raise LedgerError(f"there is no ledger {source}")
    if target.exists():
        raise LedgerError(f"{target} exists already; give a path that is free")

    with tempfile.TemporaryDirectory() as folder:
        copy = _copied(source, Path(folder))
        with closing(sqlite3.connect(copy, isolation_level=None)) as connection:
            games, expected = _games(connection, source)
            rows = _sound_rows(connection, games)

    with Ledger(target) as book:
        for game, answers in rows.items():
            book.add(game, answers)
        kept = len(book)

    return Salvaged(kept, max(0, expected - kept))


def _copied(ledger: Path, folder: Path) -> Path:
    """A copy with its journal: SQLite writes to what it opens."""
    copy = folder / "ledger.db"
    for end in ("", "-wal"):
        part = ledger.with_name(ledger.name + end)
        if part.is_file():
            shutil.copyfile(part, copy.with_name(copy.name + end))
    return copy


def _games(connection: sqlite3.Connection, source: Path) -> tuple[dict[int, str], int]:
    """The fingerprints of games that are whole, by number, and how many answers there
    should be.
    """
    games: dict[int, str] = {}
    expected = 0
    try:
        for number, fingerprint, rows, seals, seal in connection.execute(
            "SELECT id, fingerprint, rows, tally, seal FROM games NOT INDEXED"
        ):
            if seal == seal_of(number, fingerprint, rows, seals):
                games[number] = fingerprint
                expected += rows
    except sqlite3.DatabaseError as error:
        if not games:
            raise LedgerError(f"nothing of {source} can be read: {error}") from error
    return games, expected


def _sound_rows(
    connection: sqlite3.Connection, games: dict[int, str]
) -> dict[str, dict[bytes, tuple[bytes, str | None]]]:
    """Of each game, mask -> value and remark, read from both ends up to where the file
    is damaged.
    """
    answers: dict[str, dict[bytes, tuple[bytes, str | None]]] = {
        game: {} for game in games.values()
    }
    sealers = {number: Sealer(game) for number, game in games.items()}

    for direction in ("ASC", "DESC"):
        rows = _readable(connection, _ROWS.format(direction))
        for number, mask, value, seal, remark in rows:
            if number not in games:
                continue

            # of other types it cannot even be sealed
            if not isinstance(mask, bytes) or not isinstance(value, bytes):
                continue

            if seal == sealers[number].seal(mask, value, remark):
                game = games[number]
                answers[game][mask] = (value, remark)

    return answers


def _readable(connection: sqlite3.Connection, query: str) -> Iterator[Any]:
    """Rows up to the first that cannot be read."""
    try:
        yield from connection.execute(query)
    except sqlite3.DatabaseError:
        return
