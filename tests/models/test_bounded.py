"""Chat templates are strangers' programs: those that do not end, or grow without end,
are stopped.
"""

import os
from typing import Any

import pytest
from conftest import byte_tokenizer

from spexlens.errors import ModelError
from spexlens.lenses.text.surroundings import surround
from spexlens.models import bounded

GOOD = (
    "{% for m in messages %}<{{ m.role }}>{{ m.content }}{% endfor %}{{ '<a>' if"
    " add_generation_prompt }}"
)


@pytest.fixture
def tokenizer() -> Any:
    made = byte_tokenizer()
    made.name_or_path = "stranger/model"
    return made


def test_a_template_of_a_real_shape_is_filled_in(tokenizer: Any) -> None:
    tokenizer.chat_template = GOOD
    found = surround(tokenizer, "hello", "Say: {text}", chat=True)
    assert found.whole == "<user>Say: hello<a>"
    assert found.within(0, 5) == (11, 16)


@pytest.mark.parametrize(
    ("template", "limit"),
    [
        ("{% for i in range(10**12) %}{% endfor %}", "Range too big"),
        (
            (
                "{% for i in range(99999) %}{% for j in range(99999) %}{% endfor %}{%"
                " endfor %}"
            ),
            "longer than",
        ),
        (
            (
                "{% macro f(n) %}{{ f(n - 1) if n }}{{ f(n - 1) if n }}{% endmacro %}{{"
                " f(60) }}"
            ),
            "longer than",
        ),
        ("{{ 'a' * 10**11 }}", "of memory"),
        (
            (
                "{% set n = namespace(x='a') %}{% for i in range(60) %}{% set n.x = n.x"
                " ~ n.x %}{% endfor %}"
            ),
            "takes ",  # whichever comes first
        ),
        ("{{ '%9999999999d' % 1 }}", "of memory"),
        ("{{ raise_exception('no\x1b turn') }}", r"no\x1b turn"),
    ],
)
def test_a_template_without_an_end_is_one_line_that_names_it(
    tokenizer: Any, monkeypatch: pytest.MonkeyPatch, template: str, limit: str
) -> None:
    monkeypatch.setattr(bounded, "SECONDS", 1.0)
    tokenizer.chat_template = template
    with pytest.raises(ModelError) as caught:
        surround(tokenizer, "hello", "{text}", chat=True)
    said = str(caught.value)
    assert "the chat template of 'stranger/model'" in said
    assert limit in said
    assert "\n" not in said


def test_what_a_child_changes_stays_there() -> None:
    seen: list[int] = []
    assert (
        bounded.bounded(lambda: seen.append(1) or os.getpid(), "a test") != os.getpid()
    )
    assert seen == []
    with pytest.raises(ModelError, match="a test fails: integer division"):
        bounded.bounded(lambda: 1 // 0, "a test")
