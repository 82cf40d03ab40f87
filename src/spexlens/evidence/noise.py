"""Noise: how far two answers to one mask are apart, and what effects that alone would
make.
"""

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from spexlens.spectrum.sizes import Sizes
from spexlens.spectrum.uncertainty import HALF_WIDTH


@dataclass(frozen=True)
class Noise:
    """How far evaluations of one mask are apart, under several seeds or just again; one
    number an output.

    Attributes:
        deviation: the standard deviation of one evaluation.
        ceiling: the R² that knowing the mean over all evaluations would have, on the
            masks that are judged.
        repeated: evaluations that repeated a mask.
        masks: values that the explanation was fitted to, each the mean of `times`
            evaluations.
        times: evaluations a value.
        seeded: whether what differs is a seed, that of a training; else the model
            answers as it likes.
    """

    deviation: tuple[float, ...]
    ceiling: tuple[float, ...]
    repeated: int
    masks: int = 0
    times: int = 1
    seeded: bool = True

    def restored(self, sizes: Sizes) -> "Noise":
        """Of the answers as they were, where this is of answers that were brought to
        size one.
        """
        return replace(self, deviation=sizes.effects(self.deviation))

    def floor(self, order: int, output: int = 0) -> float:
        """What noise alone makes of a Banzhaf interaction of so many members, at most,
        in 90 cases of 100.

        A Fourier coefficient is measured from m values of noise σ² with variance σ² /
        m; the index is that times (-2)^order.
        """
        if not self.masks:
            return 0.0
        sigma = self.deviation[output] / (self.masks * self.times) ** 0.5
        return float(HALF_WIDTH * 2.0**order * sigma)


def noise_of(
    deviation: NDArray[np.float64],
    repeated: int,
    values: NDArray[np.float64],
    times: int,
    *,
    fitted: tuple[int, int] = (0, 1),
    seeded: bool = True,
) -> Noise:
    """What repetitions do to values that are each a mean of so many evaluations.

    Args:
        deviation: (k,), of one evaluation.
        repeated: how many evaluations it was measured with.
        values: (m,) or (m, k), those that an explanation is judged on.
        times: the evaluations that each of them is the mean of.
        fitted: how many values the explanation was fitted to, and the evaluations of
            each.
        seeded: see `Noise`.
    """
    variance = values.reshape(len(values), -1).var(axis=0)
    share = np.divide(
        deviation**2 / times, variance, out=np.zeros_like(variance), where=variance > 0
    )
    ceiling = tuple(np.maximum(1.0 - share, 0.0).tolist())
    return Noise(tuple(deviation.tolist()), ceiling, repeated, *fitted, seeded)
