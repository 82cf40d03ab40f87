"""Minimal: the smallest set of candidates that takes a Spectrum to a threshold.

Kept, with all others ablated, it is a minimal sufficient set; ablated, with all others
kept, a minimal necessary one. To find one is NP-hard. Up to 20 candidates all masks are
listed. Beyond, the smallest masks are listed, a search finds a good one, and a
mixed-integer linear program finds a smaller one, or bounds how much smaller any can be.
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

# of Σ|F|: what a prediction may miss the threshold by
_HAIR = 1e-9

# masks that are listed, as many whole sizes as they hold
_LISTED = 1 << 17

# products a second of the time limit: to list masks may take about a tenth of it
_PRODUCTS = 3e9

# sizes that are searched where no greedy path reaches the threshold
_TRIED = 8

# of the time limit, after which HiGHS is told to stop: it stops late
_RESERVED = 0.8


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
    """The smallest set of candidates that takes a spectrum to a threshold.

    They are kept and all others ablated, or they are ablated and all others kept. A
    prediction may miss the threshold by a billionth of Σ|F|. Of the sets of one size,
    the one that is predicted furthest beyond the threshold is taken where masks are
    listed, and a good one elsewhere. Unless the time limit cuts it short, the same call
    gives the same answer.

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

    # from here on: the smallest set to keep at which the task is at least the goal
    task, goal = _posed(spectrum, threshold, ablate, above)

    if task.n <= mask_algebra.ENUMERABLE:
        mask = _first(task, goal, _tried(task))
        least = task.n + 1 if mask is None else int(mask.sum())
    else:
        with one_thread():
            mask, least = _sought(task, goal, began, time_limit)

    if mask is None:
        nearest = _highest(task, _tried(task))
        predicted = float(spectrum.predict(nearest ^ ablate)[0])

        # a bound of n + 1 is a proof that there is none
        none = "no mask is"
        if least <= task.n:
            none = f"in {time_limit:g} seconds no mask was found that is"
        raise InvalidInput(
            f"{none} predicted to reach {threshold}; one is predicted {predicted:.6g}"
        )

    value = float(spectrum.predict(mask ^ ablate)[0])
    members = tuple(np.flatnonzero(mask).tolist())
    return Minimal(members, value, least, perf_counter() - began)


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
    """The question as one of the smallest set to keep: a spectrum, and its goal.

    To exchange kept and ablated turns the sign of the sets of odd order.
    """
    rest, common = spectrum.apart
    if common:
        return _posed(rest, threshold - float(common), ablate, above)

    # to size one, as tolerances are absolute
    unit = float(np.abs(spectrum.values).max(initial=0.0)) or 1.0
    if not above:
        unit = -unit

    # kept for ablated: χ_S takes a factor of (-1)^|S|
    values = spectrum.values
    if ablate:
        signs = np.where(spectrum.sets.orders % 2, -1.0, 1.0)
        values = signs * values

    task = Spectrum(spectrum.sets, values / unit)
    tolerance = _HAIR * float(np.abs(task.values).sum())
    return task, threshold / unit - tolerance


def _first(task: Spectrum, goal: float, masks: Mask) -> Mask | None:
    """Of the masks (m, n) that reach the goal the smallest, (n,), or None.

    Of several it is the one with the highest value, and of those the first.
    """
    values = task.predict(masks)
    sizes = masks.sum(axis=1)
    reaching = np.flatnonzero(values >= goal)
    if not len(reaching):
        return None

    # lexsort takes the last key, the size, as the most significant
    ranked = np.lexsort((-values[reaching], sizes[reaching]))
    return np.asarray(masks[reaching[ranked[0]]])


def _highest(task: Spectrum, masks: Mask) -> Mask:
    """Of the masks (m, n) the one with the highest value: (n,)."""
    return np.asarray(masks[task.predict(masks).argmax()])


def _sought(
    task: Spectrum, goal: float, began: float, time_limit: float
) -> tuple[Mask | None, int]:
    """A small mask that reaches the goal, and what none is smaller than.

    In turn: greedy paths, a list of all small masks, a bound from the linear relaxation,
    a search, and the whole program.

    Returns:
        (n,) bool, or None; and a bound, n + 1 if no mask reaches the goal.
    """
    # no mask does more than turn every term but the mean to its size
    sizes = np.where(task.sets.orders > 0, np.abs(task.values), task.values)
    ceiling = sizes.sum()
    if ceiling < goal:
        return None, task.n + 1

    mask = _first(task, goal, _tried(task))

    # to predict a mask takes about a product for each set and candidate
    affordable = int(_PRODUCTS * time_limit / (len(task) + 1) / (task.n + 64))
    count = min(_LISTED, affordable)
    largest = _below(task, mask)
    listed, least = _listed(task, goal, largest + 1, count)
    if listed is not None:
        return listed, least

    # where the relaxation proves the greedy mask smallest, there is nothing to search
    late = began + _RESERVED * time_limit
    _, least = smallest(task, goal, least, largest, late, relaxed=True)
    soon = began + time_limit / 3
    if least <= largest:
        mask = _searched(task, goal, mask, least, soon)

    # of its size perhaps not the one furthest beyond the goal
    if mask is not None:
        mask = _furthest(task, mask, soon)

    program, least = smallest(task, goal, least, _below(task, mask), late)
    if program is None:
        return mask, least

    # HiGHS rounds: its mask may miss the goal
    smaller = _first(task, goal, program[None])
    if smaller is None:
        return mask, least

    return _furthest(task, smaller, began + time_limit), least


def _below(task: Spectrum, mask: Mask | None) -> int:
    """The largest size that is smaller than a mask, if there is one."""
    return task.n if mask is None else int(mask.sum()) - 1


def _tried(task: Spectrum) -> Mask:
    """All masks, (2^n, n); where those are too many, those on two greedy paths."""
    if task.n <= mask_algebra.ENUMERABLE:
        return designs.everything(task.n)
    growing = _path(task, np.full(task.n, False), True)
    shrinking = _path(task, np.full(task.n, True), False)
    return np.concatenate([growing, shrinking])


def _path(task: Spectrum, mask: Mask, kept: bool) -> Mask:
    """The masks on a greedy way from one to everything kept, or ablated.

    Each differs from the one before in the candidate that gains most.

    Args:
        task: the spectrum.
        mask: (n,) bool, where the path begins.
        kept: whether it leads to everything kept; else to everything ablated.

    Returns:
        (m, n) bool, the first of them `mask`.
    """
    incidence = task.sets.indicators.astype(np.float64)

    # F(S) χ_S at the mask; to flip i turns the terms of all S that hold it
    signs = 1.0 - 2.0 * (incidence @ mask % 2)
    terms = task.values * signs
    gains = -2.0 * terms @ incidence

    path = [mask]
    while (path[-1] != kept).any():
        left = np.flatnonzero(path[-1] != kept)
        candidate = left[gains[left].argmax()]
        longer = path[-1].copy()
        longer[candidate] = kept
        path.append(longer)

        # a gain loses -2 F χ and wins +2 F χ for each term that turns
        turned = incidence[:, candidate] > 0
        gains += 4.0 * terms[turned] @ incidence[turned]
        terms[turned] = -terms[turned]

    return np.array(path)


def _listed(
    task: Spectrum, goal: float, most: int, count: int
) -> tuple[Mask | None, int]:
    """Of the smallest masks the first that reaches the goal, and what none is below.

    Listed are as many whole sizes as make at most `count` masks, and of the next size
    up the highest mask alone.

    Args:
        task: the spectrum.
        goal: what is to be reached.
        most: sizes from this on are not listed.
        count: how many masks.

    Returns:
        (n,) bool, or None; and the size that no mask reaching the goal is below.
    """
    small = Sets.low_orders(task.n, count)
    small = small.take(np.flatnonzero(small.orders < most))

    # `low_orders` begins with the sets of one member
    empty = np.zeros((1, task.n), np.bool_)
    masks = np.concatenate([empty, small.indicators.astype(np.bool_)])
    sizes = masks.sum(axis=1)
    largest = int(sizes.max())

    mask = _first(task, goal, masks)
    if mask is None:
        one_more = _one_more(task, masks[sizes == largest])
        mask = _first(task, goal, one_more[None])

    # nor does any mask of the next size: the highest of them was tried
    if mask is None:
        return None, largest + 2

    return mask, int(mask.sum())


def _one_more(task: Spectrum, masks: Mask) -> Mask:
    """The highest of all masks that keep one candidate more than one of these: (n,).

    Keeping i adds -2 Σ_{S∋i} F(S) χ_S, and χ_S = 1 - 2 parity.

    Args:
        task: the spectrum.
        masks: (m, n) bool.
    """
    # f + the gain of i: constant in the parities, and linear with these factors
    joined = task.values[:, None] * task.sets.indicators
    constant = task.values.sum() - 2.0 * joined.sum(axis=0)
    factors = 4.0 * joined - 2.0 * task.values[:, None]

    best = masks[0]
    top = -np.inf
    for chunk in mask_algebra.blocks(len(masks), 8 * len(task)):
        before = masks[chunk]
        packed = mask_algebra.pack(before)
        odd = mask_algebra.parities(packed, task.sets.packed)
        parities = np.unpackbits(odd, axis=1, count=len(task), bitorder="little")

        # (masks, n): of each mask with each candidate kept beside
        values = constant + parities @ factors

        # what is kept cannot be kept once more
        values[before] = -np.inf

        highest = int(values.argmax())
        row, candidate = divmod(highest, task.n)
        if values[row, candidate] > top:
            best = before[row].copy()
            best[candidate] = True
            top = values[row, candidate]

    return np.asarray(best)


def _searched(
    task: Spectrum, goal: float, mask: Mask | None, least: int, deadline: float
) -> Mask | None:
    """A mask that reaches the goal, from searches of ever smaller sizes; or None.

    Where none is known to begin with, the sizes nearest to that of the highest mask
    tried are searched.
    """
    if mask is None:
        mask = _first_found(task, goal, least, deadline)
    if mask is None:
        return None

    while mask.sum() > least and perf_counter() < deadline:
        smaller = _searched_at(task, goal, int(mask.sum()) - 1, deadline)
        if smaller is None:
            break
        mask = smaller
    return mask


def _first_found(
    task: Spectrum, goal: float, least: int, deadline: float
) -> Mask | None:
    """A mask that reaches the goal, from searches of a few sizes; or None."""
    # masks of about the size of the highest are likeliest to reach the goal
    peak = int(_highest(task, _tried(task)).sum())
    nearest = sorted(range(least, task.n + 1), key=lambda size: abs(size - peak))
    for keep in nearest[:_TRIED]:
        if perf_counter() >= deadline:
            return None

        mask = _searched_at(task, goal, keep, deadline)
        if mask is not None:
            return mask

    return None


def _searched_at(
    task: Spectrum, goal: float, keep: int, deadline: float
) -> Mask | None:
    """A mask of at most this size that reaches the goal, from a search; or None."""
    mask = search(task, keep, deadline, goal)
    # what is found may have members that it can do without
    return _first(task, goal, _path(task, mask, False))


def _furthest(task: Spectrum, mask: Mask, deadline: float) -> Mask:
    """A mask of the same size that is as high, or higher."""
    masks = np.stack([mask, search(task, int(mask.sum()), deadline)])
    return np.asarray(masks[task.predict(masks).argmax()])
