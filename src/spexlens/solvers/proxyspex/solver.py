"""ProxySPEX: fit cheap proxies, keep the one that predicts best, read its spectrum."""

import os
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from threadpoolctl import threadpool_limits

from spexlens.ablation import masks as mask_algebra
from spexlens.errors import InvalidInput
from spexlens.evidence.faithfulness import Faithfulness, r_squared
from spexlens.solvers.base import Fit, Plan, Solver
from spexlens.solvers.proxyspex.boosting import BOOSTING
from spexlens.solvers.proxyspex.constant import Constant
from spexlens.solvers.proxyspex.proxy import Proxy
from spexlens.solvers.refine import refit
from spexlens.spectrum.spectrum import Spectrum

_LEAST = 20
_FOLDS = 5
_READOUTS = ("as fitted", "ridge refit")
_ENERGY = 0.99
_MOST_SETS = 2000


@dataclass(frozen=True)
class _Trial:
    """One proxy read out in one way, and the R² of its out-of-fold predictions."""

    proxy: Proxy
    readout: str
    r2: float

    def report(self) -> dict[str, str | float]:
        return {"proxy": self.proxy.name, "readout": self.readout, "r2": self.r2}


class ProxySpex(Solver):
    """Butler et al., ProxySPEX, NeurIPS 2025 (arXiv 2505.17495).

    Uniform masks; proxies chosen by 5-fold cross-validation; the winner's Fourier spectrum, cut to
    the sets that hold 99% of its energy; a ridge refit on that support where it cross-validates
    better. Beside the paper: smaller, regularised trees, and a refit that trusts each coefficient in
    proportion to its size in the proxy, which is what makes 100 to 500 calls enough.
    """

    name = "proxyspex"

    def __init__(self, proxies: Sequence[Proxy] = BOOSTING, workers: int | None = None) -> None:
        """
        Args:
            proxies: what to choose from, beside the mean of the values.
            workers: threads; every number gives the same result.
        """
        self.proxies = (Constant(), *proxies)
        self.workers = workers or os.cpu_count() or 1

    def least(self, n: int) -> int:
        """Half a call a candidate, and at least 20."""
        return max(_LEAST, (n + 1) // 2)

    def plan(self, n: int, budget: int, seed: int) -> Plan:
        """Everything kept, everything ablated, then uniform masks; all distinct.

        A larger budget begins with a smaller one's masks. The two corners are what a reader asks
        for first, and cost no faithfulness.
        """
        self.refuse_below_least(n, budget)
        count = min(budget, 1 << n) if n <= 62 else budget
        if count < _LEAST:
            raise InvalidInput(f"{n} candidates have only {count} masks: use method 'exact'")
        masks = mask_algebra.pack(
            np.concatenate([mask_algebra.corners(n), mask_algebra.uniform(n, count, seed)])
        )
        first, _ = mask_algebra.distinct(masks)
        return Plan(self.name, n, masks[first[:count]], "both corners, then uniform")

    def _fit(self, packed: NDArray[np.uint8], n: int, values: NDArray[np.float64], seed: int) -> Fit:
        """The winner's sparse spectrum, one winner an output, with its cross-validated R²."""
        masks = mask_algebra.unpack(packed, n)
        columns = values[:, None] if values.ndim == 1 else values
        with threadpool_limits(1), ThreadPoolExecutor(self.workers) as pool:
            trials = [self._compare(pool, masks, column, seed) for column in columns.T]
            best = [max(each, key=lambda trial: trial.r2) for each in trials]
            spectra = [
                _read(trial.proxy, trial.readout, masks, column, seed)
                for trial, column in zip(best, columns.T, strict=True)
            ]
        return Fit(
            spectra[0] if values.ndim == 1 else Spectrum.stack(spectra),
            Faithfulness(tuple(trial.r2 for trial in best), "cross-validated", int((~_corners(masks)).sum())),
            {
                "chosen": [trial.report() for trial in best],
                "tried": [[trial.report() for trial in each] for each in trials],
            },
        )

    def _compare(
        self, pool: ThreadPoolExecutor, masks: NDArray[np.bool_], values: NDArray[np.float64], seed: int
    ) -> list[_Trial]:
        """Out-of-fold R² of every proxy and read-out.

        The two corners are in every training set and in no score: R² is over uniform masks.
        """
        folds = np.random.default_rng(seed).permutation(len(masks)) % _FOLDS
        corner = _corners(masks)
        folds[corner] = -1
        jobs = [(which, fold) for which in range(len(self.proxies)) for fold in range(_FOLDS)]

        def predict(job: tuple[int, int]) -> list[NDArray[np.float64]]:
            which, fold = job
            seen = folds != fold
            fitted = _cut(self.proxies[which], masks[seen], values[seen], seed)
            spectra = (fitted, refit(fitted, mask_algebra.pack(masks[seen]), values[seen]).spectrum)
            return [spectrum.predict(masks[~seen]) for spectrum in spectra]

        predictions = np.empty((len(self.proxies), len(_READOUTS), len(masks)))
        for (which, fold), answers in zip(jobs, pool.map(predict, jobs), strict=True):
            predictions[which, :, folds == fold] = np.array(answers).T
        return [
            _Trial(proxy, readout, r_squared(values[~corner], predictions[i, j, ~corner]))
            for i, proxy in enumerate(self.proxies)
            for j, readout in enumerate(_READOUTS)
        ]


def _corners(masks: NDArray[np.bool_]) -> NDArray[np.bool_]:
    return np.asarray(masks.all(axis=1) | ~masks.any(axis=1), dtype=np.bool_)


def _cut(proxy: Proxy, masks: NDArray[np.bool_], values: NDArray[np.float64], seed: int) -> Spectrum:
    spectrum = proxy.fit(masks, values, seed).spectrum()
    return spectrum.truncate(energy=_ENERGY, count=_MOST_SETS)


def _read(
    proxy: Proxy, readout: str, masks: NDArray[np.bool_], values: NDArray[np.float64], seed: int
) -> Spectrum:
    fitted = _cut(proxy, masks, values, seed)
    return refit(fitted, mask_algebra.pack(masks), values).spectrum if readout == "ridge refit" else fitted
