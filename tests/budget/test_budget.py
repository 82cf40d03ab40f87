"""A budget is spent on masks to fit, masks to judge the fit, and seeds; nothing is
bought twice.
"""

import copy
import sqlite3
from collections.abc import Callable
from contextlib import closing
from itertools import product
from pathlib import Path
from typing import Any, Self

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from scipy.stats import spearmanr

import spexlens
from spexlens import Explanation, Ledger
from spexlens.budget.shares import fit_shares
from spexlens.errors import BudgetTooSmall, InvalidInput
from spexlens.evaluation.repetitions import Repetitions
from spexlens.masks import designs
from spexlens.masks import masks as mask_algebra
from spexlens.report.terminal.page import plain
from spexlens.solvers.exact import Exact
from spexlens.solvers.proxyspex.proxies.linear import Linear
from spexlens.solvers.proxyspex.solver import ProxySpex
from spexlens.solvers.solver import Fit

Function = Callable[[NDArray[np.bool_]], NDArray[np.float64]]
FEW = "few were kept: it counts as it is"


def paired(masks: NDArray[np.bool_]) -> NDArray[np.float64]:
    """An exclusive or that no linear model sees, and a weight a candidate."""
    n = masks.shape[1]
    weights = np.random.default_rng(n).normal(size=n)
    return np.asarray(masks @ weights + 5.0 * (masks[:, 0] ^ masks[:, 1]))


def twofold(masks: NDArray[np.bool_]) -> NDArray[np.float64]:
    """Two outputs."""
    return np.stack([paired(masks), 10.0 * masks.sum(axis=1)], axis=1)


class Tossed(spexlens.Game):
    """A function of the mask, and noise that the mask and a seed decide.

    Attributes:
        asked: every evaluation so far, the seed's number and the mask; shared with its
            repetitions.
    """

    held_out_share = 0.2

    def __init__(
        self,
        function: Function = paired,
        n: int = 12,
        *,
        sigma: float | tuple[float, ...] = 0.5,
        repeats: int = 1,
        seeded: bool = True,
        remark: str = "",
    ) -> None:
        super().__init__(function, n, f"{function.__name__} {sigma} 0", batch_size=1024)
        self.repeats, self.seeded, self.sigma, self.remark = (
            repeats,
            seeded,
            np.array(sigma),
            remark,
        )
        self.numbers = tuple(range(repeats))
        self.asked: list[tuple[int, bytes]] = []

    def value(self, masks: NDArray[np.bool_]) -> NDArray[np.float64]:
        self.last = masks
        values = super().value(masks)
        if not self.seeded:
            self.asked += [(0, mask.tobytes()) for mask in masks]
            return values
        self.asked += [
            (number, mask.tobytes()) for number in self.numbers for mask in masks
        ]
        return values + np.mean(
            [self.noise(masks, values.shape, number) for number in self.numbers], axis=0
        )

    def noise(
        self, masks: NDArray[np.bool_], shape: tuple[int, ...], number: int
    ) -> NDArray[np.float64]:
        draws = [
            np.random.default_rng([number, *mask.tolist()]).normal(size=shape[1:])
            for mask in masks
        ]
        return np.asarray(self.sigma * np.array(draws))

    def with_seed(self, number: int) -> "Tossed":
        single: Self = copy.copy(self)
        single.repeats, single.numbers = 1, (number if self.seeded else 0,)
        single._take(self.candidates, f"{(self.fingerprint or '')[:-2]} {number}")
        return single

    def remarks(self) -> dict[int, str]:
        few = np.flatnonzero(self.last.sum(axis=1) < self.n / 3)
        return dict.fromkeys(few.tolist(), self.remark) if self.remark else {}


class Quick(ProxySpex):
    """One linear model, and what it was fitted to."""

    def __init__(self) -> None:
        super().__init__(proxies=[Linear(1)], design="uniform")
        self.seen: set[bytes] = set()

    def fit_packed(
        self, packed: NDArray[np.uint8], n: int, values: NDArray[np.float64], seed: int
    ) -> Fit:
        self.seen = {mask.tobytes() for mask in mask_algebra.unpack(packed, n)}
        return super().fit_packed(packed, n, values, seed)


def explain(game: spexlens.Game, budget: int, **how: Any) -> Explanation:
    """Without checks, which are bought with a share of their own:
    tests/evidence/test_spot_checks.py.
    """
    return spexlens.explain(game, budget, **{"checks": 0, "noise": 0, **how})


def held_out_of(game: Tossed, seen: set[bytes]) -> NDArray[np.bool_]:
    """The masks that were asked for and not fitted."""
    fresh = sorted({mask for _, mask in game.asked} - seen)
    return np.array([np.frombuffer(mask, np.bool_) for mask in fresh])


def bits(explanation: Explanation) -> tuple[Any, ...]:
    """All that an explanation found."""
    e = explanation
    found = (
        list(e.spectrum.sets),
        e.spectrum.values.tobytes(),
        e.faithfulness,
        e.held_out,
        e.noise,
    )
    return *found, e.details, e.whole, e.empty, e.outputs


# The shares.


def test_every_evaluation_counts_in_the_shares() -> None:
    games = [
        Tossed(n=4, seeded=False),
        *(Tossed(n=4, repeats=repeats) for repeats in (1, 2, 3)),
    ]
    refused = 0
    for game, n, budget, held_out in product(
        games, range(4, 21), (100, 150, 257, 400), (None, 0, 20)
    ):
        game._take([f"x{i}" for i in range(n)], None)
        try:
            shares = fit_shares(game, budget, "auto", held_out)
        except InvalidInput:
            refused += 1
            continue
        masks = 1 << n if isinstance(shares.solver, Exact) else shares.masks
        spent = masks * game.repeats + shares.held_out * shares.times + shares.again
        assert spent <= budget
        if not isinstance(shares.solver, Exact):
            assert spent > budget - game.repeats
    assert 0 < refused < 200


@settings(deadline=None, max_examples=60)
@given(
    n=st.integers(4, 20),
    budget=st.integers(100, 400),
    repeats=st.integers(0, 3),
    held_out=st.sampled_from([None, 0, 20]),
)
def test_no_evaluation_is_beyond_the_budget_or_bought_twice(
    n: int, budget: int, repeats: int, held_out: int | None
) -> None:
    game = Tossed(n=n, seeded=repeats > 0, repeats=max(1, repeats))
    exact = (1 << n) * game.repeats <= budget
    try:
        explanation = explain(
            game,
            budget,
            method="exact" if exact else Quick(),
            held_out=None if exact else held_out,
        )
    except BudgetTooSmall:
        assert repeats > 1
        return
    assert (
        explanation.account.calls == len(game.asked) == len(set(game.asked)) <= budget
    )
    assert explanation.account.reused == 0


def test_a_fifth_is_held_out_where_the_game_asks_for_it_and_nobody_else() -> None:
    game = Tossed(n=30, seeded=False)
    assert fit_shares(game, 300, "auto", None).held_out == 60
    assert fit_shares(game, 100, "auto", None).held_out == 20
    assert fit_shares(game, 99, "auto", None).held_out == 0
    assert fit_shares(game, 300, "auto", 0).held_out == 0
    assert fit_shares(spexlens.Game(paired, 30), 300, "auto", None).held_out == 0
    seeded = fit_shares(Tossed(n=30), 300, "auto", None)
    assert (seeded.held_out, seeded.times, seeded.masks) == (30, 2, 240)


@pytest.mark.parametrize(
    ("settings", "budget", "held_out", "message"),
    [
        ({"n": 12}, 100, 400, "400 masks held out cost 800 calls; the budget is 100"),
        ({"n": 12}, 100, 50, "50 masks held out cost 100 calls; the budget is 100"),
        (
            {"n": 12, "seeded": False},
            100,
            100,
            "100 masks held out cost 100 calls; the budget is 100",
        ),
        ({"n": 12}, 10, None, "at least 20 calls for 12 candidates; the budget is 10"),
        (
            {"n": 40, "repeats": 3},
            59,
            None,
            "at least 20 calls for 40 candidates; the budget is 19",
        ),
        ({"n": 40, "repeats": 3}, 59, None, "(each mask costs 3 of 59 calls)"),
        (
            {"n": 8, "repeats": 3},
            2,
            None,
            "the budget is a number of calls, at least 1; got 0",
        ),
    ],
)
def test_a_budget_that_is_too_small_says_what_it_is_too_small_for(
    settings: dict[str, Any], budget: int, held_out: int | None, message: str
) -> None:
    with pytest.raises(InvalidInput) as caught:
        explain(Tossed(**settings), budget, held_out=held_out)
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_budget_that_is_too_small_for_what_is_held_out_says_so() -> None:
    with pytest.raises(BudgetTooSmall, match="held out") as caught:
        explain(Tossed(), 100, held_out=45)
    assert "100" in str(caught.value)


def test_what_nobody_asked_to_hold_out_makes_no_budget_too_small() -> None:
    budget, game = 100, Tossed(repeats=3)
    assert explain(game, budget, method=Quick(), held_out=0).account.calls == 99
    assert explain(game, budget, method=Quick()).account.calls <= budget


@pytest.mark.parametrize("held_out", [-3, 1.5, "many"])
def test_masks_to_hold_out_are_a_whole_number(held_out: Any) -> None:
    for n in (4, 12):
        with pytest.raises(InvalidInput, match="held_out is"):
            explain(Tossed(n=n), 100, held_out=held_out)


def test_nothing_can_be_held_out_of_all_masks() -> None:
    game = Tossed(n=4)
    with pytest.raises(InvalidInput, match=r"100 calls are enough for all 2\^4 masks"):
        explain(game, 100, held_out=20)
    assert game.asked == []
    assert explain(game, 100, held_out=0).held_out is None


# Held out.


@pytest.mark.parametrize("repeats", [0, 1, 2, 3])
def test_held_out_masks_are_never_masks_that_the_fit_saw(repeats: int) -> None:
    for n, seed in product((8, 12, 30), (0, 5)):
        game, solver = Tossed(n=n, seeded=repeats > 0, repeats=max(1, repeats)), Quick()
        explanation = explain(game, 200, method=solver, seed=seed, held_out=20)
        held = held_out_of(game, solver.seen)
        assert explanation.held_out is not None
        assert explanation.held_out.masks == len(held) == 20
        assert "; 20 held out" in explanation.account.design
        times = max(2, repeats) if repeats else 1
        for mask in held:
            assert sorted(
                number for number, asked in game.asked if asked == mask.tobytes()
            ) == list(range(times))
        for mask in solver.seen:
            numbers = sorted(number for number, asked in game.asked if asked == mask)
            assert numbers == list(range(max(1, repeats)))


def test_held_out_masks_are_others_under_another_seed() -> None:
    drawn = []
    for seed in (0, 0, 1):
        game, solver = Tossed(n=30, seeded=False), Quick()
        explain(game, 100, method=solver, seed=seed)
        drawn.append(held_out_of(game, solver.seen).tobytes())
    assert drawn[0] == drawn[1] != drawn[2]


@pytest.mark.parametrize(
    ("n", "budget", "method", "held_out"),
    [(6, 100, "proxyspex", None), (12, 100, Quick(), 1)],
)
def test_a_design_claims_no_masks_held_out_that_were_not(
    n: int, budget: int, method: Any, held_out: int | None
) -> None:
    explanation = explain(
        Tossed(n=n, seeded=False), budget, method=method, held_out=held_out
    )
    judged = 0 if explanation.held_out is None else explanation.held_out.masks
    assert ("held out" in explanation.account.design) == (judged > 0)


def test_the_scores_on_held_out_masks_are_those_computed_by_hand() -> None:
    for function in (paired, twofold):
        game, solver = Tossed(function, seeded=False), Quick()
        explanation = explain(game, 150, method=solver, refit=False)
        held = held_out_of(game, solver.seen)
        truth = function(held).reshape(len(held), -1).T
        said = explanation.spectrum.predict(held).reshape(len(held), -1).T
        judged = explanation.held_out
        assert judged is not None
        assert judged.masks == len(held) == 30
        sets = explanation.spectrum.sets.orders > 0
        spread = (explanation.spectrum.values.reshape(len(sets), -1)[sets] ** 2).sum(
            axis=0
        )
        errors, centre = (
            truth - said,
            explanation.spectrum.values.reshape(len(sets), -1)[~sets].T,
        )
        variance = (
            spread + 2 * (errors * (said - centre)).mean(axis=1) + errors.var(axis=1)
        )
        assert judged.r2 == pytest.approx(
            1 - (errors**2).mean(axis=1) / variance, abs=1e-12
        )
        ranks = [
            spearmanr(*columns).statistic for columns in zip(truth, said, strict=True)
        ]
        assert judged.lds == pytest.approx(ranks, abs=1e-12)
        # the solver is a linear model too
        assert judged.linear_r2 == pytest.approx(judged.r2, abs=0.05)


def test_the_linear_model_beside_it_is_beaten_where_a_pair_is_strong() -> None:
    explanation = explain(Tossed(seeded=False), 150)
    judged = explanation.held_out
    assert judged is not None
    assert judged.r2[0] > 0.95 > 0.7 > judged.linear_r2[0]
    assert judged.lds[0] > judged.linear_lds[0]
    interactions = explanation.interactions(order=2)
    assert interactions[0].members == (0, 1)


def test_a_constant_game_is_judged_without_a_warning() -> None:
    judged = explain(
        Tossed(lambda masks: np.full(len(masks), 2.0), seeded=False),
        100,
        method=Quick(),
    ).held_out
    assert judged is not None
    assert (judged.r2, judged.lds, judged.linear_r2, judged.linear_lds) == (
        (1.0,),
        (0.0,),
        (1.0,),
        (0.0,),
    )


# Noise.


@pytest.mark.parametrize(("repeats", "times"), [(1, 2), (2, 2), (3, 3)])
def test_noise_is_measured_and_bounds_what_can_be_reached(
    repeats: int, times: int
) -> None:
    for sigma in (0.3, 2.0):
        game, solver = Tossed(sigma=sigma, repeats=repeats), Quick()
        explanation = explain(game, 400, method=solver, held_out=40)
        noise = explanation.noise
        assert noise is not None
        assert noise.deviation[0] == pytest.approx(sigma, rel=0.25)
        assert noise.repeated == 40 * (times - 1) + len(solver.seen) * (repeats - 1)
        held = held_out_of(game, solver.seen)
        tosses = [game.noise(held, (40,), number) for number in range(times)]
        variance = (paired(held) + np.mean(tosses, axis=0)).var()
        assert noise.ceiling[0] == pytest.approx(
            1 - noise.deviation[0] ** 2 / times / variance
        )
        assert noise.ceiling[0] == pytest.approx(
            1 - sigma**2 / times / variance, abs=0.1
        )


def test_each_output_has_noise_of_its_own() -> None:
    explanation = explain(
        Tossed(twofold, sigma=(0.2, 3.0)), 400, method=Quick(), held_out=60
    )
    assert explanation.noise is not None
    assert explanation.noise.deviation == pytest.approx((0.2, 3.0), rel=0.25)
    assert len(explanation.noise.ceiling) == 2


def test_the_mean_of_more_seeds_has_a_higher_ceiling() -> None:
    ceilings = []
    for repeats in (1, 3):
        noise = explain(
            Tossed(sigma=3.0, repeats=repeats), 400, method=Quick(), held_out=40
        ).noise
        assert noise is not None
        ceilings += noise.ceiling
    assert ceilings[1] > ceilings[0] + 0.05


def test_noise_is_not_measured_where_there_is_none_or_nothing_was_repeated() -> None:
    assert explain(Tossed(seeded=False), 100, method=Quick()).noise is None
    assert explain(Tossed(), 100, method=Quick(), held_out=0).noise is None
    assert explain(Tossed(n=4), 16).noise is None


@pytest.mark.parametrize(("budget", "again"), [(100, 16), (20, 4), (18, 2)])
def test_all_masks_and_some_again_measure_noise_too(budget: int, again: int) -> None:
    game = Tossed(n=4)
    explanation = explain(game, budget)
    assert explanation.account.method == "exact"
    assert (explanation.account.calls, explanation.account.reused) == (16 + again, 0)
    assert sorted(number for number, _ in game.asked) == [0] * 16 + [1] * again
    assert explanation.noise is not None
    assert explanation.noise.repeated == again
    if again == 16:
        assert explanation.noise.deviation[0] == pytest.approx(0.5, rel=0.25)


def test_all_masks_under_three_seeds_are_their_mean() -> None:
    game = Tossed(n=4, repeats=3)
    explanation = explain(game, 50)
    assert explanation.account.calls == 48
    everything = designs.everything(4)
    np.testing.assert_allclose(
        explanation.spectrum.predict(everything), game.value(everything), atol=1e-10
    )
    assert explanation.noise is not None
    assert explanation.noise.repeated == 32


# Repetitions.


def test_repetitions_are_evaluated_one_seed_at_a_time_and_averaged() -> None:
    game, masks = Tossed(n=6, repeats=3), designs.uniform(6, 20, seed=0)
    packed = mask_algebra.pack(masks)
    with Ledger() as ledger:
        repetitions = Repetitions(game, ledger)
        assert repetitions.deviation is None
        values = repetitions.packed_values(packed)
        assert (repetitions.paid, repetitions.reused, repetitions.passes) == (60, 0, 3)
        again = Repetitions(game, ledger)
        assert again.packed_values(packed).tobytes() == values.tobytes()
        assert (again.paid, again.reused, again.passes) == (0, 60, 0)
    np.testing.assert_allclose(values, Tossed(n=6, repeats=3).value(masks), atol=1e-12)
    tosses = np.array([game.noise(masks, (20,), number) for number in range(3)])
    assert repetitions.deviation == pytest.approx(
        [np.sqrt(tosses.var(axis=0, ddof=1).mean())]
    )
    assert repetitions.repeated == again.repeated == 40


def test_more_repetitions_pay_only_for_the_new_ones() -> None:
    packed = mask_algebra.pack(designs.uniform(6, 20, seed=0))
    with Ledger() as ledger:
        Repetitions(Tossed(n=6), ledger).packed_values(packed)
        more = Repetitions(Tossed(n=6, repeats=3), ledger)
        more.packed_values(packed)
        assert (more.paid, more.reused) == (40, 20)


def test_masks_asked_for_again_are_not_counted_as_reused() -> None:
    packed = mask_algebra.pack(designs.uniform(6, 20, seed=0))
    with Ledger() as ledger:
        repetitions = Repetitions(Tossed(n=6), ledger)
        repetitions.packed_values(packed)
        repetitions.again(packed[:8], 2)
        assert (repetitions.paid, repetitions.reused, repetitions.repeated) == (
            28,
            0,
            8,
        )
        assert repetitions.deviation is not None


@pytest.mark.parametrize(("n", "repeats"), [(12, 1), (12, 3), (4, 1), (4, 3)])
def test_progress_ends_with_all_that_was_asked_for(n: int, repeats: int) -> None:
    told: list[tuple[int, int]] = []
    explanation = explain(
        Tossed(n=n, repeats=repeats),
        150,
        method="auto" if n == 4 else Quick(),
        progress=lambda done, total: told.append((done, total)),
    )
    spent = explanation.account.calls
    assert told == sorted(told)
    assert {total for _, total in told} == {spent}
    assert told[-1] == (spent, spent)


# The ledger.


@pytest.mark.parametrize(("n", "repeats"), [(12, 0), (12, 1), (12, 3), (4, 1)])
def test_what_a_ledger_holds_is_not_paid_for_again_and_gives_the_same_bits(
    tmp_path: Path, n: int, repeats: int
) -> None:
    def explained(ledger: Path | None) -> tuple[Explanation, Tossed]:
        game = Tossed(n=n, seeded=repeats > 0, repeats=max(1, repeats), remark=FEW)
        return (
            explain(game, 150, method="auto" if n == 4 else Quick(), ledger=ledger),
            game,
        )

    first, _ = explained(tmp_path / "runs.db")
    second, game = explained(tmp_path / "runs.db")
    assert game.asked == []
    assert (first.account.reused, second.account.calls) == (0, 0)
    assert second.account.reused == first.account.calls > 0
    assert bits(first) == bits(second) == bits(explained(None)[0])
    assert any(FEW in caveat for caveat in first.details["caveats"])


def test_a_larger_share_under_the_same_seed_reuses_what_was_paid(
    tmp_path: Path,
) -> None:
    first = explain(
        Tossed(), 100, method=Quick(), ledger=tmp_path / "runs.db", held_out=10
    )
    more = explain(
        Tossed(repeats=2), 200, method=Quick(), ledger=tmp_path / "runs.db", held_out=10
    )
    assert first.account.calls == 100
    assert more.account.calls + more.account.reused == 200
    assert more.account.reused >= 80


def test_a_remark_is_told_with_how_often_it_was_made() -> None:
    game, solver = Tossed(remark=FEW), Quick()
    explanation = explain(game, 150, method=solver)
    few = sum(np.frombuffer(mask, np.bool_).sum() < 4 for _, mask in game.asked)
    assert 0 < few < 75
    assert explanation.details["caveats"] == [f"of 150 calls, {few}: {FEW}"]
    assert f"caveat: of 150 calls, {few}: {FEW}" in " ".join(plain(explanation).split())


@pytest.mark.parametrize(("n", "budget"), [(12, 150), (5, 36)])
def test_remarks_on_what_another_run_paid_for_are_not_this_runs(
    tmp_path: Path, n: int, budget: int
) -> None:
    def explained(budget: int, repeats: int, ledger: Path | None) -> Explanation:
        method: Any = Quick() if n == 12 else "auto"
        game = Tossed(n=n, repeats=repeats, remark=FEW)
        return explain(game, budget, method=method, ledger=ledger)

    explained(400, 3, tmp_path / "runs.db")
    beside, alone = (
        explained(budget, 1, tmp_path / "runs.db"),
        explained(budget, 1, None),
    )
    assert beside.details["caveats"] == alone.details["caveats"]


def remarked(path: Path, game: Tossed) -> list[str]:
    with Ledger(path) as ledger:
        return ledger.remarks(
            game.with_seed(0).key, mask_algebra.pack(designs.everything(game.n))
        )


def test_remarks_stay_in_the_ledger_file(tmp_path: Path) -> None:
    game = Tossed(n=6, remark=FEW)
    explain(game, 64, ledger=tmp_path / "runs.db")
    assert remarked(tmp_path / "runs.db", game) == [FEW] * 7  # nothing, and one of six


def test_a_ledger_from_before_there_were_remarks_is_upgraded(tmp_path: Path) -> None:
    game, everything = (
        Tossed(n=6, remark=FEW),
        mask_algebra.pack(designs.everything(6)),
    )
    before = explain(game, 64, ledger=tmp_path / "runs.db")
    with Ledger(tmp_path / "runs.db") as ledger:
        values = [
            value
            for value in ledger.lookup(game.with_seed(0).key, everything)
            if value is not None
        ]
    path = tmp_path / "old.db"
    with closing(sqlite3.connect(path)) as connection:
        connection.executescript(
            "CREATE TABLE games (id INTEGER PRIMARY KEY, fingerprint TEXT NOT NULL"
            " UNIQUE);CREATE TABLE ablations (game INTEGER NOT NULL, mask BLOB NOT"
            " NULL, value BLOB NOT NULL, PRIMARY KEY (game, mask)) WITHOUT ROWID;PRAGMA"
            " application_id = 1397774412; PRAGMA user_version = 1;"
        )
        connection.execute("INSERT INTO games VALUES (1, ?)", (game.with_seed(0).key,))
        rows = [
            (mask.tobytes(), value.tobytes())
            for mask, value in zip(everything, values, strict=True)
        ]
        connection.executemany("INSERT INTO ablations VALUES (1, ?, ?)", rows)
        connection.commit()
    after = explain(game, 64, ledger=path)
    assert (after.account.calls, after.account.reused) == (0, 64)
    assert after.spectrum.values.tobytes() == before.spectrum.values.tobytes()
    assert remarked(path, game) == []
    with closing(sqlite3.connect(path)) as connection:
        assert connection.execute("PRAGMA user_version").fetchone() == (4,)
    explain(Tossed(n=6, repeats=2, remark=FEW), 128, ledger=path)
    with Ledger(path) as ledger:
        assert ledger.remarks(game.with_seed(1).key, everything) == [FEW] * 7


# The file of an explanation.


@pytest.mark.parametrize("function", [paired, twofold])
@pytest.mark.parametrize("n", [4, 12])
def test_a_saved_explanation_keeps_what_was_judged(
    tmp_path: Path, function: Function, n: int
) -> None:
    game = Tossed(function, n, remark=FEW)
    explanation = explain(game, 120, method="auto" if n == 4 else Quick())
    explanation.save(tmp_path / "x.json")
    loaded = Explanation.load(tmp_path / "x.json")
    assert bits(loaded) == bits(explanation)
    assert loaded.account == explanation.account
    assert plain(loaded) == plain(explanation)
    assert loaded.to_json() == explanation.to_json()
    assert loaded.noise is not None
    assert (loaded.held_out is None) == (n == 4)
