"""Virtual ablations: the large coefficients of a function that costs nothing to call."""

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from spexlens.ablation import masks as mask_algebra
from spexlens.errors import BudgetTooSmall
from spexlens.evidence.faithfulness import r_squared
from spexlens.solvers.spex.bch import rank
from spexlens.solvers.spex.design import Design
from spexlens.solvers.spex.peeling import peel
from spexlens.spectrum.spectrum import Spectrum

_GROUPS = 3
_TEST = 1000


def virtual_spectrum(
    value: Callable[[NDArray[np.bool_]], NDArray[np.float64]],
    n: int,
    *,
    corrections: int = 5,
    r2: float = 0.99,
    most_calls: int = 1 << 19,
    seed: int = 0,
) -> Spectrum:
    """The sparse spectrum of a function, by sparse transforms of growing size.

    The transform is doubled until its spectrum predicts the function at fresh masks as well as
    asked, or the next would take too many calls. What it leaves out are many small coefficients.

    Args:
        value: (m, n) bool -> (m,) float64; a fitted proxy's `predict`.
        n: the number of candidates.
        corrections: t, the order up to which every set can be named.
        r2: how well to predict, on 1,000 masks.
        most_calls: the most masks of one transform.
        seed: decides the masks.

    Raises:
        BudgetTooSmall: not even the smallest transform takes so few calls.
    """
    test = mask_algebra.uniform(n, min(_TEST, 1 << min(n, 62)), seed)
    wanted = value(test)
    spectrum = None
    for bits in range(2, rank(n, corrections) + 1):
        design = Design.draw(n, corrections, (bits,) * _GROUPS, seed)
        if design.size > most_calls:
            break
        bins = design.transform(_called(value, design, n))
        spectrum = peel(design.code, design.groups, bins, soft=False).spectrum()
        if r_squared(wanted, spectrum.predict(test)) >= r2:
            break
    if spectrum is None:
        raise BudgetTooSmall(
            f"a transform of {n} candidates with t = {corrections} takes more than {most_calls} calls"
        )
    return spectrum


def _called(
    value: Callable[[NDArray[np.bool_]], NDArray[np.float64]], design: Design, n: int
) -> NDArray[np.float64]:
    masks = design.masks()
    return np.concatenate(
        [value(mask_algebra.unpack(masks[block], n)) for block in mask_algebra.blocks(len(masks), n)]
    )
