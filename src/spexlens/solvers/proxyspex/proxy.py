"""The proxy seam: a cheap model of the values whose Fourier spectrum can be read."""

from abc import ABC, abstractmethod
from dataclasses import dataclass
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


@dataclass(frozen=True)
class FittedSpectrum:
    """A proxy that is its spectrum."""

    exact: Spectrum

    def predict(self, masks: NDArray[np.bool_]) -> NDArray[np.float64]:
        """(m, n) bool -> (m,) float64."""
        return self.exact.predict(masks)

    def spectrum(self) -> Spectrum:
        """All of it."""
        return self.exact


class Proxy(ABC):
    """A kind of proxy with its settings.

    Attributes:
        name: kind and settings, as the result reports them.
    """

    name: str

    @abstractmethod
    def fit(self, masks: NDArray[np.bool_], values: NDArray[np.float64], seed: int) -> FittedProxy:
        """Fit to (m, n) bool masks and (m,) float64 values, on one thread; the seed decides all."""
