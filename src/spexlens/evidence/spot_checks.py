"""Spot checks: the strongest interactions, measured where the fit did not look.

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

# Of what was said: surely more than the first, and likely the second, is confirmed.
_SURELY = 0.25
_PART = 0.5
# Of what was said: smaller than that is neither its sign nor the other.
_OPPOSED = 0.1
# Contexts that the spread of the other interactions of an order counts as.
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
    if said < 0:  # the rest need think of a positive one only
        measured = -measured
        interval = (-interval[1], -interval[0])
    size = abs(said)
    low, high = interval
    if low > _SURELY * size and measured >= _PART * size:
        return "confirmed"
    if high < 0 and measured <= -_OPPOSED * size:
        return "wrong sign"
    if high >= size:
        return "too noisy to say"
    if measured > _OPPOSED * size:
        return "weaker than said"
    return "not there"


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
        """Of the answers as they were.

        Where this is of answers that were brought to size one.
        """
        restored = []
        units = (1.0 / sizes.unit).tolist()
        for checks, unit in zip(self.found, units, strict=True):
            of_output = [check.in_units(unit) for check in checks]
            restored.append(tuple(of_output))
        return replace(self, found=tuple(restored))

    def decided(self, output: int) -> list[Check]:
        """The checks of an output that were not too noisy to say anything."""
        checks = self.found[output]
        return [check for check in checks if check.verdict != "too noisy to say"]

    def fail(self, output: int) -> bool:
        """Whether half of what was decided, or more, speaks against what was said."""
        decided = self.decided(output)
        refuted = [check for check in decided if check.refuted]
        return bool(decided) and 2 * len(refuted) >= len(decided)

    def of(self, output: int) -> dict[Members, Check]:
        """The checks of an output by members."""
        return {check.members: check for check in self.found[output]}


def checks_of(
    design: FactorialDesign, spectrum: Spectrum, values: Array
) -> tuple[tuple[Check, ...], ...]:
    """The checks of each output.

    Args:
        design: the corners of the sets that are checked.
        spectrum: the fit, scalar or of k outputs.
        values: (m,) or (m, k) float64, of the design's masks.
    """
    residuals = values - spectrum.predict(design.masks)
    residuals = np.reshape(residuals, (len(values), -1))
    interactions = design.interactions(residuals)
    columns = spectrum.values.reshape(len(spectrum), -1)
    of_outputs = []
    for output in range(residuals.shape[1]):
        scalar = Spectrum(spectrum.sets, columns[:, output])
        samples = [interaction[:, output] for interaction in interactions]
        of_outputs.append(_checks(design, scalar, samples))
    return tuple(of_outputs)


def _checks(
    design: FactorialDesign, scalar: Spectrum, samples: Sequence[Array]
) -> tuple[Check, ...]:
    """The checks of one output; none of a set that the fit says nothing of.

    Args:
        design: the corners of the sets that are checked.
        scalar: the fit.
        samples: of each set (C,), its interaction of the residuals in each context.
    """
    means, halves = measured(samples, design.sets, design.masks.shape[1])
    checks = []
    for members, mean, half in zip(design.sets, means, halves, strict=True):
        said = float((-2.0) ** len(members) * scalar[members])
        if not said:
            continue
        low = said + mean - half
        high = said + mean + half
        check = Check(
            members,
            said,
            measured=said + mean,
            interval=(low, high),
            contexts=len(samples[0]),
        )
        checks.append(check)
    return tuple(checks)


def measured(
    samples: Sequence[Array], sets: Sequence[Members], n: int
) -> tuple[list[float], list[float]]:
    """The mean of each set's sample, and half of its 90% interval by Student's t.

    A variance of few contexts is pooled with those of the other sets of its order,
    which count as four contexts more (Smyth, "Linear models and empirical Bayes
    methods", 2004, section 6.2). Of 2^n contexts there are no more than those that were
    not sampled to be wrong about.

    Args:
        samples: of each set, (C,) over contexts.
        sets: of n candidates.
        n: how many there are.
    """
    variances = np.array([np.var(sample, ddof=1) for sample in samples])
    orders = np.array([len(members) for members in sets])
    means = []
    halves = []
    for j, sample in enumerate(samples):
        alike = variances[orders == orders[j]]
        half = _half_width(variances[j], alike, len(sample), n)
        means.append(float(sample.mean()))
        halves.append(half)
    return means, halves


def _half_width(variance: float, alike: Array, count: int, n: int) -> float:
    """Half of the interval of one mean; see `measured`.

    Args:
        variance: of its sample.
        alike: those of all sets of its order, its own included.
        count: of contexts, of n candidates.
        n: how many there are.
    """
    # Not at the top: SciPy's distributions are slow to import.
    from scipy.stats import t

    weight = _STEADY * (len(alike) > 1)
    degrees = count - 1
    total = weight + degrees
    squares = weight * alike.mean() + degrees * variance
    pooled = squares / total
    quantile = t.ppf((1 + LEVEL) / 2, total)
    # Sampling without replacement: the correction for a finite population.
    unseen = max(1.0 - count * 2.0**-n, 0.0)
    error = np.sqrt(unseen * pooled / count)
    return float(quantile * error)
