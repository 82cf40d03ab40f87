"""The mean as a proxy: what any other has to beat."""

from dataclasses import dataclass
from typing import ClassVar

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

    name: ClassVar[str] = "constant"  # type: ignore[misc]

    def fit(
        self,
        masks: NDArray[np.bool_],
        values: NDArray[np.float64],
        seed: int,
        run: Runner = map,
    ) -> FittedProxy:
        """Take the mean."""
        m = len(values)
        mean = values.mean()
        left_out = mean - (values - mean) / max(m - 1, 1)
        spectrum = Spectrum.of(masks.shape[1], {(): mean})
        return FittedSpectrum(
            masks.shape[1], left_out, (), float(values.var()), spectrum, {}
        )
