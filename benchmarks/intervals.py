"""How often the 90% intervals hold the truth.

    python benchmarks/intervals.py [--kinds sentiment image-vit] [--games 10] [--budgets 100 200 500]

For recorded games of which the whole table is known: the share of Fourier coefficients of order 1 and 2,
all of them, whose interval holds the exact one; the same for the ten largest pairs found, for Shapley
values (sii, order 1) and for Faith-Banzhaf pairs (fbii, order 2). Width is the median half of an interval
of a pair, as a share of the games' standard deviation.
"""

import argparse
import os
import platform
import sys
from statistics import mean

for _name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS"):
    os.environ[_name] = "1"

import numpy as np

from games import KINDS, RecordedGame, games
from spexlens.solvers.base import Fit
from spexlens.solvers.choice import choose_solver
from spexlens.spectrum.indices import interaction_index
from spexlens.spectrum.sets import Sets
from spexlens.spectrum.spectrum import SetFunction, Spectrum

COLUMNS = ("order 1", "order 2", "top pairs", "sii 1", "fbii 2", "width")


def held(fit: Fit, exact: Spectrum, index: str, order: int, orders: tuple[int, ...], top: int = 0) -> float:
    """The share of intervals of an index that hold the exact value, over all sets of these orders."""
    found = interaction_index(fit.spectrum, index, order)
    truth = interaction_index(exact, index, order)
    chosen = truth.sets.take(np.flatnonzero(np.isin(truth.sets.orders, orders)))
    values = np.array([found[members] for members in chosen])
    if top:
        best = np.argsort(-np.abs(values), kind="stable")[:top]
        chosen, values = chosen.take(best), values[best]
    listed = SetFunction(chosen, values)
    half = fit.uncertainty[0].half_widths(fit.spectrum, index, listed, order)
    right = np.array([truth[members] for members in listed.sets])
    return float(np.mean(np.abs(listed.values - right) <= half))


def row(game: RecordedGame, budget: int, seed: int, method: str) -> tuple[float, ...]:
    """One game's shares."""
    solver = choose_solver(method, game.n, budget)
    plan = solver.plan(game.n, budget, seed)
    fit = solver.fit_packed(plan.packed, game.n, game.lookup(plan.masks), seed)
    exact = Spectrum.from_table(game.values)
    pairs = Sets.low_orders(game.n, game.n * (game.n + 1) // 2)
    pairs = pairs.take(np.flatnonzero(pairs.orders == 2))
    width = float(np.median(np.sqrt(fit.uncertainty[0].variances(pairs)))) * 1.645 / float(game.values.std())
    return (
        held(fit, exact, "fourier", 2, (1,)),
        held(fit, exact, "fourier", 2, (2,)),
        held(fit, exact, "fourier", 2, (2,), top=10),
        held(fit, exact, "sii", 1, (1,)),
        held(fit, exact, "fbii", 2, (2,)),
        width,
    )


def main() -> None:
    """Fit, compare, print."""
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    arguments.add_argument("--kinds", nargs="+", default=[kind for kind in KINDS if "review" not in kind])
    arguments.add_argument("--games", type=int, default=10)
    arguments.add_argument("--budgets", nargs="+", type=int, default=[100, 200, 500])
    arguments.add_argument("--seed", type=int, default=0)
    arguments.add_argument("--method", default="auto")
    chosen = arguments.parse_args()
    print(f"{platform.machine()}, {os.cpu_count()} cores; {' '.join(sys.argv)}")
    print(f"{'game':<20}{'calls':>6}" + "".join(f"{name:>11}" for name in COLUMNS))
    everything = []
    for kind in chosen.kinds:
        for budget in chosen.budgets:
            rows = [
                row(game, budget, chosen.seed + position, chosen.method)
                for position, game in enumerate(games(kind, chosen.games))
            ]
            everything += rows
            _line(kind, str(budget), rows)
    _line("all", "", everything)


def _line(kind: str, budget: str, rows: list[tuple[float, ...]]) -> None:
    means = [mean(column) for column in zip(*rows, strict=True)]
    print(f"{kind:<20}{budget:>6}" + "".join(f"{value:>11.3f}" for value in means), flush=True)


if __name__ == "__main__":
    main()
