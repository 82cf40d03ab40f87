"""What a page says is data: it knows nothing of who draws it."""

import ast
from pathlib import Path

import numpy as np
import pytest

from spexlens import Game, explain
from spexlens.explanation import Explanation
from spexlens.games.typed_facts import Facts, Subject
from spexlens.lenses.components.facts import ComponentFacts
from spexlens.lenses.examples.facts import ExampleFacts
from spexlens.lenses.mixed.facts import MixedFacts
from spexlens.lenses.text.facts import TextFacts
from spexlens.report import content
from spexlens.report.content.page import page
from spexlens.results.about import FunctionFacts, facts_of
from spexlens.results.row import COLUMNS, Row


@pytest.fixture(scope="module")
def negation() -> Explanation:
    def value(masks: np.ndarray) -> np.ndarray:  # type: ignore[type-arg]
        return 3.0 * masks[:, 0] * masks[:, 1] + masks[:, 2]

    found = explain(Game(value, ["never", "fails", "acting"]), 8)
    assert isinstance(found, Explanation)
    return found


def test_content_knows_no_terminal() -> None:
    for path in Path(str(content.__file__)).parent.glob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            names = [alias.name for alias in getattr(node, "names", ())]
            names.append(getattr(node, "module", None) or "")
            assert not [name for name in names if "rich" in name.split(".")], path
            assert not [name for name in names if ".terminal" in name], path


def test_a_page_holds_numbers_and_what_they_are_written_as(
    negation: Explanation,
) -> None:
    said = page(negation)
    pairs, singles = said.tables
    cell = pairs.rows[0].cells["effect"]
    assert pairs.rows[0].labels == ("never", "fails")
    assert (cell.value, cell.text, cell.tone) == (
        pytest.approx(3.0),
        "+3.000",
        "raises",
    )
    assert len(singles.rows) == 3
    strongest = said.summary.found.findings[0]
    assert strongest.labels == ("never", "fails")
    assert not said.details
    assert page(negation, verbose=True).details


def test_what_a_page_says_is_what_the_terminal_shows(negation: Explanation) -> None:
    said = page(negation)
    shown = " ".join(negation.page(width=300).split())
    for line in (said.answer, *said.summary.sentences.values(), said.tables[0].title):
        assert line in shown


@pytest.mark.parametrize(
    ("lens", "kind"),
    [
        ("features", TextFacts),
        ("mechanistic", ComponentFacts),
        ("data", ExampleFacts),
        ("mixed", MixedFacts),
        ("function", FunctionFacts),
        (None, FunctionFacts),
    ],
)
def test_facts_have_the_types_of_their_lens(lens: str | None, kind: type) -> None:
    assert type(facts_of({"lens": lens, "something of its own": 3})) is kind


def test_what_is_not_said_is_left_to_its_default() -> None:
    facts = facts_of({"lens": "features", "notes": ["cut"], "text": None})
    assert isinstance(facts, TextFacts)
    assert (facts.remarks, facts.text, facts.tokens) == (("cut",), None, ())
    assert facts.notes == ["read: cut"]


def test_a_text_that_no_command_can_ask_again_is_asked_as_a_function() -> None:
    subject = Subject((0, 1), ("a", "b"), (), None, 100)
    bare = facts_of({"lens": "features", "text": "a b"})
    assert list(bare.next_steps(subject)) == list(Facts().next_steps(subject))


def test_a_row_is_the_same_in_a_table_a_file_and_a_listing(
    negation: Explanation,
) -> None:
    row = Row(negation[0])
    assert tuple(row.in_table()) == COLUMNS
    for name in ("effect", "share", "verdict"):
        values = {
            row.in_table()[name],
            row.in_file()[name],
            row.in_listing()[name],
        }
        assert len(values) == 1
