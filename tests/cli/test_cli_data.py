"""`spexlens data`, as a person at a terminal meets it."""

import csv
import json
import re
import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner

from spexlens import Explanation
from spexlens.cli import app, main

GOOD = [
    "a good film",
    "a great film",
    "her acting never fails to impress",
    "so much fun",
    "a joy to watch",
]
BAD = [
    "a bad film",
    "a terrible film",
    "the plot is thin",
    "the jokes are old",
    "bored by it",
]
AUTHORS = ["Ada", "Ben", "Cy", "Dee"]


@pytest.fixture
def train(tmp_path: Path) -> Path:
    rows = [(text, "positive") for text in GOOD] + [(text, "negative") for text in BAD]
    rows += [("a good joke", "positive"), ("a bad joke", "negative")]
    lines = [(text, label, AUTHORS[row % 4]) for row, (text, label) in enumerate(rows)]
    return written(tmp_path / "train.csv", [("text", "label", "author"), *lines])


@pytest.fixture
def test(tmp_path: Path) -> Path:
    rows = [
        ("text", "label"),
        ("a great joke", "positive"),
        ("a thin film", "negative"),
    ]
    return written(tmp_path / "test.csv", rows)


def written(path: Path, rows: list[tuple[str, ...]]) -> Path:
    with path.open("w", newline="", encoding="utf-8") as file:
        csv.writer(file).writerows(rows)
    return path


def run(*arguments: object) -> str:
    result = CliRunner().invoke(
        app, ["data", *map(str, arguments)], catch_exceptions=False
    )
    assert result.exit_code == 0, result.output
    return result.stdout


def test_a_page_says_what_was_retrained_and_how_well_it_is_predicted(
    train: Path, test: Path
) -> None:
    page = " ".join(run(train, "--test", test, "--budget", 200, "--verbose").split())
    assert (
        "12 examples · log-odds of the right label · mean of 2 test points · retrained:"
        " logistic" in page
    )
    assert "held out: R²" in page
    assert "rank correlation (LDS)" in page
    assert "200 of 200 retrainings paid" in page
    assert re.search(
        r"of 200 retrainings, [12]: nothing was kept: every class counts as equally"
        r" likely",
        page,
    )


def test_a_page_a_test_point(train: Path, test: Path) -> None:
    page = run(train, "--test", test, "--each", "--candidates", 6)
    assert "log-odds of test #0 positive" in page
    assert "test: a great joke" in page
    assert "test: a thin film" in page
    alone = run(train, "--test", test, "--test-row", 1, "--candidates", 6)
    assert "test: a thin film" in alone
    assert (
        "candidates: 6 of 12 by leave-one-out (1 training of a linear head); the other"
        " 6 stay kept" in " ".join(alone.split())
    )


def test_groups_and_candidates_are_chosen(train: Path, test: Path) -> None:
    assert "4 groups" in run(train, "--test", test, "--groups", "author")
    assert "2 groups" in run(train, "--test", test, "--groups", "label")
    two = run(
        train,
        "--test",
        test,
        "--groups",
        "author",
        "--candidates",
        "author Ada,author Cy",
    )
    assert "2 groups" in two
    assert "candidates: 2 of 4 named; the other 2 stay kept" in " ".join(two.split())
    listed = run(train, "--test", test, "--candidates", "0-3,5", "--others", "out")
    assert "5 examples" in listed
    assert "7 others always out" in listed


def test_test_points_without_labels_are_watched_for_what_is_predicted(
    train: Path, tmp_path: Path
) -> None:
    unlabelled = written(tmp_path / "new.csv", [("text",), ("a great joke",)])
    page = run(train, "--test", unlabelled, "--candidates", 6)
    assert "log-odds of positive" in page
    assert "predicted with every example in" in page


@pytest.mark.parametrize(
    ("learner", "seeded"),
    [("ridge", False), ("GaussianNB", False), ("RandomForestClassifier", True)],
)
def test_learners_go_by_name(
    learner: str, seeded: bool, train: Path, test: Path
) -> None:
    page = run(
        train, "--test", test, "--learner", learner, "--candidates", 5, "--budget", 40
    )
    assert ("from seed to seed" in page) == seeded
    assert ("margin" in page) == (learner == "ridge")


def test_a_model_is_fine_tuned(train: Path, test: Path, tmp_path: Path) -> None:
    pytest.importorskip("transformers")
    tuned = [
        "--learner",
        "fine-tuning",
        "--candidates",
        4,
        "--budget",
        20,
        "--epochs",
        1,
        "--device",
        "cpu",
    ]
    ledger = tmp_path / "runs.db"
    page = run(train, "--test", test, *tuned, "--ledger", ledger)
    assert "its head fine-tuned, 1 epochs, AdamW at 0.001" in page
    assert "20 of 20 retrainings paid; " in page
    assert "0 of 20 retrainings paid, 20 reused" in run(
        train, "--test", test, *tuned, "--ledger", ledger
    )


def test_an_encoders_features_are_kept_beside_the_ledger(
    train: Path, test: Path, tmp_path: Path, encoder: Path
) -> None:
    folder = tmp_path / "kept"
    folder.mkdir()
    asked = [train, "--test", test, "--encoder", encoder, "--candidates", 5, "--json"]
    first = json.loads(run(*asked, "--ledger", folder / "a.db"))
    (kept,) = folder.glob("features-*.safetensors")
    stamp = kept.stat().st_mtime_ns
    again = json.loads(run(*asked, "--ledger", folder / "b.db"))
    assert kept.stat().st_mtime_ns == stamp
    assert first["spectrum"] == again["spectrum"]
    kept.write_bytes(b"milk, bread")
    result = CliRunner().invoke(
        app, ["data", *map(str, asked), "--ledger", str(folder / "c.db")]
    )
    assert "delete it" in str(result.exception)


def test_a_saved_explanation_is_shown_again(
    train: Path, test: Path, tmp_path: Path
) -> None:
    path = tmp_path / "x.json"
    page = run(train, "--test", test, "--budget", 150, "--out", path)
    assert CliRunner().invoke(app, ["show", str(path)]).stdout == page
    loaded = Explanation.load(path)
    assert loaded.held_out is not None
    assert loaded.held_out.masks >= 27


def test_bad_input_is_one_line_and_exit_code_2(
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    train: Path,
    test: Path,
    tmp_path: Path,
) -> None:
    (tmp_path / "list.jsonl").write_text("[1, 2]\n")
    cases: list[tuple[list[object], str]] = [
        ([train, "--test", test, "--learner", "magic"], "unknown learner 'magic'"),
        (
            [train, "--test", test, "--text-column", "review"],
            "the columns are text, label, author",
        ),
        (
            [train, "--test", test, "--groups", "source"],
            "near-duplicates, label, author",
        ),
        ([train, "--test", test, "--candidates", ","], "is empty"),
        ([train, "--test", test, "--candidates", "0-99"], "no candidate 12"),
        ([train, "--test", test, "--test-row", 9], "rows 0 to 1"),
        ([train, "--test", test, "--repeats", 2], "draws no random number"),
        (
            [train, "--test", test, "--learner", "fine-tuning", "--encoder", "tf-idf"],
            "no use for --encoder",
        ),
        (
            [train, "--test", test, "--learner", "fine-tuning", "--train", "tail"],
            "'head', 'all'",
        ),
        (
            [train, "--test", test, "--held-out", 500],
            "500 masks held out cost 500 calls",
        ),
        ([train, "--test", test, "--objective", "joy"], "none of log-odds"),
        ([train, "--test", test, "--out", "x.png"], "ends in .json"),
        ([train, "--test", tmp_path / "absent.csv"], "cannot read"),
        ([tmp_path / "list.jsonl", "--test", test], "expected an object"),
    ]
    for arguments, message in cases:
        monkeypatch.setattr(sys, "argv", ["spexlens", "data", *map(str, arguments)])
        with pytest.raises(SystemExit) as caught:
            main()
        shown = capsys.readouterr()
        assert (caught.value.code, shown.out) == (2, "")
        assert shown.err.startswith("spexlens: ")
        assert shown.err.count("\n") == 1
        assert message in shown.err
