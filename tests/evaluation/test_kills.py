"""A run that is killed again and again loses nothing, ends the same and pays little
twice; see `kills`.
"""

import signal
import subprocess
import sys
from pathlib import Path

import kills
import pytest
import shared_child

pytestmark = pytest.mark.skipif(
    not hasattr(signal, "SIGKILL"), reason="there is no SIGKILL here"
)


@pytest.mark.parametrize("name", ["data", "function, slow", "function, slower"])
def test_a_command_that_is_killed_again_and_again(tmp_path: Path, name: str) -> None:
    number, command = next(
        each for each in enumerate(kills.COMMANDS) if each[1].name == name
    )
    found = kills.chain(kills.Stage(tmp_path), command, number, 2)
    assert found.kills > 0
    assert (found.lost, found.different) == (0, False)
    _, _, speed = name.partition(", ")
    assert found.most * kills.SPEEDS.get(speed, 0.0) <= kills.SECONDS


@pytest.mark.parametrize("seconds", [0.0, 0.02])
def test_four_processes_on_one_game_pay_for_it_about_once(
    tmp_path: Path, seconds: float
) -> None:
    """At most a twentieth more than one alone, whatever the function takes; and all
    find the same.
    """
    masks, trace = 1 << shared_child.N, tmp_path / "trace"
    command = [
        sys.executable,
        shared_child.__file__,
        tmp_path / "runs.db",
        trace,
        str(seconds),
    ]
    children = [
        subprocess.Popen(command, stdout=subprocess.PIPE, text=True) for _ in range(4)
    ]
    (tmp_path / "trace.go").touch()
    found = [child.communicate(timeout=120)[0] for child in children]
    assert [child.returncode for child in children] == [0] * 4
    assert len(set(found)) == 1
    asked = trace.read_text().splitlines()
    assert len(set(asked)) == masks
    assert len(asked) <= 1.05 * masks
