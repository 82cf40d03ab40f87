"""Arguments: numbers and texts that a caller gives, as plain Python, or refused in one
line.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from contextvars import ContextVar
from math import isfinite
from numbers import Real
from operator import index
from pathlib import PurePath
from typing import Any

import numpy as np

from spexlens.errors import InvalidInput

Speller = Callable[[str, Any], str | None]
"""Writes an argument as those write it who are to read an error: given its name, and
the value that is meant (None for none in particular). It gives None for an argument
that they do not have."""

_speller: ContextVar[Speller | None] = ContextVar("speller", default=None)


@contextmanager
def spelled(speller: Speller) -> Iterator[None]:
    """Within, errors name arguments as this does: the command line's as its options."""
    token = _speller.set(speller)
    try:
        yield
    finally:
        _speller.reset(token)


def named(name: str, value: object = None) -> str:
    """An argument as whoever reads the error gives it: `checks=0` in Python, `--checks
    0` on a command line.

    Args:
        name: of the argument in Python.
        value: that is meant, or None for none in particular.
    """
    speller = _speller.get()
    found = None if speller is None else speller(name, value)
    if found is not None:
        return found
    return name if value is None else f"{name}={value!r}"


def offered(name: str) -> bool:
    """Whether whoever reads an error can give this argument: in Python always."""
    speller = _speller.get()
    return speller is None or speller(name, None) is not None


def in_python(said: str) -> str:
    """Words of an error for those who call from Python; nothing for those at a command
    line.
    """
    return said if _speller.get() is None else ""


def shown(given: object) -> str:
    """A value as people write it: numpy's as Python's, a list as its parts."""
    if isinstance(given, np.generic):
        return shown(given.item())
    if isinstance(given, list | tuple):
        return ", ".join(map(shown, given)) or "nothing"
    if isinstance(given, Mapping):
        return (
            ", ".join(f"{key}: {shown(value)}" for key, value in given.items())
            or "nothing"
        )
    return repr(given)


def article(noun: str) -> str:
    """A noun behind "a", or "an"."""
    return f"{'an' if noun[:1].lower() in 'aeiou' else 'a'} {noun}"


def unknown(what: str, given: object, known: Iterable[object]) -> str:
    """What an error says of a name that is none of those known, the nearest first.

    Args:
        what: the name is of, such as "method".
        given: the name.
        known: the names that there are.
    """
    names = [str(name) for name in known]
    meant = did_you_mean(given, names)
    return f"unknown {what} {given!r}; {meant}choose one of {', '.join(names)}"


def did_you_mean(given: object, known: Iterable[object]) -> str:
    """The question whether a name near this one was meant, and a space; nothing if none
    is near.
    """
    near = nearest(given, known)
    return "" if near is None else f"did you mean {near!r}? "


def nearest(given: object, known: Iterable[object]) -> str | None:
    """Of names that are known, the one most like what was given, case aside; None if
    none is.
    """
    from difflib import get_close_matches

    folded = {str(name).casefold(): str(name) for name in known}
    found = get_close_matches(str(given).casefold(), folded, 1, 0.6)
    return folded[found[0]] if found else None


def whole_number(given: object, what: str, *, least: int = 0) -> int:
    """A seed or a budget as an int: Python's, or numpy's.

    Args:
        given: what was given.
        what: it is, for people to read.
        least: what it is not below.

    Raises:
        InvalidInput: it is no whole number, too small, or too large for 64 bits.
    """
    try:
        found = None if _is_bool(given) else index(given)  # type: ignore[arg-type]
    except TypeError:
        found = None
    if found is None:
        raise InvalidInput(f"{what} is a whole number; got {given!r}")
    if not least <= found < 1 << 63:
        bound = f"at least {least}" if least else "not negative"
        raise InvalidInput(f"{what} is {bound} and below 2^63; got {found}")
    return found


def number(given: object, what: str, *, positive: bool = False, of: str = "") -> float:
    """A setting as a float: Python's numbers and numpy's.

    Args:
        given: what was given.
        what: it is, for people to read.
        positive: whether zero and less are refused.
        of: its unit, such as "of seconds".

    Raises:
        InvalidInput: it is no real number, not finite, or not positive where it must
            be.
    """
    # an array of no dimension is one number
    single = given
    if isinstance(given, np.ndarray) and given.ndim == 0:
        single = given[()]

    # a whole number may be larger than any float
    found = float("nan")
    if isinstance(single, Real) and not _is_bool(single):
        with suppress(OverflowError):
            found = float(single)

    if not isfinite(found) or (positive and found <= 0):
        sign = "positive" if positive else "finite"
        unit = of and f" {of}"

        # numpy's would be written with their type
        plainly = isinstance(single, float | np.number)
        shown = f"{single}" if plainly else f"{single!r}"
        raise InvalidInput(f"{what} is a {sign} number{unit}; got {shown}")

    return found


def readable(text: object, what: str) -> str:
    """A text that can be encoded, and so be tokenized, printed and saved.

    Raises:
        InvalidInput: it is no text, or holds half a character, as JSON's "\\ud83d" is
            half an emoji.
    """
    if not isinstance(text, str):
        raise InvalidInput(f"{what} is a text; got {text!r}")
    try:
        text.encode()
    except UnicodeEncodeError as error:
        raise InvalidInput(
            f"{what} is not valid Unicode: character {error.start + 1} is"
            f" {text[error.start]!r}, half of a character; leave it out"
        ) from None
    return str.__str__(text)


def yes_or_no(given: object, what: str) -> bool:
    """True or False: Python's, or numpy's.

    Raises:
        InvalidInput: it is neither.
    """
    if not _is_bool(given):
        raise InvalidInput(f"{what} is True or False; got {given!r}")
    return bool(given)


def several(given: object, what: str) -> list[Any]:
    """A list, tuple, range, array or other iterable of things as a list.

    Raises:
        InvalidInput: it is none, or a single text.
    """
    if isinstance(given, str | bytes) or not isinstance(given, Iterable):
        raise InvalidInput(f"{what} is a list; got {given!r}")
    return list(given)


def plain(value: object, what: str) -> Any:
    """A copy that is JSON: numpy's numbers become Python's, arrays and tuples lists,
    paths texts.

    Args:
        value: of mappings, sequences, numbers, texts and None, in one another.
        what: it is, for people to read.

    Raises:
        InvalidInput: there is something in it that JSON has not; the text says where.
    """
    if value is None or isinstance(value, bool | np.bool_):
        return None if value is None else bool(value)
    if isinstance(value, str):
        return str.__str__(value)

    if isinstance(value, int | np.integer):
        return int(value)
    if isinstance(value, float | np.floating):
        if not isfinite(value):
            raise InvalidInput(f"{what} is {value}: JSON has only finite numbers")
        return float(value)
    if isinstance(value, PurePath):
        return str(value)

    if isinstance(value, Mapping):
        return {
            _key(key, what): plain(part, f"{what}.{key}") for key, part in value.items()
        }
    if isinstance(value, np.ndarray):
        return plain(value.tolist(), what)
    if isinstance(value, list | tuple):
        return [plain(part, f"{what}.{place}") for place, part in enumerate(value)]

    raise InvalidInput(
        f"{what} is {article(type(value).__name__)}: JSON has nothing like it"
    )


def _key(key: object, what: str) -> str:
    if isinstance(key, str):
        return str.__str__(key)
    if isinstance(key, int | np.integer) and not isinstance(key, bool):
        return str(int(key))
    raise InvalidInput(
        f"{what} has a key that is {article(type(key).__name__)}: JSON's keys are texts"
    )


def _is_bool(given: object) -> bool:
    return isinstance(given, bool | np.bool_)
