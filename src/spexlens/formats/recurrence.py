"""The file of an aggregate: JSON with a checked version."""

import json
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Literal, TypeVar

from pydantic import BaseModel, ConfigDict, Field, model_validator

from spexlens.files import json_file as saved
from spexlens.files.schema import Count, NotNegative, Number, Positive, Share
from spexlens.results.recurrence import Recurrence, Recurrences

R = TypeVar("R", bound=Recurrences)

FORMAT = "spexlens aggregate"
FORMAT_VERSION = 2


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True)


class _Row(_Part):
    labels: Annotated[list[str], Field(min_length=1)]
    kinds: list[str]
    possible: Positive
    occurrences: Positive
    found: Positive
    positive: Count
    negative: Count
    effect: Number
    deviation: NotNegative | None
    standardised: Number
    standardised_deviation: NotNegative | None
    share: NotNegative
    rank: Annotated[float, Field(ge=1, allow_inf_nan=False)]
    best_rank: Positive
    target: str | None = None  # which files of version 1 do not have


class _Record(_Part):
    format: Literal["spexlens aggregate"]
    format_version: Literal[1, 2]
    explanations: Positive
    unit: str
    targets: list[str]
    r2: list[Number]
    index: str
    order: Positive | None
    least: Positive
    least_share: Share
    rows: list[_Row]

    @model_validator(mode="after")
    def _fits_together(self) -> "_Record":
        if len(self.r2) != self.explanations:
            raise ValueError(
                f"{len(self.r2)} of r2, but {self.explanations} explanations"
            )
        for number, row in enumerate(self.rows):
            if len(row.kinds) != len(row.labels):
                raise ValueError(
                    f"row {number} has {len(row.labels)} labels, but {len(row.kinds)}"
                    " kinds"
                )
            signs = row.positive + row.negative
            if not signs == row.found <= row.possible <= self.explanations:
                raise ValueError(f"the counts of row {number} do not add up")
        return self


def dump(aggregate: Recurrences) -> str:
    """An aggregate as JSON text; floats read back bit for bit."""
    content = asdict(aggregate)
    rows = content.pop("rows")  # last, so that a reader sees first of what they are
    head = {"format": FORMAT, "format_version": FORMAT_VERSION}
    record = {**head, **content, "rows": rows}
    return json.dumps(record, ensure_ascii=False, allow_nan=False)


def write(aggregate: Recurrences, path: Path) -> None:
    """Write a file; see `Aggregate.save`."""
    saved.write(dump(aggregate), path, "aggregate")


def read(path: Path, kind: type[R]) -> R:
    """Read and check a file; see `Aggregate.load`."""
    return _aggregate(saved.read(path, "aggregate", FORMAT_VERSION, _Record), kind)


def _aggregate(record: _Record, kind: type[R]) -> R:
    lists = {"rows", "targets", "r2"}
    content = record.model_dump(exclude={"format", "format_version", *lists})
    return kind(
        rows=tuple(map(_row, record.rows)),
        targets=tuple(record.targets),
        r2=tuple(record.r2),
        **content,
    )


def _row(row: _Row) -> Recurrence:
    lists = {"labels": tuple(row.labels), "kinds": tuple(row.kinds)}
    return Recurrence(**{**vars(row), **lists})
