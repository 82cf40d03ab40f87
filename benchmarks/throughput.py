"""What ablating costs: the evaluator beside a bare loop over the same model and batches
of the same size.

    python benchmarks/throughput.py [--threads 2] [--rounds 40]

The bare loop sends ready-made tensors through the model, unhooked, and reads the
answers: no masks, no ledger. The evaluator builds the inputs, or hooks the heads, by
masks, collapses duplicates, measures the objective and commits every batch to a new
ledger on disk. With an accelerator there is one more row, a randomly initialised model
of Llama's shape with about a billion parameters, in bfloat16.
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
from transformers import (
    AutoTokenizer,
    BertConfig,
    BertModel,
    LlamaConfig,
    LlamaForCausalLM,
)

from spexlens import FeatureLens, Ledger, MechanisticLens
from spexlens.evaluation.evaluator import Evaluator
from spexlens.masks import designs
from spexlens.models.bundled import SENTIMENT

SENTENCE = (
    "The plot is thin and the jokes are old, but her acting never fails to impress."
)


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
    return FeatureLens(
        BertModel(config), " ".join((words * 8)[:126]), tokenizer=tokenizer
    )


def heads(ablation: str, layers: range | None = None) -> MechanisticLens:
    """The 72 heads of a random encoder like `encoder`, or some layers', on an input of
    128 tokens.
    """
    text = encoder()
    reference = [text.text[:300]] if ablation == "mean" else None
    return MechanisticLens(
        text.model.model,
        text.text,
        tokenizer=text.model.tokenizer,
        ablation=ablation,
        reference=reference,
        layers=layers,
    )


def llama() -> MechanisticLens:
    """The 512 heads of a random Llama of 1.2 billion parameters in bfloat16, on 128
    tokens.
    """
    torch.manual_seed(0)
    tokenizer = AutoTokenizer.from_pretrained(SENTIMENT)
    tokenizer.model_max_length = 512
    config = LlamaConfig(
        vocab_size=128_256,
        hidden_size=2048,
        intermediate_size=8192,
        num_hidden_layers=16,
        num_attention_heads=32,
        num_key_value_heads=8,
        tie_word_embeddings=True,
        dtype="bfloat16",
        bos_token_id=None,
        eos_token_id=None,
    )
    with torch.device("cuda"):
        model = LlamaForCausalLM(config).to(torch.bfloat16)
    words = SENTENCE.replace(",", "").replace(".", "").split()
    text = " ".join((words * 8)[:125])
    return MechanisticLens(
        model, text, tokenizer=tokenizer, target="plot", ablation="zero"
    )


def bare_loop(
    lens: FeatureLens | MechanisticLens, masks: np.ndarray
) -> Callable[[], None]:
    """The model over tensors that were made beforehand."""
    parts = np.split(masks, range(lens.batch_size, len(masks), lens.batch_size))
    if isinstance(lens, FeatureLens):
        batches = [lens.batch(part) for part in parts]
    else:
        batches = [
            lens.behaviours[0].rows(len(part), corrupted=False) for part in parts
        ]
    answers = (
        {"logits_to_keep": 2, "use_cache": False} if lens.model.kind == "causal" else {}
    )

    def run() -> None:
        with torch.inference_mode():
            for batch in batches:
                lens.model.model(**batch, **answers)[0].cpu()

    return run


def seconds(run: Callable[[], object]) -> float:
    """Wall time of one run."""
    started = perf_counter()
    run()
    return perf_counter() - started


def compare(
    lens: FeatureLens | MechanisticLens, count: int, rounds: int
) -> tuple[float, float, float]:
    """Rows a second of both, and the median over rounds of the evaluator's share of the
    bare loop.

    In each round the evaluator, with a new ledger on disk, runs between two bare loops,
    so that what else the machine does falls on both. Opening the ledger's file is not
    counted.
    """
    masks = designs.uniform(lens.n, count, seed=0)
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
    bare_seconds = median(
        time for before, _, after in times for time in (before, after)
    )
    return (
        count / bare_seconds,
        count / median(between for _, between, _ in times),
        ratio,
    )


def main() -> None:
    """Measure both models and print."""
    arguments = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    arguments.add_argument("--threads", type=int, default=os.cpu_count() or 1)
    arguments.add_argument(
        "--rounds",
        type=int,
        default=15,
        help="for the bundled model; a third for the other",
    )
    chosen = arguments.parse_args()
    torch.set_num_threads(chosen.threads)
    print(
        f"{platform.machine()}, {os.cpu_count()} cores, {chosen.threads} threads, torch"
        f" {torch.__version__}"
    )
    print(
        f"{'model':<32}{'rows':>6}{'batch':>7}{'bare rows/s':>13}{'evaluator':>11}{'ratio':>8}"
    )
    rows: list[tuple[str, Callable[[], FeatureLens | MechanisticLens], int, int]] = [
        ("bundled classifier, 18 tokens", bundled, 2048, chosen.rounds),
        ("6 x 384 encoder, 128 tokens", encoder, 128, max(1, chosen.rounds // 8)),
        ("its 72 heads, zero", partial(heads, "zero"), 128, max(1, chosen.rounds // 3)),
        ("its 72 heads, mean", partial(heads, "mean"), 128, max(1, chosen.rounds // 3)),
        (
            "its last layer's 12 heads, zero",
            partial(heads, "zero", range(5, 6)),
            128,
            chosen.rounds // 3,
        ),
    ]
    if torch.cuda.is_available():
        print(torch.cuda.get_device_name())
        rows.append(("512 heads, Llama 1.2B, bfloat16", llama, 2048, chosen.rounds))
    for name, make, count, rounds in rows:
        lens = make()
        loop, evaluator, ratio = compare(lens, count, rounds)
        print(
            f"{name:<32}{count:>6}{lens.batch_size:>7}{loop:>13.0f}{evaluator:>11.0f}{ratio:>8.2f}",
            flush=True,
        )


if __name__ == "__main__":
    main()
