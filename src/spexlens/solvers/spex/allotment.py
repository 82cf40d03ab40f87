"""What a budget buys: the corrections t, the bin bits b and the groups C of a design."""

from collections.abc import Iterator
from dataclasses import dataclass

from spexlens.solvers.spex.bch import rank

_CORRECTIONS = 5
_GROUPS = 3
_LEAST_GROUPS = 2
_LEAST_BITS = 2
_LEAST_DELAYS = 3


@dataclass(frozen=True)
class Allotment:
    """The parameters of a design.

    Attributes:
        corrections: t, the order up to which every set can be named.
        bits: b of each group.
        checks: r, the parity checks of the code.
    """

    corrections: int
    bits: tuple[int, ...]
    checks: int

    @property
    def calls(self) -> int:
        """Σ 2^b (r - b + 1), the masks of all groups; some may be shared."""
        return sum((self.checks - b + 1) << b for b in self.bits)

    def __str__(self) -> str:
        sizes = ", ".join(f"2^{b} bins × {self.checks - b + 1} delays" for b in dict.fromkeys(self.bits))
        return f"t = {self.corrections}, {len(self.bits)} groups of {sizes}"


def allot(
    n: int, budget: int, corrections: int | None = None, bits: int | None = None, groups: int | None = None
) -> Allotment | None:
    """The best design of n candidates that fits a budget, or None.

    Three groups, and the highest t up to 5 that leaves each 8 √n bins: on models' outputs, more
    bins were worth more than higher orders until then. Below that pairs (t = 2), then fewer groups,
    then single candidates (t = 1). What is left raises b, group by group, and then buys further,
    smaller groups: they tell apart sets that share a bin in all others.

    Args:
        n: the number of candidates.
        budget: the most calls.
        corrections: a given t.
        bits: a given b.
        groups: a given C.
    """
    for t, count, least in _preferences(n, corrections, bits, groups):
        checks = rank(n, t)
        most = min(bits or checks, checks - _LEAST_DELAYS + 1)
        fitting = [
            each
            for b in range(least, most + 1)
            if (each := Allotment(t, (b,) * count, checks)).calls <= budget
        ]
        if fitting:
            raised = _raised(fitting[-1], most, budget)
            return raised if groups else _extended(raised, budget)
    return None


def least_calls(
    n: int, corrections: int | None = None, bits: int | None = None, groups: int | None = None
) -> int | None:
    """The fewest calls for which `allot` has a design, if there are any."""
    options = [
        Allotment(t, (least,) * count, rank(n, t))
        for t, count, least in _preferences(n, corrections, bits, groups)
    ]
    possible = [each.calls for each in options if each.checks - each.bits[0] + 1 >= _LEAST_DELAYS]
    return min(possible, default=None)


def _preferences(
    n: int, corrections: int | None, bits: int | None, groups: int | None
) -> Iterator[tuple[int, int, int]]:
    """(t, C, the least b), best first."""
    roomy = bits or ((64 * n - 1).bit_length() + 1) // 2  # 2^b >= 8 √n
    if corrections is None:
        for t in range(_CORRECTIONS, 1, -1):
            yield t, groups or _GROUPS, roomy
    for t in (2, 1) if corrections is None else (corrections,):
        for count in (_GROUPS, _LEAST_GROUPS) if groups is None else (groups,):
            yield t, count, bits or _LEAST_BITS


def _raised(design: Allotment, most: int, budget: int) -> Allotment:
    """The design with one more bit for as many groups as the budget allows."""
    for c, b in enumerate(design.bits):
        bits = (*design.bits[:c], b + 1, *design.bits[c + 1 :])
        raised = Allotment(design.corrections, bits, design.checks)
        if b < most and raised.calls <= budget:
            design = raised
    return design


def _extended(design: Allotment, budget: int) -> Allotment:
    """The design with smaller and smaller groups, as long as the budget allows one."""
    b = min(design.bits) - 1
    while b >= _LEAST_BITS:
        more = Allotment(design.corrections, (*design.bits, b), design.checks)
        if more.calls <= budget:
            design = more
        b -= 1
    return design
