"""Naming: the values of an index become interactions, with names and all that was
measured of them.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from spexlens.evidence.artefacts import Artefacts
from spexlens.evidence.noise import Noise
from spexlens.evidence.spot_checks import Check
from spexlens.results.interaction import Interaction
from spexlens.spectrum.indices import interaction_index, order_of
from spexlens.spectrum.spectrum import SetFunction, Spectrum
from spexlens.spectrum.uncertainty import Uncertainty

Members = tuple[int, ...]


@dataclass(frozen=True)
class Naming:
    """What is known of the interactions of one output.

    Attributes:
        names, kinds: of the n candidates.
        whole: the output's spectrum, scalar, of which an interaction has its share.
        position: of the output.
        size: what an effect of one is in the unit of the answers; it may be negative.
        uncertainty: of the coefficients, or None.
        checks: what was measured on the model, by members.
        artefacts: what other ways to ablate say, or None.
        noise: how far seeds move a value, or None.
    """

    names: tuple[str, ...]
    kinds: tuple[str, ...]
    whole: Spectrum
    position: int
    size: float
    uncertainty: Uncertainty | None
    checks: Mapping[Members, Check]
    artefacts: Artefacts | None
    noise: Noise | None

    def interactions(
        self, chosen: Spectrum, index: str, order: int | None
    ) -> list[Interaction]:
        """The non-zero values of an index of some of the spectrum, but for that of no
        candidate.
        """
        # an index of the empty set is the mean answer, and no interaction
        values = interaction_index(chosen, index, order)
        half_widths = self._half_widths(chosen, index, order, values)
        return [
            self._interaction(members, float(effect), float(half_width))
            for (members, effect), half_width in zip(values, half_widths, strict=True)
            if members and effect
        ]

    def _half_widths(
        self, chosen: Spectrum, index: str, order: int | None, values: SetFunction
    ) -> NDArray[np.float64]:
        """(s,) half of the 90% interval of each value; NaN where it is not known."""
        if self.uncertainty is None:
            return np.full(len(values), np.nan)
        return self.uncertainty.half_widths(
            chosen, index, values, order_of(chosen, order)
        )

    def _interaction(
        self, members: Members, effect: float, half_width: float
    ) -> Interaction:
        interval = None
        if self.uncertainty is not None:
            interval = _interval(effect, half_width, self.size)

        check = self.checks.get(members)
        survival = None
        if self.artefacts is not None:
            survival = self.artefacts.worst(members, self.position)

        return Interaction(
            members,
            tuple(self.names[member] for member in members),
            effect / self.size,
            float(self.whole[members]) ** 2 / self._energy,
            interval,
            None if check is None else check.in_units(self.size),
            tuple(self.kinds[member] for member in members),
            survival,
            self._audible(members),
        )

    @cached_property
    def _energy(self) -> float:
        """Σ F(S)² of the output; of none the smallest number, to divide by."""
        return max(float(self.whole.energy.sum()), np.finfo(np.float64).tiny)

    def _audible(self, members: Members) -> bool:
        """Whether it is more than noise alone would make.

        Of the coefficient, whatever the index: its own deviation is known.
        """
        if self.noise is None:
            return True
        return abs(float(self.whole[members])) > self.noise.floor(0, self.position)


def _interval(effect: float, half_width: float, size: float) -> tuple[float, float]:
    """In units of a size, which may be negative."""
    # divided by what is negative, the low end is the high one
    one = (effect - half_width) / size
    other = (effect + half_width) / size
    return min(one, other), max(one, other)
