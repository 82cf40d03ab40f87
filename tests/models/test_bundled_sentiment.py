"""The bundled sentiment model answers as its grammar does, on sentences it has never
seen.
"""

import itertools
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

torch = pytest.importorskip("torch")
transformers = pytest.importorskip("transformers")

ROOT = Path(__file__).parents[2]
BUNDLED = ROOT / "src" / "spexlens" / "models" / "bundled" / "sentiment"
import judge_sentiment
import review_grammar as grammar
import spexlens
from review_grammar import Phrase, derive
from spexlens.models.bundled import about
from spexlens.results.about import facts_of


@pytest.fixture(scope="module")
def tokenizer() -> Any:
    return transformers.AutoTokenizer.from_pretrained(BUNDLED)


@pytest.fixture(scope="module")
def model() -> Any:
    return transformers.AutoModelForSequenceClassification.from_pretrained(
        BUNDLED
    ).eval()


def positive_logits(model: Any, tokenizer: Any, texts: list[str]) -> np.ndarray:
    """The POSITIVE logit of each text, float of shape (n,)."""
    with torch.inference_mode():
        batches = [
            tokenizer(texts[i : i + 256], padding=True, return_tensors="pt")
            for i in range(0, len(texts), 256)
        ]
        return np.asarray(torch.cat([model(**batch).logits[:, 1] for batch in batches]))


def example_masked(hidden: set[str]) -> str:
    return " ".join(
        "[MASK]" if word in hidden else word for word in grammar.EXAMPLE.split()
    )


def fact(
    subject: str, action: Phrase, predicate: str = "{+action}", *first: str
) -> Phrase:
    """A one-clause sentence about a thing that acts."""
    thing = derive(
        "subject", "{thing}", derive("thing", "{determiner} {part}", *subject.split())
    )
    return derive(
        "fact",
        "{subject} {+predicate}",
        thing,
        derive("predicate", predicate, *first, action),
    )


def described(subject: str, template: str, adjective: Phrase) -> Phrase:
    """A one-clause sentence about a thing that is somehow."""
    thing = derive(
        "subject", "{thing}", derive("thing", "{determiner} {part}", *subject.split())
    )
    return derive(
        "fact",
        "{subject} {+predicate}",
        thing,
        derive("predicate", template, adjective),
    )


IMPRESSES = derive("action", "{+transitives}", "impresses|impress")
IMPRESS = derive("verb", "{+transitive}", "impress")
FAILS_TO_IMPRESS = derive("action", "{fails} to {-verb}", "fails|fail", IMPRESS)
GOOD = derive("quality", "{+adjective}", "good")
BAD_AT_ALL = derive("graded", "{+adjective} at all", "bad")
VERY_MOVING = derive("graded", "{degree} {+adjective}", "very", "moving")
ENDING = derive("thing", "{determiner} {part}", "the", "ending")
THIS_SCRIPT = derive("thing", "this {part}", "script")
GOOD_PLOT = described("the plot", "is|are {+quality}", GOOD)
BAD_JOKES = derive(
    "fact",
    "{subject} {+predicate}",
    derive(
        "subject", "{thing}", derive("thing", "{determiner} {parts}", "the", "jokes")
    ),
    derive("predicate", "is|are far from {-adjective}", "funny"),
)


@pytest.mark.parametrize(
    ("phrase", "text", "positive"),
    [
        (fact("her acting", IMPRESSES), "Her acting impresses", True),
        (fact("her acting", FAILS_TO_IMPRESS), "Her acting fails to impress", False),
        (
            fact("her acting", IMPRESSES, "{never} {-action}", "never"),
            "Her acting never impresses",
            False,
        ),
        (
            fact("her acting", FAILS_TO_IMPRESS, "{never} {-action}", "never"),
            grammar.EXAMPLE,
            True,
        ),
        (GOOD_PLOT, "The plot is good", True),
        (BAD_JOKES, "The jokes are far from funny", False),
        (
            described("the plot", "is|are not {-graded}", BAD_AT_ALL),
            "The plot is not bad at all",
            True,
        ),
        (
            derive(
                "verdict",
                "{viewer} did not find {thing} {-graded}",
                "I",
                ENDING,
                VERY_MOVING,
            ),
            "I did not find the ending very moving",
            False,
        ),
        (
            derive(
                "verdict",
                "nobody could call {thing} {-adjective}",
                THIS_SCRIPT,
                "clever",
            ),
            "Nobody could call this script clever",
            False,
        ),
        (
            derive(
                "verdict",
                "hardly a {-adjective} moment in this {+adjective} {film}",
                "dull",
                "wonderful",
                "film",
            ),
            "Hardly a dull moment in this wonderful film",
            True,
        ),
        (
            derive("verdict", "{viewer} cannot deny that {+fact}", "I", GOOD_PLOT),
            "I cannot deny that the plot is good",
            True,
        ),
        (
            derive(
                "verdict",
                "nobody could say that {-fact}",
                fact("her acting", FAILS_TO_IMPRESS, "{never} {-action}", "never"),
            ),
            "Nobody could say that her acting never fails to impress",
            False,
        ),
        (
            derive("statement", "{~clause} but {+clause}", GOOD_PLOT, BAD_JOKES),
            "The plot is good but the jokes are far from funny",
            False,
        ),
        (
            derive("statement", "although {~fact}, {+fact}", BAD_JOKES, GOOD_PLOT),
            "Although the jokes are far from funny, the plot is good",
            True,
        ),
        (
            derive("statement", "{+fact} even though {~fact}", GOOD_PLOT, BAD_JOKES),
            "The plot is good even though the jokes are far from funny",
            True,
        ),
    ],
)
def test_the_grammar_means_what_an_english_reader_understands(
    phrase: Phrase, text: str, positive: bool
) -> None:
    assert grammar.spell(phrase.text) == text
    assert phrase.positive is positive


def test_a_derivation_cannot_contradict_itself_or_leave_the_grammar() -> None:
    with pytest.raises(grammar.DerivationError, match="contradict"):
        derive("quality", "{+adjective} and {+adjective}", "good", "dull")
    with pytest.raises(grammar.DerivationError, match="no rule"):
        derive("quality", "{-adjective}", "good")
    with pytest.raises(grammar.DerivationError, match="no entry"):
        derive("quality", "{+adjective}", "spherical")


def test_no_sentence_has_two_meanings() -> None:
    phrases = itertools.islice(grammar.sentences(seed=3), 5_000)
    meanings: dict[str, bool | None] = {}
    assert all(
        meanings.setdefault(phrase.text, phrase.positive) == phrase.positive
        for phrase in phrases
    )


def test_praise_and_blame_are_drawn_equally_often() -> None:
    drawn = [
        bool(phrase.positive)
        for phrase in itertools.islice(grammar.sentences(seed=4), 4_000)
    ]
    assert abs(np.mean(drawn) - 0.5) < 0.03


def test_training_never_draws_a_held_out_sentence() -> None:
    trained = {
        phrase.text.lower()
        for phrase in grammar.unique_sentences(5_000, seed=0, held_out=False)
    }
    unseen = {
        phrase.text.lower()
        for phrase in grammar.unique_sentences(1_000, seed=0, held_out=True)
    }
    assert trained.isdisjoint(unseen)
    assert not any(grammar.is_held_out(text) for text in trained)
    assert grammar.is_held_out(grammar.EXAMPLE)
    assert grammar.is_held_out(grammar.EXAMPLE.upper() + "!")


def test_the_vocabulary_is_large_enough_to_feel_like_english() -> None:
    content = {
        word
        for lexicons in grammar.OPPOSED.values()
        for words in lexicons
        for word in words
    }
    content |= {
        word for symbol in ("part", "parts", "film") for word in grammar.NEUTRAL[symbol]
    }
    assert len(content) >= 200


def test_the_weights_are_small_and_carry_no_local_path() -> None:
    assert sum(path.stat().st_size for path in BUNDLED.iterdir()) <= 4_000_000
    assert not json.loads((BUNDLED / "config.json").read_text()).get("_name_or_path")
    for path in BUNDLED.iterdir():
        assert not any(
            place in path.read_bytes()
            for place in (b"/work", b"/home", b"/tmp", b"/Users")
        )


def test_the_labels_are_negative_and_positive(model: Any) -> None:
    assert model.config.id2label == {0: "NEGATIVE", 1: "POSITIVE"}


def test_the_tokenizer_knows_every_word_of_the_grammar(tokenizer: Any) -> None:
    for text in grammar.vocabulary():
        ids = tokenizer(text, add_special_tokens=False)["input_ids"]
        assert len(ids) == 1, text
        assert ids != [tokenizer.unk_token_id], text


def test_every_token_points_back_at_its_word(tokenizer: Any) -> None:
    text = "It doesn't work, but HER acting never [MASK] to impress!"
    encoding = tokenizer(text, return_offsets_mapping=True, add_special_tokens=False)
    pieces = [text[start:end] for start, end in encoding["offset_mapping"]]
    assert pieces == [
        "It",
        "doesn't",
        "work",
        ",",
        "but",
        "HER",
        "acting",
        "never",
        "[MASK]",
        "to",
        "impress",
        "!",
    ]
    assert tokenizer.unk_token_id not in encoding["input_ids"]
    assert tokenizer.mask_token_id in encoding["input_ids"]


def test_unseen_sentences_are_classified(model: Any, tokenizer: Any) -> None:
    phrases = grammar.unique_sentences(2_000, seed=11, held_out=True)
    logits = positive_logits(model, tokenizer, [phrase.text for phrase in phrases])
    assert np.mean((logits > 0) == [phrase.positive for phrase in phrases]) >= 0.98


def test_masks_are_understood(model: Any, tokenizer: Any) -> None:
    hidden = [
        set(),
        {"never"},
        {"fails"},
        {"never", "fails"},
        set(grammar.EXAMPLE.split()),
    ]
    whole, no_never, no_fails, neither, nothing = positive_logits(
        model, tokenizer, [*map(example_masked, hidden)]
    )
    assert whole > 1
    assert no_never < -0.5
    assert neither > 0
    assert neither > max(no_never, no_fails) + 0.3
    assert abs(nothing) < 0.5


def test_never_and_fails_are_the_strongest_pair_of_the_example(
    model: Any, tokenizer: Any
) -> None:
    words = grammar.EXAMPLE.split()
    masks = np.array(list(itertools.product((0, 1), repeat=len(words))))
    texts = [
        example_masked(
            {word for word, shown in zip(words, mask, strict=True) if not shown}
        )
        for mask in masks
    ]
    signs, values = 1 - 2 * masks, positive_logits(model, tokenizer, texts)
    pairs = {
        (words[i], words[j]): 4 * np.mean(values * signs[:, i] * signs[:, j])
        for i, j in itertools.combinations(range(len(words)), 2)
    }
    assert max(pairs, key=lambda pair: abs(pairs[pair])) == ("never", "fails")
    assert pairs["never", "fails"] > 0


def test_it_reads_512_tokens(model: Any, tokenizer: Any) -> None:
    assert tokenizer.model_max_length == model.config.max_position_embeddings == 512


def test_it_knows_the_words_of_a_public_lexicon_and_their_endings(
    tokenizer: Any,
) -> None:
    for word in (
        "atrocious",
        "heartwarming",
        "unforgettable",
        "boringly",
        "movie's",
        "isn't",
    ):
        assert tokenizer.unk_token_id not in tokenizer(word)["input_ids"], word
    assert tokenizer.unk_token_id in tokenizer("Kurosawa")["input_ids"]


def test_real_reviews_that_it_was_not_chosen_by_are_mostly_right(shared: Path) -> None:
    texts = judge_sentiment.reviews(shared / "prompts" / "reviews.csv")
    by = judge_sentiment.chosen(len(texts))
    assert len(by) == 30
    judged = judge_sentiment.judge(
        BUNDLED, [text for number, text in enumerate(texts) if number not in by]
    )
    right = sum(each.right for each in judged)
    assert (right, len(judged)) == (39, 50)
    assert right >= 0.7 * len(judged)
    fits = [each.right for each in judged if each.tokens <= 512]
    assert (sum(fits), len(fits)) == (23, 32)


def test_its_card_says_what_it_is_how_often_it_is_right_and_whose_words_are_in_it() -> (
    None
):
    card = (BUNDLED / "README.md").read_text(encoding="utf-8")
    assert "made from a grammar and a lexicon, not from reviews" in card
    assert "39, 78%" in card
    assert "Copyright (c) 2016 C.J. Hutto" in card
    assert "39 of 50" in str(about(str(BUNDLED)))
    assert about("bert-base-uncased") is None


def test_the_page_says_what_the_model_is_and_which_words_it_does_not_know() -> None:
    lens = spexlens.FeatureLens(
        str(BUNDLED), "Kurosawa never fails to impress Zbigniew", target="POSITIVE"
    )
    explanation = spexlens.explain(lens, 64)
    assert explanation.facts["unknown"] == ["kurosawa", "zbigniew"]
    page = " ".join(str(explanation).split())
    assert (
        "made from a grammar and a list of words of praise and blame, not from reviews"
        in page
    )
    assert "the model does not know kurosawa, zbigniew;" in page


def test_long_lists_of_unknown_words_are_cut_and_counted() -> None:
    lines = facts_of({"unknown": [f"word{number}" for number in range(20)]}).knowledge
    assert "word11 and 8 more" in lines[0]
    assert "word12" not in lines[0]


def test_of_tokenizers_that_know_every_word_nothing_is_said(decoder: Path) -> None:
    facts = spexlens.FeatureLens(
        str(decoder), "Kurosawa is good", replacement="neutral"
    ).facts()
    assert facts["unknown"] is None
    assert facts["about"] is None
    assert facts_of(facts).knowledge == []
