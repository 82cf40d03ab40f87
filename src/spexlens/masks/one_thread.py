"""One thread: sums in another order would be other bits."""

from concurrent.futures import ThreadPoolExecutor
from functools import cache
from typing import Any

from threadpoolctl import ThreadpoolController


def one_thread() -> Any:
    """A context in which the linear algebra of numpy and scipy runs on one thread."""
    return _controller().limit(limits=1)


@cache
def _controller() -> ThreadpoolController:
    """What holds the libraries' threads; found once, with scipy's own library loaded."""
    # scipy brings a linear algebra library of its own, which is to be found too
    import scipy.linalg  # noqa: F401

    # In a thread of its own: the search runs in callbacks from C, where an interrupt
    # would be lost.
    with ThreadPoolExecutor(1) as pool:
        return pool.submit(ThreadpoolController).result()
