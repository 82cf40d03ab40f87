"""The house has floors: a module imports from its own room and from floors below, never upwards."""

import ast
from pathlib import Path

import pytest

import spexlens

ROOT = Path(spexlens.__file__).parent

FLOORS = [
    {"printable"},
    {"errors"},
    {"arguments", "memory"},
    {"keywords", "files", "identity", "ranges"},
    {"masks"},
    {"models", "spectrum"},
    {"games"},
    {"transform", "evaluation", "learners"},
    {"lenses", "solvers"},
    {"budget"},
    {"evidence"},
    {"results"},
    {"report", "formats"},
    {"explanation"},
    {"verbs"},
    {"testing", "spexlens"},
    {"cli"},
]
"""From the ground up; rooms of one floor do not know of each other. "spexlens" is `__init__`."""

HEIGHT = {room: height for height, rooms in enumerate(FLOORS) for room in rooms}


def modules() -> dict[str, Path]:
    """Every module of the package by its dotted name."""
    named = {}
    for path in sorted(ROOT.rglob("*.py")):
        parts = path.relative_to(ROOT.parent).with_suffix("").parts
        named[".".join(parts[:-1] if parts[-1] == "__init__" else parts)] = path
    return named


MODULES = modules()


def imported(path: Path) -> set[str]:
    """What a module imports of the package: at its head, in functions, and for types alone."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert not node.level, f"{path}: a relative import"
            inner = {f"{node.module}.{alias.name}" for alias in node.names}
            found |= {name if name in MODULES else str(node.module) for name in inner}
    return {name for name in found if name in MODULES}


def room(module: str) -> str:
    """The room of a module, or the file itself where it stands at the root."""
    parts = module.split(".")
    return parts[1] if len(parts) > 1 else parts[0]


@pytest.mark.parametrize("module", MODULES)
def test_arrows_run_down(module: str) -> None:
    own = room(module)
    above = {
        other
        for other in imported(MODULES[module])
        if room(other) != own and HEIGHT[room(other)] >= HEIGHT[own]
    }
    assert not above


def test_no_two_modules_import_each_other_on_any_way() -> None:
    left = {module: imported(path) - {module} for module, path in MODULES.items()}
    while left:  # a module that imports nothing that is left is in no circle
        free = [module for module, others in left.items() if not others & left.keys()]
        assert free, f"these import each other: {sorted(left)}"
        for module in free:
            del left[module]


def test_every_room_has_its_floor() -> None:
    assert {room(module) for module in MODULES} == set(HEIGHT)
