"""What a ledger costs: a million answers read back, each with its checksum looked at,
and answers committed.

    python benchmarks/ledger.py [--rows 1000000] [--rounds 3]

Of 40 candidates and one output. Read back is what `explain` asks of a ledger that holds
every mask; committed are batches of 64, each safely on the disk, beside the same rows
in the plainest table of SQLite, without checksums, one commit a batch.
"""

import argparse
import sqlite3
import sys
import tempfile
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from statistics import median
from time import perf_counter

import numpy as np
from numpy.typing import NDArray

from spexlens.evaluation.ledger.ledger import Ledger
from spexlens.masks import masks as mask_algebra

N, BATCH, KEY = 40, 64, "the game"
COMMITTED = 20_000  # rows, in batches


def drawn(rows: int) -> NDArray[np.uint8]:
    """Distinct packed masks."""
    numbers = np.random.default_rng(0).permutation(1 << 21)[:rows].astype(np.uint64)
    bits = (numbers[:, None] >> np.arange(N, dtype=np.uint64)) & np.uint64(1)
    return mask_algebra.pack(bits.astype(np.bool_))


def timed(act: Callable[[], object]) -> float:
    """Seconds."""
    began = perf_counter()
    act()
    return perf_counter() - began


def read_back(path: Path, masks: NDArray[np.uint8]) -> float:
    """Seconds to look all of them up in a ledger that was just opened."""

    def read() -> None:
        with Ledger(path) as book:
            found = book.lookup(KEY, masks)
        if any(value is None for value in found):
            sys.exit("an answer is missing")

    return timed(read)


def committed(
    path: Path, masks: NDArray[np.uint8], values: NDArray[np.float64]
) -> float:
    """Seconds to commit them in batches."""

    def write() -> None:
        with Ledger(path) as book:
            for start in range(0, len(masks), BATCH):
                book.commit(
                    KEY, masks[start : start + BATCH], values[start : start + BATCH]
                )

    return timed(write)


def plain(path: Path, masks: NDArray[np.uint8], values: NDArray[np.float64]) -> float:
    """Seconds to commit them to a table without checksums, as safely."""

    def write() -> None:
        with closing(sqlite3.connect(path, isolation_level=None)) as connection:
            connection.executescript(
                "PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL;CREATE TABLE"
                " answers (mask BLOB PRIMARY KEY, value BLOB) WITHOUT ROWID;"
            )
            for start in range(0, len(masks), BATCH):
                rows = [
                    (mask.tobytes(), value.tobytes())
                    for mask, value in zip(
                        masks[start : start + BATCH],
                        values[start : start + BATCH],
                        strict=True,
                    )
                ]
                connection.execute("BEGIN")
                connection.executemany("INSERT INTO answers VALUES (?, ?)", rows)
                connection.execute("COMMIT")

    return timed(write)


def main() -> None:
    """Print the two tables."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--rounds", type=int, default=3)
    given = parser.parse_args()
    masks = drawn(given.rows)
    values = np.random.default_rng(1).normal(size=(given.rows, 1))
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "runs.db"
        with Ledger(path) as book:
            for start in range(0, len(masks), 50_000):
                book.commit(
                    KEY, masks[start : start + 50_000], values[start : start + 50_000]
                )
        size = path.stat().st_size / len(masks)
        times = [read_back(path, masks) for _ in range(given.rounds)]
        print(
            f"{len(masks):,} answers read back: median {median(times):.2f} s of"
            f" {given.rounds}, ",
            end="",
        )
        print(f"{size:.0f} bytes each in the file")
        some, theirs = masks[:COMMITTED], values[:COMMITTED]
        ours, bare = list[float](), list[float]()
        for number in range(given.rounds):
            ours.append(committed(Path(folder) / f"ours-{number}.db", some, theirs))
            bare.append(plain(Path(folder) / f"plain-{number}.db", some, theirs))
        batches = len(some) / BATCH
        print(
            f"a commit of {BATCH}: {1e3 * median(ours) / batches:.2f} ms; into a plain"
            f" table {1e3 * median(bare) / batches:.2f} ms"
        )


if __name__ == "__main__":
    main()
