"""Learners that numbers and texts make have a recipe: it says all that decides an answer."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from spexlens import Estimator, FineTuning, LogisticHead, RidgeHead, TorchModule
from spexlens.errors import InvalidInput
from spexlens.games.recipe import Recipe
from spexlens.learners.learner import Learner, Task, Trainer
from spexlens.learners.recipes import FineTuningRecipe, LogisticHeadRecipe
from spexlens.models.bundled import SENTIMENT

RNG = np.random.default_rng(0)
NUMBERS = Task(
    RNG.normal(size=(12, 3)),
    np.arange(12) % 2,
    RNG.normal(size=(2, 3)),
    np.array([0, 1]),
)
TEXTS = Task(
    np.array(["a great film", "a warm cast", "a dull film", "an ugly cast"], object),
    np.array(["POSITIVE", "POSITIVE", "NEGATIVE", "NEGATIVE"]),
    np.array(["a great cast"], object),
    np.array(["POSITIVE"]),
)
CASES: list[tuple[Learner, Task]] = [
    (LogisticHead(), NUMBERS),
    (LogisticHead(C=2), NUMBERS),
    (LogisticHead(C=0.1), NUMBERS),
    (RidgeHead(), NUMBERS),
    (RidgeHead(alpha=3.5), NUMBERS),
    (FineTuning(str(SENTIMENT), device="cpu"), TEXTS),
    (FineTuning(str(SENTIMENT), kind="classifier", device="cpu"), TEXTS),
    (
        FineTuning(
            str(SENTIMENT),
            train=1,
            epochs=2,
            learning_rate=0.01,
            rows=2,
            weight_decay=0.1,
            device="cpu",
        ),
        TEXTS,
    ),
    (FineTuning(str(SENTIMENT), train="all", device="cpu"), TEXTS),
]


def again(recipe: Recipe | None) -> Recipe:
    """It, written as JSON and read."""
    assert recipe is not None
    return Recipe.of(json.loads(recipe.to_json()))


@pytest.mark.parametrize(("learner", "task"), CASES)
def test_a_recipe_makes_an_equal_learner_with_the_same_identity(
    learner: Learner, task: Task
) -> None:
    assert again(learner.recipe) == learner.recipe
    made = again(learner.recipe).game()
    assert made == learner
    identity = learner.prepare(task).identity()
    assert identity is not None
    assert made.prepare(task).identity() == identity


def test_a_learner_made_again_answers_with_the_same_bits() -> None:
    kept = RNG.random((5, 12)) < 0.7
    seeds = np.zeros(5, np.int64)
    learner = LogisticHead(C=0.3)
    assert learner.recipe is not None
    trained = [each.prepare(NUMBERS) for each in (learner, learner.recipe.game())]
    first, second = (each.fit(kept, seeds).answers for each in trained)
    assert np.array_equal(first, second)


def test_other_settings_are_another_recipe() -> None:
    fingerprints = {
        learner.recipe.fingerprint for learner, _ in CASES if learner.recipe is not None
    }
    assert len(fingerprints) == len(CASES)


def test_numbers_of_numpy_are_written_as_those_of_python() -> None:
    head: Any = LogisticHead(C=np.float64(0.5))
    assert again(head.recipe).game() == LogisticHead(C=0.5)
    tuned: Any = FineTuning(str(SENTIMENT), train=np.int64(1), device="cpu")  # type: ignore[arg-type]
    made = again(tuned.recipe).game()
    assert made == FineTuning(str(SENTIMENT), train=1, device="cpu")
    assert made.prepare(TEXTS).identity() == tuned.prepare(TEXTS).identity()


def test_a_path_is_written_as_a_text() -> None:
    learner = FineTuning(Path(SENTIMENT), device="cpu")
    made = again(learner.recipe).game()
    assert made == FineTuning(str(SENTIMENT), device="cpu")
    assert made.prepare(TEXTS).identity() == learner.prepare(TEXTS).identity()


def test_the_kind_of_model_has_a_name_of_its_own() -> None:
    recipe = FineTuning("sentiment", kind="causal").recipe
    assert isinstance(recipe, FineTuningRecipe)
    assert (recipe.kind, recipe.model_kind) == ("fine-tuning", "causal")


class Own(Learner):
    """A learner of somebody's own."""

    def prepare(self, task: Task) -> Trainer:
        raise NotImplementedError


def test_what_is_in_memory_has_no_recipe() -> None:
    import torch
    from sklearn.linear_model import LogisticRegression
    from transformers import AutoTokenizer

    from spexlens.models.huggingface import load

    loaded = load(SENTIMENT, device="cpu")
    tokenizer = AutoTokenizer.from_pretrained(SENTIMENT)
    without: list[Learner] = [
        Estimator(LogisticRegression()),
        TorchModule(lambda: torch.nn.Linear(3, 2)),
        FineTuning(loaded.model, tokenizer=tokenizer),
        FineTuning(str(SENTIMENT), tokenizer=tokenizer),
        Own(),
    ]
    assert [learner.recipe for learner in without] == [None] * len(without)


def test_what_json_has_not_is_refused_in_one_line() -> None:
    recipe = LogisticHead(C=float("nan")).recipe
    assert isinstance(recipe, LogisticHeadRecipe)
    with pytest.raises(InvalidInput, match="only finite numbers"):
        recipe.to_json()


def test_what_is_said_in_a_file_is_checked_as_what_is_said_in_python() -> None:
    written: dict[str, NDArray[Any] | object] = {"recipe": "logistic head", "C": -1.0}
    with pytest.raises(InvalidInput, match="positive number"):
        Recipe.of(written).game().prepare(NUMBERS)
    with pytest.raises(InvalidInput, match="has no 'alpha'"):
        Recipe.of({"recipe": "logistic head", "alpha": 1.0})
