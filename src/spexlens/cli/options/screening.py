"""Screening: which candidates are explained, and what chooses them."""

from dataclasses import dataclass
from typing import Annotated, ClassVar

import typer

from spexlens.cli.options.grouping import CommandLine
from spexlens.cli.unused import Given, Need
from spexlens.lenses.screening.screen import CHOSEN


def _are_counted(given: Given) -> bool:
    """Whether candidates are a number of them, so that there is something to choose."""
    candidates = given["candidates"]
    if candidates in (None, "auto"):
        return True
    return bool(candidates.isascii() and candidates.isdigit())


SCREENED = Need(
    ("screening",),
    _are_counted,
    "chooses a number of candidates: give --candidates a number, or leave it out",
    beside=("candidates",),
)


@dataclass(frozen=True, kw_only=True)
class Choice:
    """Which candidates are explained."""

    candidates: Annotated[
        int | str | list[str | int] | None,
        typer.Option(
            "--candidates",
            help=(
                "How many to choose by a cheap attribution, all, or which: positions"
                " such as 0,3,5-9, or names (a single position with a comma behind it;"
                " a repeated word means all of it, owl#2 its second). Default:"
                f" {CHOSEN}, all with --zoom."
            ),
        ),
        CommandLine(str | None),
    ] = None
    screening: Annotated[
        str | None,
        typer.Option(
            help="What a number of candidates is chosen by. Default: the lens's cheapest."
        ),
    ] = None

    needs: ClassVar[tuple[Need, ...]] = (SCREENED,)
