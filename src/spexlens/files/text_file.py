"""Text files that people give: UTF-8 text, and its lines.

A byte-order mark is no text. A line ends with a newline, and carriage returns just
before it are part of its end; nothing else ends one: U+2028, U+0085, a form feed or a
lone carriage return stands inside it.
"""

import re
import shlex
from pathlib import Path

from spexlens.errors import InvalidInput

_PIECE = 1 << 20  # bytes that are read at once: a buffer of as many is made
_MARK = "\ufeff"
_UTF_16 = (b"\xff\xfe", b"\xfe\xff")
# bytes that are looked at for the zeros that UTF-16 puts between letters
_BEGINNING = 32
_SURROGATE = re.compile("[\ud800-\udfff]")


LONGEST = 1 << 30
"""Bytes of a text, of prompts and of examples."""


def read(path: Path, longest: int = LONGEST) -> str:
    """All of a file, its line ends as they are, without a byte-order mark.

    Args:
        path: of the file.
        longest: bytes, beyond which it is refused before it is read.

    Raises:
        InvalidInput: there is no such file, it cannot be read, or it is not UTF-8.
    """
    try:
        content = bytes_of(path, longest)
    except FileNotFoundError as error:
        raise InvalidInput(f"cannot read {path}: there is no such file") from error
    except IsADirectoryError as error:
        raise InvalidInput(f"cannot read {path}: it is a directory") from error
    except PermissionError as error:
        raise InvalidInput(f"cannot read {path}: permission denied") from error
    except OSError as error:
        raise InvalidInput(f"cannot read {path}: {error.strerror or error}") from error
    except ValueError as error:  # a path that no file can have
        raise InvalidInput(f"cannot read {str(path)!r}: {error}") from error
    if content is None:
        raise InvalidInput(f"cannot read {path}: it is larger than {longest >> 20} MB")
    return decoded(content, f"cannot read {path}: it", path)


def bytes_of(path: Path, longest: int) -> bytes | None:
    """What is in a file, read piece by piece; None where that is more than so many
    bytes, or has no end.
    """
    content = bytearray()
    with path.open("rb") as file:
        while part := file.read(_PIECE):
            content += part
            if len(content) > longest:
                return None
    return bytes(content)


def decoded(content: bytes, what: str, path: Path | None = None) -> str:
    """The text that bytes stand for, without a byte-order mark.

    Args:
        content: UTF-8.
        what: begins the sentence that refuses it.
        path: of the file, where it is one, for the command that converts it.

    Raises:
        InvalidInput: they are not UTF-8; the text says in which encoding they seem to
            be, and what converts them.
    """
    if content.startswith(_UTF_16) or _zeros_between_letters(content):
        raise InvalidInput(
            f"{what} is UTF-16 text: {_converted(_utf_16(content), path)}"
        )
    try:
        return unmarked(content.decode("utf-8"))
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        raise InvalidInput(
            f"{what} is not UTF-8 text: byte {error.start}, in line {line}, is"
            f" 0x{content[error.start]:02x}; if it is a Western European file,"
            f" {_converted(_western(content), path)}"
        ) from error


def _zeros_between_letters(content: bytes) -> bool:
    """Whether it is UTF-16 that does not say so: every other byte at its beginning is
    zero.
    """
    beginning = content[:_BEGINNING]
    high = beginning[::2]
    low = beginning[1::2]
    return len(beginning) == _BEGINNING and any(
        all(one) and not any(other) for one, other in ((high, low), (low, high))
    )


def _utf_16(content: bytes) -> str:
    """The name by which a converter knows it."""
    if content.startswith(_UTF_16):
        return "utf-16"
    return "utf-16le" if content[0] else "utf-16be"


def _western(content: bytes) -> str:
    """Latin-1, or what Windows takes for it where there are bytes that Latin-1 has no
    letter for.
    """
    return "cp1252" if any(0x80 <= byte < 0xA0 for byte in content) else "latin1"


def _converted(encoding: str, path: Path | None) -> str:
    """What to do about a file in another encoding."""
    if path is None:
        return f"convert it, such as by iconv -f {encoding} -t utf-8"
    new = path.with_name(f"{path.stem}-utf8{path.suffix}")
    return (
        f"convert it: iconv -f {encoding} -t utf-8 {shlex.quote(str(path))} >"
        f" {shlex.quote(str(new))}"
    )


def unmarked(text: str) -> str:
    """A text without the byte-order mark before it."""
    return text.lstrip(_MARK)


def lines(text: str) -> list[str]:
    """The lines of a text, each without its end.

    A byte-order mark before a line is left out too: files that were put one after the
    other have some.
    """
    found = text.split("\n")
    if not found[-1]:  # the last line ended, and nothing follows
        found.pop()
    return [unmarked(line.rstrip("\r")) for line in found]


def half_character(text: str) -> str | None:
    """What is wrong with a text that holds a lone surrogate; None if it holds none.

    Such a text cannot be written to a file, and no tokenizer reads it.
    """
    half = _SURROGATE.search(text)
    if half is None:
        return None
    return f"it holds half a character, {half[0]!r}, at position {half.start()}"
