"""A ledger that was damaged, deleted or replaced gives no number that was not written,
and loses none.
"""

import os
import shutil
import sqlite3
from contextlib import closing
from pathlib import Path

import damage
import numpy as np
import pytest

from spexlens.errors import LedgerError
from spexlens.evaluation.evaluator import Evaluator
from spexlens.evaluation.ledger.journal import damage_of
from spexlens.evaluation.ledger.ledger import Ledger
from spexlens.evaluation.ledger.salvage import salvage
from spexlens.masks import designs
from spexlens.masks import masks as mask_algebra

MASKS = mask_algebra.pack(designs.uniform(9, 40, 0))
VALUES = np.arange(40.0)[:, None]


@pytest.fixture(scope="module")
def ledgers(tmp_path_factory: pytest.TempPathFactory) -> damage.Ledgers:
    return damage.made(tmp_path_factory.mktemp("ledgers"), 512)


@pytest.mark.parametrize("seed", range(30))
def test_damage_changes_no_result_without_notice(
    ledgers: damage.Ledgers, seed: int, tmp_path: Path
) -> None:
    assert damage.trial(ledgers, seed, tmp_path) in ("refused", "unharmed")


def changed(path: Path, *statements: str) -> None:
    """Change a ledger behind its back."""
    with closing(sqlite3.connect(path, isolation_level=None)) as raw:
        for statement in statements:
            raw.execute(statement)


@pytest.mark.parametrize(
    "statement",
    [
        (
            "UPDATE ablations SET value = x'0102030405060708' WHERE mask IN (SELECT"
            " max(mask) FROM ablations)"
        ),
        "UPDATE ablations SET value = x'0000'",
        "UPDATE ablations SET value = 'seven'",
        "DELETE FROM ablations WHERE mask = (SELECT min(mask) FROM ablations)",
        "UPDATE ablations SET game = 2 WHERE mask = (SELECT min(mask) FROM ablations)",
        "UPDATE games SET fingerprint = 'another'",
        "DELETE FROM games",
        "UPDATE games SET rows = 39",
        "INSERT INTO remarks SELECT game, mask, 'odd' FROM ablations LIMIT 1",
        "DROP TABLE totals",
    ],
)
def test_a_row_that_is_not_what_was_written_is_refused_with_a_way_on(
    tmp_path: Path, statement: str
) -> None:
    path = tmp_path / "runs.db"
    with Ledger(path) as book:
        book.commit("game", MASKS, VALUES)
    changed(path, statement)
    with pytest.raises(LedgerError) as caught, Ledger(path) as book:
        book.lookup("game", MASKS)
    assert str(path) in str(caught.value)
    assert "\n" not in str(caught.value)
    if "totals" not in statement:
        assert f"spexlens salvage {path} {tmp_path / 'runs.whole.db'}" in str(
            caught.value
        )


def test_salvage_keeps_every_answer_that_is_whole(tmp_path: Path) -> None:
    path = tmp_path / "runs.db"
    with Ledger(path) as book:
        book.commit("game", MASKS, VALUES, remarks={3: "odd"})
    changed(
        path,
        "UPDATE ablations SET value = x'0000' WHERE mask = (SELECT min(mask) FROM"
        " ablations)",
    )
    before = path.read_bytes()
    done = salvage(path, tmp_path / "whole.db")
    assert (done.kept, done.lost) == (39, 1)
    assert path.read_bytes() == before
    with Ledger(tmp_path / "whole.db") as book:
        found = book.lookup("game", MASKS)
    assert sum(value is None for value in found) == 1
    assert all(value is None or value[0] == row for row, value in enumerate(found))


def test_a_ledger_of_version_2_is_read(tmp_path: Path) -> None:
    path = tmp_path / "runs.db"
    with closing(sqlite3.connect(path, isolation_level=None)) as raw:
        raw.executescript(
            "CREATE TABLE games (id INTEGER PRIMARY KEY, fingerprint TEXT NOT NULL"
            " UNIQUE);CREATE TABLE ablations (game INTEGER NOT NULL, mask BLOB NOT"
            " NULL, value BLOB NOT NULL, PRIMARY KEY (game, mask)) WITHOUT ROWID;CREATE"
            " TABLE remarks (game INTEGER NOT NULL, mask BLOB NOT NULL, remark TEXT NOT"
            " NULL, PRIMARY KEY (game, mask)) WITHOUT ROWID;CREATE TABLE limits (game"
            " TEXT PRIMARY KEY, rows INTEGER NOT NULL);PRAGMA application_id ="
            " 1397774412; PRAGMA user_version = 2;INSERT INTO games VALUES (1, 'game');"
        )
        rows = [
            (1, mask.tobytes(), value.tobytes())
            for mask, value in zip(MASKS, VALUES, strict=True)
        ]
        raw.executemany("INSERT INTO ablations VALUES (?, ?, ?)", rows)
        raw.execute("INSERT INTO remarks VALUES (1, ?, 'odd')", (MASKS[3].tobytes(),))
    for _ in ("upgraded", "read again"):
        with Ledger(path) as book:
            assert [
                value[0] for value in book.lookup("game", MASKS) if value is not None
            ] == list(range(40))
            assert book.remarks("game", MASKS) == ["odd"]


@pytest.mark.parametrize("fate", ["deleted", "moved", "replaced", "folder gone"])
def test_a_ledger_that_is_gone_is_noticed_at_the_next_commit_and_everything_is_rescued(
    tmp_path: Path, fate: str
) -> None:
    folder = tmp_path / "folder"
    folder.mkdir()
    path = folder / "runs.db"
    with Ledger(path) as book:
        book.commit("game", MASKS[:20], VALUES[:20])
        if fate == "deleted":
            path.unlink()
        elif fate == "moved":
            path.rename(folder / "elsewhere.db")
        elif fate == "replaced":
            (folder / "other.db").write_bytes(b"")
            os.replace(folder / "other.db", path)
        else:
            shutil.rmtree(folder)
        with pytest.raises(LedgerError, match="while it was in use") as caught:
            book.commit("game", MASKS[20:], VALUES[20:])
    (rescued,) = list(tmp_path.rglob("*.rescued*.db"))
    assert str(rescued) in str(caught.value)
    with Ledger(rescued) as book:
        assert [
            value[0] for value in book.lookup("game", MASKS) if value is not None
        ] == list(range(40))


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("file:runs.db", "path alone"),
        ("", "is empty"),
        ("a\0b.db", "null character"),
        ("n" * 250, "too long"),
        ("\udc80\ud800.db", "not valid Unicode"),
    ],
)
def test_a_name_that_no_ledger_can_have_is_refused(name: str, said: str) -> None:
    with pytest.raises(LedgerError, match=said):
        Ledger(name)


def test_memory_is_what_sqlite_means_by_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    with Ledger(":memory:") as book:
        assert book.path is None
        book.commit("game", MASKS, VALUES)
    assert list(tmp_path.iterdir()) == []


def test_a_pipe_is_no_ledger(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "runs.db")
    with pytest.raises(LedgerError, match="no ordinary file"):
        Ledger(tmp_path / "runs.db")


def test_claims_of_a_ledger_that_is_closed_are_taken_over(tmp_path: Path) -> None:
    with Ledger(tmp_path / "runs.db") as first:
        assert first.claim("game", MASKS).all()
        with Ledger(tmp_path / "runs.db") as second:
            assert not second.claim("game", MASKS).any()
    with Ledger(tmp_path / "runs.db") as second:
        assert second.claim("game", MASKS).all()


def test_an_answer_of_another_length_is_refused(tmp_path: Path) -> None:
    with Ledger(tmp_path / "runs.db") as book:
        book.commit("game", MASKS[:20], VALUES[:20])
        with pytest.raises(LedgerError, match="different lengths"):
            book.commit("game", MASKS[20:], np.zeros((20, 2)))


def test_the_game_of_these_trials_has_remarks() -> None:
    with Ledger() as book:
        Evaluator(damage.game(), book).values(designs.uniform(damage.N, 64, 0))
        assert book.remarks(
            damage.game().key, mask_algebra.pack(designs.uniform(damage.N, 64, 0))
        )


@pytest.mark.parametrize("kept", [0.0, 0.001, 0.5, 0.98])
def test_a_journal_that_is_cut_says_how_much_is_gone(
    ledgers: damage.Ledgers, kept: float, tmp_path: Path
) -> None:
    path = tmp_path / "runs.db"
    for end in ("", "-wal", "-shm"):
        (tmp_path / f"runs.db{end}").write_bytes(
            Path(f"{ledgers.killed}{end}").read_bytes()
        )
    with Ledger(path) as book:
        assert len(book) == 512
    for end in ("", "-wal", "-shm"):
        (tmp_path / f"runs.db{end}").write_bytes(
            Path(f"{ledgers.killed}{end}").read_bytes()
        )
    log = tmp_path / "runs.db-wal"
    log.write_bytes(log.read_bytes()[: int(kept * log.stat().st_size)])
    with pytest.raises(
        LedgerError, match=r"its end, \d+ pages that were committed, is gone"
    ) as caught:
        Ledger(path)
    assert f"spexlens salvage {path}" in str(caught.value)
    if kept > 0.1:
        assert 0 < salvage(path, tmp_path / "whole.db").kept < 512


def test_a_ledger_that_was_killed_and_one_that_others_write_to_are_not_called_damaged(
    tmp_path: Path,
) -> None:
    path = tmp_path / "runs.db"
    with Ledger(path) as book:
        for start in range(0, 40, 4):
            book.commit("game", MASKS[start : start + 4], VALUES[start : start + 4])
            assert damage_of(path) is None
            if start == 20:
                book._connection.execute("PRAGMA wal_checkpoint(RESTART)")
                assert damage_of(path) is None
            if start == 28:
                book._connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
                assert damage_of(path) is None
        copy = tmp_path / "copy.db"
        for end in ("", "-wal", "-shm"):
            (tmp_path / f"copy.db{end}").write_bytes(
                (tmp_path / f"runs.db{end}").read_bytes()
            )
        with Ledger(copy) as other:
            assert len(other) == 40
    assert damage_of(path) is None
