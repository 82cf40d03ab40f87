"""Quiet: transformers without log lines and progress bars, its errors in one line."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import transformers

from spexlens import printable

_LONGEST = 300  # characters of an error


@contextmanager
def quiet() -> Iterator[None]:
    """Inside, no progress bars and no log lines; after it the user's own settings."""
    logging: Any = transformers.utils.logging  # which has no types
    level = logging.get_verbosity()
    bars = logging.is_progress_bar_enabled()
    logging.set_verbosity(logging.CRITICAL)
    logging.disable_progress_bar()
    try:
        yield
    finally:
        logging.set_verbosity(level)
        if bars:
            logging.enable_progress_bar()


def one_line(error: BaseException) -> str:
    """What an error says, as one line of at most 300 characters."""
    return printable.one_line(error, _LONGEST)
