"""The solver seam: plan the masks, then turn masks and values into a Spectrum."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from spexlens.errors import BudgetTooSmall, InvalidInput
from spexlens.masks import masks as mask_algebra
from spexlens.solvers.faithfulness import Faithfulness
from spexlens.spectrum.sizes import Sizes
from spexlens.spectrum.spectrum import Spectrum
from spexlens.spectrum.uncertainty import Uncertainty

_ENTRIES = 1 << 29  # of a matrix of masks by columns, 4 GiB
# beside the candidates: pairs, penalties, what an answer takes in a ledger
_COLUMNS = 120
_BITS = 63  # n, from which on no budget is as large as 2^n


@dataclass(frozen=True)
class Plan:
    """What a solver will ask the model.

    Attributes:
        method: the solver's name.
        n: the number of candidates.
        packed: (m, ceil(n / 8)) uint8, distinct packed masks.
        design: how they are chosen, in a few words.
        rest: how many more will be chosen once the values of these are known.
    """

    method: str
    n: int
    packed: NDArray[np.uint8]
    design: str
    rest: int = 0

    def __len__(self) -> int:
        """The masks that are chosen already."""
        return len(self.packed)

    @property
    def total(self) -> int:
        """All masks, those still to be chosen included."""
        return len(self.packed) + self.rest

    @property
    def masks(self) -> NDArray[np.bool_]:
        """(m, n) bool, unpacked anew each time."""
        return mask_algebra.unpack(self.packed, self.n)


@dataclass(frozen=True)
class Outline:
    """What a plan will be, as far as arithmetic tells: no mask is made.

    Attributes:
        method: the solver's name.
        total: the number of masks.
        design: how they are chosen, in a few words.
    """

    method: str
    total: int
    design: str


@dataclass(frozen=True)
class Fit:
    """What a solver found.

    Attributes:
        spectrum: the sparse spectrum that explains the values.
        faithfulness: how well it predicts masks that it never saw.
        details: what was chosen on the way and what each choice scored, as JSON.
        uncertainty: of the coefficients, one an output.
    """

    spectrum: Spectrum
    faithfulness: Faithfulness
    details: dict[str, Any] = field(default_factory=dict)
    uncertainty: tuple[Uncertainty, ...] = ()

    def restored(self, sizes: Sizes) -> "Fit":
        """Of the answers as they were, where this is of answers that were brought to
        size one.
        """
        uncertainty = zip(self.uncertainty, sizes.unit.tolist(), strict=False)
        return replace(
            self,
            spectrum=self.spectrum.restored(sizes),
            uncertainty=tuple(each.times(unit) for each, unit in uncertainty),
        )


class Solver(ABC):
    """Two calls, so that masks can be seen, priced and paid for before a fit.

    A plan may leave masks open until it knows what those before them were worth:
    `extended` chooses them, and `carry_out` does so until none is left.

    A solver holds no state between them: values computed elsewhere can be fitted. One
    seed gives one plan and one fit, bit for bit.
    """

    name: ClassVar[str]
    exhaustive: ClassVar[bool] = False

    @abstractmethod
    def least(self, n: int) -> int:
        """The fewest calls with which this solver works on n candidates."""

    def most(self, n: int) -> int:
        """The most masks of n candidates that this solver holds in memory."""
        return held_in_memory(n)

    @abstractmethod
    def plan(self, n: int, budget: int, seed: int) -> Plan:
        """At most `budget` masks of n candidates.

        Raises:
            BudgetTooSmall: the budget is below `least(n)`.
        """

    def outline(self, n: int, budget: int, seed: int) -> Outline:
        """What `plan` would be; solvers of many masks say so without making them.

        Raises:
            BudgetTooSmall: the budget is below `least(n)`.
        """
        plan = self.plan(n, budget, seed)
        return Outline(plan.method, plan.total, plan.design)

    def extended(self, plan: Plan, values: NDArray[np.float64], seed: int) -> Plan:
        """A plan whose masks are followed by more, chosen by their values; a complete
        plan as it is.

        Args:
            plan: of this solver, for this seed.
            values: (m,) or (m, k) float64, of the plan's masks.
            seed: decides every random choice.

        Raises:
            InvalidInput: the values are not one finite number, or k, a mask; or this
                solver chooses all masks at once.
        """
        return (
            self._extended(plan, _sound(values, len(plan)), seed) if plan.rest else plan
        )

    def _extended(self, plan: Plan, values: NDArray[np.float64], seed: int) -> Plan:
        """`extended` for a plan that has a rest, and values that are known to be sound."""
        raise InvalidInput(f"{self.name} chooses all masks at once")

    def carry_out(
        self,
        plan: Plan,
        ask: Callable[[NDArray[np.uint8]], NDArray[np.float64]],
        seed: int,
    ) -> tuple[Plan, NDArray[np.float64]]:
        """The plan with all its masks, and their values.

        Args:
            plan: of this solver, for this seed.
            ask: the values of packed masks, (m, ceil(n / 8)) uint8 -> (m,) or (m, k)
                float64; each mask is asked for once.
            seed: decides every random choice.
        """
        values = ask(plan.packed)
        while plan.rest:
            plan = self.extended(plan, values, seed)
            values = np.concatenate([values, ask(plan.packed[len(values) :])])
        return plan, values

    def fit(
        self, masks: NDArray[np.bool_], values: NDArray[np.float64], seed: int
    ) -> Fit:
        """The spectrum behind the values.

        Args:
            masks: (m, n) bool, distinct.
            values: (m,) or (m, k) float64.
            seed: decides every random choice.

        Raises:
            InvalidInput: the values are not one finite number, or k, a mask.
        """
        rows = mask_algebra.as_masks(masks, np.shape(masks)[-1])
        return self.fit_packed(mask_algebra.pack(rows), rows.shape[1], values, seed)

    def fit_packed(
        self, packed: NDArray[np.uint8], n: int, values: NDArray[np.float64], seed: int
    ) -> Fit:
        """`fit` for packed masks of n candidates, (m, ceil(n / 8)) uint8."""
        return self._fit_any_size(packed, n, values, seed)

    def refit(
        self,
        fit: Fit,
        packed: NDArray[np.uint8],
        n: int,
        values: NDArray[np.float64],
        seed: int,
    ) -> Fit:
        """A last fit, to more masks than were planned; how faithful it is, the first
        fit says.

        Args:
            fit: the first one.
            packed: the planned masks, in their order, and then others.
            n, values, seed: as for `fit_packed`.
        """
        again = self._fit_any_size(packed, n, values, seed)
        return replace(again, faithfulness=fit.faithfulness)

    def _fit_any_size(
        self, packed: NDArray[np.uint8], n: int, values: NDArray[np.float64], seed: int
    ) -> Fit:
        """To values that are brought to size one, and back: they may be of any size."""
        values = _sound(values, len(packed))
        sizes = Sizes.of(values)
        return self._fit(packed, n, sizes.down(values), seed).restored(sizes)

    @abstractmethod
    def _fit(
        self, packed: NDArray[np.uint8], n: int, values: NDArray[np.float64], seed: int
    ) -> Fit:
        """`fit_packed` for values that are known to be sound, and of size one."""

    def refuse_below_least(
        self, n: int, budget: int, instead: Sequence[str] = ()
    ) -> None:
        """Raise BudgetTooSmall if the budget is below `least(n)`, and say what it is
        enough for.

        Args:
            n: the number of candidates.
            budget: the calls.
            instead: other things that it is enough for.
        """
        if budget >= self.least(n):
            return
        enough = [*self.enough_for(n, budget), *instead]
        raise BudgetTooSmall(
            f"{self.name} needs at least {shown(self.least(n))} calls for {counted(n)};"
            f" the budget is {budget}"
            + (f", enough for {' or '.join(enough)}" if enough else "")
        )

    def enough_for(self, n: int, budget: int) -> list[str]:
        """What this solver can do with a budget that is too small for n candidates, if
        anything.
        """
        return []


def _sound(values: NDArray[np.float64], count: int) -> NDArray[np.float64]:
    """The values of so many masks, or InvalidInput."""
    values = np.asarray(values, dtype=np.float64)
    if values.ndim not in (1, 2) or len(values) != count:
        raise InvalidInput(
            f"{count} masks need as many values; got an array of shape {values.shape}"
        )
    finite = np.isfinite(values.reshape(len(values), -1)).all(axis=1)
    if not finite.all():
        worst = int(np.flatnonzero(~finite)[0])
        raise InvalidInput(f"values must be finite; row {worst} is {values[worst]}")
    return values


def held_in_memory(n: int) -> int:
    """The most masks of n candidates that are held in memory, with what is made of
    them.
    """
    return _ENTRIES // (n + _COLUMNS)


def all_masks(n: int, budget: int) -> int:
    """So many masks, or 2^n where those are fewer."""
    return min(budget, 1 << n) if n < _BITS else budget


def counted(candidates: int) -> str:
    """So many candidates, for people to read."""
    return f"{candidates} candidate{'s' * (candidates != 1)}"


def shown(calls: int) -> str:
    """A number of calls, a large power of two as such."""
    return (
        f"2^{calls.bit_length() - 1}"
        if calls > 1 << 32 and calls.bit_count() == 1
        else str(calls)
    )


def rows_of(
    planned: NDArray[np.uint8], packed: NDArray[np.uint8], seed: int
) -> NDArray[np.int64]:
    """Where each planned mask stands among those given: (p, w) and (m, w) packed ->
    (p,).

    Raises:
        InvalidInput: one is missing, or a given one stands twice: they come from
            another plan.
    """
    first, inverse = mask_algebra.distinct(np.concatenate([packed, planned]))
    if not np.array_equal(first, np.arange(len(packed))):
        raise InvalidInput(
            "a sparse transform needs the masks it planned, each once: "
            f"these {len(packed)} are not those of seed {seed}"
        )
    return inverse[len(packed) :]
