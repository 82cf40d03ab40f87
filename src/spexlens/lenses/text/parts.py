"""Text parts: a text's words, sentences or spans, for learners that read texts."""

import hashlib
import json
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from spexlens.errors import InvalidInput
from spexlens.games.candidate import Candidate
from spexlens.games.game import Game
from spexlens.games.levels import Level
from spexlens.lenses.model_recipe import as_data
from spexlens.lenses.text import units
from spexlens.lenses.text.recipe import TextPartsRecipe


class TextParts(Game):
    """The parts of a text, as texts: an ablated one is left out or replaced.

    No model is watched: alone it has no value. With a `DataLens` whose learner reads
    the text (words to tf-idf, a pipeline, a model that is fine-tuned) it makes a mixed
    game of training examples and parts.
    """

    part = "spelled"

    def __init__(
        self,
        text: str,
        *,
        unit: str = "word",
        neutral: str = "",
        spans: Sequence[tuple[int, int]] | None = None,
    ) -> None:
        """
        Args:
            text: to ablate.
            unit: "word", "sentence", "line" or "paragraph".
            neutral: what stands where a candidate is ablated, such as a model's mask
                token.
            spans: the candidates' own (start, end) characters, instead of a unit.

        Raises:
            InvalidInput: the text has no such unit, or spans overlap.
        """
        asked = TextPartsRecipe(text=text, unit=unit, neutral=neutral, spans=spans)
        self.recipe = as_data(asked)
        self.text = text
        self.neutral = neutral
        self.spans = (
            units.cut(text, unit) if spans is None else units.check(spans, text)
        )
        kind = unit if spans is None else "span"
        identity = json.dumps(["text parts 1", text, neutral, self.spans])
        candidates = [
            Candidate(text[start:end], kind, (start, end)) for start, end in self.spans
        ]
        self._take(candidates, hashlib.sha256(identity.encode()).hexdigest())

    def value(self, masks: NDArray[np.bool_]) -> NDArray[np.float64]:
        """There is none.

        Raises:
            InvalidInput: always.
        """
        raise InvalidInput(
            "parts of a text have no value alone: mix them with a DataLens that"
            " reads it"
        )

    def texts(self, masks: NDArray[np.bool_]) -> NDArray[Any]:
        """The text under each mask: (m, n) bool -> (m,) texts."""
        texts = np.empty(len(masks), dtype=object)
        for row, mask in enumerate(masks):
            texts[row] = self._text_under(mask)
        return texts

    def _text_under(self, mask: NDArray[np.bool_]) -> str:
        """The text under one mask, (n,), its white space single spaces."""
        pieces = []
        done = 0
        for (start, end), kept in zip(self.spans, mask.tolist(), strict=True):
            part = self.text[start:end] if kept else self.neutral
            pieces += [self.text[done:start], part]
            done = end
        pieces.append(self.text[done:])
        # What is left out leaves the spaces of both its sides.
        return " ".join("".join(pieces).split())

    def levels(self) -> list[Level]:
        """Paragraphs, sentences, phrases, then the parts."""
        return units.levels_of(self.text, self.candidates)

    def facts(self) -> dict[str, Any]:
        """What is ablated."""
        kind = self.candidates[0].kind
        return {
            "lens": "text parts",
            "text": self.text,
            "unit_of_text": kind,
            "neutral": self.neutral,
        }


@TextPartsRecipe.made_by
def text_parts_of(recipe: TextPartsRecipe) -> TextParts:
    """The parts that a recipe says how to make."""
    return TextParts(
        recipe.text, unit=recipe.unit, neutral=recipe.neutral, spans=recipe.spans
    )
