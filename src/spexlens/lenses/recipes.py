"""Recipes of all lenses: JSON text becomes what makes a game again.

A recipe is known, and its game made, once its lens is imported; here all are.
"""

from spexlens.errors import InvalidInput
from spexlens.files.json_text import read_json
from spexlens.games.game import Game
from spexlens.games.grouped import Grouped
from spexlens.games.recipe import Recipe
from spexlens.learners.finetuning import FineTuning
from spexlens.learners.learner import Learner
from spexlens.learners.linear.heads import LogisticHead, RidgeHead
from spexlens.lenses.components.lens import MechanisticLens
from spexlens.lenses.examples.lens import DataLens
from spexlens.lenses.mixed.lens import MixedLens
from spexlens.lenses.text.lens import FeatureLens
from spexlens.lenses.text.parts import TextParts

GAMES: tuple[type[Game], ...] = (
    FeatureLens,
    TextParts,
    MechanisticLens,
    DataLens,
    MixedLens,
    Grouped,
)
LEARNERS: tuple[type[Learner], ...] = (LogisticHead, RidgeHead, FineTuning)
"""What comes with the package and is made of recipes, as far as data makes it."""


def read(text: str) -> Recipe:
    """The recipe that `Recipe.to_json` wrote.

    Raises:
        InvalidInput: it is no JSON, or no recipe of a kind that is known: one line.
    """
    try:
        content = read_json(text, constant=_refuse_constant)
    except ValueError as error:
        raise InvalidInput(f"a recipe is JSON: {error}") from None
    return Recipe.of(content)


def _refuse_constant(name: str) -> None:
    raise ValueError(f"{name} is not one of its numbers")
