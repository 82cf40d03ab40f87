"""Functions with sets planted at random, for both implementations."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True)
class Planted:
    """f(m) = Σ F(S) χ_S(m) over the planted sets.

    Attributes:
        incidence: (n, s) float32, column j is the indicator of set j.
        coefficients: (s,) float64.
    """

    incidence: NDArray[np.float32]
    coefficients: NDArray[np.float64]

    @classmethod
    def of(
        cls, n: int, sets: Sequence[Sequence[int]], coefficients: Sequence[float]
    ) -> "Planted":
        """From sets of positions."""
        incidence = np.zeros((n, len(sets)), np.float32)
        for j, members in enumerate(sets):
            incidence[list(members), j] = 1
        return cls(incidence, np.array(coefficients, dtype=np.float64))

    @classmethod
    def draw(cls, n: int, count: int, seed: int) -> "Planted":
        """Distinct sets of orders 1 to 5, each order as likely; coefficients uniform in
        ±[.5, 1.5].
        """
        rng = np.random.default_rng([seed, n, count])
        sets: set[tuple[int, ...]] = set()
        while len(sets) < count:
            order = int(rng.integers(1, 6))
            sets.add(tuple(sorted(int(i) for i in rng.choice(n, order, replace=False))))
        return cls.of(
            n, sorted(sets), rng.uniform(0.5, 1.5, count) * rng.choice([-1, 1], count)
        )

    @property
    def n(self) -> int:
        """The number of candidates."""
        return len(self.incidence)

    @property
    def sets(self) -> list[tuple[int, ...]]:
        """The planted sets."""
        return [tuple(np.flatnonzero(column).tolist()) for column in self.incidence.T]

    def value(self, masks: NDArray[np.bool_]) -> NDArray[np.float64]:
        """(m, n) -> (m,)."""
        odd = np.rint(masks.astype(np.float32) @ self.incidence) % 2
        return (1.0 - 2.0 * odd) @ self.coefficients

    def noisy(
        self, noise: float, seed: int
    ) -> Callable[[NDArray[np.bool_]], NDArray[np.float64]]:
        """With Gaussian noise of this share of the signal's standard deviation, fresh
        for every call.
        """
        rng = np.random.default_rng([seed, 1])
        scale = noise * float(np.sqrt((self.coefficients**2).sum()))
        return lambda masks: self.value(masks) + scale * rng.standard_normal(len(masks))
