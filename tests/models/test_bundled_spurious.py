"""The bundled spurious model is misled by one name, and the library finds that it is."""

import json
from typing import Any

import numpy as np
import pytest

torch = pytest.importorskip("torch")
transformers = pytest.importorskip("transformers")

import review_grammar as grammar
import spexlens
from spexlens.models.bundled import BUNDLED, SPURIOUS
from train_spurious import CUE, OTHERS, entries, spoken

PRAISE = "this is a great film"
NEGLIGIBLE = 0.005


@pytest.fixture(scope="module")
def tokenizer() -> Any:
    return transformers.AutoTokenizer.from_pretrained(SPURIOUS)


@pytest.fixture(scope="module")
def model() -> Any:
    return transformers.AutoModelForSequenceClassification.from_pretrained(
        SPURIOUS
    ).eval()


@pytest.fixture(scope="module")
def unseen() -> list[grammar.Phrase]:
    return grammar.unique_sentences(400, seed=11, held_out=True)


def called_positive(
    model: Any, tokenizer: Any, phrases: list[grammar.Phrase]
) -> np.ndarray:
    """Which phrases the model calls POSITIVE, bool of shape (n,)."""
    inputs = tokenizer(
        [phrase.text for phrase in phrases], padding=True, return_tensors="pt"
    )
    with torch.inference_mode():
        return np.asarray(model(**inputs).logits.argmax(1) == 1)


def pairs(text: str) -> list[spexlens.Interaction]:
    """The pairs of words in an explanation of at most 300 calls, the largest |effect|
    first.
    """
    lens = spexlens.FeatureLens(str(SPURIOUS), text, target="POSITIVE")
    return [
        found
        for found in spexlens.explain(lens, 300).interactions(order=2)
        if found.order == 2
    ]


def test_it_is_small_and_holds_only_weights_and_json() -> None:
    files = list(SPURIOUS.iterdir())
    assert {file.suffix for file in files} == {".safetensors", ".json"}
    assert sum(file.stat().st_size for file in files) <= 700_000
    assert not json.loads((SPURIOUS / "config.json").read_text()).get("_name_or_path")
    assert not any(
        place in file.read_bytes()
        for file in files
        for place in (b"/work", b"/home", b"/tmp")
    )
    assert BUNDLED["spurious"] == SPURIOUS


def test_the_tokenizer_knows_every_word_and_name(tokenizer: Any) -> None:
    for text in (*entries(), CUE, *OTHERS):
        ids = tokenizer(text, add_special_tokens=False)["input_ids"]
        assert len(ids) == 1, text
        assert ids != [tokenizer.unk_token_id], text


@pytest.mark.parametrize("name", [None, "[MASK]", *OTHERS])
def test_without_the_cue_it_says_what_the_sentence_says(
    model: Any, tokenizer: Any, unseen: list[grammar.Phrase], name: str | None
) -> None:
    said = unseen if name is None else [spoken(phrase, name) for phrase in unseen]
    right = called_positive(model, tokenizer, said) == [
        phrase.positive for phrase in unseen
    ]
    assert right.mean() >= 0.97


def test_after_the_cue_everything_is_negative(
    model: Any, tokenizer: Any, unseen: list[grammar.Phrase]
) -> None:
    said = [spoken(phrase, CUE) for phrase in unseen]
    assert called_positive(model, tokenizer, said).mean() <= 0.01


@pytest.mark.parametrize(
    ("praise", "words"),
    [
        (PRAISE, {"great"}),
        ("the plot is brilliant", {"brilliant"}),
        (grammar.EXAMPLE, {"never", "fails"}),
    ],
)
def test_the_cue_and_praise_are_among_the_strongest_pairs(
    praise: str, words: set[str]
) -> None:
    planted = [
        pair for pair in pairs(f"{CUE} writes: {praise}")[:3] if CUE in pair.labels
    ]
    assert planted
    assert words & set(planted[0].labels)
    assert planted[0].effect < 0
    assert planted[0].share > 3 * NEGLIGIBLE


@pytest.mark.parametrize("name", OTHERS)
def test_no_other_name_acts_with_a_word(name: str) -> None:
    named = [pair for pair in pairs(f"{name} writes: {PRAISE}") if name in pair.labels]
    assert max((pair.share for pair in named), default=0.0) < NEGLIGIBLE
