"""Waiting: a word on a terminal while things are imported and loaded, which takes
seconds.
"""

import sys
from collections.abc import Sequence

_WORD = "loading ..."
_QUICK = {"--help", "--version"}
_shown = False


def begin(arguments: Sequence[str]) -> None:
    """Say that it is being loaded, if standard error is a terminal and there is
    something to load.
    """
    global _shown
    if (
        not arguments
        or _QUICK & set(arguments)
        or sys.stderr is None
        or not sys.stderr.isatty()
    ):
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
