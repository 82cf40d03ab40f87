"""`spexlens show`."""

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from spexlens.cli.evidence import FAILED, FAILURES, asked_of_saved
from spexlens.cli.listings import Listing, to_json
from spexlens.cli.options import AsJson, Verbose
from spexlens.cli.screen import console_of, outputs_of, show_page
from spexlens.cli.terminal import say, say_json
from spexlens.explanation import Explanation
from spexlens.results.scale import SCALES
from spexlens.spectrum.indices import INDICES

if TYPE_CHECKING:
    from rich.console import RenderableType


def show(
    path: Annotated[Path, typer.Argument(metavar="FILE", help="What --out wrote.")],
    top: Annotated[int | None, typer.Option(min=1, help="Rows a table.")] = None,
    output: Annotated[
        str | None, typer.Option(help="Which output of a vector-valued explanation.")
    ] = None,
    index: Annotated[
        str | None, typer.Option(help=f"List one index instead: {', '.join(INDICES)}.")
    ] = None,
    order: Annotated[int, typer.Option(help="The order of that index.")] = 2,
    across: Annotated[
        bool,
        typer.Option(
            "--across",
            help=(
                "List only what acts together across kinds, such as a word and a head."
            ),
        ),
    ] = False,
    best_subset: Annotated[
        int | None,
        typer.Option(help="List instead the best candidates to keep, so many."),
    ] = None,
    sufficient: Annotated[
        float | None,
        typer.Option(
            help=(
                "List instead the smallest set enough for this share of f(all) -"
                " f(none)."
            )
        ),
    ] = None,
    necessary: Annotated[
        float | None,
        typer.Option(
            help="List instead the smallest set without which this share is gone."
        ),
    ] = None,
    follow_up: Annotated[
        bool,
        typer.Option("--follow-up", help="List instead commands that look closer."),
    ] = False,
    expectations: Annotated[
        Path | None,
        typer.Option(help="TOML of what should act together, and what must not."),
    ] = None,
    fail_on: Annotated[
        list[str] | None,
        typer.Option(help=f"Exit code {FAILED} on any of {', '.join(FAILURES)}."),
    ] = None,
    scale: Annotated[
        str | None,
        typer.Option(help=f"Of effects: {', '.join(SCALES)}. Default: the file's."),
    ] = None,
    time_limit: Annotated[
        float, typer.Option(help="Seconds to look for the best subset.")
    ] = 10.0,
    as_json: AsJson = False,
    verbose: Verbose = False,
) -> None:
    """Show a saved explanation: a page, one interaction index, smallest or best sets,
    or what to do next.

    What is listed instead of a page can be had together, one below the other. With
    --json the whole file is printed, or what is listed: an object with file, lens,
    unit, scale and outputs, a list of objects with output and, of interactions,
    best_subset, sufficient, necessary and follow_up, what was asked for.
    """
    asked = asked_of_saved(expectations, fail_on, scale)
    explanation = asked.shown(Explanation.load(path))
    listing = Listing(
        index,
        order,
        top,
        across,
        best_subset,
        sufficient,
        necessary,
        follow_up,
        time_limit,
    )
    outputs = outputs_of(explanation, output)
    if as_json:
        whole = listing.empty
        say_json(
            explanation.to_json()
            if whole
            else to_json(explanation, path, listing, outputs)
        )
    elif listing.empty:
        show_page(explanation, top=top, output=output, verbose=verbose)
    else:
        for each in outputs:
            _list(explanation, each, listing)
    asked.exit(asked.failed(explanation), asked.unmatched(explanation).values())


def _list(explanation: Explanation, output: int | str, asked: Listing) -> None:
    """What was asked for instead of a page."""
    for found in _listed(explanation, output, asked):
        console_of().print(found)
    if asked.follow_up:
        for step in explanation.follow_up(output=output):
            say(f"{' × '.join(step.labels)}: {step.why}\n  {step.command}")


def _listed(
    explanation: Explanation, output: int | str, asked: Listing
) -> Iterator["RenderableType"]:
    from rich.text import Text

    from spexlens.report.content.evidence import smallest
    from spexlens.report.terminal import page as terminal

    if asked.tabled:
        across = asked.across or None
        yield terminal.listing(
            explanation,
            asked.index or "bii",
            asked.order,
            output=output,
            top=asked.top,
            across=across,
        )
    limit = asked.time_limit
    if asked.best_subset is not None:
        best = explanation.best_subset(
            asked.best_subset, output=output, time_limit=limit
        )
        yield terminal.subset(explanation, best, output=output)
    if asked.sufficient is not None:
        enough = explanation.sufficient(
            asked.sufficient, output=output, time_limit=limit
        )
        yield Text(smallest(explanation, enough))
    if asked.necessary is not None:
        needed = explanation.necessary(asked.necessary, output=output, time_limit=limit)
        yield Text(smallest(explanation, needed))
