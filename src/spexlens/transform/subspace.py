"""The masks of a sparse transform: cosets of random subspaces.

Parity checks of a code shift them, so that the signs of a coefficient spell its set.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from spexlens.masks import masks as mask_algebra
from spexlens.spectrum.hadamard import walsh_hadamard
from spexlens.transform.bch import Code
from spexlens.transform.binary import Bits, express, product, reduce


@dataclass(frozen=True)
class Group:
    """One subsampling group: P = r - b + 1 delays of a subspace of 2^b masks.

    The rows v_1, ..., v_r are a random basis of the code's parity checks. The masks are
    q + p + span(v_1, ..., v_b) for the delays p = 0, v_{b+1}, ..., v_r and a random q.
    A Walsh-Hadamard transform of each delay sorts the sets S into 2^b bins by v_1·S,
    ..., v_b·S, and the signs of a bin across delays spell v_{b+1}·S, ..., v_r·S. So a
    bin of one set tells its whole syndrome: b bits by its place, for certain, and r - b
    by its signs. (SPEX draws the subspace apart from the code, and needs r + 1 delays.)

    Attributes:
        bits: b.
        basis: (r, n) uint8.
        shift: (n,) uint8, q.
        syndrome: (p, r) uint8, the map from v·S to the syndrome that the code decodes.
    """

    bits: int
    basis: Bits
    shift: Bits
    syndrome: Bits

    @classmethod
    def draw(cls, code: Code, bits: int, rng: np.random.Generator) -> "Group":
        """A random group of a code.

        Args:
            code: whose parity checks are mixed.
            bits: b, at most the rank of the code.
            rng: draws the basis and the shift.
        """
        # about three in ten random square matrices over GF(2) are invertible
        mixing = rng.integers(0, 2, (code.rank, code.rank), dtype=np.uint8)
        while len(reduce(mixing)[0]) < code.rank:
            mixing = rng.integers(0, 2, (code.rank, code.rank), dtype=np.uint8)
        basis = product(mixing, code.basis)
        shift = rng.integers(0, 2, code.n, dtype=np.uint8)
        return cls(bits, basis, shift, express(basis, code.rows))

    @property
    def bins(self) -> int:
        """2^b."""
        return 1 << self.bits

    @property
    def delays(self) -> int:
        """P."""
        return len(self.basis) - self.bits + 1

    @property
    def size(self) -> int:
        """P·2^b, the number of masks."""
        return self.delays * self.bins

    def masks(self) -> NDArray[np.uint8]:
        """The P·2^b packed masks, (P·2^b, w) uint8, delay by delay.

        Within a delay they stand in the order of `transform`.
        """
        rows = mask_algebra.pack(self.basis.astype(np.bool_))
        span = mask_algebra.pack(self.shift[None].astype(np.bool_))
        for row in rows[: self.bits]:
            span = np.concatenate([span, span ^ row])
        delayed = [span ^ row for row in rows[self.bits :]]
        return np.concatenate([span, *delayed])

    def transform(self, values: NDArray[np.float64]) -> NDArray[np.float64]:
        """U(j, p) = Σ F(S) χ_S(q + p) over the sets of bin j: (P·2^b,) -> (2^b, P)."""
        by_delay = values.reshape(self.delays, self.bins).T
        return walsh_hadamard(by_delay / self.bins)

    def locate(self, members: Bits) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
        """Where sets lie in this group.

        Args:
            members: (s, n) uint8, their indicators.

        Returns:
            The bin of each set, (s,) int64, and its signs χ_S(q + p) there, (s, P)
            float64 of 1.0 and -1.0.
        """
        bits = product(members, self.basis.T)
        place_values = 1 << np.arange(self.bits)
        bins = bits[:, : self.bits].astype(np.int64) @ place_values
        shifted = product(members, self.shift[:, None])
        odd = np.concatenate([shifted, shifted ^ bits[:, self.bits :]], axis=1)
        return bins, 1.0 - 2.0 * odd


@dataclass(frozen=True)
class Design:
    """Subsampling groups of one code.

    For one n, t and seed a design with more groups or more bits holds the masks of one
    with fewer.

    Attributes:
        code: what names the sets.
        groups: C of them.
    """

    code: Code
    groups: tuple[Group, ...]

    @classmethod
    def draw(cls, n: int, corrections: int, bits: Sequence[int], seed: int) -> "Design":
        """A random design.

        Args:
            n: the number of candidates.
            corrections: t.
            bits: b of each group, at most the rank of the code.
            seed: decides all draws.
        """
        code = Code(n, corrections)
        groups = []
        for c, b in enumerate(bits):
            # a generator each: a group does not depend on those before it
            rng = np.random.default_rng([seed, n, corrections, c])
            groups.append(Group.draw(code, b, rng))
        return cls(code, tuple(groups))

    @property
    def size(self) -> int:
        """Σ P·2^b, the number of masks; groups may share some."""
        return sum(group.size for group in self.groups)

    def masks(self) -> NDArray[np.uint8]:
        """All groups' packed masks, (Σ P·2^b, w) uint8, one group after the other."""
        return np.concatenate([group.masks() for group in self.groups])

    def transform(self, values: NDArray[np.float64]) -> list[NDArray[np.float64]]:
        """The bins of each group, (2^b, P) float64, from the values of `masks`."""
        ends = np.cumsum([group.size for group in self.groups])
        parts = np.split(values, ends[:-1])
        return [
            group.transform(part)
            for group, part in zip(self.groups, parts, strict=True)
        ]
