"""What a budget buys: the corrections t, the bin bits b and the groups C of a design."""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass

from spexlens.transform.bch import rank

_CORRECTIONS = (5, 4, 3, 2)
GROUPS = 3
_LEAST_GROUPS = 2
LEAST_BITS = 2
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
        sizes = [
            f"{count} group{'s' * (count > 1)} of 2^{b} bins × {self.checks - b + 1}"
            " delays"
            for b, count in Counter(self.bits).items()
        ]
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
        designs = (
            Allotment(n, t, (b,) * count)
            for b in range(least, (bits or rank(n, t)) + 1)
        )
        fitting = [
            design for design in designs if design.readable and design.calls <= budget
        ]
        if fitting:
            raised = fitting[-1] if bits else _raised(fitting[-1], budget)
            return raised if groups else _extended(raised, budget)
    return None


def least_calls(
    n: int,
    corrections: int | None = None,
    bits: int | None = None,
    groups: int | None = None,
) -> int | None:
    """The fewest calls for which `allot` has a design, if there are any."""
    options = [
        Allotment(n, t, (least,) * count)
        for t, count, least in _preferences(n, corrections, bits, groups)
    ]
    return min((each.calls for each in options if each.readable), default=None)


def _preferences(
    n: int, corrections: int | None, bits: int | None, groups: int | None
) -> Iterator[tuple[int, int, int]]:
    """(t, C, the least b), best first."""
    roomy = bits or max(LEAST_BITS, ((n - 1).bit_length() + 1) // 2)  # 2^b >= √n
    if corrections is None:
        for t in _CORRECTIONS:
            yield t, groups or GROUPS, roomy
    for t in (2, 1) if corrections is None else (corrections,):
        for count in (GROUPS, _LEAST_GROUPS) if groups is None else (groups,):
            yield t, count, bits or LEAST_BITS


def _raised(design: Allotment, budget: int) -> Allotment:
    """The design with one more bit for as many groups as the budget allows."""
    for c, b in enumerate(design.bits):
        bits = (*design.bits[:c], b + 1, *design.bits[c + 1 :])
        raised = Allotment(design.n, design.corrections, bits)
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
