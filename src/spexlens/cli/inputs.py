"""Inputs: what a command line's words and files say, refused in one line where they say nothing."""

import json
import re
import sys
from pathlib import Path
from tempfile import TemporaryFile
from typing import Any

from spexlens.errors import InvalidInput
from spexlens.models.bundled import BUNDLED

_PROMPT = ("prompt", "target", "foil", "counterfactual")


def model_of(name: str) -> str:
    """A hub id or directory; the names of the bundled models are theirs."""
    return str(BUNDLED.get(name, name))


def text_of(text: str | None, file: Path | None) -> str:
    if text not in (None, "-") and file is not None:
        raise InvalidInput("give the text as an argument or with --file, not both")
    if file is not None:
        try:
            return file.read_text(encoding="utf-8").strip("\n")
        except (OSError, UnicodeDecodeError) as error:
            raise InvalidInput(f"cannot read {file}: {error}") from error
    if text in (None, "-"):
        if sys.stdin.isatty():
            raise InvalidInput("no text: give it as an argument, with --file, or on standard input")
        try:
            return sys.stdin.read().strip("\n")
        except UnicodeDecodeError as error:
            raise InvalidInput(f"standard input is not UTF-8 text: {error.reason}") from error
    return str(text)


def target_of(target: list[str] | None) -> str | list[str] | None:
    if not target:
        return None
    return target[0] if len(target) == 1 else target


def check_out(out: Path | None) -> None:
    """Refuse before anything is paid for."""
    if out is not None and out.suffix != ".json":
        raise InvalidInput(f"--out writes JSON: give a path that ends in .json, not {out}")
    if out is not None:
        try:
            TemporaryFile(dir=out.parent).close()
        except OSError as error:
            raise InvalidInput(f"--out: {out.parent} is not a directory that can be written") from error
    if out is not None and out.is_dir():
        raise InvalidInput(f"--out: {out} is a directory")


def lines_of(file: Path) -> list[str]:
    """A file's lines that are not blank: one prompt each."""
    lines = [line for line in text_of(None, file).splitlines() if line.strip()]
    if not lines:
        raise InvalidInput(f"{file} holds no prompt; expected one a line")
    return lines


def prompts_of(file: Path) -> dict[str, Any]:
    """The arguments that a JSONL file of prompts gives a lens, each a list with one value a prompt.

    Each line is an object with a "prompt", and the same of "target", "foil" and "counterfactual".
    """
    rows: list[dict[str, Any]] = []
    for number, line in enumerate(lines_of(file), start=1):
        try:
            row = json.loads(line)
        except ValueError as error:
            raise InvalidInput(f"{file}, prompt {number}, is not JSON: {error}") from error
        if not isinstance(row, dict) or not {"prompt"} <= set(row) <= set(_PROMPT):
            raise InvalidInput(f"{file}, prompt {number}: expected an object with {', '.join(_PROMPT)}")
        if rows and set(row) != set(rows[0]):
            raise InvalidInput(f"{file}, prompt {number}: has not the keys of prompt 1")
        rows.append(row)
    return {"inputs" if name == "prompt" else name: [row[name] for row in rows] for name in rows[0]}


def layers_of(text: str) -> list[int]:
    """Layers such as "0-3,5"."""
    found: list[int] = []
    for part in text.split(","):
        match = re.fullmatch(r"\s*(\d+)(?:-(\d+))?\s*", part)
        if match is None:
            raise InvalidInput(f"--layers takes numbers and ranges such as 0-3,5; got {text!r}")
        found += range(int(match[1]), int(match[2] or match[1]) + 1)
    return found
