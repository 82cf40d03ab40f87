"""Holding: what more than one suite holds of a thing."""

import json
from typing import Any

import numpy as np
from numpy.typing import NDArray


def hold_json(content: Any, what: str) -> None:
    """AssertionError unless this is JSON that any reader takes: no NaN, no arrays.

    Args:
        content: what should be.
        what: it is, for people to read.
    """
    try:
        text = json.dumps(content, allow_nan=False)
    except (TypeError, ValueError) as error:
        raise AssertionError(f"{what}: {error}; got {content!r}") from None
    read = json.loads(text)
    assert read is not None or content is None, f"{what}: {content!r} is read as None"


def hold_same_bits(first: NDArray[Any], second: NDArray[Any], what: str) -> None:
    """AssertionError unless two arrays are the same to the last bit."""
    assert first.shape == second.shape, f"{what}: {first.shape}, then {second.shape}"
    assert first.dtype == second.dtype, f"{what}: {first.dtype}, then {second.dtype}"
    assert first.tobytes() == second.tobytes(), f"{what} is not the same twice"


def hold_near(
    got: NDArray[np.float64], expected: NDArray[np.float64], tolerance: float, what: str
) -> None:
    """AssertionError unless two arrays differ by less than a share of their spread.

    Args:
        got, expected: of one shape.
        tolerance: the most that an entry may differ, the largest entry of `expected`
            being one.
        what: they are, for people to read.
    """
    assert got.shape == expected.shape, f"{what}: {got.shape} for {expected.shape}"
    largest = float(np.abs(expected).max(initial=0.0))
    error = float(np.abs(got - expected).max(initial=0.0))
    assert error <= tolerance * largest, (
        f"{what}: off by {error:.3g}, of values up to {largest:.3g}; at most"
        f" {tolerance:g} of them is rounding"
    )


def hold_one_line(error: Exception) -> None:
    """AssertionError unless an error says what is wrong, in one line."""
    kind = type(error).__name__
    assert str(error), f"{kind} does not say what is wrong"
    assert "\n" not in str(error), f"{kind} has more than one line: {str(error)!r}"
