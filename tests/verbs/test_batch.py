"""Many inputs: each is explained once, a failure stops no other, and what was paid for
is not paid again.
"""

import json
import os
import re
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import batch_child
import numpy as np
import pytest
import torch
from makes import bert, word_piece
from numpy.typing import NDArray
from refusing import refused_command
from typer.testing import CliRunner, Result

from spexlens import (
    Aggregate,
    Explanation,
    FeatureLens,
    Game,
    Ledger,
    aggregate,
    explain,
    explain_all,
)
from spexlens.cli import app, main
from spexlens.errors import (
    InvalidInput,
    LedgerError,
    MissingExtra,
    ResultError,
    SpexlensError,
)

FILMS = [
    {"prompt": "Her acting never fails to impress", "id": "acting"},
    {"prompt": "The film is not bad"},
    {"text": "The Cast is warm and never fails", "id": 7},
]
CALLS = 64 + 32 + 128
REPEATS = [
    ("owl ink cup sun key owl ink cup", "sun"),
    ("cup key owl sun ink cup key", "owl"),
    ("sun ink key cup owl sun ink key", "cup"),
    ("ink owl sun key cup ink owl", "sun"),
]


def game(
    weight: float, *, fingerprint: str | None = "", asked: list[int] | None = None
) -> Game:
    """A pair among five candidates; how many masks it is asked for goes to `asked`."""

    def value(masks: NDArray[np.bool_]) -> NDArray[np.float64]:
        if asked is not None:
            asked.append(len(masks))
        return weight * (masks[:, 0] & masks[:, 1])

    return Game(
        value,
        5,
        None if fingerprint is None else f"{weight} {fingerprint}",
        batch_size=1024,
    )


def broken(error: SpexlensError) -> Callable[[], Game]:
    def make() -> Game:
        raise error

    return make


def test_games_are_explained_in_order_as_explain_does() -> None:
    games = [game(1.0), game(2.0), game(3.0)]
    for together, alone in zip(
        explain_all(games, 32), map(partial(explain, budget=32), games), strict=True
    ):
        assert together.spectrum.values.tobytes() == alone.spectrum.values.tobytes()
        assert together.details == alone.details
        assert together.calls == 32


def test_a_game_is_made_when_its_turn_comes() -> None:
    made: list[float] = []

    def make(weight: float) -> Game:
        made.append(weight)
        return game(weight)

    explanations = explain_all([partial(make, 1.0), partial(make, 2.0)], 32)
    assert made == []
    next(explanations)
    assert made == [1.0]
    next(explanations)
    assert made == [1.0, 2.0]


def test_one_ledger_serves_all(tmp_path: Path) -> None:
    ledger = tmp_path / "runs.db"
    assert [
        e.calls
        for e in explain_all([game(1.0), game(2.0), game(1.0)], 32, ledger=ledger)
    ] == [32, 32, 0]
    with Ledger(ledger) as book:
        assert [
            e.calls for e in explain_all([game(2.0), game(3.0)], 32, ledger=book)
        ] == [0, 32]
        assert len(book) == 96


def test_progress_is_over_all_games_and_ends_where_it_should() -> None:
    told: list[tuple[int, int]] = []
    games = [game(1.0), broken(InvalidInput("no")), game(2.0), game(3.0)]
    list(
        explain_all(
            games, 40, progress=lambda *at: told.append(at), failed=lambda *_: None
        )
    )
    assert told[0] == (32, 32 + 3 * 40)
    assert told[-1] == (96, 96)
    assert [done for done, _ in told] == sorted(done for done, _ in told)
    assert [total for _, total in told] == sorted(
        (total for _, total in told), reverse=True
    )
    told.clear()
    list(explain_all(iter(games[2:]), 40, progress=lambda *at: told.append(at)))
    assert told[-1] == (64, 64)


def test_a_failure_is_told_and_the_others_go_on() -> None:
    failures: list[tuple[int, str]] = []
    games = [
        game(1.0),
        broken(InvalidInput("no text")),
        Game(lambda m: m[:, 0] / 0.0 + np.nan, 5),
        game(2.0),
    ]
    with np.errstate(all="ignore"):
        found = list(
            explain_all(
                games, 32, failed=lambda at, error: failures.append((at, str(error)))
            )
        )
    assert len(found) == 2
    assert [at for at, _ in failures] == [1, 2]
    assert failures[0][1] == "no text"
    assert failures[1][1].startswith("the model answered nan")
    with pytest.raises(InvalidInput, match="no text"):
        list(explain_all(games, 32))


@pytest.mark.parametrize("error", [MissingExtra("torch", "hf"), LedgerError("full")])
def test_what_would_fail_for_all_ends_all(error: SpexlensError) -> None:
    with pytest.raises(type(error)):
        list(explain_all([broken(error), game(1.0)], 32, failed=lambda *_: None))


def test_a_file_that_answers_the_question_is_read(tmp_path: Path) -> None:
    asked: list[int] = []
    paths = [tmp_path / "a.json", tmp_path / "b.json"]
    games = [game(1.0, asked=asked), game(2.0, asked=asked)]
    first = list(explain_all(games, 32, paths=paths))
    times = [path.stat().st_mtime_ns for path in paths]
    again = list(explain_all(games, 32, paths=paths))
    assert sum(asked) == 64
    assert [path.stat().st_mtime_ns for path in paths] == times
    assert [(e.calls, e.account.reused, e.account.passes) for e in again] == [
        (0, 32, 0)
    ] * 2
    assert aggregate(again) == aggregate(first)
    assert [Explanation.load(path).calls for path in paths] == [32, 32]


def test_a_file_of_another_question_is_written_over(tmp_path: Path) -> None:
    path = tmp_path / "a.json"
    for settings, calls in (
        ({"game": game(1.0), "budget": 32}, 32),
        ({"game": game(2.0), "budget": 32}, 32),
        ({"game": game(2.0), "budget": 40}, 32),
        ({"game": game(2.0), "budget": 40, "seed": 1}, 32),
        ({"game": game(2.0), "budget": 40, "seed": 1, "method": "exact"}, 32),
        ({"game": game(2.0), "budget": 40, "seed": 1, "method": "exact"}, 0),
    ):
        each: Any = settings.pop("game")
        (explanation,) = explain_all([each], **settings, paths=[path])  # type: ignore[arg-type]
        assert explanation.calls == calls
    told = game(2.0)
    told.facts = lambda: {"lens": "function", "unit": "volts"}  # type: ignore[method-assign]
    (explanation,) = explain_all([told], 40, seed=1, method="exact", paths=[path])
    assert (explanation.calls, explanation.unit) == (32, "volts")
    told.facts = lambda: {"lens": "function", "unit": "volts", "device": "cuda"}  # type: ignore[method-assign]
    (explanation,) = explain_all([told], 40, seed=1, method="exact", paths=[path])
    assert explanation.calls == 0


def test_a_plain_function_is_not_recognised(tmp_path: Path) -> None:
    paths = [tmp_path / "a.json"]
    for _ in range(2):
        (explanation,) = explain_all([game(1.0, fingerprint=None)], 32, paths=paths)
        assert explanation.calls == 32


def test_a_file_that_is_no_explanation_is_not_written_over(tmp_path: Path) -> None:
    paths = [tmp_path / "a.json", tmp_path / "b.json"]
    paths[0].write_text("milk, bread")
    failures: list[int] = []
    found = list(
        explain_all(
            [game(1.0), game(2.0)],
            32,
            paths=paths,
            failed=lambda at, _: failures.append(at),
        )
    )
    assert (len(found), failures) == (1, [0])
    assert paths[0].read_text() == "milk, bread"


def test_a_folder_that_cannot_be_written_ends_all(tmp_path: Path) -> None:
    paths = [tmp_path / "no" / "a.json", tmp_path / "b.json"]
    with pytest.raises(ResultError, match="cannot write"):
        list(
            explain_all([game(1.0), game(2.0)], 32, paths=paths, failed=lambda *_: None)
        )


# The command line.


def written(folder: Path, rows: list[Any], name: str = "prompts.jsonl") -> str:
    path = folder / name
    path.write_text(
        "\n".join(row if isinstance(row, str) else json.dumps(row) for row in rows)
    )
    return str(path)


def films(folder: Path) -> str:
    return written(folder, FILMS)


def invoked(*arguments: str) -> Result:
    return CliRunner().invoke(app, ["batch", *arguments], catch_exceptions=False)


def run(*arguments: str) -> Any:
    result = invoked(*arguments, "--json")
    assert result.exit_code == 0, result.output
    return json.loads(result.stdout)


def refused(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, *arguments: str
) -> str:
    return refused_command(capsys, monkeypatch, "batch", *arguments)


def test_a_batch_saves_an_explanation_an_input_and_the_aggregate(
    tmp_path: Path,
) -> None:
    out = tmp_path / "new" / "explained"
    result = invoked(films(tmp_path), "--target", "POSITIVE", "--out", str(out))
    assert result.exit_code == 0
    assert sorted(path.name for path in out.iterdir()) == [
        "0002.json",
        "7.json",
        "acting.json",
        "aggregate.json",
    ]
    assert (
        Explanation.load(out / "7.json").facts["text"]
        == "The Cast is warm and never fails"
    )
    found = [Explanation.load(out / f"{name}.json") for name in ("acting", "0002", "7")]
    assert Aggregate.load(out / "aggregate.json") == aggregate(found)
    pairs = {row.labels: row for row in aggregate(found).rows if row.order == 2}
    assert (pairs["fails", "never"].found, pairs["fails", "never"].positive) == (2, 2)
    assert pairs["fails", "never"].possible == 2
    assert re.search(r"2 of 2 .*fails × never", result.stdout)
    assert (
        f"cost: 3 of 3 inputs explained; {CALLS} calls paid, 0 reused" in result.stdout
    )
    assert result.stderr == ""


def test_a_batch_explains_as_the_single_command_does(tmp_path: Path) -> None:
    """The model that is loaded once has the fingerprint that it has when it is loaded
    by name.
    """
    out, ledger = tmp_path / "out", str(tmp_path / "runs.db")
    run(films(tmp_path), "--target", "POSITIVE", "--ledger", ledger, "--out", str(out))
    text = FILMS[0]["prompt"]
    single = CliRunner().invoke(
        app,
        ["features", str(text), "--target", "POSITIVE", "--ledger", ledger, "--json"],
    )
    alone, together = (
        json.loads(single.stdout),
        json.loads((out / "acting.json").read_text()),
    )
    assert alone["account"]["calls"] == 0
    assert (alone["spectrum"], alone["facts"]) == (
        together["spectrum"],
        together["facts"],
    )


def test_an_encoder_pools_as_when_loaded_by_name(tmp_path: Path, encoder: Path) -> None:
    model = tmp_path / "model"
    shutil.copytree(encoder, model)
    means = run(
        written(tmp_path, [{"prompt": "the film is not bad"}]),
        "--model",
        str(model),
        "--least",
        "1",
    )
    (model / "1_Pooling").mkdir()
    (model / "1_Pooling" / "config.json").write_text('{"pooling_mode_cls_token": true}')
    firsts = run(
        written(tmp_path, [{"prompt": "the film is not bad"}]),
        "--model",
        str(model),
        "--least",
        "1",
    )
    alone = aggregate(
        [explain(FeatureLens(str(model), "the film is not bad"))], least=1
    )
    assert firsts["aggregate"] == json.loads(alone.to_json())
    assert firsts["aggregate"] != means["aggregate"]


def test_a_ledger_is_paid_into_once(tmp_path: Path) -> None:
    ledger = str(tmp_path / "runs.db")
    first = run(films(tmp_path), "--ledger", ledger, "--target", "POSITIVE")
    again = run(films(tmp_path), "--ledger", ledger, "--target", "POSITIVE")
    assert (first["calls"], first["reused"]) == (CALLS, 0)
    assert (again["calls"], again["reused"]) == (0, CALLS)
    assert again["aggregate"] == first["aggregate"]


def test_what_is_in_the_folder_is_neither_paid_for_nor_fitted_again(
    tmp_path: Path,
) -> None:
    out = str(tmp_path / "out")
    first = run(films(tmp_path), "--target", "POSITIVE", "--out", out)
    times = {
        path.name: path.stat().st_mtime_ns for path in Path(out).glob("[!a]*.json")
    }
    more = written(tmp_path, [*FILMS, {"prompt": "A bad film", "id": "more"}])
    second = run(more, "--target", "POSITIVE", "--out", out)
    assert (first["calls"], second["calls"], second["reused"]) == (CALLS, 8, CALLS)
    assert {name: (Path(out) / name).stat().st_mtime_ns for name in times} == times
    other = run(
        more, "--target", "POSITIVE", "--out", out, "--index", "moebius", "--order", "3"
    )
    assert (
        other["calls"],
        other["aggregate"]["index"],
        other["aggregate"]["order"],
    ) == (0, "moebius", 3)
    assert run(more, "--target", "NEGATIVE", "--out", out)["calls"] == CALLS + 8


def test_a_line_that_fails_does_not_lose_the_others(tmp_path: Path) -> None:
    rows = [
        FILMS[0],
        "",
        {"prompt": "  ", "id": "blank"},
        {"prompt": "so " * 600},
        {"prompt": "a film", "target": "MAYBE"},
        {"prompt": "The film is not bad", "target": "NEGATIVE"},
    ]
    result = invoked(
        written(tmp_path, rows),
        "--target",
        "POSITIVE",
        "--out",
        str(tmp_path / "out"),
        "--json",
    )
    assert result.exit_code == 2
    lines = result.stderr.splitlines()
    assert lines[0] == "spexlens: line 3 (blank): the text is empty"
    assert re.fullmatch(
        r"spexlens: line 4 \(0004\): the text has \d+ tokens, .* at once: give"
        r" --windows to .*",
        lines[1],
    )
    assert re.fullmatch(r"spexlens: line 5 \(0005\): unknown label 'MAYBE'.*", lines[2])
    assert len(lines) == 3
    page = json.loads(result.stdout)
    assert page["explanations"] == 2
    assert page["failed"][0] == {"line": 3, "id": "blank", "error": "the text is empty"}
    assert [failure["line"] for failure in page["failed"]] == [3, 4, 5]
    assert page["aggregate"]["targets"] == ["NEGATIVE", "POSITIVE"]
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == [
        "0006.json",
        "acting.json",
        "aggregate.json",
    ]


def test_each_input_is_of_its_own_label_and_labels_are_aggregated_apart(
    tmp_path: Path,
) -> None:
    rows = [
        {"prompt": text}
        for text in ("a bad film", "the bad film", "a great film", "the great film")
    ]
    out = tmp_path / "out"
    page = run(written(tmp_path, rows), "--out", str(out))["aggregate"]
    assert page["targets"] == ["NEGATIVE", "POSITIVE"]
    assert {row["target"] for row in page["rows"]} == {"NEGATIVE", "POSITIVE"}
    alone = {(row["target"], *row["labels"]): row for row in page["rows"]}
    assert (
        alone["NEGATIVE", "bad"]["possible"]
        == alone["POSITIVE", "great"]["possible"]
        == 2
    )
    assert alone["NEGATIVE", "bad"]["effect"] > 0 < alone["POSITIVE", "great"]["effect"]
    assert json.loads((out / "aggregate.json").read_text()) == page
    shown = invoked(written(tmp_path, rows)).stdout
    assert "effects on NEGATIVE" in shown
    assert "effects on POSITIVE" in shown


def test_it_is_said_whose_target_is_whose(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    own = {"prompt": "not bad", "target": "NEGATIVE"}
    mixed = written(tmp_path, [FILMS[1], own])
    shown = invoked(mixed, "--target", "POSITIVE")
    assert (
        "target: 1 of 2 inputs say their own; --target is asked of the others\n"
        in shown.stdout
    )
    assert run(mixed, "--target", "POSITIVE")["own"] == {"target": 1}
    assert run(mixed)["own"] == {}
    line = refused(
        capsys, monkeypatch, written(tmp_path, [own, own]), "--target", "POSITIVE"
    )
    assert "--target has no effect: every line of" in line


def test_what_is_wrong_with_many_lines_is_said_once(tmp_path: Path) -> None:
    rows = [{"prompt": "a film"}] * 14
    result = invoked(written(tmp_path, rows), "--candidates", "nobody", "--json")
    assert result.exit_code == 2
    first, rest = result.stderr.splitlines()
    assert first.startswith("spexlens: line 1 (0001): there is no candidate 'nobody'")
    assert rest.startswith(
        "spexlens: the same of line 2, 3, 4, 5, 6, 7, 8, 9, 10, 11 and 3 more: there is"
        " no can"
    )
    assert len(json.loads(result.stdout)["failed"]) == 14


def test_where_all_lines_fail_there_is_no_aggregate(tmp_path: Path) -> None:
    result = invoked(
        written(tmp_path, [{"prompt": " "}]), "--out", str(tmp_path / "out")
    )
    assert result.exit_code == 2
    assert result.stdout == "cost: 0 of 1 inputs explained; 0 calls paid, 0 reused\n"
    assert list((tmp_path / "out").iterdir()) == []
    assert (
        json.loads(invoked(written(tmp_path, [{"prompt": " "}]), "--json").stdout)[
            "aggregate"
        ]
        is None
    )


def test_several_targets_are_aggregated_by_the_first(tmp_path: Path) -> None:
    labels = ("--target", "NEGATIVE", "--target", "POSITIVE")
    page = run(films(tmp_path), *labels, "--budget", "128")
    assert page["aggregate"]["targets"] == ["NEGATIVE"]
    listed = written(
        tmp_path, [{**row, "target": ["NEGATIVE", "POSITIVE"]} for row in FILMS]
    )
    assert run(listed, "--budget", "128")["aggregate"] == page["aggregate"]


def test_a_previous_word_head_and_an_induction_head_recur_over_prompts(
    tmp_path: Path,
) -> None:
    rows = [{"prompt": prompt, "target": target} for prompt, target in REPEATS]
    page = run(
        written(tmp_path, rows),
        "--lens",
        "mechanistic",
        "--model",
        "induction",
        "--order",
        "3",
    )
    assert page["calls"] == 4 * 256
    found = {tuple(row["labels"]): row for row in page["aggregate"]["rows"]}
    pair = found["L0.H2", "L1.H2"]
    assert (pair["possible"], pair["found"], pair["positive"], pair["negative"]) == (
        4,
        4,
        4,
        0,
    )
    assert pair["kinds"] == ["head", "head"]
    assert pair["effect"] > pair["deviation"] > 0
    assert found["L1.H2", "L1.H3"]["negative"] == 4
    assert found["L0.H2", "L1.H2", "L1.H3"]["found"] >= 3
    assert {label for row in found for label in row} <= {"L0.H2", "L1.H2", "L1.H3"}


def test_counterfactuals_go_with_the_mechanistic_lens(tmp_path: Path) -> None:
    rows = [
        {"prompt": "owl ink cup sun key owl ink cup", "target": "sun", "foil": "key",
         "counterfactual": "owl ink cup key sun owl ink cup"},
        {"prompt": "cup key owl sun ink cup key", "target": "owl", "foil": "sun",
         "counterfactual": "cup key sun owl ink cup key"},
    ]  # fmt: skip
    options = (
        "--lens",
        "mechanistic",
        "--model",
        "induction",
        "--components",
        "heads,mlps",
        "--layers",
        "1",
    )
    page = run(
        written(tmp_path, rows),
        *options,
        "--ablation",
        "restore",
        "--out",
        str(tmp_path / "out"),
    )
    assert page["aggregate"]["unit"] == "logit difference"
    assert (
        Explanation.load(tmp_path / "out" / "0001.json").facts["ablation"] == "restore"
    )


def test_a_file_is_checked_before_anything_is_paid_for(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    good = FILMS[0]
    for rows, message in (
        (["", " "], "holds no prompt"),
        ([good, "not JSON"], "line 2 is not JSON"),
        ([good, "", "[1]"], "line 3: expected an object"),
        ([good, "[" * 100_000], "line 2 is not JSON"),
        (['{"prompt": "a", "prompt": "b"}'], "line 1: the key 'prompt' is there twice"),
        ([{"id": "x"}], "expected an object with prompt or text"),
        ([{"prompt": "a", "text": "b"}], "expected an object with prompt or text"),
        (
            [{"prompt": "a", "label": "POSITIVE"}],
            "expected an object with prompt or text",
        ),
        ([{"prompt": 3}], "the prompt is a text; got 3"),
        ([{"prompt": None}], "the prompt is a text; got None"),
        ([{"prompt": "a", "target": []}], "the target is a text"),
        ([{"prompt": "a", "target": ["x", 1]}], "the target is a text"),
        (['{"prompt": "a \\ud800"}'], "not valid Unicode"),
        ([good, good], "line 2: the id 'acting' is that of line 1"),
        (
            [good, {"prompt": "a", "id": "ACTING"}],
            "line 2: the id 'ACTING' is that of line 1",
        ),
        (
            [{"prompt": "a"}, {"prompt": "b", "id": "0001"}],
            "line 2: the id '0001' is that of line 1",
        ),
        ([{"prompt": "a", "id": "Aggregate"}], "kept for the aggregate"),
        *(
            ([{"prompt": "a", "id": name}], "an id is the name of a file")
            for name in (
                "../x",
                "a/b",
                "a\\b",
                "",
                ".hidden",
                "a b",
                "-rf",
                "x" * 101,
                "é",
                "a\n",
                True,
                1.5,
                [],
            )
        ),
        ([{"prompt": "a", "counterfactual": "b"}], "goes with --lens mechanistic"),
        (
            [good, {"prompt": "a", "foil": "NEGATIVE"}],
            "lines 1 and 2 do not both have a foil",
        ),
    ):
        out = tmp_path / "out"
        assert message in refused(
            capsys, monkeypatch, written(tmp_path, rows), "--out", str(out)
        ), rows
        assert not out.exists()


def test_bad_options_are_one_line_and_exit_code_2(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "not-a-ledger.db").write_text("milk, bread")
    (tmp_path / "latin.jsonl").write_bytes(b'{"prompt": "\xe9"}')
    for options, message in (
        (["--lens", "magic"], "choose one of features, mechanistic"),
        (["--components", "heads"], "--components goes with --lens mechanistic"),
        (
            ["--lens", "mechanistic", "--unit", "word"],
            "--unit goes with --lens features",
        ),
        (["--method", "magic"], "choose one of auto"),
        (["--unit", "letter"], "choose one of word"),
        (["--replacement", "magic"], "choose one of mask"),
        (["--lens", "mechanistic", "--ablation", "magic"], "choose one of zero"),
        (["--index", "magic"], "choose one of fourier"),
        (["--seed", "-1"], "a seed is not negative"),
        (
            ["--out", str(tmp_path / "not-a-ledger.db")],
            "not a folder that can be written",
        ),
        (["--out", "/proc/x"], "not a folder that can be written"),
        (["--ledger", str(tmp_path / "not-a-ledger.db")], "is not a ledger"),
        (["--model", str(tmp_path)], "cannot load a model"),
    ):
        assert message in refused(capsys, monkeypatch, films(tmp_path), *options), (
            options
        )
    for name in ("absent.jsonl", "latin.jsonl"):
        assert "cannot read" in refused(capsys, monkeypatch, str(tmp_path / name))


def test_lines_end_where_json_lines_do(tmp_path: Path) -> None:
    """A byte order mark, Windows line ends, and a line separator inside a text are no
    trouble.
    """
    path = tmp_path / "prompts.jsonl"
    path.write_bytes(
        '\ufeff{"prompt": "not\u2028bad"}\r\n\r\n{"prompt": "bad film"}\r\n'.encode()
    )
    out = tmp_path / "out"
    assert run(str(path), "--out", str(out))["explanations"] == 2
    assert sorted(path.name for path in out.iterdir()) == [
        "0001.json",
        "0003.json",
        "aggregate.json",
    ]


def started(commit: int, *arguments: str) -> "subprocess.CompletedProcess[str]":
    environment = {
        **os.environ,
        "OMP_NUM_THREADS": "1",
        "OPENBLAS_NUM_THREADS": "1",
        "MKL_NUM_THREADS": "1",
    }
    command = [sys.executable, batch_child.__file__, str(commit), "batch", *arguments]
    return subprocess.run(
        command,
        capture_output=True,
        text=True,
        env=environment,
        timeout=600,
        check=False,
    )


@pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="there is no SIGKILL here")
def test_killed_halfway_a_batch_ends_the_same_and_pays_only_for_what_is_missing(
    tmp_path: Path,
) -> None:
    """Killed in the second input and again in the third; the first is never fitted
    again.
    """

    def arguments(name: str) -> tuple[str, ...]:
        options = ("--target", "POSITIVE", "--batch-size", "16", "--json")
        kept = ("--ledger", str(tmp_path / f"{name}.db"), "--out", str(tmp_path / name))
        return films(tmp_path), *options, *kept

    whole = started(-1, *arguments("whole"))
    assert whole.returncode == 0, whole.stderr
    promised = json.loads(whole.stdout)
    assert promised["calls"] == CALLS
    out, ledger = tmp_path / "killed", tmp_path / "killed.db"
    for commit, paid, files in (
        (4, 80, {"acting.json"}),
        (2, 128, {"acting.json", "0002.json"}),
    ):
        killed = started(commit, *arguments("killed"))
        assert (killed.returncode, killed.stdout) == (
            -signal.SIGKILL,
            "",
        ), killed.stderr
        with Ledger(ledger) as book:
            assert len(book) == paid
        assert {path.name for path in out.iterdir()} == files
    first = (out / "acting.json").stat().st_mtime_ns
    repeated = started(-1, *arguments("killed"))
    assert repeated.returncode == 0, repeated.stderr
    page = json.loads(repeated.stdout)
    assert (page["calls"], page["reused"]) == (CALLS - 128, 128)
    assert page["aggregate"] == promised["aggregate"]
    assert (out / "acting.json").stat().st_mtime_ns == first
    assert (out / "aggregate.json").read_bytes() == (
        tmp_path / "whole" / "aggregate.json"
    ).read_bytes()
    with Ledger(ledger) as book:
        assert len(book) == CALLS
        assert len(book.runs()) == 2 + 2 + 1  # of the inputs that were begun, each time


def test_a_file_of_a_model_as_it_was_is_no_answer(tmp_path: Path) -> None:
    tokenizer = word_piece("both")
    model = bert(tokenizer)
    lens = FeatureLens(model, "the red cat runs", target=1, tokenizer=tokenizer)
    asked = {
        "budget": 16,
        "paths": [tmp_path / "x.json"],
        "ledger": tmp_path / "runs.db",
    }
    (first,) = explain_all([lens], **asked)
    (again,) = explain_all([lens], **asked)
    assert (again.whole, again.calls) == (first.whole, 0)
    with torch.no_grad():
        model.classifier.weight.mul_(-3)
    (after,) = explain_all([lens], **asked)
    assert after.whole == pytest.approx(
        (float(lens.value(np.ones((1, 4), np.bool_))[0]),), abs=1e-5
    )
    assert after.whole != first.whole
    assert after.calls == 16


def test_numbers_of_numpy_are_taken_and_name_the_same_question(tmp_path: Path) -> None:
    def answers(masks: NDArray[np.bool_]) -> NDArray[np.float64]:
        return masks[:, 0] * 2.0 + masks[:, 1:].sum(axis=1)

    game = Game(answers, 8, fingerprint="two of the first")
    asked = {"paths": [tmp_path / "x.json"], "ordinary": [1.0, 2.0, 3.0]}
    (first,) = explain_all(
        [game], np.int64(128), seed=np.int64(3), checks=np.int64(16), **asked
    )  # type: ignore[arg-type]
    (again,) = explain_all([game], 128, seed=3, checks=16, **asked)
    assert first.calls > 0
    assert again.calls == 0


def test_where_results_go_is_seen_before_a_model_is_loaded(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    prompts = tmp_path / "p.jsonl"
    prompts.write_text(json.dumps({"prompt": "not bad", "id": "x"}) + "\n")
    (tmp_path / "taken" / "x.json").mkdir(parents=True)
    for command in (
        ["features", "not bad", "--out", str(tmp_path / "no" / "x.json")],
        ["features", "not bad", "--out", str(tmp_path / "taken" / "x.json")],
        ["mechanistic", "not bad", "--out", str(tmp_path / "x.txt")],
        ["batch", str(prompts), "--out", str(prompts)],
        ["batch", str(prompts), "--out", str(tmp_path / "taken")],
    ):
        monkeypatch.setattr(
            sys, "argv", ["spexlens", *command, "--model", str(tmp_path / "nowhere")]
        )
        with pytest.raises(SystemExit) as caught:
            main()
        said = capsys.readouterr().err
        assert caught.value.code == 2
        assert said.count("\n") == 1
        assert "nowhere" not in said
