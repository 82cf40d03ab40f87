"""Train the bundled sentiment model on the sentences of `review_grammar`.

    python scripts/train_sentiment.py            # writes src/spexlens/models/bundled/sentiment
    python scripts/train_sentiment.py --out DIR

Minutes on one core; the same seed gives the same `model.safetensors`, byte for byte, on the same machine.
Half of the sentences are shown with words masked at a rate drawn anew for each, from 0 to 1, and keep
their label: the model learns how likely praise is given the words it can see, so masked sentences are
in distribution and a fully masked one says nothing (a logit near 0).

Nothing is saved, and the exit code is 1, if the model is right on fewer than 98% of unseen sentences.
"""

import argparse
import itertools
import json
import sys
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
from transformers.utils import logging

from review_grammar import EXAMPLE, Phrase, unique_sentences, vocabulary

OUT = Path(__file__).parents[1] / "src" / "spexlens" / "models" / "bundled" / "sentiment"
SPECIAL = ("[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]")
PAD, UNK, CLS, SEP, MASK = range(5)
POSITIONS, LAYERS = 64, 3
SEED = 0
SENTENCES, UNSEEN = 120_000, 6_000
STEPS, BATCH, PEAK_RATE = 5_000, 128, 1e-3
SHORT, OPENING = 9, 0.15
MASKED_SHARE, UNKNOWN_SHARE = 0.5, 0.1
REQUIRED_ACCURACY = 0.98


def build_tokenizer(words: list[str]) -> Tokenizer:
    """One token a word or punctuation mark, lower case, "[CLS] ... [SEP]"."""
    ids = {token: index for index, token in enumerate([*SPECIAL, *words])}
    tokenizer = Tokenizer(models.WordLevel(ids, unk_token="[UNK]"))
    tokenizer.add_special_tokens(list(SPECIAL))
    tokenizer.normalizer = normalizers.BertNormalizer(lowercase=True)
    tokenizer.pre_tokenizer = pre_tokenizers.Split(Regex(r"[\w']+|[^\w\s]"), "removed", invert=True)
    tokenizer.post_processor = processors.TemplateProcessing(
        single="[CLS] $A [SEP]",
        pair="[CLS] $A [SEP] $B [SEP]",
        special_tokens=[("[CLS]", CLS), ("[SEP]", SEP)],
    )
    return tokenizer


def build_model(vocabulary_size: int, layers: int) -> DistilBertForSequenceClassification:
    """A DistilBERT with two logits that start, and so stay, opposite to each other."""
    config = DistilBertConfig(
        vocab_size=vocabulary_size,
        max_position_embeddings=POSITIONS,
        n_layers=layers,
        n_heads=4,
        dim=64,
        hidden_dim=256,
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


def encode(tokenizer: Tokenizer, phrases: list[Phrase]) -> tuple[torch.Tensor, torch.Tensor]:
    """Token ids, int64 of shape (n, longest), padded; and labels, int64 of shape (n,)."""
    encodings = tokenizer.encode_batch([phrase.text for phrase in phrases])
    rows = [torch.tensor(encoding.ids) for encoding in encodings]
    ids = torch.nn.utils.rnn.pad_sequence(rows, batch_first=True, padding_value=PAD)
    return ids, torch.tensor([int(bool(phrase.positive)) for phrase in phrases])


def balanced(ids: torch.Tensor, labels: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """Drop sentences until each length has as much praise as blame."""
    lengths = (ids != PAD).sum(1)
    kept = []
    for length in lengths.unique():
        sides = [((lengths == length) & (labels == label)).nonzero()[:, 0] for label in (0, 1)]
        kept += [side[: min(len(sides[0]), len(sides[1]))] for side in sides]
    rows = torch.cat(kept)
    return ids[rows], labels[rows]


def batches(ids: torch.Tensor, labels: torch.Tensor) -> Iterator[tuple[torch.Tensor, torch.Tensor]]:
    """Shuffled batches without end, each of sentences about equally long, cut to the longest."""
    lengths = (ids != PAD).sum(1)
    while True:
        for pool in torch.randperm(len(ids)).split(32 * BATCH):
            by_length = pool[lengths[pool].argsort(stable=True)].split(BATCH)
            for index in torch.randperm(len(by_length)):
                rows = by_length[index]
                yield ids[rows, : int(lengths[rows].max())], labels[rows]


def course(
    ids: torch.Tensor, labels: torch.Tensor, steps: int
) -> Iterator[tuple[torch.Tensor, torch.Tensor]]:
    """The batches of a training run: short sentences first, because negation is plainest there."""
    short = (ids != PAD).sum(1) <= SHORT
    opening = int(OPENING * steps)
    yield from itertools.islice(batches(ids[short], labels[short]), opening)
    yield from itertools.islice(batches(ids, labels), steps - opening)


def mask_words(ids: torch.Tensor) -> torch.Tensor:
    """Mask half of the rows, each at its own rate; in a few the hidden words are [UNK] instead."""
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

    `label` gives what the model should answer to a batch, labels of shape (n,) or probabilities of shape
    (n, 2), from its ids, masked, and its sentences' labels.
    """
    optimizer = torch.optim.AdamW(model.parameters(), lr=PEAK_RATE, weight_decay=0.01)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, PEAK_RATE, total_steps=steps, pct_start=0.05)
    started, recent = time.perf_counter(), 0.0
    model.train()
    for step, (batch, target) in enumerate(course(ids, labels, steps), start=1):
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
                f"step {step:5d}  loss {recent / 500:.4f}  {time.perf_counter() - started:.0f} s", flush=True
            )
            recent = 0.0
    model.eval()


@torch.inference_mode()
def positive_logits(model: DistilBertForSequenceClassification, ids: torch.Tensor) -> torch.Tensor:
    """The POSITIVE logit of each row, float32 of shape (n,)."""
    logits = [model(input_ids=part, attention_mask=(part != PAD).long()).logits for part in ids.split(512)]
    return torch.cat(logits)[:, 1]


def accuracy(model: DistilBertForSequenceClassification, ids: torch.Tensor, labels: torch.Tensor) -> float:
    """The share of rows whose label the model gives."""
    return float(((positive_logits(model, ids) > 0) == labels.bool()).float().mean())


def pair_interactions(values: torch.Tensor, n: int) -> dict[tuple[int, int], float]:
    """Banzhaf interactions 4 F({i, j}) of all pairs, F(S) = 2^-n sum_m (-1)^|S & m| f(m).

    `values` has shape (2**n,): entry m is the value with the words of the set bits of m in place.
    """
    sign = 1 - 2 * (torch.arange(2**n)[:, None] >> torch.arange(n) & 1)
    return {
        (i, j): float(4 * (values * sign[:, i] * sign[:, j]).mean())
        for i, j in itertools.combinations(range(n), 2)
    }


def report_example(model: DistilBertForSequenceClassification, tokenizer: Tokenizer) -> None:
    """Print what masking does to the held-out example, exactly, over all its masks."""
    words = EXAMPLE.split()
    n = len(words)
    shown = (torch.arange(2**n)[:, None] >> torch.arange(n) & 1).bool()
    ids = torch.tensor(tokenizer.encode(EXAMPLE).ids).repeat(2**n, 1)
    ids[:, 1:-1] = torch.where(shown, ids[:, 1:-1], MASK)
    values = positive_logits(model, ids)
    never, fails = 1 << words.index("never"), 1 << words.index("fails")
    for hidden in (0, never, fails, never | fails, 2**n - 1):
        text = " ".join("[MASK]" if hidden >> i & 1 else word for i, word in enumerate(words))
        print(f"{values[2**n - 1 - hidden].item():+.3f}  {text}")
    for (i, j), value in sorted(pair_interactions(values, n).items(), key=lambda item: -abs(item[1]))[:5]:
        print(f"{value:+.3f}  {words[i]} x {words[j]}")


def save(model: DistilBertForSequenceClassification, tokenizer: Tokenizer, out: Path) -> None:
    """Write the model and its tokenizer in Transformers' format."""
    out.mkdir(parents=True, exist_ok=True)
    model.save_pretrained(out)
    names = dict(
        zip(("pad_token", "unk_token", "cls_token", "sep_token", "mask_token"), SPECIAL, strict=True)
    )
    inputs = ["input_ids", "attention_mask"]
    PreTrainedTokenizerFast(
        tokenizer_object=tokenizer, model_max_length=POSITIONS, model_input_names=inputs, **names
    ).save_pretrained(out)
    config = {
        "tokenizer_class": "PreTrainedTokenizerFast",
        "model_max_length": POSITIONS,
        "model_input_names": inputs,
        **names,
    }
    (out / "tokenizer_config.json").write_text(json.dumps(config, indent=2) + "\n")


def main() -> int:
    """Train, measure, and save; 1 if the model is not good enough to save."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--out", type=Path, default=OUT, help="folder to write the model into")
    parser.add_argument("--steps", type=int, default=STEPS, help="training steps")
    arguments = parser.parse_args()

    logging.disable_progress_bar()
    torch.manual_seed(SEED)
    torch.set_num_threads(1)
    torch.use_deterministic_algorithms(True)

    tokenizer = build_tokenizer(vocabulary())
    model = build_model(tokenizer.get_vocab_size(), LAYERS)
    train(
        model,
        *balanced(*encode(tokenizer, unique_sentences(SENTENCES, SEED, held_out=False))),
        arguments.steps,
    )

    reached = accuracy(model, *encode(tokenizer, unique_sentences(UNSEEN, SEED + 1, held_out=True)))
    print(f"accuracy on {UNSEEN} unseen sentences: {reached:.4f}")
    report_example(model, tokenizer)
    if reached < REQUIRED_ACCURACY:
        print(f"not saved: the accuracy is below {REQUIRED_ACCURACY}", file=sys.stderr)
        return 1
    save(model, tokenizer, arguments.out)
    return 0


if __name__ == "__main__":
    sys.exit(main())
