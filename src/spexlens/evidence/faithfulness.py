"""Faithfulness: how well an explanation predicts the model where it was not looked at."""

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

Source = Literal["exact", "cross-validated", "leave-one-out", "held out"]


@dataclass(frozen=True)
class Faithfulness:
    """R² on masks that the fit never saw, and where those masks come from.

    Attributes:
        r2: one R² an output.
        source: "exact" (all 2^n masks were evaluated, so nothing is left to predict),
            "cross-validated" (each mask predicted by a fit to the other folds), "leave-one-out" (by
            a regression on all others, on sets that were chosen with all) or "held out".
        masks: the number of masks that R² is over.
    """

    r2: tuple[float, ...]
    source: Source
    masks: int

    @property
    def mean(self) -> float:
        """The mean R² over the outputs."""
        return float(np.mean(self.r2))

    def __str__(self) -> str:
        if self.source == "exact":
            return f"exact: all {self.masks} masks were evaluated"
        shown = ", ".join(f"{r2:.3f}" for r2 in self.r2)
        if self.source == "leave-one-out":
            return f"R² {shown} (leave-one-out over {self.masks} masks)"
        return f"R² {shown} ({self.source}, on {self.masks} masks that the fit did not see)"


def r_squared(values: NDArray[np.float64], predictions: NDArray[np.float64]) -> float:
    """1 - Σ(y - ŷ)² / Σ(y - ȳ)²: (m,) and (m,) -> float.

    For constant values it is 1 if they are met to rounding, else 0.
    """
    size = float(np.abs(values).max(initial=0.0)) or 1.0
    values, predictions = values / size, predictions / size
    residual = float(((values - predictions) ** 2).sum())
    total = float(((values - values.mean()) ** 2).sum())
    rounding = len(values) * (np.finfo(np.float64).eps * 8) ** 2
    if total <= rounding:
        return 1.0 if residual <= rounding else 0.0
    return 1.0 - residual / total
