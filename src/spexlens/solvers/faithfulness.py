"""Faithfulness: how well an explanation predicts the model where it was not looked at."""

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

Source = Literal["exact", "cross-validated", "leave-one-out", "held out"]

Interval = tuple[float, float]

# standard deviation of log(1 - R²) that a fit says of itself, about the truth: measured
# on games
_OFF = 0.3
# how likely a fit is wrong about itself, and by how much then
_MISLED = 0.2
_FAR = 3.0
_LEAST = 1e-12  # of 1 - R², what is told from nothing
_LEAST_ERROR = 1e-3  # of log(1 - R²): an error of zero has no density
_GRID = 4001


@dataclass(frozen=True)
class Faithfulness:
    """R² on masks that the fit never saw, and where those masks come from.

    Attributes:
        r2: one R² an output.
        source: "exact" (all 2^n masks were evaluated, so nothing is left to predict),
            "cross-validated" (each mask predicted by a fit to the other folds),
            "leave-one-out" (by a regression on all others, on sets that were chosen
            with all) or "held out".
        masks: the number of masks that R² is over, the fresh ones included.
        fresh: of those, how many were bought after the fit; see `combined_r2`.
        intervals: (low, high) an output, meant to hold R² over all masks in 90 cases of
            100; () without fresh masks.
        alone: what the source says without the fresh masks; () without those.
    """

    r2: tuple[float, ...]
    source: Source
    masks: int
    fresh: int = 0
    intervals: tuple[Interval, ...] = ()
    alone: tuple[float, ...] = ()

    @property
    def mean(self) -> float:
        """The mean R² over the outputs."""
        return float(np.mean(self.r2))

    def __str__(self) -> str:
        if self.source == "exact":
            return f"exact: all {self.masks} masks were evaluated"

        shown = ", ".join(f"{r2:.3f}" for r2 in self.r2)
        if self.intervals and len(self.r2) == 1:
            low, high = self.intervals[0]
            shown += f" (90%: {low:.3f} to {high:.3f})"
        if self.masks > self.fresh > 0:
            return (
                f"R² {shown}, {self.source} on {self.masks - self.fresh} masks and"
                f" {self.fresh} fresh ones: no fit saw what it predicts"
            )
        if self.source == "leave-one-out":
            return f"R² {shown} (leave-one-out over {self.masks} masks)"
        return (
            f"R² {shown} ({self.source}, on {self.masks} masks that the fit did not"
            " see)"
        )


def combined_r2(claimed: float, fresh: float, error: float) -> tuple[float, Interval]:
    """R² and its 90% interval, from what a fit says of itself and from fresh masks.

    Few fresh masks say little, the less the rarer large errors are; the folds of a fit
    are many masks, but of other fits. On the scale of log(1 - R²) what the fit says is
    a prior, which is not believed where fresh masks contradict it (a robust mixture
    prior: Schmidli et al., Biometrics 70, 2014, section 2.3).

    Args:
        claimed: R² that the fit says of itself.
        fresh: R² on fresh masks.
        error: standard error of log(1 - R²) on those.
    """
    prior = _log_unexplained(claimed)
    seen = _log_unexplained(fresh)
    reach = 4.0 * (_FAR + error)

    # wide enough that what either says has no mass beyond
    least = min(prior, seen) - reach
    most = max(prior, seen) + reach
    grid = np.linspace(least, most, _GRID)

    def normal(mean: float, deviation: float) -> NDArray[np.float64]:
        standard = (grid - mean) / deviation
        return np.asarray(np.exp(-0.5 * standard**2) / deviation)

    # the wide part leaves room for fresh masks that contradict the fit
    believed = (1.0 - _MISLED) * normal(prior, _OFF) + _MISLED * normal(prior, _FAR)
    weights = believed * normal(seen, max(error, _LEAST_ERROR))
    below = np.cumsum(weights) / weights.sum()

    def r2_at(share: float) -> float:
        unexplained = np.exp(grid[np.searchsorted(below, share)])
        return float(1.0 - unexplained)

    # the larger the error, the smaller R²: its low end is the error's high one
    low = r2_at(0.95)
    middle = r2_at(0.5)
    high = r2_at(0.05)
    return middle, (low, high)


def _log_unexplained(r2: float) -> float:
    """log(1 - R²), of an R² of one that of rounding."""
    return float(np.log(max(1.0 - r2, _LEAST)))
