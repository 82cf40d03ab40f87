"""Answers: what a function of masks gave back, as numbers."""

from decimal import Decimal
from numbers import Real
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from spexlens.arguments import article
from spexlens.errors import InvalidInput


def real_numbers(answer: ArrayLike) -> NDArray[np.float64]:
    """What a game answered, as float64; what is too large for that is infinite.

    Raises:
        InvalidInput: it is something other than a table of real numbers.
    """
    try:
        table = np.asarray(_without_gradients(answer))
    except ValueError as error:
        raise InvalidInput(
            f"the game answered with rows that make no table: {error}"
        ) from error
    if table.dtype.kind == "O" and all(
        isinstance(number, Real | Decimal) for number in table.flat
    ):
        table = table.astype(np.float64)
    if table.dtype.kind not in "biuf":
        raise InvalidInput(
            f"the game answered with {kind_of(answer)}; expected real numbers, one for"
            " each mask: an array or a list of as many as there are masks"
        )
    with np.errstate(over="ignore"):
        return table.astype(np.float64)


def _without_gradients(answer: Any) -> Any:
    """Tensors of torch as what numpy takes, wherever they are and whatever their
    precision.
    """
    if isinstance(answer, list | tuple):
        return [_without_gradients(part) for part in answer]
    if not hasattr(answer, "detach"):
        return answer
    tensor = answer.detach().cpu()
    if tensor.is_floating_point():
        tensor = tensor.double()  # numpy has no bfloat16
    return tensor.numpy()


def kind_of(thing: Any) -> str:
    """What kind of thing it is, for people to read."""
    if thing is None:
        return "None"
    if isinstance(thing, str):
        return f"the text {thing[:20]!r}"
    if isinstance(thing, list | tuple) and thing:
        return f"a list, its first part {kind_of(thing[0])}"
    if isinstance(thing, np.ndarray):
        return f"an array of {thing.dtype} values"
    return article(type(thing).__name__)
