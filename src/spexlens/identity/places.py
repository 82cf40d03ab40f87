"""Where code comes from: installed, or somebody's own."""

import ast
import importlib.util
import os
import sys
import sysconfig
from functools import cache
from pathlib import Path
from typing import Any

from spexlens.identity.graph import Unknown
from spexlens.identity.leaves import sha

_INSTALLED = ("site-packages", "dist-packages")
_ROOTS = tuple(
    {
        os.path.realpath(root)
        for root in (
            sysconfig.get_path("stdlib"),
            os.path.dirname(os.__file__),
            Path(__file__).parents[1],
        )
    }
)


@cache
def installed_file(path: str) -> bool:
    """Whether a file belongs to an installed package, to Python or to this package."""
    if path.startswith("<frozen "):
        return True
    if path.startswith("<"):
        return False
    real = os.path.realpath(path)
    return any(
        part in Path(path).parts + Path(real).parts for part in _INSTALLED
    ) or any(real.startswith(root + os.sep) for root in _ROOTS)


def installed(module: str | None) -> bool:
    """Whether a module is installed, built in, or this package's; never `__main__`."""
    if not module or module == "__main__":
        return False
    root = module.partition(".")[0]
    for name in (module, root):
        file = _file_in_memory(name)
        if file is not None and os.path.isabs(file):
            return installed_file(file)
    return root in sys.builtin_module_names


def _file_in_memory(name: str) -> str | None:
    """The file, or the folder, of a module that has been imported."""
    module = sys.modules.get(name)
    file = getattr(module, "__file__", None)
    if isinstance(file, str):
        return file
    spec = getattr(module, "__spec__", None)
    if getattr(spec, "origin", None) == "frozen":
        return f"{_ROOTS[0]}{os.sep}{name}.py"
    try:
        return next((each for each in module.__path__ if isinstance(each, str)), None)  # type: ignore[union-attr]
    except (AttributeError, TypeError):
        return None


def found(module: str | None, name: str | None) -> Any:
    """What goes by a dotted name in a module, or None."""
    place: Any = sys.modules.get(module or "")
    for part in (name or "").split("."):
        place = getattr(place, part, None)
    return place


def sources(name: str) -> list[list[str]]:
    """The files of a module and of those that it imports, but for installed ones: names
    and sha256, sorted.

    Raises:
        Unknown: it has no file.
    """
    read: dict[str, str] = {}
    todo = [name]
    met = {name}
    while todo:
        each = todo.pop()
        path = _source(each)
        if path is not None:
            data = path.read_bytes()
            read[each] = sha(data)
            new = (
                (set(_imports(data, each, path)) | {each.rpartition(".")[0]})
                - met
                - {""}
            )
            met |= new
            todo += sorted(new)
    if name not in read and not installed(name):
        raise Unknown(f"the module {name}, which has no file")
    return sorted([each, content] for each, content in read.items())


def _source(name: str) -> Path | None:
    """The file of somebody's own module, or None for an installed one, or one that is
    not there.
    """
    root = name.partition(".")[0]
    for each in dict.fromkeys((root, name)):
        file = _file(each)
        if file is None or installed_file(file):
            return None
    path = Path(_file(name) or "")
    return path if path.is_file() else None


def _file(name: str) -> str | None:
    file = _file_in_memory(name)
    if file is not None or name == "__main__":
        return file
    try:
        spec = importlib.util.find_spec(name)
    except (ImportError, ValueError, AttributeError):
        return None
    if spec is None:
        return None
    return (
        spec.origin
        if spec.has_location
        else next(iter(spec.submodule_search_locations or ()), None)
    )


def _imports(data: bytes, name: str, path: Path) -> list[str]:
    """The names of what a source imports, and of what may be one of them."""
    try:
        tree = ast.parse(data)
    except (SyntaxError, ValueError):  # not a source
        return []
    package = name if path.stem == "__init__" else name.rpartition(".")[0]
    names: list[str] = []
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            names += [each.name for each in node.names]
        elif isinstance(node, ast.ImportFrom):
            names += imported(
                node.module or "",
                node.level,
                [each.name for each in node.names],
                package,
            )
    return names


def imported(name: str, level: int, picked: list[str], package: str) -> list[str]:
    """The names of the modules in `from name import picked`, and of what may be one of
    them.
    """
    try:
        base = (
            importlib.util.resolve_name("." * level + name, package) if level else name
        )
    except ImportError:
        return []
    return [base, *(f"{base}.{each}" for each in picked)]
