"""Outputs: where a command's results go, seen to take them before anything is paid for."""

import os
import select
import sys
from collections.abc import Iterable
from io import UnsupportedOperation
from pathlib import Path

from spexlens.errors import InvalidInput, ResultError


def check_out(out: Path | None) -> None:
    """See that an explanation can be saved, or, where it is not to be, printed.

    Raises:
        InvalidInput: it cannot.
    """
    if out is None:
        refuse_closed()
        return
    if out.suffix != ".json":
        raise InvalidInput(f"--out writes JSON: give a path that ends in .json, not {out}")
    _refuse_unwritable(out)


def files_in(out: Path, names: Iterable[str]) -> list[Path]:
    """Where explanations of these names go, in a folder that is made if it is not there.

    Raises:
        InvalidInput: one of them cannot be written.
    """
    try:
        out.mkdir(parents=True, exist_ok=True)
    except (OSError, ValueError) as error:
        why = error.strerror if isinstance(error, OSError) else error
        raise InvalidInput(f"--out: {out} is not a folder that can be written: {why}") from error
    files = [out / f"{name}.json" for name in names]
    for file in files:
        _refuse_unwritable(file)
    return files


def _refuse_unwritable(file: Path) -> None:
    from spexlens.saved import refuse_unwritable

    try:
        refuse_unwritable(file)
    except ResultError as error:
        raise InvalidInput(f"--out: give a path that can be written: {error}") from error


def refuse_closed() -> None:
    """InvalidInput before anything is paid for, if standard output takes nothing, such as a closed pipe."""
    try:
        place = sys.stdout.fileno()
        os.write(place, b"")
    except (UnsupportedOperation, AttributeError):  # it is no file, or is not there at all
        return
    except OSError as error:
        raise InvalidInput(f"standard output cannot be written: {error.strerror}; give --out") from error
    if hasattr(select, "poll"):
        poll = select.poll()
        poll.register(place, select.POLLOUT)
        if any(events & select.POLLERR for _, events in poll.poll(0)):
            raise InvalidInput("standard output is a pipe that nobody reads: give --out")
