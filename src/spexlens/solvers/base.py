"""The solver seam: plan the masks, then turn masks and values into a Spectrum."""

from abc import ABC, abstractmethod
from dataclasses import dataclass, field
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from spexlens.errors import BudgetTooSmall
from spexlens.evidence.faithfulness import Faithfulness
from spexlens.spectrum.spectrum import Spectrum


@dataclass(frozen=True)
class Plan:
    """What a solver will ask the model.

    Attributes:
        method: the solver's name.
        masks: (m, n) bool, distinct, in the order in which they are worth having.
        design: how they were chosen, in a few words.
    """

    method: str
    masks: NDArray[np.bool_]
    design: str


@dataclass(frozen=True)
class Fit:
    """What a solver found.

    Attributes:
        spectrum: the sparse spectrum that explains the values.
        faithfulness: how well it predicts masks that it never saw.
        details: what was chosen on the way and what each choice scored, as JSON.
    """

    spectrum: Spectrum
    faithfulness: Faithfulness
    details: dict[str, Any] = field(default_factory=dict)


class Solver(ABC):
    """Two calls, so that masks can be seen, priced and paid for before a fit.

    A solver holds no state between them: values computed elsewhere can be fitted. One seed gives
    one plan and one fit, bit for bit.
    """

    name: ClassVar[str]

    @abstractmethod
    def least(self, n: int) -> int:
        """The fewest calls with which this solver works on n candidates."""

    @abstractmethod
    def plan(self, n: int, budget: int, seed: int) -> Plan:
        """At most `budget` masks of n candidates.

        Raises:
            BudgetTooSmall: the budget is below `least(n)`.
        """

    @abstractmethod
    def fit(self, masks: NDArray[np.bool_], values: NDArray[np.float64], seed: int) -> Fit:
        """The spectrum behind the values.

        Args:
            masks: (m, n) bool.
            values: (m,) or (m, k) float64, finite.
            seed: decides every random choice.
        """

    def refuse_below_least(self, n: int, budget: int) -> None:
        """Raise BudgetTooSmall if the budget is below `least(n)`."""
        if budget < self.least(n):
            raise BudgetTooSmall(
                f"{self.name} needs at least {shown(self.least(n))} calls for {n} candidates; "
                f"the budget is {budget}"
            )


def shown(calls: int) -> str:
    """A number of calls, large powers of two as such."""
    return str(calls) if calls.bit_length() <= 32 else f"2^{calls.bit_length() - 1}"
