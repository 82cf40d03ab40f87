"""Arrays of numpy, by their bytes."""

import hashlib
from typing import Any

import numpy as np
from numpy.typing import NDArray

from spexlens.identity.graph import Seen
from spexlens.identity.objects import state

_CHUNK = 1 << 26
_PLAIN = (np.ndarray, np.memmap)


def tell_array(value: Any, seen: Seen) -> Any:
    """An array, or a scalar of numpy that Python has no number for; None for anything
    else.
    """
    if isinstance(value, np.dtype):
        return ["dtype", *_type(value)]
    if isinstance(value, np.generic):
        return ["scalar", _content(np.asarray(value), seen)]
    if not isinstance(value, np.ndarray):
        return None
    if isinstance(value, np.ma.MaskedArray):
        parts = (
            np.asarray(value.data),
            np.ma.getmaskarray(value),
            np.asarray(value.fill_value),
        )
        return ["masked array", *(_content(each, seen) for each in parts)]
    told = ["array", _content(np.asarray(value), seen)]
    return (
        told
        if type(value) in _PLAIN
        else [*told, seen(type(value)), state(value, seen)]
    )


def _content(array: NDArray[Any], seen: Seen) -> list[Any]:
    """The type, the shape, and what is in it."""
    told = [*_type(array.dtype), list(array.shape)]
    if array.dtype.names is not None:  # between fields there may be bytes of no meaning
        return [*told, *(_content(array[name], seen) for name in array.dtype.names)]
    if array.dtype.hasobject or array.dtype.kind == "T":
        return [*told, *(seen(each) for each in array.ravel().tolist())]
    if array.dtype.char in "gG":
        return [*told, *map(_bytes_of, _doubles(array))]
    return [*told, _bytes_of(array)]


def _type(dtype: np.dtype[Any]) -> list[Any]:
    """A data type, without what lies between fields."""
    if dtype.names is not None:
        return ["fields", [[name, *_type(dtype[name])] for name in dtype.names]]
    if dtype.subdtype is not None:
        return ["each", list(dtype.subdtype[1]), *_type(dtype.subdtype[0])]
    # of an extension, such as bfloat16
    if dtype.kind == "V" and dtype.type is not np.void:
        return [dtype.name]
    return [dtype.str]


def _bytes_of(array: NDArray[Any]) -> str:
    """sha256 of an array's bytes, row after row; only what does not lie so in memory is
    copied, in parts.
    """
    if array.nbytes == 0:
        return ""
    digest = hashlib.sha256()
    rows = array.reshape(1) if array.ndim == 0 else array
    step = (
        len(rows)
        if rows.flags.c_contiguous
        else max(1, _CHUNK // max(1, rows.nbytes // len(rows)))
    )
    for first in range(0, len(rows), step):
        chunk = np.ascontiguousarray(rows[first : first + step])
        digest.update(chunk.reshape(-1).view(np.uint8).data)
    return digest.hexdigest()


def _doubles(array: NDArray[Any]) -> list[NDArray[Any]]:
    """Long doubles, whose bytes are not all used, as two doubles and an exponent."""
    if array.dtype.kind == "c":
        return [*_doubles(array.real), *_doubles(array.imag)]
    mantissa, exponent = np.frexp(array)
    high = mantissa.astype(np.float64)
    with np.errstate(invalid="ignore"):
        low = (mantissa - high).astype(np.float64)
    return [high, low, np.asarray(exponent)]
