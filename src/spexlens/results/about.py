"""About: the typed facts of a result, by the lens that it is from."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from spexlens.games.typed_facts import Facts
from spexlens.lenses.components.facts import ComponentFacts
from spexlens.lenses.examples.facts import ExampleFacts, TrainingFacts
from spexlens.lenses.mixed.facts import MixedFacts
from spexlens.lenses.text.facts import TextFacts


@dataclass(frozen=True)
class FunctionFacts(TrainingFacts):
    """What a function of a user's own says of itself: whatever a lens might."""


_OF_LENSES: dict[str, type[Facts]] = {
    "features": TextFacts,
    "mechanistic": ComponentFacts,
    "data": ExampleFacts,
    "mixed": MixedFacts,
}


def facts_of(facts: Mapping[str, Any]) -> Facts:
    """With types: of a lens by its name, and of whatever has none as of a function.

    A game that is grouped, or a level of a zoom, says what its base says.

    Args:
        facts: of `Game.facts`, or of a file.
    """
    kind = _OF_LENSES.get(str(facts.get("lens")), FunctionFacts)
    return kind.of(facts)
