"""CSV files that people give: columns under a header, separated by commas."""

import csv
import io
import re
import shlex
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from spexlens.errors import InvalidInput
from spexlens.files.text_file import read

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
    first = int(len(header) > 1 and not header[0])  # 1 where pandas wrote an index
    names = header[first:]
    if not set(needed) <= set(names):
        _refuse_other_separators(header, path)
    _refuse_odd_names(names, first, path)
    if not rows:
        raise InvalidInput(f"{path} holds no row below its header")
    for line, row in rows:
        if len(row) != len(header):
            raise InvalidInput(f"{path}, line {line}: {_unlike(len(row), len(header))}")
    fields = {
        name: [row[place] for _, row in rows]
        for place, name in enumerate(names, start=first)
    }
    return Table(fields, [line for line, _ in rows])


def _refuse_odd_names(names: Sequence[str], first: int, path: Path) -> None:
    """InvalidInput if a column has no name, or two have one."""
    for position, name in enumerate(names, start=1 + first):
        if not name.strip():
            raise InvalidInput(f"{path}: column {position} has no name")
        if names.count(name) > 1:
            raise InvalidInput(
                f"{path}: {names.count(name)} columns are called {name!r}; rename all"
                " but one"
            )


def _unlike(fields: int, columns: int) -> str:
    """What is wrong with a row of so many fields."""
    counted = f"{fields} field{'s' * (fields > 1)}"
    wanted = f"{columns} column{'s' * (columns > 1)}"
    advice = ""
    if fields > columns:
        advice = "; a field with a comma in it stands in quotes"
    return f"{counted}, but {wanted}{advice}"


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
    # Python's reader takes a lone carriage return for the end of a row, though pandas
    # writes one unquoted; and it closes a quote at the end of the file that nobody
    # closed. A character that the text does not have stands for the first, and is a row
    # of its own behind the last.
    stand_in = _absent(text)
    marked = re.sub(r"\r(?!\r*\n)", stand_in, text)
    if not text.endswith("\n"):
        marked += "\n"
    records = _parsed(marked + stand_in, path)
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


def _absent(text: str) -> str:
    """A character that a text does not have, the first that is nobody's letter."""
    private = map(chr, range(0xE000, 0x110000))
    return next(character for character in private if character not in text)


def _parsed(text: str, path: Path) -> list[tuple[int, list[str]]]:
    """The rows that Python's reader finds, each with the line that it begins on.

    Raises:
        InvalidInput: the reader refuses the text.
    """
    # the reader's limit is one for the whole process
    limit = csv.field_size_limit(len(text) + 1)
    records = []
    line = 1
    try:
        reader = csv.reader(io.StringIO(text, newline="\n"))
        for row in reader:
            if row:
                records.append((line, row))
            line = reader.line_num + 1
    except csv.Error as error:
        raise InvalidInput(f"{path}, line {line}, is not CSV: {error}") from error
    finally:
        csv.field_size_limit(limit)
    return records


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
    present = [field for field in fields if not _is_no_number(field)]
    if present and all(field in ("True", "False") for field in present):
        return [None if _is_no_number(field) else field == "True" for field in fields]
    numbers = [_number(field.strip()) for field in present]
    if not numbers or None in numbers:
        return list(texts(fields))
    spaced = any(field != field.strip() for field in present)
    if spaced and all(isinstance(number, int) for number in numbers):
        return list(texts(fields))
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
    if _FRACTION.fullmatch(field) or _ENDLESS.fullmatch(field):
        return float(field)
    return None
