"""Examples: the training data that are ablated, and what of the learner is watched."""

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, ClassVar

import typer
from pydantic import Field

from spexlens.cli.options.screening import SCREENED
from spexlens.cli.unused import Need
from spexlens.files.schema import Positive
from spexlens.lenses.examples.choosing import SCREENINGS

NO_COLUMN = "-"


@dataclass(frozen=True, kw_only=True)
class ExampleTable:
    """The training examples. A file calls the table `train`."""

    table: Annotated[
        Path,
        typer.Argument(
            metavar="TRAIN", help="CSV with a header, or JSONL: the examples."
        ),
        Field(alias="train"),
    ]
    text_column: Annotated[str, typer.Option(help="The column of texts.")] = "text"
    label_column: Annotated[
        str,
        typer.Option(
            help=(
                f"The column of labels; {NO_COLUMN} for texts that a causal model"
                " continues."
            )
        ),
    ] = "label"


@dataclass(frozen=True, kw_only=True)
class ExampleFiles(ExampleTable):
    """The training examples and the test points."""

    test: Annotated[
        Path,
        typer.Option(
            help="CSV or JSONL: the test points; without labels, those predicted."
        ),
    ]
    test_row: Annotated[
        list[int] | None,
        typer.Option(help="Only this row of it, from 0; may be repeated."),
    ] = None
    each: Annotated[
        bool,
        typer.Option("--each", help="A page a test point, not the mean over them."),
    ] = False


@dataclass(frozen=True, kw_only=True)
class ExampleGame:
    """What comes and goes together, and what of the trained model is watched."""

    groups: Annotated[
        str | None,
        typer.Option(
            help="What comes and goes together: label, near-duplicates, or a column."
        ),
    ] = None
    objective: Annotated[
        str | None,
        typer.Option(
            help="What to watch: log-odds, margin, loss, probability, accuracy, ..."
        ),
    ] = None
    repeats: Annotated[
        Positive, typer.Option(help="Trainings a mask, under as many seeds.")
    ] = 1

    def of_lens(self) -> dict[str, Any]:
        """What a lens of training examples takes."""
        return {
            "groups": self.groups,
            "objective": self.objective,
            "repeats": self.repeats,
        }


@dataclass(frozen=True, kw_only=True)
class ExampleChoice:
    """Which examples are candidates, and what becomes of the others."""

    candidates: Annotated[
        str,
        typer.Option(
            help=(
                "auto (at most 40), all, how many, or which: rows such as 0,3,5-9, or"
                " groups."
            )
        ),
    ] = "auto"
    others: Annotated[
        str,
        typer.Option(help="Examples that are no candidates are always: in, or out."),
    ] = "in"
    screening: Annotated[
        str | None,
        typer.Option(
            help=f"What a number of candidates is chosen by: {', '.join(SCREENINGS)}."
        ),
    ] = None

    needs: ClassVar[tuple[Need, ...]] = (
        Need(
            ("others",),
            lambda given: given["candidates"] != "all" or given["groups"] is not None,
            "goes with --candidates of a number or a list: of all there are no others",
            beside=("candidates", "groups"),
        ),
        SCREENED,
    )

    @property
    def is_auto(self) -> bool:
        """Whether it is left open which are candidates."""
        return self.candidates == "auto"

    @property
    def is_empty(self) -> bool:
        """Whether nothing is said of candidates at all."""
        return self.is_auto and self.screening is None

    @property
    def keeps_others(self) -> bool:
        """Whether examples that are no candidates are always trained on."""
        return self.others == "in"


@dataclass(frozen=True, kw_only=True)
class HeldOut:
    """What is kept from the fit."""

    held_out: Annotated[
        int | None,
        typer.Option(help="Masks kept to judge the explanation. Default: a fifth."),
    ] = None

    needs: ClassVar[tuple[Need, ...]] = (
        Need(
            ("held_out",),
            lambda given: not given["zoom"],
            "goes without --zoom, whose last level decides it",
            beside=("zoom",),
        ),
    )
