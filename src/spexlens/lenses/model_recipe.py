"""Model recipe: what the recipes of lenses of a Hugging Face model have in common."""

from collections.abc import Sequence
from dataclasses import dataclass, fields
from typing import Any, TypeVar, cast

from spexlens.errors import InvalidInput
from spexlens.games.recipe import Recipe

R = TypeVar("R", bound=Recipe)


@dataclass(frozen=True, kw_only=True)
class ModelRecipe(Recipe):
    """What a lens of a model is asked for, but for where the model runs.

    A lens keeps one of these of its own, in which the model is the one in memory and a
    target may be tokens: it makes variants of the lens here, and is never written. The
    lens's `recipe` is the one that is data alone.

    Attributes:
        model: hub id, local directory, or a bundled model's name.
        target: a label, labels, a completion or a query; see the lens.
        foil: what it is compared with, or None.
        objective: what is watched; None for the model's default.
        kind_of_model: "classifier", "causal" or "encoder"; None for what its
            configuration says.
        revision: branch, tag or commit on the hub.
        batch_size: rows a forward pass, on which the last digits of values depend; None
            for what suits the length.
    """

    model: Any
    target: str | int | Sequence[str | int] | None = None
    foil: str | int | Sequence[str | int] | None = None
    objective: str | None = None
    kind_of_model: str | None = None
    revision: str | None = None
    batch_size: int | None = None

    def arguments(self) -> dict[str, Any]:
        """It as keyword arguments of the lens."""
        arguments = {field.name: getattr(self, field.name) for field in fields(self)}
        # `kind` of a recipe is what its JSON is called by.
        arguments["kind"] = arguments.pop("kind_of_model")
        return arguments


def as_data(recipe: R) -> R | None:
    """A recipe as it would be read back from its JSON.

    None where JSON has not all of it, such as a model in memory.
    """
    try:
        return cast(R, Recipe.of(recipe.content()))
    except InvalidInput:
        return None
