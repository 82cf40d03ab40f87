"""SPEX: masks from an error-correcting code, a sparse Fourier transform, and a
regression.
"""

from collections.abc import Sequence
from dataclasses import replace
from operator import index
from typing import Any

import numpy as np
from numpy.typing import NDArray

from spexlens.errors import InvalidInput
from spexlens.masks import designs
from spexlens.masks import masks as mask_algebra
from spexlens.masks.one_thread import one_thread
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

_FIRST, _DECAY = (
    0.25,
    0.15,
    # their prior variance: of one member, over the typical set's; for each further member
)
_ROUNDING = 1e-20  # mean square of what is left of values up to 1
_POOR = 0.5  # R² below which a reader is told what may be missing
_TRIAL = 4000  # masks on which the priors are compared


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
    """

    name = "spex"

    def __init__(
        self,
        corrections: int | None = None,
        bits: int | None = None,
        groups: int | None = None,
        *,
        soft: bool = True,
    ) -> None:
        """
        Args:
            corrections: t, the order up to which every set can be named; None: planned.
            bits: b, a group sorts the sets into 2^b bins; None: planned.
            groups: C; None: planned.
            soft: whether decoding may doubt weak signs.

        Raises:
            InvalidInput: a parameter is not a positive whole number.
        """
        self.corrections = _positive("corrections", corrections)
        self.bits = _positive("bits", bits)
        self.groups = _positive("groups", groups)
        self.soft = soft

    def least(self, n: int) -> int:
        """The smallest design's masks and the corners, or all 2^n if they are fewer; 74
        for n = 1,000.
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
        whole = 1 << n if n <= mask_algebra.ENUMERABLE else None
        return min((each for each in (coded, whole) if each is not None), default=None)

    def plan(self, n: int, budget: int, seed: int) -> Plan:
        """All masks where they fit; else the design's, both corners and, for the rest,
        uniform ones.
        """
        outline = self.outline(n, budget, seed)
        if n <= mask_algebra.ENUMERABLE and budget >= 1 << n:
            return Plan(
                self.name, n, Exact().plan(n, budget, seed).packed, outline.design
            )
        allotment = self._allot(n, outline.total)
        coded = Design.draw(n, allotment.corrections, allotment.bits, seed).masks()
        corners = mask_algebra.pack(designs.corners(n))
        masks = np.concatenate(
            [corners, coded, designs.packed_uniform(n, outline.total, seed)]
        )
        first = mask_algebra.distinct(masks)[0][: outline.total]
        return Plan(self.name, n, masks[first], outline.design)

    def outline(self, n: int, budget: int, seed: int) -> Outline:
        """As `plan`, without the masks: groups may share some of those that are coded."""
        if n <= mask_algebra.ENUMERABLE and budget >= 1 << n:
            return Outline(self.name, 1 << n, f"exact: all {1 << n} masks")
        total = all_masks(n, budget)
        allotment = self._allot(n, total)
        return Outline(
            self.name,
            total,
            f"{allotment}; at most {allotment.calls} coded masks, the rest uniform",
        )

    def _allot(self, n: int, budget: int) -> Allotment:
        self.refuse_below_least(n, budget)
        found = allot(n, budget, self.corrections, self.bits, self.groups)
        assert found is not None
        return found

    def enough_for(self, n: int, budget: int) -> list[str]:
        """The most candidates that would do: for more than 20, a power of two less one."""
        sizes = [(1 << power) - 1 for power in range(n.bit_length(), 4, -1)] + list(
            range(20, 1, -1)
        )
        least = ((size, self._least(size)) for size in sizes if size < n)
        fits = next(
            (size for size, calls in least if calls is not None and calls <= budget),
            None,
        )
        return [f"{fits} candidates"] if fits else []

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
        columns = values[:, None] if values.ndim == 1 else values
        with one_thread():  # sums in another order would be other bits
            fits = [self._column(design, rows, packed, column) for column in columns.T]
        inner = ~(mask_algebra.whole(packed, n) | mask_algebra.empty(packed))
        r2 = tuple(
            r_squared(column[inner], (column - fit.residuals)[inner])
            for (fit, _), column in zip(fits, columns.T, strict=True)
        )
        return Fit(
            (
                fits[0][0].spectrum
                if values.ndim == 1
                else Spectrum.stack([fit.spectrum for fit, _ in fits])
            ),
            Faithfulness(r2, "leave-one-out", int(inner.sum())),
            {
                "corrections": allotment.corrections,
                "bits": list(allotment.bits),
                "checks": allotment.checks,
                "coded": len(np.unique(rows)),
                "recovered": [report for _, report in fits],
                "caveats": _caveats(r2, design.code),
            },
            tuple(
                Uncertainty(_mean_square(fit.residuals), len(packed)) for fit, _ in fits
            ),
        )

    def refit(
        self,
        fit: Fit,
        packed: NDArray[np.uint8],
        n: int,
        values: NDArray[np.float64],
        seed: int,
    ) -> Fit:
        """The sets that were recovered, regressed on all values: a code cannot use
        masks it did not plan.
        """
        columns = values.reshape(len(values), -1)
        found = fit.spectrum.values.reshape(len(fit.spectrum), -1)
        with one_thread():
            fits = [
                refit(Spectrum(fit.spectrum.sets, sizes), packed, column)
                for sizes, column in zip(found.T, columns.T, strict=True)
            ]
        spectra = [each.spectrum for each in fits]
        return replace(
            fit,
            spectrum=spectra[0] if values.ndim == 1 else Spectrum.stack(spectra),
            uncertainty=tuple(
                Uncertainty(_mean_square(each.residuals), len(packed)) for each in fits
            ),
        )

    def _column(
        self,
        design: Design,
        rows: NDArray[np.int64],
        packed: NDArray[np.uint8],
        values: NDArray[np.float64],
    ) -> tuple[Refit, dict[str, Any]]:
        """One output, of any scale."""
        mean = float(values.mean())
        scale = float(np.abs(values - mean).max())
        if scale <= 8 * np.finfo(np.float64).eps * abs(mean):
            constant = Spectrum.of(design.code.n, {(): mean})
            return Refit(constant, values - mean), {"sets": 0, "low orders": False}
        standard = (values - mean) / scale
        bins = design.transform(standard[rows])
        recovered = peel(design.code, design.groups, bins, soft=self.soft).spectrum()
        fit, low = _regressed(recovered, packed, standard)
        found = fit.spectrum
        restored = found.values * scale + mean * (found.sets.orders == 0)
        report = {"sets": len(recovered) - 1, "low orders": low}
        return Refit(Spectrum(found.sets, restored), fit.residuals * scale), report


def _regressed(
    recovered: Spectrum, packed: NDArray[np.uint8], values: NDArray[np.float64]
) -> tuple[Refit, bool]:
    """The regression on all values, and whether sets of low order joined it: where that
    predicts better.
    """
    some = slice(None, None, -(-len(packed) // _TRIAL))
    best = recovered
    trial = refit(recovered, packed[some], values[some])
    if np.square(trial.residuals).sum() > _ROUNDING * len(trial.residuals):
        wide = _with_low_orders(recovered)
        other = refit(wide, packed[some], values[some])
        if np.square(other.residuals).sum() < np.square(trial.residuals).sum():
            best = wide
            trial = other
    fit = trial if len(packed) <= _TRIAL else refit(best, packed, values)
    return fit, best is not recovered


def _mean_square(residuals: NDArray[np.float64]) -> float:
    """At most the largest float, whatever the scale."""
    largest = float(np.abs(residuals).max())
    root = largest * float(np.sqrt(np.mean((residuals / (largest or 1.0)) ** 2)))
    return min(root * root, float(np.finfo(np.float64).max))


def _caveats(r2: Sequence[float], code: Code) -> list[str]:
    """What to say where much is left unexplained."""
    higher = "" if code.all_orders else f", or sets of more than {code.t}"
    whose = ("",) if len(r2) == 1 else tuple(f"output {j}: " for j in range(len(r2)))
    return [
        f"{name}{1 - max(each, 0.0):.0%} of the variance is unexplained: noise, too few"
        f" calls{higher}"
        for name, each in zip(whose, r2, strict=True)
        if each < _POOR
    ]


def _positive(name: str, given: int | None) -> int | None:
    try:
        number = None if given is None else index(given)
    except TypeError:
        number = 0
    if number is not None and number < 1:
        raise InvalidInput(f"{name} must be a whole number, at least 1; got {given!r}")
    return number


def _with_low_orders(recovered: Spectrum) -> Spectrum:
    """The recovered sets and, with the sizes that a prior gives them, as many whole
    orders as fit.
    """
    real = recovered.sets.orders > 0
    typical = (
        float(np.sqrt(np.mean(recovered.values[real] ** 2))) if real.any() else 1.0
    )
    low = Sets.low_orders(recovered.n, LOW_ORDERS)
    sizes = dict(
        zip(low, typical * np.sqrt(_FIRST * _DECAY ** (low.orders - 1.0)), strict=True)
    )
    for members, value in recovered:
        sizes[members] = max(sizes.get(members, 0.0), abs(float(value)))
    return Spectrum.of(recovered.n, sizes)
