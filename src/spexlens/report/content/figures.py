"""Figures: a page's numbers, to three decimals, or to three digits where decimals say
little.
"""

from dataclasses import dataclass
from typing import Literal

from spexlens.results.result import Result

# sizes of effects between which decimals are read easily
_LEAST = 1e-3
_MOST = 1e7


Tone = Literal["", "raises", "lowers", "faint", "holds", "refuted", "unsure"]
"""What a figure means at a glance, for whoever draws it to choose a colour."""


@dataclass(frozen=True)
class Cell:
    """A figure as it is written.

    Attributes:
        text: empty where there is none.
        tone: what it means at a glance.
        value: the number, where it is one.
    """

    text: str = ""
    tone: Tone = ""
    value: float | None = None


@dataclass(frozen=True)
class Figures:
    """How numbers are written.

    Attributes:
        decimals: to three decimals; else to three digits.
    """

    decimals: bool = True

    @classmethod
    def of(
        cls, explanation: Result, output: int | str, *, raw: bool = False
    ) -> "Figures":
        """Of one output, by its deviation over masks, or its answers where there is
        none.

        Args:
            explanation: that is shown.
            output: of it.
            raw: of answers; else of effects, in the explanation's scale.
        """
        size = explanation.deviation(output)
        column = explanation.position(output)
        if not size:
            measured = (explanation.whole, explanation.empty)
            answers = [abs(answer[column]) for answer in measured if answer is not None]
            size = max(answers, default=0.0)
        return cls.sized(size if raw else size / abs(explanation.size(output)))

    @classmethod
    def sized(cls, size: float) -> "Figures":
        """Of numbers of about this size."""
        return cls(not size or _LEAST <= size < _MOST)

    def signed(self, value: float) -> str:
        """With its sign."""
        return f"{value:+.3f}" if self.decimals else f"{value:+.3g}"

    def plain(self, value: float) -> str:
        """Of what has no sign."""
        return f"{value:.3f}" if self.decimals else f"{value:.3g}"

    def short(self, value: float) -> str:
        """One digit less."""
        return f"{value:.2f}" if self.decimals else f"{value:.2g}"
