"""resume: a run taken up again from its ledger alone."""

import json
from pathlib import Path

from spexlens.arguments import whole_number
from spexlens.budget.request import Request
from spexlens.errors import InvalidInput
from spexlens.evaluation.evaluator import Progress
from spexlens.evaluation.ledger.ledger import Ledger, opened
from spexlens.evaluation.ledger.runs import Run
from spexlens.explanation import Explanation
from spexlens.games.game import Game
from spexlens.keywords import keywords
from spexlens.lenses.recipes import read
from spexlens.verbs.explain import answered


@keywords()
def resume(
    ledger: str | Path | Ledger,
    run: int | None = None,
    *,
    progress: Progress | bool | None = None,
) -> Explanation:
    """The explanation of a run, from what its ledger says of it.

    A ledger keeps, with each run, how its game is made again and what was asked of
    `explain`. What was paid for is not paid for again; what is missing, because the run
    was interrupted, is asked now. A level of a zoom is a run of its own.

    Args:
        ledger: a path or an open Ledger.
        run: its number, from 1; by default the last.
        progress: as for `explain`.

    Raises:
        InvalidInput: there is no such ledger or run; its game or its request was made of what is
            no data, such as a function or a model in memory; or the game is another
            since: a model or a file has changed.
        SpexlensError: what making the game or `explain` raises.
    """
    if not isinstance(ledger, Ledger) and not Path(ledger).exists():
        raise InvalidInput(f"there is no ledger {ledger}")  # and none is made
    with opened(ledger) as book:
        found = _run(book, run)
        game = _game(found)
        request = Request.of(json.loads(found.request or "{}"))
        return answered(game, request, ledger=book, progress=progress)


def _run(book: Ledger, number: int | None) -> Run:
    """A run by its number, or the last, of which the ledger says enough."""
    runs = {run.id: run for run in book.runs() if run.method != "plan"}
    if not runs:
        raise InvalidInput("the ledger holds no run")

    number = max(runs) if number is None else whole_number(number, "a run's number")
    if number not in runs:
        known = f"{min(runs)} to {max(runs)}"
        raise InvalidInput(f"the ledger holds no run {number}; its runs are {known}")

    run = runs[number]
    if run.recipe is None or run.request is None:
        raise InvalidInput(
            f"run {number} cannot be taken up from its ledger alone: its game, or what"
            " was asked of it, is no data, such as a function or a model in memory;"
            " repeat what was called, with this ledger"
        )
    return run


def _game(run: Run) -> Game:
    """The game of a run, made anew and seen to be the same."""
    game: Game = read(run.recipe or "").game()
    if game.base.key != run.game:
        raise InvalidInput(
            f"the game of run {run.id} is another since: its model or a file that it is"
            " made of has changed"
        )
    return game
