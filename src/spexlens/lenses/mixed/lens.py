"""The mixed lens: parts of the input, of the model and of its training data in one
game.
"""

import copy
import hashlib
import json
from collections import Counter
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from spexlens.errors import InvalidInput
from spexlens.games.candidate import Candidate
from spexlens.games.game import Game
from spexlens.games.grouped import Grouped
from spexlens.games.levels import Level, nested
from spexlens.lenses.mixed.parts import Parts, in_order, place
from spexlens.lenses.mixed.recipe import MixedRecipe
from spexlens.lenses.mixed.trained import Trained
from spexlens.lenses.screening.attribution import Attribution
from spexlens.lenses.screening.gradients import (
    GRADIENT,
    INTEGRATED,
    STEPS,
    gradient_attribution,
)
from spexlens.masks import designs

if TYPE_CHECKING:
    import torch

    from spexlens.lenses.mixed.joint import Joint

_COMMON = (
    "text",
    "model",
    "kind",
    "target",
    "foil",
    "answered",
    "probability",
    "replacement",
    "ablation",
    "rescale",
    "device",
)
"""Facts of a lens that are the mixed game's, too."""


class MixedLens(Game):
    """The candidates of several lenses in one game: a mask's slices go to each.

    A text and components: one forward pass reads the ablated text with the components
    ablated; both lenses are of one model, and watch the same. Training examples and a
    text, components or both: a model is trained on the examples kept and asked about
    the test point as the rest of the mask leaves it. What is asked is, with a learner
    on an encoder's features, that encoder, which the other lenses are of; with
    `FineTuning`, the retrained model, which they are of if they were made of
    `DataLens.model`; with any learner that reads texts (or tf-idf), the text itself,
    from `TextParts`.

    Masks that keep the same examples share one training: `explain` draws them so that
    there are few (its `trainings`), the evaluator never splits those of one training,
    and trainings are counted apart from evaluations.
    """

    deterministic = True

    def __init__(
        self, lenses: Sequence[Game], *, batch_size: int | None = None
    ) -> None:
        """
        Args:
            lenses: two or more of a `DataLens`, a `FeatureLens` or `TextParts`, and a
                `MechanisticLens`. Screened ones are mixed by `mix`.
            batch_size: masks handed over at once.

        Raises:
            InvalidInput: two of a kind, an only one, two models, two texts, two things
                watched.
        """
        self.lenses = in_order(lenses)
        parts = Parts.of(self.lenses)
        if parts.text is not None and parts.text.windows is not None:
            raise InvalidInput(
                "a text that is read by windows is explained alone: mix it without"
                " windows"
            )
        self.data = parts.examples
        self._combination = self._combined()
        self.unit = self._combination.unit
        self.outputs = self._combination.outputs
        self._batch = batch_size
        self.batch_size = batch_size or self._combination.batch_size
        candidates = [
            candidate for lens in self.lenses for candidate in lens.candidates
        ]
        if self.data is not None:
            self.commit_each_batch = True
            self.held_out_share = self.data.held_out_share
            self.seeded = self.data.seeded
            self.repeats = self.data.repeats
            self.training_candidates = np.arange(len(candidates)) < self.data.n
        elif self.unit != "accuracy":
            self.attributions = (GRADIENT, INTEGRATED)
        self._take(candidates, self._identity())
        if self.data is None:
            self.value(designs.corners(self.n))  # to see that the model reads them

    def value(self, masks: NDArray[np.bool_]) -> NDArray[np.float64]:
        """What is watched: (m, n) bool -> (m,) or (m, k) float64."""
        return self._combination.values(masks)

    def remarks(self) -> dict[int, str]:
        """What is remarked on the trainings, and on answers of a model that somebody
        trains.
        """
        return self._combination.remarks

    def renew(self) -> None:
        """Take the fingerprints of all lenses anew, and ask models anew that have
        changed since.
        """
        for lens in self.lenses:
            lens.renew()
        self._combination = self._combined()
        fingerprint = self._identity()
        if fingerprint is None or fingerprint != self.fingerprint:
            self._take(self.candidates, fingerprint)

    def with_seed(self, number: int) -> "MixedLens":
        """This game with one training a mask, under its seed of this number."""
        if self.data is None:
            return self
        single = copy.copy(self)
        single.data = self.data.with_seed(number)
        single.repeats = 1
        single.lenses = (single.data, *self.lenses[1:])
        assert isinstance(self._combination, Trained)
        single._combination = self._combination.with_data(single.data)
        single._take(self.candidates, single._identity())
        if single.fingerprint is None:
            single.key = f"{self.key} seed {number}"
        return single

    @property
    def recipe(self) -> MixedRecipe | None:  # type: ignore[override]
        """Those of all lenses; None where one has none, or is of the model that is
        fine-tuned, which no other lens can name.
        """
        recipes = [lens.recipe for lens in self.lenses]
        known = tuple(recipe for recipe in recipes if recipe is not None)
        if len(known) < len(recipes) or self._shares_a_tuned_model():
            return None
        return MixedRecipe(known, self._batch)

    inputs = 1

    def value_at(self, degrees: "torch.Tensor", number: int = 0) -> "torch.Tensor":
        """The answer with each part so far on the way to what it is, (n,) -> (k,); see
        the lenses' own.
        """
        return self._joint.value_at(degrees)

    @property
    def device(self) -> "torch.device":
        """Where the model is."""
        return self._joint.device

    @property
    def passes(self) -> int:
        """Forward passes for each batch of masks."""
        return self._joint.passes

    def attribute(self, method: str) -> Attribution:
        """Cheap scores of the candidates, by one of `attributions`."""
        return gradient_attribution(
            self, method, STEPS if method == INTEGRATED else None
        )

    def levels(self) -> list[Level]:
        """Those of all lenses side by side; of one that has fewer, its coarsest several
        times.
        """
        by_lens = [lens.levels() for lens in self.lenses]
        depth = max(map(len, by_lens))
        padded = [[levels[0]] * (depth - len(levels)) + levels for levels in by_lens]
        return nested([self._beside(row) for row in zip(*padded, strict=True)])

    def _beside(self, levels: Sequence[Level]) -> Level:
        """One level of each lens, as one of all candidates."""
        groups: list[tuple[int, ...]] = []
        candidates: list[Candidate] = []
        start = 0
        for lens, level in zip(self.lenses, levels, strict=True):
            groups += [
                tuple(start + position for position in group) for group in level.groups
            ]
            candidates += level.candidates
            start += lens.n
        names = dict.fromkeys(level.name for level in levels)
        return Level(", ".join(names), tuple(groups), tuple(candidates))

    def facts(self) -> dict[str, Any]:
        """What each lens says, and what is watched."""
        parts = [lens.facts() for lens in self.lenses]
        facts: dict[str, Any] = {}
        for part in parts:
            facts |= {
                name: part[name] for name in _COMMON if part.get(name) is not None
            }
        if self.data is not None:
            facts |= {**parts[0], "call": "call", "foil": None}
            # those are of the model as it came
            facts |= {"answered": None, "probability": None}
        facts |= {"lens": "mixed", "unit": self.unit, "parts": parts}
        if self.data is None:
            facts["passes_a_batch"] = self.passes
        return facts

    def _shares_a_tuned_model(self) -> bool:
        """Whether another lens is of the very model that is trained on examples."""
        if self.data is None or self.data.model is None:
            return False
        return bool(Parts.of(self.lenses).of_model)

    @property
    def _joint(self) -> "Joint":
        """The combination of lenses without training examples, which alone has a
        gradient.
        """
        from spexlens.lenses.mixed.joint import Joint

        assert isinstance(self._combination, Joint)
        return self._combination

    def _combined(self) -> "Joint | Trained":
        """How the lenses come together."""
        from spexlens.lenses.mixed.combine import combine

        return combine(Parts.of(self.lenses))

    def _identity(self) -> str | None:
        """sha256 of everything that decides a value."""
        parts = [lens.fingerprint for lens in self.lenses]
        if None in parts:
            self.unknown = next(
                (lens.unknown for lens in self.lenses if lens.unknown), None
            )
            return None
        return hashlib.sha256(json.dumps(["mixed 2", *parts]).encode()).hexdigest()


@MixedRecipe.made_by
def _mixed_lens(recipe: MixedRecipe) -> MixedLens:
    lenses = [lens.game() for lens in recipe.lenses]
    return MixedLens(lenses, batch_size=recipe.batch_size)


def mix(lenses: Sequence[Game]) -> Game:
    """Lenses in one game, screened ones too: what those left unchosen stays kept in it,
    and is checked.

    Raises:
        InvalidInput: as `MixedLens`.
    """
    if isinstance(lenses, Game):
        raise InvalidInput("mix takes several lenses: mix([words, heads])")
    mixed = MixedLens(
        [lens.base if isinstance(lens, Game) else lens for lens in lenses]
    )
    ordered = sorted(lenses, key=lambda lens: place(lens.base))
    if all(lens is lens.base for lens in ordered):
        return mixed
    groups: list[list[int]] = []
    candidates: list[Candidate] = []
    start = 0
    for lens in ordered:
        owner = lens.owner if isinstance(lens, Grouped) else np.arange(lens.n)
        groups += [
            (start + np.flatnonzero(owner == group)).tolist() for group in range(lens.n)
        ]
        candidates += lens.candidates
        start += lens.base.n
    facts = [lens.facts() for lens in ordered]
    return Grouped(mixed, groups, candidates, {"parts": facts, **_screened(facts)})


def _screened(parts: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """How the candidates of several lenses were chosen, and at what cost."""
    cost = Counter[str]()
    for part in parts:
        cost.update(part.get("screening_cost", {}))
    ways = [part["screening"] for part in parts if part.get("screening")]
    how = " and ".join(dict.fromkeys(ways))
    return {"screening": how or None, "screening_cost": dict(cost)}
