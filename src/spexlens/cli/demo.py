"""`spexlens demo`."""

from typing import Annotated

import typer

from spexlens.cli.options.budget import Spending
from spexlens.cli.options.grouping import Only, grouped
from spexlens.cli.options.output import Outputs
from spexlens.cli.screen import run
from spexlens.lenses.text.lens import FeatureLens
from spexlens.models.bundled import SENTIMENT

DEMO_TEXT = (
    "The plot is thin and the jokes are old, but her acting never fails to impress."
)


@grouped()
def demo(
    text: Annotated[
        str, typer.Argument(metavar="TEXT", help="Another sentence about a film.")
    ] = DEMO_TEXT,
    *,
    spending: Annotated[Spending, Only("budget", "seed")],
    outputs: Annotated[Outputs, Only("verbose")],
) -> None:
    """Explain one sentence on the bundled sentiment model: no network, some seconds."""
    outputs.check()
    run(FeatureLens(SENTIMENT, text, target="POSITIVE"), spending, outputs)
