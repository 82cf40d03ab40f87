"""Transformers whose weights are set by hand, so that what their heads do together is
known.
"""

from typing import Any

import torch
from tokenizers import Tokenizer, models, pre_tokenizers
from transformers import GPT2Config, GPT2LMHeadModel, PreTrainedTokenizerFast

TOKENS = ("_", "a", "b", "c", "d", "e", "yes", "no")
SINK, OFFSET = 7, 1e4
"""A dimension that takes the opposite of all that is written, so that means stay zero;
and a constant in the residual stream so large that layer norm divides by it alone."""


def tokenizer() -> Any:
    """One token a word."""
    words = Tokenizer(
        models.WordLevel({token: i for i, token in enumerate(TOKENS)}, unk_token="_")
    )
    words.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
    return PreTrainedTokenizerFast(tokenizer_object=words, unk_token="_")


def _empty(layers: int, heads: int) -> Any:
    """A GPT-2 in float64 that does nothing: no head, no MLP writes anything; layer norm
    changes nothing.
    """
    config = GPT2Config(
        vocab_size=len(TOKENS), n_positions=8, n_embd=20, n_layer=layers, n_head=heads, n_inner=4,
        activation_function="relu", tie_word_embeddings=False, bos_token_id=None, eos_token_id=None,
    )  # fmt: skip
    model = GPT2LMHeadModel(config).double().eval()
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.zero_()
        model.transformer.wpe.weight[:, 0], model.transformer.wpe.weight[:, 1] = (
            OFFSET,
            -OFFSET,
        )
        for name, parameter in model.named_parameters():
            if "ln_" in name and name.endswith("weight"):
                parameter.fill_(OFFSET * (2 / 20) ** 0.5)
        for word, token in enumerate(TOKENS[1:6]):  # a to e are dimensions 2 to 6
            _write(model.transformer.wte.weight[TOKENS.index(token)], 2 + word)
    return model


def _write(row: Any, dimension: int, amount: float = 1.0) -> None:
    row[dimension] += amount
    row[SINK] -= amount


def _head(
    model: Any, layer: int, head: int, reads: int, writes: int, gain: float = 1.0
) -> None:
    """A head that attends to all positions alike, and writes the mean of one dimension,
    times a gain.
    """
    attention = model.transformer.h[layer].attn
    width = 20 // model.config.n_head
    attention.c_attn.weight[reads, 40 + head * width] = gain
    _write(attention.c_proj.weight[head * width], writes)


@torch.no_grad()
def gates() -> Any:
    """One layer of five heads: "yes" is 2 (H0 and H1) + 3 (H2 or H3); H4 is heard by
    nobody.

    On the prompt "a b c d e" each head is 1 at the last position, on "_ _ _ _ _" it is
    0.
    """
    model = _empty(layers=1, heads=5)
    for head in range(5):
        _head(model, 0, head, reads=2 + head, writes=8 + head, gain=5.0)
    mlp = model.transformer.h[0].mlp
    mlp.c_fc.weight[8:10, 0] = 1.0  # relu(h0 + h1 - 1) is AND
    mlp.c_fc.weight[10:12, 1:3] = 1.0  # relu(h2 + h3) - relu(h2 + h3 - 1) is OR
    mlp.c_fc.bias[0], mlp.c_fc.bias[2] = -1.0, -1.0
    for neuron, dimension, amount in ((0, 14, 1.0), (1, 15, 1.0), (2, 15, -1.0)):
        _write(mlp.c_proj.weight[neuron], dimension, amount)
    (
        model.lm_head.weight[TOKENS.index("yes"), 14],
        model.lm_head.weight[TOKENS.index("yes"), 15],
    ) = (2.0, 3.0)
    return model


@torch.no_grad()
def chain() -> Any:
    """Two layers: L1.H0 says "yes" by what L0.H0 read of the prompt "a"; on "_" nothing
    is said.
    """
    model = _empty(layers=2, heads=2)
    _head(model, 0, 0, reads=2, writes=8)
    _head(model, 1, 0, reads=8, writes=9)
    model.lm_head.weight[TOKENS.index("yes"), 9] = 1.0
    return model


@torch.no_grad()
def copier() -> Any:
    """One layer of five heads: H2 alone copies the token "c" into "yes"; what others
    copy is not heard.

    The answer "yes" is 1 where the prompt has a "c" and H2 is there to copy it, else 0.
    """
    model = _empty(layers=1, heads=5)
    for head in range(5):
        _head(model, 0, head, reads=2 + head, writes=8 + head, gain=5.0)
    model.lm_head.weight[TOKENS.index("yes"), 10] = 1.0
    return model
