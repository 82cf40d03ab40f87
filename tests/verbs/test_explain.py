"""explain: a budget in, an explanation out, and an account of both."""

import json
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from spexlens import Explanation, Game, Ledger, Spectrum, explain
from spexlens.errors import BudgetTooSmall, InvalidInput, ResultError
from spexlens.masks import designs
from spexlens.masks import masks as mask_algebra
from spexlens.report.content.wording import kind, meaning
from spexlens.report.terminal.page import plain
from spexlens.solvers.choice import choose_solver
from spexlens.solvers.proxyspex.solver import ProxySpex


def planted(masks: np.ndarray) -> np.ndarray:
    """An AND, an OR, an exclusive or, and one candidate on its own."""
    a, b, c, d, e, f, g = masks.T[:7].astype(float)
    return 2 * a * b + np.maximum(c, d) + (e + f - 2 * e * f) + 0.5 * g


def test_few_candidates_are_explained_exactly() -> None:
    explanation = explain(Game(planted, 8), 300)
    assert explanation.account.method == "exact"
    # of a function two masks are asked twice, to see whether it is one
    assert explanation.calls == 256 + 2
    assert explanation.faithfulness.source == "exact"
    effects = {i.members: i.effect for i in explanation.interactions(order=2)}
    assert effects[0, 1] == pytest.approx(2)
    assert effects[2, 3] == pytest.approx(-1)
    assert effects[4, 5] == pytest.approx(-2)
    assert effects[6,] == pytest.approx(0.5)
    assert not any(7 in members for members in effects)


def test_more_candidates_are_explained_from_exactly_the_budget() -> None:
    asked = []

    def value(masks: np.ndarray) -> np.ndarray:
        asked.append(masks)
        return planted(masks)

    explanation = explain(Game(value, 20), 300)
    assert (
        sum(map(len, asked)) == explanation.calls == explanation.account.budget == 300
    )
    assert explanation.account.passes == len(asked)
    assert explanation.account.method == "proxyspex"
    pairs = [i.members for i in explanation.interactions(order=2) if i.order == 2]
    assert set(pairs[:2]) == {(0, 1), (4, 5)}  # +2 and -2: equally large
    assert pairs[2] == (2, 3)
    fresh = designs.uniform(20, 2000, seed=5)
    residual = planted(fresh) - explanation.spectrum.predict(fresh)
    truth = 1 - residual.var() / planted(fresh).var()
    assert truth > 0.97
    assert explanation.faithfulness.mean == pytest.approx(truth, abs=0.03)


def test_both_corners_are_measured() -> None:
    for n in (8, 20):
        explanation = explain(Game(planted, n), 300)
        assert explanation.whole == (3.5,)
        assert explanation.empty == (0.0,)


def test_the_seed_decides_everything() -> None:
    one, two, other = (
        explain(Game(planted, 20), 100, seed=seed).spectrum for seed in (3, 3, 4)
    )
    assert one.values.tobytes() == two.values.tobytes()
    assert list(one.sets) == list(two.sets)
    assert one.values.tobytes() != other.values.tobytes()


def test_a_larger_budget_pays_only_for_the_difference(tmp_path: Path) -> None:
    path = tmp_path / "runs.db"
    game, quiet = (
        Game(planted, 20, fingerprint="planted", batch_size=1024),
        {
            "checks": 0,
            "noise": 0,
        },
    )
    assert explain(game, 100, ledger=path, **quiet).calls == 100
    more = explain(game, 250, ledger=path, **quiet)
    assert (more.calls, more.account.reused) == (150, 100)
    again = explain(game, 250, ledger=path, **quiet)
    assert (again.calls, again.account.passes) == (0, 0)
    assert again.spectrum.values.tobytes() == more.spectrum.values.tobytes()
    with Ledger(path) as ledger:
        runs = ledger.runs()
    assert [(run.budget, run.evaluations, run.passes) for run in runs] == [
        (100, 100, 2), (250, 150, 2), (250, 0, 0),
    ]  # fmt: skip
    assert all(run.seconds and run.versions["spexlens"] for run in runs)


def test_games_of_different_sizes_never_meet(tmp_path: Path) -> None:
    for n in (7, 8):
        game = Game(
            planted if n == 8 else lambda m: m.sum(axis=1), n, fingerprint="same"
        )
        assert explain(game, 256, ledger=tmp_path / "runs.db", noise=0).calls == 1 << n


def test_what_another_process_paid_meanwhile_is_not_paid_again(tmp_path: Path) -> None:
    path = tmp_path / "runs.db"
    other = Game(planted, 20, fingerprint="planted")
    calls = []

    def value(masks: np.ndarray) -> np.ndarray:
        if not calls:
            explain(other, 200, ledger=path, checks=0, noise=0)
        calls.append(len(masks))
        return planted(masks)

    game = Game(value, 20, fingerprint="planted", batch_size=50)
    explanation = explain(game, 200, ledger=path, checks=0, noise=0)
    assert calls == [50]
    assert (explanation.account.reused, explanation.calls) == (150, 50)


def test_a_vector_valued_game_is_its_outputs_one_by_one() -> None:
    def both(masks: np.ndarray) -> np.ndarray:
        return np.stack(
            [planted(masks), masks[:, 7] - 2.0 * masks[:, 8] * masks[:, 9]], axis=1
        )

    method = ProxySpex(design="space-filling")  # the same masks, whatever is answered
    explanation = explain(
        Game(both, 20, outputs=["first", "second"]), 200, method=method, checks=0
    )
    alone = explain(Game(planted, 20), 200, method=method, checks=0)
    masks = designs.uniform(20, 50, seed=8)
    np.testing.assert_allclose(
        explanation.spectrum.predict(masks)[:, 0],
        alone.spectrum.predict(masks),
        atol=1e-9,
    )
    assert explanation.interactions(output="second")[0].members == (8, 9)
    assert len(explanation.faithfulness.r2) == 2
    with pytest.raises(InvalidInput, match="the outputs are first, second"):
        explanation.interactions(output="third")


def test_what_cannot_be_done_is_refused_before_anything_is_paid() -> None:
    def never(masks: np.ndarray) -> np.ndarray:
        raise AssertionError("the model was asked")

    for settings, error, message in (
        ({"budget": 19}, BudgetTooSmall, "at least 20 calls"),
        ({"budget": 0}, InvalidInput, "at least 1"),
        ({"budget": 300, "method": "magic"}, InvalidInput, "auto, exact, proxyspex"),
        ({"budget": 300, "method": "exact"}, BudgetTooSmall, "1048576 calls"),
        ({"budget": 300, "seed": -1}, InvalidInput, "not negative"),
        ({"budget": 300, "seed": 1 << 70}, InvalidInput, "below 2\\^63"),
        ({"budget": 300.5}, InvalidInput, "whole number"),
        ({"budget": 300, "seed": None}, InvalidInput, "whole number"),
    ):
        with pytest.raises(error, match=message):
            explain(Game(never, 20), **settings)  # type: ignore[arg-type]
    with pytest.raises(
        BudgetTooSmall, match="exact needs at least 8 calls for 3 candidates"
    ):
        explain(Game(never, 3), 7)
    with pytest.raises(InvalidInput, match="use method 'exact'"):
        explain(Game(never, 3), 100, method="proxyspex")


def test_numbers_of_numpy_are_numbers() -> None:
    explanation = explain(Game(planted, np.int64(8)), np.int64(300), seed=np.int32(1))
    assert json.loads(explanation.to_json())["account"]["seed"] == 1


def test_more_than_can_be_listed_is_never_exact() -> None:
    assert choose_solver("auto", 21, 1 << 21).name == "spex"
    for n, budget in ((1000, 300), (1000, 1 << 60), (25, 1 << 25)):
        with pytest.raises(
            InvalidInput, match=f"exact takes at most 20 candidates, .* there are {n}"
        ):
            choose_solver("exact", n, budget)


def test_outputs_without_names_are_numbered() -> None:
    explanation = explain(Game(lambda masks: masks[:, :2] * [1.0, -2.0], 4), 16)
    assert explanation.outputs == ("0", "1")
    assert explanation.interactions(output="1") == explanation.interactions(output=1)
    assert explanation.page(verbose=True).count("faithfulness") == 2
    with pytest.raises(InvalidInput, match="answered with 2 outputs; expected 3"):
        explain(Game(lambda masks: masks[:, :2], 4, outputs=["a", "b", "c"]), 16)


def test_a_value_far_from_zero_loses_nothing() -> None:
    near, far = (
        explain(Game(lambda m, s=shift: planted(m) + s, 20), 200)
        for shift in (0.0, 1e9)
    )
    pairs = [
        {i.members: i.effect for i in e.interactions() if i.order == 2}
        for e in (near, far)
    ]
    assert pairs[1][0, 1] == pytest.approx(pairs[0][0, 1], abs=1e-2)


def test_noise_is_not_explained() -> None:
    noise = np.random.default_rng(0).normal(size=1 << 16)
    explanation = explain(
        Game(lambda masks: noise[mask_algebra.to_index(masks)], 16), 200
    )
    values = designs.everything(16)
    assert (
        1
        - ((noise - explanation.spectrum.predict(values)) ** 2).sum() / (noise**2).sum()
        > -0.1
    )
    assert explanation.faithfulness.mean < 0.1


def test_a_constant_is_a_constant() -> None:
    explanation = explain(Game(lambda masks: np.full(len(masks), 7.0), 20), 100)
    assert explanation.interactions() == []
    np.testing.assert_allclose(
        explanation.spectrum.predict(np.zeros((1, 20), bool)), [7.0]
    )
    assert "100 of 100 calls" in repr(explanation)


def test_nothing_is_printed(capfd: pytest.CaptureFixture[str]) -> None:
    noise = np.random.default_rng(1).normal(size=1 << 16)
    for value in (
        planted,
        lambda masks: noise[mask_algebra.to_index(masks)],
        lambda masks: masks[:, 0] * 0.0,
    ):
        explain(Game(value, 16), 40)
    assert capfd.readouterr() == ("", "")


@pytest.fixture
def explanation() -> Explanation:
    return explain(
        Game(planted, ["a", "b", "c", "d", "e", "f", "g", "<h> [bold]", "é"]), 600
    )


def test_an_explanation_survives_its_file_bit_for_bit(
    explanation: Explanation, tmp_path: Path
) -> None:
    path = tmp_path / "x.json"
    explanation.save(path)
    loaded = Explanation.load(path)
    assert loaded.spectrum.values.tobytes() == explanation.spectrum.values.tobytes()
    assert loaded.to_json() == explanation.to_json()
    assert loaded.interactions() == explanation.interactions()
    assert loaded.candidates == explanation.candidates
    assert loaded.account == explanation.account
    assert repr(loaded) == repr(explanation)
    assert [file.name for file in tmp_path.iterdir()] == ["x.json"]


def test_a_vector_valued_explanation_survives_its_file(tmp_path: Path) -> None:
    before = explain(Game(lambda masks: masks[:, :2] * 1.0, 4, outputs=["x", "y"]), 50)
    before.save(tmp_path / "x.json")
    after = Explanation.load(tmp_path / "x.json")
    np.testing.assert_array_equal(after.spectrum.values, before.spectrum.values)
    assert after.outputs == ("x", "y")


def test_a_bad_file_is_refused_in_one_line(
    explanation: Explanation, tmp_path: Path
) -> None:
    good = json.loads(explanation.to_json())

    def changed(**parts: Any) -> str:
        return json.dumps({**good, **parts})

    cases = {
        "is damaged: not JSON at line 1": explanation.to_json()[:-40],
        "not a saved explanation": '{"a": 1}',
        "is JSON, but not": "[1, 2]",
        "format version 3": changed(format_version=3),
        "damaged at format_version": changed(format_version="1"),
        "damaged at spectrum": changed(spectrum={"n": 9}),
        "damaged: 3 candidates, but": changed(candidates=good["candidates"][:3]),
        "damaged at faithfulness": changed(
            faithfulness={**good["faithfulness"], "r2": ["high"]}
        ),
        "whole is of 2 outputs, the spectrum of 1": changed(whole=[1.0, 2.0]),
        "is damaged": "[" * 100_000,
        "is not a set of positions": changed(
            spectrum={"n": 9, "sets": [[11]], "coefficients": [1.0]}
        ),
        "spectrum: 1 sets, but 0": changed(
            spectrum={"n": 9, "sets": [[1]], "coefficients": []}
        ),
    }
    path = tmp_path / "x.json"
    for message, text in cases.items():
        path.write_text(text)
        with pytest.raises(ResultError, match=message) as caught:
            Explanation.load(path)
        assert "\n" not in str(caught.value)
    path.write_bytes(b"\xff\xfe\x00")
    with pytest.raises(ResultError, match="not UTF-8"):
        Explanation.load(path)
    with pytest.raises(ResultError, match="cannot read"):
        Explanation.load(tmp_path / "absent.json")
    for unwritable in (tmp_path / "absent" / "x.json", tmp_path, ""):
        with pytest.raises(ResultError, match="cannot write"):
            explanation.save(unwritable)
    assert [file.name for file in tmp_path.iterdir()] == ["x.json"]


def test_the_table_holds_the_interactions(explanation: Explanation) -> None:
    frame = explanation.to_frame(order=3)
    numbers = ["members", "labels", "order", "effect", "share", "low", "high"]
    assert list(frame.columns) == [
        *numbers, "measured", "verdict", "survival", "audible", "stays", "best_rank", "worst_rank",
    ]  # fmt: skip
    assert len(frame) == len(explanation.interactions(order=3))
    assert frame.effect.abs().is_monotonic_decreasing
    assert frame.labels[0] == "a × b"


def test_indices_agree_where_they_must(explanation: Explanation) -> None:
    pairs = [
        {
            i.members: i.effect
            for i in explanation.interactions(index, order=2)
            if i.order == 2
        }
        for index in ("bii", "fbii", "moebius", "stii", "sii", "fsii")
    ]
    for other in pairs[1:]:  # a function of order 2 has one notion of a pair
        assert other == pytest.approx(pairs[0], abs=1e-9)


def test_shares_are_of_the_variance(explanation: Explanation) -> None:
    assert sum(i.share for i in explanation.interactions(order=None)) == pytest.approx(
        1
    )


def test_the_page_says_what_was_found_and_what_it_cost(
    explanation: Explanation,
) -> None:
    page = plain(explanation)
    assert "a × b" in page
    assert "<h> [bold]" in page
    assert re.search(r"\+2\.000 .* a × b +raise it, and strengthen each other", page)
    assert "exact: all 512 masks were evaluated" in explanation.page(verbose=True)
    assert "514 of 600 calls paid" in page
    assert "\x1b" not in page
    assert page == repr(explanation)


def test_kinds_of_pairs_are_named_for_what_they_are() -> None:
    def pair_of(value: Any) -> tuple[Any, dict[int, float]]:
        interactions = explain(Game(value, 2), 4).interactions()
        alone = {i.members[0]: i.effect for i in interactions if i.order == 1}
        return next(i for i in interactions if i.order == 2), alone

    assert kind(*pair_of(lambda m: m[:, 0] * m[:, 1])) == "synergy"
    assert kind(*pair_of(lambda m: -1.0 * m[:, 0] * m[:, 1])) == "synergy"
    assert kind(*pair_of(lambda m: m[:, 0] | m[:, 1])) == "redundancy"
    assert kind(*pair_of(lambda m: -1.0 * (m[:, 0] | m[:, 1]))) == "redundancy"
    assert kind(*pair_of(lambda m: m[:, 0] ^ m[:, 1])) == "reversal"
    assert kind(*pair_of(lambda m: m[:, 0] & ~m[:, 1])) == "modulation"
    pair, alone = pair_of(lambda m: 1.0 * (m[:, 0] == m[:, 1]))
    assert meaning(pair, alone) == "together raise it, neither does alone"


def test_a_spectrum_can_be_written_down() -> None:
    spectrum = Spectrum.of(3, {(): 1.0, (0, 2): -2.0})
    np.testing.assert_allclose(spectrum.predict([[1, 0, 0], [1, 1, 1]]), [3.0, -1.0])
