"""Candidate: something that may be ablated."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Candidate:
    """Something that may be ablated.

    Attributes:
        label: what a person reads.
        kind: what it is, such as "word" or "sentence".
        span: (start, end) characters in the text that the label was taken from, if any.
    """

    label: str
    kind: str = "candidate"
    span: tuple[int, int] | None = None
