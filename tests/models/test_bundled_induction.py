"""The bundled induction model continues repeats, by a previous-word head and an
induction head.
"""

import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

torch = pytest.importorskip("torch")
transformers = pytest.importorskip("transformers")

import spexlens
from spexlens.models.bundled import BUNDLED, INDUCTION

ROOT = Path(__file__).parents[2]
PROMPT = "owl ink cup sun key owl ink cup"


@pytest.fixture(scope="module")
def tokenizer() -> Any:
    return transformers.AutoTokenizer.from_pretrained(INDUCTION)


@pytest.fixture(scope="module")
def model() -> Any:
    return transformers.AutoModelForCausalLM.from_pretrained(
        INDUCTION, attn_implementation="eager"
    ).eval()


def repeats(period: int, rows: int = 200) -> Any:
    """[BOS] and a random sequence of different words, twice: (rows, 1 + 2 * period)."""
    generator = torch.Generator().manual_seed(10_000 + period)
    words = torch.rand(rows, 64, generator=generator).argsort(1)[:, :period] + 3
    return torch.cat([torch.full((rows, 1), 2), words, words], 1)


def test_it_is_small_and_has_two_layers() -> None:
    assert sum(file.stat().st_size for file in INDUCTION.iterdir()) <= 2_000_000
    assert {"model.safetensors", "config.json", "tokenizer.json"} <= {
        file.name for file in INDUCTION.iterdir()
    }
    assert transformers.AutoConfig.from_pretrained(INDUCTION).num_hidden_layers == 2
    assert BUNDLED["induction"] == INDUCTION


@pytest.mark.parametrize("period", [4, 5, 7, 10, 15, 22])
def test_the_second_half_is_continued_and_the_first_is_not(
    model: Any, period: int
) -> None:
    ids = repeats(period)
    with torch.inference_mode():
        right = model(ids).logits[:, :-1].argmax(2) == ids[:, 1:]
    assert right[:, period + 1 :].float().mean() >= 0.95
    assert right[:, : period - 1].float().mean() < 0.2


def test_a_readable_prompt_is_continued(model: Any, tokenizer: Any) -> None:
    with torch.inference_mode():
        following = (
            model(**tokenizer(PROMPT, return_tensors="pt")).logits[0, -1].argmax()
        )
    assert tokenizer.decode([int(following)]) == "sun"


def attention_of(model: Any, period: int) -> tuple[np.ndarray, np.ndarray]:
    """Attention to the previous word, and in the second half to what followed before:
    each (2, 4).
    """
    ids = repeats(period)
    with torch.inference_mode():
        attention = torch.stack(model(ids, output_attentions=True).attentions)
    place = torch.arange(1, ids.shape[1])
    previous = attention[..., place, place - 1].mean(dim=(1, 3))
    second = torch.arange(period + 1, 2 * period + 1)
    followed = attention[..., second, second - period + 1].mean(dim=(1, 3))
    return previous.numpy(), followed.numpy()


def test_the_strongest_pair_of_heads_is_the_previous_word_head_and_an_induction_head(
    model: Any,
) -> None:
    """What the lens finds by ablation, attention patterns confirm."""
    rows = repeats(10, rows=12)
    tokenizer = transformers.AutoTokenizer.from_pretrained(INDUCTION)
    texts = [tokenizer.decode(row[1:15]) for row in rows]
    targets = [tokenizer.decode([int(row[15])]) for row in rows]
    for settings in ({"ablation": "zero"}, {"ablation": "mean"}):
        lens = spexlens.MechanisticLens(
            str(INDUCTION), texts, target=targets, **settings
        )
        explanation = spexlens.explain(lens, budget=200)
        pair = next(
            each for each in explanation.interactions(order=2) if each.order == 2
        )
        (layer_0, marker), (layer_1, finder) = (
            (component.layer, component.index)
            for component in (lens.components[member] for member in pair.members)
        )
        assert (layer_0, layer_1) == (0, 1)
        previous, followed = attention_of(model, period=10)
        assert previous.argmax() == marker
        assert previous[0, marker] > 0.8
        assert followed[1, finder] > 0.6
        assert previous[0].sum() - previous[0, marker] < 1.0


def test_too_few_steps_save_nothing(tmp_path: Path) -> None:
    command = [
        sys.executable,
        str(ROOT / "scripts" / "train_induction.py"),
        "--steps",
        "2",
        "--out",
        tmp_path / "x",
    ]
    finished = subprocess.run(command, capture_output=True, text=True)
    assert finished.returncode == 1
    assert "not saved: the accuracy is below 0.95" in finished.stderr
    assert not (tmp_path / "x").exists()
