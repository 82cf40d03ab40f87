"""Peeling: decode the bins that one set explains, subtract it everywhere, and look
again.
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from spexlens.masks import masks as mask_algebra
from spexlens.spectrum.sets import Sets
from spexlens.transform.bch import Code
from spexlens.transform.binary import Bits, product
from spexlens.transform.subspace import Group
from spexlens.transform.support import Bins, Support

# The noise is read from this quantile of the bins' powers; the standard normal's is
# beside it.
_QUIET = 0.1
_NORMAL_QUIET = -1.2816
# A bin is not empty above so many standard deviations of the noise's power.
_LOUD = 4.0
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
# A set is dropped in the end if its coefficient is below so many standard errors.
_AUDIBLE = 3.0
# A bin is decoded again when its power has changed by this share.
_CHANGED = 0.01
# Only noise is left if the mean power of the bins is below so many times the noise's.
_EMPTY = 1.2
# What is rounding, as a share of the power of the values.
_ROUNDING = 1e-26
# The entries that decoding may flip, and how loud a bin must be.
_STAGES = ((0, _LOUD), (6, _LOUD), (6, -np.inf), (10, -np.inf))
# The most sets that are proposed for their low order alone, when decoding ends.
LOW_ORDERS = 2000
_PASSES = 3
_ROUNDS = 200
# The most words decoded at a time, and the most cells of the indicators of what they
# name.
_WORDS = 1 << 19
_CELLS = 1 << 24


def peel(
    code: Code, groups: Sequence[Group], bins: Bins, *, soft: bool = True
) -> Support:
    """The sets that explain the bins.

    A bin is decoded by its signs (hard) or, where that finds nothing more, also by the
    sign patterns that flip its weakest entries (soft; Chase, 1972, algorithm 2). What
    it names is believed if nothing else but noise is in a bin where it lies, or if its
    bins in the other groups confirm it: so a bin of several sets can give up its
    largest. Then all coefficients are refitted at once and the residual is decoded
    again. The noise is read off the data, from the quietest bins, anew in each round.
    Where decoding ends, the sets of low order are looked for by name. In the end sets
    of no weight are dropped; their place may have hidden others, so it begins again, a
    few times.

    Args:
        code: names the sets.
        groups: the subsampling groups.
        bins: their transforms, (2^b, P) float64 each.
        soft: whether to decode softly where hard decoding ends.

    Returns:
        The sets, the empty one among them, and their least-squares coefficients.
    """
    peeling = _Peeling(code, groups, bins)
    for _ in range(_PASSES):
        peeling.run(_STAGES if soft else _STAGES[:1])
        if not peeling.prune():
            break
    return peeling.support


class _Peeling:
    """Where peeling stands: the sets so far, and the bins without them."""

    def __init__(self, code: Code, groups: Sequence[Group], bins: Bins) -> None:
        self.code = code
        self.groups = groups
        self.bins = bins
        self.support = Support(groups, np.zeros((1, code.n), np.uint8))
        self.residual = self.support.fit(bins)
        self.listed = Sets.low_orders(code.n, LOW_ORDERS).indicators
        self._rounding = _ROUNDING * max(
            float((each**2).mean()) * group.bins
            for each, group in zip(bins, groups, strict=True)
        )

    def run(self, stages: Sequence[tuple[int, float]]) -> None:
        """Rounds of decoding, to the next stage where one finds nothing, until no stage
        does.
        """
        doubted = np.zeros((0, self.code.n), np.uint8), np.zeros(0, np.int64)
        tried = self._untried(stages)
        stage = 0
        grown = False
        for _ in range(_ROUNDS):
            noise = max(_noise(self.groups, self.residual), self._rounding)
            words, origins = self._decode(noise, *stages[stage], tried[stage])
            both = (
                np.concatenate([doubted[0], words]),
                np.concatenate([doubted[1], origins]),
            )
            members, origins = _new(self.support.members, *both)
            believed, alone = _judged(
                self.groups, self.residual, noise, members, origins
            )
            doubted = members[alone & ~believed], origins[alone & ~believed]
            if believed.any():
                self._take(np.concatenate([self.support.members, members[believed]]))
                stage = 0
                grown = True
            elif stage + 1 < len(stages) and (
                stages[stage + 1][1] == _LOUD or not self._only_noise(noise)
            ):
                stage += 1
            elif grown:
                tried = self._untried(stages)
                stage = 0
                grown = False
            elif not self._take_listed(noise):
                return
            else:
                stage = 0
                grown = True

    def _take_listed(self, noise: float) -> bool:
        """Take the sets of low order that the bins confirm though none named them;
        whether there were any.

        Two sets of like size that share a bin in every group hide each other's signs.
        """
        listed = _new(
            self.support.members,
            self.listed,
            np.full(len(self.listed), len(self.groups) - 1),
        )
        believed, _ = _judged(self.groups, self.residual, noise, *listed)
        if believed.any():
            self._take(np.concatenate([self.support.members, listed[0][believed]]))
        return bool(believed.any())

    def _untried(
        self, stages: Sequence[tuple[int, float]]
    ) -> list[list[NDArray[np.float64]]]:
        """The power with which each bin was last decoded, at each stage: none yet."""
        return [[np.full(group.bins, -1.0) for group in self.groups] for _ in stages]

    def _only_noise(self, noise: float) -> bool:
        return _mean_power(self.groups, self.residual) <= _EMPTY * noise

    def prune(self) -> bool:
        """Drop the sets whose coefficient is not told from zero; whether there were
        any.
        """
        members = self.support.members
        free = max(sum(each.size for each in self.residual) - len(members), 1)
        error = np.sqrt(_mean_power(self.groups, self.residual) / free)
        heard = (np.abs(self.support.coefficients) > _AUDIBLE * error) | ~members.any(
            axis=1
        )
        if not heard.all():
            self._take(members[heard])
        return not heard.all()

    def _take(self, members: Bits) -> None:
        self.support = Support(self.groups, members)
        self.residual = self.support.fit(self.bins)

    def _decode(
        self,
        noise: float,
        flips: int,
        loudness: float,
        tried: list[NDArray[np.float64]],
    ) -> tuple[Bits, NDArray[np.int64]]:
        """What the loud bins name that have changed since they were last tried: (k, n),
        and whence (k,).
        """
        words = []
        for group, residual, before in zip(
            self.groups, self.residual, tried, strict=True
        ):
            power = (residual**2).mean(axis=1)
            loud = power > _ceiling(noise / group.bins, group.delays, loudness)
            rows = np.flatnonzero(loud & (np.abs(power - before) > _CHANGED * power))
            before[rows] = power[rows]
            words.append(_named(self.code, group, residual, rows, flips))
        origins = np.repeat(np.arange(len(words)), [len(each) for each in words])
        return np.concatenate(words), origins


def _noise(groups: Sequence[Group], residual: Bins) -> float:
    """The variance of one value that no set explains."""
    most = max(group.bits for group in groups)
    levels = []
    for group, each in zip(groups, residual, strict=True):
        if group.bits < most - 1:
            continue  # hardly a bin is quiet
        spread = 2.0 / (9.0 * group.delays)
        # of the mean of a chi-square
        share = (1.0 - spread + _NORMAL_QUIET * np.sqrt(spread)) ** 3
        quiet = float(np.quantile((each**2).mean(axis=1), _QUIET, method="lower"))
        levels.append(group.bins * quiet / max(share, 1e-3))
    return float(np.median(levels))


def _mean_power(groups: Sequence[Group], residual: Bins) -> float:
    """The mean square of the values that no set explains."""
    total = sum(
        group.bins * float((each**2).sum())
        for group, each in zip(groups, residual, strict=True)
    )
    return total / sum(each.size for each in residual)


def _ceiling(noise: float, delays: int, deviations: float) -> float:
    """The power that noise alone hardly exceeds in the mean of so many delays."""
    return noise * float(1.0 + deviations * np.sqrt(2.0 / delays))


def _named(
    code: Code,
    group: Group,
    residual: NDArray[np.float64],
    rows: NDArray[np.int64],
    flips: int,
) -> Bits:
    """The sets that some bins name: (k, n) uint8."""
    most = min(_WORDS, int(_CELLS / (code.n * code.density))) // max(1, len(rows))
    flips = min(flips, group.delays, max(most, 1).bit_length() - 1)
    patterns = mask_algebra.from_index(np.arange(1 << flips), flips).astype(np.uint8)
    found = [np.zeros((0, code.n), np.uint8)]
    for part in mask_algebra.blocks(len(rows), 64 * len(patterns) * len(group.basis)):
        entries = residual[rows[part]]
        words = np.repeat(
            (entries < 0).astype(np.uint8)[:, None], len(patterns), axis=1
        )
        weakest = np.argsort(np.abs(entries), axis=1, kind="stable")[:, :flips]
        for j, column in enumerate(weakest.T):
            words[np.arange(len(entries)), :, column] ^= patterns[:, j]
        words = words.reshape(-1, group.delays)
        place = rows[part, None] >> np.arange(group.bits) & 1
        bits = np.concatenate(
            [
                np.repeat(place.astype(np.uint8), len(patterns), axis=0),
                words[:, 1:] ^ words[:, :1],
            ],
            axis=1,
        )
        found.append(code.decode(product(bits, group.syndrome.T))[1])
    return np.concatenate(found)


def _new(
    known: Bits, words: Bits, origins: NDArray[np.int64]
) -> tuple[Bits, NDArray[np.int64]]:
    """The distinct sets among the words that are not known, and the group that named
    each.
    """
    first, _ = mask_algebra.distinct(
        np.packbits(np.concatenate([known, words]), axis=1)
    )
    fresh = first[first >= len(known)] - len(known)
    return words[fresh], origins[fresh]


def _judged(
    groups: Sequence[Group],
    residual: Bins,
    noise: float,
    members: Bits,
    origins: NDArray[np.int64],
) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
    """Which sets to believe (k,), and which are alone in a bin (k,)."""
    count = len(members)
    estimate, weight, power = np.zeros((3, len(groups), count))
    clear = np.zeros((len(groups), count), np.bool_)
    for c, group in enumerate(groups):
        places, signs = group.locate(members)
        entries = residual[c][places]
        estimate[c] = (entries * signs).mean(axis=1)
        rest = ((entries - estimate[c][:, None] * signs) ** 2).mean(axis=1)
        level = noise / group.bins
        weight[c] = max(group.delays - 1, 1) / np.maximum(rest, level)
        power[c] = group.delays / np.maximum((entries**2).mean(axis=1), level)
        clear[c] = (estimate[c] ** 2 >= _CLEAR * level) & (
            rest <= _ceiling(level, group.delays, _LOUD)
        )
    others = 1.0 - np.eye(len(groups))
    total = np.maximum(others @ weight, 1e-200)
    elsewhere = others @ (estimate * weight) / total
    error = np.sqrt(1.0 / weight + 1.0 / total)
    agrees = np.abs(estimate - elsewhere) <= _AGREES * error + _ABOUT * np.abs(
        elsewhere
    )
    # Were the set not there, this would be standard normal at most: all of a bin's
    # power is its variance.
    leaning = (
        np.sign(estimate)
        * (others @ (estimate * power))
        / np.sqrt(np.maximum(others @ power, 1e-200))
    )
    confirmed = leaning >= np.sqrt(2.0 * np.log(max(count, 1) / _ERROR))
    clear &= (leaning >= _LEANS) | (len(groups) == 1)
    named = origins, np.arange(count)
    believed: NDArray[np.bool_] = (clear & agrees).any(axis=0) | (confirmed & agrees)[
        named
    ]
    return believed, np.asarray(clear.any(axis=0))
