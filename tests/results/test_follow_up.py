"""Follow-up: every command that is proposed runs as it stands, and asks about the
interaction it is for.
"""

import json
import shlex
from typing import Any

import numpy as np
import pytest
from typer.testing import CliRunner

from spexlens import DataLens, FeatureLens, Game, MechanisticLens, explain
from spexlens.cli import app
from spexlens.models.bundled import SENTIMENT, SPURIOUS

TEXT = "Marlowe writes: the plot is brilliant"


def run(command: str, *more: str) -> Any:
    program, *arguments = shlex.split(command)
    assert program == "spexlens"
    result = CliRunner().invoke(app, [*arguments, *more])
    assert result.exit_code == 0, result.output + str(result.exception)
    return result.stdout


def test_the_next_steps_of_a_text_run_as_they_are_written() -> None:
    explanation = explain(FeatureLens(SPURIOUS, TEXT, target="POSITIVE"), 300)
    steps = explanation.follow_up()
    first = steps[0]
    assert first.labels == ("Marlowe", "brilliant")
    assert first.why == "which heads carry it"
    assert "[MASK] writes: the plot is [MASK]" in shlex.split(first.command)
    heads = json.loads(run(first.command, "--json"))
    assert heads["facts"]["counterfactual"] == "[MASK] writes: the plot is [MASK]"
    assert heads["facts"]["target"] == "POSITIVE"
    assert {candidate["kind"] for candidate in heads["candidates"]} == {"head"}
    other = next(step for step in steps if "another replacement" in step.why)
    assert (
        json.loads(run(other.command, "--json"))["artefacts"]["variants"][0]["name"]
        == "delete"
    )
    assert len({step.command for step in steps}) == len(steps)


def test_sentences_are_zoomed_into() -> None:
    text = (
        "The plot is not bad. Her acting never fails to impress. I like the film but"
        " the score is dull."
    )
    explanation = explain(
        FeatureLens(SENTIMENT, text, unit="sentence", target="POSITIVE"), 50
    )
    steps = explanation.follow_up()
    finer = next(step for step in steps if "words of it" in step.why)
    assert "zoom:" in run(finer.command)


def test_text_that_looks_like_an_option_or_holds_quotes_is_quoted() -> None:
    text = "--json isn't \"bad\"; it's brilliant"
    explanation = explain(FeatureLens(SENTIMENT, text, target="POSITIVE"), 64)
    steps = [step for step in explanation.follow_up() if "replacement" in step.why]
    assert steps
    run(steps[0].command)


def test_components_have_next_steps() -> None:
    lens = MechanisticLens(
        SENTIMENT, "Her acting never fails to impress", target="POSITIVE"
    )
    steps = explain(lens, 100).follow_up()
    assert any("neurons" in step.why for step in steps)
    run(next(step for step in steps if "neurons" in step.why).command, "-b", "100")


def test_functions_and_training_examples_have_next_steps_in_python() -> None:
    game = Game(lambda m: 2.0 * (m[:, 0] & m[:, 1]), 12)
    step = explain(game, 100).follow_up()[0]
    assert step.command.startswith("spexlens.explain(game, 200")
    rng = np.random.default_rng(0)
    features = rng.normal(size=(16, 4))
    features[1] = features[0]
    lens = DataLens("logistic", (features, np.arange(16) % 2), (features[0], 1))
    steps = explain(lens, 120).follow_up()
    assert all(
        step.command.startswith("spexlens.explain(spexlens.screen(lens, [")
        for step in steps
    )


def test_what_was_refuted_is_not_followed() -> None:
    explanation = explain(Game(lambda m: m[:, 0] * 1.0, 12), 100)
    assert explanation.follow_up() == []


@pytest.mark.parametrize(
    "option", [["--sufficient", "0.9"], ["--necessary", "0.9"], ["--follow-up"]]
)
def test_show_lists_them(option: list[str], tmp_path: Any) -> None:
    explain(FeatureLens(SPURIOUS, TEXT, target="POSITIVE"), 300).save(
        tmp_path / "x.json"
    )
    shown = CliRunner().invoke(app, ["show", str(tmp_path / "x.json"), *option])
    assert shown.exit_code == 0
    assert "Marlowe" in shown.stdout
