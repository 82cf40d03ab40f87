"""The package as a whole: its names, its weight, its arrows."""

import ast
import json
import re
import subprocess
import sys
from importlib.metadata import packages_distributions
from pathlib import Path

import spexlens

SOURCE = Path(spexlens.__file__).parent


def python(code: str) -> str:
    command = [sys.executable, "-c", code]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout


def test_every_public_name_exists_and_they_are_sorted() -> None:
    assert list(spexlens.__all__) == sorted(spexlens.__all__)
    for name in spexlens.__all__:
        assert getattr(spexlens, name) is not None


def modules(code: str) -> set[str]:
    """The names of the modules that are loaded after some code, but for those of a bare
    interpreter.
    """
    shown = "import json, sys; print(json.dumps(sorted(sys.modules)))"
    return set(json.loads(python(f"{code}\n{shown}"))) - set(json.loads(python(shown)))


def test_importing_loads_numpy_and_nothing_else_that_is_installed() -> None:
    """How long it takes is in benchmarks/importing.py; that it stays so is held by what
    it loads.
    """
    loaded = {name.partition(".")[0] for name in modules("import spexlens")}
    assert loaded & set(packages_distributions()) - {"spexlens"} <= {
        "numpy",
        "threadpoolctl",
    }
    heavy = {
        "torch",
        "transformers",
        "lightgbm",
        "sklearn",
        "scipy",
        "pandas",
        "pydantic",
        "rich",
        "typer",
    }
    assert heavy.isdisjoint(loaded)


def test_importing_loads_no_slow_part_of_the_standard_library() -> None:
    slow = {
        "asyncio",
        "doctest",
        "http",
        "multiprocessing",
        "pdb",
        "ssl",
        "tkinter",
        "unittest",
        "xml",
    }
    assert slow.isdisjoint(modules("import spexlens") - modules("import numpy"))


def test_importing_loads_no_model_learner_of_models_or_page() -> None:
    """What is asked for later is loaded later."""
    loaded = modules("import spexlens")
    late = (
        "spexlens.report",
        "spexlens.cli",
        "spexlens.models.huggingface",
        "spexlens.models.model",
    )
    assert [name for name in sorted(loaded) if name.startswith(late)] == []


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
    assert (
        python(code)
        == "MissingExtra torch is not installed: pip install 'spexlens[hf]'\n"
    )


def imports(path: Path) -> set[str]:
    """The spexlens modules that a module imports, wherever in it."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if (
            isinstance(node, ast.ImportFrom)
            and node.module
            and node.module.startswith("spexlens")
        ):
            found.add(node.module)
    return found


def test_arrows_run_down() -> None:
    forbidden = {
        "spectrum": (
            "models",
            "lenses",
            "solvers",
            "explanation",
            "explain",
            "report",
            "cli",
        ),
        "solvers": ("models", "lenses", "explanation", "explain", "report", "cli"),
        "lenses": ("solvers", "explanation", "explain", "report", "cli"),
        "ablation": (
            "spectrum",
            "solvers",
            "lenses",
            "models",
            "explanation",
            "explain",
            "report",
            "cli",
        ),
        "models": (
            "lenses",
            "solvers",
            "spectrum",
            "explanation",
            "explain",
            "report",
            "cli",
        ),
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


def test_what_docstrings_name_of_the_package_is_there() -> None:
    sources = {
        ".".join(path.relative_to(SOURCE).with_suffix("").parts): path.read_text()
        for path in SOURCE.rglob("*.py")
    }
    rooms = {name.partition(".")[0] for name in sources if "." in name}
    gone = []
    for own, text in sources.items():
        for named in re.findall(r"`([a-z_]+(?:\.\w+)+)`", text):
            parts = named.split(".")
            homes = [
                ".".join(parts[:count])
                for count in range(1, len(parts) + 1)
                if ".".join(parts[:count]) in sources
            ]
            if parts[0] in rooms and not homes:
                gone.append(f"{own}: {named}")
            elif homes and parts[0] in rooms:
                rest = parts[homes[-1].count(".") + 1 :]
                if rest and not re.search(rf"\b{rest[0]}\b", sources[homes[-1]]):
                    gone.append(f"{own}: {named}")
    assert gone == []
