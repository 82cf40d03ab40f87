"""How faithful an explanation is for its calls, side by side with the published ProxySPEX.

    python benchmarks/faithfulness.py [--kinds sentiment image-vit] [--games 10] [--budgets 100 200 500]

For each recorded game and budget both are fitted one after the other in one run, and R² is measured
over the whole table of 2^n masks (or on the last 1,000 recorded ones). Fit time leaves out the model's
calls, which are looked up. Ours runs on --workers threads, by default all cores, as a user gets it; the
peer's code fixes one thread. The peer is shapiq[sparse]==1.4.1, in benchmarks/.venv-peers (`make bench`
makes it), up to its refined Fourier coefficients: its conversion to an index is not counted.
"""

import argparse
import os
import platform
import sys
from statistics import mean, median
from time import perf_counter

for _name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS"):
    os.environ[_name] = "1"

from games import KINDS, SHARED, RecordedGame, games
from peers import Peer
from spexlens.evidence.faithfulness import r_squared
from spexlens.solvers.proxyspex.solver import ProxySpex
from spexlens.spectrum.spectrum import Spectrum


def theirs(peer: Peer, game: RecordedGame, budget: int, seed: int) -> tuple[Spectrum, float]:
    """The peer's spectrum and its seconds."""
    answer = peer.ask(game=str(SHARED / "games" / f"{game.name}.npz"), budget=budget, seed=seed)
    pairs = zip(map(tuple, answer["sets"]), answer["coefficients"], strict=True)
    return Spectrum.of(game.n, dict(pairs)), answer["seconds"]


def ours(game: RecordedGame, budget: int, seed: int, workers: int) -> tuple[Spectrum, float, float]:
    """Our spectrum, its seconds and the R² it reports of itself."""
    solver = ProxySpex(workers=workers)
    if game.whole:
        masks = solver.plan(game.n, budget, seed).masks
        values = game.lookup(masks)
    else:
        masks, values = game.masks[:budget], game.values[:budget]
    started = perf_counter()
    fit = solver.fit(masks, values, seed)
    return fit.spectrum, perf_counter() - started, fit.faithfulness.mean


def main() -> None:
    """Fit, measure, print."""
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    arguments.add_argument("--kinds", nargs="+", default=KINDS)
    arguments.add_argument("--games", type=int, default=10)
    arguments.add_argument("--budgets", nargs="+", type=int, default=[100, 200, 500])
    arguments.add_argument("--seed", type=int, default=0)
    arguments.add_argument("--workers", type=int, default=os.cpu_count() or 1)
    chosen = arguments.parse_args()
    peer = Peer("peer_proxyspex.py")
    warm = games(chosen.kinds[0], 1)[0]  # both import LightGBM on their first fit
    ours(warm, 50, chosen.seed, chosen.workers)
    theirs(peer, warm, 50, chosen.seed)
    command = " ".join(sys.argv)
    print(f"{platform.machine()}, {os.cpu_count()} cores; {command}; {chosen.workers} threads, peer 1")
    print(f"{'game':<20}{'calls':>6}{'R² ours':>10}{'peer':>8}{'reported':>10}{'off by':>8}", end="")
    print(f"{'s ours':>9}{'peer':>8}{'ratio':>8}")
    for kind in chosen.kinds:
        for budget in chosen.budgets:
            rows = []
            for game in games(kind, chosen.games):
                masks, values = game.test
                spectrum, seconds, reported = ours(game, budget, chosen.seed, chosen.workers)
                found, their_seconds = theirs(peer, game, budget, chosen.seed)
                r2 = r_squared(values, spectrum.predict(masks))
                their_r2 = r_squared(values, found.predict(masks))
                rows.append((r2, their_r2, reported, abs(reported - r2), seconds, their_seconds))
            r2, their_r2, reported, off = (mean(column) for column in list(zip(*rows, strict=True))[:4])
            fits = [median(row[4] for row in rows), median(row[5] for row in rows)]
            print(f"{kind:<20}{budget:>6}{r2:>10.3f}{their_r2:>8.3f}{reported:>10.3f}{off:>8.3f}", end="")
            print(f"{fits[0]:>9.2f}{fits[1]:>8.2f}{fits[1] / fits[0]:>8.1f}", flush=True)


if __name__ == "__main__":
    main()
