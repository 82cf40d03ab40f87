"""An index of a fitted proxy of many candidates, by virtual ablation."""

from collections.abc import Callable
from dataclasses import dataclass
from itertools import chain, combinations

import numpy as np
from numpy.typing import NDArray

from spexlens.spectrum.estimand import Estimand
from spexlens.spectrum.indices import interaction_index
from spexlens.spectrum.sets import Sets
from spexlens.spectrum.spectrum import Spectrum

Array = NDArray[np.float64]
Function = Callable[[NDArray[np.bool_]], Array]

_NODES = 16  # shares of kept candidates, at which effects are measured
# masks at each, and for each candidate, of which two are needed to tell it
_MASKS = 1024
_MASKS_EACH = 6
_SMALL = 1e-9  # a share of kept candidates that is as good as none


def virtual_index(
    estimand: Estimand, sets: Sets, predict: Function, spectrum: Spectrum, seed: int
) -> Array:
    """The index of a function that is asked without limit.

    A sparse spectrum is the function as uniform masks see it; an index that looks at
    nearly full and nearly empty masks sees more. So the spectrum's index is exact, and
    that of what it misses is measured: at each share p of kept candidates, regression
    on m_i - p gives the mean effect of each candidate, and the mean of what is left
    times Π (m_i - p) / (p (1 - p)) that of each set.

    Args:
        estimand: the index.
        sets: t sets of n candidates.
        predict: the function, (p, n) bool -> (p,) float64.
        spectrum: what uniform masks see of it.
        seed: decides the virtual masks.

    Returns:
        (t,) float64.
    """
    exact = interaction_index(spectrum, estimand.index, estimand.order)
    result = np.array([float(exact[members]) for members in sets])

    def missed(masks: NDArray[np.bool_]) -> Array:
        return predict(masks) - spectrum.predict(masks)

    measured: dict[float, _Share] = {}
    for positions, members in sets.by_order():
        shares, weights = estimand.about(members.shape[1], _NODES)
        for share, weight in zip(shares.tolist(), weights, strict=True):
            if share < _SMALL:
                result[positions] += weight * _from_nothing(missed, members, sets.n)
                continue
            if share not in measured:
                measured[share] = _Share.of(missed, sets.n, share, seed)
            result[positions] += weight * measured[share].effects(members)
    return result


@dataclass(frozen=True)
class _Share:
    """What is known of a function where candidates are kept with probability p.

    Attributes:
        centred: (m, n) float64, the masks less p.
        single: (n,) float64, the mean effect of each candidate.
        left: (m,) float64, what those do not explain of the values.
        variance: p (1 - p).
    """

    centred: Array
    single: Array
    left: Array
    variance: float

    @classmethod
    def of(cls, function: Function, n: int, share: float, seed: int) -> "_Share":
        """From masks that keep each of n candidates with this probability."""
        count = max(_MASKS, _MASKS_EACH * n)
        rng = np.random.default_rng([seed, n, int(share * 2**32)])
        # in pairs, of which one keeps what the other hardly keeps
        drawn = rng.random((count // 2, n))
        masks = np.concatenate([drawn < share, 1.0 - drawn < share])

        centred = masks - share
        values = function(masks)
        columns = np.column_stack([np.ones(len(masks)), centred])
        fitted, *_ = np.linalg.lstsq(columns, values, rcond=None)
        left = values - columns @ fitted
        return cls(
            centred, np.asarray(fitted[1:], np.float64), left, share * (1.0 - share)
        )

    def effects(self, members: NDArray[np.int32]) -> Array:
        """The mean effects of sets of one order, (t, d) members -> (t,)."""
        if members.shape[1] == 1:
            return self.single[members[:, 0]]

        centred = self.centred
        if members.shape[1] == 2:
            pairs = centred.T @ (centred * self.left[:, None])
            means = pairs[members[:, 0], members[:, 1]]
        else:
            products = [centred[:, row].prod(axis=1) for row in members]
            means = np.array([self.left @ product for product in products])
        scale = len(centred) * self.variance ** members.shape[1]
        return np.asarray(means / scale)


def _from_nothing(function: Function, members: NDArray[np.int32], n: int) -> Array:
    """Moebius coefficients: what sets add together where nothing else is kept."""
    effects = np.zeros(len(members))
    order = members.shape[1]
    columns = range(order)
    subsets = chain.from_iterable(combinations(columns, k) for k in range(order + 1))
    for kept in subsets:
        masks = np.zeros((len(members), n), np.bool_)
        for column in kept:
            masks[np.arange(len(members)), members[:, column]] = True
        effects += (-1.0) ** (order - len(kept)) * function(masks)
    return effects
