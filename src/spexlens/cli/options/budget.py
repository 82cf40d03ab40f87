"""Budget: what is spent, and by which method."""

from dataclasses import dataclass
from typing import Annotated

import typer

from spexlens.files.schema import Count
from spexlens.solvers.choice import METHODS

Zoom = Annotated[
    bool,
    typer.Option("--zoom", help="Coarse to fine: split what matters, explain again."),
]


@dataclass(frozen=True, kw_only=True)
class Spending:
    """A budget of evaluations, and what it is spent by."""

    budget: Annotated[
        Count, typer.Option("--budget", "-b", help="The most model evaluations.")
    ] = 300
    method: Annotated[str, typer.Option(help=f"One of {', '.join(METHODS)}.")] = "auto"
    seed: Annotated[Count, typer.Option(help="Decides everything random.")] = 0
