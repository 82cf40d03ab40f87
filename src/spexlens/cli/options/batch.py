"""Batch: the file of many inputs, and what is counted over their explanations."""

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, ClassVar

import typer

from spexlens.cli.options.output import Outputs
from spexlens.cli.unused import Need
from spexlens.spectrum.indices import INDICES

FEATURES = "features"
MECHANISTIC = "mechanistic"
LENSES = (FEATURES, MECHANISTIC)


@dataclass(frozen=True, kw_only=True)
class BatchInputs:
    """Which inputs, and which lens each of them gets."""

    prompts: Annotated[
        Path,
        typer.Argument(
            metavar="FILE",
            help=(
                "JSONL, an object a line: prompt (or text), and id, target, foil,"
                " counterfactual if used."
            ),
        ),
    ]
    lens: Annotated[str, typer.Option(help=f"One of {', '.join(LENSES)}.")] = FEATURES

    needs: ClassVar[tuple[Need, ...]] = (
        Need(
            ("unit", "replacement", "neutral", "template", "chat", "windows"),
            lambda given: given["lens"] != MECHANISTIC,
            f"goes with --lens {FEATURES}",
        ),
        Need(
            ("components", "layers", "ablation", "reference", "rescale"),
            lambda given: given["lens"] != FEATURES,
            f"goes with --lens {MECHANISTIC}",
        ),
    )


@dataclass(frozen=True, kw_only=True)
class BatchOutputs(Outputs):
    """Where explanations and their aggregate are kept, and what that counts."""

    out: Annotated[
        Path | None,
        typer.Option(
            "--out",
            "-o",
            help="Save an explanation an input, and the aggregate, in this folder.",
        ),
    ] = None
    index: Annotated[
        str, typer.Option(help=f"What to aggregate: {', '.join(INDICES)}.")
    ] = "bii"
    order: Annotated[
        int, typer.Option(min=1, help="The most members of an interaction.")
    ] = 2
    least: Annotated[
        int, typer.Option(min=1, help="List what is found in so many inputs.")
    ] = 2

    needs: ClassVar[tuple[Need, ...]] = (
        Need(
            ("scale",),
            lambda given: False,
            "is of one explanation: give it to show",
        ),
    )
