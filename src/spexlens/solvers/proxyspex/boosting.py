"""Gradient-boosted trees as a proxy: their spectrum is exact."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from spexlens.solvers.proxyspex.proxy import FittedProxy, FittedSpectrum, Proxy
from spexlens.solvers.proxyspex.trees import parse_lightgbm


@dataclass(frozen=True)
class Boosting(Proxy):
    """LightGBM, regularised for 50 to 5,000 masks.

    LightGBM's own defaults are for large tables: leaves of 20 rows leave 100 masks without a split.

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
    def name(self) -> str:  # type: ignore[override]
        """For instance "boosting, depth 4"."""
        return f"boosting, depth {self.depth}"

    def fit(self, masks: NDArray[np.bool_], values: NDArray[np.float64], seed: int) -> FittedProxy:
        """Fit on one thread, so that any number of threads around it gives the same trees."""
        mean, scale = float(values.mean()), float(values.std()) or 1.0
        booster = self.booster(masks, (values - mean) / scale, seed)  # LightGBM keeps labels in float32
        forest = parse_lightgbm(booster.model_to_string(), masks.shape[1])
        return FittedSpectrum(forest.rescaled(scale, mean).spectrum())

    def booster(self, masks: NDArray[np.bool_], values: NDArray[np.float64], seed: int) -> Any:
        """The fitted `lightgbm.Booster`."""
        import lightgbm

        quiet = {"verbose": -1, "num_threads": 1, "deterministic": True, "force_row_wise": True}
        table = lightgbm.Dataset(
            masks.astype(np.float32),
            values,
            params={**quiet, "min_data_in_bin": 1, "feature_pre_filter": False},
        )
        booster = lightgbm.Booster(
            {
                **quiet,
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
            },
            table,
        )
        for _ in range(self.trees):
            booster.update()
        return booster


BOOSTING = (Boosting(depth=2, columns=0.5), Boosting(depth=4, columns=0.5), Boosting(depth=5, columns=1.0))
"""The settings that cross-validation chooses from: few deep interactions, or many shallow ones."""
