"""Sparse matrices of scipy, and series, frames and indices of pandas; neither is
imported for it.
"""

import sys
from typing import Any

import numpy as np

from spexlens.identity.graph import Seen


def tell_table(value: Any, seen: Seen) -> Any:
    """A sparse matrix or a table; None for anything else."""
    sparse = sys.modules.get("scipy.sparse")
    if sparse is not None and sparse.issparse(value):
        return _sparse(value, seen)
    pandas = sys.modules.get("pandas")
    if pandas is None or not hasattr(pandas, "DataFrame"):
        return None
    if isinstance(value, pandas.DataFrame):
        parts = (
            value.columns,
            value.index,
            *(value.iloc[:, place].array for place in range(value.shape[1])),
        )
        return ["frame", seen(type(value)), *map(seen, parts)]
    if isinstance(value, pandas.Series):
        return [
            "series",
            seen(type(value)),
            seen(value.name),
            seen(value.index),
            seen(value.array),
        ]
    if isinstance(value, pandas.MultiIndex):
        levels = [seen(value.get_level_values(level)) for level in range(value.nlevels)]
        return ["index", seen(list(value.names)), *levels]
    if isinstance(value, pandas.Index):
        return ["index", seen(value.name), seen(value.array)]
    if isinstance(value, pandas.api.extensions.ExtensionArray):
        return _column(value, pandas, seen)
    return None


def _sparse(value: Any, seen: Seen) -> Any:
    """Its format, and where it holds what."""
    listed = value.tocoo()
    places = listed.coords if hasattr(listed, "coords") else (listed.row, listed.col)
    kind = f"{type(value).__module__}.{type(value).__qualname__}"
    return ["sparse", kind, list(value.shape), seen(listed.data), *map(seen, places)]


def _column(value: Any, pandas: Any, seen: Seen) -> Any:
    """A column's type, and what is in it."""
    if isinstance(value, pandas.Categorical):
        return [
            "categories",
            seen(value.codes),
            seen(value.categories),
            bool(value.ordered),
        ]
    plain = getattr(value.dtype, "numpy_dtype", None)
    if isinstance(value, pandas.arrays.NumpyExtensionArray) and plain is not None:
        return ["column", seen(np.asarray(value.to_numpy()))]
    return ["column", str(value.dtype), seen(np.asarray(value, dtype=object))]
