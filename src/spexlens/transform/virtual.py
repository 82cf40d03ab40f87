"""Virtual ablations: the large coefficients of a function that costs nothing to call."""

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from spexlens.errors import BudgetTooSmall
from spexlens.masks import designs
from spexlens.masks import masks as mask_algebra
from spexlens.spectrum.scores import r_squared
from spexlens.spectrum.spectrum import Spectrum
from spexlens.transform.allotment import GROUPS, LEAST_BITS, Allotment
from spexlens.transform.peeling import peel
from spexlens.transform.subspace import Design

# uniform masks at which a spectrum is compared with the function
_TEST = 1000

Value = Callable[[NDArray[np.bool_]], NDArray[np.float64]]
"""(m, n) bool -> (m,) float64."""


@dataclass(frozen=True)
class Reading:
    """What was read of a function.

    Attributes:
        spectrum: the sets found.
        r2: how well it predicts the function, at 1,000 uniform masks.
        calls: of the function.
    """

    spectrum: Spectrum
    r2: float
    calls: int


def read_spectrum(
    value: Value,
    n: int,
    *,
    corrections: int = 5,
    r2: float = 0.99,
    most_calls: int = 1 << 19,
    seed: int = 0,
) -> Reading:
    """The sparse spectrum of a function, from as many calls of it as it takes.

    Where 2^n calls may be made, all are. Else the transform is doubled until its
    spectrum predicts the function as well as asked, or the next would take too many
    calls; the best one is returned. It misses sets of more than t candidates, and many
    small coefficients: `r2` says how much.

    Args:
        value: a fitted proxy's `predict`, or any other function of masks.
        n: the number of candidates.
        corrections: t, the order up to which every set can be named.
        r2: how well to predict.
        most_calls: the most masks of one transform.
        seed: decides the masks.

    Raises:
        BudgetTooSmall: not even the smallest transform takes so few calls.
    """
    if n <= mask_algebra.ENUMERABLE and 1 << n <= most_calls:
        spectrum = Spectrum.from_table(value(designs.everything(n)))
        return Reading(spectrum, 1.0, 1 << n)

    test = designs.uniform(n, _TEST, seed)
    values = value(test)
    calls = _TEST

    best: Reading | None = None
    bits = LEAST_BITS
    while best is None or best.r2 < r2:
        allotment = Allotment(n, corrections, (bits,) * GROUPS)
        if allotment.coded > most_calls or not allotment.readable:
            break

        design = Design.draw(n, corrections, allotment.bits, seed)
        spectrum = _transformed(value, design)
        calls += allotment.coded

        reached = r_squared(values, spectrum.predict(test))
        if best is None or reached > best.r2:
            best = Reading(spectrum, reached, calls)
        bits += 1

    if best is None:
        raise BudgetTooSmall(
            f"a transform of {n} candidates with t = {corrections} takes more than"
            f" {most_calls} calls"
        )
    return replace(best, calls=calls)


def _transformed(value: Value, design: Design) -> Spectrum:
    """The spectrum that one sparse transform reads of a function.

    Hard decoding is enough: there is no noise, and a larger transform costs nothing.
    """
    masks = design.masks()
    n = design.code.n
    values = np.concatenate(
        [
            value(mask_algebra.unpack(masks[block], n))
            for block in mask_algebra.blocks(len(masks), n)
        ]
    )
    bins = design.transform(values)
    support = peel(design.code, design.groups, bins, soft=False)
    return support.spectrum()
