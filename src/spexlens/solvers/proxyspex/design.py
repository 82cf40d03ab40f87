"""The masks of ProxySPEX: far apart, then where a fitted kernel knows least."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from spexlens.masks import designs
from spexlens.masks import masks as mask_algebra
from spexlens.masks.one_thread import one_thread
from spexlens.masks.outputs import by_output
from spexlens.solvers.proxyspex.kernel.marginal import Marginal
from spexlens.solvers.proxyspex.kernel.prior import Prior, signs_of

Array = NDArray[np.float64]
Packed = NDArray[np.uint8]

_POOL = 2048
_CHOSEN = 512  # masks that fill the space; the rest of that design is uniform
_TOTAL = 3.0  # Σρ of the prior that distance is measured with
_MOST_RHO = 0.9  # near one, a candidate's two halves would know nothing of each other
_STEPS = 10
# of the largest value, below which differences may be a processor's rounding
_ALIKE = 1e-4
_BANDWIDTH = 0.1  # of a smooth rank, in standard deviations
# of a variance of one: with less, a fit that is nearly exact hangs on last digits
_LEAST_NOISE = 3e-3
_NUGGET = 1e-6  # the noise of a kernel that fits nothing
# of a kernel's variance: the mean below which it knows all masks, and tells none apart
_SURE = 1e-3
_ROUNDING = 1e-12  # of a kernel's variance
_TIE = 1e-6  # of the largest variance, within which the first mask is taken
# masks a candidate that halve a tilt: one fitted to few buys too many extreme masks
_TILT = 8.0


@dataclass(frozen=True)
class _Grid:
    """What hyper-parameters are rounded to multiples of.

    Attributes:
        single: of one candidate's own ln ρ.
        shared: ln Σρ and ln a.
        noise: ln σ².
        tilt: γ_i √n.
    """

    single: float
    shared: float
    noise: float
    tilt: float

    def rounded(self, theta: Array, n: int) -> Array:
        """A point of `Marginal`; the tilt of all is added to that of each candidate."""
        # the tilt of all is zero by then: its step only must not be zero as well
        shared = [self.shared, self.shared, self.noise, 1.0]
        single = np.full(n, self.single)
        tilts = np.full(n, self.tilt)
        steps = np.concatenate([single, shared, tilts])

        common = n + 3
        point = theta.copy()

        # moved before the rounding: else one candidate's tilt were rounded in two parts
        point[common + 1 :] += theta[common]
        point[common] = 0.0

        return np.asarray(np.round(point / steps) * steps)


_GRID = _Grid(single=0.5, shared=0.25, noise=0.5, tilt=0.1)


def drawn(n: int, count: int, seed: int) -> Packed:
    """Both corners, then uniform masks, at least `count` of them.

    At least 2,048 where there are so many; more begin with fewer.

    Returns:
        (p, ceil(n / 8)) uint8, distinct packed masks.
    """
    least = min(_POOL, 1 << n) if n <= mask_algebra.ENUMERABLE else _POOL
    size = max(least, count)

    corners = mask_algebra.pack(designs.corners(n))
    return joined(corners, designs.packed_uniform(n, size, seed))[:size]


def space_filling(pool: Packed, n: int, count: int) -> Packed:
    """The pool's first two masks, then masks far from all before them, then the others.

    Each of the first 512 is the one about which a Gaussian process with k(s, t) = Π (1
    + ρ s_i t_i), ρ = 3 / n, knows least from the masks before it, of the pool's first
    2,048. A longer design begins with a shorter one.

    Args:
        pool: (p, ceil(n / 8)) uint8, distinct packed masks.
        n: the number of candidates.
        count: of masks, at most p.

    Returns:
        (count, ceil(n / 8)) uint8.
    """
    masks = pool[:_POOL]
    corners = min(2, count)
    filling = min(_CHOSEN, count, len(masks))

    with one_thread():
        rows = _least_known(_flat(n), masks, n, corners, filling)
    return joined(masks[rows], pool)[:count]


def adapted(bought: Packed, values: Array, pool: Packed, n: int, count: int) -> Packed:
    """The masks bought, then those of which a fitted kernel is least sure.

    Where it is sure of all masks, they are far apart.

    Its hyper-parameters are fitted to what was answered, the tilt being believed the
    more the more was; each mask is then the one with the largest posterior variance
    given those before it, of the pool's first 2,048. Several outputs are represented by
    their first principal component.

    Args:
        bought: (m, ceil(n / 8)) uint8, packed masks.
        values: (m,) or (m, k) float64, what was answered.
        pool: (p, ceil(n / 8)) uint8, distinct packed masks.
        n: the number of candidates.
        count: of masks in all, at most those bought and in the pool.

    Returns:
        (count, ceil(n / 8)) uint8, distinct, the ones bought first.
    """
    masks = joined(bought, pool[:_POOL])
    known = len(bought)

    # sums in another order would be other bits, and other masks
    with one_thread():
        prior = fitted_prior(mask_algebra.unpack(bought, n), leading(by_output(values)))
        if _knows_all(prior, masks, n, known):
            prior = _flat(n, _NUGGET)

        rows = _least_known(prior, masks, n, known, min(count, len(masks)))

    return joined(masks[rows], pool)[:count]


def joined(*parts: Packed) -> Packed:
    """All masks in their order, each once."""
    masks = np.concatenate(parts)
    distinct: Packed = masks[mask_algebra.distinct(masks)[0]]
    return distinct


def _flat(n: int, noise: float = 0.0) -> Prior:
    """For which all masks at one distance from another are alike."""
    rho = min(_TOTAL / n, _MOST_RHO)
    return Prior(0.0, np.full(n, rho), np.zeros(n), noise)


def fitted_prior(masks: NDArray[np.bool_], values: Array) -> Prior:
    """The kernel's prior, fitted to smoothly warped values, rounded, partly tilted.

    What threads and processors change in values, some 1e-5 of them, must not change
    which masks are asked for: the scale is smooth in the values, and the
    hyper-parameters are rounded so coarsely that they are hardly ever near the edge
    between two roundings.
    """
    rounding = _ALIKE * np.abs(values).max()
    if np.ptp(values) <= rounding:
        return _flat(masks.shape[1], _NUGGET)

    count, n = masks.shape
    latent = _smoothly_mixed(values)
    marginal = Marginal(signs_of(masks), latent, _LEAST_NOISE)

    theta = marginal.maximise(_STEPS)
    prior = marginal.prior(_GRID.rounded(theta, n))

    believed = count / (count + _TILT * n)
    return Prior(prior.log_scale, prior.rho, believed * prior.tilt, prior.noise)


def _smoothly_mixed(values: Array) -> Array:
    """As the warp "mix", half z-score and half normal score, but of a smooth rank.

    Two values that are nearly the same never swap places.
    """
    from scipy.special import ndtr, ndtri

    standard = (values - values.mean()) / values.std()

    # a rank counts the values below; here each counts by how far below it is
    steps = (standard[:, None] - standard) / _BANDWIDTH
    share = ndtr(steps).mean(axis=1)

    # at either end a normal score would be infinite: half a value away from it is near
    # enough
    edge = 0.5 / len(values)
    scores = ndtri(np.clip(share, edge, 1.0 - edge))

    latent = (standard + scores) / 2.0
    return np.asarray((latent - latent.mean()) / latent.std())


def leading(values: Array) -> Array:
    """(m, k) -> (m,): the first principal component of standardised outputs."""
    # so that no square overflows
    _, exponent = np.frexp(np.abs(values).max(axis=0))
    values = np.ldexp(values, -exponent)

    if values.shape[1] == 1:
        return values[:, 0]

    away = values - values.mean(axis=0)
    scale = away.std(axis=0)

    varied = scale > 0
    standard = away[:, varied] / scale[varied]
    left, sizes, right = np.linalg.svd(standard, full_matrices=False)
    if not len(sizes):
        return np.zeros(len(values))

    # a component's sign is arbitrary: that of the first large weight is made positive;
    # not of the largest, as two outputs always have the same
    weights = np.abs(right[0])

    large = weights > 0.5 * weights.max()
    sign = np.sign(right[0, np.argmax(large)])
    return np.asarray(left[:, 0] * sizes[0] * sign)


def _knows_all(prior: Prior, packed: Packed, n: int, known: int) -> bool:
    """Whether a kernel is next to sure of all masks after the known ones."""
    signs = signs_of(mask_algebra.unpack(packed, n))

    _, variance = given_known(prior, signs, known)
    unknown = variance[known:] - prior.noise

    if not unknown.size:
        return False

    # Π (1 + ρ_i) A: the untilted kernel of a mask with itself
    total = np.log1p(prior.rho).sum()
    beforehand = np.exp(prior.log_scale + total)
    return bool(unknown.mean() < _SURE * beforehand)


def given_known(prior: Prior, signs: Array, known: int) -> tuple[Array, Array]:
    """The covariance's factor (known, m) and the variances (m,), given the first masks.

    Args:
        prior: its hyper-parameters.
        signs: (m, n) float64 of ±1.
        known: how many of the masks, the first ones, are known.
    """
    from scipy.linalg import solve_triangular

    covariance = prior.gram(signs[:known], signs)
    variance = covariance[0, 0] + prior.noise
    covariance.flat[:: len(signs) + 1] += prior.noise

    lower = np.linalg.cholesky(covariance[:, :known])
    factor = solve_triangular(lower, covariance, lower=True)

    # the squares of a mask's column are what the known masks explain of it
    return factor, variance - np.einsum("ij,ij->j", factor, factor)


def _least_known(
    prior: Prior, packed: Packed, n: int, known: int, count: int
) -> NDArray[np.int64]:
    """Rows of the masks: the known ones, then each the one with the largest variance.

    The posterior covariance is never formed: pivoted Cholesky keeps a factor, a row for
    each mask chosen. On one thread: sums in another order would be other bits, and
    other masks.
    """
    signs = signs_of(mask_algebra.unpack(packed, n))

    gains = prior.gains(signs) ** 2
    # without its tilt, which the gains carry, a kernel has one variance for all masks
    any_mask = signs[:1]
    variance = prior.gram(any_mask, any_mask)[0, 0] + prior.noise
    least = _ROUNDING * variance

    factor = np.zeros((count, len(signs)))
    factor[:known], unknown = given_known(prior, signs, known)

    # a mask that is known is never chosen again
    unknown[:known] = -np.inf

    chosen = np.arange(count)
    for j in range(known, count):
        scores = gains * unknown
        # the first that is about the largest: last digits must not decide
        enough = (1.0 - _TIE) * scores.max()
        row = int(np.argmax(scores >= enough))

        # a row of pivoted Cholesky: the covariance with the mask chosen, less what the
        # rows before explain of it
        column = prior.gram(signs[row : row + 1], signs)[0]
        column[row] += prior.noise
        column -= factor[:j, row] @ factor[:j]

        pivot = max(unknown[row], least)
        factor[j] = column / np.sqrt(pivot)
        unknown -= factor[j] ** 2

        chosen[j] = row
        unknown[chosen[: j + 1]] = -np.inf
    return chosen
