"""Auto: SPEX and ProxySPEX from one plan, and the better of the two."""

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from spexlens.errors import InvalidInput
from spexlens.masks import designs
from spexlens.masks import masks as mask_algebra
from spexlens.solvers.exact import Exact
from spexlens.solvers.faithfulness import Faithfulness
from spexlens.solvers.proxyspex.design import joined
from spexlens.solvers.proxyspex.solver import ProxySpex
from spexlens.solvers.solver import Fit, Outline, Plan, Solver, all_masks, rows_of
from spexlens.solvers.spex import Spex
from spexlens.spectrum.scores import r_squared

FIRST = 1000
"""Masks that are ProxySPEX's own; SPEX's follow."""

PROXIED = 2 * FIRST
"""The most candidates: ProxySPEX needs half a mask for each."""

_BETTER = 0.8  # SPEX's error, a proxy's being one, from which it is kept


class Auto(Solver):
    """For budgets that let SPEX find sparse sets, and proxies everything else.

    The first 1,000 masks are those that ProxySPEX plans, the others are SPEX's.
    ProxySPEX is fitted to all, SPEX to its own. ProxySPEX is judged on the first 1,000,
    SPEX on all that it was not given (those and what fills the budget up), and the
    better is kept.
    """

    name = "auto"

    def __init__(self) -> None:
        self.proxyspex = ProxySpex(judged=FIRST)
        self.spex = Spex()

    def least(self, n: int) -> int:
        """2,000."""
        return 2 * FIRST

    def most(self, n: int) -> int:
        """As many as ProxySPEX is fitted to."""
        return self.proxyspex.most(n)

    def plan(self, n: int, budget: int, seed: int) -> Plan:
        """ProxySPEX's masks, SPEX's, and uniform ones where those two agree.

        All 2^n where they fit.

        Raises:
            InvalidInput: there are more than 2,000 candidates.
        """
        outline = self.outline(n, budget, seed)
        if n <= mask_algebra.ENUMERABLE and budget >= 1 << n:
            return Exact().plan(n, budget, seed)
        first = self.proxyspex.plan(n, FIRST, seed).packed

        rest = outline.total - len(first)
        return Plan(self.name, n, first, outline.design, rest)

    def outline(self, n: int, budget: int, seed: int) -> Outline:
        """As `plan`, without the masks."""
        self.refuse_below_least(n, budget)
        if n > PROXIED:
            raise InvalidInput(
                f"auto fits proxies to at most {PROXIED} candidates; there are {n}: use"
                " method 'spex'"
            )
        if n <= mask_algebra.ENUMERABLE and budget >= 1 << n:
            return Exact().outline(n, budget, seed)

        first = self.proxyspex.outline(n, FIRST, seed)
        coded = self.spex.outline(n, budget - FIRST, seed)

        design = f"{FIRST}: {first.design}; then {coded.design}"
        return Outline(self.name, all_masks(n, budget), design)

    def _extended(self, plan: Plan, values: NDArray[np.float64], seed: int) -> Plan:
        """ProxySPEX's masks as far as they go, then the others at once."""
        if len(plan) < FIRST:
            first = replace(plan, rest=FIRST - len(plan))
            longer = self.proxyspex.extended(first, values, seed).packed
            rest = plan.total - len(longer)
            return replace(plan, packed=longer, rest=rest)

        count = plan.total - FIRST
        coded = self.spex.plan(plan.n, count, seed).packed
        # where a coded mask is one of the first, a uniform one takes its place
        spare = designs.packed_uniform(plan.n, plan.total, seed)

        masks = joined(plan.packed, coded, spare)[: plan.total]
        return replace(plan, packed=masks, rest=0)

    def _fit(
        self, packed: NDArray[np.uint8], n: int, values: NDArray[np.float64], seed: int
    ) -> Fit:
        """Both, and the better; `details` says what each scored.

        Raises:
            InvalidInput: the masks are not those that `plan` makes for so many and this
                seed.
        """
        if n <= mask_algebra.ENUMERABLE and len(packed) == 1 << n:
            return Exact().fit_packed(packed, n, values, seed)

        # made again: SPEX's code decides which of the masks are its own
        count = len(packed) - FIRST
        coded = self.spex.plan(n, count, seed).packed
        rows = rows_of(coded, packed, seed)

        sparse = self.spex.fit_packed(coded, n, values[rows], seed)
        sparse = _judged(sparse, packed, values, rows)
        dense = self.proxyspex.fit_packed(packed, n, values, seed)

        proxied = dense.faithfulness.mean
        decoded = sparse.faithfulness.mean
        r2 = {"proxyspex": proxied, "spex": decoded}

        better = 1.0 - decoded < _BETTER * (1.0 - proxied)
        chosen = "spex" if better else "proxyspex"
        fit = sparse if better else dense

        details = {"chosen": chosen, "r2": r2, **fit.details}
        return replace(fit, details=details)

    def refit(
        self,
        fit: Fit,
        packed: NDArray[np.uint8],
        n: int,
        values: NDArray[np.float64],
        seed: int,
    ) -> Fit:
        """By the solver that was chosen."""
        chosen = self.spex if fit.details["chosen"] == "spex" else self.proxyspex
        again = chosen.refit(fit, packed, n, values, seed)
        choice = {name: fit.details[name] for name in ("chosen", "r2")}
        return replace(again, details={**again.details, **choice})


def _judged(
    fit: Fit,
    packed: NDArray[np.uint8],
    values: NDArray[np.float64],
    rows: NDArray[np.int64],
) -> Fit:
    """SPEX's fit to some rows, with its R² on the masks that it did not get."""
    held_out = np.ones(len(packed), np.bool_)
    held_out[rows] = False

    count = int(held_out.sum())
    masks = mask_algebra.unpack(packed[held_out], fit.spectrum.n)

    predicted = fit.spectrum.predict(masks)
    measured = values[held_out]

    outputs = zip(measured.T, predicted.T, strict=True)
    r2 = tuple(r_squared(column, prediction) for column, prediction in outputs)
    return replace(fit, faithfulness=Faithfulness(r2, "held out", count))
