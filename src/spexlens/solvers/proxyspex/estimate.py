"""The values of an index, read off a fitted proxy and what was measured."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from spexlens.masks import masks as mask_algebra
from spexlens.solvers.proxyspex.kernel.conditioning import EXACT
from spexlens.solvers.proxyspex.kernel.effects import Effects
from spexlens.solvers.proxyspex.kernel.kernel import FittedKernel
from spexlens.solvers.proxyspex.kernel.marginal import inverted
from spexlens.solvers.proxyspex.kernel.prior import Prior, signs_of
from spexlens.solvers.proxyspex.proxies.proxy import FittedProxy
from spexlens.solvers.proxyspex.virtual_index import virtual_index
from spexlens.spectrum.estimand import Estimand
from spexlens.spectrum.sets import Sets
from spexlens.spectrum.spectrum import Spectrum
from spexlens.spectrum.uncertainty import HALF_WIDTH

Array = NDArray[np.float64]

# what is believed of errors on masks left out that are larger than a kernel expects:
# with it, 90% intervals cover about so much
_BELIEF = 0.75
_BYTES = 64  # of a mask, for each set that is looked at with it


@dataclass(frozen=True)
class Reading:
    """An index of one output.

    Attributes:
        values: (t,) float64.
        half_widths: (t,) float64, of 90% intervals.
    """

    values: Array
    half_widths: Array


def read_index(
    estimand: Estimand,
    masks: NDArray[np.bool_],
    values: Array,
    average: FittedProxy,
    kernel: FittedKernel | None,
    spectrum: Spectrum,
    seed: int,
) -> Reading:
    """The index of every set, with what was measured put in where it was.

    Args:
        estimand: the index.
        masks: (m, n) bool, distinct.
        values: (m,) float64, measured.
        average: what was fitted to them.
        kernel: one of those averaged, or fitted beside them; None where there is none.
        spectrum: of the average.
        seed: decides virtual masks, of more candidates than have a table.
    """
    n = masks.shape[1]
    sets = estimand.sets(n)
    if n <= mask_algebra.ENUMERABLE:
        table = average.table()
        table[mask_algebra.to_index(masks)] = values
        found = estimand.of_table(table, sets)
    else:
        found = virtual_index(estimand, sets, average.predict, spectrum, seed)
        errors = values - average.predict(masks)
        weights = estimand.mask_weights(masks, sets)
        found += [weighed @ errors for weighed in weights]

    if kernel is None:
        return Reading(found, HALF_WIDTH * _alone(estimand, sets, masks, average))

    variances = _variances(estimand, sets, masks, kernel)
    deviations = np.sqrt(variances * _misfit(masks, values, average, kernel))
    return Reading(found, HALF_WIDTH * deviations)


def _variances(
    estimand: Estimand, sets: Sets, masks: NDArray[np.bool_], kernel: FittedKernel
) -> Array:
    """What is unknown of each index given the values, under the heaviest warp: (t,).

    The function is a kernel's and, apart from it, something of its own at each mask
    (see `targeted`), which is known where it was measured. Values are a slope times
    the latent ones.
    """
    from scipy.linalg import solve_triangular

    # of very many the first ones: what the others tell is left out, never made up
    masks = masks[:EXACT]
    prior = kernel.heaviest.posterior.prior
    signs = signs_of(masks)
    gains = prior.gains(signs)

    covariance = prior.gram(signs, signs)
    covariance.flat[:: len(signs) + 1] += prior.noise
    lower = np.linalg.cholesky(covariance)
    elsewhere = _own_elsewhere(estimand, masks, prior)

    variances = np.empty(len(sets))
    for positions, members in sets.by_order():
        shares, weights = estimand.nodes(masks.shape[1], members.shape[1])
        effects = Effects(prior, shares)

        for rows in mask_algebra.blocks(len(positions), _BYTES * len(masks)):
            of_masks = estimand.mask_weights(masks, sets.take(positions[rows]))
            own = np.array(list(of_masks)) * gains
            shared = effects.with_masks(masks, members[rows], weights)
            shared += prior.noise * own
            known = solve_triangular(lower, shared.T, lower=True)

            unknown = effects.variances(members[rows], weights)
            unknown += prior.noise * (own**2).sum(axis=1)
            unknown += elsewhere[members.shape[1]]
            variances[positions[rows]] = unknown - (known**2).sum(axis=0)

    # rounding may leave less than nothing
    return np.maximum(variances, 0.0) * kernel.heaviest.slope**2


def _own_elsewhere(
    estimand: Estimand, masks: NDArray[np.bool_], prior: Prior
) -> dict[int, float]:
    """By the order of a set, the variance of what unmeasured masks have of their own.

    Σ w(m)² over the masks of each size, less the share of them that were measured; the
    tilt's gain as it is at the measured ones.
    """
    n = masks.shape[1]
    sizes = np.bincount(masks.sum(axis=1), minlength=n + 1)
    every = np.array([_binomial(n, size) for size in range(n + 1)])
    unmeasured = 1.0 - sizes / every

    gain = float(np.mean(prior.gains(signs_of(masks)) ** 2))
    result = {}
    for order in range(1, min(estimand.order, n) + 1):
        squares = estimand.weights(n, order) ** 2
        total = 0.0
        for inside in range(order + 1):
            for outside, square in enumerate(squares):
                if not square:
                    continue  # too small for a number, of too many masks for one
                count = _binomial(order, inside) * _binomial(n - order, outside)
                total += count * square * unmeasured[inside + outside]
        result[order] = prior.noise * gain * total
    return result


def _binomial(n: int, k: int) -> float:
    """C(n, k) as a float, whatever its size."""
    from scipy.special import comb

    return float(comb(n, k))


def _misfit(
    masks: NDArray[np.bool_],
    values: Array,
    average: FittedProxy,
    kernel: FittedKernel,
) -> float:
    """By what the kernel's variances are multiplied.

    Its errors at masks left out should be as large as it expects (1 / [C⁻¹]_bb;
    Rasmussen & Williams, 2006, eq. 5.12); where they are larger, so are all.
    """
    masks = masks[:EXACT]
    inner = masks.any(axis=1) & ~masks.all(axis=1)
    if not inner.any():
        return 1.0
    member = kernel.heaviest
    prior = member.posterior.prior
    signs = signs_of(masks)

    inverse, _ = inverted(prior.gram(signs, signs), prior.noise)
    assert inverse is not None  # the fit inverted it too
    expected = prior.gains(signs) ** 2 / np.diagonal(inverse)

    squares = (values - average.left_out)[:EXACT] ** 2
    ratio = squares[inner].mean() / (member.slope**2 * expected[inner].mean())
    return float(max(1.0, ratio) ** _BELIEF)


def _alone(
    estimand: Estimand, sets: Sets, masks: NDArray[np.bool_], average: FittedProxy
) -> Array:
    """Deviations where no kernel was fitted: errors of masks as if each were its own."""
    squares = {}
    for order in range(1, int(sets.orders.max()) + 1):
        weights = estimand.weights(masks.shape[1], order) ** 2
        counts = [
            2.0**order * _binomial(masks.shape[1] - order, outside)
            for outside in range(len(weights))
        ]
        squares[order] = float(weights @ counts)
    sums = np.array([squares[order] for order in sets.orders.tolist()])
    return np.asarray(np.sqrt(average.noise * sums))
