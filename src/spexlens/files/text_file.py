"""Text files that people give: UTF-8 text, its lines, objects a line (JSONL), and
columns (CSV).

A byte-order mark is no text. A line ends with a newline, and carriage returns just
before it are part of its end; nothing else ends one: U+2028, U+0085, a form feed or a
lone carriage return stands inside it.
"""

import csv
import io
import json
import re
import shlex
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from spexlens.errors import InvalidInput
from spexlens.files.json_text import read_json

_PIECE = 1 << 20  # bytes that are read at once: a buffer of as many is made
_MARK = "\ufeff"
_UTF_16 = (b"\xff\xfe", b"\xfe\xff")
# bytes that are looked at for the zeros that UTF-16 puts between letters
_BEGINNING = 32
_SEPARATORS = {";": "semicolons", "\t": "tabs", "|": "vertical bars"}
_MISSING = ("nan", "NaN", "<NA>", "NaT")
"""What pandas and numpy write for a value that is missing, and nobody for a word."""
_NOT_A_NUMBER = (
    *("", "NA", "N/A", "n/a", "null", "NULL", "None", "#N/A", "#N/A N/A", "#NA"),
    *("1.#IND", "-1.#IND", "1.#QNAN", "-1.#QNAN"),
)
"""What is missing among numbers, as pandas reads it, and a word among words."""
_WHOLE = re.compile(r"[+-]?(?:0|[1-9][0-9]*)")
_FRACTION = re.compile(
    r"[+-]?(?:[0-9]+\.[0-9]*|\.[0-9]+|[0-9]+(?=[eE]))(?:[eE][+-]?[0-9]+)?"
)
_ENDLESS = re.compile(r"[+-]?inf(?:inity)?", re.IGNORECASE)
_NAN = re.compile(r"[+-]?nan", re.IGNORECASE)
_SURROGATE = re.compile("[\ud800-\udfff]")
_ESCAPED = re.compile(r"\\u[dD][89a-fA-F]")


@dataclass(frozen=True)
class Table:
    """A CSV file with a header.

    Attributes:
        columns: the fields of each column, as they are written, by its name.
        lines: on which line of the file each row begins; the header's is 1 where
            nothing is above it.
    """

    columns: dict[str, list[str]]
    lines: list[int]


@dataclass(frozen=True)
class Row:
    """An object of a JSONL file.

    Attributes:
        line: the number of its line, from 1.
        place: the file and where in it the row stands, for an error.
        content: the object.
    """

    line: int
    place: str
    content: dict[str, Any]


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


def objects(
    path: Path, expected: str, counted: tuple[str, int] | None = None
) -> list[Row]:
    """The objects of a JSONL file, one a line that is not blank.

    What JSON has no word for, but many writers write: NaN is read as null, Infinity as
    infinity.

    Args:
        path: of the file.
        expected: what a line should be, for the error where it is something else.
        counted: what the rows are called in errors beside their lines, and the number
            of the first.

    Raises:
        InvalidInput: the file cannot be read; or a line is no object, gives a key
            twice, or escapes half a character (a lone surrogate), which no file could
            hold and no tokenizer reads.
    """
    written = [
        (number, line)
        for number, line in enumerate(lines(read(path)), start=1)
        if line.strip()
    ]
    rows = []
    for position, (number, line) in enumerate(written):
        place = f"{path}, line {number}"
        if counted is not None:
            place += f", {counted[0]} {counted[1] + position}"
        content = _json(line, place, place if counted is None else f"{place},")
        if not isinstance(content, dict):
            raise InvalidInput(f"{place}: expected {expected}")
        rows.append(Row(number, place, content))
    return rows


def _json(line: str, place: str, subject: str) -> Any:
    """The value that a line is."""

    def once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        content = dict(pairs)
        if len(content) < len(pairs):
            names = [name for name, _ in pairs]
            twice = next(name for name in names if names.count(name) > 1)
            raise InvalidInput(f"{place}: the key {twice!r} is there twice")
        return content

    def constant(name: str) -> float | None:
        return None if name == "NaN" else float(name)

    try:
        content = read_json(line, pairs=once, constant=constant)
    except InvalidInput:
        raise
    except json.JSONDecodeError as error:
        raise InvalidInput(
            f"{subject} is not JSON: {error.msg}: column {error.colno}"
        ) from error
    except ValueError as error:
        raise InvalidInput(
            f"{subject} is not JSON that can be read: {error}"
        ) from error
    if _ESCAPED.search(line):  # a file in UTF-8 holds half a character in no other way
        _refuse_halves(content, place)
    return content


def _refuse_halves(content: Any, place: str) -> None:
    """Refuse half a character anywhere in a value."""
    left = [("the text", content)]
    while left:
        name, value = left.pop()
        if isinstance(value, dict):
            left += [("a key", key) for key in value]
            left += [(repr(key), each) for key, each in value.items()]
        elif isinstance(value, list):
            left += [(name, each) for each in value]
        elif isinstance(value, str) and (half := half_character(value)) is not None:
            raise InvalidInput(f"{place}: {name} is not valid Unicode: {half}")


def half_character(text: str) -> str | None:
    """What is wrong with a text that holds a lone surrogate; None if it holds none.

    Such a text cannot be written to a file, and no tokenizer reads it.
    """
    found = _SURROGATE.search(text)
    return (
        None
        if found is None
        else f"it holds half a character, {found[0]!r}, at position {found.start()}"
    )


def columns(path: Path) -> dict[str, list[str]]:
    """The columns of a CSV file, as `table`."""
    return table(path).columns


def table(path: Path, needed: Sequence[str] = ()) -> Table:
    """The fields of a CSV file with a header, as they are written, and the lines of its
    rows.

    A first column without a name is the index that pandas writes, and is left out.
    Fields in quotes may hold newlines. A file without any newline may end its lines
    with carriage returns, as those of old do.

    Args:
        path: of the file.
        needed: the columns that will be asked for: if one is missing, and there would
            be more columns with another separator than the comma, the error says so.

    Raises:
        InvalidInput: the file cannot be read or is not CSV; two columns have one name,
            or one has none; a row has not a field for each; or the file is separated by
            something else than commas.
    """
    records = _records(read(path), path)
    header = records[0][1]
    rows = records[1:]
    indexed = len(header) > 1 and not header[0]
    names = header[1:] if indexed else header
    if not set(needed) <= set(names):
        _refuse_other_separators(header, path)
    for position, name in enumerate(names, start=1 + indexed):
        if not name.strip():
            raise InvalidInput(f"{path}: column {position} has no name")
        if names.count(name) > 1:
            raise InvalidInput(
                f"{path}: {names.count(name)} columns are called {name!r}; rename all"
                " but one"
            )
    if not rows:
        raise InvalidInput(f"{path} holds no row below its header")
    for line, row in rows:
        if len(row) != len(header):
            raise InvalidInput(f"{path}, line {line}: {_unlike(len(row), len(header))}")
    fields = {
        name: [row[place] for _, row in rows]
        for place, name in enumerate(names, start=int(indexed))
    }
    return Table(fields, [line for line, _ in rows])


def _unlike(fields: int, columns: int) -> str:
    """What is wrong with a row of so many fields."""
    said = (
        f"{fields} field{'s' if fields > 1 else ''}, but {columns}"
        f" column{'s' if columns > 1 else ''}"
    )
    return said + (
        "; a field with a comma in it stands in quotes" if fields > columns else ""
    )


def _refuse_other_separators(header: Sequence[str], path: Path) -> None:
    """Refuse a file whose header would have more columns with another separator than
    the comma.
    """
    line = ",".join(header)
    most = max(_SEPARATORS, key=line.count)
    if line.count(most) < len(header):
        return
    new = path.with_name(f"{path.stem}-commas.csv")
    code = (
        "import csv, sys; csv.writer(sys.stdout).writerows(csv.reader(sys.stdin,"
        f" delimiter={most!r}))"
    )
    raise InvalidInput(
        f"{path} seems to be separated by {_SEPARATORS[most]}; write commas instead: "
        f'python3 -c "{code}" < {shlex.quote(str(path))} > {shlex.quote(str(new))}'
    )


def _records(text: str, path: Path) -> list[tuple[int, list[str]]]:
    """The rows of a CSV file that are not blank, its header first, each with the line
    that it begins on.
    """
    if "\0" in text:
        line = text.count("\n", 0, text.index("\0")) + 1
        raise InvalidInput(
            f"{path}, line {line}: there is a NUL byte, so this is not CSV"
        )
    if "\n" not in text:
        text = text.replace("\r", "\n")
    # The module takes a lone carriage return for the end of a row, though pandas writes
    # one unquoted; and it
    # closes a quote at the end of the file that nobody closed. A character that the
    # text does not have stands
    # for the first, and is a row of its own behind the last.
    stand_in = next(
        each for each in map(chr, range(0xE000, 0x110000)) if each not in text
    )
    marked = (
        re.sub(r"\r(?!\r*\n)", stand_in, text)
        + ("" if text.endswith("\n") else "\n")
        + stand_in
    )
    limit = csv.field_size_limit(len(marked) + 1)
    records = []
    line = 1
    try:
        reader = csv.reader(io.StringIO(marked, newline="\n"))
        for row in reader:
            if row:
                records.append((line, row))
            line = reader.line_num + 1
    except csv.Error as error:
        raise InvalidInput(f"{path}, line {line}, is not CSV: {error}") from error
    finally:
        csv.field_size_limit(limit)
    begun, last = records.pop()
    if last != [stand_in]:
        where = f"line {begun}" if records else "the header"
        raise InvalidInput(f"{path}, {where}: a quote is opened and never closed")
    if not records:
        raise InvalidInput(f"{path} holds no row")
    return [
        (line, [field.replace(stand_in, "\r") for field in row])
        for line, row in records
    ]


def texts(fields: Sequence[str]) -> list[str | None]:
    """A CSV column of texts: None where pandas and numpy write that one is missing."""
    return [None if field in _MISSING else field for field in fields]


def values(fields: Sequence[str]) -> list[Any]:
    """A CSV column as JSON would have it: numbers, True and False, or words; None or ""
    is missing.

    A column is of numbers if each field is one that is not missing; what has a point or
    an exponent is a float. "nan", "NaN", "<NA>" and "NaT" are missing in any column;
    "NA", "N/A", "null", "None" and what else pandas reads so are missing among numbers,
    and among True and False; among words they are words. Whole numbers with zeros
    before them, such as "007", or with spaces about them are words.
    """
    words = texts(fields)
    left = [field for field in fields if not _is_no_number(field)]
    if left and all(field in ("True", "False") for field in left):
        return [None if _is_no_number(field) else field == "True" for field in fields]
    numbers = [_number(field.strip()) for field in left]
    if not numbers or None in numbers:
        return words
    spaced = any(field != field.strip() for field in left)
    if spaced and all(isinstance(number, int) for number in numbers):
        return words
    return [
        None if _is_no_number(field) else _number(field.strip()) for field in fields
    ]


def _is_no_number(field: str) -> bool:
    """Whether a field is missing if the others of its column are numbers."""
    bare = field.strip()
    return bare in _MISSING or bare in _NOT_A_NUMBER or _NAN.fullmatch(bare) is not None


def _number(field: str) -> int | float | None:
    """The number that a field is, if it is one."""
    if _WHOLE.fullmatch(field):
        try:
            return int(field)
        except ValueError:  # thousands of digits
            return None
    return (
        float(field)
        if _FRACTION.fullmatch(field) or _ENDLESS.fullmatch(field)
        else None
    )
