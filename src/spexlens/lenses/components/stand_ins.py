"""Stand-ins: what goes on where a component is ablated, collected once from forward
passes.
"""

from collections.abc import Sequence

import torch

from spexlens.errors import InvalidInput
from spexlens.lenses.components.prompts import Behaviour
from spexlens.lenses.components.switches import activations
from spexlens.models.hooks import Site
from spexlens.models.model import HuggingFaceModel
from spexlens.models.objectives.objective import Batch

StandIns = dict[Site, torch.Tensor]
"""(1, T or 1, D) by site; a site that is missing gets zeros."""


def stand_ins(
    model: HuggingFaceModel,
    ablation: str,
    sites: Sequence[Site],
    behaviours: Sequence[Behaviour],
    references: Sequence[Batch],
) -> list[StandIns]:
    """What goes on at each site, for each behaviour. One forward pass a reference or
    behaviour.

    Args:
        model: as it is, unablated.
        ablation: one of `components.ABLATIONS`.
        sites: where.
        behaviours: what is explained.
        references: for the means; batches of one row.

    Raises:
        InvalidInput: a mean at each position, of prompts of different lengths.
    """
    if ablation == "resample":
        return [
            activations(model, sites, b.corrupt)
            for b in behaviours
            if b.corrupt is not None
        ]
    if ablation == "restore":
        return [activations(model, sites, behaviour.clean) for behaviour in behaviours]
    shared: StandIns = {}
    if ablation == "mean":
        shared = _means(model, sites, references)
    elif ablation == "position mean":
        _refuse_different_lengths(behaviours, references)
        shared = _means(model, sites, references, by_position=True)
    return [shared] * len(behaviours)


def _means(
    model: HuggingFaceModel,
    sites: Sequence[Site],
    references: Sequence[Batch],
    *,
    by_position: bool = False,
) -> StandIns:
    """The mean over all references and their tokens, or over all references at each
    position.
    """
    sums: StandIns = {}
    dtypes: dict[Site, torch.dtype] = {}
    for batch in references:
        for site, copy in activations(model, sites, batch).items():
            wide = copy.double()
            dtypes[site] = copy.dtype
            total = wide if by_position else wide.sum(dim=1, keepdim=True)
            sums[site] = sums[site] + total if site in sums else total
    tokens = sum(
        1 if by_position else int(batch["input_ids"].shape[1]) for batch in references
    )
    return {site: (total / tokens).to(dtypes[site]) for site, total in sums.items()}


def _refuse_different_lengths(
    behaviours: Sequence[Behaviour], references: Sequence[Batch]
) -> None:
    lengths = {b.length for b in behaviours} | {
        int(batch["input_ids"].shape[1]) for batch in references
    }
    if len(lengths) > 1:
        raise InvalidInput(
            "a mean at each position needs prompts and references of one length; "
            f"they have {min(lengths)} to {max(lengths)} tokens"
        )
