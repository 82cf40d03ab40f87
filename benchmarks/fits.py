"""Fits of recorded games by us and by peers, measured against what was recorded, and
kept in a file.
"""

import json
from collections.abc import Callable, Iterable
from dataclasses import asdict, dataclass
from functools import cache
from pathlib import Path
from statistics import mean, median
from time import perf_counter
from typing import Any

import numpy as np
from numpy.typing import NDArray

from games import SHARED, RecordedGame, games
from peers import Peer
from spexlens.solvers.choice import choose_solver
from spexlens.solvers.proxyspex.solver import ProxySpex
from spexlens.spectrum.indices import interaction_index
from spexlens.spectrum.scores import r_squared
from spexlens.spectrum.spectrum import Spectrum

OURS = "ours"
PEERS: dict[str, tuple[str, dict[str, Any]]] = {
    "proxyspex": ("peer_proxyspex.py", {}),
    "spex": ("peer_spex.py", {}),
    "lasso1": ("peer_lasso.py", {"order": 1}),
    "lasso2": ("peer_lasso.py", {"order": 2}),
}
_PAIRS = 10


@dataclass(frozen=True)
class Fit:
    """One fit of one game.

    Attributes:
        calls: what it was allowed to spend.
        r2: over the game's test masks; None if the method refuses so few calls.
        seconds: of planning and fitting, the model's calls left out.
        sets: how many the spectrum has.
        overlap: how many of the ten strongest pairs by Faith-Banzhaf index of order 2
            are also among the ten strongest of the whole table; None where there is no
            whole table.
        reported: the R² that it states of itself; ours only.
    """

    kind: str
    game: str
    method: str
    calls: int
    seed: int
    r2: float | None = None
    seconds: float | None = None
    sets: int | None = None
    overlap: int | None = None
    reported: float | None = None


class Fits:
    """The fits of a run, by what was fitted; none is made twice.

    Args:
        known: fits of an earlier run. They count, where this run asks for them, and are
            kept.
    """

    def __init__(self, known: Iterable[Fit] = ()) -> None:
        self._known = {self._key(fit): fit for fit in known}
        self._fits: dict[tuple[object, ...], Fit] = {}

    @staticmethod
    def _key(fit: Fit) -> tuple[object, ...]:
        return fit.kind, fit.game, fit.method, fit.calls, fit.seed

    def ensure(self, asked: Fit, make: Callable[[], Fit]) -> None:
        """Take a fit from the earlier run, or make it."""
        key = self._key(asked)
        if key not in self._fits:
            self._fits[key] = self._known.get(key) or make()

    def save(self, path: Path, header: str) -> None:
        """Write all as JSON; a file that is there stays whole until the new one is."""
        part = path.with_name(path.name + ".part")
        fits = [asdict(fit) for fit in (self._known | self._fits).values()]
        part.write_text(json.dumps({"header": header, "fits": fits}, indent=0))
        part.replace(path)

    def column(
        self, entry: str, kind: str, method: str, calls: int
    ) -> dict[tuple[str, int], float]:
        """One attribute of the fits of a kind, by game and seed; empty unless each of
        them has it.
        """
        chosen = [
            f
            for f in self._fits.values()
            if (f.kind, f.method, f.calls) == (kind, method, calls)
        ]
        column = {(fit.game, fit.seed): getattr(fit, entry) for fit in chosen}
        return {} if None in column.values() else column

    def mean(self, entry: str, kind: str, method: str, calls: int) -> float | None:
        """The mean over games and seeds, if there is one."""
        column = self.column(entry, kind, method, calls)
        return mean(column.values()) if column else None

    def median(self, entry: str, kind: str, method: str, calls: int) -> float | None:
        """The median over games and seeds, if there is one."""
        column = self.column(entry, kind, method, calls)
        return median(column.values()) if column else None


def read(path: Path) -> tuple[str, list[Fit]]:
    """The header and the fits of a saved run."""
    saved = json.loads(path.read_text())
    return saved["header"], [Fit(**fit) for fit in saved["fits"]]


def pairs(spectrum: Spectrum) -> set[tuple[int, ...]]:
    """The ten strongest pairs by Faith-Banzhaf index of order 2."""
    index = interaction_index(spectrum, "fbii", 2)
    strength = {
        members: abs(float(value)) for members, value in index if len(members) == 2
    }
    ranked = sorted(strength, key=lambda members: -strength[members])
    return {members for members in ranked[:_PAIRS] if strength[members]}


@cache
def _true_pairs(name: str) -> set[tuple[int, ...]]:
    return pairs(Spectrum.from_table(games(name, 1)[0].values))


def measured(
    asked: Fit, game: RecordedGame, spectrum: Spectrum, seconds: float
) -> dict[str, Any]:
    """The fit that was asked for, as JSON, with what its spectrum is worth."""
    masks, values = game.test
    return {
        **asdict(asked),
        "r2": r_squared(values, spectrum.predict(masks)),
        "seconds": seconds,
        "sets": len(spectrum),
        "overlap": (
            len(pairs(spectrum) & _true_pairs(game.name)) if game.whole else None
        ),
    }


def ours(asked: Fit, game: RecordedGame, workers: int) -> Fit:
    """What `explain` does with method "auto"; where few masks are recorded, ProxySPEX
    chooses among them.
    """
    order = np.random.default_rng(asked.seed).permutation(len(game.spare))
    pool = None if game.whole else game.spare[order]
    solver = (
        choose_solver("auto", game.n, asked.calls)
        if game.whole
        else ProxySpex(pool=pool)
    )
    if hasattr(solver, "workers"):
        solver.workers = workers
    answering = 0.0

    def ask(packed: NDArray[np.uint8]) -> NDArray[np.float64]:
        nonlocal answering
        asked_at = perf_counter()
        values = game.ask(packed)
        answering += perf_counter() - asked_at
        return values

    started = perf_counter()
    plan, values = solver.carry_out(
        solver.plan(game.n, asked.calls, asked.seed), ask, asked.seed
    )
    fit = solver.fit_packed(plan.packed, game.n, values, asked.seed)
    seconds = perf_counter() - started - answering
    return Fit(
        **{
            **measured(asked, game, fit.spectrum, seconds),
            "reported": fit.faithfulness.mean,
        }
    )


@cache
def _peer(method: str) -> Peer:
    """The peer's process, its imports and compilations done."""
    script, settings = PEERS[method]
    peer = Peer(script)
    game = SHARED / "games" / f"{games('sentiment', 1)[0].name}.npz"
    peer.ask(game=str(game), budget=400, seed=0, **settings)
    return peer


def theirs(asked: Fit, game: RecordedGame) -> Fit:
    """A peer's."""
    path = str(SHARED / "games" / f"{game.name}.npz")
    answer = _peer(asked.method).ask(
        game=path, budget=asked.calls, seed=asked.seed, **PEERS[asked.method][1]
    )
    if "refused" in answer:
        return asked
    coefficients = dict(
        zip(map(tuple, answer["sets"]), answer["coefficients"], strict=True)
    )
    return Fit(
        **measured(asked, game, Spectrum.of(game.n, coefficients), answer["seconds"])
    )
