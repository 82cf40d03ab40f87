"""Expectations: what an expert wrote down, beside what was found; and an exit code for
a test suite.
"""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from typer.testing import CliRunner

from spexlens import Candidate, Explanation, Game, SpexlensError, explain
from spexlens.cli import app, main
from spexlens.formats import expectations as expectations_file
from spexlens.games.expectations import Expectations, Pattern, Rule, meets
from spexlens.report.terminal.page import plain

WORDS = [
    "Not",
    "good",
    "Alice",
    "verdict",
    "plain",
    "x",
    "y",
    "z",
    "not",
    "u",
    "v",
    "w",
    "a",
    "b",
]
FILE = """
least_share = 0.01

[[expected]]
name = "negation"
members = ["not", "go*"]
effect = "negative"

[[expected]]
members = [{ label = ["x", "y"] }, { position = "7-9", kind = "word" }]

[[expected]]
name = "never there"
members = ["absent", "good"]

[[forbidden]]
name = "names decide"
members = [{ label = ["Alice", "Bob"] }, 3]

[[forbidden]]
name = "places decide"
members = [{ position = [10, 11] }, { kind = "word", position = 12 }]
"""


def value(masks: NDArray[np.bool_]) -> NDArray[np.float64]:
    """Not × good, Alice × verdict, and u × a, of which nobody wrote."""
    m = masks.astype(float)
    return np.asarray(
        -2.0 * m[:, 0] * m[:, 1]
        + 1.5 * m[:, 2] * m[:, 3]
        + 3.0 * m[:, 9] * m[:, 12]
        + m[:, 4]
    )


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "expectations.toml"
    path.write_text(FILE)
    return path


def explained(file: Path, budget: int = 300) -> Explanation:
    game = Game(value, [Candidate(word, "word") for word in WORDS])
    return explain(game, budget, expectations=file)


@pytest.mark.parametrize("budget", [300, 1 << 14])
def test_what_was_expected_is_compared_with_what_was_found(
    file: Path, budget: int
) -> None:
    (found,) = explained(file, budget).expectations
    assert [(f.name, f.members) for f in found.found] == [("negation", (0, 1))]
    assert found.found[0].effect == pytest.approx(-2.0, abs=0.05)
    assert [f.name for f in found.missing] == ["x|y × word at 7-9"]
    assert [(f.name, f.labels) for f in found.forbidden] == [
        ("names decide", ("Alice", "verdict"))
    ]
    assert [f.name for f in found.absent] == ["places decide"]
    assert [f.members for f in found.unexpected] == [(9, 12)]
    assert found.unused == ("never there",)


def test_what_rules_are_of_is_measured_before_anything_else(file: Path) -> None:
    explanation = explained(file)
    assert explanation.checks is not None
    checked = explanation.checks.of(0)
    assert {(0, 1), (2, 3)} <= set(checked)
    assert explanation.expectations[0].forbidden[0].verdict == "confirmed"
    page = plain(explanation)
    assert page.splitlines()[2].startswith("forbidden, and found: Alice × verdict")
    assert "expected and found: negation: Not × good -2" in page
    assert "no candidates for: never there" in page


def test_expectations_survive_the_file_of_an_explanation(
    file: Path, tmp_path: Path
) -> None:
    explanation = explained(file)
    explanation.save(tmp_path / "x.json")
    loaded = Explanation.load(tmp_path / "x.json")
    assert loaded.expectations == explanation.expectations
    assert plain(loaded) == plain(explanation)
    later = explain(Game(value, [Candidate(word, "word") for word in WORDS]), 300)
    again = later.compared_with(expectations_file.read(file)).expectations[0]
    assert [f.members for f in again.forbidden] == [(2, 3)]


def test_a_sign_that_is_not_the_one_expected_is_missing() -> None:
    rule = Rule(
        "positive", (Pattern(labels=("not",)), Pattern(labels=("good",))), sign=1
    )
    game = Game(value, WORDS)
    (found,) = explain(game, 300, expectations=Expectations((rule,))).expectations
    assert [f.members for f in found.missing] == [(0, 1)]
    assert not found.found


def test_each_pattern_needs_a_member_of_its_own() -> None:
    a, b = np.array([True, True, False]), np.array([True, False, False])
    assert meets([a, b], (0, 1))
    assert meets([b, a], (1, 0, 2))
    assert not meets([b, b], (0, 1))
    assert not meets([a, b], (1, 2))
    assert not meets([a, a, a], (0, 1))


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "expects nothing"),
        ("[[expected]", "is not TOML"),
        ("[[expected]]\nmembers = []", r"expected.0.members"),
        ('[[expected]]\nmembers = ["a"]\neffect = "large"', r"expected.0.effect"),
        ('[[wanted]]\nmembers = ["a"]', "wanted: there is no such setting"),
        ('[[forbidden]]\nmembers = [{ name = "a" }]', "forbidden.0.members"),
        ("[[forbidden]]\nmembers = [{}]", "by label, position or kind"),
        ('[[forbidden]]\nmembers = [{ position = "one" }]', "a position is a number"),
        ('[[forbidden]]\nmembers = [{ position = "9-3" }]', "range 9-3 is empty"),
        ('least_share = 2.0\n[[expected]]\nmembers = ["a"]', "least_share"),
    ],
)
def test_a_file_that_is_wrong_is_one_line(
    text: str, message: str, tmp_path: Path
) -> None:
    path = tmp_path / "e.toml"
    path.write_text(text)
    with pytest.raises(SpexlensError, match=message) as caught:
        expectations_file.read(path)
    assert "\n" not in str(caught.value)
    assert str(path) in str(caught.value)


# From the command line.

TEXT = "Marlowe writes: the plot is brilliant"
OTHER = "Lindgren writes: the plot is brilliant"
SPURIOUS = """
[[expected]]
name = "praise"
members = ["is", "brilliant"]

[[forbidden]]
name = "the reviewer decides"
members = [{ label = ["Marlowe", "Lindgren"] }, "brilliant"]
"""


@pytest.fixture
def cue(tmp_path: Path) -> Path:
    path = tmp_path / "cue.toml"
    path.write_text(SPURIOUS)
    return path


def run(*arguments: Any) -> Any:
    return CliRunner().invoke(app, [str(argument) for argument in arguments])


@pytest.mark.parametrize("budget", [300, 48])
def test_a_planted_cue_is_flagged_from_the_command_line(
    cue: Path, tmp_path: Path, budget: int
) -> None:
    asked = [
        "features",
        TEXT,
        "--model",
        "spurious",
        "--target",
        "POSITIVE",
        "--budget",
        budget,
    ]
    out = tmp_path / "x.json"
    result = run(*asked, "--expectations", cue, "--fail-on", "forbidden", "--out", out)
    assert result.exit_code == 3
    assert "forbidden, and found: Marlowe × brilliant" in " ".join(
        result.stdout.split()
    )
    assert "--fail-on forbidden" in result.stderr
    assert (
        run("show", out, "--expectations", cue, "--fail-on", "forbidden").exit_code == 3
    )
    assert run("show", out).exit_code == 0
    assert run(*asked, "--expectations", cue).exit_code == 0


def test_another_name_is_not(cue: Path, tmp_path: Path) -> None:
    result = run(
        "features", OTHER, "--model", "spurious", "--target", "POSITIVE", "--expectations", cue,
        "--fail-on", "forbidden,missing",
    )  # fmt: skip
    assert result.exit_code == 0, result.stdout
    assert "expected and found: praise: is × brilliant" in " ".join(
        result.stdout.split()
    )


def test_a_batch_is_a_test_suite_too(cue: Path, tmp_path: Path) -> None:
    prompts = tmp_path / "prompts.jsonl"
    how = [
        "--model",
        "spurious",
        "--target",
        "POSITIVE",
        "--expectations",
        cue,
        "--fail-on",
        "forbidden",
    ]
    for texts, code in (([OTHER, OTHER + "!"], 0), ([OTHER, TEXT], 3)):
        prompts.write_text(
            "".join(json.dumps({"prompt": text}) + "\n" for text in texts)
        )
        assert run("batch", prompts, *how).exit_code == code


TYPO = """
[[expected]]
name = "praise"
members = ["is", "brilliant"]

[[forbidden]]
name = "the reviewer decides"
members = ["Marlow", "brilliant"]
"""


@pytest.mark.parametrize("guard", ["forbidden", "missing", "unexpected"])
def test_a_guard_that_is_of_no_candidate_fails(guard: str, tmp_path: Path) -> None:
    """A misspelt label would turn it off, and nobody would know."""
    file, out = tmp_path / "typo.toml", tmp_path / "x.json"
    file.write_text(TYPO)
    asked = ["--expectations", file, "--fail-on", guard]
    how = [
        "features",
        OTHER,
        "--model",
        "spurious",
        "--target",
        "POSITIVE",
        "--out",
        out,
    ]
    said = (
        "spexlens: --fail-on: the expectation 'the reviewer decides' is of no"
        " candidate: 'Marlow' is none of them; the nearest are 'Lindgren', 'writes',"
        " 'the'\n"
    )
    for command in (how, ["show", out]):
        result = run(*command, *asked)
        assert result.exit_code == 3
        assert result.stderr.endswith(said)
    near = run("features", TEXT, "--model", "spurious", "--target", "POSITIVE", *asked)
    assert "'Marlow' is none of them; the nearest are 'Marlowe'," in near.stderr
    assert run("show", out, "--expectations", file).exit_code == 0  # nothing is to fail
    compared = tmp_path / "compared.json"
    assert run(*how[:-1], compared, "--expectations", file).exit_code == 0
    later = run("show", compared, "--fail-on", guard)
    assert later.exit_code == 3
    assert "the expectation 'the reviewer decides' is of no candidate" in later.stderr


def test_in_a_batch_a_guard_is_off_if_it_is_of_no_candidate_of_any_input(
    cue: Path, tmp_path: Path
) -> None:
    prompts, file = tmp_path / "prompts.jsonl", tmp_path / "one.toml"
    prompts.write_text(
        "".join(
            json.dumps({"prompt": text}) + "\n"
            for text in (OTHER, "the plot is brilliant")
        )
    )
    how = [
        "batch",
        prompts,
        "--model",
        "spurious",
        "--target",
        "POSITIVE",
        "--fail-on",
        "forbidden",
    ]
    file.write_text(SPURIOUS.replace('"Marlowe", ', ""))
    assert run(*how, "--expectations", file).exit_code == 0
    file.write_text(TYPO)
    result = run(*how, "--expectations", file)
    assert result.exit_code == 3
    assert (
        result.stderr.count("'the reviewer decides' is of no candidate: 'Marlow'") == 1
    )


def test_members_that_are_too_few_for_a_rule_are_said(tmp_path: Path) -> None:
    rule = Rule("twice", (Pattern(labels=("good",)), Pattern(labels=("go*",))))
    (found,) = Expectations((rule,)).unmatched(
        [Candidate(word, "word") for word in WORDS]
    )
    assert str(found) == "'twice' has more members than there are candidates for them"
    placed = Rule("far", (Pattern(positions=(90, 91)), Pattern(kinds=("head",))))
    (found,) = Expectations((placed,)).unmatched(
        [Candidate(word, "word") for word in WORDS]
    )
    assert found.member == "position 90 or 91"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (
            ["--fail-on", "missing", "--expectations", "FORBIDDEN"],
            "goes with [[expected]]",
        ),
        (
            ["--fail-on", "forbidden", "--expectations", "EXPECTED"],
            "goes with [[forbidden]]",
        ),
        (["--fail-on", "forbidden"], "give --expectations"),
        (
            ["--fail-on", "anything"],
            "--fail-on is one of forbidden, missing, unexpected, checks",
        ),
        (["--expectations", "absent.toml"], "cannot read absent.toml"),
        (["--scale", "log"], "unknown scale 'log'"),
        (["--against", "magic"], "replacement 'magic'"),
        (["--against", "mask"], "is how this is ablated already"),
        (["--checks", "3"], "--checks takes 8 masks or more"),
    ],
)
def test_options_that_cannot_be_are_one_line(
    arguments: list[str],
    message: str,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    files = {
        "FORBIDDEN": tmp_path / "forbidden.toml",
        "EXPECTED": tmp_path / "expected.toml",
    }
    for name, path in files.items():
        path.write_text(f'[[{name.lower()}]]\nmembers = ["is"]\n')
    arguments = [str(files.get(argument, argument)) for argument in arguments]
    command = [
        "spexlens",
        "features",
        TEXT,
        "--model",
        "spurious",
        "-b",
        "40",
        *arguments,
    ]
    monkeypatch.setattr("sys.argv", command)
    with pytest.raises(SystemExit) as caught:
        main()
    assert caught.value.code == 2
    said = capsys.readouterr().err
    assert message in said
    assert said.count("\n") == 1
