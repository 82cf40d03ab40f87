"""Held out: an explanation and a linear model, on masks bought to judge them."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from spexlens.masks.outputs import by_output
from spexlens.masks.strategy import MaskStrategy
from spexlens.solvers.faithfulness import Faithfulness, combined_r2
from spexlens.solvers.proxyspex.proxies.linear import Linear
from spexlens.solvers.solver import Fit
from spexlens.spectrum.scores import r_squared, rank_correlation
from spexlens.spectrum.spectrum import Spectrum
from spexlens.spectrum.uncertainty import LEVEL

Array = NDArray[np.float64]

_ENOUGH = 4000  # masks for a linear model
_DRAWS = 500  # of the bootstrap
# The correlation of the errors of masks drawn together, and how many clusters this
# guess counts as.
_ALIKE = 0.2
_STEADY = 10.0
# Of the largest value, what is no error of a fit.
_ROUNDING = 8 * np.finfo(np.float64).eps
_WILD = 3.0  # standard errors: what few clusters say beyond is no quantile


@dataclass(frozen=True)
class HeldOut:
    """How well uniform masks are predicted that no fit saw; one number an output.

    Attributes:
        r2: R² of the explanation, before any of these masks joined a fit.
        lds: its linear datamodeling score, the rank correlation of predicted and real
            values (Park et al., "TRAK", ICML 2023, section 2; Spearman's).
        linear_r2, linear_lds: the same of a linear datamodel, LASSO on single
            candidates with a cross-validated penalty, fitted to what the explanation
            was fitted to (Ilyas et al., "Datamodels", ICML 2022).
        masks: how many were held out.
        intervals: (low, high) of r2, meant to hold that over all masks in 90 cases of
            100; empty where there are too few.
        errors: the standard error of log(1 - r2); empty where there are too few.
    """

    r2: tuple[float, ...]
    lds: tuple[float, ...]
    linear_r2: tuple[float, ...]
    linear_lds: tuple[float, ...]
    masks: int
    intervals: tuple[tuple[float, float], ...] = ()
    errors: tuple[float, ...] = ()


def judge(
    spectrum: Spectrum,
    linear: Spectrum,
    masks: NDArray[np.bool_],
    values: Array,
    clusters: NDArray[np.int64] | None = None,
    seed: int = 0,
) -> HeldOut:
    """Both on masks (m, n) and values (m,) or (m, k) that neither saw.

    Args:
        spectrum, linear: the explanation and what is beside it.
        masks, values: each mask is uniform.
        clusters: (m,), which masks were drawn together; by default each on its own.
        seed: of the bootstrap.
    """
    truth = _columns(values)
    if clusters is None:
        clusters = np.arange(len(masks))
    predictions, means, variances = _predicted(spectrum, masks)
    ours = []
    for output, prediction in enumerate(predictions):
        judged = _Judged.of(
            truth[output],
            prediction,
            means[output],
            variances[output],
        )
        ours.append(judged)
    theirs = _columns(linear.predict(masks))
    intervals = []
    errors = []
    if len(np.unique(clusters)) > 2:  # fewer have no spread to speak of
        intervals = [output.interval(clusters, seed) for output in ours]
        errors = [output.error(clusters) for output in ours]
    return HeldOut(
        r2=tuple(output.r2 for output in ours),
        lds=tuple(output.lds for output in ours),
        linear_r2=tuple(map(r_squared, truth, theirs)),
        linear_lds=tuple(map(rank_correlation, truth, theirs)),
        masks=len(masks),
        intervals=tuple(intervals),
        errors=tuple(errors),
    )


@dataclass(frozen=True)
class _Judged:
    """One output's errors.

    R² is 1 - E e² / Var f with Var f = Var f̂ + 2 Cov(e, f̂) + Var e, e = f - f̂, where
    Var f̂ over uniform masks is known from the spectrum (a control variate), so that
    only errors are estimated.

    Attributes:
        terms: (m, 4) float64: 1, e², e and e (f̂ - E f̂) of each mask.
        known: Var f̂.
        lds: of all masks.
    """

    terms: Array
    known: float
    lds: float

    @classmethod
    def of(
        cls, values: Array, predicted: Array, mean: float, known: float
    ) -> "_Judged":
        errors = values - predicted
        worst = np.abs(errors).max(initial=0.0)
        if worst <= _ROUNDING * np.abs(values).max(initial=0.0):
            errors = np.zeros_like(errors)
            worst = 0.0
        # R² has no unit: in one of about one, no square of an error overflows.
        scale = max(float(np.sqrt(known)), float(worst)) or 1.0
        errors = errors / scale
        away = (predicted - mean) / scale
        ones = np.ones(len(errors))
        terms = np.stack([ones, errors**2, errors, errors * away], axis=1)
        lds = rank_correlation(values, predicted)
        return cls(terms, known / scale**2, lds)

    @property
    def r2(self) -> float:
        """Of all masks."""
        return float(1.0 - np.exp(self._log(self.terms.sum(axis=0))))

    def error(self, clusters: NDArray[np.int64]) -> float:
        """The standard error of log(1 - R²), by the jackknife.

        Masks that were drawn together are alike: the variance is that over clusters,
        which are few, pooled with that over masks times Kish's design effect, 1 + ρ
        (masks a cluster - 1).
        """
        where = np.unique(clusters, return_inverse=True)[1]
        sums = np.zeros((int(where.max()) + 1, 4))
        np.add.at(sums, where, self.terms)
        sizes = np.bincount(where)
        squared_sizes = (sizes**2).sum()
        together = float(squared_sizes / len(self.terms))
        alone = self._standard_error(self.terms)
        apart = self._standard_error(sums)
        effect = 1.0 + _ALIKE * (together - 1.0)
        inflated = alone**2 * effect
        squares = _STEADY * inflated + len(sums) * apart**2
        weight = _STEADY + len(sums)
        return float(np.sqrt(squares / weight))

    def interval(self, clusters: NDArray[np.int64], seed: int) -> tuple[float, float]:
        """Of R², by a bootstrap studentised on the scale of log(1 - R²).

        Errors are skew: percentiles of so few hold the truth too seldom (Hall, "The
        Bootstrap and Edgeworth Expansion", 1992, section 3.5).
        """
        count = len(self.terms)
        error = self.error(clusters)
        if not error > 0:
            return self.r2, self.r2
        log = float(self._log(self.terms.sum(axis=0)))
        rng = np.random.default_rng([seed, count])
        rows = rng.integers(0, count, (_DRAWS, count))
        ratios = self._studentised(rows, log)
        tails = [(1 - LEVEL) / 2, (1 + LEVEL) / 2]
        low, high = np.quantile(ratios, tails)
        # A draw that is too low says that the truth is higher, and so turns the
        # quantiles round. R² falls in the log, which turns them back.
        lower = 1.0 - np.exp(log - low * error)
        upper = 1.0 - np.exp(log - high * error)
        return float(lower), float(upper)

    def _studentised(self, rows: NDArray[np.int64], log: float) -> Array:
        """How many standard errors each bootstrap sample (b, m) is off: (b,)."""
        moves = []
        errors = []
        for terms in self.terms[rows]:
            moved = self._log(terms.sum(axis=0)) - log
            moves.append(moved)
            errors.append(self._standard_error(terms))
        # A draw of the same mask throughout has an error of zero.
        least = np.maximum(np.array(errors), 1e-9)
        ratios = np.array(moves) / least
        return np.asarray(np.clip(ratios, -_WILD, _WILD))

    def _log(self, sums: Array) -> Array:
        """log(E e² / Var f): (..., 4) -> (...)."""
        count, squares, errors, products = np.moveaxis(sums, -1, 0)
        mean = squares / count
        covariance = 2.0 * products / count
        offset = errors / count
        variance = self.known + covariance + mean - offset**2
        # What is estimated of a variance may be negative. R² is never below -1 then.
        tiny = np.finfo(np.float64).tiny
        least = np.maximum(mean / 2.0, tiny)
        bounded = np.maximum(variance, least)
        ratio = mean / bounded
        return np.asarray(np.log(ratio + tiny))

    def _standard_error(self, parts: Array) -> Array:
        """The jackknife's, of log(E e² / Var f): (p, 4) -> ()."""
        count = len(parts)
        logs = self._log(parts.sum(axis=0) - parts)
        squares = (logs - logs.mean()) ** 2
        return np.asarray(np.sqrt((count - 1) / count * squares.sum()))


def _predicted(
    spectrum: Spectrum, masks: NDArray[np.bool_]
) -> tuple[Array, list[float], list[float]]:
    """Of each output the predictions, their mean over uniform masks and their variance.

    Returns:
        (k, m) float64, and k numbers twice.
    """
    columns = spectrum.columns
    is_empty = spectrum.sets.orders == 0
    predictions = _columns(spectrum.predict(masks))
    mean = columns[is_empty].sum(axis=0)
    # Parseval: the variance is the sum of the squares of all other coefficients.
    variance = (columns[~is_empty] ** 2).sum(axis=0)
    return predictions, mean.tolist(), variance.tolist()


def linear_datamodel(masks: NDArray[np.bool_], values: Array, seed: int) -> Spectrum:
    """LASSO on single candidates, its penalty cross-validated.

    Of more than 4,000 masks, so many spread over them: each candidate is then known
    well enough.

    Args:
        masks: (m, n) bool.
        values: (m,) or (m, k) float64.
        seed: of the folds.
    """
    step = -(-len(masks) // _ENOUGH)
    masks = masks[::step]
    values = values[::step]
    spectra = []
    for column in _columns(values):
        fit = Linear(order=1).fit(masks, column, seed)
        spectra.append(fit.spectrum)
    return Spectrum.stack(spectra)


def _columns(values: Array) -> Array:
    """(m,) or (m, k) -> (k, m)."""
    return by_output(values).T


def faithfulness_of(
    fit: Fit, judged: HeldOut | None, strategy: MaskStrategy
) -> Faithfulness:
    """How well masks are predicted that the fit did not see.

    What the fit says of itself is combined with what fresh masks say of it.

    Where masks share trainings, those that are left out in turn share theirs with
    others that the fit saw: then what was held out says it alone.
    """
    said = fit.faithfulness
    if judged is None:
        return said
    if strategy.shares_trainings:
        return Faithfulness(
            judged.r2,
            "held out",
            judged.masks,
            judged.masks,
            judged.intervals,
            said.r2,
        )
    if not judged.errors:
        return said
    r2 = []
    intervals = []
    outputs = zip(said.r2, judged.r2, judged.errors, strict=True)
    for claimed, fresh, error in outputs:
        combined, interval = combined_r2(claimed, fresh, error)
        r2.append(combined)
        intervals.append(interval)
    return Faithfulness(
        tuple(r2),
        said.source,
        said.masks + judged.masks,
        judged.masks,
        tuple(intervals),
        said.r2,
    )
