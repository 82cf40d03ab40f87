"""Spot checks: the strongest interactions, measured on the model where the fit did not
look.

In a context, a mask of all candidates, the interaction of S is Σ (-1)^(|S| - |S ∩ m|)
f(m) over the 2^|S| masks m that are like the context outside S: its corners. The mean
over uniform contexts is the Banzhaf interaction index (Grabisch & Roubens, Int. J. Game
Theory 28, 1999, eq. 9).
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from spexlens.evidence.factorial import FactorialDesign
from spexlens.spectrum.shares import Members
from spexlens.spectrum.sizes import Sizes
from spexlens.spectrum.spectrum import Spectrum
from spexlens.spectrum.uncertainty import LEVEL

Array = NDArray[np.float64]
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


def checks_of(
    corners: FactorialDesign, spectrum: Spectrum, values: Array
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

    A variance of few contexts is combined_r2 by those of the other sets of its order,
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
        combined_r2 = (weight * alike.mean() + degrees * variance) / (weight + degrees)
        quantile = t.ppf((1 + LEVEL) / 2, weight + degrees)
        unseen = max(1.0 - len(sample) * 2.0**-n, 0.0)
        halves.append(float(quantile * np.sqrt(unseen * combined_r2 / len(sample))))
    return [float(sample.mean()) for sample in samples], halves
