"""How often the 90% intervals hold the truth.

    python benchmarks/intervals.py [--kinds sentiment image-vit] [--games 10] [--budgets
    100 200 500]

For recorded games of which the whole table is known. Orders 1 and 2: the share of all
their Fourier coefficients whose interval holds the exact one; orders 3 and 4 on: of the
100 largest found. "top pairs": of the ten largest pairs. Indices: of all values of
order 1 (sii) or 2, and for moebius of the 20 largest. Width: the median half of a
pair's interval, in standard deviations of the game.
"""

import argparse
import os
import platform
import sys
from itertools import combinations
from statistics import mean

for _name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS"):
    os.environ[_name] = "1"

import numpy as np

from games import KINDS, RecordedGame, games
from spexlens.solvers.choice import choose_solver
from spexlens.solvers.solver import Fit
from spexlens.spectrum.indices import interaction_index
from spexlens.spectrum.sets import Sets
from spexlens.spectrum.spectrum import SetFunction, Spectrum

SHARES = {
    "order 1": ("fourier", 1, (1,), None),
    "order 2": ("fourier", 2, (2,), None),
    "order 3": ("fourier", 3, (3,), 100),
    "order 4+": ("fourier", 12, (4, 5, 6, 7, 8, 9, 10, 11, 12), 100),
    "top pairs": ("fourier", 2, (2,), 10),
    "sii 1": ("sii", 1, (1,), None),
    "fbii 2": ("fbii", 2, (2,), None),
    "stii 2": ("stii", 2, (2,), None),
    "moebius": ("moebius", 2, (1, 2), 20),
}
"""Index, order, the orders of the sets that are looked at, and how many of the largest.
"""


def held(
    fit: Fit,
    exact: Spectrum,
    index: str,
    order: int,
    orders: tuple[int, ...],
    top: int | None,
) -> float:
    """The share of intervals of an index that hold the exact value."""
    found = interaction_index(fit.spectrum, index, order)
    truth = interaction_index(exact, index, order)
    sets = (truth if top is None else found).sets
    sets = sets.take(np.flatnonzero(np.isin(sets.orders, orders)))
    values = np.array([found[members] for members in sets])
    best = np.argsort(-np.abs(values), kind="stable")[:top]
    listed = SetFunction(sets.take(best), values[best])
    half = fit.uncertainty[0].half_widths(fit.spectrum, index, listed, order)
    right = np.array([truth[members] for members in listed.sets])
    return float(np.mean(np.abs(listed.values - right) <= half)) if len(listed) else 1.0


def row(game: RecordedGame, budget: int, seed: int, method: str) -> tuple[float, ...]:
    """One game's shares, and the width."""
    solver = choose_solver(method, game.n, budget)
    plan, values = solver.carry_out(solver.plan(game.n, budget, seed), game.ask, seed)
    fit = solver.fit_packed(plan.packed, game.n, values, seed)
    exact = Spectrum.from_table(game.values)
    pairs = Sets.of(game.n, combinations(range(game.n), 2))
    zero = SetFunction(pairs, np.zeros(len(pairs)))
    width = np.median(fit.uncertainty[0].half_widths(fit.spectrum, "fourier", zero, 2))
    shares = (held(fit, exact, *asked) for asked in SHARES.values())
    return (*shares, float(width / game.values.std()))


def main() -> None:
    """Fit, compare, print."""
    arguments = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    arguments.add_argument(
        "--kinds", nargs="+", default=[kind for kind in KINDS if "review" not in kind]
    )
    arguments.add_argument("--games", type=int, default=10)
    arguments.add_argument("--budgets", nargs="+", type=int, default=[100, 200, 500])
    arguments.add_argument("--seed", type=int, default=0)
    arguments.add_argument("--method", default="auto")
    chosen = arguments.parse_args()
    print(f"{platform.machine()}, {os.cpu_count()} cores; {' '.join(sys.argv)}")
    print(
        f"{'game':<20}{'calls':>6}"
        + "".join(f"{name:>11}" for name in (*SHARES, "width"))
    )
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
    print(
        f"{kind:<20}{budget:>6}" + "".join(f"{value:>11.3f}" for value in means),
        flush=True,
    )


if __name__ == "__main__":
    main()
