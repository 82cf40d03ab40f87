"""Models: what they are called on a command line, and what is said of one not found."""

from difflib import get_close_matches
from pathlib import Path

from spexlens.errors import ModelError
from spexlens.models.bundled import BUNDLED


def model_of(name: str) -> str:
    """A hub id or directory; the names of the bundled models are theirs."""
    return str(BUNDLED.get(name, name))


def hinted(error: ModelError, name: str | None) -> str:
    """What is wrong with a model, and which are bundled where there is none so called.

    Args:
        error: that it cannot be loaded.
        name: as it was given, or None.
    """
    message = str(error)
    if name is None or name in BUNDLED:
        return message
    if not message.startswith("cannot load a model from"):
        return message
    path = Path(name)
    if path.exists():
        reason = _no_model(path)
        return f"cannot load a model from {name!r}: {reason}" if reason else message
    bundled = ", ".join(BUNDLED)
    if "/" in name:
        return f"{message}; bundled are {bundled}"
    hint = f"bundled are {bundled}"
    near = get_close_matches(name.lower(), BUNDLED, 1, 0.6)
    if near:
        hint = f"did you mean {near[0]}? Bundled are {bundled}"
    return f"there is no model {name!r}: {hint}; else give a folder, or a hub id"


def _no_model(path: Path) -> str:
    """Why a path that exists holds no model; nothing where it may be one."""
    if not path.is_dir():
        return "it is a file: a model is a folder in Transformers' format"
    if not (path / "config.json").exists():
        return "there is no config.json in it: it is no folder of a model"
    return ""
