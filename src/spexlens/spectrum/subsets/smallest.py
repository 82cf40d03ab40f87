"""Minimal: the smallest set of candidates that, kept or ablated, takes a Spectrum to a
threshold.

Those are the minimal sufficient and the minimal necessary sets. To find one is NP-hard.
Up to 20 candidates all masks are listed. Beyond, the smallest masks are listed, a
search finds a good one, and a mixed-integer linear program finds a smaller one, or
bounds how much smaller any can be.
"""

from dataclasses import dataclass
from time import perf_counter

import numpy as np
from numpy.typing import NDArray

from spexlens.arguments import number
from spexlens.errors import InvalidInput
from spexlens.masks import designs
from spexlens.masks import masks as mask_algebra
from spexlens.masks.one_thread import one_thread
from spexlens.spectrum.sets import Sets
from spexlens.spectrum.spectrum import Spectrum
from spexlens.spectrum.subsets.program import smallest
from spexlens.spectrum.subsets.tabu import search

Mask = NDArray[np.bool_]

_HAIR = 1e-9  # of Σ|F|: what a prediction may miss the threshold by
_LISTED = 1 << 17  # masks, as many whole sizes as they hold
# a second of the time limit: what listing them may take, about a tenth of it
_PRODUCTS = 3e9
_TRIED = 8  # sizes that are searched where no greedy path reaches the threshold
_RESERVED = 0.8  # of the time limit, after which HiGHS is told to stop: it stops late


@dataclass(frozen=True)
class Minimal:
    """The smallest set that was found, and how much smaller one could be.

    Attributes:
        members: the candidates that are kept, or ablated, ascending.
        value: what the spectrum predicts there.
        least: what no such set has fewer members than; the number of members, where
            that is proved smallest.
        seconds: taken, by the clock.
    """

    members: tuple[int, ...]
    value: float
    least: int
    seconds: float

    @property
    def proved(self) -> bool:
        """Whether no set is smaller."""
        return self.least == len(self.members)


def minimal(
    spectrum: Spectrum,
    threshold: float,
    *,
    ablate: bool = False,
    above: bool = True,
    time_limit: float = 10.0,
) -> Minimal:
    """The smallest set of candidates to keep, or to ablate, such that a spectrum
    reaches a threshold.

    All others are ablated, or kept. A prediction may miss the threshold by a billionth
    of Σ|F|. Of the sets of one size, the one that is predicted furthest beyond the
    threshold is taken where masks are listed, and a good one elsewhere. Unless the time
    limit cuts it short, the same call gives the same answer.

    Args:
        spectrum: of one output.
        threshold: what is to be reached.
        ablate: the smallest set to ablate; else to keep.
        above: the prediction is at least the threshold; else at most.
        time_limit: seconds for all of it.

    Raises:
        InvalidInput: several outputs, a threshold that is no number, a limit that is no
            time; or no mask is predicted to reach the threshold, or none was found in
            time: the text says which.
    """
    threshold, time_limit = _refuse_unusable(spectrum, threshold, time_limit)
    began = perf_counter()
    task, goal = _posed(spectrum, threshold, ablate, above)
    if task.n <= mask_algebra.ENUMERABLE:
        mask = _first(task, goal, _tried(task))
        least = task.n + 1 if mask is None else int(mask.sum())
    else:
        with one_thread():
            mask, least = _sought(task, goal, began, time_limit)
    if mask is None:
        tried = _tried(task)
        nearest = float(
            spectrum.predict(tried[task.predict(tried).argmax()] ^ ablate)[0]
        )
        none = (
            "no mask is"
            if least > task.n
            else f"in {time_limit:g} seconds no mask was found that is"
        )
        raise InvalidInput(
            f"{none} predicted to reach {threshold}; one is predicted {nearest:.6g}"
        )
    value = float(spectrum.predict(mask ^ ablate)[0])
    return Minimal(
        tuple(np.flatnonzero(mask).tolist()), value, least, perf_counter() - began
    )


def _refuse_unusable(
    spectrum: Spectrum, threshold: float, time_limit: float
) -> tuple[float, float]:
    if spectrum.values.ndim > 1:
        raise InvalidInput(
            "a minimal set is of one output; this spectrum has"
            f" {spectrum.values.shape[1]}"
        )
    limit = number(time_limit, "a time limit", positive=True, of="of seconds")
    return number(threshold, "a threshold"), limit


def _posed(
    spectrum: Spectrum, threshold: float, ablate: bool, above: bool
) -> tuple[Spectrum, float]:
    """A spectrum, and what it is at least, such that the smallest set to keep is the
    one asked for.

    To exchange kept and ablated turns the sign of the sets of odd order.
    """
    rest, common = spectrum.apart
    if common:
        return _posed(rest, threshold - float(common), ablate, above)
    # tolerances are absolute
    unit = float(np.abs(spectrum.values).max(initial=0.0)) or 1.0
    unit = unit if above else -unit
    signs = np.where(spectrum.sets.orders % 2, -1.0, 1.0) if ablate else 1.0
    task = Spectrum(spectrum.sets, signs * spectrum.values / unit)
    return task, threshold / unit - _HAIR * float(np.abs(task.values).sum())


def _first(task: Spectrum, goal: float, masks: Mask) -> Mask | None:
    """Of the masks (m, n) that reach the goal the smallest, of those the highest: (n,),
    or None.
    """
    values = task.predict(masks)
    sizes = masks.sum(axis=1)
    reaching = np.flatnonzero(values >= goal)
    if not len(reaching):
        return None
    return np.asarray(
        masks[reaching[np.lexsort((-values[reaching], sizes[reaching]))[0]]]
    )


def _sought(
    task: Spectrum, goal: float, began: float, time_limit: float
) -> tuple[Mask | None, int]:
    """A small mask that reaches the goal, or None; and what none is smaller than, n + 1
    if none is there.
    """
    if np.where(task.sets.orders > 0, np.abs(task.values), task.values).sum() < goal:
        return None, task.n + 1
    mask = _first(task, goal, _tried(task))
    count = min(_LISTED, int(_PRODUCTS * time_limit / (len(task) + 1) / (task.n + 64)))
    listed, least = _listed(task, goal, _below(task, mask) + 1, count)
    if listed is not None:
        return listed, least
    soon = began + time_limit / 3
    late = began + _RESERVED * time_limit
    _, least = smallest(task, goal, least, _below(task, mask), late, relaxed=True)
    if least <= _below(task, mask):
        mask = _searched(task, goal, mask, least, soon)
    mask = None if mask is None else _furthest(task, mask, soon)
    found, least = smallest(task, goal, least, _below(task, mask), late)
    smaller = None if found is None else _first(task, goal, found[None])
    return (
        mask if smaller is None else _furthest(task, smaller, began + time_limit)
    ), least


def _below(task: Spectrum, mask: Mask | None) -> int:
    """The largest size that is smaller than a mask, if there is one."""
    return task.n if mask is None else int(mask.sum()) - 1


def _tried(task: Spectrum) -> Mask:
    """All masks, (2^n, n); where those are too many, those on two greedy paths."""
    if task.n <= mask_algebra.ENUMERABLE:
        return designs.everything(task.n)
    return np.concatenate(
        [_path(task, np.full(task.n, kept), not kept) for kept in (False, True)]
    )


def _path(task: Spectrum, mask: Mask, kept: bool) -> Mask:
    """The masks from one to everything kept, or ablated, that each gain most over the
    one before: (m, n).
    """
    incidence = task.sets.indicators.astype(np.float64)
    terms = task.values * (1.0 - 2.0 * (incidence @ mask % 2))
    gains = -2.0 * terms @ incidence
    path = [mask]
    while (path[-1] != kept).any():
        left = np.flatnonzero(path[-1] != kept)
        i = left[gains[left].argmax()]
        path.append(path[-1].copy())
        path[-1][i] = kept
        turned = incidence[:, i] > 0
        gains += 4.0 * terms[turned] @ incidence[turned]
        terms[turned] = -terms[turned]
    return np.array(path)


def _listed(
    task: Spectrum, goal: float, most: int, count: int
) -> tuple[Mask | None, int]:
    """Of the masks of up to `most` the first that reaches the goal, or None; and what
    none is smaller than.

    So many masks are listed, as many whole sizes as they hold, and those with one
    candidate more.
    """
    small = Sets.low_orders(task.n, count)
    small = small.take(np.flatnonzero(small.orders < most))
    masks = np.concatenate(
        [np.zeros((1, task.n), np.bool_), small.indicators.astype(np.bool_)]
    )
    sizes = masks.sum(axis=1)
    mask = _first(task, goal, masks)
    if mask is None:
        mask = _first(task, goal, _one_more(task, masks[sizes == sizes.max()])[None])
    return mask, int(sizes.max()) + 2 if mask is None else int(mask.sum())


def _one_more(task: Spectrum, masks: Mask) -> Mask:
    """Of what these masks (m, n) are with one more candidate kept, the highest: (n,).

    Keeping i adds -2 Σ_{S∋i} F(S) χ_S, and χ_S = 1 - 2 parity.
    """
    joined = task.values[:, None] * task.sets.indicators
    constant = task.values.sum() - 2.0 * joined.sum(axis=0)
    factors = 4.0 * joined - 2.0 * task.values[:, None]
    best = masks[0]
    top = -np.inf
    for chunk in mask_algebra.blocks(len(masks), 8 * len(task)):
        odd = mask_algebra.parities(mask_algebra.pack(masks[chunk]), task.sets.packed)
        values = (
            constant
            + np.unpackbits(odd, axis=1, count=len(task), bitorder="little") @ factors
        )
        values[masks[chunk]] = -np.inf
        row, i = divmod(int(values.argmax()), task.n)
        if values[row, i] > top:
            best = masks[chunk][row] | (np.arange(task.n) == i)
            top = values[row, i]
    return np.asarray(best)


def _searched(
    task: Spectrum, goal: float, mask: Mask | None, least: int, deadline: float
) -> Mask | None:
    """A mask that reaches the goal, from searches of ever smaller sizes; or None.

    Where none is known to begin with, the sizes nearest to that of the highest mask
    tried are searched.
    """
    if mask is None:
        tried = _tried(task)
        peak = int(tried[task.predict(tried).argmax()].sum())
        for keep in sorted(range(least, task.n + 1), key=lambda keep: abs(keep - peak))[
            :_TRIED
        ]:
            if mask is None and perf_counter() < deadline:
                mask = _first(
                    task, goal, _path(task, search(task, keep, deadline, goal), False)
                )
    if mask is None:
        return None
    while mask.sum() > least and perf_counter() < deadline:
        found = search(task, int(mask.sum()) - 1, deadline, goal)
        smaller = _first(task, goal, _path(task, found, False))
        if smaller is None:
            break
        mask = smaller
    return mask


def _furthest(task: Spectrum, mask: Mask, deadline: float) -> Mask:
    """A mask of the same size that is as high, or higher."""
    masks = np.stack([mask, search(task, int(mask.sum()), deadline)])
    return np.asarray(masks[task.predict(masks).argmax()])
