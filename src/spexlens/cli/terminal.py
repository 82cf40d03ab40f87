"""The terminal: the way out of every line, with nothing that a terminal would obey."""

import typer

from spexlens.cli import waiting
from spexlens.printable import in_json, shown


def say(text: str, *, err: bool = False) -> None:
    """A line or more on standard output, or on standard error."""
    waiting.end()
    typer.echo(shown(text), err=err)


def say_json(text: str) -> None:
    """JSON on standard output, with what a terminal would obey escaped as in JSON."""
    waiting.end()
    typer.echo(in_json(text))
