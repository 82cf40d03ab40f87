"""`spexlens show`."""

from pathlib import Path
from typing import Annotated

import typer

from spexlens.cli.options import AsJson
from spexlens.cli.screen import console_of, outputs_of, show_page
from spexlens.explanation import Explanation
from spexlens.spectrum.indices import INDICES


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
    time_limit: Annotated[float, typer.Option(help="Seconds to look for the best subset.")] = 10.0,
    as_json: AsJson = False,
) -> None:
    """Show a saved explanation: a page, one interaction index, or the best candidates to keep."""
    explanation = Explanation.load(path)
    if as_json:
        typer.echo(explanation.to_json())
    elif best_subset is not None:
        from spexlens.report.terminal import subset

        for each in outputs_of(explanation, output):
            found = explanation.best_subset(best_subset, output=each, time_limit=time_limit)
            console_of().print(subset(explanation, found, output=each))
    elif index is None and not across:
        show_page(explanation, top=top, output=output)
    else:
        from spexlens.report.terminal import listing

        for each in outputs_of(explanation, output):
            console_of().print(
                listing(explanation, index or "bii", order, output=each, top=top, across=across or None)
            )
