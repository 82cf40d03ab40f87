"""Any other object: by its class and its attributes, by its settings, or by what it
would be pickled as.
"""

import copyreg
import functools
import io
import random
import re
import types
import typing
from enum import Enum
from pathlib import PurePath
from typing import Any

import numpy as np

from spexlens.identity.graph import Bag, Seen, Unknown, aname, named
from spexlens.identity.places import found, installed

_POINTER = object.__basicsize__ // 2
_VARIABLES = (typing.TypeVar, typing.ParamSpec)
_OF_A_CONFIGURATION = {"_name_or_path", "transformers_version", "peft_version"}
_FOR_PEOPLE = {"__annotations__", "__annotate__", "__doc__", "__type_params__"}
_HOOKS = ("__reduce__", "__reduce_ex__", "__getstate__")


def tell_object(value: Any, seen: Seen) -> Any:
    """Anything."""
    kind = type(value)
    if isinstance(value, Enum):
        return ["member", seen(kind), seen(value._name_), seen(value._value_)]
    if isinstance(value, PurePath):
        return ["path", seen(kind), seen(str(value))]
    if isinstance(value, re.Pattern):
        return ["pattern", seen(value.pattern), value.flags]
    if isinstance(value, _VARIABLES):
        return ["type variable", value.__name__]
    if isinstance(value, functools.partial):
        parts = (seen(value.func), seen(value.args), seen(value.keywords))
        return ["partial", seen(kind), *parts, state(value, seen)]
    if isinstance(value, io.IOBase):
        raise Unknown("an open file")
    if value is random._inst or value is np.random.mtrand._rand:
        # everybody's: nobody asks for one state of it
        return ["generator", kind.__module__]
    told = _configuration(value, seen) or _estimator(value, seen)
    if told is not None:
        return told
    if isinstance(value, np.vectorize):  # which keeps what it makes when it is called
        return [
            "vectorize",
            seen(
                {name: each for name, each in vars(value).items() if name != "_ufunc"}
            ),
        ]
    if _hidden(kind) or (installed(kind.__module__) and _hooked(kind)):
        return _reduced(value, seen)
    return ["object", seen(kind), state(value, seen)]


def state(value: Any, seen: Seen) -> Bag:
    """An object's attributes, in no order."""
    return _bag("attribute", _attributes(value), value, seen, _strict(type(value)))


def _bag(
    what: str,
    items: list[tuple[str, Any]],
    value: Any,
    seen: Seen,
    forgiving: bool | None = None,
) -> Bag:
    of = f"of {named(type(value))}"
    return Bag(
        [
            [seen(name), seen(each, f"{what} {name!r} {of}", forgiving)]
            for name, each in items
        ]
    )


def _strict(kind: type) -> bool | None:
    """Nothing is forgiven in an object of somebody's own class."""
    return None if installed(kind.__module__) else False


def _attributes(value: Any) -> list[tuple[str, Any]]:
    """The attributes that an object itself holds, in its dict and its slots."""
    held = list(getattr(value, "__dict__", {}).items())
    for name, slot in _slots(type(value)):
        try:
            held.append((name, slot.__get__(value, type(value))))
        except AttributeError:  # nothing in it
            continue
    return [(name, each) for name, each in held if name not in _FOR_PEOPLE]


def _slots(kind: type) -> list[tuple[str, Any]]:
    return [
        (name, member)
        for base in kind.__mro__
        if "__slots__" in vars(base)
        for name, member in vars(base).items()
        if isinstance(member, types.MemberDescriptorType)
    ]


def _hidden(kind: type) -> bool:
    """Whether objects hold more than their dict and slots, in the memory of an
    extension.
    """
    pointers = (
        (kind.__dictoffset__ > 0) + (kind.__weakrefoffset__ > 0) + len(_slots(kind))
    )
    return (
        kind.__itemsize__ > 0
        or kind.__basicsize__ > object.__basicsize__ + _POINTER * pointers
    )


def _hooked(kind: type) -> bool:
    """Whether a class says itself how its objects are to be pickled."""
    return any(getattr(kind, name) is not getattr(object, name) for name in _HOOKS)


def _reduced(value: Any, seen: Seen) -> Any:
    """How an object would be made anew by pickle, without anything being pickled."""
    kind = named(type(value))
    try:
        reduce = copyreg.dispatch_table.get(type(value))
        reduced = value.__reduce_ex__(4) if reduce is None else reduce(value)
        if isinstance(reduced, str):
            return _by_name(value, reduced)
        parts = [
            list(part) if place > 2 and part is not None else part
            for place, part in enumerate(reduced)
        ]
    except Exception as error:  # whatever an extension raises
        raise Unknown(aname(type(value))) from error
    attributes = (
        state(value, seen)
        if len(parts) < 3 and not installed(type(value).__module__)
        else None
    )
    return ["reduced", *(seen(part, f"state of {kind}") for part in parts), attributes]


def _by_name(value: Any, name: str) -> Any:
    """What there is only one of, such as `typing.Any`."""
    module = getattr(value, "__module__", type(value).__module__)
    if not installed(module) or found(module, name) is not value:
        raise Unknown(aname(type(value)))
    return ["name", module, name]


def _configuration(value: Any, seen: Seen) -> Any:
    """A configuration, such as one of transformers, by its settings; None for anything
    else.
    """
    if not all(
        callable(getattr(value, name, None)) for name in ("to_dict", "save_pretrained")
    ):
        return None
    try:
        settings = _stripped(value.to_dict())
    except Exception:  # then by its attributes
        return None
    attention = getattr(value, "_attn_implementation", None)
    return ["configuration", seen(type(value)), seen(settings), seen(attention)]


def _stripped(settings: Any) -> Any:
    """Settings without those that decide nothing."""
    if isinstance(settings, dict):
        kept = {
            name: each
            for name, each in settings.items()
            if name not in _OF_A_CONFIGURATION
        }
        return {name: _stripped(each) for name, each in kept.items()}
    return settings


def _estimator(value: Any, seen: Seen) -> Any:
    """An estimator in scikit-learn's manner, by its settings and what it learnt; None
    for anything else.
    """
    kind = type(value)
    if not all(
        callable(getattr(value, name, None)) for name in ("get_params", "set_params")
    ):
        return None
    try:
        settings = dict(value.get_params(deep=False))
    except Exception:  # then by its attributes
        return None
    told = _bag("parameter", list(settings.items()), value, seen, _strict(kind))
    learnt = [(name, each) for name, each in _attributes(value) if name not in settings]
    return [
        "estimator",
        seen(kind),
        told,
        _bag("attribute", learnt, value, seen, installed(kind.__module__)),
    ]
