"""What recurs is counted as by hand."""

import json
import sys
from collections.abc import Mapping, Sequence
from dataclasses import replace
from itertools import permutations
from math import sqrt
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import spexlens
from spexlens import Aggregate, Candidate, Explanation, Spectrum, aggregate
from spexlens.errors import InvalidInput, MissingExtra, ResultError
from spexlens.results.account import Account
from spexlens.results.recurrence import Recurrence
from spexlens.solvers.faithfulness import Faithfulness

NOTHING = Account("exact", "all", 0, 8, 8, 0, 1, 0.0, {})


def explained(
    words: Sequence[str],
    coefficients: Mapping[tuple[int, ...], Any],
    *,
    kind: str = "word",
    unit: str = "logit",
    target: str = "POSITIVE",
    outputs: tuple[str, ...] | None = None,
    r2: tuple[float, ...] = (1.0,),
) -> Explanation:
    """An explanation with this spectrum; of a pair, the Banzhaf index is four times its
    coefficient.
    """
    return Explanation(
        candidates=tuple(Candidate(word, kind) for word in words),
        spectrum=Spectrum.of(len(words), coefficients),
        faithfulness=Faithfulness(r2, "exact", 8),
        account=NOTHING,
        facts={"unit": unit, "target": target},
        details={},
        outputs=outputs,
    )


def three() -> list[Explanation]:
    """Two texts with the pair, of opposite signs, one without it, one where it cannot
    be.
    """
    return [
        explained(
            ["Not", "good", "film"], {(): 3.0, (0, 1): 1.0, (0,): -0.5}, r2=(0.9,)
        ),
        explained(["good", " NOT ", "the"], {(0, 1): -0.5, (1,): 1.0}, r2=(0.8,)),
        explained(["not", "good"], {(0,): 2.0}),
        explained(["not", "bad"], {(1,): 1.0}),
    ]


def row(result: Aggregate, *labels: str) -> Recurrence:
    return next(row for row in result.rows if row.labels == labels)


def test_a_pair_of_words_is_counted_as_by_hand() -> None:
    """Effects 4, -2 and 0 over the three texts that hold both words; sd √1.25 in two of
    them.
    """
    result = aggregate(three())
    pair = row(result, "good", "not")
    assert (pair.possible, pair.occurrences, pair.found) == (3, 3, 2)
    assert (pair.positive, pair.negative, pair.order) == (1, 1, 2)
    assert pair.effect == pytest.approx(2 / 3)
    assert pair.deviation == pytest.approx(np.std([4, -2, 0], ddof=1))
    assert pair.standardised == pytest.approx(2 / 3 / sqrt(1.25))
    assert pair.standardised_deviation == pytest.approx(
        np.std([4, -2, 0], ddof=1) / sqrt(1.25)
    )
    assert pair.share == pytest.approx((0.8 + 0.2 + 0) / 3)
    assert (pair.rank, pair.best_rank) == (1.0, 1)
    assert pair.kinds == ("word", "word")


def test_a_single_word_is_counted_among_the_singles() -> None:
    """Effects 1, -2, -4 and 0; standardised by √1.25, √1.25, 2."""
    single = row(aggregate(three()), "not")
    assert (single.possible, single.found, single.positive, single.negative) == (
        4,
        3,
        1,
        2,
    )
    assert single.effect == pytest.approx(-5 / 4)
    assert single.deviation == pytest.approx(np.std([1, -2, -4, 0], ddof=1))
    assert single.standardised == pytest.approx(
        (1 / sqrt(1.25) - 2 / sqrt(1.25) - 4 / 2) / 4
    )
    assert single.share == pytest.approx((0.2 + 0.8 + 1) / 4)
    assert (single.rank, single.best_rank) == (1.0, 1)


def test_what_it_is_of_is_told() -> None:
    result = aggregate(three())
    assert (result.explanations, result.unit, result.targets) == (
        4,
        "logit",
        ("POSITIVE",),
    )
    assert (result.r2, result.index) == ((0.9, 0.8, 1.0, 1.0), "bii")
    mixed = [*three(), explained(["not"], {(0,): 1.0}, target="NEGATIVE")]
    assert aggregate(mixed).targets == ("NEGATIVE", "POSITIVE")


def test_the_order_of_the_explanations_is_of_no_matter() -> None:
    results = [aggregate(shuffled).rows for shuffled in permutations(three())]
    assert all(rows == results[0] for rows in results)


def test_rows_are_sorted_by_found_then_strength_then_label() -> None:
    texts = [
        explained(list("abcd"), {(0,): 1.0, (1,): 1.0, (2,): 2.0, (3,): 1.0}),
        explained(list("abcd"), {(0,): 1.0, (1,): 1.0, (2,): 2.0, (3,): 1.0}),
        explained(list("abcd"), {(3,): 0.1}),
    ]
    assert [row.labels for row in aggregate(texts).rows] == [
        ("d",),
        ("c",),
        ("a",),
        ("b",),
    ]


def test_layers_are_sorted_as_numbers_and_components_keep_their_names() -> None:
    heads = ["L10.H2", "L2.H11", "L2.H3"]
    spectrum = {(0, 1): 1.0, (0, 2): 1.0, (1, 2): 1.0}
    rows = aggregate([explained(heads, spectrum, kind="head")] * 2).rows
    assert [row.labels for row in rows] == [
        ("L2.H3", "L2.H11"),
        ("L2.H3", "L10.H2"),
        ("L2.H11", "L10.H2"),
    ]


def test_equal_names_of_different_kinds_are_different() -> None:
    both = [
        explained(["L1"], {(0,): 1.0}, kind="layer"),
        explained(["L1"], {(0,): 1.0}, kind="word"),
    ]
    assert aggregate(both).rows == ()
    assert [row.labels for row in aggregate(both, least=1).rows] == [("L1",), ("l1",)]


def test_several_occurrences_in_one_text_are_numbered_and_never_summed() -> None:
    """not¹ good: 4, not² good: 2; the first recurs with the only one of another text."""
    twice = explained(["not", "good", "Not"], {(0, 1): 1.0, (1, 2): 0.5, (0, 2): 0.25})
    once = explained(["not", "good"], {(0, 1): 0.5})
    result = aggregate([twice, once], least=1)
    pair = row(result, "good", "not¹")
    assert (pair.possible, pair.occurrences, pair.found) == (2, 3, 2)
    assert pair.effect == pytest.approx((4 + 2) / 2)
    assert pair.share == pytest.approx((1 / (1 + 0.25 + 0.0625) + 1) / 2)
    second = row(result, "good", "not²")
    assert (second.possible, second.occurrences, second.found) == (1, 3, 1)
    assert second.effect == pytest.approx(2)
    itself = row(result, "not¹", "not²")
    assert (itself.possible, itself.occurrences, itself.found) == (1, 1, 1)
    assert (itself.effect, itself.deviation, itself.standardised_deviation) == (
        1.0,
        None,
        None,
    )


def test_ranks_are_within_an_order_and_ties_share_one() -> None:
    """Pairs of |effect| 4, 4, 2 and a single of 6."""
    text = explained(list("abcd"), {(0, 1): 1.0, (2, 3): -1.0, (1, 2): 0.5, (0,): 3.0})
    other = explained(list("bc"), {(0, 1): 0.5})
    result = aggregate([text, other], least=1)
    assert (
        row(result, "a", "b").rank
        == row(result, "c", "d").rank
        == row(result, "a").rank
        == 1
    )
    assert (row(result, "b", "c").rank, row(result, "b", "c").best_rank) == (2.0, 1)


def test_what_has_too_small_a_share_is_not_found_but_still_counts_in_the_mean() -> None:
    loud = explained(["a", "b"], {(0, 1): 1.0})
    quiet = explained(["a", "b"], {(0, 1): 0.05, (0,): 1.0})
    pair = row(aggregate([loud, loud, quiet]), "a", "b")
    assert (pair.found, pair.possible) == (2, 3)
    assert pair.effect == pytest.approx((4 + 4 + 0.2) / 3)
    assert row(aggregate([loud, loud, quiet], least_share=0.0), "a", "b").found == 3


def test_inputs_of_different_salience_compare() -> None:
    """The same pattern, ten times as loud: the raw effects differ, the standardised
    ones do not.
    """
    quiet, loud = (
        explained(["a", "b"], {(0, 1): size, (0,): size}) for size in (1.0, 10.0)
    )
    pair = row(aggregate([quiet, loud]), "a", "b")
    assert (pair.effect, pair.standardised) == (22.0, pytest.approx(4 / sqrt(2)))
    assert pair.standardised_deviation == pytest.approx(0.0, abs=1e-12)
    assert pair.deviation == pytest.approx(np.std([4, 40], ddof=1))


def test_other_indices_and_orders() -> None:
    text = explained(list("abc"), {(0, 1, 2): 1.0})
    triple = row(aggregate([text, text], order=3), "a", "b", "c")
    assert (triple.effect, triple.order) == (-8.0, 3)
    assert aggregate([text, text]).rows == ()
    moebius = aggregate([text, text], index="moebius", order=None, least_share=0.0)
    assert {row.order for row in moebius.rows} == {1, 2, 3}
    assert row(moebius, "a", "b").effect == 4.0


def test_one_output_of_a_vector_valued_game() -> None:
    texts = [
        explained(
            ["a", "b"], {(0, 1): [1.0, -2.0]}, outputs=("BAD", "GOOD"), r2=(0.5, 0.25)
        )
    ] * 2
    assert row(aggregate(texts), "a", "b").effect == 4.0
    named = aggregate(texts, output="GOOD")
    assert row(named, "a", "b").effect == -8.0
    assert (named.targets, named.r2) == (("GOOD",), (0.25, 0.25))
    with pytest.raises(
        InvalidInput,
        match=r"^explanation 1: no output 'FAIR'; the outputs are BAD, GOOD$",
    ):
        aggregate(texts, output="FAIR")


def test_an_answer_that_never_changes_has_no_interaction() -> None:
    assert aggregate([explained(["a"], {(): 1.0})] * 2).rows == ()


def test_what_cannot_be_aggregated_is_refused_in_one_line() -> None:
    units = [
        explained(["a"], {(): 1.0}, unit=unit) for unit in ("logit", "probability")
    ]
    for given, settings, message in (
        ([], {}, "no explanation was given"),
        (units, {}, "explanation 1 is in logit, explanation 2 in probability"),
        (three(), {"index": "magic"}, "^unknown index 'magic'"),
        (three(), {"order": 0}, "at least 1"),
        (three(), {"least": 0}, "least is at least 1"),
        (three(), {"least_share": 2.0}, "from 0 to 1"),
    ):
        with pytest.raises(InvalidInput, match=message) as caught:
            aggregate(given, **settings)
        assert "\n" not in str(caught.value)


def test_explanations_are_looked_at_once() -> None:
    assert aggregate(iter(three())) == aggregate(three())


def test_it_is_saved_and_loaded_bit_for_bit(tmp_path: Path) -> None:
    for result in (
        aggregate(three()),
        aggregate(three()[:1], least=1),
        aggregate(three()[3:]),
    ):
        path = tmp_path / "aggregate.json"
        result.save(path)
        assert Aggregate.load(path) == result
        assert path.read_text() == result.to_json() + "\n"
        assert [each.name for each in tmp_path.iterdir()] == ["aggregate.json"]


def test_the_format_is_kept() -> None:
    """Two equal texts with one word and a coefficient of one."""
    result = aggregate([explained(["a"], {(0,): 1.0})] * 2)
    assert json.loads(result.to_json()) == {
        "format": "spexlens aggregate",
        "format_version": 2,
        "explanations": 2,
        "unit": "logit",
        "targets": ["POSITIVE"],
        "r2": [1.0, 1.0],
        "index": "bii",
        "order": 2,
        "least": 2,
        "least_share": 0.005,
        "rows": [
            {
                "labels": ["a"],
                "kinds": ["word"],
                "possible": 2,
                "occurrences": 2,
                "found": 2,
                "positive": 0,
                "negative": 2,
                "effect": -2.0,
                "deviation": 0.0,
                "standardised": -2.0,
                "standardised_deviation": 0.0,
                "share": 1.0,
                "rank": 1.0,
                "best_rank": 1,
                "target": None,
            }
        ],
    }


def of_label(label: str, effect: float) -> Explanation:
    found = explained(["bad", "film"], {(0,): effect}, target=label)
    return replace(found, facts={**found.facts, "kind": "classifier"})


def test_effects_on_different_labels_are_not_added_up() -> None:
    """What speaks for one label speaks against another: their mean would be nothing."""
    result = aggregate(
        [of_label("NEGATIVE", 1.0)] * 2 + [of_label("POSITIVE", -1.0)] * 3
    )
    assert result.targets == ("NEGATIVE", "POSITIVE")
    rows = {row.target: row for row in result.rows}
    assert len(rows) == len(result.rows) == 2
    assert (
        rows["NEGATIVE"].effect,
        rows["NEGATIVE"].possible,
        rows["NEGATIVE"].found,
    ) == (-2.0, 2, 2)
    assert (
        rows["POSITIVE"].effect,
        rows["POSITIVE"].possible,
        rows["POSITIVE"].found,
    ) == (2.0, 3, 3)
    page = repr(result)
    assert "logit of 2 targets · bii · each target by itself" in page
    assert "On their own, effects on NEGATIVE" in page
    assert "On their own, effects on POSITIVE" in page
    assert ", effects on" not in repr(aggregate([of_label("NEGATIVE", 1.0)] * 2))


def test_a_file_of_the_first_version_is_read(tmp_path: Path) -> None:
    path, result = tmp_path / "aggregate.json", aggregate(three())
    content = json.loads(result.to_json()) | {"format_version": 1}
    for row in content["rows"]:
        del row["target"]
    path.write_text(json.dumps(content))
    assert Aggregate.load(path) == result


def test_a_damaged_file_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "aggregate.json"
    whole = json.loads(aggregate(three()).to_json())
    with pytest.raises(ResultError, match="cannot read"):
        Aggregate.load(path)
    for content, message in (
        ("{", "not JSON"),
        ("[" * 100_000, "damaged"),
        ("[]", "not a saved aggregate"),
        (
            '{"format": "spexlens explanation", "format_version": 1}',
            "not a saved aggregate",
        ),
        (json.dumps(whole | {"format_version": 9}), "upgrade"),
        (json.dumps(whole | {"explanations": "4"}), "damaged at explanations"),
        (json.dumps(whole | {"explanations": 5}), "5 explanations"),
        (
            json.dumps(whole | {"rows": [whole["rows"][0] | {"found": 9}]}),
            "do not add up",
        ),
        (json.dumps(whole | {"rows": [whole["rows"][0] | {"kinds": []}]}), "0 kinds"),
        (
            json.dumps(whole | {"rows": [whole["rows"][0] | {"effect": None}]}),
            r"damaged at rows\.0\.effect",
        ),
    ):
        path.write_text(content)
        with pytest.raises(ResultError, match=message):
            Aggregate.load(path)
    path.write_bytes(b"\xff\xfe")
    with pytest.raises(ResultError, match="UTF-8"):
        Aggregate.load(path)
    with pytest.raises(ResultError, match="cannot write"):
        aggregate(three()).save(tmp_path)
    with pytest.raises(ResultError, match="cannot write"):
        aggregate(three()).save(tmp_path / "no" / "x.json")


def test_the_page_shows_an_order_a_table() -> None:
    result = aggregate(three())
    page = repr(result).splitlines()
    assert page[0] == "4 explanations · logit of POSITIVE · bii"
    assert page.index("Act together") < page.index("On their own")
    shown = next(line for line in page if line.endswith("good × not")).split()
    assert shown[:3] == ["2", "of", "3"]
    assert shown[3:7] == ["+0.667", "3.055", "+0.60", "1"]
    assert "faithfulness: R² 0.950 in the middle, 0.800 at the least" in page
    nothing = repr(aggregate(three()[3:]))
    assert "nothing was found in 2 or more of them" in nothing
    assert repr(aggregate([replace(three()[3], facts={})], least=1)).startswith(
        "1 explanation · value · bii"
    )
    long = [explained([f"w{i}" for i in range(30)], {(i,): 1.0 for i in range(30)})] * 2
    assert "On their own (12 of 30)" in repr(aggregate(long))


def test_a_label_with_markup_and_line_breaks_is_shown_as_it_is() -> None:
    odd = [explained(["[bold]a[/bold]\n" + "x" * 90], {(0,): 1.0}, kind="line")] * 2
    assert "[bold]a[/bold] xxx" in repr(aggregate(odd))


def test_the_rows_are_a_table_for_pandas(monkeypatch: pytest.MonkeyPatch) -> None:
    frame = aggregate(three()).to_frame()
    assert list(frame.columns[:3]) == ["labels", "order", "kinds"]
    assert frame.loc[frame["labels"] == "good × not", "found"].item() == 2
    assert list(aggregate(three()[3:]).to_frame().columns) == list(frame.columns)
    monkeypatch.setitem(sys.modules, "pandas", None)
    with pytest.raises(MissingExtra, match=r"spexlens\[pandas\]"):
        aggregate(three()).to_frame()


def test_a_planted_pair_recurs_over_real_explanations() -> None:
    rng = np.random.default_rng(0)
    found = []
    for _ in range(5):
        weights = rng.normal(size=8)
        game = spexlens.Game(lambda m, w=weights: m @ w + 3.0 * m[:, 2] * m[:, 5], 8)  # type: ignore[misc]
        found.append(spexlens.explain(game, 256))
    pairs = [row for row in aggregate(found).rows if row.order == 2]
    assert [pair.labels for pair in pairs] == [("x2", "x5")]
    assert (pairs[0].found, pairs[0].positive) == (5, 5)
    assert pairs[0].effect == pytest.approx(3.0)
    assert pairs[0].deviation == pytest.approx(0.0, abs=1e-9)


def test_labels_are_sorted_by_their_numbers_however_long() -> None:
    names = ["L10.H1", "L2.H10", f"L{'9' * 5000}", "L2.H2", "film"]
    made = spexlens.explain(
        spexlens.Game(lambda masks: masks.sum(axis=1) * 1.0, names), 32
    )
    rows = aggregate([made, made]).rows
    assert [row.labels[0][:6] for row in rows] == [
        "L2.H2",
        "L2.H10",
        "L10.H1",
        "L99999",
        "film",
    ]
