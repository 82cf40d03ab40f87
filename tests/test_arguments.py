"""What a caller gives is taken as Python would have it, or refused in one line."""

import json
import math
from collections.abc import Callable
from decimal import Decimal
from enum import Enum
from fractions import Fraction
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from spexlens import Candidate, Explanation, Game, LogisticHead, RidgeHead, explain
from spexlens.arguments import number, plain, readable, whole_number
from spexlens.errors import InvalidInput, ResultError
from spexlens.files import json_file as saved
from spexlens.learners.learner import Task
from spexlens.solvers.proxyspex.proxies.linear import Linear
from spexlens.solvers.proxyspex.solver import ProxySpex
from spexlens.verbs.zoom import zoom

HALF = "\ud83d"
"""Half of an emoji, as JSON can hold it."""


class Counting(Game):
    """An AND of two candidates, that counts what it was asked and says what it is told."""

    def __init__(self, n: int = 4, **facts: Any) -> None:
        super().__init__(self._answered, n)
        self.asked, self._facts = 0, facts

    def _answered(self, masks: NDArray[np.bool_]) -> NDArray[np.float64]:
        self.asked += len(masks)
        return masks[:, 0] * 1.0 * masks[:, 1] - 0.5 * masks[:, 2]

    def facts(self) -> dict[str, Any]:
        return {**super().facts(), **self._facts}


# Numbers.


@pytest.mark.parametrize("given", [7, np.int64(7), np.uint8(7), np.array(7)])
def test_a_whole_number_may_be_numpys(given: Any) -> None:
    found = whole_number(given, "a seed")
    assert (found, type(found)) == (7, int)


@pytest.mark.parametrize(
    "given", [7.0, np.float32(7), True, np.True_, "7", None, [7], Decimal(7), 7j]
)
def test_what_is_no_whole_number_is_named(given: Any) -> None:
    with pytest.raises(InvalidInput, match=r"^a seed is a whole number; got "):
        whole_number(given, "a seed")


@pytest.mark.parametrize(
    ("given", "least", "message"),
    [
        (-1, 0, "a seed is not negative and below 2^63; got -1"),
        (1 << 63, 0, "a seed is not negative and below 2^63; got 9223372036854775808"),
        (
            np.uint64(2**64 - 1),
            0,
            "a seed is not negative and below 2^63; got 18446744073709551615",
        ),
        (0, 1, "a seed is at least 1 and below 2^63; got 0"),
    ],
)
def test_a_whole_number_has_its_bounds(given: Any, least: int, message: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        whole_number(given, "a seed", least=least)
    assert str(caught.value) == message


@pytest.mark.parametrize(
    "given", [0.5, np.float32(0.5), np.float64(0.5), np.array(0.5), Fraction(1, 2)]
)
def test_a_number_may_be_numpys(given: Any) -> None:
    found = number(given, "a share")
    assert (found, type(found)) == (0.5, float)


@pytest.mark.parametrize(
    "given",
    [
        np.nan,
        np.inf,
        -np.inf,
        np.float32("nan"),
        10**400,
        True,
        np.False_,
        "half",
        None,
        [0.5],
        1j,
    ],
)
def test_what_is_no_number_is_named(given: Any) -> None:
    with pytest.raises(
        InvalidInput, match=r"^a share is a finite number; got "
    ) as caught:
        number(given, "a share")
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("given", [0, -1, -0.0, np.float32(-2), np.nan])
def test_what_must_be_positive_is(given: Any) -> None:
    assert number(5e-324, "C", positive=True) > 0
    with pytest.raises(InvalidInput, match=r"^C is a positive number of seconds; got "):
        number(given, "C", positive=True, of="of seconds")


# Texts.


@given(st.text(st.characters(exclude_categories=["Cs"])))
def test_valid_unicode_is_readable(text: str) -> None:
    assert readable(text, "the text") == text


@given(st.text(st.characters(exclude_categories=["Cs"])), st.integers(0xD800, 0xDFFF))
def test_half_a_character_is_named_with_its_place(before: str, code: int) -> None:
    with pytest.raises(InvalidInput) as caught:
        readable(before + chr(code) + "behind", "the text")
    said = str(caught.value)
    assert said.startswith(
        f"the text is not valid Unicode: character {len(before) + 1} is "
    )
    said.encode()  # so that it can be printed
    assert "\n" not in said


def test_numpys_texts_become_pythons() -> None:
    assert type(readable(np.str_("word"), "the text")) is str


@pytest.mark.parametrize("given", [None, 5, b"word", ["word"]])
def test_what_is_no_text_is_named(given: Any) -> None:
    with pytest.raises(InvalidInput, match=r"^the text is a text; got "):
        readable(given, "the text")


# JSON.

json_values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(),
    lambda parts: st.lists(parts) | st.dictionaries(st.text(), parts),
    max_leaves=20,
)


@given(json_values)
def test_what_json_has_stays_as_it_is(value: Any) -> None:
    assert plain(value, "facts") == value
    assert json.dumps(plain(value, "facts")) == json.dumps(value)


def test_numpys_values_tuples_and_paths_become_json() -> None:
    value = {
        "whole": np.int64(3),
        "half": np.float32(0.5),
        "long": np.longdouble(0.25),
        "is": np.bool_(True),
        "name": np.str_("word"),
        "rows": np.arange(4).reshape(2, 2),
        "one": np.array(2.5),
        "span": (1, (2, np.uint8(3))),
        "file": Path("a") / "b",
        np.int64(7): [None],
    }
    found = plain(value, "facts")
    assert found == {
        "whole": 3, "half": 0.5, "long": 0.25, "is": True, "name": "word", "rows": [[0, 1], [2, 3]],
        "one": 2.5, "span": [1, [2, 3]], "file": str(Path("a") / "b"), "7": [None],
    }  # fmt: skip
    assert json.loads(json.dumps(found)) == found
    assert {type(part) for part in found.values()} == {int, float, bool, str, list}


class Colour(Enum):
    RED = 1


@pytest.mark.parametrize(
    ("value", "message"),
    [
        (
            {"a": [0, {"b": math.nan}]},
            "facts.a.1.b is nan: JSON has only finite numbers",
        ),
        (
            {"a": np.array([1.0, np.inf])},
            "facts.a.1 is inf: JSON has only finite numbers",
        ),
        ({"a": {1, 2}}, "facts.a is a set: JSON has nothing like it"),
        ({"a": object()}, "facts.a is an object: JSON has nothing like it"),
        ({"a": Colour.RED}, "facts.a is a Colour: JSON has nothing like it"),
        ({(0, 1): 2}, "facts has a key that is a tuple: JSON's keys are texts"),
    ],
)
def test_what_json_has_not_is_named_with_its_place(value: Any, message: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        plain(value, "facts")
    assert str(caught.value) == message


# What explain, games and heads are given.


def test_numpys_numbers_explain_as_pythons_do() -> None:
    ours = explain(
        Counting(12), np.int64(120), seed=np.uint8(3), held_out=np.int32(20), checks=np.int64(16),
        noise=np.int16(4), smallest=np.float32(0.5), method=ProxySpex([Linear(2)]),
    )  # fmt: skip
    theirs = explain(
        Counting(12), 120, seed=3, held_out=20, checks=16, noise=4, smallest=0.5,
        method=ProxySpex([Linear(2)]),
    )  # fmt: skip

    def told(explanation: Explanation) -> dict[str, Any]:
        content: dict[str, Any] = json.loads(explanation.to_json())
        del content["account"]["seconds"]
        return content

    assert told(ours) == told(theirs)


@pytest.mark.parametrize("wrong", [True, np.True_, 64.0, "64", -1])
@pytest.mark.parametrize(
    "name",
    [
        "budget",
        "seed",
        "held_out",
        "trainings",
        "unchosen",
        "checks",
        "noise",
        "smallest",
    ],
)
def test_what_explain_cannot_use_is_refused_before_anything_is_asked(
    name: str, wrong: Any
) -> None:
    game = Counting()
    arguments = {"budget": 64, name: wrong}
    with pytest.raises(InvalidInput) as caught:
        explain(game, **arguments)
    assert "\n" not in str(caught.value)
    assert game.asked == 0
    if name in ("budget", "seed"):
        with pytest.raises(InvalidInput):
            zoom(game, **arguments)
        assert game.asked == 0


@pytest.mark.parametrize("count", [3, np.int64(3), np.uint8(3), np.array(3)])
def test_the_number_of_candidates_may_be_numpys(count: Any) -> None:
    assert [
        c.label for c in Game(lambda masks: masks.sum(axis=1), count).candidates
    ] == ["x0", "x1", "x2"]


@pytest.mark.parametrize(
    ("candidates", "message"),
    [
        (0, "at least one candidate; got 0"),
        (np.int64(-2), "at least one candidate; got -2"),
        (True, "at least one candidate; got True"),
        (np.True_, r"their number, or their labels; got (np\.)?True_?"),
        (3.0, "their number, or their labels; got 3.0"),
        (None, "their number, or their labels; got None"),
        (["fine", HALF], "the label of candidate 1 is not valid Unicode: character 1"),
        (
            [Candidate("fine", kind="ki" + HALF)],
            "the kind of candidate 0 is not valid Unicode: character 3",
        ),
        ([Candidate(5)], "the label of candidate 0 is a text; got 5"),  # type: ignore[arg-type]
    ],
)
def test_candidates_that_cannot_be_saved_make_no_game(
    candidates: Any, message: str
) -> None:
    with pytest.raises(InvalidInput, match=message):
        Game(lambda masks: masks.sum(axis=1), candidates)


@pytest.mark.parametrize(
    ("named", "message"),
    [
        ({"outputs": ["up", HALF]}, "the name of an output is not valid Unicode"),
        ({"unit": HALF}, "a unit is not valid Unicode"),
        ({"unit": None}, "a unit is a text; got None"),
        (
            {"fingerprint": "a" + HALF},
            "a fingerprint is not valid Unicode: character 2",
        ),
    ],
)
def test_names_that_cannot_be_saved_make_no_game(
    named: dict[str, Any], message: str
) -> None:
    with pytest.raises(InvalidInput, match=message):
        Game(lambda masks: masks.sum(axis=1), 3, **named)


FEATURES = np.random.default_rng(0).normal(size=(8, 2))
TASK = Task(FEATURES, np.arange(8) % 2, FEATURES[:2], None)


@pytest.mark.parametrize("head", [LogisticHead, RidgeHead])
def test_the_strength_of_a_head_may_be_numpys(head: Callable[[Any], Any]) -> None:
    for mine, pythons in (
        (np.float32(0.5), 0.5),
        (np.int64(2), 2),
        (np.array(0.5), 0.5),
    ):
        identity = head(mine).prepare(TASK).identity()
        assert json.dumps(identity) == json.dumps(
            head(pythons).prepare(TASK).identity()
        )


@pytest.mark.parametrize("head", [LogisticHead, RidgeHead])
@pytest.mark.parametrize(
    "wrong", [0, -1.0, np.nan, np.inf, True, "1", None, 1e-300, 1e300]
)
def test_a_strength_that_is_none_is_refused(
    head: Callable[[Any], Any], wrong: Any
) -> None:
    with pytest.raises(
        InvalidInput,
        match=r"^(C|alpha) is (a positive number|from 1e-20 to 1e\+20); got ",
    ):
        head(wrong).prepare(TASK)


@pytest.mark.parametrize(
    "head", [LogisticHead(1e-20), LogisticHead(1e20), RidgeHead(1e-20), RidgeHead(1e20)]
)
def test_the_strongest_and_the_weakest_penalty_have_an_optimum(head: Any) -> None:
    kept = np.ones((1, 8), np.bool_)
    answers = head.prepare(TASK).fit(kept, np.zeros(1, np.int64)).answers
    assert np.isfinite(answers).all()


@pytest.mark.parametrize("head", [LogisticHead(), RidgeHead()])
def test_features_beyond_single_precision_are_refused(head: Any) -> None:
    huge = Task(1e100 * FEATURES, TASK.labels, TASK.tests, None)
    with pytest.raises(
        InvalidInput, match=r"features of up to .*e\+100 are too large for a head"
    ):
        head.prepare(huge)


# What is saved.


def test_facts_in_numpys_numbers_and_half_an_emoji_are_saved_and_read_back(
    tmp_path: Path,
) -> None:
    facts = {
        "rows": np.int64(3),
        "note": f"good {HALF} nice",
        "shape": (1, 2),
        "\ude00": [HALF, "😀", "\\ud83d"],
    }
    explanation = explain(Counting(**facts), 64)
    path = tmp_path / "result.json"
    explanation.save(path)
    path.read_text(encoding="utf-8")
    assert json.loads(path.read_text(encoding="utf-8")) == json.loads(
        explanation.to_json()
    )
    told = Explanation.load(path).facts
    assert told == {**explanation.facts, "rows": 3, "shape": [1, 2]}
    assert Explanation.load(path).to_json() == explanation.to_json()


@pytest.mark.parametrize("unsayable", [{1, 2}, math.nan, b"bytes", object()])
def test_facts_that_cannot_be_saved_are_refused_before_anything_is_asked(
    unsayable: Any,
) -> None:
    game = Counting(odd=unsayable)
    with pytest.raises(InvalidInput, match=r"^facts\.odd is "):
        explain(game, 64)
    assert game.asked == 0


def test_what_cannot_be_saved_is_named_and_leaves_what_was_there(
    tmp_path: Path,
) -> None:
    path = tmp_path / "result.json"
    explanation = explain(Counting(), 64)
    explanation.save(path)
    before = path.read_bytes()
    explanation.details["odd"] = math.inf  # type: ignore[index]
    with pytest.raises(
        ResultError, match=r"^the explanation cannot be saved: details\.odd is inf"
    ):
        explanation.save(path)
    assert path.read_bytes() == before
    assert list(tmp_path.iterdir()) == [path]


def test_where_nothing_can_be_written_is_said_in_one_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    explanation = explain(Counting(), 64)
    (tmp_path / "file").write_text("mine")
    (tmp_path / "folder.json").mkdir()
    for path, why in (
        (tmp_path / "none" / "x.json", "No such file or directory"),
        (tmp_path / "file" / "x.json", "Not a directory"),
        (tmp_path / "folder.json", "not the path of a file"),
        (tmp_path / ("x" * 300), "File name too long"),
        (tmp_path / "null\0byte.json", "null byte"),
        (tmp_path / f"half{HALF}.json", "its name cannot be encoded"),
        (Path("/dev/null"), "not the path of a file"),
        (Path("/"), "not the path of a file"),
        (Path(), "not the path of a file"),
    ):
        for attempt in (
            explanation.save,
            partial(saved.refuse_unwritable, kind="explanation"),
        ):  # the same, before and after it is paid
            with pytest.raises(ResultError, match=why) as caught:
                attempt(path)
            assert str(caught.value).startswith("cannot write ")
            assert "\n" not in str(caught.value)
            str(caught.value).encode()
    assert sorted(each.name for each in tmp_path.iterdir()) == ["file", "folder.json"]
    assert (tmp_path / "file").read_text() == "mine"

    def full(*arguments: Any, **named: Any) -> None:
        raise OSError(28, "No space left on device")

    saved.refuse_unwritable(tmp_path / "x.json", "explanation")
    assert not (tmp_path / "x.json").exists()
    monkeypatch.setattr(Path, "write_text", full)
    with pytest.raises(
        ResultError, match=r"cannot write .*x\.json: No space left on device"
    ):
        explanation.save(tmp_path / "x.json")


def test_a_name_as_long_as_the_system_allows_can_be_written(tmp_path: Path) -> None:
    path = tmp_path / ("x" * 250 + ".json")
    explain(Counting(), 64).save(path)
    assert len(Explanation.load(path).candidates) == 4
