"""The package as a whole: its names, its weight, its arrows."""

import ast
import json
import os
import subprocess
import sys
from pathlib import Path

import spexlens

SOURCE = Path(spexlens.__file__).parent


def python(code: str, **environment: str) -> str:
    command = [sys.executable, "-c", code]
    run = subprocess.run(command, capture_output=True, text=True, check=True, env=os.environ | environment)
    return run.stdout


def test_every_public_name_exists_and_they_are_sorted() -> None:
    assert list(spexlens.__all__) == sorted(spexlens.__all__)
    for name in spexlens.__all__:
        assert getattr(spexlens, name) is not None


def test_importing_is_light() -> None:
    loaded = json.loads(python("import spexlens, sys, json; print(json.dumps(sorted(sys.modules)))"))
    heavy = {"torch", "transformers", "lightgbm", "sklearn", "scipy", "pandas", "pydantic", "rich", "typer"}
    assert heavy.isdisjoint(loaded)


def test_importing_takes_less_than_half_a_second(tmp_path: Path) -> None:
    # As installed, pip compiles: an environment that keeps no byte code would compile in every process.
    kept = {"PYTHONDONTWRITEBYTECODE": "", "PYTHONPYCACHEPREFIX": str(tmp_path)}
    code = "from time import perf_counter as t; a = t(); import spexlens; print(t() - a)"
    assert min(float(python(code, **kept)) for _ in range(6)) < 0.5


def test_a_missing_extra_is_one_line_that_mends_it() -> None:
    code = """
import sys
sys.modules["torch"] = None
import spexlens
try:
    spexlens.FeatureLens("anything", "a text")
except spexlens.SpexlensError as error:
    print(type(error).__name__, error)
"""
    assert python(code) == "MissingExtra torch is not installed: pip install 'spexlens[hf]'\n"


def imports(path: Path) -> set[str]:
    """The spexlens modules that a module imports, wherever in it."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.ImportFrom) and node.module and node.module.startswith("spexlens"):
            found.add(node.module)
    return found


def test_arrows_run_down() -> None:
    forbidden = {
        "spectrum": ("models", "lenses", "solvers", "explanation", "explain", "report", "cli"),
        "solvers": ("models", "lenses", "explanation", "explain", "report", "cli"),
        "lenses": ("solvers", "explanation", "explain", "report", "cli"),
        "ablation": ("spectrum", "solvers", "lenses", "models", "explanation", "explain", "report", "cli"),
        "models": ("lenses", "solvers", "spectrum", "explanation", "explain", "report", "cli"),
        "evidence": ("explain", "report", "cli"),
        "report": ("explain", "cli"),
    }
    for folder, above in forbidden.items():
        for path in (SOURCE / folder).rglob("*.py"):
            for module in imports(path):
                part = module.partition(".")[2].partition(".")[0]
                assert part not in above, f"{path.relative_to(SOURCE)} imports {module}"


def test_nothing_is_pickled_and_no_foreign_code_is_trusted() -> None:
    for path in SOURCE.rglob("*.py"):
        text = path.read_text()
        assert "import pickle" not in text
        assert "trust_remote_code: bool = True" not in text
        assert "trust_remote_code=True" not in text
