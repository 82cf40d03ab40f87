"""Commands: all of them, and what goes for each.

Its options have an effect, and Ctrl-C says how to go on.
"""

import inspect
from collections.abc import Callable
from functools import wraps
from inspect import Parameter
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
from spexlens.cli.mechanistic import mechanistic
from spexlens.cli.mixed import LEDGER, mixed
from spexlens.cli.models import hinted
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
    """A command whose options have an effect, and that says what Ctrl-C has kept."""
    signature = inspect.signature(command)
    takes_context = "context" in signature.parameters

    @wraps(command)
    def checked(context: typer.Context, **values: Any) -> None:
        if takes_context:
            values["context"] = context
        with spelled(options_of(context)):
            refuse_unused(context)
            refuse_overlaps(context.params)
            try:  # both are told here, where it is known what was given
                command(**values)
            except ModelError as error:
                raise ModelError(hinted(error, context.params.get("model"))) from error
            except KeyboardInterrupt:
                say(f"spexlens: {_how_to_go_on(context)}", err=True)
                raise typer.Exit(INTERRUPTED) from None

    # typer hands the context to the parameter of its type
    parameters = [
        Parameter("context", Parameter.KEYWORD_ONLY, annotation=typer.Context),
        *(
            parameter.replace(kind=Parameter.KEYWORD_ONLY)
            for name, parameter in signature.parameters.items()
            if name != "context"
        ),
    ]
    checked.__signature__ = signature.replace(parameters=parameters)  # type: ignore[attr-defined]
    checked.__annotations__ = {**command.__annotations__, "context": typer.Context}
    return checked


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
    if name == "show":
        return "interrupted; nothing was paid for"
    return "interrupted, and nothing was kept"


for command in (demo, features, mechanistic, data, mixed, batch, plan, show, salvage):
    app.command()(carried_out(command))
