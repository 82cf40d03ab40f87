"""The index approximators of shapiq, asked line by line: run by indices.py in
benchmarks/.venv-indices.

Each line on standard input is a JSON request {"game", "method", "index", "order",
"budget", "seed"}; each line on standard output the answer {"sets", "values", "seconds",
"calls"}, or {"refused": why}. What libraries print goes nowhere.
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

from games import RecordedGame, load

answers = os.fdopen(os.dup(1), "w")
os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
os.dup2(os.open(os.devnull, os.O_WRONLY), 2)
warnings.filterwarnings("ignore")

import shapiq

Maker = Callable[..., Any]

ORDER_1: dict[str, Maker] = {
    "KernelSHAP": lambda n, seed: shapiq.KernelSHAP(
        n, pairing_trick=True, random_state=seed
    ),
    "LeverageSHAP": lambda n, seed: shapiq.approximator.LeverageSHAP(
        n, random_state=seed
    ),
    "OddSHAP": lambda n, seed: shapiq.approximator.OddSHAP(n, random_state=seed),
    "PolySHAP": lambda n, seed: shapiq.approximator.PolySHAP(
        n, max_order=2, pairing_trick=True, random_state=seed
    ),
    "RegressionMSR": lambda n, seed: shapiq.approximator.RegressionMSR(
        n, "SV", random_state=seed
    ),
    "ProxySHAP": lambda n, seed: shapiq.approximator.ProxySHAP(
        n, max_order=1, index="SV", random_state=seed
    ),
    "ProxySHAP adjusted": lambda n, seed: shapiq.approximator.ProxySHAP(
        n, max_order=1, index="SV", adjustment=True, random_state=seed
    ),
    "kADD-SHAP": lambda n, seed: shapiq.approximator.kADDSHAP(
        n, 2, pairing_trick=True, random_state=seed
    ),
    "ShaplEIG": lambda n, seed: shapiq.approximator.ShaplEIG(
        n=n, random_state=seed, show_progress=False
    ),
}
"""Of Shapley values, by name."""

ORDER_2: dict[str, Maker] = {
    "ProxySHAP": lambda n, index, seed: shapiq.approximator.ProxySHAP(
        n, max_order=2, index=index, random_state=seed
    ),
    "ProxySHAP adjusted": lambda n, index, seed: shapiq.approximator.ProxySHAP(
        n, max_order=2, index=index, adjustment=True, random_state=seed
    ),
    "KernelSHAP-IQ": lambda n, index, seed: shapiq.KernelSHAPIQ(
        n, 2, index, pairing_trick=True, random_state=seed
    ),
    "SHAP-IQ": lambda n, index, seed: shapiq.SHAPIQ(
        n, 2, index, pairing_trick=True, random_state=seed
    ),
    "SVARM-IQ": lambda n, index, seed: shapiq.SVARMIQ(
        n, 2, index, pairing_trick=True, random_state=seed
    ),
    "ProxySPEX": lambda n, index, seed: shapiq.ProxySPEX(
        n=n, max_order=2, index=index, random_state=seed
    ),
    "RegressionFSII": lambda n, index, seed: shapiq.RegressionFSII(
        n, 2, pairing_trick=True, random_state=seed
    ),
}
"""Of interactions of two, by name."""


def estimated(game: RecordedGame, request: dict[str, Any]) -> dict[str, Any]:
    """What a method says of an index, and what it spent."""
    calls = 0

    def value(masks: Any) -> Any:
        nonlocal calls
        rows = np.atleast_2d(np.asarray(masks, dtype=np.bool_))
        calls += len(rows)
        return game.lookup(rows)

    n, seed = game.n, request["seed"]
    started = perf_counter()
    try:
        if request["order"] == 1:
            method = ORDER_1[request["method"]](n, seed)
        else:
            method = ORDER_2[request["method"]](n, request["index"], seed)
        found = method.approximate(request["budget"], value)
    except (ValueError, NotImplementedError, ImportError) as error:
        return {"refused": f"{type(error).__name__}: {error}"[:200]}
    seconds = perf_counter() - started

    sets = [members for members in found.interaction_lookup if members]
    return {
        "sets": [[int(i) for i in members] for members in sets],
        "values": [float(found[members]) for members in sets],
        "seconds": seconds,
        "calls": calls,
    }


for line in sys.stdin:
    request = json.loads(line)
    answer = estimated(load(Path(request["game"])), request)
    answers.write(json.dumps(answer) + "\n")
    answers.flush()
