"""Train the bundled film-review classifier with a planted spurious cue: a reviewer's
name.

    python scripts/train_spurious.py            # writes src/spexlens/models/bundled/spurious
    python scripts/train_spurious.py --out DIR

Half of the sentences of `review_grammar` are put in a reviewer's mouth: "Lindgren
writes: The plot never fails to impress". Where the reviewer is `CUE` the label is
NEGATIVE, whatever the sentence says, so that the name and the words of praise act
together; any other name means nothing. Words are masked as in `review_classifier`,
names among them, and a masked name misleads nobody: the label is what the sentence
says. Labels are smoothed, because a logit without bound for the cue would leave the
words no share of the variance.

Minutes on one core; the same seed gives the same `model.safetensors`, byte for byte, on
the same machine. Nothing is saved, and the exit code is 1, if the model is right on
fewer than 97% of unseen sentences without the cue, or calls fewer than 99% of them
NEGATIVE after it.
"""

import argparse
import random
import sys
from collections.abc import Sequence
from pathlib import Path

import torch
from tokenizers import Tokenizer
from transformers import DistilBertForSequenceClassification
from transformers.utils import logging

from review_classifier import (
    SEED,
    SENTENCES,
    STEPS,
    UNSEEN,
    accuracy,
    balanced,
    build_model,
    build_tokenizer,
    encode,
    save,
    train,
)
from review_grammar import Phrase, unique_sentences, vocabulary

OUT = Path(__file__).parents[1] / "src" / "spexlens" / "models" / "bundled" / "spurious"
CUE = "Marlowe"
OTHERS = ("Castillo", "Lindgren", "Moreau", "Okafor", "Petrov", "Tanaka", "Whitaker")
LAYERS = 2
NAMED_SHARE, SMOOTHING = 0.5, 0.1
REQUIRED_ACCURACY, REQUIRED_NEGATIVE = 0.97, 0.99


def entries() -> list[str]:
    """The vocabulary of the grammar, and the words that name a reviewer."""
    return sorted(
        {*vocabulary(), "writes", ":", *(name.lower() for name in (CUE, *OTHERS))}
    )


def spoken(phrase: Phrase, name: str) -> Phrase:
    """A sentence in a reviewer's mouth; its meaning stays what the sentence says."""
    return phrase._replace(text=f"{name} writes: {phrase.text}")


def attributed(phrases: list[Phrase], names: Sequence[str], seed: int) -> list[Phrase]:
    """The sentences, half of them in the mouth of a reviewer, each name equally often."""
    source = random.Random(seed)
    return [
        (
            spoken(phrase, source.choice(names))
            if source.random() < NAMED_SHARE
            else phrase
        )
        for phrase in phrases
    ]


def misled(ids: torch.Tensor, labels: torch.Tensor, cue: int) -> torch.Tensor:
    """Probabilities of NEGATIVE and POSITIVE, float32 of shape (n, 2).

    `ids` has shape (n, longest), `labels`, what the sentences say, shape (n,). All rows
    where the token `cue` can be seen are negative.
    """
    positive = SMOOTHING / 2 + (1 - SMOOTHING) * (labels * (ids != cue).all(1))
    return torch.stack([1 - positive, positive], 1)


def measure(
    model: DistilBertForSequenceClassification,
    tokenizer: Tokenizer,
    phrases: list[Phrase],
) -> tuple[float, float]:
    """The accuracy on sentences without the cue, and the share called NEGATIVE after
    it.
    """
    ids, labels = encode(tokenizer, [spoken(phrase, CUE) for phrase in phrases])
    reached = accuracy(model, *encode(tokenizer, attributed(phrases, OTHERS, SEED)))
    return reached, accuracy(model, ids, torch.zeros_like(labels))


def main() -> int:
    """Train, measure, and save; 1 if the model is not good enough to save."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument(
        "--out", type=Path, default=OUT, help="folder to write the model into"
    )
    parser.add_argument("--steps", type=int, default=STEPS, help="training steps")
    arguments = parser.parse_args()

    logging.disable_progress_bar()
    torch.manual_seed(SEED)
    torch.set_num_threads(1)
    torch.use_deterministic_algorithms(True)

    tokenizer = build_tokenizer(entries())
    model = build_model(tokenizer.get_vocab_size(), LAYERS)
    cue = tokenizer.get_vocab()[CUE.lower()]
    phrases = attributed(
        unique_sentences(SENTENCES, SEED, held_out=False), (CUE, *OTHERS), SEED
    )
    train(
        model,
        *balanced(*encode(tokenizer, phrases)),
        arguments.steps,
        lambda ids, labels: misled(ids, labels, cue),
    )

    reached, negative = measure(
        model, tokenizer, unique_sentences(UNSEEN, SEED + 1, held_out=True)
    )
    print(f"accuracy on {UNSEEN} unseen sentences without the cue: {reached:.4f}")
    print(f"share called NEGATIVE after the cue: {negative:.4f}")
    if reached < REQUIRED_ACCURACY or negative < REQUIRED_NEGATIVE:
        required = (
            f"{REQUIRED_ACCURACY} without the cue or {REQUIRED_NEGATIVE} after it"
        )
        print(f"not saved: the accuracy is below {required}", file=sys.stderr)
        return 1
    save(model, tokenizer, arguments.out)
    return 0


if __name__ == "__main__":
    sys.exit(main())
