"""Inputs: texts and prompts, from words and files, or a line that says why not."""

import re
import sys
from pathlib import Path
from typing import Any

from spexlens.errors import InvalidInput
from spexlens.files import jsonl_file, text_file

_FILE = re.compile(r"\S+\.\w{1,5}|\S*/\S*")
"""What is the path of a file rather than a text of one word."""

_SHOWN = 60  # characters of what is no prompt
_KEYS = ("prompt", "target", "foil", "counterfactual")


def text_of(text: str | None, file: Path | None) -> str:
    """The text, without the newlines about it.

    Args:
        text: itself; "-" or None reads standard input.
        file: that has it.

    Raises:
        InvalidInput: there is none or more than one, or it is not Unicode.
    """
    is_written = text not in (None, "-")
    if is_written and file is not None:
        raise InvalidInput("give the text as an argument or with --file, not both")
    if file is not None:
        return _bare(text_file.read(file))
    if not is_written:
        return _piped(may_be_empty=text == "-")
    return _written(str(text))


def _piped(*, may_be_empty: bool) -> str:
    """The text on standard input."""
    # at a terminal it would wait for what nobody knows is to be typed
    if sys.stdin is None or sys.stdin.isatty():
        raise InvalidInput(
            "no text: give it as an argument in quotes, with --file, or on standard"
            " input"
        )
    text = _bare(text_file.decoded(_standard_input(), "standard input"))
    if not may_be_empty and not text.strip():
        raise InvalidInput(
            "no text: give it as an argument in quotes, or with --file; standard"
            " input is empty"
        )
    return text


def _written(argument: str) -> str:
    """The text that is an argument."""
    # who forgets --file would have the name of the file explained
    if _FILE.fullmatch(argument) and _is_file(argument):
        raise InvalidInput(
            f"{argument} is a file: give its text with --file {argument}"
        )
    text = text_file.unmarked(argument)
    half = text_file.half_character(text)
    if half is not None:
        raise InvalidInput(f"the text is not valid Unicode: {half}")
    return text


def _is_file(name: str) -> bool:
    try:
        return Path(name).is_file()
    except (OSError, ValueError):
        return False


def _standard_input() -> bytes:
    """Its bytes, which are UTF-8 whatever the locale says."""
    stream = getattr(sys.stdin, "buffer", None)
    if stream is None:
        return sys.stdin.read().encode(errors="surrogatepass")
    return bytes(stream.read())


def _bare(text: str) -> str:
    """A file's text, its lines ended by newlines, without those about it."""
    return re.sub(r"\r+\n", "\n", text).strip("\n")


def lines_of(file: Path) -> list[str]:
    """A file's lines that are not blank: one prompt each."""
    lines = [line for line in text_file.lines(text_file.read(file)) if line.strip()]
    if not lines:
        raise InvalidInput(f"{file} holds no prompt; expected one a line")
    return lines


def prompts_of(file: Path) -> dict[str, Any]:
    """What a JSONL file of prompts gives a lens: lists with one value a prompt.

    Each line is an object with a "prompt", and the same of "target", "foil" and
    "counterfactual".

    Raises:
        InvalidInput: there is no prompt, or a line is something else.
    """
    expected = f"an object with {', '.join(_KEYS)}"
    rows = jsonl_file.objects(file, expected, counted=("prompt", 1))
    if not rows:
        raise InvalidInput(f"{file} holds no prompt; expected one a line")
    first = rows[0].content
    for row in rows:
        if not {"prompt"} <= set(row.content) <= set(_KEYS):
            raise InvalidInput(f"{row.place}: expected {expected}")
        if set(row.content) != set(first):
            raise InvalidInput(f"{row.place}: has not the keys of prompt 1")
        for name, value in row.content.items():
            _refuse_no_text(row.place, name, value)
    # a lens calls them inputs, of which a prompt is one
    columns = {name: [row.content[name] for row in rows] for name in first}
    return {
        "inputs" if name == "prompt" else name: values
        for name, values in columns.items()
    }


def _refuse_no_text(place: str, name: str, value: Any) -> None:
    """Refuse what is no prompt, no label and no completion."""
    if isinstance(value, str) or (value is None and name != "prompt"):
        return
    if name in ("target", "foil"):
        if type(value) is int:  # a label by its number
            return
        is_list = isinstance(value, list) and value
        if is_list and all(isinstance(part, str) for part in value):
            return
    raise InvalidInput(f"{place}: the {name} is a text; got {str(value)[:_SHOWN]}")
