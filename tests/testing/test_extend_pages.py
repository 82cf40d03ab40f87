"""What docs/extend shows runs, and holds what the suites ask of it."""

import re
from pathlib import Path
from typing import Any
from unittest import SkipTest

import pytest

from spexlens import Game, explain
from spexlens.lenses.text import replacement

PAGES = Path(__file__).resolve().parents[2] / "docs" / "extend"
NAMES = ("architecture", "learner", "lens", "proxy", "replacement", "solver")


def shown(name: str, monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """What a page's blocks of Python define, one block after the other."""
    text = (PAGES / f"{name}.md").read_text()
    # a page may add to it: it is put back behind the test
    monkeypatch.setattr(replacement, "_KNOWN", replacement._KNOWN)
    space: dict[str, Any] = {"__name__": f"page_{name}"}
    for block in re.findall(r"^```python\n(.*?)^```$", text, re.MULTILINE | re.DOTALL):
        exec(compile(block, f"{name}.md", "exec"), space)
    return space


def test_every_page_is_run() -> None:
    assert tuple(sorted(page.stem for page in PAGES.glob("*.md"))) == NAMES


@pytest.mark.parametrize("name", NAMES)
def test_the_page_runs_and_its_example_holds_the_suite(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    space = shown(name, monkeypatch)
    suites = [kind for key, kind in space.items() if key.startswith("Test")]
    assert len(suites) == 1
    held = 0
    for test in dir(suites[0]):
        if not test.startswith("test_"):
            continue
        try:
            getattr(suites[0](), test)()
        except SkipTest:
            continue
        held += 1
    assert held >= 8


@pytest.mark.parametrize("name", NAMES)
def test_every_file_that_a_page_names_exists(name: str) -> None:
    named = re.findall(r"`([\w/]+\.(?:py|md))`", (PAGES / f"{name}.md").read_text())
    assert named
    for path in named:
        assert (PAGES.parents[1] / path).exists(), path


def test_a_run_with_the_solver_of_the_page_stops_early(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    space = shown("solver", monkeypatch)
    game = Game(lambda masks: masks[:, 0] & masks[:, 1], candidates=9)
    explanation = explain(game, 480, method=space["Cubic"](), until="stable")
    assert explanation.interactions()[0].members == (0, 1)
    assert explanation.account.saved > 0
