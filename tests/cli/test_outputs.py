"""What is written is never what is read, and replaces only what is of its own kind."""

import json
import os
import sys
from pathlib import Path

import pytest
from refusing import refused_command as refused
from typer.testing import CliRunner

from spexlens import Explanation, Game, aggregate, explain
from spexlens.cli import app, main
from spexlens.errors import ResultError

TEXT = "not bad"


def explanation() -> Explanation:
    return explain(Game(lambda masks: masks[:, 0] * 1.0 + masks[:, 1], 3), 8)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Inputs of all kinds, and a folder that is a model."""
    (tmp_path / "text.json").write_text(TEXT)
    (tmp_path / "prompts.json").write_text('{"prompt": "not bad"}\n')
    (tmp_path / "lines.json").write_text("a film\nthe film\n")
    (tmp_path / "expected.json").write_text('[[expected]]\nmembers = ["not", "bad"]\n')
    (tmp_path / "train.csv").write_text("text,label\ngood,1\nbad,0\n")
    (tmp_path / "model").mkdir()
    (tmp_path / "model" / "config.json").write_text("{}")
    return tmp_path


def contents(folder: Path) -> dict[str, bytes]:
    return {
        str(path): path.read_bytes() for path in folder.rglob("*") if path.is_file()
    }


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (
            ["features", TEXT, "--ledger", "X/l.json", "--out", "X/l.json"],
            "--out and --ledger are both",
        ),
        (["features", TEXT, "--ledger", "X/l", "--out", "X/l-wal.json"], None),
        (
            ["features", TEXT, "--ledger", "X/l.json", "--out", "X/b/../l.json"],
            "are both",
        ),
        (
            ["features", "--file", "X/text.json", "--out", "X/text.json"],
            "is what --file reads",
        ),
        (
            ["features", "--file", "X/text.json", "--ledger", "X/text.json"],
            "is what --file reads",
        ),
        (
            ["features", "--file", "X/text.json", "--out", "X/hard.json"],
            "is what --file reads",
        ),
        (
            ["mechanistic", "--prompts", "X/prompts.json", "--out", "X/prompts.json"],
            "of prompts reads",
        ),
        (
            [
                "mechanistic",
                TEXT,
                "--reference",
                "X/lines.json",
                "--out",
                "X/lines.json",
            ],
            "--reference reads",
        ),
        (
            ["features", TEXT, "--ordinary", "X/lines.json", "--out", "X/lines.json"],
            "--ordinary reads",
        ),
        (
            [
                "features",
                TEXT,
                "--expectations",
                "X/expected.json",
                "--out",
                "X/expected.json",
            ],
            "reads",
        ),
        (
            ["features", TEXT, "--model", "X/model", "--out", "X/model/config.json"],
            "in the folder of --model",
        ),
        (
            ["features", TEXT, "--model", "X/model", "--out", "X/model/new.json"],
            "in the folder of --model",
        ),
        (
            ["features", TEXT, "--model", "X/model", "--ledger", "X/model/l.db"],
            "in the folder of --model",
        ),
        (
            [
                "data",
                "X/train.csv",
                "--test",
                "X/train.csv",
                "--encoder",
                "X/model",
                "--out",
                "X/model/a.json",
            ],
            "in the folder of --encoder",
        ),
        (
            ["data", "X/train.csv", "--test", "X/train.csv", "--ledger", "X/train.csv"],
            "TRAIN reads",
        ),
        (
            [
                "batch",
                "X/prompts.json",
                "--out",
                "X/c",
                "--ledger",
                "X/c/aggregate.json",
            ],
            "are both",
        ),
        (["batch", "X/b/0001.json", "--out", "X/b"], "is there, and stays"),
        (
            ["batch", "X/prompts.json", "--ledger", "X/prompts.json"],
            "the file of prompts reads",
        ),
    ],
)
def test_nothing_that_is_read_is_written_over(
    arguments: list[str],
    said: str | None,
    folder: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    os.link(folder / "text.json", folder / "hard.json")
    (folder / "b").mkdir()
    (folder / "b" / "0001.json").write_text('{"prompt": "not bad"}\n')
    before = contents(folder)
    line = [part.replace("X/", f"{folder}/") for part in arguments]
    if said is None:  # each has a name of its own
        assert CliRunner().invoke(app, line, catch_exceptions=False).exit_code == 0
        return
    assert said in refused(capsys, monkeypatch, *line)
    assert contents(folder) == before


def identity(path: Path) -> tuple[int, ...]:
    found = path.lstat()
    return found.st_ino, found.st_mode, found.st_size, found.st_mtime_ns


def _described(path: Path, kind: str) -> None:
    """What is there already."""
    if kind == "link to an explanation":
        explanation().save(path.with_name("other.json"))
        path.symlink_to(path.with_name("other.json"))
    elif kind == "link to nothing":
        path.symlink_to(path.with_name("nowhere.json"))
    elif kind == "FIFO":
        os.mkfifo(path)
    elif kind == "read-only":
        explanation().save(path)
        path.chmod(0o444)
    elif kind == "aggregate":
        aggregate([explanation()]).save(path)
    else:
        path.write_text(
            {
                "JSON": '{"a": 1}',
                "text": "milk, bread",
                "empty": "",
                "list": "[" * 9999,
            }[kind]
        )


@pytest.mark.parametrize(
    ("kind", "said"),
    [
        ("JSON", "a file that is no saved explanation is there, and stays"),
        ("text", "a file that is no saved explanation is there, and stays"),
        ("empty", "a file that is no saved explanation is there, and stays"),
        ("list", "a file that is no saved explanation is there, and stays"),
        ("aggregate", "a saved aggregate is there, and stays"),
        ("link to an explanation", "it is a link to"),
        ("link to nothing", "it is a link to"),
        ("FIFO", "it is not the path of a file"),
        ("read-only", "it is read-only"),
    ],
)
def test_only_an_explanation_is_replaced_by_an_explanation(
    kind: str,
    said: str,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    path = tmp_path / "x.json"
    _described(path, kind)
    before = identity(path)
    line = refused(
        capsys,
        monkeypatch,
        "features",
        TEXT,
        "--model",
        tmp_path / "none",
        "--out",
        path,
    )
    assert said in line
    with pytest.raises(ResultError, match=said):
        explanation().save(path)
    assert identity(path) == before
    assert not (tmp_path / "nowhere.json").exists()


def test_a_file_of_its_own_kind_is_replaced(tmp_path: Path) -> None:
    path = tmp_path / "x.json"
    explanation().save(path)
    content = json.loads(path.read_text())
    # as another program writes it
    path.write_text(json.dumps(content, indent=1, sort_keys=True))
    explanation().save(path)
    with pytest.raises(
        ResultError, match=r"a saved explanation is there, and stays; give another path"
    ):
        aggregate([explanation()]).save(path)
    aggregate([explanation()]).save(tmp_path / "a.json")
    aggregate([explanation()]).save(tmp_path / "a.json")


@pytest.mark.parametrize("kind", ["text", "explanation", "link to nothing"])
def test_an_aggregate_of_a_batch_replaces_only_an_aggregate(
    kind: str,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    prompts, out = tmp_path / "p.jsonl", tmp_path / "out"
    prompts.write_text('{"prompt": "not bad"}\n')
    out.mkdir()
    path = out / "aggregate.json"
    if kind == "explanation":
        explanation().save(path)
    else:
        _described(path, kind)
    line = refused(
        capsys,
        monkeypatch,
        "batch",
        prompts,
        "--model",
        tmp_path / "none",
        "--out",
        out,
    )
    assert "aggregate.json" in line


@pytest.mark.parametrize("option", ["--out", "--ledger"])
@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("x" * 251 + ".json", "256 bytes; 255 are the most"),
        ("half\udc80.json", "Unicode"),
    ],
)
def test_a_name_that_no_file_can_have_is_refused_before_anything_is_paid_for(
    option: str,
    name: str,
    said: str,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    line = ["features", TEXT, "--model", tmp_path / "none", option, tmp_path / name]
    assert said in refused(capsys, monkeypatch, *line)
    batch = [
        "batch",
        tmp_path / "p.jsonl",
        "--model",
        tmp_path / "none",
        option,
        tmp_path / name,
    ]
    (tmp_path / "p.jsonl").write_text('{"prompt": "not bad"}\n')
    assert said in refused(capsys, monkeypatch, *batch)


CONFIG = (
    'text = "not bad"\ntarget = "POSITIVE"\nbudget ='
    " 64\n{}\n[features]\n[mechanistic]\ncandidates = 3\n"
)


@pytest.mark.parametrize("name", ["out", "ledger"])
def test_a_mixed_games_file_writes_only_beside_itself(
    name: str,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    home, other = tmp_path / "home", tmp_path / "other"
    home.mkdir()
    other.mkdir()
    (home / "away").symlink_to(other)
    config = home / "m.toml"
    for path in ("../other/x.json", str(other / "x.json"), "away/x.json", "/x.json"):
        config.write_text(CONFIG.format(f"{name} = {path!r}"))
        line = refused(capsys, monkeypatch, "mixed", config)
        assert f"m.toml, {name}: {path} is not in the file's own folder" in line
        assert f"give --{name} {path}" in line
    for path, said in (
        ("a\\u0000b.json", "no NUL"),
        ("m.toml", "is what CONFIG reads"),
    ):
        config.write_text(CONFIG.format(f'{name} = "{path}"'))
        assert said in refused(capsys, monkeypatch, "mixed", config)
    config.write_text(CONFIG.format(f'{name} = "../other/x.json"'))
    given = other / "given.json"
    result = CliRunner().invoke(
        app, ["mixed", str(config), f"--{name}", str(given)], catch_exceptions=False
    )
    assert result.exit_code == 0
    assert sorted(path.name for path in other.iterdir()) == ["given.json"]


def test_what_was_paid_for_is_shown_where_it_can_no_longer_be_saved(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "x.json"

    def late(self: Explanation, where: Path) -> None:
        raise ResultError(f"cannot write {where}: the disk is full")

    monkeypatch.setattr(Explanation, "save", late)
    monkeypatch.setattr(sys, "argv", ["spexlens", "features", TEXT, "--out", str(path)])
    with pytest.raises(SystemExit) as caught:
        main()
    shown = capsys.readouterr()
    assert caught.value.code == 2
    assert "not × bad" in shown.out
    assert shown.err == f"spexlens: cannot write {path}: the disk is full\n"
