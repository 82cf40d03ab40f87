"""Ranges: positions and layers, written as numbers and spans of them, such as 0-3,5."""

import re
from collections.abc import Sequence

from spexlens.errors import InvalidInput

_DIGITS = 9  # of a position
_LONGEST = 1_000_000  # positions of a range


def layers_of(text: str) -> list[int]:
    """Layers such as "0-3,5"."""
    layers: list[int] = []
    for part in text.split(","):
        match = re.fullmatch(r"\s*(\d+)(?:-(\d+))?\s*", part)
        if match is None:
            raise InvalidInput(
                f"--layers takes numbers and ranges such as 0-3,5; got {text!r}"
            )
        layers += span_of(match[1], match[2], "--layers")
        # each time, before the next range makes the list longer than memory
        refuse_endless(layers, "--layers")
    return layers


def refuse_endless(positions: Sequence[object], option: str) -> None:
    """InvalidInput if ranges together list more than any model or text has."""
    if len(positions) > _LONGEST:
        raise InvalidInput(f"{option} lists more than {_LONGEST:,}")


def span_of(first: str, last: str | None, option: str) -> range:
    """The numbers from one to another, written in digits; one alone without another.

    Args:
        first, last: the ends, both of them in the range.
        option: that has it, or the place in a file, for people to read.

    Raises:
        InvalidInput: there are none, or more than any model or text has.
    """
    written = first if last is None else f"{first}-{last}"
    # Python refuses to read numbers of thousands of digits
    if max(len(first), len(last or "")) <= _DIGITS:
        span = range(int(first), int(last or first) + 1)
        if 0 < len(span) <= _LONGEST:
            return span
        if not span:
            raise InvalidInput(
                f"{option}: the range {written} is empty: give the smaller number first"
            )
    raise InvalidInput(
        f"{option}: the range {written[:40]} is longer than {_LONGEST:,}, the most"
    )
