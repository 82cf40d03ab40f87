"""Outputs: where results go, seen to take them before anything is paid for.

Nothing that a command reads is written over, and no output by another: not the inputs,
not the files of a model, not the ledger by the explanation.
"""

import os
import re
import select
import sys
from collections.abc import Iterable, Mapping
from contextlib import suppress
from io import UnsupportedOperation
from pathlib import Path
from typing import Any

from spexlens.errors import InvalidInput, ResultError
from spexlens.models.bundled import BUNDLED

_INPUTS = {
    "file": "--file",
    "prompts": "the file of prompts",
    "reference": "--reference",
    "ordinary": "--ordinary",
    "expectations": "--expectations",
    "table": "TRAIN",
    "test": "--test",
    "config": "CONFIG",
}
"""The files that commands read, by the names of their parameters."""

_MODELS = {"model": "--model", "encoder": "--encoder"}
_BESIDE = ("-wal", "-shm", "-journal")  # what SQLite keeps beside a ledger
_LONGEST = 255  # bytes of a file's name, on the systems that there are


def check_out(out: Path | None) -> None:
    """See that an explanation can be saved, or, where it is not to be, printed.

    Raises:
        InvalidInput: it cannot.
    """
    if out is None:
        refuse_closed()
        return
    if out.suffix != ".json":
        if out.is_dir():
            raise InvalidInput(
                f"--out {out} is a folder: name a file in it, such as {out / 'x.json'}"
            )
        raise InvalidInput(
            f"--out writes JSON: give a path that ends in .json, not {out}"
        )
    _refuse_unwritable(out, "explanation")


def files_in(out: Path, names: Iterable[str], summary: str) -> list[Path]:
    """Where explanations of these names go, in a folder that is made where it is not.

    Raises:
        InvalidInput: one of them, or the summary beside them, cannot be written.
    """
    _refuse_odd_name(out, "--out")
    try:
        out.mkdir(parents=True, exist_ok=True)
    except (OSError, ValueError) as error:
        why = error.strerror if isinstance(error, OSError) else error
        raise InvalidInput(
            f"--out: {out} is not a folder that can be written: {why}"
        ) from error
    files = [out / f"{name}.json" for name in names]
    for file in files:
        _refuse_unwritable(file, "explanation")
    _refuse_unwritable(out / f"{summary}.json", "aggregate")
    return files


def refuse_overlaps(
    given: Mapping[str, Any], outs: Iterable[Path] | None = None
) -> None:
    """See that what is written is not read, nor written by another part of a command.

    Args:
        given: paths and models by the names of a command's parameters; None where there
            is none.
        outs: the files that are saved, where "out" is not the only one.

    Raises:
        InvalidInput: `--out` or `--ledger` is an input, a file of a model, or the other
            of the two; or a name that no file can have.
    """
    ledger = given.get("ledger")
    out = given.get("out")
    saved = [path for path in ([out] if outs is None else outs) if path is not None]
    for path in saved:
        _refuse_odd_name(path, "--out")
        _refuse_read(path, "--out", given)
    if ledger is None:
        return
    _refuse_odd_name(ledger, "--ledger")
    if ledger.is_dir():
        raise InvalidInput(
            f"--ledger {ledger} is a folder: name a file in it, such as"
            f" {ledger / 'runs.db'}"
        )
    _refuse_read(ledger, "--ledger", given)
    kept = [ledger, *(Path(f"{ledger}{ending}") for ending in _BESIDE)]
    for path in saved:
        if any(_is_same(path, file) for file in kept):
            raise InvalidInput(
                f"--out and --ledger are both {path}: give each a path of its own"
            )


def _refuse_read(path: Path, option: str, given: Mapping[str, Any]) -> None:
    """InvalidInput for a path that is written to, and read by the same command."""
    for name, reader in _INPUTS.items():
        if given.get(name) is not None and _is_same(path, given[name]):
            raise InvalidInput(
                f"{option} {path} is what {reader} reads: give another path"
            )
    for name, reader in _MODELS.items():
        folder = _folder_of(given.get(name))
        if folder is not None and folder in resolved(path).parents:
            raise InvalidInput(
                f"{option} {path} is in the folder of {reader}: give a path outside"
                " of it"
            )


def _refuse_odd_name(path: Path, option: str) -> None:
    """InvalidInput for a path that no file can have, or that nobody could read."""
    text = str(path)
    if "\0" in text:
        raise InvalidInput(f"{option}: a path holds no NUL; got {text!r}")
    # bytes that are no UTF-8 come as half characters
    if re.search("[\ud800-\udfff]", text):
        raise InvalidInput(f"{option}: the path is not valid Unicode: {text!r}")
    long = next((part for part in path.parts if len(part.encode()) > _LONGEST), None)
    if long is not None:
        raise InvalidInput(
            f"{option}: the name {long[:20]}... has {len(long.encode())} bytes;"
            f" {_LONGEST} are the most"
        )


def _folder_of(model: Any) -> Path | None:
    """The folder that a model is read from, if it is one."""
    if model is None:
        return None
    folder = Path(BUNDLED.get(str(model), str(model)))
    with suppress(OSError, ValueError):
        if folder.is_dir():
            return resolved(folder)
    return None


def _is_same(first: Path, second: Path) -> bool:
    """Whether two paths are one file, under whatever name."""
    # what is not there yet is compared by its path alone
    with suppress(OSError, ValueError):
        if os.path.samefile(first, second):
            return True
    return resolved(first) == resolved(second)


def resolved(path: Path) -> Path:
    """The path without links; as it is where they lead nowhere."""
    try:
        return path.resolve()
    except (OSError, ValueError, RuntimeError):
        return path.absolute()


def _refuse_unwritable(file: Path, kind: str) -> None:
    from spexlens.files.json_file import refuse_unwritable

    _refuse_odd_name(file, "--out")
    try:
        refuse_unwritable(file, kind)
    except ResultError as error:
        folder = file.parent
        if not folder.exists():
            raise InvalidInput(
                f"--out: give a path that can be written: there is no folder {folder};"
                " make it first"
            ) from error
        raise InvalidInput(
            f"--out: give a path that can be written: {error}"
        ) from error


def refuse_closed() -> None:
    """InvalidInput before anything is paid for, if standard output takes nothing."""
    try:
        descriptor = sys.stdout.fileno()
        os.write(descriptor, b"")
    # it is no file, or is not there at all
    except (UnsupportedOperation, AttributeError):
        return
    except OSError as error:
        raise InvalidInput(
            f"standard output cannot be written: {error.strerror}; give --out"
        ) from error
    if not hasattr(select, "poll"):
        return
    # no byte is written above, so that a pipe without a reader does not show there
    poll = select.poll()
    poll.register(descriptor, select.POLLOUT)
    if any(events & select.POLLERR for _, events in poll.poll(0)):
        raise InvalidInput("standard output is a pipe that nobody reads: give --out")
