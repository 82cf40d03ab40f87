"""Upgrade: a ledger of an earlier version, given seals."""

import sqlite3

from spexlens.evaluation.ledger.records import DamagedRecord, Records

_ANSWERS_AT_ONCE = 10_000
_FLOAT = 8  # bytes


def seal_all(connection: sqlite3.Connection) -> None:
    """Bring tables of version 1 or 2 to seals. The transaction is the caller's.

    Args:
        connection: of the ledger; its limits are forgotten, for they did not say of
            when they are.

    Raises:
        DamagedRecord: an answer is not one.
    """
    tables = {
        name
        for (name,) in connection.execute(
            "SELECT name FROM sqlite_master WHERE type = 'table'"
        )
    }
    for table in ("games", "ablations", "remarks"):
        if table in tables:
            connection.execute(f"ALTER TABLE {table} RENAME TO old_{table}")
    connection.execute("DROP TABLE IF EXISTS limits")
    Records.create(connection)
    records = Records(connection)
    for number, game in connection.execute(
        "SELECT id, fingerprint FROM old_games ORDER BY id"
    ).fetchall():
        remarks: dict[bytes, str] = {}
        if "remarks" in tables:
            said = "SELECT mask, remark FROM old_remarks WHERE game = ?"
            remarks = dict(connection.execute(said, (number,)))
        rows = connection.execute(
            "SELECT mask, value FROM old_ablations WHERE game = ?", (number,)
        )
        while some := rows.fetchmany(_ANSWERS_AT_ONCE):
            _refuse_odd(some, number)
            keys = [mask for mask, _ in some]
            told = {row: remarks[key] for row, key in enumerate(keys) if key in remarks}
            records.add(str(game), keys, [value for _, value in some], told)
    for table in ("games", "ablations", "remarks"):
        connection.execute(f"DROP TABLE IF EXISTS old_{table}")


def _refuse_odd(rows: list[tuple[object, object]], game: int) -> None:
    for mask, value in rows:
        if (
            not isinstance(mask, bytes)
            or not isinstance(value, bytes)
            or not value
            or len(value) % _FLOAT
        ):
            raise DamagedRecord(f"an answer of game {game} is none")
