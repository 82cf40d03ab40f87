"""Explanation: a result with its file, its page and its next steps, a line each."""

from pathlib import Path
from typing import Self

from spexlens.arguments import whole_number, yes_or_no
from spexlens.errors import InvalidInput
from spexlens.formats.explanation import dump, read, write
from spexlens.keywords import keywords
from spexlens.report.terminal.page import plain
from spexlens.results.next_steps import FollowUp, steps
from spexlens.results.result import Result

_NARROWEST = 20


class Explanation(Result):
    """What acts together, how strongly, how far to trust it and what it cost.

    Everything that can be asked of it is in `Result`; here it is saved, loaded and shown.
    """

    def save(self, path: str | Path) -> None:
        """Write one JSON file, whole or not at all.

        Raises:
            ResultError: the file cannot be written.
        """
        write(self, Path(path))

    @classmethod
    def load(cls, path: str | Path) -> Self:
        """Read what `save` wrote.

        Raises:
            ResultError: the file is missing, damaged, or from a newer version.
        """
        return read(Path(path), cls)

    def to_json(self) -> str:
        """The text that `save` writes."""
        return dump(self)

    @keywords()
    def page(self, *, verbose: bool = False, width: int = 110) -> str:
        """The page that the command line shows, without colour; `repr` is that of these
        defaults.

        Args:
            verbose: with all figures, and how they were come by.
            width: in characters, 20 at least.

        Raises:
            InvalidInput: it is narrower.
        """
        columns = whole_number(width, "width")
        if columns < _NARROWEST:
            raise InvalidInput(
                f"a page is at least {_NARROWEST} characters wide; got {width}"
            )
        return plain(self, verbose=yes_or_no(verbose, "verbose"), width=columns)

    def follow_up(self, *, output: int | str = 0) -> list[FollowUp]:
        """For each strong interaction, the commands that look closer; see
        `results.next_steps.steps`.
        """
        return steps(self, output)

    def __repr__(self) -> str:
        return self.page()
