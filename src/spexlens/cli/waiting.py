"""Waiting: a word on a terminal while things are imported and loaded, for seconds."""

import sys
from collections.abc import Sequence

_WORD = "loading ..."
_QUICK = {"--help", "--version"}
_shown = False


def begin(arguments: Sequence[str]) -> None:
    """Say that it is being loaded, if there is a terminal, and something to load."""
    global _shown
    if not arguments or _QUICK & set(arguments):
        return
    if sys.stderr is None or not sys.stderr.isatty():
        return
    sys.stderr.write(f"{_WORD}\r")  # what is written next stands in its place
    sys.stderr.flush()
    _shown = True


def end() -> None:
    """Take the word away, before anything else is written."""
    global _shown
    if _shown:
        _shown = False
        sys.stderr.write(f"{' ' * len(_WORD)}\r")
        sys.stderr.flush()
