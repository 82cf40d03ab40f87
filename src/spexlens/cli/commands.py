"""Commands: all of them, and what goes for each: its options have an effect, Ctrl-C
says how to go on.
"""

import inspect
from collections.abc import Callable
from functools import wraps
from pathlib import Path
from typing import Annotated, Any

import typer

from spexlens import __version__
from spexlens.arguments import spelled
from spexlens.cli.batch import batch
from spexlens.cli.data import data
from spexlens.cli.demo import demo
from spexlens.cli.exits import INTERRUPTED
from spexlens.cli.features import features
from spexlens.cli.inputs import hinted
from spexlens.cli.mechanistic import mechanistic
from spexlens.cli.mixed import LEDGER, mixed
from spexlens.cli.outputs import refuse_overlaps
from spexlens.cli.plan import plan
from spexlens.cli.salvage import salvage
from spexlens.cli.show import show
from spexlens.cli.spelling import options_of
from spexlens.cli.terminal import say
from spexlens.cli.unused import refuse_unused
from spexlens.errors import ModelError

app = typer.Typer(
    help=(
        "Find which parts of a language model's input, of its training data and of the"
        " model act together, from a counted budget of ablations."
    ),
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)


@app.callback(invoke_without_command=True)
def _root(
    context: typer.Context,
    show_version: Annotated[
        bool, typer.Option("--version", help="Print the version and leave.")
    ] = False,
) -> None:
    if show_version:
        typer.echo(f"spexlens {__version__}")
        raise typer.Exit
    if context.invoked_subcommand is None:
        typer.echo(context.get_help())
        raise typer.Exit(2)


def carried_out(command: Callable[..., None]) -> Callable[..., None]:
    """A command whose options are seen to have an effect, and whose interruption says
    how to go on.
    """
    own = inspect.signature(command)
    asked = "context" in own.parameters

    @wraps(command)
    def wrapped(context: typer.Context, **given: Any) -> None:
        with spelled(options_of(context)):
            refuse_unused(context)
            refuse_overlaps(context.params)
            try:
                command(**given, **({"context": context} if asked else {}))
            except ModelError as error:
                raise ModelError(hinted(error, context.params.get("model"))) from error
            except KeyboardInterrupt:
                say(f"spexlens: {_how_to_go_on(context)}", err=True)
                raise typer.Exit(INTERRUPTED) from None

    first = inspect.Parameter(
        "context", inspect.Parameter.KEYWORD_ONLY, annotation=typer.Context
    )
    others = [each for name, each in own.parameters.items() if name != "context"]
    keyword = [each.replace(kind=inspect.Parameter.KEYWORD_ONLY) for each in others]
    wrapped.__signature__ = own.replace(parameters=[first, *keyword])  # type: ignore[attr-defined]
    wrapped.__annotations__ = {**command.__annotations__, "context": typer.Context}
    return wrapped


def _how_to_go_on(context: typer.Context) -> str:
    """What is kept of an interrupted command, and what to do to have the rest."""
    name = context.info_name
    ledger: Path | None = context.params.get("ledger") or context.meta.get(LEDGER)
    if ledger is not None:
        return (
            f"interrupted; what was paid for is in {ledger}: the same command goes on"
            " from there"
        )
    if "ledger" in context.params or name == "mixed":
        return (
            "interrupted, and nothing was kept; with --ledger FILE the same command"
            " goes on where it was"
        )
    return (
        "interrupted; nothing was paid for"
        if name == "show"
        else "interrupted, and nothing was kept"
    )


for each in (demo, features, mechanistic, data, mixed, batch, plan, show, salvage):
    app.command()(carried_out(each))
