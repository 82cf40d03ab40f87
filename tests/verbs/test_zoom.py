"""Zoom: coarse to fine, within one budget and one ledger."""

import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from typer.testing import CliRunner

from spexlens import (
    Candidate,
    DataLens,
    Explanation,
    FeatureLens,
    Game,
    Ledger,
    LogisticHead,
    MechanisticLens,
    SpexlensError,
    explain,
    zoom,
)
from spexlens.cli import app
from spexlens.models.bundled import SENTIMENT

TEXT = (
    "The plot is thin. The jokes are old. Her acting never fails to impress, and the"
    " music is a joy. A critic was bored by the script. The film is not bad."
)


def planted(n: int = 1000, fingerprint: str | None = None) -> tuple[Game, list[int]]:
    """Three pairs and two singles among many; and how many masks were asked for."""
    asked = [0]

    def value(masks: NDArray[np.bool_]) -> NDArray[np.float64]:
        asked[0] += len(masks)
        pairs = masks[:, [101, 404, 802]] & masks[:, [103, 405, 806]]
        return pairs @ np.array([3.0, -2.0, 2.5]) + masks[:, 507] + 0.5 * masks[:, 12]

    return Game(value, n, fingerprint), asked


def test_what_is_planted_among_a_thousand_is_found_down_to_the_candidates() -> None:
    game, asked = planted()
    explanation = zoom(game, 600)
    found = {interaction.labels for interaction in explanation.interactions()[:5]}
    assert {("x101", "x103"), ("x404", "x405"), ("x802", "x806")} <= found
    assert asked[0] == explanation.calls <= 600
    assert explanation.account.budget == 600
    assert [step.level for step in explanation.path] == [
        "block of 64",
        "block of 8",
        "candidate",
    ]
    assert (
        sum(step.calls for step in explanation.path)
        == explanation.calls + explanation.account.reused
    )
    assert explanation.unchosen is not None
    assert explanation.unchosen.share[0] < 0.3


def test_the_path_says_what_was_split_and_survives_a_round_trip(tmp_path: Path) -> None:
    explanation = zoom(planted()[0], 600)
    assert set(explanation.path[1].split) >= {"x96 … x103", "x400 … x407"}
    explanation.save(tmp_path / "x.json")
    again = Explanation.load(tmp_path / "x.json")
    assert again.path == explanation.path
    assert repr(again) == repr(explanation)
    assert "zoom: 16 candidates (block of 64)" in repr(explanation)


def test_one_seed_gives_one_zoom_and_a_ledger_pays_once(tmp_path: Path) -> None:
    game, asked = planted(fingerprint="zoomed")
    with Ledger(tmp_path / "runs.db") as book:
        first = zoom(game, 500, ledger=book)
        paid = asked[0]
        again = zoom(game, 500, ledger=book)
    assert (asked[0], again.calls) == (paid, 0)
    assert again.account.reused == first.calls + first.account.reused
    assert np.array_equal(first.spectrum.values, again.spectrum.values)
    assert first.path == again.path
    assert first.candidates == zoom(planted()[0], 500, seed=0).candidates


def test_what_is_not_split_can_be_grouped_into_one() -> None:
    explanation = zoom(planted()[0], 600, rest="grouped")
    assert explanation.candidates[-1].kind == "rest"
    assert explanation.unchosen is None
    found = {interaction.labels for interaction in explanation.interactions()[:5]}
    assert ("x101", "x103") in found


def test_few_candidates_are_explained_at_once_with_the_whole_budget() -> None:
    game, asked = planted(807)
    few = Game(lambda masks: masks[:, 0] * masks[:, 1] * 1.0, 14)
    explanation = zoom(few, 200)
    assert np.array_equal(
        explanation.spectrum.values, explain(few, 200).spectrum.values
    )
    assert len(explanation.path) == 1
    assert asked[0] == 0
    assert game.n == 807


def test_where_nothing_happens_what_is_left_goes_to_what_there_is() -> None:
    explanation = zoom(Game(lambda masks: np.zeros(len(masks)), 300), 300)
    assert explanation.path[-1].ended
    assert explanation.calls <= 300


def test_a_text_is_split_into_sentences_phrases_and_words() -> None:
    lens = FeatureLens(str(SENTIMENT), TEXT, target="POSITIVE")
    levels = lens.levels()
    assert [level.name for level in levels] == [
        "paragraph",
        "sentence",
        "phrase",
        "word",
    ]
    sentences = [candidate.label for candidate in levels[1].candidates]
    assert sentences[2] == "Her acting never fails to impress, and the music is a joy"
    phrases = [candidate.label for candidate in levels[2].candidates]
    assert "Her acting never fails to impress" in phrases
    assert all(
        isinstance(candidate, Candidate) and candidate.span
        for candidate in levels[1].candidates
    )


def test_a_model_is_split_into_layers_and_components() -> None:
    lens = MechanisticLens(
        str(SENTIMENT), "The film is not bad", components="neurons", target="POSITIVE"
    )
    explanation = zoom(lens, 400)
    assert [len(level) for level in lens.levels()] == [3, 768]
    assert [step.level for step in explanation.path] == ["16 neurons", "neuron"]
    assert "neuron" in {candidate.kind for candidate in explanation.candidates}


def test_training_examples_are_split_from_clusters() -> None:
    rng = np.random.default_rng(0)
    features, labels = rng.normal(size=(120, 5)), rng.integers(0, 2, 120)
    features[:, 0] += 2 * labels
    lens = DataLens(LogisticHead(), (features, labels), (features[0] + 0.1, 1))
    coarse = lens.levels()[0]
    assert 8 <= len(coarse) <= 16
    for group in coarse.groups:
        assert len({labels[position] for position in group}) == 1
    explanation = zoom(lens, 500)
    assert explanation.calls + explanation.account.reused <= 500
    assert explanation.path[0].level == "cluster"
    assert explanation.held_out is not None


@pytest.mark.parametrize(
    ("how", "wrong"),
    [
        (
            {"budget": 39},
            "a zoom begins with 16 candidates .* 40 calls at least; the budget is 39",
        ),
        ({"rest": "lost"}, "is 'kept' or 'grouped'; got 'lost'"),
        ({"method": "magic"}, "unknown method 'magic'"),
        ({"budget": -1}, "a budget is not negative"),
        ({"trainings": 5}, "trainings are counted apart only"),
    ],
)
def test_bad_input_is_one_line(how: dict[str, Any], wrong: str) -> None:
    with pytest.raises(SpexlensError, match=wrong) as caught:
        zoom(planted()[0], **{"budget": 300, **how})
    assert "\n" not in str(caught.value)


def test_a_budget_too_small_for_another_level_ends_with_what_was_found() -> None:
    game, asked = planted()
    explanation = zoom(game, 60)
    assert explanation.calls == asked[0] <= 60
    assert len(explanation.path) == 1
    assert "nothing that matters could be split" in explanation.path[0].ended
    assert "zoom: 16 candidates" in repr(explanation)


@pytest.mark.parametrize("method", ["auto", "spex"])
def test_no_zoom_spends_more_than_its_budget(method: str, tmp_path: Path) -> None:
    for value in (
        lambda masks: np.zeros(len(masks)),
        lambda masks: masks[:, 3] * masks[:, 200] * 1.0,
    ):
        explanation = zoom(Game(value, 300), 1000, method=method)
        assert explanation.calls + explanation.account.reused <= 1000
        assert explanation.account.reused >= 0
        explanation.save(tmp_path / "x.json")
        assert Explanation.load(tmp_path / "x.json").account == explanation.account


def test_what_matters_and_cannot_be_split_stays_whole() -> None:
    lens = MechanisticLens(
        str(SENTIMENT), "her acting never fails to impress", components="neurons"
    )
    explanation = zoom(lens, 400)
    kinds = {candidate.kind for candidate in explanation.candidates}
    assert kinds == {"neuron", "block"} or len(explanation.path) == 1
    assert explanation.unchosen is None or explanation.unchosen.share[0] < 0.9


def test_tokens_without_a_word_have_levels_too() -> None:
    lens = FeatureLens(
        str(SENTIMENT), "!!! . . . , !!!", unit="token", target="POSITIVE"
    )
    assert len(lens.levels()[-1]) == lens.n
    assert zoom(lens, 100).calls <= 100


CHILD = """
import os, sys, numpy as np, spexlens
asked = [0]
def value(masks):
    asked[0] += len(masks)
    with open(sys.argv[2], "a") as log: log.write("x" * len(masks))
    if asked[0] > int(sys.argv[3]): os.kill(os.getpid(), 9)
    return (masks[:, 101] & masks[:, 103]) * 3.0 + masks[:, 507]
game = spexlens.Game(value, 1000, "killed")
game.batch_size = 16
e = spexlens.zoom(game, 300, ledger=sys.argv[1])
print(e.calls, e.account.reused, repr(e.interactions()[0]))
"""


def test_a_zoom_that_is_killed_loses_nothing(tmp_path: Path) -> None:
    def child(ledger: Path, log: Path, most: int) -> subprocess.CompletedProcess[str]:
        arguments = [sys.executable, "-c", CHILD, str(ledger), str(log), str(most)]
        return subprocess.run(arguments, capture_output=True, text=True, check=False)

    whole = child(tmp_path / "a.db", tmp_path / "a.log", 10**9)
    for most in (70, 150):
        assert child(tmp_path / "b.db", tmp_path / "b.log", most).returncode == -9
    ended = child(tmp_path / "b.db", tmp_path / "b.log", 10**9)
    paid = (tmp_path / "a.log").stat().st_size
    again = (tmp_path / "b.log").stat().st_size
    assert whole.returncode == ended.returncode == 0, ended.stderr
    assert whole.stdout.split(" ", 2)[2] == ended.stdout.split(" ", 2)[2]
    assert (
        paid <= again <= paid + 4 * 16
    )  # of each kill, the batch under way and one that waited for its commit


def test_the_command_line_zooms() -> None:
    result = CliRunner().invoke(
        app,
        ["features", TEXT, "--zoom", "-b", "300"],
        catch_exceptions=False,
    )
    assert "zoom: " in result.stdout
    many = [
        "mechanistic",
        "The film is not bad",
        "--components",
        "neurons",
        "--zoom",
        "-b",
        "300",
    ]
    assert "zoom: " in CliRunner().invoke(app, many, catch_exceptions=False).stdout


@pytest.mark.shared
@pytest.mark.pretrained
def test_ten_words_of_a_review_move_the_answer_more_than_those_of_lasso(
    shared: Path, minilm: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A row of `benchmarks/zoom.py`, made small: the beginning of a review, in windows
    of 64 tokens.
    """
    import reviews
    import zoom as benchmark

    monkeypatch.setattr(reviews, "WINDOW", 64)
    model, tokenizer = reviews.judge(words=100)
    review = next(text for text in reviews.reviews()[0] if len(text.split()) >= 400)
    lens = FeatureLens(
        model,
        " ".join(review.split()[:100]),
        tokenizer=tokenizer,
        kind="classifier",
        target="POSITIVE",
        objective="log-odds",
    )
    side = float(np.sign(lens.value(np.ones((1, lens.n), np.bool_))[0]))
    ours, explanation = benchmark.by_zoom(lens, 300, side)
    assert explanation.calls <= 300
    theirs = benchmark.by_lasso(lens, 300, side)
    assert len(set(ours)) == len(set(theirs)) == 10
    assert benchmark.drop(lens, ours) >= benchmark.drop(lens, theirs)
