"""Artefacts: what of an explanation is the model's, and what the way of ablating put
there.

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
from spexlens.spectrum.scores import rank_correlation, squared_correlation
from spexlens.spectrum.shares import Members
from spexlens.spectrum.sizes import Sizes
from spexlens.spectrum.spectrum import Spectrum

Array = NDArray[np.float64]

LOST = 0.5
GROWN = 2.0
"""The scores below which an interaction has not survived, and above which it is
another.
"""

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
        interval, change = (
            (low * unit, high * unit) for low, high in (self.interval, self.change)
        )
        return Survival(
            self.members, self.here * unit, self.there * unit, interval, change
        )

    @property
    def score(self) -> float:
        """there / here: 1 where it is as strong, 0 where it is gone, negative where it
        is turned round.
        """
        return self.there / self.here if self.here else 0.0

    @property
    def sure(self) -> bool:
        """Whether the change leaves no doubt on which side of `LOST`, and of `GROWN`,
        the score is.
        """
        low, high = sorted(
            1.0 + end / self.here if self.here else 0.0 for end in self.change
        )
        return high < LOST or LOST <= low <= high <= GROWN or low > GROWN

    @property
    def lost(self) -> bool:
        """Whether it surely did not survive."""
        return self.sure and self.score < LOST

    @property
    def grown(self) -> bool:
        """Whether it is surely more than twice as strong."""
        return self.sure and self.score > GROWN


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
        """Of the answers as they were, where this is of answers that were brought to
        size one.
        """
        units = sizes.unit.tolist()
        found = [
            tuple(each.restored(unit) for each in own)
            for own, unit in zip(self.found, units, strict=True)
        ]
        return replace(self, found=tuple(found))

    def ranking(self, output: int) -> float | None:
        """The rank correlation of |effects| here and there; None of fewer than four."""
        found = self.found[output]
        if len(found) < _RANKED:
            return None
        sizes = np.abs([[each.here, each.there] for each in found])
        return rank_correlation(sizes[:, 0], sizes[:, 1])

    def depends(self, output: int) -> bool:
        """Whether what is found depends on the way to ablate: something is lost, grows,
        or little agrees.
        """
        ranking = self.ranking(output)
        changed = any(each.lost or each.grown for each in self.found[output])
        return (
            changed
            or self.agreement[output] < _AGREE
            or (ranking is not None and ranking < _AGREE)
        )


def variant_of(
    name: str,
    corners: FactorialDesign,
    fit: Spectrum,
    here: Array,
    there: Array,
    effects: Sequence[Mapping[Members, float]],
) -> Variant:
    """What became of the interactions of some corners.

    Args:
        name: of the other way to ablate.
        corners: sets, and at least the masks of their contexts.
        fit: that was checked.
        here, there: (m,) or (m, k), values of the corners' masks and, behind them, of
            others that both were asked.
        effects: of each output, what was measured of each set here.
    """
    here = here.reshape(len(here), -1)
    there = there.reshape(len(there), -1)
    count = len(corners.masks)
    n = corners.masks.shape[1]
    predicted = fit.predict(corners.masks).reshape(count, -1)
    apart = [
        corners.interactions(values)
        for values in (there[:count] - here[:count], there[:count] - predicted)
    ]
    found = []
    for output, known in enumerate(effects):
        chosen = [j for j, members in enumerate(corners.sets) if members in known]
        sets = [corners.sets[j] for j in chosen]
        moves, free = (
            measured([each[j][:, output] for j in chosen], sets, n) for each in apart
        )
        survivals = []
        for members, move, half, wide in zip(sets, *moves, free[1], strict=True):
            now = known[members] + move
            survivals.append(
                Survival(
                    members,
                    known[members],
                    now,
                    (now - wide, now + wide),
                    (move - half, move + half),
                )
            )
        found.append(tuple(survivals))
    agreement = tuple(map(squared_correlation, here.T, there.T))
    return Variant(name, len(here), agreement, tuple(found))


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
        """Of the answers as they were, where this is of answers that were brought to
        size one.
        """
        ordinary = None if self.ordinary is None else self.ordinary.restored(sizes)
        return Artefacts(
            tuple(each.restored(sizes) for each in self.variants), ordinary
        )

    def worst(self, members: Members, output: int = 0) -> Survival | None:
        """What became of an interaction under the variant that changed it most; None if
        nobody asked.
        """
        found = [each for variant in self.variants for each in variant.found[output]]
        same = [each for each in found if each.members == members]
        return max(same, key=lambda each: abs(each.score - 1.0), default=None)
