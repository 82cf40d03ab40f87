"""Examples come as arrays, tables or files; groups, candidates and outcomes are made
from them.
"""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from numpy.typing import NDArray
from refusing import refused
from scipy.sparse import csr_matrix

from spexlens import DataLens, Examples
from spexlens.learners.learner import Answer, Task
from spexlens.lenses.examples.arrays import examples_of, points_of
from spexlens.lenses.examples.choosing import AUTO, choose, gradient_similarity
from spexlens.lenses.examples.groups import groups_of
from spexlens.lenses.examples.outcomes import OUTCOMES, outcome_of

TEXTS = ["a dull plot", "her acting never fails", "bored by it", "a joy to watch"]
LABELS = ["negative", "positive", "negative", "positive"]
AUTHORS = ["Ada", "Ben", "Ada", "Cy"]
TABLE: dict[str, list[Any]] = {"text": TEXTS, "label": LABELS, "author": AUTHORS}
X = np.random.default_rng(0).normal(size=(12, 3))
CLASSES = np.array(["bad", "good"] * 6)


def told(
    examples: Examples,
) -> tuple[list[Any], list[Any] | None, dict[str, list[Any]]]:
    """Everything that is known of examples, as lists."""
    labels = None if examples.labels is None else examples.labels.tolist()
    return (
        examples.inputs.tolist(),
        labels,
        {name: list(each) for name, each in examples.columns.items()},
    )


def read(
    folder: Path, content: str | bytes, name: str = "examples.csv", **settings: Any
) -> Examples:
    path = folder / name
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return Examples.read(path, **settings)


# Files.


def test_a_csv_file_has_quotes_newlines_a_byte_order_mark_and_blank_lines(
    tmp_path: Path,
) -> None:
    content = (
        '\ufefftext,label,author\n\n"good, she said:'
        ' ""very""",positive,Ada\r\n\n"two\nlines",negative,\n\n'
    )
    assert told(read(tmp_path, content)) == (
        ['good, she said: "very"', "two\nlines"],
        ["positive", "negative"],
        {"label": ["positive", "negative"], "author": ["Ada", ""]},
    )


def test_a_jsonl_file_holds_an_object_a_line(tmp_path: Path) -> None:
    rows = [
        {"text": "two\nlines", "label": 1, "stars": 4},
        {"stars": None, "label": 0, "text": "d\u00e9j\u00e0"},
    ]
    content = "\n\n".join(map(json.dumps, rows))
    for name in ("examples.jsonl", "EXAMPLES.JSONL"):
        assert told(read(tmp_path, content, name)) == (
            ["two\nlines", "déjà"],
            [1, 0],
            {"label": [1, 0], "stars": [4, None]},
        )


@pytest.mark.parametrize("mark", ["\x85", "\u2028", "\x0c", "\x1e", "\r"])
def test_only_a_newline_ends_a_row(tmp_path: Path, mark: str) -> None:
    text = f"so{mark}good"
    csv = read(tmp_path, f"text,label\n{text},positive\n")
    jsonl = read(
        tmp_path,
        json.dumps({"text": text, "label": "positive"}, ensure_ascii=False),
        "e.jsonl",
    )
    assert csv.inputs.tolist() == jsonl.inputs.tolist() == [text]


def test_a_text_of_a_csv_file_may_be_as_long_as_a_book(tmp_path: Path) -> None:
    assert (
        len(read(tmp_path, f"text,label\n{'word ' * 40_000},a\n").inputs[0]) == 200_000
    )


@pytest.mark.parametrize(
    ("written", "labels", "kind"),
    [
        (["1.5", "2", "-3"], [1.5, 2.0, -3.0], "f"),
        (["1", "2", "3"], [1, 2, 3], "i"),
        (["1.0", "2.0", "3.0"], [1, 2, 3], "i"),
        (["1.5", "2", "three"], ["1.5", "2", "three"], "U"),
    ],
)
def test_labels_of_a_csv_file_are_numbers_if_all_are_and_one_has_a_fraction(
    tmp_path: Path, written: list[str], labels: list[Any], kind: str
) -> None:
    rows = "".join(f"text {row},{label}\n" for row, label in enumerate(written))
    found = read(tmp_path, "text,label\n" + rows).labels
    assert found is not None
    assert found.tolist() == labels
    assert found.dtype.kind == kind


def test_columns_go_by_any_name(tmp_path: Path) -> None:
    content = "stars,review,label\n5,a joy,x\n1,a bore,y\n"
    examples = read(tmp_path, content, text="review", label="stars")
    assert told(examples) == (
        ["a joy", "a bore"],
        [5, 1],
        {"stars": [5, 1], "label": ["x", "y"]},
    )
    assert read(tmp_path, content, text="review", label=None).labels is None


def test_labels_may_be_absent_where_they_are_to_be_predicted(tmp_path: Path) -> None:
    assert read(tmp_path, "text\na joy\n", labelled=False).labels is None
    assert told(read(tmp_path, "text,label\na joy,x\n", labelled=False))[1] == ["x"]


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        (
            "e.csv",
            "review,label,author\na,b,c\n",
            "no column 'text' of texts; the columns are review, label, author",
        ),
        (
            "e.csv",
            "text,stars\na,b\n",
            "no column 'label' of labels; the columns are text, stars",
        ),
        ("e.csv", "text,label\na,x\n  ,y\n", "line 3 has no text"),
        ("e.csv", "text,label\na,x\nb,\n", "line 3 has no label"),
        ("e.csv", "text,label\na,0.5\nb,nan\n", "line 3 has no label"),
        ("e.csv", "text,label\na,x\nb,nan\n", "line 3 has no label"),
        ("e.csv", "text,text,label\na,b,x\n", "2 columns are called 'text'"),
        ("e.csv", "text,label,\na,x,\n", "column 3 has no name"),
        (
            "e.jsonl",
            '{"text": "a", "label": 1, "text": "b"}',
            "line 1: the key 'text' is there twice",
        ),
        (
            "e.jsonl",
            '{"text": "a", "label": 1}\n{"text": "\\ud83d", "label": 1}',
            "not valid Unicode",
        ),
        (
            "e.jsonl",
            '{"text": "a", "label": 1}\n{"text": "b", "label": NaN}',
            "line 2 has no label",
        ),
        ("e.csv", "text,label\na,x\n\nb\n", "line 4: 1 field, but 2 columns"),
        ("e.csv", "text,label\n", "holds no row"),
        ("e.csv", "", "holds no row"),
        ("e.csv", "text,label\ndéjà vu,x\n".encode("latin-1"), "cannot read"),
        ("e.tsv", "text\tlabel\na\tb\n", "neither .csv nor .jsonl"),
        ("e.jsonl", '{"text": "a", "label": 1}\n{"text": ', "line 2 is not JSON"),
        (
            "e.jsonl",
            '{"text": "a", "label": 1}\n["b", 1]',
            "line 2: expected an object",
        ),
        (
            "e.jsonl",
            '{"text": "a", "label": 1}\n{"text": "b"}',
            "line 2: expected an object with the keys of line 1",
        ),
        (
            "e.jsonl",
            '{"text": "a", "label": 1}\n{"text": 7, "label": 1}',
            "line 2 has no text: 7",
        ),
        (
            "e.jsonl",
            '{"text": "a", "label": 1}\n{"text": "b", "label": null}',
            "line 2 has no label",
        ),
        ("e.jsonl", "\n \n", "holds no row"),
    ],
)
def test_a_file_that_cannot_be_used_is_one_line_that_says_where(
    tmp_path: Path, name: str, content: str | bytes, message: str
) -> None:
    line = refused(lambda: read(tmp_path, content, name))
    assert str(tmp_path / name) in line
    assert message in line


def test_a_file_that_is_not_there_is_one_line(tmp_path: Path) -> None:
    assert "absent.csv" in refused(lambda: Examples.read(tmp_path / "absent.csv"))
    assert str(tmp_path) in refused(lambda: Examples.read(tmp_path))


@pytest.mark.parametrize(
    "rows",
    [
        [{"text": "a", "label": "x"}, {"text": "b", "label": 0.5}],
        [{"text": "a", "label": {"x": 1}}, {"text": "b", "label": {"x": 2}}],
        [{"text": "a", "label": [1, 2]}, {"text": "b", "label": [1, 3]}],
    ],
    ids=["words and numbers", "objects", "lists"],
)
def test_labels_that_are_neither_classes_nor_numbers_are_one_line(
    tmp_path: Path, rows: list[dict[str, Any]]
) -> None:
    line = refused(lambda: read(tmp_path, "\n".join(map(json.dumps, rows)), "e.jsonl"))
    assert str(tmp_path / "e.jsonl") in line


def test_an_infinite_label_is_no_number_to_predict(tmp_path: Path) -> None:
    assert "line 3" in refused(lambda: read(tmp_path, "text,label\na,0.5\nb,inf\n"))


# Tables.


def test_a_dictionary_a_frame_and_a_dataset_give_the_same_examples() -> None:
    datasets = pytest.importorskip("datasets")
    expected = (TEXTS, LABELS, {"label": LABELS, "author": AUTHORS})
    for table in (TABLE, pd.DataFrame(TABLE), datasets.Dataset.from_dict(TABLE)):
        assert told(Examples.of(table)) == expected


def classified(codes: list[int]) -> Any:
    """A dataset that knows the names of its classes."""
    datasets = pytest.importorskip("datasets")
    names = datasets.ClassLabel(names=["negative", "positive"])
    text = datasets.Value("string")
    features = datasets.Features({"text": text, "label": names, "author": text})
    return datasets.Dataset.from_dict({**TABLE, "label": codes}, features=features)


def test_classes_go_by_the_names_that_a_dataset_has_for_them() -> None:
    assert told(Examples.of(classified([0, 1, 0, 1])))[:2] == (TEXTS, LABELS)


def test_groups_by_label_go_by_the_names_that_a_dataset_has_for_them() -> None:
    names, owner = groups_of(Examples.of(classified([0, 1, 0, 1])), "label")
    assert names == ["label negative", "label positive"]
    assert owner.tolist() == [0, 1, 0, 1]


def test_a_dataset_whose_labels_are_withheld_has_none() -> None:
    assert "row 1" in refused(lambda: Examples.of(classified([0, -1, 0, -1])))


@pytest.mark.parametrize(
    ("given", "kind"),
    [
        ([0, 1, 1, 0], "i"),
        ([True, False, True, False], "b"),
        ([0.5, 1.0, 2, 3], "f"),
        (np.array([0.5, 1.0, 2.0, 3.0], np.float32), "f"),
        (["a", "b", "b", "a"], "U"),
        (["a", 1, 1, "a"], "U"),
    ],
)
def test_labels_that_are_floats_are_numbers_and_all_others_are_classes(
    given: Any, kind: str
) -> None:
    for examples in (
        Examples.of({"text": TEXTS, "label": given}),
        examples_of((TEXTS, given), "they"),
    ):
        assert examples.labels is not None
        assert examples.labels.dtype.kind == kind
        assert examples.labels.tolist() == (
            list(map(str, given)) if kind == "U" else list(given)
        )


@pytest.mark.parametrize(
    "labels",
    [
        pd.Series(["x", None, "y", "x"]),
        pd.Series(["x", None, "y", "x"], dtype=object),
        pd.Series([0.5, None, 1.0, 2.0]),
        pd.Series([1, None, 0, 1], dtype="Int64"),
    ],
    ids=["words", "objects", "numbers", "pandas' own integers"],
)
def test_a_frame_with_a_missing_label_is_one_line(labels: "pd.Series[Any]") -> None:
    assert (
        refused(lambda: Examples.of(pd.DataFrame({"text": TEXTS, "label": labels})))
        == "row 1 has no label"
    )


def test_what_has_no_named_columns_is_no_table() -> None:
    assert "named columns; got list" in refused(lambda: Examples.of(TEXTS))


def test_rows_are_taken_with_all_that_is_known_of_them() -> None:
    examples = Examples.of(TABLE)
    taken = (TEXTS[3], TEXTS[0]), ("positive", "negative"), ("Cy", "Ada")
    found = told(examples.take([3, 0]))
    assert (tuple(found[0]), tuple(found[1] or ()), tuple(found[2]["author"])) == taken
    assert "rows 0 to 3; got 4, -1" in refused(lambda: examples.take([0, 4, -1]))
    assert "got none" in refused(lambda: examples.take([]))


# Arrays and pairs.


def test_texts_and_numbers_come_as_lists_and_as_arrays() -> None:
    for texts in (
        TEXTS,
        tuple(TEXTS),
        np.array(TEXTS),
        np.array(TEXTS, object),
        pd.Series(TEXTS),
    ):
        examples = examples_of((texts, LABELS), "they")
        assert examples.textual
        assert told(examples) == (TEXTS, LABELS, {})
    for rows in (X.tolist(), X, X.astype(np.float32).astype(object), csr_matrix(X)):
        examples = examples_of((rows, CLASSES), "they")
        assert not examples.textual
        assert examples.inputs.dtype == np.float64
        np.testing.assert_allclose(examples.inputs, X, rtol=1e-6)


def test_inputs_alone_have_no_labels_and_examples_are_as_they_are() -> None:
    examples = examples_of(TEXTS, "they")
    assert examples.labels is None
    assert examples_of(examples, "they") is examples
    assert len(examples_of(X.reshape(2, 6, 3), "they")) == 2


def test_a_frame_of_numbers_is_a_table_of_numbers() -> None:
    frame = pd.DataFrame(X[:3], columns=["height", "weight", "age"])
    np.testing.assert_array_equal(
        examples_of((frame, CLASSES[:3]), "they").inputs, X[:3]
    )


@pytest.mark.parametrize(
    ("data", "message"),
    [
        ((X, CLASSES[:7]), "the training examples: 12 inputs, but 7 labels"),
        ((TEXTS, "positive"), "the training examples: 4 inputs, but 1 labels"),
        ((TEXTS, ["a", None, "b", "a"]), "row 1 has no label"),
        ((TEXTS, ["a", "", "b", "a"]), "row 1 has no label"),
        ((X[:2], [0.5, np.nan]), "row 1 has no label"),
        ((["a", " \n"], [0, 1]), "row 1 has no text: ' \\n'"),
        (
            np.where(np.arange(36).reshape(12, 3) == 16, np.nan, X),
            "the training examples must be finite; row 5",
        ),
        (np.full((2, 2, 2), np.inf), "the training examples must be finite; row 0"),
        (X[0], "numbers of shape (N, d); got shape (3,)"),
        ([], "got shape (0,)"),
        (np.zeros((0, 3)), "got shape (0, 3)"),
        (["a", 3], "neither texts nor a table of numbers"),
        ([[1, 2], [3]], "neither texts nor a table of numbers"),
    ],
)
def test_arrays_that_cannot_be_used_are_one_line_that_says_where(
    data: Any, message: str
) -> None:
    assert message in refused(lambda: examples_of(data, "the training examples"))


@pytest.mark.parametrize(
    "data", [None, 3.0, np.array(3.0)], ids=["nothing", "a number", "an array of none"]
)
def test_what_is_no_sequence_at_all_is_one_line(data: Any) -> None:
    assert "the training examples" in refused(
        lambda: examples_of(data, "the training examples")
    )


def test_one_text_is_not_a_sequence_of_its_letters() -> None:
    assert "the training examples" in refused(
        lambda: examples_of("film", "the training examples")
    )


@pytest.mark.parametrize(
    "labels", [np.zeros((12, 2), int), np.zeros((12, 2))], ids=["classes", "numbers"]
)
def test_two_labels_an_example_are_one_line(labels: NDArray[Any]) -> None:
    assert "label" in refused(lambda: examples_of((X, labels), "the training examples"))


def test_words_and_fractions_are_no_labels_together() -> None:
    assert "label" in refused(
        lambda: examples_of((TEXTS[:2], ["good", 0.5]), "the training examples")
    )


# Test points.


@pytest.mark.parametrize(
    ("given", "inputs", "labels"),
    [
        ("a joy", ["a joy"], None),
        (("a joy", "positive"), ["a joy"], ["positive"]),
        (("a joy", ["positive"]), ["a joy"], ["positive"]),
        (["a joy", "a bore"], ["a joy", "a bore"], None),
        ((["a joy", "a bore"], ["x", "y"]), ["a joy", "a bore"], ["x", "y"]),
    ],
)
def test_one_text_alone_is_a_test_point_and_several_are_several(
    given: Any, inputs: list[str], labels: list[str] | None
) -> None:
    assert told(points_of(given, Examples.of(TABLE)))[:2] == (inputs, labels)


@pytest.mark.parametrize(
    ("given", "rows", "labels"),
    [
        (X[0], 1, None),
        (X[0].tolist(), 1, None),
        ((X[0], "good"), 1, ["good"]),
        ((X[0], 1), 1, [1]),
        ((X[0], np.array(1)), 1, [1]),
        (X[:2], 2, None),
        ((X[:2], ["bad", "good"]), 2, ["bad", "good"]),
    ],
)
def test_one_vector_alone_is_a_test_point_and_several_are_several(
    given: Any, rows: int, labels: list[Any] | None
) -> None:
    points = points_of(given, examples_of((X, CLASSES), "they"))
    np.testing.assert_array_equal(points.inputs, X[:rows])
    assert told(points)[1] == labels


def test_one_image_alone_is_a_test_point() -> None:
    images = np.arange(24.0).reshape(2, 3, 4)
    assert points_of(images[1], examples_of(images, "they")).inputs.tolist() == [
        images[1].tolist()
    ]


@pytest.mark.parametrize(
    ("given", "message"),
    [
        (
            "a joy",
            "the test points are texts, the training examples arrays of shape (3,)",
        ),
        (X[:, :2], "arrays of shape (2,), the training examples arrays of shape (3,)"),
        (X[0, :2], "arrays of shape (2,), the training examples arrays of shape (3,)"),
        ((X[:2], ["bad"]), "the test points: 2 inputs, but 1 labels"),
        (np.full((1, 3), np.nan), "the test points must be finite; row 0"),
        (Examples.of(TABLE), "the test points are texts"),
    ],
)
def test_test_points_unlike_the_training_examples_are_one_line(
    given: Any, message: str
) -> None:
    assert message in refused(
        lambda: points_of(given, examples_of((X, CLASSES), "they"))
    )


def test_ragged_test_points_are_one_line() -> None:
    assert "the test points" in refused(
        lambda: points_of([[1.0, 2.0, 3.0], [4.0]], examples_of((X, CLASSES), "they"))
    )


def test_a_label_that_no_training_example_has_is_one_line() -> None:
    line = refused(lambda: DataLens("logistic", (X, CLASSES), (X[:2], ["bad", "ugly"])))
    assert (
        line == "test point 1 has the label 'ugly'; the training labels are bad, good"
    )


@pytest.mark.parametrize(
    ("classes", "label"),
    [
        (CLASSES, "goodness"),
        (np.arange(12) % 2, "good"),
        (np.arange(12) % 2, 1.7),
        (X[:, 0], "good"),
    ],
    ids=[
        "one that begins as another does",
        "a word for a number",
        "a fraction",
        "a word for a target",
    ],
)
def test_a_label_of_another_kind_is_one_line(classes: NDArray[Any], label: Any) -> None:
    learner = "ridge" if classes.dtype.kind == "f" else "logistic"
    assert repr(label) in refused(
        lambda: DataLens(learner, (X, classes), (X[:1], [label]))
    )


# Groups.


def test_groups_are_named_in_order_of_appearance() -> None:
    examples = Examples.of(TABLE)
    names, owner = groups_of(examples, "label")
    assert (names, owner.tolist()) == (
        ["label negative", "label positive"],
        [0, 1, 0, 1],
    )
    names, owner = groups_of(examples, "author")
    assert (names, owner.tolist()) == (
        ["author Ada", "author Ben", "author Cy"],
        [0, 1, 0, 2],
    )
    assert owner.dtype == np.int64


def test_groups_by_label_need_no_column_of_that_name() -> None:
    names, owner = groups_of(examples_of((X, CLASSES), "they"), "label")
    assert (names, owner.tolist()) == (["label bad", "label good"], [0, 1] * 6)


@pytest.mark.parametrize(
    ("values", "names", "owner"),
    [
        (["b", None, "a", "b"], ["b", "a"], [0, -1, 1, 0]),
        (["b", "", "a", "b"], ["b", "a"], [0, -1, 1, 0]),
        ([7, -1, 3, 7], ["group 7", "group 3"], [0, -1, 1, 0]),
        (np.array([7, -1, 3, 7]), ["group 7", "group 3"], [0, -1, 1, 0]),
    ],
)
def test_values_are_groups_and_some_values_are_none(
    values: Any, names: list[str], owner: list[int]
) -> None:
    found, places = groups_of(Examples.of(TABLE), values)
    assert (found, places.tolist()) == (names, owner)


@pytest.mark.parametrize("dtype", ["str", "string", object])
def test_a_value_that_a_frame_misses_is_no_group(dtype: Any) -> None:
    authors = pd.Series(["Ada", np.nan, "Ada", np.nan], dtype=dtype)
    names, owner = groups_of(
        Examples.of(pd.DataFrame({**TABLE, "author": authors})), "author"
    )
    assert (names, owner.tolist()) == (["author Ada"], [0, -1, 0, -1])


def test_near_duplicates_are_clustered_and_nothing_else_is() -> None:
    long = (
        "The film is a slow and careful study of a family that falls apart over one"
        " long summer."
    )
    texts = [
        long,
        "Her acting never fails to impress a critic.",
        *TEXTS[:2],
        long,
        long.replace("one", "a"),
    ]
    names, owner = groups_of(examples_of(texts, "they"), "near-duplicates")
    assert owner.tolist() == [0, 1, 2, 3, 0, 0]
    assert names == ["#0 and 2 like it", "#1", "#2", "#3"]


def test_rows_of_features_are_clustered_too() -> None:
    orthogonal = 10.0 * np.eye(5, 6)
    features = np.concatenate(
        [orthogonal, orthogonal[2:3], orthogonal[4:] + 0.1, np.zeros((1, 6))]
    )
    names, owner = groups_of(examples_of(features, "they"), "near-duplicates")
    assert owner.tolist() == [0, 1, 2, 3, 4, 2, 4, 5]
    assert names == ["#0", "#1", "#2 and 1 like it", "#3", "#4 and 1 like it", "#7"]


def test_images_are_clustered_as_rows_of_features() -> None:
    images = 10.0 * np.eye(4)[[0, 1, 0]].reshape(3, 2, 2)
    assert groups_of(examples_of(images, "they"), "near-duplicates")[1].tolist() == [
        0,
        1,
        0,
    ]


@pytest.mark.parametrize(
    ("groups", "message"),
    [
        (
            "source",
            (
                "no groups 'source': give one value an example, or one of label,"
                " near-duplicates"
            ),
        ),
        (["a", "b"], "groups has 2 values; there are 4 examples"),
        ([None, "", -1, None], "no example is in any group"),
    ],
)
def test_groups_that_cannot_be_made_are_one_line(groups: Any, message: str) -> None:
    assert message in refused(lambda: groups_of(Examples.of(TABLE), groups))


# Choosing.


def drawn(count: int, classes: int, *, tests: int = 3, labelled: bool = True) -> Task:
    rng = np.random.default_rng([count, classes])
    inputs, points = rng.normal(size=(count, 4)), rng.normal(size=(tests, 4))
    if not classes:
        return Task(
            inputs,
            rng.normal(size=count),
            points,
            rng.normal(size=tests) if labelled else None,
        )
    labels = np.argmax(inputs[:, :classes] + rng.normal(size=(count, classes)), axis=1)
    return Task(
        inputs, labels, points, np.arange(tests) % classes if labelled else None
    )


def autograd(task: Task, weights: NDArray[np.float64]) -> NDArray[np.float64]:
    """Σ |dot product| of gradients at a head's weights, (c, d + 1) with the intercept
    last.
    """
    import torch

    def gradient(x: NDArray[np.float64], label: Any) -> torch.Tensor:
        head = torch.tensor(weights, requires_grad=True)
        scores = head[:, :-1] @ torch.tensor(x) + head[:, -1]
        if task.numeric:
            loss = 0.5 * (scores[0] - float(label)) ** 2
        else:
            loss = torch.nn.functional.cross_entropy(
                scores[None], torch.tensor([int(label)])
            )
        loss.backward()
        assert head.grad is not None
        return head.grad.flatten()

    labels = task.test_labels
    if labels is None:
        scores = task.tests @ weights[:, :-1].T + weights[:, -1]
        labels = scores[:, 0] if task.numeric else scores.argmax(axis=1)
    assert task.labels is not None
    own = torch.stack(
        [gradient(x, y) for x, y in zip(task.inputs, task.labels, strict=True)]
    )
    theirs = torch.stack(
        [gradient(x, y) for x, y in zip(task.tests, labels, strict=True)]
    )
    return np.asarray((own @ theirs.T).abs().sum(dim=1).numpy())


def head_of(task: Task) -> NDArray[np.float64]:
    """scikit-learn's weights of the same head, one row a class."""
    from sklearn.linear_model import LogisticRegression, Ridge

    if task.numeric:
        fitted = Ridge().fit(task.inputs, task.labels)
        return np.append(fitted.coef_, fitted.intercept_)[None]
    fitted = LogisticRegression(tol=1e-12, max_iter=10_000).fit(
        task.inputs, task.labels
    )
    rows = np.concatenate([fitted.coef_, fitted.intercept_[:, None]], axis=1)
    return rows if len(rows) > 1 else np.concatenate([np.zeros_like(rows), rows])


@pytest.mark.parametrize(
    ("classes", "labelled"),
    [(2, True), (3, True), (2, False), (3, False), (0, True)],
    ids=["two classes", "three classes", "two predicted", "three predicted", "numbers"],
)
def test_similarity_is_the_product_of_gradients_at_a_head_trained_on_everything(
    classes: int, labelled: bool
) -> None:
    pytest.importorskip("torch")
    task = drawn(40, classes, labelled=labelled)
    expected = autograd(task, head_of(task))
    assert expected.max() > 0.1
    np.testing.assert_allclose(
        gradient_similarity(task), expected, rtol=1e-4, atol=1e-6
    )


def test_texts_without_labels_are_compared_as_texts() -> None:
    texts, tests = (
        examples_of(each, "they").inputs
        for each in ([*TEXTS, "a joy to see"], ["a joy to watch"])
    )
    similarity = gradient_similarity(Task(texts, None, tests, None))
    assert np.argsort(-similarity)[:2].tolist() == [3, 4]


def named(count: int) -> list[str]:
    return [f"#{row}" for row in range(count)]


def test_all_and_auto_choose_everything_where_that_is_little() -> None:
    task = drawn(AUTO, 2)
    for asked in ("all", "auto", AUTO, 10**6):
        assert choose(asked, np.arange(AUTO), named(AUTO), task) == (
            list(range(AUTO)),
            None,
        )


def test_auto_chooses_at_most_40_and_a_number_so_many() -> None:
    task = drawn(60, 2)
    strongest = np.argsort(-gradient_similarity(task))
    numbers: list[tuple[Any, int]] = [("auto", AUTO), (7, 7), (np.int64(7), 7)]
    for asked, count in numbers:
        chosen, how = choose(
            asked, np.arange(60), named(60), task, "gradient similarity"
        )
        assert chosen == sorted(strongest[:count].tolist())
        assert how == f"{count} of 60 by similarity of gradients"
    assert choose("all", np.arange(60), named(60), task) == (list(range(60)), None)


def test_positions_and_names_are_taken_as_given_each_once() -> None:
    task = drawn(12, 2)
    lists: list[Any] = [[5, 1, 5], ["#5", "#1"], np.array([5, 1])]
    for asked in lists:
        assert choose(asked, np.arange(12), named(12), task) == ([1, 5], None)


def test_a_near_copy_of_the_test_point_is_chosen() -> None:
    rng = np.random.default_rng(1)
    words = [f"word{i}" for i in range(60)]
    texts = [" ".join(rng.choice(words, 8)) for _ in range(80)]
    point = "the film is not bad and her acting never fails"
    texts[33] = point + " to impress"
    inputs, tests = (examples_of(each, "they").inputs for each in (texts, [point]))
    labels = np.array(["bad", "good"] * 40)
    for test_labels in (np.array(["bad"]), np.array(["good"]), None):
        task = Task(inputs, labels, tests, test_labels)
        assert choose(1, np.arange(80), named(80), task)[0] == [33]
        groups = np.arange(80) // 10
        assert choose(1, groups, named(8), task)[0] == [3]
        assert 3 not in choose(2, np.where(groups == 3, -1, groups), named(8), task)[0]


@pytest.mark.parametrize("labelled", [True, False], ids=["labelled", "predicted"])
def test_a_near_copy_of_the_test_point_is_chosen_for_numbers_too(
    labelled: bool,
) -> None:
    rng = np.random.default_rng(2)
    inputs, tests = rng.normal(size=(60, 4)), rng.normal(size=(1, 4))
    targets = inputs.sum(axis=1) + 0.1 * rng.normal(size=60)
    inputs[33], targets[33] = tests[0] + 0.01, tests[0].sum() + 5.0
    task = Task(inputs, targets, tests, tests.sum(axis=1) if labelled else None)
    assert choose(1, np.arange(60), named(60), task)[0] == [33]


@pytest.mark.parametrize(
    ("asked", "message"),
    [
        ("best", "candidates are 'all', 'auto', a number, or a list; got 'best'"),
        (0, "at least 1; got 0"),
        (-3, "at least 1; got -3"),
        ([], "the list of candidates is empty"),
        ([0, 12], "no candidate 12; there are 12: #0, #1, #2, #3, #4, ..."),
        ([-1], "no candidate -1"),
        (["#0", "Ada"], "no candidate 'Ada'; there are 12"),
    ],
)
def test_candidates_that_are_not_there_are_one_line(asked: Any, message: str) -> None:
    assert message in refused(
        lambda: choose(asked, np.arange(12), named(12), drawn(12, 2))
    )


# Outcomes.

Formula = Callable[[NDArray[np.float64], int], float]
FORMULAS: dict[Answer, dict[str, Formula]] = {
    "log-probabilities": {
        "log-odds": lambda says, label: np.log(
            np.exp(says[label]) / (1.0 - np.exp(says[label]))
        ),
        "margin": lambda says, label: says[label] - np.delete(says, label).max(),
        "log-probability": lambda says, label: says[label],
        "loss": lambda says, label: -says[label],
        "probability": lambda says, label: np.exp(says[label]),
        "accuracy": lambda says, label: float(says.argmax() == label),
    },
    "scores": {
        "margin": lambda says, label: says[label] - np.delete(says, label).max(),
        "accuracy": lambda says, label: float(says.argmax() == label),
    },
    "predictions": {
        "prediction": lambda says, label: says[0],
        "loss": lambda says, label: (says[0] - label) ** 2,
    },
    "completions": {
        "log-probability": lambda says, label: says[0],
        "loss": lambda says, label: -says[0],
        "probability": lambda says, label: np.exp(says[0]),
    },
}


def test_every_outcome_has_a_formula_here_and_the_first_is_the_default() -> None:
    assert {answer: list(known) for answer, known in OUTCOMES.items()} == {
        answer: list(known) for answer, known in FORMULAS.items()
    }
    defaults = {answer: outcome_of(answer, None)[0] for answer in OUTCOMES}
    assert defaults == {answer: next(iter(known)) for answer, known in FORMULAS.items()}


@pytest.mark.parametrize(
    ("answer", "name"),
    [(answer, name) for answer, known in FORMULAS.items() for name in known],
)
def test_an_outcome_is_its_formula(answer: Answer, name: str) -> None:
    rng = np.random.default_rng(2)
    classes = 1 if answer in ("predictions", "completions") else 4
    says = rng.normal(size=(50, 5, classes))
    if answer == "log-probabilities":
        says -= np.log(np.exp(says).sum(axis=2, keepdims=True))
    labels = np.arange(5.0) % classes if answer != "predictions" else np.arange(5.0)
    found, outcome = outcome_of(answer, name)
    assert found == name
    expected = [
        [
            FORMULAS[answer][name](each, int(label))
            for each, label in zip(row, labels, strict=True)
        ]
        for row in says
    ]
    assert outcome(says, labels).shape == (50, 5)
    np.testing.assert_allclose(outcome(says, labels), expected, rtol=1e-10, atol=1e-12)


def test_log_odds_do_not_saturate() -> None:
    _, log_odds = outcome_of("log-probabilities", "log-odds")
    certain = np.array([[[0.0, -800.0]], [[-800.0, 0.0]]])
    assert log_odds(certain, np.array([0.0])).tolist() == [[800.0], [-800.0]]
    three = np.array([[[0.0, -800.0, -900.0]]])
    assert log_odds(three, np.array([0.0]))[0, 0] == pytest.approx(800.0)


def test_an_outcome_that_a_learner_cannot_have_is_one_line() -> None:
    line = refused(lambda: outcome_of("scores", "log-odds"))
    assert (
        line
        == "the learner answers with scores: objective 'log-odds' is none of margin,"
        " accuracy"
    )
