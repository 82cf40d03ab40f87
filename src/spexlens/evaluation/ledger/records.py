"""Records: the sealed tables of a ledger: games, ablations, remarks and limits.

Nothing is read without being checked. Before a game's first row is believed, all its
rows are read once, and their number and the tally of their seals are compared with what
the game's own row says: a row that was lost is noticed like one that was changed.
"""

import sqlite3
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from spexlens.evaluation.ledger.seals import NOTHING, SIZE, Sealer, seal_of, tally

SCHEMA = """
CREATE TABLE totals (id INTEGER PRIMARY KEY CHECK (id = 1), games INTEGER NOT NULL, tally BLOB NOT NULL);
CREATE TABLE games (
    id INTEGER PRIMARY KEY, fingerprint TEXT NOT NULL UNIQUE, rows INTEGER NOT NULL, tally BLOB NOT NULL,
    seal BLOB NOT NULL
);
CREATE TABLE ablations (
    game INTEGER NOT NULL, mask BLOB NOT NULL, value BLOB NOT NULL, seal BLOB NOT NULL,
    PRIMARY KEY (game, mask)
) WITHOUT ROWID;
CREATE TABLE remarks (
    game INTEGER NOT NULL, mask BLOB NOT NULL, remark TEXT NOT NULL, PRIMARY KEY (game, mask)
) WITHOUT ROWID;
CREATE TABLE limits (game TEXT PRIMARY KEY, rows INTEGER NOT NULL, since TEXT NOT NULL, seal BLOB NOT NULL);
"""
_ROWS = (
    "SELECT a.mask, a.value, a.seal, r.remark FROM ablations a"
    " LEFT JOIN remarks r ON r.game = a.game AND r.mask = a.mask WHERE a.game = ?"
)
_MASKS_A_QUERY = 500  # SQLite takes 999 parameters, in its older versions
_FLOAT = 8  # bytes


class DamagedRecord(Exception):
    """A row that is not what was written, or is gone; the text says which."""


@dataclass
class _Known:
    """A game whose rows were all read and found whole.

    Attributes:
        number: its id.
        sealer: makes its seals.
        width: bytes of a value; None while there is none.
    """

    number: int
    sealer: Sealer
    width: int | None


class Records:
    """The sealed tables of one connection. Transactions are the caller's."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        """
        Args:
            connection: of a ledger whose tables exist.
        """
        self._connection = connection
        self._games: dict[str, _Known] = {}
        self._numbers: dict[str, int] = {}
        self._totals: tuple[int, bytes] = (0, NOTHING)  # of the games in `_numbers`

    @staticmethod
    def create(connection: sqlite3.Connection) -> None:
        """Make the tables, empty."""
        for statement in filter(str.strip, SCHEMA.split(";")):
            connection.execute(statement)
        connection.execute("INSERT INTO totals VALUES (1, 0, ?)", (NOTHING,))

    def values(
        self, game: str, keys: Sequence[bytes]
    ) -> dict[bytes, NDArray[np.float64]]:
        """The values, (k,) float64, of those masks that are recorded.

        Raises:
            DamagedRecord: a row of the game is not what was written.
        """
        known = self._known(game)
        values: dict[bytes, NDArray[np.float64]] = {}
        if known is None:
            return values

        for start in range(0, len(keys), _MASKS_A_QUERY):
            chunk = keys[start : start + _MASKS_A_QUERY]
            marks = ",".join("?" * len(chunk))
            rows = self._connection.execute(
                f"{_ROWS} AND a.mask IN ({marks})", [known.number, *chunk]
            )

            for mask, value, _ in _checked(rows, known):
                values[mask] = np.frombuffer(value, "<f8").astype(np.float64)

        return values

    def remarks(self, game: str) -> dict[bytes, str]:
        """What was remarked on masks of a game.

        Raises:
            DamagedRecord: a row of the game is not what was written.
        """
        known = self._known(game)
        if known is None:
            return {}
        rows = self._connection.execute(
            "SELECT mask, remark FROM remarks WHERE game = ?", (known.number,)
        )
        return dict(rows)

    def add(
        self,
        game: str,
        keys: Sequence[bytes],
        values: Sequence[bytes],
        remarks: Mapping[int, str],
    ) -> int:
        """Record rows that are new, with remarks by row; of others the first stand. How
        many were new.

        Raises:
            DamagedRecord: a row of the game is not what was written, or values have two
                lengths.
        """
        known = self._known(game) or self._begin(game)
        held = self.values(game, keys)
        new = {
            key: (value, remarks.get(row))
            for row, (key, value) in enumerate(zip(keys, values, strict=True))
            if key not in held
        }

        # seen before anything is written: a game of two widths cannot be read again
        widths = {len(value) for value, _ in new.values()}
        if known.width is not None:
            widths.add(known.width)
        if len(widths) > 1:
            raise DamagedRecord(f"a game has values of {len(widths)} different lengths")

        self._insert(game, known, new)
        known.width = next(iter(widths), None)
        return len(new)

    def _insert(
        self,
        game: str,
        known: _Known,
        answers: Mapping[bytes, tuple[bytes, str | None]],
    ) -> None:
        """Write rows that are new: mask -> value and remark."""
        sealed = [
            (known.number, key, value, known.sealer.seal(key, value, remark))
            for key, (value, remark) in answers.items()
        ]
        self._connection.executemany(
            "INSERT INTO ablations VALUES (?, ?, ?, ?)", sealed
        )
        remarks = [
            (known.number, key, remark)
            for key, (_, remark) in answers.items()
            if remark is not None
        ]
        if remarks:
            self._connection.executemany(
                "INSERT OR REPLACE INTO remarks VALUES (?, ?, ?)", remarks
            )
        self._count(game, [seal for *_, seal in sealed])

    def limit(self, game: str) -> tuple[int, str] | None:
        """The rows of a batch that did not fit into memory, halved, and when that was.

        Raises:
            DamagedRecord: it is not what was written.
        """
        row = self._connection.execute(
            "SELECT rows, since, seal FROM limits WHERE game = ?", (game,)
        ).fetchone()
        if row is None:
            return None
        rows, since, seal = row
        if seal != seal_of(game, rows, since) or type(rows) is not int or rows < 1:
            raise DamagedRecord("a remembered limit of memory is not what was written")
        return rows, str(since)

    def set_limit(self, game: str, rows: int, since: str) -> None:
        """Keep the limit."""
        row = (game, rows, since, seal_of(game, rows, since))
        self._connection.execute(
            "INSERT OR REPLACE INTO limits VALUES (?, ?, ?, ?)", row
        )

    def forget_limit(self, game: str) -> None:
        """Forget the limit."""
        self._connection.execute("DELETE FROM limits WHERE game = ?", (game,))

    def forget(self) -> None:
        """Trust nothing that was seen before: what a transaction made is undone."""
        self._games.clear()
        self._numbers.clear()
        self._totals = (0, NOTHING)

    def _known(self, game: str) -> _Known | None:
        """The game, all its rows seen to be whole; None if it is not recorded."""
        if game in self._games:
            return self._games[game]

        # another process may have begun it since
        if game not in self._numbers and self._said_totals() != self._totals:
            self._read_games()
        if game not in self._numbers:
            return None

        self._games[game] = self._verified(game, self._numbers[game])
        return self._games[game]

    def _said_totals(self) -> tuple[int, bytes]:
        """How many games there should be, and the tally of their seals."""
        row = self._connection.execute("SELECT games, tally FROM totals").fetchone()
        games, total = row or (None, None)
        if not isinstance(games, int) or not isinstance(total, bytes):
            raise DamagedRecord("what it says of its games cannot be read")
        return games, total

    def _read_games(self) -> None:
        """The number of each game; none is missing, none was changed."""
        numbers: dict[str, int] = {}
        total = NOTHING
        for number, fingerprint, rows, seals, seal in self._connection.execute(
            # an index may be damaged
            "SELECT id, fingerprint, rows, tally, seal FROM games NOT INDEXED"
        ):
            if seal != seal_of(number, fingerprint, rows, seals):
                raise DamagedRecord(f"game {number} is not what was written")
            numbers[fingerprint] = number
            total = tally(total, seal_of(number, fingerprint))
        if self._said_totals() != (len(numbers), total):
            raise DamagedRecord("some of its games are gone")
        self._numbers = numbers
        self._totals = (len(numbers), total)

    def _row(self, game: str, number: int) -> tuple[int, bytes]:
        """How many rows a game should have, and the tally of their seals."""
        query = "SELECT fingerprint, rows, tally, seal FROM games WHERE id = ?"
        row = self._connection.execute(query, (number,)).fetchone()
        if row is None:
            raise DamagedRecord(f"game {number} is not what was written")
        fingerprint, rows, total, seal = row
        sealed = seal == seal_of(number, fingerprint, rows, total)
        if fingerprint != game or not sealed or not _is_seal(total):
            raise DamagedRecord(f"game {number} is not what was written")
        return rows, total

    def _verified(self, game: str, number: int) -> _Known:
        """The game, after all its rows were read once."""
        known = _Known(number, Sealer(game), None)
        count = 0
        total = NOTHING
        widths: set[int] = set()
        answers = self._connection.execute(_ROWS, (number,))
        for _, value, seal in _checked(answers, known):
            count += 1
            total = tally(total, seal)
            widths.add(len(value))
        rows, seals = self._row(game, number)
        if (count, total) != (rows, seals):
            raise DamagedRecord(
                f"of the {rows} answers of game {number} only {count} can be read"
            )
        if len(widths) > 1:
            raise DamagedRecord(
                f"the answers of game {number} have {len(widths)} different lengths"
            )
        known.width = widths.pop() if widths else None
        return known

    def _begin(self, game: str) -> _Known:
        """A row for a new game."""
        cursor = self._connection.execute(
            "INSERT INTO games (fingerprint, rows, tally, seal) VALUES (?, 0, ?, ?)",
            (game, NOTHING, NOTHING),
        )
        number = int(cursor.lastrowid or 0)
        self._seal(number, game, 0, NOTHING)

        # by the totals a game that is gone is missed
        games, total = self._said_totals()
        self._totals = (games + 1, tally(total, seal_of(number, game)))
        self._connection.execute("UPDATE totals SET games = ?, tally = ?", self._totals)

        self._numbers[game] = number
        self._games[game] = _Known(number, Sealer(game), None)
        return self._games[game]

    def _count(self, game: str, seals: Sequence[bytes]) -> None:
        """Add rows to what the game's row says of them."""
        number = self._games[game].number
        rows, total = self._row(game, number)
        for seal in seals:
            total = tally(total, seal)
        self._seal(number, game, rows + len(seals), total)

    def _seal(self, number: int, game: str, rows: int, total: bytes) -> None:
        sealed = (rows, total, seal_of(number, game, rows, total), number)
        self._connection.execute(
            "UPDATE games SET rows = ?, tally = ?, seal = ? WHERE id = ?", sealed
        )


def _checked(
    rows: Iterable[Any], known: _Known
) -> Iterator[tuple[bytes, bytes, bytes]]:
    """Rows of a game: mask, value and seal, each seen to be what was written."""
    for mask, value, seal, remark in rows:
        # of other types it cannot even be sealed
        sound = _is_sound(mask, value, remark)
        if not sound or seal != known.sealer.seal(mask, value, remark):
            raise DamagedRecord(
                f"an answer of game {known.number} is not what was written"
            )
        yield mask, value, seal


def _is_sound(mask: object, value: object, remark: object) -> bool:
    """Whether these are of the types that a row has, the value some whole floats."""
    if not isinstance(mask, bytes) or not isinstance(value, bytes):
        return False
    if not isinstance(remark, str | None):
        return False
    return len(value) > 0 and len(value) % _FLOAT == 0


def _is_seal(value: object) -> bool:
    return isinstance(value, bytes) and len(value) == SIZE
