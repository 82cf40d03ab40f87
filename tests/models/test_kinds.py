"""A model's kind is what it is seen to do; what no lens watches is refused by name."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import transformers
from makes import bert, llama, log_probability, whole, word_piece

from architectures.tiny import drawn
from spexlens import FeatureLens, FineTuning, MechanisticLens
from spexlens.errors import InvalidInput, ModelError, UnknownLabel
from spexlens.learners.learner import Task
from spexlens.models.bundled import SENTIMENT
from spexlens.models.huggingface import load

PROMPT, COMPLETION = "the red cat runs", "fast today"


def tokens(tokenizer: Any, text: str) -> list[int]:
    return list(tokenizer(text, add_special_tokens=False)["input_ids"])


def xlm(tokenizer: Any) -> Any:
    config = transformers.XLMConfig(
        vocab_size=len(tokenizer), emb_dim=32, n_layers=2, n_heads=4, max_position_embeddings=64, n_langs=1,
        pad_index=1, mask_index=4,
    )  # fmt: skip
    return drawn(transformers.XLMWithLMHeadModel(config))


def xlnet(tokenizer: Any) -> Any:
    config = transformers.XLNetConfig(
        vocab_size=len(tokenizer), d_model=32, n_layer=2, n_head=4, d_inner=48
    )
    return drawn(transformers.XLNetLMHeadModel(config))


SEEING_BOTH_SIDES = {
    "XLMWithLMHeadModel": xlm,
    "XLNetLMHeadModel": xlnet,
    "BertLMHeadModel": lambda tokenizer: bert(tokenizer, "BertLMHeadModel"),
}


@pytest.mark.parametrize("name", SEEING_BOTH_SIDES)
def test_a_model_that_sees_both_sides_does_not_see_what_it_is_asked_for(
    name: str, tmp_path: Path
) -> None:
    tokenizer = word_piece("bos")
    model = SEEING_BOTH_SIDES[name](tokenizer)
    model.save_pretrained(tmp_path)
    tokenizer.save_pretrained(tmp_path)
    right = log_probability(
        model, [0, *tokens(tokenizer, PROMPT)], tokens(tokenizer, COMPLETION)
    )
    for given, made in ((model, {"tokenizer": tokenizer}), (str(tmp_path), {})):
        lens = FeatureLens(
            given, PROMPT, target=COMPLETION, replacement="delete", **made
        )
        assert lens.unit == "log-probability"
        assert whole(lens) == pytest.approx(right, abs=1e-4)
        assert any("both sides" in note for note in lens.facts()["notes"])
    masks = np.random.default_rng(0).random((8, 4)) < 0.5
    words = PROMPT.split()
    for mask, value in zip(masks, lens.value(masks), strict=True):
        kept = " ".join(word for word, keep in zip(words, mask, strict=True) if keep)
        expected = log_probability(
            model, [0, *tokens(tokenizer, kept)], tokens(tokenizer, COMPLETION)
        )
        assert value == pytest.approx(expected, abs=1e-4)


def test_a_decoder_is_scored_in_one_pass() -> None:
    tokenizer = word_piece("bos")
    for model in (
        llama(tokenizer),
        bert(tokenizer, "BertLMHeadModel", is_decoder=True),
    ):
        assert not load(model, tokenizer=tokenizer).ahead
        lens = FeatureLens(
            model, PROMPT, target=COMPLETION, tokenizer=tokenizer, replacement="delete"
        )
        right = log_probability(
            model, [0, *tokens(tokenizer, PROMPT)], tokens(tokenizer, COMPLETION)
        )
        assert whole(lens) == pytest.approx(right, abs=1e-4)


@pytest.mark.parametrize(
    "family", ["Roberta", "XLMRoberta", "Camembert", "Data2VecText"]
)
def test_decoders_count_positions_their_own_way(family: str) -> None:
    tokenizer = word_piece("bos")
    config = getattr(transformers, f"{family}Config")(
        vocab_size=len(tokenizer), hidden_size=32, num_hidden_layers=2, num_attention_heads=4,
        intermediate_size=48, max_position_embeddings=64, is_decoder=True, pad_token_id=1,
    )  # fmt: skip
    model = drawn(getattr(transformers, f"{family}ForCausalLM")(config))
    right = log_probability(
        model, [0, *tokens(tokenizer, PROMPT)], tokens(tokenizer, COMPLETION)
    )
    lens = FeatureLens(model, PROMPT, target=COMPLETION, tokenizer=tokenizer)
    assert whole(lens) == pytest.approx(right, abs=1e-4)
    assert lens.model.window == 62


def test_components_of_a_model_that_sees_both_sides() -> None:
    tokenizer = word_piece("bos")
    model = bert(tokenizer, "BertLMHeadModel")
    asked = {"target": COMPLETION, "tokenizer": tokenizer}
    right = log_probability(
        model, [0, *tokens(tokenizer, PROMPT)], tokens(tokenizer, COMPLETION)
    )
    lens = MechanisticLens(model, PROMPT, **asked)
    assert whole(lens) == pytest.approx(right, abs=1e-4)
    with torch.no_grad():
        # what the first head writes
        model.bert.encoder.layer[0].attention.output.dense.weight[:, :8] = 0
    silenced = log_probability(
        model, [0, *tokens(tokenizer, PROMPT)], tokens(tokenizer, COMPLETION)
    )
    first = np.ones((1, lens.n), np.bool_)
    first[0, 0] = False
    assert lens.value(first)[0] == pytest.approx(silenced, abs=1e-4)
    with pytest.raises(InvalidInput, match="ablate by zero or mean"):
        MechanisticLens(model, PROMPT, counterfactual="the red dog runs", **asked)
    texts, labels = np.array(["a", "b"], object), np.array([" a", " b"])
    learner = FineTuning(model, tokenizer=tokenizer, kind="causal")
    with pytest.raises(ModelError, match="both sides"):
        learner.prepare(Task(texts, labels, texts[:1], labels[:1]))


def test_a_language_model_that_sees_pictures_as_well_works_on_text(
    tmp_path: Path,
) -> None:
    tokenizer = word_piece("bos")
    text = {
        "vocab_size": len(tokenizer), "hidden_size": 32, "intermediate_size": 48, "num_hidden_layers": 2,
        "num_attention_heads": 4, "num_key_value_heads": 2, "head_dim": 8, "max_position_embeddings": 64,
        "pad_token_id": 1,
    }  # fmt: skip
    eye = {
        "hidden_size": 16, "intermediate_size": 16, "num_hidden_layers": 1, "num_attention_heads": 2,
        "image_size": 28, "patch_size": 14,
    }  # fmt: skip
    config = transformers.Gemma3Config(
        text_config=text, vision_config=eye, mm_tokens_per_image=4, image_token_index=40, boi_token_index=39,
        eoi_token_index=38,
    )  # fmt: skip
    model = drawn(transformers.Gemma3ForConditionalGeneration(config))
    model.save_pretrained(tmp_path)
    tokenizer.save_pretrained(tmp_path)
    right = log_probability(
        model, [0, *tokens(tokenizer, PROMPT)], tokens(tokenizer, COMPLETION)
    )
    lens = FeatureLens(str(tmp_path), PROMPT, target=COMPLETION, replacement="delete")
    assert (lens.unit, lens.model.window) == ("log-probability", 64)
    assert whole(lens) == pytest.approx(right, abs=1e-4)
    heads = MechanisticLens(str(tmp_path), PROMPT, target=COMPLETION)
    assert heads.n == 8
    assert whole(heads) == pytest.approx(right, abs=1e-4)


@pytest.mark.parametrize(
    "head",
    ["ForTokenClassification", "ForMaskedLM", "ForQuestionAnswering", "ForMultipleChoice", "ForPreTraining",
     "ForNextSentencePrediction"],
)  # fmt: skip
def test_other_heads_are_refused_by_name_with_what_would_work(
    head: str, tmp_path: Path
) -> None:
    tokenizer = word_piece("both")
    model = bert(tokenizer, f"Bert{head}")
    model.save_pretrained(tmp_path)
    tokenizer.save_pretrained(tmp_path)
    for given, made in ((model, {"tokenizer": tokenizer}), (str(tmp_path), {})):
        with pytest.raises(
            ModelError, match=rf"^Bert{head}[^\n]*kind='encoder'[^\n]*$"
        ):
            FeatureLens(given, PROMPT, **made)
    asked = FeatureLens(str(tmp_path), PROMPT, target="a dog", kind="encoder")
    ids = [torch.tensor([tokenizer(each)["input_ids"]]) for each in (PROMPT, "a dog")]
    with torch.no_grad():
        one, other = (
            model.bert(input_ids=each).last_hidden_state[0].double().mean(dim=0)
            for each in ids
        )
    assert whole(asked) == pytest.approx(
        float(torch.cosine_similarity(one, other, dim=0)), abs=1e-5
    )


def test_a_family_that_has_none_of_a_kind_says_so(tmp_path: Path) -> None:
    message = (
        r"^transformers has no {} model of the '{}' family: name another kind, or none$"
    )
    with pytest.raises(ModelError, match=message.format("causal", "distilbert")):
        FeatureLens(str(SENTIMENT), PROMPT, target=COMPLETION, kind="causal")
    transformers.Dinov2Config().save_pretrained(tmp_path)
    texts, labels = (
        np.array(["a dog", "a cat"], object),
        np.array(["pos", "neg"], object),
    )
    with pytest.raises(ModelError, match=message.format("classifier", "dinov2")):
        FineTuning(str(tmp_path), device="cpu").prepare(
            Task(texts, labels, texts[:1], labels[:1])
        )


def test_what_is_no_encoder_or_no_classifier_says_so() -> None:
    tokenizer = word_piece("both")
    masked = bert(tokenizer, "BertForMaskedLM")
    lens = FeatureLens(
        masked, PROMPT, target="a dog", tokenizer=tokenizer, kind="encoder"
    )
    body = FeatureLens(masked.bert, PROMPT, target="a dog", tokenizer=tokenizer)
    assert whole(lens) == whole(body)
    settings = transformers.GPT2Config(
        vocab_size=len(tokenizer), n_embd=32, n_layer=1, n_head=4
    )
    double = drawn(transformers.GPT2DoubleHeadsModel(settings))
    with pytest.raises(ModelError, match="it is no encoder"):
        FeatureLens(double, PROMPT, tokenizer=tokenizer)
    tagger = transformers.GPT2Config(
        vocab_size=len(tokenizer),
        n_embd=32,
        n_layer=1,
        n_head=4,
        num_labels=len(tokenizer),
    )
    with pytest.raises(ModelError, match="no causal language model"):
        FeatureLens(
            transformers.GPT2ForTokenClassification(tagger), PROMPT, target=COMPLETION, tokenizer=tokenizer,
            kind="causal",
        )  # fmt: skip
    with pytest.raises(ModelError, match="it is no classifier"):
        FeatureLens(
            bert(tokenizer, "BertForTokenClassification"),
            PROMPT,
            tokenizer=tokenizer,
            kind="classifier",
        )
    config = transformers.T5Config(
        vocab_size=len(tokenizer),
        d_model=32,
        d_kv=8,
        d_ff=48,
        num_layers=1,
        num_heads=4,
    )
    with pytest.raises(ModelError, match="encoder-decoder"):
        FeatureLens(
            transformers.T5ForConditionalGeneration(config), PROMPT, tokenizer=tokenizer
        )
    half = drawn(transformers.T5EncoderModel(config))
    assert whole(FeatureLens(half, PROMPT, tokenizer=tokenizer)) == pytest.approx(1.0)


def test_labels_of_one_name_are_told_apart() -> None:
    tokenizer = word_piece("both")
    names = {0: "positive", 1: "positive", 2: "negative", 3: "Negative"}
    model = bert(tokenizer, num_labels=4, id2label=names)
    ids = torch.tensor([tokenizer(PROMPT)["input_ids"]])
    with torch.no_grad():
        logits = model(input_ids=ids).logits[0]
        model.classifier.bias[1] += 10  # which is what it predicts then
    for ambiguous in ("positive", "POSITIVE", "NEGATIVE"):
        with pytest.raises(UnknownLabel, match=r"^[^\n]*several labels[^\n]*$"):
            FeatureLens(model, PROMPT, target=ambiguous, tokenizer=tokenizer)
    for target, place in (
        ("positive #1", 1),
        (1, 1),
        ("1", 1),
        (np.int64(0), 0),
        ("negative", 2),
        ("Negative", 3),
    ):
        lens = FeatureLens(model, PROMPT, target=target, tokenizer=tokenizer)
        assert whole(lens) == pytest.approx(
            float(logits[place]) + 10 * (place == 1), abs=1e-5
        )
    for make in (FeatureLens, MechanisticLens):
        lens = make(model, PROMPT, tokenizer=tokenizer)
        assert lens.facts()["target"] == "positive #1"
        assert whole(lens) == pytest.approx(float(logits[1]) + 10, abs=1e-5)
        assert whole(lens.with_text(PROMPT)) == whole(lens)
    lens = FeatureLens(model, PROMPT, tokenizer=tokenizer)
    assert whole(lens.variant("delete")) == pytest.approx(whole(lens), abs=1e-5)
    with torch.no_grad():
        # another label is predicted now; the question stays
        model.classifier.bias[1] -= 20
    assert (
        lens.with_text(PROMPT).objective.indices
        == lens.variant("delete").objective.indices
        == (1,)
    )


def test_a_label_that_is_called_as_another_is_numbered_is_ambiguous() -> None:
    tokenizer = word_piece("both")
    model = bert(tokenizer, num_labels=3, id2label={0: "a", 1: "a", 2: "a #1"})
    with pytest.raises(UnknownLabel):
        FeatureLens(model, PROMPT, target="a #1", tokenizer=tokenizer)
    with pytest.raises(UnknownLabel, match="unknown label ''"):
        FeatureLens(model, PROMPT, target="", tokenizer=tokenizer)
    assert FeatureLens(
        model, PROMPT, target=2, tokenizer=tokenizer
    ).objective.indices == (2,)


def test_a_head_for_numbers_has_the_objectives_of_numbers() -> None:
    tokenizer = word_piece("both")
    ids = torch.tensor([tokenizer(PROMPT)["input_ids"]])
    for outputs in (1, 2):
        model = bert(tokenizer, num_labels=outputs, problem_type="regression")
        lens = FeatureLens(model, PROMPT, target=0, tokenizer=tokenizer)
        with torch.no_grad():
            right = float(model(input_ids=ids).logits[0, 0])
        assert lens.unit == "prediction"
        assert whole(lens) == pytest.approx(right, abs=1e-5)
        for objective in ("logit", "log-odds", "probability", "accuracy"):
            with pytest.raises(InvalidInput, match="trained for numbers"):
                FeatureLens(
                    model, PROMPT, target=0, tokenizer=tokenizer, objective=objective
                )
    several = bert(tokenizer, num_labels=3, problem_type="multi_label_classification")
    with torch.no_grad():
        logit = several(input_ids=ids).logits[0, 1].double()
    chance = FeatureLens(
        several, PROMPT, target=1, tokenizer=tokenizer, objective="probability"
    )
    assert whole(chance) == pytest.approx(float(torch.sigmoid(logit)), abs=1e-5)


@pytest.mark.parametrize(
    ("setting", "number"),
    [
        ("num_hidden_layers", 10**9),
        ("num_labels", 10**9),
        ("vocab_size", 10**30),
        ("max_position_embeddings", 10**10),
        ("hidden_size", 1e308),
    ],
)
def test_a_configuration_larger_than_any_model_is_refused_before_anything_is_made(
    classifier: Path, tmp_path: Path, setting: str, number: float
) -> None:
    for file in classifier.iterdir():
        (tmp_path / file.name).write_bytes(file.read_bytes())
    settings = json.loads((tmp_path / "config.json").read_text())
    for damaged in (
        {**settings, setting: number},
        {**settings, "text_config": {setting: number}},
    ):
        (tmp_path / "config.json").write_text(json.dumps(damaged))
        with pytest.raises(
            ModelError, match=f"is damaged at .*{setting}: no model has"
        ) as caught:
            load(str(tmp_path))
        assert len(str(caught.value)) < 300


@pytest.mark.parametrize(
    ("file", "change", "said"),
    [
        ("tokenizer_config.json", {"unk_token": ""}, "damaged|cannot read the text"),
        (
            "tokenizer.json",
            {"vocabulary": {"[PAD]": 0, "[UNK]": 2**31}},
            "no vocabulary has a token 2147483648",
        ),
        (
            "tokenizer.json",
            {"vocabulary": {"[PAD]": 0, "good": 1}},
            "cannot read the text|cannot load",
        ),
    ],
)
def test_a_tokenizer_that_is_damaged_is_refused_in_a_line(
    classifier: Path, tmp_path: Path, file: str, change: dict[str, Any], said: str
) -> None:
    for each in classifier.iterdir():
        (tmp_path / each.name).write_bytes(each.read_bytes())
    content = json.loads((tmp_path / file).read_text())
    if "vocabulary" in change:
        content["model"] = {
            "type": "WordLevel",
            "vocab": change["vocabulary"],
            "unk_token": "[UNK]",
        }
        content["added_tokens"], content["post_processor"] = [], None
    else:
        content |= change
    (tmp_path / file).write_text(json.dumps(content))
    with pytest.raises(ModelError, match=said):
        FeatureLens(str(tmp_path), "good film")
