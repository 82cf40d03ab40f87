"""FactsRecord: what a result says of its lens. Names that the page reads have types; all
others are kept.
"""

import json
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from pydantic import BaseModel, ConfigDict, ValidationError

from spexlens.arguments import plain
from spexlens.errors import InvalidInput
from spexlens.files.json_text import refuse_unbounded
from spexlens.files.schema import Count, Positive, complaint
from spexlens.games.candidate import Candidate

_OF_TRAINING = ("tests", "mean", "others", "others_are", "repeats")
"""What there is beside a learner."""


class FactsRecord(BaseModel):
    """Of any lens, and of a function's own; each may be left out."""

    model_config = ConfigDict(
        extra="allow", strict=True, allow_inf_nan=False, protected_namespaces=()
    )

    lens: str | None = None
    model: str | None = None
    kind: str | None = None
    device: str | None = None
    unit: str | None = None
    target: str | None = None
    foil: str | None = None
    answered: str | None = None
    probability: float | None = None
    call: str | None = None
    passes_a_batch: Positive | None = None
    setup_passes: Count | None = None
    notes: list[str] | None = None
    variants: list[str] | None = None
    of: Count | None = None
    kept: Count | None = None
    names: list[str] | None = None
    screening: str | None = None
    screening_cost: dict[str, Count] | None = None
    parts: list[dict[str, Any]] | None = None

    # of a text
    text: str | None = None
    unit_of_text: str | None = None
    replacement: str | None = None
    neutral: str | None = None
    template: str | None = None
    chat: bool | None = None
    mask_token: str | None = None
    tokens: list[Count] | None = None
    windows: Count | None = None
    unknown: list[str] | None = None
    about: str | None = None

    # of a model's components
    texts: list[str] | None = None
    counterfactual: str | None = None
    counterfactuals: list[str | None] | None = None
    ablation: str | None = None
    rescale: bool | None = None

    # of training examples
    learner: str | None = None
    tests: list[str] | Count | None = None
    mean: bool | None = None
    examples: Count | None = None
    others: Count | None = None
    others_are: str | None = None
    chosen: str | None = None
    repeats: Positive | None = None
    truncated: Count | None = None
    predicted: bool | None = None


class Details(BaseModel):
    """What the page reads of what a solver chose on its way."""

    model_config = ConfigDict(extra="allow", strict=True, allow_inf_nan=False)

    caveats: list[str] | None = None


def refuse_unreadable(
    facts: Any, kind: type[BaseModel] = FactsRecord, what: str = "facts"
) -> None:
    """Refuse what the page could not show.

    Args:
        facts: JSON, of a file or of `arguments.plain`.
        kind: `FactsRecord` or `Details`.
        what: they are, in front of the name that is wrong.

    Raises:
        ValueError: one line that begins with the name of what is of another type than
            it should be.
    """
    refuse_unbounded(facts, what)
    try:
        # Half a character is one that pydantic does not know, and a question mark in
        # its place does no harm.
        kind.model_validate_json(
            json.dumps(facts, ensure_ascii=False).encode("utf-8", "replace")
        )
    except ValidationError as error:
        place, said = complaint(error)
        raise ValueError(f"{what}.{place}: {said}") from None
    if kind is FactsRecord and facts.get("learner") is not None:
        missing = [name for name in _OF_TRAINING if facts.get(name) is None]
        if missing:
            raise ValueError(f"{what}.{missing[0]}: it is missing, beside a learner")
        if facts.get("tests") == []:
            raise ValueError(f"{what}.tests: there is none")


def refuse_unsavable(
    facts: Mapping[str, Any], candidates: Sequence[Candidate] = ()
) -> None:
    """Refuse what a result could not be saved with, or not be read again, before
    anything is paid for.

    Args:
        facts, candidates: of a game.

    Raises:
        InvalidInput: one line that names the fact, or the candidate.
    """
    for number, candidate in enumerate(candidates):
        _refuse_backward(candidate.span, number)
    told = plain(facts, "facts")
    try:
        refuse_unreadable(told)
    except ValueError as error:
        raise InvalidInput(str(error)) from None


def _refuse_backward(span: object, number: int) -> None:
    """InvalidInput if a candidate's span is not one of characters of a text."""
    if span is None:
        return
    ends = list(span) if isinstance(span, tuple | list) else []
    whole = all(
        isinstance(end, int | np.integer) and not isinstance(end, bool) for end in ends
    )
    if len(ends) != 2 or not whole or not 0 <= ends[0] <= ends[1]:
        raise InvalidInput(
            f"the span of candidate {number} is a pair, start and end; got {span!r}"
        )
