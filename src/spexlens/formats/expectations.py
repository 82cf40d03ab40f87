"""The file of expectations: TOML, refused in one line that says where it is wrong."""

import re
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

from spexlens.arguments import article
from spexlens.errors import InvalidInput
from spexlens.files import toml_file as toml
from spexlens.games.expectations import LEAST_SHARE, Expectations, Pattern, Rule
from spexlens.ranges import span_of

Position = Annotated[int, Field(ge=0, lt=1 << 31)]
_MEMBERS = 64  # of a rule; as many as an interaction hardly has
_RULES = 1_000
_LISTED = 10_000  # labels, positions or kinds of a member


class _Pattern(BaseModel):
    model_config = ConfigDict(extra="forbid")

    label: str | Annotated[list[str], Field(max_length=_LISTED)] | None = None
    position: (
        Position | str | Annotated[list[Position], Field(max_length=_LISTED)] | None
    ) = None
    kind: str | Annotated[list[str], Field(max_length=_LISTED)] | None = None


class _Rule(BaseModel):
    model_config = ConfigDict(extra="forbid")

    name: str | None = None
    members: Annotated[
        list[str | Position | _Pattern], Field(min_length=1, max_length=_MEMBERS)
    ]
    effect: Literal["positive", "negative"] | None = None


class _File(BaseModel):
    model_config = ConfigDict(extra="forbid")

    least_share: Annotated[float, Field(ge=0, le=1)] = LEAST_SHARE
    expected: Annotated[list[_Rule], Field(max_length=_RULES)] = []
    forbidden: Annotated[list[_Rule], Field(max_length=_RULES)] = []


def given(expectations: Expectations | str | Path | None) -> Expectations | None:
    """Expectations, or those of a file.

    Raises:
        InvalidInput: as `read`.
    """
    if expectations is None or isinstance(expectations, Expectations):
        return expectations
    if not isinstance(expectations, str | Path):
        raise InvalidInput(
            "expectations are the path of a TOML file, or Expectations; "
            f"got {article(type(expectations).__name__)}"
        )
    return read(expectations)


def read(path: str | Path) -> Expectations:
    """Expectations from a TOML file.

    ::

        least_share = 0.005                       # may be left out, as may name and effect

        [[expected]]
        name = "negation turns praise round"
        members = ["not", "good"]                 # labels, whatever their case; * and ? as in a shell
        effect = "negative"

        [[forbidden]]
        name = "the reviewer decides"
        members = [{ label = ["Marlowe", "Lindgren"] }, { kind = "word", position = "2-20" }]

    Raises:
        InvalidInput: the file cannot be read, or holds something else; the text
            says where.
    """
    path = Path(path)
    file = toml.read(path, _File)
    rules = [_rule(path, rule, forbidden=False) for rule in file.expected]
    rules += [_rule(path, rule, forbidden=True) for rule in file.forbidden]
    if not rules:
        raise InvalidInput(
            f"{path} expects nothing: give [[expected]] or [[forbidden]] with members"
        )
    return Expectations(tuple(rules), file.least_share)


def _rule(path: Path, rule: _Rule, *, forbidden: bool) -> Rule:
    members = tuple(_pattern(path, member) for member in rule.members)
    name = rule.name or " × ".join(map(_shown, rule.members))
    sign = {None: 0, "positive": 1, "negative": -1}[rule.effect]
    return Rule(name, members, forbidden, sign)


def _pattern(path: Path, member: str | int | _Pattern) -> Pattern:
    if isinstance(member, str):
        return Pattern(labels=(member,))
    if isinstance(member, int):
        return Pattern(positions=(member,))
    if member.label is None and member.position is None and member.kind is None:
        raise InvalidInput(
            f"{path}: a member is given by label, position or kind; one has none of"
            " them"
        )
    return Pattern(
        _all(member.label), _positions(path, member.position), _all(member.kind)
    )


def _positions(path: Path, given: int | str | list[int] | None) -> Sequence[int]:
    if given is None:
        return ()
    if isinstance(given, list):
        return tuple(given)
    if isinstance(given, int):
        return (given,)
    match = re.fullmatch(r"\s*([0-9]+)\s*(?:-\s*([0-9]+)\s*)?", given)
    if match is None:
        raise InvalidInput(
            f"{path}: a position is a number, a list of them, or a range such as '2-20'"
        )
    return span_of(match[1], match[2], f"{path}: positions")


def _all(given: str | list[str] | None) -> tuple[str, ...]:
    if given is None:
        return ()
    return (given,) if isinstance(given, str) else tuple(given)


def _shown(member: str | int | _Pattern) -> str:
    if isinstance(member, str):
        return member
    if isinstance(member, int):
        return f"candidate {member}"
    parts = "|".join([*_all(member.label), *_all(member.kind)])
    return parts if member.position is None else f"{parts} at {member.position}"
