"""The proxy seam: a cheap model of the values whose Fourier spectrum can be read."""

from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from spexlens.solvers.spex.virtual import read_spectrum
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


@dataclass(frozen=True)
class FittedFunction:
    """A proxy whose spectrum has no closed form: it is ablated virtually, and SPEX reads it.

    Attributes:
        n: the number of candidates.
        function: (m, n) bool -> (m,) float64.
        seed: decides the virtual masks.
    """

    n: int
    function: Callable[[NDArray[np.bool_]], NDArray[np.float64]]
    seed: int = 0

    def predict(self, masks: NDArray[np.bool_]) -> NDArray[np.float64]:
        """(m, n) bool -> (m,) float64."""
        return self.function(masks)

    def spectrum(self) -> Spectrum:
        """Its large coefficients."""
        return read_spectrum(self.function, self.n, seed=self.seed).spectrum


class Proxy(ABC):
    """A kind of proxy with its settings.

    Attributes:
        name: kind and settings, as the result reports them.
    """

    name: str

    @abstractmethod
    def fit(self, masks: NDArray[np.bool_], values: NDArray[np.float64], seed: int) -> FittedProxy:
        """Fit to (m, n) bool masks and (m,) float64 values, on one thread; the seed decides all."""
