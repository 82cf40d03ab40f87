"""Spelling: what Python's arguments are called at the command line, or in a file."""

from typing import Any

import typer

from spexlens.arguments import Speller
from spexlens.cli.mixed import places
from spexlens.cli.usage import option_of

_OPTIONS = {
    "inputs": "text",
    "mean": "each",
    "by": "screening",
    "until": "until_stable",
    "keep": "best_subset",
}
"""Arguments that an option of another name gives."""


def options_of(context: typer.Context) -> Speller:
    """How arguments are written on a command's line, or in the file that it reads."""
    known = {
        param.name: option_of(param) for param in context.command.params if param.name
    }
    sections = places() if context.info_name == "mixed" else {}

    def spell(name: str, value: Any) -> str | None:
        option = known.get(_OPTIONS.get(name, name))
        if option is not None:
            # a switch has no value on the line, and the one of `until` is in its name
            switch = value is None or value is True or name == "until"
            return option if switch else f"{option} {value}"
        if name not in sections:
            return None
        setting = name if value is None else f"{name} = {value!r}"
        return f"{setting}{sections[name]}"

    return spell
