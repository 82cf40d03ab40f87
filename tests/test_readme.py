"""What the README and the package's first docstring show is what happens."""

import doctest
import re
import shlex
import subprocess
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
    shown = set(
        re.findall(r"^(?:\$ )?spexlens (\w+)", README.read_text(), re.MULTILINE)
    )
    assert shown == {
        command.callback.__name__
        for command in app.registered_commands
        if command.callback
    }


def test_the_page_at_the_top_is_what_its_command_prints(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    pytest.importorskip("transformers")
    monkeypatch.setenv("COLUMNS", "110")
    block = README.read_text().split("```")[1]
    command, *lines = block.strip().splitlines()
    ran = CliRunner().invoke(app, shlex.split(command.removeprefix("$ spexlens ")))
    assert ran.exit_code == 0, ran.output
    printed = [_timeless(line) for line in ran.output.splitlines()]
    shown = [_timeless(line) for line in lines if line != "..."]
    assert printed[: len(shown)] == shown


def test_every_command_works_as_it_is_pasted(
    tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In one folder, from the first to the last, but for those that set up the package
    itself.
    """
    pytest.importorskip("transformers")
    monkeypatch.chdir(tmp_path_factory.mktemp("readme"))
    ran = 0
    for lines in _blocks("sh"):
        for command in _commands(lines):
            if command.startswith(("make ", "pip ")):
                continue
            if command.startswith("spexlens "):
                words, _, comment = command.removeprefix("spexlens ").partition("  # ")
                found = CliRunner().invoke(app, shlex.split(words, comments=True))
                expected = 3 if "exit code 3" in comment else 0
                assert found.exit_code == expected, (
                    f"{command}\n{found.output}\n{found.exception!r}"
                )
                ran += 1
            else:
                subprocess.run(["bash", "-ec", command], check=True)
    assert ran >= 20
    space: dict[str, object] = {}
    pieces = [lines for lines in _blocks("python") if not lines.startswith(">>>")]
    assert len(pieces) >= 3
    for lines in pieces:
        exec(compile(lines, "README.md", "exec"), space)


def _blocks(language: str) -> list[str]:
    found = re.findall(
        rf"^```{language}\n(.*?)^```$", README.read_text(), re.MULTILINE | re.DOTALL
    )
    return [str(lines) for lines in found]


def _commands(lines: str) -> list[str]:
    """The commands of a block: with the lines that they go on in, and what they are
    given to read.
    """
    found, ends = list[str](), ""
    for line in lines.splitlines():
        if ends or (found and found[-1].endswith("\\")):
            found[-1] = (
                f"{found[-1].removesuffix(chr(92)) if not ends else found[-1]}\n{line}"
            )
            ends = "" if line == ends else ends
        elif line.strip():
            found.append(line)
            ends = match[1] if (match := re.search(r"<<'(\w+)'", line)) else ""
    return found


def _timeless(line: str) -> str:
    return re.sub(r"\d+\.\d s\.$", "0.0 s.", line.rstrip())
