"""The proxy seam: a cheap model of the values whose Fourier spectrum can be read."""

from abc import ABC, abstractmethod
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from spexlens.spectrum.spectrum import Spectrum


class FittedProxy(Protocol):
    """A fitted proxy: it can be ablated without limit, at no cost."""

    def predict(self, masks: NDArray[np.bool_]) -> NDArray[np.float64]:
        """What the proxy says the model would answer: (m, n) bool -> (m,) float64."""

    def spectrum(self) -> Spectrum:
        """The proxy's large Fourier coefficients."""


class Proxy(ABC):
    """A kind of proxy with its settings.

    Attributes:
        name: kind and settings, as the result reports them.
    """

    name: str

    @abstractmethod
    def fit(self, masks: NDArray[np.bool_], values: NDArray[np.float64], seed: int) -> FittedProxy:
        """Fit to (m, n) bool masks and (m,) float64 values, on one thread; the seed decides all."""
