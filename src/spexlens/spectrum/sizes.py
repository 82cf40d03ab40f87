"""Sizes: what brings a game's answers to about one, and results back.

At that size they can be squared: the square of an answer of 1e200 is no number.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from math import floor, log10

import numpy as np
from numpy.typing import NDArray

from spexlens.errors import InvalidInput

Array = NDArray[np.float64]

LARGEST = 1e140
"""The largest answer: what is found of answers is squared."""

SMALLEST = 1e-140
"""The smallest difference of answers: what is found of them is squared."""

# of what all answers have in common, below which differences count apart from it
_ALIKE = 2.0**-20

# of the largest answer, what is no difference
_ROUNDING = 8 * np.finfo(np.float64).eps

# of the differences, beyond which a reader is told that they are rounded
_ROUNDED = 1e-3

# a unit's least power of two: one over it is a number too
_LEAST_UNIT = -1020


@dataclass(frozen=True)
class Sizes:
    """For each output, an answer taken from all others, and a unit that divides the rest.

    The unit is a power of two. Neither rounds anything, so that whatever is found of
    answers of size one is found of others bit for bit, times the unit.

    Attributes:
        offset: (k,) float64, an answer, where all are alike in their first 20 bits;
            else 0.
        unit: (k,) float64, a power of two; 1 where all answers are the same.
        rounding: (k,) float64, how much of the differences the rounding of answers may
            be.
    """

    offset: Array
    unit: Array
    rounding: Array

    @classmethod
    def of(cls, values: Array) -> "Sizes":
        """Of finite answers, (m,) or (m, k), one or more."""
        columns = values.reshape(len(values), -1)
        # in [-1, 1]: no difference overflows
        away = np.ldexp(columns, -_exponent(columns))
        spread = np.ptp(away, axis=0)
        largest = np.abs(away).max(axis=0)
        varied = spread > _ROUNDING * largest

        # any answer will do: what they have in common goes with it
        offset = np.where(far(spread, largest), columns[0], 0.0)
        rest = _less(columns, offset)

        exponent = np.maximum(_exponent(rest) - 1, _LEAST_UNIT)
        unit = np.ldexp(1.0, np.where(varied, exponent, 0))

        rounding = np.divide(
            np.finfo(np.float64).eps * largest,
            spread,
            out=np.zeros_like(spread),
            where=spread > 0,
        )
        return cls(offset, unit, rounding)

    def down(self, values: Array) -> Array:
        """Answers at size one: (m,) or (m, k).

        Raises:
            InvalidInput: an answer is far larger than those that the sizes were taken
                of, and could not be squared.
        """
        away = np.asarray(_less(values, self.offset) / self.unit)
        # where the unit is at least one, `refuse_large` has seen to it
        outgrown = (np.abs(away) > LARGEST) & (self.unit < 1.0)
        if outgrown.any():
            raise InvalidInput(
                f"some answers are more than {LARGEST:g} times as large as others: take"
                " the logarithm of them"
            )
        return away

    def up(self, values: Array) -> Array:
        """Such answers as they were."""
        return _less(values * self.unit, -self.offset)

    def answers(self, values: Sequence[float]) -> tuple[float, ...]:
        """`up` of one answer, (k,)."""
        return tuple(self.up(np.array(values)).tolist())

    def effects(self, values: Sequence[float]) -> tuple[float, ...]:
        """Differences of answers, (k,), as they were."""
        return tuple((np.array(values) * self.unit).tolist())

    def caveats(self, outputs: Sequence[str] | None) -> list[str]:
        """What a reader should know of answers that hardly differ.

        Args:
            outputs: their k names, where they have any.

        Returns:
            A sentence for each output whose differences rounding may have changed by
            more than a thousandth.
        """
        sentences = []
        for output in np.flatnonzero(self.rounding > _ROUNDED).tolist():
            whose = f" of output {outputs[output]}" if outputs is not None else ""
            part = (
                f"so little that their rounding may be {self.rounding[output]:.1%}"
                " of it"
            )
            if self.rounding[output] >= np.finfo(np.float64).eps / _ROUNDING:
                part = "by no more than their rounding, and nothing is found in that"
            sentences.append(
                f"the answers{whose} differ {part}: take from them what they have in"
                " common"
            )
        return sentences


def far(spread: Array, common: Array) -> NDArray[np.bool_]:
    """Whether what answers have in common hides their differences.

    It is a million times as large, and the differences are more than rounding.

    Args:
        spread: (k,) float64, the largest difference of each output's answers.
        common: (k,) float64, how large the answers are.
    """
    real = spread > _ROUNDING * common
    small = spread < _ALIKE * common
    return np.asarray(real & small)


def refuse_large(values: Array) -> None:
    """InvalidInput if an answer is too large to be squared."""
    largest = float(np.abs(values).max(initial=0.0))
    if largest > LARGEST:
        raise InvalidInput(
            f"the game answered {largest:.2g}: answers of more than {LARGEST:g} cannot"
            f" be squared; divide them by 1e{floor(log10(largest))}"
        )


def refuse_small(values: Array, outputs: Sequence[str] | None = None) -> None:
    """InvalidInput if answers differ, but so little that this cannot be squared.

    Args:
        values: (m,) or (m, k) float64.
        outputs: the k names, where there are any.
    """
    columns = values.reshape(len(values), -1)
    spread = np.ptp(columns, axis=0)
    largest = np.abs(columns).max(axis=0)

    lost = (spread > _ROUNDING * largest) & (spread < SMALLEST)
    if not lost.any():
        return

    output = int(np.flatnonzero(lost)[0])
    whose = ""
    if values.ndim > 1:
        whose = f" of output {outputs[output] if outputs else output}"
    raise InvalidInput(
        f"the game's answers{whose} differ by {spread[output]:.2g}: differences of"
        f" less than {SMALLEST:g} cannot be squared; multiply them by"
        f" 1e{-floor(log10(spread[output]))}"
    )


def _exponent(columns: Array) -> NDArray[np.int64]:
    """(m, k) -> (k,), of the power of two above all."""
    return np.asarray(np.frexp(np.abs(columns).max(axis=0))[1], np.int64)


def _less(values: Array, offset: Array) -> Array:
    """Values less an offset; where that is zero, as they are to the sign of a zero."""
    if not offset.any():
        return values
    return np.where(offset == 0.0, values, values - offset)
