"""Shared trainings: masks of which many agree on the training examples.

Where some candidates are training examples, a model is trained once for each value that
masks take on them, and each training is dear. The other candidates are cheap, so a
design keeps the number of trainings low and varies the rest below each.
"""

import numpy as np
from numpy.typing import NDArray

from spexlens.masks.designs import packed_uniform, uniform
from spexlens.masks.masks import ENUMERABLE, distinct, pack, unpack, unseen


def sharing(
    trained: NDArray[np.bool_],
    count: int,
    trainings: int,
    seed: int,
    apart: NDArray[np.bool_] | None = None,
) -> NDArray[np.bool_]:
    """Distinct masks of which many agree on the training examples.

    On these candidates the masks take at most `trainings` values, drawn uniformly. Each
    value goes with equally many uniform masks of the other candidates. The masks are
    dealt out value by value in turn, so that a shorter piece of the design still spreads
    over all trainings.

    Args:
        trained: (n,) bool, which candidates are training examples.
        count: how many masks.
        trainings: how many values on the training examples.
        seed: decides all draws.
        apart: (m, n) bool, masks whose values on the training examples are not to be
            used again.

    Returns:
        (count, n) bool; fewer rows where fewer such masks exist.

    Raises:
        BudgetTooSmall: there are more than 20 candidates of one kind, and yet fewer
            masks of them than are needed.
    """
    n = len(trained)
    free = n - int(trained.sum())
    slices = _unused_slices(trained, trainings, seed, apart)

    # rounded up: what is too much is cut off in the end
    per_slice = -(-count // max(1, len(slices)))
    if free <= ENUMERABLE:
        per_slice = min(per_slice, 1 << free)

    # (slices, masks of each, n)
    masks = np.zeros((len(slices), per_slice, n), np.bool_)
    masks[:, :, trained] = slices[:, None, :]

    for number in range(len(slices)):
        # a seed of its own each: the slices do not share their masks of the rest
        rest = uniform(free, per_slice, seed + number + 1)
        masks[number][:, ~trained] = rest

    # the first mask of each slice, then the second of each
    in_turn = masks.transpose(1, 0, 2).reshape(-1, n)
    return in_turn[:count]


def _unused_slices(
    trained: NDArray[np.bool_],
    trainings: int,
    seed: int,
    apart: NDArray[np.bool_] | None,
) -> NDArray[np.bool_]:
    """Values on the training examples that no mask in `apart` has.

    Returns:
        (trainings, t) bool for t training examples; fewer rows where fewer are left.
    """
    examples = int(trained.sum())

    used = np.zeros((0, (examples + 7) // 8), np.uint8)
    if apart is not None:
        used = pack(apart[:, trained])

    # enough are drawn that as many as are wanted remain if all that are used come again
    known, _ = distinct(used)
    wanted = trainings + len(known)
    if examples <= ENUMERABLE:
        wanted = min(wanted, 1 << examples)

    drawn = packed_uniform(examples, wanted, seed)
    unused = drawn[unseen(drawn, used)]

    return unpack(unused[:trainings], examples)
