"""Progress: how far things are, told to a function, or drawn as a bar."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from spexlens.errors import InvalidInput
from spexlens.evaluation.evaluator import Progress


@contextmanager
def told(progress: "Progress | bool | None") -> Iterator[Progress | None]:
    """Within, what to call with (evaluations finished, evaluations asked for).

    Args:
        progress: such a function; True for a bar; the class of a bar, such as
            `tqdm.tqdm`, that is made with `total=`, has `n`, and is drawn by
            `refresh()` until `close()`; None or False for nothing.

    Raises:
        InvalidInput: it is none of these.
    """
    if progress is None or progress is False:
        yield None
    elif progress is True:
        with _bar() as advance:
            yield advance
    elif _is_class_of_bars(progress):
        with _of_class(progress) as advance:
            yield advance
    elif callable(progress) and not isinstance(progress, type):
        yield progress
    else:
        raise InvalidInput(
            "progress is True for a bar, or a function that is called with"
            f" (evaluations finished, evaluations asked for); got {progress!r}"
        )


def _is_class_of_bars(progress: object) -> bool:
    return (
        isinstance(progress, type)
        and hasattr(progress, "refresh")
        and hasattr(progress, "close")
    )


@contextmanager
def _bar() -> Iterator[Progress]:
    """A bar on standard error that goes away when all is done; where there is no
    terminal nothing is drawn.
    """
    # rich takes long to import, and most runs draw nothing
    from rich.console import Console
    from rich.progress import (
        BarColumn,
        MofNCompleteColumn,
        TextColumn,
        TimeRemainingColumn,
    )
    from rich.progress import Progress as Bar

    columns = (
        TextColumn("ablating"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeRemainingColumn(),
    )
    console = Console(stderr=True)
    with Bar(
        *columns, console=console, transient=True, disable=not console.is_terminal
    ) as bar:
        task = bar.add_task("", total=None)

        def advance(done: int, total: int) -> None:
            bar.update(task, completed=done, total=total)

        yield advance


@contextmanager
def _of_class(kind: Any) -> Iterator[Progress]:
    """A bar of somebody else's class."""
    bar = kind(total=0)

    def advance(done: int, total: int) -> None:
        bar.total = total
        bar.n = done
        bar.refresh()

    try:
        yield advance
    finally:
        bar.close()
