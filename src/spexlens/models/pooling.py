"""Pooling: how the embeddings of a text's tokens become one."""

from collections.abc import Callable
from typing import Literal

import torch

Pooling = Literal[
    "mean", "cls", "max", "mean_sqrt_len_tokens", "weightedmean", "lasttoken"
]
"""How the embeddings of tokens become one, by the names of sentence-transformers."""


def pooled(
    hidden: torch.Tensor, attention: torch.Tensor, pooling: Pooling
) -> torch.Tensor:
    """One embedding a row, of the tokens that are attended to.

    As sentence-transformers' `Pooling`; of rows that are padded on the right.

    Args:
        hidden: (m, L, d), of the tokens.
        attention: (m, L), 0 where a row is padded.
        pooling: by which way.

    Returns:
        (m, d).
    """
    return _POOLED[pooling](hidden, attention)


_Pool = Callable[[torch.Tensor, torch.Tensor], torch.Tensor]


def _first(hidden: torch.Tensor, attention: torch.Tensor) -> torch.Tensor:
    return hidden[:, 0]


def _last(hidden: torch.Tensor, attention: torch.Tensor) -> torch.Tensor:
    last = attention.shape[1] - 1 - attention.flip(1).argmax(dim=1)
    return hidden[torch.arange(len(hidden), device=hidden.device), last]


def _largest(hidden: torch.Tensor, attention: torch.Tensor) -> torch.Tensor:
    padding = _weight(hidden, attention) == 0
    return hidden.masked_fill(padding, -torch.inf).max(dim=1).values


def _mean(hidden: torch.Tensor, attention: torch.Tensor) -> torch.Tensor:
    weight = _weight(hidden, attention)
    return (hidden * weight).sum(dim=1) / weight.sum(dim=1)


def _root_mean(hidden: torch.Tensor, attention: torch.Tensor) -> torch.Tensor:
    weight = _weight(hidden, attention)
    return (hidden * weight).sum(dim=1) / weight.sum(dim=1).sqrt()


def _weighted_mean(hidden: torch.Tensor, attention: torch.Tensor) -> torch.Tensor:
    # Later tokens of a decoder have read more (Muennighoff, "SGPT", 2022).
    places = torch.arange(1, attention.shape[1] + 1, device=hidden.device)[:, None]
    weight = _weight(hidden, attention) * places
    return (hidden * weight).sum(dim=1) / weight.sum(dim=1)


def _weight(hidden: torch.Tensor, attention: torch.Tensor) -> torch.Tensor:
    """(m, L, 1), 1 where a token is attended to."""
    return attention.to(hidden.dtype)[..., None]


_POOLED: dict[Pooling, _Pool] = {
    "mean": _mean,
    "cls": _first,
    "max": _largest,
    "mean_sqrt_len_tokens": _root_mean,
    "weightedmean": _weighted_mean,
    "lasttoken": _last,
}
