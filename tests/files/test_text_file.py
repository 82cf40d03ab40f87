"""Text that people give is read one way everywhere: its lines, its JSON objects, its
CSV columns.
"""

import csv
import io
import json
import math
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from spexlens import Examples
from spexlens.errors import InvalidInput
from spexlens.files.csv_file import columns, table, values
from spexlens.files.jsonl_file import objects
from spexlens.files.text_file import lines, read
from spexlens.formats import expectations as expectations_file
from spexlens.learners.classes import labels_as
from spexlens.lenses.examples.arrays import points_of
from spexlens.lenses.examples.groups import groups_of

NO_ENDS = ["\x0b", "\x0c", "\r", "\x1c", "\x1d", "\x1e", "\x85", "\u2028", "\u2029"]
"""What `str.splitlines` takes for the end of a line, and is none."""
MARK = "\ufeff"
OBJECT = "an object"


@contextmanager
def file(content: str | bytes, name: str = "given.txt") -> Iterator[Path]:
    with TemporaryDirectory() as folder:
        path = Path(folder) / name
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        yield path


def examples(content: str | bytes, ending: str, **asked: Any) -> Examples:
    with file(content, f"given.{ending}") as path:
        return Examples.read(path, **asked)


def refused(attempt: Callable[[], object]) -> str:
    """The one line that says why something cannot be used."""
    with pytest.raises(InvalidInput) as caught:
        attempt()
    message = str(caught.value)
    assert len(message.splitlines()) == 1
    message.encode()  # can be shown
    return message


def given_as(table: dict[str, list[Any]]) -> tuple[str, str]:
    """The same table as CSV and as JSONL, as the standard library writes them."""
    written = io.StringIO()
    writer = csv.writer(written)
    writer.writerow(table)
    writer.writerows(zip(*table.values(), strict=True))
    rows = [
        dict(zip(table, row, strict=True)) for row in zip(*table.values(), strict=True)
    ]
    return written.getvalue(), "".join(json.dumps(row) + "\n" for row in rows)


# Texts.


def test_a_byte_order_mark_is_no_text() -> None:
    for content in ("the cat".encode("utf-8-sig"), (MARK * 2 + "the cat").encode()):
        with file(content) as path:
            assert read(path) == "the cat"


def test_a_file_that_cannot_be_read_is_one_line_that_says_why(tmp_path: Path) -> None:
    assert (
        refused(lambda: read(tmp_path / "no"))
        == f"cannot read {tmp_path / 'no'}: there is no such file"
    )
    assert (
        refused(lambda: read(tmp_path)) == f"cannot read {tmp_path}: it is a directory"
    )
    assert "cannot read" in refused(lambda: read(tmp_path / ("x" * 300)))
    assert "cannot read" in refused(lambda: read(Path("a\0b")))
    with file("x") as path:
        assert "cannot read" in refused(lambda: read(path / "y"))


def test_a_file_without_permission_is_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    def denied(path: Path, mode: str) -> None:
        raise PermissionError(13, "Permission denied", str(path))

    monkeypatch.setattr(Path, "open", denied)
    assert (
        refused(lambda: read(Path("secret.txt")))
        == "cannot read secret.txt: permission denied"
    )


def test_what_is_not_utf8_is_one_line_that_says_at_which_byte() -> None:
    with file(b"abc\nd\xe9f") as path:
        assert refused(lambda: read(path)).endswith(
            "it is not UTF-8 text: byte 5, in line 2, is 0xe9; if it is a Western"
            f" European file, convert it: iconv -f latin1 -t utf-8 {path} >"
            f" {path.with_name('given-utf8.txt')}"
        )
    with file(b"\xef\xbb\xbfab\xff") as path:
        assert "byte 5, in line 1, is 0xff" in refused(lambda: read(path))
    for encoding in ("utf-16", "utf-16-le"):
        content = ("" if encoding == "utf-16" else MARK) + "the cat"
        with file(content.encode(encoding)) as path:
            assert "UTF-16 text: convert it: iconv -f utf-16 -t utf-8" in refused(
                lambda path=path: read(path)
            )


# Lines.


@pytest.mark.parametrize("mark", NO_ENDS)
def test_nothing_but_a_newline_ends_a_line(mark: str) -> None:
    assert lines(f"the{mark}cat\nthe dog\r\nthe end") == [
        f"the{mark}cat",
        "the dog",
        "the end",
    ]


def test_a_last_newline_begins_no_line() -> None:
    assert lines("") == []
    assert lines("a") == lines("a\n") == lines("a\r\n") == lines("a\r\r\n") == ["a"]
    assert lines("a\n\n") == ["a", ""]


def test_files_put_one_after_the_other_have_no_marks_between() -> None:
    assert lines(f"{MARK}a\n{MARK}b\nc{MARK}\n") == ["a", "b", f"c{MARK}"]


@given(
    written=st.lists(
        st.text(st.characters(codec="utf-8", exclude_characters="\n\0")).filter(
            lambda line: not line.endswith("\r") and not line.startswith(MARK)
        ),
    ),
    end=st.sampled_from(["\n", "\r\n"]),
)
@settings(deadline=None)
def test_lines_that_are_written_are_read(written: list[str], end: str) -> None:
    with file("".join(line + end for line in written)) as path:
        assert lines(read(path)) == written


# Objects.

TEXT = st.text(st.characters(codec="utf-8"))
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | TEXT,
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(TEXT, inner, max_size=3)
    ),
    max_leaves=5,
)


@given(
    st.lists(st.dictionaries(TEXT, JSON, max_size=4), max_size=5),
    st.booleans(),
    st.booleans(),
)
@settings(deadline=None)
def test_objects_that_are_written_are_read(
    rows: list[dict[str, Any]], ensure_ascii: bool, marked: bool
) -> None:
    content = "".join(json.dumps(row, ensure_ascii=ensure_ascii) + "\n" for row in rows)
    with file(content.encode("utf-8-sig" if marked else "utf-8")) as path:
        assert [row.content for row in objects(path, OBJECT)] == rows


def test_a_zero_byte_is_text_and_one_after_each_letter_another_encoding() -> None:
    with file("a\0b\n") as path:
        assert lines(read(path)) == ["a\0b"]
    with file("the cat sleeps here".encode("utf-16-be")) as path:
        assert "iconv -f utf-16be -t utf-8" in refused(lambda: read(path))


def test_an_object_knows_its_line() -> None:
    with file('\n{"a": 1}\r\n \n{"a": 2}') as path:
        found = objects(path, OBJECT, counted=("prompt", 1))
        assert [row.line for row in found] == [2, 4]
        assert [row.place for row in found] == [
            f"{path}, line 2, prompt 1",
            f"{path}, line 4, prompt 2",
        ]


def test_nan_is_missing_and_infinity_is_infinite() -> None:
    with file(
        '{"a": NaN, "b": [Infinity, -Infinity, NaN], "c": "nan", "d": null}'
    ) as path:
        (row,) = objects(path, OBJECT)
    assert row.content == {
        "a": None,
        "b": [math.inf, -math.inf, None],
        "c": "nan",
        "d": None,
    }


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("nothing", "line 2 is not JSON: Expecting value: column 1"),
        ('{"a": "x', "line 2 is not JSON: Unterminated string starting at: column 7"),
        ('{"a": "x\x01"}', "line 2 is not JSON"),
        ('{"a": ' + "9" * 5000 + "}", "line 2 is not JSON"),
        ("[" * 100_000, "line 2 is not JSON"),
        ('{"a": ' * 100_000, "line 2 is not JSON"),
        ("[1]", "line 2: expected an object"),
        ("null", "line 2: expected an object"),
        ('{"a": 1, "b": 2, "a": 3}', "line 2: the key 'a' is there twice"),
        ('{"a": {"\\n": 1, "\\n": 1}}', "line 2: the key '\\n' is there twice"),
        (
            '{"a": "half \\ud83d"}',
            (
                "line 2: 'a' is not valid Unicode: it holds half a character,"
                " '\\ud83d', at position 5"
            ),
        ),
        ('{"a": ["x", {"b": "\\uDE00"}]}', "line 2: 'b' is not valid Unicode"),
        ('{"\\udfff": 1}', "line 2: a key is not valid Unicode"),
    ],
)
def test_a_line_that_is_no_object_is_one_line_that_says_which(
    line: str, message: str
) -> None:
    with file('{"a": 0}\n' + line + "\n") as path:
        found = refused(lambda: objects(path, OBJECT))
    assert found.startswith(f"{path}, ")
    assert message in found


def test_a_character_escaped_in_two_halves_is_whole() -> None:
    with file('{"a": "\\ud83d\\ude00", "b": "\\\\ud83d"}') as path:
        assert objects(path, OBJECT)[0].content == {"a": "\U0001f600", "b": "\\ud83d"}


# Columns.

FIELD = st.text(st.characters(codec="utf-8", exclude_characters="\0"))
NAMES = st.lists(
    FIELD.filter(lambda name: bool(name.strip())), min_size=1, max_size=3, unique=True
)
TABLES = st.tuples(
    NAMES, st.lists(st.lists(FIELD, min_size=3, max_size=3), min_size=1, max_size=4)
)


@given(TABLES, st.sampled_from(["\r\n", "\n"]), st.booleans())
@settings(deadline=None)
def test_columns_that_csv_writes_are_read(
    table: tuple[list[str], list[list[str]]], end: str, quoted: bool
) -> None:
    names, rows = table
    rows = [row[: len(names)] for row in rows]
    written = io.StringIO()
    quoting = csv.QUOTE_ALL if quoted or end == "\n" else csv.QUOTE_MINIMAL
    csv.writer(written, lineterminator=end, quoting=quoting).writerows([names, *rows])
    with file(written.getvalue()) as path:
        if names[0].startswith(MARK) and not written.getvalue().startswith('"'):
            return  # a mark, and no name
        found = columns(path)
    assert found == {
        name: [row[place] for row in rows] for place, name in enumerate(names)
    }


@given(st.lists(FIELD, min_size=1, max_size=5), st.booleans())
@settings(deadline=None)
def test_columns_that_pandas_writes_are_read(fields: list[str], indexed: bool) -> None:
    """Also a lone carriage return, which it leaves without quotes; and the index has no
    name.
    """
    numbers = list(range(len(fields)))
    frame = pd.DataFrame({"text": pd.Series(fields, dtype=object), "number": numbers})
    with file(frame.to_csv(index=indexed)) as path:
        assert columns(path) == {"text": fields, "number": list(map(str, numbers))}


def test_quoted_fields_keep_their_newlines() -> None:
    with file('a,b\r\n"one\r\ntwo\rthree\nfour",x\r\n') as path:
        assert columns(path) == {"a": ["one\r\ntwo\rthree\nfour"], "b": ["x"]}


@pytest.mark.parametrize("mark", NO_ENDS)
def test_nothing_but_a_newline_ends_a_row(mark: str) -> None:
    with file(f"a,b\nthe{mark}cat,x{mark}y\n") as path:
        assert columns(path) == {"a": [f"the{mark}cat"], "b": [f"x{mark}y"]}


def test_line_ends_that_were_translated_twice_end_rows() -> None:
    with file('a,b\r\r\nthe cat,"x\r\r\ny"\r\r\nthe dog,z\r\r\n') as path:
        assert columns(path) == {"a": ["the cat", "the dog"], "b": ["x\r\r\ny", "z"]}


def test_carriage_returns_end_the_rows_of_a_file_that_has_no_newline() -> None:
    with file("a,b\rthe cat,x\rthe dog,y\r") as path:
        assert columns(path) == {"a": ["the cat", "the dog"], "b": ["x", "y"]}


def test_a_field_may_be_as_long_as_a_book_and_the_limit_of_others_stays() -> None:
    limit = csv.field_size_limit()
    with file("a,b\n" + "word " * 200_000 + ",x\n") as path:
        assert len(columns(path)["a"][0]) == 1_000_000
    assert csv.field_size_limit() == limit


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("", "holds no row"),
        ("\n\n", "holds no row"),
        ("a,b\n", "holds no row below its header"),
        ("a,b,a\n1,2,3\n", "2 columns are called 'a'"),
        ("a,a,b,b\n", "2 columns are called 'a'"),
        ("a,,b\n1,2,3\n", "column 2 has no name"),
        ("a,b,\n1,2,3\n", "column 3 has no name"),
        ("a, ,b\n1,2,3\n", "column 2 has no name"),
        (",,b\n1,2,3\n", "column 2 has no name"),
        ("a,b\n1,2\n\n3\n", "line 4: 1 field, but 2 columns"),
        (
            "a,b\n1,2,3\n",
            (
                "line 2: 3 fields, but 2 columns; a field with a comma in it stands in"
                " quotes"
            ),
        ),
        (",a\n0,x\n1\n", "line 3: 1 field, but 2 columns"),
        ('a,b\n1,2\n3,"four\n5,6\n', "line 3: a quote is opened and never closed"),
        ('a,"b\n1,2\n', "the header: a quote is opened and never closed"),
        ("a,b\n1,\0\n", "line 2: there is a NUL byte"),
        ('a,b\n"1\n\n1",2\n\n3\n', "line 6: 1 field, but 2 columns"),
        ('a,b\r\n"1\r\n1",2\r\n"3\r\n"\r\n', "line 4: 1 field, but 2 columns"),
        ("a,b\r\r\n1,2\r\r\n3\r\r\n", "line 3: 1 field, but 2 columns"),
        ("a,b\r1,2\r3\r", "line 3: 1 field, but 2 columns"),
    ],
)
def test_what_is_no_table_is_one_line_that_says_where(
    content: str, message: str
) -> None:
    with file(content) as path:
        found = refused(lambda: columns(path))
    assert found.startswith(str(path))
    assert message in found


def test_a_row_is_called_by_the_line_it_begins_on_as_an_editor_shows_it() -> None:
    content = '\ntext,label\n"one\ntwo\n\nthree",x\n\nfour,y\r\n"five\r\n",z\n"six",\n'
    with file(content, "given.csv") as path:
        assert table(path).lines == [3, 8, 9, 11]
        written = content.split("\n")
        assert [written[line - 1][:5] for line in table(path).lines] == [
            '"one',
            "four,",
            '"five',
            '"six"',
        ]
        assert refused(lambda: Examples.read(path)) == f"{path}: line 11 has no label"


@pytest.mark.parametrize(
    ("separator", "called"),
    [(";", "semicolons"), ("\t", "tabs"), ("|", "vertical bars")],
)
def test_a_table_with_another_separator_says_how_to_convert_it(
    tmp_path: Path, separator: str, called: str
) -> None:
    path = tmp_path / "of Ada.csv"
    rows = [["text", "label"], ["good, said she", "1"], ['a "dull" plot', "0"]]
    with path.open("w", newline="") as written:
        csv.writer(written, delimiter=separator).writerows(rows)
    said = refused(lambda: Examples.read(path))
    assert said.startswith(
        f"{path} seems to be separated by {called}; write commas instead: python3 -c "
    )
    command = said.partition("instead: ")[2].replace("python3", sys.executable, 1)
    subprocess.run(["bash", "-c", command], check=True)
    mended = Examples.read(tmp_path / "of Ada-commas.csv")
    assert mended.inputs.tolist() == ["good, said she", 'a "dull" plot']


def test_a_header_with_a_semicolon_in_it_is_separated_by_commas_all_the_same() -> None:
    with file("text;label,other\na;b,c\n", "given.csv") as path:
        assert "there is no column 'text' of texts" in refused(
            lambda: Examples.read(path)
        )
        assert columns(path) == {"text;label": ["a;b"], "other": ["c"]}
    assert examples("text,label,a;b;c;d\nx,y,z\n", "csv").inputs.tolist() == ["x"]


@pytest.mark.parametrize(
    "encoding", ["utf-16", "utf-16-le", "utf-16-be", "latin1", "cp1252"]
)
def test_a_table_in_another_encoding_says_how_to_convert_it(
    tmp_path: Path, encoding: str
) -> None:
    path = tmp_path / "given.csv"
    text = (
        "text,label\nthe “café”,x\n"
        if encoding == "cp1252"
        else "text,label\nthe café,x\n"
    )
    path.write_bytes(text.encode(encoding))
    said = refused(lambda: Examples.read(path))
    subprocess.run(["bash", "-c", said.partition("convert it: ")[2]], check=True)
    mended = Examples.read(tmp_path / "given-utf8.csv")
    assert mended.inputs.tolist() == [text.split("\n")[1].removesuffix(",x")]


def test_a_missing_column_lists_the_columns_and_asks_for_the_nearest() -> None:
    with file("Text,labels,stars\na,x,1\n", "given.csv") as path:
        there = (
            "did you mean 'Text'? the columns are Text, labels, stars; choose with"
            " text=..."
        )
        assert (
            refused(lambda: Examples.read(path))
            == f"{path}: there is no column 'text' of texts; {there}"
        )
        there = (
            "did you mean 'labels'? the columns are Text, labels, stars; choose with"
            " label=..."
        )
        assert refused(lambda: Examples.read(path, text="Text")).endswith(
            f"there is no column 'label' of labels; {there}"
        )
        assert "; the columns are" in refused(
            lambda: Examples.read(path, text="review")
        )


# Values.

NUMBER = st.integers() | st.floats(allow_nan=False)


@given(st.lists(NUMBER, min_size=1))
def test_numbers_are_read_as_json_reads_them(numbers: list[float]) -> None:
    found = values([json.dumps(number) for number in numbers])
    assert found == numbers
    assert [type(each) for each in found] == [type(each) for each in numbers]


AMONG_NUMBERS = [
    "",
    "NA",
    "N/A",
    "n/a",
    "null",
    "NULL",
    "None",
    "#N/A",
    "-nan",
    "-NaN",
    "nan",
    "NaN",
    "<NA>",
    "#NA",
    "#N/A N/A",
    "1.#IND",
    "-1.#IND",
    "1.#QNAN",
    "-1.#QNAN",
]


@given(
    st.lists(
        st.integers(-(2**53), 2**53).map(str)
        | st.floats().map(str)
        | st.sampled_from(AMONG_NUMBERS),
        min_size=1,
    )
)
@settings(deadline=None)
def test_among_numbers_the_missing_ones_are_those_that_are_missing_to_pandas(
    fields: list[str],
) -> None:
    fields = ["1", *fields]
    written = io.StringIO()
    csv.writer(written).writerows([["a"], *([field] for field in fields)])
    theirs = pd.read_csv(io.StringIO(written.getvalue()))["a"].to_numpy(float)
    ours = np.array(values(fields), dtype=float)  # None is NaN
    np.testing.assert_allclose(ours, theirs, rtol=1e-12)


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        (
            ["none", "NA", "null", "nan", "NaN", "<NA>", "NaT", ""],
            [*["none", "NA", "null"], *[None] * 4, ""],
        ),
        (["1", "NA", "two"], ["1", "NA", "two"]),
        (["NA", "None", "", "nan"], ["NA", "None", "", None]),
        (["True", "False", "NA", ""], [True, False, None, None]),
        (["True", "0"], ["True", "0"]),
        (["true", "false"], ["true", "false"]),
        (["007", "12"], ["007", "12"]),
        (["1_000", "2"], ["1_000", "2"]),
        (["\u0661", "2"], ["\u0661", "2"]),
        ([" 4", "5"], [" 4", "5"]),
        ([" 0.5", "1 ", "  "], [0.5, 1, None]),
        (
            ["+1", "-1", ".5", "2.", "1e3", "-inf", "Infinity"],
            [1, -1, 0.5, 2.0, 1000.0, -math.inf, math.inf],
        ),
        (["9" * 5000, "1"], ["9" * 5000, "1"]),
        (["12345678901234567890123", "1"], [12345678901234567890123, 1]),
    ],
)
def test_fields_are_numbers_words_or_missing_by_what_their_column_is(
    fields: list[str], expected: list[Any]
) -> None:
    found = values(fields)
    assert found == expected
    assert [type(each) for each in found] == [type(each) for each in expected]


# The same table in two formats.

TEXTS = ["a joy", "a bore", "dull", "great", "so-so", "1"]


def told(read_examples: Examples) -> tuple[Any, ...]:
    labels = read_examples.labels
    assert labels is not None
    return (
        read_examples.inputs.tolist(),
        labels.tolist(),
        labels.dtype.kind,
        dict(read_examples.columns),
    )


@pytest.mark.parametrize(
    ("labels", "kind"),
    [
        ([0, 1, 2, 10, 1, 0], "i"),
        ([1, -1, 1, -1, 1, -1], "i"),
        ([1.0, 0.0, 2.0, 10.0, 1.0, 0.0], "i"),
        ([1, 0.5, 2, 3, 4, 5], "f"),
        ([1e300, 1.0, 2.0, 3.0, 4.0, 5.0], "f"),
        ([True, False, True, False, True, False], "b"),
        (["none", "NA", "null", "x", "none", "x"], "U"),
        ([2**70, 1, 2, 3, 4, 5], "U"),
    ],
)
def test_labels_are_the_same_from_either_format(labels: list[Any], kind: str) -> None:
    table = {"text": TEXTS, "label": labels, "stars": [1, 2.5, math.inf, -3, 4, 5]}
    from_csv, from_jsonl = map(examples, given_as(table), ("csv", "jsonl"))
    assert told(from_csv) == told(from_jsonl)
    assert from_csv.labels is not None
    assert from_csv.labels.dtype.kind == kind
    assert list(map(str, from_csv.labels)) == [
        (
            str(int(each))
            if kind == "i"
            else str(float(each))
            if kind == "f"
            else str(each)
        )
        for each in labels
    ]


@pytest.mark.parametrize(
    ("csv_label", "jsonl_label"),
    [
        ("nan", "NaN"),
        ("NaN", "NaN"),
        ("", "null"),
        ("<NA>", "null"),
        ("NA", "null"),
        ("-nan", "NaN"),
    ],
)
@pytest.mark.parametrize("others", [("1", "0"), ("0.5", "2")])
def test_a_missing_label_is_refused_by_its_row(
    csv_label: str, jsonl_label: str, others: tuple[str, str]
) -> None:
    labels = [*others, csv_label]
    content = "text,label\n" + "".join(
        f"t{row},{label}\n" for row, label in enumerate(labels)
    )
    assert "line 4 has no label" in refused(lambda: examples(content, "csv"))
    labels = [*others, jsonl_label]
    content = "".join(
        f'{{"text": "t{row}", "label": {label}}}\n' for row, label in enumerate(labels)
    )
    assert "line 3 has no label" in refused(lambda: examples(content, "jsonl"))


def test_a_missing_text_is_refused_by_its_row_and_a_text_may_be_a_number_or_a_word_for_nothing() -> (
    None
):
    for missing in ("nan", "NaN", "<NA>", "NaT", '""'):
        content = f"text,label\n1,a\n{missing},b\n"
        assert "line 3 has no text" in refused(
            lambda content=content: examples(content, "csv")
        )
    assert "line 2 has no text" in refused(
        lambda: examples(
            '{"text": "a", "label": 1}\n{"text": null, "label": 2}', "jsonl"
        )
    )
    assert examples("text,label\n1,a\n2.5,b\nNA,c\n", "csv").inputs.tolist() == [
        "1",
        "2.5",
        "NA",
    ]
    assert examples('{"text": "nan", "label": "nan"}', "jsonl").inputs.tolist() == [
        "nan"
    ]


def test_an_infinite_label_is_refused_by_its_row() -> None:
    for label in ("inf", "-inf", "Infinity", "1e999"):
        content = f"text,label\na,1\nb,{label}\nc,0\n"
        assert "line 3 has a label that is not finite" in refused(
            lambda content=content: examples(content, "csv")
        )
    content = (
        '{"text": "a", "label": 1}\n{"text": "b", "label": Infinity}\n{"text": "c",'
        ' "label": 0}'
    )
    assert "line 2 has a label that is not finite" in refused(
        lambda: examples(content, "jsonl")
    )


@pytest.mark.parametrize(
    ("clusters", "names"),
    [
        ([0, 0, 1, -1, -1, 2], ["cluster 0", "cluster 1", "cluster 2"]),
        ([0.0, 0.0, 1.0, -1.0, -1.0, 2.5], ["cluster 0", "cluster 1", "cluster 2.5"]),
        ([10, 10, 2, -1, None, 1], ["cluster 10", "cluster 2", "cluster 1"]),
        (["b", "b", "a", "-1", "-1.0", "c"], ["cluster b", "cluster a", "cluster c"]),
        (["0", "0", "1", "-1", "-1.0", "2"], ["cluster 0", "cluster 1", "cluster 2"]),
        (
            ["none", "none", "x", -1, None, "NA"],
            ["cluster none", "cluster x", "cluster NA"],
        ),
        (
            [True, True, False, None, -1, "maybe"],
            ["cluster True", "cluster False", "cluster maybe"],
        ),
    ],
)
def test_groups_are_the_same_from_either_format_and_directly(
    clusters: list[Any], names: list[str]
) -> None:
    table = {"text": TEXTS, "label": list("ababab"), "cluster": clusters}
    owner = [0, 0, 1, -1, -1, 2]
    for content, ending in zip(given_as(table), ("csv", "jsonl"), strict=True):
        found, places = groups_of(examples(content, ending), "cluster")
        assert (found, places.tolist()) == (names, owner)
    found, places = groups_of(Examples.of(table), clusters)
    assert (
        [f"cluster {name.removeprefix('group ')}" for name in found],
        places.tolist(),
    ) == (names, owner)


def test_noise_is_in_no_group_however_a_clustering_is_written() -> None:
    from sklearn.cluster import DBSCAN

    points = np.array([[0.0], [0.1], [5.0], [5.1], [50.0], [99.0]])
    clusters = DBSCAN(eps=0.5, min_samples=2).fit_predict(points)
    frame = pd.DataFrame({"text": TEXTS, "label": list("ababab"), "cluster": clusters})
    # None among them
    gaps = frame.assign(cluster=frame.cluster.where(frame.index != 4).astype(float))
    saved = io.StringIO()
    np.savetxt(saved, clusters)
    numpy_wrote = "text,label,cluster\n" + "".join(
        f"{text},a,{number}\n"
        for text, number in zip(TEXTS, saved.getvalue().split(), strict=True)
    )
    assert (clusters == -1).sum() == 2
    written = [(numpy_wrote, "csv")]
    for each in (frame, gaps):
        written += [
            (each.to_csv(), "csv"),
            (each.to_csv(index=False, na_rep="nan"), "csv"),
        ]
        written.append((each.to_json(orient="records", lines=True), "jsonl"))
    tables = [examples(content, ending) for content, ending in written]
    tables += [Examples.of(frame), Examples.of(gaps)]
    for each in tables:
        names, owner = groups_of(each, "cluster")
        assert (names, owner.tolist()) == (
            ["cluster 0", "cluster 1"],
            [0, 0, 1, 1, -1, -1],
        )


def test_numbers_and_the_words_for_them_are_one_group() -> None:
    table = Examples.of({"text": TEXTS[:4], "label": list("abab")})
    assert groups_of(table, [1, 2.0, 1.0, 2])[0] == ["group 1", "group 2"]
    assert groups_of(table, ["1", 1, "2", "2"])[1].tolist() == [0, 0, 1, 1]
    assert groups_of(table, [[1], [1], [2], None])[1].tolist() == [0, 0, 1, -1]


@pytest.mark.parametrize(
    ("trained", "tested", "positions"),
    [
        ([1, 0, 2], [2, 0], [2, 0]),
        ([1, 0, 2], [2.0, 0.0], [2, 0]),
        ([1, 0, 2], ["2", "0"], [2, 0]),
        (["1", "0", "2"], [2, 0], [2, 0]),
        (["1", "0", "three"], [1, 0], [1, 0]),
        ([True, False, True], ["False", "True"], [0, 1]),
        (["True", "False"], [True, False], [1, 0]),
        ([0.5, 1.0, 2.0], [2, 1], [2, 1]),
    ],
)
def test_test_points_of_one_format_have_the_labels_of_training_examples_of_the_other(
    trained: list[Any], tested: list[Any], positions: list[int]
) -> None:
    endings = ("csv", "jsonl")
    training = given_as({"text": TEXTS[: len(trained)], "label": trained})
    testing = given_as({"text": TEXTS[: len(tested)], "label": tested})
    for like in map(examples, training, endings):
        assert like.labels is not None
        classes = np.unique(like.labels)
        assert list(map(str, classes)) == sorted(set(map(str, trained)))
        for points in map(examples, testing, endings):
            labels = points_of(points, like).labels
            assert labels is not None
            assert labels_as(classes, labels).tolist() == positions


def test_a_label_that_no_training_example_has_is_named_also_among_words_for_numbers() -> (
    None
):
    like = examples("text,label\na,0\nb,1\n", "csv")
    points = points_of((["x", "y"], ["1", "ugly"]), like)
    assert points.labels is not None
    assert "test point 1 has the label 'ugly'" in refused(
        lambda: labels_as(np.array([0, 1]), points.labels)
    )


# Half characters.

HALF = "half \ud83d"


@pytest.mark.parametrize(
    "attempt",
    [
        lambda: Examples.of({"text": ["a", HALF], "label": ["x", "y"]}),
        lambda: Examples.of({"text": ["a", "b"], "label": ["x", HALF]}),
        lambda: points_of(
            ["a", HALF], Examples.of({"text": ["a", "b"], "label": ["x", "y"]})
        ),
        lambda: points_of(
            (["a", "b"], ["x", HALF]),
            Examples.of({"text": ["a", "b"], "label": ["x", "y"]}),
        ),
        lambda: points_of(
            Examples(np.array(["a", HALF], object)),
            Examples.of({"text": ["a", "b"], "label": ["x", "y"]}),
        ),
        lambda: groups_of(
            Examples.of({"text": ["a", "b"], "label": ["x", "y"]}), ["x", HALF]
        ),
        lambda: groups_of(
            Examples.of({"text": ["a", "b"], "label": ["x", "y"], "by": ["x", HALF]}),
            "by",
        ),
        lambda: examples(
            '{"text": "a", "label": "x"}\n{"text": "half \\ud83d", "label": "y"}',
            "jsonl",
        ),
        lambda: examples(
            '{"text": "a", "label": "x"}\n{"text": "b", "label": "\\ud83d"}', "jsonl"
        ),
    ],
)
def test_half_a_character_is_refused_by_its_row(attempt: Callable[[], object]) -> None:
    message = refused(attempt)
    assert ("line 2" if ".jsonl" in message else "row 1") in message
    assert "is not valid Unicode: it holds half a character, '\\ud83d'" in message


# TOML.


def test_a_toml_file_may_begin_with_a_byte_order_mark() -> None:
    with file(MARK + '[[expected]]\r\nmembers = ["a\u2028b"]\r\n', "e.toml") as path:
        assert expectations_file.read(path).rules[0].members[0].labels == ("a\u2028b",)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"a = '\xe9'", "is not UTF-8 text: byte 5"),
        ("a = 1".encode("utf-16"), "is UTF-16 text"),
        (b"a = " + b"[" * 100_000, "is not TOML"),
        (b"a = 1\rb = 2", "is not TOML"),
        (b'a = "\\ud83d"', "is not TOML"),
    ],
)
def test_a_toml_file_that_cannot_be_read_is_one_line(
    content: bytes, message: str
) -> None:
    with file(content, "e.toml") as path:
        found = refused(lambda: expectations_file.read(path))
    assert str(path) in found
    assert message in found
