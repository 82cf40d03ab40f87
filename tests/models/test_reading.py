"""What the model reads is what a person would give it: the score of a plain loop over
the same string.
"""

from html import unescape
from typing import Any
from urllib.parse import unquote

import numpy as np
import pytest
import torch
import transformers
from makes import (
    MAKES,
    bert,
    byte_level,
    llama,
    log_probability,
    sentence_piece,
    whole,
    word_piece,
)
from tokenizers import processors

from architectures.tiny import drawn
from spexlens import DataLens, FeatureLens, FineTuning, MechanisticLens
from spexlens.errors import InvalidInput, ModelError
from spexlens.models.huggingface import load
from spexlens.models.model import HuggingFaceModel
from spexlens.models.reading import Completion, read, shows_spaces

CASES = [
    ("the red cat runs", " fast"),
    ("the red cat runs", " fast today"),
    ("answer: (", "A"),
    ('she said "', "Yes"),
    ("answer:\n", "No"),
    ("answer: ", "Yes"),
    ('"yes" she said', " good"),
    ("<s>the cat is", " red"),
    ("(the dog) is it", " good?"),
]
CHAT = (
    "{{ bos_token }}{% for m in messages %}<|user|>CONTENT{% endfor %}"
    "{% if add_generation_prompt %}<|answer|>{% endif %}"
)


def expected(
    tokenizer: Any, prompt: str, completion: str, *, bos: bool = True
) -> tuple[list[int], list[int]]:
    """Prompt and completion as tokens, by the tokenizer: one text, or two where it
    shows no space.
    """
    if not shows_spaces(tokenizer):
        parts = [
            tokenizer(each, add_special_tokens=False)["input_ids"]
            for each in (prompt, completion)
        ]
        before, after = parts
    else:
        both = tokenizer(
            prompt + completion, add_special_tokens=False, return_offsets_mapping=True
        )
        first = next(
            i for i, (_, end) in enumerate(both["offset_mapping"]) if end > len(prompt)
        )
        before, after = both["input_ids"][:first], both["input_ids"][first:]
    start = tokenizer.bos_token_id
    return ([start, *before] if bos and before[:1] != [start] else before), after


@pytest.mark.parametrize("make", MAKES)
@pytest.mark.parametrize("adds", ["none", "bos", "eos", "both"])
def test_prompt_and_completion_are_read_as_one_text_opened_once_and_not_closed(
    make: str, adds: str
) -> None:
    tokenizer = MAKES[make](adds)
    model = HuggingFaceModel(llama(tokenizer), tokenizer, "causal", "")
    for prompt, completion in CASES:
        reading = read(model, prompt, completion)
        assert (list(reading.prompt), list(reading.completed)) == expected(
            tokenizer, prompt, completion
        )
        before = {0} & set(reading.prompt[1:])
        assert not before, "one beginning"
        assert 2 not in reading.ids, "no end"


@pytest.mark.parametrize("make", MAKES)
def test_white_space_shows_where_the_tokenizer_says_so(make: str) -> None:
    tokenizer = MAKES[make]("none")
    model = HuggingFaceModel(llama(tokenizer), tokenizer, "causal", "")
    glued, apart = (read(model, "answer: (", each).completed for each in ("A", " A"))
    assert (glued != apart) == (make != "WordPiece") == shows_spaces(tokenizer)


@pytest.mark.parametrize("make", MAKES)
@pytest.mark.parametrize("adds", ["none", "both"])
def test_each_way_to_ask_gives_the_score_of_a_plain_loop(make: str, adds: str) -> None:
    tokenizer = MAKES[make](adds)
    tokenizer.chat_template = CHAT.replace("CONTENT", "{{ m['content'] | trim }}")
    model = llama(tokenizer)
    for prompt, completion in CASES:
        before, after = expected(tokenizer, prompt, completion)
        right = log_probability(model, before, after)
        asked = {"target": completion, "tokenizer": tokenizer}
        head, tail = prompt.split(" ", 1) if " " in prompt else ("", prompt)
        ways: dict[str, Any] = {
            "text": lambda prompt=prompt, asked=asked: FeatureLens(
                model, prompt, **asked
            ),
            "mechanistic": lambda prompt=prompt, asked=asked: MechanisticLens(
                model, prompt, **asked
            ),
        }
        if any(map(str.isalpha, tail)):
            ways["template"] = lambda head=head, tail=tail, asked=asked: FeatureLens(
                model, tail, template=f"{head} {{text}}" if head else "{text}", **asked
            )
        for way, lens in ways.items():
            assert whole(lens()) == pytest.approx(right, abs=1e-4), (
                way,
                prompt,
                completion,
            )
        learner = FineTuning(model, tokenizer=tokenizer, train="all")
        data = DataLens(
            learner,
            (["the cat is", "the dog is"], [" fast", " slow"]),
            (prompt, completion),
        )
        nothing = np.zeros((1, 2), np.bool_)  # the model as it was
        assert data.value(nothing)[0] == pytest.approx(right, abs=1e-4), (
            "fine-tuned",
            prompt,
            completion,
        )
        if not prompt.startswith("<s>"):
            turn = [{"role": "user", "content": prompt}]
            said = tokenizer.apply_chat_template(
                turn, tokenize=False, add_generation_prompt=True
            )
            before, after = expected(tokenizer, said, completion, bos=False)
            chat = FeatureLens(model, prompt, chat=True, **asked)
            assert whole(chat) == pytest.approx(
                log_probability(model, before, after), abs=1e-4
            ), prompt


@pytest.mark.parametrize("adds", ["none", "bos", "eos", "both"])
def test_what_is_ablated_is_gone_and_nothing_else(adds: str) -> None:
    """A string put in for each word that is ablated: the tokens that a person would
    have given.
    """
    for make in MAKES.values():
        tokenizer = make(adds)
        model = llama(tokenizer)
        words = ["the", "red", "cat"]
        for neutral in ("...", "it"):
            lens = FeatureLens(
                model, " ".join(words), target=" fast", template="review: ({text}) is", replacement="neutral",
                neutral=neutral, tokenizer=tokenizer,
            )  # fmt: skip
            masks = np.array(
                [[True, True, True], [False, True, False], [False, False, False]]
            )
            for mask, value in zip(masks, lens.value(masks), strict=True):
                shown = [
                    word if kept else neutral
                    for word, kept in zip(words, mask, strict=True)
                ]
                before, after = expected(
                    tokenizer, f"review: ({' '.join(shown)}) is", " fast"
                )
                assert value == pytest.approx(
                    log_probability(model, before, after), abs=1e-4
                )


def test_a_string_that_is_put_in_is_read_with_its_neighbours() -> None:
    tokenizer = byte_level("bos")
    model = llama(tokenizer, "SequenceClassification", num_labels=2, pad_token_id=1)
    for text, template, spans, neutral, wanted in (
        ("cat runs", "the {text}", None, "dog", "the dog dog"),
        ("cat runs", "the\n{text}", None, "dog", "the\ndog dog"),
        ("notnever", "{text}", [(0, 3), (3, 8)], "no", "nono"),
        ("(cat)", "{text}", None, "dog", "(dog)"),
    ):
        lens = FeatureLens(
            model, text, target=1, template=template, spans=spans, replacement="neutral", neutral=neutral,
            tokenizer=tokenizer,
        )  # fmt: skip
        read = lens.batch(np.zeros((1, lens.n), np.bool_))["input_ids"][0].tolist()
        assert read == tokenizer(wanted)["input_ids"]


@pytest.mark.parametrize(
    ("content", "text"),
    [
        ("{{ m['content'] }}", " is it good?\n"),
        ("{{ m['content'] | trim }}", " is it good?\n"),
        ("{{ m['content'] | tojson }}", 'is "it" good? "yes"'),
        ("{{ m['content'] | tojson }}", '"yes" is it \\ good'),
        ("{{ m['content'] | e }}", 'is <it> good & "red"?'),
        (
            "{% if '/no' in m['content'] %}no: {% endif %}{{ m['content'] }}",
            "is it good? /no",
        ),
        ("{{ m['content'] | replace('good', 'very good') }}", "is it good?"),
        ("{{ m['content'] | length }}: {{ m['content'] }}", "is it good?"),
        ("{{ m['content'] }}.", "is it good? is it good?"),
        ("is it good? {{ m['content'] | lower }}", "Is it GOOD?"),
        ("{{ m['content'] | upper }}", "is it good?"),
        ("{{ m['content'] | capitalize }}", "is it Good"),
        ("{{ m['content'] | e }}", "  the 'red' \"is\" <it> & good"),
        ("{{ m['content'] | urlencode }}", "is it (good)?"),
    ],
)
def test_a_chat_template_gives_what_apply_chat_template_gives(
    content: str, text: str
) -> None:
    tokenizer = byte_level("bos")
    tokenizer.chat_template = CHAT.replace("CONTENT", content)
    turn = [{"role": "user", "content": text}]
    said = tokenizer.apply_chat_template(
        turn, tokenize=True, add_generation_prompt=True, return_dict=False
    )
    model = llama(tokenizer)
    lens = FeatureLens(
        model, text, chat=True, target="yes", tokenizer=tokenizer, replacement="delete"
    )
    completion = tokenizer("yes", add_special_tokens=False)["input_ids"]
    read = lens.batch(np.ones((1, lens.n), np.bool_))["input_ids"][0].tolist()
    assert read == [*said, *completion]
    assert whole(lens) == pytest.approx(
        log_probability(model, said, completion), abs=1e-4
    )
    words = {
        "".join(letter for letter in c.label.lower() if letter.isalpha())
        for c in lens.candidates
    }
    assert {"is", "it", "good"} <= words
    for place, candidate in enumerate(lens.candidates):
        mask = np.ones((1, lens.n), np.bool_)
        mask[0, place] = False
        left = lens.batch(mask)["input_ids"][0].tolist()
        gone = unescape(tokenizer.decode(_missing(read, left)))
        shown = unquote(gone).lower().replace("\\", "")
        assert candidate.label.lower() in shown, (
            "a candidate owns the tokens that show it"
        )
        assert "<|" not in gone, "and none of the template's"


def _missing(whole: list[int], left: list[int]) -> list[int]:
    """The tokens of one list that another, which is the same without a run of it, does
    not have.
    """
    count = len(whole) - len(left)
    start = next(
        (i for i, (a, b) in enumerate(zip(whole, left, strict=False)) if a != b),
        len(left),
    )
    return whole[start : start + count]


@pytest.mark.parametrize(
    "front", ["<s> <|user|> $A", "<s> <|user|> $A </s>", "$A </s>", "$A <s>"]
)
def test_whatever_a_tokenizer_puts_round_a_text_it_is_opened_once(front: str) -> None:
    tokenizer = sentence_piece("none")
    known = [
        (each, tokenizer.convert_tokens_to_ids(each))
        for each in ("<s>", "</s>", "<|user|>")
    ]
    tokenizer.backend_tokenizer.post_processor = processors.TemplateProcessing(
        single=front, special_tokens=known
    )
    model = HuggingFaceModel(llama(tokenizer), tokenizer, "causal", "")
    opening = [0, 5] if front.startswith("<s>") else [0]
    for text in ("the cat", "<s>the cat"):
        words = tokenizer("the cat", add_special_tokens=False)["input_ids"]
        reading = read(model, text, " runs")
        assert list(reading.prompt)[: len(opening)] == opening
        assert list(reading.prompt).count(0) == 1
        assert list(reading.prompt)[-1] == words[-1]
    assert read(model, "").ids.tolist() == opening


def test_a_chat_template_that_hides_the_text_or_repeats_it_is_refused() -> None:
    tokenizer = byte_level("bos")
    model = llama(tokenizer)
    for content, error in (
        ("nothing", InvalidInput),
        ("{{ m['content'][:4] }}", InvalidInput),
        ("{{ m['content'] }} {{ m['content'] }}", ModelError),
        ("{{ raise_exception('no') }}", ModelError),
    ):
        tokenizer.chat_template = CHAT.replace("CONTENT", content)
        with pytest.raises(error, match=r"^[^\n]*$"):
            FeatureLens(
                model, "is it good?", chat=True, target="yes", tokenizer=tokenizer
            )


def test_a_completion_that_begins_inside_of_the_prompts_last_token_is_said() -> None:
    tokenizer = byte_level("bos")
    model = llama(tokenizer)
    lens = FeatureLens(
        model, "answer: ", target="Yes", template="the {text}", tokenizer=tokenizer
    )
    assert any(
        "share a token" in note and "' Yes'" in note for note in lens.facts()["notes"]
    )
    assert not FeatureLens(
        model, "answer:", target=" Yes", tokenizer=tokenizer
    ).facts()["notes"]
    with pytest.raises(InvalidInput, match="the completion begins in it"):
        FeatureLens(model, "red good fa", target="st", tokenizer=tokenizer)


def test_two_answers_are_compared_behind_the_same_prompt() -> None:
    tokenizer = sentence_piece("bos")
    model = llama(tokenizer)
    lens = FeatureLens(model, "answer: (", target="A", foil="B", tokenizer=tokenizer)
    ids = tokenizer("answer: (")["input_ids"]
    with torch.no_grad():
        logits = model(torch.tensor([ids])).logits[0, -1]
    vocabulary = tokenizer.get_vocab()
    assert whole(lens) == pytest.approx(
        float(logits[vocabulary["A"]] - logits[vocabulary["B"]]), abs=1e-5
    )
    other = byte_level("bos")
    with pytest.raises(InvalidInput, match="begin both with a space, or neither"):
        FeatureLens(llama(other), "answer: ", target="yes", foil=" no", tokenizer=other)


def test_tokens_that_say_where_texts_begin_and_end_are_no_candidates() -> None:
    tokenizer = word_piece("both", pair=True)
    model = bert(tokenizer)
    lens = FeatureLens(model, "<s> the cat </s> runs", target=1, tokenizer=tokenizer)
    assert [c.label for c in lens.candidates] == ["the", "cat", "runs"]
    causal = byte_level("bos")
    opened = FeatureLens(llama(causal), "<s>the cat", target=" runs", tokenizer=causal)
    assert [c.label for c in opened.candidates][-1] == "cat"
    empty = opened.batch(np.zeros((1, opened.n), np.bool_))["input_ids"][0].tolist()
    assert empty[0] == 0
    assert 0 not in empty[1:]


@pytest.mark.parametrize("separator", ["</s>", " </s> "])
def test_two_texts_with_a_separator_are_a_pair(separator: str) -> None:
    tokenizer = word_piece("both", pair=True)
    model = bert(tokenizer)
    texts = ("a red cat", "the cat runs")
    pair = tokenizer(*texts, return_tensors="pt", return_token_type_ids=True)
    assert pair["token_type_ids"].sum() > 0
    lens = FeatureLens(
        model,
        texts[1],
        template=texts[0] + separator + "{text}",
        target=1,
        tokenizer=tokenizer,
    )
    with torch.no_grad():
        assert whole(lens) == pytest.approx(float(model(**pair).logits[0, 1]), abs=1e-5)
        shorter = tokenizer(
            texts[0], "the runs", return_tensors="pt", return_token_type_ids=True
        )
        cut = FeatureLens(
            model, texts[1], template=texts[0] + separator + "{text}", target=1, tokenizer=tokenizer,
            replacement="delete",
        )  # fmt: skip
        value = cut.value(
            np.array([[True, False, True], [True, True, True], [False, False, True]])
        )[0]
        assert value == pytest.approx(float(model(**shorter).logits[0, 1]), abs=1e-5)
    heads = MechanisticLens(
        model, texts[0] + separator + texts[1], target=1, tokenizer=tokenizer
    )
    with torch.no_grad():
        assert whole(heads) == pytest.approx(
            float(model(**pair).logits[0, 1]), abs=1e-5
        )
    three = FeatureLens(
        model,
        texts[1],
        template="a cat </s> a dog </s> {text}",
        target=1,
        tokenizer=tokenizer,
    )
    assert any("one segment" in note for note in three.facts()["notes"])


def test_a_tokenizers_own_segments_are_read() -> None:
    """XLNet's last token is of a segment of its own."""
    tokenizer = word_piece("none")
    known = [("<s>", 0), ("</s>", 2)]
    tokenizer.backend_tokenizer.post_processor = processors.TemplateProcessing(
        single="$A:0 </s>:0 <s>:2",
        pair="$A:0 </s>:0 $B:1 </s>:1 <s>:2",
        special_tokens=known,
    )
    config = transformers.XLNetConfig(
        vocab_size=len(tokenizer),
        d_model=32,
        n_layer=2,
        n_head=4,
        d_inner=48,
        num_labels=2,
        pad_token_id=1,
    )
    model = drawn(transformers.XLNetForSequenceClassification(config))
    lens = FeatureLens(
        model, "the red cat runs", target=1, tokenizer=tokenizer, replacement="delete"
    )
    with torch.no_grad():
        for text, mask in (
            ("the red cat runs", [1, 1, 1, 1]),
            ("red runs", [0, 1, 0, 1]),
        ):
            given = tokenizer(text, return_tensors="pt", return_token_type_ids=True)
            assert given["token_type_ids"].max() == 2
            alone = lens.value(np.array([mask], np.bool_))[0]
            assert alone == pytest.approx(float(model(**given).logits[0, 1]), abs=1e-4)


def test_a_default_target_is_the_models_own_token_and_stays_it() -> None:
    tokenizer = sentence_piece("both")
    model = llama(tokenizer)
    lens = MechanisticLens(model, "the red cat", tokenizer=tokenizer)
    with torch.no_grad():
        logits = model(
            torch.tensor(
                [tokenizer("<s>the red cat", add_special_tokens=False)["input_ids"]]
            )
        ).logits
    token = int(logits[0, -1].argmax())
    assert lens.behaviours[0].objective.completion == (token,)
    for text in ("the dog", "she said yes"):
        other = lens.with_text(text).behaviours[0]
        assert other.objective.completion == (token,)
        prompt = tokenizer(f"<s>{text}", add_special_tokens=False)["input_ids"]
        right = log_probability(model, prompt, [token])
        assert float(
            other.objective.measure(lens.model, other.clean)[0]
        ) == pytest.approx(right, abs=1e-5)
    said = lens.behaviours[0].watched
    assert said == Completion((token,), lens.facts()["target"])
    assert read(lens.model, "the red cat", said.text).completed == (token,), (
        "as it is written there"
    )


def test_texts_that_cannot_be_read_are_refused_in_one_line() -> None:
    tokenizer = byte_level("bos")
    model = llama(tokenizer)
    loaded = load(model, tokenizer=tokenizer)
    for make in (
        lambda: FeatureLens(loaded, "half \ud83d", target=" fast"),
        lambda: FeatureLens(loaded, "the cat", target=" \ud83d"),
        lambda: FeatureLens(
            loaded, "the cat", target=" fast", template="\ud83d {text}"
        ),
        lambda: FeatureLens(
            loaded, "the cat", target=" fast", replacement="neutral", neutral="\ud83d"
        ),
        lambda: FeatureLens(loaded, "the cat", target=" fast", foil=" \ud83d"),
        lambda: FeatureLens(loaded, ["the", "cat"], target=" fast"),
        lambda: FeatureLens(loaded, b"the cat", target=" fast"),
        lambda: FeatureLens(loaded, "the cat", target=7),
        lambda: MechanisticLens(loaded, "half \ud83d", target=" fast"),
        lambda: MechanisticLens(loaded, ["the cat", 7], target=" fast"),
        lambda: MechanisticLens(
            loaded, "the cat", target=" fast", counterfactual="\ud83d"
        ),
    ):
        with pytest.raises(InvalidInput, match=r"^[^\n]*$"):
            make()
