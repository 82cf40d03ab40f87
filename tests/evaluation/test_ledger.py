"""The ledger records each ablation once, exactly, for every thread and process, and
harms no other file.
"""

import multiprocessing
import os
import pickle
import sqlite3
import struct
import threading
from collections.abc import Callable, Iterator
from multiprocessing.synchronize import Barrier
from pathlib import Path
from typing import Any, NoReturn

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import ArrayLike, NDArray

from spexlens.errors import LedgerError, SpexlensError
from spexlens.evaluation.ledger.ledger import Ledger
from spexlens.masks import masks as mask_algebra

N = 11
ROUNDS = 15
AWKWARD = [-0.0, 5e-324, 1 / 3, -1.7976931348623157e308, 0.1 + 0.2]


def masks(*index: int) -> NDArray[np.uint8]:
    """Packed masks of N candidates by their index."""
    return mask_algebra.pack(
        mask_algebra.from_index(np.array(index, dtype=np.int64), N)
    )


def column(*values: float) -> NDArray[np.float64]:
    return np.array(values)[:, None]


def recorded(ledger: Ledger, game: str, *index: int) -> list[list[float] | None]:
    """What the ledger holds for these masks."""
    return [
        None if found is None else found.tolist()
        for found in ledger.lookup(game, masks(*index))
    ]


def begin(ledger: Ledger, **changes: Any) -> int:
    row = {
        "method": "proxyspex",
        "seed": 7,
        "design": "uniform",
        "budget": 300,
        "versions": {"spexlens": "0.1"},
    }
    return ledger.begin("game", **{**row, **changes})


@pytest.fixture(params=["in memory", "on disk"])
def ledger(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Ledger]:
    with Ledger(
        None if request.param == "in memory" else tmp_path / "runs.db"
    ) as opened:
        yield opened


# What is committed is what is found.


def test_a_scalar_comes_back_as_one_float(ledger: Ledger) -> None:
    ledger.commit("game", masks(1, 2), column(0.25, -3.0))
    assert recorded(ledger, "game", 2, 1) == [[-3.0], [0.25]]


def test_a_vector_comes_back_whole(ledger: Ledger) -> None:
    ledger.commit("game", masks(1, 2), np.array([[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]]))
    assert recorded(ledger, "game", 1, 2) == [[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]]


def test_a_mask_that_was_never_committed_is_none(ledger: Ledger) -> None:
    ledger.commit("game", masks(1), column(0.25))
    assert recorded(ledger, "game", 0, 1, 2) == [None, [0.25], None]


def test_a_mask_asked_for_twice_is_answered_twice(ledger: Ledger) -> None:
    ledger.commit("game", masks(1), column(0.25))
    assert recorded(ledger, "game", 1, 1) == [[0.25], [0.25]]


def test_no_masks_find_nothing(ledger: Ledger) -> None:
    assert ledger.lookup("game", masks()) == []


@settings(derandomize=True, deadline=None, max_examples=60)
@given(
    st.integers(1, 4).flatmap(
        lambda k: st.lists(
            st.lists(
                st.floats(allow_nan=False, allow_infinity=False), min_size=k, max_size=k
            ),
            min_size=1,
        )
    )
)
def test_every_float_comes_back_bit_for_bit(rows: list[list[float]]) -> None:
    values = np.array(rows)
    keys = masks(*range(len(rows)))
    with Ledger() as ledger:
        ledger.commit("game", keys, values)
        found = ledger.lookup("game", keys)
    assert [value.tobytes() for value in found if value is not None] == [
        row.tobytes() for row in values
    ]


def test_awkward_floats_survive_a_file_bit_for_bit(tmp_path: Path) -> None:
    with Ledger(tmp_path / "runs.db") as ledger:
        ledger.commit("game", masks(*range(5)), column(*AWKWARD))
    with Ledger(tmp_path / "runs.db") as ledger:
        found = ledger.lookup("game", masks(*range(5)))
    assert [value.tobytes() for value in found if value is not None] == [
        struct.pack("=d", x) for x in AWKWARD
    ]


def test_a_value_found_is_the_callers_to_change(ledger: Ledger) -> None:
    ledger.commit("game", masks(1), column(0.25))
    (found,) = ledger.lookup("game", masks(1))
    assert found is not None
    found += 1
    assert recorded(ledger, "game", 1) == [[0.25]]


def test_more_masks_than_a_query_holds_are_all_found(ledger: Ledger) -> None:
    every = range(1 << N)
    ledger.commit("game", masks(*every), column(*every))
    assert recorded(ledger, "game", *every) == [[float(i)] for i in every]


def test_a_mask_of_one_game_says_nothing_of_another(ledger: Ledger) -> None:
    ledger.commit("kind", masks(1), column(1.0))
    ledger.commit("cruel", masks(1), column(-1.0))
    assert recorded(ledger, "kind", 1) == [[1.0]]
    assert recorded(ledger, "cruel", 1) == [[-1.0]]
    assert recorded(ledger, "neither", 1) == [None]
    assert len(ledger) == 2


def test_the_first_commit_stands(ledger: Ledger) -> None:
    ledger.commit("game", masks(1), column(1.0))
    ledger.commit("game", masks(1, 2), column(9.0, 2.0))
    assert recorded(ledger, "game", 1, 2) == [[1.0], [2.0]]
    assert len(ledger) == 2


# A row a run.


def test_a_run_says_how_it_was_made(ledger: Ledger) -> None:
    versions = {"spexlens": "0.1.0", "numpy": np.__version__}
    begin(ledger, method="exact", seed=3, design="all", budget=64, versions=versions)
    (row,) = ledger.runs()
    assert row.game == "game"
    assert (row.method, row.seed, row.design, row.budget) == (
        "exact",
        3,
        "all",
        64,
    )
    assert row.versions == versions
    assert (row.evaluations, row.passes, row.seconds) == (0, 0, None)


def test_a_run_counts_its_own_commits_and_no_others(ledger: Ledger) -> None:
    first, second = begin(ledger), begin(ledger)
    ledger.commit("game", masks(1, 2, 3), column(1.0, 2.0, 3.0), first)
    ledger.commit("game", masks(4), column(4.0), second)
    ledger.commit("game", masks(5, 6), column(5.0, 6.0), first)
    ledger.commit("game", masks(7), column(7.0))
    counts = {row.id: (row.evaluations, row.passes) for row in ledger.runs()}
    assert counts == {first: (5, 2), second: (1, 1)}


def test_a_run_has_no_seconds_until_it_is_finished(ledger: Ledger) -> None:
    first, second = begin(ledger), begin(ledger)
    ledger.commit("game", masks(1), column(1.0), first)
    assert [row.seconds for row in ledger.runs()] == [None, None]
    ledger.finish(second, 1.5)
    assert [row.seconds for row in ledger.runs()] == [None, 1.5]


def test_runs_are_listed_oldest_first(ledger: Ledger) -> None:
    for budget in (30, 10, 20):
        begin(ledger, budget=budget)
    assert [row.budget for row in ledger.runs()] == [30, 10, 20]


def test_a_batch_that_fails_halfway_is_neither_recorded_nor_counted(
    ledger: Ledger,
) -> None:
    run = begin(ledger)
    with pytest.raises(ValueError, match="argument"):
        ledger.commit("game", masks(1, 2, 3), column(1.0, 2.0), run)
    assert len(ledger) == 0
    assert ledger.runs()[0].evaluations == 0
    ledger.commit("game", masks(1), column(1.0), run)
    assert recorded(ledger, "game", 1) == [[1.0]]


RECIPE = '{"recipe": "features", "text": "Där står en gök"}'
REQUEST = '{"budget": 300}'


def test_a_run_keeps_how_its_game_is_made_and_what_was_asked(tmp_path: Path) -> None:
    with Ledger(tmp_path / "runs.db") as ledger:
        begin(ledger, recipe=RECIPE, request=REQUEST)
    with Ledger(tmp_path / "runs.db") as ledger:
        (run,) = ledger.runs()
    assert (run.recipe, run.request) == (RECIPE, REQUEST)


def test_a_run_whose_recipe_and_request_are_unknown_has_none(ledger: Ledger) -> None:
    begin(ledger)
    (run,) = ledger.runs()
    assert (run.recipe, run.request) == (None, None)


def test_a_run_is_finished_once_it_has_seconds(ledger: Ledger) -> None:
    ledger.finish(begin(ledger), 0.0)
    begin(ledger)
    assert [run.finished for run in ledger.runs()] == [True, False]


@pytest.mark.parametrize("column", ["recipe", "request"])
def test_a_recipe_or_request_that_is_no_text_is_refused(
    tmp_path: Path, column: str
) -> None:
    path = tmp_path / "runs.db"
    with Ledger(path) as ledger:
        begin(ledger)
    other_application(path, f"UPDATE runs SET {column} = x'00'")
    with Ledger(path) as ledger, pytest.raises(LedgerError, match="run 1 does not say"):
        ledger.runs()


def of_version_3(path: Path) -> None:
    """A ledger as version 3 left it: runs had no recipes and no requests."""
    with Ledger(path) as ledger:
        run = begin(ledger)
        ledger.commit("game", masks(1, 2), column(1.0, 2.0), run, remarks={1: "odd"})
        ledger.finish(run, 0.5)
    other_application(
        path,
        "ALTER TABLE runs DROP COLUMN recipe",
        "ALTER TABLE runs DROP COLUMN request",
        "PRAGMA user_version = 3",
    )


def test_a_ledger_of_version_3_is_upgraded_where_it_is(tmp_path: Path) -> None:
    path = tmp_path / "runs.db"
    of_version_3(path)
    with Ledger(path) as ledger:
        (old,) = ledger.runs()
        assert (old.budget, old.evaluations, old.passes) == (300, 2, 1)
        assert (old.recipe, old.request, old.finished) == (None, None, True)
        begin(ledger, recipe=RECIPE, request=REQUEST)
    with Ledger(path) as ledger:
        assert [run.recipe for run in ledger.runs()] == [None, RECIPE]
        assert recorded(ledger, "game", 1, 2) == [[1.0], [2.0]]
        assert ledger.remarks("game", masks(1, 2)) == ["odd"]
        assert ledger.commit("game", masks(1, 2), column(8.0, 9.0)) == 0


def test_a_ledger_that_says_it_is_of_version_3_and_is_not_is_refused(
    tmp_path: Path,
) -> None:
    path = tmp_path / "runs.db"
    of_version_3(path)
    other_application(path, "DROP TABLE totals")
    assert "of version 3, which it is not" in refusal(path)


# A file outlives its ledger.


def test_a_reopened_file_holds_everything(tmp_path: Path) -> None:
    with Ledger(tmp_path / "runs.db") as ledger:
        run = begin(ledger)
        ledger.commit("game", masks(1, 2), column(1.0, 2.0), run)
        ledger.finish(run, 0.5)
        before = ledger.runs()
    with Ledger(str(tmp_path / "runs.db")) as again:
        assert recorded(again, "game", 1, 2) == [[1.0], [2.0]]
        assert again.runs() == before
        assert len(again) == 2


def test_a_commit_is_seen_by_a_ledger_that_is_already_open(tmp_path: Path) -> None:
    with Ledger(tmp_path / "runs.db") as writer, Ledger(tmp_path / "runs.db") as reader:
        writer.commit("game", masks(1), column(1.0))
        assert recorded(reader, "game", 1) == [[1.0]]


def test_a_ledger_in_memory_leaves_no_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    with Ledger() as ledger:
        ledger.commit("game", masks(1), column(1.0))
        assert ledger.path is None
        assert os.listdir(tmp_path) == []
    with Ledger() as other:
        assert len(other) == 0


def test_a_closed_ledger_says_so(ledger: Ledger) -> None:
    ledger.close()
    with pytest.raises(LedgerError, match="closed"):
        ledger.commit("game", masks(1), column(1.0))
    with pytest.raises(LedgerError, match="closed"):
        ledger.lookup("game", masks(1))


def test_a_file_is_write_ahead_logged_and_synced_at_every_commit(
    tmp_path: Path,
) -> None:
    def pragma(ledger: Ledger, name: str) -> object:
        return ledger._connection.execute(f"PRAGMA {name}").fetchone()[0]

    for _ in ("created", "reopened"):
        with Ledger(tmp_path / "runs.db") as ledger:
            assert pragma(ledger, "journal_mode") == "wal"
            assert pragma(ledger, "synchronous") == 2


def test_nothing_is_pickled(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object, **__: object) -> NoReturn:
        raise AssertionError("something was pickled")

    for name in ("dump", "dumps", "load", "loads"):
        monkeypatch.setattr(pickle, name, refuse)
    with Ledger(tmp_path / "runs.db") as ledger:
        begin(ledger)
        ledger.commit("game", masks(3), np.array([[1.0, -2.5]]))
        assert recorded(ledger, "game", 3) == [[1.0, -2.5]]
    raw = sqlite3.connect(tmp_path / "runs.db")
    stored = raw.execute(
        "SELECT fingerprint, mask, value FROM ablations JOIN games ON game = id"
    ).fetchall()
    raw.close()
    assert stored == [("game", b"\x03\x00", struct.pack("<2d", 1.0, -2.5))]


# Files that are not ledgers are refused, and left as they were.


def refusal(path: Path) -> str:
    """The one line with which a path is refused."""
    with pytest.raises(LedgerError) as caught:
        Ledger(path)
    assert isinstance(caught.value, SpexlensError)
    assert isinstance(caught.value, OSError)
    text = str(caught.value)
    assert "\n" not in text
    assert str(path) in text
    return text


def other_application(path: Path, *statements: str) -> bytes:
    """Make a SQLite file by hand; its bytes."""
    raw = sqlite3.connect(path, isolation_level=None)
    for statement in statements:
        raw.execute(statement)
    raw.close()
    return path.read_bytes()


@pytest.mark.parametrize("text", ["ok", "a shopping list\n", "milk, bread\n" * 1000])
def test_a_text_file_is_refused_in_one_line_and_left_untouched(
    tmp_path: Path, text: str
) -> None:
    path = tmp_path / "list.txt"
    path.write_text(text)
    assert "is not a ledger" in refusal(path)
    assert path.read_text() == text
    assert os.listdir(tmp_path) == ["list.txt"]


@pytest.mark.parametrize(
    "statements",
    [
        (
            "CREATE TABLE bookmarks (url TEXT)",
            "INSERT INTO bookmarks VALUES ('https://example.org')",
        ),
        ("CREATE TABLE runs (run INTEGER PRIMARY KEY)", "PRAGMA user_version = 1"),
        ("PRAGMA application_id = 252006673", "CREATE TABLE cells (x INTEGER)"),
        ("PRAGMA application_id = 252006673",),
    ],
    ids=[
        "tables",
        "a table of our name",
        "its own mark and tables",
        "its own mark alone",
    ],
)
def test_another_applications_database_is_refused_and_left_untouched(
    tmp_path: Path, statements: tuple[str, ...]
) -> None:
    path = tmp_path / "theirs.db"
    before = other_application(path, *statements)
    assert "not a spexlens ledger" in refusal(path)
    assert path.read_bytes() == before
    assert os.listdir(tmp_path) == ["theirs.db"]


def test_a_ledger_of_a_newer_version_is_refused_and_left_untouched(
    tmp_path: Path,
) -> None:
    path = tmp_path / "runs.db"
    with Ledger(path) as ledger:
        ledger.commit("game", masks(1), column(1.0))
    before = other_application(path, "PRAGMA user_version = 99")
    assert "newer" in refusal(path)
    assert path.read_bytes() == before


def test_a_path_in_a_missing_directory_is_refused(tmp_path: Path) -> None:
    refusal(tmp_path / "missing" / "runs.db")
    assert os.listdir(tmp_path) == []


def test_a_directory_is_refused(tmp_path: Path) -> None:
    refusal(tmp_path)


def test_an_empty_file_becomes_a_ledger(tmp_path: Path) -> None:
    (tmp_path / "runs.db").touch()
    with Ledger(tmp_path / "runs.db") as ledger:
        ledger.commit("game", masks(1), column(1.0))
        assert len(ledger) == 1


def test_a_damaged_ledger_is_an_error_of_ours(tmp_path: Path) -> None:
    path = tmp_path / "runs.db"
    with Ledger(path) as ledger:
        ledger.commit("game", masks(*range(1 << N)), column(*range(1 << N)))
    content = path.read_bytes()
    path.write_bytes(content[:4096] + b"\xa5" * (len(content) - 4096))
    with pytest.raises(LedgerError) as caught, Ledger(path) as ledger:
        ledger.lookup("game", masks(*range(1 << N)))
    assert str(path) in str(caught.value)


# One file, many writers.


def test_threads_share_one_ledger(ledger: Ledger) -> None:
    errors = together(lambda k: write(ledger, k), 4)
    assert errors == []
    assert_all_written(ledger, 4)


def test_threads_with_a_ledger_each_create_one_new_file(tmp_path: Path) -> None:
    for round_ in range(ROUNDS):
        path = tmp_path / f"{round_}.db"
        errors = together(lambda k, path=path: open_and_write(path, k), 2)  # type: ignore[misc]
        assert errors == [], f"round {round_}"
        with Ledger(path) as ledger:
            assert_all_written(ledger, 2)


def test_processes_with_a_ledger_each_create_one_new_file(tmp_path: Path) -> None:
    context = multiprocessing.get_context("spawn")
    barrier = context.Barrier(2)
    children = [
        context.Process(target=every_round, args=(tmp_path, barrier, k))
        for k in range(2)
    ]
    for child in children:
        child.start()
    for child in children:
        child.join(60)
        child.kill()
        child.join()
    failures = {path.name: path.read_text() for path in tmp_path.glob("*.error")}
    assert failures == {}
    assert [child.exitcode for child in children] == [0, 0]
    for round_ in range(ROUNDS):
        with Ledger(tmp_path / f"{round_}.db") as ledger:
            assert_all_written(ledger, 2)


@pytest.mark.parametrize("stays", [False, True], ids=["and leaves", "and stays"])
def test_another_process_may_create_the_file_at_any_moment_of_the_opening(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, stays: bool
) -> None:
    """Before each statement in turn, another ledger is opened on the path that this one
    is opening.
    """
    genuine = sqlite3.connect
    guests: list[Ledger] = []

    def opening(path: Path, moment: int) -> int:
        """Open the path, with a visit before the statement of this number; how many
        statements it took.
        """
        statements = 0

        class Watched(sqlite3.Connection):
            def execute(self, *arguments: Any) -> sqlite3.Cursor:
                nonlocal statements
                if statements == moment and not self.in_transaction:
                    visit(path)
                statements += 1
                return super().execute(*arguments)

        def watched(*arguments: Any, **options: Any) -> sqlite3.Connection:
            return genuine(*arguments, **options, factory=Watched)

        def visit(path: Path) -> None:
            monkeypatch.setattr(sqlite3, "connect", genuine)
            guest = Ledger(path)
            guest.commit("game", masks(1), column(1.0))
            guests.append(guest)
            if not stays:
                guest.close()

        monkeypatch.setattr(sqlite3, "connect", watched)
        with Ledger(path) as ledger:
            taken = statements
            ledger.commit("game", masks(1, 2), column(9.0, 2.0))
            assert recorded(ledger, "game", 2) == [[2.0]]
        monkeypatch.setattr(sqlite3, "connect", genuine)
        return taken

    moment, refused = 0, {}
    while moment < 100:
        try:
            taken = opening(tmp_path / f"{moment}.db", moment)
        except LedgerError as error:
            refused[moment] = str(error)
            taken = 100
        if moment >= taken:
            break
        moment += 1
    for guest in guests:
        guest.close()
    assert refused == {}
    assert len(guests) > 3


@pytest.mark.parametrize("lock", ["IMMEDIATE", "EXCLUSIVE"])
def test_opening_a_new_file_waits_for_whoever_is_preparing_it(
    tmp_path: Path, lock: str
) -> None:
    """A file in rollback mode sees these locks while another switches it to write-ahead
    logging.
    """
    other = sqlite3.connect(
        tmp_path / "runs.db", isolation_level=None, check_same_thread=False
    )
    other.execute(f"BEGIN {lock}")
    release = threading.Timer(0.2, other.execute, ["COMMIT"])
    release.start()
    try:
        with Ledger(tmp_path / "runs.db") as ledger:
            ledger.commit("game", masks(1), column(1.0))
            assert recorded(ledger, "game", 1) == [[1.0]]
    finally:
        release.join()
        other.close()


def write(ledger: Ledger, k: int) -> None:
    """Writer k's part: its own mask five times over five commits, and one that all
    writers claim.
    """
    run = begin(ledger, seed=k)
    for i in range(5):
        ledger.commit(
            "game", masks(0, 10 * (k + 1) + i), column(float(k), float(i)), run
        )
    ledger.finish(run, 0.0)


def open_and_write(path: Path, k: int) -> None:
    with Ledger(path) as ledger:
        write(ledger, k)


def assert_all_written(ledger: Ledger, writers: int) -> None:
    index = [10 * (k + 1) + i for k in range(writers) for i in range(5)]
    assert recorded(ledger, "game", *index) == [
        [float(i)] for _ in range(writers) for i in range(5)
    ]
    (claimed,) = recorded(ledger, "game", 0)
    assert claimed in [[float(k)] for k in range(writers)]
    assert len(ledger) == len(index) + 1
    rows = [
        (row.seed, row.evaluations, row.passes, row.seconds) for row in ledger.runs()
    ]
    assert sorted(rows) == [(k, 10, 5, 0.0) for k in range(writers)]


def together(work: Callable[[int], None], count: int) -> list[str]:
    """Run work(0), ..., work(count - 1), each in a thread, all at once; what went
    wrong.
    """
    barrier = threading.Barrier(count)
    errors: list[str] = []

    def start(k: int) -> None:
        barrier.wait()
        try:
            work(k)
        except BaseException as error:
            errors.append(f"writer {k}: {error!r}")

    threads = [threading.Thread(target=start, args=(k,)) for k in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return errors


def every_round(folder: Path, barrier: Barrier, k: int) -> None:
    """A child process: writer k in every round, each round a new file and a common
    start.
    """
    for round_ in range(ROUNDS):
        barrier.wait(30)
        try:
            open_and_write(folder / f"{round_}.db", k)
        except BaseException as error:
            (folder / f"{round_}.{k}.error").write_text(repr(error))


def test_a_reader_is_not_kept_waiting_by_a_writer(tmp_path: Path) -> None:
    with Ledger(tmp_path / "runs.db") as ledger:
        ledger.commit("game", masks(1), column(1.0))
        writer = sqlite3.connect(tmp_path / "runs.db", isolation_level=None)
        writer.execute("BEGIN IMMEDIATE")
        writer.execute("DELETE FROM ablations")
        assert recorded(ledger, "game", 1) == [[1.0]]
        writer.execute("ROLLBACK")
        writer.close()


@pytest.mark.parametrize("value", [1.0, [1.0, 2.0]])
def test_values_are_recorded_whatever_their_memory_layout(
    ledger: Ledger, value: ArrayLike
) -> None:
    rows = np.asfortranarray(np.tile(np.atleast_1d(np.asarray(value, float)), (6, 1)))[
        ::2
    ]
    keys = np.asfortranarray(masks(*range(6)))[::2]
    ledger.commit("game", keys, rows)
    assert recorded(ledger, "game", 0, 2, 4) == [np.atleast_1d(value).tolist()] * 3
