"""`spexlens show`."""

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from spexlens.cli.evidence import FAILED, FAILURES, asked_of_saved
from spexlens.cli.options import AsJson
from spexlens.cli.screen import console_of, outputs_of, show_page
from spexlens.cli.terminal import say, say_json
from spexlens.explanation import SCALES, Explanation
from spexlens.spectrum.indices import INDICES

if TYPE_CHECKING:
    from rich.console import RenderableType


def show(
    path: Annotated[Path, typer.Argument(metavar="FILE", help="What --out wrote.")],
    top: Annotated[int | None, typer.Option(min=1, help="Rows a table.")] = None,
    output: Annotated[str | None, typer.Option(help="Which output of a vector-valued explanation.")] = None,
    index: Annotated[str | None, typer.Option(help=f"List one index instead: {', '.join(INDICES)}.")] = None,
    order: Annotated[int, typer.Option(help="The order of that index.")] = 2,
    across: Annotated[
        bool,
        typer.Option(
            "--across", help="List only what acts together across kinds, such as a word and a head."
        ),
    ] = False,
    best_subset: Annotated[
        int | None, typer.Option(help="List instead the best candidates to keep, so many.")
    ] = None,
    sufficient: Annotated[
        float | None,
        typer.Option(help="List instead the smallest set enough for this share of f(all) - f(none)."),
    ] = None,
    necessary: Annotated[
        float | None,
        typer.Option(help="List instead the smallest set without which this share is gone."),
    ] = None,
    follow_up: Annotated[
        bool, typer.Option("--follow-up", help="List instead commands that look closer.")
    ] = False,
    expectations: Annotated[
        Path | None, typer.Option(help="TOML of what should act together, and what must not.")
    ] = None,
    fail_on: Annotated[
        list[str] | None, typer.Option(help=f"Exit code {FAILED} on any of {', '.join(FAILURES)}.")
    ] = None,
    scale: Annotated[
        str | None, typer.Option(help=f"Of effects: {', '.join(SCALES)}. Default: the file's.")
    ] = None,
    time_limit: Annotated[float, typer.Option(help="Seconds to look for the best subset.")] = 10.0,
    as_json: AsJson = False,
) -> None:
    """Show a saved explanation: a page, one interaction index, smallest or best sets, or what to do next."""
    asked = asked_of_saved(expectations, fail_on, scale)
    explanation = asked.shown(Explanation.load(path))
    if as_json:
        say_json(explanation.to_json())
    elif best_subset is None and sufficient is None and necessary is None and not follow_up:
        _show(explanation, top, output, index, order, across or None)
    for each in [] if as_json else outputs_of(explanation, output):
        for found in _listed(explanation, each, best_subset, sufficient, necessary, time_limit):
            console_of().print(found)
        if follow_up:
            for step in explanation.follow_up(output=each):
                say(f"{' × '.join(step.labels)}: {step.why}\n  {step.command}")
    asked.exit(asked.failed(explanation))


def _show(
    explanation: Explanation,
    top: int | None,
    output: str | None,
    index: str | None,
    order: int,
    across: bool | None,
) -> None:
    """A page, or one index."""
    if index is None and not across:
        show_page(explanation, top=top, output=output)
        return
    from spexlens.report.terminal import listing

    for each in outputs_of(explanation, output):
        table = listing(explanation, index or "bii", order, output=each, top=top, across=across)
        console_of().print(table)


def _listed(
    explanation: Explanation,
    output: int | str,
    keep: int | None,
    sufficient: float | None,
    necessary: float | None,
    time_limit: float,
) -> Iterator["RenderableType"]:
    """What was asked for instead of a page."""
    from rich.text import Text

    from spexlens.report.evidence import smallest
    from spexlens.report.terminal import subset

    if keep is not None:
        found = explanation.best_subset(keep, output=output, time_limit=time_limit)
        yield subset(explanation, found, output=output)
    if sufficient is not None:
        enough = explanation.sufficient(sufficient, output=output, time_limit=time_limit)
        yield Text(smallest(explanation, enough))
    if necessary is not None:
        needed = explanation.necessary(necessary, output=output, time_limit=time_limit)
        yield Text(smallest(explanation, needed))
