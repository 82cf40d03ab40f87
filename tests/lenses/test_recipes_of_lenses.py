"""Recipes of lenses: what a lens was asked for, as data, makes the same lens again."""

from collections.abc import Callable
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from spexlens import FeatureLens, Game, MechanisticLens, TextParts
from spexlens.games.recipe import Recipe
from spexlens.masks.designs import uniform
from spexlens.models.bundled import INDUCTION
from spexlens.models.huggingface import load

TEXT = "not a dull film"
OWLS = "owl cup sun owl cup"


LENSES: dict[str, Callable[[], Game]] = {
    "words": lambda: FeatureLens("sentiment", TEXT),
    "tokens": lambda: FeatureLens(
        "sentiment",
        TEXT,
        unit="token",
        target=np.int64(1),
        replacement="neutral",
        neutral="so",
        template="I saw {text}",
        batch_size=4,
    ),
    "spans, two labels": lambda: FeatureLens(
        "sentiment",
        TEXT,
        spans=[(0, 3), (6, 10)],
        target=["NEGATIVE", "POSITIVE"],
        replacement="attention",
    ),
    "windows": lambda: FeatureLens("sentiment", TEXT, windows=True, revision="main"),
    "a difference": lambda: FeatureLens("sentiment", TEXT, target=0, foil="POSITIVE"),
    "a continuation": lambda: FeatureLens(
        INDUCTION, OWLS, target=" sun", kind="causal", objective="log-probability"
    ),
    "heads": lambda: MechanisticLens(INDUCTION, OWLS, rescale=True),
    "MLPs of one layer": lambda: MechanisticLens(
        "sentiment", [TEXT, "a fine film"], components=("mlps", "L0.H1"), layers=[1]
    ),
    "means": lambda: MechanisticLens(
        str(INDUCTION),
        OWLS,
        target=" sun",
        reference=("owl ink cup", "cup owl ink"),
    ),
    "restored": lambda: MechanisticLens(
        "sentiment",
        TEXT,
        components="layers",
        ablation="restore",
        counterfactual="not a fine film",
    ),
}


@cache
def made(name: str) -> Game:
    """The lens of a name, made once."""
    return LENSES[name]()


def recipe_of(game: Game) -> Any:
    assert game.recipe is not None
    return game.recipe


@pytest.mark.parametrize("name", LENSES)
def test_a_recipe_makes_the_same_game(name: str) -> None:
    lens = made(name)
    again = recipe_of(lens).game()
    assert again.fingerprint is not None
    assert again.fingerprint == lens.fingerprint
    assert again.facts() == lens.facts()
    assert again.candidates == lens.candidates
    masks = uniform(lens.n, 4, seed=0)
    assert np.array_equal(again.value(masks), lens.value(masks))
    assert again.recipe == lens.recipe


@pytest.mark.parametrize("name", LENSES)
def test_a_recipe_comes_back_from_json(name: str) -> None:
    recipe = recipe_of(made(name))
    again = Recipe.of(recipe.content())
    assert again == recipe
    assert again.to_json() == recipe.to_json()
    assert hash(again) == hash(recipe)


def test_recipes_of_other_questions_differ() -> None:
    assert len({recipe_of(made(name)) for name in LENSES}) == len(LENSES)


def test_a_bundled_model_goes_by_the_name_that_every_machine_knows() -> None:
    assert recipe_of(made("a continuation")).model == "induction"
    assert recipe_of(made("means")).model == "induction"


@pytest.mark.parametrize("name", ["words", "tokens", "a continuation"])
def test_a_variant_is_a_recipe_with_another_replacement(name: str) -> None:
    lens = made(name)
    replacement = lens.variants[0]
    other = replace(recipe_of(lens), replacement=replacement)
    variant = lens.variant(replacement)
    assert variant.recipe == other
    assert other.game().fingerprint == variant.fingerprint
    assert variant.fingerprint != lens.fingerprint


def test_a_variant_of_components_is_a_recipe_with_another_ablation() -> None:
    lens = made("means")
    assert isinstance(lens, MechanisticLens)
    zeroed = lens.variant("zero")
    assert zeroed.recipe == replace(recipe_of(lens), ablation="zero", reference=None)
    assert recipe_of(zeroed).game().fingerprint == zeroed.fingerprint
    resampled = lens.variant("resample", counterfactual="owl ink sun owl ink")
    assert recipe_of(resampled).counterfactual == "owl ink sun owl ink"
    assert recipe_of(resampled).game().fingerprint == resampled.fingerprint


def test_another_text_is_asked_about_the_label_that_was_found() -> None:
    lens = made("words")
    other = lens.with_text("a dull film")
    assert recipe_of(other).text == "a dull film"
    assert recipe_of(other).target == 1
    assert recipe_of(other).game().fingerprint == other.fingerprint


def test_another_prompt_is_asked_for_the_token_that_was_found() -> None:
    found = made("heads").with_text("cup ink owl cup ink")
    assert found.recipe is None  # a token that nobody wrote is no data
    named = made("means").with_text("cup ink owl cup ink")
    assert recipe_of(named).ablation == "zero"
    assert recipe_of(named).game().fingerprint == named.fingerprint


def test_what_lives_in_memory_has_no_recipe() -> None:
    model = load("sentiment")
    in_memory: dict[str, Any] = {"tokenizer": model.tokenizer}
    assert FeatureLens(model, TEXT).recipe is None
    assert FeatureLens(model.model, TEXT, **in_memory).recipe is None
    assert FeatureLens("sentiment", TEXT, **in_memory).recipe is None
    assert MechanisticLens(model, TEXT).recipe is None
    assert (
        MechanisticLens(model, TEXT, components="mlps").variant("zero").recipe is None
    )
    variant = FeatureLens(model, TEXT).variant("delete")
    assert variant.recipe is None
    assert variant.fingerprint == made("words").variant("delete").fingerprint


def test_a_recipe_never_runs_code_that_comes_with_a_model() -> None:
    assert FeatureLens("sentiment", TEXT, trust_remote_code=True).recipe is None
    with pytest.raises(TypeError):
        replace(recipe_of(made("words")), trust_remote_code=True)


def test_a_model_that_has_changed_is_not_the_one_that_a_recipe_names() -> None:
    import torch

    lens = FeatureLens("sentiment", TEXT)
    lens.renew()
    assert lens.recipe == made("words").recipe
    with torch.no_grad():
        next(lens.model.model.parameters()).add_(0.25)
    lens.renew()
    assert lens.recipe is None


def test_a_path_is_written_as_it_was_given(tmp_path: Path) -> None:
    folder = tmp_path / "model"
    folder.symlink_to(INDUCTION)
    lens = FeatureLens(folder, OWLS, target=" sun")
    assert recipe_of(lens).model == str(folder)
    assert recipe_of(lens).game().fingerprint == lens.fingerprint


def test_parts_of_a_text_are_made_again() -> None:
    masks = uniform(4, 6, seed=1)
    parts = TextParts(TEXT, neutral="so")
    again = recipe_of(parts).game()
    assert again.fingerprint == parts.fingerprint
    assert again.texts(masks).tolist() == parts.texts(masks).tolist()
    spans = TextParts(TEXT, spans=[(0, 3), (6, 10)])
    assert Recipe.of(recipe_of(spans).content()) == spans.recipe
    assert recipe_of(spans).game().fingerprint == spans.fingerprint
    sentences = replace(recipe_of(parts), unit="sentence")
    assert sentences.game().n == 1
