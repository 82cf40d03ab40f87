"""What is far too large, too small or damaged goes on, or ends in one line that says
what to do.
"""

import json
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest
from refusing import refused_command
from typer.testing import CliRunner

from spexlens import Game, explain
from spexlens.cli import app
from spexlens.evaluation.ledger.ledger import Ledger

TEXT = "The film is not bad"
GAME = Game(lambda masks: 1.0 * (masks[:, 0] & masks[:, 1]), 3, "small")


def ran(*arguments: object) -> str:
    result = CliRunner().invoke(app, list(map(str, arguments)), catch_exceptions=False)
    assert result.exit_code == 0, result.output
    return result.stdout


def test_a_text_of_four_megabytes_meets_the_window(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    text = tmp_path / "long.txt"
    text.write_text("word " * 800_000)
    said = refused_command(capsys, monkeypatch, "features", "--file", text)
    assert "reads at most 512 at once: give --windows" in said


def test_budgets_and_orders_beyond_what_there_is_mean_all_of_it(tmp_path: Path) -> None:
    found = explain(GAME, 10**9, noise=0)
    assert (found.calls, found.faithfulness.source) == (8, "exact")
    assert found.interactions(order=99) == found.interactions(order=None)
    found.save(tmp_path / "x.json")
    listed = ran("show", tmp_path / "x.json", "--index", "bii", "--order", 99)
    assert "x0 × x1" in listed


def test_many_candidates_are_planned_with_the_budget_that_was_given() -> None:
    page = ran("plan", "-n", 2500, "--budget", 10_000)
    assert "10000" in page
    assert "spex" in page


def test_what_cannot_be_is_refused_in_a_line(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    for arguments, said in (
        (("plan", "-n", 40, "--budget", 10**9), "give a smaller one"),
        (("features", TEXT, "--smallest", 0), "up to 1; got 0"),
        (
            ("features", TEXT, "--budget", "nan"),
            "--budget is a whole number, such as 300; got nan",
        ),
    ):
        assert said in refused_command(capsys, monkeypatch, *arguments)


def test_a_damaged_ledger_is_salvaged_and_goes_on_as_the_line_says(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    ledger, whole = tmp_path / "runs.db", tmp_path / "whole.db"
    before = json.loads(ran("features", TEXT, "--ledger", ledger, "--json"))
    with closing(sqlite3.connect(ledger, isolation_level=None)) as raw:
        raw.execute(
            "UPDATE ablations SET value = x'0102030405060708' WHERE mask = (SELECT"
            " max(mask) FROM ablations)"
        )
    said = refused_command(capsys, monkeypatch, "features", TEXT, "--ledger", ledger)
    assert f"spexlens salvage {ledger}" in said
    assert (
        ran("salvage", ledger, whole)
        == f"31 answers are kept in {whole}; 1 are lost and will be asked for again\n"
    )
    assert "exists already" in refused_command(
        capsys, monkeypatch, "salvage", ledger, whole
    )
    after = json.loads(ran("features", TEXT, "--ledger", whole, "--json"))
    assert (after["account"]["calls"], after["account"]["reused"]) == (1, 31)
    # The one that is asked for again goes alone through the model, whose last digits
    # differ by that.
    assert after["spectrum"]["coefficients"] == pytest.approx(
        before["spectrum"]["coefficients"], abs=1e-6
    )
    with Ledger(whole) as book:
        assert len(book) == 32
