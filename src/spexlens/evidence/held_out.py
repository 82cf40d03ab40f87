"""Held out: an explanation and a linear model beside it, on masks that were bought to judge them."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from spexlens.evidence.faithfulness import r_squared
from spexlens.solvers.proxyspex.linear import Linear
from spexlens.spectrum.spectrum import Spectrum


@dataclass(frozen=True)
class HeldOut:
    """How well masks are predicted that no fit saw, drawn uniformly; one number an output.

    Attributes:
        r2: R² of the explanation.
        lds: its linear datamodeling score, the rank correlation of predicted and real values (Park et
            al., "TRAK", ICML 2023, section 2; Spearman's).
        linear_r2, linear_lds: the same of a linear datamodel, LASSO on single candidates with a
            cross-validated penalty, fitted to what the explanation was fitted to (Ilyas et al.,
            "Datamodels", ICML 2022).
        masks: how many were held out.
    """

    r2: tuple[float, ...]
    lds: tuple[float, ...]
    linear_r2: tuple[float, ...]
    linear_lds: tuple[float, ...]
    masks: int


@dataclass(frozen=True)
class Noise:
    """How far evaluations of one mask under different seeds are apart, one number an output.

    Attributes:
        deviation: the standard deviation of one evaluation.
        ceiling: the R² that knowing the mean over all seeds would have, on the masks that are judged.
        repeated: evaluations that repeated a mask.
    """

    deviation: tuple[float, ...]
    ceiling: tuple[float, ...]
    repeated: int


def judge(
    spectrum: Spectrum, linear: Spectrum, masks: NDArray[np.bool_], values: NDArray[np.float64]
) -> HeldOut:
    """Both on masks (m, n) and values (m,) or (m, k) that neither saw."""
    truth = _columns(values)
    ours, theirs = (_columns(each.predict(masks)) for each in (spectrum, linear))
    return HeldOut(
        tuple(map(r_squared, truth, ours)),
        tuple(map(rank_correlation, truth, ours)),
        tuple(map(r_squared, truth, theirs)),
        tuple(map(rank_correlation, truth, theirs)),
        len(masks),
    )


def linear_datamodel(masks: NDArray[np.bool_], values: NDArray[np.float64], seed: int) -> Spectrum:
    """LASSO on single candidates, its penalty cross-validated: (m, n) and (m,) or (m, k)."""
    fits = [Linear(order=1).fit(masks, column, seed).spectrum for column in _columns(values)]
    return fits[0] if values.ndim == 1 else Spectrum.stack(fits)


def noise_of(deviation: NDArray[np.float64], repeated: int, values: NDArray[np.float64], times: int) -> Noise:
    """What seeds do to values that are each a mean of so many evaluations.

    Args:
        deviation: (k,), of one evaluation.
        repeated: how many evaluations it was measured with.
        values: (m,) or (m, k), those that an explanation is judged on.
        times: the evaluations that each of them is the mean of.
    """
    variance = _columns(values).var(axis=1)
    share = np.divide(deviation**2 / times, variance, out=np.zeros_like(variance), where=variance > 0)
    return Noise(tuple(deviation.tolist()), tuple(np.maximum(1.0 - share, 0.0).tolist()), repeated)


def rank_correlation(values: NDArray[np.float64], predictions: NDArray[np.float64]) -> float:
    """Spearman's, (m,) and (m,) -> float; 0 where either is constant."""
    from scipy.stats import rankdata

    first, second = (rankdata(each) - (len(each) + 1) / 2 for each in (values, predictions))
    size = float(np.sqrt((first @ first) * (second @ second)))
    return float(first @ second) / size if size > 0 else 0.0


def _columns(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """(m,) or (m, k) -> (k, m)."""
    return values.reshape(len(values), -1).T
