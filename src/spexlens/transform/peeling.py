"""Peeling: decode the bins that one set explains, subtract it, and look again."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from spexlens.masks import masks as mask_algebra
from spexlens.spectrum.sets import Sets
from spexlens.transform.bch import Code
from spexlens.transform.belief import LOUD, Words, judge
from spexlens.transform.binary import Bits, product
from spexlens.transform.noise import ceiling, mean_power, noise_variance
from spexlens.transform.subspace import Group
from spexlens.transform.support import Bins, Support

LOW_ORDERS = 2000
"""The most sets that are proposed for their low order alone, when decoding ends."""

# A set is dropped in the end if its coefficient is below so many standard errors.
_AUDIBLE = 3.0

# A bin is decoded again when its power has changed by this share.
_CHANGED = 0.01

# Only noise is left if the mean power of the bins is below so many times the noise's.
_EMPTY = 1.2

# What is rounding, as a share of the power of the values.
_ROUNDING = 1e-26

_PASSES = 3
_ROUNDS = 200

# The most words decoded at a time, and the most cells of the indicators of what they
# name.
_WORDS = 1 << 19
_CELLS = 1 << 24


@dataclass(frozen=True)
class _Stage:
    """How hard bins are tried.

    Attributes:
        flips: the entries that decoding may flip.
        loudness: how loud a bin must be, in standard deviations of the noise's power.
    """

    flips: int
    loudness: float


_STAGES = (_Stage(0, LOUD), _Stage(6, LOUD), _Stage(6, -np.inf), _Stage(10, -np.inf))

_Powers = list[NDArray[np.float64]]
"""The power with which each bin of each group was last decoded, (2^b,) each."""


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

        # the empty set alone: the mean
        self.support = Support(groups, np.zeros((1, code.n), np.uint8))
        self.residual = self.support.fit(bins)

        self.listed = Sets.low_orders(code.n, LOW_ORDERS).indicators

        self._rounding = _ROUNDING * max(
            float((entries**2).mean()) * group.bins
            for entries, group in zip(bins, groups, strict=True)
        )

    def run(self, stages: Sequence[_Stage]) -> None:
        """Rounds of decoding, until no stage finds anything.

        Where one finds nothing, the next is tried; where one finds something, the first.
        """
        doubted = Words(np.zeros((0, self.code.n), np.uint8), np.zeros(0, np.int64))
        tried = [self._untried() for _ in stages]
        stage = 0
        grown = False
        for _ in range(_ROUNDS):
            noise = max(noise_variance(self.groups, self.residual), self._rounding)
            named = self._decode(noise, stages[stage], tried[stage])
            words = doubted.followed_by(named).unknown(self.support.members)
            believed, alone = judge(self.groups, self.residual, noise, words)
            # what is alone in a bin may be believed once others are subtracted
            doubted = words.take(alone & ~believed)

            if believed.any():
                self._add(words.members[believed])
                stage = 0
                grown = True
            elif self._worth_more(stages[stage + 1 :], noise):
                stage += 1
            elif grown:
                # once more from the beginning: the residual is another now
                tried = [self._untried() for _ in stages]
                stage = 0
                grown = False
            elif self._add_listed(noise):
                stage = 0
                grown = True
            else:
                return

    def _worth_more(self, stages: Sequence[_Stage], noise: float) -> bool:
        """Whether to go on to the next stage: quiet bins are tried unless all are."""
        if not stages:
            return False
        return stages[0].loudness == LOUD or not self._only_noise(noise)

    def _only_noise(self, noise: float) -> bool:
        return mean_power(self.groups, self.residual) <= _EMPTY * noise

    def _untried(self) -> _Powers:
        """None was decoded yet, whatever its power."""
        return [np.full(group.bins, -1.0) for group in self.groups]

    def _add_listed(self, noise: float) -> bool:
        """Add the sets of low order that the bins confirm though none named them.

        Two sets of like size that share a bin in every group hide each other's signs.
        Whether there were any.
        """
        last_group = np.full(len(self.listed), len(self.groups) - 1)
        words = Words(self.listed, last_group).unknown(self.support.members)
        believed, _ = judge(self.groups, self.residual, noise, words)
        if believed.any():
            self._add(words.members[believed])
        return bool(believed.any())

    def prune(self) -> bool:
        """Drop the sets whose coefficient is not told from zero; whether there were any."""
        members = self.support.members

        # a coefficient's variance is that of one value, by their number
        values = sum(entries.size for entries in self.residual)
        free = max(values - len(members), 1)
        error = np.sqrt(mean_power(self.groups, self.residual) / free)
        audible = np.abs(self.support.coefficients) > _AUDIBLE * error

        # the mean is never dropped
        staying = audible | ~members.any(axis=1)
        if not staying.all():
            self._take(members[staying])
        return not staying.all()

    def _add(self, members: Bits) -> None:
        """Add sets, (k, n) uint8, to the support."""
        self._take(np.concatenate([self.support.members, members]))

    def _take(self, members: Bits) -> None:
        """Make these sets, (s, n) uint8, the support, and refit all coefficients."""
        self.support = Support(self.groups, members)
        self.residual = self.support.fit(self.bins)

    def _decode(self, noise: float, stage: _Stage, tried: _Powers) -> Words:
        """What the loud bins name that have changed since they were last tried.

        Args:
            noise: the variance of one value.
            stage: how loud, and how hard to try.
            tried: of this stage; brought up to date.
        """
        named = []
        for group, residual, before in zip(
            self.groups, self.residual, tried, strict=True
        ):
            power = (residual**2).mean(axis=1)
            quiet = ceiling(noise / group.bins, group.delays, stage.loudness)
            loud = power > quiet

            change = np.abs(power - before)
            changed = change > _CHANGED * power

            rows = np.flatnonzero(loud & changed)
            before[rows] = power[rows]
            members = _named(self.code, group, residual, rows, stage.flips)
            named.append(members)

        counts = [len(members) for members in named]
        origins = np.repeat(np.arange(len(named)), counts)
        return Words(np.concatenate(named), origins)


def _named(
    code: Code,
    group: Group,
    residual: NDArray[np.float64],
    rows: NDArray[np.int64],
    flips: int,
) -> Bits:
    """The sets that some bins of a group name: (k, n) uint8.

    Args:
        code: decodes the syndromes.
        group: the group.
        residual: (2^b, P) float64, its bins.
        rows: (r,) int64, the bins to decode.
        flips: the most entries of a bin that are flipped; fewer where that would make
            too many words.
    """
    # of words at random a share of `density` name a set, which takes n cells
    fitting = int(_CELLS / (code.n * code.density))
    words_a_bin = min(_WORDS, fitting) // max(1, len(rows))

    affordable = max(words_a_bin, 1).bit_length() - 1
    flips = min(flips, group.delays, affordable)
    every = np.arange(1 << flips)
    patterns = mask_algebra.from_index(every, flips).astype(np.uint8)

    # an empty one, as there may be no bins to decode
    named = [np.zeros((0, code.n), np.uint8)]
    bin_bytes = 64 * len(group.basis) * len(patterns)

    for part in mask_algebra.blocks(len(rows), bin_bytes):
        decoded = rows[part]
        words = _sign_words(residual[decoded], patterns)

        # the first b bits of v·S are the bin's place, for certain
        place = decoded[:, None] >> np.arange(group.bits) & 1
        places = np.repeat(place.astype(np.uint8), len(patterns), axis=0)

        # the others are where the sign differs from that of the delay 0
        differing = words[:, 1:] ^ words[:, :1]
        bits = np.concatenate([places, differing], axis=1)

        syndromes = product(bits, group.syndrome.T)
        _, members = code.decode(syndromes)
        named.append(members)
    return np.concatenate(named)


def _sign_words(entries: NDArray[np.float64], patterns: Bits) -> Bits:
    """The signs of bins, with every pattern of flips of their weakest entries.

    Args:
        entries: (r, P) float64.
        patterns: (2^f, f) uint8.

    Returns:
        (r 2^f, P) uint8, 1 for minus: the words of one bin follow each other.
    """
    signs = (entries < 0).astype(np.uint8)
    words = np.repeat(signs[:, None], len(patterns), axis=1)

    flips = patterns.shape[1]
    by_size = np.argsort(np.abs(entries), axis=1, kind="stable")
    weakest = by_size[:, :flips]

    bins = np.arange(len(entries))
    for j, column in enumerate(weakest.T):
        words[bins, :, column] ^= patterns[:, j]

    return words.reshape(-1, entries.shape[1])
