"""The sparse spectrum of a fitted proxy."""

from collections.abc import Sequence
from dataclasses import dataclass
from heapq import heappop, heappush

import numpy as np
from numpy.typing import NDArray

from spexlens.masks import designs
from spexlens.masks import masks as mask_algebra
from spexlens.solvers.proxyspex.proxies.proxy import FittedProxy
from spexlens.spectrum.hadamard import walsh_hadamard
from spexlens.spectrum.sets import Sets
from spexlens.spectrum.spectrum import Spectrum
from spexlens.transform.subspace import Group
from spexlens.transform.support import Support

Array = NDArray[np.float64]

MOST_SETS = 3000
_LOSS = 0.0002  # of the proxy's variance: what the sets that are left out may hold
_GROUPS = 3
_BITS = 13
_TEST = 1000
# of the variance that the rest of the function gives it, what a coefficient must have
_SURE = 4.0
_ROUNDING = 1e-12  # of the largest coefficient
_NEAR_ONE = 0.9  # the largest size: the larger, the larger the sets


@dataclass(frozen=True)
class Readout:
    """What was read of a proxy.

    Attributes:
        spectrum: its largest coefficients.
        loss: the mean square of proxy less spectrum over uniform masks.
    """

    spectrum: Spectrum
    loss: float


def read(proxy: FittedProxy, seed: int) -> Readout:
    """The fewest sets that hold all but .02% of a proxy's variance, at most 3,000.

    Up to 20 candidates every coefficient comes from the table of all masks. Beyond, the
    proxy is ablated virtually on three random subspaces of 2^13 masks, and measured
    there for the sets that it names as large, and for products of candidates that are
    large alone.
    """
    if proxy.n <= mask_algebra.ENUMERABLE:
        return _tabulated(proxy)

    rng = np.random.default_rng([seed, proxy.n])
    # sets that share a bin of one subspace seldom share one of another
    groups = [_subspace(proxy.n, rng) for _ in range(_GROUPS)]
    bins = [_measured(group, proxy) for group in groups]

    sets = _suspected(proxy, groups, bins)
    coefficients, error = _fitted(groups, sets, bins)

    largest = float(np.abs(coefficients).max())
    rounding = (_ROUNDING * largest) ** 2
    squares = coefficients**2
    sure = squares > max(_SURE * error, rounding)

    counts = (sets.orders > 0) & sure
    energy = np.where(counts, squares, 0.0)
    # the empty set comes first, and stays
    rows = np.concatenate([[0], _enough(energy)])
    spectrum = Spectrum(sets.take(rows), coefficients[rows])

    return Readout(spectrum, _loss(proxy, spectrum, seed))


def _loss(proxy: FittedProxy, spectrum: Spectrum, seed: int) -> float:
    """The mean square that a spectrum misses of a proxy, on uniform masks."""
    # of no subspace: the coefficients were fitted to those
    fresh = designs.uniform(proxy.n, _TEST, seed)
    missed = proxy.predict(fresh) - spectrum.predict(fresh)
    return float(np.mean(missed**2))


def _measured(group: Group, proxy: FittedProxy) -> Array:
    """The bins of one subspace, each the sum of its sets' signed coefficients."""
    masks = mask_algebra.unpack(group.masks(), proxy.n)
    return group.transform(proxy.predict(masks))


def _suspected(
    proxy: FittedProxy, groups: Sequence[Group], bins: Sequence[Array]
) -> Sets:
    """The empty set, then all sets that may have a large coefficient, each once."""
    single = Sets.low_orders(proxy.n, proxy.n)
    coefficients, _ = _fitted(groups, single, bins)

    likely = _products(np.abs(coefficients), MOST_SETS)
    empty = Sets.of(proxy.n, [()])
    large = proxy.large_sets(MOST_SETS)

    return Sets.concatenate([empty, single, likely, large]).distinct()


def _tabulated(proxy: FittedProxy) -> Readout:
    """From the values of all 2^n masks."""
    coefficients = walsh_hadamard(proxy.table()) / (1 << proxy.n)

    energy = coefficients**2
    energy[0] = 0.0

    rows = np.concatenate([[0], _enough(energy)])
    sets = Sets.from_incidence(mask_algebra.from_index(rows, proxy.n))

    # Parseval: the mean square of what is left out is its coefficients' energy
    left = energy.sum() - energy[rows].sum()
    loss = max(float(left), 0.0)
    return Readout(Spectrum(sets, coefficients[rows]), loss)


def _fitted(
    groups: Sequence[Group], sets: Sets, bins: Sequence[Array]
) -> tuple[Array, float]:
    """The sets' coefficients, and the variance that all other sets give to each."""
    support = Support(groups, sets.indicators)

    residuals = support.fit(bins)
    squares = [np.mean(residual**2) for residual in residuals]
    variance = float(np.mean(squares))
    # a coefficient is about the mean of one bin a group, each with its own residual
    return support.coefficients, variance / len(groups)


def _products(alone: Array, count: int) -> Sets:
    """The `count` sets with the largest products of their members' sizes, below one.

    A monotone function of a sum has about such coefficients, whatever else it has. Sets
    are taken from a heap in falling order: each leads to itself with the next smaller
    member more, and to itself with the last member replaced by that.
    """
    order = np.argsort(-alone, kind="stable")
    ranked = alone[order]

    # below one, so that each member more costs, and none zero, whose logarithm is not
    # finite
    size = np.maximum(ranked, np.finfo(np.float64).tiny)
    logs = np.log(_NEAR_ONE * size / size[0]).tolist()

    # a set costs the less the larger its product; members are ranks
    heap: list[tuple[float, tuple[int, ...]]] = [(-logs[0], (0,))]

    sets: list[list[int]] = []
    while heap and len(sets) < count:
        cost, members = heappop(heap)
        sets.append(order[list(members)].tolist())

        *others, last = members
        following = last + 1
        if following == len(logs):
            continue

        longer = cost - logs[following]
        heappush(heap, (longer, (*members, following)))

        replaced = cost + logs[last] - logs[following]
        heappush(heap, (replaced, (*others, following)))

    return Sets.of(len(alone), sets)


def _enough(energy: Array) -> NDArray[np.int64]:
    """The largest energies, so many that no more than the loss remains."""
    ranked = np.argsort(-energy, kind="stable")[:MOST_SETS]
    ranked = ranked[energy[ranked] > 0]

    cumulative = np.cumsum(energy[ranked])
    enough = (1.0 - _LOSS) * energy.sum()
    needed = np.searchsorted(cumulative, enough) + 1
    return ranked[:needed]


def _subspace(n: int, rng: np.random.Generator) -> Group:
    """2^13 masks, q + span(v_1, ..., v_13): each set has one of 2^13 bins, and a sign."""
    basis = rng.integers(0, 2, (_BITS, n), dtype=np.uint8)
    shift = rng.integers(0, 2, n, dtype=np.uint8)
    # no code: the sets are named beforehand, and nothing is decoded
    syndrome = np.zeros((0, _BITS), np.uint8)
    return Group(_BITS, basis, shift, syndrome)
