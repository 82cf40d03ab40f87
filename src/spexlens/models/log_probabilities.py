"""Log-probabilities: of scores and of logits, and the log-odds they give.

Arrays are float64. Nothing here imports torch: tensors bring their own methods, so that
learners that know no model can use the rest.
"""

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    import torch

Array = NDArray[np.float64]


def log_softmax(scores: Array) -> Array:
    """Of a score a class, along the last axis: (..., c) -> (..., c)."""
    # The largest is taken off first, so that no power overflows.
    shifted = scores - scores.max(axis=-1, keepdims=True)
    return np.asarray(shifted - np.log(np.exp(shifted).sum(axis=-1, keepdims=True)))


def of_heads(scores: Array) -> Array:
    """Of a score a class, or of the second of two classes alone.

    Args:
        scores: (..., c), or (..., 1).

    Returns:
        (..., c), or (..., 2).
    """
    if scores.shape[-1] > 1:
        return log_softmax(scores)
    return np.asarray(-np.logaddexp(0.0, np.concatenate([scores, -scores], axis=-1)))


def label_log_odds(logits: "torch.Tensor", label: int) -> "torch.Tensor":
    """ln p / (1 - p) of a label under the softmax: (m, labels) -> (m,).

    It is the logit less the log-sum-exp of the others, which does not saturate where
    p rounds to 1.
    """
    import torch

    others = torch.cat([logits[:, :label], logits[:, label + 1 :]], dim=1)
    return logits[:, label] - torch.logsumexp(others, dim=1)


def of_tokens(logits: "torch.Tensor", tokens: "torch.Tensor") -> "torch.Tensor":
    """Of one token at each place: (m, c, V) and (c,) int64 -> (m, c) float64."""
    return token_logits(logits, tokens) - logits.double().logsumexp(dim=2)


def token_logits(logits: "torch.Tensor", tokens: "torch.Tensor") -> "torch.Tensor":
    """The logit of one token at each place: (m, c, V) and (c,) -> (m, c) float64."""
    places = tokens[:, None].expand(len(logits), -1, 1)
    return logits.gather(2, places)[..., 0].double()
