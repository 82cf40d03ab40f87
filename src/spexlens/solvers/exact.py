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

_ROUNDING = 1e-12  # of the largest coefficient


class Exact(Solver):
    """Every coefficient, exactly, from 2^n calls.

    Coefficients below 1e-12 of the largest are rounding and are left out.
    """

    name = "exact"
    exhaustive = True

    def least(self, n: int) -> int:
        """2^n."""
        return 1 << n

    def most(self, n: int) -> int:
        """All 2^n masks of up to 20 candidates."""
        return 1 << min(n, mask_algebra.ENUMERABLE)

    def plan(self, n: int, budget: int, seed: int) -> Plan:
        """All 2^n masks; the seed is not used.

        Raises:
            BudgetTooSmall: 2^n exceeds the budget.
            InvalidInput: 2^n exceeds the most that is ever enumerated.
        """
        outline = self.outline(n, budget, seed)
        masks = mask_algebra.pack(designs.everything(n))
        return Plan(self.name, n, masks, outline.design)

    def outline(self, n: int, budget: int, seed: int) -> Outline:
        """As `plan`, without the masks."""
        self.refuse_too_many(n)
        self.refuse_below_least(n, budget)
        return Outline(self.name, 1 << n, f"all {1 << n} masks")

    def refuse_too_many(self, n: int, others: Sequence[Solver] = ()) -> None:
        """InvalidInput if 2^n masks are never listed; the text names other solvers."""
        most = mask_algebra.ENUMERABLE
        if n <= most:
            return

        text = (
            f"exact takes at most {most} candidates, whose 2^n masks it holds in"
            f" memory; there are {n}"
        )
        if others:
            text += ": use " + " or ".join(f"method {other.name!r}" for other in others)
        raise InvalidInput(text)

    def _fit(
        self, packed: NDArray[np.uint8], n: int, values: NDArray[np.float64], seed: int
    ) -> Fit:
        """The exact spectrum; the masks may stand in any order.

        Raises:
            InvalidInput: a mask is missing or stands twice.
        """
        order = _by_index(packed, n)
        if order is None:
            raise InvalidInput(
                f"exact needs each of the 2^{n} masks once; got {len(packed)} masks"
            )

        spectrum = _without_rounding(Spectrum.from_table(values[order]))
        outputs = values.shape[1]

        faithfulness = Faithfulness((1.0,) * outputs, "exact", len(packed))
        certain = Uncertainty(0.0, len(packed))
        return Fit(spectrum, faithfulness, uncertainty=(certain,) * outputs)


def _by_index(packed: NDArray[np.uint8], n: int) -> NDArray[np.int64] | None:
    """Rows by mask index: (2^n, w) packed -> (2^n,); None unless each mask is there."""
    if n > mask_algebra.ENUMERABLE or len(packed) != 1 << n:
        return None
    index = mask_algebra.to_index(mask_algebra.unpack(packed, n))

    order = np.argsort(index)
    complete = np.array_equal(index[order], np.arange(1 << n))
    return order if complete else None


def _without_rounding(spectrum: Spectrum) -> Spectrum:
    """The coefficients that are more than rounding, and the mean."""
    size = spectrum.magnitude
    audible = size > _ROUNDING * size.max()

    rows = np.flatnonzero(audible | (spectrum.sets.orders == 0))
    return Spectrum(spectrum.sets.take(rows), spectrum.values[rows])
