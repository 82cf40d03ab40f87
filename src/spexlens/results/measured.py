"""Measured: what was measured of a game and fitted to it, with its names, outputs and
scale.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any, Protocol, Self, TypeVar

import numpy as np
from numpy.typing import NDArray

from spexlens.arguments import unknown, whole_number
from spexlens.errors import InvalidInput
from spexlens.evidence.artefacts import Artefacts
from spexlens.evidence.comparison import Comparison
from spexlens.evidence.held_out import HeldOut
from spexlens.evidence.noise import Noise
from spexlens.evidence.smallest import Smallest
from spexlens.evidence.spot_checks import Checks
from spexlens.evidence.stability import Stability
from spexlens.evidence.unchosen import Unchosen
from spexlens.games.candidate import Candidate
from spexlens.games.names import unique_names
from spexlens.games.typed_facts import Facts
from spexlens.results.about import facts_of
from spexlens.results.account import Account, Step
from spexlens.results.scale import SCALES, Scale, size_of
from spexlens.solvers.faithfulness import Faithfulness
from spexlens.spectrum.sizes import Sizes
from spexlens.spectrum.spectrum import Spectrum
from spexlens.spectrum.uncertainty import Uncertainty


class _Restorable(Protocol):
    """What was measured, in units that can be taken back."""

    def restored(self, sizes: Sizes) -> Self:
        """Of the answers as they were."""


_R = TypeVar("_R", bound=_Restorable)


@dataclass(frozen=True, eq=False)
class Measured:
    """What was measured of a game and fitted to it.

    Attributes:
        candidates: what was ablated, n of them.
        spectrum: the sparse Fourier spectrum behind every number here;
            `spectrum.predict(masks)` is what the explanation says the model would
            answer.
        faithfulness: R² on masks that the fit did not see.
        account: what was paid and how to have it again.
        facts: the lens, the model, the target, the unit: what `Game.facts` says.
        details: what the solver chose on the way.
        whole: (k,) the model's answer with everything kept, or None if it was not
            asked.
        empty: (k,) the model's answer with everything ablated, or None if it was not
            asked.
        outputs: the names of the k outputs of a vector-valued game, or None.
        uncertainty: of the coefficients, one an output, or None where it was not
            measured.
        held_out: this explanation and a linear model on masks bought to judge them, or
            None.
        noise: how far seeds move a value, or None where no mask was evaluated twice.
        unchosen: what the candidates do that were not chosen, or None where there are
            none or nobody asked.
        path: the levels of a zoom, of which this explains the last; empty for any
            other.
        checks: the strongest interactions, measured on the model, or None.
        artefacts: what other ways to ablate, and ordinary inputs, say of it, or None.
        smallest: the smallest sets that are enough and that are needed, confirmed, or
            empty.
        stability: of the strongest of each output, or empty where no uncertainty was
            measured.
        expectations: of each output, what was expected and what was found, or empty.
        scale: of all effects; see `in_scale`.
    """

    candidates: tuple[Candidate, ...]
    spectrum: Spectrum
    faithfulness: Faithfulness
    account: Account
    facts: Mapping[str, Any]
    details: Mapping[str, Any]
    whole: tuple[float, ...] | None = None
    empty: tuple[float, ...] | None = None
    outputs: tuple[str, ...] | None = None
    uncertainty: tuple[Uncertainty, ...] | None = None
    held_out: HeldOut | None = None
    noise: Noise | None = None
    unchosen: Unchosen | None = None
    path: tuple[Step, ...] = ()
    checks: Checks | None = None
    artefacts: Artefacts | None = None
    smallest: tuple[Smallest, ...] = ()
    stability: tuple[tuple[Stability, ...], ...] = ()
    expectations: tuple[Comparison, ...] = ()
    scale: Scale = "raw"

    @cached_property
    def names(self) -> tuple[str, ...]:
        """What the candidates are called wherever they are named: a repeated word
        `owl¹`, `owl²`.
        """
        # of some of a game's candidates: the whole game may have repeated a word that
        # is there once among these
        names = self.about.names
        # files are a stranger's: names that are not all different name nothing
        distinct = {name for name in names if isinstance(name, str)}
        if len(distinct) == len(names) == len(self.candidates):
            return names
        return unique_names([candidate.label for candidate in self.candidates])

    @cached_property
    def about(self) -> Facts:
        """`facts` with types: what the lens says of itself on a page."""
        return facts_of(self.facts)

    @property
    def calls(self) -> int:
        """Model evaluations paid for by this explanation."""
        return self.account.calls

    @property
    def unit(self) -> str:
        """What the model's answers, and raw effects, are measured in."""
        return str(self.about.unit or "value")

    def in_scale(self, scale: Scale) -> Self:
        """The same explanation with all effects, in tables, files and pictures, in a
        scale.

        Args:
            scale: "raw", in the unit of the answers; "share", of f(all) - f(none);
                "sd", in standard deviations over uniform masks, sqrt(Σ F(S)²). The
                latter two compare inputs, or games, of different salience.

        Raises:
            InvalidInput: there is no such scale, or the share is one of nothing.
        """
        if scale not in SCALES:
            raise InvalidInput(unknown("scale", scale, SCALES))

        scaled = replace(self, scale=scale)

        # asked for its error: a share of nothing is refused here, not where it is shown
        for output in range(len(self.faithfulness.r2)):
            scaled.size(output)
        return scaled

    def size(self, output: int | str = 0) -> float:
        """What an effect of one, in this explanation's scale, is in the unit of the
        answers.

        Raises:
            InvalidInput: f(all) - f(none) is zero or was not measured, where effects
                are shares of it.
        """
        position = self.position(output)

        whole = None if self.whole is None else self.whole[position]
        empty = None if self.empty is None else self.empty[position]
        return size_of(self.scale, self.deviation(output), whole, empty)

    def deviation(self, output: int | str = 0) -> float:
        """The standard deviation over uniform masks that the explanation carries,
        sqrt(Σ F(S)²).
        """
        spread = self.column(output)[self.spectrum.sets.orders > 0]
        return float(np.linalg.norm(spread))

    def column(self, output: int | str = 0) -> NDArray[np.float64]:
        """(s,) float64, the coefficients of one output.

        Raises:
            InvalidInput: there is no such output.
        """
        columns = self.spectrum.values.reshape(len(self.spectrum), -1)
        return columns[:, self.position(output)]

    def position(self, output: int | str) -> int:
        """An output's position, given that or its name.

        Raises:
            InvalidInput: there is no such output.
        """
        names = self.outputs or ("0",)
        if isinstance(output, str):
            position = names.index(output) if output in names else len(names)
        else:
            position = whole_number(output, "an output's position")

        if position >= len(names):
            raise InvalidInput(
                f"no output {output!r}; the outputs are {', '.join(names)}"
            )
        return position

    def restored(self, sizes: Sizes) -> Self:
        """Of the answers as they were, where this is of answers that were brought to
        size one.
        """
        units = sizes.unit.tolist()
        uncertainty = [
            one.times(unit)
            for one, unit in zip(self.uncertainty or (), units, strict=False)
        ]
        return replace(
            self,
            spectrum=self.spectrum.restored(sizes),
            whole=_answers(self.whole, sizes),
            empty=_answers(self.empty, sizes),
            uncertainty=tuple(uncertainty) or None,
            noise=_restored(self.noise, sizes),
            unchosen=_restored(self.unchosen, sizes),
            checks=_restored(self.checks, sizes),
            artefacts=_restored(self.artefacts, sizes),
            smallest=tuple(one.restored(sizes) for one in self.smallest),
        )


def _answers(
    measured: tuple[float, ...] | None, sizes: Sizes
) -> tuple[float, ...] | None:
    return None if measured is None else sizes.answers(measured)


def _restored(part: _R | None, sizes: Sizes) -> _R | None:
    return None if part is None else part.restored(sizes)
