"""Scale: what effects are measured in."""

from typing import Literal

from spexlens.arguments import named
from spexlens.errors import InvalidInput

Scale = Literal["raw", "share", "sd"]

SCALES: tuple[Scale, ...] = ("raw", "share", "sd")
"""What effects can be measured in; see `Explanation.in_scale`."""

# of the answers: a difference that is no more than rounding is none
_ROUNDING = 1e-12


def size_of(
    scale: Scale, deviation: float, whole: float | None, empty: float | None
) -> float:
    """What an effect of one, in a scale, is in the unit of the answers.

    Args:
        scale: one of `SCALES`.
        deviation: of the answers over uniform masks, as the explanation carries it.
        whole, empty: f(all) and f(none), or None where they were not measured.

    Raises:
        InvalidInput: f(all) - f(none) is zero or was not measured, where effects are
            shares of it.
    """
    if scale == "raw":
        return 1.0
    # of what does not vary every effect is zero, in any unit
    if scale == "sd":
        return deviation or 1.0
    if whole is None or empty is None:
        raise InvalidInput(
            f"f(all) or f(none) was not measured: choose {named('scale', 'raw')}, or sd"
        )
    difference = whole - empty
    if abs(difference) <= _ROUNDING * max(abs(whole), abs(empty)):
        raise InvalidInput(
            "f(all) and f(none) are the same: there is no share of it; "
            f"choose {named('scale', 'raw')}, or sd"
        )
    return difference
