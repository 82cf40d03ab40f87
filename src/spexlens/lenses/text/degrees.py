"""Degrees: a text whose candidates are there to a degree, for gradients."""

from collections.abc import Callable

import numpy as np
import torch

from spexlens.lenses.text.replacement import Replacement
from spexlens.lenses.text.spelled import SpelledText
from spexlens.lenses.text.tokens import AblatableTokens
from spexlens.models.model import HuggingFaceModel
from spexlens.models.objectives.objective import Batch

Tokens = AblatableTokens | SpelledText


def answer_at(
    degrees: torch.Tensor,
    tokens: Tokens,
    replacement: Replacement,
    answer: Callable[[Batch], torch.Tensor],
    *,
    model: HuggingFaceModel,
    reader: HuggingFaceModel,
) -> torch.Tensor:
    """An answer, differentiable, to one row with each token there to its degree.

    Each token's embedding is so far on the way from its stand-in's to its own. Where
    the replacement has none for each token, the stand-in's is zero.

    Args:
        degrees: (c,), 0 ablated, 1 kept.
        tokens: of which candidates are numbered as degrees are.
        replacement: what stands for ablated candidates.
        answer: to the row.
        model: that is asked.
        reader: that the row is made for: the same one, where it was.
    """
    everything = np.ones((1, max(1, len(degrees))), np.bool_)
    embedding = model.model.get_input_embeddings()
    away: torch.Tensor | float = 0.0
    if replacement.has_stand_in:
        # Stand-ins are constants, whose gradient nobody asks for.
        nothing = tokens.rows(~everything, pad=reader.padding)
        with torch.no_grad():
            away = embedding(reader.tensors(nothing.arrays())["input_ids"])
    there = _degrees_of_tokens(degrees, tokens)[None, :, None]

    def blend(module: object, inputs: object, output: torch.Tensor) -> torch.Tensor:
        # Once: behind the text, a query may be embedded too.
        hook.remove()
        return away + there.to(output) * (output - away)

    rows = tokens.rows(everything, pad=reader.padding)
    hook = embedding.register_forward_hook(blend)
    try:
        with model.explained():
            return answer(reader.tensors(rows.arrays()))
    finally:
        hook.remove()


def _degrees_of_tokens(degrees: torch.Tensor, tokens: Tokens) -> torch.Tensor:
    """(L,): to what degree each token is there; those of no candidate are wholly."""
    owner = torch.from_numpy(tokens.kept_owners()).to(degrees.device)
    wholly = torch.ones(len(owner), dtype=degrees.dtype, device=degrees.device)
    if not len(degrees):
        return wholly
    return torch.where(owner >= 0, degrees[owner.clamp(min=0)], wholly)
