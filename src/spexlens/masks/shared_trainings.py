"""Shared trainings: masks of which many agree on the training examples."""

import numpy as np
from numpy.typing import NDArray

from spexlens.masks.designs import packed_uniform, uniform
from spexlens.masks.masks import ENUMERABLE, distinct, pack, unpack


def sharing(
    trained: NDArray[np.bool_],
    count: int,
    trainings: int,
    seed: int,
    apart: NDArray[np.bool_] | None = None,
) -> NDArray[np.bool_]:
    """Distinct masks of which many agree on some candidates: (count or fewer, n) bool.

    What they say of the marked candidates takes at most `trainings` values, drawn
    uniformly; each is followed by as many uniform masks of the others.

    Args:
        trained: (n,) bool, the marked candidates.
        count: how many masks.
        trainings: how many values.
        seed: decides all draws.
        apart: (m, n) bool, masks whose values on the marked candidates are not to be
            used again.
    """
    n = len(trained)
    marked = int(trained.sum())
    used = (
        pack(apart[:, trained])
        if apart is not None
        else np.zeros((0, (marked + 7) // 8), np.uint8)
    )
    wanted = trainings + len(distinct(used)[0])
    drawn = packed_uniform(
        marked, min(wanted, 1 << marked) if marked <= ENUMERABLE else wanted, seed
    )
    both = np.concatenate([used, drawn])
    first, _ = distinct(both)
    slices = unpack(both[first[first >= len(used)]][:trainings], marked)
    each = -(-count // max(1, len(slices)))
    each = min(each, 1 << (n - marked)) if n - marked <= ENUMERABLE else each
    masks = np.zeros((len(slices), each, n), np.bool_)
    masks[:, :, trained] = slices[:, None, :]
    for number in range(len(slices)):
        masks[number][:, ~trained] = uniform(n - marked, each, seed + number + 1)
    # so that fewer are spread over all trainings
    return masks.transpose(1, 0, 2).reshape(-1, n)[:count]
