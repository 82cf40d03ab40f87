"""Interaction: a set of candidates, what their being kept together does, and what was
measured of it.
"""

from dataclasses import dataclass

from spexlens.evidence.artefacts import Survival
from spexlens.evidence.spot_checks import Check
from spexlens.spectrum.subsets.best import Optimum


@dataclass(frozen=True)
class Interaction:
    """A set of candidates and the effect of their being kept together.

    Attributes:
        members: the candidates' positions, ascending.
        labels: their names; of a repeated word with its number, `owl¹`.
        effect: the index's value, in the objective's unit.
        share: F(S)² over the spectrum's Σ F², the share of the variance that the
            explanation carries which is this set's own.
        interval: (low, high), meant to hold the model's own effect in 90 cases of 100;
            None where no uncertainty was measured.
        evidence: the check of its Banzhaf interaction index on the model, or None.
        kinds: what the candidates are.
        survival: what became of it under the other way to ablate that changed it most,
            or None where none was tried.
        audible: whether it is more than what the model's noise alone would make.
    """

    members: tuple[int, ...]
    labels: tuple[str, ...]
    effect: float
    share: float
    interval: tuple[float, float] | None = None
    evidence: Check | None = None
    kinds: tuple[str, ...] = ()
    survival: Survival | None = None
    audible: bool = True

    @property
    def order(self) -> int:
        """How many candidates act together."""
        return len(self.members)

    @property
    def across(self) -> bool:
        """Whether its members are of different kinds, such as a word and a head."""
        return len(set(self.kinds)) > 1


@dataclass(frozen=True)
class Subset(Optimum):
    """The best candidates to keep, as the explanation predicts.

    Attributes:
        labels: the members' names, as in `Interaction`.
    """

    labels: tuple[str, ...]
