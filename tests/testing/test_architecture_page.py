"""docs/architecture.md names every room, and draws the floors as they are held."""

import re
from pathlib import Path

import pytest
from test_floors import FLOORS

ROOT = Path(__file__).resolve().parents[2]
PAGE = (ROOT / "docs" / "architecture.md").read_text()


def test_the_floors_are_drawn_as_they_are() -> None:
    drawing = PAGE.split("```")[1]
    drawn = [set(line.split()) for line in re.findall(r"\| (.*?)\|", drawing)]
    assert drawn == FLOORS[::-1]


@pytest.mark.parametrize("room", sorted(set().union(*FLOORS)))
def test_a_room_is_said_to_be_for_something(room: str) -> None:
    assert len(re.findall(rf"^\| `{room}` \| \w.+ \|$", PAGE, re.MULTILINE)) == 1


def test_every_file_that_is_named_exists() -> None:
    named = re.findall(r"`([\w/]+\.py)`", PAGE)
    assert len(named) >= 6
    for name in named:
        assert (ROOT / name).exists() or (ROOT / "src" / "spexlens" / name).exists()
