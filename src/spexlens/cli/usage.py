"""Usage: what typer finds wrong with a command line, and what is right, in one line."""

import re
from difflib import get_close_matches
from typing import Any

import typer

# typer exports the error of a bad parameter, and not what it is a kind of
UsageError: type[Exception] = typer.BadParameter.__bases__[0]
"""What typer raises for a command line that it cannot read."""

_MISSING = {  # of what a command needs, how it is given
    "--test": "the test points: --test FILE, CSV or JSONL with the columns of TRAIN",
    "TRAIN": (
        "the training examples: spexlens data TRAIN --test TEST, each CSV with a"
        " header, or JSONL"
    ),
    "CONFIG": "a TOML file: spexlens mixed CONFIG.toml",
}


def told(error: Any) -> str:
    """The one line.

    Args:
        error: a `UsageError`; typer shows no types of those that it raises.
    """
    context = error.ctx
    command = None
    if context is not None and context.parent is not None:
        command = context.info_name
    said = _said(error, command, context)
    mark = "" if said.endswith("?") else ";"
    return f"{said}{mark} see spexlens {f'{command} ' if command else ''}--help"


def _said(error: Any, command: str | None, context: Any) -> str:
    """What is wrong."""
    name = type(error).__name__
    if name == "MissingParameter" and error.param is not None:
        shown = option_of(error.param)
        return f"{command} needs {_MISSING.get(shown, shown)}"
    if name == "NoSuchOption":
        return _no_option(error.option_name, command, context)
    if name == "BadOptionUsage":
        return _used_badly(error)
    if name == "BadParameter" and error.param is not None:
        return _bad_value(error)
    if command is None:
        return _no_command(error)
    return _too_much(error, command, context)


def option_of(param: Any) -> str:
    """A parameter as it is written: its longest option, or an argument in capitals."""
    options = [name for name in param.opts if name.startswith("-")]
    if options:
        return str(max(options, key=len))
    return str(param.metavar or param.name or "").upper()


def _bad_value(error: Any) -> str:
    """What an option takes, and what it got."""
    option = option_of(error.param)
    message = " ".join(str(error.message).split()).rstrip(".")
    got = _got(error, message)
    # the words are those of click, which typer reads numbers by, and of pydantic
    limit = re.search(r"(?:greater than or equal to|range x>=) ?(-?\d+)", message)
    if limit is not None:
        return f"{option} is {limit[1]} or more{got}"
    choices = re.search(r"is not one of (.*)", message)
    if choices is not None:
        return f"{option} is one of {choices[1].replace(chr(39), '')}{got}"
    if "integer" in message or "valid int" in message:
        return f"{option} is a whole number, such as {_example(option)}{got}"
    if "number" in message or "float" in message:
        return f"{option} is a number, such as 0.9{got}"
    return f"{option}: {message.removeprefix('Value error, ')}"


def _got(error: Any, message: str) -> str:
    """What an option got, behind what it takes; nothing where the error has it not."""
    problems = getattr(error.__cause__, "errors", None)
    value = None if problems is None else problems()[0].get("input")
    if not isinstance(value, str | int | float):
        quoted = re.search(r"'(.*?)' is not", message)
        if quoted is None:
            return ""
        value = quoted[1]
    text = str(value)
    # blanks alone would not be seen
    return f"; got {text}" if text.strip() else f"; got {text!r}"


def _example(option: str) -> int:
    return 300 if option == "--budget" else 8


def _no_option(option: str, command: str | None, context: Any) -> str:
    """That there is no such option, and which is meant."""
    params = [] if context is None else context.command.params
    known = [name for param in params for name in param.opts if name.startswith("--")]
    near = get_close_matches(option, known, 1, 0.6)
    question = f"; did you mean {near[0]}?" if near else ""
    where = f" of {command}" if command else ""
    return f"there is no option {option}{where}{question}"


def _used_badly(error: Any) -> str:
    if "requires an argument" in str(error.message):
        return f"{error.option_name} needs a value behind it"
    if "does not take a value" in str(error.message):
        return f"{error.option_name} takes no value: it is given or left out"
    return _lowered(error.message)


def _no_command(error: Any) -> str:
    """That there is no such command, and which is meant."""
    commands: list[str] = []
    if error.ctx is not None:
        commands = list(getattr(error.ctx.command, "commands", {}))
    match = re.search(
        r"No such command '(.*?)'\.?(?: Did you mean.*)?$",
        str(error.message),
        re.DOTALL,
    )
    if match is None:
        return _lowered(error.message)
    word = match[1]
    near = get_close_matches(word, commands, 1, 0.7)
    if near:
        return f"there is no command {word!r}; did you mean {near[0]}?"
    if " " in word:
        return f"name a command first: spexlens features {word!r} explains that text"
    return f"there is no command {word!r}; the commands are {', '.join(commands)}"


def _too_much(error: Any, command: str, context: Any) -> str:
    """That there are more arguments than a command takes."""
    extra = re.search(
        r"unexpected extra arguments?(?:\(s\))? \((.*)\)", str(error.message), re.DOTALL
    )
    if extra is None:
        return _lowered(error.message)
    params = context.command.params
    arguments = [
        option_of(param) for param in params if not param.opts[0].startswith("-")
    ]
    if arguments == ["TEXT"]:
        return (
            f'the text is one argument: put it in quotes, as in spexlens {command} "a'
            ' great film"'
        )
    taken = arguments[0] if arguments else "no argument"
    return f"{command} takes {taken} alone; too much is {extra[1]}"


def _lowered(message: object) -> str:
    text = " ".join(str(message).split()).rstrip(".")
    return text[:1].lower() + text[1:]
