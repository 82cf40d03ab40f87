"""A run that was killed, repeated, ends as if it had never been killed, and pays only
for what is missing.

The runs are real processes, and the kills are real: SIGKILL, at many points, from
inside and from outside.
"""

import functools
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import killed_child as child
import numpy as np
import pytest

from spexlens.evaluation.ledger.ledger import Ledger
from spexlens.evaluation.ledger.runs import Run as LedgerRun
from spexlens.masks import designs
from spexlens.masks import masks as mask_algebra

pytestmark = pytest.mark.skipif(
    not hasattr(signal, "SIGKILL"), reason="there is no SIGKILL here"
)

BATCHES = -(-child.BUDGET // child.BATCH)
ONE_THREAD = {
    "OMP_NUM_THREADS": "1",
    "OPENBLAS_NUM_THREADS": "1",
    "MKL_NUM_THREADS": "1",
}


@dataclass(frozen=True)
class Run:
    """One ledger file, and the processes that were run on it one after another."""

    folder: Path
    game: str

    def start(self, point: str) -> "subprocess.Popen[str]":
        script = Path(child.__file__)
        command = [
            sys.executable,
            str(script),
            str(self.ledger),
            str(self.trace),
            self.game,
            point,
        ]
        pipe = subprocess.PIPE
        return subprocess.Popen(
            command,
            stdout=pipe,
            stderr=pipe,
            text=True,
            env={**os.environ, **ONE_THREAD},
        )

    def killed(self, point: str) -> None:
        """Run until the process kills itself."""
        with self.start(point) as process:
            output, errors = process.communicate(timeout=600)
        assert (process.returncode, output) == (-signal.SIGKILL, ""), errors

    def finished(self) -> dict[str, Any]:
        """Run to the end; what it printed."""
        with self.start("never") as process:
            output, errors = process.communicate(timeout=600)
        assert process.returncode == 0, errors
        report: dict[str, Any] = json.loads(output)
        return report

    @property
    def ledger(self) -> Path:
        return self.folder / f"{self.game}.db"

    @property
    def trace(self) -> Path:
        return self.folder / f"{self.game}.trace"

    def batches(self) -> list[list[int]]:
        """Every batch that the model was handed, in all processes, by mask index."""
        text = self.trace.read_text() if self.trace.exists() else ""
        return [
            json.loads(line)
            for line in text.splitlines(keepends=True)
            if line.endswith("\n")
        ]

    def recorded(self) -> int:
        return self._look()[0]

    def rows(self) -> list[LedgerRun]:
        return self._look()[1]

    def _look(self) -> tuple[int, list[LedgerRun]]:
        """Read a copy, so that what a kill left behind is still there for the next
        process to mend.
        """
        with tempfile.TemporaryDirectory() as folder:
            for name in (self.ledger.name, f"{self.ledger.name}-wal"):
                if (self.folder / name).exists():
                    shutil.copy(self.folder / name, folder)
            with Ledger(Path(folder, self.ledger.name)) as ledger:
                return len(ledger), ledger.runs()


@functools.cache
def uninterrupted(game: str) -> tuple[dict[str, Any], list[list[int]]]:
    """What a run prints that nobody kills, and the batches that its model is handed."""
    with tempfile.TemporaryDirectory() as folder:
        run = Run(Path(folder), game)
        return run.finished(), run.batches()


def assert_resumes(run: Run) -> None:
    """Finish a killed run, and hold it to every promise."""
    promised, whole = uninterrupted(run.game)
    before, handed = run.recorded(), run.batches()
    report = run.finished()
    assert report["sets"] == promised["sets"]
    assert report["values"] == promised["values"]
    assert report["found"] == report["reused"] == before
    assert report["paid"] == child.BUDGET - before
    assert run.recorded() == child.BUDGET
    again = run.batches()[len(handed) :]
    assert again == whole[BATCHES - len(again) :]
    assert sum(map(len, again)) == report["paid"]
    assert report["passes"] == len(again)
    *killed, last = run.rows()
    assert sum(row.evaluations for row in [*killed, last]) == child.BUDGET
    assert sum(row.passes for row in [*killed, last]) == BATCHES
    assert [row.seconds for row in killed] == [None] * len(killed)
    assert (last.evaluations, last.seconds) == (report["paid"], 0.0)


@pytest.mark.parametrize("game", ["plain", "batched"])
def test_an_uninterrupted_run_pays_for_its_budget(game: str) -> None:
    report, batches = uninterrupted(game)
    assert (report["found"], report["paid"], report["reused"]) == (0, child.BUDGET, 0)
    assert report["passes"] == len(batches) == BATCHES
    design = mask_algebra.to_index(
        designs.uniform(child.N, child.BUDGET, child.SEED)
    ).tolist()
    assert [index for batch in batches for index in batch] == design
    assert len(report["values"]) > 16


def test_the_batched_game_tells_its_batches_apart() -> None:
    """Otherwise equal spectra would prove nothing of equal batches."""
    masks = designs.uniform(child.N, child.BUDGET, child.SEED)
    whole, half = (
        child.answer(masks[:16], batched=True),
        child.answer(masks[:8], batched=True),
    )
    assert whole[:8].tobytes() != half.tobytes()
    assert np.allclose(whole[:8], half, atol=1e-9, rtol=0)
    assert uninterrupted("plain")[0]["values"] != uninterrupted("batched")[0]["values"]


@pytest.mark.parametrize("batch", [0, 3, 7])
def test_killed_inside_the_model_a_run_loses_at_most_the_batch_being_committed(
    tmp_path: Path, batch: int
) -> None:
    run = Run(tmp_path, "batched")
    run.killed(f"value:{batch}")
    finished = child.BATCH * batch
    assert run.recorded() in (finished, max(0, finished - child.BATCH))
    assert_resumes(run)


@pytest.mark.parametrize(
    ("place", "commit"), [("rows", 0), ("rows", 5), ("counted", 5)]
)
def test_killed_inside_a_transaction_a_run_keeps_every_commit_before_it(
    tmp_path: Path, place: str, commit: int
) -> None:
    run = Run(tmp_path, "batched")
    run.killed(f"{place}:{commit}")
    assert run.recorded() == child.BATCH * commit
    assert [row.evaluations for row in run.rows()] == [child.BATCH * commit]
    assert len(run.batches()) <= commit + 2
    assert_resumes(run)


def test_killed_right_after_a_commit_a_run_keeps_it(tmp_path: Path) -> None:
    run = Run(tmp_path, "batched")
    run.killed("committed:5")
    assert run.recorded() == child.BATCH * 6
    assert [row.evaluations for row in run.rows()] == [child.BATCH * 6]
    assert_resumes(run)


@pytest.mark.parametrize("game", ["plain", "batched"])
def test_killed_before_the_fit_a_run_has_nothing_left_to_pay(
    tmp_path: Path, game: str
) -> None:
    run = Run(tmp_path, game)
    run.killed("evaluated")
    assert run.recorded() == child.BUDGET
    assert_resumes(run)
    assert len(run.batches()) == BATCHES


def test_killed_again_and_again_a_run_still_ends_the_same(tmp_path: Path) -> None:
    run = Run(tmp_path, "batched")
    recorded = [0]
    for point in ("counted:0", "committed:1", "value:4", "rows:2", "committed:0"):
        run.killed(point)
        recorded.append(run.recorded())
    assert recorded == sorted(recorded)
    assert recorded[-1] > recorded[0]
    assert len(run.rows()) == 5
    assert_resumes(run)


@pytest.mark.parametrize("seed", range(2))
def test_killed_from_outside_at_any_time_a_run_ends_the_same(
    tmp_path: Path, seed: int
) -> None:
    rng = np.random.default_rng(seed)
    handed, delay = int(rng.integers(1, 9)), float(rng.uniform(0, 0.06))
    run = Run(tmp_path, "batched")
    with run.start("slowly") as process:
        deadline = time.monotonic() + 600
        while (
            len(run.batches()) < handed
            and process.poll() is None
            and time.monotonic() < deadline
        ):
            time.sleep(0.002)
        time.sleep(delay)
        process.kill()
        _, errors = process.communicate(timeout=600)
    assert process.returncode == -signal.SIGKILL, errors
    done = len(run.batches())
    assert child.BATCH * (done - 2) <= run.recorded() <= child.BATCH * done
    assert_resumes(run)
