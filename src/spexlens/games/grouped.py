"""Grouping: fewer candidates made of another game's, so that both share one ledger."""

import hashlib
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from spexlens.errors import InvalidInput
from spexlens.games.candidate import Candidate
from spexlens.games.game import Game
from spexlens.games.grouped_recipe import GroupedRecipe
from spexlens.games.levels import Level, finest, nested, regrouped
from spexlens.masks import masks as mask_algebra

_NAMED = 3
_INHERITED = (
    "batch_size",
    "paced",
    "fixed_batches",
    "outputs",
    "unit",
    "seeded",
    "repeats",
    "commit_each_batch",
    "held_out_share",
    "deterministic",
    "unknown",
)


class Grouped(Game):
    """A game whose candidates are groups of another's, which come and go together.

    What is in no group always stays. A mask of groups is a mask of the other game,
    under which its value is recorded: games that group one game in several ways share
    what was paid for.

    Attributes:
        owner: (N,) int64, the group of each of the base's candidates, -1 for those that
            always stay.
    """

    owner: NDArray[np.int64]
    _told: dict[str, Any]

    def __init__(
        self,
        game: Game,
        groups: Sequence[Sequence[int]],
        candidates: Sequence[str | Candidate] | None = None,
        facts: dict[str, Any] | None = None,
    ) -> None:
        """
        Args:
            game: whose candidates are grouped; one that is grouped itself is seen
                through.
            groups: positions of its candidates, each in one group at most.
            candidates: the groups' names; by default their members'.
            facts: what a result should say of the groups.

        Raises:
            InvalidInput: a group is empty, or a candidate is unknown or in two.
        """
        owner = _owner_of(groups, game.n)
        if candidates is None:
            candidates = [_name(game, group) for group in groups]
        if len(candidates) != len(groups):
            raise InvalidInput(f"{len(groups)} groups have {len(candidates)} names")
        told: dict[str, Any] = {}
        if isinstance(game, Grouped):
            owner = np.where(game.owner >= 0, owner[np.maximum(game.owner, 0)], -1)
            told = game._told
        self._base = game.base
        self.owner = owner
        self._told = {**told, **(facts or {})}
        self._inherit(candidates)

    def renew(self) -> None:
        """Take the base's fingerprint anew."""
        self.base.renew()
        self._inherit(self.candidates)

    def _inherit(self, names: Sequence[str | Candidate]) -> None:
        """Be of the base as it is."""
        for name in _INHERITED:
            setattr(self, name, getattr(self.base, name))
        self._take(names, self.base.fingerprint)
        grouping = hashlib.sha256(self.owner.astype("<i8").tobytes()).hexdigest()
        self.key = f"{self.base.key} grouped {grouping}"
        trained = self.base.training_candidates
        if trained is not None:
            retraining = np.array([trained[group].any() for group in self._groups()])
            some = 0 < retraining.sum() < self.n
            self.training_candidates = retraining if some else None

    @property
    def names(self) -> tuple[str, ...]:
        """Those that the base gives, of its own candidates: the second of a word stays
        the second.
        """
        of_base = self.base.names
        of_labels = super().names
        names = list(of_labels)
        for number, members in enumerate(self._groups()):
            single = members[0] if len(members) == 1 else None
            if (
                single is not None
                and self.candidates[number] == self.base.candidates[single]
            ):
                names[number] = of_base[single]
        # a group's own name may be that which the base has for a single candidate
        return tuple(names) if len(set(names)) == len(names) else of_labels

    @property
    def base(self) -> Game:
        """The game that is asked."""
        return self._base

    @property
    def recipe(self) -> GroupedRecipe | None:  # type: ignore[override]
        """How the base is made again, and these groups of it."""
        base = self.base.recipe
        if base is None:
            return None
        try:
            return GroupedRecipe.describing(
                base, self._groups(), self.candidates, self._told
            )
        except InvalidInput:
            return None

    @property
    def fixed(self) -> NDArray[np.int64]:
        """Which candidates of `base` always stay."""
        return np.flatnonzero(self.owner < 0)

    def to_base(self, packed: NDArray[np.uint8]) -> NDArray[np.uint8]:
        """Packed masks of the groups as packed masks of `base`: (m, w) -> (m, W) uint8."""
        return mask_algebra.pack(self._spread(mask_algebra.unpack(packed, self.n)))

    def value(self, masks: NDArray[np.bool_]) -> NDArray[np.float64]:
        """What `base` answers: (m, n) bool -> (m,) or (m, k) float64."""
        return self.base.value(self._spread(masks))

    def with_seed(self, number: int) -> Game:
        """These groups of the base's repetition."""
        base = self.base.with_seed(number)
        if base is self.base:
            return self
        return self._of(base)

    @property
    def variants(self) -> tuple[str, ...]:  # type: ignore[override]
        """Those of the base."""
        return self.base.variants

    def variant(self, name: str) -> "Grouped":
        """These groups of the base's variant."""
        return self._of(self.base.variant(name))

    def with_text(self, text: str) -> Game:
        """The base's."""
        return self.base.with_text(text)

    def remarks(self) -> dict[int, str]:
        """What `base` remarks."""
        return self.base.remarks()

    def costs(self, masks: NDArray[np.bool_]) -> NDArray[np.int64]:
        """(m,) int64, those of `base`."""
        return self.base.costs(self._spread(masks))

    def levels(self) -> list[Level]:
        """The base's, of the candidates that are grouped; the last are these groups.

        Levels of the base that would split a group are left out.
        """
        coarser = []
        for level in self.base.levels():
            place = np.empty(self.base.n, np.int64)
            for number, members in enumerate(level.groups):
                place[list(members)] = number
            places = [np.unique(place[members]) for members in self._groups()]
            if all(len(place_of_group) == 1 for place_of_group in places):
                coarser.append(regrouped(level, np.concatenate(places).tolist()))
        return nested([*coarser, finest(self.candidates)])

    def facts(self) -> dict[str, Any]:
        """What `base` says, of how many candidates these are made, and how many stay
        kept.
        """
        facts = self.base.facts()
        if "tokens" in facts:
            facts["tokens"] = self._tokens(facts["tokens"])
        names = self.names
        if names != tuple(candidate.label for candidate in self.candidates):
            facts["names"] = list(names)
        return {**facts, "of": self.base.n, "kept": len(self.fixed), **self._told}

    def _tokens(self, of_base: Any) -> list[Any] | None:
        """Those of single candidates; between those of a group are tokens that are
        nobody's.
        """
        groups = self._groups()
        if any(len(members) > 1 for members in groups):
            return None
        return [of_base[members[0]] for members in groups]

    def _groups(self) -> list[list[int]]:
        """The positions of each group's members among the base's candidates."""
        return [np.flatnonzero(self.owner == group).tolist() for group in range(self.n)]

    def _of(self, base: Game) -> "Grouped":
        """These groups, of another game with the same candidates."""
        return Grouped(base, self._groups(), self.candidates, self._told)

    def _spread(self, masks: NDArray[np.bool_]) -> NDArray[np.bool_]:
        """Masks of the groups as masks of `base`: (m, n) -> (m, N) bool."""
        return np.asarray(masks[:, np.maximum(self.owner, 0)] | (self.owner < 0))


@GroupedRecipe.made_by
def _grouped(recipe: GroupedRecipe) -> Grouped:
    return Grouped(
        recipe.base.game(), recipe.groups, recipe.named(), dict(recipe.facts)
    )


def _owner_of(groups: Sequence[Sequence[int]], count: int) -> NDArray[np.int64]:
    """(count,), the group that each candidate is in, -1 for none.

    Raises:
        InvalidInput: a group is empty, or a candidate is unknown or in two.
    """
    owner = np.full(count, -1, np.int64)
    for number, group in enumerate(groups):
        for position in group:
            if not 0 <= position < count:
                raise InvalidInput(
                    f"group {number}: there is no candidate {position} of {count}"
                )
            if owner[position] >= 0:
                raise InvalidInput(
                    f"candidate {position} is in groups {owner[position]} and {number}"
                )
            owner[position] = number
        if not len(group):
            raise InvalidInput(f"group {number} is empty")
    return owner


def _name(game: Game, group: Sequence[int]) -> Candidate:
    """One member's own candidate; of several the first few names."""
    members = [game.candidates[position] for position in group]
    if len(members) == 1:
        return members[0]
    more = f" and {len(members) - _NAMED} more" if len(members) > _NAMED else ""
    return Candidate(
        " ".join(member.label for member in members[:_NAMED]) + more, "group"
    )
