"""Lists, dicts, sets and their like, by what they hold; and what derives from them, or
from numbers.
"""

from collections import OrderedDict, defaultdict, deque
from enum import Enum
from types import MappingProxyType
from typing import Any

from spexlens.identity.graph import Bag, Seen
from spexlens.identity.leaves import leaf, sha
from spexlens.identity.objects import state

_BASES: tuple[type, ...] = (
    list,
    tuple,
    dict,
    set,
    frozenset,
    str,
    bytes,
    int,
    float,
    complex,
)


def tell_container(value: Any, seen: Seen) -> Any:
    """What holds others; None for anything else."""
    if isinstance(value, (slice, range)):
        return [
            type(value).__name__,
            *(seen(each) for each in (value.start, value.stop, value.step)),
        ]
    if isinstance(value, (bytearray, memoryview)):
        return [type(value).__name__, sha(bytes(value))]
    if isinstance(value, deque):
        return ["deque", seen(value.maxlen), *map(seen, value)]
    if isinstance(value, MappingProxyType):
        return _held(dict(value), dict, seen)
    base = next((base for base in _BASES if isinstance(value, base)), None)
    if base is None or isinstance(value, Enum):
        return None
    if type(value) is base:
        return _held(value, base, seen)
    factory = [seen(value.default_factory)] if isinstance(value, defaultdict) else []
    return [
        base.__name__,
        seen(type(value)),
        _held(value, base, seen),
        state(value, seen),
        *factory,
    ]


def _held(value: Any, base: Any, seen: Seen) -> list[Any]:
    """The base's own part of a value."""
    if base is dict:
        pairs = (
            OrderedDict.items(value)
            if isinstance(value, OrderedDict)
            else dict.items(value)
        )
        items = [[seen(key), seen(each, _where(key))] for key, each in pairs]
        return ["dict", items if isinstance(value, OrderedDict) else Bag(items)]
    if base in (set, frozenset):
        return [base.__name__, Bag([seen(each) for each in base.__iter__(value)])]
    if base in (list, tuple):
        return [base.__name__, *map(seen, base.__iter__(value))]
    return [base.__name__, leaf(_plain(value, base))]


def _plain(value: Any, base: Any) -> Any:
    """A number or text of a class of its own, as the plain one it is."""
    return (
        complex(value)
        if base is complex
        else getattr(base, f"__{base.__name__}__")(value)
    )


def _where(key: Any) -> str:
    return f"key {key!r}" if type(key) is str else ""
