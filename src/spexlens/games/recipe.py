"""Recipe: how a game is made again, as data."""

import hashlib
import json
from collections.abc import Callable, Mapping
from dataclasses import MISSING, dataclass, fields
from inspect import get_annotations
from typing import Any, ClassVar, Self, TypeVar

from spexlens.arguments import plain
from spexlens.errors import InvalidInput
from spexlens.files.json_text import encodable

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

    While a lens is made, a field may hold what is no data, such as a loaded model; that
    recipe has no JSON. One that is read from JSON has tuples for its lists.
    """

    kind: ClassVar[str]
    """What its JSON calls it, such as "features"."""

    _kinds: ClassVar[dict[str, type["Recipe"]]] = {}
    _makers: ClassVar[dict[str, Callable[[Any], Any]]] = {}

    def __init_subclass__(cls, **options: Any) -> None:
        super().__init_subclass__(**options)
        if _KIND in get_annotations(cls):
            raise TypeError(f"{cls.__name__} has a field {_KIND!r}: its JSON's own key")
        if "kind" in vars(cls):
            Recipe._kinds[cls.kind] = cls

    @classmethod
    def made_by(cls: type[R], maker: Callable[[R], Made]) -> Callable[[R], Made]:
        """Says, as a decorator, what makes things of these recipes.

        A recipe knows nothing of lenses: a lens, which knows its recipe, says here that
        it is made from it.
        """
        Recipe._makers[cls.kind] = maker
        return maker

    def game(self) -> Any:
        """The game, or the learner, made anew.

        Raises:
            SpexlensError: a model or a file that it names is absent, or is another.
            InvalidInput: nothing makes such a thing: its module was not imported.
        """
        maker = Recipe._makers.get(self.kind)
        if maker is None:
            raise InvalidInput(f"nothing makes a game of a recipe {self.kind!r}")
        return maker(self)

    def content(self) -> dict[str, Any]:
        """It as JSON, its kind first; numpy's numbers as Python's, paths as texts.

        Raises:
            InvalidInput: a field holds what JSON has not; the text says which.
        """
        content: dict[str, Any] = {_KIND: self.kind}
        for field in fields(self):
            content[field.name] = _written(getattr(self, field.name), field.name)
        return content

    def to_json(self) -> str:
        """It as one line of JSON, its keys in alphabetical order.

        Raises:
            InvalidInput: a field holds what JSON has not; the text says which.
        """
        return _line(self.content())

    @property
    def fingerprint(self) -> str:
        """sha256 of its JSON; equal recipes have equal ones.

        Raises:
            InvalidInput: a field holds what JSON has not; the text says which.
        """
        # 1.0 equals 1, but is written otherwise
        return hashlib.sha256(_line(_whole(self.content())).encode()).hexdigest()

    @classmethod
    def of(cls, content: Any) -> "Recipe":
        """The recipe that `content` was written from.

        Only kinds whose modules are imported are known; `lenses.recipes` imports all
        that come with the package.

        Args:
            content: JSON that was read, as `content` gives it.

        Raises:
            InvalidInput: it is none, of a kind that is not known, or its fields are not
                those of its kind.
        """
        if not isinstance(content, Mapping) or _KIND not in content:
            raise InvalidInput("a recipe is an object with the key 'recipe'")
        name = content[_KIND]
        kind = Recipe._kinds.get(name) if isinstance(name, str) else None
        if kind is None:
            known = ", ".join(sorted(Recipe._kinds))
            raise InvalidInput(
                f"no recipe of kind {name!r} is known; there are {known}: import the"
                " module of its lens first"
            )
        return kind._filled({key: content[key] for key in content if key != _KIND})

    @classmethod
    def _filled(cls, values: dict[str, Any]) -> Self:
        """One with these fields, those that have a default where they are absent."""
        names = [field.name for field in fields(cls)]
        for name in values:
            if name not in names:
                raise InvalidInput(f"a recipe {cls.kind!r} has no {name!r}")
        for field in fields(cls):
            needed = field.default is MISSING and field.default_factory is MISSING
            if needed and field.name not in values:
                raise InvalidInput(f"a recipe {cls.kind!r} lacks {field.name!r}")
        return cls(**{name: _read(value) for name, value in values.items()})


def _written(value: Any, what: str) -> Any:
    """A field as JSON.

    Raises:
        InvalidInput: it holds what JSON has not; the text says where.
    """
    if isinstance(value, Recipe):
        return value.content()
    if isinstance(value, tuple | list):
        return [_written(part, f"{what}.{number}") for number, part in enumerate(value)]
    return plain(value, what)


def _read(value: Any) -> Any:
    """A field's JSON as a recipe holds it: tuples can be compared, and do not change."""
    if isinstance(value, tuple | list):
        return tuple(_read(part) for part in value)
    if isinstance(value, Mapping) and _KIND in value:
        return Recipe.of(value)
    return value


def _whole(value: Any) -> Any:
    """JSON whose floats without a fraction are whole numbers."""
    if isinstance(value, dict):
        return {key: _whole(part) for key, part in value.items()}
    if isinstance(value, list):
        return [_whole(part) for part in value]
    if isinstance(value, float) and value.is_integer():
        return int(value)
    return value


def _line(content: Any) -> str:
    """One line of JSON, its keys in order; half characters as JSON escapes them."""
    return encodable(
        json.dumps(content, ensure_ascii=False, allow_nan=False, sort_keys=True)
    )
