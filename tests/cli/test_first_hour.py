"""The first hour: what a newcomer gets wrong, and the line that mends it; Ctrl-C; a
word while it loads.
"""

import json
import os
import pty
import re
import subprocess
import sys
from io import StringIO
from pathlib import Path

import pytest
from typer.testing import CliRunner

from spexlens.cli import app, main

TEXT = "a great film"


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """What lies about in the folder of a beginner, who is in it."""
    (tmp_path / "review.txt").write_text("a great film\n")
    (tmp_path / "results").mkdir()
    (tmp_path / "my-model").mkdir()
    (tmp_path / "train.csv").write_text(
        "text,label\ngood film,p\nbad film,n\ngreat,p\nthin,n\n"
    )
    (tmp_path / "stars.csv").write_text("review,stars\ngood film,p\nbad,n\n")
    monkeypatch.chdir(tmp_path)
    return tmp_path


def said(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, *arguments: str
) -> str:
    """The one line of a command that leaves with exit code 2."""
    monkeypatch.setattr(sys, "argv", ["spexlens", *arguments])
    with pytest.raises(SystemExit) as caught:
        main()
    shown = capsys.readouterr()
    assert (caught.value.code, shown.out) == (2, "")
    assert shown.err.startswith("spexlens: ")
    assert shown.err.count("\n") == 1
    return shown.err.removeprefix("spexlens: ").rstrip("\n")


@pytest.mark.parametrize(
    ("arguments", "line"),
    [
        (
            ["a great film"],
            (
                "name a command first: spexlens features 'a great film' explains that"
                " text; see"
            ),
        ),
        (
            ["feature", TEXT],
            "there is no command 'feature'; did you mean features? see spexlens --help",
        ),
        (
            ["features", "a", "great", "film"],
            "the text is one argument: put it in quotes, as in",
        ),
        (
            ["features", "review.txt"],
            "review.txt is a file: give its text with --file review.txt",
        ),
        (
            ["features"],
            (
                "no text: give it as an argument in quotes, or with --file; standard"
                " input is empty"
            ),
        ),
        (
            ["features", TEXT, "--target", "HAPPY"],
            "the model's labels are NEGATIVE, POSITIVE",
        ),
        (
            ["features", TEXT, "--unit", "words"],
            "did you mean 'word'? choose one of word, token, sentence",
        ),
        (
            ["features", TEXT, "--model", "sentimnet"],
            "did you mean sentiment? Bundled are sentiment, indu",
        ),
        (["features", TEXT, "--model", "my-model"], "there is no config.json in it"),
        (
            ["features", TEXT, "--model", "review.txt"],
            "it is a file: a model is a folder in Transformers'",
        ),
        (
            ["features", TEXT, "--model", "./nowhere"],
            "there is no such directory; bundled are sentiment, ",
        ),
        (
            ["features", TEXT, "--candidates", "0"],
            "choose 1 candidate or more, or all, not 0",
        ),
        (
            ["features", TEXT, "--candidates", "0-99999999999"],
            "--candidates: the range 0-99999999999 is lo",
        ),
        (
            ["features", TEXT, "--out", "results/"],
            "--out results is a folder: name a file in it, such as r",
        ),
        (
            ["features", TEXT, "--out", "none/x.json"],
            "there is no folder none; make it first",
        ),
        (
            ["features", TEXT, "--out", "x.txt"],
            "--out writes JSON: give a path that ends in .json, not x.txt",
        ),
        (
            ["features", TEXT, "--ledger", "results"],
            "--ledger results is a folder: name a file in it, such ",
        ),
        (
            ["features", TEXT, "--budget", "5"],
            "needs at least 8 calls for 3 candidates; the budget is 5",
        ),
        (
            ["features", TEXT, "--budget", "nan"],
            "--budget is a whole number, such as 300; got nan; see spexl",
        ),
        (
            ["features", TEXT, "--budget", "1e3"],
            "--budget is a whole number, such as 300; got 1e3; see spexl",
        ),
        (["features", TEXT, "--budget"], "--budget needs a value behind it"),
        (
            ["features", TEXT, "--budegt", "9"],
            "there is no option --budegt of features; did you mean --budg",
        ),
        (
            ["features", TEXT, "--kind", "banana"],
            "--kind is one of classifier, causal, encoder; got banana",
        ),
        (["features", TEXT, "--json=yes"], "--json takes no value"),
        (
            ["features", TEXT, "--checks", "3"],
            "--checks takes 8 masks or more, or 0 for none; got 3",
        ),
        (
            ["features", TEXT, "--against", "delete", "--checks", "0"],
            "leave --checks 0 out",
        ),
        (
            ["features", TEXT, "--objective", "logit difference"],
            "and --foil go together; give both or nei",
        ),
        (
            ["features", TEXT, "--chat"],
            "the tokenizer has no chat template; leave --chat out",
        ),
        (
            ["mechanistic", TEXT, "--ablation", "mean"],
            "ablation 'mean' needs --reference: prompts whose mea",
        ),
        (
            ["mechanistic", TEXT, "--ablation", "resample"],
            "ablation 'resample' needs --counterfactual: a pr",
        ),
        (
            ["mechanistic", TEXT, "--rescale", "--components", "mlps"],
            "--rescale multiplies the heads that ",
        ),
        (
            ["mechanistic", TEXT, "--layers", "5-2"],
            "--layers: the range 5-2 is empty: give the smaller numb",
        ),
        (
            ["mechanistic", TEXT, "--layers", "0-99999999999"],
            "--layers: the range 0-99999999999 is longer",
        ),
        (["data", "train.csv"], "data needs the test points: --test FILE"),
        (["data"], "data needs the training examples: spexlens data TRAIN --test TEST"),
        (["data", "train.csv", "--test", "stars.csv"], "there is no column 'text'"),
        (
            ["data", "review.txt", "--test", "train.csv"],
            "review.txt is neither .csv nor .jsonl",
        ),
        (
            ["data", "train.csv", "--test", "train.csv", "--repeats", "2"],
            "so --repeats 1 says it all",
        ),
        (
            ["data", "train.csv", "--test", "train.csv", "--label-column", "lable"],
            "no column 'lable'",
        ),
        (["batch", "review.txt"], "review.txt, line 1 is not JSON"),
        (["mixed", "review.txt"], "review.txt is not TOML"),
        (
            ["show", "review.txt"],
            "review.txt is not JSON, as what --out and save write is",
        ),
        (["show", "nowhere.json"], "cannot read nowhere.json: "),
        (
            ["show", "train.csv", "--top", "0"],
            "--top is 1 or more; got 0; see spexlens show --help",
        ),
        (["plan", TEXT, "-n", "4"], "give a text or -n, not both"),
    ],
)
def test_a_wrong_usage_gets_the_line_that_mends_it(
    arguments: list[str],
    line: str,
    folder: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("sys.stdin", StringIO())
    found = said(capsys, monkeypatch, *arguments)
    assert line in found
    assert not re.search(r"np\.|\ba [aeiou]|Value error|\w=\.\.\.|\['|Error:", found)


def test_a_label_is_found_in_any_case_of_its_letters() -> None:
    result = CliRunner().invoke(
        app, ["features", TEXT, "--target", "positive"], catch_exceptions=False
    )
    assert result.exit_code == 0
    assert "POSITIVE" in result.stdout


def test_prompts_that_say_their_targets_are_not_asked_for_another(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    prompts = tmp_path / "p.jsonl"
    prompts.write_text('{"prompt": "owl ink cup sun owl ink cup", "target": "sun"}\n')
    found = said(
        capsys, monkeypatch, "mechanistic", "--prompts", str(prompts), "--target", "owl"
    )
    assert found.startswith("--target has no effect: every prompt of")


# Ctrl-C.


@pytest.mark.parametrize(
    ("arguments", "line"),
    [
        (
            ["features", TEXT, "--ledger", "runs.db"],
            (
                "interrupted; what was paid for is in runs.db: the same command goes on"
                " from there"
            ),
        ),
        (
            ["features", TEXT],
            (
                "interrupted, and nothing was kept; with --ledger FILE the same command"
                " goes on where it was"
            ),
        ),
        (
            ["mechanistic", TEXT, "--ledger", "runs.db"],
            "what was paid for is in runs.db",
        ),
        (
            ["data", "train.csv", "--test", "train.csv", "--ledger", "runs.db"],
            "is in runs.db",
        ),
        (["data", "train.csv", "--test", "train.csv"], "with --ledger FILE"),
        (
            ["batch", "p.jsonl", "--ledger", "runs.db"],
            "what was paid for is in runs.db",
        ),
        (["mixed", "m.toml"], "what was paid for is in mixed.db"),
        (["plan", TEXT, "--ledger", "runs.db"], "what was paid for is in runs.db"),
        (["demo"], "interrupted, and nothing was kept"),
        (["show", "x.json"], "interrupted; nothing was paid for"),
    ],
)
def test_ctrl_c_says_how_to_go_on_in_every_command(
    arguments: list[str],
    line: str,
    folder: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """It comes while the model, or whatever it is, is loaded."""
    (folder / "p.jsonl").write_text('{"prompt": "a great film"}\n')
    (folder / "m.toml").write_text(
        'text = "a b"\nledger = "mixed.db"\n[features]\n[mechanistic]\n'
    )

    def interrupted(*given: object, **named: object) -> None:
        raise KeyboardInterrupt

    for place in (
        "spexlens.cli.features.FeatureLens",
        "spexlens.cli.mechanistic.MechanisticLens",
        "spexlens.cli.data.DataLens",
        "spexlens.cli.mixed.FeatureLens",
        "spexlens.cli.plan.FeatureLens",
        "spexlens.models.huggingface.load",
        "spexlens.explanation.Explanation.load",
    ):
        monkeypatch.setattr(place, interrupted)
    monkeypatch.setattr(sys, "argv", ["spexlens", *arguments])
    with pytest.raises(SystemExit) as caught:
        main()
    shown = capsys.readouterr()
    assert (caught.value.code, shown.out) == (130, "")
    assert shown.err.startswith("spexlens: interrupted")
    assert line in shown.err
    assert shown.err.count("\n") == 1


def test_ctrl_c_before_the_command_is_known_is_one_line(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupted() -> int:
        raise KeyboardInterrupt

    monkeypatch.setattr("spexlens.cli._run", interrupted)
    monkeypatch.setattr(sys, "argv", ["spexlens", "demo"])
    with pytest.raises(SystemExit) as caught:
        main()
    assert caught.value.code == 130
    assert (
        capsys.readouterr().err
        == "spexlens: interrupted while it was loading: nothing was paid for; repeat"
        " the command\n"
    )


# A word while it loads.


def shown_on_a_terminal(*arguments: str) -> bytes:
    """What a command writes to standard error, where that is a terminal."""
    master, slave = pty.openpty()
    command = [
        sys.executable,
        "-c",
        "from spexlens.cli import main; main()",
        *arguments,
    ]
    with subprocess.Popen(
        command, stdin=slave, stdout=subprocess.DEVNULL, stderr=slave
    ) as child:
        os.close(slave)
        shown = b""
        while True:
            try:
                chunk = os.read(master, 4096)
            except OSError:  # the terminal closes with the child
                break
            if not chunk:
                break
            shown += chunk
    os.close(master)
    assert child.returncode == 0
    return shown


def test_a_terminal_gets_a_word_first_that_is_taken_away() -> None:
    shown = shown_on_a_terminal("plan", "-n", "6")
    assert shown == b"loading ...\r" + b" " * len("loading ...") + b"\r"
    assert shown_on_a_terminal("--version") == b""


def test_the_word_is_there_before_anything_heavy_is_imported() -> None:
    code = (
        "import json, sys; import spexlens.cli; print(json.dumps(sorted(sys.modules)))"
    )
    found = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    )
    heavy = {
        "torch",
        "transformers",
        "sklearn",
        "scipy",
        "lightgbm",
        "pydantic",
        "rich",
        "typer",
    }
    assert heavy.isdisjoint(json.loads(found.stdout))


def test_a_pipe_gets_no_word() -> None:
    command = [
        sys.executable,
        "-c",
        "from spexlens.cli import main; main()",
        "plan",
        "-n",
        "6",
    ]
    assert subprocess.run(command, capture_output=True, check=True).stderr == b""
