"""The command line, as a person at a terminal or a program at the end of a pipe meets
it.
"""

import json
import os
import pty
import re
import signal
import sqlite3
import subprocess
import sys
import time
from contextlib import closing
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from refusing import refused_command as refused
from typer.testing import CliRunner

from spexlens import Explanation, Ledger
from spexlens.cli import app
from spexlens.cli.inputs import lines_of, prompts_of, text_of
from spexlens.errors import InvalidInput

TEXT = "Her acting never fails to impress"


def run(*arguments: str, stdin: str = "") -> str:
    result = CliRunner().invoke(
        app, list(arguments), input=stdin, catch_exceptions=False
    )
    assert result.exit_code == 0, result.output
    return result.stdout


def test_the_demo_shows_a_double_negation_as_a_pair() -> None:
    page = run("demo")
    first = next(line for line in page.splitlines() if "×" in line)
    assert "never × fails" in first
    assert first.startswith("+")
    assert "together raise it, neither does alone" in page
    assert "300 of 300 calls paid" in page


def test_the_double_negation_is_the_strongest_pair_of_the_whole_table() -> None:
    explanation = json.loads(run("features", TEXT, "--target", "POSITIVE", "--json"))
    assert explanation["account"]["method"] == "exact"
    assert explanation["account"]["calls"] == 64
    pairs = {
        tuple(members): coefficient
        for members, coefficient in zip(
            explanation["spectrum"]["sets"],
            explanation["spectrum"]["coefficients"],
            strict=True,
        )
        if len(members) == 2
    }
    labels = [candidate["label"] for candidate in explanation["candidates"]]
    assert [labels[i] for i in max(pairs, key=lambda pair: abs(pairs[pair]))] == [
        "never",
        "fails",
    ]
    assert pairs[2, 3] > 0


def test_a_text_comes_from_an_argument_a_file_or_standard_input(tmp_path: Path) -> None:
    (tmp_path / "text.txt").write_text(TEXT + "\n")
    pages = [
        json.loads(run("features", *arguments, "--json", stdin=stdin))["spectrum"]
        for arguments, stdin in (
            ((TEXT,), ""),
            (("--file", str(tmp_path / "text.txt")), ""),
            ((), TEXT + "\n"),
            (("-",), TEXT),
        )
    ]
    assert pages[0] == pages[1] == pages[2] == pages[3]


@pytest.mark.parametrize("end", ["", "\n", "\r\n"])
def test_a_byte_order_mark_is_no_text(tmp_path: Path, end: str) -> None:
    file = tmp_path / "text.txt"
    file.write_bytes(f"\ufeff{TEXT}{end}".encode())
    assert text_of(None, file) == TEXT
    assert text_of("\ufeff" + TEXT, None) == TEXT
    page = run("features", "--json", stdin=f"\ufeff{TEXT}{end}")
    assert json.loads(page)["facts"]["text"] == TEXT


def test_standard_input_is_utf8_whatever_the_locale_says() -> None:
    command = [
        sys.executable,
        "-c",
        "from spexlens.cli.inputs import text_of; print(ascii(text_of(None, None)))",
    ]
    environment = {**os.environ, "PYTHONIOENCODING": "latin-1", "PYTHONUTF8": "0"}
    found = subprocess.run(
        command,
        input="\ufeffd\u00e9j\u00e0\u2028vu\n".encode(),
        capture_output=True,
        env=environment,
        check=True,
    )
    assert found.stdout.decode().strip() == ascii("d\u00e9j\u00e0\u2028vu")


def test_a_text_that_is_not_unicode_is_one_line(tmp_path: Path) -> None:
    with pytest.raises(
        InvalidInput, match=r"half a character, '.udce9', at position 3"
    ):
        text_of("caf\udce9", None)
    result = CliRunner().invoke(app, ["features"], input=b"caf\xe9")
    said = str(result.exception)
    assert said.startswith(
        "standard input is not UTF-8 text: byte 3, in line 1, is 0xe9; "
    )


@pytest.mark.parametrize(
    "mark", ["\x0b", "\x0c", "\r", "\x1c", "\x1e", "\x85", "\u2028", "\u2029"]
)
def test_nothing_but_a_newline_ends_a_line_of_a_file(tmp_path: Path, mark: str) -> None:
    file = tmp_path / "lines"
    file.write_bytes(f"\ufeffthe{mark}cat \r\n\r\nthe dog{mark}!\n".encode())
    assert lines_of(file) == [f"the{mark}cat ", f"the dog{mark}!"]
    file.write_bytes(
        json.dumps({"prompt": f"the{mark}cat"}, ensure_ascii=False).encode("utf-8-sig")
    )
    assert prompts_of(file) == {"inputs": [f"the{mark}cat"]}


def test_a_saved_explanation_is_shown_again(tmp_path: Path) -> None:
    path = tmp_path / "x.json"
    page = run("features", TEXT, "--out", str(path))
    assert run("show", str(path)) == page
    assert run("show", str(path), "--json").strip() == Explanation.load(path).to_json()
    assert len(run("show", str(path), "--top", "1").splitlines()) < len(
        page.splitlines()
    )
    listed = run("show", str(path), "--index", "sii", "--order", "1").splitlines()
    shapley = Explanation.load(path).interactions("sii", 1)
    assert [line.split() for line in listed[2:]] == [
        [f"{i.effect:+.3f}", *i.labels] for i in shapley
    ]


def test_a_ledger_is_paid_into_once(tmp_path: Path) -> None:
    ledger = str(tmp_path / "runs.db")
    assert "64 of 300 calls paid" in run("features", TEXT, "--ledger", ledger)
    assert "0 of 300 calls paid, 64 reused" in run("features", TEXT, "--ledger", ledger)


def test_several_targets_are_shown_one_after_the_other() -> None:
    page = run("features", TEXT, "--target", "POSITIVE", "--target", "NEGATIVE")
    assert "logit of POSITIVE" in page
    assert "logit of NEGATIVE" in page


def test_a_plan_says_what_a_budget_buys() -> None:
    assert re.search(
        r"method +proxyspex\nmasks +448\nbudget +500",
        run("plan", "-n", "40", "-b", "500"),
    )
    assert re.search(r"method +exact\nmasks +64\nbudget +300", run("plan", "-n", "6"))
    timed = run("plan", TEXT + " and the plot is not bad at all", "--budget", "400")
    assert re.search(
        r"time +about [\d.]+ s for \d+ masks at \d+ a second, on cpu", timed
    )


def test_a_plan_can_be_read_by_a_machine() -> None:
    planned = json.loads(run("plan", "-n", "40", "--json"))
    assert planned == {
        "candidates": 40,
        "method": "proxyspex",
        "masks": 268,
        "budget": 300,
        "design": "both corners, 78 far apart, then where a kernel is least sure",
        "checks": "30 masks more, of the budget, check what was found",
        "noise": "2 masks are asked twice; more if those differ",
    }


def test_what_a_plan_timed_is_not_paid_for_again(tmp_path: Path) -> None:
    ledger = tmp_path / "runs.db"
    text = TEXT + " and the plot is not bad at all"
    run("plan", text, "--ledger", str(ledger))
    with Ledger(ledger) as book:
        timed = len(book)
    assert 0 < timed <= 300
    explanation = json.loads(run("features", text, "--ledger", str(ledger), "--json"))
    assert explanation["account"]["reused"] == timed
    assert explanation["account"]["calls"] == 300 - timed
    assert re.search(
        "time +none: the ledger holds every mask",
        run("plan", text, "--ledger", str(ledger)),
    )
    more = run("plan", text, "--budget", "400", "--ledger", str(ledger))
    assert re.search(r"masks +360\n(.*\n)+time +about [\d.]+ s for 90 masks", more)


def test_bad_input_is_one_line_and_exit_code_2(
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    causal: Path,
) -> None:
    (tmp_path / "not-a-ledger.db").write_text("milk, bread")
    (tmp_path / "damaged.json").write_text('{"format": "spexlens explanation", ')
    (tmp_path / "newer.json").write_text(
        '{"format": "spexlens explanation", "format_version": 9}'
    )
    (tmp_path / "model").mkdir()
    cases = [
        (["features", " "], "the text is empty"),
        (["features", TEXT, "--target", "MAYBE"], "labels are NEGATIVE, POSITIVE"),
        (["features", TEXT + " " + TEXT, "--budget", "10"], "at least 20 calls"),
        (["features", TEXT, "--model", str(tmp_path / "model")], "cannot load a model"),
        (
            [
                "features",
                TEXT,
                "--model",
                str(causal),
                "--target",
                "x",
                "--replacement",
                "mask",
            ],
            "these work: ",
        ),
        (["features", TEXT * 200], "reads at most"),
        (
            ["features", TEXT, "--ledger", str(tmp_path / "not-a-ledger.db")],
            "is not a ledger",
        ),
        (
            ["features", TEXT, "--ledger", str(tmp_path / "no" / "x.db")],
            "its folder does not exist",
        ),
        (["features", TEXT, "--out", "x.png"], "ends in .json"),
        (
            ["features", TEXT, "--out", str(tmp_path / "no" / "x.json")],
            "can be written",
        ),
        (["features", TEXT, "--out", "/proc/x.json"], "can be written"),
        (["features", TEXT, "--file", "x.txt"], "not both"),
        (["features", "--file", str(tmp_path / "absent.txt")], "cannot read"),
        (["features", TEXT, "--method", "magic"], "choose one of auto"),
        (["features", TEXT, "--unit", "letter"], "choose one of word"),
        (["plan", "-n", "0"], "at least 1"),
        (["plan", "-n", "40", "--budget", "5"], "at least 20 calls"),
        (["show", str(tmp_path / "damaged.json")], "is damaged"),
        (["show", str(tmp_path / "newer.json")], "upgrade"),
        (["show", str(tmp_path / "absent.json")], "cannot read"),
    ]
    for arguments, message in cases:
        assert message in refused(capsys, monkeypatch, *arguments), arguments


def test_the_version_is_shown() -> None:
    assert re.fullmatch(r"spexlens \d+\.\d+\.\d+\n", run("--version"))


def spexlens(*arguments: str) -> list[str]:
    return [sys.executable, "-c", "from spexlens.cli import main; main()", *arguments]


def test_a_pipe_gets_no_progress_and_no_colour() -> None:
    result = subprocess.run(
        spexlens("features", TEXT), capture_output=True, text=True, check=True
    )
    assert result.stderr == ""
    assert "\x1b" not in result.stdout


def test_a_terminal_gets_progress_and_colour() -> None:
    master, slave = pty.openpty()
    environment = {**os.environ, "TERM": "xterm-256color", "COLUMNS": "100"}
    environment.pop("NO_COLOR", None)
    with subprocess.Popen(
        spexlens("demo"), stdin=slave, stdout=slave, stderr=slave, env=environment
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
    assert b"\x1b[" in shown
    assert b"300/300" in shown
    assert b"/s" in shown


LONG = " ".join([TEXT] * 4)
CALLS = 400
LONG_RUN = ["features", LONG, "-b", str(CALLS), "--batch-size", "2"]
"""Long enough to be stopped in its midst."""


def paid_for(ledger: Path) -> int:
    """How many evaluations a ledger holds that another process is writing."""
    if not ledger.exists():
        return 0
    with closing(sqlite3.connect(f"file:{ledger}?mode=ro", uri=True)) as connection:
        try:
            return int(
                connection.execute("SELECT COUNT(*) FROM ablations").fetchone()[0]
            )
        except sqlite3.OperationalError:  # not made yet
            return 0


def interrupted(ledger: Path, how: signal.Signals) -> int:
    """Start a long command, stop it once it has paid for something, and say how much it
    kept.
    """
    command = spexlens(*LONG_RUN, "--ledger", str(ledger))
    # What a shell starts in the background ignores interrupts, and so would its
    # children.
    heeding = partial(signal.signal, signal.SIGINT, signal.SIG_DFL)
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, preexec_fn=heeding
    ) as child:
        deadline = time.monotonic() + 600
        while time.monotonic() < deadline and not paid_for(ledger):
            time.sleep(0.05)
        child.send_signal(how)
        _, said = child.communicate(timeout=600)
    if how is signal.SIGINT:
        assert child.returncode == 130
        assert (
            said.decode()
            == f"spexlens: interrupted; what was paid for is in {ledger}: the same"
            " command goes on from there\n"
        )
    assert child.returncode not in (0, None)
    with Ledger(ledger) as book:
        run_row = book.runs()[0]
        assert run_row.seconds is None
        assert 0 < run_row.evaluations == len(book) < CALLS
        return len(book)


def test_a_command_that_was_stopped_goes_on_where_it_was(tmp_path: Path) -> None:
    whole = json.loads(run(*LONG_RUN, "--json"))
    for how in (signal.SIGINT, signal.SIGKILL):
        ledger = tmp_path / f"{how.name}.db"
        kept = interrupted(ledger, how)
        resumed = json.loads(run(*LONG_RUN, "--json", "--ledger", str(ledger)))
        assert resumed["account"]["reused"] == kept
        assert resumed["account"]["calls"] == CALLS - kept
        _same(resumed, whole)


def _same(resumed: dict[str, Any], whole: dict[str, Any]) -> None:
    for part in ("spectrum", "faithfulness", "whole", "empty", "details"):
        assert resumed[part] == whole[part]


def test_the_mechanistic_lens_at_the_command_line(tmp_path: Path) -> None:
    out = tmp_path / "x.json"
    page = run(
        "mechanistic", TEXT, "--target", "POSITIVE", "-b", "100", "--out", str(out)
    )
    assert "12 heads · logit of POSITIVE · ablated by zero" in page
    assert "L1 H0 H1 H2 H3" in page
    assert "100 of 100 calls paid" in page
    explanation = Explanation.load(out)
    assert [candidate.kind for candidate in explanation.candidates] == ["head"] * 12
    found = explanation.best_subset(6)
    shown = run("show", str(out), "--best-subset", "6")
    assert "best 6 of 12 to keep · logit of POSITIVE" in shown
    assert ", ".join(found.labels) in shown
    assert f"predicted: {found.value:+.3f} with only these" in shown
    assert "no other so large is predicted higher" in shown


def test_prompts_references_and_counterfactuals_at_the_command_line(
    tmp_path: Path,
) -> None:
    prompts, reference = tmp_path / "prompts.jsonl", tmp_path / "reference.txt"
    rows = [
        {"prompt": "owl ink cup sun owl ink cup", "target": "sun", "foil": "owl"},
        {"prompt": "fox jar key fox jar", "target": "key", "foil": "jar"},
    ]
    prompts.write_text("\n".join(map(json.dumps, rows)))
    reference.write_text("ant bee cat dog\n\nbus car egg\n")
    settings = ["--model", "induction", "--prompts", str(prompts), "-b", "64"]
    page = run(
        "mechanistic",
        *settings,
        "--reference",
        str(reference),
        "--components",
        "heads,L0.MLP",
    )
    assert (
        "8 heads, 1 MLP · logit difference of 2 targets over 2 foils · mean of 2"
        " prompts" in page
    )
    assert "ablated by mean" in page
    assert "L0 H0 H1 H2 H3 MLP" in page
    assert "64 of 64 calls paid; " in page
    facts = json.loads(run("mechanistic", *settings, "--json", "--layers", "1"))[
        "facts"
    ]
    assert facts["texts"] == [row["prompt"] for row in rows]
    page = run(
        "mechanistic", "owl ink cup sun owl ink cup", "--model", "induction", "--counterfactual",
        "owl ink cup sun fox jar bee", "--ablation", "restore", "--components", "residual", "--layers", "0-0",
    )  # fmt: skip
    assert (
        "8 positions · log-probability of sun · restored in the counterfactual" in page
    )


@pytest.mark.parametrize(
    ("arguments", "lines", "message"),
    [
        (
            ["--layers", "x"],
            "",
            "--layers takes numbers and ranges such as 0-3,5; got 'x'",
        ),
        (
            ["--components", "L9.H0"],
            "",
            "there is no L9.H0; the model has layers L0 to L2",
        ),
        (
            ["--prompts", "FILE"],
            '{"prompt": "a"}',
            "give one text or --prompts, not both",
        ),
        (["--reference", "FILE"], " \n", "holds no prompt; expected one a line"),
        (["--reference", "nowhere.txt"], "", "cannot read nowhere.txt"),
        (["--out", "x.csv"], "", "--out writes JSON"),
    ],
)
def test_a_mechanistic_command_that_cannot_be_carried_out_is_one_line(
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    arguments: list[str],
    lines: str,
    message: str,
) -> None:
    file = tmp_path / "lines"
    file.write_text(lines)
    given = [str(file) if argument == "FILE" else argument for argument in arguments]
    assert message in refused(capsys, monkeypatch, "mechanistic", TEXT, *given)


@pytest.mark.parametrize(
    ("lines", "message"),
    [
        ("nothing", "prompt 1, is not JSON"),
        (
            '{"prompt": "a"}\n[1]',
            "prompt 2: expected an object with prompt, target, foil, counterfactual",
        ),
        ('{"text": "a"}', "prompt 1: expected an object with prompt"),
        (
            '\n{"prompt": "a", "prompt": "b"}',
            "line 2, prompt 1: the key 'prompt' is there twice",
        ),
        ('{"prompt": "half \\ud83d"}', "prompt 1: 'prompt' is not valid Unicode"),
        (
            '{"prompt": "a", "target": "b"}\n{"prompt": "a"}',
            "prompt 2: has not the keys of prompt 1",
        ),
        ('{"prompt": 3}', "the prompt is a text; got 3"),
    ],
)
def test_a_file_of_prompts_that_cannot_be_read_says_where(
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    lines: str,
    message: str,
) -> None:
    file = tmp_path / "prompts.jsonl"
    file.write_text(lines)
    assert message in refused(
        capsys, monkeypatch, "mechanistic", "--prompts", str(file)
    )


def test_a_foil_at_the_command_line() -> None:
    page = run(
        "features", TEXT, "--target", "POSITIVE", "--foil", "NEGATIVE", "-b", "64"
    )
    assert (
        "6 words · logit difference of POSITIVE over NEGATIVE · ablated by mask" in page
    )


LONG = (
    "The plot is thin and the jokes are old, but her acting never fails to impress. The"
    " film is not bad, and a great critic was bored by the music. The script is a joy."
)


def test_twenty_candidates_are_chosen_unless_it_is_said_which(tmp_path: Path) -> None:
    page = " ".join(run("features", LONG, "-b", "100").split())
    assert "20 words" in page
    assert (
        "candidates: 20 of 35 by gradient x input (1 forward pass, 1 backward pass);"
        " the other 15 stay" in page
    )
    assert "not chosen: ablating random halves of the 15 others" in page
    assert "35 words" in run("features", LONG, "-b", "100", "--candidates", "all")
    named = " ".join(
        run(
            "features", LONG, "-b", "100", "--candidates", "never,fails,not,joy,bored"
        ).split()
    )
    assert "candidates: 5 of 35 named" in named
    refined = [
        "--screening",
        "gradient, then leave-one-out",
        "--candidates",
        "5",
        "--ledger",
    ]
    book = str(tmp_path / "runs.db")
    assert "16 calls" in " ".join(
        run("features", LONG, "-b", "100", *refined, book).split()
    )
    neurons = [
        "mechanistic",
        TEXT,
        "--components",
        "neurons",
        "-b",
        "100",
        "--candidates",
        "8",
    ]
    assert "candidates: 8 of 768 by attribution patching" in " ".join(
        run(*neurons).split()
    )


def test_a_plan_is_made_for_what_is_chosen(tmp_path: Path) -> None:
    book = str(tmp_path / "runs.db")
    assert re.search(
        r"candidates +20\n", run("plan", LONG, "-b", "100", "--ledger", book)
    )
    assert re.search(
        r"candidates +35\n", run("plan", LONG, "-b", "100", "--candidates", "all")
    )
    run("plan", LONG, "-b", "100", "--ledger", book)
    assert "masks" in run("plan", LONG, "-b", "100", "--ledger", book)


@pytest.mark.parametrize(
    ("arguments", "wrong"),
    [
        (["--candidates", "nevr"], "there is no candidate 'nevr'"),
        (["--candidates", ","], "--candidates is empty"),
        (["--candidates", "0"], "the screening is empty"),
        (["--screening", "magic"], "there is no attribution 'magic'"),
        (["--candidates", "90,3"], "there is no candidate 90"),
        (["--zoom", "-b", "12"], "a zoom begins with"),
    ],
)
def test_candidates_that_cannot_be_had_are_one_line(
    arguments: list[str],
    wrong: str,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    assert wrong in refused(capsys, monkeypatch, "features", LONG, *arguments)
