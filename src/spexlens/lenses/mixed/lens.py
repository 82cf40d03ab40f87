"""The mixed lens: parts of the input, of the model and of its training data in one
game.
"""

import copy
import hashlib
import json
from collections import Counter
from collections.abc import Sequence
from itertools import accumulate
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from spexlens.errors import InvalidInput
from spexlens.games.candidate import Candidate
from spexlens.games.game import Game
from spexlens.games.grouped import Grouped
from spexlens.games.levels import Level, nested
from spexlens.lenses.components.lens import MechanisticLens
from spexlens.lenses.examples.lens import DataLens
from spexlens.lenses.mixed.recipe import MixedRecipe
from spexlens.lenses.of_model import OfModel
from spexlens.lenses.screening.attribution import Attribution
from spexlens.lenses.screening.gradients import (
    GRADIENT,
    INTEGRATED,
    STEPS,
    gradient_attribution,
)
from spexlens.lenses.text.lens import FeatureLens
from spexlens.lenses.text.parts import TextParts
from spexlens.masks import designs
from spexlens.masks import masks as mask_algebra

if TYPE_CHECKING:
    import torch

    from spexlens.lenses.mixed.combine import Joint, Question

_KINDS = (DataLens, FeatureLens, TextParts, MechanisticLens)


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
        self.lenses = tuple(sorted(lenses, key=_place))
        if len(self.lenses) < 2 or len({_place(lens) for lens in self.lenses}) < len(
            self.lenses
        ):
            names = ", ".join(type(lens).__name__ for lens in lenses) or "none"
            raise InvalidInput(
                "a mixed game takes two lenses or more, at most one of a kind; got"
                f" {names}"
            )
        if any(
            isinstance(lens, FeatureLens) and lens.windows is not None
            for lens in self.lenses
        ):
            raise InvalidInput(
                "a text that is read by windows is explained alone: mix it without"
                " windows"
            )
        self.data = next(
            (lens for lens in self.lenses if isinstance(lens, DataLens)), None
        )
        ends = list(accumulate(lens.n for lens in self.lenses))
        self._columns = [
            slice(end - lens.n, end)
            for lens, end in zip(self.lenses, ends, strict=True)
        ]
        self._meeting = self._met()
        self.unit = self._joint.unit if self.data is None else self.data.unit
        self.outputs = self._joint.outputs if self.data is None else None
        self._batch = batch_size
        self.batch_size = batch_size or self._meeting.batch_size
        self._remarks: dict[int, str] = {}
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
        if self.data is None:
            self._remarks = self._joint.remarks(len(masks))
            return self._joint.values(masks)
        own = masks[:, : self.data.n]
        others = masks[:, self.data.n :]
        first, training = mask_algebra.distinct(mask_algebra.pack(own))
        values = np.empty(len(masks))
        self._remarks = {}
        for start in range(0, len(first), self.data.at_once):
            chunk = first[start : start + self.data.at_once]
            rows = np.flatnonzero((training >= start) & (training < start + len(chunk)))
            variants, variant = mask_algebra.distinct(mask_algebra.pack(others[rows]))
            asked = self._question.asked(others[rows][variants])
            answers = self.data.about(own[chunk], asked)
            values[rows] = answers[training[rows] - start, variant]
            told = self.data.remarks()
            places = zip(rows.tolist(), (training[rows] - start).tolist(), strict=True)
            self._remarks |= {
                row: told[place] for row, place in places if place in told
            }
        return values

    def remarks(self) -> dict[int, str]:
        """What is remarked on the trainings, and on answers of a model that somebody
        trains.
        """
        return self._remarks

    def renew(self) -> None:
        """Take the fingerprints of all lenses anew, and ask models anew that have
        changed since.
        """
        for lens in self.lenses:
            lens.renew()
        self._meeting = self._met()
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
        return self._joint.model.device

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
        each = [lens.levels() for lens in self.lenses]
        depth = max(map(len, each))
        padded = [[levels[0]] * (depth - len(levels)) + levels for levels in each]
        return nested([self._beside(row) for row in zip(*padded, strict=True)])

    def facts(self) -> dict[str, Any]:
        """What each lens says, and what is watched."""
        parts = [lens.facts() for lens in self.lenses]
        told = {
            name: part[name]
            for part in parts
            for name in _COMMON
            if part.get(name) is not None
        }
        if self.data is not None:
            told = {**told, **parts[0], "call": "call", "foil": None}
            # those are of the model as it came
            told |= {"answered": None, "probability": None}
        told |= {"lens": "mixed", "unit": self.unit, "parts": parts}
        if self.data is None:
            told["passes_a_batch"] = self.passes
        return told

    def _shares_a_tuned_model(self) -> bool:
        if self.data is None or self.data.model is None:
            return False
        return any(isinstance(lens, OfModel) for lens in self.lenses)

    @property
    def _joint(self) -> "Joint":
        from spexlens.lenses.mixed.combine import Joint

        assert isinstance(self._meeting, Joint)
        return self._meeting

    @property
    def _question(self) -> "Question":
        from spexlens.lenses.mixed.combine import Question

        assert isinstance(self._meeting, Question)
        return self._meeting

    def _met(self) -> "Joint | Question":
        """How the lenses meet."""
        from spexlens.lenses.mixed.combine import meet

        return meet(self.lenses)

    def _beside(self, levels: Sequence[Level]) -> Level:
        groups: list[tuple[int, ...]] = []
        candidates: list[Candidate] = []
        for level, columns in zip(levels, self._columns, strict=True):
            groups += [
                tuple(columns.start + position for position in group)
                for group in level.groups
            ]
            candidates += level.candidates
        return Level(
            ", ".join(dict.fromkeys(level.name for level in levels)),
            tuple(groups),
            tuple(candidates),
        )

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


_COMMON = (
    *(
        "text",
        "model",
        "kind",
        "target",
        "foil",
        "answered",
        "probability",
        "replacement",
        "ablation",
    ),
    *("rescale", "device"),
)


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
    ordered = sorted(lenses, key=lambda lens: _place(lens.base))
    if all(lens is lens.base for lens in ordered):
        return mixed
    groups: list[list[int]] = []
    names: list[Candidate] = []
    facts: list[dict[str, Any]] = []
    start = 0
    for lens in ordered:
        owner = lens.owner if isinstance(lens, Grouped) else np.arange(lens.n)
        groups += [
            (start + np.flatnonzero(owner == group)).tolist() for group in range(lens.n)
        ]
        names += lens.candidates
        facts.append(lens.facts())
        start += lens.base.n
    return Grouped(mixed, groups, names, {"parts": facts, **_screened(facts)})


def _screened(parts: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """How the candidates of several lenses were chosen, and at what cost."""
    cost = Counter[str]()
    for part in parts:
        cost.update(part.get("screening_cost", {}))
    how = list(
        dict.fromkeys(part["screening"] for part in parts if part.get("screening"))
    )
    return {"screening": " and ".join(how) or None, "screening_cost": dict(cost)}


def _place(lens: Game) -> int:
    """The order of lenses: training examples, text, components.

    Raises:
        InvalidInput: it is none of them.
    """
    if not isinstance(lens, Game):
        raise InvalidInput(f"a mixed game is of lenses; got {type(lens).__name__}")
    for place, kind in enumerate(_KINDS):
        if isinstance(lens, kind):
            return {2: 1}.get(place, place)
    if isinstance(lens, Grouped):
        raise InvalidInput("screened lenses are mixed by spexlens.mix([...])")
    raise InvalidInput(f"a mixed game is of lenses; got {type(lens).__name__}")
