"""How often the bundled sentiment model is right on real reviews of films.

    python scripts/judge_sentiment.py --reviews reviews.csv
    python scripts/judge_sentiment.py --reviews reviews.csv --model DIR --chosen    # while a model is made

The file has the columns `review` and `sentiment` (positive or negative). Nothing in it
is trained on. Those that `chosen` names were read, and figures on them looked at, while
the words of `review_lexicon` and the training were chosen; the others were used for
nothing but the last figure. A review longer than the window is read by windows, as
`--windows` reads it, and its logit is their mean.
"""

import argparse
import csv
import random
import sys
from pathlib import Path
from typing import NamedTuple

import numpy as np

from spexlens import FeatureLens
from spexlens.models.huggingface import load

MODEL = (
    Path(__file__).parents[1] / "src" / "spexlens" / "models" / "bundled" / "sentiment"
)
READ, DRAWN, SEED = 22, 8, 19
"""Of the reviews the first were read; of the others so many were drawn to choose by,
with this seed.
"""


class Judged(NamedTuple):
    """A review's logit of POSITIVE, whether it is praise, and how many tokens it has."""

    logit: float
    praise: bool
    tokens: int

    @property
    def right(self) -> bool:
        """Whether the model says what the reviewer does."""
        return (self.logit > 0) == self.praise


def chosen(count: int) -> set[int]:
    """The numbers of the reviews that the model was chosen by, of so many."""
    return {*range(READ), *random.Random(SEED).sample(range(READ, count), DRAWN)}


def reviews(path: Path) -> list[tuple[str, bool]]:
    """The texts, and whether each is praise."""
    with path.open(encoding="utf-8", newline="") as file:
        return [
            (row["review"], row["sentiment"] == "positive")
            for row in csv.DictReader(file)
        ]


def judge(folder: Path, texts: list[tuple[str, bool]]) -> list[Judged]:
    """What a model says of each text."""
    model = load(folder, device="cpu")
    found = []
    for text, praise in texts:
        lens = FeatureLens(
            model, text, unit="sentence", target="POSITIVE", windows=True
        )
        logit = lens.value(np.ones((1, lens.n), np.bool_))[0]
        tokens = model.tokenizer(text, verbose=False)["input_ids"]
        found.append(Judged(float(logit), praise, len(tokens)))
    return found


def said(name: str, judged: list[Judged], window: int) -> str:
    """A line about some reviews: how many are right, in all and by whether they fit the
    window.
    """
    fits = [each.right for each in judged if each.tokens <= window]
    longer = [each.right for each in judged if each.tokens > window]
    return (
        f"{name}: {sum(fits) + sum(longer)} of {len(judged)} right; of those that fit"
        f" the window {sum(fits)} of {len(fits)}, of longer ones {sum(longer)} of"
        f" {len(longer)}"
    )


def main() -> None:
    """Print how often it is right."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument(
        "--reviews",
        type=Path,
        required=True,
        help="a CSV file with review and sentiment",
    )
    parser.add_argument("--model", type=Path, default=MODEL, help="folder of the model")
    parser.add_argument(
        "--chosen", action="store_true", help="look only at those that it is chosen by"
    )
    arguments = parser.parse_args()

    texts = reviews(arguments.reviews)
    by = chosen(len(texts))
    window = load(arguments.model, device="cpu").window or sys.maxsize
    numbers = sorted(by) if arguments.chosen else range(len(texts))
    judged = dict(
        zip(numbers, judge(arguments.model, [texts[n] for n in numbers]), strict=True)
    )
    print(
        said("used to choose", [each for n, each in judged.items() if n in by], window)
    )
    if arguments.chosen:
        print("wrong:", *(n for n, each in judged.items() if not each.right))
    else:
        print(
            said(
                "never used before",
                [each for n, each in judged.items() if n not in by],
                window,
            )
        )


if __name__ == "__main__":
    main()
