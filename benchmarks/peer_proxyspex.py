"""ProxySPEX of shapiq, asked line by line: run by faithfulness.py in
benchmarks/.venv-peers.

Each line on standard input is a JSON request {"game", "budget", "seed"}; each line on
standard output the answer {"sets", "coefficients", "seconds"}. What LightGBM prints
goes nowhere.
"""

import json
import os
import sys
import warnings
from contextlib import suppress
from pathlib import Path
from time import perf_counter
from typing import Any

import numpy as np

from games import RecordedGame, load

answers = os.fdopen(os.dup(1), "w")
os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
warnings.filterwarnings("ignore")

from shapiq import ProxySPEX


class _Stop(Exception):
    """The fit is over: what follows converts it to an index, which is not measured."""


class _Recorded:
    """Stands for shapiq's sampler where only the recorded masks have values."""

    def __init__(self, masks: Any) -> None:
        self.coalitions_matrix = masks

    def sample(self, budget: int) -> None:
        """Spend the first masks."""
        self.coalitions_matrix = self.coalitions_matrix[:budget]


def fit(game: RecordedGame, budget: int, seed: int) -> dict[str, Any]:
    """shapiq's ProxySPEX with its own paired uniform masks, up to its refined Fourier
    coefficients.
    """
    approximator = ProxySPEX(n=game.n, index="FBII", random_state=seed)
    refine, found = approximator._refine, {}
    if not game.whole:
        approximator._uniform_sampler = _Recorded(game.masks)

    def stop(*args: Any) -> None:
        found.update(refine(*args))
        raise _Stop

    approximator._refine = stop

    def value(masks: Any) -> Any:
        return (
            game.lookup(np.asarray(masks, dtype=np.bool_))
            if game.whole
            else game.values[: len(masks)]
        )

    started = perf_counter()
    with suppress(_Stop):
        approximator.approximate(budget, value)
    seconds = perf_counter() - started
    sets = [[int(i) for i in members] for members in found]
    return {
        "sets": sets,
        "coefficients": [float(c) for c in found.values()],
        "seconds": seconds,
    }


for line in sys.stdin:
    request = json.loads(line)
    answer = fit(load(Path(request["game"])), request["budget"], request["seed"])
    answers.write(json.dumps(answer) + "\n")
    answers.flush()
