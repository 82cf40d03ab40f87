"""Components: which of a model are ablated, and how."""

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import typer

from spexlens.cli.inputs import lines_of
from spexlens.cli.options.grouping import CommandLine
from spexlens.lenses.components.ablation import ABLATIONS
from spexlens.lenses.components.names import COMPONENTS
from spexlens.ranges import layers_of


@dataclass(frozen=True, kw_only=True)
class ComponentAblation:
    """Which components are ablated, and what stands in for them."""

    components: Annotated[
        list[str] | str,
        typer.Option(
            help=(
                f"{', '.join(COMPONENTS)}, or names such as L3.H7 or L5.MLP[12]; may be"
                " repeated."
            )
        ),
        CommandLine(list[str], ["heads"]),
    ] = "heads"
    layers: Annotated[
        str | None,
        typer.Option(help="Of those kinds only these layers, such as 0-3,5."),
    ] = None
    ablation: Annotated[
        str | None,
        typer.Option(
            help=(
                f"{', '.join(ABLATIONS)}. Default: resample with a counterfactual, mean"
                " with a reference, else zero."
            )
        ),
    ] = None
    reference: Annotated[
        Path | None,
        typer.Option(help="File of prompts, one a line, whose mean stands in."),
    ] = None
    counterfactual: Annotated[
        str | None,
        typer.Option(help="A prompt of as many tokens, for resample and restore."),
    ] = None
    rescale: Annotated[
        bool,
        typer.Option(
            "--rescale",
            help="With zero: multiply a layer's kept heads by |heads| / |kept|.",
        ),
    ] = False

    def of_lens(self, folder: Path = Path()) -> dict[str, Any]:
        """What a lens of components takes.

        Args:
            folder: that the reference is relative to.

        Raises:
            InvalidInput: the layers are no numbers, or the reference cannot be read.
        """
        named = self.components
        # a file has one kind without brackets, a command line several with commas
        if isinstance(named, str):
            named = [named]
        return {
            "components": [
                name.strip() for names in named for name in names.split(",")
            ],
            "layers": None if self.layers is None else layers_of(self.layers),
            "ablation": self.ablation,
            "reference": (
                None if self.reference is None else lines_of(folder / self.reference)
            ),
            "counterfactual": self.counterfactual,
            "rescale": self.rescale,
        }
