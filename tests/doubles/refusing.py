"""What is refused: the one line that says why, in Python and at a command line."""

import sys
from collections.abc import Callable

import pytest

from spexlens.cli import main
from spexlens.errors import SpexlensError


def refused(attempt: Callable[[], object]) -> str:
    """Why something cannot be done."""
    with pytest.raises(SpexlensError) as caught:
        attempt()
    assert len(str(caught.value).splitlines()) == 1
    return str(caught.value)


def refused_command(
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    *arguments: object,
) -> str:
    """The one line on standard error of a command that leaves with exit code 2, and
    nothing else.
    """
    monkeypatch.setattr(sys, "argv", ["spexlens", *map(str, arguments)])
    with pytest.raises(SystemExit) as caught:
        main()
    shown = capsys.readouterr()
    assert (caught.value.code, shown.out) == (2, "")
    assert shown.err.startswith("spexlens: ")
    assert shown.err.count("\n") == 1
    return shown.err
