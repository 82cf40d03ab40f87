"""Bounded: a stranger's program, such as a chat template, run within limits.

A loop that has no end is stopped, and so is a string that grows without one. Where a
process cannot be forked, as under Windows, the program runs in this one, without
limits.
"""

import json
import os
import select
import signal
import warnings
from collections.abc import Callable
from contextlib import suppress
from time import monotonic
from typing import Any

from spexlens.errors import ModelError
from spexlens.models.quiet import one_line

SECONDS = 3.0
"""The longest that it may take, by the clock."""

_MEMORY = 512 << 20  # bytes, beyond what this process has
_ANSWER = 64 << 20  # bytes, of what it answers
_TOOK_TOO_MUCH = f"takes more than {_MEMORY >> 20} MB of memory"


def bounded(work: Callable[[], Any], what: str) -> Any:
    """What a function answers, as JSON, within 3 seconds and 512 MB of memory.

    Args:
        work: runs in a child process, where nothing that it changes is seen from here.
        what: it is, for an error.

    Raises:
        ModelError: it goes beyond a limit, or whatever it raised, in one line.
    """
    if not hasattr(os, "fork"):
        return _within(work, what)
    reading, writing = os.pipe()
    child = _forked()
    if child == 0:
        os.close(reading)
        _answer(work, writing)
    os.close(writing)
    try:
        line, limit = _read(reading)
    finally:
        os.close(reading)
        with suppress(ProcessLookupError):
            os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)  # else a dead child is kept until this process ends
    if limit is None and not line:
        limit = _TOOK_TOO_MUCH  # the system ended it without a word
    if limit is not None:
        raise ModelError(f"{what} {limit}")
    answer = json.loads(line)
    if "error" in answer:
        raise ModelError(f"{what} fails: {answer['error']}")
    if "limit" in answer:
        raise ModelError(f"{what} {answer['limit']}")
    return answer["answer"]


def _within(work: Callable[[], Any], what: str) -> Any:
    try:
        return work()
    # a template is a program of its own, and raises what it likes
    except Exception as error:
        raise ModelError(f"{what} fails: {one_line(error)}") from error


def _forked() -> int:
    """0 in the child. Its tokenizers are told before that they have one thread."""
    name = "TOKENIZERS_PARALLELISM"
    before = os.environ.get(name)
    os.environ[name] = "false"
    try:
        with warnings.catch_warnings():
            # of threads, which the child has no use for
            warnings.simplefilter("ignore", DeprecationWarning)
            return os.fork()
    finally:
        if before is None:
            del os.environ[name]
        else:
            os.environ[name] = before


def _answer(work: Callable[[], Any], writing: int) -> None:
    """The child's part, which never returns."""
    try:
        signal.signal(signal.SIGINT, signal.SIG_DFL)
        _limit()
        answer: dict[str, Any]
        try:
            answer = {"answer": work()}
        except MemoryError:
            answer = {"limit": _TOOK_TOO_MUCH}
        # a template is a program of its own, and raises what it likes
        except Exception as error:
            answer = {"error": one_line(error)}
        left = memoryview(json.dumps(answer).encode())
        while left:
            left = left[os.write(writing, left) :]
    finally:
        # Not `sys.exit`: what waits for the end of a process is the parent's.
        os._exit(0)


def _limit() -> None:
    """No more memory than there is now and a little, where the system tells it."""
    import resource

    try:
        with open("/proc/self/statm", encoding="ascii") as file:
            pages = int(file.read().split()[0])
    except (OSError, ValueError, IndexError):
        return
    _, hard = resource.getrlimit(resource.RLIMIT_AS)
    most = pages * resource.getpagesize() + _MEMORY
    if hard >= 0:  # below zero there is none
        most = min(most, hard)
    resource.setrlimit(resource.RLIMIT_AS, (most, hard))


def _read(reading: int) -> tuple[bytes, str | None]:
    """What the child says until it is done, or which limit it went beyond."""
    end = monotonic() + SECONDS
    line = bytearray()
    while True:
        left = end - monotonic()
        if left <= 0 or not select.select([reading], [], [], left)[0]:
            return b"", f"takes longer than {SECONDS:g} seconds"
        part = os.read(reading, 1 << 20)
        if not part:  # the other end is closed: the child is done
            return bytes(line), None
        line += part
        if len(line) > _ANSWER:
            return b"", f"makes more than {_ANSWER >> 20} MB of text"
