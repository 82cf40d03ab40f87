"""What the README and the package's first docstring show is what happens."""

import doctest
import re
from pathlib import Path

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
