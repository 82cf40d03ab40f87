"""`spexlens plan`."""

import json
import sys
from pathlib import Path
from time import perf_counter
from typing import Annotated

import numpy as np
import typer
from numpy.typing import NDArray

from spexlens.arguments import whole_number
from spexlens.budget.allocation import allocate
from spexlens.budget.request import Request
from spexlens.cli.candidates import chosen
from spexlens.cli.inputs import model_of, target_of, text_of
from spexlens.cli.options import (
    AsJson,
    BatchSize,
    Book,
    Budget,
    Candidates,
    Chat,
    Device,
    File,
    Foil,
    Method,
    Model,
    Neutral,
    Objective,
    Replacement,
    Revision,
    Screening,
    Seed,
    Target,
    Template,
    Trust,
    Unit,
    Windows,
    Words,
)
from spexlens.cli.terminal import say, say_json
from spexlens.errors import InvalidInput
from spexlens.evaluation.evaluator import Evaluator
from spexlens.evaluation.ledger.ledger import Ledger
from spexlens.games.game import Game
from spexlens.lenses.text.lens import FeatureLens
from spexlens.masks.masks import unpack
from spexlens.results.provenance import versions
from spexlens.solvers.choice import refuse_too_many
from spexlens.solvers.solver import Plan, Solver


def plan(
    text: Words = None,
    candidates: Annotated[
        int | None, typer.Option("-n", help="How many candidates, instead of a text.")
    ] = None,
    file: File = None,
    model: Model = "sentiment",
    target: Target = None,
    foil: Foil = None,
    unit: Unit = "word",
    objective: Objective = None,
    replacement: Replacement = None,
    neutral: Neutral = "...",
    template: Template = "{text}",
    chat: Chat = False,
    windows: Windows = False,
    asked: Candidates = None,
    screening: Screening = None,
    budget: Budget = 300,
    checks: Annotated[
        int | None,
        typer.Option(
            help="Masks that check the result; 0: none. Default: a tenth, at least 16."
        ),
    ] = None,
    method: Method = "auto",
    seed: Seed = 0,
    ledger: Book = None,
    revision: Revision = None,
    device: Device = None,
    batch_size: BatchSize = None,
    trust_remote_code: Trust = False,
    as_json: AsJson = False,
) -> None:
    """What a budget buys: the method, the masks and, for a text and a model, the time
    they take.

    The time is that of one batch of the planned masks; with a ledger, they are paid for
    and kept.
    """
    lens: Game | None = None
    if candidates is not None and (text is not None or file is not None):
        raise InvalidInput("give a text or -n, not both")
    if (
        candidates is None
        and text is None
        and file is None
        and (sys.stdin is None or sys.stdin.isatty())
    ):
        raise InvalidInput(
            "a plan is of a text, or of so many candidates: give a text, --file, or"
            " -n 40"
        )
    if candidates is None:
        lens = FeatureLens(
            model_of(model),
            text_of(text, file),
            unit=unit,
            target=target_of(target),
            foil=foil,
            objective=objective,
            replacement=replacement,
            neutral=neutral,
            template=template,
            chat=chat,
            windows=windows,
            revision=revision,
            device=device,
            batch_size=batch_size,
            trust_remote_code=trust_remote_code,
        )
        lens = chosen(lens, asked, screening, ledger=ledger)
        candidates = lens.n
    if lens is None and (asked is not None or screening is not None):
        raise InvalidInput(
            "--candidates and --screening choose among those of a text: leave out -n"
        )
    if candidates < 1:
        raise InvalidInput(
            f"-n is a number of candidates, at least 1; got {candidates}"
        )
    refuse_too_many(candidates)
    seed = whole_number(seed, "a seed")
    budget = whole_number(budget, "a budget")
    game = lens or Game(_never, candidates)
    request = Request(budget, method=method, seed=seed, checks=checks)
    allocation = allocate(game, request)
    shares = allocation.shares
    reserve = allocation.reserve
    check = allocation.unchosen
    solver = shares.solver
    planned = solver.outline(candidates, shares.masks, seed)
    said: dict[str, str | int] = {
        "candidates": candidates,
        "method": planned.method,
        "masks": planned.total,
        "budget": budget,
        "design": planned.design,
    }
    if reserve.checks:
        said["checks"] = (
            f"{reserve.checks} masks more, of the budget, check what was found"
        )
    if reserve.repeats:
        said["noise"] = f"{reserve.repeats} masks are asked twice; more if those differ"
    if check:
        said["not chosen"] = (
            f"{check} masks more ablate the {len(lens.fixed) if lens else 0} others"
        )
    if lens is not None:
        said["time"] = _estimate(
            lens, solver, solver.plan(lens.n, shares.masks, seed), budget, seed, ledger
        )
    if as_json:
        say_json(json.dumps(said))
    else:
        say("\n".join(f"{name:<12}{value}" for name, value in said.items()))


def _never(masks: NDArray[np.bool_]) -> NDArray[np.float64]:
    raise AssertionError("a plan asks nothing")


def _estimate(
    lens: Game,
    solver: Solver,
    planned: Plan,
    budget: int,
    seed: int,
    ledger: Path | None,
) -> str:
    """The time for the masks that are missing, from a second, timed pass of their first
    batch.
    """
    with Ledger(ledger) as book:
        base = lens.base
        known = book.lookup(base.key, lens.to_base(planned.packed))
        while planned.rest and None not in known:
            values = Evaluator(base, book).packed_values(lens.to_base(planned.packed))
            planned = solver.extended(planned, values, seed)
            known = book.lookup(base.key, lens.to_base(planned.packed))
        missing = [value is None for value in known]
        count = sum(missing) + planned.rest
        if not count:
            return "none: the ledger holds every mask"
        began = perf_counter()
        run = book.begin(
            base.key,
            method="plan",
            seed=seed,
            design=planned.design,
            budget=budget,
            versions=versions(),
        )
        batch = unpack(lens.to_base(planned.packed[missing][: lens.batch_size]), base.n)
        Evaluator(base, book, run=run).values(batch)
        warm = perf_counter()
        base.value(batch)
        seconds = (perf_counter() - warm) / len(batch)
        book.finish(run, perf_counter() - began)
    rate = f"{1 / seconds:.0f} a second, on {lens.facts()['device']}"
    return f"about {seconds * count:.1f} s for {count} masks at {rate}"
