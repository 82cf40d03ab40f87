"""Noise: how loud the bins are that no set explains."""

from collections.abc import Sequence

import numpy as np

from spexlens.transform.subspace import Group
from spexlens.transform.support import Bins

# The noise is read from this quantile of the bins' powers: few sets reach so low. The
# standard normal's is beside it.
_QUIET = 0.1
_NORMAL_QUIET = -1.2816


def noise_variance(groups: Sequence[Group], residual: Bins) -> float:
    """The variance of one value that no set explains, from the quietest bins.

    The mean of squares over P delays is as a chi-square by P, whose quantile is that of
    Wilson & Hilferty (Proc. Natl. Acad. Sci. 17, 1931). The median is taken over the
    groups.

    Args:
        groups: the subsampling groups.
        residual: (2^b, P) float64 each, the bins without the sets found so far.
    """
    most = max(group.bits for group in groups)

    levels = []
    for group, entries in zip(groups, residual, strict=True):
        if group.bits < most - 1:
            continue  # hardly a bin of few is quiet

        # Wilson and Hilferty: the cube root is as good as normal
        spread = 2.0 / (9.0 * group.delays)
        root = 1.0 - spread + _NORMAL_QUIET * np.sqrt(spread)
        quantile = root**3

        powers = (entries**2).mean(axis=1)
        quiet = float(np.quantile(powers, _QUIET, method="lower"))

        levels.append(group.bins * quiet / max(quantile, 1e-3))
    return float(np.median(levels))


def mean_power(groups: Sequence[Group], residual: Bins) -> float:
    """The mean square of the values that no set explains.

    Args:
        groups: the subsampling groups.
        residual: (2^b, P) float64 each, the bins without the sets found so far.
    """
    total = sum(
        group.bins * float((entries**2).sum())
        for group, entries in zip(groups, residual, strict=True)
    )
    return total / sum(entries.size for entries in residual)


def ceiling(noise: float, delays: int, deviations: float) -> float:
    """The power that noise alone hardly exceeds in the mean of so many delays.

    Args:
        noise: the variance of one entry.
        delays: P.
        deviations: by how many standard deviations of the mean it is exceeded.
    """
    return noise * float(1.0 + deviations * np.sqrt(2.0 / delays))
