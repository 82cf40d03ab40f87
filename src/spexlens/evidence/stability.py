"""Stability: how often an interaction stays among the strongest, had other masks been
drawn.
"""

from dataclasses import dataclass

import numpy as np

from spexlens.solvers.solver import Fit
from spexlens.spectrum.sets import Sets
from spexlens.spectrum.shares import TOP, Members
from spexlens.spectrum.spectrum import SetFunction, Spectrum
from spexlens.spectrum.uncertainty import HALF_WIDTH, LEVEL, Uncertainty

_DRAWS = 400
_SHOWN = 20  # of each table
# sets that are not in the spectrum, and may belong to the strongest all the same
_LOW_ORDERS = 5000


@dataclass(frozen=True)
class Stability:
    """One interaction among those of its kind: single candidates, pairs, or three and
    more.

    Attributes:
        members: the candidates' positions, ascending.
        stays: in what share of draws of all coefficients from their posterior it is one
            of the top five.
        ranks: (low, high) that hold its rank, from 1, in 90 of 100 draws.
    """

    members: Members
    stays: float
    ranks: tuple[int, int]


def stability_of(
    spectrum: Spectrum, uncertainty: Uncertainty, seed: int
) -> tuple[Stability, ...]:
    """Of the twenty strongest of each kind of one output, ranked by |F(S)|.

    The draws are independent normal ones with each coefficient's posterior variance.
    Pairs and single candidates that the spectrum does not list take part, with what
    their prior lets them have.

    Args:
        spectrum: scalar.
        uncertainty: of its coefficients.
        seed: decides the draws.
    """
    found = list[Stability]()
    rng = np.random.default_rng([seed, len(spectrum)])
    for lowest, highest in ((1, 1), (2, 2), (3, spectrum.n)):
        known = (spectrum.sets.orders >= lowest) & (spectrum.sets.orders <= highest)
        chosen = Spectrum(
            spectrum.sets.take(np.flatnonzero(known)), spectrum.values[known]
        )
        if len(chosen):
            every = (
                _with_unlisted(chosen, lowest)
                if highest < 3 and uncertainty.priors
                else chosen
            )
            found += _ranked(every, spectrum, uncertainty, rng)
    return tuple(found)


def stability_by_output(fit: Fit, seed: int) -> tuple[tuple[Stability, ...], ...]:
    """Of each output of a fit whose uncertainty was measured."""
    columns = fit.spectrum.values.reshape(len(fit.spectrum), -1).T
    return tuple(
        stability_of(Spectrum(fit.spectrum.sets, column), uncertainty, seed)
        for column, uncertainty in zip(columns, fit.uncertainty, strict=False)
    )


def _with_unlisted(chosen: Spectrum, order: int) -> Spectrum:
    low = Sets.low_orders(chosen.n, _LOW_ORDERS)
    low = low.take(np.flatnonzero(low.orders == order))
    sets = Sets.concatenate([chosen.sets, low])
    return Spectrum(sets, np.concatenate([chosen.values, np.zeros(len(low))]))


def _ranked(
    chosen: Spectrum,
    spectrum: Spectrum,
    uncertainty: Uncertainty,
    rng: np.random.Generator,
) -> list[Stability]:
    sizes = np.abs(chosen.values)
    shown = [
        j for j in np.argsort(-sizes, kind="stable")[:_SHOWN].tolist() if sizes[j] > 0
    ]
    index = SetFunction(chosen.sets, (-2.0) ** chosen.sets.orders * chosen.values)
    halves = uncertainty.half_widths(
        spectrum, "bii", index, int(chosen.sets.orders.max())
    )
    deviation = halves / (HALF_WIDTH * 2.0**chosen.sets.orders)
    drawn = np.abs(chosen.values + deviation * rng.normal(size=(_DRAWS, len(chosen))))
    found = []
    for j in shown:
        ranks = 1 + (drawn > drawn[:, j : j + 1]).sum(axis=1)
        low, high = np.quantile(
            ranks, [(1 - LEVEL) / 2, (1 + LEVEL) / 2], method="nearest"
        )
        stays = float(np.mean(ranks <= TOP))
        found.append(Stability(chosen.sets[j], stays, (int(low), int(high))))
    return found
