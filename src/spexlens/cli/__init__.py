"""The command line: thin; everything it does, the library does."""

import codecs
import json
import os
import sys
from contextlib import suppress
from io import TextIOWrapper
from typing import Any

from spexlens.cli import waiting
from spexlens.cli.exits import INTERRUPTED
from spexlens.errors import SpexlensError
from spexlens.printable import line


def __getattr__(name: str) -> Any:
    """`app`, whose commands are imported when it is asked for.

    That takes seconds, and a word on the terminal is to come first.
    """
    if name != "app":
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from spexlens.cli.commands import app

    return app


def main() -> None:
    """Run the command line; an error that a user can mend is a line and exit code 2."""
    _write_whatever_comes()
    code = 0
    try:
        waiting.begin(sys.argv[1:])
        try:
            code = _run()
        finally:
            waiting.end()
            # here, where an error of it is told; when Python leaves it is a traceback
            if sys.stdout is not None:
                sys.stdout.flush()
    except SpexlensError as error:
        _leave(str(error))
    except KeyboardInterrupt:
        _leave(
            "interrupted while it was loading: nothing was paid for; repeat the"
            " command",
            INTERRUPTED,
        )
    except BrokenPipeError:  # nobody reads on, as behind head
        _silence()
        raise SystemExit(1) from None
    except OSError as error:
        _silence()
        _leave(
            f"{error.filename or 'cannot write the output'}: {error.strerror or error}"
        )
    raise SystemExit(code)


def _write_whatever_comes() -> None:
    """What the terminal's encoding has not is escaped or replaced, never an error."""
    codecs.register_error("json", _escaped)
    # what JSON escapes reads back as it was; a question mark would not
    in_output = "json" if "--json" in sys.argv else "replace"
    for stream, errors in ((sys.stdout, in_output), (sys.stderr, "replace")):
        if isinstance(stream, TextIOWrapper):
            stream.reconfigure(errors=errors)


def _run() -> int:
    """The exit code of the command that was given."""
    import typer

    from spexlens.cli.commands import app
    from spexlens.cli.usage import UsageError, told
    from spexlens.errors import InvalidInput

    try:
        # or typer says itself what is wrong, in four lines
        code = app(standalone_mode=False)
    except UsageError as error:
        raise InvalidInput(told(error)) from error
    except typer.Abort:
        raise KeyboardInterrupt from None
    return code if isinstance(code, int) else 0


def _leave(message: str, code: int = 2) -> None:
    """Leave with an exit code, behind one line."""
    waiting.end()
    with suppress(OSError):
        sys.stderr.write(f"spexlens: {line(message)}\n")
    raise SystemExit(code) from None


def _silence() -> None:
    """Let what is still to be written go nowhere.

    Python would try again when it leaves, and say so.
    """
    with suppress(OSError, ValueError, AttributeError):
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _escaped(error: UnicodeError) -> tuple[str, int]:
    """What an encoding has not, as JSON escapes it."""
    if not isinstance(error, UnicodeEncodeError):
        raise error
    return json.dumps(error.object[error.start : error.end])[1:-1], error.end
