"""The mean as a proxy: what any other has to beat."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from spexlens.solvers.proxyspex.proxies.proxy import (
    FittedProxy,
    FittedSpectrum,
    Proxy,
    Runner,
)
from spexlens.spectrum.spectrum import Spectrum


@dataclass(frozen=True)
class Constant(Proxy):
    """The mean of the values, whatever the mask."""

    name = "constant"

    def fit(
        self,
        masks: NDArray[np.bool_],
        values: NDArray[np.float64],
        seed: int,
        run: Runner = map,
    ) -> FittedProxy:
        """Take the mean."""
        n = masks.shape[1]
        mean = values.mean()
        # the mean of all others, without a sum for each
        left_out = mean - (values - mean) / max(len(values) - 1, 1)
        return FittedSpectrum(
            n=n,
            left_out=left_out,
            priors=(),
            noise=float(values.var()),
            spectrum=Spectrum.of(n, {(): mean}),
            settings={},
        )
