"""Whole text: a text that a model reads at once."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from spexlens.lenses.text.degrees import answer_at
from spexlens.lenses.text.layout import Layout, lay_out
from spexlens.lenses.text.read_text import ReadText, refuse_unreadable
from spexlens.lenses.text.recipe import FeatureRecipe
from spexlens.lenses.text.replacement import Replacement
from spexlens.lenses.text.spelled import SpelledText
from spexlens.lenses.text.tokens import AblatableTokens, Rows
from spexlens.lenses.text.units import Span
from spexlens.models.known_words import unknown_words
from spexlens.models.model import HuggingFaceModel
from spexlens.models.objectives.choice import objective_for
from spexlens.models.objectives.completions import completion_of
from spexlens.models.objectives.objective import Objective
from spexlens.models.reading import Reading, read


@dataclass(frozen=True)
class WholeText(ReadText):
    """A text with its surroundings, in one row a mask.

    Attributes:
        layout: what is read, everything kept.
        tokens: the same with candidates that come and go.
    """

    layout: Layout
    tokens: AblatableTokens | SpelledText

    @property
    def windows(self) -> None:
        return None

    @property
    def spans(self) -> list[Span]:
        return self.layout.spans

    @property
    def counts(self) -> list[int]:
        owner = self.layout.owner
        counts: list[int] = np.bincount(owner[owner >= 0]).tolist()
        return counts

    @property
    def completion(self) -> int:
        return self.layout.reading.completion

    @property
    def rows_at_once(self) -> int:
        return self.model.rows_that_fit(self.longest, self.completion)

    def notes(self) -> list[str]:
        note = self.layout.reading.note
        return [note] if note else []

    def every_row(self, masks: NDArray[np.bool_]) -> Rows:
        """What the model reads, a row a mask: (m, n) bool."""
        return self.tokens.rows(masks, pad=self.model.padding)

    def rows(self, masks: NDArray[np.bool_]) -> tuple[Rows, NDArray[np.int64]]:
        # Masks that lead to the same tokens, as of a word that comes twice, share a row.
        return self.every_row(masks).distinct()

    def trial(self, masks: NDArray[np.bool_]) -> Rows:
        return self.rows(masks)[0]

    def measure(self, rows: Rows) -> NDArray[np.float64]:
        return self.objective.measure(self.model, self.model.tensors(rows.arrays()))

    def value(self, measured: NDArray[np.float64]) -> NDArray[np.float64]:
        return measured

    def value_at(
        self, degrees: torch.Tensor, model: HuggingFaceModel, objective: Objective
    ) -> torch.Tensor:
        return answer_at(
            degrees,
            self.tokens,
            self.replacement,
            lambda batch: objective(model, batch),
            model=model,
            reader=self.model,
        ).reshape(-1)

    def lengths(self, masks: NDArray[np.bool_]) -> NDArray[np.int64]:
        return self.tokens.lengths(masks)

    def identity(self) -> list[Any]:
        return self.tokens.identity()


def read_whole(
    model: HuggingFaceModel, asked: FeatureRecipe, replacement: Replacement
) -> WholeText:
    """Lay out a text, and see what is watched.

    Raises:
        InvalidInput, UnknownLabel, InputTooLong, ModelError: see `FeatureLens`.
    """
    layout = lay_out(
        model,
        asked.text,
        completion_of(model, asked.target),
        unit=asked.unit,
        spans=asked.spans,
        template=asked.template,
        chat=asked.chat,
    )
    tokens = replacement.ablatable(model, layout, asked.neutral)
    # What stands in may be longer than the text, which `lay_out` has seen to fit.
    longest = tokens.longest
    model.refuse_longer_than_window(
        longest, "the text with what stands in for it", parted=True
    )
    refuse_unreadable(model, layout, tokens, replacement, windows=False)
    foil = _foil(model, asked, layout)
    with model.explained():
        objective = objective_for(
            model,
            asked.objective,
            asked.target,
            asked.foil,
            [layout.reading],
            asked.text,
            foil,
        )
    return WholeText(
        model=model,
        replacement=replacement,
        objective=objective,
        # what a causal model is asked for is given: nothing is found out
        asked=int(model.kind != "causal"),
        longest=longest,
        unknown_words=unknown_words(model, layout.reading, layout.surrounded.whole),
        layout=layout,
        tokens=tokens,
    )


def _foil(
    model: HuggingFaceModel, asked: FeatureRecipe, layout: Layout
) -> Reading | None:
    """What a causal model reads with the foil in the completion's place."""
    if asked.foil is None or model.kind != "causal":
        return None
    surrounded = layout.surrounded
    completion = completion_of(model, asked.foil)
    return read(model, surrounded.whole, completion, rendered=surrounded.rendered)
