"""Digests: what decides a training, as JSON that is equal where trainings are."""

import hashlib
import json
from typing import Any

import numpy as np
from numpy.typing import NDArray


def digest(array: NDArray[Any] | None) -> Any:
    """sha256 of an array's content, beside its shape where it is of fractions."""
    if array is None:
        return None
    if array.dtype.kind in "fc":
        content = np.ascontiguousarray(array).tobytes()
        return [list(array.shape), hashlib.sha256(content).hexdigest()]
    text = json.dumps(array.tolist(), ensure_ascii=True)
    return hashlib.sha256(text.encode()).hexdigest()


def seeds(kept: NDArray[np.bool_], seed: int, number: int) -> NDArray[np.int64]:
    """A seed for each subset, so that what is random in one training says nothing of
    others'.

    Args:
        kept: (m, N), the subsets.
        seed: decides all seeds.
        number: which of the trainings of a subset.

    Returns:
        (m,) int64, below 2^32.
    """
    begun = hashlib.sha256(f"{seed} {number} ".encode())
    numbers = []
    for row in np.packbits(kept, axis=1):
        of_subset = begun.copy()
        of_subset.update(row.tobytes())
        numbers.append(int.from_bytes(of_subset.digest()[:4], "little"))
    return np.array(numbers, dtype=np.int64)
