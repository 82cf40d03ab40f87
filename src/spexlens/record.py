"""The file of an explanation: JSON with a checked version."""

import json
from pathlib import Path
from typing import Annotated, Any, Literal

import numpy as np
from pydantic import BaseModel, ConfigDict, Field, model_validator

from spexlens import saved
from spexlens.ablation.candidate import Candidate
from spexlens.errors import ResultError, SpexlensError
from spexlens.evidence.faithfulness import Faithfulness, Source
from spexlens.evidence.held_out import HeldOut, Noise
from spexlens.evidence.unchosen import Unchosen
from spexlens.explanation import Account, Explanation, Step
from spexlens.spectrum.sets import Sets
from spexlens.spectrum.spectrum import Spectrum
from spexlens.spectrum.uncertainty import ProductPrior, Uncertainty

FORMAT_VERSION = 1

Number = Annotated[float, Field(allow_inf_nan=False)]
Count = Annotated[int, Field(ge=0)]
NotNegative = Annotated[float, Field(ge=0, allow_inf_nan=False)]


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True)


class _Candidate(_Part):
    label: str
    kind: str
    span: tuple[int, int] | None


class _Spectrum(_Part):
    n: Annotated[int, Field(ge=1)]
    sets: list[list[Count]]
    coefficients: list[Number] | list[list[Number]]


class _Faithfulness(_Part):
    r2: Annotated[list[Number], Field(min_length=1)]
    source: Source
    masks: Count


class _Account(_Part):
    method: str
    design: str
    seed: int
    budget: Count
    calls: Count
    reused: Count
    passes: Count
    seconds: Number
    versions: dict[str, str]
    trainings: Count = 0


class _Prior(_Part):
    scale: NotNegative
    rho: list[Annotated[float, Field(ge=0, le=1)]]


class _Uncertainty(_Part):
    noise: NotNegative
    masks: Annotated[int, Field(ge=1)]
    priors: list[_Prior]


class _HeldOut(_Part):
    r2: list[Number]
    lds: list[Number]
    linear_r2: list[Number]
    linear_lds: list[Number]
    masks: Count


class _Noise(_Part):
    deviation: list[NotNegative]
    ceiling: list[Number]
    repeated: Count


class _Unchosen(_Part):
    candidates: Count
    masks: Count
    moved: list[NotNegative]
    deviation: list[NotNegative]
    without: list[Number]


class _Step(_Part):
    level: str
    candidates: Count
    calls: Count
    r2: list[Number]
    split: list[str]
    kept: Count
    ended: str


class _Record(_Part):
    format: Literal["spexlens explanation"]
    format_version: Literal[1]
    candidates: list[_Candidate]
    spectrum: _Spectrum
    faithfulness: _Faithfulness
    account: _Account
    facts: dict[str, Any]
    details: dict[str, Any]
    whole: list[Number] | None
    empty: list[Number] | None
    outputs: list[str] | None
    uncertainty: list[_Uncertainty] | None = None
    held_out: _HeldOut | None = None
    noise: _Noise | None = None
    unchosen: _Unchosen | None = None
    path: list[_Step] = []

    @model_validator(mode="after")
    def _fits_together(self) -> "_Record":
        if len(self.candidates) != self.spectrum.n:
            raise ValueError(f"{len(self.candidates)} candidates, but a spectrum of {self.spectrum.n}")
        widths = {len(c) if isinstance(c, list) else 1 for c in self.spectrum.coefficients}
        lists = [
            part
            for kept in (self.held_out, self.noise, self.unchosen)
            if kept is not None
            for part in vars(kept).values()
        ]
        parts = (
            self.whole,
            self.empty,
            self.outputs,
            self.uncertainty,
            *[part for part in lists if isinstance(part, list)],
        )
        answers = [part for part in parts if part is not None]
        if widths - {len(self.faithfulness.r2)} or {len(part) for part in answers} - {
            len(self.faithfulness.r2)
        }:
            raise ValueError("its parts are of different numbers of outputs")
        if any(len(p.rho) != self.spectrum.n for u in self.uncertainty or () for p in u.priors):
            raise ValueError("its uncertainty is of another number of candidates")
        return self


def dump(explanation: Explanation) -> str:
    """An explanation as JSON text; floats are written so that they read back bit for bit."""
    e = explanation
    record = {
        "format": "spexlens explanation",
        "format_version": FORMAT_VERSION,
        "candidates": [{"label": c.label, "kind": c.kind, "span": c.span} for c in e.candidates],
        "spectrum": {
            "n": e.spectrum.n,
            "sets": list(e.spectrum.sets),
            "coefficients": e.spectrum.values.tolist(),
        },
        "faithfulness": vars(e.faithfulness),
        "account": {**vars(e.account), "versions": dict(e.account.versions)},
        "facts": dict(e.facts),
        "details": dict(e.details),
        "whole": e.whole,
        "empty": e.empty,
        "outputs": e.outputs,
        "uncertainty": None if e.uncertainty is None else [_plain(u) for u in e.uncertainty],
        "held_out": None if e.held_out is None else vars(e.held_out),
        "noise": None if e.noise is None else vars(e.noise),
        "path": [vars(step) for step in e.path],
        "unchosen": None if e.unchosen is None else vars(e.unchosen),
    }
    return json.dumps(record, ensure_ascii=False, allow_nan=False)


def _plain(uncertainty: Uncertainty) -> dict[str, Any]:
    priors = [{"scale": prior.scale, "rho": prior.rho.tolist()} for prior in uncertainty.priors]
    return {"noise": uncertainty.noise, "masks": uncertainty.masks, "priors": priors}


def write(explanation: Explanation, path: Path) -> None:
    """Write a file; see `Explanation.save`."""
    saved.write(dump(explanation), path)


def read(path: Path) -> Explanation:
    """Read and check a file; see `Explanation.load`."""
    record = saved.read(path, "explanation", FORMAT_VERSION, _Record)
    try:
        return _explanation(record)
    except (SpexlensError, ValueError) as error:
        raise ResultError(f"{path} is damaged: {error}") from error


def _explanation(record: _Record) -> Explanation:
    sets = Sets.of(record.spectrum.n, record.spectrum.sets)
    account = record.account.model_dump()
    return Explanation(
        candidates=tuple(Candidate(c.label, c.kind, c.span) for c in record.candidates),
        spectrum=Spectrum(sets, np.array(record.spectrum.coefficients, dtype=np.float64)),
        faithfulness=Faithfulness(
            tuple(record.faithfulness.r2), record.faithfulness.source, record.faithfulness.masks
        ),
        account=Account(**account),
        facts=record.facts,
        details=record.details,
        whole=None if record.whole is None else tuple(record.whole),
        empty=None if record.empty is None else tuple(record.empty),
        outputs=None if record.outputs is None else tuple(record.outputs),
        uncertainty=None if record.uncertainty is None else tuple(map(_uncertainty, record.uncertainty)),
        held_out=None if record.held_out is None else HeldOut(**_tuples(record.held_out)),
        noise=None if record.noise is None else Noise(**_tuples(record.noise)),
        path=tuple(Step(**_tuples(step)) for step in record.path),
        unchosen=None if record.unchosen is None else Unchosen(**_tuples(record.unchosen)),
    )


def _tuples(record: _Part) -> dict[str, Any]:
    """A record's fields, its lists as tuples."""
    return {name: tuple(part) if isinstance(part, list) else part for name, part in vars(record).items()}


def _uncertainty(record: _Uncertainty) -> Uncertainty:
    priors = [ProductPrior(prior.scale, np.array(prior.rho)) for prior in record.priors]
    return Uncertainty(record.noise, record.masks, tuple(priors))
