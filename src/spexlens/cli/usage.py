"""Usage: what typer finds wrong with a command line, in one line that says what is
right.
"""

import re
from difflib import get_close_matches
from typing import Any

import typer

UsageError: type[Exception] = typer.BadParameter.__bases__[0]
"""What typer raises for a command line that it cannot read."""

_MISSING = {
    "--test": "the test points: --test FILE, CSV or JSONL with the columns of TRAIN",
    "TRAIN": (
        "the training examples: spexlens data TRAIN --test TEST, each CSV with a"
        " header, or JSONL"
    ),
    "CONFIG": "a TOML file: spexlens mixed CONFIG.toml",
}


def told(error: Any) -> str:
    """The one line."""
    context = error.ctx
    name = type(error).__name__
    command = (
        context.info_name
        if context is not None and context.parent is not None
        else None
    )
    if name == "MissingParameter" and error.param is not None:
        shown = option_of(error.param)
        said = f"{command} needs {_MISSING.get(shown, shown)}"
    elif name == "NoSuchOption":
        said = _no_option(error.option_name, command, context)
    elif name == "BadOptionUsage":
        said = _used_badly(error)
    elif name == "BadParameter" and error.param is not None:
        said = _bad_value(error)
    elif command is None:
        said = _no_command(error)
    else:
        said = _too_much(error, command, context)
    mark = "" if said.endswith("?") else ";"
    return f"{said}{mark} see spexlens {f'{command} ' if command else ''}--help"


def option_of(param: Any) -> str:
    """A parameter as it is written: its longest option, or an argument's name in the
    usage line.
    """
    options = [option for option in param.opts if option.startswith("-")]
    if options:
        return str(max(options, key=len))
    return str(param.metavar or param.name or "").upper()


def _bad_value(error: Any) -> str:
    option = option_of(error.param)
    said = " ".join(str(error.message).split()).rstrip(".")
    cause = getattr(error.__cause__, "errors", None)
    given = cause()[0].get("input") if cause is not None else None
    quoted = re.search(r"'(.*?)' is not", said)
    shown = (
        str(given)
        if isinstance(given, str | int | float)
        else quoted[1]
        if quoted
        else None
    )
    got = (
        ""
        if shown is None
        else f"; got {shown!r}"
        if not shown.strip()
        else f"; got {shown}"
    )
    limit = re.search(r"(?:greater than or equal to|range x>=) ?(-?\d+)", said)
    if limit is not None:
        return f"{option} is {limit[1]} or more{got}"
    choices = re.search(r"is not one of (.*)", said)
    if choices is not None:
        return f"{option} is one of {choices[1].replace(chr(39), '')}{got}"
    if "integer" in said or "valid int" in said:
        return f"{option} is a whole number, such as {_example(option)}{got}"
    if "number" in said or "float" in said:
        return f"{option} is a number, such as 0.9{got}"
    return f"{option}: {said.removeprefix('Value error, ')}"


def _example(option: str) -> int:
    return 300 if option == "--budget" else 8


def _no_option(given: str, command: str | None, context: Any) -> str:
    known = (
        []
        if context is None
        else [o for p in context.command.params for o in p.opts if o[:2] == "--"]
    )
    near = get_close_matches(given, known, 1, 0.6)
    mended = f"; did you mean {near[0]}?" if near else ""
    where = f" of {command}" if command else ""
    return f"there is no option {given}{where}{mended}"


def _used_badly(error: Any) -> str:
    if "requires an argument" in str(error.message):
        return f"{error.option_name} needs a value behind it"
    if "does not take a value" in str(error.message):
        return f"{error.option_name} takes no value: it is given or left out"
    return _lowered(error.message)


def _no_command(error: Any) -> str:
    commands = (
        list(getattr(error.ctx.command, "commands", {}))
        if error.ctx is not None
        else []
    )
    given = re.search(
        r"No such command '(.*?)'\.?(?: Did you mean.*)?$",
        str(error.message),
        re.DOTALL,
    )
    if given is None:
        return _lowered(error.message)
    near = get_close_matches(given[1], commands, 1, 0.7)
    if near:
        return f"there is no command {given[1]!r}; did you mean {near[0]}?"
    if " " in given[1]:
        return (
            f"name a command first: spexlens features {given[1]!r} explains that text"
        )
    return f"there is no command {given[1]!r}; the commands are {', '.join(commands)}"


def _too_much(error: Any, command: str, context: Any) -> str:
    extra = re.search(
        r"unexpected extra arguments?(?:\(s\))? \((.*)\)", str(error.message), re.DOTALL
    )
    if extra is None:
        return _lowered(error.message)
    takes = [
        option_of(param)
        for param in context.command.params
        if not param.opts[0].startswith("-")
    ]
    if takes == ["TEXT"]:
        return (
            f'the text is one argument: put it in quotes, as in spexlens {command} "a'
            ' great film"'
        )
    return (
        f"{command} takes {takes[0] if takes else 'no argument'} alone; too much is"
        f" {extra[1]}"
    )


def _lowered(message: object) -> str:
    text = " ".join(str(message).split()).rstrip(".")
    return text[:1].lower() + text[1:]
