"""The masks of ProxySPEX for an index: those that tell most about its values."""

import numpy as np
from numpy.typing import NDArray

from spexlens.masks import designs
from spexlens.masks import masks as mask_algebra
from spexlens.masks.one_thread import one_thread
from spexlens.masks.outputs import by_output
from spexlens.solvers.proxyspex.design import (
    fitted_prior,
    given_known,
    joined,
    leading,
)
from spexlens.solvers.proxyspex.kernel.effects import Effects
from spexlens.solvers.proxyspex.kernel.prior import Prior, signs_of
from spexlens.spectrum.estimand import Estimand
from spexlens.spectrum.sets import Sets

Array = NDArray[np.float64]
Packed = NDArray[np.uint8]

MOST_SETS = 600
"""The most sets that masks are chosen for: of more, those of a lower order count."""

FIRST = 40
"""Masks before any is chosen by values."""

POOL = 3000
"""Masks that are chosen among, at least, if there are so many."""

_TIE = 1e-6  # of the largest gain, within which the first mask is taken
_ROUNDING = 1e-12  # of a kernel's variance
# pairs of masks that are drawn at a time, and times that they are
_AT_ONCE = 1024
_DRAWS = 100


def paired(n: int, count: int, seed: int) -> Packed:
    """Both corners, then masks of uniform sizes, each followed by its complement.

    A size of 1 to n - 1 is drawn, and so many candidates are kept: few and many as
    often as half of them, as Shapley values weigh them (leverage scores; Musco & Witter,
    arXiv 2410.01917). More masks begin with fewer.

    Returns:
        (count, ceil(n / 8)) uint8, distinct packed masks; all 2^n where those are fewer.
    """
    if n <= mask_algebra.ENUMERABLE:
        count = min(count, 1 << n)
    masks = mask_algebra.pack(designs.corners(n))

    rng = np.random.default_rng([seed, n])
    draws = 0
    while len(masks) < count and n > 1 and draws < _DRAWS:
        masks = joined(masks, _drawn_pairs(n, rng))
        draws += 1

    if len(masks) < count:
        # nearly all masks: the last ones would be waited for long
        every = 1 << n if n <= mask_algebra.ENUMERABLE else count
        masks = joined(masks, designs.packed_uniform(n, every, seed))
    return masks[:count]


def _drawn_pairs(n: int, rng: np.random.Generator) -> Packed:
    """Masks of uniform sizes and their complements in turn, packed."""
    sizes = rng.integers(1, n, _AT_ONCE)
    # the candidates with the smallest random numbers are kept, so many of them
    ranks = rng.random((_AT_ONCE, n)).argsort(axis=1).argsort(axis=1)
    kept = ranks < sizes[:, None]

    both = np.stack([kept, ~kept], axis=1)
    return mask_algebra.pack(both.reshape(2 * _AT_ONCE, n))


def chosen(
    bought: Packed,
    values: Array,
    pool: Packed,
    n: int,
    count: int,
    estimand: Estimand,
) -> Packed:
    """The masks bought, then each the one that tells most about an index.

    A kernel is fitted to what was answered; under it the index of each set is Gaussian,
    and what a mask takes from its variance is closed (for order 1: ShaplEIG,
    arXiv 2606.02247). The function is a kernel's and, apart from it, something of its
    own at each mask, the noise: so that a mask that an index weighs much, such as one
    with a single candidate kept, is bought to be known, whatever the kernel predicts.
    The index of sets of one size counts as a whole, by what is unknown of it beforehand.

    Args:
        bought: (m, ceil(n / 8)) uint8, packed masks.
        values: (m,) or (m, k) float64, what was answered.
        pool: (p, ceil(n / 8)) uint8, distinct packed masks.
        n: the number of candidates.
        count: of masks in all, at most those bought and in the pool.
        estimand: what is asked for.

    Returns:
        (count, ceil(n / 8)) uint8, distinct, the ones bought first.
    """
    masks = joined(bought, pool[:POOL])
    total = min(count, len(masks))

    # sums in another order would be other bits, and other masks
    with one_thread():
        prior = fitted_prior(mask_algebra.unpack(bought, n), leading(by_output(values)))
        rows = _most_telling(prior, masks, n, len(bought), total, estimand)

    return joined(masks[rows], pool)[:count]


def _most_telling(
    prior: Prior, packed: Packed, n: int, known: int, count: int, estimand: Estimand
) -> NDArray[np.int64]:
    """Rows of the masks: the known ones, then each the one that tells most.

    Pivoted Cholesky, as in `design`; beside the masks' own factor it keeps what is
    left of the covariance of each mask with the index of each set.
    """
    from scipy.linalg import solve_triangular
    from scipy.linalg.blas import dger

    masks = mask_algebra.unpack(packed, n)
    signs = signs_of(masks)
    factor = np.zeros((count, len(signs)))
    factor[:known], unknown = given_known(prior, signs, known)

    shared = _covariances(prior, masks, estimand)
    lower = factor[:known, :known].T
    explained = solve_triangular(lower, shared[:, :known].T, lower=True)
    # in Fortran's order, in which BLAS updates it in place
    shared = np.asfortranarray(shared - explained.T @ factor[:known])
    squares = np.einsum("ij,ij->j", shared, shared)

    least = _ROUNDING * (prior.gram(signs[:1], signs[:1])[0, 0] + prior.noise)
    chosen = np.arange(count)
    taken = np.zeros(len(signs), np.bool_)
    taken[:known] = True

    for j in range(known, count):
        told = squares / np.maximum(unknown, least)
        told[taken] = -np.inf
        # the first that tells about the most: last digits must not decide
        row = int(np.argmax(told >= (1.0 - _TIE) * told.max()))

        column = prior.gram(signs[row : row + 1], signs)[0]
        column[row] += prior.noise
        column -= factor[:j, row] @ factor[:j]

        root = np.sqrt(max(unknown[row], least))
        factor[j] = column / root
        unknown -= factor[j] ** 2

        # what is left of the covariances, and of their squares, is one less of a
        # product of two vectors
        known_now = shared[:, row] / root
        products = known_now @ shared
        squares += factor[j] * (factor[j] * (known_now @ known_now) - 2.0 * products)
        shared = dger(-1.0, known_now, factor[j], a=shared, overwrite_a=True)

        chosen[j] = row
        taken[row] = True
    return chosen


def _covariances(prior: Prior, masks: NDArray[np.bool_], estimand: Estimand) -> Array:
    """Of the index of each set with each mask's value, before any is known: (t, m).

    Values are without the tilt's gain, by which all are multiplied. Each set is scaled
    so that the kernel's variances of all sets of its order add up to one.
    """
    n = masks.shape[1]
    sets = _counted(estimand, n)
    gains = prior.gains(signs_of(masks))

    shared = np.empty((len(sets), len(masks)))
    for positions, members in sets.by_order():
        shares, weights = estimand.nodes(n, members.shape[1])
        effects = Effects(prior, shares)

        scale = np.sqrt(effects.variances(members, weights).sum())
        shared[positions] = effects.with_masks(masks, members, weights) / scale

        # what a mask has of its own, beside what the kernel says of it
        own = estimand.mask_weights(masks, sets.take(positions))
        for position, weighed in zip(positions, own, strict=True):
            shared[position] += prior.noise * gains * weighed / scale
    return shared


def _counted(estimand: Estimand, n: int) -> Sets:
    """The sets that masks are chosen for, of as many whole orders as are not too many."""
    if estimand.count(n) <= MOST_SETS:
        return estimand.sets(n)
    return Sets.low_orders(n, max(n, MOST_SETS))
