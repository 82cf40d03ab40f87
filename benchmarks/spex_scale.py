"""SPEX on planted sets and recorded games, side by side with the published
implementation.

    python benchmarks/spex_scale.py [--seeds 10] [--peer-seeds 1] [--parts planted least
    growth memory games]

planted: sets of orders 1 to 5 with coefficients in ±[.5, 1.5], noise-free and with
noise of 10% of the signal's standard deviation, at the calls of the published C = 3, t
= 5, b = 8. least: the same while b falls, until neither recovers all. growth: the least
calls, and the seconds, as n and the number of sets grow; ours only. memory: the peak of
a whole `explain`, in a process of its own. games: R² over the whole table of recorded
games. A set is recovered if its coefficient is above 5% of the largest planted one, and
false if it is above that and not planted. Seconds are those of planning and fitting,
without the function's calls, on one thread. The peer is shapiq[sparse]==1.4.1, SPEX
with soft decoding, in benchmarks/.venv-peers (`make bench` makes it), up to its Fourier
coefficients.
"""

import argparse
import os
import platform
import sys
from collections.abc import Iterable, Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from itertools import takewhile
from multiprocessing import get_context
from pathlib import Path
from statistics import mean, median
from time import perf_counter

for _name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS"):
    os.environ[_name] = "1"

import spexlens
from games import SHARED, games
from peers import Peer
from planted import Planted
from spexlens.solvers.spex import Spex
from spexlens.spectrum.scores import r_squared
from spexlens.spectrum.spectrum import Spectrum

PLANTED = ((64, 50, 27_648), (256, 100, 35_328), (1000, 100, 43_008))
NOISES = (0.0, 0.1)
PARTS = ("planted", "least", "growth", "memory", "games")


@dataclass(frozen=True)
class Result:
    """One fit of one planted function."""

    recovered: int
    false: int
    planted: int
    calls: int
    seconds: float

    @classmethod
    def of(
        cls,
        truth: Planted,
        found: dict[tuple[int, ...], float],
        calls: int,
        seconds: float,
    ) -> "Result":
        """Judged against what was planted."""
        audible = 0.05 * float(abs(truth.coefficients).max())
        loud = {
            members
            for members, value in found.items()
            if members and abs(value) > audible
        }
        planted = set(truth.sets)
        return cls(
            len(loud & planted), len(loud - planted), len(planted), calls, seconds
        )

    @property
    def right(self) -> bool:
        """Whether everything planted was recovered, and nothing else."""
        return self.recovered == self.planted and not self.false


def ours(truth: Planted, noise: float, budget: int, seed: int, solver: Spex) -> Result:
    """Our SPEX."""
    started = perf_counter()
    plan = solver.plan(truth.n, budget, seed)
    planning = perf_counter() - started
    values = truth.noisy(noise, seed)(plan.masks)
    started = perf_counter()
    fit = solver.fit_packed(plan.packed, truth.n, values, seed)
    seconds = planning + perf_counter() - started
    found = {members: float(value) for members, value in fit.spectrum}
    return Result.of(truth, found, len(plan), seconds)


def theirs(peer: Peer, truth: Planted, noise: float, budget: int, seed: int) -> Result:
    """The published SPEX."""
    answer = peer.ask(
        n=truth.n,
        sets=truth.sets,
        coefficients=truth.coefficients.tolist(),
        noise=noise,
        budget=budget,
        seed=seed,
    )
    if "refused" in answer:
        return Result(0, 0, len(truth.sets), budget, float("nan"))
    found = dict(zip(map(tuple, answer["sets"]), answer["coefficients"], strict=True))
    return Result.of(truth, found, answer["calls"], answer["seconds"])


def designed(
    n: int, bits: int, seeds: Iterable[int], sets: int, noise: float
) -> Iterator[Result]:
    """Ours with t = 5, C = 3 and a given b, at exactly the calls of that design."""
    solver = Spex(corrections=5, bits=bits, groups=3)
    return (
        ours(Planted.draw(n, sets, seed), noise, solver.least(n), seed, solver)
        for seed in seeds
    )


def row(*cells: object) -> None:
    """One row of a table."""
    print("| " + " | ".join(map(str, cells)) + " |", flush=True)


def head(*cells: str) -> None:
    """The head of a table."""
    print()
    row(*cells)
    row(*("---" for _ in cells))


def summary(results: list[Result]) -> str:
    """In how many seeds all is right; the fewest recovered and the most false, where
    not in all.
    """
    right = sum(result.right for result in results)
    text = f"{right} of {len(results)}"
    if right < len(results):
        fewest = min(result.recovered for result in results)
        text += (
            f" (down to {fewest} of {results[0].planted},"
            f" {max(r.false for r in results)} false)"
        )
    return text


def planted(peer: Peer, seeds: range, peer_seeds: range) -> None:
    """At the published calls."""
    head(
        "n",
        "sets",
        "noise",
        "calls",
        "all right, ours",
        "peer",
        "s ours",
        "s peer",
        "times faster",
    )
    for n, sets, budget in PLANTED:
        for noise in NOISES:
            mine = [
                ours(Planted.draw(n, sets, seed), noise, budget, seed, Spex())
                for seed in seeds
            ]
            other = [
                theirs(peer, Planted.draw(n, sets, seed), noise, budget, seed)
                for seed in peer_seeds
            ]
            times = median(r.seconds for r in mine), median(r.seconds for r in other)
            shown = f"{times[0]:.2f}", f"{times[1]:.1f}", f"{times[1] / times[0]:.0f}"
            row(
                n,
                sets,
                f"{noise:.0%}",
                f"{budget:,}",
                summary(mine),
                summary(other),
                *shown,
            )


def least(peer: Peer, seeds: range, peer_seeds: range) -> None:
    """While the peer's b falls; ours plans with the calls that the peer spends."""
    head("n", "sets", "noise", "peer's b", "calls", "all right, ours", "peer")
    for n, sets, published in PLANTED:
        for noise in NOISES:
            for bits in (6, 5, 4, 3):
                calls = published * 2**bits // 256
                mine = [
                    ours(Planted.draw(n, sets, seed), noise, calls, seed, Spex())
                    for seed in seeds
                ]
                other = [
                    theirs(peer, Planted.draw(n, sets, seed), noise, calls, seed)
                    for seed in peer_seeds
                ]
                row(
                    n,
                    sets,
                    f"{noise:.0%}",
                    bits,
                    f"{calls:,}",
                    summary(mine),
                    summary(other),
                )
                if not any(result.right for result in (*mine, *other)):
                    break


def growth(seeds: range) -> None:
    """The least b with which all seeds are right."""
    head("n", "sets", "noise", "b", "calls", "calls a set", "s")
    cases = [(n, 10) for n in (16, 32, 64, 128, 256, 512, 1024)]
    cases += [(n, 100) for n in (64, 128, 256, 512, 1024)]
    cases += [(256, sets) for sets in (10, 20, 50, 100, 200, 500, 1000)] + [
        (1024, 1000)
    ]
    for n, sets in cases:
        for bits in range(max(2, (sets // 12).bit_length()), 13):
            results = list(
                takewhile(
                    lambda result: result.right, designed(n, bits, seeds, sets, 0.1)
                )
            )
            if len(results) == len(seeds):
                calls = results[0].calls
                seconds = f"{median(result.seconds for result in results):.2f}"
                row(n, sets, "10%", bits, f"{calls:,}", round(calls / sets), seconds)
                break


def explained(n: int, budget: int) -> tuple[float, float]:
    """Seconds and peak memory in MB of an explanation of 100 planted sets."""
    truth = Planted.draw(n, 100, 0)
    started = perf_counter()
    spexlens.explain(spexlens.Game(truth.noisy(0.1, 0), n), budget, method="spex")
    seconds = perf_counter() - started
    # getrusage would give the parent's peak at the fork
    status = Path("/proc/self/status").read_text()
    return seconds, int(status.split("VmHWM:")[1].split()[0]) / 1024


def memory() -> None:
    """Each in a fresh process."""
    head("n", "calls", "peak MB", "s, with the function")
    for n, budget in ((1000, 17_000), (1000, 43_008), (2000, 30_000), (2000, 90_000)):
        with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as pool:
            seconds, peak = pool.submit(explained, n, budget).result()
        row(n, f"{budget:,}", round(peak), f"{seconds:.1f}")


def recorded(peer: Peer, kinds: list[str], count: int) -> None:
    """On recorded games, the whole table."""
    head(
        "games",
        "calls",
        "R² ours",
        "R² peer",
        "ours reports",
        "off by, per game",
        "s ours",
        "s peer",
    )
    for kind in kinds:
        for budget in (100, 200, 384, 672, 1344, 2688):
            rows, other = [], []
            for game in games(kind, count):
                started = perf_counter()
                plan = Spex().plan(game.n, budget, 0)
                fit = Spex().fit_packed(plan.packed, game.n, game.lookup(plan.masks), 0)
                seconds = perf_counter() - started
                r2 = r_squared(game.values, fit.spectrum.predict(game.masks))
                rows.append(
                    (
                        r2,
                        fit.faithfulness.mean,
                        abs(fit.faithfulness.mean - r2),
                        seconds,
                    )
                )
                answer = peer.ask(
                    game=str(SHARED / "games" / f"{game.name}.npz"),
                    budget=budget,
                    seed=0,
                )
                if "refused" not in answer:
                    pairs = zip(
                        map(tuple, answer["sets"]), answer["coefficients"], strict=True
                    )
                    theirs = Spectrum.of(game.n, dict(pairs))
                    other.append(
                        (
                            r_squared(game.values, theirs.predict(game.masks)),
                            answer["seconds"],
                        )
                    )
            r2, reported, off = (
                f"{mean(column):.3f}" for column in list(zip(*rows, strict=True))[:3]
            )
            peers = f"{mean(o[0] for o in other):.3f}" if other else "refuses"
            times = (
                f"{median(r[3] for r in rows):.2f}",
                f"{median(o[1] for o in other):.2f}" if other else "-",
            )
            row(kind, budget, r2, peers, reported, off, *times)


def main() -> None:
    """Run the parts that were asked for."""
    arguments = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    arguments.add_argument("--seeds", type=int, default=10)
    arguments.add_argument("--peer-seeds", type=int, default=1)
    arguments.add_argument("--parts", nargs="+", default=PARTS, choices=PARTS)
    arguments.add_argument(
        "--kinds",
        nargs="+",
        default=["sentiment", "image-vit", "image-resnet18", "datavalue-california"],
    )
    arguments.add_argument("--games", type=int, default=10)
    chosen = arguments.parse_args()
    seeds, peer_seeds = range(chosen.seeds), range(chosen.peer_seeds)
    peer = Peer("peer_spex.py")
    print(
        f"{platform.machine()}, {os.cpu_count()} cores, 1 thread; {' '.join(sys.argv)}"
    )
    warm = Planted.draw(10, 3, 0)  # both import what they need on their first fit
    ours(warm, 0.0, 600, 0, Spex())
    theirs(peer, warm, 0.0, 600, 0)
    if "planted" in chosen.parts:
        planted(peer, seeds, peer_seeds)
    if "least" in chosen.parts:
        least(peer, seeds, peer_seeds)
    if "growth" in chosen.parts:
        growth(range(min(3, chosen.seeds)))
    if "memory" in chosen.parts:
        memory()
    if "games" in chosen.parts:
        recorded(peer, chosen.kinds, chosen.games)


if __name__ == "__main__":
    main()
