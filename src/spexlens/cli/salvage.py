"""`spexlens salvage`."""

from pathlib import Path
from typing import Annotated

import typer

from spexlens.cli.terminal import say
from spexlens.evaluation.ledger.salvage import salvage as saved


def salvage(
    damaged: Annotated[
        Path,
        typer.Argument(metavar="DAMAGED", help="A ledger that is refused as damaged."),
    ],
    whole: Annotated[
        Path, typer.Argument(metavar="NEW", help="Where to write a new one.")
    ],
) -> None:
    """Save the answers that are whole in a damaged ledger into a new one."""
    done = saved(damaged, whole)
    lost = f"; {done.lost} are lost and will be asked for again" if done.lost else ""
    say(f"{done.kept} answers are kept in {whole}{lost}")
