"""Stability: how often an interaction would stay among the strongest."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from spexlens.solvers.solver import Fit
from spexlens.spectrum.sets import Sets
from spexlens.spectrum.shares import TOP, Members
from spexlens.spectrum.spectrum import SetFunction, Spectrum
from spexlens.spectrum.uncertainty import HALF_WIDTH, LEVEL, Uncertainty

_DRAWS = 400
_SHOWN = 20  # of each table
# Sets that are not in the spectrum, and may belong to the strongest all the same.
_LOW_ORDERS = 5000


@dataclass(frozen=True)
class Stability:
    """One interaction among those of its kind, had other masks been drawn.

    The kinds are single candidates, pairs, and sets of three and more.

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
    rows: list[Stability] = []
    orders = spectrum.sets.orders
    # One generator for all kinds: the order of the kinds decides the draws.
    rng = np.random.default_rng([seed, len(spectrum)])
    for lowest, highest in ((1, 1), (2, 2), (3, spectrum.n)):
        is_of_kind = (orders >= lowest) & (orders <= highest)
        sets = spectrum.sets.take(np.flatnonzero(is_of_kind))
        chosen = Spectrum(sets, spectrum.values[is_of_kind])
        if not len(chosen):
            continue
        if highest < 3 and uncertainty.priors:
            chosen = _with_unlisted(chosen, lowest)
        rows += _ranked(chosen, spectrum, uncertainty, rng)
    return tuple(rows)


def stability_by_output(fit: Fit, seed: int) -> tuple[tuple[Stability, ...], ...]:
    """Of each output of a fit whose uncertainty was measured."""
    spectrum = fit.spectrum
    columns = spectrum.values.reshape(len(spectrum), -1).T
    of_outputs = []
    # Not strict: where none was measured, there is no uncertainty of any output.
    for column, uncertainty in zip(columns, fit.uncertainty, strict=False):
        scalar = Spectrum(spectrum.sets, column)
        of_outputs.append(stability_of(scalar, uncertainty, seed))
    return tuple(of_outputs)


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
    drawn = _drawn(chosen, spectrum, uncertainty, rng)
    sizes = np.abs(chosen.values)
    strongest = np.argsort(-sizes, kind="stable")[:_SHOWN]
    tails = [(1 - LEVEL) / 2, (1 + LEVEL) / 2]
    rows = []
    for j in strongest.tolist():
        if not sizes[j] > 0:
            continue
        is_stronger = drawn > drawn[:, j : j + 1]
        ranks = 1 + is_stronger.sum(axis=1)
        is_top = ranks <= TOP
        # A rank is whole: nothing is interpolated.
        low, high = np.quantile(ranks, tails, method="nearest")
        row = Stability(
            chosen.sets[j],
            stays=float(np.mean(is_top)),
            ranks=(int(low), int(high)),
        )
        rows.append(row)
    return rows


def _drawn(
    chosen: Spectrum,
    spectrum: Spectrum,
    uncertainty: Uncertainty,
    rng: np.random.Generator,
) -> NDArray[np.float64]:
    """(draws, c) float64, |F(S)| of the chosen sets, drawn from their posterior."""
    orders = chosen.sets.orders
    highest = int(orders.max())
    indices = (-2.0) ** orders * chosen.values
    function = SetFunction(chosen.sets, indices)
    halves = uncertainty.half_widths(spectrum, "bii", function, highest)
    # Half widths are those of the index: (-2)^|S| times the coefficient's.
    deviation = halves / (HALF_WIDTH * 2.0**orders)
    noise = rng.normal(size=(_DRAWS, len(chosen)))
    return np.abs(chosen.values + deviation * noise)
