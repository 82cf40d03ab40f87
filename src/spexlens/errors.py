"""Every error a user can meet.

::

    SpexlensError
    ├── InvalidInput            an argument, a text or a mask that cannot be used   (also a ValueError)
    │   ├── UnknownLabel        a target that the model does not have
    │   ├── InputTooLong        more tokens than the model's window
    │   ├── UnknownArgument     a keyword that a function does not have                (also a TypeError)
    │   └── BudgetTooSmall      fewer calls than the method needs
    ├── MissingExtra            an optional dependency that is not installed        (also an ImportError)
    ├── ModelError              a model or tokenizer that cannot be loaded or used
    ├── AblationError           an evaluation that went wrong; what was paid for before it is kept
    │   ├── NonFiniteValue      the model answered NaN or infinity
    │   └── OutOfMemory         not even one row fits
    └── FileError               a file that cannot be used                          (also an OSError)
        ├── LedgerError         not a ledger, or one that cannot be read or written
        └── ResultError         a saved explanation that is damaged, or from a newer version
"""

from spexlens import printable


class SpexlensError(Exception):
    """The root of every error raised on purpose. Its text is one line: what, where,
    what to do.

    Whatever a file or a person wrote into it is shown, never sent to a terminal: see
    `printable`.
    """

    def __str__(self) -> str:
        return printable.line(super().__str__())


class InvalidInput(SpexlensError, ValueError):
    """An argument, a text or a mask that cannot be used."""


class UnknownLabel(InvalidInput):
    """A target label or index that the model does not have."""


class InputTooLong(InvalidInput):
    """The input holds more tokens than the model's window."""


class UnknownArgument(InvalidInput, TypeError):
    """A keyword that a function does not have; the text names the one that was meant."""


class BudgetTooSmall(InvalidInput):
    """The budget holds fewer calls than the method needs for this many candidates."""


class MissingExtra(SpexlensError, ImportError):
    """An optional dependency is not installed; the text names the `pip install` that
    mends it.
    """

    def __init__(self, package: str, extra: str) -> None:
        super().__init__(f"{package} is not installed: pip install 'spexlens[{extra}]'")


class ModelError(SpexlensError):
    """A model or tokenizer that cannot be loaded, or that cannot do what was asked."""


class AblationError(SpexlensError):
    """An evaluation of the model failed. What was finished before it is in the ledger,
    if that is on disk.
    """


class NonFiniteValue(AblationError):
    """The model answered NaN or infinity for a mask."""


class OutOfMemory(AblationError):
    """The model ran out of memory on a single row."""


class FileError(SpexlensError, OSError):
    """A file that cannot be used."""


class LedgerError(FileError):
    """The file is not a ledger, or it cannot be read or written."""


class ResultError(FileError):
    """A saved explanation is damaged, or was written by a newer version."""
