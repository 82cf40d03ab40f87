"""Which masks to buy: uniform, each with its complement, far apart, or adapted to what
was answered.

    python benchmarks/designs.py [--kinds sentiment] [--games 10] [--budgets 100 200
    500] [--seeds 2]

R² of ProxySPEX's explanation over the whole table of 2^n masks (or on the last 1,000
recorded ones, masks then being chosen among the others, in another order for each
seed), mean over games and seeds. ± is the standard error of the difference to uniform
masks.
"""

import argparse
import os
import platform
import sys
from dataclasses import replace

for _name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS"):
    os.environ[_name] = "1"

import numpy as np

from games import KINDS, RecordedGame, games
from spexlens.masks import designs
from spexlens.masks import masks as mask_algebra
from spexlens.solvers.proxyspex.solver import ProxySpex
from spexlens.spectrum.scores import r_squared

DESIGNS = ("uniform", "paired", "space-filling", "adaptive")


def reached(design: str, game: RecordedGame, budget: int, seed: int) -> float:
    """R² of one explanation; NaN for complements where only some masks are recorded."""
    if design == "paired" and not game.whole:
        return float("nan")
    order = np.random.default_rng(seed).permutation(len(game.spare))
    solver = ProxySpex(
        design="uniform" if design == "paired" else design,  # type: ignore[arg-type]
        pool=None if game.whole else game.spare[order],
    )
    plan = solver.plan(game.n, budget, seed)
    if design == "paired":
        plan = replace(
            plan, packed=mask_algebra.pack(designs.paired(game.n, budget, seed))
        )
    plan, values = solver.carry_out(plan, game.ask, seed)
    masks, truth = game.test
    return r_squared(
        truth,
        solver.fit_packed(plan.packed, game.n, values, seed).spectrum.predict(masks),
    )


def main() -> None:
    """Plan, fit, measure, print."""
    arguments = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    arguments.add_argument("--kinds", nargs="+", default=KINDS)
    arguments.add_argument("--games", type=int, default=10)
    arguments.add_argument("--budgets", nargs="+", type=int, default=[100, 200, 500])
    arguments.add_argument(
        "--seeds", type=int, default=2, help="a game; five times as many for a review"
    )
    chosen = arguments.parse_args()
    print(f"{platform.machine()}, {os.cpu_count()} cores; {' '.join(sys.argv)}")
    print(f"{'game':<20}{'calls':>6}" + "".join(f"{design:>15}" for design in DESIGNS))
    for kind in chosen.kinds:
        for budget in chosen.budgets:
            table = np.array(
                [
                    [
                        reached(design, game, budget, position + 1000 * seed)
                        for design in DESIGNS
                    ]
                    for position, game in enumerate(games(kind, chosen.games))
                    for seed in range(chosen.seeds * (1 if game.whole else 5))
                ]
            )
            error = (table - table[:, :1]).std(axis=0) / np.sqrt(len(table))
            cells = (
                f"{m:>9.3f} ±{e:.3f}"
                for m, e in zip(table.mean(axis=0), error, strict=True)
            )
            print(f"{kind:<20}{budget:>6}" + "".join(cells), flush=True)


if __name__ == "__main__":
    main()
