"""Rates: what an optimiser is given, refused where it could not learn with it."""

from spexlens.arguments import number
from spexlens.errors import InvalidInput


def refuse_unusable(learning_rate: float | None, weight_decay: float) -> None:
    """Refuse a learning rate that is not above zero, and a weight decay below it.

    Raises:
        InvalidInput: one of them cannot be used.
    """
    if learning_rate is not None:
        number(learning_rate, "a learning rate", positive=True)
    if number(weight_decay, "a weight decay") < 0:
        raise InvalidInput(f"a weight decay is not negative; got {weight_decay}")
