"""Text: what is read, and what stands in for its parts."""

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, ClassVar

import typer

from spexlens.cli.inputs import text_of
from spexlens.cli.options.grouping import CommandLine
from spexlens.cli.unused import Given, Need
from spexlens.lenses.text.replacement import REPLACEMENTS
from spexlens.lenses.text.units import UNITS

NEUTRAL = "..."
"""What stands in for a part of a text that a model reads, if nothing else is said."""


@dataclass(frozen=True, kw_only=True)
class TextSource:
    """Where a text comes from."""

    text: Annotated[
        str | None,
        typer.Argument(
            metavar="TEXT", help="The text; absent or '-' reads standard input."
        ),
    ] = None
    file: Annotated[
        Path | None, typer.Option("--file", "-f", help="Read the text from this file.")
    ] = None

    @property
    def named(self) -> bool:
        """Whether it is said where the text is, rather than left to standard input."""
        return self.text is not None or self.file is not None

    def read(self) -> str:
        """The text; see `inputs.text_of`."""
        return text_of(self.text, self.file)


def _is_neutral(given: Given) -> bool:
    # a variant that replaces by it uses the string too
    variants = given.get("against") or ()
    return given["replacement"] == "neutral" or "neutral" in variants


@dataclass(frozen=True, kw_only=True)
class TextAblation:
    """What of a text is ablated, and how.

    Attributes:
        neutral: None, in a file, for what the reader of the text has by default.
    """

    unit: Annotated[str, typer.Option(help=f"What to ablate: {', '.join(UNITS)}.")] = (
        "word"
    )
    replacement: Annotated[
        str | None, typer.Option(help=f"What stands in: {', '.join(REPLACEMENTS)}.")
    ] = None
    neutral: Annotated[
        str | None,
        typer.Option(help="The string for --replacement neutral."),
        CommandLine(str, NEUTRAL),
    ] = None
    template: Annotated[
        str, typer.Option(help="What surrounds the text, with {text} in it.")
    ] = "{text}"

    needs: ClassVar[tuple[Need, ...]] = (
        Need(
            ("neutral",),
            _is_neutral,
            "goes with --replacement neutral, or --against neutral",
            beside=("replacement",),
        ),
    )

    def of_lens(self) -> dict[str, Any]:
        """What a lens of a text takes."""
        return {
            "unit": self.unit,
            "replacement": self.replacement,
            "neutral": self.neutral,
            "template": self.template,
        }


@dataclass(frozen=True, kw_only=True)
class TextReading(TextAblation):
    """The same, and how a model reads the text."""

    chat: Annotated[
        bool, typer.Option("--chat", help="Use the tokenizer's chat template.")
    ] = False
    windows: Annotated[
        bool,
        typer.Option(
            "--windows",
            help=(
                "Read a text longer than the model's window part by part, and take the"
                " mean."
            ),
        ),
    ] = False

    def of_lens(self) -> dict[str, Any]:
        """What a lens of a text takes."""
        return {**super().of_lens(), "chat": self.chat, "windows": self.windows}
