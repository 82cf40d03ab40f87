"""Recipes: how those learners are made again that numbers and texts alone make.

A recipe is data, and knows no learner: the file of a learner says what makes it.
"""

from dataclasses import dataclass
from typing import ClassVar, Literal

from spexlens.games.recipe import Recipe


@dataclass(frozen=True)
class LogisticHeadRecipe(Recipe):
    """Of a `LogisticHead`; its fields are the learner's."""

    kind: ClassVar[str] = "logistic head"

    C: float = 1.0


@dataclass(frozen=True)
class RidgeHeadRecipe(Recipe):
    """Of a `RidgeHead`; its fields are the learner's."""

    kind: ClassVar[str] = "ridge head"

    alpha: float = 1.0


@dataclass(frozen=True)
class FineTuningRecipe(Recipe):
    """Of a `FineTuning` whose model is named; its fields are the learner's.

    Attributes:
        model: hub id or local directory.
        model_kind: the learner's `kind`, a name that every recipe has for its own.
    """

    kind: ClassVar[str] = "fine-tuning"

    model: str
    train: int | Literal["head", "all"] = "head"
    epochs: int = 3
    learning_rate: float | None = None
    rows: int = 8
    weight_decay: float = 0.0
    model_kind: Literal["classifier", "causal"] | None = None
    revision: str | None = None
    device: str | None = None
    trust_remote_code: bool = False
