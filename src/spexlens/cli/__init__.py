"""The command line: thin; everything it does, the library does."""

import codecs
import json
import os
import sys
from contextlib import suppress
from io import TextIOWrapper
from typing import Annotated, Any

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
from spexlens.printable import line

_UsageError: type[Exception] = typer.BadParameter.__bases__[0]
_PLAIN = {
    "Input should be a valid integer, unable to parse string as an integer": "it is a whole number",
    "Input should be a valid number, unable to parse string as a number": "it is a number",
    "Unable to parse input string as an integer, exceeded maximum size": "it is a whole number below 2^63",
    "Input should be": "it is to be",
    "Value error, ": "",
}
"""Words of the parsers of options, and what is said instead."""

app = typer.Typer(
    help="Find which parts of a language model's input, of its training data and of the model act together, "
    "from a counted budget of ablations.",
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)
for command in (demo, features, mechanistic, data, mixed, batch, plan, show):
    app.command()(command)


@app.callback(invoke_without_command=True)
def _root(
    context: typer.Context,
    show_version: Annotated[bool, typer.Option("--version", help="Print the version and leave.")] = False,
) -> None:
    if show_version:
        typer.echo(f"spexlens {__version__}")
        raise typer.Exit
    if context.invoked_subcommand is None:
        typer.echo(context.get_help())
        raise typer.Exit(2)


def main() -> None:
    """Run the command line; an error that a user can mend is one line and exit code 2."""
    codecs.register_error("json", _escaped)
    unknown = "json" if "--json" in sys.argv else "replace"
    for stream, errors in ((sys.stdout, unknown), (sys.stderr, "replace")):
        if isinstance(stream, TextIOWrapper):
            stream.reconfigure(errors=errors)
    try:
        try:
            code = app(standalone_mode=False)  # or typer prints usage errors, in four lines
        finally:
            if sys.stdout is not None:
                sys.stdout.flush()
    except _UsageError as error:
        _leave(_of_usage(error))
    except SpexlensError as error:
        _leave(str(error))
    except BrokenPipeError:  # nobody reads on, as behind head
        _silence()
        raise SystemExit(1) from None
    except OSError as error:
        _silence()
        _leave(f"{error.filename or 'cannot write the output'}: {error.strerror or error}")
    raise SystemExit(code or 0)


def _of_usage(error: Any) -> str:
    """What typer says of an option or an argument, and where the right ones are listed."""
    command = "" if error.ctx is None or error.ctx.parent is None else f" {error.ctx.info_name}"
    said = str(error.format_message()).strip().rstrip(".")
    for words, plain in _PLAIN.items():
        said = said.replace(words, plain)
    return f"{said[:1].lower()}{said[1:]}; see spexlens{command} --help"


def _leave(said: str) -> None:
    """Exit code 2, behind one line."""
    with suppress(OSError):
        typer.echo(f"spexlens: {line(said)}", err=True)
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
