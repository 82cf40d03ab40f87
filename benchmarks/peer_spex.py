"""SPEX of shapiq, asked line by line: run by spex_scale.py in benchmarks/.venv-peers.

Each line on standard input is a JSON request {"n", "sets", "coefficients", "noise",
"budget", "seed"}, or {"game", "budget", "seed"}; each line on standard output the
answer {"sets", "coefficients", "seconds", "calls"}, or {"refused"}. The seconds leave
out the calls of the function that is transformed.
"""

import json
import os
import sys
import warnings
from collections.abc import Callable
from pathlib import Path
from time import perf_counter
from typing import Any

import numpy as np

from games import load
from planted import Planted

answers = os.fdopen(os.dup(1), "w")
os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
warnings.filterwarnings("ignore")

from shapiq import SPEX
from shapiq.approximator.sparse import base


class _Stop(Exception):
    """The transform is over: what follows converts it to an index, which is not
    measured.
    """

    def __init__(self, found: dict[tuple[int, ...], float]) -> None:
        self.found = found


def _stop(found: dict[tuple[int, ...], float]) -> None:
    raise _Stop(found)


base.fourier_to_moebius = _stop


def fit(n: int, value: Callable[[Any], Any], budget: int, seed: int) -> dict[str, Any]:
    """shapiq's SPEX with soft decoding, up to its Fourier coefficients."""
    np.random.seed(seed)  # noqa: NPY002 - what the peer draws from
    spent = calls = 0.0

    def timed(masks: Any) -> Any:
        nonlocal spent, calls
        began = perf_counter()
        answer = value(np.asarray(masks, dtype=np.bool_))
        spent += perf_counter() - began
        calls += len(masks)
        return answer

    started = perf_counter()
    try:
        SPEX(n=n, random_state=seed).approximate(budget, timed)
    except _Stop as stop:
        found = stop.found
    except ValueError as error:
        return {"refused": str(error)}
    return {
        "sets": [[int(i) for i in members] for members in found],
        "coefficients": [float(c) for c in found.values()],
        "seconds": perf_counter() - started - spent,
        "calls": int(calls),
    }


for line in sys.stdin:
    request = json.loads(line)
    if "game" in request:
        game = load(Path(request["game"]))
        answer = fit(game.n, game.lookup, request["budget"], request["seed"])
    else:
        planted = Planted.of(request["n"], request["sets"], request["coefficients"])
        noisy = planted.noisy(request["noise"], request["seed"])
        answer = fit(planted.n, noisy, request["budget"], request["seed"])
    answers.write(json.dumps(answer) + "\n")
    answers.flush()
