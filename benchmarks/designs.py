"""Which masks to buy: uniform, space-filling, or adapted to what the first half told.

    python benchmarks/designs.py [--kinds sentiment] [--games 10] [--budgets 100 200 500] [--seeds 2]

R² of ProxySPEX's explanation over the whole table, mean over games and seeds. "adaptive" buys half of its
masks space-filling, fits the kernel, and buys the rest one by one where the fitted posterior is least sure,
from a pool of 2,048 uniform masks; "paired" is uniform masks, each with its complement.
"""

import argparse
import os
import platform
import sys
from statistics import mean

for _name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS"):
    os.environ[_name] = "1"

import numpy as np
from numpy.typing import NDArray

from games import KINDS, RecordedGame, games
from spexlens.ablation import masks as mask_algebra
from spexlens.evidence.faithfulness import r_squared
from spexlens.solvers.proxyspex.kernel import Kernel
from spexlens.solvers.proxyspex.prior import Prior, signs_of
from spexlens.solvers.proxyspex.solver import ProxySpex

DESIGNS = ("uniform", "paired", "space-filling", "adaptive")
_POOL = 2048

Masks = NDArray[np.bool_]


def adaptive(game: RecordedGame, budget: int, seed: int) -> Masks:
    """Half space-filling, the rest where the kernel fitted to that half is least sure."""
    half = ProxySpex().plan(game.n, budget // 2, seed).masks
    fitted = Kernel().fit(half, game.lookup(half), seed)
    prior = fitted.members[int(np.argmax(fitted.weights))].posterior.prior
    packed = np.concatenate([mask_algebra.pack(half), mask_algebra.packed_uniform(game.n, _POOL, seed)])
    pool = mask_algebra.unpack(packed[mask_algebra.distinct(packed)[0]], game.n)
    return pool[_least_sure(prior, pool, len(half), budget)]


def _least_sure(prior: Prior, pool: Masks, bought: int, count: int) -> list[int]:
    """Rows of the pool: the first ones, then each with the largest posterior variance."""
    signs = signs_of(pool)
    gains = prior.gains(signs)
    unknown = gains**2 * (float(prior.gram(signs[:1], signs[:1])[0, 0]) + prior.noise)
    factor = np.zeros((count, len(pool)))
    chosen: list[int] = []
    for j in range(count):
        row = j if j < bought else int(np.argmax(unknown))
        column = gains * gains[row] * prior.gram(signs[row : row + 1], signs)[0]
        column[row] += prior.noise * gains[row] ** 2
        factor[j] = (column - factor[:j, row] @ factor[:j]) / np.sqrt(max(unknown[row], 1e-12))
        unknown = unknown - factor[j] ** 2
        chosen.append(row)
        unknown[chosen] = -1.0
    return chosen


def planned(design: str, game: RecordedGame, budget: int, seed: int) -> Masks:
    """The masks of a design."""
    if design == "adaptive":
        return adaptive(game, budget, seed)
    if design == "paired":
        return mask_algebra.paired(game.n, budget, seed)
    return ProxySpex(design=design).plan(game.n, budget, seed).masks  # type: ignore[arg-type]


def main() -> None:
    """Plan, fit, measure, print."""
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    arguments.add_argument("--kinds", nargs="+", default=[kind for kind in KINDS if "review" not in kind])
    arguments.add_argument("--games", type=int, default=10)
    arguments.add_argument("--budgets", nargs="+", type=int, default=[100, 200, 500])
    arguments.add_argument("--seeds", type=int, default=2)
    chosen = arguments.parse_args()
    print(f"{platform.machine()}, {os.cpu_count()} cores; {' '.join(sys.argv)}")
    print(f"{'game':<20}{'calls':>6}" + "".join(f"{design:>15}" for design in DESIGNS))
    for kind in chosen.kinds:
        for budget in chosen.budgets:
            rows = []
            for position, game in enumerate(games(kind, chosen.games)):
                for seed in range(position, 1000 * chosen.seeds, 1000):
                    rows.append([])
                    for design in DESIGNS:
                        masks = planned(design, game, budget, seed)
                        fit = ProxySpex().fit(masks, game.lookup(masks), seed)
                        rows[-1].append(r_squared(game.values, fit.spectrum.predict(game.masks)))
            means = [mean(column) for column in zip(*rows, strict=True)]
            print(f"{kind:<20}{budget:>6}" + "".join(f"{value:>15.3f}" for value in means), flush=True)


if __name__ == "__main__":
    main()
