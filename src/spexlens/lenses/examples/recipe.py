"""How a data lens is made again: its learner, its examples, and what was asked of it."""

import base64
import binascii
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from spexlens.arguments import article, plain
from spexlens.errors import InvalidInput
from spexlens.games.recipe import Recipe
from spexlens.lenses.examples.examples import Examples
from spexlens.lenses.examples.rows import is_missing

LARGEST = 16 * 2**20
"""The most bytes of an array that a recipe holds: a ledger's row, or a message to a
worker, is no place for more."""

_NUMBERS = "biuf"  # kinds of dtypes whose bytes say all
_LISTED = ("<i8", "<f8", "|b1")  # dtypes that numpy gives to Python's own numbers


@dataclass(frozen=True)
class ArrayRecipe(Recipe):
    """An array of numbers, bit for bit.

    Attributes:
        dtype: as numpy writes it with its byte order, such as "<f8".
        shape: of the array.
        base64: its bytes, row by row.
    """

    kind: ClassVar[str] = "array"

    dtype: str
    shape: tuple[int, ...]
    base64: str

    @classmethod
    def holding(cls, array: NDArray[Any], what: str) -> "ArrayRecipe":
        """The recipe of an array.

        Args:
            array: of numbers.
            what: it is, for people to read.

        Raises:
            InvalidInput: it is not of numbers, or takes more bytes than `LARGEST`.
        """
        if array.dtype.kind not in _NUMBERS:
            raise InvalidInput(f"{what} are of {array.dtype}: a recipe has none of it")
        if array.nbytes > LARGEST:
            raise InvalidInput(
                f"{what} take {array.nbytes} bytes; a recipe holds up to {LARGEST}"
            )
        content = base64.b64encode(array.tobytes()).decode("ascii")
        return cls(array.dtype.str, array.shape, content)


@ArrayRecipe.made_by
def _array(recipe: ArrayRecipe) -> NDArray[Any]:
    try:
        dtype = np.dtype(recipe.dtype)
        content = base64.b64decode(recipe.base64, validate=True)
    except (TypeError, ValueError, SyntaxError, binascii.Error) as error:
        raise InvalidInput(f"an array in a recipe cannot be read: {error}") from None
    if dtype.kind not in _NUMBERS:
        raise InvalidInput(f"an array in a recipe is of numbers, not of {dtype}")
    try:
        flat = np.frombuffer(content, dtype)
        return flat.reshape(recipe.shape).copy()  # its own: the bytes are read-only
    except (TypeError, ValueError) as error:
        raise InvalidInput(f"an array in a recipe cannot be read: {error}") from None


@dataclass(frozen=True)
class ExamplesRecipe(Recipe):
    """Examples, or test points.

    Attributes:
        inputs: the texts, or the array of the features.
        labels: as they are, or an array where Python has no such number; None where
            there are none.
    """

    kind: ClassVar[str] = "examples"

    inputs: tuple[str, ...] | ArrayRecipe
    labels: tuple[Any, ...] | ArrayRecipe | None = None

    @classmethod
    def holding(cls, examples: Examples, what: str) -> "ExamplesRecipe":
        """The recipe of examples, without their further columns.

        Raises:
            InvalidInput: inputs or labels are neither texts nor numbers, or too many.
        """
        inputs = _texts_or_array(examples.inputs, what)
        if examples.labels is None:
            return cls(inputs)
        return cls(inputs, _labels(examples.labels, f"the labels of {what}"))


@ExamplesRecipe.made_by
def _examples(recipe: ExamplesRecipe) -> Examples:
    inputs = recipe.inputs
    labels = recipe.labels
    made_labels = labels.game() if isinstance(labels, Recipe) else labels
    if isinstance(made_labels, tuple):
        made_labels = np.array(made_labels)
    if isinstance(inputs, Recipe):
        return Examples(inputs.game(), made_labels)
    texts = np.empty(len(inputs), dtype=object)
    texts[:] = inputs
    return Examples(texts, made_labels)


@dataclass(frozen=True)
class DataRecipe(Recipe):
    """Of a `DataLens`; fields that are not described here are its arguments.

    Attributes:
        learner: of the learner.
        data: the training examples.
        test: the test points.
        groups: "label", "near-duplicates", a column's name, or one value an example.
        column: the values of the column that `groups` names, one an example.
        learner_fingerprint: the lens's `fingerprint`, a name that every recipe has for
            its own.
        repetition: of a lens with one training a mask, which of the seeds it has.
    """

    kind: ClassVar[str] = "data"

    learner: Recipe
    data: ExamplesRecipe
    test: ExamplesRecipe
    groups: str | tuple[Any, ...] | None = None
    column: tuple[Any, ...] | None = None
    candidates: str | int | tuple[int, ...] | tuple[str, ...] = "all"
    others: str = "in"
    screening: str | None = None
    objective: str | None = None
    mean: bool = False
    repeats: int = 1
    seed: int = 0
    encoder: str | None = None
    batch_size: int | None = None
    learner_fingerprint: str | None = None
    repetition: int | None = None

    def examples(self) -> Examples:
        """The training examples, with the column that names their groups."""
        examples: Examples = self.data.game()
        if self.column is None:
            return examples
        return Examples(
            examples.inputs, examples.labels, {str(self.groups): list(self.column)}
        )


@dataclass(frozen=True)
class Selection:
    """What may be left out of the training examples, as it was asked for.

    Attributes:
        groups, candidates, screening: as `DataLens` takes them.
    """

    groups: Any
    candidates: Any
    screening: str | None

    @classmethod
    def of(cls, groups: Any, candidates: Any, screening: str | None) -> "Selection":
        """Copied, so that it stays what was asked for."""
        return cls(_copied(groups), _copied(candidates), screening)

    def column(self, examples: Examples) -> Any:
        """The column of the examples that the groups are named by; None if there is
        none.
        """
        if not isinstance(self.groups, str):
            return None
        return examples.columns.get(self.groups)


def as_data(asked: Any, what: str) -> Any:
    """Groups or candidates as JSON has them: a name, a number, None, or a tuple of
    values, None for those that stand for nothing.

    Raises:
        InvalidInput: a value is neither a text nor a number, or is written another way
            as Python's own number, as float32's 0.1 is.
    """
    if asked is None or isinstance(asked, str | int | np.integer):
        return plain(asked, what)
    return tuple(_as_datum(value, what) for value in asked)


def _as_datum(value: Any, what: str) -> Any:
    if is_missing(value):
        return None
    datum = value.item() if isinstance(value, np.generic) else value
    if not isinstance(datum, str | bool | int | float) or str(datum) != str(value):
        raise InvalidInput(f"{what} hold {article(type(value).__name__)}")
    return plain(datum, what)


def _copied(asked: Any) -> Any:
    if asked is None or isinstance(asked, str | int | np.integer):
        return asked
    return asked.tolist() if isinstance(asked, np.ndarray) else list(asked)


def _texts_or_array(inputs: NDArray[Any], what: str) -> tuple[str, ...] | ArrayRecipe:
    texts = inputs.tolist() if inputs.dtype.kind == "O" else []
    if texts and all(isinstance(text, str) for text in texts):
        return tuple(texts)
    return ArrayRecipe.holding(inputs, what)


def _labels(labels: NDArray[Any], what: str) -> tuple[Any, ...] | ArrayRecipe:
    """Words and Python's own numbers as they are: people read recipes."""
    if labels.dtype.kind == "U":
        return tuple(labels.tolist())
    if labels.dtype.str in _LISTED and np.isfinite(labels).all():
        return tuple(labels.tolist())
    return ArrayRecipe.holding(labels, what)
