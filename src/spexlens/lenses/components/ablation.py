"""Ablation: what goes on where a component is switched off."""

from collections.abc import Sequence
from dataclasses import dataclass

from spexlens.arguments import named, shown, unknown
from spexlens.errors import InvalidInput


@dataclass(frozen=True)
class Ablation:
    """One way to switch a component off.

    Without any of what the attributes say, zeros go on.

    Attributes:
        name: what it is asked for by.
        averages: whether the component's mean over reference prompts goes on.
        by_position: whether that is a mean at each position.
        swaps: whether there is a counterfactual, whose activations and the input's take
            each other's place.
        restores: whether the model reads the counterfactual, and what is kept is set to
            what it is on the input; else the other way around.
        rescales: whether what is left of a layer's heads may be multiplied.
    """

    name: str
    averages: bool = False
    by_position: bool = False
    swaps: bool = False
    restores: bool = False
    rescales: bool = False

    @property
    def is_placed(self) -> bool:
        """Whether what goes on depends on the position."""
        return self.by_position or self.swaps

    def is_variant(self, *, references: bool, pairs: bool) -> bool:
        """Whether a lens offers it beside its own ablation.

        A mean at each position is not offered: it needs prompts of one length.

        Args:
            references: whether the lens has prompts to take means over.
            pairs: whether it has counterfactuals.
        """
        if self.by_position:
            return False
        return (references or not self.averages) and (pairs or not self.swaps)


ZERO = Ablation("zero", rescales=True)
MEAN = Ablation("mean", averages=True)
RESAMPLE = Ablation("resample", swaps=True)

KNOWN = {
    ablation.name: ablation
    for ablation in (
        ZERO,
        MEAN,
        Ablation("position mean", averages=True, by_position=True),
        RESAMPLE,
        Ablation("restore", swaps=True, restores=True),
    )
}
"""The ablations by name."""

ABLATIONS = tuple(KNOWN)
"""What stands where a component is ablated."""


def choose_ablation(
    name: str | None,
    inputs: str | Sequence[str],
    reference: Sequence[str] | None,
    counterfactual: object,
    rescale: bool,
) -> Ablation:
    """The ablation asked for, or what the other arguments mean.

    Raises:
        InvalidInput: there is no such ablation, or an argument is missing or of no use
            to it.
    """
    name = name or _default(reference, counterfactual).name
    if name not in KNOWN:
        raise InvalidInput(unknown("ablation", name, ABLATIONS))
    ablation = KNOWN[name]
    _refuse_counterfactual(ablation, counterfactual)
    _refuse_reference(ablation, inputs, reference)
    if rescale and not ablation.rescales:
        raise InvalidInput(
            f"{named('rescale')} goes with ablation {ZERO.name!r}, not {name!r}"
        )
    return ablation


def _default(reference: Sequence[str] | None, counterfactual: object) -> Ablation:
    """What the other arguments mean."""
    if counterfactual is not None:
        return RESAMPLE
    return MEAN if reference else ZERO


def _refuse_counterfactual(ablation: Ablation, counterfactual: object) -> None:
    """InvalidInput for one that is missing, or of no use."""
    if ablation.swaps and counterfactual is None:
        raise InvalidInput(
            f"ablation {ablation.name!r} needs {named('counterfactual')}: a prompt of"
            " as many tokens"
        )
    if not ablation.swaps and counterfactual is not None:
        raise InvalidInput(
            f"ablation {ablation.name!r} has no use for a counterfactual: choose"
            " resample or restore"
        )


def _refuse_reference(
    ablation: Ablation, inputs: str | Sequence[str], reference: Sequence[str] | None
) -> None:
    """InvalidInput for prompts that are missing, of no use, or none."""
    if not ablation.averages and reference is not None:
        raise InvalidInput(
            f"ablation {ablation.name!r} has no use for a reference: choose mean or"
            " position mean"
        )
    if isinstance(reference, str) or (reference is not None and not len(reference)):
        raise InvalidInput(f"reference is a list of prompts; got {shown(reference)}")
    if not ablation.averages or reference is not None:
        return
    if isinstance(inputs, str) or len(inputs) < 2:
        raise InvalidInput(
            f"ablation {ablation.name!r} needs {named('reference')}: prompts whose mean"
            " stands in"
        )
