"""The masks of ProxySPEX: first far apart, then where a kernel fitted to what was answered knows least."""

import numpy as np
from numpy.typing import NDArray

from spexlens.ablation import masks as mask_algebra
from spexlens.solvers.proxyspex.marginal import Marginal
from spexlens.solvers.proxyspex.prior import Prior, signs_of
from spexlens.solvers.proxyspex.warp import mixed
from spexlens.threads import one_thread

Array = NDArray[np.float64]
Packed = NDArray[np.uint8]

_POOL = 2048
_CHOSEN = 512  # masks that fill the space; the rest of that design is uniform
_TOTAL = 3.0  # Σρ of the prior that distance is measured with
_STEPS = 10
_TILT = 8.0  # masks a candidate that halve a tilt: one fitted to few buys too many extreme masks


def drawn(n: int, count: int, seed: int) -> Packed:
    """Both corners, then uniform masks: at least 2,048 where there are so many, and at least `count`.

    More begin with fewer.

    Returns:
        (p, ceil(n / 8)) uint8, distinct packed masks.
    """
    least = min(_POOL, 1 << n) if n <= mask_algebra.ENUMERABLE else _POOL
    size = max(least, count)
    corners = mask_algebra.pack(mask_algebra.corners(n))
    return joined(corners, mask_algebra.packed_uniform(n, size, seed))[:size]


def space_filling(pool: Packed, n: int, count: int) -> Packed:
    """The pool's first two masks, then masks that are far from all before them, then the others in order.

    Each of the first 512 is the one about which a Gaussian process with k(s, t) = Π (1 + ρ s_i t_i),
    ρ = 3 / n, knows least from the masks before it, of the pool's first 2,048. A longer design begins
    with a shorter one.

    Args:
        pool: (p, ceil(n / 8)) uint8, distinct packed masks.
        n: the number of candidates.
        count: of masks, at most p.

    Returns:
        (count, ceil(n / 8)) uint8.
    """
    some = pool[:_POOL]
    with one_thread():
        first = _least_known(_flat(n), some, n, min(2, count), min(_CHOSEN, count, len(some)))
    return joined(some[first], pool)[:count]


def adapted(bought: Packed, values: Array, pool: Packed, n: int, count: int) -> Packed:
    """The masks bought, then those of the pool whose values a fitted kernel is least sure of.

    Its hyper-parameters are fitted to what was answered, the tilt being believed the more the more was;
    each mask is then the one with the largest posterior variance given those before it, of the pool's
    first 2,048. Several outputs are represented by their first principal component.

    Args:
        bought: (m, ceil(n / 8)) uint8, packed masks.
        values: (m,) or (m, k) float64, what was answered.
        pool: (p, ceil(n / 8)) uint8, distinct packed masks.
        n: the number of candidates.
        count: of masks in all, at most those bought and in the pool.

    Returns:
        (count, ceil(n / 8)) uint8, distinct, the ones bought first.
    """
    some = joined(bought, pool[:_POOL])
    with one_thread():
        prior = _fitted(mask_algebra.unpack(bought, n), _leading(values))
        rows = _least_known(prior, some, n, len(bought), min(count, len(some)))
    return joined(some[rows], pool)[:count]


def joined(*parts: Packed) -> Packed:
    """All masks in their order, each once."""
    masks = np.concatenate(parts)
    distinct: Packed = masks[mask_algebra.distinct(masks)[0]]
    return distinct


def _flat(n: int) -> Prior:
    """For which all masks at one distance from another are alike."""
    return Prior(0.0, np.full(n, min(_TOTAL / n, 0.9)), np.zeros(n), 0.0)


def _fitted(masks: NDArray[np.bool_], values: Array) -> Prior:
    """The kernel's prior, fitted to values on the scale that fits most games best, with part of its tilt."""
    if np.ptp(values) == 0:
        return _flat(masks.shape[1])
    marginal = Marginal(signs_of(masks), mixed(values).forward(values))
    prior = marginal.prior(marginal.maximise(_STEPS))
    sure = len(values) / (len(values) + _TILT * masks.shape[1])
    return Prior(prior.log_scale, prior.rho, sure * prior.tilt, prior.noise)


def _leading(values: Array) -> Array:
    """(m,) or (m, k) -> (m,): the first principal component of outputs scaled to variance one."""
    values = np.ldexp(values, -np.frexp(np.abs(values).max(axis=0))[1])  # so that no square overflows
    if values.ndim == 1:
        return values
    away = values - values.mean(axis=0)
    scale = away.std(axis=0)
    left, sizes, right = np.linalg.svd(away[:, scale > 0] / scale[scale > 0], full_matrices=False)
    if not len(sizes):
        return np.zeros(len(values))
    return np.asarray(left[:, 0] * sizes[0] * np.sign(right[0, np.argmax(np.abs(right[0]))]))


def _least_known(prior: Prior, packed: Packed, n: int, known: int, count: int) -> NDArray[np.int64]:
    """Rows of the masks: the known, which come first, and then each the one with the largest variance.

    The posterior covariance is never formed: pivoted Cholesky keeps a factor, a row for each mask chosen.
    On one thread: sums in another order would be other bits, and other masks.
    """
    from scipy.linalg import solve_triangular

    signs = signs_of(mask_algebra.unpack(packed, n))
    heights = prior.gains(signs) ** 2
    chosen = np.arange(count)
    own = prior.gram(signs[:known], signs)
    variance = own[0, 0] + prior.noise
    own.flat[:: len(signs) + 1] += prior.noise
    factor = np.zeros((count, len(signs)), np.float32)
    factor[:known] = solve_triangular(np.linalg.cholesky(own[:, :known]), own, lower=True)
    unknown = variance - np.einsum("ij,ij->j", factor[:known], factor[:known], dtype=np.float64)
    unknown[:known] = -np.inf
    for j in range(known, count):
        row = int(np.argmax(heights * unknown))
        column = prior.gram(signs[row : row + 1], signs)[0]
        column[row] += prior.noise
        column -= factor[:j, row] @ factor[:j]
        factor[j] = column / np.sqrt(max(unknown[row], 1e-12 * variance))
        unknown -= factor[j].astype(np.float64) ** 2
        chosen[j] = row
        unknown[chosen[: j + 1]] = -np.inf
    return chosen
