"""The screen: a page of results on standard output, progress on standard error."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from time import perf_counter
from typing import TYPE_CHECKING, Any

from spexlens.cli import waiting
from spexlens.cli.evidence import Asked
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
    lens: Game,
    budget: int,
    *,
    method: str = "auto",
    seed: int = 0,
    ledger: Path | None = None,
    out: Path | None = None,
    as_json: bool = False,
    verbose: bool = False,
    held_out: int | None = None,
    trainings: int | None = None,
    zoomed: bool = False,
    evidence: Asked | None = None,
) -> None:
    """Explain a lens with progress shown, then save and print what was found."""
    evidence = evidence or Asked()
    with progress_bar() as progress:
        how: dict[str, Any] = {
            "method": method,
            "seed": seed,
            "ledger": ledger,
            "progress": progress,
        }
        how |= {"trainings": trainings}
        how |= {} if zoomed else {"held_out": held_out}
        explanation = (zoom if zoomed else explain)(
            lens, budget, **how, **evidence.arguments()
        )
    # told at the end: what was paid for is shown, and saved, all the same
    problems: list[SpexlensError] = []
    try:
        explanation = evidence.shown(explanation)
    except InvalidInput as error:
        problems.append(error)
    if out is not None:
        try:
            explanation.save(out)
        except ResultError as error:
            problems.append(error)
    if as_json:
        say_json(explanation.to_json())
    else:
        show_page(explanation, verbose=verbose)
    for problem in problems:
        raise problem
    evidence.exit(
        evidence.failed(explanation), evidence.unmatched(explanation).values()
    )


def show_page(
    explanation: Explanation,
    *,
    top: int | None = None,
    output: str | None = None,
    verbose: bool = False,
) -> None:
    """Print the page of one output, or of all."""
    from spexlens.report.terminal.page import render

    for each in outputs_of(explanation, output):
        console_of().print(render(explanation, output=each, top=top, verbose=verbose))


def outputs_of(explanation: Explanation, output: str | None) -> list[int | str]:
    """The output asked for, or all."""
    return [output] if output is not None else list(explanation.outputs or [0])


def console_of(*, stderr: bool = False) -> "Console":
    """Where to print."""
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
