"""The page about the house says what the house is."""

import re
from itertools import takewhile
from pathlib import Path

from test_floors import FLOORS

PAGE = (Path(__file__).resolve().parents[1] / "docs" / "architecture.md").read_text()
DRAWING = PAGE.split("```")[1]


def test_every_room_is_drawn_on_its_floor() -> None:
    rooms = set.union(*FLOORS)
    lines = [line.split() for line in DRAWING.strip().splitlines()]
    drawn = [set(takewhile(rooms.__contains__, words)) for words in lines]
    assert drawn == [floor - {"spexlens"} for floor in reversed(FLOORS)]


def test_every_file_that_the_page_names_is_there() -> None:
    source = Path(__file__).resolve().parents[1] / "src" / "spexlens"
    for name in re.findall(r"`([a-z_]+/[a-z_]+\.py)`", PAGE):
        assert (source / name).exists() or (source.parents[1] / name).exists(), name
