"""Placement: components that go by position need prompts that share positions."""

from collections.abc import Sequence

from spexlens.arguments import named
from spexlens.errors import InvalidInput
from spexlens.lenses.components.ablation import Ablation
from spexlens.lenses.components.names import Component
from spexlens.lenses.components.prompts import Behaviour
from spexlens.models.model import HuggingFaceModel


def refuse_misplaced(
    model: HuggingFaceModel,
    behaviours: Sequence[Behaviour],
    components: Sequence[Component],
    ablation: Ablation,
    *,
    rescale: bool,
) -> None:
    """Refuse positions that prompts do not share, and rescaling without heads.

    Raises:
        InvalidInput: the text says what to give instead.
    """
    kinds = {component.kind for component in components}
    paired = any(behaviour.passes > 1 for behaviour in behaviours)
    if "position" in kinds:
        _refuse_other_lengths(behaviours, paired=paired)
    # The query of a pair is read by the ablated model too, and has its own positions.
    if paired and ablation.by_position:
        raise InvalidInput(
            "a text and its query share no positions; use mean, or give no target"
        )
    # Its passes are of other lengths, for which stand-ins were not collected.
    if model.ahead and (ablation.is_placed or "position" in kinds):
        raise InvalidInput(
            f"{type(model.model).__name__} attends to both sides, so that each"
            " token of a completion is scored in a shorter pass of its own: ablate"
            " by zero or mean, and no positions"
        )
    if rescale and "head" not in kinds:
        raise InvalidInput(
            f"{named('rescale')} multiplies the heads that are kept, and no"
            " component is a head"
        )


def _refuse_other_lengths(behaviours: Sequence[Behaviour], *, paired: bool) -> None:
    lengths = {behaviour.length for behaviour in behaviours}
    if len(lengths) == 1 and not paired:
        return
    which = f"of {min(lengths)} to {max(lengths)} tokens"
    if paired:
        which = "and their queries"
    raise InvalidInput(
        f"inputs {which} have no positions in common; give inputs of one length"
    )
