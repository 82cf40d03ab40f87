"""The screen: a page of results on standard output, progress on standard error."""

from collections.abc import Iterator
from contextlib import contextmanager
from time import perf_counter
from typing import TYPE_CHECKING

from spexlens.cli import waiting
from spexlens.cli.options.budget import Spending
from spexlens.cli.options.evidence import Evidence
from spexlens.cli.options.output import Outputs
from spexlens.cli.terminal import say_json
from spexlens.errors import InvalidInput, ResultError, SpexlensError
from spexlens.evaluation.evaluator import Progress
from spexlens.explanation import Explanation
from spexlens.games.game import Game
from spexlens.verbs.explain import explain
from spexlens.verbs.zoom import zoom

if TYPE_CHECKING:
    from rich.console import Console


def run(
    game: Game,
    spending: Spending,
    outputs: Outputs,
    *,
    evidence: Evidence | None = None,
    zoomed: bool = False,
    held_out: int | None = None,
    trainings: int | None = None,
) -> None:
    """Explain a game with progress shown, then save and print what was found.

    Args:
        game: a lens.
        spending: the budget.
        outputs: where the explanation is saved, and how it is printed.
        evidence: what is asked for beside the explanation; None for nothing more than
            is usual.
        zoomed: whether it is explained level by level.
        held_out, trainings: see `explain`.
    """
    evidence = evidence or Evidence()
    verb = zoom if zoomed else explain
    with progress_bar() as progress:
        explanation = verb(
            game,
            ledger=outputs.ledger,
            progress=progress,
            **evidence.request(spending, held_out=held_out, trainings=trainings),
        )
    # told at the end: what was paid for is shown, and saved, all the same
    problems: list[SpexlensError] = []
    try:
        explanation = evidence.shown(explanation)
    except InvalidInput as error:
        problems.append(error)
    if outputs.out is not None:
        try:
            explanation.save(outputs.out)
        except ResultError as error:
            problems.append(error)
    if outputs.as_json:
        say_json(explanation.to_json())
    else:
        show_page(explanation, verbose=outputs.verbose)
    for problem in problems:
        raise problem
    failed = evidence.failed(explanation)
    evidence.exit(failed, evidence.unmatched(explanation).values())


def show_page(
    explanation: Explanation,
    *,
    top: int | None = None,
    output: str | None = None,
    verbose: bool = False,
) -> None:
    """Print the page of one output, or of all."""
    from spexlens.report.terminal.page import render

    for name in outputs_of(explanation, output):
        page = render(explanation, output=name, top=top, verbose=verbose)
        console_of().print(page)


def outputs_of(explanation: Explanation, output: str | None) -> list[int | str]:
    """The output asked for, or all."""
    return [output] if output is not None else list(explanation.outputs or [0])


def console_of(*, stderr: bool = False) -> "Console":
    """Where to print."""
    # rich takes a while to import, which an option that is refused does without
    from spexlens.cli.console import ShownConsole

    waiting.end()
    return ShownConsole(stderr=stderr)


@contextmanager
def progress_bar() -> Iterator[Progress | None]:
    """A bar on a terminal, nothing in a pipe."""
    console = console_of(stderr=True)
    if not console.is_terminal:
        yield None
        return
    from rich.progress import (
        BarColumn,
        MofNCompleteColumn,
        TextColumn,
        TimeRemainingColumn,
    )
    from rich.progress import Progress as Bar

    columns = (
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("{task.fields[rate]}"),
        TimeRemainingColumn(),
    )
    began = perf_counter()
    with Bar(TextColumn("ablating"), *columns, console=console, transient=True) as bar:
        task = bar.add_task("", total=None, rate="")

        def advance(done: int, total: int) -> None:
            rate = done / max(perf_counter() - began, 1e-9)
            bar.update(task, completed=done, total=total, rate=f"{rate:.0f}/s")

        yield advance
