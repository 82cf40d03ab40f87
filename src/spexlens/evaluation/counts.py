"""Counts: what was asked of models so far, and what of it was paid for."""

from abc import ABC, abstractmethod
from collections.abc import Iterable
from dataclasses import dataclass


@dataclass(frozen=True)
class Counts:
    """What was asked of models; counts of several games are added.

    Attributes:
        paid: evaluations of a model, one a distinct mask that the ledger did not hold.
        reused: evaluations that the ledger held before.
        passes: how often a model was called, each time with a batch of masks.
        trainings: of games in which masks share trainings, how many were made.
    """

    paid: int = 0
    reused: int = 0
    passes: int = 0
    trainings: int = 0

    @property
    def evaluations(self) -> int:
        """Paid for or not."""
        return self.paid + self.reused

    def __add__(self, other: "Counts") -> "Counts":
        return Counts(
            self.paid + other.paid,
            self.reused + other.reused,
            self.passes + other.passes,
            self.trainings + other.trainings,
        )

    @classmethod
    def total(cls, counts: Iterable["Counts"]) -> "Counts":
        """The sum of any number of counts, of none nothing."""
        return sum(counts, cls())


class Counted(ABC):
    """Something that counts what it asks of models."""

    @property
    @abstractmethod
    def counts(self) -> Counts:
        """What it has asked so far."""

    @property
    def paid(self) -> int:
        """Evaluations of models so far."""
        return self.counts.paid

    @property
    def reused(self) -> int:
        """Evaluations that the ledger held before."""
        return self.counts.reused

    @property
    def passes(self) -> int:
        """How often models were called, each time with a batch of masks."""
        return self.counts.passes

    @property
    def trainings(self) -> int:
        """Trainings so far, of games in which masks share them."""
        return self.counts.trainings
