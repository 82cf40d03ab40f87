"""The record of an explanation: what its file has to hold, checked whole.

Types are checked by pydantic, field by field; what follows here is whether the parts
fit together, so that no page, and no sum, meets anything it cannot take.
"""

from collections.abc import Iterable, Iterator, Sequence, Sized
from dataclasses import fields, is_dataclass
from itertools import chain
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator, with_config

from spexlens.evidence.artefacts import Artefacts, Survival, Variant
from spexlens.evidence.comparison import Comparison, Finding
from spexlens.evidence.held_out import HeldOut
from spexlens.evidence.noise import Noise
from spexlens.evidence.ordinary_inputs import Ordinary
from spexlens.evidence.smallest import Smallest
from spexlens.evidence.spot_checks import Check, Checks
from spexlens.evidence.stability import Stability
from spexlens.evidence.unchosen import Unchosen
from spexlens.files.schema import LARGEST, Count, NotNegative, Number, Positive, Share
from spexlens.results.account import Account, Step
from spexlens.results.scale import Scale
from spexlens.solvers.faithfulness import Faithfulness

FORMAT_VERSION = 2
"""1 had no checks, no artefacts, no stability, no expectations and no scale; it can be
read.
"""

DATACLASSES = (
    *("faithfulness", "held_out", "noise", "unchosen", "path"),
    *("checks", "artefacts", "smallest", "stability", "expectations"),
)
"""The parts of a result that are dataclasses, tuples of them, or None."""

_MEMBERS = 250  # of a set: 2^250 times a coefficient is a number, and its square
_CELLS = 1 << 32  # of the table of sets by candidates, a bit each
_LEFT_OUT = ("intervals", "alone")  # of what is there once an output

_STRICT = ConfigDict(extra="forbid", strict=True, allow_inf_nan=False)

for _kind in (
    *(Account, Step, Faithfulness, HeldOut, Noise, Unchosen),
    *(Check, Checks, Survival, Variant, Ordinary, Artefacts),
    *(Smallest, Stability, Finding, Comparison),
):
    with_config(_STRICT)(_kind)


class _Part(BaseModel):
    model_config = _STRICT


class CandidateRecord(_Part):
    """A candidate as the file has it."""

    label: str
    kind: str
    span: tuple[Count, Count] | None

    @model_validator(mode="after")
    def _forward(self) -> "CandidateRecord":
        if self.span is not None and self.span[0] > self.span[1]:
            raise ValueError("its span ends before it begins")
        return self


class SpectrumRecord(_Part):
    """A spectrum as the file has it: coefficients one a set, or one a set and output."""

    n: Positive
    sets: Annotated[
        list[Annotated[list[Count], Field(max_length=_MEMBERS)]], Field(min_length=1)
    ]
    coefficients: list[Number] | list[list[Number]]

    @model_validator(mode="after")
    def _one_each(self) -> "SpectrumRecord":
        if len(self.coefficients) != len(self.sets):
            raise ValueError(
                f"{len(self.sets)} sets, but {len(self.coefficients)} coefficients"
            )
        if len(self.sets) * self.n > _CELLS:
            raise ValueError(
                f"{len(self.sets)} sets of {self.n} candidates are more than can be"
                " shown"
            )
        return self

    @property
    def widths(self) -> set[int]:
        """Of how many outputs coefficients are; one number, if the file is sound."""
        return {
            len(coefficient) if isinstance(coefficient, list) else 1
            for coefficient in self.coefficients
        }


class PriorRecord(_Part):
    """A prior as the file has it, rho a number a candidate."""

    scale: NotNegative
    rho: list[Share]


class UncertaintyRecord(_Part):
    """An output's uncertainty as the file has it."""

    noise: NotNegative
    masks: Positive
    priors: list[PriorRecord]


class Record(_Part):
    """The whole file; parts that a file of version 1 has not are left out."""

    format: Literal["spexlens explanation"]
    format_version: Literal[1, 2]
    candidates: list[CandidateRecord]
    spectrum: SpectrumRecord
    faithfulness: Faithfulness
    account: Account
    facts: dict[str, Any]
    details: dict[str, Any]
    whole: list[Number] | None
    empty: list[Number] | None
    outputs: list[str] | None
    uncertainty: list[UncertaintyRecord] | None = None
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
    interactions: list[dict[str, Any]] = []

    @model_validator(mode="after")
    def _fits_together(self) -> "Record":
        self._refuse_other_sizes()
        self._refuse_strange_members()
        self._refuse_strange_numbers()
        for name in DATACLASSES:
            refuse_beyond(getattr(self, name), name)
        refuse_beyond(self.account, "account")
        return self

    def _refuse_other_sizes(self) -> None:
        """Of as many candidates, and as many outputs, is every part."""
        n = self.spectrum.n
        outputs = len(self.faithfulness.r2)
        if len(self.candidates) != n:
            raise ValueError(
                f"{len(self.candidates)} candidates, but a spectrum of {n}"
            )
        if not outputs or (outputs > 1 and self.outputs is None):
            raise ValueError(
                f"faithfulness.r2 is of {outputs} outputs, which have no names"
            )
        if self.spectrum.widths - {outputs}:
            raise ValueError(
                f"the spectrum's coefficients are not of {outputs} outputs, as its"
                " r2 is"
            )
        for name, part in self._of_each_output():
            if len(part) != outputs:
                raise ValueError(
                    f"{name} is of {len(part)} outputs, the spectrum of {outputs}"
                )
        for uncertainty in self.uncertainty or ():
            if any(len(prior.rho) != n for prior in uncertainty.priors):
                raise ValueError("its uncertainty is of another number of candidates")

    def _refuse_strange_members(self) -> None:
        """Evidence is of candidates that there are, each once and in order."""
        n = self.spectrum.n
        for members in self._members():
            known = all(0 <= member < n for member in members)
            if not known or list(members) != sorted(set(members)):
                raise ValueError(
                    f"its evidence is of {_few(members)}, no candidates in order"
                )

    def _refuse_strange_numbers(self) -> None:
        """Counts, shares and ranks are what such numbers can be."""
        outputs = len(self.faithfulness.r2)
        if any(len(step.r2) != outputs for step in self.path):
            raise ValueError("its path is of another number of outputs")
        noise = self.noise
        if noise is not None and (
            noise.times < 1 or min(noise.masks, noise.repeated) < 0
        ):
            raise ValueError("its noise counts fewer than none")
        for stability in chain(*self.stability):
            if not 0 <= stability.stays <= 1 or min(stability.ranks) < 1:
                raise ValueError("its stability is not a share, or not a rank")
        if any(not 0 < smallest.share <= 1 for smallest in self.smallest):
            raise ValueError("its smallest sets are of no share")
        for finding in self._findings():
            if len(finding.labels) != len(finding.members):
                raise ValueError("its expectations have not a label for each candidate")

    def _of_each_output(self) -> Iterator[tuple[str, Sized]]:
        """What has a part an output, by name."""
        for name in ("whole", "empty", "outputs", "uncertainty"):
            if getattr(self, name) is not None:
                yield name, getattr(self, name)
        for name in ("faithfulness", "held_out", "noise", "unchosen"):
            yield from _tuples_of(name, getattr(self, name))
        if self.artefacts is not None:
            yield from _tuples_of("artefacts.ordinary", self.artefacts.ordinary)
            for number, variant in enumerate(self.artefacts.variants):
                yield from _tuples_of(f"artefacts.variants.{number}", variant)
        if self.checks is not None:
            yield "checks", self.checks.found
        for name in ("stability", "expectations"):
            if getattr(self, name):
                yield name, getattr(self, name)

    def _findings(self) -> Iterator[Finding]:
        for comparison in self.expectations:
            yield from comparison.found
            yield from comparison.missing
            yield from comparison.forbidden
            yield from comparison.absent
            yield from comparison.unexpected

    def _members(self) -> Iterator[tuple[int, ...]]:
        """Of all evidence."""
        checks = () if self.checks is None else self.checks.found
        variants = () if self.artefacts is None else self.artefacts.variants
        survivals = (found for variant in variants for found in variant.found)
        evidence: Iterable[Check | Survival | Stability | Smallest | Finding]
        evidence = chain(
            *checks, *survivals, *self.stability, self.smallest, self._findings()
        )
        return (one.members for one in evidence)


def refuse_beyond(part: Any, where: str) -> None:
    """ValueError if a dataclass, or what is in it, has a negative count or a number too
    large to be squared.

    The numbers of `Uncertainty` are squares themselves, and not meant.
    """
    # without recursion: a stranger's file may be nested as deep as it likes
    left = [(where, part)]
    while left:
        place, value = left.pop()
        if is_dataclass(value):
            left += [
                (f"{place}.{field.name}", getattr(value, field.name))
                for field in fields(value)
            ]
        elif isinstance(value, tuple):
            left += [(f"{place}.{number}", item) for number, item in enumerate(value)]
        elif isinstance(value, float) and abs(value) > LARGEST:
            raise ValueError(
                f"{place} is {value:g}: no number of a result is larger than"
                f" {LARGEST:g}"
            )
        elif isinstance(value, int) and not 0 <= value < 1 << 63:
            raise ValueError(
                f"{place} is no count: it is negative, or larger than 2^63"
            )


def _few(members: Sequence[int]) -> str:
    """The first few of a list."""
    return str(list(members[:5]))[:80]


def _tuples_of(place: str, part: object) -> Iterator[tuple[str, tuple[Any, ...]]]:
    """What a dataclass, or None, holds an output each, by name; what it may leave out
    is left out.
    """
    if part is None:
        return
    for name, value in vars(part).items():
        if isinstance(value, tuple) and (value or name not in _LEFT_OUT):
            yield f"{place}.{name}", value
