"""ProxySPEX: fit cheap proxies, average them by how well they predict, read their
spectrum.
"""

import os
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from spexlens.arguments import unknown
from spexlens.errors import InvalidInput
from spexlens.masks import masks as mask_algebra
from spexlens.masks.one_thread import one_thread
from spexlens.solvers.faithfulness import Faithfulness
from spexlens.solvers.proxyspex.design import adapted, drawn, joined, space_filling
from spexlens.solvers.proxyspex.kernel.kernel import FOLDED, Kernel
from spexlens.solvers.proxyspex.proxies.average import averaged
from spexlens.solvers.proxyspex.proxies.boosting import Boosting
from spexlens.solvers.proxyspex.proxies.constant import Constant
from spexlens.solvers.proxyspex.proxies.linear import Linear
from spexlens.solvers.proxyspex.proxies.proxy import (
    FOLDS,
    FittedProxy,
    Proxy,
    Runner,
    folds,
)
from spexlens.solvers.proxyspex.readout import Readout, read
from spexlens.solvers.solver import Fit, Outline, Plan, Solver, all_masks, counted
from spexlens.spectrum.scores import r_squared
from spexlens.spectrum.spectrum import Spectrum
from spexlens.spectrum.uncertainty import ProductPrior, Uncertainty

_LEAST = 20
_BELIEF = 0.6  # in what a kernel expects of uniform masks
# times the error expected: with it, 90% intervals cover about so much
_CALIBRATED = 0.85
_LOSS = 0.005  # of R², beyond which a reader is told

# masks before any is chosen by values, and after the last that is
_FIRST = 80
_ADAPTED = 1280
_DESIGNS = ("adaptive", "space-filling", "uniform")
_HELD = 4  # matrices of all masks that a fit holds at a time
_KERNEL = Kernel()
_LINEAR = (Linear(1), Linear(2))
_TREES = Boosting(depth=5, columns=1.0)
# what a proxy weighs before it has predicted anything, where not 1
_SHARES = {"kernel": 2.0}


class ProxySpex(Solver):
    """Butler et al., ProxySPEX, NeurIPS 2025 (arXiv 2505.17495), with better proxies.

    Masks that are far apart, then those that a fitted kernel is least sure of; proxies,
    each with predictions of masks that it did not see; their average, weighted by
    those; and the sparse Fourier spectrum of it, read exactly or by virtual ablation.
    The paper's boosted trees are one of the proxies; a Gaussian process whose spectrum
    is closed is the one that makes 100 to 500 calls enough.
    """

    name = "proxyspex"

    def __init__(
        self,
        proxies: Sequence[Proxy] | None = None,
        workers: int | None = None,
        design: Literal["adaptive", "space-filling", "uniform"] = "adaptive",
        judged: int | None = None,
        pool: NDArray[np.bool_] | None = None,
        apart: NDArray[np.bool_] | None = None,
    ) -> None:
        """
        Args:
            proxies: what to average, beside the mean of the values; None: the kernel,
                sparse linear regression and, where a fit to four fifths of the masks
                comes near the kernel, trees.
            workers: threads; every number gives the same result.
            design: how masks are planned, both corners apart.
            judged: proxies are judged, and R² is told, on the first so many masks;
                None: on all.
            pool: (p, n) bool, the only masks that can be asked for, say because they
                were recorded, in random order; None: any can.
            apart: (n,) bool: masks that agree on these candidates are left out together
                when proxies are judged, so that none is judged by what it saw of the
                others; None: each on its own.

        Raises:
            InvalidInput: there is no such design.
        """
        if design not in _DESIGNS:
            raise InvalidInput(unknown("design", design, _DESIGNS))
        self.proxies = proxies
        self.workers = workers or os.cpu_count() or 1
        self.design = design
        self.judged = judged
        self.pool = pool
        self.apart = apart

    def least(self, n: int) -> int:
        """Half a call a candidate, and at least 20."""
        return max(_LEAST, (n + 1) // 2)

    def most(self, n: int) -> int:
        """As many as make matrices of 1 GiB."""
        return super().most(n) // _HELD

    def plan(self, n: int, budget: int, seed: int) -> Plan:
        """Everything kept, everything ablated, then masks that are far apart; all
        distinct.

        The adaptive design leaves those after the first 80 to `extended`. A larger
        budget begins with a smaller one's masks.
        """
        outline = self.outline(n, budget, seed)
        first = (
            min(outline.total, _FIRST) if self.design == "adaptive" else outline.total
        )
        masks = self._pool(n, first, seed)
        chosen = (
            masks[:first]
            if self.design == "uniform"
            else space_filling(masks, n, first)
        )
        return Plan(self.name, n, chosen, outline.design, outline.total - first)

    def outline(self, n: int, budget: int, seed: int) -> Outline:
        """As `plan`, without the masks.

        Raises:
            BudgetTooSmall: the budget is below `least(n)`.
            InvalidInput: there are too few masks.
        """
        self.refuse_below_least(n, budget)
        held = None if self.pool is None else len(self._pool(n, 0, seed))
        count = all_masks(n, budget) if held is None else min(budget, held)
        if count < _LEAST and held is not None:
            raise InvalidInput(
                f"the pool holds {count} masks; {self.name} needs at least {_LEAST}"
            )
        if count < _LEAST:
            raise InvalidInput(
                f"{counted(n)} have only {count} masks: use method 'exact'"
            )
        beginning = "both corners" if held is None else f"two of a pool of {held}"
        return Outline(self.name, count, f"{beginning}, {self._told(count)}")

    def _told(self, count: int) -> str:
        """What comes after the first two of so many masks."""
        if self.design == "uniform":
            return "then uniform"
        if self.design == "space-filling":
            return "then far apart"
        told = f"{min(count, _FIRST) - 2} far apart"
        return told + (", then where a kernel is least sure" if count > _FIRST else "")

    def _extended(self, plan: Plan, values: NDArray[np.float64], seed: int) -> Plan:
        """As many masks again, where a kernel fitted to the values is least sure;
        uniform after 1,280.
        """
        if len(plan) < _ADAPTED:
            count = min(plan.total, 2 * len(plan))
            masks = self._pool(plan.n, count, seed)
            chosen = adapted(plan.packed, values, masks, plan.n, count)
        else:
            chosen = joined(plan.packed, self._pool(plan.n, plan.total, seed))[
                : plan.total
            ]
        return replace(plan, packed=chosen, rest=plan.total - len(chosen))

    def _pool(self, n: int, count: int, seed: int) -> NDArray[np.uint8]:
        """What masks are chosen from, packed."""
        if self.pool is None:
            return drawn(
                n, min(count, 1 << n) if n <= mask_algebra.ENUMERABLE else count, seed
            )
        return joined(mask_algebra.pack(mask_algebra.as_masks(self.pool, n)))

    def _fit(
        self, packed: NDArray[np.uint8], n: int, values: NDArray[np.float64], seed: int
    ) -> Fit:
        """The sparse spectrum of each output's average, with its cross-validated R²."""
        masks = mask_algebra.unpack(packed, n)
        columns = values[:, None] if values.ndim == 1 else values
        judged = ~(mask_algebra.whole(packed, n) | mask_algebra.empty(packed))
        judged[len(judged) if self.judged is None else self.judged :] = False
        with one_thread(), ThreadPoolExecutor(self.workers) as pool:
            fits = [
                self._column(masks, column, judged, seed, pool.map)
                for column in columns.T
            ]
        spectra = [fit.readout.spectrum for fit in fits]
        folded = len(masks) <= FOLDED
        return Fit(
            spectra[0] if values.ndim == 1 else Spectrum.stack(spectra),
            Faithfulness(
                tuple(fit.r2 for fit in fits),
                "cross-validated" if folded else "leave-one-out",
                int(judged.sum()),
            ),
            {
                "averaged": [fit.report for fit in fits],
                "read-out loss": [fit.lost for fit in fits],
                "caveats": [caveat for fit in fits for caveat in fit.caveats],
            },
            tuple(Uncertainty(fit.noise, len(masks), fit.priors) for fit in fits),
        )

    def _column(
        self,
        masks: NDArray[np.bool_],
        values: NDArray[np.float64],
        judged: NDArray[np.bool_],
        seed: int,
        run: Runner,
    ) -> "_Column":
        """One output: fit all proxies, average them, read the average."""
        proxies: list[Proxy] = [Constant()]
        if np.ptp(values) > 8 * np.finfo(np.float64).eps * float(np.abs(values).max()):
            proxies += self.proxies if self.proxies is not None else (_KERNEL, *_LINEAR)
        fitted = [self._fitted(proxy, masks, values, seed, run) for proxy in proxies]
        # the kernel
        rival = fitted[1] if self.proxies is None and len(fitted) > 1 else None
        if rival is not None and _TREES.promising(masks, values, rival, seed):
            proxies.append(_TREES)
            fitted.append(self._fitted(_TREES, masks, values, seed, run))
        beforehand = [_SHARES.get(proxy.name, 1.0) for proxy in proxies]
        average = averaged(values, fitted, beforehand, judged)
        readout = read(average, seed)
        # what is left of the average is worse than the mean
        if _r2(average, readout, values, judged) < 0.0:
            average = averaged(values, fitted[:1], beforehand[:1], judged)
            readout = read(average, seed)
        weights = {
            id(member): float(w)
            for member, w in zip(average.members, average.weights, strict=True)
        }
        report = [
            {
                "proxy": proxy.name,
                "r2": r_squared(values[judged], each.left_out[judged]),
                "weight": weights.get(id(each), 0.0),
                **each.report(),
            }
            for proxy, each in zip(proxies, fitted, strict=True)
        ]
        r2 = _r2(average, readout, values, judged)
        lost = _lost(readout, values)
        noise = _CALIBRATED * average.noise * average.ease
        return _Column(readout, r2, lost, noise, average.priors, report)

    def _fitted(
        self,
        proxy: Proxy,
        masks: NDArray[np.bool_],
        values: NDArray[np.float64],
        seed: int,
        run: Runner,
    ) -> FittedProxy:
        """A proxy fitted to all masks; each is predicted by a fit that saw none of
        those that go with it.
        """
        whole = proxy.fit(masks, values, seed, run)
        if self.apart is None:
            return whole
        alike = mask_algebra.distinct(mask_algebra.pack(masks[:, self.apart]))[1]
        fold = folds(int(alike.max()) + 1, FOLDS, seed)[alike]
        left_out = np.full(len(values), values.mean())
        for part in range(FOLDS):
            seen = fold != part
            if np.ptp(values[seen]) > 0 and not seen.all():
                left_out[~seen] = proxy.fit(
                    masks[seen], values[seen], seed, run
                ).predict(masks[~seen])
        noise = float(np.mean((values - left_out) ** 2))
        return replace(whole, left_out=left_out, noise=noise)


@dataclass(frozen=True)
class _Column:
    """What was found of one output.

    Attributes:
        readout: the average's spectrum.
        r2: of the spectrum, on masks that it did not see.
        lost: of r2, by the read-out.
        noise, priors: for intervals.
        report: what each proxy scored.
    """

    readout: Readout
    r2: float
    lost: float
    noise: float
    priors: Sequence[ProductPrior]
    report: list[dict[str, Any]]

    @property
    def caveats(self) -> list[str]:
        """What a reader should know."""
        if self.lost <= _LOSS:
            return []
        return [
            f"the {len(self.readout.spectrum)} sets kept lose {self.lost:.3f} of R²:"
            " small sets are many"
        ]


def _r2(
    proxy: FittedProxy,
    readout: Readout,
    values: NDArray[np.float64],
    judged: NDArray[np.bool_],
) -> float:
    """Of the spectrum at uniform masks: the proxy's on those left out, less what the
    read-out lost.
    """
    unexplained = 1.0 - r_squared(values[judged], proxy.left_out[judged])
    return 1.0 - unexplained * _eased(proxy) - _lost(readout, values[judged])


def _eased(proxy: FittedProxy) -> float:
    """The mean square error at uniform masks, that at those left out being one.

    That uniform masks are easier is believed for the most part: where a kernel does not
    describe the function well, it expects too much of them.
    """
    return float(proxy.ease**_BELIEF)


def _lost(readout: Readout, values: NDArray[np.float64]) -> float:
    """What the sets that were not read cost of R²."""
    variance = float(values.var())
    return readout.loss / variance if variance > 0 else 0.0
