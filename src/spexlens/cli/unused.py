"""Unused: an option that would have no effect is refused, with what it goes with."""

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, replace
from typing import Any

import typer

from spexlens.cli.usage import option_of
from spexlens.errors import InvalidInput

Given = Mapping[str, Any]
"""What a command was given, defaults included, by the names of its parameters."""

# an empty value of any other is most likely a variable of a shell that is not set
_MAY_BE_EMPTY = ("text", "neutral", "foil", "counterfactual")


@dataclass(frozen=True)
class Need:
    """Options that have an effect only beside others.

    Attributes:
        names: of the parameters.
        met: whether what is given lets them have an effect.
        said: what they go with, behind the option's name.
        beside: the parameters that decide it; a command without them has no such need.
    """

    names: tuple[str, ...]
    met: Callable[[Given], bool]
    said: str
    beside: tuple[str, ...] = ()

    def among(self, names: Collection[str]) -> "Need":
        """The need of those of its options that a command has."""
        return replace(self, names=tuple(name for name in self.names if name in names))


NEEDS: dict[str, tuple[Need, ...]] = {}
"""Of each command, which options have no effect without others, the first to be told.

Its groups of options say so; `options.grouping` gathers it.
All others always have an effect, or are refused by the library where they have none:
`tests/test_unused.py` goes through every option of every command.
"""


def refuse_unused(context: typer.Context) -> None:
    """InvalidInput for an option on the command line that would have no effect."""
    given = context.params
    written = {param.name: option_of(param) for param in context.command.params}
    for name, value in given.items():
        if value == "" and name not in _MAY_BE_EMPTY:
            raise InvalidInput(
                f"{written[name]} is empty: say what is meant, or leave it out"
            )
    for need in NEEDS.get(context.info_name or "", ()):
        for name in need.names:
            if _is_written(context, name) and not need.met(given):
                raise InvalidInput(f"{written[name]} {need.said}")


def _is_written(context: typer.Context, name: str) -> bool:
    """Whether an option is on the command line, rather than a default."""
    source = context.get_parameter_source(name)
    return source is not None and source.name == "COMMANDLINE"
