"""The exact solver: all 2^n masks and one fast Walsh-Hadamard transform."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from spexlens.errors import InvalidInput
from spexlens.masks import designs
from spexlens.masks import masks as mask_algebra
from spexlens.solvers.faithfulness import Faithfulness
from spexlens.solvers.solver import Fit, Outline, Plan, Solver
from spexlens.spectrum.spectrum import Spectrum
from spexlens.spectrum.uncertainty import Uncertainty


class Exact(Solver):
    """Every coefficient, exactly, from 2^n calls.

    Coefficients below 1e-12 of the largest are rounding and are left out.
    """

    name = "exact"
    exhaustive = True

    def least(self, n: int) -> int:
        """2^n."""
        return 1 << n

    def plan(self, n: int, budget: int, seed: int) -> Plan:
        """All 2^n masks; the seed is not used.

        Raises:
            BudgetTooSmall: 2^n exceeds the budget.
            InvalidInput: 2^n exceeds the most that is ever enumerated.
        """
        outline = self.outline(n, budget, seed)
        return Plan(
            self.name, n, mask_algebra.pack(designs.everything(n)), outline.design
        )

    def outline(self, n: int, budget: int, seed: int) -> Outline:
        """As `plan`, without the masks."""
        self.refuse_too_many(n)
        self.refuse_below_least(n, budget)
        return Outline(self.name, 1 << n, f"all {1 << n} masks")

    def most(self, n: int) -> int:
        """All 2^n masks of up to 20 candidates."""
        return 1 << min(n, mask_algebra.ENUMERABLE)

    def refuse_too_many(self, n: int, others: Sequence[Solver] = ()) -> None:
        """InvalidInput if 2^n masks are never listed; the text names other solvers,
        which take so many.
        """
        if n > mask_algebra.ENUMERABLE:
            most = mask_algebra.ENUMERABLE
            instead = " or ".join(f"method {solver.name!r}" for solver in others)
            raise InvalidInput(
                f"exact takes at most {most} candidates, whose 2^n masks it holds in"
                " memory; "
                + (f"there are {n}: use {instead}" if instead else f"there are {n}")
            )

    def _fit(
        self, packed: NDArray[np.uint8], n: int, values: NDArray[np.float64], seed: int
    ) -> Fit:
        """The exact spectrum; the masks may stand in any order.

        Raises:
            InvalidInput: a mask is missing or stands twice.
        """
        complete = n <= mask_algebra.ENUMERABLE and len(packed) == 1 << n
        index = (
            mask_algebra.to_index(mask_algebra.unpack(packed, n))
            if complete
            else np.empty(0)
        )
        if not complete or not np.array_equal(np.sort(index), np.arange(1 << n)):
            raise InvalidInput(
                f"exact needs each of the 2^{n} masks once; got {len(packed)} masks"
            )
        spectrum = Spectrum.from_table(values[np.argsort(index)])
        audible = spectrum.magnitude > 1e-12 * spectrum.magnitude.max()
        kept = np.flatnonzero(audible | (spectrum.sets.orders == 0))
        spectrum = Spectrum(spectrum.sets.take(kept), spectrum.values[kept])
        outputs = 1 if values.ndim == 1 else values.shape[1]
        return Fit(
            spectrum,
            Faithfulness((1.0,) * outputs, "exact", len(packed)),
            uncertainty=(Uncertainty(0.0, len(packed)),) * outputs,
        )
