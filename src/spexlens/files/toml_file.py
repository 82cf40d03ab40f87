"""TOML files that people write: read, checked, and refused in one line that says where
they are wrong.
"""

import re
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import TypeVar

from pydantic import BaseModel, ValidationError

from spexlens.errors import InvalidInput
from spexlens.files import text_file
from spexlens.files.json_text import refuse_deep
from spexlens.files.schema import complaint

Content = TypeVar("Content", bound=BaseModel)

LONGEST = 4 << 20
"""Bytes of a file."""

# tables in tables, by one name
_DOTTED = re.compile(r"^[^=\"'#\n]*(?:\.[^=\"'#\n.]*){32}", re.MULTILINE)


def read(
    path: Path, model: type[Content], wanted: Mapping[str, str] | None = None
) -> Content:
    """A file as what checks it.

    Args:
        path: of the file.
        model: checks the content; it forbids settings that it does not know.
        wanted: of a setting by its name, what is said to be wanted instead of
            pydantic's words.

    Raises:
        InvalidInput: the file cannot be read, is not TOML, or holds something else.
    """
    text = text_file.read(path, LONGEST)
    try:
        refuse_deep(text)
        if _DOTTED.search(text):
            raise ValueError("a name has more than 32 dots")
        content = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise InvalidInput(f"{path} is not TOML: {error}") from error
    except RecursionError as error:
        raise InvalidInput(
            f"{path} is not TOML that can be read: it is nested too deeply"
        ) from error
    except ValueError as error:  # such as a number of thousands of digits
        raise InvalidInput(
            f"{path} is not TOML that can be read: {_said(error)}"
        ) from error
    try:
        return model.model_validate(content)
    except ValidationError as error:
        place, said = complaint(error, wanted)
        unknown = error.errors()[0]["type"] == "extra_forbidden"
        told = "there is no such setting" if unknown else said
        raise InvalidInput(f"{path}, {place or 'the file'}: {told}") from error


def _said(error: ValueError) -> str:
    return "a number has thousands of digits" if "digits" in str(error) else str(error)
