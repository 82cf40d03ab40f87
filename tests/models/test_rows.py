"""A value never depends on the batch it came in: padding is tried out, and left out
where it is not inert.
"""

import json
from io import StringIO
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import transformers
from makes import bert, byte_level, llama, log_probability, whole, word_piece
from rich.console import Console

from architectures.tiny import drawn
from spexlens import (
    DataLens,
    FeatureLens,
    FineTuning,
    MechanisticLens,
    MixedLens,
    explain,
)
from spexlens.errors import InvalidInput
from spexlens.learners.encoders import encoded
from spexlens.models.rows import TOGETHER, answered, divided, probes, together_as
from spexlens.report.terminal.page import render

TEXT = "the red cat runs fast today not now"
SMALL = {
    "hidden_size": 32, "num_hidden_layers": 2, "num_attention_heads": 4, "intermediate_size": 48,
    "max_position_embeddings": 64, "pad_token_id": 1,
}  # fmt: skip
MOBILE = {"embedding_size": 32, "intra_bottleneck_size": 32, "true_hidden_size": 32}


def padded_otherwise(
    name: str, tokenizer: Any, head: str = "ForSequenceClassification"
) -> Any:
    """A model of a family in which padding reaches the tokens."""
    more: dict[str, Any] = {
        "MobileBert": MOBILE, "ConvBert": {"embedding_size": 32}, "Nystromformer": {"num_landmarks": 64},
    }.get(name, {})  # fmt: skip
    config = getattr(transformers, f"{name}Config")(
        vocab_size=len(tokenizer), **{**SMALL, **more}
    )
    return drawn(getattr(transformers, f"{name}{head}")(config))


def masks_of(n: int) -> np.ndarray:
    return np.concatenate(
        [
            np.ones((1, n), np.bool_),
            np.zeros((1, n), np.bool_),
            np.random.default_rng(0).random((6, n)) < 0.5,
        ]
    )


@pytest.mark.parametrize("name", ["MobileBert", "ConvBert", "Nystromformer"])
@pytest.mark.parametrize("replacement", ["delete", "neutral", "mask"])
def test_each_mask_is_answered_as_its_text_alone(name: str, replacement: str) -> None:
    tokenizer = word_piece("bos")
    model = padded_otherwise(name, tokenizer)
    lens = FeatureLens(
        model,
        TEXT,
        target=1,
        tokenizer=tokenizer,
        replacement=replacement,
        neutral="it is",
    )
    masks = masks_of(lens.n)
    right = []
    for mask in masks:
        stands = {"delete": "", "neutral": "it is", "mask": "<mask>"}[replacement]
        words = [
            word if kept else stands
            for word, kept in zip(TEXT.split(), mask, strict=True)
        ]
        ids = torch.tensor([tokenizer(" ".join(words))["input_ids"]])
        with torch.no_grad():
            right.append(
                float(
                    model(input_ids=ids, attention_mask=torch.ones_like(ids)).logits[
                        0, 1
                    ]
                )
            )
    together = lens.value(masks)
    np.testing.assert_allclose(together, right, atol=1e-4)
    np.testing.assert_allclose(
        together, [lens.value(mask[None])[0] for mask in masks], atol=1e-5
    )
    assert lens.facts()["rows"] == ("padded" if replacement == "mask" else "one length")


def test_what_is_padded_in_vain_goes_one_length_at_a_time_and_what_is_inert_does_not() -> (
    None
):
    tokenizer = word_piece("bos")
    for model, rows in (
        (bert(tokenizer), "padded"),
        (llama(tokenizer), "padded"),
        (padded_otherwise("ConvBert", tokenizer), "one length"),
    ):
        lens = FeatureLens(model, TEXT, target=1 if model.config.model_type != "llama" else "no",
                           tokenizer=tokenizer, replacement="delete")  # fmt: skip
        assert lens.facts()["rows"] == rows
        assert "read: padding changes" in str(page(lens)) or rows == "padded"


def page(lens: Any) -> str:
    console = Console(width=200, record=True, file=StringIO())
    console.print(render(explain(lens, 64), verbose=True))
    return console.export_text()


@pytest.mark.parametrize("padding", [None, -1, 1])
def test_a_decoder_that_classifies_needs_no_padding_token(padding: int | None) -> None:
    tokenizer = byte_level("bos")
    config = transformers.GPT2Config(
        vocab_size=len(tokenizer), n_positions=64, n_embd=32, n_layer=2, n_head=4
    )
    model = drawn(transformers.GPT2ForSequenceClassification(config))
    model.config.pad_token_id = padding
    for make in (FeatureLens, MechanisticLens):
        lens = make(model, "the red cat runs", target=1, tokenizer=tokenizer)
        ids = tokenizer("the red cat runs")["input_ids"]
        with torch.no_grad():
            right = float(model(input_ids=torch.tensor([ids])).logits[0, 1])
        assert whole(lens) == pytest.approx(right, abs=1e-5)
    lens = FeatureLens(
        model, "the red cat runs", target=1, tokenizer=tokenizer, replacement="delete"
    )
    masks = masks_of(4)
    for mask, value in zip(masks, lens.value(masks), strict=True):
        words = [
            word
            for word, kept in zip([" the", " red", " cat", " runs"], mask, strict=True)
            if kept
        ]
        text = "".join(words)
        ids = tokenizer(text[1:] if mask[0] else text)["input_ids"]
        with torch.no_grad():
            assert value == pytest.approx(
                float(model(input_ids=torch.tensor([ids])).logits[0, 1]), abs=1e-5
            )
    assert (
        lens.facts()["rows"]
        == {None: "one at a time", -1: "one length", 1: "padded"}[padding]
    )


@pytest.mark.parametrize("side", ["left", "right"])
@pytest.mark.parametrize("name", ["BertModel", "ConvBertModel"])
def test_an_encoders_features_are_those_of_each_text_alone(
    tmp_path: Path, side: str, name: str
) -> None:
    tokenizer = word_piece("both")
    tokenizer.padding_side = side
    model = (
        bert(tokenizer, name)
        if name == "BertModel"
        else padded_otherwise("ConvBert", tokenizer, "Model")
    )
    model.save_pretrained(tmp_path)
    tokenizer.save_pretrained(tmp_path)
    texts = np.array([TEXT, "a cat", "the dog sleeps", "no"], object)
    found = encoded(texts, texts[:1], str(tmp_path), None)
    for text, features in zip(texts, found.train, strict=True):
        ids = torch.tensor([tokenizer(text)["input_ids"]])
        with torch.no_grad():
            hidden = (
                model(input_ids=ids, attention_mask=torch.ones_like(ids))
                .last_hidden_state[0]
                .double()
            )
        np.testing.assert_allclose(features, hidden.mean(dim=0).numpy(), atol=1e-5)
    assert found.facts["encoded_rows"] == (
        "padded" if name == "BertModel" else "one length"
    )
    np.testing.assert_allclose(found.encode(texts[1:2])[0], found.train[1], atol=1e-5)


def test_a_fine_tuned_model_is_asked_about_each_text_alone(tmp_path: Path) -> None:
    tokenizer = word_piece("both")
    model = padded_otherwise("ConvBert", tokenizer)
    texts = ["the red cat runs fast today", "a dog", "good yes", "bad no no no"]
    tests = ["the cat", "a big red dog runs today now", "no"]
    learner = FineTuning(model, tokenizer=tokenizer, train="all", epochs=1)
    lens = DataLens(
        learner, (texts, ["LABEL_0", "LABEL_1"] * 2), (tests, ["LABEL_1"] * 3)
    )
    values = lens.value(np.zeros((1, 4), np.bool_))[0]
    for text, value in zip(tests, values, strict=True):
        ids = torch.tensor([tokenizer(text)["input_ids"]])
        with torch.no_grad():
            logits = (
                model(input_ids=ids, attention_mask=torch.ones_like(ids))
                .logits[0]
                .double()
            )
        assert value == pytest.approx(float(logits[1] - logits[0]), abs=1e-5)
    assert lens.facts()["rows"] == "one length"


def test_a_mixed_game_keeps_to_what_its_rows_allow() -> None:
    tokenizer = byte_level("bos")
    config = transformers.GPT2Config(
        vocab_size=len(tokenizer), n_positions=64, n_embd=32, n_layer=2, n_head=4
    )
    # one row at a time
    model = drawn(transformers.GPT2ForSequenceClassification(config))
    model.config.pad_token_id = None
    text = FeatureLens(
        model, "the red cat runs", target=1, tokenizer=tokenizer, replacement="delete"
    )
    heads = MechanisticLens(
        text.model, "the red cat runs", target=1, components=["L0.H0", "L1.H2"]
    )
    mixed = MixedLens([text, heads])
    masks = np.concatenate(
        [np.ones((1, 6), np.bool_), np.random.default_rng(1).random((9, 6)) < 0.5]
    )
    alone = [mixed.value(mask[None])[0] for mask in masks]
    np.testing.assert_allclose(mixed.value(masks), alone, atol=1e-5)
    kept = masks.copy()
    kept[:, 4:] = True
    np.testing.assert_allclose(mixed.value(kept), text.value(kept[:, :4]), atol=1e-5)


def test_a_model_that_takes_no_notice_of_the_attention_mask_cannot_hide_words() -> None:
    tokenizer = word_piece("both")
    config = transformers.FNetConfig(
        vocab_size=len(tokenizer), hidden_size=32, num_hidden_layers=2, intermediate_size=48,
        max_position_embeddings=64, pad_token_id=1,
    )  # fmt: skip
    model = drawn(transformers.FNetForSequenceClassification(config))
    with pytest.raises(InvalidInput, match="no attention mask"):
        FeatureLens(model, TEXT, target=1, tokenizer=tokenizer, replacement="attention")


def test_rows_are_divided_as_they_go_together() -> None:
    lengths = np.array([3, 5, 3, 9, 5])

    def plenty(shortest: int, longest: int) -> int:
        return 9

    assert [each.tolist() for each in divided(lengths, "one length", plenty)] == [
        [0, 2],
        [1, 4],
        [3],
    ]
    assert [each.tolist() for each in divided(lengths, "one at a time", plenty)] == [
        [0],
        [1],
        [2],
        [3],
        [4],
    ]
    assert sorted(np.concatenate(divided(lengths, "padded", plenty)).tolist()) == [
        0,
        1,
        2,
        3,
        4,
    ]
    # No more padding than fits: of rows 6 tokens apart there is room for one.
    groups = divided(
        lengths, "padded", lambda shortest, longest: 1 if longest - shortest > 4 else 9
    )
    assert [each.tolist() for each in groups] == [[0, 2, 1, 4], [3]]
    pairs = divided(np.array([3] * 5), "one length", lambda *_: 2)
    assert [each.tolist() for each in pairs] == [[0, 1], [2, 3], [4]]


def test_answers_come_in_the_order_of_the_rows() -> None:
    lengths = np.array([3, 5, 3, 9, 5])
    for together in TOGETHER:
        found = answered(
            lambda rows: 10.0 * rows + lengths[rows], lengths, together, lambda *_: 2
        )
        assert found.tolist() == [3, 15, 23, 39, 45]
    assert probes(lengths).tolist() == [0, 1, 3]


def test_how_rows_go_together_is_seen_by_asking() -> None:
    lengths = np.array([2, 4])

    def inert(rows: Any) -> Any:
        return lengths[rows].astype(float)

    def longest_matters(rows: Any) -> Any:
        return lengths[rows] + 0.1 * lengths[rows].max()

    def number_matters(rows: Any) -> Any:
        return lengths[rows] + 0.1 * len(rows)

    def alone_only(rows: Any) -> Any:
        if len(rows) > 1:
            raise ValueError(
                "Cannot handle batch sizes > 1 if no padding token is defined."
            )
        return lengths[rows].astype(float)

    found = [
        together_as(ask, lengths, 1e-5)[0]
        for ask in (inert, longest_matters, number_matters, alone_only)
    ]
    assert found == ["padded", "one length", "one at a time", "one at a time"]


def test_a_batch_of_long_and_short_prompts_of_a_causal_model() -> None:
    tokenizer = byte_level("bos")
    model = llama(tokenizer)
    lens = FeatureLens(
        model, TEXT, target=" good yes", tokenizer=tokenizer, replacement="delete"
    )
    masks = masks_of(lens.n)
    for mask, value in zip(masks, lens.value(masks), strict=True):
        words = ["the", *(f" {word}" for word in TEXT.split()[1:])]
        ids = [token for word, kept in zip(words, mask, strict=True) if kept
               for token in tokenizer(word, add_special_tokens=False)["input_ids"]]  # fmt: skip
        completion = tokenizer(" good yes", add_special_tokens=False)["input_ids"]
        assert value == pytest.approx(
            log_probability(model, [0, *ids], completion), abs=1e-4
        )
    assert json.dumps(lens.facts())
