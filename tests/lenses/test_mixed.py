"""Mixed games: a text, components and training examples in one."""

import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from refusing import refused
from typer.testing import CliRunner

from spexlens import (
    DataLens,
    Explanation,
    FeatureLens,
    FineTuning,
    Game,
    Ledger,
    LogisticHead,
    MechanisticLens,
    MixedLens,
    SpexlensError,
    TextParts,
    explain,
    mix,
    screen,
    zoom,
)
from spexlens.cli import app
from spexlens.learners.learner import Fitted, Learner, Task, Trainer
from spexlens.masks import designs, shared_trainings
from spexlens.models.bundled import INDUCTION, SENTIMENT

TEXT = "Her acting never fails to impress"
PRAISE = [
    "a fine film",
    "so much fun",
    "her acting is a joy",
    "a great script",
    "moving and bold",
]
BLAME = [
    "a dull film",
    "bored by it",
    "her acting is a bore",
    "a poor script",
    "flat and tired",
]


def words(**settings: Any) -> FeatureLens:
    return FeatureLens(str(SENTIMENT), TEXT, target="POSITIVE", **settings)


def heads(**settings: Any) -> MechanisticLens:
    return MechanisticLens(str(SENTIMENT), TEXT, target="POSITIVE", **settings)


def test_the_head_that_copies_a_token_and_the_token_are_the_strongest_pair() -> None:
    import handwired

    model, tokenizer = handwired.copier(), handwired.tokenizer()
    how: dict[str, Any] = {"tokenizer": tokenizer, "target": "yes", "foil": "no"}
    text = FeatureLens(model, "a b c d e", replacement="unk", **how)
    mixed = MixedLens([MechanisticLens(model, "a b c d e", **how), text])
    assert [candidate.kind for candidate in mixed.candidates] == ["word"] * 5 + [
        "head"
    ] * 5
    for explanation in (explain(mixed, 1024), explain(mixed, 300)):
        strongest = explanation.interactions(order=2)[0]
        pair = explanation.interactions(order=2, across=True)[0]
        assert pair.labels == ("c", "L0.H2")
        assert pair.across
        assert pair.effect == pytest.approx(1.0, abs=1e-3)
        assert strongest.effect == pytest.approx(pair.effect, abs=1e-3)
        assert "c × L0.H2 (word × head)" in " ".join(repr(explanation).split())


def test_with_all_components_kept_a_mixed_game_is_the_texts_and_the_other_way_round() -> (
    None
):
    text, components = words(), heads(components=["heads", "mlps"])
    mixed = MixedLens([text, components])
    masks = np.random.default_rng(0).random((20, mixed.n)) < 0.5
    whole = masks.copy()
    whole[:, text.n :] = True
    assert np.allclose(mixed.value(whole), text.value(whole[:, : text.n]), atol=1e-5)
    whole = masks.copy()
    whole[:, : text.n] = True
    assert np.allclose(
        mixed.value(whole), components.value(whole[:, text.n :]), atol=1e-5
    )


def test_a_causal_model_is_mixed_too() -> None:
    prompt = "owl ink cup sun key owl ink cup"
    text = FeatureLens(str(INDUCTION), prompt, target="sun", replacement="pad")
    mixed = MixedLens([text, MechanisticLens(str(INDUCTION), prompt, target="sun")])
    explanation = explain(mixed, 600)
    found = {
        interaction.labels for interaction in explanation.interactions(across=True)[:6]
    }
    assert {("cup²", "L0.H2"), ("cup²", "L1.H2")} & found
    assert explanation.facts["lens"] == "mixed"


class Keyed(Learner):
    """Says how often a test text has a word that a kept example has; counts its
    trainings.
    """

    def __init__(self, cost: int = 1, noise: float = 0.0) -> None:
        self.trained: list[bytes] = []
        self.cost, self.noise = cost, noise

    def prepare(self, task: Task) -> Trainer:
        return _KeyedTrainer(self, task, task.tests)


class _KeyedTrainer(Trainer):
    answer = "predictions"

    def __init__(self, learner: Keyed, task: Task, tests: NDArray[Any]) -> None:
        self._learner, self._task, self._tests = learner, task, tests
        self.batch_size, self.seeded = learner.cost, learner.noise > 0

    def fit(self, kept: NDArray[np.bool_], seeds: NDArray[np.int64]) -> Fitted:
        self._learner.trained += [row.tobytes() for row in kept]
        known = [
            {word for text in self._task.inputs[row] for word in text.split()}
            for row in kept
        ]
        scores = [
            [len(own & set(test.split())) for test in self._tests] for own in known
        ]
        drawn = [[np.random.default_rng(seed).normal()] for seed in seeds.tolist()]
        return Fitted(
            (np.array(scores, np.float64) + self._learner.noise * np.array(drawn))[
                ..., None
            ]
        )

    def asking(self, tests: NDArray[Any]) -> Trainer:
        return _KeyedTrainer(self._learner, self._task, tests)

    def identity(self) -> list[Any]:
        return ["keyed", self._learner.cost]

    def facts(self) -> dict[str, Any]:
        return {"learner": "keyed"}


def keyed(
    cost: int = 1, noise: float = 0.0, repeats: int = 1
) -> tuple[Keyed, MixedLens]:
    """Only example 3 knows "zorg", and the test text asks for it; all others share
    other words.
    """
    learner = Keyed(cost, noise)
    texts = [f"alpha{row} beta{row}" for row in range(10)]
    texts[3] = "zorg alpha3"
    point = ("the zorg was here then", [1.0])
    data = DataLens(learner, (texts, np.linspace(0.5, 1.5, 10)), point, repeats=repeats)
    return learner, MixedLens([TextParts("the zorg was here then"), data])


@pytest.mark.parametrize("cost", [1, 7, 64])
def test_the_example_that_an_answer_hangs_on_is_found_with_the_word_that_asks_for_it(
    cost: int,
) -> None:
    learner, mixed = keyed(cost)
    learner.trained.clear()
    explanation = explain(mixed, 300, trainings=50)
    strongest = explanation.interactions(order=2)[0]
    assert [mixed.candidates[i].label.partition(":")[0] for i in strongest.members] == [
        "#3 0.8333",
        "zorg",
    ]
    assert strongest.kinds == ("example", "word")
    assert strongest.effect == pytest.approx(1.0, abs=0.05)
    assert (
        len(learner.trained)
        == len(set(learner.trained))
        == explanation.account.trainings
        <= 50
    )
    # what is left may be too little for two seeds
    assert explanation.calls in (299, 300)
    assert explanation.faithfulness.source == "held out"
    assert f"{explanation.account.trainings} trainings" in repr(explanation)


def test_trainings_are_no_more_than_the_distinct_training_slices_of_any_masks() -> None:
    learner, mixed = keyed()
    masks = shared_trainings.sharing(np.arange(mixed.n) < 10, 200, 17, 0)
    learner.trained.clear()
    with Ledger() as book:
        from spexlens.evaluation.evaluator import Evaluator

        evaluator = Evaluator(mixed, book)
        values = evaluator.values(masks)
    assert len(learner.trained) == evaluator.trainings == 17
    alone = np.array([mixed.value(mask[None])[0] for mask in masks])
    assert np.array_equal(values, alone)


def test_one_seed_gives_one_mixed_explanation_and_a_ledger_pays_once(
    tmp_path: Path,
) -> None:
    def strip(explanation: Explanation) -> list[Any]:
        return [
            explanation.spectrum.values.tolist(),
            explanation.held_out,
            explanation.account.design,
        ]

    with Ledger(tmp_path / "runs.db") as book:
        first = explain(keyed()[1], 120, ledger=book)
        again = explain(keyed()[1], 120, ledger=book)
    assert strip(first) == strip(again) == strip(explain(keyed()[1], 120))
    assert (again.calls, again.account.reused, again.account.trainings) == (
        0,
        first.calls,
        0,
    )
    assert 118 <= first.calls <= 120
    first.save(tmp_path / "x.json")
    assert repr(Explanation.load(tmp_path / "x.json")) == repr(first)


def test_a_head_on_an_encoders_features_is_asked_with_words_and_heads_ablated(
    encoder: Path,
) -> None:
    text = "the film is not bad"
    texts = [
        "the film is not bad",
        "her acting never fails",
        "a critic was bored",
        "the film is bad",
    ] * 3
    data = DataLens(
        LogisticHead(),
        (texts, ["good", "good", "bad", "bad"] * 3),
        (text, "good"),
        encoder=encoder,
    )
    lenses = [
        data,
        FeatureLens(str(encoder), text),
        MechanisticLens(str(encoder), text),
    ]
    mixed = MixedLens(lenses)
    assert [candidate.kind for candidate in mixed.candidates] == ["example"] * 12 + [
        "word"
    ] * 5 + ["head"] * 4
    masks = np.ones((3, mixed.n), np.bool_)
    masks[1:, :12] = np.random.default_rng(0).random((2, 12)) < 0.6
    assert np.allclose(mixed.value(masks), data.value(masks[:, :12]), atol=1e-5)
    masks[:, 13], masks[:, 18] = False, False
    assert not np.allclose(mixed.value(masks), data.value(masks[:, :12]))
    for pair in ([data, lenses[2]], [data, lenses[1]]):
        assert explain(MixedLens(pair), 120, trainings=24).account.trainings <= 24


@pytest.mark.parametrize("train", ["head", "all"])
def test_a_fine_tuned_model_is_asked_with_words_and_heads_ablated(train: str) -> None:
    text = "the film is great fun"
    learner = FineTuning(str(SENTIMENT), train=train, epochs=1)
    labels = ["POSITIVE"] * 5 + ["NEGATIVE"] * 5
    data = DataLens(
        learner, (PRAISE + BLAME, labels), (text, "POSITIVE"), candidates=range(6)
    )
    assert data.model is not None
    how = {"target": "POSITIVE"}
    lenses = [
        FeatureLens(data.model, text, **how),
        MechanisticLens(data.model, text, **how),
    ]
    mixed = MixedLens([data, *lenses])
    masks = np.ones((2, mixed.n), np.bool_)
    masks[1, :3] = False
    assert np.allclose(mixed.value(masks), data.value(masks[:, :6]), atol=1e-5)
    masks[:, 7], masks[:, 13] = False, False
    before = lenses[0].value(np.ones((1, 5), np.bool_))
    assert not np.allclose(mixed.value(masks), data.value(masks[:, :6]))
    # the weights are as they were
    assert np.array_equal(before, lenses[0].value(np.ones((1, 5), np.bool_)))


def test_screened_lenses_are_mixed_and_what_they_left_is_checked() -> None:
    game = mix([screen(words(), 4), screen(heads(), 5)])
    assert game.n == 9
    explanation = explain(game, 200)
    assert explanation.unchosen is not None
    assert explanation.unchosen.candidates == 9
    page = " ".join(repr(explanation).split())
    assert (
        "9 of 18 by gradient x input and by attribution patching (2 forward passes"
        in page
    )
    assert (
        screen(MixedLens([words(), heads()]), 6).facts()["screening_cost"]["forward"]
        == 1
    )


def test_bad_mixtures_are_one_line(encoder: Path, classifier: Path) -> None:
    other = MechanisticLens(str(INDUCTION), "owl ink cup", target="sun")
    assert "one model" in refused(
        lambda: MixedLens([FeatureLens(str(classifier), "the film", target=0), other])
    )
    assert "one input" in refused(
        lambda: MixedLens(
            [words(), MechanisticLens(str(SENTIMENT), "bad film", target="POSITIVE")]
        )
    )
    assert "watches one thing" in refused(
        lambda: MixedLens(
            [words(), MechanisticLens(str(SENTIMENT), TEXT, target="NEGATIVE")]
        )
    )
    assert "at most one of a kind" in refused(lambda: MixedLens([words(), words()]))
    assert "two lenses or more" in refused(lambda: MixedLens([words()]))
    assert "of lenses; got Game" in refused(
        lambda: MixedLens([words(), Game(np.sum, 3)])
    )
    assert "spexlens.mix" in refused(lambda: MixedLens([words(), screen(heads(), 3)]))
    corrupt = heads(
        counterfactual="Her acting always fails to impress", ablation="restore"
    )
    assert "no text to ablate" in refused(lambda: MixedLens([words(), corrupt]))
    resampled = heads(counterfactual="Her acting always fails to impress")
    assert "moves tokens" in refused(
        lambda: MixedLens([words(replacement="delete"), resampled])
    )
    data = DataLens(
        "logistic", (PRAISE + BLAME, [1] * 5 + [0] * 5), TEXT, encoder="tf-idf"
    )
    assert "mix it with TextParts" in refused(lambda: MixedLens([data, words()]))
    assert "the text to ablate" in refused(
        lambda: MixedLens([data, TextParts("another text")])
    )
    assert "no value alone" in refused(lambda: explain(TextParts(TEXT), 100))
    two = DataLens(
        "logistic", (PRAISE + BLAME, [1] * 5 + [0] * 5), [TEXT, "a"], encoder="tf-idf"
    )
    assert "one test point; there are 2" in refused(
        lambda: MixedLens([two, TextParts(TEXT)])
    )
    assert "8 trainings and 25 masks are the least" in refused(
        lambda: explain(keyed()[1], 300, trainings=3)
    )
    assert "method is auto, proxyspex or exact" in refused(
        lambda: explain(keyed()[1], 3000, method="spex")
    )


def test_what_is_watched_is_one_thing_down_to_the_foil() -> None:
    prompt = "owl ink cup sun key owl ink cup"
    text = FeatureLens(
        str(INDUCTION), prompt, target="sun", foil="key", replacement="pad"
    )
    other = MechanisticLens(str(INDUCTION), prompt, target="sun", foil="owl")
    assert "one foil" in refused(lambda: MixedLens([text, other]))
    assert "got NoneType" in refused(lambda: mix([text, None]))  # type: ignore[list-item]


def test_gradients_are_of_what_is_watched_also_where_a_query_is_embedded(
    encoder: Path,
) -> None:
    import torch

    how: dict[str, Any] = {"target": "a critic was bored"}
    text = "the film is not bad"
    mixed = MixedLens(
        [
            FeatureLens(str(encoder), text, **how),
            MechanisticLens(str(encoder), text, **how),
        ]
    )
    for mask in np.random.default_rng(0).random((4, mixed.n)) < 0.5:
        value_at = float(mixed.value_at(torch.from_numpy(mask).float()).detach())
        assert value_at == pytest.approx(mixed.value(mask[None])[0], abs=1e-4)


def test_restoring_reads_the_counterfactual_under_a_retrained_head(
    encoder: Path,
) -> None:
    text, other = "the film is not bad", "her film is not bad"
    texts = [
        "the film is not bad",
        "her acting never fails",
        "a critic was bored",
        "the film is bad",
    ] * 3
    data = DataLens(
        LogisticHead(),
        (texts, ["good", "good", "bad", "bad"] * 3),
        (text, "good"),
        encoder=encoder,
    )
    restored = MechanisticLens(
        str(encoder), text, counterfactual=other, ablation="restore"
    )
    mixed = MixedLens([data, restored])
    masks = designs.corners(mixed.n)
    masks[1, :12] = True
    values = mixed.value(masks)
    assert abs(values[0] - values[1]) > 1e-3
    template = FeatureLens(str(encoder), text, template="her {text}")
    assert "template" in refused(lambda: MixedLens([data, template]))


def test_a_learner_with_a_seed_is_trained_under_two_where_that_is_held_out() -> None:
    for repeats, budget in ((1, 150), (3, 600)):
        explanation = explain(keyed(noise=0.1, repeats=repeats)[1], budget)
        assert explanation.calls + explanation.account.reused <= budget
        assert explanation.account.trainings <= budget // 5
        assert explanation.held_out is not None
        assert explanation.noise is not None
        assert explanation.noise.deviation[0] == pytest.approx(0.1, rel=0.5)


@pytest.mark.parametrize("trainings", [None, 40])
def test_a_zoom_keeps_to_the_trainings(trainings: int | None) -> None:
    texts, labels = (PRAISE + BLAME) * 8, (["good"] * 5 + ["bad"] * 5) * 8
    data = DataLens(
        "logistic", (texts, labels), ("a great film", "good"), encoder="tf-idf"
    )
    explanation = zoom(
        MixedLens([data, TextParts("a great film")]), 300, trainings=trainings
    )
    assert explanation.account.trainings <= (trainings or 60)
    assert explanation.calls + explanation.account.reused <= 300
    assert "20 trainings at least" in refused(
        lambda: zoom(MixedLens([data, TextParts("a great film")]), 300, trainings=10)
    )


def test_examples_alone_of_a_mixed_game_keep_to_the_trainings_too() -> None:
    learner, mixed = keyed()
    learner.trained.clear()
    explanation = explain(screen(mixed, list(range(9))), 300, trainings=60)
    assert len(learner.trained) == explanation.account.trainings <= 60
    chosen = screen(mixed, [0, 3, 10, 11])
    learner.trained.clear()
    assert explain(chosen, 300).account.trainings == len(set(learner.trained)) <= 60


CONFIG = """
text = "{text}"
model = "sentiment"
target = "POSITIVE"
budget = 150
out = "x.json"
ledger = "runs.db"
[features]
candidates = "all"
[mechanistic]
components = "heads"
candidates = 6
"""


def test_the_command_line_mixes_what_a_file_says(tmp_path: Path) -> None:
    config = tmp_path / "config.toml"
    config.write_text(CONFIG.format(text=TEXT))
    result = CliRunner().invoke(app, ["mixed", str(config)], catch_exceptions=False)
    assert "6 words, 6 heads" in result.stdout
    assert "candidates: 12 of 18 by attribution patching" in " ".join(
        result.stdout.split()
    )
    listed = CliRunner().invoke(
        app, ["show", str(tmp_path / "x.json"), "--across"], catch_exceptions=False
    )
    assert "(word × head)" in listed.stdout
    again = CliRunner().invoke(app, ["mixed", str(config)], catch_exceptions=False)
    assert "0 of 150 calls paid, 150 reused" in " ".join(again.stdout.split())


def test_the_command_line_mixes_training_examples_too(tmp_path: Path) -> None:
    rows = [f"{text},good" for text in PRAISE] + [f"{text},bad" for text in BLAME]
    (tmp_path / "train.csv").write_text("\n".join(["text,label", *rows]) + "\n")
    config = tmp_path / "config.toml"
    config.write_text(
        'text = "a great film"\nbudget = 150\ntrainings = 30\n[features]\n[data]\ntrain'
        ' = "train.csv"\nlabel = "good"\nencoder = "tf-idf"\n'
    )
    result = CliRunner().invoke(app, ["mixed", str(config)], catch_exceptions=False)
    page = " ".join(result.stdout.split())
    assert "10 examples, 3 words · log-odds of good" in page
    trainings = re.search(r", (\d+) trainings; ", page)
    assert trainings is not None
    assert 24 <= int(trainings[1]) <= 30


@pytest.mark.parametrize(
    ("content", "wrong"),
    [
        ("text = 'x'\n[features]\nfoo = 1\n", "features.foo: there is no such setting"),
        ("[features]\n", "text: it is missing"),
        ("text = 'x'\n[features]\n", "two sections or three"),
        ("text = \n", "is not TOML"),
    ],
)
def test_a_bad_file_is_one_line(tmp_path: Path, content: str, wrong: str) -> None:
    config = tmp_path / "config.toml"
    config.write_text(content)
    result = CliRunner().invoke(app, ["mixed", str(config)])
    assert isinstance(result.exception, SpexlensError)
    assert wrong in str(result.exception)
    assert "\n" not in str(result.exception)
