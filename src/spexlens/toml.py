"""TOML files that people write: read, checked, and refused in one line that says where they are wrong."""

import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import TypeVar

from pydantic import BaseModel, ValidationError

from spexlens import text_file
from spexlens.errors import InvalidInput

Content = TypeVar("Content", bound=BaseModel)


def read(path: Path, model: type[Content], wanted: Mapping[str, str] | None = None) -> Content:
    """A file as what checks it.

    Args:
        path: of the file.
        model: checks the content; it forbids settings that it does not know.
        wanted: of a setting by its name, what is said to be wanted instead of pydantic's words.

    Raises:
        InvalidInput: the file cannot be read, is not TOML, or holds something else.
    """
    try:
        content = tomllib.loads(text_file.read(path))
    except (tomllib.TOMLDecodeError, RecursionError) as error:
        raise InvalidInput(f"{path} is not TOML: {error}") from error
    try:
        return model.model_validate(content)
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"]) or "the file"
        said = next(
            (text for name, text in (wanted or {}).items() if name in first["loc"]),
            first["msg"].removeprefix("Value error, "),
        )
        unknown = first["type"] == "extra_forbidden"
        raise InvalidInput(f"{path}, {where}: {'there is no such setting' if unknown else said}") from error
