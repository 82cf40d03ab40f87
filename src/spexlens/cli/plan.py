"""`spexlens plan`."""

import json
import sys
from dataclasses import dataclass, replace
from pathlib import Path
from time import perf_counter
from typing import Annotated, ClassVar

import numpy as np
import typer
from numpy.typing import NDArray

from spexlens.arguments import whole_number
from spexlens.budget.allocation import allocate
from spexlens.budget.request import Request
from spexlens.cli.candidates import chosen
from spexlens.cli.options.budget import Spending
from spexlens.cli.options.evidence import Evidence
from spexlens.cli.options.grouping import Only, Without, grouped
from spexlens.cli.options.model import Loading, Watched, path_of
from spexlens.cli.options.output import Outputs
from spexlens.cli.options.screening import Choice
from spexlens.cli.options.text import TextReading, TextSource
from spexlens.cli.terminal import say, say_json
from spexlens.cli.unused import Need
from spexlens.errors import InvalidInput
from spexlens.evaluation.evaluator import Evaluator
from spexlens.evaluation.ledger.ledger import Ledger
from spexlens.games.game import Game
from spexlens.lenses.text.lens import FeatureLens
from spexlens.masks.masks import unpack
from spexlens.results.provenance import versions
from spexlens.solvers.choice import refuse_too_many
from spexlens.solvers.solver import Plan, Solver

_PLACES = {
    "file": "count",
    "objective": "unit",
    "checks": "budget",
    "as_json": "trust_remote_code",
}
"""Options that `--help` lists elsewhere than with their group."""

_COLUMN = 12  # characters of a line's name


@dataclass(frozen=True, kw_only=True)
class Count:
    """A plan without a text, of so many candidates."""

    count: Annotated[
        int | None, typer.Option("-n", help="How many candidates, instead of a text.")
    ] = None

    needs: ClassVar[tuple[Need, ...]] = (
        Need(
            (
                "file",
                "model",
                "target",
                "foil",
                "unit",
                "objective",
                "replacement",
                "neutral",
                "template",
                "chat",
                "windows",
                "candidates",
                "screening",
                "ledger",
                "revision",
                "device",
                "batch_size",
                "trust_remote_code",
            ),
            lambda given: given["count"] is None,
            "is of a text: leave out -n, or leave this out",
        ),
    )


@grouped(behind=_PLACES)
def plan(
    source: TextSource,
    size: Count,
    watched: Watched,
    reading: TextReading,
    choice: Choice,
    spending: Spending,
    evidence: Annotated[Evidence, Only("checks")],
    outputs: Annotated[Outputs, Only("ledger", "as_json")],
    loading: Annotated[Loading, Without("kind")],
) -> None:
    """What a budget buys: the method, the masks and, for a text and a model, the time
    they take.

    The time is that of one batch of the planned masks; with a ledger, they are paid for
    and kept.
    """
    _refuse_two_or_none(source, size.count)
    lens: Game | None = None
    count = size.count
    if count is None:
        lens = FeatureLens(
            path_of(watched.model),
            source.read(),
            **watched.value(),
            **reading.of_lens(),
            **loading.of_lens(),
        )
        lens = chosen(lens, choice, ledger=outputs.ledger)
        count = lens.n
    elif choice != Choice():
        raise InvalidInput(
            "--candidates and --screening choose among those of a text: leave out -n"
        )
    if count < 1:
        raise InvalidInput(f"-n is a number of candidates, at least 1; got {count}")
    refuse_too_many(count)
    lines = _lines(lens, count, _checked(spending), evidence.checks, outputs.ledger)
    if outputs.as_json:
        say_json(json.dumps(lines))
    else:
        say("\n".join(f"{name:<{_COLUMN}}{value}" for name, value in lines.items()))


def _refuse_two_or_none(source: TextSource, count: int | None) -> None:
    """InvalidInput for a text beside a number of candidates, or neither."""
    if count is not None and source.named:
        raise InvalidInput("give a text or -n, not both")
    if count is not None or source.named:
        return
    if sys.stdin is None or sys.stdin.isatty():
        raise InvalidInput(
            "a plan is of a text, or of so many candidates: give a text, --file, or"
            " -n 40"
        )


def _checked(spending: Spending) -> Spending:
    """The same, its seed and its budget seen to be whole numbers."""
    seed = whole_number(spending.seed, "a seed")
    budget = whole_number(spending.budget, "a budget")
    return replace(spending, seed=seed, budget=budget)


def _lines(
    lens: Game | None,
    count: int,
    spending: Spending,
    checks: int | None,
    ledger: Path | None,
) -> dict[str, str | int]:
    """What is said, by the names of the lines.

    Args:
        lens: of the text, or None for a plan without one.
        count: of the candidates.
        spending: the budget.
        checks: masks that check the result, or None for the usual number.
        ledger: where answers are kept.
    """
    budget = spending.budget
    seed = spending.seed
    request = Request(budget, method=spending.method, seed=seed, checks=checks)
    allocation = allocate(lens or Game(_never, count), request)
    shares = allocation.shares
    reserve = allocation.reserve
    unchosen = allocation.unchosen
    solver = shares.solver
    outline = solver.outline(count, shares.masks, seed)
    lines: dict[str, str | int] = {
        "candidates": count,
        "method": outline.method,
        "masks": outline.total,
        "budget": budget,
        "design": outline.design,
    }
    if reserve.checks:
        lines["checks"] = (
            f"{reserve.checks} masks more, of the budget, check what was found"
        )
    if reserve.repeats:
        lines["noise"] = (
            f"{reserve.repeats} masks are asked twice; more if those differ"
        )
    if unchosen:
        fixed = len(lens.fixed) if lens else 0
        lines["not chosen"] = f"{unchosen} masks more ablate the {fixed} others"
    if lens is not None:
        planned = solver.plan(lens.n, shares.masks, seed)
        lines["time"] = _estimate(lens, solver, planned, spending, ledger)
    return lines


def _never(masks: NDArray[np.bool_]) -> NDArray[np.float64]:
    raise AssertionError("a plan asks nothing")


def _estimate(
    lens: Game, solver: Solver, planned: Plan, spending: Spending, ledger: Path | None
) -> str:
    """The time for the masks that are missing, of which the first batch is timed."""
    base = lens.base
    with Ledger(ledger) as book:
        known = book.lookup(base.key, lens.to_base(planned.packed))
        # a plan may depend on the answers to the masks before
        while planned.rest and None not in known:
            values = Evaluator(base, book).packed_values(lens.to_base(planned.packed))
            planned = solver.extended(planned, values, spending.seed)
            known = book.lookup(base.key, lens.to_base(planned.packed))
        missing = [value is None for value in known]
        count = sum(missing) + planned.rest
        if not count:
            return "none: the ledger holds every mask"
        began = perf_counter()
        run = book.begin(
            base.key,
            method="plan",
            seed=spending.seed,
            design=planned.design,
            budget=spending.budget,
            versions=versions(),
        )
        batch = unpack(lens.to_base(planned.packed[missing][: lens.batch_size]), base.n)
        Evaluator(base, book, run=run).values(batch)
        # the first pass warms the model up: the second is timed
        warm = perf_counter()
        base.value(batch)
        seconds = (perf_counter() - warm) / len(batch)
        book.finish(run, perf_counter() - began)
    rate = f"{1 / seconds:.0f} a second, on {lens.facts()['device']}"
    return f"about {seconds * count:.1f} s for {count} masks at {rate}"
