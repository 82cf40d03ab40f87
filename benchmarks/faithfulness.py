"""How faithful an explanation is for its calls, side by side with published methods.

    python benchmarks/faithfulness.py [--kinds sentiment image-vit] [--games 10]
    [--budgets 100 200 500]

For each recorded game and budget ours and the peers are fitted one after the other,
never at once, and R² is measured over the whole table of 2^n masks (or on the last
1,000 recorded ones). Ours is what `explain` does by default; where only some masks are
recorded, it chooses among the others, in five orders of them. The seed of a game is
--seed and its place within its kind. The peers are ProxySPEX and SPEX of
shapiq[sparse]==1.4.1, up to their Fourier coefficients (their conversion to an index is
not counted), and scikit-learn's cross-validated LASSO on all sets of one member
(LASSO-1) or of one and two (LASSO-2), all in benchmarks/.venv-peers (`make bench` makes
it). Each gets the same number of calls and draws its own masks; where only some are
recorded, the first ones. The peers are fitted with multiples of the calls too. A dash:
SPEX needs more calls, or masks of its own where only some are recorded; or too few
masks are recorded.

Seconds are of planning and fitting, without the model's calls, which are looked up.
Ours runs on --workers threads, by default all cores, as a user gets it; the peers run
on one.
"""

import argparse
import os
import platform
import sys
from collections.abc import Iterator
from functools import partial
from importlib.metadata import distributions, version
from pathlib import Path

for _name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS"):
    os.environ[_name] = "1"

from faithfulness_tables import Tables
from fits import OURS, PEERS, Fit, Fits, ours, read, theirs
from games import KINDS, RecordedGame, games
from peers import HERE

BUDGETS = (100, 200, 500)
MORE_BUDGETS = (1000, 2000)
_TESTED = 1000
_ORDERS = 5  # of recorded masks, in which ours chooses among them


def options() -> argparse.Namespace:
    """What was asked for."""
    arguments = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    arguments.add_argument("--kinds", nargs="+", default=KINDS)
    arguments.add_argument(
        "--games", type=int, default=10, help="the first of each kind"
    )
    arguments.add_argument(
        "--budgets",
        nargs="+",
        type=int,
        help=(
            f"by default {' '.join(map(str, BUDGETS))}; for reviews also"
            f" {' '.join(map(str, MORE_BUDGETS))}"
        ),
    )
    arguments.add_argument(
        "--multiples",
        nargs="+",
        type=int,
        default=[1, 2, 3],
        help="of the peers' calls",
    )
    arguments.add_argument("--peers", nargs="*", default=list(PEERS), choices=PEERS)
    arguments.add_argument("--no-ours", action="store_true", help="the peers only")
    arguments.add_argument("--seed", type=int, default=0)
    arguments.add_argument("--workers", type=int, default=os.cpu_count() or 1)
    arguments.add_argument(
        "--save", type=Path, metavar="FILE", help="every fit as JSON, after each game"
    )
    arguments.add_argument(
        "--reuse",
        type=Path,
        metavar="FILE",
        help="the peers' fits that were saved there",
    )
    return arguments.parse_args()


def header(chosen: argparse.Namespace) -> str:
    """Machine, command, threads and versions."""
    used = [f"{name} {version(name)}" for name in ("spexlens", "numpy", "lightgbm")]
    return (
        f"{platform.platform()}, {os.cpu_count()} cores; {' '.join(sys.argv)};"
        f" {chosen.workers} threads, peers 1\nPython {platform.python_version()},"
        f" {', '.join([*used, *_peers(chosen)])}"
    )


def _peers(chosen: argparse.Namespace) -> list[str]:
    """The versions of the peers and of what they use, if any is asked."""
    if not chosen.peers:
        return []
    site = next((HERE / ".venv-peers" / "lib").glob("python*")) / "site-packages"
    installed = {found.name: found.version for found in distributions(path=[str(site)])}
    names = ("shapiq", "scikit-learn", "numpy", "lightgbm")
    return [f"peer {name} {installed[name]}" for name in names]


def budgets(chosen: argparse.Namespace, kind: str) -> tuple[int, ...]:
    """The calls of a kind of game."""
    return tuple(
        chosen.budgets or BUDGETS + (MORE_BUDGETS if kind.startswith("review") else ())
    )


def asked(
    chosen: argparse.Namespace, kind: str, game: RecordedGame, place: int
) -> Iterator[Fit]:
    """The fits of one game, as far as its masks go."""
    most = len(game.values) if game.whole else len(game.values) - _TESTED
    seed = chosen.seed + place
    spent = sorted(budgets(chosen, kind))
    if not chosen.no_ours:
        orders = range(1 if game.whole else _ORDERS)
        yield from (
            Fit(kind, game.name, OURS, calls, seed + 1000 * order)
            for calls in spent
            for order in orders
            if calls <= most
        )
    for calls in sorted(
        {budget * multiple for budget in spent for multiple in chosen.multiples}
    ):
        for peer in chosen.peers:
            if calls <= most and (game.whole or peer != "spex"):
                yield Fit(kind, game.name, peer, calls, seed)


def fitted(asked: Fit, game: RecordedGame, workers: int) -> Fit:
    """Ours or a peer's."""
    return ours(asked, game, workers) if asked.method == OURS else theirs(asked, game)


def main() -> None:
    """Fit, keep, print."""
    chosen = options()
    head = header(chosen)
    reused: list[Fit] = []
    if chosen.reuse:
        before, known = read(chosen.reuse)
        reused = [fit for fit in known if fit.method != OURS]
        head += f"\nPeers' fits reused from {chosen.reuse}, made by: {before}"
    print(head, flush=True)
    fits = Fits(reused)
    if not chosen.no_ours:  # LightGBM is imported on the first fit
        ours(Fit("", "", OURS, 50, 0), games("sentiment", 1)[0], chosen.workers)
    for kind in chosen.kinds:
        for place, game in enumerate(games(kind, chosen.games)):
            for fit in asked(chosen, kind, game, place):
                fits.ensure(fit, partial(fitted, fit, game, chosen.workers))
            if chosen.save:
                fits.save(chosen.save, head)
    rows = [(kind, calls) for kind in chosen.kinds for calls in budgets(chosen, kind)]
    Tables(fits, rows, chosen.multiples).show()


if __name__ == "__main__":
    main()
