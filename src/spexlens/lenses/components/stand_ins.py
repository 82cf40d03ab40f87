"""Stand-ins: what goes on where a component is ablated, from unablated passes."""

from collections.abc import Sequence

import torch

from spexlens.errors import InvalidInput
from spexlens.lenses.components.ablation import Ablation
from spexlens.lenses.components.prompts import Behaviour, encode
from spexlens.lenses.components.switches import activations
from spexlens.models.hooks import Site
from spexlens.models.model import HuggingFaceModel
from spexlens.models.objectives.objective import Batch

StandIns = dict[Site, torch.Tensor]
"""(1, T or 1, D) by site; a site that is missing gets zeros."""


def references_of(
    model: HuggingFaceModel, prompts: Sequence[str], ablation: Ablation
) -> list[Batch]:
    """The prompts that means are taken over, as batches of one row; none for no mean.

    Raises:
        InvalidInput, InputTooLong: a prompt cannot be read.
    """
    if not ablation.averages:
        return []
    return [model.tensors(encode(model, prompt).arrays()) for prompt in prompts]


def stand_ins(
    model: HuggingFaceModel,
    ablation: Ablation,
    sites: Sequence[Site],
    behaviours: Sequence[Behaviour],
    references: Sequence[Batch],
) -> list[StandIns]:
    """What goes on at each site, for each behaviour.

    It takes one forward pass a reference or behaviour.

    Args:
        model: as it is, unablated.
        ablation: how components are ablated.
        sites: where.
        behaviours: what is explained.
        references: for the means; batches of one row.

    Raises:
        InvalidInput: a mean at each position, of prompts of different lengths.
    """
    # Restoring, the model reads the counterfactual, and what goes on is the input's;
    # resampling is the other way around.
    if ablation.restores:
        return [activations(model, sites, behaviour.clean) for behaviour in behaviours]
    if ablation.swaps:
        return [
            activations(model, sites, behaviour.corrupt)
            for behaviour in behaviours
            if behaviour.corrupt is not None
        ]
    if ablation.by_position:
        _refuse_different_lengths(behaviours, references)
    shared: StandIns = {}
    if ablation.averages:
        shared = _means(model, sites, references, by_position=ablation.by_position)
    # A mean is of the references alone, so that one serves all behaviours.
    return [shared] * len(behaviours)


def _means(
    model: HuggingFaceModel,
    sites: Sequence[Site],
    references: Sequence[Batch],
    *,
    by_position: bool,
) -> StandIns:
    """The mean over all references, and over their tokens or at each position."""
    sums: StandIns = {}
    dtypes: dict[Site, torch.dtype] = {}
    for batch in references:
        for site, copy in activations(model, sites, batch).items():
            # in double precision, as the sums of many prompts lose digits
            wide = copy.double()
            dtypes[site] = copy.dtype
            total = wide if by_position else wide.sum(dim=1, keepdim=True)
            sums[site] = sums[site] + total if site in sums else total
    count = len(references)
    if not by_position:
        count = sum(_length(batch) for batch in references)
    return {site: (total / count).to(dtypes[site]) for site, total in sums.items()}


def _refuse_different_lengths(
    behaviours: Sequence[Behaviour], references: Sequence[Batch]
) -> None:
    lengths = {behaviour.length for behaviour in behaviours}
    lengths |= {_length(batch) for batch in references}
    if len(lengths) > 1:
        raise InvalidInput(
            "a mean at each position needs prompts and references of one length; "
            f"they have {min(lengths)} to {max(lengths)} tokens"
        )


def _length(batch: Batch) -> int:
    """Tokens of a row."""
    return int(batch["input_ids"].shape[1])
