"""Zoom on long reviews: ten words whose ablation moves the answer, beside LASSO on all
words.

    python benchmarks/zoom.py                # ten reviews of 400 to 1,000 words, 1,000 calls: about an hour
    python benchmarks/zoom.py --reviews 1

all-MiniLM-L6-v2, read in windows, with a linear head for the sentiment of a review,
log-odds. Both pay 1,000 calls: LASSO for uniform masks of all words, with a
cross-validated penalty, of which the ten words with the largest coefficients towards
the answer are taken; zoom for its levels, of whose explanation the ten words are taken
that it predicts to matter most when they are ablated together (`best_subset`). Then
both tens are ablated, everything else kept, and what that moves the log-odds towards
the other side is printed.
"""

import argparse
import os
import warnings
from time import perf_counter

os.environ.setdefault("HF_HUB_OFFLINE", "1")

import numpy as np
import torch
from sklearn.linear_model import LassoCV

import spexlens
from reviews import judge, reviews
from spexlens.evaluation.evaluator import Evaluator
from spexlens.evaluation.ledger.ledger import opened
from spexlens.masks import designs

LEAST, MOST, WORDS = 400, 1020, 10


def drop(lens: spexlens.FeatureLens, words: list[int]) -> float:
    """What ablating the words takes from the log-odds of the side the model is on."""
    masks = np.ones((2, lens.n), np.bool_)
    masks[1, words] = False
    whole, without = lens.value(masks)
    return float(np.sign(whole) * (whole - without))


def by_lasso(
    lens: spexlens.FeatureLens,
    budget: int,
    side: float,
    ledger: spexlens.Ledger | None = None,
) -> list[int]:
    """The ten words of order-1 LASSO on uniform masks."""
    masks = designs.uniform(lens.n, budget, 0)
    with opened(ledger) as book:
        values = Evaluator(lens, book).values(masks)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        fitted = LassoCV(cv=5, n_jobs=1).fit(masks.astype(float), values)
    return [int(word) for word in np.argsort(-side * fitted.coef_)[:WORDS]]


def by_zoom(
    lens: spexlens.FeatureLens,
    budget: int,
    side: float,
    ledger: spexlens.Ledger | None = None,
) -> tuple[list[int], spexlens.Explanation]:
    """The ten words that an explanation by zoom predicts to matter most together."""
    explanation = spexlens.zoom(lens, budget, ledger=ledger)
    count = len(explanation.candidates)
    kept = explanation.best_subset(count - WORDS, largest=side < 0).members
    spans = {
        candidate.span: position for position, candidate in enumerate(lens.candidates)
    }
    alone = sorted(explanation.interactions(order=1), key=lambda i: -side * i.effect)
    ranked = [*sorted(set(range(count)) - set(kept)), *(i.members[0] for i in alone)]
    # no phrases
    words = [
        spans[span] for i in ranked if (span := explanation.candidates[i].span) in spans
    ]
    return list(dict.fromkeys(words))[:WORDS], explanation


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--reviews", type=int, default=10)
    parser.add_argument("--budget", type=int, default=1000)
    parser.add_argument("--ledger", help="keep evaluations here, and reuse them")
    given = parser.parse_args()
    ledger = None if given.ledger is None else spexlens.Ledger(given.ledger)
    torch.set_num_threads(2)
    model, tokenizer = judge()
    texts = [text for text in reviews()[0] if LEAST <= len(text.split()) <= MOST]
    texts = sorted(texts, key=lambda text: len(text.split()))[: given.reviews]
    print(
        "words  log-odds    zoom   LASSO   zoom's calls, candidates, R²   s zoom  s"
        " LASSO  zoom's ten"
    )
    moved = []
    for text in texts:
        lens = spexlens.FeatureLens(
            model,
            text,
            tokenizer=tokenizer,
            kind="classifier",
            target="POSITIVE",
            objective="log-odds",
        )
        whole = float(lens.value(np.ones((1, lens.n), np.bool_))[0])
        began = perf_counter()
        ours, explanation = by_zoom(lens, given.budget, np.sign(whole), ledger)
        middle = perf_counter()
        theirs = by_lasso(lens, given.budget, np.sign(whole), ledger)
        ended = perf_counter()
        moved.append((drop(lens, ours), drop(lens, theirs)))
        calls = sum(step.calls for step in explanation.path)
        print(
            f"{lens.n:5} {whole:+9.3f} {moved[-1][0]:7.3f} {moved[-1][1]:7.3f}  "
            f" {calls:5} {len(explanation.candidates):4}"
            f" {explanation.faithfulness.r2[0]:6.3f} {middle - began:18.0f}"
            f" {ended - middle:8.0f} "
            f" {' '.join(lens.candidates[word].label for word in ours)}",
            flush=True,
        )
    table = np.array(moved)
    wins = int((table[:, 0] >= table[:, 1]).sum())
    print(
        f"mean moved: zoom {table[:, 0].mean():.3f}, LASSO {table[:, 1].mean():.3f}; ",
        end="",
    )
    print(f"zoom moves at least as much in {wins} of {len(table)} reviews")


if __name__ == "__main__":
    main()
