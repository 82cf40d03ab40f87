"""Recipe: how a game is made again, as data."""

import hashlib
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields
from typing import Any, ClassVar, Self, TypeVar

from spexlens.arguments import plain
from spexlens.errors import InvalidInput

_KIND = "recipe"  # the key that names a recipe's kind, which no field may be called

R = TypeVar("R", bound="Recipe")
Made = TypeVar("Made")


@dataclass(frozen=True)
class Recipe:
    """What makes a game again, here or on another machine.

    Each lens has a recipe of its own: a frozen dataclass whose fields are what the lens
    was asked for, as JSON: texts, numbers, lists, and other recipes. Equal recipes make
    games with the same fingerprint, as long as the models and files that they name are
    the same. A variant is `dataclasses.replace(recipe, replacement="delete")`.
    """

    kind: ClassVar[str]
    """What its JSON calls it, such as "features"."""

    _kinds: ClassVar[dict[str, type["Recipe"]]] = {}
    _makers: ClassVar[dict[str, Callable[[Any], Any]]] = {}

    def __init_subclass__(cls, **more: Any) -> None:
        super().__init_subclass__(**more)
        if "kind" in vars(cls):
            Recipe._kinds[cls.kind] = cls

    @classmethod
    def made_by(cls: type[R], maker: Callable[[R], Made]) -> Callable[[R], Made]:
        """Says, as a decorator, what makes things of these recipes.

        A recipe knows nothing of lenses: a lens, which knows its recipe, says here that
        it is made from it.
        """
        cls._makers[cls.kind] = maker
        return maker

    def game(self) -> Any:
        """The game, or the learner, made anew.

        Raises:
            SpexlensError: a model or a file that it names is absent, or is another.
            InvalidInput: nothing makes such a thing: its module was not imported.
        """
        if self.kind not in self._makers:
            raise InvalidInput(f"nothing makes a game of a recipe {self.kind!r}")
        return self._makers[self.kind](self)

    def content(self) -> dict[str, Any]:
        """It as JSON, its kind first."""
        held = {each.name: getattr(self, each.name) for each in fields(self)}
        said = {name: _written(value, name) for name, value in held.items()}
        return {_KIND: self.kind, **said}

    def to_json(self) -> str:
        """It as one line of JSON: equal recipes give equal lines.

        Raises:
            InvalidInput: a field holds what JSON has not; the text says which.
        """
        return json.dumps(
            self.content(), ensure_ascii=False, allow_nan=False, sort_keys=True
        )

    @property
    def fingerprint(self) -> str:
        """sha256 of `to_json`."""
        return hashlib.sha256(self.to_json().encode()).hexdigest()

    @classmethod
    def of(cls, content: Any) -> "Recipe":
        """The recipe that `content` was written from.

        Only kinds whose modules are imported are known; `lenses.recipes` imports all
        that come with the package.

        Raises:
            InvalidInput: it is none, of a kind that is not known, or lacks a field.
        """
        if not isinstance(content, Mapping) or _KIND not in content:
            raise InvalidInput("a recipe is an object with the key 'recipe'")
        kind = cls._kinds.get(content[_KIND])
        if kind is None:
            known = ", ".join(sorted(cls._kinds))
            raise InvalidInput(
                f"no recipe of kind {content[_KIND]!r} is known; there are {known}"
            )
        return kind._read({k: v for k, v in content.items() if k != _KIND})

    @classmethod
    def _read(cls, held: dict[str, Any]) -> Self:
        known = {each.name for each in fields(cls)}
        if unknown := sorted(held.keys() - known):
            raise InvalidInput(f"a recipe {cls.kind!r} has no {unknown[0]!r}")
        try:
            return cls(**{name: _held(value) for name, value in held.items()})
        except TypeError as error:
            raise InvalidInput(
                f"a recipe {cls.kind!r} lacks a field: {error}"
            ) from error


def _written(value: Any, name: str) -> Any:
    """A field as JSON."""
    if isinstance(value, Recipe):
        return value.content()
    if isinstance(value, tuple | list):
        return [_written(part, name) for part in value]
    return plain(value, name)


def _held(value: Any) -> Any:
    """A field's JSON as it was: lists are tuples, so that recipes can be compared."""
    if isinstance(value, list):
        return tuple(_held(part) for part in value)
    if isinstance(value, Mapping) and _KIND in value:
        return Recipe.of(value)
    return value
