"""Schema: what strangers' files hold, checked whole before it is used, and refused by
the name of the field.

Limits come first: of size before a file is read, of depth before it is parsed; see
`json_text`. What passes is checked by a model of pydantic, and its complaint is said in
one line.
"""

import re
from collections.abc import Mapping
from typing import Annotated

from pydantic import Field, ValidationError

from spexlens.files.json_text import path_of

LARGEST = 1e150
"""The largest number of a saved result: its square is a number too."""

Number = Annotated[float, Field(ge=-LARGEST, le=LARGEST, allow_inf_nan=False)]
NotNegative = Annotated[float, Field(ge=0, allow_inf_nan=False)]
Share = Annotated[float, Field(ge=0, le=1, allow_inf_nan=False)]
Count = Annotated[int, Field(ge=0, lt=1 << 63)]
Positive = Annotated[int, Field(ge=1, lt=1 << 63)]

_WORDS = {
    "Input should be": "it is to be",
    "Extra inputs are not permitted": "there is no such field",
    "Field required": "it is missing",
    "Value error, ": "",
    "List should have at least": "a list is to have at least",
    " after validation": "",
}


def complaint(
    error: ValidationError, wanted: Mapping[str, str] | None = None
) -> tuple[str, str]:
    """What pydantic refuses first: where, "" for the whole, and what is said of it.

    Args:
        error: pydantic's.
        wanted: of a field by its name, what is said to be wanted instead of pydantic's
            words.
    """
    first = error.errors(include_url=False, include_input=False)[0]
    parts = [
        str(part)
        for part in first["loc"]
        if isinstance(part, int) or not _of_pydantic(part)
    ]
    said = next(
        (text for name, text in (wanted or {}).items() if name in first["loc"]), None
    )
    if said is None or first["type"] == "extra_forbidden":
        said = first["msg"]
        for words, plain in _WORDS.items():
            said = said.replace(words, plain)
    return path_of(".".join(parts)), said


def _of_pydantic(part: str) -> bool:
    """Whether a part of a path names an alternative that was tried, and nothing in the
    file.
    """
    known = {"str", "int", "float", "bool", "list", "dict", "literal", "none"}
    return (
        part in known
        or part.startswith("_")
        or re.match(r"[a-z-]+\[", part) is not None
    )
