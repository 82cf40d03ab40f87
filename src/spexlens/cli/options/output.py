"""Output: where evaluations and results are kept, and what is printed."""

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, ClassVar

import typer

from spexlens.cli.outputs import check_out
from spexlens.cli.unused import Need


@dataclass(frozen=True, kw_only=True)
class Kept:
    """The files that are written."""

    ledger: Annotated[
        Path | None,
        typer.Option("--ledger", help="Keep evaluations in this file, and reuse them."),
    ] = None
    out: Annotated[
        Path | None,
        typer.Option("--out", "-o", help="Save the explanation here, as JSON."),
    ] = None


@dataclass(frozen=True, kw_only=True)
class Outputs(Kept):
    """The files that are written, and what is printed."""

    as_json: Annotated[
        bool, typer.Option("--json", help="Print JSON instead of a page.")
    ] = False
    verbose: Annotated[
        bool,
        typer.Option(
            "--verbose", help="Show all figures on the page, and how they were come by."
        ),
    ] = False

    needs: ClassVar[tuple[Need, ...]] = (
        Need(
            ("verbose",),
            lambda given: not given["as_json"],
            "is of the page, which --json is instead of",
            beside=("as_json",),
        ),
    )

    def check(self) -> None:
        """See that what is found can be saved, or printed; see `outputs.check_out`."""
        check_out(self.out)
