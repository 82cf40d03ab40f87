"""Account: what an explanation cost, and how it can be had again."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace


@dataclass(frozen=True)
class Account:
    """What an explanation cost, and how it can be had again.

    Attributes:
        method: the solver.
        design: how the masks were chosen.
        seed: decides the masks and the fit.
        budget: the calls allowed.
        calls: model evaluations paid for, one a distinct mask that was not in the
            ledger.
        reused: masks answered from the ledger.
        passes: calls of the model, each with a batch of masks.
        seconds: wall time of the ablations and the fit.
        versions: of this package and of what decides its numbers.
        trainings: models trained, where masks share them; 0 where each mask is a
            training, or none is.
        saved: calls of the budget that were not needed, where it stopped early.
    """

    method: str
    design: str
    seed: int
    budget: int
    calls: int
    reused: int
    passes: int
    seconds: float
    versions: Mapping[str, str]
    trainings: int = 0
    saved: int = 0

    @property
    def spent(self) -> int:
        """Calls of the budget, those that the ledger held before included."""
        return self.calls + self.reused

    def after(self, before: "Account") -> "Account":
        """That of a run that began with all masks of another, which were paid for
        there.
        """
        # what was paid for before counts as paid, not as found in the ledger
        return replace(
            self,
            calls=before.calls + self.calls,
            reused=self.reused - before.calls,
            passes=before.passes + self.passes,
            seconds=before.seconds + self.seconds,
            trainings=before.trainings + self.trainings,
        )

    @classmethod
    def of_all(cls, accounts: Sequence["Account"], budget: int) -> "Account":
        """That of several runs within one budget; the last one's method and design."""
        return replace(
            accounts[-1],
            budget=budget,
            calls=sum(account.calls for account in accounts),
            reused=sum(account.reused for account in accounts),
            passes=sum(account.passes for account in accounts),
            seconds=sum(account.seconds for account in accounts),
            trainings=sum(account.trainings for account in accounts),
        )


@dataclass(frozen=True)
class Step:
    """One level of a zoom.

    Attributes:
        level: what its candidates mostly were, such as "sentence".
        candidates: how many there were.
        calls: what it cost, calls that the ledger held before included.
        r2: its faithfulness, one number an output.
        split: the labels of those that the next level has in parts.
        kept: how many it does not have, which were kept or grouped from then on.
        ended: why no level followed, where there was one to follow.
    """

    level: str
    candidates: int
    calls: int
    r2: tuple[float, ...]
    split: tuple[str, ...]
    kept: int
    ended: str = ""
