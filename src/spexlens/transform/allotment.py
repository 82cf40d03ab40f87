"""What a budget buys: the corrections t, the bin bits b and the groups C of a design."""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass

from spexlens.transform.bch import rank

GROUPS = 3
"""How many groups a design has where the budget allows it."""

LEAST_BITS = 2
"""The least b of a group."""

# the highest orders that are named, where each group has √n bins
_CORRECTIONS = (5, 4, 3, 2)

_LEAST_GROUPS = 2

# with fewer, the signs of one set and of several are not told apart
_LEAST_DELAYS = 3


@dataclass(frozen=True)
class Allotment:
    """The parameters of a design.

    Attributes:
        n: the number of candidates.
        corrections: t, the order up to which every set can be named.
        bits: b of each group.
    """

    n: int
    corrections: int
    bits: tuple[int, ...]

    @property
    def checks(self) -> int:
        """r, the independent parity checks of the code."""
        return rank(self.n, self.corrections)

    @property
    def coded(self) -> int:
        """Σ 2^b (r - b + 1), the masks of all groups; some may be shared."""
        return sum((self.checks - b + 1) << b for b in self.bits)

    @property
    def calls(self) -> int:
        """The least budget: the code's masks and the two corners."""
        return self.coded + 2

    @property
    def readable(self) -> bool:
        """Whether every group has delays enough to tell one set from several."""
        return self.checks - max(self.bits) + 1 >= _LEAST_DELAYS

    def __str__(self) -> str:
        orders = "all orders" if self.checks == self.n else f"t = {self.corrections}"
        sizes = []
        for b, count in Counter(self.bits).items():
            plural = "s" if count > 1 else ""
            delays = self.checks - b + 1
            sizes.append(f"{count} group{plural} of 2^{b} bins × {delays} delays")
        return f"{orders}, {', '.join(sizes)}"


def allot(
    n: int,
    budget: int,
    corrections: int | None = None,
    bits: int | None = None,
    groups: int | None = None,
) -> Allotment | None:
    """The best design of n candidates that fits a budget, or None.

    Three groups, and the highest t up to 5 that leaves each √n bins; below that pairs
    (t = 2), then fewer groups, then single candidates (t = 1). What is left raises b,
    group by group, and then buys further, smaller groups: they tell apart sets that
    share a bin in all others.

    Args:
        n: the number of candidates.
        budget: the most calls.
        corrections: a given t.
        bits: a given b.
        groups: a given C.
    """
    for t, count, least in _preferences(n, corrections, bits, groups):
        most = bits or rank(n, t)
        design = _largest(n, t, count, range(least, most + 1), budget)
        if design is None:
            continue

        if not bits:
            design = _raised(design, budget)
        return design if groups else _extended(design, budget)
    return None


def _largest(
    n: int, corrections: int, groups: int, bits: range, budget: int
) -> Allotment | None:
    """The design of equal groups with the most bits that fits a budget, or None."""
    fitting = None
    for b in bits:
        design = Allotment(n, corrections, (b,) * groups)
        if design.readable and design.calls <= budget:
            fitting = design
    return fitting


def least_calls(
    n: int,
    corrections: int | None = None,
    bits: int | None = None,
    groups: int | None = None,
) -> int | None:
    """The fewest calls for which `allot` has a design, if there are any."""
    options = []
    for t, count, least in _preferences(n, corrections, bits, groups):
        design = Allotment(n, t, (least,) * count)
        if design.readable:
            options.append(design.calls)

    return min(options, default=None)


def _preferences(
    n: int, corrections: int | None, bits: int | None, groups: int | None
) -> Iterator[tuple[int, int, int]]:
    """(t, C, the least b), best first; what is given is given in all of them."""
    if corrections is None:
        half_the_bits = ((n - 1).bit_length() + 1) // 2
        # 2^b >= √n
        roomy = bits or max(LEAST_BITS, half_the_bits)
        for t in _CORRECTIONS:
            yield t, groups or GROUPS, roomy

    orders = (2, 1) if corrections is None else (corrections,)
    counts = (GROUPS, _LEAST_GROUPS) if groups is None else (groups,)
    for t in orders:
        for count in counts:
            yield t, count, bits or LEAST_BITS


def _raised(design: Allotment, budget: int) -> Allotment:
    """The design with one more bit for as many groups as the budget allows."""
    for c in range(len(design.bits)):
        bits = list(design.bits)
        bits[c] += 1
        raised = Allotment(design.n, design.corrections, tuple(bits))
        if raised.readable and raised.calls <= budget:
            design = raised
    return design


def _extended(design: Allotment, budget: int) -> Allotment:
    """The design with smaller and smaller groups, where the budget allows one."""
    for b in range(min(design.bits) - 1, LEAST_BITS - 1, -1):
        more = Allotment(design.n, design.corrections, (*design.bits, b))
        if more.calls <= budget:
            design = more
    return design
