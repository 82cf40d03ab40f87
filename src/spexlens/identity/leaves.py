"""Numbers and texts, which stand in a description as they are."""

import hashlib
import math
from typing import Any

import numpy as np

_LARGEST = 1 << 63
_LONGEST = 64
_PLAIN = {
    type(None),
    bool,
    int,
    float,
    complex,
    str,
    bytes,
    type(Ellipsis),
    type(NotImplemented),
}


def is_leaf(value: Any) -> bool:
    """Whether a value is a number or a text, of Python or of numpy."""
    kind = type(value)
    return kind in _PLAIN or (
        isinstance(value, np.generic) and type(_item(value)) in _PLAIN
    )


def leaf(value: Any) -> Any:
    """A number or a text as JSON, exactly; of two kinds that are equal, such as 1 and
    1.0, each its own.
    """
    if isinstance(value, np.generic):
        value = _item(value)
    if isinstance(value, bool) or value is None:
        return value
    if isinstance(value, int):
        return value if abs(value) < _LARGEST else ["int", hex(value)]
    if isinstance(value, float):
        return value if math.isfinite(value) else ["float", repr(value)]
    if isinstance(value, complex):
        return ["complex", value.real.hex(), value.imag.hex()]
    if isinstance(value, str):
        return _text(value)
    return (
        ["bytes", sha(value)] if isinstance(value, bytes) else ["constant", repr(value)]
    )


def sha(data: Any) -> str:
    """sha256 of bytes."""
    return hashlib.sha256(data).hexdigest()


def _text(text: str) -> Any:
    """A text; half a surrogate pair has no place in JSON."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return ["str", text.encode("utf-8", "surrogatepass").hex()]
    return text


def _item(value: np.generic) -> Any:
    """A number or text of numpy as Python's; anything else, such as a date with its
    unit, as it is.
    """
    return value.item() if value.dtype.kind in "biufcSU" else value
