"""The masks of ProxySPEX: first far apart, then uniform."""

import numpy as np
from numpy.typing import NDArray
from threadpoolctl import threadpool_limits

from spexlens.ablation import masks as mask_algebra

Packed = NDArray[np.uint8]

_CHOSEN = 512
_POOL = 2048
_TOTAL = 3.0  # Σρ of the prior that distance is measured with


def uniform(n: int, count: int, seed: int) -> Packed:
    """Both corners, then uniform masks; as `space_filling` otherwise."""
    masks = np.concatenate(
        [mask_algebra.pack(mask_algebra.corners(n)), mask_algebra.packed_uniform(n, count, seed)]
    )
    first, _ = mask_algebra.distinct(masks)
    chosen: Packed = masks[first[:count]]
    return chosen


def space_filling(n: int, count: int, seed: int) -> Packed:
    """Both corners, then masks that are far from all before them, then uniform ones.

    Each of the first 512 is the one of 2,048 uniform masks about which a Gaussian process with
    k(s, t) = Π (1 + ρ s_i t_i), ρ = 3 / n, knows least from the masks before it (its largest
    posterior variance: pivoted Cholesky). A longer design begins with a shorter one.

    Args:
        n: the number of candidates.
        count: of masks, at most 2^n.
        seed: decides the pool and all that follows.

    Returns:
        (count, ceil(n / 8)) uint8, distinct packed masks.
    """
    pool = min(_POOL, 1 << n) if n <= 62 else _POOL
    together = uniform(n, max(pool, count), seed)
    with threadpool_limits(1):  # sums in another order would be other bits, and other masks
        first = _greedy(mask_algebra.unpack(together[:pool], n), min(_CHOSEN, count, pool))
    rest = np.setdiff1d(np.arange(len(together)), first)
    chosen: Packed = together[np.concatenate([first, rest])[:count]]
    return chosen


def _greedy(masks: NDArray[np.bool_], count: int) -> NDArray[np.int64]:
    """Rows of (p, n) masks, the first two and then each the least known."""
    scale = np.arctanh(min(_TOTAL / masks.shape[1], 0.9))
    signs = np.where(masks, np.float32(-1), np.float32(1))
    most = float(np.exp(scale * signs.shape[1]))
    unknown = np.ones(len(signs))
    factor = np.zeros((count, len(signs)), np.float32)
    chosen = np.zeros(count, np.int64)
    for j in range(count):
        row = j if j < 2 else int(np.argmax(unknown))
        chosen[j] = row
        kernel = np.exp(scale * (signs @ signs[row])) / most
        kernel -= factor[:j, row] @ factor[:j]
        factor[j] = kernel / np.sqrt(max(unknown[row], 1e-12))
        unknown -= factor[j].astype(np.float64) ** 2
        unknown[chosen[: j + 1]] = -1.0
    return chosen
