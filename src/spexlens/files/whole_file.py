"""Whole files: written beside their place first, so that a crash leaves the old one or
the new one.
"""

import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

_NAMED = 40  # characters of a file's name, in that of the file beside it


@contextmanager
def beside(path: Path) -> Iterator[Path]:
    """Where a file is written before it is put into its place, in the same folder: no
    other file system is in between. It is taken away if it was not.

    Args:
        path: of the file; it has a name.
    """
    part = path.with_name(f"{path.name[:_NAMED]}.{os.getpid()}.part")
    try:
        yield part
    finally:
        # a file that could not be made need not be taken away
        with suppress(OSError, ValueError):
            part.unlink(missing_ok=True)


@contextmanager
def written_whole(path: Path) -> Iterator[Path]:
    """Around writing a file: where to write it; it is put into its place at the end,
    unless something was raised.

    Raises:
        OSError: it cannot be put there.
    """
    with beside(path) as part:
        yield part
        part.replace(path)
