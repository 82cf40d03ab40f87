"""The page: what was found, how sure that is and what it cost, at any width, before any
table.
"""

import hashlib
import io
import re
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from rich.console import Console

from spexlens import (
    Candidate,
    DataLens,
    Explanation,
    FeatureLens,
    Game,
    MechanisticLens,
    Spectrum,
    aggregate,
    explain,
    screen,
)
from spexlens.errors import InvalidInput
from spexlens.evidence.artefacts import Survival
from spexlens.evidence.ordinary_inputs import Ordinary
from spexlens.models.bundled import INDUCTION, SENTIMENT
from spexlens.report.content.answer import percent
from spexlens.report.content.wording import meaning
from spexlens.report.terminal.recurrence import render as render_aggregate

Masks = NDArray[np.bool_]
TEXT = "Her acting never fails to impress"
KNOWN = (
    "The model's answer",
    "Trained on everything",
    "The model",
    "With everything kept",
)


def lines_of(explanation: Explanation, **settings: Any) -> list[str]:
    return explanation.page(**settings).splitlines()


def paragraph(page: str, name: str) -> str:
    """What follows a word and a colon, on one line."""
    after = page[page.index(f"{name}: ") :].split("\n\n")[0].replace("\n", " ")
    return re.split(r" (?=(?:Found|Confidence|Cost): )", after)[0]


@pytest.fixture(scope="module")
def demo() -> Explanation:
    return explain(FeatureLens(SENTIMENT, TEXT, target="POSITIVE"), 64)


def test_the_first_line_says_what_a_classifier_answers(demo: Explanation) -> None:
    lens = FeatureLens(SENTIMENT, TEXT, target="POSITIVE", objective="probability")
    everything = np.ones((1, lens.n), np.bool_)
    (probability,) = lens.value(everything)
    assert demo.facts["answered"] == "POSITIVE"
    assert demo.facts["probability"] == pytest.approx(probability, abs=1e-6)
    assert (
        lines_of(demo)[0]
        == f"The model's answer: POSITIVE, with a probability of {probability:.1%}."
    )


def test_an_answer_that_is_not_the_target_is_said_as_it_is() -> None:
    found = explain(FeatureLens(SENTIMENT, TEXT, target="NEGATIVE"), 64)
    assert lines_of(found)[0].startswith("The model's answer: POSITIVE, with")
    assert "logit of NEGATIVE -" in lines_of(found)[0]
    heads = explain(MechanisticLens(SENTIMENT, TEXT, target="NEGATIVE"), 40)
    assert lines_of(heads)[0] == lines_of(found)[0]


def test_the_first_line_says_how_likely_a_completion_is() -> None:
    prompt = "owl ink cup sun key owl ink cup"
    found = explain(FeatureLens(INDUCTION, prompt, target="sun"), 40)
    assert found.whole is not None
    expected = (
        f"The model gives sun a probability of {percent(np.exp(found.whole[0]))}"
        " (log-probability"
    )
    assert lines_of(found)[0].startswith(expected)


def test_the_first_line_of_training_examples_and_of_a_function() -> None:
    rng = np.random.default_rng(0)
    inputs, labels = rng.normal(size=(6, 3)), np.array(["no", "yes"] * 3)
    found = explain(
        DataLens("logistic", (inputs, labels), (inputs[0] + 0.1, "yes")), 64
    )
    assert found.whole is not None
    likely = percent(1 / (1 + np.exp(-found.whole[0])))
    assert lines_of(found)[0].startswith(
        f"Trained on everything, the model gives yes a probability of {likely}"
        " (log-odds"
    )
    found = explain(Game(lambda masks: 2.0 * masks[:, 0] + 1.0, 3), 8)
    assert (
        lines_of(found)[0]
        == "With everything kept, the function answers +3.000 (value)."
    )


@pytest.mark.parametrize(
    ("probability", "said"),
    [
        (0.0, "0.0%"),
        (1e-9, "less than 0.1%"),
        (0.5, "50.0%"),
        (1 - 1e-9, "more than 99.9%"),
        (1.0, "100.0%"),
    ],
)
def test_a_probability_is_never_certain_by_rounding(
    probability: float, said: str
) -> None:
    assert percent(probability) == said


def test_found_confidence_and_cost_come_before_the_text(demo: Explanation) -> None:
    page = demo.page()
    assert (
        page.index("Found: ")
        < page.index("Confidence: ")
        < page.index("Cost: ")
        < page.index(TEXT)
    )
    assert (
        "“never” and “fails” together raise the answer, neither does alone (+"
        in paragraph(page, "Found")
    )
    assert (
        paragraph(page, "Confidence")
        == "Confidence: complete. All 64 ways to ablate were tried."
    )
    assert paragraph(page, "Cost").startswith("Cost: 64 of 64 calls paid; ")


def test_confidence_is_graded_by_what_no_fit_saw_and_by_what_was_measured_again() -> (
    None
):
    found = explain(Game(lambda m: 2.0 * (m[:, 0] & m[:, 1]) + m[:, 5], 20), 300)
    said = paragraph(found.page(), "Confidence")
    assert said.startswith(
        "Confidence: high. The explanation predicts answers it has not seen with R²"
        " 1.00 (1"
    )
    assert re.search(r"; (\d) of \1 effects measured again on the model hold\.$", said)


def test_confidence_is_none_where_checks_fail_and_says_what_was_left_out() -> None:
    found = explain(Game(lambda m: 2.0 * (m[:, 0] & m[:, 1]) + m[:, 5], 20), 300)
    assert found.checks is not None
    (checks,) = found.checks.found
    wrong = [
        replace(each, measured=-each.said, interval=(-each.said, -each.said))
        for each in checks
    ]
    refuted = replace(found, checks=replace(found.checks, found=(tuple(wrong),)))
    said = paragraph(refuted.page(), "Confidence")
    assert said.startswith("Confidence: none.")
    assert f"; 0 of {len(wrong)} effects measured again on the model hold." in said
    chosen = explain(screen(Game(lambda m: m @ np.ones(12), 12), [0, 1, 2, 3]), 64)
    assert chosen.unchosen is not None
    left_out = (
        f"; but {chosen.unchosen.share[0]:.0%} of the variance is in what was not"
        " chosen."
    )
    assert left_out in paragraph(chosen.page(), "Confidence")


@pytest.mark.parametrize("n", [4, 12, 30])
@pytest.mark.parametrize("answer", [3.0, 0.1, -7.3, 1e15, 0.0])
def test_a_function_that_never_changes(n: int, answer: float) -> None:
    found = explain(Game(lambda masks: np.full(len(masks), answer), n), 200)
    page = found.page()
    assert found.faithfulness.r2[0] == pytest.approx(1.0)
    assert "not predict" not in page
    assert (
        "Found: the answer never changes, whatever is ablated; there is nothing to"
        " explain." in page
    )
    assert "share" not in page
    assert "together" not in page


def test_what_was_not_seen_to_change_is_not_said_never_to() -> None:
    found = explain(Game(lambda m: m[:, :3].all(axis=1) & ~m[:, 3], 16), 150)
    unseen = replace(
        found,
        spectrum=Spectrum.of(16, {(): 0.0}),
        uncertainty=None,
        stability=(),
        checks=None,
    )
    unseen = replace(unseen, faithfulness=replace(found.faithfulness, r2=(0.0,)))
    assert unseen.whole == unseen.empty
    assert "never changes" not in unseen.page()


def test_a_random_function_is_not_explained() -> None:
    def drawn(masks: Masks) -> list[float]:
        return [
            int.from_bytes(hashlib.sha256(row.tobytes()).digest()[:4], "big") / 2**32
            for row in masks
        ]

    page = explain(Game(drawn, 16), 200).page()
    assert (
        "Found: nothing that predicts the answer; what is listed below may be chance."
        in page
    )
    assert "Confidence: none." in page


def test_rows_without_a_share_are_not_shown() -> None:
    page = explain(
        Game(lambda m: m[:, :20].sum(axis=1) + 1e-3 * (m[:, 0] & m[:, 1]), 20), 500
    ).page()
    assert (
        "None act together: no other set has as much as 0.1% of the variance." in page
    )
    assert not re.search(r" 0\.0% ", page)
    assert "On their own" in page
    page = explain(Game(lambda m: m[:, 0] & m[:, 1], 8), 256).page()
    assert "None" not in page


@pytest.mark.parametrize("width", [20, 40, 69, 70, 80, 120])
def test_members_are_whole_at_any_width(width: int) -> None:
    names = [f"candidate-{letter}" for letter in "abcdef"]
    game = Game(lambda m: 2.0 * (m[:, 0] & m[:, 1] & m[:, 2]) + m[:, 3], names)
    page = explain(game, 64).page(width=width)
    assert max(map(len, page.splitlines())) <= width
    assert "…" not in page
    joined = re.sub(r"\s+", "", page)
    assert "candidate-a×candidate-b" in joined
    assert "alltogetherraiseit" in joined
    if width >= 40:
        assert all(name in page for name in names)


def test_a_narrow_page_has_the_sentence_below_the_members(demo: Explanation) -> None:
    narrow = lines_of(demo, width=50)
    at = next(row for row, line in enumerate(narrow) if "never × fails" in line)
    assert narrow[at].strip().startswith("+")
    assert "together raise it" in narrow[at + 1]
    assert not any(line.startswith("share:") for line in narrow)
    with pytest.raises(InvalidInput, match="at least 20 characters wide; got 3"):
        demo.page(width=3)


def test_legends_are_of_what_is_shown(demo: Explanation) -> None:
    page = demo.page()
    assert "share: " in page
    for absent in ("±: ", "measured again", "top 5", "survives"):
        assert absent not in page
    checked = explain(Game(lambda m: 2.0 * (m[:, 0] & m[:, 1]) + m[:, 5], 20), 300)
    assert "✓ confirmed" in checked.page()
    assert "wrong sign" not in checked.page()


def test_method_and_design_are_behind_verbose() -> None:
    found = explain(Game(lambda m: 2.0 * (m[:, 0] & m[:, 1]) + m[:, 5], 20), 300)
    brief, verbose = found.page(), found.page(verbose=True)
    for said in (
        "method: proxyspex",
        "seed 0",
        "faithfulness: R²",
        "held out: R²",
        "checks: ",
        "range: ",
    ):
        assert said not in brief
        assert said in verbose
    assert "top 5" in verbose
    assert "measured" in verbose
    assert repr(found) == brief
    assert brief.endswith("all figures, and how they were come by: .page(verbose=True)")
    assert "all figures" not in verbose


@pytest.mark.parametrize("width", [40, 80, 110])
def test_verbose_has_all_figures_at_any_width(width: int) -> None:
    found = explain(Game(lambda m: 2.0 * (m[:, 0] & m[:, 1]) + m[:, 5], 20), 300)
    pair = found["x0", "x1"]
    assert pair.evidence is not None
    page = re.sub(r"\s+", " ", found.page(verbose=True, width=width))
    for said in (
        f"{pair.evidence.measured:+.3f} ±",
        f"{pair.share:.1%}",
        "100%",
        "strengthen each other",
    ):
        assert said in page
    assert max(map(len, found.page(verbose=True, width=width).splitlines())) <= width


def test_every_row_is_a_sentence(demo: Explanation) -> None:
    alone = {row.members[0]: row.effect for row in demo.interactions(order=1)}
    sentences = {meaning(row, alone) for row in demo.interactions(order=None)}
    assert all(
        re.match(r"(together |all together |)(raise|lower|pull apart)", said)
        for said in sentences
    )
    page = demo.page()
    rows = [line for line in page.splitlines() if re.match(r" *[+-]\d", line)]
    assert len(rows) >= 4
    assert all(re.search("raise|lower|pull apart|do nothing", row) for row in rows)


def test_an_effect_within_its_interval_of_zero_says_so() -> None:
    rng = np.random.default_rng(0)
    noisy = Game(
        lambda m: m[:, 0] * 1.0 + 0.5 * rng.normal(size=len(m)), 16, batch_size=64
    )
    assert "may do nothing" in explain(noisy, 150, noise=0).page()


def test_a_range_of_one_answer_is_no_range() -> None:
    assert not Ordinary((5.29,), (5.29,), 1, (0.0,)).far(0)
    assert Ordinary((5.0,), (5.5,), 9, (0.0,)).far(0)


@pytest.mark.parametrize(
    ("there", "score", "lost", "grown"),
    [
        (3.0, 3.0, False, True),
        (1.1, 1.1, False, False),
        (0.1, 0.1, True, False),
        (-1.0, -1.0, True, False),
    ],
)
def test_survival_says_how_an_effect_changes(
    there: float, score: float, lost: bool, grown: bool
) -> None:
    survival = Survival(
        (0, 1), 1.0, there, (there - 0.1, there + 0.1), (there - 1.1, there - 0.9)
    )
    assert survival.score == pytest.approx(score)
    assert (survival.sure, survival.lost, survival.grown) == (True, lost, grown)


def test_an_effect_that_trebles_is_told() -> None:
    def value(strength: float) -> Any:
        return lambda m: 1.0 * m[:, 2] + strength * (m[:, 0] & m[:, 1])

    names = [Candidate(name) for name in "abcdefghijklmnop"]
    other = Game(value(3.0), names, "other")
    found = explain(Game(value(1.0), names, "one"), 200, against=[other])
    pair = found["a", "b"]
    assert pair.survival is not None
    assert pair.survival.score == pytest.approx(3.0, abs=0.05)
    assert pair.survival.grown
    assert "a × b more than doubles" in found.page()
    assert " 3.00 " in found.page()


def test_smallest_sets_that_the_model_confirmed_are_the_ones_given() -> None:
    found = explain(
        Game(lambda m: 2.0 * (m[:, 0] & m[:, 1]) + m[:, 2], 12), 200, smallest=0.9
    )
    assert found.smallest
    for kind in ("sufficient", "necessary"):
        asked = next(each for each in found.smallest if each.kind == kind)
        assert getattr(found, kind)(0.9) == asked
        assert asked.holds
        assert getattr(found, kind)(0.5).answered is None


@pytest.mark.parametrize("width", [30, 40, 69, 70, 80])
def test_members_of_an_aggregate_are_whole_at_any_width(width: int) -> None:
    names = [f"candidate-{letter}" for letter in "abcdef"]
    game = Game(lambda m: 2.0 * (m[:, 0] & m[:, 1] & m[:, 2]) + m[:, 3], names)
    found = io.StringIO()
    console = Console(file=found, width=width, color_system=None)
    console.print(render_aggregate(aggregate([explain(game, 64), explain(game, 64)])))
    page = found.getvalue()
    assert max(map(len, page.splitlines())) <= width
    assert "…" not in page
    assert "candidate-a×candidate-b" in re.sub(r"\s+|\d of \d +[+-][\d.]+", "", page)
    assert ("in sd" in page) == (width >= 70)
