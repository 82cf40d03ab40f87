"""Shapley values and interactions of two, side by side with shapiq's approximators.

    python benchmarks/indices.py [--kinds sentiment image-vit] [--games 10]
    [--budgets 100 200 500 1000] [--slow 2]

For each recorded game and budget ours and each peer are fitted one after the other,
never at once, and what they say of an index is compared with that of the whole table
of 2^n masks: squared error over squared size. Ours is `ProxySpex(estimand=...)`, with
masks that it chooses for the index; each peer draws its own masks, with the pairing
that it offers, and with its defaults otherwise. The seed of a game is --seed and its
place within its kind. Order 1 is Shapley values; order 2 is pairs of the Shapley
interaction index (SII) and of the Faith-Shapley index (FSII).

The peers are shapiq[sparse,proxy]==1.8.0, in benchmarks/.venv-indices, of Python 3.12:
`make benchmarks/.venv-indices/.installed PEER_PYTHON=python3.12`. ProxySPEX and ShaplEIG
take half a minute and more for one fit: they are run on the first --slow games only,
and the tables mark them so. A dash: the peer refuses.

Seconds are of planning and fitting, without the model's calls, which are looked up.
Everything runs on one thread.
"""

import argparse
import json
import os
import platform
import sys
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from functools import cache
from pathlib import Path
from statistics import mean, median
from time import perf_counter

for _name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS"):
    os.environ[_name] = "1"

import numpy as np
from numpy.typing import NDArray

from games import SHARED, RecordedGame, games
from peers import Peer
from spexlens.solvers.proxyspex.solver import ProxySpex
from spexlens.spectrum.estimand import Estimand
from spexlens.spectrum.sets import Sets

Array = NDArray[np.float64]

OURS = "ours"
KINDS = ("sentiment", "image-vit", "image-resnet18", "datavalue-california")
ORDER_1 = (
    *("KernelSHAP", "LeverageSHAP", "OddSHAP", "PolySHAP", "RegressionMSR"),
    *("ProxySHAP", "ProxySHAP adjusted", "kADD-SHAP", "ShaplEIG"),
)
ORDER_2 = {
    "sii": (
        *("ProxySHAP", "ProxySHAP adjusted", "KernelSHAP-IQ", "SHAP-IQ", "SVARM-IQ"),
        "ProxySPEX",
    ),
    "fsii": (
        *("ProxySHAP", "ProxySHAP adjusted", "RegressionFSII", "SHAP-IQ", "SVARM-IQ"),
        "ProxySPEX",
    ),
}
SLOW = ("ProxySPEX", "ShaplEIG")
_TOP = {1: 5, 2: 10}


@dataclass(frozen=True)
class Estimate:
    """What one method said of one index of one game.

    Attributes:
        error: Σ (estimate - truth)² / Σ truth²; None if the method refuses.
        found: how many of the largest (5 candidates, 10 pairs) are among its largest.
        seconds: of planning and fitting.
        expected: the error that it expects of itself; ours only.
        held: the share of its 90% intervals that hold the truth; ours only.
        r2: of its spectrum over the whole table; ours only.
    """

    kind: str
    game: str
    method: str
    index: str
    order: int
    calls: int
    error: float | None = None
    found: int | None = None
    seconds: float | None = None
    expected: float | None = None
    held: float | None = None
    r2: float | None = None

    @property
    def key(self) -> tuple[str | int, ...]:
        """What was asked."""
        return (
            self.kind,
            self.game,
            self.method,
            self.index,
            self.order,
            self.calls,
        )


@cache
def truth(path: str, index: str, order: int) -> tuple[Sets, Array]:
    """All sets of one order, and their values."""
    table = _table(path)
    estimand = Estimand(index, order)
    sets = estimand.sets(len(table).bit_length() - 1)
    sets = sets.take(np.flatnonzero(sets.orders == order))
    return sets, estimand.of_table(table, sets)


@cache
def _table(path: str) -> Array:
    with np.load(path) as file:
        return np.asarray(file["values"], np.float64)


def largest(values: Array, count: int) -> set[int]:
    """Rows of the largest sizes, those that are not zero."""
    rows = np.argsort(-np.abs(values), kind="stable")[:count]
    return {int(row) for row in rows if values[row]}


def ours(game: RecordedGame, path: str, asked: Estimate, seed: int) -> Estimate:
    """Our estimates, with all that they say of themselves."""
    estimand = Estimand(asked.index, asked.order)
    solver = ProxySpex(estimand=estimand, workers=1)
    started = perf_counter()
    plan, values = solver.carry_out(
        solver.plan(game.n, asked.calls, seed), game.ask, seed
    )
    fit = solver.fit_packed(plan.packed, game.n, values, seed)
    seconds = perf_counter() - started

    found = fit.estimates
    assert found is not None
    rows = np.flatnonzero(found.sets.orders == asked.order)
    _, exact = truth(path, asked.index, asked.order)
    off = np.abs(found.values[rows, 0] - exact)
    predicted = fit.spectrum.predict(game.masks)
    missed = np.sum((game.values - predicted) ** 2)
    return _measured(
        asked,
        found.values[rows, 0],
        exact,
        seconds,
        expected=found.relative_error(asked.order),
        held=float(np.mean(off <= found.half_widths[rows, 0])),
        r2=float(1.0 - missed / np.sum((game.values - game.values.mean()) ** 2)),
    )


def theirs(peer: Peer, path: str, asked: Estimate, seed: int) -> Estimate:
    """A peer's estimates; an index that it does not list is zero."""
    answer = peer.ask(
        game=path,
        method=asked.method,
        index=asked.index.upper() if asked.order > 1 else "SV",
        order=asked.order,
        budget=asked.calls,
        seed=seed,
    )
    if "refused" in answer:
        sys.stderr.write(f"{asked.method}, {asked.calls}: {answer['refused']}\n")
        return asked
    sets, exact = truth(path, asked.index, asked.order)
    said = {
        tuple(sorted(members)): value
        for members, value in zip(answer["sets"], answer["values"], strict=True)
    }
    values = np.array([said.get(members, 0.0) for members in sets])
    return _measured(asked, values, exact, answer["seconds"])


def _measured(
    asked: Estimate,
    values: Array,
    exact: Array,
    seconds: float,
    expected: float | None = None,
    held: float | None = None,
    r2: float | None = None,
) -> Estimate:
    """The estimate, measured against the truth."""
    count = _TOP[asked.order]
    return Estimate(
        *asked.key,  # type: ignore[arg-type]
        error=float(np.sum((values - exact) ** 2) / np.sum(exact**2)),
        found=len(largest(values, count) & largest(exact, count)),
        seconds=seconds,
        expected=expected,
        held=held,
        r2=r2,
    )


def asked_for(chosen: argparse.Namespace) -> Iterator[tuple[Estimate, str, int]]:
    """What is to be estimated, the game's path, and the seed."""
    for kind in chosen.kinds:
        paths = sorted((SHARED / "games").glob(f"{kind}*.npz"))[: chosen.games]
        for calls in chosen.budgets:
            for index, order in [("sii", 1), ("sii", 2), ("fsii", 2)]:
                peers = ORDER_1 if order == 1 else ORDER_2[index]
                for method in (OURS, *peers):
                    if method not in (OURS, *chosen.peers):
                        continue
                    last = chosen.slow if method in SLOW else len(paths)
                    for place, path in enumerate(paths[:last]):
                        asked = Estimate(kind, path.stem, method, index, order, calls)
                        yield asked, str(path), chosen.seed + place


class Results:
    """What was estimated so far, in a file if there is one."""

    def __init__(self, path: Path | None) -> None:
        self._path = path
        self._known: dict[tuple[str | int, ...], Estimate] = {}
        if path is not None and path.exists():
            rows = [Estimate(**row) for row in json.loads(path.read_text())]
            self._known = {row.key: row for row in rows}

    def known(self, asked: Estimate) -> Estimate | None:
        """An estimate of an earlier run."""
        return self._known.get(asked.key)

    def add(self, made: Estimate) -> None:
        """Keep one."""
        self._known[made.key] = made

    def save(self) -> None:
        """Write all as JSON."""
        if self._path is None:
            return
        part = self._path.with_name(self._path.name + ".part")
        part.write_text(json.dumps([asdict(row) for row in self._known.values()]))
        part.replace(self._path)

    def of(
        self, kind: str, method: str, index: str, order: int, calls: int
    ) -> dict[str, Estimate]:
        """Those that were made, by game."""
        return {
            row.game: row
            for row in self._known.values()
            if (row.kind, row.method, row.index, row.order, row.calls)
            == (kind, method, index, order, calls)
            and row.error is not None
        }


def table(head: list[str], rows: list[list[str]]) -> None:
    """Print columns of one width each."""
    widths = [max(len(cell) for cell in column) for column in zip(head, *rows)]  # noqa: B905
    for row in [head, *rows]:
        cells = [cell.rjust(width) for cell, width in zip(row, widths, strict=True)]
        print("  ".join([row[0].ljust(widths[0]), *cells[1:]]))


def report(chosen: argparse.Namespace, results: Results) -> None:
    """All tables."""
    for index, order in [("sii", 1), ("sii", 2), ("fsii", 2)]:
        peers = [
            name
            for name in (ORDER_1 if order == 1 else ORDER_2[index])
            if name in chosen.peers
        ]
        called = "Shapley values" if order == 1 else f"pairs, {index.upper()}"
        rows, qualities, worse = [], [], []
        for kind in chosen.kinds:
            for calls in chosen.budgets:
                mine = results.of(kind, OURS, index, order, calls)
                if not mine:
                    continue
                column = {
                    name: results.of(kind, name, index, order, calls) for name in peers
                }
                means = {
                    name: mean(row.error or 0.0 for row in found.values())
                    for name, found in column.items()
                    if len(found) == len(mine)
                }
                error = mean(row.error or 0.0 for row in mine.values())
                best = min(means, key=lambda name: means[name], default=None)
                rows.append(
                    [
                        kind,
                        str(calls),
                        f"{error:.4f}",
                        *(_shown(column[name], len(mine)) for name in peers),
                        best or "-",
                        f"{error / means[best]:.2f}" if best else "-",
                    ]
                )
                qualities.append(_quality(kind, calls, mine))
                if best:
                    worse += [
                        f"{calls} calls, {game}: {row.error:.4f}, {best}"
                        f" {column[best][game].error:.4f}"
                        for game, row in mine.items()
                        if (row.error or 0.0) > (column[best][game].error or 0.0)
                    ]
        print(f"\n{called}: squared error over squared size, mean over games\n")
        table(["game", "calls", "ours", *peers, "best", "ours/best"], rows)
        print(f"\n{called}: ours\n")
        table(
            [
                *("game", "calls", "worst game", "expected", "median made", "held"),
                *("found", "fewest", "R²", "seconds"),
            ],
            qualities,
        )
        print(f"\nGames where the best peer of the row is nearer: {len(worse)}")
        for line in worse:
            print(f"  {line}")


def _shown(found: dict[str, Estimate], count: int) -> str:
    """A mean; of fewer games than ours marked so."""
    if not found:
        return "-"
    text = f"{mean(row.error or 0.0 for row in found.values()):.4f}"
    return text if len(found) == count else f"{text} ({len(found)})"


def _quality(kind: str, calls: int, mine: dict[str, Estimate]) -> list[str]:
    rows = list(mine.values())
    return [
        kind,
        str(calls),
        f"{max(row.error or 0.0 for row in rows):.4f}",
        f"{median(row.expected or 0.0 for row in rows):.4f}",
        f"{median(row.error or 0.0 for row in rows):.4f}",
        f"{mean(row.held or 0.0 for row in rows):.3f}",
        f"{mean(row.found or 0 for row in rows):.1f}",
        str(min(row.found or 0 for row in rows)),
        f"{mean(row.r2 or 0.0 for row in rows):.3f}",
        f"{median(row.seconds or 0.0 for row in rows):.2f}",
    ]


def options() -> argparse.Namespace:
    """What was asked for."""
    arguments = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    arguments.add_argument("--kinds", nargs="+", default=list(KINDS))
    arguments.add_argument("--games", type=int, default=10)
    arguments.add_argument(
        "--budgets", nargs="+", type=int, default=[100, 200, 500, 1000]
    )
    every = list(dict.fromkeys([*ORDER_1, *ORDER_2["sii"], *ORDER_2["fsii"]]))
    arguments.add_argument("--peers", nargs="*", default=every, choices=every)
    arguments.add_argument("--slow", type=int, default=2, help="games of slow peers")
    arguments.add_argument("--seed", type=int, default=0)
    arguments.add_argument(
        "--save", type=Path, metavar="FILE", help="keep estimates, and take them up"
    )
    return arguments.parse_args()


def main() -> None:
    """Estimate what is not known yet, and print."""
    chosen = options()
    results = Results(chosen.save)
    peer = Peer("peer_indices.py", ".venv-indices") if chosen.peers else None
    recorded: dict[str, RecordedGame] = {}
    for kind in chosen.kinds:
        recorded |= {game.name: game for game in games(kind, chosen.games)}
    for asked, path, seed in asked_for(chosen):
        if results.known(asked) is not None:
            continue
        if asked.method == OURS:
            made = ours(recorded[asked.game], path, asked, seed)
        else:
            assert peer is not None
            made = theirs(peer, path, asked, seed)
        results.add(made)
        results.save()
    print(
        f"{platform.platform()}, {os.cpu_count()} cores, 1 thread;"
        f" {' '.join(sys.argv)}; shapiq 1.8.0"
    )
    report(chosen, results)


if __name__ == "__main__":
    main()
