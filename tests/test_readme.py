"""What the README and the package's first docstring show is what happens."""

import doctest
import re
import shlex
from pathlib import Path

import pytest
from typer.testing import CliRunner

import spexlens
from spexlens.cli import app

README = Path(__file__).resolve().parents[1] / "README.md"


def test_the_examples_run() -> None:
    for failed, tried in (
        doctest.testfile(str(README), module_relative=False),
        doctest.testmod(spexlens),
    ):
        assert tried > 0
        assert failed == 0


def test_every_command_shown_exists() -> None:
    shown = set(re.findall(r"^(?:\$ )?spexlens (\w+)", README.read_text(), re.MULTILINE))
    assert shown == {command.callback.__name__ for command in app.registered_commands if command.callback}


def test_the_page_at_the_top_is_what_its_command_prints(monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("transformers")
    monkeypatch.setenv("COLUMNS", "110")
    block = README.read_text().split("```")[1]
    command, *lines = block.strip().splitlines()
    ran = CliRunner().invoke(app, shlex.split(command.removeprefix("$ spexlens ")))
    assert ran.exit_code == 0, ran.output
    printed = [_timeless(line) for line in ran.output.splitlines()]
    shown = [_timeless(line) for line in lines if line != "..."]
    assert printed[: len(shown)] == shown


def _timeless(line: str) -> str:
    return re.sub(r"\d+\.\d s\.$", "0.0 s.", line.rstrip())
