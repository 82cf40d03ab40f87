"""explain: from a game and a budget to an explanation."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.metadata import version
from operator import index
from pathlib import Path
from time import perf_counter

import numpy as np
from numpy.typing import NDArray

from spexlens.ablation import masks as mask_algebra
from spexlens.ablation.evaluator import Evaluator, Progress
from spexlens.ablation.game import Game
from spexlens.ablation.ledger import Ledger
from spexlens.errors import InvalidInput
from spexlens.explanation import Account, Explanation
from spexlens.solvers.base import Solver
from spexlens.solvers.choice import choose_solver


def explain(
    game: Game,
    budget: int = 300,
    *,
    method: str | Solver = "auto",
    seed: int = 0,
    ledger: str | Path | Ledger | None = None,
    progress: Progress | None = None,
) -> Explanation:
    """Find which candidates act together, from at most `budget` evaluations of the model.

    Args:
        game: a lens, or `Game(value, candidates)` around a function of masks.
        budget: the most model evaluations, counting those already in the ledger.
        method: "auto", "exact" (all 2^n masks), "proxyspex", "spex", or a solver with settings of its own.
        seed: decides everything that is random; the same seed gives the same explanation.
        ledger: where evaluations are kept, a path or an open Ledger; None keeps them in memory.
        progress: called with (masks finished, masks asked for) after each batch.

    Raises:
        BudgetTooSmall: the text says the least that works.
        InvalidInput: an unknown method, a bad seed, or a plain function with a ledger on disk.
        NonFiniteValue, OutOfMemory: the model failed; what was finished is in the ledger.
        LedgerError: the ledger cannot be used.
    """
    seed, budget = whole_number(seed, "a seed"), whole_number(budget, "a budget")
    solver = choose_solver(method, game.n, budget)
    plan = solver.plan(game.n, budget, seed)
    started = perf_counter()
    used = versions()
    with _opened(ledger) as book:
        evaluator = Evaluator(game, book, progress=progress, expected=plan.total)
        evaluator.run = book.begin(
            game.key, method=plan.method, seed=seed, design=plan.design, budget=budget, versions=used
        )
        plan, values = solver.carry_out(plan, evaluator.packed_values, seed)
        fit = solver.fit_packed(plan.packed, game.n, values, seed)
        seconds = perf_counter() - started
        book.finish(evaluator.run, seconds)
    return Explanation(
        candidates=game.candidates,
        spectrum=fit.spectrum,
        faithfulness=fit.faithfulness,
        account=Account(
            method=plan.method,
            design=plan.design,
            seed=seed,
            budget=budget,
            calls=evaluator.paid,
            reused=evaluator.reused,
            passes=evaluator.passes,
            seconds=seconds,
            versions=used,
        ),
        facts=game.facts(),
        details=fit.details,
        whole=_measured(mask_algebra.whole(plan.packed, game.n), values),
        empty=_measured(mask_algebra.empty(plan.packed), values),
        outputs=game.outputs or (None if values.ndim == 1 else tuple(map(str, range(values.shape[1])))),
        uncertainty=fit.uncertainty or None,
    )


def _measured(where: NDArray[np.bool_], values: NDArray[np.float64]) -> tuple[float, ...] | None:
    rows = values[where]
    return tuple(np.atleast_1d(rows[0]).tolist()) if len(rows) else None


def whole_number(given: object, what: str) -> int:
    """A seed or a budget as an int.

    Raises:
        InvalidInput: it is no whole number, negative, or too large for 64 bits.
    """
    try:
        number = index(given)  # type: ignore[arg-type]
    except TypeError:
        raise InvalidInput(f"{what} is a whole number; got {given!r}") from None
    if not 0 <= number < 1 << 63:
        raise InvalidInput(f"{what} is not negative and below 2^63; got {number}")
    return number


def versions() -> dict[str, str]:
    """Of the packages that decide the numbers; torch and transformers only where they are in use."""
    names = [
        "spexlens",
        "numpy",
        "scipy",
        "scikit-learn",
        "lightgbm",
        *(n for n in ("torch", "transformers") if n in sys.modules),
    ]
    return {"python": sys.version.split()[0], **{name: version(name) for name in names}}


@contextmanager
def _opened(ledger: str | Path | Ledger | None) -> Iterator[Ledger]:
    if isinstance(ledger, Ledger):
        yield ledger
        return
    with Ledger(ledger) as book:
        yield book
