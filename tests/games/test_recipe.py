"""A recipe is data: it is read back as it was, and makes its game again."""

import json
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import pytest

from spexlens.errors import InvalidInput
from spexlens.games.game import Game
from spexlens.games.recipe import Recipe


@pytest.fixture(autouse=True, scope="module")
def only_here() -> Iterator[None]:
    """No test of another file knows of these kinds."""
    yield
    for kind in ("sum", "several"):
        Recipe._kinds.pop(kind)
        Recipe._makers.pop(kind, None)


@dataclass(frozen=True)
class SumRecipe(Recipe):
    """Of a game whose value is a weighted number of candidates."""

    kind: ClassVar[str] = "sum"

    labels: tuple[str, ...]
    weight: float = 1.0
    model: str | None = None
    settings: Any = None


@dataclass(frozen=True)
class SeveralRecipe(Recipe):
    """Of several games in one; nothing makes it."""

    kind: ClassVar[str] = "several"

    first: Recipe
    more: tuple[Recipe, ...] = ()


@SumRecipe.made_by
def summed(recipe: SumRecipe) -> Game:
    return Game(lambda masks: recipe.weight * masks.sum(axis=1), recipe.labels, "sum")


ABC = SumRecipe(("a", "b", "c"), 0.5)
NESTED = SeveralRecipe(ABC, (replace(ABC, weight=2.0), SeveralRecipe(ABC)))


@pytest.mark.parametrize(
    "recipe",
    [
        ABC,
        NESTED,
        SumRecipe(("ä", "\ud83d", "a\nb"), 0.1 + 0.2, "org/model"),
        SumRecipe((), settings=(None, True, 3, (("x", 1), ("y", -0.0)))),
        SumRecipe((), settings={"rate": 0.1, "layers": [1, 2]}),
    ],
)
def test_a_recipe_is_read_back_as_it_was(recipe: Recipe) -> None:
    line = recipe.to_json()
    again = Recipe.of(json.loads(line))
    assert again == recipe
    assert again.to_json() == line
    assert again.fingerprint == recipe.fingerprint
    assert "\n" not in line
    line.encode()


def test_json_says_the_kind_first_and_then_every_field() -> None:
    assert ABC.content() == {
        "recipe": "sum",
        "labels": ["a", "b", "c"],
        "weight": 0.5,
        "model": None,
        "settings": None,
    }
    assert next(iter(ABC.content())) == "recipe"


def test_lists_arrays_and_paths_are_read_back_as_plain_data(tmp_path: Path) -> None:
    labels: Any = ["a", "b"]
    model: Any = tmp_path
    settings: Any = np.array([[1, 2], [3, 4]])
    recipe = Recipe.of(SumRecipe(labels, np.float64(0.5), model, settings).content())
    assert recipe == SumRecipe(("a", "b"), 0.5, str(tmp_path), ((1, 2), (3, 4)))


def test_content_is_a_copy() -> None:
    settings = {"rate": 0.1}
    content = SumRecipe((), settings=settings).content()
    settings["rate"] = 0.2
    assert content["settings"] == {"rate": 0.1}


def test_equal_recipes_have_equal_fingerprints() -> None:
    one = SumRecipe(("a",), 1, settings=(2.0, {"x": 3}))
    other = SumRecipe(("a",), 1.0, settings=(2, {"x": 3.0}))
    assert one == other
    assert one.fingerprint == other.fingerprint
    assert len(one.fingerprint) == 64


@pytest.mark.parametrize(
    "other",
    [
        replace(ABC, weight=0.25),
        replace(ABC, labels=("a", "b")),
        replace(ABC, model="m"),
        NESTED,
    ],
)
def test_other_recipes_have_other_fingerprints(other: Recipe) -> None:
    assert other.fingerprint != ABC.fingerprint


def test_a_recipe_makes_its_game() -> None:
    game = Recipe.of(ABC.content()).game()
    assert [candidate.label for candidate in game.candidates] == ["a", "b", "c"]
    assert game.value(np.ones((1, 3), np.bool_)).tolist() == [1.5]


def test_a_game_has_no_recipe_where_data_alone_does_not_make_it() -> None:
    assert ABC.game().recipe is None


def test_a_recipe_that_nothing_makes_says_so() -> None:
    with pytest.raises(
        InvalidInput, match="nothing makes a game of a recipe 'several'"
    ):
        NESTED.game()


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (None, "is an object with the key 'recipe'"),
        ([], "is an object with the key 'recipe'"),
        ({"labels": []}, "is an object with the key 'recipe'"),
        ({"recipe": "soup"}, "no recipe of kind 'soup' is known; there are"),
        ({"recipe": ["sum"]}, "no recipe of kind ['sum'] is known"),
        ({"recipe": None}, "no recipe of kind None is known"),
        ({"recipe": "sum", "labels": [], "salt": 1}, "recipe 'sum' has no 'salt'"),
        ({"recipe": "sum", "kind": 1}, "recipe 'sum' has no 'kind'"),
        ({"recipe": "sum", "weight": 1}, "recipe 'sum' lacks 'labels'"),
        ({"recipe": "several", "first": {"recipe": "sum"}}, "'sum' lacks 'labels'"),
    ],
)
def test_what_is_no_recipe_is_refused_in_one_line(content: Any, said: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        Recipe.of(content)
    assert said in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        (float("nan"), "settings is nan"),
        ((1, object()), "settings.1 is an object"),
        ({"f": len}, "settings.f is a builtin_function_or_method"),
        ({"inner": ABC}, "settings.inner is a SumRecipe"),
    ],
)
def test_a_recipe_of_what_is_no_json_has_none(settings: Any, said: str) -> None:
    recipe = SumRecipe((), settings=settings)
    for refused in (recipe.content, recipe.to_json, lambda: recipe.fingerprint):
        with pytest.raises(InvalidInput) as caught:
            refused()
        assert said in str(caught.value)
        assert "\n" not in str(caught.value)


def test_no_field_is_called_as_the_kind_is() -> None:
    with pytest.raises(TypeError, match="has a field 'recipe'"):

        class Wrong(Recipe):
            kind: ClassVar[str] = "wrong"
            recipe: str
