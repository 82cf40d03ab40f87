"""Names: no two candidates are called alike, wherever they are named."""

import json
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

from spexlens import Explanation, FeatureLens, Game, explain, screen
from spexlens.cli import app
from spexlens.errors import InvalidInput
from spexlens.games.names import positions_named, unique_names
from spexlens.models.bundled import SENTIMENT

OWLS = ["owl", "ink", "owl", "cup"]


def pairs(masks: np.ndarray) -> np.ndarray:
    return 2.0 * masks[:, 0] * masks[:, 1] + 1.0 * masks[:, 2] * masks[:, 3]


def test_repeated_words_are_numbered_and_others_are_not() -> None:
    assert unique_names(OWLS) == ("owl¹", "ink", "owl²", "cup")
    assert unique_names(["a b", "a  b", "Owl", "owl"]) == (
        "a b¹",
        "a  b²",
        "Owl",
        "owl",
    )
    assert unique_names(["x"] * 12)[9:] == ("x¹⁰", "x¹¹", "x¹²")


@pytest.mark.parametrize(
    "labels", [["x", "x", "x²"], ["x²", "x²"], ["x", "x", "x¹", "x#1"], ["", ""]]
)
def test_a_label_that_ends_in_a_number_never_collides(labels: list[str]) -> None:
    assert len(set(unique_names(labels))) == len(labels)
    for place, name in enumerate(unique_names(labels)):
        assert place in positions_named(name, labels)


def test_a_bare_word_means_all_of_it_and_a_numbered_one_that_one() -> None:
    assert positions_named("owl", OWLS) == [0, 2]
    assert positions_named("owl²", OWLS) == positions_named("owl#2", OWLS) == [2]
    assert positions_named("owl#3", OWLS) == positions_named("ink#1", OWLS) == []
    assert positions_named("OWL#1", OWLS, caseless=True) == [0]


def test_every_way_to_name_a_candidate_names_it_the_same(tmp_path: Path) -> None:
    explanation = explain(Game(pairs, OWLS), 16)
    named = [each.labels for each in explanation.interactions() if each.order == 2]
    assert named == [("owl¹", "ink"), ("owl²", "cup")]
    assert "owl¹ × ink" in explanation.to_frame().labels.tolist()
    assert explanation.best_subset(2).labels == ("owl¹", "ink")
    assert explanation.follow_up()[0].labels == ("owl¹", "ink")
    assert "owl² × cup" in repr(explanation)
    saved = json.loads(explanation.to_json())
    assert saved["interactions"][1]["labels"] == ["owl²", "cup"]
    explanation.save(tmp_path / "x.json")
    assert Explanation.load(tmp_path / "x.json").names == ("owl¹", "ink", "owl²", "cup")
    assert (
        "owl² × cup"
        in CliRunner().invoke(app, ["show", str(tmp_path / "x.json")]).stdout
    )


def test_expectations_know_words_and_numbered_names(tmp_path: Path) -> None:
    expected = tmp_path / "expected.toml"
    rules = ["owl", "ink"], ["owl#2", "cup"], ["owl¹", "cup"]
    expected.write_text(
        "".join(f"[[expected]]\nmembers = {json.dumps(rule)}\n" for rule in rules)
    )
    found = explain(Game(pairs, OWLS), 16, expectations=expected).expectations[0]
    assert [each.labels for each in found.found] == [("owl¹", "ink"), ("owl²", "cup")]
    assert [each.name for each in found.missing] == ["owl¹ × cup"]


def test_some_of_a_game_are_named_as_the_whole_names_them() -> None:
    game = Game(pairs, OWLS)
    second = explain(screen(game, ["owl#2", "cup"]), 4)
    assert second.names == ("owl²", "cup")
    assert second.interactions()[0].labels == ("owl²", "cup")
    assert explain(screen(game, ["owl", "cup"]), 8).names == ("owl¹", "owl²", "cup")
    with pytest.raises(
        InvalidInput, match="no candidate 'owls' of 4; there are 'owl¹', 'owl²'"
    ):
        screen(game, ["owls"])


def test_the_command_line_takes_numbered_names() -> None:
    text = "the plot and the jokes and the score"
    told = ["features", text, "--target", "POSITIVE", "--json", "--candidates"]
    one = json.loads(CliRunner().invoke(app, [*told, "the#2,jokes"]).stdout)
    assert [each["span"][0] for each in one["candidates"]] == [
        text.index("the", 5),
        text.index("jokes"),
    ]
    assert {name for row in one["interactions"] for name in row["labels"]} <= {
        "the²",
        "jokes",
    }
    every = json.loads(CliRunner().invoke(app, [*told, "the"]).stdout)
    assert [each["label"] for each in every["candidates"]] == ["the"] * 3
    assert (
        explain(FeatureLens(SENTIMENT, text, target="POSITIVE"), 300).names[0] == "the¹"
    )
