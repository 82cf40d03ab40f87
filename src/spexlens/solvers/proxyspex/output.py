"""One output of ProxySPEX: proxies fitted, averaged, and read."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from spexlens.masks import masks as mask_algebra
from spexlens.solvers.proxyspex.estimate import Reading, read_index
from spexlens.solvers.proxyspex.kernel.kernel import FittedKernel, Kernel
from spexlens.solvers.proxyspex.proxies.average import Average, averaged
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
from spexlens.spectrum.estimand import Estimand
from spexlens.spectrum.scores import r_squared
from spexlens.spectrum.uncertainty import ProductPrior

Array = NDArray[np.float64]

_BELIEF = 0.6  # in what a kernel expects of uniform masks
# times the error expected: with it, 90% intervals cover about so much
_CALIBRATED = 0.85
_LOSS = 0.005  # of R², beyond which a reader is told
_KERNEL = Kernel()
_LINEAR = (Linear(1), Linear(2))
_TREES = Boosting(depth=5, columns=1.0)
# what a proxy weighs before it has predicted anything, where not 1
_SHARES = {"kernel": 2.0}


@dataclass(frozen=True)
class Output:
    """What was found of one output.

    Attributes:
        readout: the average's spectrum.
        r2: of the spectrum, on masks that it did not see.
        lost: of r2, by the read-out.
        noise, priors: for intervals.
        report: what each proxy scored, as JSON.
        index: the values of the index that was asked for, or None.
    """

    readout: Readout
    r2: float
    lost: float
    noise: float
    priors: Sequence[ProductPrior]
    report: list[dict[str, Any]]
    index: Reading | None = None

    @property
    def caveats(self) -> list[str]:
        """What a reader should know."""
        if self.lost <= _LOSS:
            return []
        return [
            f"the {len(self.readout.spectrum)} sets kept lose {self.lost:.3f} of R²:"
            " small sets are many"
        ]


@dataclass(frozen=True)
class Averaging:
    """How the proxies of every output are fitted, judged and averaged.

    Attributes:
        masks: (m, n) bool, what they are fitted to.
        judged: (m,) bool, the masks on which they are judged.
        proxies: beside the mean of the values; None: see `ProxySpex`.
        apart: (n,) bool, candidates on which masks agree that are left out together.
        seed: decides every random choice.
        run: for fits that can be done at the same time.
        estimand: the index whose values are asked for, or None.
    """

    masks: NDArray[np.bool_]
    judged: NDArray[np.bool_]
    proxies: Sequence[Proxy] | None
    apart: NDArray[np.bool_] | None
    seed: int
    run: Runner
    estimand: Estimand | None = None

    def output(self, values: Array) -> Output:
        """One output's average and its spectrum; values (m,) float64."""
        proxies, fitted = self._fitted(values)
        shares = [_SHARES.get(proxy.name, 1.0) for proxy in proxies]

        average = averaged(values, fitted, shares, self.judged)
        readout = read(average, self.seed)

        if self._r2(average, readout, values) < 0.0:
            # what is left of the average is worse than the mean
            average = averaged(values, fitted[:1], shares[:1], self.judged)
            readout = read(average, self.seed)

        return Output(
            readout,
            self._r2(average, readout, values),
            _lost(readout, values),
            _CALIBRATED * average.noise * average.ease,
            average.priors,
            self._report(proxies, fitted, average, values),
            self._index(values, fitted, average, readout),
        )

    def _index(
        self,
        values: Array,
        fitted: Sequence[FittedProxy],
        average: Average,
        readout: Readout,
    ) -> Reading | None:
        """The index that was asked for, if any was."""
        if self.estimand is None:
            return None
        kernels = [proxy for proxy in fitted if isinstance(proxy, FittedKernel)]
        kernel = kernels[0] if kernels else None
        return read_index(
            self.estimand,
            self.masks,
            values,
            average,
            kernel,
            readout.spectrum,
            self.seed,
        )

    def _fitted(self, values: Array) -> tuple[list[Proxy], list[FittedProxy]]:
        """The proxies, the mean of the values first, and each fitted."""
        if _constant(values):
            proxies: list[Proxy] = [Constant()]
        elif self.proxies is None:
            proxies = [Constant(), _KERNEL, *_LINEAR]
        else:
            proxies = [Constant(), *self.proxies]
        fitted = [self._fitted_apart(proxy, values) for proxy in proxies]

        if self.proxies is None and _KERNEL in proxies:
            kernel = fitted[proxies.index(_KERNEL)]
            # trees are slow: they are fitted where they may count
            if _TREES.promising(self.masks, values, kernel, self.seed):
                proxies.append(_TREES)
                fitted.append(self._fitted_apart(_TREES, values))
        return proxies, fitted

    def _fitted_apart(self, proxy: Proxy, values: Array) -> FittedProxy:
        """A proxy fitted to all masks, each predicted by a fit that saw none like it."""
        whole = proxy.fit(self.masks, values, self.seed, self.run)
        if self.apart is None:
            return whole

        fold = self._folds_apart(self.apart)
        left_out = np.full(len(values), values.mean())
        for part in range(FOLDS):
            seen = fold != part
            # a proxy is not fitted to equal values; the mean stays
            if np.ptp(values[seen]) > 0 and not seen.all():
                masks = self.masks[seen]
                partial = proxy.fit(masks, values[seen], self.seed, self.run)
                left_out[~seen] = partial.predict(self.masks[~seen])

        # its own folds saw masks that agree: the noise it names is too small here
        error = values - left_out
        noise = float(np.mean(error**2))
        return replace(whole, left_out=left_out, noise=noise)

    def _folds_apart(self, apart: NDArray[np.bool_]) -> NDArray[np.int64]:
        """(m,) a fold for each mask, the same for those that agree."""
        agreed = mask_algebra.pack(self.masks[:, apart])
        _, alike = mask_algebra.distinct(agreed)
        count = int(alike.max()) + 1
        return folds(count, FOLDS, self.seed)[alike]

    def _r2(self, proxy: FittedProxy, readout: Readout, values: Array) -> float:
        """Of the spectrum at uniform masks.

        It is the proxy's on those left out, less what the read-out lost.
        """
        judged = values[self.judged]

        unexplained = 1.0 - r_squared(judged, proxy.left_out[self.judged])
        return 1.0 - unexplained * _eased(proxy) - _lost(readout, judged)

    def _report(
        self,
        proxies: Sequence[Proxy],
        fitted: Sequence[FittedProxy],
        average: Average,
        values: Array,
    ) -> list[dict[str, Any]]:
        """What each proxy scored and weighs, as JSON."""
        # by identity: a proxy that is listed twice has two weights
        members = [id(member) for member in average.members]
        weights = dict(zip(members, average.weights.tolist(), strict=True))

        judged = values[self.judged]
        return [
            {
                "proxy": proxy.name,
                "r2": r_squared(judged, fit.left_out[self.judged]),
                "weight": weights.get(id(fit), 0.0),
                **fit.report(),
            }
            for proxy, fit in zip(proxies, fitted, strict=True)
        ]


def _constant(values: Array) -> bool:
    """Whether values differ by no more than rounding."""
    largest = float(np.abs(values).max())
    rounding = 8 * np.finfo(np.float64).eps * largest
    return not np.ptp(values) > rounding


def _eased(proxy: FittedProxy) -> float:
    """The mean square error at uniform masks, that at those left out being one.

    That uniform masks are easier is believed for the most part: where a kernel does not
    describe the function well, it expects too much of them.
    """
    return float(proxy.ease**_BELIEF)


def _lost(readout: Readout, values: Array) -> float:
    """What the sets that were not read cost of R²."""
    variance = float(values.var())
    return readout.loss / variance if variance > 0 else 0.0
