"""One run of `kills.py`: python kills_child.py TRACE MASKS SECONDS ARGUMENT... LEDGER.

It sends itself SIGKILL so many seconds after it has asked for so many masks; -1 for
never. The arguments are those of `spexlens`, or `function` and the seconds that a plain
function takes for a mask. TRACE gets a line before each batch of masks, and another
after it, with its seconds.
"""

import json
import os
import signal
import sys
import threading
import time
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

import spexlens
from spexlens.evaluation.evaluator import Evaluator
from spexlens.masks import masks as mask_algebra

N = 12


def killed_after(seconds: float) -> None:
    """End this process as a power cut would, soon."""
    threading.Timer(seconds, lambda: os.kill(os.getpid(), signal.SIGKILL)).start()


def traced(trace: Path, masks: int, seconds: float) -> None:
    """Write down what evaluators ask for, and die when it is enough."""
    ask, asked = Evaluator._ask, 0

    def told(line: dict[str, Any]) -> None:
        with trace.open("a") as file:
            file.write(json.dumps(line) + "\n")

    def asking(self: Evaluator, rows: NDArray[np.bool_]) -> NDArray[np.float64] | None:
        nonlocal asked
        names = [
            f"{self.game.key} {mask.tobytes().hex()}"
            for mask in mask_algebra.pack(rows)
        ]
        told({"masks": names})
        if 0 <= masks <= asked + len(rows) and asked < masks:
            killed_after(seconds)
        asked += len(rows)
        begun = time.monotonic()
        answer = ask(self, rows)
        told({"masks": names, "seconds": time.monotonic() - begun})
        return answer

    Evaluator._ask = asking  # type: ignore[method-assign]


def function(seconds: float, ledger: str) -> None:
    """Explain a plain function that takes so long for a mask."""

    def value(masks: NDArray[np.bool_]) -> NDArray[np.float64]:
        time.sleep(seconds * len(masks))
        return np.asarray(
            2.0 * (masks[:, 0] & masks[:, 1]) + masks @ np.linspace(0.0, 1.0, N)
        )

    budget = 40 if seconds > 0.1 else 300
    game = spexlens.Game(value, N, f"a function that takes {seconds} s")
    sys.stdout.write(spexlens.explain(game, budget, ledger=ledger).to_json())


def main() -> None:
    trace, masks, seconds, *arguments, ledger = sys.argv[1:]
    traced(Path(trace), int(masks), float(seconds))
    if arguments[0] == "function":
        function(float(arguments[1]), ledger)
        return
    from spexlens.cli import main as cli

    sys.argv = ["spexlens", *arguments, "--ledger", ledger, "--json"]
    cli()


if __name__ == "__main__":
    main()
