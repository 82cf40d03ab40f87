"""Mechanistic recipe: how a lens of a model's components is made again."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

from spexlens.lenses.model_recipe import ModelRecipe


@dataclass(frozen=True, kw_only=True)
class MechanisticRecipe(ModelRecipe):
    """What a `MechanisticLens` is asked for.

    A variant is `dataclasses.replace(recipe, ablation="mean")`, with what that needs.

    Attributes:
        inputs: a prompt, or several.
        components: kinds or names of components; see `MechanisticLens`.
        layers: the layers of the kinds; None for all.
        ablation: what stands for an ablated component; None for the default.
        reference: prompts that means are taken over, or None.
        counterfactual: a prompt for each input, or None.
        rescale: whether the heads that are kept are multiplied.
    """

    kind: ClassVar[str] = "mechanistic"

    inputs: str | Sequence[str]
    components: str | Sequence[str] = "heads"
    layers: Sequence[int] | None = None
    ablation: str | None = None
    reference: Sequence[str] | None = None
    counterfactual: str | Sequence[str] | None = None
    rescale: bool = False
