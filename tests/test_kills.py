"""A run that is killed again and again loses nothing, ends the same and pays little twice; see `kills`."""

import signal
from pathlib import Path

import kills
import pytest

pytestmark = pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="there is no SIGKILL here")


@pytest.mark.parametrize("name", ["mechanistic", "data", "function, slow", "function, slower"])
def test_a_command_that_is_killed_again_and_again(tmp_path: Path, name: str) -> None:
    number, command = next(each for each in enumerate(kills.COMMANDS) if each[1].name == name)
    found = kills.chain(kills.Stage(tmp_path), command, number, 3)
    assert found.kills > 0
    assert (found.lost, found.different) == (0, False)
    assert found.seconds <= kills.SECONDS
