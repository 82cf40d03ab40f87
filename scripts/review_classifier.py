"""Classifiers of film reviews: a tokenizer, a small DistilBERT, how it is trained,
measured and saved.

Half of the sentences are shown with words masked at a rate drawn anew for each, from 0
to 1, and keep their label: the model learns how likely praise is given the words it can
see, so masked sentences are in distribution and a fully masked one says nothing (a
logit near 0).
"""

import itertools
import json
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import torch
from tokenizers import Regex, Tokenizer, models, normalizers, pre_tokenizers, processors
from transformers import (
    DistilBertConfig,
    DistilBertForSequenceClassification,
    PreTrainedTokenizerFast,
)

from review_grammar import Phrase

SPECIAL = ("[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]")
PAD, UNK, CLS, SEP, MASK = range(5)
POSITIONS = 64
WIDTH = 64
SEED = 0
SENTENCES, UNSEEN = 120_000, 6_000
STEPS, BATCH, PEAK_RATE = 5_000, 128, 1e-3
SHORT, OPENING = 9, 0.15
MASKED_SHARE, UNKNOWN_SHARE = 0.5, 0.1


def build_tokenizer(words: list[str]) -> Tokenizer:
    """One token a word or punctuation mark, lower case, "[CLS] ... [SEP]"."""
    ids = {token: index for index, token in enumerate([*SPECIAL, *words])}
    tokenizer = Tokenizer(models.WordLevel(ids, unk_token="[UNK]"))
    tokenizer.add_special_tokens(list(SPECIAL))
    tokenizer.normalizer = normalizers.BertNormalizer(lowercase=True)
    tokenizer.pre_tokenizer = pre_tokenizers.Split(
        Regex(r"[\w']+|[^\w\s]"), "removed", invert=True
    )
    tokenizer.post_processor = processors.TemplateProcessing(
        single="[CLS] $A [SEP]",
        pair="[CLS] $A [SEP] $B [SEP]",
        special_tokens=[("[CLS]", CLS), ("[SEP]", SEP)],
    )
    return tokenizer


def build_model(
    vocabulary_size: int, layers: int, positions: int = POSITIONS
) -> DistilBertForSequenceClassification:
    """A DistilBERT with two logits that start, and so stay, opposite to each other."""
    config = DistilBertConfig(
        vocab_size=vocabulary_size,
        max_position_embeddings=positions,
        n_layers=layers,
        n_heads=4,
        dim=WIDTH,
        hidden_dim=4 * WIDTH,
        dropout=0.0,
        attention_dropout=0.0,
        seq_classif_dropout=0.0,
        initializer_range=0.1,
        pad_token_id=PAD,
        id2label={0: "NEGATIVE", 1: "POSITIVE"},
        label2id={"NEGATIVE": 0, "POSITIVE": 1},
    )
    model = DistilBertForSequenceClassification(config)
    with torch.no_grad():
        model.classifier.weight[0] = -model.classifier.weight[1]
    return model


def encode(
    tokenizer: Tokenizer, phrases: list[Phrase]
) -> tuple[torch.Tensor, torch.Tensor]:
    """Token ids, int64 of shape (n, longest), padded; and labels, int64 of shape (n,)."""
    encodings = tokenizer.encode_batch([phrase.text for phrase in phrases])
    rows = [torch.tensor(encoding.ids) for encoding in encodings]
    ids = torch.nn.utils.rnn.pad_sequence(rows, batch_first=True, padding_value=PAD)
    return ids, torch.tensor([int(bool(phrase.positive)) for phrase in phrases])


def balanced(
    ids: torch.Tensor, labels: torch.Tensor
) -> tuple[torch.Tensor, torch.Tensor]:
    """Drop sentences until each length has as much praise as blame."""
    lengths = (ids != PAD).sum(1)
    kept = []
    for length in lengths.unique():
        sides = [
            ((lengths == length) & (labels == label)).nonzero()[:, 0]
            for label in (0, 1)
        ]
        kept += [side[: min(len(sides[0]), len(sides[1]))] for side in sides]
    rows = torch.cat(kept)
    return ids[rows], labels[rows]


def batches(
    ids: torch.Tensor, labels: torch.Tensor, size: int = BATCH
) -> Iterator[tuple[torch.Tensor, torch.Tensor]]:
    """Shuffled batches without end, each of sentences about equally long, cut to the
    longest.
    """
    lengths = (ids != PAD).sum(1)
    while True:
        for pool in torch.randperm(len(ids)).split(32 * size):
            by_length = pool[lengths[pool].argsort(stable=True)].split(size)
            for index in torch.randperm(len(by_length)):
                rows = by_length[index]
                yield ids[rows, : int(lengths[rows].max())], labels[rows]


def course(
    ids: torch.Tensor, labels: torch.Tensor, steps: int
) -> Iterator[tuple[torch.Tensor, torch.Tensor]]:
    """The batches of a training run: short sentences first, because negation is
    plainest there.
    """
    short = (ids != PAD).sum(1) <= SHORT
    opening = int(OPENING * steps)
    yield from itertools.islice(batches(ids[short], labels[short]), opening)
    yield from itertools.islice(batches(ids, labels), steps - opening)


def mask_words(ids: torch.Tensor) -> torch.Tensor:
    """Mask half of the rows, each at its own rate; in a few the hidden words are [UNK]
    instead.
    """
    rate = torch.rand(len(ids), 1) * (torch.rand(len(ids), 1) < MASKED_SHARE)
    hidden = (torch.rand(ids.shape) < rate) & (ids != PAD) & (ids != CLS) & (ids != SEP)
    filler = torch.where(torch.rand(len(ids), 1) < UNKNOWN_SHARE, UNK, MASK)
    return torch.where(hidden, filler, ids)


def as_written(ids: torch.Tensor, labels: torch.Tensor) -> torch.Tensor:
    """The labels of sentences, whichever of their words are masked."""
    return labels


def train(
    model: DistilBertForSequenceClassification,
    ids: torch.Tensor,
    labels: torch.Tensor,
    steps: int,
    label: Callable[[torch.Tensor, torch.Tensor], torch.Tensor] = as_written,
) -> None:
    """Fit the model in place by AdamW under a one-cycle learning rate.

    `label` gives what the model should answer to a batch, labels of shape (n,) or
    probabilities of shape (n, 2), from its ids, masked, and its sentences' labels.
    """
    fit(model, course(ids, labels, steps), steps, label)


def fit(
    model: DistilBertForSequenceClassification,
    course: Iterator[tuple[torch.Tensor, torch.Tensor]],
    steps: int,
    label: Callable[[torch.Tensor, torch.Tensor], torch.Tensor] = as_written,
    rate: float = PEAK_RATE,
) -> None:
    """`train` on the batches of a course of so many steps."""
    optimizer = torch.optim.AdamW(model.parameters(), lr=rate, weight_decay=0.01)
    schedule = torch.optim.lr_scheduler.OneCycleLR(
        optimizer, rate, total_steps=steps, pct_start=0.05
    )
    started, recent = time.perf_counter(), 0.0
    model.train()
    for step, (batch, target) in enumerate(course, start=1):
        seen = mask_words(batch)
        output = model(input_ids=seen, attention_mask=(batch != PAD).long())
        loss = torch.nn.functional.cross_entropy(output.logits, label(seen, target))
        optimizer.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        schedule.step()
        recent += loss.item()
        if step % 500 == 0:
            print(
                f"step {step:5d}  loss {recent / 500:.4f} "
                f" {time.perf_counter() - started:.0f} s",
                flush=True,
            )
            recent = 0.0
    model.eval()


@torch.inference_mode()
def positive_logits(
    model: DistilBertForSequenceClassification, ids: torch.Tensor
) -> torch.Tensor:
    """The POSITIVE logit of each row, float32 of shape (n,)."""
    logits = [
        model(input_ids=part, attention_mask=(part != PAD).long()).logits
        for part in ids.split(512)
    ]
    return torch.cat(logits)[:, 1]


def accuracy(
    model: DistilBertForSequenceClassification, ids: torch.Tensor, labels: torch.Tensor
) -> float:
    """The share of rows whose label the model gives."""
    return float(((positive_logits(model, ids) > 0) == labels.bool()).float().mean())


def save(
    model: DistilBertForSequenceClassification,
    tokenizer: Tokenizer,
    out: Path,
    positions: int = POSITIONS,
) -> None:
    """Write the model and its tokenizer in Transformers' format."""
    out.mkdir(parents=True, exist_ok=True)
    model.save_pretrained(out)
    names = dict(
        zip(
            ("pad_token", "unk_token", "cls_token", "sep_token", "mask_token"),
            SPECIAL,
            strict=True,
        )
    )
    inputs = ["input_ids", "attention_mask"]
    PreTrainedTokenizerFast(
        tokenizer_object=tokenizer,
        model_max_length=positions,
        model_input_names=inputs,
        **names,
    ).save_pretrained(out)
    config = {
        "tokenizer_class": "PreTrainedTokenizerFast",
        "model_max_length": positions,
        "model_input_names": inputs,
        **names,
    }
    (out / "tokenizer_config.json").write_text(json.dumps(config, indent=2) + "\n")
