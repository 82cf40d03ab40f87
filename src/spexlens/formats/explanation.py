"""The file of an explanation: JSON with a checked version."""

import json
from collections.abc import Iterable, Iterator, Sequence, Sized
from dataclasses import asdict, fields, is_dataclass
from itertools import chain
from pathlib import Path
from typing import Annotated, Any, Literal, TypeVar

import numpy as np
from pydantic import BaseModel, ConfigDict, Field, model_validator, with_config

from spexlens.arguments import plain
from spexlens.errors import InvalidInput, ResultError, SpexlensError
from spexlens.evidence.artefacts import Artefacts, Survival, Variant
from spexlens.evidence.comparison import Comparison, Finding
from spexlens.evidence.held_out import HeldOut
from spexlens.evidence.noise import Noise
from spexlens.evidence.ordinary_inputs import Ordinary
from spexlens.evidence.smallest import Smallest
from spexlens.evidence.spot_checks import Check, Checks
from spexlens.evidence.stability import Stability
from spexlens.evidence.unchosen import Unchosen
from spexlens.files import json_file as saved
from spexlens.files.json_text import encodable
from spexlens.files.schema import LARGEST, Count, NotNegative, Number, Positive, Share
from spexlens.games.candidate import Candidate
from spexlens.games.facts import Details, refuse_unreadable
from spexlens.results.account import Account, Step
from spexlens.results.result import Result
from spexlens.results.row import rows_of
from spexlens.results.scale import Scale
from spexlens.solvers.faithfulness import Faithfulness
from spexlens.spectrum.sets import Sets
from spexlens.spectrum.spectrum import Spectrum
from spexlens.spectrum.uncertainty import ProductPrior, Uncertainty

R = TypeVar("R", bound=Result)

FORMAT_VERSION = 2
"""1 had no checks, no artefacts, no stability, no expectations and no scale; it can be
read.
"""

_LISTED = 20  # interactions of a kind

_MEMBERS = 250  # of a set: 2^250 times a coefficient is a number, and its square
_CELLS = 1 << 32  # of the table of sets by candidates, a bit each
_LEFT_OUT = ("intervals", "alone")  # of what is there once an output

_STRICT = ConfigDict(extra="forbid", strict=True, allow_inf_nan=False)

for _kind in (
    Account, Step, Faithfulness, HeldOut, Noise, Unchosen, Check, Checks, Survival, Variant, Ordinary,
    Artefacts, Smallest, Stability, Finding, Comparison,
):  # fmt: skip
    with_config(_STRICT)(_kind)


class _Part(BaseModel):
    model_config = _STRICT


class _Candidate(_Part):
    label: str
    kind: str
    span: tuple[Count, Count] | None

    @model_validator(mode="after")
    def _forward(self) -> "_Candidate":
        if self.span is not None and self.span[0] > self.span[1]:
            raise ValueError("its span ends before it begins")
        return self


class _Spectrum(_Part):
    n: Positive
    sets: Annotated[
        list[Annotated[list[Count], Field(max_length=_MEMBERS)]], Field(min_length=1)
    ]
    coefficients: list[Number] | list[list[Number]]

    @model_validator(mode="after")
    def _one_each(self) -> "_Spectrum":
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


class _Prior(_Part):
    scale: NotNegative
    rho: list[Share]


class _Uncertainty(_Part):
    noise: NotNegative
    masks: Positive
    priors: list[_Prior]


class _Record(_Part):
    format: Literal["spexlens explanation"]
    format_version: Literal[1, 2]
    candidates: list[_Candidate]
    spectrum: _Spectrum
    faithfulness: Faithfulness
    account: Account
    facts: dict[str, Any]
    details: dict[str, Any]
    whole: list[Number] | None
    empty: list[Number] | None
    outputs: list[str] | None
    uncertainty: list[_Uncertainty] | None = None
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
    def _fits_together(self) -> "_Record":
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
        widths = {
            len(c) if isinstance(c, list) else 1 for c in self.spectrum.coefficients
        }
        if widths - {outputs}:
            raise ValueError(
                f"the spectrum's coefficients are not of {outputs} outputs, as its"
                " r2 is"
            )
        for name, part in self._of_each_output():
            if len(part) != outputs:
                raise ValueError(
                    f"{name} is of {len(part)} outputs, the spectrum of {outputs}"
                )
        if any(len(p.rho) != n for u in self.uncertainty or () for p in u.priors):
            raise ValueError("its uncertainty is of another number of candidates")
        for members in self._members():
            if any(not 0 <= i < n for i in members) or list(members) != sorted(
                set(members)
            ):
                raise ValueError(
                    f"its evidence is of {_few(members)}, no candidates in order"
                )
        if any(len(step.r2) != outputs for step in self.path):
            raise ValueError("its path is of another number of outputs")
        if self.noise is not None and (
            self.noise.times < 1 or min(self.noise.masks, self.noise.repeated) < 0
        ):
            raise ValueError("its noise counts fewer than none")
        if any(
            not 0 <= each.stays <= 1 or min(each.ranks) < 1
            for each in chain(*self.stability)
        ):
            raise ValueError("its stability is not a share, or not a rank")
        if any(not 0 < each.share <= 1 for each in self.smallest):
            raise ValueError("its smallest sets are of no share")
        if any(len(each.labels) != len(each.members) for each in self._findings()):
            raise ValueError("its expectations have not a label for each candidate")
        for name in _DATACLASSES:
            refuse_beyond(getattr(self, name), name)
        refuse_beyond(self.account, "account")
        return self

    def _of_each_output(self) -> Iterator[tuple[str, Sized]]:
        """What has a part an output, by name."""
        ordinary = None if self.artefacts is None else self.artefacts.ordinary
        kept: list[tuple[str, Any]] = [
            (name, getattr(self, name))
            for name in ("faithfulness", "held_out", "noise", "unchosen")
        ]
        kept.append(("artefacts.ordinary", ordinary))
        kept += [
            (f"artefacts.variants.{at}", variant)
            for at, variant in enumerate(self._variants())
        ]
        for name in ("whole", "empty", "outputs", "uncertainty"):
            if getattr(self, name) is not None:
                yield name, getattr(self, name)
        yield from _tuples_of(kept)
        if self.checks is not None:
            yield "checks", self.checks.found
        for name in ("stability", "expectations"):
            if getattr(self, name):
                yield name, getattr(self, name)

    def _variants(self) -> tuple[Variant, ...]:
        return () if self.artefacts is None else self.artefacts.variants

    def _findings(self) -> Iterator[Finding]:
        parts = [
            (e.found, e.missing, e.forbidden, e.absent, e.unexpected)
            for e in self.expectations
        ]
        return chain.from_iterable(chain.from_iterable(parts))

    def _members(self) -> Iterator[tuple[int, ...]]:
        """Of all evidence."""
        checked = () if self.checks is None else self.checks.found
        survived = (found for variant in self._variants() for found in variant.found)
        evidence: Iterable[Check | Survival | Stability | Smallest | Finding]
        evidence = chain(
            *checked, *survived, *self.stability, self.smallest, self._findings()
        )
        return (each.members for each in evidence)


def refuse_beyond(part: Any, where: str) -> None:
    """ValueError if a dataclass, or what is in it, has a negative count or a number too
    large to be squared.

    The numbers of `Uncertainty` are squares themselves, and not meant.
    """
    left = [(where, part)]
    while left:
        place, value = left.pop()
        if is_dataclass(value):
            left += [
                (f"{place}.{each.name}", getattr(value, each.name))
                for each in fields(value)
            ]
        elif isinstance(value, tuple):
            left += [(f"{place}.{number}", each) for number, each in enumerate(value)]
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


def _tuples_of(
    parts: Sequence[tuple[str, object]],
) -> Iterator[tuple[str, tuple[Any, ...]]]:
    """What dataclasses hold an output each, by name; what they may leave out is left
    out.
    """
    for place, part in parts:
        for name, held in vars(part).items() if part is not None else ():
            if isinstance(held, tuple) and (held or name not in _LEFT_OUT):
                yield f"{place}.{name}", held


def dump(explanation: Result) -> str:
    """An explanation as JSON text; floats are written so that they read back bit for
    bit.

    "interactions" lists the strongest in the explanation's scale, for readers of the
    file that are not this package; they are computed anew when it is loaded.

    Raises:
        ResultError: it holds what JSON has not, such as a number that is not finite;
            the text says where.
    """
    try:
        text = json.dumps(_content(explanation), ensure_ascii=False, allow_nan=False)
    except InvalidInput as error:
        raise ResultError(f"the explanation cannot be saved: {error}") from error
    # of the spectrum, which is not gone through number by number
    except ValueError as error:
        raise ResultError(
            "the explanation cannot be saved: a coefficient is no finite number"
            f" ({error})"
        ) from error
    return encodable(text)


def _content(explanation: Result) -> dict[str, Any]:
    e = explanation
    return {
        "format": "spexlens explanation",
        "format_version": FORMAT_VERSION,
        "candidates": [
            plain(
                {"label": c.label, "kind": c.kind, "span": c.span},
                f"candidates.{number}",
            )
            for number, c in enumerate(e.candidates)
        ],
        "spectrum": {
            "n": e.spectrum.n,
            "sets": list(e.spectrum.sets),
            "coefficients": e.spectrum.values.tolist(),
        },
        "account": plain(
            {**asdict(e.account), "versions": dict(e.account.versions)}, "account"
        ),
        "facts": plain(e.facts, "facts"),
        "details": plain(e.details, "details"),
        **{
            name: plain(getattr(e, name), name)
            for name in ("whole", "empty", "outputs")
        },
        "uncertainty": (
            None if e.uncertainty is None else [_plain(u) for u in e.uncertainty]
        ),
        **{name: plain(_written(getattr(e, name)), name) for name in _DATACLASSES},
        "scale": e.scale,
        "interactions": plain(
            [
                row
                for output in range(len(e.faithfulness.r2))
                for row in _strongest(e, output)
            ],
            "interactions",
        ),
    }


_DATACLASSES = (
    "faithfulness", "held_out", "noise", "unchosen", "path", "checks", "artefacts", "smallest", "stability",
    "expectations",
)  # fmt: skip


def _written(part: Any) -> Any:
    """A dataclass, or tuples of them, as JSON."""
    if isinstance(part, tuple):
        return [_written(each) for each in part]
    return part if part is None else asdict(part)


def _strongest(explanation: Result, output: int) -> Iterator[dict[str, Any]]:
    """The first of the single candidates, of the pairs and of the larger sets."""
    low = explanation.interactions("bii", 2, output=output)
    higher, _ = explanation.higher(_LISTED, output=output)
    pairs = [interaction for interaction in low if interaction.order == 2]
    singles = [interaction for interaction in low if interaction.order == 1]
    stabilities = explanation.stability[output] if explanation.stability else ()
    name = explanation.outputs[output] if explanation.outputs else None
    for found in (pairs, higher, singles):
        for row in rows_of(found[:_LISTED], stabilities):
            yield {"output": name, **row.in_file()}


def _plain(uncertainty: Uncertainty) -> dict[str, Any]:
    priors = [
        {"scale": prior.scale, "rho": prior.rho.tolist()}
        for prior in uncertainty.priors
    ]
    parts = {"noise": uncertainty.noise, "masks": uncertainty.masks, "priors": priors}
    return {name: plain(part, f"uncertainty.{name}") for name, part in parts.items()}


def write(explanation: Result, path: Path) -> None:
    """Write a file; see `Explanation.save`."""
    saved.write(dump(explanation), path, "explanation")


def read(path: Path, kind: type[R]) -> R:
    """Read and check a file; see `Explanation.load`."""
    record = saved.read(path, "explanation", FORMAT_VERSION, _Record)
    try:
        refuse_unreadable(record.facts)
        refuse_unreadable(record.details, Details, "details")
        explanation = _explanation(record, kind)
        for output in range(len(record.faithfulness.r2)):
            explanation.size(output)
        return explanation
    except (SpexlensError, ValueError) as error:
        raise ResultError(f"{path} is damaged: {error}") from error


def _explanation(record: _Record, kind: type[R]) -> R:
    sets = Sets.of(record.spectrum.n, record.spectrum.sets)
    spectrum = Spectrum(sets, np.array(record.spectrum.coefficients, dtype=np.float64))
    if len(spectrum) < len(sets):
        raise InvalidInput("the spectrum lists a set twice")
    return kind(
        candidates=tuple(Candidate(c.label, c.kind, c.span) for c in record.candidates),
        spectrum=spectrum,
        account=record.account,
        facts=record.facts,
        details=record.details,
        whole=None if record.whole is None else tuple(record.whole),
        empty=None if record.empty is None else tuple(record.empty),
        outputs=None if record.outputs is None else tuple(record.outputs),
        uncertainty=(
            None
            if record.uncertainty is None
            else tuple(map(_uncertainty, record.uncertainty))
        ),
        scale=record.scale,
        **{name: getattr(record, name) for name in _DATACLASSES},
    )


def _uncertainty(record: _Uncertainty) -> Uncertainty:
    priors = [ProductPrior(prior.scale, np.array(prior.rho)) for prior in record.priors]
    return Uncertainty(record.noise, record.masks, tuple(priors))
