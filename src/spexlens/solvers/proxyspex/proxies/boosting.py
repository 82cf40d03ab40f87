"""Gradient-boosted trees as a proxy: their spectrum is exact."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from spexlens.masks import masks as mask_algebra
from spexlens.solvers.proxyspex.proxies.proxy import FoldedProxy
from spexlens.solvers.proxyspex.proxies.trees import parse_lightgbm
from spexlens.solvers.ridge import refit
from spexlens.spectrum.spectrum import Spectrum

_ENERGY = 0.99
_MOST_SETS = 2000
# one thread and one layout: sums in another order would be other trees
_QUIET = {
    "verbose": -1,
    "num_threads": 1,
    "deterministic": True,
    "force_row_wise": True,
}


@dataclass(frozen=True)
class Boosting(FoldedProxy):
    """LightGBM, regularised for few masks.

    LightGBM's own defaults are for large tables: leaves of 20 rows leave 100 masks
    without a split.

    Attributes:
        depth: the most splits on a path, and so the largest order of an interaction.
        columns: the share of candidates that each tree may split on.
        trees: how many.
        rate: learning rate.
    """

    depth: int
    columns: float
    trees: int = 150
    rate: float = 0.1

    @property
    def name(self) -> str:
        """For instance "boosting, depth 5"."""
        return f"boosting, depth {self.depth}"

    def spectrum(
        self, masks: NDArray[np.bool_], values: NDArray[np.float64], seed: int
    ) -> Spectrum:
        """The trees' spectrum, cut to 99% of its energy and refitted by ridge."""
        mean = float(values.mean())
        scale = float(values.std()) or 1.0

        # LightGBM keeps labels in float32
        booster = self.booster(masks, (values - mean) / scale, seed)

        forest = parse_lightgbm(booster.model_to_string(), masks.shape[1])
        spectrum = forest.rescaled(scale, mean).spectrum()

        largest = spectrum.truncate(energy=_ENERGY, count=_MOST_SETS)
        return refit(largest, mask_algebra.pack(masks), values).spectrum

    def booster(
        self, masks: NDArray[np.bool_], values: NDArray[np.float64], seed: int
    ) -> Any:
        """The fitted `lightgbm.Booster`."""
        import lightgbm

        binning = {**_QUIET, "min_data_in_bin": 1, "feature_pre_filter": False}
        table = lightgbm.Dataset(masks.astype(np.float32), values, params=binning)

        booster = lightgbm.Booster({**_QUIET, **self._settings(seed)}, table)
        for _ in range(self.trees):
            booster.update()
        return booster

    def _settings(self, seed: int) -> dict[str, Any]:
        """What LightGBM is told of a tree."""
        return {
            "objective": "regression",
            "seed": seed % (1 << 31),
            "learning_rate": self.rate,
            "max_depth": self.depth,
            "num_leaves": 1 << self.depth,
            "min_data_in_leaf": 4,
            "feature_fraction": self.columns,
            "bagging_fraction": 0.7,
            "bagging_freq": 1,
            "lambda_l2": 1.0,
        }
