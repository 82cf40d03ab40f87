"""What a value is told as changes whenever the value does, and with nothing else."""

import copy
import datetime
import enum
import functools
import json
import math
import os
import random
import re
import subprocess
import sys
import threading
from collections import Counter, OrderedDict, defaultdict, deque, namedtuple
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from spexlens.identity import Unknown, describe, describe_module, digest

torch: Any
try:
    import torch
except ImportError:
    torch = None

needs_torch = pytest.mark.skipif(torch is None, reason="torch is not installed")


def cell(code: str, name: str = "made", **around: Any) -> Any:
    """What a notebook's cell makes: its code is in no file."""
    space: dict[str, Any] = {"__name__": "__main__", **around}
    exec(code, space)
    return space[name]


def refused(value: Any) -> str:
    """Why a value can't be told."""
    with pytest.raises(Unknown) as caught:
        describe(value)
    assert "\n" not in str(caught.value)
    assert " at 0x" not in str(caught.value)
    return str(caught.value)


def alike(values: list[Any]) -> bool:
    """Whether all have one digest."""
    return len({digest(value) for value in values}) == 1


def apart(values: list[Any]) -> bool:
    """Whether no two have one digest."""
    return len({digest(value) for value in values}) == len(values)


# Numbers, texts and what holds them.

SCALARS = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.floats(),
    st.complex_numbers(),
    st.text(),
    st.binary(max_size=99),
)
VALUES = st.recursive(
    SCALARS,
    lambda inner: st.one_of(
        st.lists(inner, max_size=3),
        st.lists(inner, max_size=3).map(tuple),
        st.dictionaries(st.text(max_size=2), inner, max_size=3),
        st.frozensets(st.integers(0, 9), max_size=3),
        st.sets(st.text(max_size=2), max_size=3),
    ),
    max_leaves=8,
)


def spelled(value: Any) -> str:
    """A value, written out by other means."""
    kind = type(value).__name__
    if isinstance(value, dict):
        return kind + str(
            sorted((spelled(key), spelled(each)) for key, each in value.items())
        )
    if isinstance(value, (set, frozenset)):
        return kind + str(sorted(map(spelled, value)))
    if isinstance(value, (list, tuple)):
        return kind + str(list(map(spelled, value)))
    if isinstance(value, (float, complex)):
        return kind + str([value.real.hex(), value.imag.hex()])
    return kind + ascii(value)


@given(VALUES, VALUES)
def test_two_values_have_one_digest_exactly_if_they_are_written_the_same(
    one: Any, other: Any
) -> None:
    assert (digest(one) == digest(other)) == (spelled(one) == spelled(other))
    assert digest(one) == digest(copy.deepcopy(one))
    json.dumps(describe(one), allow_nan=False)


@given(
    st.lists(
        st.characters(min_codepoint=0xD800, max_codepoint=0xDFFF) | st.characters(),
        max_size=4,
    )
)
def test_texts_with_halves_of_surrogate_pairs_are_told_apart(
    letters: list[str],
) -> None:
    text = "".join(letters)
    paired = text.encode("utf-16", "surrogatepass").decode("utf-16", "surrogatepass")
    assert (digest(text) == digest(paired)) == (text == paired)


def test_kinds_that_are_equal_are_told_apart() -> None:
    assert apart(
        [
            0,
            0.0,
            -0.0,
            False,
            0j,
            None,
            "",
            b"",
            (),
            [],
            {},
            set(),
            frozenset(),
            "0",
            ...,
            "None",
        ]
    )
    assert apart(
        [
            [1, [2]],
            [1, 2],
            [[1], 2],
            (1, [2]),
            [1, (2,)],
            {1: 2},
            {2: 1},
            {1: [2]},
            [1, [2], []],
        ]
    )
    assert apart(
        [
            math.nan,
            math.inf,
            -math.inf,
            "nan",
            ["float", "nan"],
            10**400,
            10**400 + 1,
            -(10**400),
        ]
    )
    assert apart(
        [range(3), range(0, 4), slice(3), slice(0, 3), slice(0, 3, 1), [0, 1, 2]]
    )
    turned = OrderedDict(a=1, b=2)
    turned.move_to_end("a")
    assert apart([OrderedDict(a=1, b=2), turned, {"a": 1, "b": 2}, Counter(a=1, b=2)])
    assert alike([turned, OrderedDict(b=2, a=1)])
    assert apart([defaultdict(int, a=1), defaultdict(list, a=1), {"a": 1}])
    assert apart(
        [
            deque([1, 2]),
            deque([1, 2], 5),
            [1, 2],
            bytearray(b"\1\2"),
            memoryview(b"\1\2"),
            b"\1\2",
        ]
    )


def test_numbers_of_numpy_are_numbers() -> None:
    assert describe(np.int64(3)) == describe(np.uint8(3)) == 3
    assert describe(np.float64(0.1)) == 0.1
    assert describe(np.float32(0.1)) == float(np.float32(0.1))
    assert describe(np.bool_(True)) is True
    assert describe(np.str_("a")) == "a"
    assert alike(
        [
            [1, 2.5, 1j, b"a"],
            [np.int8(1), np.float16(2.5), np.complex64(1j), np.bytes_(b"a")],
        ]
    )
    third = np.longdouble(1) / 3
    assert apart(
        [third, float(third), np.nextafter(third, np.longdouble(1)), np.longdouble(0)]
    )
    assert apart(
        [
            np.datetime64("2020", "D"),
            np.datetime64("2020", "ns"),
            np.timedelta64(1, "s"),
            1,
        ]
    )


ARRAYS = hnp.arrays(
    hnp.scalar_dtypes(), hnp.array_shapes(min_dims=0, max_dims=3, max_side=3)
)


@given(ARRAYS, ARRAYS)
def test_two_arrays_have_one_digest_exactly_if_type_shape_and_bytes_are_one(
    one: Any, other: Any
) -> None:
    same = (one.dtype, one.shape, one.tobytes()) == (
        other.dtype,
        other.shape,
        other.tobytes(),
    )
    assert (digest(one) == digest(other)) == same


@given(hnp.arrays(np.int32, hnp.array_shapes(max_dims=3, max_side=4)), st.data())
def test_how_an_array_lies_in_memory_does_not_matter(array: Any, data: Any) -> None:
    padded = np.zeros([2 * side for side in array.shape], np.int32)[
        tuple(slice(None, None, 2) for _ in array.shape)
    ]
    padded[...] = array
    assert alike([array, np.asfortranarray(array), padded, array[::-1][::-1]])
    changed = array.copy()
    changed[tuple(data.draw(st.integers(0, side - 1)) for side in array.shape)] ^= 1
    assert apart([array, changed])


def test_large_arrays_are_told_by_every_entry(tmp_path: Path) -> None:
    array = np.zeros((300, 70))
    other = array.copy()
    other[150, 35] = 5e-324
    kept = np.memmap(tmp_path / "kept", float, "w+", shape=array.shape)
    assert repr(array) == repr(other)
    assert apart(
        [array, other, array.astype(np.float32), array.T, array.ravel(), array.tolist()]
    )
    assert alike([array, kept])


def test_arrays_of_every_sort_are_told() -> None:
    aligned = np.dtype([("a", "i1"), ("b", "f8")], align=True)
    one, other = np.zeros(2, aligned), np.frombuffer(bytearray(b"\xff" * 32), aligned)
    other["a"], other["b"] = 0, 0
    assert one.tobytes() != other.tobytes()  # in what lies between the fields
    assert alike([one, other])
    renamed = one.astype([("a", "i1"), ("c", "f8")])
    assert apart(
        [
            one,
            np.ones(2, aligned),
            renamed,
            np.zeros(2, [("a", "i1")]),
            np.zeros((2, 9), np.int8),
        ]
    )
    assert apart(
        [
            np.array([1, "a"], object),
            np.array([1, "b"], object),
            np.array([[1, "a"]], object),
        ]
    )
    assert alike([np.array([1, "a"], object), np.array([1, "a"], object)])
    assert apart(
        [
            np.ma.array([1, 2], mask=[0, 1]),
            np.ma.array([1, 2], mask=[1, 0]),
            np.array([1, 2]),
        ]
    )
    few = np.arange(3, dtype="<i4")
    assert apart(
        [
            few,
            few.astype(">i4"),
            few.view(np.recarray),
            few.astype(">i4").view(np.recarray),
        ]
    )
    assert apart([np.dtype("f4"), np.dtype("f8"), aligned])
    assert "a generator" in refused(np.array([(i for i in ())], object))


def test_tables_and_sparse_matrices_are_told_by_what_they_hold() -> None:
    pandas = pytest.importorskip("pandas")
    frame = pandas.DataFrame(
        {"a": [1, 2], "b": ["x", None], "c": pandas.Categorical(["u", "v"])}
    )
    changes = [frame.copy() for _ in range(5)]
    changes[0].loc[0, "a"] = 3
    changes[1].columns = ["a", "b", "d"]
    changes[2].index = [5, 6]
    changes[3]["a"] = frame["a"].astype("Int64")
    changes[4]["c"] = pandas.Categorical(["u", "v"], categories=["v", "u"])
    assert apart(
        [
            frame,
            *changes,
            frame["a"],
            frame["b"],
            frame["a"].rename("z"),
            frame["a"].to_numpy(),
        ]
    )
    assert alike([frame, frame.copy()])
    dates = pandas.date_range("2020", periods=3)
    assert apart(
        [
            dates,
            dates.shift(1),
            pandas.MultiIndex.from_product([dates, [0]]),
            [pandas.NA],
            [pandas.NaT],
        ]
    )
    sparse = pytest.importorskip("scipy.sparse")
    eye = sparse.eye(3, format="csr")
    assert apart(
        [
            eye,
            2 * eye,
            eye.tocsc(),
            sparse.csr_array(eye),
            sparse.eye(4, format="csr"),
            eye[::-1],
        ]
    )
    assert alike([eye, eye.copy()])


# Cycles and sharing.

GRAPHS = st.integers(1, 4).flatmap(
    lambda count: st.lists(
        st.lists(st.integers(0, count - 1), max_size=2), min_size=count, max_size=count
    )
)


def lists_of(graph: list[list[int]]) -> Any:
    """Lists that hold each other."""
    made: list[Any] = [[] for _ in graph]
    for own, parts in zip(made, graph, strict=True):
        own.extend(made[part] for part in parts)
    return made[0]


def unfolded(graph: list[list[int]], depth: int, at: int = 0) -> Any:
    """A graph as the tree of all ways through it, so many steps deep."""
    return (
        tuple(unfolded(graph, depth - 1, part) for part in graph[at]) if depth else None
    )


@settings(max_examples=300)
@given(GRAPHS, GRAPHS)
def test_what_holds_itself_is_told_as_the_endless_tree_that_it_is(
    one: Any, other: Any
) -> None:
    same = unfolded(one, len(one) + len(other)) == unfolded(
        other, len(one) + len(other)
    )
    assert (digest(lists_of(one)) == digest(lists_of(other))) == same


def test_cycles_that_agree_for_a_while_are_told_apart() -> None:
    swapping: list[Any] = ["x", ["y", None]]
    swapping[1][1] = swapping
    staying: list[Any] = ["x", ["y", None]]
    staying[1][1] = staying[1]
    assert apart([swapping, staying])


def test_depth_and_sharing_cost_little() -> None:
    deep: list[Any] = []
    for _ in range(20_000):
        deep = [deep]
    wide: list[Any] = []
    for _ in range(200):
        wide = [wide, wide]  # as a tree it has 2^200 leaves
    assert apart([deep, deep[0], wide, wide[0]])


# Objects.


@dataclass
class Point:
    x: Any
    y: Any = field(default=0)


class Slotted:
    __slots__ = ("__own", "x")

    def __init__(self, x: Any, own: Any) -> None:
        self.x, self.__own = x, own


class Colour(enum.Enum):
    RED = 1
    BLUE = 2


class Flags(enum.IntFlag):
    A = 1
    B = 2


class Own(list[Any]):
    pass


Pair = namedtuple("Pair", "a b")


def tagged(values: Any, tag: str) -> Any:
    made = Own(values)
    made.tag = tag  # type: ignore[attr-defined]
    return made


def drawn(generator: Any) -> Any:
    """A generator, of which one number has been drawn."""
    generator.random()
    return generator


DIFFERENT: dict[str, list[Any]] = {
    "dataclasses": [Point(1), Point(2), Point(1, 1), {"x": 1, "y": 0}, Slotted(1, 0)],
    "slots": [Slotted(1, 2), Slotted(2, 1), Slotted(1, 3)],
    "enumerations": [Colour.RED, Colour.BLUE, Flags.A, Flags.B, Flags.A | Flags.B, 1, Colour],
    "lists of a kind": [[1], Own([1]), tagged([1], "a"), tagged([1], "b"), tagged([2], "a")],
    "tuples of a kind": [Pair(1, 2), Pair(2, 1), (1, 2)],
    "paths": [Path("a"), Path("b"), "a"],
    "patterns": [re.compile("a"), re.compile("b"), re.compile("a", re.I), re.compile(b"a")],
    "dates": [datetime.date(2020, 1, 1), datetime.datetime(2020, 1, 1), datetime.timedelta(1)],
    "zones": [datetime.UTC, datetime.timezone(datetime.timedelta(hours=1))],
    "fractions": [Fraction(1, 2), Fraction(1, 3), 0.5],
    "python's generators": [random.Random(0), random.Random(1), drawn(random.Random(0))],
    "numpy's generators": [*map(np.random.default_rng, (0, 1)), drawn(np.random.default_rng(0))],
    "numpy's old generators": [np.random.RandomState(s) for s in (0, 1)] + [drawn(np.random.RandomState(0))],
    "partial": [
        functools.partial(max, 1), functools.partial(max, 2), functools.partial(min, 1),
        functools.partial(max, key=abs), max,
    ],
    "methods": ["ab".upper, "ac".upper, "ab".lower, str.upper, [1].append, [2].append],
    "functions": [math.sin, math.cos, np.sin, np.cos, np.mean, max],
    "classes": [int, float, list[int], list[str], int | str, Point, Own, type, type(None), Any],
    "modules": [math, json, np, np.random],
    "namespaces": [SimpleNamespace(a=1), SimpleNamespace(a=2), SimpleNamespace(b=1)],
}  # fmt: skip


@pytest.mark.parametrize("kind", DIFFERENT)
def test_objects_are_told_apart(kind: str) -> None:
    values = DIFFERENT[kind]
    assert apart(values)
    assert alike([values, list(values)])


@pytest.mark.parametrize(
    "kind", [kind for kind in DIFFERENT if kind not in ("modules", "methods")]
)
def test_copies_are_told_alike(kind: str) -> None:
    for value in DIFFERENT[kind]:
        assert alike([value, copy.deepcopy(value)])


def test_the_generators_that_everybody_draws_from_have_no_state_of_ones_own() -> None:
    drawing = [random.random, random.shuffle, np.random.rand]
    before = digest(drawing)
    random.random()
    np.random.rand()  # noqa: NPY002
    assert digest(drawing) == before


@pytest.mark.parametrize(
    ("value", "why"),
    [
        ((i for i in ()), "a generator"),
        (threading.Lock(), "a lock"),
        (threading.Thread(), "of Thread: "),
        (sys.stdout, "an open file"),
        (sys._getframe(), "a frame"),
        (np.frompyfunc(math.sin, 1, 1), "of numpy.frompyfunc"),
        (ModuleType("scratch"), "the module scratch, which has no file"),
        ({"a": [1, {"b": sys.__stdout__}]}, "key 'a': key 'b': an open file"),
        (Point(1, (i for i in ())), "attribute 'y' of Point: a generator"),
        (functools.partial(max, threading.Lock()), "a lock"),
    ],
)
def test_what_cannot_be_told_is_said_and_where(value: Any, why: str) -> None:
    assert why in refused(value)


def test_an_object_that_cannot_even_be_looked_at_is_said() -> None:
    rude = cell(
        "class Rude:\n  def __getattr__(self, name): return 1 / 0\nmade = Rude()"
    )
    assert refused([rude]) == "a Rude, at which ZeroDivisionError('division by zero')"


# Code.

CELLS = [
    "made = lambda x: x + 1",
    "made = lambda x: x + 2",
    "made = lambda x: x - 1",
    "made = lambda x, y=1: x + y",
    "made = lambda x, y=2: x + y",
    "made = lambda x, *, y=1: x + y",
    "made = lambda x, *, y=2: x + y",
    "made = lambda *x: x",
    "made = lambda **x: x",
    "made = lambda x: x.a",
    "made = lambda x: x.b",
    "made = lambda x: x + k",
    "k = 1\nmade = lambda x: x + k",
    "k = 2\nmade = lambda x: x + k",
    "k = [1] * 2000\nmade = lambda x: x + k",
    "k = [1] * 1999 + [2]\nmade = lambda x: x + k",
    "abs = max\nmade = lambda x: abs(x)",
    "made = lambda x: abs(x)",
    "def f(x): return 1\nmade = lambda x: f(x)",
    "def f(x): return 2\nmade = lambda x: f(x)",
    "def f(x): return g(x)\ndef g(x): return 1\nmade = lambda x: f(x)",
    "def f(x): return g(x)\ndef g(x): return 2\nmade = lambda x: f(x)",
    "def around(k): return lambda x: x + k\nmade = around(1)",
    "def around(k): return lambda x: x + k\nmade = around(2)",
    "def made(x): return [i for i in x if i in {'a', 'b', 'c'}]",
    "def made(x): return [i for i in x if i in {'a', 'b', 'd'}]",
    "def made(x):\n  def inner(): return 1\n  return inner()",
    "def made(x):\n  def inner(): return 2\n  return inner()",
    "def made(x):\n  def inner(): return k\n  return inner()\nk = 1",
    "def made(x):\n  def inner(): return k\n  return inner()\nk = 2",
    "def made(x):\n  try: return 1\n  except ValueError: return 2",
    "def made(x):\n  try: return 1\n  except TypeError: return 2",
    "def made(x): yield 1",
    "async def made(x): return 1",
    "def made(x): return 1 if not x else made(x - 1)",
    "def made(x): return 2 if not x else made(x - 1)",
    "def made(x): return other(x)\ndef other(x): return made(x) + 1",
    "def made(x): return other(x)\ndef other(x): return made(x) + 2",
    "import functools\n@functools.lru_cache\ndef made(x): return 1",
    "import functools\n@functools.lru_cache\ndef made(x): return 2",
    "import functools\n@functools.singledispatch\ndef made(x): return 1",
    (
        "from functools import singledispatch\n@singledispatch\ndef made(x): return 1\n"
        "@made.register\ndef _(x: int): return 2"
    ),
    "import functools\n@functools.wraps(functools.reduce)\ndef made(x): return 1",
    "import functools\n@functools.wraps(functools.reduce)\ndef made(x): return 2",
    "from contextlib import contextmanager\n@contextmanager\ndef made(x): yield 1",
    "from contextlib import contextmanager\n@contextmanager\ndef made(x): yield 2",
    "import numpy as np\nmade = np.vectorize(lambda x: 1)",
    "import numpy as np\nmade = np.vectorize(lambda x: 2)",
    "def made(x): return 1\nmade.kind = 'a'",
    "def made(x): return 1\nmade.kind = 'b'",
    "class made: pass",
    "class made(int): pass",
    "class made:\n  k = 1",
    "class made:\n  k = 2",
    "class made:\n  def f(self): return 1",
    "class made:\n  def f(self): return 2",
    "class made:\n  @staticmethod\n  def f(self): return 1",
    "class made:\n  @classmethod\n  def f(self): return 1",
    "class made:\n  @property\n  def f(self): return 1",
    "class made:\n  @property\n  def f(self): return 2",
    (
        "from functools import cached_property\nclass made:\n  @cached_property\n  def"
        " f(self): return 1"
    ),
    (
        "from functools import cached_property\nclass made:\n  @cached_property\n  def"
        " f(self): return 2"
    ),
    (
        "class Base:\n  def f(self): return 1\nclass made(Base):\n  def g(self): return"
        " super().f()"
    ),
    (
        "class Base:\n  def f(self): return 2\nclass made(Base):\n  def g(self): return"
        " super().f()"
    ),
    "class Meta(type):\n  def f(self): return 1\nclass made(metaclass=Meta): pass",
    "class Meta(type):\n  def f(self): return 2\nclass made(metaclass=Meta): pass",
    "class A:\n  def f(self): return 1\nmade = A()",
    "class A:\n  def f(self): return 2\nmade = A()",
    "class A:\n  def f(self): return 1\nmade = A().f",
    "class A:\n  def f(self): return 1\nmade = A(); made.k = 1",
    "class A:\n  def f(self): return 1\nmade = A(); made.k = 1; made = made.f",
    "from dataclasses import dataclass\n@dataclass\nclass made:\n  k: int = 1",
    "from dataclasses import dataclass\n@dataclass\nclass made:\n  k: int = 2",
    "from enum import Enum\nclass made(Enum):\n  A = 1",
    "from enum import Enum\nclass made(Enum):\n  A = 2",
    "from typing import NamedTuple\nclass made(NamedTuple):\n  a: int = 1",
    "from typing import NamedTuple\nclass made(NamedTuple):\n  a: int = 2",
]


def test_code_of_ones_own_is_told_by_what_it_does() -> None:
    assert apart([cell(code) for code in CELLS])


@pytest.mark.parametrize("code", CELLS)
def test_a_cell_that_is_run_again_makes_the_same(code: str) -> None:
    assert alike([cell(code), cell(code), cell(f"# a remark\n\nunused = 3\n\n{code}")])


def test_running_code_does_not_change_it() -> None:
    made = cell(
        "import numpy as np\nk = {1: 2}\ndef made(x):\n  return sum(k.get(i, 0) * i for"
        " i in range(x))"
    )
    before = digest(made)
    for _ in range(10_000):
        made(3)
    assert digest(made) == before
    curve = cell("import numpy as np\nmade = np.vectorize(lambda x: 1, otypes=[float])")
    before = digest(curve)
    curve(np.arange(3))
    assert digest(curve) == before


def test_many_functions_that_all_call_each_other_are_no_more_than_they_are() -> None:
    names = [f"f{i}" for i in range(30)]
    calls = ", ".join(f"{name}(x)" for name in names)
    code = "\n".join(
        f"def {name}(x): return {i}, {calls}" for i, name in enumerate(names)
    )
    assert apart([cell(code, name) for name in names[:3]])
    assert digest(cell(code, "f0")) != digest(
        cell(code.replace("return 29,", "return 30,"), "f0")
    )


def test_what_code_reads_may_be_what_cannot_be_told() -> None:
    assert (
        refused(cell("rows = (i for i in ())\ndef made(x): return rows"))
        == "global 'rows' of made: a generator"
    )
    closed = cell(
        "def around(rows): return lambda x: rows\nmade = around(i for i in ())"
    )
    assert refused(closed) == "'rows' closed over by <lambda>: a generator"
    assert (
        refused(cell("def made(x, rows=(i for i in ())): return x"))
        == "a default of made: a generator"
    )
    assert (
        refused(cell("class made:\n  rows = (i for i in ())"))
        == "'rows' of made: a generator"
    )
    assert "global 'g' of f: global 'rows' of g: a gen" in refused(
        cell(
            "rows = (i for i in ())\ndef g(): return rows\ndef f(): return"
            " g()\nmade = f"
        )
    )


def test_a_library_that_wraps_ones_own_code_does_not_hide_it() -> None:
    steps = [
        "from sklearn.base import BaseEstimator, TransformerMixin\n"
        "class made(TransformerMixin, BaseEstimator):\n"
        "  def fit(self, X, y=None): return self\n"
        f"  def transform(self, X): return X[:, {column}]"
        for column in (0, 1)
    ]
    first, other = (cell(step) for step in steps)
    assert apart([first, other, first(), other()])
    assert alike([first(), cell(steps[0])()])


def test_a_method_put_in_the_place_of_a_librarys_is_seen(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    before = describe(Fraction(1, 2)), describe(Fraction)
    monkeypatch.setattr(Fraction, "__neg__", lambda self: self)
    after = describe(Fraction(1, 2)), describe(Fraction)
    monkeypatch.setattr(Fraction, "__neg__", lambda self: 2 * self)
    assert len({str(each) for each in (*before, *after, describe(Fraction))}) == 5
    monkeypatch.undo()
    assert (describe(Fraction(1, 2)), describe(Fraction)) == before


@pytest.fixture
def written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """Writes modules of one's own, and forgets those that were imported."""
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setattr(sys, "dont_write_bytecode", True)

    def write(files: dict[str, str]) -> None:
        for name, text in files.items():
            (tmp_path / name).parent.mkdir(exist_ok=True)
            (tmp_path / name).write_text(text)
        for name in [name for name in sys.modules if name.startswith("ownpack")]:
            del sys.modules[name]

    yield write
    write({})


def test_ones_own_modules_are_told_by_their_files(written: Any) -> None:
    def told(code: str) -> str:
        return digest(cell(code))

    attribute = "import ownpack\nmade = lambda x: ownpack.f(x)"
    inside = "def made(x):\n  from ownpack.deep import g\n  return g(x)"
    through = "from ownpack import f as made"
    seen = []
    for number in (1, 2):
        written(
            {
                "ownpack/__init__.py": (
                    "from .deep import g\nfrom ownpack.other import K\n"
                    "def f(x): return g(x) + K"
                ),
                "ownpack/deep.py": f"def g(x): return {number}",
                "ownpack/other.py": "import numpy\nK = 1",
            }
        )
        seen += [told(attribute), told(inside), told(through)]
        assert seen[-3:] == [told(attribute), told(inside), told(through)]
    written({"ownpack/other.py": "import numpy\nK = 2"})
    seen += [told(attribute), told(inside), told(through)]
    assert len(set(seen)) == 9


def test_what_is_set_in_ones_own_module_afterwards_is_seen(written: Any) -> None:
    written({"ownpack.py": "K = 1"})
    code = "import ownpack\nmade = lambda x: ownpack.K"
    before = digest(cell(code))
    sys.modules["ownpack"].K = 2  # type: ignore[attr-defined]
    assert digest(cell(code)) != before
    sys.modules["ownpack"].K = 1  # type: ignore[attr-defined]
    assert digest(cell(code)) == before


def test_what_is_installed_is_told_by_name() -> None:
    functions = [
        json.dumps,
        np.mean,
        math.sin,
        np.linalg.norm,
        functools.reduce,
        functools.partial,
        describe,
    ]
    assert apart(functions)
    for function in functions:
        assert describe(function)[0] in ("name", "class")


def script(*lines: str) -> list[str]:
    """What a script prints in a process of its own, where texts have other hashes."""
    run = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", "\n".join(lines)],
        capture_output=True,
        text=True,
        check=True,
        env={**os.environ, "PYTHONHASHSEED": "1"},
    )
    return run.stdout.splitlines()


def test_another_process_says_the_same() -> None:
    given = {"a": [1.5, {"x", "y", "z"}], "b": (None, b"c")}
    lines = script(
        "import sys, json, numpy as np, random, re, functools, enum, dataclasses",
        "from spexlens.identity import digest",
        f"print(digest({given!r}))",
        f"cells = {CELLS!r}",
        "for code in cells:",
        "    space = {'__name__': '__main__'}",
        "    exec(code, space)",
        "    print(digest(space['made']))",
        "others = random.Random(3), np.random.default_rng(1), re.compile('a'), {'a',"
        " 'b'}",
        "print(digest([np.arange(3), *others]))",
    )
    assert lines[0] == digest(given)
    assert lines[1:-1] == [digest(cell(code)) for code in CELLS]
    assert lines[-1] == digest(
        [
            np.arange(3),
            random.Random(3),
            np.random.default_rng(1),
            re.compile("a"),
            {"a", "b"},
        ]
    )


def test_describing_imports_nothing_heavy() -> None:
    heavy = {"torch", "pandas", "scipy", "sklearn"}
    lines = script(
        "import sys",
        "from spexlens.identity import digest",
        "digest([1, digest, lambda x: x, {2}])",
        f"print(sorted({heavy!r} & set(sys.modules)))",
    )
    assert lines == ["[]"]


# Estimators in the manner of scikit-learn.


def test_an_estimator_is_told_by_its_settings_and_what_it_learnt() -> None:
    from sklearn.linear_model import LogisticRegression
    from sklearn.neighbors import KNeighborsClassifier

    fitted = LogisticRegression().fit([[0.0], [1.0]], [0, 1])
    assert apart([LogisticRegression(), LogisticRegression(C=2.0), fitted])
    assert alike([LogisticRegression(C=2.0), LogisticRegression(C=np.float64(2.0))])
    assert alike([fitted, copy.deepcopy(fitted)])
    near = KNeighborsClassifier(metric=(i for i in ()))
    assert refused(near) == "parameter 'metric' of KNeighborsClassifier: a generator"


# Tensors and modules of torch.


@needs_torch
def test_tensors_are_told_by_their_bytes() -> None:
    kinds = [
        torch.float32,
        torch.float64,
        torch.bfloat16,
        torch.float16,
        torch.int8,
        torch.bool,
        torch.complex64,
    ]
    assert apart([torch.ones(2, dtype=kind) for kind in kinds])
    ones = torch.ones(3, 4)
    tiny = ones.clone()
    tiny[1, 2] = torch.nextafter(tiny[1, 2], torch.tensor(2.0))
    assert apart(
        [
            ones,
            tiny,
            ones.T,
            ones.numpy(),
            torch.ones(()),
            torch.ones(1),
            torch.ones(0, 3),
            torch.ones(0),
        ]
    )
    assert alike(
        [
            ones,
            torch.nn.Parameter(ones),
            ones.T.contiguous().T,
            torch.ones(1).expand(3, 4),
        ]
    )
    assert apart([torch.eye(3), torch.eye(3).to_sparse(), 2 * torch.eye(3).to_sparse()])
    assert apart(
        [
            torch.float32,
            torch.float64,
            torch.device("cpu"),
            torch.device("meta"),
            torch.Size([2]),
            (2,),
        ]
    )
    assert "a tensor without data" in refused(torch.ones(2, device="meta"))


def network(**changed: Any) -> Any:
    """A small module of one's own, with something in it changed."""

    class Net(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            torch.manual_seed(0)
            self.first = torch.nn.Linear(4, 4)
            self.attention = torch.nn.MultiheadAttention(4, changed.get("heads", 2))
            self.normal = torch.nn.utils.parametrizations.weight_norm(
                torch.nn.Linear(4, 2)
            )
            self.act = changed.get("act", torch.nn.GELU())
            self.register_buffer("kept", torch.zeros(2))
            self.register_buffer("scale", torch.ones(2), persistent=False)
            self.settings = {"power": changed.get("power", 1)}
            self.last = torch.relu

        def forward(self, x: Any) -> Any:
            return self.last(self.normal(self.act(self.first(x)))) * self.scale

    return Net().eval()


def changed(name: str) -> Any:
    """The network with one entry of a tensor changed by the least that there is."""
    made = network()
    with torch.no_grad():
        tensor = made.get_parameter(name) if "." in name else made.get_buffer(name)
        tensor.view(-1)[0] = torch.nextafter(tensor.view(-1)[0], torch.tensor(9.0))
    return made


def hooked(
    hook: Any, how: str = "register_forward_hook", where: str = "first", **more: Any
) -> Any:
    made = network()
    getattr(made.get_submodule(where), how)(hook, **more)
    return made


def edited(**attributes: Any) -> Any:
    made = network()
    for name, value in attributes.items():
        owner, _, leaf = name.rpartition("__")
        setattr(made.get_submodule(owner), leaf, value)
    return made


def nothing(*given: Any) -> None:
    """A hook."""


def around(number: int) -> Any:
    return lambda *given: number


@needs_torch
def test_whatever_decides_a_modules_answers_is_told() -> None:
    made = [
        network(),
        network(heads=1),
        network(act=torch.nn.ReLU()),
        network(act=torch.nn.GELU("tanh")),
        network(power=2),
        *map(
            changed,
            (
                "first.weight",
                "first.bias",
                "kept",
                "scale",
                "normal.parametrizations.weight.original0",
            ),
        ),
        hooked(nothing),
        hooked(nothing, where="normal"),
        hooked(nothing, "register_forward_pre_hook"),
        hooked(nothing, with_kwargs=True),
        hooked(nothing, always_call=True),
        hooked(around(1)),
        hooked(around(2)),
        hooked(functools.partial(around, 1)),
        edited(last=torch.tanh),
        edited(first__in_features=5),
        edited(first__note="a"),
        edited(first__forward=around(1)),
        edited(first__forward=around(2)),
        edited(act=torch.nn.Sequential(torch.nn.GELU())),
        edited(hidden=[torch.nn.Linear(1, 1)]),
    ]
    assert apart(made)
    assert len({str(describe_module(each)) for each in made}) == len(made)


@needs_torch
def test_whatever_decides_no_answer_is_not_told() -> None:
    made = [network() for _ in range(5)]
    made[1].train()
    made[2].requires_grad_(False)
    made[3](torch.ones(1, 4)).sum().backward()
    made[4].register_full_backward_hook(nothing)
    assert alike(made)
    assert describe(made[0]) == describe_module(made[0])


@needs_torch
def test_a_hook_on_every_module_is_seen() -> None:
    before = describe_module(network())
    handle = torch.nn.modules.module.register_module_forward_hook(nothing)
    try:
        assert describe_module(network()) != before
    finally:
        handle.remove()
    assert describe_module(network()) == before


@needs_torch
def test_a_method_of_torchs_that_was_replaced_is_seen(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    before = describe_module(network())
    monkeypatch.setattr(torch.nn.Linear, "forward", lambda self, x: x)
    assert describe_module(network()) != before


@needs_torch
@pytest.mark.parametrize(
    ("made", "why"),
    [
        (
            lambda: hooked(functools.partial(nothing, sys.__stdout__)),
            "a hook on first: an open file",
        ),
        (
            lambda: hooked(threading.Lock().acquire, where="normal"),
            "a hook on normal: ",
        ),
        (lambda: edited(rows=(i for i in ())), "'rows' of the model: a generator"),
        (
            lambda: edited(first__forward=lambda x: ROWS),
            "'forward' of first: global 'ROWS' of <lambda>: a gen",
        ),
        # in torch's own, a class will do
        (lambda: edited(first__rows=(i for i in ())), None),
        (
            lambda: torch.nn.Linear(2, 2, device="meta"),
            "parameter 'weight' of the model: a tensor without data",
        ),
        (
            lambda: torch.nn.Sequential(torch.nn.Linear(2, 2, device="meta")),
            "parameter 'weight' of 0: a tensor",
        ),
    ],
)
def test_what_of_a_module_cannot_be_told_is_said_and_where(
    made: Any, why: str | None
) -> None:
    if why is None:
        describe(made())
    else:
        assert why in refused(made())


ROWS = (i for i in ())


@needs_torch
def test_weights_that_are_elsewhere_are_fetched_by_name() -> None:
    whole = torch.nn.Sequential(torch.nn.Linear(2, 2), torch.nn.BatchNorm1d(2))
    empty = copy.deepcopy(whole).to("meta")
    given: list[str] = []

    def tensor_of(name: str) -> Any:
        given.append(name)
        return whole.state_dict()[name]

    assert describe_module(empty, tensor_of) == describe_module(whole)
    assert sorted(given) == sorted(whole.state_dict())


@needs_torch
def test_what_accelerate_moves_between_devices_is_the_same_model() -> None:
    hooks = pytest.importorskip("accelerate.hooks")

    class Doubling(hooks.ModelHook):  # type: ignore[misc, name-defined]
        def post_forward(self, module: Any, output: Any) -> Any:
            return 2 * output

    def attached(*attaching: Any, **attributes: Any) -> Any:
        made = edited(**attributes)
        for hook in attaching:
            hooks.add_hook_to_module(made.first, hook, append=True)
        return made

    moving = hooks.AlignDevicesHook()
    assert alike(
        [network(), attached(moving), attached(moving, hooks.AlignDevicesHook())]
    )
    assert apart([network(), attached(Doubling()), attached(moving, Doubling())])
    assert apart([attached(moving, first__forward=around(number)) for number in (1, 2)])


# Models of transformers.

SIZES = {
    "vocab_size": 40,
    "hidden_size": 16,
    "num_hidden_layers": 2,
    "num_attention_heads": 2,
}
LLAMA = {**SIZES, "intermediate_size": 32, "max_position_embeddings": 8}
MODELS: dict[str, tuple[str, str, dict[str, Any]]] = {
    "bert": (
        "BertForSequenceClassification",
        "BertConfig",
        {**SIZES, "intermediate_size": 32},
    ),
    "gpt2": (
        "GPT2LMHeadModel",
        "GPT2Config",
        {"vocab_size": 40, "n_embd": 16, "n_layer": 2, "n_head": 2},
    ),
    "llama": ("LlamaForCausalLM", "LlamaConfig", LLAMA),
    "stretched": (
        "LlamaForCausalLM",
        "LlamaConfig",
        {
            **LLAMA,
            "rope_parameters": {
                "rope_type": "dynamic",
                "factor": 2.0,
                "rope_theta": 10000.0,
            },
        },
    ),
    "gemma3": (
        "Gemma3ForCausalLM",
        "Gemma3TextConfig",
        {**LLAMA, "num_key_value_heads": 1, "head_dim": 8, "sliding_window": 4},
    ),
    "mamba": (
        "MambaForCausalLM",
        "MambaConfig",
        {"vocab_size": 40, "hidden_size": 16, "num_hidden_layers": 2},
    ),
    "t5": (
        "T5EncoderModel",
        "T5Config",
        {"vocab_size": 40, "d_model": 16, "d_kv": 8, "d_ff": 32, "num_layers": 2},
    ),
}


@pytest.fixture(scope="module")
def saved(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Tiny random models, each in a folder of its name."""
    transformers = pytest.importorskip("transformers")
    folder = tmp_path_factory.mktemp("models")
    for name, (kind, configuration, sizes) in MODELS.items():
        torch.manual_seed(0)
        model = getattr(transformers, kind)(
            getattr(transformers, configuration)(**sizes)
        )
        model.save_pretrained(folder / name)
    return folder


def loaded(saved: Path, name: str) -> Any:
    import transformers

    return getattr(transformers, MODELS[name][0]).from_pretrained(saved / name).eval()


@needs_torch
@pytest.mark.parametrize("name", MODELS)
def test_running_a_model_does_not_change_it(saved: Path, name: str) -> None:
    model = loaded(saved, name)
    before = describe_module(model)
    with torch.no_grad():
        model(torch.arange(20)[None])
        model(torch.arange(3)[None], output_hidden_states=True)
    assert describe_module(model) == before


@needs_torch
def test_a_model_that_is_loaded_in_another_process_is_the_same(saved: Path) -> None:
    code = (
        "import sys, transformers",
        "transformers.utils.logging.disable_progress_bar()",
        "from spexlens.identity import digest",
        (
            "for name, kind in"
            f" {[(name, kind) for name, (kind, _, _) in MODELS.items()]!r}:"
        ),
        (
            "    print(digest(getattr(transformers,"
            f" kind).from_pretrained({str(saved)!r} + '/' + name)))"
        ),
    )
    assert script(*code) == [digest(loaded(saved, name)) for name in MODELS]


@needs_torch
def test_whatever_changes_a_model_of_transformers_is_told(saved: Path) -> None:
    models = [loaded(saved, "bert") for _ in range(9)]
    layer = [model.bert.encoder.layer[0] for model in models]
    with torch.no_grad():
        layer[1].output.dense.bias[0] += 1e-8
    layer[2].attention.self.num_attention_heads = 1
    layer[3].intermediate.intermediate_act_fn = torch.nn.ReLU()
    layer[4].output.register_forward_hook(nothing)
    models[5].config.layer_norm_eps = 1e-3
    models[6].bert.embeddings.position_ids[0, 0] = 1
    layer[7].forward = around(1)
    models[8].bert.encoder.layer = models[8].bert.encoder.layer[:1]
    assert apart(models)
    layer[4].output.register_forward_hook(functools.partial(nothing, sys.__stdout__))
    assert "a hook on bert.encoder.layer.0.output: an open file" in refused(models[4])


@needs_torch
def test_where_a_model_of_transformers_came_from_does_not_matter(
    saved: Path, tmp_path: Path
) -> None:
    loaded(saved, "bert").save_pretrained(tmp_path)
    (tmp_path / "bert").symlink_to(tmp_path)
    assert alike([loaded(saved, "bert"), loaded(tmp_path, "bert")])


@needs_torch
def test_frequencies_that_somebody_wrote_are_told_and_those_of_a_long_input_are_not() -> (
    None
):
    transformers = pytest.importorskip("transformers")
    config = transformers.LlamaConfig(
        vocab_size=50,
        hidden_size=32,
        intermediate_size=48,
        num_hidden_layers=1,
        num_attention_heads=4,
        max_position_embeddings=16,
        rope_parameters={"rope_type": "dynamic", "factor": 2.0, "rope_theta": 10_000.0},
    )
    model = transformers.LlamaForCausalLM(config).eval()
    before = describe_module(model)
    for length in (5, 30, 5):
        model(torch.arange(length)[None])
        assert describe_module(model) == before
    model.model.rotary_emb.inv_freq.mul_(0.1)
    assert describe_module(model) != before
