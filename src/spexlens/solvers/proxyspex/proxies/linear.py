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
    """LASSO (Tibshirani, 1996) on the characters of single candidates, or of pairs of
    the strongest too.

    The penalty is chosen by cross-validation, 10-fold below 150 masks and 5-fold from
    there on; the pairs are those of the 16 candidates that correlate most, chosen in
    each fold anew.

    Attributes:
        order: 1, or 2 for pairs as well.
    """

    order: Literal[1, 2] = 1

    @property
    def name(self) -> str:  # type: ignore[override]
        """For instance "linear, order 2"."""
        return f"linear, order {self.order}"

    def fit(
        self, masks: NDArray[np.bool_], values: Array, seed: int, run: Runner = map
    ) -> FittedSpectrum:
        """Fit every fold and the whole; see the class."""
        from sklearn.exceptions import ConvergenceWarning

        fold = folds(len(values), 10 if len(values) < _FEW else 5, seed)
        packed = mask_algebra.pack(masks)
        scale = float(values.std()) or 1.0

        def path(seen: NDArray[np.bool_]) -> tuple[Sets, Array, Array]:
            return self._path(masks[seen], packed[seen], values[seen] / scale)

        parts = [fold != j for j in range(int(fold.max()) + 1)]
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ConvergenceWarning)  # to .1% is near enough
            *held, (sets, coefficients, intercepts) = run(
                path, [*parts, np.ones(len(fold), np.bool_)]
            )
        predicted = np.empty((len(values), len(_PENALTIES)))
        for seen, (chosen, slopes, starts) in zip(parts, held, strict=True):
            predicted[~seen] = (
                mask_algebra.characters(packed[~seen], chosen.packed) @ slopes + starts
            )
        predicted *= scale
        best = int(np.argmin(((values[:, None] - predicted) ** 2).sum(axis=0)))
        left_out = predicted[:, best]
        spectrum = Spectrum(
            Sets.concatenate([Sets.of(masks.shape[1], [()]), sets]),
            scale * np.concatenate([[intercepts[best]], coefficients[:, best]]),
        ).truncate()
        return FittedSpectrum(
            masks.shape[1],
            left_out,
            (),
            float(np.mean((values - left_out) ** 2)),
            spectrum,
            {"penalty": float(_PENALTIES[best])},
        )

    def _path(
        self, masks: NDArray[np.bool_], packed: NDArray[np.uint8], values: Array
    ) -> tuple[Sets, Array, Array]:
        """Sets (s), and for each penalty p their coefficients (s, p) and an intercept
        (p,).
        """
        from sklearn.linear_model import lasso_path

        n = masks.shape[1]
        sets = Sets.of(n, [(i,) for i in range(n)])
        centred = values - values.mean()
        if self.order == 2:
            strength = np.abs(centred @ (1.0 - 2.0 * masks))
            paired = np.sort(np.argsort(-strength, kind="stable")[:_PAIRED]).tolist()
            sets = Sets.concatenate([sets, Sets.of(n, combinations(paired, 2))])
        design = np.asfortranarray(mask_algebra.characters(packed, sets.packed))
        centre = design.mean(axis=0)
        design -= centre
        largest = float(np.abs(design.T @ centred).max()) / len(values) or 1.0
        _, slopes, _ = lasso_path(
            design,
            centred,
            alphas=largest * _PENALTIES,
            tol=1e-3,
            max_iter=2000,
            check_input=False,
        )
        return sets, slopes, values.mean() - centre @ slopes
