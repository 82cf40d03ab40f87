"""What the evaluator costs beside a bare loop over the same model and the same batches.

    python benchmarks/throughput.py [--threads 2] [--rounds 40]

The bare loop sends ready-made tensors through the model and reads the answers: no masks, no ledger. The
evaluator builds the inputs from masks, collapses duplicates, measures the objective and commits every
batch to a new ledger on disk.
"""

import argparse
import os
import platform
import tempfile
from collections.abc import Callable
from functools import partial
from pathlib import Path
from statistics import median
from time import perf_counter

os.environ["HF_HUB_OFFLINE"] = "1"

import numpy as np
import torch
from transformers import AutoTokenizer, BertConfig, BertModel

from spexlens import FeatureLens, Ledger
from spexlens.ablation import masks as mask_algebra
from spexlens.ablation.evaluator import Evaluator
from spexlens.models.bundled import SENTIMENT

SENTENCE = "The plot is thin and the jokes are old, but her acting never fails to impress."


def bundled() -> FeatureLens:
    """The bundled classifier on one sentence of 16 words."""
    return FeatureLens(SENTIMENT, SENTENCE, target="POSITIVE")


def encoder() -> FeatureLens:
    """A random encoder of 6 layers, 384 wide, on an input of 128 tokens."""
    torch.manual_seed(0)
    tokenizer = AutoTokenizer.from_pretrained(SENTIMENT)
    config = BertConfig(
        vocab_size=len(tokenizer),
        hidden_size=384,
        num_hidden_layers=6,
        num_attention_heads=12,
        intermediate_size=1536,
    )
    words = SENTENCE.replace(",", "").replace(".", "").split()
    tokenizer.model_max_length = 512
    return FeatureLens(BertModel(config), " ".join((words * 8)[:126]), tokenizer=tokenizer)


def bare_loop(lens: FeatureLens, masks: np.ndarray) -> Callable[[], None]:
    """The model over tensors that were made beforehand."""
    parts = np.split(masks, range(lens.batch_size, len(masks), lens.batch_size))
    batches = [lens.model.tensors(lens._inputs(part)) for part in parts]

    def run() -> None:
        with torch.inference_mode():
            for batch in batches:
                lens.model.model(**batch)[0].cpu()

    return run


def seconds(run: Callable[[], object]) -> float:
    """Wall time of one run."""
    started = perf_counter()
    run()
    return perf_counter() - started


def compare(lens: FeatureLens, count: int, rounds: int) -> tuple[float, float, float]:
    """Rows a second of both, and the median over rounds of the evaluator's share of the bare loop.

    In each round the evaluator, with a new ledger on disk, runs between two bare loops, so that what else
    the machine does falls on both. Opening the ledger's file is not counted.
    """
    masks = mask_algebra.uniform(lens.n, count, seed=0)
    bare = bare_loop(lens, masks)
    bare()
    times = []
    with tempfile.TemporaryDirectory() as folder:
        for number in range(rounds):
            with Ledger(Path(folder) / f"{number}.db") as ledger:
                evaluator = Evaluator(lens, ledger)
                ours = partial(evaluator.values, masks)
                times.append((seconds(bare), seconds(ours), seconds(bare)))
                assert evaluator.paid == len(masks)
    ratio = median((before + after) / 2 / between for before, between, after in times)
    bare_seconds = median(time for before, _, after in times for time in (before, after))
    return count / bare_seconds, count / median(between for _, between, _ in times), ratio


def main() -> None:
    """Measure both models and print."""
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    arguments.add_argument("--threads", type=int, default=os.cpu_count() or 1)
    arguments.add_argument(
        "--rounds", type=int, default=15, help="for the bundled model; a third for the other"
    )
    chosen = arguments.parse_args()
    torch.set_num_threads(chosen.threads)
    print(
        f"{platform.machine()}, {os.cpu_count()} cores, {chosen.threads} threads, torch {torch.__version__}"
    )
    print(f"{'model':<32}{'rows':>6}{'batch':>7}{'bare rows/s':>13}{'evaluator':>11}{'ratio':>8}")
    for name, make, count, rounds in (
        ("bundled classifier, 18 tokens", bundled, 2048, chosen.rounds),
        ("6 x 384 encoder, 128 tokens", encoder, 128, max(1, chosen.rounds // 8)),
    ):
        lens = make()
        loop, evaluator, ratio = compare(lens, count, rounds)
        print(
            f"{name:<32}{count:>6}{lens.batch_size:>7}{loop:>13.0f}{evaluator:>11.0f}{ratio:>8.2f}",
            flush=True,
        )


if __name__ == "__main__":
    main()
