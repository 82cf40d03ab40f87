"""The mean as a proxy: what any other has to beat."""

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from spexlens.solvers.proxyspex.proxy import FittedProxy, FittedSpectrum, Proxy
from spexlens.spectrum.spectrum import Spectrum


@dataclass(frozen=True)
class Constant(Proxy):
    """The mean of the values, whatever the mask."""

    name: ClassVar[str] = "constant"  # type: ignore[misc]

    def fit(self, masks: NDArray[np.bool_], values: NDArray[np.float64], seed: int) -> FittedProxy:
        """Take the mean."""
        return FittedSpectrum(Spectrum.of(masks.shape[1], {(): values.mean()}))
