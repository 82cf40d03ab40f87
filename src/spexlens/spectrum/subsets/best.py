"""Optimum: the subset of a given size at which a Spectrum is largest, or smallest.

The problem is NP-hard. Up to 20 candidates all masks are listed. Beyond, a search by
swaps finds a good subset, and a mixed-integer linear program finds a better one, or
bounds how much better any can be.
"""

from dataclasses import dataclass, replace
from operator import index
from time import perf_counter

import numpy as np
from numpy.typing import NDArray

from spexlens.arguments import number
from spexlens.errors import InvalidInput
from spexlens.masks import designs
from spexlens.masks import masks as mask_algebra
from spexlens.masks.one_thread import one_thread
from spexlens.spectrum.spectrum import Spectrum
from spexlens.spectrum.subsets.program import solve
from spexlens.spectrum.subsets.tabu import search

Masks = NDArray[np.bool_]

# of Σ|F|, by how much HiGHS may be off: a bound so near is met
_PROOF = 1e-6

# the search may take one part in so many of the time limit, the program the rest
_SEARCHED = 3


@dataclass(frozen=True)
class Optimum:
    """The best subset that was found, and how much better one could be.

    Attributes:
        members: the candidates kept, ascending.
        value: what the spectrum predicts there.
        bound: what no subset of this size can pass; the value, where that is proved
            optimal.
        seconds: taken, by the clock.
    """

    members: tuple[int, ...]
    value: float
    bound: float
    seconds: float

    @property
    def gap(self) -> float:
        """|bound - value|, in the unit of the value; 0.0 where proved optimal."""
        return abs(self.bound - self.value)

    @property
    def proved(self) -> bool:
        """Whether no subset of this size is better by more than a millionth of Σ|F|."""
        return self.gap == 0.0


def optimum(
    spectrum: Spectrum, keep: int, *, largest: bool = True, time_limit: float = 10.0
) -> Optimum:
    """The mask with `keep` candidates kept at which a spectrum is largest, or smallest.

    Unless the time limit cuts it short, the same call gives the same answer.

    Args:
        spectrum: of one output.
        keep: how many candidates are kept.
        largest: maximise; else minimise.
        time_limit: seconds for all of it.

    Raises:
        InvalidInput: several outputs, a size that is none from 0 to n, or a limit that
            is no time.
    """
    keep, time_limit = _refuse_unusable(spectrum, keep, time_limit)
    began = perf_counter()

    # a mean changes no mask's rank; added at the end, it costs no digits before
    rest, common = spectrum.apart
    if common:
        best = optimum(rest, keep, largest=largest, time_limit=time_limit)
        mean = float(common)
        value = best.value + mean
        bound = best.bound + mean
        return replace(best, value=value, bound=bound)

    # to size one, as tolerances are absolute
    unit = float(np.abs(spectrum.values).max(initial=0.0)) or 1.0
    if not largest:
        unit = -unit
    task = Spectrum(spectrum.sets, spectrum.values / unit)

    masks, bound = _candidates(task, keep, began, time_limit)
    values = task.predict(masks)
    best_mask = masks[int(values.argmax())]
    value = float(values.max())

    # a bound may also lie below: where all masks are listed, it is -inf
    tolerance = _PROOF * np.abs(task.values).sum()
    if bound - value <= tolerance:
        bound = value

    members = tuple(np.flatnonzero(best_mask).tolist())
    return Optimum(members, unit * value, unit * bound, perf_counter() - began)


def _candidates(
    task: Spectrum, keep: int, began: float, time_limit: float
) -> tuple[Masks, float]:
    """Masks of which one is best, (m, n), and what none passes; -inf if all are there."""
    if task.n <= mask_algebra.ENUMERABLE:
        masks = designs.everything(task.n)
        of_size = masks.sum(axis=1) == keep
        return masks[of_size], -np.inf

    # sums in another order would lead the search elsewhere
    with one_thread():
        soon = began + time_limit / _SEARCHED
        masks = search(task, keep, soon)[None]

    mask, bound = solve(task, keep, began + time_limit)
    # HiGHS rounds: its mask may miss the size
    if mask is not None and mask.sum() == keep:
        masks = np.concatenate([masks, mask[None]])
    return masks, bound


def _refuse_unusable(
    spectrum: Spectrum, keep: int, time_limit: float
) -> tuple[int, float]:
    if spectrum.values.ndim > 1:
        raise InvalidInput(
            "a best subset is of one output; this spectrum has"
            f" {spectrum.values.shape[1]}"
        )
    try:
        keep = index(keep)
    except TypeError:
        raise InvalidInput(
            f"how many candidates are kept is a whole number; got {keep!r}"
        ) from None
    if not 0 <= keep <= spectrum.n:
        raise InvalidInput(
            f"of {spectrum.n} candidates 0 to {spectrum.n} can be kept; got {keep}"
        )
    return keep, number(time_limit, "a time limit", positive=True, of="of seconds")
