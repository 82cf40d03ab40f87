"""Spot checks: the strongest interactions, measured on the model where the fit did not
look.

In a context, a mask of all candidates, the interaction of S is Σ (-1)^(|S| - |S ∩ m|)
f(m) over the 2^|S| masks m that are like the context outside S: its corners. The mean
over uniform contexts is the Banzhaf interaction index (Grabisch & Roubens, Int. J. Game
Theory 28, 1999, eq. 9).
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import chain, combinations
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from spexlens.masks import masks as mask_algebra
from spexlens.spectrum.sizes import Sizes
from spexlens.spectrum.spectrum import Spectrum
from spexlens.spectrum.uncertainty import LEVEL

Array = NDArray[np.float64]
Members = tuple[int, ...]
Verdict = Literal[
    "confirmed", "weaker than said", "not there", "wrong sign", "too noisy to say"
]

VERDICTS: tuple[Verdict, ...] = (
    "confirmed",
    "weaker than said",
    "not there",
    "wrong sign",
    "too noisy to say",
)

_SURELY, _PART = (
    0.25,
    0.5,
)  # of what was said: surely more than the first, and likely the second, is confirmed
_OPPOSED = 0.1  # of what was said: smaller than that is neither its sign nor the other
# contexts that the spread of the other interactions of an order counts as
_STEADY = 4.0
_BLOCKS = 0.9  # of the calls, for corners; the others are for masks on their own
MOST_CONTEXTS = 16
LEAST_CONTEXTS = 3
# of the variance, what is worth a check; so many get one anyway
_WORTH = 0.005
_ANYWAY = 3
_NOTHING = 1e-4  # of the variance, what is never worth one
_CONSIDERED = 500  # sets, those with the largest shares


@dataclass(frozen=True)
class Check:
    """One interaction, measured on the model.

    Attributes:
        members: the candidates' positions, ascending.
        said: its Banzhaf interaction index, as it was fitted before the check.
        measured: the same on the model. In each context it is what was said plus the
            interaction of the residuals, model less fit: that is unbiased whatever the
            fit, and does not depend on how far the fit itself varies from context to
            context.
        interval: (low, high), Student's, meant to hold the model's own in 90 cases of
            100.
        contexts: how many it was measured in.
    """

    members: Members
    said: float
    measured: float
    interval: tuple[float, float]
    contexts: int

    @property
    def verdict(self) -> Verdict:
        """What the measurement says of what was said.

        "confirmed": at least half as large, and surely more than a quarter. "weaker
        than said": surely smaller, of the same sign, and not confirmed. "not there":
        surely smaller, and measured as zero, of the other sign, or so small (a tenth)
        that neither can be told. "wrong sign": surely the other way, by a tenth of it
        or more.
        """
        return verdict(self.said, self.measured, self.interval)

    @property
    def refuted(self) -> bool:
        """Whether the measurement speaks against what was said."""
        return self.verdict in ("weaker than said", "not there", "wrong sign")

    def in_units(self, size: float) -> "Check":
        """The same in units of a size, which may be negative."""
        low, high = sorted(end / size for end in self.interval)
        return replace(
            self,
            said=self.said / size,
            measured=self.measured / size,
            interval=(low, high),
        )


def verdict(said: float, measured: float, interval: tuple[float, float]) -> Verdict:
    """See `Check.verdict`."""
    if said < 0:
        measured = -measured
        interval = (-interval[1], -interval[0])
    size = abs(said)
    (low, high) = interval
    if low > _SURELY * size and measured >= _PART * size:
        return "confirmed"
    if high < 0 and measured <= -_OPPOSED * size:
        return "wrong sign"
    if high >= size:
        return "too noisy to say"
    return "weaker than said" if measured > _OPPOSED * size else "not there"


@dataclass(frozen=True)
class Checks:
    """What was bought to check an explanation, and what came of it.

    Attributes:
        found: the checks of each output.
        masks: with which they were measured.
        contexts: in how many contexts each interaction was measured.
        refitted: whether the values joined a last fit, after all verdicts.
    """

    found: tuple[tuple[Check, ...], ...]
    masks: int
    contexts: int
    refitted: bool = False

    def restored(self, sizes: Sizes) -> "Checks":
        """Of the answers as they were, where this is of answers that were brought to
        size one.
        """
        units = (1.0 / sizes.unit).tolist()
        found = [
            tuple(each.in_units(unit) for each in own)
            for own, unit in zip(self.found, units, strict=True)
        ]
        return replace(self, found=tuple(found))

    def decided(self, output: int) -> list[Check]:
        """The checks of an output that were not too noisy to say anything."""
        return [
            check for check in self.found[output] if check.verdict != "too noisy to say"
        ]

    def fail(self, output: int) -> bool:
        """Whether half of what was decided, or more, speaks against what was said."""
        decided = self.decided(output)
        return bool(decided) and 2 * sum(check.refuted for check in decided) >= len(
            decided
        )

    def of(self, output: int) -> dict[Members, Check]:
        """The checks of an output by members."""
        return {check.members: check for check in self.found[output]}


@dataclass(frozen=True)
class Corners:
    """Masks with the corners of some sets in some contexts.

    Attributes:
        sets: what is measured.
        masks: (m, n) bool, distinct.
        context: (m,) int64, of which context each is.
        rows: for each set (C, 2^|S|) int64, where its corners are among the masks.
    """

    sets: tuple[Members, ...]
    masks: NDArray[np.bool_]
    context: NDArray[np.int64]
    rows: tuple[NDArray[np.int64], ...]

    @classmethod
    def of(cls, sets: Sequence[Members], contexts: NDArray[np.bool_]) -> "Corners":
        """The corners of sets in contexts (C, n) bool; sets share those that they have
        in common.
        """
        family = closure(sets)
        count, n = contexts.shape
        flips = np.zeros((len(family), n), np.bool_)
        for row, members in enumerate(family):
            flips[row, list(members)] = True
        every = (contexts[:, None] ^ flips).reshape(-1, n)
        first, where = mask_algebra.distinct(mask_algebra.pack(every))
        place = {members: row for row, members in enumerate(family)}
        rows = [[place[part] for part in closure([members])] for members in sets]
        where = where.reshape(count, len(family))
        return cls(
            tuple(sets),
            every[first],
            first // len(family),
            tuple(where[:, each] for each in rows),
        )

    def interactions(self, values: Array) -> list[Array]:
        """Of each set, in each context: values (m,) or (m, k) of the masks -> (C,) or
        (C, k).
        """
        found = []
        for members, rows in zip(self.sets, self.rows, strict=True):
            kept = self.masks[rows][:, :, list(members)].sum(axis=2)
            signs = 1.0 - 2.0 * ((len(members) - kept) % 2)
            found.append(np.einsum("cj,cj...->c...", signs, values[rows]))
        return found


def closure(sets: Sequence[Members]) -> list[Members]:
    """All subsets of the sets, each once, the smaller first."""
    parts = {part for each in sets for part in _subsets(each)}
    return sorted(parts, key=lambda part: (len(part), part))


def _subsets(members: Members) -> chain[Members]:
    return chain.from_iterable(
        combinations(members, size) for size in range(len(members) + 1)
    )


def spread_over(calls: int, order: int) -> tuple[int, int]:
    """In how many contexts sets are measured for so many calls, and the masks of each.

    Args:
        calls: of which a tenth is left for masks on their own, unless the corners of a
            set need it.
        order: of the set that matters most.
    """
    contexts = min(max(LEAST_CONTEXTS, round((calls / 4) ** 0.5)), MOST_CONTEXTS)
    room = int(_BLOCKS * calls) // contexts
    if room < 1 << order <= calls // LEAST_CONTEXTS:
        contexts = LEAST_CONTEXTS
        room = calls // LEAST_CONTEXTS
    return contexts, room


def shares_by_output(spectrum: Spectrum) -> Array:
    """(s, k) float64, F(S)² / Σ F² of each set; 0 for the empty set."""
    energy = spectrum.values.reshape(len(spectrum), -1) ** 2
    energy[spectrum.sets.orders == 0] = 0.0
    return np.asarray(
        energy / np.maximum(energy.sum(axis=0), np.finfo(np.float64).tiny)
    )


def shares_of(spectrum: Spectrum) -> Array:
    """(s,) float64, `shares_by_output`, the largest of each set."""
    return np.asarray(shares_by_output(spectrum).max(axis=1))


def worth_checking(spectrum: Spectrum) -> list[Members]:
    """What acts together, then single candidates, each by share of the variance, if
    that is audible.
    """
    share = shares_of(spectrum)
    orders = spectrum.sets.orders
    ranked = np.argsort(-share, kind="stable")[:_CONSIDERED].tolist()
    together = [j for j in ranked if orders[j] > 1 and share[j] > _NOTHING]
    together = [
        j for rank, j in enumerate(together) if share[j] >= _WORTH or rank < _ANYWAY
    ]
    alone = [j for j in ranked if orders[j] == 1 and share[j] >= _WORTH]
    return [spectrum.sets[j] for j in (*together, *alone)]


def fitting(
    ranked: Sequence[Members],
    room: int,
    trained: NDArray[np.bool_] | None = None,
    trainings: int = 0,
) -> list[Members]:
    """Of ranked sets those whose corners fit into a context's masks, and what is
    measured on the way.

    Args:
        ranked: sets, the first counting most.
        room: masks of a context.
        trained: (n,) bool, candidates that mean a training, where masks share these.
        trainings: then, how many of them a context may take, its own included.
    """
    family: dict[Members, None] = {(): None}
    chosen: dict[Members, None] = {}
    for members in ranked:
        grown = (
            {**family, **dict.fromkeys(_subsets(members))}
            if 1 << len(members) <= room
            else {}
        )
        few = (
            trained is None
            or len({tuple(i for i in part if trained[i]) for part in grown})
            <= trainings
        )
        if grown and few and len(grown) <= room:
            family = grown
            chosen[members] = None
    on_the_way = [part for part in ranked if part in family]
    return list(dict.fromkeys([*chosen, *on_the_way]))


def least_seen(
    pool: NDArray[np.bool_],
    sets: Sequence[Members],
    seen: NDArray[np.uint8],
    count: int,
) -> NDArray[np.bool_]:
    """The first masks of a pool (p, n) whose corners were not seen, else seen least:
    (count, n) bool.
    """
    corners = Corners.of(sets, pool)
    old = seen_among(mask_algebra.pack(corners.masks), seen)
    seen_of = np.sum([old[rows].sum(axis=1) for rows in corners.rows], axis=0)
    return pool[np.sort(np.argsort(seen_of, kind="stable")[:count])]


def seen_among(packed: NDArray[np.uint8], seen: NDArray[np.uint8]) -> NDArray[np.bool_]:
    """Which packed masks are among others: (p, w) and (m, w) -> (p,) bool."""
    if not len(seen) or not len(packed):
        return np.zeros(len(packed), np.bool_)
    first, where = mask_algebra.distinct(np.concatenate([seen, packed]))
    return np.asarray(first[where[len(seen) :]] < len(seen))


def checks_of(
    corners: Corners, spectrum: Spectrum, values: Array
) -> tuple[tuple[Check, ...], ...]:
    """The checks of each output, from the values (m,) or (m, k) of the corners' masks."""
    residuals = np.reshape(values - spectrum.predict(corners.masks), (len(values), -1))
    apart = corners.interactions(residuals)
    found = []
    for output in range(residuals.shape[1]):
        scalar = Spectrum(
            spectrum.sets, spectrum.values.reshape(len(spectrum), -1)[:, output]
        )
        said = [
            float((-2.0) ** len(members) * scalar[members]) for members in corners.sets
        ]
        samples = [each[:, output] for each in apart]
        means, halves = measured(samples, corners.sets, corners.masks.shape[1])
        found.append(
            tuple(
                Check(
                    members,
                    was,
                    was + mean,
                    (was + mean - half, was + mean + half),
                    len(apart[0]),
                )
                for members, was, mean, half in zip(
                    corners.sets, said, means, halves, strict=True
                )
                if was
            )
        )
    return tuple(found)


def measured(
    samples: Sequence[Array], sets: Sequence[Members], n: int
) -> tuple[list[float], list[float]]:
    """The mean of each set's sample, and half of its 90% interval by Student's t.

    A variance of few contexts is steadied by those of the other sets of its order,
    which count as four contexts more (Smyth, "Linear models and empirical Bayes
    methods", 2004, section 6.2). Of 2^n contexts there are no more than those that were
    not sampled to be wrong about.

    Args:
        samples: of each set, (C,) over contexts.
        sets: of n candidates.
    """
    from scipy.stats import t

    variances = np.array([np.var(sample, ddof=1) for sample in samples])
    orders = np.array([len(members) for members in sets])
    halves = []
    for sample, variance, order in zip(samples, variances, orders, strict=True):
        alike = variances[orders == order]
        weight = _STEADY * (len(alike) > 1)
        degrees = len(sample) - 1
        steadied = (weight * alike.mean() + degrees * variance) / (weight + degrees)
        quantile = t.ppf((1 + LEVEL) / 2, weight + degrees)
        unseen = max(1.0 - len(sample) * 2.0**-n, 0.0)
        halves.append(float(quantile * np.sqrt(unseen * steadied / len(sample))))
    return [float(sample.mean()) for sample in samples], halves
