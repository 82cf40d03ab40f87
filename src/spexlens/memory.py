"""Memory: whether an error means that there was not enough of it."""

from collections.abc import Iterator
from contextlib import contextmanager

from spexlens.errors import OutOfMemory


def ran_out(error: BaseException) -> bool:
    """Whether an error is one of memory, of this machine or of an accelerator."""
    text = str(error).lower()
    return (
        isinstance(error, MemoryError | OutOfMemory)
        or type(error).__name__ == "OutOfMemoryError"
        or "out of memory" in text
        or "can't allocate memory" in text
    )


@contextmanager
def enough_memory(said: str) -> Iterator[None]:
    """Around what cannot be done in smaller parts.

    Args:
        said: behind "out of memory", what was done and what to do.

    Raises:
        OutOfMemory: there was not enough.
    """
    try:
        yield
    except (MemoryError, RuntimeError, OutOfMemory) as error:
        if not ran_out(error):
            raise
        raise OutOfMemory(f"out of memory {said}") from error
