"""Train the bundled induction model: a causal language model that continues repeated
random sequences.

    python scripts/train_induction.py            # writes src/spexlens/models/bundled/induction
    python scripts/train_induction.py --out DIR

Two minutes on one core; the same seed gives the same `model.safetensors`, byte for
byte, on the same machine. Every row is a few random words and then a random sequence of
4 to 22 words, repeated to the row's end. Its period and place are drawn anew for each
row, so that copying from a fixed distance fails, and what is left is induction (Olsson
et al., 2022, arXiv 2209.11895): a head of layer 0 marks each word with the one before
it, and a head of layer 1 looks for the mark of the present word. A penalty on the norm
of what each head writes leaves the few heads that the task needs.

Nothing is saved, and the exit code is 1, if for any period the model is right on fewer
than 95% of the words of the repeats, in unseen sequences.
"""

import argparse
import json
import sys
import time
from pathlib import Path

import torch
from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, processors
from torch.nn.functional import cross_entropy
from transformers import LlamaConfig, LlamaForCausalLM, PreTrainedTokenizerFast
from transformers.utils import logging

OUT = (
    Path(__file__).parents[1] / "src" / "spexlens" / "models" / "bundled" / "induction"
)
SPECIAL = ("[PAD]", "[UNK]", "[BOS]")
PAD, UNK, BOS = range(3)
NOUNS = (
    "ant apple axe bag ball bat bed bee bell bird boat bone book bowl box bread bus"
    " cake candle car cat chair clock cloud coat coin cow crab cup desk dog door drum"
    " duck egg fan fish flag fork fox frog gate goat hat horse ink jar key kite lamp"
    " leaf moon nest owl pen pig ring rope shoe spoon sun tent tree wolf"
)
WORDS = NOUNS.split()
LENGTH, PERIODS = 48, (4, 22)
LAYERS, HEADS, WIDTH, NEURONS = 2, 4, 64, 64
ROTARY_BASE = 100.0
SEED, STEPS, BATCH, PEAK_RATE = 0, 1_000, 64, 3e-3
HEAD_PENALTY, UNPREDICTABLE = 0.04, 0.1
UNSEEN, REQUIRED_ACCURACY = 4_096, 0.95


def build_tokenizer() -> Tokenizer:
    """One token a word, lower case, "[BOS]" in front."""
    ids = {token: index for index, token in enumerate([*SPECIAL, *WORDS])}
    tokenizer = Tokenizer(models.WordLevel(ids, unk_token="[UNK]"))
    tokenizer.add_special_tokens(list(SPECIAL))
    tokenizer.normalizer = normalizers.Lowercase()
    tokenizer.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
    tokenizer.post_processor = processors.TemplateProcessing(
        single="[BOS] $A", pair="[BOS] $A $B", special_tokens=[("[BOS]", BOS)]
    )
    return tokenizer


def build_model() -> LlamaForCausalLM:
    """A Llama of two layers of four heads."""
    config = LlamaConfig(
        vocab_size=len(SPECIAL) + len(WORDS),
        hidden_size=WIDTH,
        intermediate_size=NEURONS,
        num_hidden_layers=LAYERS,
        num_attention_heads=HEADS,
        num_key_value_heads=HEADS,
        max_position_embeddings=64,
        rope_parameters={"rope_type": "default", "rope_theta": ROTARY_BASE},
        initializer_range=0.05,
        tie_word_embeddings=False,
        pad_token_id=PAD,
        bos_token_id=BOS,
        eos_token_id=None,
    )
    config.rope_theta = ROTARY_BASE  # what older versions of transformers read
    return LlamaForCausalLM(config)


def draw(rows: int) -> tuple[torch.Tensor, torch.Tensor]:
    """Random rows: ids, int64 of shape (rows, LENGTH), and for each its period and the
    words before the repeats, which are all different: (rows, 2).
    """
    periods = torch.randint(PERIODS[0], PERIODS[1] + 1, (rows, 1))
    before = (torch.rand(rows, 1) * (LENGTH - 2 * periods)).long()
    words = torch.rand(rows, len(WORDS)).argsort(1) + len(SPECIAL)
    place = torch.arange(LENGTH - 1)
    repeated = before + (place - before) % periods
    ids = words.gather(1, torch.where(place < before + periods, place, repeated))
    return torch.cat([torch.full((rows, 1), BOS), ids], 1), torch.cat(
        [periods, before + periods], 1
    )


def predictable(starts: torch.Tensor) -> torch.Tensor:
    """Where the next word is known: bool of shape (rows, LENGTH - 1), from the first
    repeated word on.

    `starts` (rows, 1) counts the words before the repeats.
    """
    return torch.arange(LENGTH - 1) > starts


def written(model: LlamaForCausalLM) -> torch.Tensor:
    """The norm of each head's part of the output projection: (LAYERS, HEADS)."""
    projections = [layer.self_attn.o_proj.weight for layer in model.model.layers]
    return torch.stack(
        [weight.view(WIDTH, HEADS, -1).norm(dim=(0, 2)) for weight in projections]
    )


def train(model: LlamaForCausalLM, steps: int) -> None:
    """Fit the model in place by AdamW under a one-cycle learning rate."""
    optimizer = torch.optim.AdamW(
        model.parameters(), lr=PEAK_RATE, weight_decay=0.01, betas=(0.9, 0.98)
    )
    schedule = torch.optim.lr_scheduler.OneCycleLR(
        optimizer, PEAK_RATE, total_steps=steps, pct_start=0.1
    )
    started = time.perf_counter()
    model.train()
    for step in range(1, steps + 1):
        ids, drawn = draw(BATCH)
        logits = model(ids, use_cache=False).logits[:, :-1]
        losses = cross_entropy(logits.transpose(1, 2), ids[:, 1:], reduction="none")
        known = predictable(drawn[:, 1:])
        loss = losses[known].mean() + UNPREDICTABLE * losses[~known].mean()
        optimizer.zero_grad()
        (loss + HEAD_PENALTY * written(model).sum()).backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        schedule.step()
        if step % 200 == 0:
            seconds = time.perf_counter() - started
            print(
                f"step {step:5d}  loss {losses[known].mean().item():.4f} "
                f" {seconds:.0f} s",
                flush=True,
            )
    model.eval()


@torch.inference_mode()
def accuracy(model: LlamaForCausalLM) -> dict[int, float]:
    """For each period, the share of the repeats' words that the model gives, in unseen
    rows.
    """
    right: dict[int, list[torch.Tensor]] = {}
    for _ in range(UNSEEN // 512):
        ids, drawn = draw(512)
        known = predictable(drawn[:, 1:])
        hits = model(ids).logits[:, :-1].argmax(2) == ids[:, 1:]
        for row, period in enumerate(drawn[:, 0].tolist()):
            right.setdefault(period, []).append(hits[row, known[row]])
    return {
        period: torch.cat(right[period]).float().mean().item()
        for period in sorted(right)
    }


@torch.inference_mode()
def attention_scores(folder: Path) -> tuple[torch.Tensor, torch.Tensor]:
    """How much each head attends to the previous word, and, in repeats, to what
    followed last time.

    Both (LAYERS, HEADS), means over unseen rows.
    """
    model = LlamaForCausalLM.from_pretrained(folder, attn_implementation="eager")
    ids, drawn = draw(256)
    attention = torch.stack(model(ids, output_attentions=True).attentions).transpose(
        0, 1
    )
    place = torch.arange(1, LENGTH)
    previous = attention[..., place, place - 1].mean(dim=(0, 3))
    period, starts = drawn[:, :1], drawn[:, 1:]
    place = torch.arange(LENGTH)
    second = (place > starts) & (place <= starts + period)
    followed = (place - period + 1).clamp(min=0)[:, None, None, :, None]
    found = attention.gather(4, followed.expand(*attention.shape[:4], 1))[..., 0]
    return previous, found.permute(0, 3, 1, 2)[second].mean(dim=0)


def save(model: LlamaForCausalLM, tokenizer: Tokenizer, out: Path) -> None:
    """Write the model and its tokenizer in Transformers' format."""
    out.mkdir(parents=True, exist_ok=True)
    model.save_pretrained(out)
    names = dict(zip(("pad_token", "unk_token", "bos_token"), SPECIAL, strict=True))
    settings = {
        "model_max_length": 64,
        "model_input_names": ["input_ids", "attention_mask"],
        **names,
    }
    PreTrainedTokenizerFast(tokenizer_object=tokenizer, **settings).save_pretrained(out)
    config = {"tokenizer_class": "PreTrainedTokenizerFast", **settings}
    (out / "tokenizer_config.json").write_text(json.dumps(config, indent=2) + "\n")


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

    model = build_model()
    train(model, arguments.steps)
    reached = accuracy(model)
    period, worst = min(reached.items(), key=lambda item: item[1])
    print(
        f"accuracy on {UNSEEN} unseen sequences: at least {worst:.4f} (period {period})"
    )
    if worst < REQUIRED_ACCURACY:
        print(f"not saved: the accuracy is below {REQUIRED_ACCURACY}", file=sys.stderr)
        return 1
    save(model, build_tokenizer(), arguments.out)
    for name, scores in zip(
        ("previous word", "induction"), attention_scores(arguments.out), strict=True
    ):
        rows = [
            "  ".join(f"L{i}.H{j} {x:.2f}" for j, x in enumerate(row))
            for i, row in enumerate(scores)
        ]
        print(f"attention, {name}:", *rows, sep="\n  ")
    return 0


if __name__ == "__main__":
    sys.exit(main())
