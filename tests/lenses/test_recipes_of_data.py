"""Recipes of games of training examples, of mixed games, and of groups: as JSON, they make
the same game again.
"""

import json
from dataclasses import dataclass, replace
from typing import Any, ClassVar

import numpy as np
import pytest
from numpy.typing import NDArray
from refusing import refused

from spexlens import (
    DataLens,
    Examples,
    FeatureLens,
    Game,
    LogisticHead,
    MechanisticLens,
    MixedLens,
    TextParts,
    mix,
    screen,
    zoom,
)
from spexlens.games.grouped import Grouped
from spexlens.games.recipe import Recipe
from spexlens.learners.learner import Fitted, Learner, Task, Trainer
from spexlens.lenses import recipes
from spexlens.lenses.examples import recipe as of_data
from spexlens.lenses.examples.recipe import ArrayRecipe, DataRecipe, ExamplesRecipe
from spexlens.models.bundled import SENTIMENT

TEXTS = ["a fine film", "so much fun", "a dull film", "a bore", "fine and fun", "dull"]
LABELS = ["good", "good", "bad", "bad", "good", "bad"]


@dataclass(frozen=True)
class CountingRecipe(Recipe):
    """Of a `Counting`."""

    kind: ClassVar[str] = "counting, in a test"

    scale: float = 1.0


class Counting(Learner):
    """Scores a class by how many examples of it were kept, and a little chance."""

    def __init__(self, scale: float = 1.0) -> None:
        self.scale = scale

    @property
    def recipe(self) -> Recipe:
        return CountingRecipe(self.scale)

    def prepare(self, task: Task) -> Trainer:
        return CountingTrainer(task, self.scale)


class CountingTrainer(Trainer):
    answer = "scores"
    seeded = True

    def __init__(self, task: Task, scale: float) -> None:
        assert task.labels is not None
        self.classes, self._codes = np.unique(task.labels, return_inverse=True)
        self._tests = len(task.tests)
        self._scale = scale

    def fit(self, kept: NDArray[np.bool_], seeds: NDArray[np.int64]) -> Fitted:
        assert self.classes is not None
        counts = kept.astype(float) @ np.eye(len(self.classes))[self._codes]
        scores = self._scale * counts + (seeds % 7)[:, None] / 100
        return Fitted(np.repeat(scores[:, None], self._tests, axis=1))

    def asking(self, tests: NDArray[Any]) -> Trainer:
        other = CountingTrainer.__new__(CountingTrainer)
        other.__dict__.update(self.__dict__, _tests=len(tests))
        return other

    def identity(self) -> list[Any]:
        return ["counting", self._scale]

    def facts(self) -> dict[str, Any]:
        return {"learner": "counting"}


@CountingRecipe.made_by
def _counting(recipe: CountingRecipe) -> Counting:
    return Counting(recipe.scale)


@dataclass(frozen=True)
class SumRecipe(Recipe):
    """Of a `Sum`."""

    kind: ClassVar[str] = "sum, in a test"

    n: int


class Sum(Game):
    """How many candidates are kept, with the first two counted twice together."""

    def __init__(self, n: int) -> None:
        super().__init__(self._sum, n, f"sum of {n}")

    def _sum(self, masks: NDArray[np.bool_]) -> NDArray[np.float64]:
        pair = masks[:, 0] & masks[:, 1]
        return np.asarray(masks.sum(axis=1) + 5.0 * pair)

    @property
    def recipe(self) -> SumRecipe:  # type: ignore[override]
        return SumRecipe(self.n)


@SumRecipe.made_by
def _sum(recipe: SumRecipe) -> Sum:
    return Sum(recipe.n)


def data(learner: Any = None, **settings: Any) -> DataLens:
    examples = settings.pop(
        "examples", Examples(np.array(TEXTS, object), np.array(LABELS))
    )
    return DataLens(
        learner or Counting(), examples, ("a fine bore", "good"), **settings
    )


def again(game: Game) -> Any:
    """The game that is made of a game's recipe, once that has been JSON text."""
    assert game.recipe is not None
    read = recipes.read(game.recipe.to_json())
    assert read == game.recipe
    assert len(read.fingerprint) == 64
    assert read.fingerprint == game.recipe.fingerprint
    return read.game()


def assert_same(one: Game, other: Game) -> None:
    assert type(one) is type(other)
    assert one.key == other.key
    assert one.fingerprint == other.fingerprint is not None
    assert one.candidates == other.candidates
    assert one.names == other.names
    assert one.facts() == other.facts()
    assert one.recipe == other.recipe
    for attribute in ("batch_size", "unit", "outputs", "repeats", "seeded"):
        assert getattr(one, attribute) == getattr(other, attribute)
    masks = np.random.default_rng(0).random((20, one.n)) < 0.5
    assert np.array_equal(one.value(masks), other.value(masks))


ROWS = np.random.default_rng(1).normal(size=(12, 3))
CLASSES = np.arange(12) % 3


@pytest.mark.parametrize(
    "settings",
    [
        {},
        {"candidates": [0, 3, np.int64(2)]},
        {"groups": "label"},
        {"groups": np.array([0, 0, 1, 1, -1, 2]), "candidates": ["group 1", "group 2"]},
        {"groups": ["a", None, "b", "b", float("nan"), "a"], "others": "out"},
        {"groups": "near-duplicates"},
        {"repeats": 3, "seed": 2**62, "batch_size": 5},
        {"objective": "accuracy", "mean": True, "fingerprint": "mine"},
        {"candidates": 4, "screening": "gradient similarity"},
        {"encoder": "tf-idf", "candidates": "auto"},
    ],
)
def test_a_data_lens_is_made_again(settings: dict[str, Any]) -> None:
    lens = data(**settings)
    assert_same(lens, again(lens))


@pytest.mark.parametrize(
    "labels",
    [
        CLASSES,
        CLASSES.astype(np.uint8),
        CLASSES > 1,
        CLASSES.astype(str),
        CLASSES.astype(float),
        CLASSES.astype(np.float32),
    ],
)
def test_numbers_are_made_again_bit_for_bit(labels: NDArray[Any]) -> None:
    rows = np.asfortranarray(ROWS)
    points = Examples(ROWS[:2] / 3)
    lens = DataLens(
        Counting(1 / 3), Examples(rows, labels), (points.inputs, labels[:2])
    )
    made = again(lens)
    assert_same(lens, made)
    assert made.examples.inputs.tobytes() == rows.tobytes()
    assert list(made.examples.labels) == list(labels)
    assert made.examples.labels.dtype.kind == labels.dtype.kind


def test_texts_and_labels_can_be_read_in_it() -> None:
    recipe = data().recipe
    assert isinstance(recipe, DataRecipe)
    assert recipe.content()["data"] == {
        "recipe": "examples",
        "inputs": TEXTS,
        "labels": LABELS,
    }
    assert recipe.content()["learner"]["scale"] == 1.0


def test_a_variant_is_another_recipe() -> None:
    recipe = data().recipe
    assert recipe is not None
    assert (
        replace(recipe, others="out", candidates=(1, 2)).game().facts()["others_are"]
        == "out"
    )


def test_the_column_that_names_groups_goes_along() -> None:
    table = {
        "text": TEXTS,
        "label": LABELS,
        "source": [1, 1, None, 2.0, 2, 2],
        "x": [object()] * 6,
    }
    lens = data(examples=Examples.of(table), groups="source")
    assert [candidate.label for candidate in lens.candidates] == [
        "source 1",
        "source 2",
    ]
    assert_same(lens, again(lens))


def test_what_was_asked_for_is_a_copy() -> None:
    candidates = [0, 1, 2]
    lens = data(candidates=candidates)
    candidates.append(5)
    assert again(lens).key == lens.key


def test_candidates_may_come_one_by_one() -> None:
    lens = data(candidates=(row for row in (4, 1)))
    assert lens.n == 2
    assert_same(lens, again(lens))


def test_one_seed_of_several_is_made_again() -> None:
    lens = data(repeats=3)
    for number in range(3):
        assert_same(lens.with_seed(number), again(lens.with_seed(number)))


def test_a_prediction_that_is_watched_is_made_again() -> None:
    lens = DataLens(Counting(), (TEXTS, LABELS), ["a film"])
    assert lens.facts()["predicted"]
    assert_same(lens, again(lens))


def test_what_is_no_data_has_no_recipe(monkeypatch: pytest.MonkeyPatch) -> None:
    from sklearn.linear_model import LogisticRegression

    assert data(LogisticRegression(), encoder="tf-idf").recipe is None
    odd = [np.float32(0.1), 1.5, 1.5, 2.5, 2.5, 2.5]
    assert data(groups=odd).recipe is None
    lens = DataLens(Counting(), (ROWS, CLASSES), (ROWS[:1], CLASSES[:1]))
    assert lens.recipe is not None
    monkeypatch.setattr(of_data, "LARGEST", ROWS.nbytes)
    assert lens.recipe is not None
    monkeypatch.setattr(of_data, "LARGEST", ROWS.nbytes - 1)
    assert lens.recipe is None


@pytest.mark.parametrize(
    "array",
    [
        ArrayRecipe("<f8", (2,), "AAAA"),
        ArrayRecipe("<f8", (1,), "no base 64"),
        ArrayRecipe("nothing", (1,), ""),
        ArrayRecipe("O", (1,), "AAAAAAAAAAA="),
        ArrayRecipe("U2", (1,), "AAAAAAAAAAA="),
    ],
)
def test_a_damaged_array_is_refused(array: ArrayRecipe) -> None:
    assert "in a recipe" in refused(ExamplesRecipe(array).game)


def test_a_mixed_lens_is_made_again() -> None:
    parts = TextParts("a fine bore")
    lens = MixedLens([data(candidates=4), parts], batch_size=7)
    assert_same(lens, again(lens))
    assert_same(lens.with_seed(1), again(lens.with_seed(1)))
    some = mix([screen(data(), [0, 2]), screen(parts, ["fine", "bore"])])
    assert_same(some, again(some))


def test_a_mixed_lens_of_a_model_is_made_again() -> None:
    text = "Her acting never fails"
    words = FeatureLens(str(SENTIMENT), text, target="POSITIVE")
    heads = MechanisticLens(str(SENTIMENT), text, target="POSITIVE", ablation="zero")
    lens = mix([heads, screen(words, ["acting", "fails"])])
    assert_same(lens, again(lens))


def test_a_mixed_lens_of_one_without_a_recipe_has_none() -> None:
    parts = TextParts("a fine bore")
    parts.recipe = None
    assert MixedLens([data(), parts]).recipe is None


def test_groups_are_made_again() -> None:
    some = Grouped(Sum(8), [[0, 1], [4]], ["both", "four"], {"zoomed": True})
    assert_same(some, again(some))
    seen_through = Grouped(some, [[1]])
    assert_same(seen_through, again(seen_through))
    assert seen_through.base.n == 8


def test_a_screening_is_made_again_with_what_it_cost() -> None:
    chosen = screen(Sum(8), 3, by="leave-one-out")
    assert_same(chosen, again(chosen))
    assert again(chosen).facts()["screening_cost"]["calls"] == 9
    words = screen(data(groups="label"), ["label good"])
    assert_same(words, again(words))


def test_what_is_explained_by_zooming_is_made_again() -> None:
    explanation = zoom(Sum(40), 300)
    assert explanation.facts["of"] == 40


def test_groups_without_data_have_no_recipe() -> None:
    assert Grouped(Game(lambda masks: masks[:, 0], 3), [[0]]).recipe is None
    assert Grouped(Sum(3), [[0]], facts={"bad": float("nan")}).recipe is None


@pytest.mark.parametrize(
    "text", ["", "[1]", "{", "NaN", '{"recipe": "none"}', "[" * 99]
)
def test_what_is_no_recipe_is_refused_in_a_line(text: str) -> None:
    assert "recipe" in refused(lambda: recipes.read(text))


def test_a_field_that_is_unknown_or_lacking_is_named() -> None:
    content = json.loads(SumRecipe(3).to_json())
    assert "'m'" in refused(lambda: recipes.read(json.dumps({**content, "m": 1})))
    assert "lacks" in refused(
        lambda: recipes.read(json.dumps({"recipe": SumRecipe.kind}))
    )


def test_learners_that_come_with_the_package_make_games_again() -> None:
    lens = DataLens(LogisticHead(), (ROWS, CLASSES), (ROWS[:2], CLASSES[:2]))
    assert_same(lens, again(lens))
