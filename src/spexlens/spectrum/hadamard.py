"""The fast Walsh-Hadamard transform."""

import numpy as np
from numpy.typing import NDArray


def walsh_hadamard(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """H x along the first axis, for the unnormalised H[j, m] = (-1)^|j & m|.

    Takes n 2^n additions (Fino & Algazi, IEEE Trans. Comput. 25, 1976).

    Args:
        values: (2^n,) or (2^n, k) float64, indexed by mask (bit i = candidate i).

    Returns:
        A new array of the same shape. Applied to F it gives f; applied to f / 2^n it
        gives F.
    """
    size = values.shape[0]
    result = np.array(values, dtype=np.float64)

    half = 1
    while half < size:
        # a view: what is assigned to pairs is written to result
        pairs = result.reshape(size // (2 * half), 2, half, -1)

        total = pairs[:, 0] + pairs[:, 1]
        pairs[:, 1] = pairs[:, 0] - pairs[:, 1]
        pairs[:, 0] = total
        half *= 2

    return result
