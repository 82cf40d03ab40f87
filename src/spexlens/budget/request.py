"""Request: what was asked of `explain`, checked once, as data."""

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any, Literal, Self, TypedDict

from spexlens.arguments import named, plain, whole_number
from spexlens.errors import InvalidInput
from spexlens.games.expectations import Expectations, Pattern, Rule
from spexlens.games.game import Game
from spexlens.games.recipe import Recipe
from spexlens.solvers.solver import Solver

Until = Literal["stable"] | None


class Evidence(TypedDict, total=False):
    """The arguments of `explain` that ask for evidence.

    For functions that pass them on; see `explain` for what each means.
    """

    checks: int | None
    refit: bool
    noise: int | None
    against: Sequence[str | Game]
    ordinary: Sequence[str | float]
    expectations: Expectations | str | Path | None
    smallest: float | None


class StoppingEvidence(Evidence, total=False):
    """The same, and when to stop."""

    until: Until


_COUNTS = ("held_out", "trainings", "unchosen", "checks", "noise")


@dataclass(frozen=True)
class Request:
    """What was asked of `explain`; the fields are its arguments.

    Where evaluations are kept and who is told of progress is no part of it: the same
    request of the same game gives the same explanation anywhere.

    Raises:
        InvalidInput: a number that is none, negative, or too large.
    """

    budget: int = 300
    method: str | Solver = "auto"
    seed: int = 0
    held_out: int | None = None
    trainings: int | None = None
    unchosen: int | None = None
    checks: int | None = None
    refit: bool = True
    noise: int | None = None
    until: Until = None
    against: Sequence[str | Game] = ()
    ordinary: Sequence[str | float] = ()
    expectations: Expectations | None = None
    smallest: float | None = None

    def __post_init__(self) -> None:
        self._hold("seed", whole_number(self.seed, "a seed"))
        self._hold("budget", whole_number(self.budget, "a budget"))
        for name in _COUNTS:
            count = getattr(self, name)
            if count is not None:
                self._hold(name, whole_number(count, named(name)))
        self._hold("against", _several(self.against, str | Game))
        self._hold("ordinary", _several(self.ordinary, str))

    def _hold(self, name: str, value: object) -> None:
        object.__setattr__(self, name, value)  # a frozen dataclass, as it is made

    @property
    def is_data(self) -> bool:
        """Whether all of it can be written down: no solver of somebody's own is part of
        it, and no game that data alone does not make again.
        """
        games = [other for other in self.against if not isinstance(other, str)]
        return isinstance(self.method, str) and all(game.recipe for game in games)

    def content(self) -> dict[str, Any]:
        """It as JSON.

        Raises:
            InvalidInput: a solver of somebody's own, or a game without a recipe, is
                part of it.
        """
        # Not `asdict`, which would copy a solver and games too.
        content = {field.name: getattr(self, field.name) for field in fields(self)}
        if isinstance(self.method, Solver):
            raise InvalidInput("a solver that was made in Python is no data: name one")
        content["against"] = [_variant(way) for way in self.against]
        if self.expectations is not None:
            content["expectations"] = _written(self.expectations)
        return {name: plain(value, name) for name, value in content.items()}

    def to_json(self) -> str:
        """It as one line of JSON: equal requests give equal lines.

        Raises:
            InvalidInput: as `content`.
        """
        return json.dumps(
            self.content(), ensure_ascii=False, allow_nan=False, sort_keys=True
        )

    @property
    def fingerprint(self) -> str:
        """sha256 of `to_json`."""
        return hashlib.sha256(self.to_json().encode()).hexdigest()

    @classmethod
    def of(cls, content: Any) -> Self:
        """The request that `content` was written from.

        Raises:
            InvalidInput: it is none.
        """
        if not isinstance(content, Mapping):
            raise InvalidInput("a request is an object of arguments of explain")
        known = {field.name for field in fields(cls)}
        if unknown := sorted(content.keys() - known):
            raise InvalidInput(f"a request has no {unknown[0]!r}")
        # JSON has lists where a request has tuples, which nobody can change.
        arguments = dict(content)
        against = arguments.get("against", ())
        arguments["against"] = tuple(_game(way) for way in against)
        arguments["ordinary"] = tuple(arguments.get("ordinary", ()))
        expectations = arguments.get("expectations")
        if expectations is not None:
            arguments["expectations"] = _expectations(expectations)
        return cls(**arguments)


def _written(expectations: Expectations) -> dict[str, Any]:
    """Expectations as JSON: a range of positions is the list of them."""
    content = asdict(expectations)
    for rule in content["rules"]:
        for member in rule["members"]:
            member["positions"] = list(member["positions"])
    return content


def _several(given: Any, single: Any) -> tuple[Any, ...]:
    """A sequence as a tuple; one that is no sequence as a tuple of one."""
    return (given,) if isinstance(given, single) else tuple(given)


def _variant(other: str | Game) -> Any:
    """Another way to ablate as JSON: its name, or how its game is made again."""
    if isinstance(other, str):
        return other
    if other.recipe is None:
        raise InvalidInput("a game without a recipe cannot be written down")
    return other.recipe.content()


def _game(content: Any) -> Any:
    return content if isinstance(content, str) else Recipe.of(content).game()


def _expectations(content: Mapping[str, Any]) -> Expectations:
    rules = [_rule(rule) for rule in content["rules"]]
    return Expectations(tuple(rules), content["least_share"])


def _rule(content: Mapping[str, Any]) -> Rule:
    members = [_pattern(member) for member in content["members"]]
    return Rule(
        content["name"],
        tuple(members),
        content["forbidden"],
        content["sign"],
    )


def _pattern(content: Mapping[str, Any]) -> Pattern:
    return Pattern(
        tuple(content["labels"]),
        tuple(content["positions"]),
        tuple(content["kinds"]),
    )
