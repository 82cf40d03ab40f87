"""Kills: python kills.py KILLS says what a run that is killed again and again loses,
and what it pays twice.

A chain is one command, or one plain function of some speed, that is killed by SIGKILL a
few times, each time somewhere else, and then left to end. It has to end with what it
ends with when nobody kills it, bit for bit; no answer that was in the ledger may be
gone; and what was asked for again is counted, in answers and in the seconds that those
took.
"""

import hashlib
import json
import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from spexlens.evaluation.ledger.ledger import Ledger

CHILD = Path(__file__).with_name("kills_child.py")
TEXT = "The plot is thin and the jokes are old, but her acting never fails to impress."
ROWS = [
    *(
        (text, "good")
        for text in (
            "a wonderful film",
            "great acting",
            "a warm story",
            "a lovely cast",
        )
    ),
    *(
        (text, "bad")
        for text in ("an awful film", "poor acting", "a dull story", "an ugly cast")
    ),
]
SECONDS = 5.0
"""Of answers, the most that a kill may cost."""

_KILLS_A_CHAIN = 5
SPEEDS = {"fast": 0.0005, "slow": 0.02, "slower": 0.25}
"""Seconds a mask, of plain functions."""


@dataclass(frozen=True)
class Command:
    """What is killed.

    Attributes:
        name: of it.
        arguments: of `spexlens`, of a folder with the inputs; or of a plain function,
            its speed.
        asked: how many masks it asks for, about.
    """

    name: str
    arguments: Callable[[Path], list[str]]
    asked: int


def _functions(speed: str) -> Callable[[Path], list[str]]:
    return lambda _: ["function", str(SPEEDS[speed])]


COMMANDS = (
    Command(
        "features",
        lambda _: ["features", TEXT, "--budget", "300", "--batch-size", "8"],
        300,
    ),
    Command(
        "zoom",
        lambda _: ["features", f"{TEXT} {TEXT[:50]}", "--zoom", "--budget", "200"],
        200,
    ),
    Command(
        "mechanistic",
        lambda _: ["mechanistic", TEXT, "--budget", "200", "--batch-size", "8"],
        200,
    ),
    Command(
        "data",
        lambda folder: [
            *("data", str(folder / "train.csv"), "--test", str(folder / "test.csv")),
            *("--budget", "150", "--objective", "log-odds"),
        ],
        150,
    ),
    Command("mixed", lambda folder: ["mixed", str(folder / "mixed.toml")], 150),
    Command(
        "batch",
        lambda folder: [
            "batch",
            str(folder / "prompts.jsonl"),
            "--budget",
            "64",
            "--target",
            "POSITIVE",
        ],
        128,
    ),
    Command("function, fast", _functions("fast"), 300),
    Command("function, slow", _functions("slow"), 300),
    Command("function, slower", _functions("slower"), 40),
)


@dataclass
class Chain:
    """What became of one command.

    Attributes:
        name: of the command.
        kills: how many there were.
        lost: answers that were in the ledger before a kill, and not after.
        twice: answers asked for again.
        most: of those, the most of one kill.
        seconds: that those took, at the pace of that command.
        different: whether it ended with another result.
    """

    name: str
    kills: int = 0
    lost: int = 0
    twice: int = 0
    most: int = 0
    seconds: float = 0.0
    different: bool = False


@dataclass
class Stage:
    """A folder with inputs, and what commands end with when nobody kills them."""

    folder: Path
    ends: dict[str, tuple[str, float]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        table = "\n".join(
            f"{text},{label}" for text, label in [("text", "label"), *ROWS]
        )
        (self.folder / "train.csv").write_text(table + "\n")
        (self.folder / "test.csv").write_text(
            "text,label\na great and warm film,good\n"
        )
        settings = {
            "text": TEXT[:40],
            "model": "sentiment",
            "target": "POSITIVE",
            "budget": 150,
        }
        config = "".join(
            f"{name} = {json.dumps(value)}\n" for name, value in settings.items()
        )
        (self.folder / "mixed.toml").write_text(f"{config}[features]\n[mechanistic]\n")
        lines = [
            json.dumps({"prompt": text})
            for text in (TEXT[:39], "her acting never fails to impress")
        ]
        (self.folder / "prompts.jsonl").write_text("\n".join(lines) + "\n")

    def whole(self, command: Command) -> tuple[str, float]:
        """What the command ends with, and the seconds that it took a mask."""
        if command.name not in self.ends:
            name = hashlib.sha256(command.name.encode()).hexdigest()[:8]
            run = Run(self.folder, command, f"whole-{name}")
            assert run.until(None) == 0, run.said
            took = [
                line["seconds"] / len(line["masks"])
                for line in run.trace()
                if "seconds" in line
            ]
            self.ends[command.name] = run.result(), float(np.mean(took))
        return self.ends[command.name]


class Run:
    """A command with a ledger and a trace of its own."""

    def __init__(self, folder: Path, command: Command, name: str) -> None:
        self.arguments = command.arguments(folder)
        self.ledger, self.lines = folder / f"{name}.db", folder / f"{name}.trace"
        self.said = self._out = ""

    def until(self, point: tuple[int, float] | None) -> int:
        """Run until so many masks were asked for and so many seconds have passed; the
        exit status.
        """
        masks, delay = point or (-1, 0.0)
        threads = {
            "OMP_NUM_THREADS": "1",
            "OPENBLAS_NUM_THREADS": "1",
            "MKL_NUM_THREADS": "1",
        }
        ran = subprocess.run(
            [
                sys.executable,
                CHILD,
                self.lines,
                str(masks),
                str(delay),
                *self.arguments,
                self.ledger,
            ],
            capture_output=True,
            text=True,
            env={**os.environ, **threads},
            timeout=600,
            check=False,
        )
        self.said, self._out = ran.stderr, ran.stdout
        return ran.returncode

    def trace(self) -> list[dict[str, Any]]:
        """A line before each batch is asked for, and one with its seconds after."""
        written = self.lines.read_text() if self.lines.exists() else ""
        return [json.loads(line) for line in written.splitlines()]

    def asked(self) -> list[str]:
        """All masks that were asked for so far, in order."""
        return [
            mask
            for line in self.trace()
            if "seconds" not in line
            for mask in line["masks"]
        ]

    def recorded(self) -> int:
        """How many answers are in the ledger; what they are is in the result."""
        if not self.ledger.exists():
            return 0
        with Ledger(self.ledger) as book:
            return len(book)

    def result(self) -> str:
        """Of the last run, without what it cost."""
        page = json.loads(self._out)
        page = page.get("aggregate", page)
        return json.dumps(
            {
                name: part
                for name, part in page.items()
                if name not in ("account", "cost")
            }
        )


def chain(stage: Stage, command: Command, number: int, kills: int) -> Chain:
    """Kill a command so many times, and let it end."""
    whole, pace = stage.whole(command)
    rng, found = np.random.default_rng([number, kills]), Chain(command.name)
    run = Run(stage.folder, command, f"{number}")
    left, ends = command.asked, list[int]()
    for _ in range(kills):
        point = int(rng.integers(1, max(2, left // 2))), float(rng.uniform(0, 0.2))
        before = run.recorded()
        if run.until(point) != -signal.SIGKILL:
            break
        found.kills += 1
        found.lost += max(0, before - run.recorded())
        ends.append(len(run.asked()))
        left = max(2, command.asked - len(set(run.asked())))
    assert run.until(None) == 0, run.said
    found.different = run.result() != whole
    every = run.asked()
    found.twice = len(every) - len(set(every))
    starts = [0, *ends]
    again = [
        len(set(every[start:end]) & set(every[end:]))
        for start, end in zip(starts, ends, strict=False)
    ]
    found.most = max(again, default=0)
    found.seconds = found.most * pace
    return found


def trials(count: int, folder: Path) -> list[Chain]:
    """Chains over all commands in turn, until so many kills have happened."""
    stage, found = Stage(folder), list[Chain]()
    while (done := sum(each.kills for each in found)) < count:
        number, kills = len(found), min(_KILLS_A_CHAIN, count - done)
        found.append(chain(stage, COMMANDS[number % len(COMMANDS)], number, kills))
    return found


def main(count: int) -> int:
    """Print a line a chain and one for all; 1 if anything was lost, different or paid
    for too often.
    """
    with tempfile.TemporaryDirectory() as folder:
        found = trials(count, Path(folder))
    for each in found:
        sys.stdout.write(
            f"{each.name:18} {each.kills} kills, {each.lost} lost, {each.twice} asked"
            f" for twice (at most {each.seconds:.2f} s a"
            f" kill){', another result' * each.different}\n"
        )
    kills, lost = sum(each.kills for each in found), sum(each.lost for each in found)
    most, different = (
        max(each.seconds for each in found),
        sum(each.different for each in found),
    )
    twice = sum(each.twice for each in found)
    sys.stdout.write(
        f"{kills} kills: {lost} answers lost, {different} results different; {twice}"
        f" answers asked for twice, at most {most:.2f} s of them a kill\n"
    )
    return int(bool(lost or different or most > SECONDS))


if __name__ == "__main__":
    sys.exit(main(int(sys.argv[1]) if len(sys.argv) > 1 else 100))
