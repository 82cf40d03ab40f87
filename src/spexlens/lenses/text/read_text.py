"""Read text: a text as a model reads it under masks, and what is watched."""

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from spexlens.errors import InvalidInput
from spexlens.lenses.text.layout import Layout
from spexlens.lenses.text.replacement import Replacement
from spexlens.lenses.text.spelled import SpelledText
from spexlens.lenses.text.tokens import AblatableTokens, Rows
from spexlens.lenses.text.units import Span
from spexlens.lenses.text.windows import Windows
from spexlens.models.model import HuggingFaceModel
from spexlens.models.objectives.objective import Objective


@dataclass(frozen=True)
class ReadText(ABC):
    """What is read of a text, at once or part by part.

    Attributes:
        model: that reads.
        replacement: what stands for ablated candidates.
        objective: what is watched.
        asked: forward passes that it took to find out what to watch.
        longest: the most tokens that any mask leads to in one row.
        unknown_words: those that the tokenizer has no token for; None where it knows
            every word.
    """

    model: HuggingFaceModel
    replacement: Replacement
    objective: Objective
    asked: int
    longest: int
    unknown_words: list[str] | None

    @property
    @abstractmethod
    def windows(self) -> Windows | None:
        """The parts that it is read by; None where it is read at once."""

    @property
    @abstractmethod
    def spans(self) -> list[Span]:
        """The candidates' characters in the text."""

    @property
    @abstractmethod
    def counts(self) -> list[int]:
        """How many tokens each candidate has."""

    @property
    @abstractmethod
    def completion(self) -> int:
        """How many of the tokens are a causal model's completion."""

    @property
    @abstractmethod
    def rows_at_once(self) -> int:
        """Masks that suit one forward pass, by the length of what is read."""

    @abstractmethod
    def notes(self) -> list[str]:
        """What a person should know of how it is read."""

    @abstractmethod
    def rows(self, masks: NDArray[np.bool_]) -> tuple[Rows, NDArray[np.int64]]:
        """What the model reads for each mask, rows that are alike once: (m, n) bool.

        Returns:
            The rows, and (m,) or (m, windows) int64, which of them each mask's are.
        """

    @abstractmethod
    def trial(self, masks: NDArray[np.bool_]) -> Rows:
        """The rows on which it is seen which of them may share a forward pass."""

    @abstractmethod
    def measure(self, rows: Rows) -> NDArray[np.float64]:
        """What is seen of each of some rows that share a forward pass: (m, ...)."""

    @abstractmethod
    def value(self, measured: NDArray[np.float64]) -> NDArray[np.float64]:
        """The answers, from what was seen of the rows of each mask.

        Args:
            measured: what `measure` gave, as `rows` places it.

        Returns:
            (m,) or (m, k) float64.
        """

    @abstractmethod
    def value_at(
        self, degrees: torch.Tensor, model: HuggingFaceModel, objective: Objective
    ) -> torch.Tensor:
        """The answer, differentiable, where candidates are there to a degree.

        Args:
            degrees: (n,), 0 ablated, 1 kept.
            model: that is asked.
            objective: what is watched of a text that is read at once.

        Returns:
            (k,) float64.
        """

    @abstractmethod
    def lengths(self, masks: NDArray[np.bool_]) -> NDArray[np.int64]:
        """(m,) int64, tokens read for each mask."""

    @abstractmethod
    def identity(self) -> list[Any]:
        """Everything that decides what is read, as JSON."""


def refuse_unreadable(
    model: HuggingFaceModel,
    layout: Layout,
    tokens: AblatableTokens | SpelledText,
    replacement: Replacement,
    *,
    windows: bool,
) -> None:
    """Refuse what leaves nothing to read, or hides what cannot be hidden.

    Raises:
        InvalidInput: it does; the text says what to give instead.
    """
    # A text without candidates, as a window may be, has a mask of one column.
    everything_ablated = np.zeros((1, max(1, len(layout.spans))), np.bool_)
    completion = layout.reading.completion
    left = tokens.rows(everything_ablated, pad=model.padding).attention.sum()
    if int(left) <= completion:
        template = "" if windows else "a template, or "
        raise InvalidInput(
            f"with replacement {replacement.name!r} nothing is left to read when"
            f" all is ablated; give {template}another replacement"
        )
    if not tokens.hidden:
        return
    if "attention_mask" not in model.accepts:
        raise InvalidInput(
            f"{type(model.model).__name__} has no attention mask to hide"
            " tokens with: choose another replacement"
        )
    # Encoders pool what they attend to; the others answer at the last token that is
    # not of the completion.
    answers_at = len(layout.owner) - completion - 1
    if model.kind != "encoder" and layout.owner[answers_at] >= 0:
        raise InvalidInput(
            "replacement 'attention' cannot hide the last token, where the answer"
            " is read: give a template that ends in text, or another replacement"
        )
