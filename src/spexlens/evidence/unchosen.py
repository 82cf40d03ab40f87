"""Unchosen: what the candidates do that were not chosen, and so stayed kept."""

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from spexlens.evaluation.sized import Sized
from spexlens.games.game import Game
from spexlens.masks import masks as mask_algebra
from spexlens.spectrum.sizes import Sizes

_PARTNERS = 64

SHARE = 0.1
"""Of the variance, beyond which a reader is told that something was left out."""


@dataclass(frozen=True)
class Unchosen:
    """A handful of masks in which candidates that were not chosen are ablated.

    There is one number an output.

    Attributes:
        candidates: how many were not chosen.
        masks: how many evaluations say so.
        moved: standard deviation of what ablating each of them with probability a half
            changes, where the chosen are kept as in masks that were evaluated anyway.
        deviation: of the values over the masks of the chosen.
        without: the answer with all of them ablated and all chosen kept.
    """

    candidates: int
    masks: int
    moved: tuple[float, ...]
    deviation: tuple[float, ...]
    without: tuple[float, ...]

    def restored(self, sizes: Sizes) -> "Unchosen":
        """Of the answers as they were.

        Where this is of answers that were brought to size one.
        """
        return replace(
            self,
            moved=sizes.effects(self.moved),
            deviation=sizes.effects(self.deviation),
            without=sizes.answers(self.without),
        )

    @property
    def share(self) -> tuple[float, ...]:
        """moved² / (moved² + deviation²).

        0 if the unchosen do nothing, 1 if nothing else does.
        """
        shares = []
        for moved, deviation in zip(self.moved, self.deviation, strict=True):
            unchosen = moved**2
            total = unchosen + deviation**2
            shares.append(unchosen / total if total else 0.0)
        return tuple(shares)


def asked_of_unchosen(
    game: Game, packed: NDArray[np.uint8], count: int, seed: int
) -> NDArray[np.uint8]:
    """Masks of the game's base, packed, that ablate what was not chosen.

    The first ablates all of it, each other one every candidate with probability a half.

    Args:
        game: with candidates that always stay.
        packed: masks of the game that were evaluated: the halves go with the first of
            these.
        count: how many, three at least.
        seed: decides the halves.
    """
    partners = _partners(packed, game.n, count - 1)
    rows = np.append(0, partners)
    in_base = game.to_base(packed[rows])
    masks = mask_algebra.unpack(in_base, game.base.n)
    unchosen = game.fixed
    masks[0] = True
    masks[0, unchosen] = False
    rng = np.random.default_rng([seed, len(unchosen)])
    is_kept = rng.random((count - 1, len(unchosen))) < 0.5
    if len(unchosen) == 1:
        # Few draws of one coin may all be the same, and would say nothing.
        is_kept[:, 0] = np.arange(count - 1) % 2 == 0
    masks[1:, unchosen] = is_kept
    return mask_algebra.pack(masks)


def unchosen_of(
    game: Game,
    packed: NDArray[np.uint8],
    values: NDArray[np.float64],
    answers: NDArray[np.float64],
) -> Unchosen:
    """What the masks of `asked_of_unchosen` said.

    Args:
        game, packed: as there.
        values: (m,) or (m, k), of the masks `packed`.
        answers: (count,) or (count, k), of the masks asked.
    """
    columns = values.reshape(len(values), -1)
    answered = answers.reshape(len(answers), -1)
    # The first mask ablates all; each other one differs from its partner in the
    # unchosen alone.
    partners = _partners(packed, game.n, len(answered) - 1)
    changes = answered[1:] - columns[partners]
    moved = changes.std(axis=0, ddof=1)
    deviation = columns.std(axis=0)
    return Unchosen(
        candidates=len(game.fixed),
        masks=len(answered),
        moved=tuple(moved.tolist()),
        deviation=tuple(deviation.tolist()),
        without=tuple(answered[0].tolist()),
    )


def _partners(packed: NDArray[np.uint8], n: int, count: int) -> NDArray[np.int64]:
    """So many of the first masks; those that keep everything or nothing come last."""
    first = packed[:_PARTNERS]
    is_outer = mask_algebra.whole(first, n) | mask_algebra.empty(first)
    inner = np.flatnonzero(~is_outer)
    outer = np.flatnonzero(is_outer)
    rows = np.append(inner, outer)
    return np.resize(rows, count)  # from the start again, where there are fewer


class AskingUnchosen:
    """Asks for a plan's masks, and with the first of them for those of the unchosen.

    Those that ablate what was not chosen go with them so that they can share trainings.
    """

    def __init__(self, evaluator: Sized, count: int, seed: int) -> None:
        """
        Args:
            evaluator: of the game.
            count: how many masks ablate what was not chosen; 0 for none.
            seed: decides those.
        """
        self._evaluator = evaluator
        self._game = evaluator.game
        self._count = count
        self._seed = seed
        self._answers: NDArray[np.float64] | None = None

    def __call__(self, packed: NDArray[np.uint8]) -> NDArray[np.float64]:
        """The values of packed masks."""
        if not self._count or self._answers is not None:
            return self._evaluator.packed_values(packed)
        planned = self._game.to_base(packed)
        unchosen = asked_of_unchosen(self._game, packed, self._count, self._seed)
        together = np.concatenate([planned, unchosen])
        values = self._evaluator.base_values(together)
        self._answers = values[len(packed) :]
        return values[: len(packed)]

    def result(
        self, packed: NDArray[np.uint8], values: NDArray[np.float64]
    ) -> Unchosen | None:
        """What the candidates do that were not chosen; None if that was not asked.

        Args:
            packed: (m, w) uint8, the plan's masks.
            values: (m,) or (m, k), theirs.
        """
        if self._answers is None:
            return None
        return unchosen_of(self._game, packed, values, self._answers)
