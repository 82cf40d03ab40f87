"""Sweep the architectures of Transformers: is each mask of a batch answered as its row
alone?

    python scripts/sweep_architectures.py                                  # every class, minutes on one core
    python scripts/sweep_architectures.py --only bert GPT2LMHeadModel      # some families or classes
    python scripts/sweep_architectures.py --markdown docs/architectures.md # the table
    as a page

Every class that reads tokens is built tiny, with random weights, and given to a feature
lens. Its values of eight masks, in one batch and one by one, are compared with what
plain Transformers answers for one row without padding. The exit code is 1 if any is
further off than 1e-4, or fails in another way than one line that says why.
"""

import argparse
import os
import sys
import time
from collections import Counter
from pathlib import Path

os.environ.setdefault("HF_HUB_OFFLINE", "1")
os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")

import torch

from architectures.catalogue import Entry, catalogue, named
from architectures.page import page
from architectures.verdict import Verdict, examine


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument(
        "--only", nargs="+", metavar="NAME", help="families (model types) or classes"
    )
    parser.add_argument(
        "--markdown", type=Path, metavar="FILE", help="where the page is written"
    )
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    entries = named({*arguments.only}) if arguments.only else catalogue()
    start = time.monotonic()
    verdicts = [said(entry) for entry in entries]
    minutes = (time.monotonic() - start) / 60
    for column in ("causal", "classifier", "encoder", "other"):
        counts = Counter(
            each.outcome for each in verdicts if each.entry.column == column
        )
        print(
            f"{column:<10}",
            ", ".join(f"{count} {outcome}" for outcome, count in counts.most_common()),
        )
    faults = [each for each in verdicts if each.outcome == "FAULT"]
    print(f"{len(verdicts)} classes, {len(faults)} faults, {minutes:.1f} minutes")
    if arguments.markdown:
        arguments.markdown.write_text(page(verdicts), encoding="utf-8")
    return bool(faults)


def said(entry: Entry) -> Verdict:
    """Examine an entry and print a line about it."""
    verdict = examine(entry)
    print(
        f"{verdict.outcome:<14}{entry.column:<11}{entry.family:<36} {entry.name:<46}"
        f" {verdict.detail}",
        flush=True,
    )
    return verdict


if __name__ == "__main__":
    sys.exit(main())
