"""Quiet: transformers without its log lines and progress bars, and its errors in one
line.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import transformers

_LONGEST = 300


@contextmanager
def quiet() -> Iterator[None]:
    """No progress bars and no log lines while loading; the user's own settings come
    back after.
    """
    logging: Any = transformers.utils.logging
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
    return " ".join(str(error).split())[:_LONGEST]
