"""What lies beside a sentence encoder decides how it is read, in every version of the
files.
"""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from makes import bert, whole, word_piece

from spexlens import FeatureLens
from spexlens.errors import InputTooLong, ModelError
from spexlens.learners.encoders import encoded
from spexlens.models.huggingface import load
from spexlens.models.pooling import pooled
from spexlens.models.sentence import sentence_of

KIND = "sentence_transformers.models."
TEXT = "the red cat runs fast today"


def encoder_in(folder: Path, files: dict[str, Any]) -> tuple[str, Any, Any]:
    """An encoder with files beside it."""
    tokenizer = word_piece("both")
    model = bert(tokenizer, "BertModel")
    model.save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    for name, content in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(json.dumps(content))
    return str(folder), model, tokenizer


def modules(*kinds: tuple[str, str]) -> list[dict[str, Any]]:
    return [
        {"idx": i, "name": str(i), "path": path, "type": KIND + kind}
        for i, (kind, path) in enumerate(kinds)
    ]


def hidden(model: Any, tokenizer: Any, text: str) -> np.ndarray:
    ids = torch.tensor([tokenizer(text)["input_ids"]])
    with torch.no_grad():
        found: np.ndarray = model(input_ids=ids).last_hidden_state[0].double().numpy()
    return found


BY_HAND = {
    "cls": lambda h: h[0],
    "mean": lambda h: h.mean(axis=0),
    "max": lambda h: h.max(axis=0),
    "mean_sqrt_len_tokens": lambda h: h.sum(axis=0) / np.sqrt(len(h)),
    "weightedmean": lambda h: np.average(h, axis=0, weights=np.arange(1, len(h) + 1)),
    "lasttoken": lambda h: h[-1],
}
OLD = {
    "cls": "cls_token", "mean": "mean_tokens", "max": "max_tokens", "weightedmean": "weightedmean_tokens",
    "mean_sqrt_len_tokens": "mean_sqrt_len_tokens", "lasttoken": "lasttoken",
}  # fmt: skip


@pytest.mark.parametrize("mode", BY_HAND)
@pytest.mark.parametrize("version", ["old", "new"])
def test_each_way_to_pool_is_that_of_sentence_transformers(
    mode: str, version: str, tmp_path: Path
) -> None:
    said = (
        {
            "word_embedding_dimension": 32,
            **{f"pooling_mode_{name}": name == OLD[mode] for name in OLD.values()},
        }
        if version == "old"
        else {"embedding_dimension": 32, "pooling_mode": mode, "include_prompt": True}
    )
    name, model, tokenizer = encoder_in(tmp_path, {
        "modules.json": modules(("Transformer", ""), ("Pooling", "2_Pooling")), "2_Pooling/config.json": said,
    })  # fmt: skip
    texts = np.array([TEXT, "a dog"], object)
    found = encoded(texts, texts[:1], name, None)
    for text, features in zip(texts, found.train, strict=True):
        np.testing.assert_allclose(
            features, BY_HAND[mode](hidden(model, tokenizer, text)), atol=1e-5
        )
    lens = FeatureLens(name, TEXT, target="a dog", replacement="delete")
    one, other = (
        BY_HAND[mode](hidden(model, tokenizer, text))
        for text in ("the red cat", "a dog")
    )
    right = one @ other / np.linalg.norm(one) / np.linalg.norm(other)
    masks = np.array(
        [[1, 1, 1, 0, 0, 0], [1, 1, 1, 1, 1, 1], [0, 1, 0, 0, 0, 0]], np.bool_
    )
    assert lens.value(masks)[0] == pytest.approx(right, abs=1e-5)
    assert not lens.facts()["notes"]


def test_an_encoder_beside_which_nothing_is_said_says_so(tmp_path: Path) -> None:
    name, _, _ = encoder_in(tmp_path, {})
    lens = FeatureLens(name, TEXT, target="a dog")
    assert lens.facts()["notes"] == [
        "no file beside the model says how it pools its tokens: the mean is taken"
    ]


POOLING = "1_Pooling/config.json"
DENSE = modules(("Transformer", ""), ("Pooling", "1_Pooling"), ("Dense", "2_Dense"))
PROMPTED = {"prompts": {"q": "query: "}, "default_prompt_name": "q"}
REFUSED = [
    ({POOLING: {"pooling_mode": ["cls", "mean"]}}, "cls, mean"),
    (
        {POOLING: {"pooling_mode_cls_token": True, "pooling_mode_max_tokens": True}},
        "cls, max",
    ),
    ({POOLING: {"pooling_mode": "attention"}}, "attention"),
    ({"modules.json": DENSE}, "Dense"),
    ({"modules.json": {"a": 1}}, "damaged"),
    ({POOLING: [1]}, "damaged"),
    (
        {
            POOLING: {"pooling_mode": "mean", "include_prompt": False},
            "config_sentence_transformers.json": PROMPTED,
        },
        "prompt",
    ),
]


@pytest.mark.parametrize(("files", "what"), REFUSED)
def test_what_is_not_known_is_refused_by_name(
    files: dict[str, Any], what: str, tmp_path: Path
) -> None:
    name, _, _ = encoder_in(tmp_path, files)
    with pytest.raises(ModelError, match=rf"^[^\n]*{what}[^\n]*$"):
        FeatureLens(name, TEXT)


@pytest.mark.parametrize(
    "file", ["sentence_bert_config.json", "sentence_xlm-roberta_config.json"]
)
def test_the_window_and_the_case_are_those_beside_the_model(
    file: str, tmp_path: Path
) -> None:
    name, model, tokenizer = encoder_in(
        tmp_path, {file: {"max_seq_length": 4, "do_lower_case": True}}
    )
    texts = np.array([TEXT, "a dog"], object)
    found = encoded(texts, texts[:1], name, None)
    ids = torch.tensor([tokenizer(TEXT, truncation=True, max_length=4)["input_ids"]])
    with torch.no_grad():
        right = model(input_ids=ids).last_hidden_state[0].double().mean(dim=0).numpy()
    np.testing.assert_allclose(found.train[0], right, atol=1e-5)
    assert found.facts["truncated"] == 2
    with pytest.raises(InputTooLong, match="reads at most 4"):
        FeatureLens(name, TEXT)
    assert load(name, kind="encoder").sentence.lower


def test_lower_case_is_what_the_model_is_given(tmp_path: Path) -> None:
    from tokenizers import normalizers

    name, model, tokenizer = encoder_in(
        tmp_path, {"sentence_bert_config.json": {"do_lower_case": True}}
    )
    tokenizer.backend_tokenizer.normalizer = normalizers.NFC()  # which keeps the case
    tokenizer.save_pretrained(tmp_path)
    lens = FeatureLens(name, "The RED cat", target="a dog")
    one, other = (
        BY_HAND["mean"](hidden(model, tokenizer, text))
        for text in ("the red cat", "a dog")
    )
    assert whole(lens) == pytest.approx(
        one @ other / np.linalg.norm(one) / np.linalg.norm(other), abs=1e-5
    )


def test_a_default_prompt_stands_before_each_text(tmp_path: Path) -> None:
    said = {"prompts": {"query": "answer: "}, "default_prompt_name": "query"}
    name, model, tokenizer = encoder_in(
        tmp_path, {"config_sentence_transformers.json": said}
    )
    texts = np.array([TEXT, "a dog"], object)
    found = encoded(texts, texts[:1], name, None)
    right = BY_HAND["mean"](hidden(model, tokenizer, "answer: " + TEXT))
    np.testing.assert_allclose(found.train[0], right, atol=1e-5)
    lens = FeatureLens(name, "the red cat", target="a dog", replacement="delete")
    one, other = (
        BY_HAND["mean"](hidden(model, tokenizer, "answer: " + text))
        for text in ("the cat", "a dog")
    )
    value = lens.value(np.array([[True, False, True]]))[0]
    assert value == pytest.approx(
        one @ other / np.linalg.norm(one) / np.linalg.norm(other), abs=1e-5
    )


@pytest.mark.parametrize("limit", [-1, 0, int(1e30)])
def test_no_limit_is_no_number(limit: int) -> None:
    tokenizer = word_piece("both")
    tokenizer.model_max_length = limit
    assert load(bert(tokenizer), tokenizer=tokenizer).window == 128


def test_padding_on_the_right_is_pooled_away() -> None:
    drawn = torch.randn(
        1, 5, 3, dtype=torch.float64, generator=torch.Generator().manual_seed(0)
    )
    padded = torch.cat([drawn, torch.full((1, 4, 3), 99.0, dtype=torch.float64)], dim=1)
    attention = torch.tensor([[1] * 5 + [0] * 4])
    for mode, by_hand in BY_HAND.items():
        found = pooled(padded, attention, mode)  # type: ignore[arg-type]
        np.testing.assert_allclose(
            found[0].numpy(), by_hand(drawn[0].numpy()), atol=1e-12
        )


def test_a_model_from_nowhere_has_nothing_beside_it() -> None:
    assert sentence_of("") == sentence_of("", "main")


@pytest.mark.parametrize(
    ("module", "said"),
    [
        (
            {"type": "sentence_transformers.models.Pooling", "path": "\ud83d"},
            "leads elsewhere",
        ),
        (
            {"type": "sentence_transformers.models.Pooling", "path": "a\0b"},
            "leads elsewhere",
        ),
        ({"type": None, "path": None}, "embeds with"),
    ],
)
def test_modules_of_odd_paths_and_kinds_are_refused(
    tmp_path: Path, module: dict[str, Any], said: str
) -> None:
    (tmp_path / "modules.json").write_text(json.dumps([module]))
    with pytest.raises(ModelError, match=said):
        sentence_of(str(tmp_path))
    (tmp_path / "modules.json").write_text(
        json.dumps([{**module, "type": "x.Pooling", "path": None}])
    )
    assert sentence_of(str(tmp_path)).pooling == "mean"
