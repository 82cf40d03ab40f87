"""Spot checks: what was said is measured on the model, where the fit did not look, and
judged by that.
"""

from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from spexlens import Explanation, Game, Ledger, Spectrum, explain
from spexlens.errors import BudgetTooSmall, InvalidInput
from spexlens.evidence.factorial import FactorialDesign, closure, fitting
from spexlens.evidence.held_out import judge
from spexlens.evidence.spot_checks import checks_of, verdict
from spexlens.masks import designs
from spexlens.masks import masks as mask_algebra
from spexlens.masks.strategy import SharedTrainings
from spexlens.report.terminal.page import plain
from spexlens.results.doubts import doubts
from spexlens.solvers.proxyspex.solver import ProxySpex
from spexlens.solvers.solver import Fit
from spexlens.solvers.spex import Spex
from spexlens.spectrum.indices import interaction_index
from spexlens.spectrum.scores import r_squared

Masks = NDArray[np.bool_]
Array = NDArray[np.float64]


def random_spectrum(n: int, sets: int, seed: int, *, most: int = 4) -> Spectrum:
    rng = np.random.default_rng([seed, n])
    chosen = {
        tuple(
            sorted(
                rng.choice(n, int(rng.integers(1, most + 1)), replace=False).tolist()
            )
        )
        for _ in range(sets)
    }
    return Spectrum.of(
        n, {(): 0.5, **{s: float(rng.normal()) * 0.7 ** len(s) for s in sorted(chosen)}}
    )


class Lying(ProxySpex):
    """ProxySPEX, whose fit is spoiled afterwards; and the masks that it saw."""

    def __init__(
        self,
        wrong: Callable[
            [dict[tuple[int, ...], float]], Mapping[tuple[int, ...], float]
        ],
    ) -> None:
        super().__init__()
        self.wrong = wrong
        self.seen: set[bytes] = set()

    def fit_packed(
        self, packed: NDArray[np.uint8], n: int, values: Array, seed: int
    ) -> Fit:
        self.seen = {row.tobytes() for row in packed}
        return super().fit_packed(packed, n, values, seed)

    def _fit(self, packed: NDArray[np.uint8], n: int, values: Array, seed: int) -> Fit:
        fit = super()._fit(packed, n, values, seed)
        scalar = fit.spectrum.squeezed()
        found = {members: float(value) for members, value in scalar}
        return replace(fit, spectrum=Spectrum.of(n, {**found, **self.wrong(found)}))


class Counted(Game):
    """A function, and the masks that it was asked."""

    def __init__(
        self, function: Callable[[Masks], Array], n: int, fingerprint: str | None = None
    ) -> None:
        self.asked: list[bytes] = []

        def value(masks: Masks) -> Array:
            self.asked += [row.tobytes() for row in mask_algebra.pack(masks)]
            return function(masks)

        super().__init__(value, n, fingerprint)


def summed(masks: Masks) -> Array:
    """A pair, a triple and weights."""
    a, b, c, d, e = masks.T[:5].astype(float)
    weights = np.linspace(1.0, 0.2, masks.shape[1])
    return np.asarray(masks @ weights + 3.0 * a * b - 4.0 * c * d * e)


# The measurement.


@pytest.mark.parametrize("seed", range(3))
def test_over_all_contexts_the_corners_give_the_banzhaf_interaction(seed: int) -> None:
    spectrum = random_spectrum(7, 20, seed)
    sets = [(0,), (1, 4), (2, 3, 6), (0, 1, 2, 3)]
    corners = FactorialDesign.of(sets, designs.everything(7))
    index = interaction_index(spectrum, "bii", None)
    values = spectrum.predict(corners.masks)
    for members, sample in zip(sets, corners.interactions(values), strict=True):
        assert sample.mean() == pytest.approx(float(index[members]), abs=1e-12)


def test_corners_are_shared_by_the_sets_of_a_context() -> None:
    contexts = designs.uniform(30, 3, seed=0)
    corners = FactorialDesign.of([(0, 1), (0, 2), (0, 1, 2)], contexts)
    assert len(corners.masks) == 3 * 8
    assert corners.context.tolist() == [0] * 8 + [1] * 8 + [2] * 8
    assert closure([(0, 1), (2,)]) == [(), (0,), (1,), (2,), (0, 1)]
    outside = np.ones(30, np.bool_)
    outside[[0, 1, 2]] = False
    assert (corners.masks[:, outside] == contexts[corners.context][:, outside]).all()


def test_sets_are_taken_as_far_as_their_corners_fit() -> None:
    ranked = [(0, 1), (2, 3), (0, 2), (4,), (0,), (1,)]
    assert fitting(ranked, 4) == [(0, 1), (0,), (1,)]
    assert fitting(ranked, 7) == [(0, 1), (2, 3), (0,), (1,)]
    assert fitting(ranked, 9) == [(0, 1), (2, 3), (0, 2), (4,), (0,), (1,)]
    strategy = SharedTrainings(np.array([True, False, True, False, False]))
    # a context has two trainings, that of 0 is one
    assert (2, 3) not in fitting(ranked, 9, strategy, 2)


def test_what_is_measured_does_not_depend_on_how_good_the_fit_is() -> None:
    truth = random_spectrum(14, 25, seed=1)
    sets = [members for members, _ in truth if len(members) == 2][:3]
    corners = FactorialDesign.of(sets, designs.everything(14)[::7])
    values = truth.predict(corners.masks)
    for fit in (truth, Spectrum.of(14, {(): 0.0, **dict.fromkeys(sets, 1.0)})):
        for check in checks_of(corners, fit, values)[0]:
            true = 4.0 * float(truth[check.members])
            assert check.measured == pytest.approx(true, abs=0.05)
            assert check.said == 4.0 * float(fit[check.members])


@pytest.mark.parametrize(
    ("said", "measured", "half", "expected"),
    [
        (2.0, 2.1, 0.5, "confirmed"),
        (-2.0, -1.2, 0.5, "confirmed"),
        (2.0, 0.0, 0.5, "not there"),
        (2.0, 0.9, 0.5, "weaker than said"),
        (2.0, 0.0, 0.0, "not there"),
        (2.0, -1e-15, 0.0, "not there"),
        (2.0, -0.3, 0.5, "not there"),
        (-2.0, 0.1, 0.05, "not there"),
        (2.0, -2.0, 0.5, "wrong sign"),
        (-2.0, 1.0, 0.5, "wrong sign"),
        (2.0, 1.5, 3.0, "too noisy to say"),
        (-2.0, -1.5, 1.5, "too noisy to say"),
    ],
)
def test_verdicts(said: float, measured: float, half: float, expected: str) -> None:
    assert verdict(said, measured, (measured - half, measured + half)) == expected


# What explain makes of it.


def test_a_tenth_of_the_budget_checks_the_rest() -> None:
    for budget, checks in ((100, 16), (300, 30), (500, 50)):
        game = Counted(summed, 20)
        explanation = explain(game, budget)
        assert explanation.calls == len(game.asked) == budget
        assert explanation.held_out is not None
        assert explanation.held_out.masks == checks
        assert f"{checks} to check it" in explanation.account.design
        assert explanation.checks is not None
        assert {check.verdict for check in explanation.checks.found[0]} == {"confirmed"}


def test_the_strongest_pair_carries_its_check() -> None:
    explanation = explain(Game(summed, 20), 300)
    first = next(i for i in explanation.interactions() if i.order == 2)
    assert first.members == (0, 1)
    assert first.evidence is not None
    assert first.evidence.measured == pytest.approx(3.0, abs=0.05)
    assert first.evidence.interval[0] <= 3.0 <= first.evidence.interval[1] + 1e-9
    assert "✓" in plain(explanation)


def test_a_strong_triple_is_measured_on_its_eight_corners() -> None:
    explanation = explain(
        Game(lambda m: 4.0 * (m[:, 0] ^ m[:, 1] ^ m[:, 2]) + m[:, 3], 14), 300
    )
    triple = explanation.higher(1)[0][0]
    assert triple.members == (0, 1, 2)
    assert triple.evidence is not None
    assert triple.evidence.measured == pytest.approx(16.0)
    assert triple.evidence.verdict == "confirmed"


def test_checks_can_be_turned_off_and_small_budgets_have_none() -> None:
    for explanation in (
        explain(Game(summed, 20), 300, checks=0),
        explain(Game(summed, 20), 60),
    ):
        assert explanation.checks is None
        assert explanation.held_out is None
    everything = explain(Game(summed, 6), 300)
    assert everything.account.method == "exact"
    assert everything.checks is None


def test_no_mask_is_judged_that_the_fit_saw() -> None:
    for n in (9, 12, 30):
        game, solver = Counted(summed, n), Lying(lambda found: {})
        explanation = explain(game, 200, method=solver, refit=False, noise=0)
        assert explanation.held_out is not None
        assert len(set(game.asked) - solver.seen) == explanation.held_out.masks
        assert len(game.asked) == len(set(game.asked)) <= 200


def test_what_was_bought_for_checks_joins_a_last_fit_and_the_verdicts_stay() -> None:
    truth = random_spectrum(16, 40, seed=3)
    first, last = (
        explain(Game(truth.predict, 16), 200, refit=refit) for refit in (False, True)
    )
    assert first.checks is not None
    assert last.checks is not None
    assert last.checks == replace(first.checks, refitted=True)
    assert last.held_out == first.held_out
    assert last.faithfulness == first.faithfulness
    assert "joined a last fit" in " ".join(plain(last, verbose=True).split())
    assert "joined a last fit" not in " ".join(plain(first, verbose=True).split())
    masks = designs.everything(16)
    better, worse = (
        r_squared(truth.predict(masks), e.spectrum.predict(masks))
        for e in (last, first)
    )
    assert better > worse - 0.01


def test_what_is_made_up_and_what_is_turned_round_is_refused_and_said_first() -> None:
    def wrong(found: dict[tuple[int, ...], float]) -> dict[tuple[int, ...], float]:
        return {(10, 11): 1.5, (0, 1): -found[0, 1]}

    explanation = explain(Game(summed, 20), 300, method=Lying(wrong), refit=False)
    assert explanation.checks is not None
    verdicts = {check.members: check.verdict for check in explanation.checks.found[0]}
    assert verdicts[10, 11] == "not there"
    assert verdicts[0, 1] == "wrong sign"
    said = doubts(explanation)
    assert any("“x10” × “x11” is not there" in line for line in said)
    page = plain(explanation).splitlines()
    assert page[2].startswith(said[0][:60])
    assert not doubts(explain(Game(summed, 20), 300))


def test_over_random_games_confirmed_is_right_and_planted_wrong_is_refused() -> None:
    confirmed, refused = list[bool](), list[bool]()
    for seed in range(15):
        truth = random_spectrum(12 + seed % 10, 20, seed)
        n = truth.n
        made_up = next((i, i + 1) for i in range(n - 1) if not float(truth[i, i + 1]))
        size = float(np.sqrt(truth.energy.sum()))
        noise = np.random.default_rng(seed)

        def value(
            masks: Masks, truth: Spectrum = truth, noise: np.random.Generator = noise
        ) -> Array:
            return np.asarray(
                truth.predict(masks) + 0.05 * noise.normal(size=len(masks))
            )

        lie = {made_up: 0.35 * size}
        found = explain(
            Game(value, n),
            300,
            method=Lying(lambda _, lie=lie: lie),
            seed=seed,
            refit=False,
        )  # type: ignore[misc]
        assert found.checks is not None
        for check in found.checks.found[0]:
            true = (-2.0) ** len(check.members) * float(truth[check.members])
            if check.members == made_up:
                refused.append(check.refuted)
            elif check.verdict == "confirmed":
                confirmed.append(true / check.said >= 0.5)
    assert len(refused) > 8
    assert np.mean(refused) >= 0.95
    assert len(confirmed) > 24
    assert np.mean(confirmed) >= 0.95


def test_intervals_of_r2_hold_the_truth_about_as_often_as_they_say() -> None:
    truth, rng = random_spectrum(12, 30, seed=9), np.random.default_rng(0)
    fit = Spectrum(
        truth.sets,
        truth.values + 0.03 * rng.normal(size=len(truth)) * (truth.sets.orders > 0),
    )
    fit = fit.truncate(energy=0.9)
    masks = designs.everything(12)
    r2, held = r_squared(truth.predict(masks), fit.predict(masks)), []
    linear = Spectrum.of(12, {(): 0.0})
    for seed in range(100):
        contexts = designs.uniform(12, 8, seed=seed)
        corners = FactorialDesign.of([(0, 1)], contexts[:4])
        own = np.concatenate(
            [
                corners.masks,
                contexts[4:],
                designs.uniform(12, 12, seed=seed + 1000),
            ]
        )
        clusters = np.concatenate([corners.context, 10 + np.arange(16)])
        low, high = judge(
            fit, linear, own, truth.predict(own), clusters, seed
        ).intervals[0]
        held.append(low <= r2 <= high)
    assert 0.82 <= np.mean(held) <= 0.97


def test_checks_of_spex_and_of_several_outputs() -> None:
    def both(masks: Masks) -> Array:
        return np.stack(
            [summed(masks), masks[:, 7] - 2.0 * masks[:, 8] * masks[:, 9]], axis=1
        )

    explanation = explain(Game(both, 20, outputs=["first", "second"]), 400)
    assert explanation.checks is not None
    assert len(explanation.checks.found) == 2
    pair = explanation.interactions(output="second")[0]
    assert pair.members == (8, 9)
    assert pair.evidence is not None
    assert pair.evidence.verdict == "confirmed"
    sparse = explain(
        Game(random_spectrum(40, 6, 5, most=2).predict, 40), 800, method=Spex()
    )
    assert sparse.checks is not None
    assert {check.verdict for check in sparse.checks.found[0]} == {"confirmed"}
    assert sparse.held_out is not None
    assert sparse.held_out.r2[0] > 0.999


def test_a_run_that_is_repeated_pays_for_no_check_again(tmp_path: Path) -> None:
    path = tmp_path / "runs.db"
    game = Counted(summed, 20, "summed")
    first = explain(game, 200, ledger=path)
    paid = len(game.asked)
    again = explain(game, 200, ledger=path)
    assert len(game.asked) == paid == first.calls == 200
    assert (again.calls, again.account.reused) == (0, 200)
    assert again.checks == first.checks
    assert again.spectrum.values.tobytes() == first.spectrum.values.tobytes()
    with Ledger(path) as ledger:
        assert [run.evaluations for run in ledger.runs()] == [200, 0]


def test_shares_that_cannot_be_are_refused_before_anything_is_paid() -> None:
    game = Counted(summed, 20)
    for settings, error, message in (
        ({"checks": 3}, InvalidInput, "checks takes 8 masks or more"),
        ({"checks": 290}, BudgetTooSmall, "calls are for evidence"),
        ({"checks": 400}, BudgetTooSmall, "nothing is left to fit"),
        ({"checks": -1}, InvalidInput, "checks is not negative"),
        ({"noise": 1}, InvalidInput, "two repeated masks or more"),
        ({"until": "soon"}, InvalidInput, "until is 'stable'"),
        ({"until": "stable", "method": "spex"}, InvalidInput, "auto or proxyspex"),
        (
            {"against": ["delete"]},
            InvalidInput,
            "knows no other way to ablate called 'delete'",
        ),
        ({"ordinary": ["a text"] * 3}, InvalidInput, "is of no text"),
        ({"ordinary": [1.0]}, InvalidInput, "3 or more"),
        ({"smallest": 1.5}, InvalidInput, "up to 1; got 1.5"),
        ({"expectations": "absent.toml"}, InvalidInput, "cannot read absent.toml"),
    ):
        with pytest.raises(error, match=message) as caught:
            explain(game, 300, **settings)  # type: ignore[arg-type]
        assert "\n" not in str(caught.value)
    assert game.asked == []


def test_evidence_survives_its_file(tmp_path: Path) -> None:
    explanation = explain(
        Game(summed, 20),
        400,
        against=[Game(lambda m: summed(m) + m[:, 9], 20)],
        smallest=0.8,
        noise=4,
    )
    explanation.save(tmp_path / "x.json")
    loaded = Explanation.load(tmp_path / "x.json")
    for name in (
        "checks",
        "artefacts",
        "stability",
        "smallest",
        "noise",
        "held_out",
        "account",
    ):
        assert getattr(loaded, name) == getattr(explanation, name), name
        assert getattr(loaded, name), name
    assert plain(loaded) == plain(explanation)
    assert loaded.to_json() == explanation.to_json()
