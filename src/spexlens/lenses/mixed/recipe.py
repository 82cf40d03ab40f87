"""How a mixed lens is made again: the recipes of its lenses."""

from dataclasses import dataclass
from typing import ClassVar

from spexlens.games.recipe import Recipe


@dataclass(frozen=True)
class MixedRecipe(Recipe):
    """Of a `MixedLens`.

    Attributes:
        lenses: of its lenses, in their order in a mask.
        batch_size: masks handed over at once, as they were asked for.
    """

    kind: ClassVar[str] = "mixed"

    lenses: tuple[Recipe, ...]
    batch_size: int | None = None
