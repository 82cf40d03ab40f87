"""Saved files: JSON of a named format and a checked version, written whole or not at all."""

import json
import os
from pathlib import Path
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError

from spexlens.errors import ResultError

Record = TypeVar("Record", bound=BaseModel)


def write(text: str, path: Path) -> None:
    """Write to a file beside `path` first, so that a crash leaves the old file or the new one.

    Raises:
        ResultError: the file cannot be written.
    """
    if not path.name or path.is_dir():
        raise ResultError(f"cannot write {path}: it is not the path of a file")
    beside = path.with_name(f"{path.name}.{os.getpid()}.part")
    try:
        beside.write_text(text + "\n", encoding="utf-8")
        beside.replace(path)
    except OSError as error:
        raise ResultError(f"cannot write {path}: {error.strerror}") from error
    finally:
        beside.unlink(missing_ok=True)


def read(path: Path, kind: str, newest: int, model: type[Record]) -> Record:
    """A file as its record.

    Args:
        path: of the file.
        kind: what it is a file of; its "format" is this behind "spexlens".
        newest: the newest "format_version" that is known.
        model: checks the content.

    Raises:
        ResultError: the file is missing, damaged, of another format, or from a newer version.
    """
    text = _text(path, kind)
    content = _json(text, path)
    if not isinstance(content, dict) or content.get("format") != f"spexlens {kind}":
        raise ResultError(f"{path} is JSON, but not a saved {kind}")
    version = content.get("format_version")
    if type(version) is int and version > newest:
        raise ResultError(f"{path} has format version {version}, this spexlens reads {newest}: upgrade")
    try:
        return model.model_validate_json(text)
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(map(str, first["loc"])) or "the file"
        raise ResultError(f"{path} is damaged at {where}: {first['msg']}") from error


def _text(path: Path, kind: str) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except OSError as error:
        raise ResultError(f"cannot read {path}: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise ResultError(f"{path} is not a saved {kind}: it is not UTF-8 text") from error


def _json(text: str, path: Path) -> Any:
    try:
        return json.loads(text)
    except json.JSONDecodeError as error:
        raise ResultError(f"{path} is damaged: not JSON at line {error.lineno}, {error.msg}") from error
    except (ValueError, RecursionError) as error:
        raise ResultError(f"{path} is damaged: {error}") from error
