"""The feature lens: a text in, a game out, and nothing ablated that should not be."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from conftest import bert_tokenizer
from tokenizers import processors
from transformers import (
    AutoModel,
    AutoModelForCausalLM,
    AutoModelForSequenceClassification,
    AutoTokenizer,
    BertConfig,
    BertForSequenceClassification,
)

from spexlens import FeatureLens, explain
from spexlens.errors import InputTooLong, InvalidInput, ModelError, UnknownLabel
from spexlens.lenses.text.units import cut
from spexlens.masks import designs
from spexlens.models.huggingface import load

TEXT = "Her acting never fails to impress, (not bad!)"


def one_at_a_time(lens: FeatureLens, masks: np.ndarray) -> np.ndarray:
    return np.concatenate([lens.value(mask[None]) for mask in masks])


def some_masks(n: int, count: int = 24) -> np.ndarray:
    corners = np.array([[True] * n, [False] * n])
    return np.concatenate([corners, designs.uniform(n, count, 3)])


def test_words_leave_the_punctuation_at_their_edges() -> None:
    assert [TEXT[a:b] for a, b in cut(TEXT, "word")] == [
        "Her", "acting", "never", "fails", "to", "impress", "not", "bad",
    ]  # fmt: skip
    odd = "don't stop, e-mail me -- $5!"
    assert [odd[a:b] for a, b in cut(odd, "word")] == [
        "don't",
        "stop",
        "e-mail",
        "me",
        "$5",
    ]


def test_words_of_other_scripts_are_whole() -> None:
    text = "अच्छी है। cafe\u0301, I ❤\ufe0f 😀 this -- «très» bon\u200b"
    assert [text[a:b] for a, b in cut(text, "word")] == [
        "अच्छी", "है", "cafe\u0301", "I", "❤\ufe0f", "😀", "this", "très", "bon",
    ]  # fmt: skip


def test_sentences_lines_and_paragraphs() -> None:
    assert cut("Bad? No. It is.", "sentence") == [(0, 4), (5, 8), (9, 15)]
    text = (
        'Mr. Smith came. "Really?" he said. It cost 3.50 dollars! '
        " Nobody\nlaughed.\n\nThe end"
    )
    pieces = [text[a:b] for a, b in cut(text, "sentence")]
    assert pieces == [
        "Mr. Smith came.", '"Really?" he said.', "It cost 3.50 dollars!", "Nobody\nlaughed.", "The end",
    ]  # fmt: skip
    assert [text[a:b] for a, b in cut(text, "paragraph")] == [
        text[: text.index("\n\n")],
        "The end",
    ]
    assert [text[a:b] for a, b in cut(text, "line")][1:] == ["laughed.", "The end"]


@pytest.mark.parametrize("unit", ["word", "token", "sentence", "line", "paragraph"])
def test_a_text_round_trips_through_its_candidates(classifier: Path, unit: str) -> None:
    text = (
        "  Her acting never fails. The film is not\nbad at all!\n\nA critic was"
        " bored.  "
    )
    lens = FeatureLens(classifier, text, unit=unit, target="GOOD")
    position, rebuilt = 0, ""
    for candidate in lens.candidates:
        assert candidate.span is not None
        start, end = candidate.span
        rebuilt += text[position:start] + candidate.label
        position = end
    assert rebuilt + text[position:] == text


def test_a_classifiers_logit_is_the_models_own(classifier: Path) -> None:
    model = AutoModelForSequenceClassification.from_pretrained(classifier).eval()
    tokenizer = AutoTokenizer.from_pretrained(classifier)
    lens = FeatureLens(classifier, TEXT, target="GOOD")
    mask = np.array([[True, True, False, False, True, True, True, False]])
    by_hand = "Her acting [MASK] [MASK] to impress, (not [MASK]!)"
    for kept, text in ((np.ones((1, 8), bool), TEXT), (mask, by_hand)):
        with torch.inference_mode():
            logits = (
                model(**tokenizer(text, return_tensors="pt")).logits[0].double().numpy()
            )
        np.testing.assert_allclose(lens.value(kept), [logits[2]], rtol=1e-5)
    odds = FeatureLens(classifier, TEXT, target="GOOD", objective="log-odds").value(
        mask
    )
    np.testing.assert_allclose(
        odds, logits[2] - np.log(np.exp(logits[:2]).sum()), rtol=1e-4
    )
    chance = FeatureLens(classifier, TEXT, target=2, objective="probability").value(
        mask
    )
    np.testing.assert_allclose(
        chance, np.exp(logits[2]) / np.exp(logits).sum(), rtol=1e-4
    )


def test_several_labels_make_a_vector_valued_game(classifier: Path) -> None:
    lens = FeatureLens(classifier, TEXT, target=["GOOD", "bad"])
    single = FeatureLens(classifier, TEXT, target="BAD")
    masks = some_masks(lens.n)
    assert lens.outputs == ("GOOD", "BAD")
    np.testing.assert_allclose(lens.value(masks)[:, 1], single.value(masks))
    explanation = explain(lens, 256)
    assert explanation.spectrum.values.shape[1] == 2
    np.testing.assert_allclose(
        explanation.spectrum.predict(masks), lens.value(masks), atol=1e-4
    )
    effects = {i.members: i.effect for i in explanation.interactions(output="BAD")}
    alone = {i.members: i.effect for i in explain(single, 256).interactions()}
    assert effects == pytest.approx(alone, abs=1e-4)


def test_without_a_target_the_predicted_label_is_explained(classifier: Path) -> None:
    lens = FeatureLens(classifier, TEXT)
    values = FeatureLens(classifier, TEXT, target=["BAD", "FAIR", "GOOD"]).value(
        np.ones((1, lens.n), bool)
    )
    assert lens.facts()["target"] == ("BAD", "FAIR", "GOOD")[int(values.argmax())]


@pytest.mark.parametrize(
    "replacement", ["mask", "pad", "unk", "neutral", "delete", "attention"]
)
@pytest.mark.parametrize("kind", ["classifier", "encoder"])
def test_a_batch_is_its_rows_one_at_a_time(
    kind: str, replacement: str, request: Any
) -> None:
    target = "GOOD" if kind == "classifier" else "the film is bad"
    lens = FeatureLens(
        request.getfixturevalue(kind), TEXT, target=target, replacement=replacement
    )
    masks = some_masks(lens.n)
    np.testing.assert_allclose(lens.value(masks), one_at_a_time(lens, masks), atol=1e-5)
    assert len(np.unique(lens.value(masks).round(6))) > 10


@pytest.mark.parametrize("replacement", ["neutral", "delete", "attention"])
def test_a_causal_batch_is_its_rows_one_at_a_time(
    causal: Path, replacement: str
) -> None:
    lens = FeatureLens(
        causal,
        "the film is not bad",
        target=" and never",
        replacement=replacement,
        template="{text} !",
    )
    masks = designs.everything(lens.n)
    np.testing.assert_allclose(lens.value(masks), one_at_a_time(lens, masks), atol=1e-4)


def test_a_completions_log_probability_is_the_models_own(causal: Path) -> None:
    model, tokenizer = (
        AutoModelForCausalLM.from_pretrained(causal).eval(),
        AutoTokenizer.from_pretrained(causal),
    )
    lens = FeatureLens(
        causal,
        "the film is not bad",
        target=" and never fails",
        template="A: {text} B:",
    )
    assert lens.replacement == "delete"
    kept = np.array([[True, True, False, True, True]])
    prompt, completion = (
        tokenizer("<|end|>A: the film not bad B:").input_ids,
        tokenizer(" and never fails").input_ids,
    )
    with torch.inference_mode():
        logits = (
            model(torch.tensor([prompt + completion]))
            .logits[0]
            .double()
            .log_softmax(-1)
        )
    wanted = sum(
        float(logits[len(prompt) - 1 + i, token]) for i, token in enumerate(completion)
    )
    np.testing.assert_allclose(lens.value(kept), [wanted], rtol=1e-5)
    mean = FeatureLens(
        causal, "the film is not bad", target=" and never fails", template="A: {text} B:",
        objective="mean log-probability",
    )  # fmt: skip
    np.testing.assert_allclose(mean.value(kept), [wanted / len(completion)], rtol=1e-5)


def test_an_encoders_similarity_is_the_models_own(encoder: Path) -> None:
    model, tokenizer = (
        AutoModel.from_pretrained(encoder).eval(),
        AutoTokenizer.from_pretrained(encoder),
    )

    def pooled(text: str) -> torch.Tensor:
        with torch.inference_mode():
            return (
                model(**tokenizer(text, return_tensors="pt"))
                .last_hidden_state[0]
                .double()
                .mean(0)
            )

    query, text = "a bored critic", "the film is not bad"
    lens = FeatureLens(encoder, text, target=query)
    wanted = torch.cosine_similarity(
        pooled("the [MASK] is not bad"), pooled(query), dim=0
    )
    np.testing.assert_allclose(
        lens.value(np.array([[True, False, True, True, True]])),
        [float(wanted)],
        rtol=1e-5,
    )
    itself = FeatureLens(encoder, text)
    np.testing.assert_allclose(itself.value(np.ones((1, 5), bool)), [1.0], rtol=1e-5)


def test_an_encoder_made_in_memory_pools_by_the_mean(encoder: Path) -> None:
    model, tokenizer = (
        AutoModel.from_pretrained(encoder),
        AutoTokenizer.from_pretrained(encoder),
    )
    model.name_or_path = ""
    masks = some_masks(5, 10)
    made, saved = (
        FeatureLens(
            source, "the film is not bad", target="a critic", tokenizer=tokenizer
        )
        for source in (model, encoder)
    )
    np.testing.assert_array_equal(made.value(masks), saved.value(masks))


def test_deletion_closes_the_gap_and_a_neutral_string_stands_once(
    classifier: Path,
) -> None:
    tokenizer = AutoTokenizer.from_pretrained(classifier)
    mask = np.array([[True, False, False, True]])
    for replacement, text in (
        ("delete", "the bad"),
        ("neutral", "the ... ... bad"),
        ("unk", "the [UNK] [UNK] bad"),
    ):
        lens = FeatureLens(
            classifier, "the film is bad", target="GOOD", replacement=replacement
        )
        shown = tokenizer.decode(lens.batch(mask)["input_ids"][0])
        assert shown.replace(". . .", "...").split() == [
            "[CLS]",
            *text.split(),
            "[SEP]",
        ]


@pytest.mark.parametrize(
    "replacement", ["mask", "pad", "unk", "neutral", "delete", "attention"]
)
@pytest.mark.parametrize("kind", ["classifier", "encoder", "causal", "decoder"])
def test_an_ablated_word_leaves_no_trace(
    kind: str, replacement: str, request: Any
) -> None:
    if kind in ("causal", "decoder") and replacement in ("mask", "pad", "unk"):
        pytest.skip("its tokenizer has no such token")
    target = {"encoder": "a bored critic", "causal": " bad"}.get(kind, 0)
    for position in range(4):
        mask = np.ones((1, 4), np.bool_)
        mask[0, position] = False
        values = []
        for word in ("film", "bad", "not"):
            words = ["the", "her", "is", "a"]
            words[position] = word
            settings = {
                "target": target,
                "replacement": replacement,
                "template": "{text} ! ",
            }
            values.append(
                FeatureLens(
                    request.getfixturevalue(kind), " ".join(words), **settings
                ).value(mask)
            )
        np.testing.assert_allclose(np.ravel(values), values[0][0], atol=1e-5)


@pytest.mark.parametrize("kind", ["causal", "decoder"])
def test_the_token_where_the_answer_is_read_cannot_be_hidden(
    kind: str, request: Any
) -> None:
    target = " bad" if kind == "causal" else 0
    settings = {"target": target, "replacement": "attention", "template": "the {text}"}
    with pytest.raises(InvalidInput, match="give a template that ends in text"):
        FeatureLens(request.getfixturevalue(kind), "film", **settings)


def test_a_decoder_that_classifies_reads_its_last_token(decoder: Path) -> None:
    for replacement in ("delete", "neutral"):
        lens = FeatureLens(
            decoder,
            "the film is not bad",
            target=0,
            replacement=replacement,
            template="a {text}",
        )
        masks = designs.everything(lens.n)
        np.testing.assert_allclose(
            lens.value(masks), one_at_a_time(lens, masks), atol=1e-5
        )


def test_labels_that_are_numerals_are_names(classifier: Path) -> None:
    model = AutoModelForSequenceClassification.from_pretrained(classifier)
    tokenizer = AutoTokenizer.from_pretrained(classifier)
    model.config.id2label = {0: "1", 1: "2", 2: "3"}
    by_name, by_position, other = (
        FeatureLens(model, TEXT, tokenizer=tokenizer, target=target).facts()["target"]
        for target in ("1", 1, np.int64(2))
    )
    assert (by_name, by_position, other) == ("1", "2", "3")
    logits = FeatureLens(model, TEXT, tokenizer=tokenizer, target=[0, 1, 2]).value(
        np.ones((1, 8), bool)
    )
    predicted = FeatureLens(model, TEXT, tokenizer=tokenizer).facts()["target"]
    assert predicted == str(int(logits.argmax()) + 1)


def test_the_template_is_never_ablated(classifier: Path) -> None:
    lens = FeatureLens(
        classifier, "not bad", target="GOOD", template="the film is {text} !"
    )
    plain = FeatureLens(
        classifier, "the film is [MASK] [MASK] !", target="GOOD", spans=[(0, 3)]
    )
    assert [c.label for c in lens.candidates] == ["not", "bad"]
    np.testing.assert_allclose(
        lens.value(np.zeros((1, 2), bool)),
        plain.value(np.ones((1, 1), bool)),
        rtol=1e-5,
    )


def test_a_chat_template_surrounds_the_text(causal: Path) -> None:
    tokenizer = AutoTokenizer.from_pretrained(causal)
    tokenizer.chat_template = (
        "{% for m in messages %}<{{ m['role'] }}>{{ m['content'] }}</s>{% endfor %}"
        "{% if add_generation_prompt %}<bot>{% endif %}"
    )
    model = AutoModelForCausalLM.from_pretrained(causal)
    chat = FeatureLens(model, "the film", target=" bad", tokenizer=tokenizer, chat=True)
    # the template puts no beginning in front
    prompt = tokenizer("<user>the</s><bot>").input_ids
    with torch.inference_mode():
        logits = model(torch.tensor([prompt])).logits[0, -1].double().log_softmax(-1)
    (token,) = tokenizer(" bad").input_ids
    np.testing.assert_allclose(
        chat.value(np.array([[True, False]])), [float(logits[token])], rtol=1e-5
    )


def test_spans_are_the_users_own(classifier: Path) -> None:
    lens = FeatureLens(
        classifier, "the film is not bad", target="GOOD", spans=[(12, 19), (4, 8)]
    )
    assert [c.label for c in lens.candidates] == ["film", "not bad"]
    for spans, message in (
        ([(0, 3), (2, 5)], "overlap"),
        ([(0, 99)], "outside the text"),
        ([(3, 3)], "empty"),
        ([], "no span"),
        ([(3, 4)], "no token of its own"),
    ):
        with pytest.raises(InvalidInput, match=message):
            FeatureLens(classifier, "the film is not bad", target="GOOD", spans=spans)


def test_inputs_that_are_the_same_are_read_once(classifier: Path) -> None:
    lens = FeatureLens(classifier, "bad bad bad", target="GOOD", replacement="delete")
    rows = []
    lens.model.model.register_forward_pre_hook(
        lambda _, __, kw: rows.append(len(kw["input_ids"])), with_kwargs=True
    )
    values = lens.value(
        np.array([[True, False, False], [False, True, False], [True, True, True]])
    )
    assert rows == [2]
    assert values[0] == values[1] != values[2]


def test_the_fingerprint_names_what_decides_a_value(
    classifier: Path, encoder: Path
) -> None:
    def fingerprint(text: str = TEXT, **settings: Any) -> str | None:
        return FeatureLens(
            settings.pop("model", classifier), text, **{"target": "GOOD", **settings}
        ).fingerprint

    same = fingerprint()
    assert fingerprint() == same
    assert fingerprint(batch_size=3) == same
    different = [
        fingerprint("the film is bad"),
        fingerprint(target="BAD"),
        fingerprint(objective="log-odds"),
        fingerprint(replacement="unk"),
        fingerprint(replacement="delete"),
        fingerprint(replacement="attention"),
        fingerprint(unit="sentence"),
        fingerprint(template="a {text}"),
        fingerprint(model=encoder),
    ]
    assert len({same, *different}) == len(different) + 1
    module = AutoModelForSequenceClassification.from_pretrained(classifier)
    tokenizer = AutoTokenizer.from_pretrained(classifier)
    assert fingerprint(model=module, tokenizer=tokenizer) == same
    with torch.no_grad():
        module.classifier.bias[0] += 1
    assert fingerprint(model=module, tokenizer=tokenizer) != same


def test_a_long_text_is_refused_not_truncated(classifier: Path) -> None:
    with pytest.raises(InputTooLong, match=r"62 tokens, .* at most 48"):
        FeatureLens(classifier, "bad " * 60, target="GOOD")


def test_bad_input_is_one_clear_line(
    classifier: Path, causal: Path, encoder: Path, tmp_path: Path
) -> None:
    def bare() -> Any:
        tokenizer = bert_tokenizer()
        tokenizer.backend_tokenizer.post_processor = processors.TemplateProcessing(
            single="$A"
        )
        return tokenizer

    def wide() -> Any:
        return BertForSequenceClassification(
            BertConfig(vocab_size=8, hidden_size=8, num_attention_heads=2)
        )

    loaded = load(classifier, device="cpu")
    cases: list[tuple[type[Exception], str, Any]] = [
        (InvalidInput, "the text is empty", lambda: FeatureLens(classifier, "  \n")),
        (InvalidInput, "no word to ablate", lambda: FeatureLens(classifier, "!!! ...")),
        (UnknownLabel, "labels are BAD, FAIR, GOOD", lambda: FeatureLens(classifier, "a", target="UGLY")),
        (UnknownLabel, "unknown label 7", lambda: FeatureLens(classifier, "a", target=7)),
        (InvalidInput, "unknown unit", lambda: FeatureLens(classifier, "a", unit="letter")),
        (InvalidInput, "choose one of logit, log-odds", lambda: FeatureLens(classifier, "a", objective="x")),
        (InvalidInput, "these work: ", lambda: FeatureLens(classifier, "a", replacement="x")),
        (InvalidInput, "these work: neutral, delete, attention",
         lambda: FeatureLens(causal, "a", target="b", replacement="mask")),
        (InvalidInput, "needs target", lambda: FeatureLens(causal, "a")),
        (InvalidInput, "exactly once", lambda: FeatureLens(classifier, "a", template="b")),
        (InvalidInput, "at least one row", lambda: FeatureLens(classifier, "a", batch_size=0)),
        (InvalidInput, "is a text", lambda: FeatureLens(encoder, "a", target=3)),
        (ModelError, "no chat template", lambda: FeatureLens(causal, "a", target="b", chat=True)),
        (ModelError, "cannot load", lambda: FeatureLens(tmp_path, "a")),
        (ModelError, "no such directory", lambda: FeatureLens(tmp_path / "absent", "a")),
        (ModelError, "would answer at random", lambda: FeatureLens(encoder, "a", kind="classifier")),
        (InvalidInput, "needs its tokenizer", lambda: FeatureLens(AutoModel.from_pretrained(encoder), "a")),
        (InvalidInput, "not valid Unicode", lambda: FeatureLens(classifier, "good \ud800")),
        (InvalidInput, "cannot use the device", lambda: FeatureLens(classifier, "a", device="foo")),
        (InvalidInput, "cannot use the device", lambda: FeatureLens(loaded, "a", device="foo")),
        (InvalidInput, r"is on cpu: move it with model.to\('cuda'\)",
         lambda: FeatureLens(loaded, "a", device="cuda")),
        (InvalidInput, r"is on cpu: move it with model.to\('cuda:1'\)",
         lambda: FeatureLens(loaded.model, "a", tokenizer=loaded.tokenizer, device="cuda:1")),
        (InvalidInput, "loaded already, as a classifier", lambda: FeatureLens(loaded, "a", kind="encoder")),
        (InvalidInput, "loaded already, as a classifier",
         lambda: FeatureLens(loaded, "a", tokenizer=bert_tokenizer())),
        (InvalidInput, "pair of character positions",
         lambda: FeatureLens(classifier, "a film", spans=[(0, 1, 2)])),  # type: ignore[list-item]
        (InvalidInput, "share the token 'film'",
         lambda: FeatureLens(classifier, "a film", spans=[(0, 4), (4, 6)])),
        (InvalidInput, "nothing is left to read",
         lambda: FeatureLens(classifier, "a", tokenizer=bare(), replacement="neutral", neutral="")),
        (UnknownLabel, "no label was given", lambda: FeatureLens(classifier, "a", target=[])),
        (UnknownLabel, "unknown label '²'", lambda: FeatureLens(classifier, "a", target="²")),
        (InputTooLong, "the query has 62 tokens", lambda: FeatureLens(encoder, "a", target="bad " * 60)),
        (ModelError, "no such directory", lambda: FeatureLens("./absent", "a")),
        (ModelError, "gives token 18, but the model knows 8 tokens",
         lambda: FeatureLens(wide(), "critic", tokenizer=bert_tokenizer())),
    ]  # fmt: skip
    for kind, message, act in cases:
        with pytest.raises(kind, match=message) as caught:
            act()
        assert "\n" not in str(caught.value)


def test_a_damaged_model_is_refused_in_one_line(
    classifier: Path, tmp_path: Path
) -> None:
    for file in classifier.iterdir():
        (tmp_path / file.name).write_bytes(file.read_bytes())
    weights = tmp_path / "model.safetensors"
    weights.write_bytes(weights.read_bytes()[:500])
    with pytest.raises(ModelError, match="cannot load") as caught:
        FeatureLens(tmp_path, "a")
    assert "\n" not in str(caught.value)


def test_weights_in_a_pickle_are_never_read(classifier: Path, tmp_path: Path) -> None:
    for file in classifier.iterdir():
        if file.suffix != ".safetensors":
            (tmp_path / file.name).write_bytes(file.read_bytes())
    torch.save(
        AutoModel.from_pretrained(classifier).state_dict(),
        tmp_path / "pytorch_model.bin",
    )
    with pytest.raises(ModelError, match="safetensors"):
        FeatureLens(tmp_path, "a")


def test_a_tokenizer_without_a_mask_token_says_what_works(classifier: Path) -> None:
    tokenizer = bert_tokenizer(unk_token="[UNK]", cls_token="[CLS]", sep_token="[SEP]")
    model = AutoModelForSequenceClassification.from_pretrained(classifier)
    with pytest.raises(
        InvalidInput, match="these work: unk, neutral, delete, attention"
    ):
        FeatureLens(model, "a film", tokenizer=tokenizer, replacement="mask")
    assert FeatureLens(model, "a film", tokenizer=tokenizer).replacement == "delete"


@pytest.mark.pretrained
def test_a_passage_is_explained_on_a_real_encoder(minilm: Path) -> None:
    passage = "Paris is the capital of France, and the Seine runs through it."
    lens = FeatureLens(
        minilm, passage, target="Which river flows through the French capital?"
    )
    explanation = explain(lens, 300)
    assert explanation.calls == 300
    assert explanation.faithfulness.mean > 0.9
    fresh = designs.uniform(lens.n, 700, seed=9)
    values, predicted = lens.value(fresh), explanation.spectrum.predict(fresh)
    assert (
        1 - ((values - predicted) ** 2).sum() / ((values - values.mean()) ** 2).sum()
        > 0.9
    )
    strongest = [i.labels[0] for i in explanation.interactions(order=1)][:4]
    assert set(strongest) == {"Paris", "France", "capital", "Seine"}
