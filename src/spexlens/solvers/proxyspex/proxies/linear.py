"""Sparse linear regression as a proxy: single candidates, or pairs as well."""

import warnings
from dataclasses import dataclass
from itertools import combinations
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from spexlens.masks import masks as mask_algebra
from spexlens.solvers.proxyspex.proxies.proxy import (
    FittedSpectrum,
    Proxy,
    Runner,
    folds,
)
from spexlens.spectrum.sets import Sets
from spexlens.spectrum.spectrum import Spectrum

Array = NDArray[np.float64]

_FEW = 150
_PAIRED = 16  # candidates whose pairs are tried: the most correlated ones
_PENALTIES = np.logspace(0.0, -2.5, 40)  # of the smallest that leaves nothing


@dataclass(frozen=True)
class Linear(Proxy):
    """LASSO (Tibshirani, 1996) on single candidates, or on pairs of the strongest too.

    The penalty is chosen by cross-validation, 10-fold below 150 masks and 5-fold from
    there on; the pairs are those of the 16 candidates that correlate most, chosen in
    each fold anew.

    Attributes:
        order: 1, or 2 for pairs as well.
    """

    order: Literal[1, 2] = 1

    @property
    def name(self) -> str:
        """For instance "linear, order 2"."""
        return f"linear, order {self.order}"

    def fit(
        self, masks: NDArray[np.bool_], values: Array, seed: int, run: Runner = map
    ) -> FittedSpectrum:
        """Fit every fold and the whole; see the class."""
        from sklearn.exceptions import ConvergenceWarning

        count = 10 if len(values) < _FEW else 5
        fold = folds(len(values), count, seed)
        packed = mask_algebra.pack(masks)
        scale = float(values.std()) or 1.0

        def path(seen: NDArray[np.bool_]) -> _Path:
            return self._path(masks[seen], packed[seen], values[seen] / scale)

        folds_there = range(int(fold.max()) + 1)
        parts = [fold != part for part in folds_there]
        everything = np.ones(len(fold), np.bool_)

        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ConvergenceWarning)  # to .1% is near enough
            *folded, whole = run(path, [*parts, everything])

        predicted = np.empty((len(values), len(_PENALTIES)))

        # one column a penalty: all of them are judged at once
        for seen, partial in zip(parts, folded, strict=True):
            predicted[~seen] = partial.predict(packed[~seen])

        predicted *= scale
        errors = (values[:, None] - predicted) ** 2

        best = int(np.argmin(errors.sum(axis=0)))
        left_out = predicted[:, best]

        return FittedSpectrum(
            n=masks.shape[1],
            left_out=left_out,
            priors=(),
            noise=float(np.mean((values - left_out) ** 2)),
            spectrum=whole.spectrum(best, scale),
            settings={"penalty": float(_PENALTIES[best])},
        )

    def _path(
        self, masks: NDArray[np.bool_], packed: NDArray[np.uint8], values: Array
    ) -> "_Path":
        """One fit for each penalty."""
        from sklearn.linear_model import lasso_path

        centred = values - values.mean()
        sets = self._sets(masks, centred)
        design = np.asfortranarray(mask_algebra.characters(packed, sets.packed))

        centre = design.mean(axis=0)
        design -= centre

        # the smallest penalty that leaves nothing, from which on a path begins
        pulls = np.abs(design.T @ centred)
        largest = float(pulls.max()) / len(values) or 1.0

        _, slopes, _ = lasso_path(
            design,
            centred,
            alphas=largest * _PENALTIES,
            tol=1e-3,
            max_iter=2000,
            check_input=False,
        )

        return _Path(sets, slopes, values.mean() - centre @ slopes)

    def _sets(self, masks: NDArray[np.bool_], centred: Array) -> Sets:
        """The single candidates, and the pairs of those that correlate most."""
        n = masks.shape[1]
        single = Sets.of(n, [(i,) for i in range(n)])

        if self.order != 2:
            return single

        strength = np.abs(centred @ (1.0 - 2.0 * masks))
        strongest = np.argsort(-strength, kind="stable")[:_PAIRED]

        pairs = combinations(np.sort(strongest).tolist(), 2)
        return Sets.concatenate([single, Sets.of(n, pairs)])


@dataclass(frozen=True)
class _Path:
    """Fits under falling penalties.

    Attributes:
        sets: s of them.
        coefficients: (s, p) float64, one column a penalty.
        intercepts: (p,) float64.
    """

    sets: Sets
    coefficients: Array
    intercepts: Array

    def predict(self, packed: NDArray[np.uint8]) -> Array:
        """What each fit says of packed masks: (m, w) -> (m, p) float64."""
        characters = mask_algebra.characters(packed, self.sets.packed)
        return np.asarray(characters @ self.coefficients + self.intercepts)

    def spectrum(self, column: int, scale: float) -> Spectrum:
        """One fit, of values that were divided by a scale."""
        empty = Sets.of(self.sets.n, [()])
        intercept = self.intercepts[column]

        coefficients = np.concatenate([[intercept], self.coefficients[:, column]])
        sets = Sets.concatenate([empty, self.sets])
        return Spectrum(sets, scale * coefficients).truncate()
