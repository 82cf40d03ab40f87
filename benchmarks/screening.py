"""Screening on the bundled classifier: how much of leave-one-out's choice cheap
attributions keep.

    python benchmarks/screening.py           # sixteen texts, two minutes on two cores

Of the 20 candidates with the largest leave-one-out effects: how many are among the 20
chosen, and what part of their effects those hold (mean, and the least of the texts);
forward and backward passes, and calls. The texts are sentences of the grammar that the
model was trained on: for components one, for words several, of about 50 words in all.
"""

import argparse
import itertools
import os
import random
import sys
from pathlib import Path
from typing import Any

os.environ.setdefault("HF_HUB_OFFLINE", "1")
sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "scripts"))

import numpy as np
import torch

import spexlens
from review_grammar import sentences
from spexlens.lenses.screening.attribution import Attribution
from spexlens.lenses.screening.screen import attribution_of
from spexlens.models.bundled import SENTIMENT

CHOSEN, LONGEST = 20, 50


def texts(count: int) -> list[tuple[str, str]]:
    """A sentence, and several in a row, so many times."""
    draw = random.Random("screening")
    known = [sentence for sentence, *_ in itertools.islice(sentences("screening"), 400)]
    found = []
    for _ in range(count):
        long: list[str] = []
        while len(" ".join(long).split()) < LONGEST - 10:
            long.append(draw.choice(known))
        found.append((draw.choice(known), " ".join(long)))
    return found


def kept(found: Attribution, truth: Attribution) -> tuple[float, float]:
    """Of the truth's largest, how many were found, and the part of their effects that
    is in it.
    """
    ours, best = (
        np.argsort(-each.strength, kind="stable")[:CHOSEN] for each in (found, truth)
    )
    both = len(set(ours.tolist()) & set(best.tolist()))
    return both / CHOSEN, float(truth.strength[ours].sum() / truth.strength[best].sum())


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--texts", type=int, default=16)
    given = parser.parse_args()
    torch.set_num_threads(2)
    rows: dict[tuple[str, str], list[tuple[float, ...]]] = {}
    for short, long in texts(given.texts):
        how: dict[str, Any] = {"target": "POSITIVE", "objective": "log-odds"}
        lenses: dict[str, spexlens.Game] = {
            "words": spexlens.FeatureLens(str(SENTIMENT), long, **how),
            "neurons": spexlens.MechanisticLens(
                str(SENTIMENT), short, components="neurons", **how
            ),
            "heads, MLPs, neurons": spexlens.MechanisticLens(
                str(SENTIMENT), short, components=["heads", "mlps", "neurons"], **how
            ),
        }
        for kind, lens in lenses.items():
            truth = attribution_of(lens, "leave-one-out")
            for name in (*lens.attributions, "gradient, then leave-one-out"):
                found = attribution_of(lens, name)
                cost = (found.forward, found.backward, found.calls)
                rows.setdefault((kind, name), []).append(
                    (*kept(found, truth), lens.n, *cost)
                )
    print(
        f"{'of':22}{'by':30}{'n':>5} {'kept':>6} {'least':>6} {'effects':>8}"
        f" {'least':>6}  passes, calls"
    )
    for (kind, name), measured in rows.items():
        table = np.array(measured)
        mean, least = table.mean(axis=0), table.min(axis=0)
        print(
            f"{kind:22}{name:30}{mean[2]:5.0f} {mean[0]:6.2f} {least[0]:6.2f}"
            f" {mean[1]:8.2f} {least[1]:6.2f}  {mean[3]:.0f} + {mean[4]:.0f},"
            f" {mean[5]:.0f}"
        )


if __name__ == "__main__":
    main()
