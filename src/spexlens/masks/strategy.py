"""Strategy: how masks are drawn, go together, and are counted.

There are two kinds. Most games pay for each mask alone: `Independent`. Where some
candidates are training examples and others are not, masks that agree on the examples
share one training, which is what costs: `SharedTrainings`.
"""

from abc import ABC, abstractmethod
from collections.abc import Iterable
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from spexlens.masks import masks as mask_algebra
from spexlens.masks.designs import packed_uniform
from spexlens.masks.shared_trainings import sharing

Masks = NDArray[np.bool_]
Packed = NDArray[np.uint8]
Members = tuple[int, ...]

# candidates, from which on nobody asks for as many as 2^n masks
_BITS = 63


class MaskStrategy(ABC):
    """How masks of n candidates are drawn beside a plan's, batched and counted."""

    shares_trainings: ClassVar[bool]
    """Whether masks share trainings, so that those are counted too."""

    @abstractmethod
    def fresh(
        self, planned: Packed, seen: Packed, count: int, trainings: int, seed: int
    ) -> Packed:
        """Uniform masks that were not seen: (count or as many as there are, w) uint8.

        Args:
            planned: (m, w) uint8, packed, what was planned.
            seen: (s, w) uint8, packed, what must not come again.
            count: how many.
            trainings: how many trainings they may take, where masks share them.
            seed: decides all draws.
        """

    @abstractmethod
    def groups(self, masks: Masks) -> NDArray[np.int64]:
        """(m,) int64, which masks go together: from 0, in order of appearance."""

    @abstractmethod
    def trainings(self, masks: Masks) -> int:
        """How many trainings masks (m, n) take, where masks share them; else 0."""

    @abstractmethod
    def within(self, sets: Iterable[Members], trainings: int) -> bool:
        """Whether no more trainings than this are needed to flip these sets.

        Args:
            sets: of candidates, each flipped alone in some context.
            trainings: how many there may be.
        """

    @abstractmethod
    def described(self, design: str) -> str:
        """How masks are chosen, in a few words, where a solver says it so."""


@dataclass(frozen=True)
class Independent(MaskStrategy):
    """Each mask is paid for alone.

    Attributes:
        n: the number of candidates.
    """

    n: int
    shares_trainings: ClassVar[bool] = False

    def fresh(
        self, planned: Packed, seen: Packed, count: int, trainings: int, seed: int
    ) -> Packed:
        """The first masks of a uniform design that were not seen."""
        wanted = count + len(seen)
        if self.n < _BITS:
            wanted = min(wanted, 1 << self.n)
        drawn = packed_uniform(self.n, wanted, seed)
        unseen = mask_algebra.unseen(drawn, seen)
        return drawn[unseen[:count]]

    def groups(self, masks: Masks) -> NDArray[np.int64]:
        """Each its own."""
        return np.arange(len(masks), dtype=np.int64)

    def trainings(self, masks: Masks) -> int:
        """None."""
        return 0

    def within(self, sets: Iterable[Members], trainings: int) -> bool:
        """Always: there is none to count."""
        return True

    def described(self, design: str) -> str:
        """As the solver says it."""
        return design


@dataclass(frozen=True, eq=False)
class SharedTrainings(MaskStrategy):
    """Masks that agree on some candidates share a training.

    Attributes:
        examples: (n,) bool, the candidates that are training examples.
    """

    examples: NDArray[np.bool_]
    shares_trainings: ClassVar[bool] = True

    def fresh(
        self, planned: Packed, seen: Packed, count: int, trainings: int, seed: int
    ) -> Packed:
        """Masks of trainings of their own, which no planned mask shares."""
        apart = mask_algebra.unpack(planned, len(self.examples))
        drawn = sharing(self.examples, count, trainings, seed, apart)
        return mask_algebra.pack(drawn)

    def groups(self, masks: Masks) -> NDArray[np.int64]:
        """By training."""
        slices = mask_algebra.pack(masks[:, self.examples])
        return mask_algebra.distinct(slices)[1]

    def trainings(self, masks: Masks) -> int:
        """The distinct values that masks take on the examples."""
        return int(self.groups(masks).max(initial=-1)) + 1

    def within(self, sets: Iterable[Members], trainings: int) -> bool:
        """A set needs the training in which its examples are flipped."""
        flipped = set()
        for members in sets:
            flipped.add(tuple(i for i in members if self.examples[i]))
        return len(flipped) <= trainings

    def described(self, design: str) -> str:
        """The solver did not draw them."""
        return "masks that share trainings"
