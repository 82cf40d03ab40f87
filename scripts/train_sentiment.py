"""Train the bundled sentiment model on sentences of `review_grammar` and reviews made
up by `review_texts`.

    python scripts/train_sentiment.py            # writes src/spexlens/models/bundled/sentiment
    python scripts/train_sentiment.py --out DIR --lexicon vader_lexicon.txt

It reads the lexicon of the package vaderSentiment, or the file given. Some 20 minutes
on one core; the same seed gives the same `model.safetensors`, byte for byte, on the
same machine. No review written by a person is read: `judge_sentiment.py` says how the
model does on some.

A sentence of the grammar has the label that it was built with; a made-up review the
probability that its words add up to. Words are masked as `review_classifier` says.

Nothing is saved, and the exit code is 1, if the model is right on fewer than 98% of
unseen sentences of the grammar.
"""

import argparse
import itertools
import math
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import torch
from tokenizers import Regex, Tokenizer, models, normalizers, pre_tokenizers, processors
from transformers import DistilBertForSequenceClassification
from transformers.utils import logging

from review_classifier import (
    CLS,
    MASK,
    PAD,
    SEED,
    SENTENCES,
    SEP,
    SHORT,
    SPECIAL,
    UNSEEN,
    WIDTH,
    accuracy,
    balanced,
    batches,
    build_model,
    encode,
    fit,
    positive_logits,
    save,
)
from review_grammar import EXAMPLE, Phrase, unique_sentences, vocabulary, words
from review_lexicon import (
    BOOSTERS,
    COMMON,
    DAMPERS,
    NEGATORS,
    PHRASES,
    SUFFIXES,
    valences,
)
from review_texts import Text, Writer

OUT = (
    Path(__file__).parents[1] / "src" / "spexlens" / "models" / "bundled" / "sentiment"
)
POSITIONS, LAYERS = 512, 3
STEPS = 6_000
REWORDED = 60_000
BATCH_MIDDLING, BATCH_LONG = 64, 16

MARKS = words(""". , ! ? ; : ' " ( ) / - * < > & [ ] … – —""")
VALENCE_SIZE, POSITION_SIZE = 0.15, 0.1
REQUIRED_ACCURACY = 0.98


class Course(NamedTuple):
    """What a training run shows.

    Attributes:
        mix: which texts each step shows in turn: s sentences, m middling texts, l long
            ones.
        opening: the part of the steps, at the beginning, that show short sentences
            alone.
        middling, long: how many texts there are.
        shortest: the words of the shortest middling text.
    """

    mix: str
    opening: float
    middling: int
    long: int
    shortest: int


FIRST = Course("ssmslssm", opening=0.12, middling=60_000, long=12_000, shortest=3)
SETTLING = Course("smsmsmsl", opening=0.0, middling=40_000, long=3_000, shortest=1)
SETTLING_STEPS, SETTLING_RATE, QUIET = 1_200, 5e-4, 0.2
LONGEST_MIDDLING, LENGTHS_LONG = 70, (60, 420)


def entries(lexicon: Path | None) -> list[str]:
    """Every word that the model knows, and the endings that words may have beside."""
    phrases = " ".join(
        phrase for listed in PHRASES.values() for phrase in listed
    ).split()
    known = {
        *vocabulary(),
        *valences(lexicon),
        *COMMON,
        *NEGATORS,
        *BOOSTERS,
        *DAMPERS,
        *phrases,
        *MARKS,
    }
    known |= {str(number) for number in range(11)}
    return [*sorted(known), *(f"##{ending}" for ending in SUFFIXES)]


def build_tokenizer(words: list[str]) -> Tokenizer:
    """Lower-case words, each a token, or a token and its ending; marks; "[CLS] ...
    [SEP]".
    """
    ids = {token: index for index, token in enumerate([*SPECIAL, *words])}
    tokenizer = Tokenizer(models.WordPiece(ids, unk_token="[UNK]"))
    tokenizer.add_special_tokens(list(SPECIAL))
    tokenizer.normalizer = normalizers.Sequence(
        [normalizers.BertNormalizer(lowercase=True), normalizers.Replace("’", "'")]
    )
    tokenizer.pre_tokenizer = pre_tokenizers.Split(
        Regex(r"\w+(?:'\w+)*|[^\w\s]"), "removed", invert=True
    )
    tokenizer.post_processor = processors.TemplateProcessing(
        single="[CLS] $A [SEP]",
        pair="[CLS] $A [SEP] $B [SEP]",
        special_tokens=[("[CLS]", CLS), ("[SEP]", SEP)],
    )
    return tokenizer


@torch.no_grad()
def prepare(
    model: DistilBertForSequenceClassification,
    tokenizer: Tokenizer,
    known: dict[str, float],
) -> None:
    """Begin with what is known: words lie along a line by their valence, positions on
    circles.
    """
    embeddings = model.distilbert.embeddings
    direction = torch.nn.functional.normalize(torch.randn(WIDTH), dim=0)
    ids = tokenizer.get_vocab()
    for word, valence in known.items():
        embeddings.word_embeddings.weight[ids[word]] += (
            VALENCE_SIZE * valence * direction
        )
    places = torch.arange(POSITIONS)[:, None]
    rates = torch.exp(torch.arange(0, WIDTH, 2) * (-math.log(10_000) / WIDTH))
    circles = torch.stack([torch.sin(places * rates), torch.cos(places * rates)], dim=2)
    embeddings.position_embeddings.weight.copy_(
        POSITION_SIZE * circles.reshape(POSITIONS, WIDTH)
    )


def read(tokenizer: Tokenizer, texts: list[Text]) -> tuple[torch.Tensor, torch.Tensor]:
    """Token ids, int64 of shape (n, longest), padded, and probabilities of praise,
    float32 of shape (n,).
    """
    rows = [
        encoding.ids
        for encoding in tokenizer.encode_batch([text.text for text in texts])
    ]
    kept = [place for place, row in enumerate(rows) if len(row) <= POSITIONS]
    ids = torch.nn.utils.rnn.pad_sequence(
        [torch.tensor(rows[place]) for place in kept],
        batch_first=True,
        padding_value=PAD,
    )
    return ids, torch.tensor([texts[place].praise for place in kept])


def course(
    tokenizer: Tokenizer, writer: Writer, steps: int, shown: Course
) -> Iterator[tuple[torch.Tensor, torch.Tensor]]:
    """The batches of a training run: short sentences first, because negation is
    plainest there.
    """
    plain = unique_sentences(SENTENCES, SEED, held_out=False)
    reworded = [
        Phrase(writer.with_others(phrase.text), phrase.positive)
        for phrase in plain[:REWORDED]
    ]
    ids, labels = balanced(*encode(tokenizer, plain + reworded))
    labels = labels.float()
    short = (ids != PAD).sum(1) <= SHORT
    opening = int(shown.opening * steps)
    yield from itertools.islice(batches(ids[short], labels[short]), opening)
    pools = {"s": batches(ids, labels)}
    for name, count, lengths, size in (
        ("m", shown.middling, (shown.shortest, LONGEST_MIDDLING), BATCH_MIDDLING),
        ("l", shown.long, LENGTHS_LONG, BATCH_LONG),
    ):
        texts = list(itertools.islice(writer.texts(*lengths), count))
        pools[name] = batches(*read(tokenizer, texts), size)
    for name in itertools.islice(itertools.cycle(shown.mix), steps - opening):
        yield next(pools[name])


def settle(
    model: DistilBertForSequenceClassification,
    tokenizer: Tokenizer,
    lexicon: Path | None,
) -> None:
    """A second, short course, with texts that say nothing among the others: they are no
    praise.
    """
    torch.manual_seed(SEED + 1)
    writer = Writer(SEED + 1, lexicon, quiet=QUIET)
    shown = course(tokenizer, writer, SETTLING_STEPS, SETTLING)
    fit(model, shown, SETTLING_STEPS, as_probabilities, SETTLING_RATE)


def as_probabilities(ids: torch.Tensor, praise: torch.Tensor) -> torch.Tensor:
    """Probabilities of NEGATIVE and POSITIVE, float32 of shape (n, 2), whatever is
    masked.
    """
    return torch.stack([1 - praise, praise], 1)


def pair_interactions(values: torch.Tensor, n: int) -> dict[tuple[int, int], float]:
    """Banzhaf interactions 4 F({i, j}) of all pairs, F(S) = 2^-n sum_m (-1)^|S & m|
    f(m).

    `values` has shape (2**n,): entry m is the value with the words of the set bits of m
    in place.
    """
    sign = 1 - 2 * (torch.arange(2**n)[:, None] >> torch.arange(n) & 1)
    return {
        (i, j): float(4 * (values * sign[:, i] * sign[:, j]).mean())
        for i, j in itertools.combinations(range(n), 2)
    }


def report_example(
    model: DistilBertForSequenceClassification, tokenizer: Tokenizer
) -> None:
    """Print what masking does to the held-out example, exactly, over all its masks."""
    words = EXAMPLE.split()
    n = len(words)
    shown = (torch.arange(2**n)[:, None] >> torch.arange(n) & 1).bool()
    ids = torch.tensor(tokenizer.encode(EXAMPLE).ids).repeat(2**n, 1)
    ids[:, 1:-1] = torch.where(shown, ids[:, 1:-1], MASK)
    values = positive_logits(model, ids)
    never, fails = 1 << words.index("never"), 1 << words.index("fails")
    for hidden in (0, never, fails, never | fails, 2**n - 1):
        text = " ".join(
            "[MASK]" if hidden >> i & 1 else word for i, word in enumerate(words)
        )
        print(f"{values[2**n - 1 - hidden].item():+.3f}  {text}")
    for (i, j), value in sorted(
        pair_interactions(values, n).items(), key=lambda item: -abs(item[1])
    )[:5]:
        print(f"{value:+.3f}  {words[i]} x {words[j]}")


def main() -> int:
    """Train, measure, and save; 1 if the model is not good enough to save."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument(
        "--out", type=Path, default=OUT, help="folder to write the model into"
    )
    parser.add_argument(
        "--lexicon",
        type=Path,
        help="vader_lexicon.txt; by default the installed package's",
    )
    parser.add_argument("--steps", type=int, default=STEPS, help="training steps")
    arguments = parser.parse_args()

    logging.disable_progress_bar()
    torch.manual_seed(SEED)
    torch.set_num_threads(1)
    torch.use_deterministic_algorithms(True)

    tokenizer = build_tokenizer(entries(arguments.lexicon))
    model = build_model(tokenizer.get_vocab_size(), LAYERS, POSITIONS)
    prepare(model, tokenizer, valences(arguments.lexicon))
    first = course(tokenizer, Writer(SEED, arguments.lexicon), arguments.steps, FIRST)
    fit(model, first, arguments.steps, as_probabilities)
    settle(model, tokenizer, arguments.lexicon)

    reached = accuracy(
        model, *encode(tokenizer, unique_sentences(UNSEEN, SEED + 1, held_out=True))
    )
    print(f"accuracy on {UNSEEN} unseen sentences: {reached:.4f}")
    report_example(model, tokenizer)
    if reached < REQUIRED_ACCURACY:
        print(f"not saved: the accuracy is below {REQUIRED_ACCURACY}", file=sys.stderr)
        return 1
    save(model, tokenizer, arguments.out, POSITIONS)
    return 0


if __name__ == "__main__":
    sys.exit(main())
