"""Saved files: JSON of a named format and a checked version."""

import json
import os
import re
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError

from spexlens.errors import ResultError
from spexlens.files.json_text import encodable, read_json, refuse_unbounded
from spexlens.files.schema import complaint
from spexlens.files.text_file import bytes_of
from spexlens.files.whole_file import beside, written_whole

Record = TypeVar("Record", bound=BaseModel)

LONGEST = 512 << 20
"""Bytes of a saved file that is read."""

_HALF = re.compile(r"\\u[dD][89a-fA-F]")  # the escape of half a character
_WRITABLE = stat.S_IWUSR | stat.S_IWGRP | stat.S_IWOTH
_HEAD = 4096  # bytes, in which a file that was written here says what it is
# bytes of a file, with its keys in another order, that is read to see what it is
_LARGEST = 1 << 26
_BEGUN = re.compile(r'\s*\{\s*"format"\s*:\s*"spexlens ([a-z]+)"')
_NAME = re.compile(r"spexlens ([a-z]+)")


def write(text: str, path: Path, kind: str) -> None:
    """Write a whole file, or leave the one that is there.

    Raises:
        ResultError: the file cannot be written, or there is one that is not to be
            replaced.
    """
    with _replaceable(path, kind), written_whole(path) as part:
        part.write_text(encodable(text) + "\n", encoding="utf-8")


def refuse_unwritable(path: Path, kind: str) -> None:
    """See whether there can be a file, before what is to be in it is paid for.

    Args:
        path: of the file.
        kind: what it is to be a file of, as for `read`. A file that is there is
            replaced only if it is of this kind too.

    Raises:
        ResultError: there cannot.
    """
    with _replaceable(path, kind), beside(path) as part:
        part.touch()


@contextmanager
def _replaceable(path: Path, kind: str) -> Iterator[None]:
    """Around writing: ResultError if the path is not free, or the system refuses it."""
    if not path.name:
        raise ResultError(f"cannot write {path}: it is not the path of a file")
    try:
        _refuse_replacing(path, kind)
        yield
    except ResultError:
        raise
    except (OSError, ValueError) as error:
        raise ResultError(
            f"cannot write {encodable(str(path))}: {_why(error)}"
        ) from error


def _refuse_replacing(path: Path, kind: str) -> None:
    """ResultError if something is there that is not a saved file of this kind.

    OSError, ValueError: there can be no file of this name.
    """
    # half a character may be a name to the system, but to nobody who reads it
    str(path).encode()
    try:
        there = path.lstat()
    except FileNotFoundError:
        return
    if stat.S_ISLNK(there.st_mode):
        raise ResultError(
            f"cannot write {path}: it is a link to {path.readlink()}; give a file's own"
            " path"
        )
    if not stat.S_ISREG(there.st_mode):  # a device would be replaced by a file
        raise ResultError(f"cannot write {path}: it is not the path of a file")
    if not there.st_mode & _WRITABLE or not os.access(path, os.W_OK):
        raise ResultError(f"cannot write {path}: it is read-only; give another path")
    saved_kind = _kind_of(path)
    if saved_kind != kind:
        is_there = f"a file that is no saved {kind}"
        if saved_kind:
            is_there = f"a saved {saved_kind}"
        raise ResultError(
            f"cannot write {path}: {is_there} is there, and stays; give another path"
        )


def _kind_of(path: Path) -> str:
    """What a file was saved as, such as "explanation"; nothing where it is no file of
    ours.
    """
    with path.open("rb") as file:
        head = file.read(_HEAD)
        begun = _BEGUN.match(head.decode("utf-8", "replace"))
        if begun is not None:
            return begun[1]
        if head[:1] != b"{" or path.stat().st_size > _LARGEST:
            return ""
        content = head + file.read()
    try:
        named = json.loads(content)["format"]
    except (ValueError, KeyError, RecursionError):  # it is JSON of others, or none
        return ""
    name = _NAME.fullmatch(named) if isinstance(named, str) else None
    return "" if name is None else name[1]


def _why(error: OSError | ValueError) -> str:
    """In a few words."""
    if isinstance(error, UnicodeEncodeError):
        return "its name cannot be encoded"
    if isinstance(error, OSError) and error.strerror:
        return error.strerror
    return str(error)


def read(path: Path, kind: str, newest: int, model: type[Record]) -> Record:
    """A file as its record.

    Args:
        path: of the file.
        kind: what it is a file of; its "format" is this behind "spexlens".
        newest: the newest "format_version" that is known.
        model: checks the content.

    Raises:
        ResultError: the file is missing, damaged, of another format, or from a newer
            version.
    """
    text = _text(path, kind)
    content = _json(text, path)
    if not isinstance(content, dict) or content.get("format") != f"spexlens {kind}":
        raise ResultError(f"{path} is JSON, but not a saved {kind}")
    version = content.get("format_version")
    if type(version) is int and version > newest:
        raise ResultError(
            f"{path} has format version {version}, this spexlens reads {newest}:"
            " upgrade"
        )
    try:
        record = model.model_validate_json(_whole(text, content))
    except ValidationError as error:
        place, reason = complaint(error)
        where = f" at {place}" if place else ""
        raise ResultError(f"{path} is damaged{where}: {reason}") from error
    for name, field in model.model_fields.items():
        # what is kept as JSON has it may hold half characters, which `_whole` replaced
        if field.annotation == dict[str, Any]:
            setattr(record, name, content[name])
    return record


def _whole(text: str, content: Any) -> str | bytes:
    """The text, for pydantic, which refuses half characters: each of them as a question
    mark.
    """
    if _HALF.search(text) is None:
        return text
    return json.dumps(content, ensure_ascii=False).encode("utf-8", "replace")


def _text(path: Path, kind: str) -> str:
    try:
        content = bytes_of(path, LONGEST)
        if content is None:
            raise ResultError(
                f"{path} is not a saved {kind}: it is larger than {LONGEST >> 20} MB"
            )
        return content.decode("utf-8")
    except ResultError:
        raise
    except UnicodeDecodeError as error:
        raise ResultError(
            f"{path} is not a saved {kind}: it is not UTF-8 text"
        ) from error
    except (OSError, ValueError) as error:
        raise ResultError(
            f"cannot read {encodable(str(path))}: {_why(error)}"
        ) from error


def _json(text: str, path: Path) -> Any:
    """The content, with every number outside of what is checked number by number seen
    to be finite.
    """
    try:
        content = read_json(text, endless=True)
        if isinstance(content, dict):
            checked = {key: content[key] for key in content if key != "spectrum"}
            refuse_unbounded(checked)
        return content
    except json.JSONDecodeError as error:
        if not text.lstrip().startswith("{"):
            raise ResultError(
                f"{path} is not JSON, as what --out and save write is"
            ) from error
        raise ResultError(
            f"{path} is damaged: not JSON at line {error.lineno}, {error.msg}"
        ) from error
    except ValueError as error:
        raise ResultError(f"{path} is damaged: {error}") from error
