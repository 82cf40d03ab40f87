"""Place: the file that a ledger is kept in, by its name, and whether it is still there."""

import os
import stat
from pathlib import Path

from spexlens.errors import LedgerError

_LONGEST = 255 - len("-journal")  # bytes of a name, with what SQLite puts behind it


def place_of(path: str | Path | None) -> Path | None:
    """The file that a ledger is to be kept in; None for one in memory, which ":memory:"
    says too.

    Raises:
        LedgerError: no file can have that name, or what stands there cannot be a
            ledger.
    """
    if path is None or str(path) == ":memory:":
        return None
    text = str(path)
    try:
        os.fsencode(text)
    except UnicodeEncodeError as error:
        raise LedgerError("the ledger's path is not valid Unicode") from error
    if not text.strip():
        raise LedgerError(
            "the ledger's path is empty; give the name of a file, such as runs.db"
        )
    if "\0" in text:
        raise LedgerError(f"the ledger's path holds a null character: {text!r}")
    if text.startswith("file:"):
        raise LedgerError(
            f"{text} is an address: give the ledger's path alone, such as runs.db"
        )
    place = Path(text)
    if len(os.fsencode(place.name)) > _LONGEST:
        raise LedgerError(
            f"the ledger's name is too long: {text[:60]}...; at most {_LONGEST} bytes"
        )
    _refuse_other_kinds(place)
    return place


def _refuse_other_kinds(place: Path) -> None:
    """LedgerError for a folder, a pipe, a device, or a file that cannot be written."""
    try:
        mode = place.stat().st_mode
    except FileNotFoundError:
        if not place.absolute().parent.is_dir():
            raise LedgerError(
                f"cannot make {place}: its folder does not exist"
            ) from None
        return
    except OSError as error:
        raise LedgerError(
            f"cannot use {place} as a ledger: {error.strerror}"
        ) from error
    if not stat.S_ISREG(mode):
        kind = "a folder" if stat.S_ISDIR(mode) else "no ordinary file"
        raise LedgerError(
            f"{place} is {kind}; give the ledger a path of its own, such as runs.db"
        )
    if not os.access(place, os.R_OK | os.W_OK):
        raise LedgerError(
            f"{place} cannot be read and written; change its permissions, or give"
            " another path"
        )


class Presence:
    """Whether a path still is the file that it was."""

    def __init__(self, path: Path) -> None:
        """
        Args:
            path: of a file that exists.
        """
        self._path = path.absolute()  # the folder that a process is in may change
        self._was = _identity(self._path)

    def trouble(self) -> str | None:
        """What became of the file, in a few words; None if it is there as it was."""
        now = _identity(self._path)
        if now is None:
            return "was deleted or moved"
        _, number = now
        if now == self._was or not number:  # a file system without numbers
            return None
        return "was replaced by another file"

    def beside(self, name: str) -> list[Path]:
        """Where a file of this name could be kept instead: beside it, or above, the
        nearest first.
        """
        folders = [folder for folder in self._path.parents if folder.is_dir()]
        return [
            folder / name
            for folder in [*folders[:-1], Path.cwd()]
            if os.access(folder, os.W_OK)
        ]


def _identity(path: Path) -> tuple[int, int] | None:
    """The file's device and its number there; None if there is no file."""
    try:
        status = path.stat()
    except OSError:
        return None
    return status.st_dev, status.st_ino
