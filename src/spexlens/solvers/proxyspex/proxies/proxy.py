"""The proxy seam: a cheap model of the values that can be ablated without limit."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Any, Protocol, TypeVar

import numpy as np
from numpy.typing import NDArray

from spexlens.masks import designs
from spexlens.spectrum.sets import Sets
from spexlens.spectrum.spectrum import Spectrum
from spexlens.spectrum.uncertainty import ProductPrior
from spexlens.transform.virtual import read_spectrum

Array = NDArray[np.float64]
T = TypeVar("T")
R = TypeVar("R")

FOLDS = 5
_NEAR = 1.1  # times the rival's error: beyond, it would add little to an average


class Runner(Protocol):
    """`map`, or an executor's: calls in any order, yields in that of the items."""

    def __call__(
        self, function: Callable[[T], R], items: Iterable[T], /
    ) -> Iterator[R]: ...


@dataclass(frozen=True)
class FittedProxy(ABC):
    """A fitted proxy: it can be ablated without limit, at no cost.

    A fitted proxy must define:
        predict: what it says of any masks.
        large_sets: where its large coefficients are.

    It may overwrite:
        ease: if it knows that uniform masks are easier than those left out.
        table: if all 2^n masks cost less than one by one.
        report: if it chose something on the way.

    `FittedSpectrum` and `FittedFunction` define both, for what is a spectrum and for
    what is any function.

    Attributes:
        n: the number of candidates.
        left_out: (m,) float64, for each mask that was fitted, what a fit that did not
            see its value predicts.
        priors: what the proxy believes of its coefficients' sizes, summed; empty if
            nothing.
        noise: the mean square error that it expects of a prediction, for its intervals.
    """

    n: int
    left_out: Array
    priors: tuple[ProductPrior, ...]
    noise: float

    # What must be defined

    @abstractmethod
    def predict(self, masks: NDArray[np.bool_]) -> Array:
        """What the proxy says the model would answer: (p, n) bool -> (p,) float64."""

    @abstractmethod
    def large_sets(self, count: int) -> Sets:
        """At least the sets with the `count` largest coefficients, where they are found."""

    # What may be overwritten

    @property
    def ease(self) -> float:
        """Its mean square error at uniform masks, that at the masks left out being one."""
        return 1.0

    def table(self) -> Array:
        """`predict` for all 2^n masks, (2^n,) by mask index; n <= 20."""
        return self.predict(designs.everything(self.n))

    def report(self) -> dict[str, Any]:
        """What was chosen within the proxy, as JSON."""
        return {}


@dataclass(frozen=True)
class FittedSpectrum(FittedProxy):
    """A proxy that is its spectrum.

    Attributes:
        spectrum: all of it.
        settings: what was chosen.
    """

    spectrum: Spectrum
    settings: dict[str, Any]

    def predict(self, masks: NDArray[np.bool_]) -> Array:
        """(p, n) bool -> (p,) float64."""
        return self.spectrum.predict(masks)

    def table(self) -> Array:
        """(2^n,) by mask index."""
        return self.spectrum.table()

    def large_sets(self, count: int) -> Sets:
        """Its sets."""
        return self.spectrum.truncate(count=count).sets

    def report(self) -> dict[str, Any]:
        """Its settings."""
        return self.settings


@dataclass(frozen=True)
class FittedFunction(FittedProxy):
    """A proxy of which nothing is known but its answers.

    SPEX finds its sets by virtual ablation.

    Attributes:
        function: (p, n) bool -> (p,) float64.
        seed: decides the virtual masks.
    """

    function: Callable[[NDArray[np.bool_]], Array]
    seed: int = 0

    def predict(self, masks: NDArray[np.bool_]) -> Array:
        """(p, n) bool -> (p,) float64."""
        return self.function(masks)

    def large_sets(self, count: int) -> Sets:
        """The sets that a sparse transform names."""
        reading = read_spectrum(self.function, self.n, seed=self.seed)
        return reading.spectrum.truncate(count=count).sets


class Proxy(ABC):
    """A kind of proxy with its settings.

    A proxy must define:
        name: as the result reports it; a class attribute, or a property where settings
            are a part of it.
        fit: the fitted proxy, with what it predicts of each mask that it did not see.

    A proxy may overwrite nothing else: it is judged by what `fit` returns. One that is
    a spectrum and has no cross-validation of its own is a `FoldedProxy`.
    """

    # What must be defined

    @property
    @abstractmethod
    def name(self) -> str:
        """As the result reports it."""

    @abstractmethod
    def fit(
        self, masks: NDArray[np.bool_], values: Array, seed: int, run: Runner = map
    ) -> FittedProxy:
        """Fit to values that are not all equal.

        Args:
            masks: (m, n) bool.
            values: (m,) float64.
            seed: decides all that is random.
            run: for parts that can be done at the same time, each on one thread.
        """


class FoldedProxy(Proxy):
    """A proxy that is a spectrum and is judged by 5-fold cross-validation.

    A folded proxy must define:
        name: as any proxy.
        spectrum: the fit.
    """

    # What must be defined

    @abstractmethod
    def spectrum(self, masks: NDArray[np.bool_], values: Array, seed: int) -> Spectrum:
        """The spectrum of (m, n) bool masks and (m,) float64 values, on one thread."""

    # What every folded proxy does alike

    def fit(
        self, masks: NDArray[np.bool_], values: Array, seed: int, run: Runner = map
    ) -> FittedSpectrum:
        """Fit every fold and the whole."""
        fold = folds(len(values), FOLDS, seed)
        parts = [fold != part for part in range(FOLDS)]
        everything = np.ones(len(fold), np.bool_)

        def fitted(seen: NDArray[np.bool_]) -> Spectrum:
            return self.spectrum(masks[seen], values[seen], seed)

        *partial, whole = run(fitted, [*parts, everything])
        left_out = np.empty(len(values))

        for seen, spectrum in zip(parts, partial, strict=True):
            left_out[~seen] = spectrum.predict(masks[~seen])

        return FittedSpectrum(
            n=masks.shape[1],
            left_out=left_out,
            priors=(),
            noise=float(np.mean((values - left_out) ** 2)),
            spectrum=whole,
            settings={},
        )

    def promising(
        self, masks: NDArray[np.bool_], values: Array, rival: FittedProxy, seed: int
    ) -> bool:
        """Whether a fit to four fifths comes near a rival's R² on the rest.

        It costs one fit instead of six.
        """
        # the first of the folds that a fit would make
        seen = folds(len(values), FOLDS, seed) != 0
        spectrum = self.spectrum(masks[seen], values[seen], seed)

        unseen = values[~seen]

        predicted = spectrum.predict(masks[~seen])
        error = np.mean((unseen - predicted) ** 2)
        rivals = np.mean((unseen - rival.left_out[~seen]) ** 2)

        return bool(error < _NEAR * rivals)


def folds(count: int, parts: int, seed: int) -> NDArray[np.int64]:
    """A random fold, 0 to parts - 1, for each of `count` masks, of like sizes."""
    return np.random.default_rng(seed).permutation(count) % parts
