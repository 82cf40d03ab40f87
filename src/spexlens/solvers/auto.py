"""Auto: SPEX and ProxySPEX on the same masks, and the better of the two."""

import numpy as np
from numpy.typing import NDArray

from spexlens.ablation import masks as mask_algebra
from spexlens.solvers.base import Fit, Plan, Solver
from spexlens.solvers.exact import Exact
from spexlens.solvers.proxyspex.design import CHOSEN, space_filling
from spexlens.solvers.proxyspex.solver import ProxySpex
from spexlens.solvers.spex.solver import Spex

_MARGIN = 0.02  # by which SPEX, whose R² is of sets that all values chose, must be better


class Auto(Solver):
    """For budgets that let SPEX find sparse sets of any order, and proxies everything else.

    The first 512 masks fill the space, as ProxySPEX's do; the others are SPEX's. ProxySPEX is
    fitted to all, SPEX to its own, and the one with the higher R² on what it left out is kept. Masks from a
    code cost a proxy little from 1,000 calls on; below, `choose_solver` leaves them out.
    """

    name = "auto"

    def __init__(self) -> None:
        self.proxyspex, self.spex = ProxySpex(), Spex()

    def least(self, n: int) -> int:
        """1,000, or half a call a candidate."""
        return max(1000, self.proxyspex.least(n))

    def plan(self, n: int, budget: int, seed: int) -> Plan:
        """Space-filling masks, SPEX's, and uniform ones where those two agree; all 2^n where they fit."""
        self.refuse_below_least(n, budget)
        if n <= mask_algebra.ENUMERABLE and budget >= 1 << n:
            return Exact().plan(n, budget, seed)
        count = min(budget, 1 << n) if n <= 62 else budget
        coded = self.spex.plan(n, budget - CHOSEN, seed)
        parts = [space_filling(n, CHOSEN, seed), coded.packed, mask_algebra.packed_uniform(n, count, seed)]
        masks = np.concatenate(parts)
        masks = masks[mask_algebra.distinct(masks)[0][:count]]
        return Plan(self.name, n, masks, f"{CHOSEN} space-filling; {coded.design}")

    def _fit(self, packed: NDArray[np.uint8], n: int, values: NDArray[np.float64], seed: int) -> Fit:
        """Both, and the better; `details` says what each scored.

        Raises:
            InvalidInput: the masks are not those that `plan` makes for so many and this seed.
        """
        if n <= mask_algebra.ENUMERABLE and len(packed) == 1 << n:
            return Exact().fit_packed(packed, n, values, seed)
        coded = self.spex.plan(n, len(packed) - CHOSEN, seed).packed
        rows = mask_algebra.positions(packed, coded, seed)
        fits = {
            "proxyspex": self.proxyspex.fit_packed(packed, n, values, seed),
            "spex": self.spex.fit_packed(coded, n, values[rows], seed),
        }
        better = fits["spex"].faithfulness.mean > fits["proxyspex"].faithfulness.mean + _MARGIN
        chosen = "spex" if better else "proxyspex"
        scores = {name: fit.faithfulness.mean for name, fit in fits.items()}
        fit = fits[chosen]
        return Fit(
            fit.spectrum,
            fit.faithfulness,
            {"chosen": chosen, "r2": scores, **fit.details},
            fit.uncertainty,
        )
