"""Upgrade: a ledger of an earlier version, given seals."""

import sqlite3
from collections.abc import Mapping

from spexlens.evaluation.ledger.records import DamagedRecord, Records

_ANSWERS_AT_ONCE = 10_000
_FLOAT = 8  # bytes
_TABLES = ("games", "ablations", "remarks")


def seal_all(connection: sqlite3.Connection) -> None:
    """Give the tables of version 1 or 2 seals. The transaction is the caller's.

    Args:
        connection: of the ledger; its limits are forgotten, for they did not say of
            when they are.

    Raises:
        DamagedRecord: an answer is not one.
    """
    rows = connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")
    tables = {name for (name,) in rows}
    for table in _TABLES:
        if table in tables:
            connection.execute(f"ALTER TABLE {table} RENAME TO old_{table}")

    connection.execute("DROP TABLE IF EXISTS limits")
    Records.create(connection)
    records = Records(connection)

    games = connection.execute("SELECT id, fingerprint FROM old_games ORDER BY id")
    for number, game in games.fetchall():
        # version 1 had no table of them
        remarks: dict[bytes, str] = {}
        if "remarks" in tables:
            query = "SELECT mask, remark FROM old_remarks WHERE game = ?"
            remarks = dict(connection.execute(query, (number,)))
        _seal_game(connection, records, number, str(game), remarks)
    for table in _TABLES:
        connection.execute(f"DROP TABLE IF EXISTS old_{table}")


def _seal_game(
    connection: sqlite3.Connection,
    records: Records,
    number: int,
    game: str,
    remarks: Mapping[bytes, str],
) -> None:
    """Move one game's answers, and what was remarked on their masks."""
    rows = connection.execute(
        "SELECT mask, value FROM old_ablations WHERE game = ?", (number,)
    )
    while answers := rows.fetchmany(_ANSWERS_AT_ONCE):
        _refuse_odd(answers, number)
        masks = [mask for mask, _ in answers]
        values = [value for _, value in answers]
        remarks_by_row = {
            row: remarks[mask] for row, mask in enumerate(masks) if mask in remarks
        }
        records.add(game, masks, values, remarks_by_row)


def _refuse_odd(rows: list[tuple[object, object]], game: int) -> None:
    for mask, value in rows:
        if (
            not isinstance(mask, bytes)
            or not isinstance(value, bytes)
            or not value
            or len(value) % _FLOAT
        ):
            raise DamagedRecord(f"an answer of game {game} is none")
