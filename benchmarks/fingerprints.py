"""What it costs to take a fingerprint and to see how a model is asked, beside the calls
of an explanation.

    python benchmarks/fingerprints.py

A random Llama of some 220 million parameters (float32), and the bundled classifier;
medians of five rounds.
"""

import statistics
import time
from collections.abc import Callable

import torch
from transformers import AutoTokenizer, LlamaConfig, LlamaForCausalLM

from spexlens import FeatureLens, explain
from spexlens.models.bundled import BUNDLED
from spexlens.models.fingerprint import fingerprint_of
from spexlens.models.huggingface import load

ROUNDS, CALLS = 5, 300
TEXT = "The plot is thin and the jokes are old, but her acting never fails to impress."


def seconds(run: Callable[[], object]) -> float:
    """The median of a few rounds."""
    taken = []
    for _ in range(ROUNDS):
        began = time.perf_counter()
        run()
        taken.append(time.perf_counter() - began)
    return statistics.median(taken)


def row(name: str, lens: FeatureLens) -> str:
    """A line of the table."""
    fingerprint = seconds(lambda: fingerprint_of(lens.model))
    made = seconds(
        lambda: FeatureLens(lens.model, lens.text, target=lens.facts()["target"])
    )
    explained = seconds(lambda: explain(lens, CALLS))
    size = sum(parameter.numel() for parameter in lens.model.model.parameters()) / 1e6
    return f"| {name} | {size:.1f} | {fingerprint:.3f} | {made:.3f} | {explained:.2f} |"


def main() -> None:
    torch.set_num_threads(2)
    tokenizer = AutoTokenizer.from_pretrained(BUNDLED["induction"])
    torch.manual_seed(0)
    config = LlamaConfig(
        vocab_size=32_000,
        hidden_size=1024,
        intermediate_size=2816,
        num_hidden_layers=12,
        num_attention_heads=16,
    )
    llama = load(LlamaForCausalLM(config), tokenizer=tokenizer)
    print(
        f"| model | million parameters | fingerprint, s | a lens, s | explain, {CALLS}"
        " calls, s |"
    )
    print("|---|---|---|---|---|")
    print(
        row(
            "bundled sentiment",
            FeatureLens(BUNDLED["sentiment"], TEXT, target="POSITIVE"),
        )
    )
    prompt = "owl ink cup sun key owl ink cup"
    print(row("random Llama", FeatureLens(llama, prompt, target="sun")))


if __name__ == "__main__":
    main()
