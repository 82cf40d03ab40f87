"""The first hour in Python: what a newcomer gives works, or one line says what to give."""

from decimal import Decimal
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from refusing import refused

import spexlens
from spexlens import DataLens, Explanation, FeatureLens, Game, MechanisticLens, explain
from spexlens.errors import UnknownArgument
from spexlens.solvers.spex import Spex

TEXT = "her acting never fails to impress"
TABLE = {"text": ["a joy", "a bore", "dull", "great"], "label": ["x", "y", "y", "x"]}


def pair(masks: Any) -> Any:
    """2 for the first two together, -1 for the third."""
    return 2.0 * masks[:, 0] * masks[:, 1] - masks[:, 2]


GAME = Game(pair, ["never", "fails", "to", "to", "act"])


@pytest.fixture(scope="module")
def found() -> Explanation:
    return explain(GAME, 32)


# What is no game.


@pytest.mark.parametrize("verb", [explain, spexlens.zoom, spexlens.screen])
@pytest.mark.parametrize(
    ("given", "mended"),
    [
        (pair, "Game(function, candidates=10)"),
        (TEXT, "FeatureLens(model, text)"),
        ([GAME, GAME], "explain_all(...) explains several"),
        (FeatureLens, "FeatureLens is a class"),
        (None, "takes a lens or a Game; got None"),
    ],
)
def test_what_is_no_game_is_told_what_makes_one(
    verb: Any, given: Any, mended: str
) -> None:
    assert mended in refused(lambda: verb(given, 100))


def test_one_where_several_are_due_is_told_so(found: Explanation) -> None:
    assert "several games" in refused(lambda: list(spexlens.explain_all(GAME)))  # type: ignore[arg-type]
    assert "FeatureLens(model, text)" in refused(
        lambda: list(spexlens.explain_all([TEXT]))
    )  # type: ignore[list-item]
    assert "several explanations" in refused(lambda: spexlens.aggregate(found))  # type: ignore[arg-type]
    assert "several lenses" in refused(lambda: spexlens.mix(GAME))  # type: ignore[arg-type]


def test_a_game_is_of_a_function_and_candidates() -> None:
    assert Game(pair, 10).n == 10
    assert Game(pair, ["a", "b"]).n == 2
    assert "text.split()" in refused(lambda: Game(pair, TEXT))
    assert "got an int" in refused(lambda: Game(10, pair))  # type: ignore[arg-type]


# What a function answers.


@pytest.mark.parametrize(
    "answer",
    [
        lambda masks: pair(masks).tolist(),
        lambda masks: [int(value) for value in pair(masks)],
        lambda masks: [Decimal(float(value)) for value in pair(masks)],
        lambda masks: pair(masks)[:, None],
        lambda masks: pd.Series(pair(masks)),
        lambda masks: [float(pair(mask[None])[0]) for mask in masks],
    ],
)
def test_a_function_may_answer_with_any_numbers(
    answer: Any, found: Explanation
) -> None:
    given = explain(Game(answer, 5), 32)
    assert [each.effect for each in given] == [each.effect for each in found]


@pytest.mark.parametrize("dtype", ["float32", "bfloat16", "float64"])
def test_a_function_may_answer_with_tensors_that_have_gradients(
    dtype: str, found: Explanation
) -> None:
    import torch

    def answer(masks: Any) -> Any:
        return torch.tensor(
            pair(masks), dtype=getattr(torch, dtype), requires_grad=True
        )

    for function in (answer, lambda masks: list(answer(masks))):
        assert [each.effect for each in explain(Game(function, 5), 32)] == [
            each.effect for each in found
        ]


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        (
            lambda masks: None,
            "answered with None; expected real numbers, one for each mask",
        ),
        (lambda masks: "POSITIVE", "answered with the text 'POSITIVE'"),
        (
            lambda masks: ["POSITIVE"] * len(masks),
            "answered with a list, its first part the text 'POSITIVE'",
        ),
        (
            lambda masks: [{"score": 1}] * len(masks),
            "answered with a list, its first part a dict",
        ),
        (lambda masks: (value for value in pair(masks)), "answered with a generator"),
        (lambda masks: pair(masks) + 1j, "answered with an array of complex128 values"),
        (
            lambda masks: 1.0,
            "answered 32 masks with an array of shape (); expected (32,)",
        ),
        (
            lambda masks: pair(masks)[1:],
            "answered 32 masks with an array of shape (31,); expected (32,)",
        ),
        (
            lambda masks: sum(masks),
            "a function of one mask is Game(lambda masks: [function(mask)",
        ),
    ],
)
def test_another_answer_is_named_with_what_is_due(answer: Any, said: str) -> None:
    assert said in refused(lambda: explain(Game(answer, 5, batch_size=32), 32))


def test_a_function_of_one_mask_that_fails_says_what_it_was_handed() -> None:
    with pytest.raises(TypeError) as caught:
        explain(Game(lambda mask: 2.0 * float(mask[0]), 5, batch_size=32), 32)
    (note,) = caught.value.__notes__
    assert note.startswith(
        "spexlens handed the function 32 masks at once, bool of shape (32, 5)"
    )


# Models and texts.


def test_a_pipeline_brings_its_model_and_tokenizer(classifier: Path) -> None:
    from transformers import (
        AutoModelForSequenceClassification,
        AutoTokenizer,
        TextClassificationPipeline,
    )

    model = AutoModelForSequenceClassification.from_pretrained(classifier)
    pipeline = TextClassificationPipeline(
        model=model, tokenizer=AutoTokenizer.from_pretrained(classifier)
    )
    lens = FeatureLens(pipeline, TEXT, target="GOOD")
    assert lens.model.model is pipeline.model
    assert (
        lens.fingerprint
        == FeatureLens(classifier, TEXT, target="GOOD", device="cpu").fingerprint
    )
    assert MechanisticLens(pipeline, TEXT, target="GOOD").model.model is pipeline.model
    learner = spexlens.FineTuning(pipeline)
    points = (["dull", "great", "a joy"], ["BAD", "GOOD", "FAIR"])
    assert DataLens(learner, points, (["great"], ["GOOD"])).model is not None
    assert "FeatureLens(pipeline, text)" in refused(lambda: explain(pipeline))


def test_a_bundled_model_goes_by_its_name_in_python_too() -> None:
    assert (
        FeatureLens("sentiment", TEXT).fingerprint
        == FeatureLens(spexlens.models.bundled.SENTIMENT, TEXT).fingerprint
    )


@pytest.mark.parametrize(
    ("text", "mended"),
    [
        (Path("review.txt"), "Path('review.txt').read_text()"),
        (b"never", "text.decode()"),
        ([TEXT, TEXT], "explain_all([FeatureLens(model, text), ...])"),
        ((TEXT, TEXT), 'template="the other [SEP] {text}"'),
    ],
)
def test_what_is_no_text_is_told_what_to_give(
    classifier: Path, text: Any, mended: str
) -> None:
    assert mended in refused(lambda: FeatureLens(classifier, text))


def test_what_is_no_model_is_told_what_to_give(classifier: Path) -> None:
    from transformers import AutoTokenizer

    tokenizer = AutoTokenizer.from_pretrained(classifier)
    for model in (tokenizer, (None, tokenizer)):
        assert "a model of transformers and tokenizer=..., or a pipeline" in refused(
            lambda model=model: FeatureLens(model, TEXT)
        )


# Tables.


def test_a_table_is_training_examples_without_more_ado() -> None:
    from datasets import Dataset

    points = {"text": ["a joy"], "label": ["x"]}
    made = [
        (TABLE, points),
        (pd.DataFrame(TABLE), pd.DataFrame(points)),
        (Dataset.from_dict(TABLE), Dataset.from_dict(points)),
    ]
    prints = {
        DataLens("ridge", table, test, encoder="tf-idf").fingerprint
        for table, test in made
    }
    assert len(prints) == 1
    lens = DataLens("ridge", pd.DataFrame(TABLE), ["a joy"], encoder="tf-idf")
    assert lens.examples.labels is not None
    numbers = DataLens(
        "ridge",
        (pd.DataFrame(np.eye(4)), pd.Series(TABLE["label"])),
        pd.DataFrame(np.eye(4)[:1]),
    )
    assert numbers.examples.inputs.shape == (4, 4)


@pytest.mark.parametrize(
    ("data", "mended"),
    [
        ({"review": TABLE["text"]}, "Examples.of(table, text=..., label=...)"),
        ("train.csv", "Examples.read('train.csv')"),
        (Path("train.jsonl"), "Examples.read('train.jsonl')"),
        (list(zip(*TABLE.values(), strict=True)), "a pair of lists, (texts, labels)"),
        ([{"text": "a joy", "label": "x"}], "a dictionary of lists"),
    ],
)
def test_other_forms_of_examples_are_told_what_to_give(data: Any, mended: str) -> None:
    assert mended in refused(
        lambda: DataLens("ridge", data, ["a joy"], encoder="tf-idf")
    )


# Arguments.


@pytest.mark.parametrize(
    ("attempt", "said"),
    [
        (
            lambda: explain(GAME, bugdet=50),
            "explain has no argument 'bugdet'; did you mean budget?",
        ),  # type: ignore[call-arg]
        (lambda: FeatureLens("sentiment", TEXT, targets="x"), "did you mean target?"),  # type: ignore[call-arg]
        (lambda: Game(pair, 5, n=3), "it has value, candidates"),  # type: ignore[call-arg]
        (lambda: spexlens.zoom(GAME, check=3), "did you mean checks?"),  # type: ignore[call-arg]
        (lambda: spexlens.explain_all([GAME], untill="stable"), "did you mean until?"),  # type: ignore[call-arg]
    ],
)
def test_a_misspelt_keyword_asks_for_the_one_that_was_meant(
    attempt: Any, said: str
) -> None:
    assert said in refused(attempt)
    with pytest.raises(UnknownArgument) as caught:
        attempt()
    assert isinstance(caught.value, TypeError)


@pytest.mark.parametrize(
    ("asked", "said"),
    [
        ({"budget": "300"}, "a budget is a whole number; got '300'"),
        ({"budget": 300.5}, "a budget is a whole number; got 300.5"),
        ({"seed": None}, "a seed is a whole number; got None"),
        ({"method": "SPEX"}, "did you mean 'spex'?"),
        ({"method": Spex}, "Spex()"),
        ({"method": None}, "a method is one of auto, exact"),
        ({"expectations": {"a": 1}}, "the path of a TOML file"),
        ({"progress": "yes"}, "progress is True for a bar, or a function"),
        ({"progress": 1}, "progress is True for a bar, or a function"),
    ],
)
def test_an_argument_of_another_kind_is_one_line(
    asked: dict[str, Any], said: str
) -> None:
    assert said in refused(lambda: explain(GAME, **asked))


def test_progress_is_a_bar_a_function_or_nothing(
    found: Explanation, capfd: pytest.CaptureFixture[str]
) -> None:
    made = []

    class Bar:
        """Like tqdm's."""

        def __init__(self, total: int) -> None:
            self.total, self.n, self.closed = total, 0, False
            made.append(self)

        def refresh(self) -> None:
            pass

        def close(self) -> None:
            self.closed = True

    told: list[tuple[int, int]] = []
    for progress in (
        True,
        False,
        None,
        Bar,
        lambda done, asked: told.append((done, asked)),
    ):
        given = explain(GAME, 32, progress=progress)
        assert [each.effect for each in given] == [each.effect for each in found]
    assert told[-1] == (32, 32)
    (bar,) = made
    assert (bar.n, bar.total, bar.closed) == (32, 32, True)
    assert capfd.readouterr().out == ""


# An explanation as a list.


def test_an_explanation_is_a_list_of_its_interactions(found: Explanation) -> None:
    ranked = found.interactions()
    assert len(found) == len(ranked) == 4
    assert list(found) == ranked
    assert found[0] == ranked[0]
    assert found[-1] == ranked[-1]
    assert found[:2] == ranked[:2]
    assert found[0].labels == ("never", "fails")
    assert "there are 4 interactions, the first at 0; got 4" in refused(
        lambda: found[4]
    )


def test_an_interaction_is_had_by_its_members_in_any_order(found: Explanation) -> None:
    for key in (
        ("never", "fails"),
        ("fails", "never"),
        (0, 1),
        ["never", 1],
        {"never", "fails"},
        found[0],
    ):
        assert found[key].effect == pytest.approx(2.0)
        assert key in found
    assert found["never"].effect == pytest.approx(1.0)
    # a number alone is a rank
    assert found[2].members == found.interactions()[2].members


def test_members_that_do_not_interact_have_no_effect(found: Explanation) -> None:
    nothing = found["never", "act"]
    assert (nothing.members, nothing.labels, nothing.effect, nothing.share) == (
        (0, 4),
        ("never", "act"),
        0.0,
        0.0,
    )
    assert ("never", "act") not in found
    assert found["never", "fails", "act"].effect == 0.0
    assert "no such word" not in found


def test_a_name_that_is_none_or_two_is_one_line(found: Explanation) -> None:
    assert "there is no candidate 'nevre'; did you mean 'never'?" in refused(
        lambda: found["nevre", "fails"]
    )
    assert "2 candidates are called 'to': give a position, one of 2, 3" in refused(
        lambda: found["to"]
    )
    assert "positions are 0 to 4" in refused(lambda: found[(0, 9)])
    assert "at least one candidate" in refused(lambda: found[()])
    assert "a label or a position" in refused(lambda: found[(0.5,)])


def test_an_explanation_is_true_also_where_nothing_was_found() -> None:
    nothing = explain(Game(lambda masks: np.zeros(len(masks)), 4), 16)
    assert len(nothing) == 0
    assert bool(nothing)


def test_nothing_else_is_iterated_by_accident() -> None:
    for thing in (GAME, spexlens.aggregate([explain(GAME, 32)] * 2)):
        with pytest.raises(TypeError):
            iter(thing)  # type: ignore[call-overload]
    spectrum = explain(GAME, 32).spectrum
    assert dict(spectrum)[(0, 1)] == spectrum[(1, 0)]
    for key in (0, "never"):
        assert "a set is a tuple of positions" in refused(lambda key=key: spectrum[key])
