"""Options: what several commands take, each said once."""

from pathlib import Path
from typing import Annotated, Literal

import typer

from spexlens.lenses.screening.screen import CHOSEN
from spexlens.lenses.text.replacement import REPLACEMENTS
from spexlens.lenses.text.units import UNITS
from spexlens.solvers.choice import METHODS

Words = Annotated[
    str | None,
    typer.Argument(
        metavar="TEXT", help="The text; absent or '-' reads standard input."
    ),
]
File = Annotated[
    Path | None, typer.Option("--file", "-f", help="Read the text from this file.")
]
Candidates = Annotated[
    str | None,
    typer.Option(
        "--candidates",
        help=(
            "How many to choose by a cheap attribution, all, or which: positions such"
            " as 0,3,5-9, or names (a single position with a comma behind it; a"
            f" repeated word means all of it, owl#2 its second). Default: {CHOSEN}, all"
            " with --zoom."
        ),
    ),
]
Screening = Annotated[
    str | None,
    typer.Option(
        help="What a number of candidates is chosen by. Default: the lens's cheapest."
    ),
]
Zoom = Annotated[
    bool,
    typer.Option("--zoom", help="Coarse to fine: split what matters, explain again."),
]
Model = Annotated[
    str,
    typer.Option(
        "--model",
        "-m",
        help=(
            "Hub id or local directory of a model; sentiment and induction come with"
            " the package."
        ),
    ),
]
Kind = Annotated[
    Literal["classifier", "causal", "encoder"] | None,
    typer.Option(help="What to read the model as. Default: what its class says it is."),
]
Target = Annotated[
    list[str] | None,
    typer.Option(
        help=(
            "Label (may be repeated), completion, or query. Default: the predicted"
            " label."
        )
    ),
]
Foil = Annotated[
    str | None,
    typer.Option(help="Label or one-token completion to compare the target with."),
]
Unit = Annotated[str, typer.Option(help=f"What to ablate: {', '.join(UNITS)}.")]
Objective = Annotated[
    str | None, typer.Option(help="What to watch: logit, log-odds, probability, ...")
]
Replacement = Annotated[
    str | None, typer.Option(help=f"What stands in: {', '.join(REPLACEMENTS)}.")
]
Neutral = Annotated[str, typer.Option(help="The string for --replacement neutral.")]
Template = Annotated[
    str, typer.Option(help="What surrounds the text, with {text} in it.")
]
Chat = Annotated[
    bool, typer.Option("--chat", help="Use the tokenizer's chat template.")
]
Windows = Annotated[
    bool,
    typer.Option(
        "--windows",
        help=(
            "Read a text longer than the model's window part by part, and take the"
            " mean."
        ),
    ),
]
Budget = Annotated[
    int, typer.Option("--budget", "-b", help="The most model evaluations.")
]
Method = Annotated[str, typer.Option(help=f"One of {', '.join(METHODS)}.")]
Seed = Annotated[int, typer.Option(help="Decides everything random.")]
Book = Annotated[
    Path | None,
    typer.Option("--ledger", help="Keep evaluations in this file, and reuse them."),
]
Out = Annotated[
    Path | None, typer.Option("--out", "-o", help="Save the explanation here, as JSON.")
]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON instead of a page.")]
Verbose = Annotated[
    bool,
    typer.Option(
        "--verbose", help="Show all figures on the page, and how they were come by."
    ),
]
Revision = Annotated[str | None, typer.Option(help="Branch, tag or commit on the hub.")]
Device = Annotated[
    str | None, typer.Option(help="A torch device. Default: cuda if there is one.")
]
BatchSize = Annotated[int | None, typer.Option(help="Rows a forward pass.")]
Trust = Annotated[
    bool,
    typer.Option("--trust-remote-code", help="Run code that comes with the model."),
]
