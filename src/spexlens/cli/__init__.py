"""The command line: thin; everything it does, the library does."""

import sys
from io import TextIOWrapper
from typing import Annotated

import typer

from spexlens import __version__
from spexlens.cli.batch import batch
from spexlens.cli.data import data
from spexlens.cli.features import demo, features
from spexlens.cli.mechanistic import mechanistic
from spexlens.cli.mixed import mixed
from spexlens.cli.plan import plan
from spexlens.cli.show import show
from spexlens.errors import SpexlensError

app = typer.Typer(
    help="Find which parts of a language model's input, of its training data and of the model act together, "
    "from a counted budget of ablations.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)
for command in (demo, features, mechanistic, data, mixed, batch, plan, show):
    app.command()(command)


@app.callback(invoke_without_command=True)
def _root(
    show_version: Annotated[bool, typer.Option("--version", help="Print the version and leave.")] = False,
) -> None:
    if show_version:
        typer.echo(f"spexlens {__version__}")
        raise typer.Exit


def main() -> None:
    """Run the command line; an error that a user can mend is one line and exit code 2."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, TextIOWrapper):
            stream.reconfigure(errors="replace")
    try:
        app()
    except SpexlensError as error:
        typer.echo(f"spexlens: {error}", err=True)
        raise SystemExit(2) from None
