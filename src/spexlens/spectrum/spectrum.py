"""Spectrum: a sparse Fourier expansion of a function of masks."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import cached_property

import numpy as np
from numpy.typing import ArrayLike, NDArray

from spexlens.errors import InvalidInput
from spexlens.masks import designs
from spexlens.masks import masks as mask_algebra
from spexlens.masks.outputs import by_output, squeezed
from spexlens.spectrum.hadamard import walsh_hadamard
from spexlens.spectrum.sets import Sets
from spexlens.spectrum.sizes import Sizes, far

# A table of all 2^n masks takes n 2^n additions, a prediction by sets about an eighth of
# one for each mask and set: those go eight sets at a time.
_TABLE_WORTH = 8

# of a share of the energy, what its sum may lack by rounding
_ROUNDING = 1e-12


class SetFunction:
    """One number or k for each of a sparse family of sets; zero for every other set.

    Attributes:
        sets: the s sets, distinct, sorted by order and then by members.
        values: (s,) or (s, k) float64.
    """

    def __init__(self, sets: Sets, values: ArrayLike) -> None:
        """From sets and their values.

        Args:
            sets: in any order; the values of a set that stands twice are summed.
            values: (s,) or (s, k), one row a set.

        Raises:
            InvalidInput: there are not as many values as sets.
        """
        array = np.asarray(values, dtype=np.float64)
        if array.ndim not in (1, 2) or len(array) != len(sets):
            raise InvalidInput(
                f"{len(sets)} sets need as many values; got an array of shape"
                f" {array.shape}"
            )
        self.sets, self.values = sets.merge(array)

    @property
    def n(self) -> int:
        """The number of candidates."""
        return self.sets.n

    def __len__(self) -> int:
        return len(self.sets)

    def __iter__(self) -> Iterator[tuple[tuple[int, ...], NDArray[np.float64]]]:
        return zip(self.sets, self.values, strict=True)

    def __getitem__(self, members: Iterable[int]) -> NDArray[np.float64]:
        """The value of a set, a float64 scalar or (k,); zero if the set is not listed.

        Raises:
            InvalidInput: it is no set of positions.
        """
        if isinstance(members, str) or not isinstance(members, Iterable):
            raise InvalidInput(
                f"a set is a tuple of positions, such as (0, 3); got {members!r}"
            )
        position = self._positions.get(tuple(sorted(members)))
        if position is None:
            return np.zeros(self.values.shape[1:])
        value: NDArray[np.float64] = self.values[position]
        return value

    @property
    def columns(self) -> NDArray[np.float64]:
        """(s, k) float64: the values by output."""
        return by_output(self.values)

    @cached_property
    def _positions(self) -> dict[tuple[int, ...], int]:
        return {members: position for position, members in enumerate(self.sets)}

    @property
    def magnitude(self) -> NDArray[np.float64]:
        """(s,) float64: |value|, or the Euclidean norm over the k outputs."""
        if self.values.ndim == 1:
            return np.abs(self.values)
        return np.asarray(np.linalg.norm(self.values, axis=1))


class Spectrum(SetFunction):
    """f(m) = Σ_S F(S) χ_S(m), with χ_S(m) = (-1)^|S ∩ m|.

    m_i = 1 where candidate i is kept. The expansion of a function of masks in the parity
    basis (O'Donnell, *Analysis of Boolean Functions*, 2014, theorem 1.1). `values[j]` is
    the coefficient F of `sets[j]`.
    """

    @classmethod
    def of(
        cls, n: int, coefficients: Mapping[tuple[int, ...], ArrayLike]
    ) -> "Spectrum":
        """A Spectrum from a mapping of sets (tuples of positions) to coefficients."""
        values = np.array([np.asarray(value) for value in coefficients.values()], float)
        return cls(Sets.of(n, coefficients), values)

    @classmethod
    def from_table(cls, table: NDArray[np.float64]) -> "Spectrum":
        """The exact spectrum of a function given on all 2^n masks.

        Args:
            table: (2^n,) or (2^n, k) float64, by mask index.

        Raises:
            InvalidInput: the number of rows is no power of two.
        """
        n = max(len(table), 1).bit_length() - 1
        if len(table) != 1 << n:
            raise InvalidInput(
                f"a table of all masks has 2^n rows; this one has {len(table)}"
            )
        sets = Sets.from_incidence(designs.everything(n))
        return cls(sets, walsh_hadamard(table / len(table)))

    @classmethod
    def stack(cls, spectra: Sequence["Spectrum"]) -> "Spectrum":
        """k scalar spectra of the same candidates as one with k columns."""
        if len(spectra) == 1:
            return cls(spectra[0].sets, spectra[0].columns)
        sets: list[tuple[int, ...]] = []
        values = np.zeros((sum(len(spectrum) for spectrum in spectra), len(spectra)))
        for column, spectrum in enumerate(spectra):
            start = len(sets)
            sets += spectrum.sets
            values[start : len(sets), column] = spectrum.values
        return cls(Sets.of(spectra[0].n, sets), values)

    def by_output(self) -> "Spectrum":
        """The same with a column an output, one of a scalar spectrum."""
        return Spectrum(self.sets, self.columns)

    def squeezed(self) -> "Spectrum":
        """The same, scalar if it is of one output."""
        return Spectrum(self.sets, squeezed(self.values))

    def predict(self, masks: ArrayLike) -> NDArray[np.float64]:
        """f at the given masks: (m, n) bool -> (m,) or (m, k) float64.

        Raises:
            InvalidInput: the masks are not of shape (m, n), or not boolean.
        """
        rows = mask_algebra.as_masks(masks, self.n)

        rest, common = self.apart
        if common.any():
            return rest.predict(rows) + common

        if self._table_is_faster(len(rows)):
            return self.table()[mask_algebra.to_index(rows)]

        # eight sets at a time: the signs of a mask's terms are a byte, which looks up
        # their sum
        packed = mask_algebra.pack(rows)
        result = np.zeros((len(rows), *self.values.shape[1:]))

        # in chunks of sets whose sums and bits stay in the cache
        for chunk in mask_algebra.blocks(len(self), 2 * self.n + 512):
            sets = self.sets.packed[chunk]
            sums = _signed_sums(self.values[chunk])

            for part in mask_algebra.blocks(len(rows), len(sums)):
                odd = mask_algebra.parities(packed[part], sets)
                for byte, table in enumerate(sums):
                    pattern = odd[:, byte]
                    result[part] += table[pattern]

        return result

    def _table_is_faster(self, rows: int) -> bool:
        """Whether to predict so many masks from the table of all 2^n."""
        if self.n > mask_algebra.ENUMERABLE:
            return False
        additions = self.n << self.n
        return rows * len(self) > _TABLE_WORTH * additions

    def table(self) -> NDArray[np.float64]:
        """f on all 2^n masks: (2^n,) or (2^n, k) float64, by mask index.

        Raises:
            InvalidInput: n exceeds 20.
        """
        if self.n > mask_algebra.ENUMERABLE:
            raise InvalidInput(
                f"2^{self.n} masks are too many to list; predict the ones you need"
            )
        dense = np.zeros((1 << self.n, *self.values.shape[1:]))
        indicators = self.sets.indicators.astype(np.bool_)
        dense[mask_algebra.to_index(indicators)] = self.values
        return walsh_hadamard(dense)

    @cached_property
    def apart(self) -> tuple["Spectrum", NDArray[np.float64]]:
        """The spectrum without a mean that hides all else, and that mean.

        A mean hides the rest where it is a million times as large: added to it, the rest
        would lose its last digits. The mean is () or (k,) float64, zero where it hides
        nothing; there the spectrum stays as it is.
        """
        empty = self.sets.orders == 0

        # a sum, as the empty set may not be listed: then it is zero
        mean = self.values[empty].sum(axis=0)
        rest = np.abs(self.values[~empty]).sum(axis=0)

        hidden = far(rest, np.abs(mean))
        if not hidden.any():
            return self, np.zeros_like(mean)

        # of several outputs only those lose their mean whose mean hides the rest
        values = self.values.copy()
        values[empty] = np.where(hidden, 0.0, values[empty])
        common = np.where(hidden, mean, 0.0)
        return Spectrum(self.sets, values), common

    @property
    def energy(self) -> NDArray[np.float64]:
        """(s,) float64: F(S)² (summed over outputs), and zero for the empty set.

        The energies sum to the variance of f over uniform masks (Parseval).
        """
        return np.where(self.sets.orders > 0, self.magnitude**2, 0.0)

    def restored(self, sizes: Sizes) -> "Spectrum":
        """The spectrum of a game's own answers, where this one is of answers at size one.

        Args:
            sizes: what the answers were divided by, and what was taken from them.
        """
        values = self.values * sizes.unit
        if not sizes.offset.any():
            return Spectrum(self.sets, values)
        offset = sizes.offset.reshape(1, *self.values.shape[1:])
        empty = Sets.of(self.n, [()])
        sets = Sets.concatenate([self.sets, empty])
        return Spectrum(sets, np.concatenate([values, offset]))

    def truncate(self, *, energy: float = 1.0, count: int | None = None) -> "Spectrum":
        """The fewest sets that hold a share of the energy; the mean stays.

        Args:
            energy: share of the energy to keep, in (0, 1].
            count: the most sets to keep, the empty set not counted.
        """
        energies = self.energy
        ranked = np.argsort(-energies, kind="stable")
        ranked = ranked[energies[ranked] > 0]

        enough = len(ranked)
        if energy < 1 and len(ranked):
            held = np.cumsum(energies[ranked])
            goal = energy * held[-1] * (1 - _ROUNDING)
            before = int(np.searchsorted(held, goal))
            enough = before + 1

        if count is not None:
            enough = min(enough, count)

        # the empty set has no energy: it is kept by its place
        empty = np.flatnonzero(self.sets.orders == 0)
        chosen = np.concatenate([empty, ranked[:enough]])
        return Spectrum(self.sets.take(chosen), self.values[chosen])


def _signed_sums(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """For each eight sets, Σ ±F over the 256 patterns of their parities.

    Args:
        values: (s,) or (s, k) float64.

    Returns:
        (⌈s/8⌉, 256) or (⌈s/8⌉, 256, k) float64; bit j of a pattern is the parity of the
        j-th of the eight sets.
    """
    outputs = values.shape[1:]
    count = -(-len(values) // 8)

    # sets of value zero fill the last eight
    padded = np.zeros((count * 8, *outputs))
    padded[: len(values)] = values
    groups = padded.reshape(-1, 8, *outputs)

    # all eight parities even: every sign is plus
    sums = np.zeros((count, 256, *outputs))
    sums[:, 0] = groups.sum(axis=1)

    # each bit doubles the patterns: with its parity odd, +F becomes -F
    for bit in range(8):
        filled = 1 << bit
        turned = 2.0 * groups[:, bit, None]
        sums[:, filled : 2 * filled] = sums[:, :filled] - turned

    return sums
