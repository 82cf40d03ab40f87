"""Grouping: fewer candidates made of another game's, so that both share one ledger."""

import hashlib
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from spexlens.errors import InvalidInput
from spexlens.games.candidate import Candidate
from spexlens.games.game import Game
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
        owner = np.full(game.n, -1, np.int64)
        for number, group in enumerate(groups):
            for position in group:
                if not 0 <= position < game.n:
                    raise InvalidInput(
                        f"group {number}: there is no candidate {position} of {game.n}"
                    )
                if owner[position] >= 0:
                    raise InvalidInput(
                        f"candidate {position} is in groups {owner[position]} and"
                        f" {number}"
                    )
                owner[position] = number
            if not len(group):
                raise InvalidInput(f"group {number} is empty")
        names = (
            [_name(game, group) for group in groups]
            if candidates is None
            else candidates
        )
        if len(names) != len(groups):
            raise InvalidInput(f"{len(groups)} groups have {len(names)} names")
        if isinstance(game, Grouped):
            owner = np.where(game.owner >= 0, owner[np.maximum(game.owner, 0)], -1)
        self._base = game.base
        self.owner = owner
        self._told = {
            **(game._told if isinstance(game, Grouped) else {}),
            **(facts or {}),
        }
        self._inherit(names)

    def renew(self) -> None:
        """Take the base's fingerprint anew."""
        self.base.renew()
        self._inherit(self.candidates)

    def _inherit(self, names: Sequence[str | Candidate]) -> None:
        """Be of the base as it is."""
        for name in _INHERITED:
            setattr(self, name, getattr(self.base, name))
        self._take(names, self.base.fingerprint)
        self.key = (
            f"{self.base.key} grouped"
            f" {hashlib.sha256(self.owner.astype('<i8').tobytes()).hexdigest()}"
        )
        if self.base.training_candidates is not None:
            mixed = np.array(
                [
                    self.base.training_candidates[self.owner == group].any()
                    for group in range(self.n)
                ]
            )
            self.training_candidates = mixed if 0 < mixed.sum() < self.n else None

    @property
    def names(self) -> tuple[str, ...]:
        """Those that the base gives, of its own candidates: the second of a word stays
        the second.
        """
        known = self.base.names
        own = super().names
        names = list(own)
        for group, candidate in enumerate(self.candidates):
            members = np.flatnonzero(self.owner == group)
            if len(members) == 1 and candidate == self.base.candidates[int(members[0])]:
                names[group] = known[int(members[0])]
        return tuple(names) if len(set(names)) == len(names) else own

    @property
    def base(self) -> Game:
        """The game that is asked."""
        return self._base

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
        groups = [
            np.flatnonzero(self.owner == group).tolist() for group in range(self.n)
        ]
        return Grouped(base, groups, self.candidates, self._told)

    @property
    def variants(self) -> tuple[str, ...]:  # type: ignore[override]
        """Those of the base."""
        return self.base.variants

    def variant(self, name: str) -> "Grouped":
        """These groups of the base's variant."""
        groups = [
            np.flatnonzero(self.owner == group).tolist() for group in range(self.n)
        ]
        return Grouped(self.base.variant(name), groups, self.candidates, self._told)

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
            for number, group in enumerate(level.groups):
                place[list(group)] = number
            firsts = [np.unique(place[self.owner == group]) for group in range(self.n)]
            if all(len(each) == 1 for each in firsts):
                coarser.append(regrouped(level, [int(each[0]) for each in firsts]))
        return nested([*coarser, finest(self.candidates)])

    def facts(self) -> dict[str, Any]:
        """What `base` says, of how many candidates these are made, and how many stay
        kept.
        """
        told = self.base.facts()
        # of single candidates; between those of a group are tokens that are nobody's
        if "tokens" in told:
            members = [np.flatnonzero(self.owner == group) for group in range(self.n)]
            single = all(len(each) == 1 for each in members)
            told["tokens"] = (
                [told["tokens"][int(each[0])] for each in members] if single else None
            )
        if self.names != tuple(candidate.label for candidate in self.candidates):
            told["names"] = list(self.names)
        return {**told, "of": self.base.n, "kept": len(self.fixed), **self._told}

    def _spread(self, masks: NDArray[np.bool_]) -> NDArray[np.bool_]:
        return np.asarray(masks[:, np.maximum(self.owner, 0)] | (self.owner < 0))


def _name(game: Game, group: Sequence[int]) -> Candidate:
    """One member's own candidate; of several the first few names."""
    members = [game.candidates[position] for position in group]
    if len(members) == 1:
        return members[0]
    more = f" and {len(members) - _NAMED} more" if len(members) > _NAMED else ""
    return Candidate(
        " ".join(member.label for member in members[:_NAMED]) + more, "group"
    )
