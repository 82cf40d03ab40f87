"""Parts: the lenses of a mixed game, each by what it is of."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from spexlens.errors import InvalidInput
from spexlens.games.game import Game
from spexlens.lenses.components.lens import MechanisticLens
from spexlens.lenses.examples.lens import DataLens
from spexlens.lenses.text.lens import FeatureLens
from spexlens.lenses.text.parts import TextParts

_PLACES = {"examples": 0, "text": 1, "spelled": 1, "components": 2}
"""The order of lenses in a mask; there is one of a place."""


@dataclass(frozen=True)
class Parts:
    """The lenses of a mixed game; each field is what a lens says that it is, its `part`.

    Attributes:
        examples: training examples.
        text: a text that a model reads.
        spelled: a text for learners that read texts; never beside `text`.
        components: a model's.
    """

    examples: DataLens | None = None
    text: FeatureLens | None = None
    spelled: TextParts | None = None
    components: MechanisticLens | None = None

    @classmethod
    def of(cls, lenses: Sequence[Game]) -> "Parts":
        """These lenses, which `in_order` has seen."""
        by_part: dict[str, Any] = {str(lens.part): lens for lens in lenses}
        return cls(**by_part)

    @property
    def of_model(self) -> tuple[FeatureLens | MechanisticLens, ...]:
        """Those that are of a model, the text before the components."""
        return tuple(lens for lens in (self.text, self.components) if lens is not None)


def in_order(lenses: Sequence[Game]) -> tuple[Game, ...]:
    """Two lenses or more, in their order in a mask.

    Raises:
        InvalidInput: an only one, two of a place, or something else than such a lens.
    """
    ordered = tuple(sorted(lenses, key=place))
    places = {place(lens) for lens in ordered}
    if len(ordered) < 2 or len(places) < len(ordered):
        names = ", ".join(type(lens).__name__ for lens in lenses) or "none"
        raise InvalidInput(
            f"a mixed game takes two lenses or more, at most one of a kind; got {names}"
        )
    return ordered


def place(lens: Game) -> int:
    """Where a lens stands: training examples, text, components.

    Raises:
        InvalidInput: it is none of them.
    """
    if not isinstance(lens, Game):
        raise InvalidInput(f"a mixed game is of lenses; got {type(lens).__name__}")
    if lens.part is not None:
        return _PLACES[lens.part]
    if lens.base is not lens:
        raise InvalidInput("screened lenses are mixed by spexlens.mix([...])")
    raise InvalidInput(f"a mixed game is of lenses; got {type(lens).__name__}")
