"""ProxySPEX: fit cheap proxies, average them by how well they predict, read their spectrum."""

import os
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray
from threadpoolctl import threadpool_limits

from spexlens.ablation import masks as mask_algebra
from spexlens.errors import InvalidInput
from spexlens.evidence.faithfulness import Faithfulness, r_squared
from spexlens.solvers.base import Fit, Plan, Solver
from spexlens.solvers.proxyspex.average import Average, average
from spexlens.solvers.proxyspex.boosting import Boosting
from spexlens.solvers.proxyspex.constant import Constant
from spexlens.solvers.proxyspex.design import space_filling, uniform
from spexlens.solvers.proxyspex.kernel import Kernel
from spexlens.solvers.proxyspex.linear import Linear
from spexlens.solvers.proxyspex.proxy import Proxy, Runner
from spexlens.solvers.proxyspex.readout import Readout, read
from spexlens.spectrum.spectrum import Spectrum
from spexlens.spectrum.uncertainty import Uncertainty

_LEAST = 20

_DESIGNS = {"space-filling": space_filling, "uniform": uniform}
_PROXIES = (Kernel(), Linear(1), Linear(2))
_TREES = Boosting(depth=5, columns=1.0)
_SHARES = {"kernel": 2.0}  # what a proxy weighs before it has predicted anything, where not 1


class ProxySpex(Solver):
    """Butler et al., ProxySPEX, NeurIPS 2025 (arXiv 2505.17495), with better proxies.

    Masks that are far apart; proxies, each with predictions of masks that it did not see; their
    average, weighted by those; and the sparse Fourier spectrum of it, read exactly or by virtual
    ablation. The paper's boosted trees are one of the proxies; a Gaussian process whose spectrum is
    closed is the one that makes 100 to 500 calls enough.
    """

    name = "proxyspex"

    def __init__(
        self,
        proxies: Sequence[Proxy] | None = None,
        workers: int | None = None,
        design: Literal["space-filling", "uniform"] = "space-filling",
    ) -> None:
        """
        Args:
            proxies: what to average, beside the mean of the values; None: the kernel, sparse linear
                regression and, where a fit to four fifths of the masks comes near the kernel, trees.
            workers: threads; every number gives the same result.
            design: how masks are planned, both corners apart.

        Raises:
            InvalidInput: there is no such design.
        """
        if design not in _DESIGNS:
            raise InvalidInput(f"unknown design {design!r}; choose one of {', '.join(_DESIGNS)}")
        self.proxies = proxies
        self.workers = workers or os.cpu_count() or 1
        self.design = design

    def least(self, n: int) -> int:
        """Half a call a candidate, and at least 20."""
        return max(_LEAST, (n + 1) // 2)

    def plan(self, n: int, budget: int, seed: int) -> Plan:
        """Everything kept, everything ablated, then the design's masks; all distinct.

        A larger budget begins with a smaller one's masks.
        """
        self.refuse_below_least(n, budget)
        count = min(budget, 1 << n) if n <= 62 else budget
        if count < _LEAST:
            raise InvalidInput(f"{n} candidates have only {count} masks: use method 'exact'")
        masks = _DESIGNS[self.design](n, count, seed)
        return Plan(self.name, n, masks, f"both corners, then {self.design}")

    def _fit(self, packed: NDArray[np.uint8], n: int, values: NDArray[np.float64], seed: int) -> Fit:
        """The sparse spectrum of each output's average, with its cross-validated R²."""
        masks = mask_algebra.unpack(packed, n)
        columns = values[:, None] if values.ndim == 1 else values
        with threadpool_limits(1), ThreadPoolExecutor(self.workers) as pool:
            fits = [self._column(masks, column, seed, pool.map) for column in columns.T]
            readouts = [read(fitted, seed) for fitted, _ in fits]
        inner = ~(mask_algebra.whole(packed, n) | mask_algebra.empty(packed))
        r2 = tuple(
            r_squared(column[inner], fitted.left_out[inner]) - _lost(readout, column[inner])
            for (fitted, _), readout, column in zip(fits, readouts, columns.T, strict=True)
        )
        spectra = [readout.spectrum for readout in readouts]
        return Fit(
            spectra[0] if values.ndim == 1 else Spectrum.stack(spectra),
            Faithfulness(r2, "cross-validated", int(inner.sum())),
            {
                "averaged": [report for _, report in fits],
                "read-out loss": [
                    _lost(readout, column) for readout, column in zip(readouts, columns.T, strict=True)
                ],
            },
            tuple(Uncertainty(fitted.noise, len(masks), fitted.priors) for fitted, _ in fits),
        )

    def _column(
        self, masks: NDArray[np.bool_], values: NDArray[np.float64], seed: int, run: Runner
    ) -> tuple[Average, list[dict[str, Any]]]:
        """One output's average, and what each proxy scored."""
        proxies: list[Proxy] = [Constant()]
        if np.ptp(values) > 8 * np.finfo(np.float64).eps * float(np.abs(values).max()):
            proxies += self.proxies if self.proxies is not None else _PROXIES
        fitted = [proxy.fit(masks, values, seed, run) for proxy in proxies]
        if proxies[1:] and self.proxies is None and _TREES.promising(masks, values, fitted[1], seed):
            proxies.append(_TREES)
            fitted.append(_TREES.fit(masks, values, seed, run))
        together = average(values, fitted, np.array([_SHARES.get(proxy.name, 1.0) for proxy in proxies]))
        weights = {id(member): float(w) for member, w in zip(together.members, together.weights, strict=True)}
        return together, [
            {
                "proxy": proxy.name,
                "r2": r_squared(values, each.left_out),
                "weight": weights.get(id(each), 0.0),
                **each.report(),
            }
            for proxy, each in zip(proxies, fitted, strict=True)
        ]


def _lost(readout: Readout, values: NDArray[np.float64]) -> float:
    """What the sets that were not read cost of R²."""
    variance = float(values.var())
    return readout.loss / variance if variance > 0 else 0.0
