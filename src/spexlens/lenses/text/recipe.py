"""Recipes of texts: how a lens of a text, or a text's parts, are made again."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

from spexlens.games.recipe import Recipe
from spexlens.lenses.model_recipe import ModelRecipe


@dataclass(frozen=True, kw_only=True)
class FeatureRecipe(ModelRecipe):
    """What a `FeatureLens` is asked for.

    A variant is `dataclasses.replace(recipe, replacement="delete")`.

    Attributes:
        text: the text to ablate.
        unit: "word", "token", "sentence", "line" or "paragraph".
        replacement: what stands for an ablated candidate; None for the default.
        neutral: the string that "neutral" puts in.
        template: what surrounds the text, with `{text}` once.
        chat: whether the tokenizer's chat template surrounds that.
        spans: the candidates' own (start, end) characters, instead of a unit.
        windows: whether a long text is read part by part.
    """

    kind: ClassVar[str] = "features"

    text: str
    foil: str | int | None = None  # one, as there is one text
    unit: str = "word"
    replacement: str | None = None
    neutral: str = "..."
    template: str = "{text}"
    chat: bool = False
    spans: Sequence[tuple[int, int]] | None = None
    windows: bool = False


@dataclass(frozen=True, kw_only=True)
class TextPartsRecipe(Recipe):
    """What `TextParts` are made of.

    Attributes:
        text: the text to ablate.
        unit: "word", "sentence", "line" or "paragraph".
        neutral: what stands for an ablated candidate.
        spans: the candidates' own (start, end) characters, instead of a unit.
    """

    kind: ClassVar[str] = "text parts"

    text: str
    unit: str = "word"
    neutral: str = ""
    spans: Sequence[tuple[int, int]] | None = None
