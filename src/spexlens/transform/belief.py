"""Belief: which of the sets that bins name are there."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from spexlens.masks import masks as mask_algebra
from spexlens.transform.binary import Bits
from spexlens.transform.noise import ceiling
from spexlens.transform.subspace import Group
from spexlens.transform.support import Bins

LOUD = 4.0
"""A bin is not empty above so many standard deviations of the noise's power."""

# A bin speaks for itself from this signal over noise, if the other groups lean its way
# by a standard error.
_CLEAR = 10.0
_LEANS = 1.0

# The chance, over all that is named in a round, that the other groups confirm a set
# that is not there.
_ERROR = 0.01

# A bin agrees with the others within so many standard errors and this share of the
# coefficient.
_AGREES = 4.0
_ABOUT = 0.25

# A sum of weights below this is one of no other group.
_NOTHING = 1e-200


@dataclass(frozen=True)
class Words:
    """Sets that bins name.

    Attributes:
        members: (k, n) uint8, their indicators.
        origins: (k,) int64, the group whose bin names each.
    """

    members: Bits
    origins: NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.members)

    def take(self, which: NDArray[np.bool_] | NDArray[np.int64]) -> "Words":
        """Some of them."""
        return Words(self.members[which], self.origins[which])

    def followed_by(self, more: "Words") -> "Words":
        """Both, one after the other."""
        return Words(
            np.concatenate([self.members, more.members]),
            np.concatenate([self.origins, more.origins]),
        )

    def unknown(self, known: Bits) -> "Words":
        """The distinct ones that are not among known sets, (s, n) uint8."""
        packed = np.packbits(self.members, axis=1)
        return self.take(mask_algebra.unseen(packed, np.packbits(known, axis=1)))


@dataclass(frozen=True)
class _Evidence:
    """What the bins of one group say of k sets.

    Attributes:
        estimate: (k,) float64, of the coefficient.
        weight: (k,) float64, one over the estimate's variance.
        power: (k,) float64, one over that variance, were the set not there.
        clear: (k,) bool, whether nothing else but noise is in the bin.
    """

    estimate: NDArray[np.float64]
    weight: NDArray[np.float64]
    power: NDArray[np.float64]
    clear: NDArray[np.bool_]

    @classmethod
    def of(
        cls, group: Group, residual: NDArray[np.float64], noise: float, members: Bits
    ) -> "_Evidence":
        """Of a group's bins (2^b, P) for sets (k, n)."""
        bins, signs = group.locate(members)
        entries = residual[bins]
        estimate = (entries * signs).mean(axis=1)

        unexplained = entries - estimate[:, None] * signs
        rest = (unexplained**2).mean(axis=1)
        whole = (entries**2).mean(axis=1)

        # an entry is a mean over 2^b values; no bin is quieter than its noise
        level = noise / group.bins
        degrees = max(group.delays - 1, 1)
        weight = degrees / np.maximum(rest, level)
        power = group.delays / np.maximum(whole, level)

        loud = estimate**2 >= _CLEAR * level
        alone = rest <= ceiling(level, group.delays, LOUD)
        return cls(estimate, weight, power, loud & alone)


def judge(
    groups: Sequence[Group], residual: Bins, noise: float, words: Words
) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
    """Which sets to believe, and which are alone in a bin: (k,) bool each.

    A set is believed where its bin in some group is clear and agrees with those in the
    others, or where the others confirm what the bin that names it says.

    Args:
        groups: C subsampling groups.
        residual: (2^b, P) float64 each, the bins without the sets found so far.
        noise: the variance of one value.
        words: k sets.
    """
    evidence = [
        _Evidence.of(group, entries, noise, words.members)
        for group, entries in zip(groups, residual, strict=True)
    ]

    # (C, k) each: one row a group
    estimate = np.stack([group.estimate for group in evidence])
    weight = np.stack([group.weight for group in evidence])
    power = np.stack([group.power for group in evidence])
    clear = np.stack([group.clear for group in evidence])

    # as a factor: the sum over all groups but one
    others = 1.0 - np.eye(len(groups))
    agrees = _agreeing(estimate, weight, others)

    # a single group has no others that could lean its way
    leaning = _leaning(estimate, power, others)
    single = len(groups) == 1
    clear &= (leaning >= _LEANS) | single

    # a normal variable passes √(2 ln(k / ε)) with a chance of less than ε / k
    count = max(len(words), 1)
    doubtless = np.sqrt(2.0 * np.log(count / _ERROR))
    confirmed = (leaning >= doubtless) & agrees

    # only to the bin that names a set are the others a second voice
    columns = np.arange(len(words))
    by_namer = confirmed[words.origins, columns]
    speaks = clear & agrees
    believed: NDArray[np.bool_] = speaks.any(axis=0) | by_namer

    return believed, np.asarray(clear.any(axis=0))


def _agreeing(
    estimate: NDArray[np.float64],
    weight: NDArray[np.float64],
    others: NDArray[np.float64],
) -> NDArray[np.bool_]:
    """Whether the other groups say about the same as each: (C, k)."""
    # the mean of what the others say, by the inverse of its variance
    total = np.maximum(others @ weight, _NOTHING)
    weighted = others @ (estimate * weight)
    elsewhere = weighted / total

    # what one group says and what the others say is independent: variances add up
    error = np.sqrt(1.0 / weight + 1.0 / total)
    tolerance = _AGREES * error + _ABOUT * np.abs(elsewhere)
    away = np.abs(estimate - elsewhere)
    return np.asarray(away <= tolerance)


def _leaning(
    estimate: NDArray[np.float64],
    power: NDArray[np.float64],
    others: NDArray[np.float64],
) -> NDArray[np.float64]:
    """How far the other groups lean the way of each, in standard errors: (C, k).

    Were the set not there, this would be standard normal at most: all of a bin's power
    is its variance.
    """
    spread = np.sqrt(np.maximum(others @ power, _NOTHING))
    leaning: NDArray[np.float64] = (
        np.sign(estimate) * (others @ (estimate * power)) / spread
    )
    return leaning
