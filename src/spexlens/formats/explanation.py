"""The file of an explanation: JSON with a checked version; `record` is what it holds."""

import json
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Any, TypeVar

import numpy as np

from spexlens.arguments import plain
from spexlens.errors import InvalidInput, ResultError, SpexlensError
from spexlens.files import json_file as saved
from spexlens.files.json_text import encodable
from spexlens.formats.record import (
    DATACLASSES,
    FORMAT_VERSION,
    Record,
    UncertaintyRecord,
)
from spexlens.games.candidate import Candidate
from spexlens.games.facts import Details, refuse_unreadable
from spexlens.results.result import Result
from spexlens.results.row import rows_of
from spexlens.spectrum.sets import Sets
from spexlens.spectrum.spectrum import Spectrum
from spexlens.spectrum.uncertainty import ProductPrior, Uncertainty

R = TypeVar("R", bound=Result)

_LISTED = 20  # interactions of a kind


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
    """The record's fields as JSON, in the order of the file.

    `plain` refuses what JSON has not, and says where; the spectrum is too large to be
    gone through number by number.
    """
    account = asdict(explanation.account)
    account["versions"] = dict(explanation.account.versions)
    spectrum = explanation.spectrum
    answers = {
        name: plain(getattr(explanation, name), name)
        for name in ("whole", "empty", "outputs")
    }
    uncertainty = None
    if explanation.uncertainty is not None:
        uncertainty = [_uncertainty_written(one) for one in explanation.uncertainty]
    parts = {
        name: plain(_written(getattr(explanation, name)), name) for name in DATACLASSES
    }
    outputs = range(len(explanation.faithfulness.r2))
    strongest = [row for output in outputs for row in _strongest(explanation, output)]
    return {
        "format": "spexlens explanation",
        "format_version": FORMAT_VERSION,
        "candidates": [
            plain(_candidate_written(candidate), f"candidates.{number}")
            for number, candidate in enumerate(explanation.candidates)
        ],
        "spectrum": {
            "n": spectrum.n,
            "sets": list(spectrum.sets),
            "coefficients": spectrum.values.tolist(),
        },
        "account": plain(account, "account"),
        "facts": plain(explanation.facts, "facts"),
        "details": plain(explanation.details, "details"),
        **answers,
        "uncertainty": uncertainty,
        **parts,
        "scale": explanation.scale,
        "interactions": plain(strongest, "interactions"),
    }


def _candidate_written(candidate: Candidate) -> dict[str, Any]:
    return {"label": candidate.label, "kind": candidate.kind, "span": candidate.span}


def _written(part: Any) -> Any:
    """A dataclass, or tuples of them, as JSON."""
    if isinstance(part, tuple):
        return [_written(item) for item in part]
    return None if part is None else asdict(part)


def _strongest(explanation: Result, output: int) -> Iterator[dict[str, Any]]:
    """The first of the pairs, of the larger sets and of the single candidates."""
    low = explanation.interactions("bii", 2, output=output)
    higher, _ = explanation.higher(_LISTED, output=output)
    pairs = [interaction for interaction in low if interaction.order == 2]
    singles = [interaction for interaction in low if interaction.order == 1]
    stabilities = explanation.stability[output] if explanation.stability else ()
    name = explanation.outputs[output] if explanation.outputs else None
    for found in (pairs, higher, singles):
        for row in rows_of(found[:_LISTED], stabilities):
            yield {"output": name, **row.in_file()}


def _uncertainty_written(uncertainty: Uncertainty) -> dict[str, Any]:
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
    record = saved.read(path, "explanation", FORMAT_VERSION, Record)
    try:
        refuse_unreadable(record.facts)
        refuse_unreadable(record.details, Details, "details")
        explanation = _explanation(record, kind)
        # a share of nothing cannot be shown
        for output in range(len(record.faithfulness.r2)):
            explanation.size(output)
        return explanation
    except (SpexlensError, ValueError) as error:
        raise ResultError(f"{path} is damaged: {error}") from error


def _explanation(record: Record, kind: type[R]) -> R:
    sets = Sets.of(record.spectrum.n, record.spectrum.sets)
    spectrum = Spectrum(sets, np.array(record.spectrum.coefficients, dtype=np.float64))
    if len(spectrum) < len(sets):
        raise InvalidInput("the spectrum lists a set twice")
    candidates = tuple(
        Candidate(candidate.label, candidate.kind, candidate.span)
        for candidate in record.candidates
    )
    uncertainty = None
    if record.uncertainty is not None:
        uncertainty = tuple(map(_uncertainty, record.uncertainty))
    return kind(
        candidates=candidates,
        spectrum=spectrum,
        account=record.account,
        facts=record.facts,
        details=record.details,
        whole=None if record.whole is None else tuple(record.whole),
        empty=None if record.empty is None else tuple(record.empty),
        outputs=None if record.outputs is None else tuple(record.outputs),
        uncertainty=uncertainty,
        scale=record.scale,
        **{name: getattr(record, name) for name in DATACLASSES},
    )


def _uncertainty(record: UncertaintyRecord) -> Uncertainty:
    priors = [ProductPrior(prior.scale, np.array(prior.rho)) for prior in record.priors]
    return Uncertainty(record.noise, record.masks, tuple(priors))
