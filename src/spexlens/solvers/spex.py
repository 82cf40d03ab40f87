"""SPEX: masks from a code, a sparse Fourier transform, and a regression."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from operator import index
from typing import Any

import numpy as np
from numpy.typing import NDArray

from spexlens.errors import InvalidInput
from spexlens.masks import designs
from spexlens.masks import masks as mask_algebra
from spexlens.masks.one_thread import one_thread
from spexlens.masks.outputs import by_output
from spexlens.solvers.exact import Exact
from spexlens.solvers.faithfulness import Faithfulness
from spexlens.solvers.ridge import Refit, refit
from spexlens.solvers.solver import Fit, Outline, Plan, Solver, all_masks, rows_of
from spexlens.spectrum.scores import r_squared
from spexlens.spectrum.sets import Sets
from spexlens.spectrum.spectrum import Spectrum
from spexlens.spectrum.uncertainty import Uncertainty
from spexlens.transform.allotment import Allotment, allot, least_calls
from spexlens.transform.bch import Code
from spexlens.transform.peeling import LOW_ORDERS, peel
from spexlens.transform.subspace import Design

# prior variance of sets of low order: of one member, over the typical recovered set's,
# and a factor for each further member
_FIRST = 0.25
_DECAY = 0.15
_ROUNDING = 1e-20  # mean square of what is left of values up to 1
_POOR = 0.5  # R² below which a reader is told what may be missing
_TRIAL = 4000  # masks on which the priors are compared


@dataclass(eq=False)
class Spex(Solver):
    """Kang et al., SPEX, ICML 2025 (arXiv 2502.13870).

    Random subspaces of masks, shifted by the parity checks of a BCH code; a fast
    Walsh-Hadamard transform of each; decoding and peeling of the bins; and a regression
    on the sets found, with every value that was paid for. Where all 2^n masks fit the
    budget, the transform is exact.

    Beside the paper: the subspaces are drawn from the code's own checks, so that a
    bin's place tells part of the syndrome and fewer delays are needed; all bins are
    decoded at once, and what one names is checked against the other groups; calls that
    the code leaves over go to uniform masks; and the regression takes in all sets of
    low order, under a prior that shrinks them, where that predicts better.

    Attributes:
        corrections: t, the order up to which every set can be named; None: planned.
        bits: b, a group sorts the sets into 2^b bins; None: planned.
        groups: C; None: planned.
        soft: whether decoding may doubt weak signs.

    Raises:
        InvalidInput: a parameter is not a positive whole number.
    """

    name = "spex"

    corrections: int | None = None
    bits: int | None = None
    groups: int | None = None
    soft: bool = field(default=True, kw_only=True)

    def __post_init__(self) -> None:
        self.corrections = _positive("corrections", self.corrections)
        self.bits = _positive("bits", self.bits)
        self.groups = _positive("groups", self.groups)

    def least(self, n: int) -> int:
        """The smallest design's masks and the corners, or all 2^n if they are fewer.

        For n = 1,000 there are 74.
        """
        least = self._least(n)
        if least is None:
            raise InvalidInput(
                f"no code for {n} candidates leaves delays beside bins of {self.bits}"
                " bits"
            )
        return least

    def _least(self, n: int) -> int | None:
        coded = least_calls(n, self.corrections, self.bits, self.groups)
        if n > mask_algebra.ENUMERABLE:
            return coded
        return 1 << n if coded is None else min(coded, 1 << n)

    def plan(self, n: int, budget: int, seed: int) -> Plan:
        """All masks where they fit; else both corners, the design's, and uniform ones."""
        outline = self.outline(n, budget, seed)
        if n <= mask_algebra.ENUMERABLE and budget >= 1 << n:
            every = Exact().plan(n, budget, seed).packed
            return Plan(self.name, n, every, outline.design)

        allotment = self._allot(n, outline.total)
        design = Design.draw(n, allotment.corrections, allotment.bits, seed)
        coded = design.masks()

        corners = mask_algebra.pack(designs.corners(n))
        # as many as the whole budget: some coded masks may be alike
        spare = designs.packed_uniform(n, outline.total, seed)
        masks = np.concatenate([corners, coded, spare])

        # those of the design stand before the uniform ones, which fill up
        distinct, _ = mask_algebra.distinct(masks)
        first = distinct[: outline.total]
        return Plan(self.name, n, masks[first], outline.design)

    def outline(self, n: int, budget: int, seed: int) -> Outline:
        """As `plan`, without the masks: groups may share some of those that are coded."""
        if n <= mask_algebra.ENUMERABLE and budget >= 1 << n:
            return Outline(self.name, 1 << n, f"exact: all {1 << n} masks")
        total = all_masks(n, budget)

        allotment = self._allot(n, total)
        coded = f"at most {allotment.calls} coded masks"
        return Outline(self.name, total, f"{allotment}; {coded}, the rest uniform")

    def _allot(self, n: int, budget: int) -> Allotment:
        self.refuse_below_least(n, budget)
        allotment = allot(n, budget, self.corrections, self.bits, self.groups)
        assert allotment is not None
        return allotment

    def enough_for(self, n: int, budget: int) -> list[str]:
        """The most candidates that would do: for more than 20, a power of two less one."""
        # a code of one field takes 2^k - 1 candidates for the calls of any fewer
        large = [(1 << power) - 1 for power in range(n.bit_length(), 4, -1)]

        for size in [*large, *range(20, 1, -1)]:
            least = self._least(size) if size < n else None
            if least is not None and least <= budget:
                return [f"{size} candidates"]
        return []

    def _fit(
        self, packed: NDArray[np.uint8], n: int, values: NDArray[np.float64], seed: int
    ) -> Fit:
        """The sparse spectrum, with its leave-one-out R².

        Raises:
            InvalidInput: the masks are not those that `plan` makes for so many and this
                seed.
        """
        if n <= mask_algebra.ENUMERABLE and len(packed) == 1 << n:
            return Exact().fit_packed(packed, n, values, seed)

        allotment = self._allot(n, len(packed))
        design = Design.draw(n, allotment.corrections, allotment.bits, seed)
        rows = rows_of(design.masks(), packed, seed)

        columns = by_output(values).T
        with one_thread():  # sums in another order would be other bits
            fits = [self._output(design, rows, packed, column) for column in columns]

        regressions = [regression for regression, _ in fits]

        # the corners are unlike all other masks, and R² leaves them out
        inner = ~(mask_algebra.whole(packed, n) | mask_algebra.empty(packed))
        outputs = zip(regressions, columns, strict=True)
        r2 = tuple(
            r_squared(column[inner], (column - regression.residuals)[inner])
            for regression, column in outputs
        )

        details = {
            "corrections": allotment.corrections,
            "bits": list(allotment.bits),
            "checks": allotment.checks,
            "coded": len(np.unique(rows)),
            "recovered": [report for _, report in fits],
            "caveats": _caveats(r2, design.code),
        }

        return Fit(
            _spectrum(regressions),
            Faithfulness(r2, "leave-one-out", int(inner.sum())),
            details,
            _uncertainty(regressions),
        )

    def refit(
        self,
        fit: Fit,
        packed: NDArray[np.uint8],
        n: int,
        values: NDArray[np.float64],
        seed: int,
    ) -> Fit:
        """The sets that were recovered, regressed on all values.

        A code cannot use masks that it did not plan.
        """
        columns = by_output(values).T
        recovered = fit.spectrum.columns.T

        with one_thread():  # as in the first fit
            regressions = [
                refit(Spectrum(fit.spectrum.sets, sizes), packed, column)
                for sizes, column in zip(recovered, columns, strict=True)
            ]

        spectrum = _spectrum(regressions)
        if fit.spectrum.values.ndim == 1:  # in the shape of the first fit
            spectrum = spectrum.squeezed()

        return replace(
            fit,
            spectrum=spectrum,
            uncertainty=_uncertainty(regressions),
        )

    def _output(
        self,
        design: Design,
        rows: NDArray[np.int64],
        packed: NDArray[np.uint8],
        values: NDArray[np.float64],
    ) -> tuple[Refit, dict[str, Any]]:
        """One output, of any scale: its regression, and what was recovered, as JSON."""
        mean = float(values.mean())
        scale = float(np.abs(values - mean).max())
        # eight units in the last place: what is left of a constant by its mean
        rounding = 8 * np.finfo(np.float64).eps * abs(mean)
        if scale <= rounding:
            constant = Spectrum.of(design.code.n, {(): mean})
            return Refit(constant, values - mean), {"sets": 0, "low orders": False}

        standard = (values - mean) / scale
        bins = design.transform(standard[rows])

        support = peel(design.code, design.groups, bins, soft=self.soft)
        recovered = support.spectrum()
        regression, low = _regressed(recovered, packed, standard)

        report = {"sets": len(recovered) - 1, "low orders": low}

        return _restored(regression, mean, scale), report


def _restored(regression: Refit, mean: float, scale: float) -> Refit:
    """That of the values as they were, before mean and scale were taken off."""
    sets = regression.spectrum.sets
    # only the empty set moves with the mean
    shift = mean * (sets.orders == 0)
    coefficients = regression.spectrum.values * scale + shift
    return Refit(Spectrum(sets, coefficients), regression.residuals * scale)


def _spectrum(regressions: Sequence[Refit]) -> Spectrum:
    """That of all outputs."""
    return Spectrum.stack([regression.spectrum for regression in regressions])


def _uncertainty(regressions: Sequence[Refit]) -> tuple[Uncertainty, ...]:
    """Of the coefficients, one an output."""
    residuals = [regression.residuals for regression in regressions]
    return tuple(Uncertainty(_mean_square(column), len(column)) for column in residuals)


def _regressed(
    recovered: Spectrum, packed: NDArray[np.uint8], values: NDArray[np.float64]
) -> tuple[Refit, bool]:
    """The regression on all values, and whether sets of low order joined it.

    They join where that predicts better.
    """
    step = -(-len(packed) // _TRIAL)
    masks = packed[::step]
    answers = values[::step]

    best = recovered
    trial = refit(recovered, masks, answers)

    # where nothing is left, low orders have nothing to explain
    error = np.square(trial.residuals).sum()
    if error > _ROUNDING * len(trial.residuals):
        wide = _with_low_orders(recovered)
        other = refit(wide, masks, answers)
        if np.square(other.residuals).sum() < error:
            best = wide
            trial = other

    # up to so many masks the trial was on all of them
    regression = trial if step <= 1 else refit(best, packed, values)
    return regression, best is not recovered


def _mean_square(residuals: NDArray[np.float64]) -> float:
    """At most the largest float, whatever the scale."""
    largest = float(np.abs(residuals).max())

    # divided by the largest first, so that no square overflows
    relative = residuals / (largest or 1.0)

    root = largest * float(np.sqrt(np.mean(relative**2)))
    most = float(np.finfo(np.float64).max)
    return min(root * root, most)


def _caveats(r2: Sequence[float], code: Code) -> list[str]:
    """What to say where much is left unexplained."""
    higher = "" if code.all_orders else f", or sets of more than {code.t}"
    caveats = []
    for output in (j for j, score in enumerate(r2) if score < _POOR):
        whose = "" if len(r2) == 1 else f"output {output}: "
        share = f"{1 - max(r2[output], 0.0):.0%}"

        caveats.append(
            f"{whose}{share} of the variance is unexplained: noise, too few"
            f" calls{higher}"
        )
    return caveats


def _positive(name: str, value: int | None) -> int | None:
    """A whole number of one or more, or None."""
    if value is None:
        return None

    try:
        number = index(value)
    except TypeError:
        number = 0

    if number < 1:
        raise InvalidInput(f"{name} must be a whole number, at least 1; got {value!r}")
    return number


def _with_low_orders(recovered: Spectrum) -> Spectrum:
    """The recovered sets, and as many whole orders as fit, with a prior's sizes."""
    nonconstant = recovered.sets.orders > 0
    typical = 1.0
    if nonconstant.any():
        squares = recovered.values[nonconstant] ** 2
        typical = float(np.sqrt(np.mean(squares)))

    low = Sets.low_orders(recovered.n, LOW_ORDERS)
    variances = _FIRST * _DECAY ** (low.orders - 1.0)
    expected = typical * np.sqrt(variances)
    sizes = dict(zip(low, expected, strict=True))

    # a recovered set keeps its size where that is the larger
    for members, value in recovered:
        least = sizes.get(members, 0.0)
        sizes[members] = max(least, abs(float(value)))

    return Spectrum.of(recovered.n, sizes)
