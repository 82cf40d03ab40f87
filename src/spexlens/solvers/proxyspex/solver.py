"""ProxySPEX: fit cheap proxies, average those that predict well, read the average."""

import os
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from typing import Any, Literal, get_args

import numpy as np
from numpy.typing import NDArray

from spexlens.arguments import unknown
from spexlens.errors import InvalidInput
from spexlens.masks import masks as mask_algebra
from spexlens.masks.one_thread import one_thread
from spexlens.masks.outputs import by_output
from spexlens.solvers.faithfulness import Faithfulness, Source
from spexlens.solvers.proxyspex import targeted
from spexlens.solvers.proxyspex.design import adapted, drawn, joined, space_filling
from spexlens.solvers.proxyspex.kernel.kernel import FOLDED
from spexlens.solvers.proxyspex.output import Averaging, Output
from spexlens.solvers.proxyspex.proxies.proxy import Proxy
from spexlens.solvers.solver import Fit, Outline, Plan, Solver, all_masks, counted
from spexlens.spectrum.estimand import Estimand
from spexlens.spectrum.estimates import Estimates
from spexlens.spectrum.spectrum import Spectrum
from spexlens.spectrum.uncertainty import Uncertainty

DesignName = Literal["adaptive", "space-filling", "uniform"]

_LEAST = 20
# masks before any is chosen by values, and after the last that is
_FIRST = 80
_ADAPTED = 1280
_HELD = 4  # matrices of all masks that a fit holds at a time


@dataclass(eq=False)
class ProxySpex(Solver):
    """Butler et al., ProxySPEX, NeurIPS 2025 (arXiv 2505.17495), with better proxies.

    Masks that are far apart, then those that a fitted kernel is least sure of; proxies,
    each with predictions of masks that it did not see; their average, weighted by
    those; and the sparse Fourier spectrum of it, read exactly or by virtual ablation.
    The paper's boosted trees are one of the proxies; a Gaussian process whose spectrum
    is closed is the one that makes 100 to 500 calls enough.

    Attributes:
        proxies: what to average, beside the mean of the values; None: the kernel,
            sparse linear regression and, where a fit to four fifths of the masks
            comes near the kernel, trees.
        workers: threads, None: one a processor; every number gives the same result.
        design: how masks are planned, both corners apart.
        judged: proxies are judged, and R² is told, on the first so many masks;
            None: on all.
        pool: (p, n) bool, the only masks that can be asked for, say because they
            were recorded, in random order; None: any can.
        estimand: the index that masks are chosen for; None, or one that weighs all
            masks alike: the design's. Masks of a pool are as they are.
        apart: (n,) bool: masks that agree on these candidates are left out together
            when proxies are judged, so that none is judged by what it saw of the
            others; None: each on its own.

    Raises:
        InvalidInput: there is no such design.
    """

    name = "proxyspex"
    nested = True
    takes_pool = True

    proxies: Sequence[Proxy] | None = None
    workers: int | None = None
    design: DesignName = "adaptive"
    judged: int | None = None
    pool: NDArray[np.bool_] | None = field(default=None, repr=False)
    apart: NDArray[np.bool_] | None = field(default=None, repr=False)
    estimand: Estimand | None = None

    def __post_init__(self) -> None:
        if self.design not in get_args(DesignName):
            raise InvalidInput(unknown("design", self.design, get_args(DesignName)))

    def least(self, n: int) -> int:
        """Half a call a candidate, and at least 20."""
        return max(_LEAST, (n + 1) // 2)

    def most(self, n: int) -> int:
        """As many as make matrices of 1 GiB."""
        return super().most(n) // _HELD

    def plan(self, n: int, budget: int, seed: int) -> Plan:
        """Everything kept, everything ablated, then masks far apart; all distinct.

        The adaptive design leaves those after the first 80 to `extended`. A larger
        budget begins with a smaller one's masks.
        """
        outline = self.outline(n, budget, seed)
        total = outline.total
        if self._aim is not None:
            first = min(total, targeted.FIRST)
            masks = targeted.paired(n, first, seed)
            return Plan(self.name, n, masks, outline.design, total - first)

        first = min(total, _FIRST) if self.design == "adaptive" else total
        masks = self._pool(n, first, seed)

        chosen = masks[:first]
        if self.design != "uniform":
            chosen = space_filling(masks, n, first)
        return Plan(self.name, n, chosen, outline.design, total - first)

    def outline(self, n: int, budget: int, seed: int) -> Outline:
        """As `plan`, without the masks.

        Raises:
            BudgetTooSmall: the budget is below `least(n)`.
            InvalidInput: there are too few masks, or too many values of an index.
        """
        self.refuse_below_least(n, budget)
        if self._estimated is not None:
            self._estimated.sets(n)  # too many are refused before anything is paid for
        if self.pool is None:
            count = all_masks(n, budget)
            few = f"{counted(n)} have only {count} masks: use method 'exact'"
            beginning = "both corners"
        else:
            size = len(self._pool(n, 0, seed))
            count = min(budget, size)
            few = f"the pool holds {count} masks; {self.name} needs at least {_LEAST}"
            beginning = f"two of a pool of {size}"

        if count < _LEAST:
            raise InvalidInput(few)
        return Outline(self.name, count, f"{beginning}, {self._continued(count)}")

    def _continued(self, count: int) -> str:
        """What comes after the first two of so many masks, for people to read."""
        if self._aim is not None:
            return self._aimed(count, self._aim)
        if self.design == "uniform":
            return "then uniform"
        if self.design == "space-filling":
            return "then far apart"
        if count <= _FIRST:
            return f"{count - 2} far apart"
        return f"{_FIRST - 2} far apart, then where a kernel is least sure"

    @property
    def _aim(self) -> Estimand | None:
        """The index that masks are chosen for, if they are."""
        return self._estimated if self.pool is None else None

    @property
    def _estimated(self) -> Estimand | None:
        """The index whose values are told apart; others are read off the spectrum."""
        if self.estimand is None or self.estimand.uniform:
            return None
        return self.estimand

    def _aimed(self, count: int, aim: Estimand) -> str:
        if count <= targeted.FIRST:
            return f"{count - 2} of all sizes in pairs"
        chosen = f"what tells most about {aim.index} of order {aim.order}"
        return f"{targeted.FIRST - 2} of all sizes in pairs, then {chosen}"

    def _extended(self, plan: Plan, values: NDArray[np.float64], seed: int) -> Plan:
        """As many masks again, where a kernel fitted to the values is least sure.

        After 1,280 masks, uniform ones.
        """
        total = plan.total
        if self._aim is not None:
            chosen = self._towards(self._aim, plan, values, seed)
        elif len(plan) < _ADAPTED:
            count = min(total, 2 * len(plan))
            masks = self._pool(plan.n, count, seed)
            chosen = adapted(plan.packed, values, masks, plan.n, count)
        else:
            masks = self._pool(plan.n, total, seed)
            chosen = joined(plan.packed, masks)[:total]

        return replace(plan, packed=chosen, rest=total - len(chosen))

    def _towards(
        self, aim: Estimand, plan: Plan, values: NDArray[np.float64], seed: int
    ) -> NDArray[np.uint8]:
        """As many masks again, of those that tell most; after 1,280, in pairs."""
        total = plan.total
        if len(plan) >= _ADAPTED:
            masks = targeted.paired(plan.n, 2 * total, seed)
            return joined(plan.packed, masks)[:total]

        count = min(total, 2 * len(plan))
        masks = targeted.paired(plan.n, max(targeted.POOL, 2 * count), seed)
        return targeted.chosen(plan.packed, values, masks, plan.n, count, aim)

    def _pool(self, n: int, count: int, seed: int) -> NDArray[np.uint8]:
        """What masks are chosen from, packed."""
        if self.pool is not None:
            masks = mask_algebra.as_masks(self.pool, n)
            return joined(mask_algebra.pack(masks))

        if n <= mask_algebra.ENUMERABLE:
            count = min(count, 1 << n)
        return drawn(n, count, seed)

    def _fit(
        self, packed: NDArray[np.uint8], n: int, values: NDArray[np.float64], seed: int
    ) -> Fit:
        """The sparse spectrum of each output's average, with its cross-validated R²."""
        masks = mask_algebra.unpack(packed, n)
        judged = self._judged(packed, n)
        columns = by_output(values).T

        threads = self.workers or os.cpu_count() or 1
        with one_thread(), ThreadPoolExecutor(threads) as executor:
            averaging = Averaging(
                masks,
                judged,
                self.proxies,
                self.apart,
                seed,
                executor.map,
                self._estimated,
            )
            outputs = [averaging.output(column) for column in columns]

        spectra = [output.readout.spectrum for output in outputs]
        r2 = tuple(output.r2 for output in outputs)

        source: Source = "cross-validated" if len(masks) <= FOLDED else "leave-one-out"
        uncertainty = tuple(
            Uncertainty(output.noise, len(masks), output.priors) for output in outputs
        )

        return Fit(
            Spectrum.stack(spectra),
            Faithfulness(r2, source, int(judged.sum())),
            _details(outputs),
            uncertainty,
            self._estimates(n, outputs),
        )

    def _estimates(self, n: int, outputs: Sequence[Output]) -> Estimates | None:
        """The values of the index that was asked for, a column an output."""
        readings = [output.index for output in outputs if output.index is not None]
        estimand = self._estimated
        if estimand is None:
            return None
        return Estimates(
            estimand,
            estimand.sets(n),
            np.stack([reading.values for reading in readings], axis=1),
            np.stack([reading.half_widths for reading in readings], axis=1),
        )

    def _judged(self, packed: NDArray[np.uint8], n: int) -> NDArray[np.bool_]:
        """(m,) bool, the masks on which proxies are judged: no corner, and no later."""
        # the corners are unlike all others: what is predicted of them says little
        judged = ~(mask_algebra.whole(packed, n) | mask_algebra.empty(packed))
        if self.judged is not None:
            judged[self.judged :] = False
        return judged


def _details(outputs: Sequence[Output]) -> dict[str, Any]:
    """What was averaged and lost on the way, as JSON."""
    return {
        "averaged": [output.report for output in outputs],
        "read-out loss": [output.lost for output in outputs],
        "caveats": [caveat for output in outputs for caveat in output.caveats],
    }
