"""`spexlens show`."""

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from spexlens.cli.listings import to_json
from spexlens.cli.options.evidence import SavedEvidence
from spexlens.cli.options.grouping import Only, grouped
from spexlens.cli.options.listing import Listing
from spexlens.cli.options.output import Outputs
from spexlens.cli.screen import console_of, outputs_of, show_page
from spexlens.cli.terminal import say, say_json
from spexlens.explanation import Explanation

if TYPE_CHECKING:
    from rich.console import RenderableType


@grouped(behind={"output": "top", "time_limit": "scale"})
def show(
    path: Annotated[Path, typer.Argument(metavar="FILE", help="What --out wrote.")],
    output: Annotated[
        str | None, typer.Option(help="Which output of a vector-valued explanation.")
    ] = None,
    *,
    listing: Listing,
    evidence: Annotated[SavedEvidence, Only("expectations", "fail_on", "scale")],
    printed: Annotated[Outputs, Only("as_json", "verbose")],
) -> None:
    """Show a saved explanation: a page, one interaction index, smallest or best sets,
    or what to do next.

    What is listed instead of a page can be had together, one below the other. With
    --json the whole file is printed, or what is listed: an object with file, lens,
    unit, scale and outputs, a list of objects with output and, of interactions,
    best_subset, sufficient, necessary and follow_up, what was asked for.
    """
    explanation = evidence.shown(Explanation.load(path))
    outputs = outputs_of(explanation, output)
    if printed.as_json and listing.empty:
        say_json(explanation.to_json())
    elif printed.as_json:
        say_json(to_json(explanation, path, listing, outputs))
    elif listing.empty:
        show_page(explanation, top=listing.top, output=output, verbose=printed.verbose)
    else:
        for name in outputs:
            _list(explanation, name, listing)
    failed = evidence.failed(explanation)
    evidence.exit(failed, evidence.unmatched(explanation).values())


def _list(explanation: Explanation, output: int | str, listing: Listing) -> None:
    """Print what is listed instead of a page."""
    for part in _listed(explanation, output, listing):
        console_of().print(part)
    if listing.follow_up:
        for step in explanation.follow_up(output=output):
            say(f"{' × '.join(step.labels)}: {step.why}\n  {step.command}")


def _listed(
    explanation: Explanation, output: int | str, listing: Listing
) -> Iterator["RenderableType"]:
    from rich.text import Text

    from spexlens.report.content.evidence import smallest
    from spexlens.report.terminal import page as terminal

    if listing.tabled:
        across = listing.across or None
        yield terminal.listing(
            explanation,
            listing.index or "bii",
            listing.order,
            output=output,
            top=listing.top,
            across=across,
        )
    limit = listing.time_limit
    if listing.best_subset is not None:
        best = explanation.best_subset(
            listing.best_subset, output=output, time_limit=limit
        )
        yield terminal.subset(explanation, best, output=output)
    if listing.sufficient is not None:
        enough = explanation.sufficient(
            listing.sufficient, output=output, time_limit=limit
        )
        yield Text(smallest(explanation, enough))
    if listing.necessary is not None:
        needed = explanation.necessary(
            listing.necessary, output=output, time_limit=limit
        )
        yield Text(smallest(explanation, needed))
