"""Tokenizers of every make, tiny models for them, and what plain transformers answers
to one row.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
import transformers
from tokenizers import (
    Tokenizer,
    decoders,
    models,
    normalizers,
    pre_tokenizers,
    processors,
)
from transformers import PreTrainedTokenizerFast

from architectures.tiny import drawn

WORDS = [
    *(
        "the",
        "a",
        "red",
        "blue",
        "cat",
        "dog",
        "runs",
        "sleeps",
        "fast",
        "slow",
        "today",
        "now",
        "here",
        "good",
    ),
    *(
        "bad",
        "yes",
        "no",
        "big",
        "small",
        "review",
        "she",
        "said",
        "answer",
        "is",
        "it",
        "not",
        "never",
        "was",
    ),
]
MARKS = [*'.,:;!?"()', "\n"]
SPECIAL = ["<s>", "<pad>", "</s>", "<unk>", "<mask>", "<|user|>", "<|answer|>"]
ENDS = {"none": "$A", "bos": "<s> $A", "eos": "$A </s>", "both": "<s> $A </s>"}
NAMED = {
    "bos_token": "<s>",
    "eos_token": "</s>",
    "unk_token": "<unk>",
    "mask_token": "<mask>",
    "pad_token": "<pad>",
}
_SPACE = "▁"


def _finished(tokenizer: Tokenizer, adds: str, pair: bool = False) -> Any:
    tokenizer.add_special_tokens([each for each in SPECIAL if each != "<unk>"])
    known = [(each, tokenizer.token_to_id(each)) for each in ("<s>", "</s>")]
    extra = {"pair": "<s> $A </s> $B:1 </s>:1"} if pair else {}
    tokenizer.post_processor = processors.TemplateProcessing(
        single=ENDS[adds], special_tokens=known, **extra
    )
    separators = {"sep_token": "</s>", "cls_token": "<s>"} if pair else {}
    return PreTrainedTokenizerFast(tokenizer_object=tokenizer, **NAMED, **separators)


def byte_level(adds: str = "none") -> Any:
    """Like GPT-2's: words with and without the space in front."""
    letters = sorted(pre_tokenizers.ByteLevel.alphabet())
    vocabulary = {each: i for i, each in enumerate([*SPECIAL, *letters])}
    merges = []
    for word in [*WORDS, "Yes", "No", "A", "B"]:
        for end in range(2, len(word) + 1):
            if word[:end] not in vocabulary:
                vocabulary[word[:end]] = len(vocabulary)
                merges.append((word[: end - 1], word[end - 1]))
        vocabulary["Ġ" + word] = len(vocabulary)
        merges.append(("Ġ", word))
    tokenizer = Tokenizer(models.BPE(vocabulary, merges, unk_token="<unk>"))
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    return _finished(tokenizer, adds)


def word_piece(adds: str = "none", pair: bool = False) -> Any:
    """Like BERT's: white space leaves no trace."""
    pieces = [
        *SPECIAL,
        *WORDS,
        *MARKS[:-1],
        *(f"##{letter}" for letter in "abcdefghijklmnopqrstuvwxyz"),
    ]
    pieces += [
        letter for letter in "abcdefghijklmnopqrstuvwxyz" if letter not in pieces
    ]
    vocabulary = {each: i for i, each in enumerate(pieces)}
    tokenizer = Tokenizer(models.WordPiece(vocabulary, unk_token="<unk>"))
    tokenizer.normalizer = normalizers.BertNormalizer(lowercase=True)
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    tokenizer.decoder = decoders.WordPiece()
    return _finished(tokenizer, adds, pair)


def sentence_piece(adds: str = "none", prepend: str = "always") -> Any:
    """Like Llama 2's and Gemma's: a mark for each space, and before every text, or none
    there.

    `prepend` is "always", "never", "first" (before a text, not behind a special token)
    or "legacy" (by the normaliser, as in the first files of Llama).
    """
    words = [*WORDS, "Yes", "No", "A", "B"]
    pieces = [
        *SPECIAL,
        _SPACE,
        *(each for word in words for each in (word, _SPACE + word)),
        *MARKS,
    ]
    pieces += [
        letter for letter in "abcdefghijklmnopqrstuvwxyz" if letter not in pieces
    ]
    scored = [
        (piece, -1.0 - 5.0 * (len(piece) == 1)) for piece in dict.fromkeys(pieces)
    ]
    tokenizer = Tokenizer(models.Unigram(scored, unk_id=3))
    if prepend == "legacy":
        tokenizer.normalizer = normalizers.Sequence(
            [normalizers.Prepend(_SPACE), normalizers.Replace(" ", _SPACE)]
        )
    else:
        tokenizer.pre_tokenizer = pre_tokenizers.Metaspace(
            prepend_scheme=prepend, split=True
        )
    tokenizer.decoder = decoders.Metaspace()
    return _finished(tokenizer, adds)


MAKES = {
    "byte-level": byte_level,
    "WordPiece": word_piece,
    "SentencePiece": sentence_piece,
    "SentencePiece without a dummy prefix": lambda adds="none": sentence_piece(
        adds, "never"
    ),
    "SentencePiece, first": lambda adds="none": sentence_piece(adds, "first"),
    "SentencePiece, legacy": lambda adds="none": sentence_piece(adds, "legacy"),
}


_SMALL = {
    "hidden_size": 32,
    "intermediate_size": 48,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "max_position_embeddings": 128,
}


def llama(tokenizer: Any, head: str = "CausalLM", seed: int = 0, **more: Any) -> Any:
    """A tiny random Llama."""
    config = transformers.LlamaConfig(
        vocab_size=len(tokenizer), num_key_value_heads=2, **_SMALL, **more
    )
    return drawn(getattr(transformers, f"LlamaFor{head}")(config), seed)


def bert(
    tokenizer: Any,
    name: str = "BertForSequenceClassification",
    seed: int = 0,
    **more: Any,
) -> Any:
    """A tiny random BERT."""
    config = transformers.BertConfig(
        vocab_size=len(tokenizer), **{**_SMALL, "pad_token_id": 1, **more}
    )
    return drawn(getattr(transformers, name)(config), seed)


def log_probability(
    model: Any, prompt: Sequence[int], completion: Sequence[int]
) -> float:
    """Of tokens after tokens: each from nothing but what comes before it."""
    ids, total = list(prompt), 0.0
    for token in completion:
        with torch.no_grad():
            total += float(
                torch.log_softmax(
                    model(input_ids=torch.tensor([ids])).logits[0, -1].double(), -1
                )[token]
            )
        ids.append(token)
    return total


def whole(lens: Any) -> float:
    """What a lens answers with everything kept."""
    return float(np.ravel(lens.value(np.ones((1, lens.n), np.bool_)))[0])
