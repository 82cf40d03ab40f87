"""A run that may kill itself: python killed_child.py LEDGER TRACE GAME POINT.

GAME is "plain", or "batched", whose last bits depend on the whole batch that a mask is
evaluated in. POINT says where the process sends itself SIGKILL, K being a count from
zero in this process:

    value:K         inside the model, while it evaluates its batch K
    rows:K          in the transaction of commit K, its rows written, its run not yet counted
    counted:K       in the transaction of commit K, just before COMMIT
    committed:K     just after commit K
    evaluated       everything evaluated, nothing fitted
    slowly          nowhere, but every batch takes long enough to be killed from outside
    never           nowhere

TRACE gets a line a batch, before it is answered: the indices of its masks. A process
that lives to the end prints one JSON object: the spectrum, bit for bit, and what it
found and paid for.
"""

import json
import os
import signal
import sqlite3
import sys
import time
from pathlib import Path
from typing import Any, NoReturn

import numpy as np
from numpy.typing import NDArray

from spexlens.evaluation.evaluator import Evaluator
from spexlens.evaluation.ledger.ledger import Ledger
from spexlens.games.game import Game
from spexlens.masks import designs
from spexlens.masks import masks as mask_algebra
from spexlens.solvers.proxyspex.proxies.boosting import Boosting
from spexlens.solvers.proxyspex.solver import ProxySpex

N, BUDGET, BATCH, SEED = 12, 200, 16, 0
WEIGHTS = np.random.default_rng(SEED).normal(size=N)
PROXIES = (
    Boosting(depth=2, columns=0.5, trees=30),
    Boosting(depth=4, columns=1.0, trees=30),
)


def answer(masks: NDArray[np.bool_], *, batched: bool) -> NDArray[np.float64]:
    """(m, n) bool -> (m,) float64: two interactions on a line, and a trace of the batch
    if it is batched.
    """
    kept = masks.astype(np.float64)
    values: NDArray[np.float64] = (
        (kept * WEIGHTS).sum(axis=1)
        + 3 * kept[:, 0] * kept[:, 1]
        - 2 * kept[:, 2:5].prod(axis=1)
    )
    if batched:
        values += 1e-13 * values.mean()
    return values


def die() -> NoReturn:
    """End this process as a power cut would: no cleanup, no exit handler."""
    os.kill(os.getpid(), signal.SIGKILL)
    raise AssertionError("survived SIGKILL")


class Fragile(sqlite3.Connection):
    """A connection that dies at one place in one batch's transaction."""

    place = ""
    batch = -1
    batches = -1
    recording = False

    def executemany(self, *arguments: Any) -> sqlite3.Cursor:
        cursor = super().executemany(*arguments)
        if "INTO ablations" in arguments[0]:
            self.recording = True
            self.batches += 1
            self._perhaps_die("rows")
        return cursor

    def execute(self, *arguments: Any) -> sqlite3.Cursor:
        closing = self.recording and arguments[0].strip().upper() == "COMMIT"
        if closing:
            self.recording = False
            self._perhaps_die("counted")
        cursor = super().execute(*arguments)
        if closing:
            self._perhaps_die("committed")
        return cursor

    def _perhaps_die(self, place: str) -> None:
        if (place, self.batches) == (Fragile.place, Fragile.batch):
            die()


def main(ledger_path: str, trace_path: str, game_name: str, point: str) -> None:
    """Evaluate, fit, print; or die on the way."""
    for optional in ("sklearn", "pandas"):
        sys.modules[optional] = None  # type: ignore[assignment]  # LightGBM takes two seconds to import them
    Fragile.place, _, batch = point.partition(":")
    Fragile.batch = int(batch or -1)
    connect = sqlite3.connect
    sqlite3.connect = lambda *args, **options: connect(
        *args, **options, factory=Fragile
    )  # type: ignore[assignment]
    calls = 0

    def value(masks: NDArray[np.bool_]) -> NDArray[np.float64]:
        nonlocal calls
        with Path(trace_path).open("a") as trace:
            trace.write(json.dumps(mask_algebra.to_index(masks).tolist()) + "\n")
        if point == f"value:{calls}":
            die()
        if point == "slowly":
            time.sleep(0.05)
        calls += 1
        return answer(masks, batched=game_name == "batched")

    game = Game(value, N, fingerprint=game_name, batch_size=BATCH)
    masks = designs.uniform(N, BUDGET, SEED)
    with Ledger(ledger_path) as ledger:
        found = len(ledger)
        run = ledger.begin(
            game.key,
            method="proxyspex",
            seed=SEED,
            design="uniform",
            budget=BUDGET,
            versions={},
        )
        evaluator = Evaluator(game, ledger, run=run)
        values = evaluator.values(masks)
        if point == "evaluated":
            die()
        spectrum = ProxySpex(PROXIES, workers=1).fit(masks, values, SEED).spectrum
        ledger.finish(run, 0.0)
    report = {
        "sets": spectrum.sets.packed.tobytes().hex(),
        "values": spectrum.values.tobytes().hex(),
        "found": found,
        "paid": evaluator.paid,
        "reused": evaluator.reused,
        "passes": evaluator.passes,
    }
    sys.stdout.write(json.dumps(report))


if __name__ == "__main__":
    main(*sys.argv[1:])
