"""The exact solver: all 2^n masks and one fast Walsh-Hadamard transform."""

import numpy as np
from numpy.typing import NDArray

from spexlens.ablation import masks as mask_algebra
from spexlens.errors import BudgetTooSmall, InvalidInput
from spexlens.evidence.faithfulness import Faithfulness
from spexlens.solvers.base import Fit, Plan, Solver
from spexlens.spectrum.spectrum import Spectrum
from spexlens.spectrum.uncertainty import Uncertainty


class Exact(Solver):
    """Every coefficient, exactly, from 2^n calls.

    Coefficients below 1e-12 of the largest are rounding and are left out.
    """

    name = "exact"

    def least(self, n: int) -> int:
        """2^n."""
        return 1 << n

    def plan(self, n: int, budget: int, seed: int) -> Plan:
        """All 2^n masks; the seed is not used.

        Raises:
            BudgetTooSmall: 2^n exceeds the budget or the most that is ever enumerated.
        """
        if n > mask_algebra.ENUMERABLE:
            raise BudgetTooSmall(f"exact cannot list the 2^{n} masks of {n} candidates; use proxyspex")
        self.refuse_below_least(n, budget)
        return Plan(self.name, n, mask_algebra.pack(mask_algebra.everything(n)), f"all {1 << n} masks")

    def _fit(self, packed: NDArray[np.uint8], n: int, values: NDArray[np.float64], seed: int) -> Fit:
        """The exact spectrum; the masks may stand in any order.

        Raises:
            InvalidInput: a mask is missing or stands twice.
        """
        complete = n <= mask_algebra.ENUMERABLE and len(packed) == 1 << n
        index = mask_algebra.to_index(mask_algebra.unpack(packed, n)) if complete else np.empty(0)
        if not complete or not np.array_equal(np.sort(index), np.arange(1 << n)):
            raise InvalidInput(f"exact needs each of the 2^{n} masks once; got {len(packed)} masks")
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
