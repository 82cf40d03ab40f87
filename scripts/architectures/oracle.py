"""The oracle: what plain Transformers answers for one row without padding."""

import inspect
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, processors
from transformers import PreTrainedModel, PreTrainedTokenizerFast

from architectures.catalogue import Column

BOS, PAD, EOS, UNKNOWN, MASK = range(5)
SPECIAL = ("<s>", "<pad>", "</s>", "<unk>", "<mask>")
TEXT = "the red cat runs fast today"
COMPLETION = "good yes"
LABEL = 1
_OTHERS = "a blue dog sleeps slow now here there bad no big small"
_IDS = {
    token: index
    for index, token in enumerate([*SPECIAL, *f"{TEXT} {COMPLETION} {_OTHERS}".split()])
}


def word_tokenizer(column: Column) -> PreTrainedTokenizerFast:
    """A word a token: "<s> text" for a causal model, "<s> text </s>" for any other."""
    made = Tokenizer(models.WordLevel(_IDS, unk_token="<unk>"))
    made.normalizer, made.pre_tokenizer = (
        normalizers.Lowercase(),
        pre_tokenizers.BertPreTokenizer(),
    )
    made.post_processor = processors.TemplateProcessing(
        single="<s> $A" if column == "causal" else "<s> $A </s>",
        special_tokens=[("<s>", BOS), ("</s>", EOS)],
    )
    names = {"pad_token": "<pad>", "unk_token": "<unk>", "mask_token": "<mask>"}
    names |= {
        "bos_token": "<s>",
        "eos_token": "</s>",
        "cls_token": "<s>",
        "sep_token": "</s>",
    }
    return PreTrainedTokenizerFast(tokenizer_object=made, **names)


def masks(words: int, seed: int = 0) -> NDArray[np.bool_]:
    """Everything, nothing and six at random: (8, words)."""
    drawn = np.random.default_rng(seed).random((8, words)) < 0.5
    drawn[0], drawn[1] = True, False
    return drawn


def answers(
    model: PreTrainedModel, column: Column, chosen: NDArray[np.bool_], replacement: str
) -> NDArray[np.float64]:
    """The value of each mask, (m, n) bool -> (m,) float64, from a row of its own.

    Args:
        model: in evaluation mode.
        column: a causal model's value is the log-probability of `COMPLETION`, a
            classifier's the logit of `LABEL`, an encoder's the cosine similarity of the
            mean hidden state with the whole text's.
        chosen: the words that are kept.
        replacement: "delete" or "mask", for the others.
    """
    words = [_IDS[word] for word in TEXT.split()]
    with torch.no_grad():
        return np.array(
            [
                _answer(model, column, _kept(words, mask, replacement), words)
                for mask in chosen
            ]
        )


def _kept(words: list[int], mask: NDArray[np.bool_], replacement: str) -> list[int]:
    if replacement == "mask":
        return [word if kept else MASK for word, kept in zip(words, mask, strict=True)]
    return [word for word, kept in zip(words, mask, strict=True) if kept]


def _answer(
    model: PreTrainedModel, column: Column, kept: list[int], words: list[int]
) -> float:
    if column == "causal":
        return _log_probability(model, [BOS, *kept])
    if column == "classifier":
        return float(_output(model, [BOS, *kept, EOS]).logits[0, LABEL])
    pooled, whole = (_pooled(model, [BOS, *each, EOS]) for each in (kept, words))
    return float(torch.nn.functional.cosine_similarity(pooled, whole, dim=0))


def _output(model: PreTrainedModel, row: list[int]) -> Any:
    """One row, nothing else."""
    uncached = (
        {"use_cache": False}
        if "use_cache" in inspect.signature(model.forward).parameters
        else {}
    )
    return model(input_ids=torch.tensor([row]), **uncached)


def _log_probability(model: PreTrainedModel, row: list[int]) -> float:
    """Of each token of the completion from nothing but those before it."""
    total = 0.0
    for token in (_IDS[word] for word in COMPLETION.split()):
        logits = _output(model, row).logits[0, -1].double()
        total += float(torch.log_softmax(logits, -1)[token])
        row = [*row, token]
    return total


def _pooled(model: PreTrainedModel, row: list[int]) -> torch.Tensor:
    return _output(model, row).last_hidden_state[0].double().mean(dim=0)
