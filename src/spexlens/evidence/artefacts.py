"""Artefacts: what of an explanation is not the model's, but the way of ablating's.

The same game under another replacement or ablation, on the masks that its checks
bought: an interaction of the model's own stays, one that the placeholder makes goes.
And whether the answer with everything ablated is one that the model gives to ordinary
inputs at all.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from spexlens.evidence.factorial import FactorialDesign
from spexlens.evidence.ordinary_inputs import Ordinary
from spexlens.evidence.spot_checks import measured
from spexlens.masks.outputs import by_output
from spexlens.spectrum.scores import rank_correlation, squared_correlation
from spexlens.spectrum.shares import Members
from spexlens.spectrum.sizes import Sizes
from spexlens.spectrum.spectrum import Spectrum

Array = NDArray[np.float64]

LOST = 0.5
"""The score below which an interaction has not survived."""

GROWN = 2.0
"""The score above which an interaction is another."""

_AGREE = 0.5  # of squared correlation of answers, or of rank correlation of effects
_RANKED = 4  # effects that make a ranking


@dataclass(frozen=True)
class Survival:
    """One interaction under another way to ablate.

    Attributes:
        members: the candidates' positions, ascending.
        here: the Banzhaf interaction index measured under the explanation's own.
        there: under the other, in the same contexts.
        interval: (low, high) of `there`, in 90 cases of 100.
        change: (low, high) of there - here, in as many: narrower than both, which share
            their contexts.
    """

    members: Members
    here: float
    there: float
    interval: tuple[float, float]
    change: tuple[float, float]

    def restored(self, unit: float) -> "Survival":
        """Of answers that are so many times as large."""
        return Survival(
            self.members,
            self.here * unit,
            self.there * unit,
            _scaled(self.interval, unit),
            _scaled(self.change, unit),
        )

    @property
    def score(self) -> float:
        """there / here.

        1 where it is as strong, 0 where it is gone, negative where it is turned round.
        """
        return self.there / self.here if self.here else 0.0

    @property
    def sure(self) -> bool:
        """Whether the change leaves no doubt between `LOST`, surviving, and `GROWN`."""
        scores = [0.0, 0.0]
        if self.here:
            # Dividing by a negative effect turns the interval round.
            scores = sorted(1.0 + end / self.here for end in self.change)
        low, high = scores
        return high < LOST or LOST <= low <= high <= GROWN or low > GROWN

    @property
    def lost(self) -> bool:
        """Whether it surely did not survive."""
        return self.sure and self.score < LOST

    @property
    def grown(self) -> bool:
        """Whether it is surely more than twice as strong."""
        return self.sure and self.score > GROWN


def _scaled(interval: tuple[float, float], unit: float) -> tuple[float, float]:
    low, high = interval
    return low * unit, high * unit


@dataclass(frozen=True)
class Variant:
    """Another way to ablate.

    Attributes:
        name: of it.
        masks: evaluations.
        agreement: the squared correlation of its answers with the explanation's own
            game's, an output each.
        found: of each output, what became of the interactions that were checked.
    """

    name: str
    masks: int
    agreement: tuple[float, ...]
    found: tuple[tuple[Survival, ...], ...]

    def restored(self, sizes: Sizes) -> "Variant":
        """Of the answers as they were.

        Where this is of answers that were brought to size one.
        """
        restored = []
        units = sizes.unit.tolist()
        for survivals, unit in zip(self.found, units, strict=True):
            of_output = [survival.restored(unit) for survival in survivals]
            restored.append(tuple(of_output))
        return replace(self, found=tuple(restored))

    def ranking(self, output: int) -> float | None:
        """The rank correlation of |effects| here and there; None of fewer than four."""
        survivals = self.found[output]
        if len(survivals) < _RANKED:
            return None
        here = np.array([survival.here for survival in survivals])
        there = np.array([survival.there for survival in survivals])
        return rank_correlation(np.abs(here), np.abs(there))

    def depends(self, output: int) -> bool:
        """Whether what is found depends on the way to ablate.

        Something is lost, something grows, or little agrees.
        """
        survivals = self.found[output]
        if any(survival.lost or survival.grown for survival in survivals):
            return True
        if self.agreement[output] < _AGREE:
            return True
        ranking = self.ranking(output)
        return ranking is not None and ranking < _AGREE


def variant_of(
    name: str,
    design: FactorialDesign,
    fit: Spectrum,
    here: Array,
    there: Array,
    effects: Sequence[Mapping[Members, float]],
) -> Variant:
    """What became of the interactions of a design.

    Args:
        name: of the other way to ablate.
        design: sets, and the masks of their contexts.
        fit: that was checked.
        here, there: (m,) or (m, k) float64, values of the design's masks and, behind
            them, of others that both were asked.
        effects: of each output, what was measured of each set here.
    """
    here = by_output(here)
    there = by_output(there)
    count = len(design.masks)
    corners_here = here[:count]
    corners_there = there[:count]
    predicted = by_output(fit.predict(design.masks))
    changes = design.interactions(corners_there - corners_here)
    residuals = design.interactions(corners_there - predicted)
    of_outputs = []
    for output, known in enumerate(effects):
        survivals = _survivals(
            design,
            known,
            [change[:, output] for change in changes],
            [residual[:, output] for residual in residuals],
        )
        of_outputs.append(survivals)
    agreement = tuple(map(squared_correlation, here.T, there.T))
    return Variant(name, len(here), agreement, tuple(of_outputs))


def _survivals(
    design: FactorialDesign,
    effects: Mapping[Members, float],
    changes: Sequence[Array],
    residuals: Sequence[Array],
) -> tuple[Survival, ...]:
    """What became of the interactions of one output that were measured here.

    Args:
        design: sets, in C contexts.
        effects: what was measured of each set here.
        changes: of each set of the design (C,), the interaction there less that here.
        residuals: of each set (C,), the interaction there less that of the fit.
    """
    n = design.masks.shape[1]
    chosen = [j for j, members in enumerate(design.sets) if members in effects]
    sets = [design.sets[j] for j in chosen]
    moves, halves = measured([changes[j] for j in chosen], sets, n)
    # How far the effect itself may be off is that of what the fit leaves of it: the
    # fit varies from context to context, and is known in all of them.
    _, wides = measured([residuals[j] for j in chosen], sets, n)
    survivals = []
    for members, move, half, wide in zip(sets, moves, halves, wides, strict=True):
        here = effects[members]
        there = here + move
        survival = Survival(
            members,
            here,
            there,
            interval=(there - wide, there + wide),
            change=(move - half, move + half),
        )
        survivals.append(survival)
    return tuple(survivals)


@dataclass(frozen=True)
class Artefacts:
    """What was tested of them.

    Attributes:
        variants: other ways to ablate.
        ordinary: what the answer with nothing kept was compared with, or None.
    """

    variants: tuple[Variant, ...] = ()
    ordinary: Ordinary | None = None

    def restored(self, sizes: Sizes) -> "Artefacts":
        """Of the answers as they were.

        Where this is of answers that were brought to size one.
        """
        variants = tuple(variant.restored(sizes) for variant in self.variants)
        if self.ordinary is None:
            return Artefacts(variants)
        return Artefacts(variants, self.ordinary.restored(sizes))

    def worst(self, members: Members, output: int = 0) -> Survival | None:
        """What became of an interaction under the variant that changed it most.

        Args:
            members: the candidates' positions, ascending.
            output: by position.

        Returns:
            None if nobody asked.
        """
        survivals: list[Survival] = []
        for variant in self.variants:
            of_output = variant.found[output]
            survivals += [one for one in of_output if one.members == members]
        return max(survivals, key=lambda one: abs(one.score - 1.0), default=None)
