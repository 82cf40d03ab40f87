"""The sparse spectrum of a fitted proxy."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from spexlens.ablation import masks as mask_algebra
from spexlens.solvers.proxyspex.proxy import FittedProxy
from spexlens.solvers.spex.design import Group
from spexlens.solvers.spex.support import Support
from spexlens.spectrum.hadamard import walsh_hadamard
from spexlens.spectrum.sets import Sets
from spexlens.spectrum.spectrum import Spectrum

Array = NDArray[np.float64]

MOST_SETS = 3000
_LOSS = 0.0005  # of the proxy's variance: what the sets that are left out may hold
_CANDIDATES = 2 * MOST_SETS
_GROUPS, _BITS = 3, 13
_TEST = 2000


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
    """The fewest sets that hold all but .05% of a proxy's variance, at most 3,000.

    Up to 20 candidates every coefficient comes from the table of all masks. Beyond, the proxy names
    the sets that may be large, and it is ablated virtually on three random subspaces of 2^13 masks.
    """
    if proxy.n <= mask_algebra.ENUMERABLE:
        return _tabulated(proxy)
    sets = Sets.concatenate([Sets.of(proxy.n, [()]), proxy.large_sets(_CANDIDATES)]).distinct()
    rng = np.random.default_rng([seed, proxy.n])
    groups = [_subspace(proxy.n, rng) for _ in range(_GROUPS)]
    values = [proxy.predict(mask_algebra.unpack(group.masks(), proxy.n)) for group in groups]
    support = Support(groups, sets.indicators)
    support.fit([group.transform(each) for group, each in zip(groups, values, strict=True)])
    energy = np.where(sets.orders > 0, support.coefficients**2, 0.0)
    kept = np.concatenate([[0], _enough(energy)])
    spectrum = Spectrum(sets.take(kept), support.coefficients[kept])
    fresh = mask_algebra.uniform(proxy.n, _TEST, seed)
    return Readout(spectrum, float(np.mean((proxy.predict(fresh) - spectrum.predict(fresh)) ** 2)))


def _tabulated(proxy: FittedProxy) -> Readout:
    coefficients = walsh_hadamard(proxy.table()) / (1 << proxy.n)
    energy = coefficients**2
    energy[0] = 0.0
    kept = np.concatenate([[0], _enough(energy)])
    sets = Sets.from_incidence(mask_algebra.from_index(kept, proxy.n))
    loss = max(float(energy.sum() - energy[kept].sum()), 0.0)
    return Readout(Spectrum(sets, coefficients[kept]), loss)


def _enough(energy: Array) -> NDArray[np.int64]:
    """The largest energies, so many that no more than the loss remains."""
    ranked = np.argsort(-energy, kind="stable")[:MOST_SETS]
    ranked = ranked[energy[ranked] > 0]
    held = np.cumsum(energy[ranked])
    needed = np.searchsorted(held, (1.0 - _LOSS) * energy.sum()) + 1
    return ranked[:needed]


def _subspace(n: int, rng: np.random.Generator) -> Group:
    """2^13 masks, q + span(v_1, ..., v_13): every set lies in one of 2^13 bins, with a sign."""
    basis = rng.integers(0, 2, (_BITS, n), dtype=np.uint8)
    return Group(_BITS, basis, rng.integers(0, 2, n, dtype=np.uint8), np.zeros((0, _BITS), np.uint8))
