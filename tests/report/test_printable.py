"""Strangers' words: what a terminal would obey or hide is shown, and ordinary writing
is left as it is.
"""

import ast
import json
import shlex
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import spexlens
from spexlens import Explanation, Game, explain
from spexlens.cli import main
from spexlens.errors import InvalidInput, LedgerError, MissingExtra, ResultError
from spexlens.games.candidate import Candidate
from spexlens.printable import hidden, in_json, line, places, shown
from spexlens.verbs.aggregate import aggregate

EVIL = "\x1b[31mred\x9b1m\x07\u202egnp\u202c\u2066\u200f\u061c\u2028pay\u200bpal\x7f\x00\U000e0041"
OBEYED = {*map(chr, range(0x20)), *map(chr, range(0x7F, 0xA0))} - {"\n", "\t"}
OBEYED |= set("\u061c\u200b\u200e\u200f\u2028\u2029\ufeff\U000e0041") | {
    *map(chr, range(0x202A, 0x202F))
}
OBEYED |= {*map(chr, range(0x2066, 0x206A))}
ORDINARY = (
    "An ordinary line, with a tab\tand\nanother line.",
    "مرحبا بالعالم",
    "שלום עולם",
    "می\u200cخواهم",  # Persian keeps letters apart by a character of no width
    "क्\u200dष",  # and Hindi joins them by one
    "👩\u200d👩\u200d👧\u200d👦 👩🏽\u200d💻 🏳\ufe0f\u200d🌈 ❤\ufe0f 1\ufe0f\u20e3",
    "🏴\U000e0067\U000e0062\U000e0073\U000e0063\U000e0074\U000e007f",  # Scotland's flag
    "naïve café, e\u0301, 漢字, ไทย",
)


def harmless(page: str) -> bool:
    return not OBEYED & set(page)


def test_what_a_terminal_would_obey_is_shown() -> None:
    assert (
        shown("\x1b[31m\u202eabc\x9b\U000e0041\ud83d")
        == r"\x1b[31m\u202eabc\x9b\U000e0041\ud83d"
    )
    assert (
        shown("pay\u200bpal a\u200db x\ufe0f\ufe0f")
        == r"pay\u200bpal a\u200db x\ufe0f\ufe0f"
    )
    assert harmless(shown(EVIL))
    assert shown(shown(EVIL)) == shown(EVIL)


@pytest.mark.parametrize("text", ORDINARY)
def test_ordinary_writing_is_left_as_it_is(text: str) -> None:
    assert shown(text) == text
    assert not hidden(text)
    assert places(text) == list(range(len(text) + 1))


def test_the_end_of_a_line_may_be_that_of_windows_and_a_lone_carriage_return_is_shown() -> (
    None
):
    assert shown("one\r\ntwo\rthree") == "one\ntwo\\x0dthree"


def test_places_are_those_of_the_text_that_is_shown() -> None:
    text = "a\x1bb\r\nc"
    there = places(text)
    said = shown(text)
    assert [said[there[at] : there[at + 1]] for at in range(len(text))] == [
        "a",
        "\\x1b",
        "b",
        "",
        "\n",
        "c",
    ]


def test_an_error_is_one_line_and_not_too_long_a_one() -> None:
    for kind in (InvalidInput, ResultError, LedgerError):
        said = str(kind(f"cannot read {EVIL}\nnext\tcolumn"))
        assert harmless(said)
        assert "\n" not in said
        assert r"\x1b[31m" in said
        assert r"\nnext\tcolumn" in said
    assert "pip install" in str(MissingExtra("pandas", "pandas"))
    assert len(line("x" * 10_000)) < 2_100


def test_json_stays_the_same_json() -> None:
    written = json.dumps({EVIL: [EVIL + "\ud83d"]}, ensure_ascii=False)
    assert harmless(in_json(written))
    assert json.loads(in_json(written)) == json.loads(written)


def and_of(masks: Any) -> Any:
    return masks[:, 0] & masks[:, 1]


@pytest.fixture
def evil() -> Explanation:
    """An explanation that has them in its labels, its text, its outputs, its target and
    its remarks.
    """
    text = f"{EVIL} good {EVIL}"
    found = explain(Game(lambda masks: np.asarray(and_of(masks), float), 3), 8)
    end = len(EVIL)
    labels = (
        (EVIL, (0, end)),
        ("good", (end + 1, end + 5)),
        (EVIL, (end + 6, 2 * end + 6)),
    )
    return replace(
        found,
        candidates=tuple(
            Candidate(label, f"word{EVIL}", span) for label, span in labels
        ),
        facts={
            "text": text,
            "target": EVIL,
            "foil": EVIL,
            "unit": EVIL,
            "notes": [EVIL],
            "call": EVIL,
        },
        details={"caveats": [EVIL]},
        outputs=(EVIL,),
    )


def test_pages_tables_reprs_and_next_steps_send_nothing_of_it(
    evil: Explanation,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert harmless(repr(evil))
    assert r"\x1b[31mred" in repr(evil)
    assert r"\u202egnp" in repr(evil)
    path = tmp_path / f"{EVIL.replace(chr(0), '')}.json"
    evil.save(path)
    rules = tmp_path / "rules.toml"
    name = (
        json.dumps(EVIL)[1:-1].replace("\x7f", "\\u007f").replace("\\udb40\\udc41", "")
    )
    rules.write_text(f'[[expected]]\nname = "{name}"\nmembers = ["*", "good"]\n')
    for options in (
        [],
        ["--index", "stii"],
        ["--best-subset", "1"],
        ["--sufficient", "0.9"],
        ["--necessary", "0.9"],
        ["--follow-up"],
        ["--json"],
        ["--expectations", str(rules)],
        ["--output", "another"],
        ["--expectations", str(path)],
    ):
        monkeypatch.setattr(sys, "argv", ["spexlens", "show", str(path), *options])
        with pytest.raises(SystemExit):
            main()
        said = capsys.readouterr()
        assert said.out + said.err
        assert harmless(said.out + said.err), options


def test_the_candidates_are_coloured_where_they_stand_in_the_text_that_is_shown(
    evil: Explanation,
) -> None:
    from rich.text import Text

    from spexlens.report.content.candidates import candidates
    from spexlens.report.content.legible import legible
    from spexlens.report.terminal.candidates import coloured

    page = coloured(candidates(legible(evil), {1: 1.0}, 0))
    assert isinstance(page, Text)
    assert [page.plain[span.start : span.end] for span in page.spans if span.style] == [
        "good"
    ]


def test_an_aggregate_sends_nothing_of_it(evil: Explanation) -> None:
    assert harmless(repr(aggregate([evil, evil])))


@pytest.mark.parametrize(
    "words",
    [
        [f"--{EVIL}".replace("\0", "")],
        ["features", "--budget", EVIL],
        ["features", "--kind", EVIL, "a"],
        [EVIL],
        ["show", f"/nowhere/{EVIL}.json"],
        ["features", "a", "--model", f"./{EVIL}"],
        ["features", "a", "--unit", EVIL],
        ["features", "a", "--expectations", f"/nowhere/{EVIL}.toml"],
        ["batch", f"/nowhere/{EVIL}.jsonl"],
        ["features", "a b", "--target", EVIL],
        ["features", "a b", "--candidates", EVIL],
        ["features", "a b", "--ledger", f"/nowhere/{EVIL}.db"],
        ["features", "a b", "--out", f"/nowhere/{EVIL}.json"],
    ],
)
def test_errors_send_nothing_of_it_and_are_one_line(
    words: list[str],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setattr(sys, "argv", ["spexlens", *words])
    with pytest.raises(SystemExit) as left:
        main()
    said = capsys.readouterr()
    assert left.value.code == 2
    assert said.out == ""
    assert said.err.startswith("spexlens: ")
    assert said.err.count("\n") == 1
    assert harmless(said.err)


@pytest.mark.parametrize("value", ["nan", "1e9", "9" * 5_000, "x"])
def test_a_budget_that_is_no_number_is_one_line(
    value: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "argv", ["spexlens", "features", "a b", "--budget", value])
    with pytest.raises(SystemExit) as left:
        main()
    assert left.value.code == 2
    said = capsys.readouterr().err
    assert said.startswith("spexlens: --budget is ")
    assert "a whole number" in said
    assert said.count("\n") == 1


@pytest.mark.parametrize(
    "word",
    ["it's \\ so", "tab\tnew\nline", EVIL.replace("\0", ""), "\u202e漢'字", "plain"],
)
def test_a_next_step_means_the_same_when_it_is_pasted(word: str) -> None:
    from spexlens.games.command import quoted as _quoted

    quoted = _quoted(word)
    assert harmless(quoted)
    assert not {"\n", "\t"} & set(quoted)
    code = (
        "import sys; sys.stdout.buffer.write(sys.argv[1].encode('utf-8',"
        " 'surrogateescape'))"
    )
    command = f"{shlex.quote(sys.executable)} -c {shlex.quote(code)} {quoted}"
    told = subprocess.run(
        ["bash", "-c", command], capture_output=True, check=True, env={"LC_ALL": "C"}
    )
    assert told.stdout == word.encode()


def test_nothing_is_printed_but_through_the_one_way_out() -> None:
    """`cli/terminal.py` and the console of `cli/console.py` show what they are given."""
    root = Path(spexlens.__file__).parent
    ways_out = {"echo", "secho", "print", "Console", "input", "prompt", "confirm"}
    past = list[str]()
    for file in sorted(root.rglob("*.py")):
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            called = node.func if isinstance(node, ast.Call) else None
            name = getattr(called, "attr", getattr(called, "id", None))
            if name in ways_out:
                past.append(f"{file.relative_to(root)}: {ast.unparse(called)}")
    assert set(past) <= {
        "cli/commands.py: typer.echo",  # the version and the help
        "cli/terminal.py: typer.echo",
        "cli/batch.py: console_of().print",
        "cli/tally.py: console_of().print",
        "cli/screen.py: console_of().print",
        "cli/screen.py: console.print",
        "cli/show.py: console_of().print",
        "evaluation/progress.py: Console",  # of a bar, without words of the user
        # into a text, of an aggregate whose words are shown
        "report/terminal/recurrence.py: Console",
        "report/terminal/recurrence.py: console.print",
        "report/terminal/page.py: Console",
        "report/terminal/page.py: console.print",
    }
