"""The command line: thin; everything it does, the library does."""

import codecs
import json
import os
import sys
from contextlib import suppress
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
    codecs.register_error("json", _escaped)
    unknown = "json" if "--json" in sys.argv else "replace"
    for stream, errors in ((sys.stdout, unknown), (sys.stderr, "replace")):
        if isinstance(stream, TextIOWrapper):
            stream.reconfigure(errors=errors)
    try:
        try:
            app()
        finally:
            if sys.stdout is not None:
                sys.stdout.flush()
    except SpexlensError as error:
        _leave(str(error))
    except BrokenPipeError:  # nobody reads on, as behind head
        _silence()
        raise SystemExit(1) from None
    except OSError as error:
        _silence()
        _leave(f"{error.filename or 'cannot write the output'}: {error.strerror or error}")


def _leave(said: str) -> None:
    """Exit code 2, behind one line."""
    with suppress(OSError):
        typer.echo(f"spexlens: {said}", err=True)
    raise SystemExit(2) from None


def _silence() -> None:
    """What is still to be written goes nowhere: Python would try again when it leaves, and say so."""
    with suppress(OSError, ValueError, AttributeError):
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _escaped(error: UnicodeError) -> tuple[str, int]:
    """What an encoding has not, as JSON escapes it."""
    if not isinstance(error, UnicodeEncodeError):
        raise error
    return json.dumps(error.object[error.start : error.end])[1:-1], error.end
