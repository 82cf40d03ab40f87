"""An option that would have no effect is refused; every option of every command is in
the table here.
"""

import json
import sys
from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner

from spexlens import Candidate, Game, explain
from spexlens.cli import app, main
from spexlens.cli.unused import NEEDS
from spexlens.cli.usage import option_of

COMMANDS = typer.main.get_command(app).commands  # type: ignore[attr-defined]

REFUSED: dict[str, dict[str, tuple[list[str], str]]] = {
    "features": {
        "--neutral": (["x", "--neutral", "A"], "goes with --replacement neutral"),
        "--revision": (["x", "--revision", "main"], "is of a model on the hub"),
        "--screening": (
            ["x", "--screening", "leave-one-out", "--candidates", "a,b"],
            "chooses a number",
        ),
        "--until-stable": (["x", "--until-stable", "--zoom"], "goes without --zoom"),
        "--fail-on": (
            ["x", "--fail-on", "checks", "--checks", "0"],
            "goes without --checks 0",
        ),
        "--verbose": (["x", "--verbose", "--json"], "is of the page"),
    },
    "mechanistic": {
        "--revision": (["x", "--revision", "main"], "is of a model on the hub"),
        "--screening": (
            ["x", "--screening", "leave-one-out", "--candidates", "all"],
            "chooses a number",
        ),
        "--until-stable": (["x", "--until-stable", "--zoom"], "goes without --zoom"),
        "--fail-on": (
            ["x", "--fail-on", "checks", "--checks", "0"],
            "goes without --checks 0",
        ),
        "--verbose": (["x", "--verbose", "--json"], "is of the page"),
    },
    "data": {
        **{
            option: (
                ["t.csv", "--test", "u.csv", option, *value],
                "goes with --learner fine-tuning",
            )
            for option, *value in (
                ("--model", "sentiment"),
                ("--train", "head"),
                ("--epochs", "3"),
                ("--learning-rate", "0.1"),
                ("--revision", "main"),
                ("--device", "cpu"),
                ("--trust-remote-code",),
            )
        },
        "--encoder": (
            [
                "t.csv",
                "--test",
                "u.csv",
                "--learner",
                "fine-tuning",
                "--encoder",
                "tf-idf",
            ],
            "no use for --encoder",
        ),
        "--others": (
            ["t.csv", "--test", "u.csv", "--others", "out", "--candidates", "all"],
            "no others",
        ),
        "--screening": (
            [
                "t.csv",
                "--test",
                "u.csv",
                "--screening",
                "influence",
                "--candidates",
                "1,2",
            ],
            "chooses a number",
        ),
        "--until-stable": (
            ["t.csv", "--test", "u.csv", "--until-stable", "--zoom"],
            "goes without --zoom",
        ),
        "--held-out": (
            ["t.csv", "--test", "u.csv", "--held-out", "20", "--zoom"],
            "goes without --zoom",
        ),
        "--fail-on": (
            ["t.csv", "--test", "u.csv", "--fail-on", "checks", "--checks", "0"],
            "--checks 0",
        ),
        "--verbose": (
            ["t.csv", "--test", "u.csv", "--verbose", "--json"],
            "is of the page",
        ),
    },
    "mixed": {
        "--until-stable": (
            ["m.toml", "--until-stable", "--zoom"],
            "goes without --zoom",
        ),
        "--fail-on": (
            ["m.toml", "--fail-on", "checks", "--checks", "0"],
            "goes without --checks 0",
        ),
        "--verbose": (["m.toml", "--verbose", "--json"], "is of the page"),
    },
    "batch": {
        **{
            option: (
                ["p.jsonl", "--lens", "mechanistic", option, *value],
                "goes with --lens features",
            )
            for option, *value in (
                ("--unit", "word"),
                ("--replacement", "mask"),
                ("--neutral", "A"),
                ("--template", "{text}"),
                ("--chat",),
                ("--windows",),
            )
        },
        **{
            option: (["p.jsonl", option, *value], "goes with --lens mechanistic")
            for option, *value in (
                ("--components", "heads"),
                ("--layers", "0"),
                ("--ablation", "zero"),
                ("--reference", "r.txt"),
                ("--rescale",),
            )
        },
        "--revision": (["p.jsonl", "--revision", "main"], "is of a model on the hub"),
        "--screening": (
            ["p.jsonl", "--screening", "x", "--candidates", "all"],
            "chooses a number",
        ),
        "--scale": (["p.jsonl", "--scale", "sd"], "is of one explanation"),
        "--fail-on": (
            ["p.jsonl", "--fail-on", "checks", "--checks", "0"],
            "goes without --checks 0",
        ),
    },
    "plan": {
        **{
            option: (["-n", "9", option, *value], "is of a text: leave out -n")
            for option, *value in (
                ("--file", "x.txt"),
                ("--model", "sentiment"),
                ("--target", "POSITIVE"),
                ("--foil", "NEGATIVE"),
                ("--unit", "word"),
                ("--objective", "logit"),
                ("--replacement", "mask"),
                ("--neutral", "A"),
                ("--template", "{text}"),
                ("--chat",),
                ("--windows",),
                ("--candidates", "all"),
                ("--screening", "x"),
                ("--ledger", "runs.db"),
                ("--revision", "main"),
                ("--device", "cpu"),
                ("--batch-size", "4"),
                ("--trust-remote-code",),
            )
        },
    },
    "show": {
        "--order": (["x.json", "--order", "3"], "is that of an index"),
        "--time-limit": (["x.json", "--time-limit", "3"], "is that of a search"),
        "--top": (["x.json", "--top", "3", "--json"], "is the rows of a table"),
        "--output": (["x.json", "--output", "A", "--json"], "is the whole file"),
        "--expectations": (
            ["x.json", "--expectations", "e.toml", "--follow-up"],
            "is compared on the page",
        ),
        "--scale": (["x.json", "--scale", "sd", "--best-subset", "2"], "is of effects"),
        "--verbose": (
            ["x.json", "--verbose", "--follow-up"],
            "is of the page, which is not shown",
        ),
    },
}
"""Of each command, each option that can be without effect: a line that gives it so, and
what is said.
"""

ALWAYS = {
    "salvage": {"DAMAGED", "NEW"},
    "demo": {"TEXT", "--budget", "--seed", "--verbose"},
    "show": {
        *(
            "FILE",
            "--index",
            "--across",
            "--best-subset",
            "--sufficient",
            "--necessary",
            "--follow-up",
        ),
        *("--fail-on", "--json"),
    },
    "plan": {"TEXT", "-n", "--budget", "--checks", "--method", "--seed", "--json"},
    "mixed": {
        *(
            "CONFIG",
            "--zoom",
            "--ledger",
            "--out",
            "--json",
            "--device",
            "--trust-remote-code",
            "--checks",
        ),
        *(
            "--noise",
            "--against",
            "--ordinary",
            "--expectations",
            "--smallest",
            "--scale",
        ),
    },
    "features": {
        *(
            "TEXT",
            "--file",
            "--model",
            "--target",
            "--foil",
            "--unit",
            "--objective",
            "--replacement",
        ),
        *(
            "--template",
            "--chat",
            "--windows",
            "--candidates",
            "--zoom",
            "--budget",
            "--method",
            "--seed",
            "--ledger",
        ),
        *(
            "--out",
            "--json",
            "--kind",
            "--device",
            "--batch-size",
            "--trust-remote-code",
            "--checks",
        ),
        *(
            "--noise",
            "--against",
            "--ordinary",
            "--expectations",
            "--smallest",
            "--scale",
        ),
    },
    "mechanistic": {
        *(
            "TEXT",
            "--file",
            "--prompts",
            "--model",
            "--target",
            "--foil",
            "--objective",
            "--components",
        ),
        *(
            "--layers",
            "--ablation",
            "--reference",
            "--counterfactual",
            "--rescale",
            "--candidates",
            "--zoom",
        ),
        *(
            "--budget",
            "--method",
            "--seed",
            "--ledger",
            "--out",
            "--json",
            "--kind",
            "--device",
        ),
        *(
            "--batch-size",
            "--trust-remote-code",
            "--checks",
            "--noise",
            "--against",
            "--ordinary",
        ),
        *("--expectations", "--smallest", "--scale"),
    },
    "data": {
        *(
            "TRAIN",
            "--test",
            "--test-row",
            "--each",
            "--text-column",
            "--label-column",
            "--learner",
        ),
        *(
            "--groups",
            "--candidates",
            "--objective",
            "--repeats",
            "--zoom",
            "--budget",
            "--method",
            "--seed",
        ),
        *(
            "--ledger",
            "--out",
            "--json",
            "--checks",
            "--noise",
            "--against",
            "--ordinary",
            "--expectations",
        ),
        *("--smallest", "--scale"),
    },
    "batch": {
        *(
            "FILE",
            "--lens",
            "--model",
            "--target",
            "--foil",
            "--objective",
            "--candidates",
            "--budget",
        ),
        *(
            "--method",
            "--seed",
            "--ledger",
            "--out",
            "--index",
            "--order",
            "--least",
            "--json",
            "--kind",
        ),
        *(
            "--device",
            "--batch-size",
            "--trust-remote-code",
            "--checks",
            "--noise",
            "--until-stable",
        ),
        *("--against", "--ordinary", "--expectations", "--smallest"),
    },
}
"""Those that always have one, or are refused by the library, in a line of its own,
where they have none.
"""


def options(command: str) -> set[str]:
    return {option_of(param) for param in COMMANDS[command].params} - {"--help"}


@pytest.mark.parametrize("command", sorted(COMMANDS))
def test_every_option_of_every_command_is_in_the_table(command: str) -> None:
    refused, always = set(REFUSED.get(command, {})), ALWAYS[command]
    assert options(command) == refused | always
    assert not refused & always
    needs = {name for need in NEEDS.get(command, ()) for name in need.names}
    written = {
        option_of(param) for param in COMMANDS[command].params if param.name in needs
    }
    assert written == refused


@pytest.mark.parametrize(
    ("command", "option"),
    [(command, option) for command, rows in REFUSED.items() for option in rows],
)
def test_an_option_without_effect_is_refused_before_anything_is_read(
    command: str,
    option: str,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    line, said = REFUSED[command][option]
    monkeypatch.setattr(sys, "argv", ["spexlens", command, *line])
    with pytest.raises(SystemExit) as caught:
        main()
    shown = capsys.readouterr()
    assert (caught.value.code, shown.out) == (2, "")
    assert shown.err.startswith(f"spexlens: {option} ")
    assert said in shown.err
    assert shown.err.count("\n") == 1


@pytest.mark.parametrize(
    "line",
    [
        ["features", "x", "--objective", ""],
        ["show", "x.json", "--index", ""],
        ["features", "x", "--model="],
    ],
)
def test_an_empty_value_is_not_taken_for_none(
    line: list[str], capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "argv", ["spexlens", *line])
    with pytest.raises(SystemExit) as caught:
        main()
    assert caught.value.code == 2
    option = next(part for part in line if part.startswith("--")).rstrip("=")
    assert (
        capsys.readouterr().err
        == f"spexlens: {option} is empty: say what is meant, or leave it out\n"
    )


# What show lists, it lists as JSON too.


@pytest.fixture
def saved(tmp_path: Path) -> Path:
    game = Game(
        lambda masks: 2.0 * masks[:, 0] * masks[:, 1] + masks[:, 2],
        [Candidate(label, "word") for label in ("not", "bad", "film", "the")],
    )
    explain(game, 64).save(tmp_path / "x.json")
    return tmp_path / "x.json"


def listed(saved: Path, *options: str) -> dict[str, object]:
    result = CliRunner().invoke(
        app, ["show", str(saved), "--json", *options], catch_exceptions=False
    )
    assert result.exit_code == 0, result.output
    page = json.loads(result.stdout)
    assert {key: page[key] for key in ("file", "lens", "unit", "scale")} == {
        "file": str(saved),
        "lens": "function",
        "unit": "value",
        "scale": "raw",
    }
    (output,) = page["outputs"]
    assert output.pop("output") is None
    return dict(output)


def test_an_index_is_listed_as_json(saved: Path) -> None:
    found = listed(saved, "--index", "bii", "--order", "2", "--top", "1")
    assert found == {
        "interactions": {
            "index": "bii",
            "order": 2,
            "across": False,
            "found": [
                {
                    "members": [0, 1],
                    "labels": ["not", "bad"],
                    "kinds": ["word", "word"],
                    "effect": pytest.approx(2.0),
                    "share": pytest.approx(0.25 / (0.25 * 3 + 0.25)),
                    "interval": pytest.approx([2.0, 2.0]),
                    "verdict": None,
                }
            ],
        }
    }


def test_sets_and_follow_ups_are_listed_as_json_and_together(saved: Path) -> None:
    found = listed(
        saved,
        "--best-subset",
        "2",
        "--sufficient",
        "0.6",
        "--necessary",
        "0.6",
        "--follow-up",
    )
    assert list(found) == ["best_subset", "sufficient", "necessary", "follow_up"]
    assert found["best_subset"] == {
        "members": [0, 1],
        "labels": ["not", "bad"],
        "predicted": pytest.approx(2.0),
        "bound": pytest.approx(2.0),
        "proved": True,
    }
    assert found["sufficient"] == {
        "members": [0, 1],
        "labels": ["not", "bad"],
        "share": 0.6,
        "threshold": pytest.approx(1.8),
        "predicted": pytest.approx(2.0),
    }
    assert found["necessary"]["members"] in ([0], [1])  # type: ignore[index]
    (step,) = found["follow_up"]  # type: ignore[misc]
    assert step["members"] == [0, 1]
    assert step["command"].startswith("spexlens.explain(game, 128")


def test_what_is_listed_is_printed_one_below_the_other(saved: Path) -> None:
    result = CliRunner().invoke(
        app, ["show", str(saved), "--index", "sii", "--best-subset", "2"]
    )
    assert "sii of order 2" in result.stdout
    assert "best 2 of 4 to keep" in result.stdout
