"""A Gaussian process over masks whose Fourier spectrum is known in closed form."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from spexlens.solvers.proxyspex.kernel.conditioning import EXACT, condition, ease
from spexlens.solvers.proxyspex.kernel.marginal import Marginal
from spexlens.solvers.proxyspex.kernel.posterior import Posterior
from spexlens.solvers.proxyspex.kernel.prior import Prior, signs_of
from spexlens.solvers.proxyspex.kernel.warp import WARPS, Map, Warp
from spexlens.solvers.proxyspex.proxies.average import shares, weighted
from spexlens.solvers.proxyspex.proxies.proxy import FittedProxy, Proxy, Runner, folds
from spexlens.spectrum.scores import r_squared
from spexlens.spectrum.sets import Sets
from spexlens.spectrum.uncertainty import ProductPrior

Array = NDArray[np.float64]

_FIRST = "mix"
_WEIGHTS = {"id": 0.5, "mix": 2.0, "rank": 1.0, "logit": 0.5}  # before anything is seen
# of L-BFGS: for the first warp, and for the others, which begin where it ended
_STEPS = 10
_MORE_STEPS = 5
_TUNED = 2000  # masks that hyper-parameters are fitted to
FOLDED = _TUNED
"""Beyond so many masks hyper-parameters hang on none: one is left out at a time."""

_FOLDS = 5
# folds from so many masks on, where hyper-parameters hang on few
_FEW_FOLDS = 3
_MANY = 300


@dataclass(frozen=True)
class Member:
    """One warp's posterior.

    Attributes:
        posterior: of the latent values.
        back: latent -> values, averaged over what the latent is uncertain of.
        left_out: (m,) what the other masks predict, hyper-parameters and warp fitted to
            all.
        slope: standard deviation of the values a latent one.
    """

    posterior: Posterior
    back: Map
    left_out: Array
    slope: float


@dataclass(frozen=True)
class FittedKernel(FittedProxy):
    """An average of warped posteriors.

    Attributes:
        members: one a warp that counts.
        weights: (w,) their shares, adding up to one.
        warps: the leave-one-out R² and the weight of every warp.
        spread: see `ease`.
    """

    members: Sequence[Member]
    weights: Array
    warps: dict[str, dict[str, float]]
    spread: float

    @property
    def ease(self) -> float:
        """As its prior expects."""
        return self.spread

    def predict(self, masks: NDArray[np.bool_]) -> Array:
        """(p, n) bool -> (p,) float64."""
        signs = signs_of(masks)
        latent = [member.posterior.predict(signs) for member in self.members]
        return self._averaged(latent)

    def table(self) -> Array:
        """On all 2^n masks, (2^n,) by mask index."""
        return self._averaged([member.posterior.table() for member in self.members])

    def _averaged(self, latent: Sequence[Array]) -> Array:
        """The members' latent values, brought back and averaged."""
        pairs = zip(self.members, latent, strict=True)
        return weighted(self.weights, [member.back(values) for member, values in pairs])

    @property
    def heaviest(self) -> "Member":
        """The warp that counts most."""
        return self.members[int(np.argmax(self.weights))]

    def large_sets(self, count: int) -> Sets:
        """Those of the heaviest warp's latent function."""
        # a smooth warp moves few of the large sets
        return self.heaviest.posterior.large_sets(count)

    def report(self) -> dict[str, Any]:
        """The warps' leave-one-out R² and weights."""
        return {"warps": self.warps}


@dataclass(frozen=True)
class Kernel(Proxy):
    """A product kernel on warped values: `Prior`, `Marginal` and `WARPS` say which.

    The four warps are averaged by their `shares`, R² being leave-one-out on the values'
    own scale. Cross-validation predicts each mask from all others, with
    hyper-parameters and a warp that were fitted to the other folds.
    """

    name = "kernel"

    def fit(
        self, masks: NDArray[np.bool_], values: Array, seed: int, run: Runner = map
    ) -> FittedKernel:
        """Fit all warps, and the folds of one.

        Beyond 4,000 masks, only the best warp sees them all.
        """
        signs = signs_of(masks)
        parts = _seen_parts(len(values), seed)
        varied = [part for part in parts if np.ptp(values[part]) > 0]

        def tuned(part: NDArray[np.bool_]) -> _Tuned:
            return _tune(_FIRST, signs[part], values[part], _STEPS)

        everything = np.ones(len(values), np.bool_)
        first, *folded = run(tuned, [everything, *varied])

        fits = _all_warps(first, signs, values, run)

        members = list(run(lambda fit: fit.conditioned(signs, values), fits))
        scores = [r_squared(values, member.left_out) for member in members]

        weights = _weights_of(fits, scores)
        left_out = weighted(weights, [member.left_out for member in members])

        unseen = left_out.copy()
        for part in parts:
            unseen[~part] = values[part].mean()  # all that a fold of one value says

        # from all other masks, by a warp and hyper-parameters that did not see this one
        predictions = run(lambda fit: fit.conditioned(signs, values).left_out, folded)
        for part, predicted in zip(varied, predictions, strict=True):
            unseen[~part] = predicted[~part]

        return FittedKernel(
            n=masks.shape[1],
            left_out=unseen,
            priors=_priors(members, weights),
            noise=_noise(masks, values, left_out),
            members=[member for member, w in zip(members, weights, strict=True) if w],
            weights=weights[weights > 0],
            warps=_report(fits, scores, weights),
            spread=ease(first.prior, signs[:_TUNED], seed),
        )


def _weights_of(fits: Sequence["_Tuned"], scores: Sequence[float]) -> Array:
    """(w,) what each warp counts, by its leave-one-out R²; adding up to one."""
    beforehand = [_WEIGHTS[fit.warp.name] for fit in fits]
    weights = shares(scores, beforehand)
    if weights.any():
        return weights

    # where none predicts better than the mean, all count alike
    return np.full(len(fits), 1.0 / len(fits))


def _noise(masks: NDArray[np.bool_], values: Array, left_out: Array) -> float:
    """The mean square error to expect: of masks left out, the two corners apart.

    The corners are unlike all other masks. Hyper-parameters saw every value, which
    makes it too small; the folds', which saw fewer, make it too large. The truth was
    found to be nearer to the first.
    """
    inner = masks.any(axis=1) & ~masks.all(axis=1)
    return float(np.mean((values - left_out)[inner] ** 2))


@dataclass(frozen=True)
class _Tuned:
    """A warp and hyper-parameters fitted to some masks.

    Attributes:
        warp: fitted to all their values.
        theta: fitted to the first 2,000.
        prior: what theta stands for.
    """

    warp: Warp
    theta: Array
    prior: Prior

    def conditioned(self, signs: Array, values: Array) -> Member:
        """The posterior given any masks."""
        latent = self.warp.forward(values)
        posterior, fitted, residuals = condition(self.prior, signs, latent)

        # how far a latent prediction is off is what the way back averages over
        off = float(np.sqrt(np.mean(residuals**2)))
        back = self.warp.averaged(off)

        spread = float(fitted.std())
        slope = 0.0
        if spread > 0:
            slope = float(back(fitted).std()) / spread

        left_out = back(latent - residuals)
        return Member(posterior, back, left_out, slope)


def _all_warps(first: _Tuned, signs: Array, values: Array, run: Runner) -> list[_Tuned]:
    """Every warp, from the first one's hyper-parameters; of too many masks the best."""
    names = [name for name in _WEIGHTS if name != _FIRST]

    others = run(
        lambda name: _tune(name, signs, values, _MORE_STEPS, first.theta), names
    )
    fits = [first, *others]
    if len(values) <= EXACT:
        return fits

    # inducing masks cost the most: only one warp is worth them
    some = values[:_TUNED]
    members = run(lambda fit: fit.conditioned(signs[:_TUNED], some), fits)

    scores = [r_squared(some, member.left_out) for member in members]
    return [fits[int(np.argmax(scores))]]


def _tune(
    name: str, signs: Array, values: Array, steps: int, start: Array | None = None
) -> _Tuned:
    """A warp of the values, and its hyper-parameters after some steps."""
    warp = WARPS[name](values)
    # a warp costs nothing, and is of all values; each step inverts a matrix of masks
    latent = warp.forward(values)[:_TUNED]
    marginal = Marginal(signs[:_TUNED], latent)

    theta = marginal.maximise(steps, start)
    return _Tuned(warp, theta, marginal.prior(theta))


def _seen_parts(count: int, seed: int) -> list[NDArray[np.bool_]]:
    """For each fold, the masks outside it; no folds for very many masks."""
    if count > FOLDED:
        return []
    fold = folds(count, _FOLDS if count < _MANY else _FEW_FOLDS, seed)
    return [fold != part for part in range(int(fold.max()) + 1)]


def _report(
    fits: Sequence[_Tuned], scores: Sequence[float], weights: Array
) -> dict[str, dict[str, float]]:
    """The leave-one-out R² and the weight of every warp."""
    report = {}
    for fit, r2, weight in zip(fits, scores, weights.tolist(), strict=True):
        report[fit.warp.name] = {"r2": r2, "weight": weight}
    return report


def _priors(members: Sequence[Member], weights: Array) -> tuple[ProductPrior, ...]:
    """The priors of the coefficients of the values, to first order in the warps."""
    priors = []
    for member, weight in zip(members, weights, strict=True):
        scale, rho = member.posterior.prior.untilted()
        scaled = float(weight) * member.slope**2 * scale
        priors.append(ProductPrior(scaled, rho))
    return tuple(priors)
