"""Facts of lenses that act together: what is common to them."""

from dataclasses import dataclass

from spexlens.lenses.examples.facts import TrainingFacts


@dataclass(frozen=True)
class MixedFacts(TrainingFacts):
    """What lenses say of themselves together; models are trained where examples are
    among what is ablated.

    No one command asks a mixed question again, so that its next steps are those of any
    game.
    """
