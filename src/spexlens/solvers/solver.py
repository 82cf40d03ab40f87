"""The solver seam: plan the masks, then turn masks and values into a Spectrum."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from spexlens.errors import BudgetTooSmall, InvalidInput
from spexlens.masks import masks as mask_algebra
from spexlens.masks.outputs import by_output
from spexlens.solvers.faithfulness import Faithfulness
from spexlens.spectrum.estimates import Estimates
from spexlens.spectrum.sizes import Sizes
from spexlens.spectrum.spectrum import Spectrum
from spexlens.spectrum.uncertainty import Uncertainty

_ENTRIES = 1 << 29  # of a matrix of masks by columns, 4 GiB
# beside the candidates: pairs, penalties, what an answer takes in a ledger
_COLUMNS = 120
_BITS = 63  # n, from which on no budget is as large as 2^n
_LONG = 1 << 32  # from here on a power of two is easier to read as one


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
        estimates: the values of the index that masks were chosen for, or None.
    """

    spectrum: Spectrum
    faithfulness: Faithfulness
    details: dict[str, Any] = field(default_factory=dict)
    uncertainty: tuple[Uncertainty, ...] = ()
    estimates: Estimates | None = None

    def restored(self, sizes: Sizes) -> "Fit":
        """The fit of the answers as they were, this being of answers of size one."""
        # not strict: a solver may tell no uncertainty at all
        outputs = zip(self.uncertainty, sizes.unit.tolist(), strict=False)
        return replace(
            self,
            spectrum=self.spectrum.restored(sizes),
            uncertainty=tuple(output.times(unit) for output, unit in outputs),
            estimates=None
            if self.estimates is None
            else self.estimates.times(sizes.unit),
        )


class Solver(ABC):
    """Two calls, so that masks can be seen, priced and paid for before a fit.

    A plan may leave masks open until it knows what those before them were worth:
    `extended` chooses them, and `carry_out` does so until none is left.

    A solver holds no state between calls: values computed elsewhere can be fitted. One
    seed gives one plan and one fit, bit for bit. What a constructor takes stands on the
    solver under the same names, so that `vars` shows a solver's settings.

    A solver must define:
        name: as results report it.
        least: the fewest calls it works with.
        plan: its masks, or the first of them.
        _fit: the spectrum behind sound values of size one.

    A solver may overwrite:
        exhaustive, nested, takes_pool: what it can.
        most: if it holds more than the masks in memory.
        outline: if it can say what it plans without making the masks.
        _extended: if its plans leave masks open.
        refit: if it cannot be fitted to masks that it did not plan.
        enough_for, refuse_too_many: what a refusal says.
    """

    # What must be defined

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
    def _fit(
        self, packed: NDArray[np.uint8], n: int, values: NDArray[np.float64], seed: int
    ) -> Fit:
        """`fit_packed` for values (m, k) that are sound, and of size one."""

    # What may be overwritten

    exhaustive: ClassVar[bool] = False
    """Whether its masks are all 2^n, which leaves none to check a fit with."""

    nested: ClassVar[bool] = False
    """Whether a longer plan's masks begin with a shorter one's: a run may stop early."""

    takes_pool: ClassVar[bool] = False
    """Whether its masks may be drawn from a given pool, its argument `pool`."""

    def most(self, n: int) -> int:
        """The most masks of n candidates that this solver holds in memory."""
        return held_in_memory(n)

    def outline(self, n: int, budget: int, seed: int) -> Outline:
        """What `plan` would be; solvers of many masks say so without making them.

        Raises:
            BudgetTooSmall: the budget is below `least(n)`.
        """
        plan = self.plan(n, budget, seed)
        return Outline(plan.method, plan.total, plan.design)

    def _extended(self, plan: Plan, values: NDArray[np.float64], seed: int) -> Plan:
        """`extended` for a plan that has a rest, and sound values (m, k)."""
        raise InvalidInput(f"{self.name} chooses all masks at once")

    def refit(
        self,
        fit: Fit,
        packed: NDArray[np.uint8],
        n: int,
        values: NDArray[np.float64],
        seed: int,
    ) -> Fit:
        """A last fit, to more masks than were planned.

        How faithful it is, the first fit says.

        Args:
            fit: the first one.
            packed: the planned masks, in their order, and then others.
            n, values, seed: as for `fit_packed`.
        """
        again = self._fit_any_size(packed, n, values, seed)
        return replace(again, faithfulness=fit.faithfulness)

    def enough_for(self, n: int, budget: int) -> list[str]:
        """What a budget that is too small for n candidates is enough for, if anything."""
        return []

    def refuse_too_many(self, n: int, others: Sequence["Solver"] = ()) -> None:
        """Raise InvalidInput if there are more candidates than this solver ever takes.

        Args:
            n: the number of candidates.
            others: solvers that take so many, which the text names.
        """
        return

    # What every solver does alike

    def extended(self, plan: Plan, values: NDArray[np.float64], seed: int) -> Plan:
        """A plan whose masks are followed by more, chosen by their values.

        A complete plan is returned as it is.

        Args:
            plan: of this solver, for this seed.
            values: (m,) or (m, k) float64, of the plan's masks.
            seed: decides every random choice.

        Raises:
            InvalidInput: the values are not one finite number, or k, a mask; or this
                solver chooses all masks at once.
        """
        if not plan.rest:
            return plan
        return self._extended(plan, by_output(_sound(values, len(plan))), seed)

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

            # what was asked for before stands first, and is not asked for again
            unasked = plan.packed[len(values) :]
            values = np.concatenate([values, ask(unasked)])
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

    def _fit_any_size(
        self, packed: NDArray[np.uint8], n: int, values: NDArray[np.float64], seed: int
    ) -> Fit:
        """To values that are brought to size one, and back: they may be of any size."""
        values = _sound(values, len(packed))
        sizes = Sizes.of(values)
        fit = self._fit(packed, n, by_output(sizes.down(values)), seed)
        # handed out in the shape that it was given, whatever a solver makes of it
        spectrum = fit.spectrum.by_output()
        if values.ndim == 1:
            spectrum = spectrum.squeezed()
        return replace(fit, spectrum=spectrum).restored(sizes)

    def refuse_below_least(
        self, n: int, budget: int, instead: Sequence[str] = ()
    ) -> None:
        """Raise BudgetTooSmall below `least(n)`, and say what the budget is enough for.

        Args:
            n: the number of candidates.
            budget: the calls.
            instead: other things that it is enough for.
        """
        least = self.least(n)
        if budget >= least:
            return

        text = (
            f"{self.name} needs at least {shown(least)} calls for {counted(n)};"
            f" the budget is {budget}"
        )

        options = [*self.enough_for(n, budget), *instead]
        if options:
            text += f", enough for {' or '.join(options)}"
        raise BudgetTooSmall(text)


def _sound(values: NDArray[np.float64], count: int) -> NDArray[np.float64]:
    """The values of so many masks, or InvalidInput."""
    values = np.asarray(values, dtype=np.float64)
    if values.ndim not in (1, 2) or len(values) != count:
        raise InvalidInput(
            f"{count} masks need as many values; got an array of shape {values.shape}"
        )

    rows = by_output(values)
    finite = np.isfinite(rows).all(axis=1)
    if not finite.all():
        worst = int(np.flatnonzero(~finite)[0])
        raise InvalidInput(f"values must be finite; row {worst} is {values[worst]}")
    return values


def held_in_memory(n: int) -> int:
    """The most masks of n candidates that memory holds, with what is made of them."""
    return _ENTRIES // (n + _COLUMNS)


def all_masks(n: int, budget: int) -> int:
    """So many masks, or 2^n where those are fewer."""
    return min(budget, 1 << n) if n < _BITS else budget


def counted(candidates: int) -> str:
    """So many candidates, for people to read."""
    return f"{candidates} candidate{'s' * (candidates != 1)}"


def shown(calls: int) -> str:
    """A number of calls, a large power of two as such."""
    if calls > _LONG and calls.bit_count() == 1:
        return f"2^{calls.bit_length() - 1}"
    return str(calls)


def rows_of(
    planned: NDArray[np.uint8], packed: NDArray[np.uint8], seed: int
) -> NDArray[np.int64]:
    """Where each planned mask stands among those given.

    Args:
        planned: (p, w) uint8, packed masks.
        packed: (m, w) uint8, those given.
        seed: of the plan, for the error's text.

    Returns:
        (p,) int64.

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
