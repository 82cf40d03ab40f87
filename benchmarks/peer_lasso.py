"""LASSO on all characters of low order, asked line by line: run by faithfulness.py in
benchmarks/.venv-peers.

Each line on standard input is a JSON request {"game", "order", "budget", "seed"}; each
line on standard output the answer {"sets", "coefficients", "seconds"}. The penalty is
chosen by 5-fold cross-validation among 50 on scikit-learn's path. For 127 candidates
order 2 has 8,128 columns: half a minute a fit.
"""

import json
import os
import sys
import warnings
from itertools import combinations
from pathlib import Path
from time import perf_counter
from typing import Any

import numpy as np
from numpy.typing import NDArray

from games import RecordedGame, load

for _name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS"):
    os.environ[_name] = "1"
warnings.filterwarnings("ignore")

from sklearn.linear_model import LassoCV


def spent(game: RecordedGame, budget: int, seed: int) -> NDArray[np.int64]:
    """The rows that are paid for: distinct and uniform in a whole table, else the
    first.
    """
    if not game.whole:
        return np.arange(budget)
    return np.random.default_rng(seed).choice(len(game.values), budget, replace=False)


def characters(masks: NDArray[np.bool_], order: int) -> NDArray[np.float64]:
    """χ_S of all sets of 1 to `order` (1 or 2) members, by order and then by members:
    (m, s).
    """
    single = 1.0 - 2.0 * masks
    if order == 1:
        return np.asfortranarray(single)
    first, second = np.triu_indices(masks.shape[1], 1)
    return np.asfortranarray(np.hstack([single, single[:, first] * single[:, second]]))


def fit(game: RecordedGame, order: int, budget: int, seed: int) -> dict[str, Any]:
    """The cross-validated LASSO; the intercept is the coefficient of the empty set."""
    rows = spent(game, budget, seed)
    masks, values = game.masks[rows], game.values[rows]
    started = perf_counter()
    lasso = LassoCV(alphas=50, cv=5, max_iter=5000).fit(
        characters(masks, order), values
    )
    seconds = perf_counter() - started
    sets = [
        members
        for size in range(1, order + 1)
        for members in combinations(range(game.n), size)
    ]
    kept = np.flatnonzero(lasso.coef_)
    return {
        "sets": [(), *(sets[column] for column in kept)],
        "coefficients": [float(lasso.intercept_), *lasso.coef_[kept].tolist()],
        "seconds": seconds,
    }


for line in sys.stdin:
    request = json.loads(line)
    answer = fit(
        load(Path(request["game"])),
        request["order"],
        request["budget"],
        request["seed"],
    )
    print(json.dumps(answer), flush=True)
