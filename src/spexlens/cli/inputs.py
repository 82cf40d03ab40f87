"""Inputs: what a command line's words and files say, refused in one line where they say
nothing.
"""

import re
import sys
from collections.abc import Sequence
from difflib import get_close_matches
from pathlib import Path
from typing import Any

from spexlens.errors import InvalidInput, ModelError
from spexlens.files import jsonl_file, text_file
from spexlens.models.bundled import BUNDLED

_FILE = re.compile(r"\S+\.\w{1,5}|\S*/\S*")
"""What is the path of a file rather than a text of one word."""

_DIGITS = 9  # of a position
_LONGEST = 1_000_000  # positions of a range
_SHOWN = 60  # characters of what is none
_PROMPT = ("prompt", "target", "foil", "counterfactual")


def model_of(name: str) -> str:
    """A hub id or directory; the names of the bundled models are theirs."""
    return str(BUNDLED.get(name, name))


def hinted(error: ModelError, name: str | None) -> str:
    """What is wrong with a model, and the bundled ones where there is none of this
    name.

    Args:
        error: that it cannot be loaded.
        name: as it was given, or None.
    """
    said = str(error)
    if (
        name is None
        or name in BUNDLED
        or not said.startswith("cannot load a model from")
    ):
        return said
    path = Path(name)
    known = ", ".join(BUNDLED)
    if path.exists():
        found = "a folder" if path.is_dir() else "a file"
        lacks = found == "a folder" and not (path / "config.json").exists()
        why = (
            "it is a file: a model is a folder in Transformers' format"
            if found == "a file"
            else ""
        )
        why = (
            "there is no config.json in it: it is no folder of a model"
            if lacks
            else why
        )
        return f"cannot load a model from {name!r}: {why}" if why else said
    if "/" in name:
        return f"{said}; bundled are {known}"
    near = get_close_matches(name.lower(), BUNDLED, 1, 0.6)
    mended = (
        f"did you mean {near[0]}? Bundled are {known}"
        if near
        else f"bundled are {known}"
    )
    return f"there is no model {name!r}: {mended}; else give a folder, or a hub id"


def text_of(text: str | None, file: Path | None) -> str:
    """The text, from an argument, a file or standard input; without the newlines about
    it.

    Raises:
        InvalidInput: there is none or more than one, or it is not Unicode.
    """
    if text not in (None, "-") and file is not None:
        raise InvalidInput("give the text as an argument or with --file, not both")
    if file is not None:
        return _bare(text_file.read(file))
    if text in (None, "-"):
        if sys.stdin is None or sys.stdin.isatty():
            raise InvalidInput(
                "no text: give it as an argument in quotes, with --file, or on standard"
                " input"
            )
        given = _bare(text_file.decoded(_standard_input(), "standard input"))
        if text is None and not given.strip():
            raise InvalidInput(
                "no text: give it as an argument in quotes, or with --file; standard"
                " input is empty"
            )
        return given
    if _FILE.fullmatch(str(text)) and _is_file(str(text)):
        raise InvalidInput(f"{text} is a file: give its text with --file {text}")
    given = text_file.unmarked(str(text))
    half = text_file.half_character(given)
    if half is not None:
        raise InvalidInput(f"the text is not valid Unicode: {half}")
    return given


def _is_file(name: str) -> bool:
    try:
        return Path(name).is_file()
    except (OSError, ValueError):
        return False


def _standard_input() -> bytes:
    """Its bytes, which are UTF-8 whatever the locale says."""
    stream = getattr(sys.stdin, "buffer", None)
    written = (
        sys.stdin.read().encode(errors="surrogatepass")
        if stream is None
        else stream.read()
    )
    return bytes(written)


def _bare(text: str) -> str:
    """A file's text, its lines ended by newlines, without those about it."""
    return re.sub(r"\r+\n", "\n", text).strip("\n")


def target_of(target: list[str] | None) -> str | list[str] | None:
    if not target:
        return None
    return target[0] if len(target) == 1 else target


def lines_of(file: Path) -> list[str]:
    """A file's lines that are not blank: one prompt each."""
    lines = [line for line in text_file.lines(text_file.read(file)) if line.strip()]
    if not lines:
        raise InvalidInput(f"{file} holds no prompt; expected one a line")
    return lines


def prompts_of(file: Path) -> dict[str, Any]:
    """The arguments that a JSONL file of prompts gives a lens, each a list with one
    value a prompt.

    Each line is an object with a "prompt", and the same of "target", "foil" and
    "counterfactual".
    """
    expected = f"an object with {', '.join(_PROMPT)}"
    rows = jsonl_file.objects(file, expected, counted=("prompt", 1))
    if not rows:
        raise InvalidInput(f"{file} holds no prompt; expected one a line")
    first = rows[0].content
    for row in rows:
        if not {"prompt"} <= set(row.content) <= set(_PROMPT):
            raise InvalidInput(f"{row.place}: expected {expected}")
        if set(row.content) != set(first):
            raise InvalidInput(f"{row.place}: has not the keys of prompt 1")
        for name, value in row.content.items():
            _refuse_other(row.place, name, value)
    return {
        "inputs" if name == "prompt" else name: [row.content[name] for row in rows]
        for name in first
    }


def _refuse_other(place: str, name: str, value: Any) -> None:
    """Refuse what is no prompt, no label and no completion."""
    if isinstance(value, str) or (value is None and name != "prompt"):
        return
    if name in ("target", "foil") and type(value) is int:  # a label by its number
        return
    several = (
        isinstance(value, list)
        and value
        and all(isinstance(each, str) for each in value)
    )
    if name in ("target", "foil") and several:
        return
    raise InvalidInput(f"{place}: the {name} is a text; got {str(value)[:_SHOWN]}")


def layers_of(text: str) -> list[int]:
    """Layers such as "0-3,5"."""
    found: list[int] = []
    for part in text.split(","):
        match = re.fullmatch(r"\s*(\d+)(?:-(\d+))?\s*", part)
        if match is None:
            raise InvalidInput(
                f"--layers takes numbers and ranges such as 0-3,5; got {text!r}"
            )
        found += span_of(match[1], match[2], "--layers")
        refuse_endless(found, "--layers")
    return found


def refuse_endless(found: Sequence[object], option: str) -> None:
    """InvalidInput if ranges one behind the other list more than any model or text has."""
    if len(found) > _LONGEST:
        raise InvalidInput(f"{option} lists more than {_LONGEST:,}")


def span_of(first: str, last: str | None, option: str) -> range:
    """The numbers from one to another, written in digits; of one alone where there is
    no other.

    Raises:
        InvalidInput: there are none, or more than any model or text has.
    """
    written = first if last is None else f"{first}-{last}"
    if max(len(first), len(last or "")) <= _DIGITS:
        found = range(int(first), int(last or first) + 1)
        if 0 < len(found) <= _LONGEST:
            return found
        if not found:
            raise InvalidInput(
                f"{option}: the range {written} is empty: give the smaller number first"
            )
    raise InvalidInput(
        f"{option}: the range {written[:40]} is longer than {_LONGEST:,}, the most"
    )
