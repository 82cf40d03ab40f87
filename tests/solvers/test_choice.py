"""Any number of candidates and any budget has a solver that works, or one line that is
true.
"""

import numpy as np
import pytest
from numpy.typing import NDArray
from typer.testing import CliRunner

from spexlens import Game, explain
from spexlens.budget.allocation import allocate
from spexlens.budget.request import Request
from spexlens.cli import app
from spexlens.errors import InvalidInput
from spexlens.masks import designs
from spexlens.masks import masks as mask_algebra
from spexlens.solvers.choice import MOST_CANDIDATES, choose_solver
from spexlens.solvers.proxyspex.solver import ProxySpex
from spexlens.spectrum.indices import interaction_index
from spexlens.spectrum.spectrum import Spectrum
from spexlens.transform.subspace import Design

Masks = NDArray[np.bool_]


def pair(masks: Masks) -> NDArray[np.float64]:
    return 1.0 * (masks[:, 0] & masks[:, -1])


def never(masks: Masks) -> NDArray[np.float64]:
    raise AssertionError("nothing is to be asked for")


def planned(*options: object) -> tuple[str, str]:
    """What `spexlens plan` prints, and the error that it ends with."""
    result = CliRunner().invoke(app, ["plan", *map(str, options)])
    return result.output, str(result.exception or "")


@pytest.mark.parametrize(
    ("n", "budget"), [(2001, 2000), (2500, 10_000), (6000, 3000), (20_000, 25_000)]
)
def test_auto_takes_spex_where_there_are_more_candidates_than_proxies_take(
    n: int, budget: int
) -> None:
    solver = choose_solver("auto", n, budget)
    assert solver.name == "spex"
    assert solver.outline(n, budget, seed=0).total == budget
    printed, error = planned("-n", n, "--budget", budget, "--checks", 0)
    assert not error
    assert f"budget      {budget}\n" in printed


@pytest.mark.parametrize("budget", [10_000, 1 << 21, (1 << 21) + 5, 1 << 40])
def test_auto_is_never_exact_where_masks_are_too_many_to_list_and_still_works(
    budget: int,
) -> None:
    solver = choose_solver("auto", 21, budget)
    assert solver.name == ("auto" if budget == 10_000 else "spex")
    assert solver.outline(21, budget, seed=0).total == min(budget, 1 << 21)


@pytest.mark.parametrize(
    ("options", "error"),
    [
        (
            ("-n", 40, "--budget", 10**9),
            "spex holds at most 3355443 masks of 40 candidates in memory",
        ),
        (
            ("-n", 25, "--budget", 1 << 25),
            "spex holds at most 3702558 masks of 25 candidates",
        ),
        (
            ("-n", 40, "--budget", 10**18, "--method", "proxyspex"),
            "proxyspex holds at most 838860 masks",
        ),
        (
            ("-n", 25, "--budget", 1 << 25, "--method", "exact"),
            "exact takes at most 20 candidates",
        ),
        (("-n", 40, "--budget", 3_000_000, "--checks", 2_999_900), ""),
        (
            ("-n", 10**12),
            (
                f"at most {MOST_CANDIDATES} candidates can be explained at once; there"
                f" are 10{'0' * 11}"
            ),
        ),
        (
            ("-n", 1, "--budget", 1),
            "exact needs at least 2 calls for 1 candidate; the budget is 1",
        ),
        (("-n", 9, "--budget", 10**18), ""),
        (("-n", 9, "--budget", 10**19), "below 2^63"),
    ],
)
def test_a_plan_is_told_at_once(
    options: tuple[object, ...], error: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for where, name in (
        (designs, "packed_uniform"),
        (designs, "everything"),
        (Design, "draw"),
    ):
        monkeypatch.setattr(where, name, never)  # a plan is arithmetic
    assert error in planned(*options)[1]
    assert bool(planned(*options)[0]) == (not error)


def test_an_outline_is_what_the_plan_becomes() -> None:
    for method, n, budget in (
        ("auto", 9, 300), ("auto", 9, 1000), ("auto", 30, 64), ("auto", 30, 2500), ("spex", 30, 700),
        ("spex", 9, 600), ("proxyspex", 9, 600), ("exact", 4, 20), ("proxyspex", 30, 20),
    ):  # fmt: skip
        solver = choose_solver(method, n, budget)
        outline, plan = (
            solver.outline(n, budget, seed=1),
            solver.plan(n, budget, seed=1),
        )
        assert (outline.method, outline.total, outline.design) == (
            plan.method,
            plan.total,
            plan.design,
        )


def test_nearly_all_masks_can_be_drawn() -> None:
    count = (1 << 21) - 3
    packed = designs.packed_uniform(21, count, seed=0)
    assert packed.shape == (count, 3)
    seen = np.bincount(
        mask_algebra.to_index(mask_algebra.unpack(packed, 21)), minlength=1 << 21
    )
    assert seen.max() == 1
    np.testing.assert_array_equal(
        packed[:5000], designs.packed_uniform(21, 5000, seed=0)
    )


@pytest.mark.parametrize("budget", [8, 9, 100, 10**6, 10**18, (1 << 63) - 1])
def test_more_calls_than_masks_are_exact_and_the_account_says_what_was_spent(
    budget: int,
) -> None:
    explanation = explain(Game(pair, 3), budget)
    assert (explanation.account.method, explanation.account.budget) == ("exact", budget)
    assert explanation.calls == (8 if budget < 64 else 10)  # two are asked twice
    assert "to check" not in explanation.account.design


@pytest.mark.parametrize("method", ["spex", "proxyspex"])
def test_where_all_masks_are_asked_for_nothing_is_said_to_be_checked(
    method: str,
) -> None:
    explanation = explain(Game(pair, 5), 10**6, method=method)
    assert explanation.calls == 34
    assert "to check" not in explanation.account.design
    assert explanation.checks is None


def test_masks_of_checks_beyond_memory_are_refused() -> None:
    request = Request(3_000_000 + 10**7, method=ProxySpexOfAny(), checks=10**7)
    with pytest.raises(
        InvalidInput,
        match="10000000 masks beside those of the fit are more than memory holds",
    ):
        allocate(Game(never, 40), request)


class ProxySpexOfAny(ProxySpex):
    """Says that it holds any number of masks."""

    def most(self, n: int) -> int:
        return 1 << 62


def test_stopping_early_begins_with_as_many_masks_as_proxies_need() -> None:
    explanation = explain(Game(pair, 180), 130, until="stable", checks=0)
    assert 90 <= explanation.calls <= 130


@pytest.mark.parametrize(("n", "budget"), [(5000, 1500), (1000, 300)])
def test_stopping_early_is_refused_where_auto_takes_spex(n: int, budget: int) -> None:
    with pytest.raises(
        InvalidInput, match=f"for {n} candidates and {budget} calls auto takes spex"
    ):
        explain(Game(never, n), budget, until="stable")


@pytest.mark.parametrize("index", ["moebius", "bii", "sii", "stii", "fbii", "fsii"])
def test_any_order_beyond_the_candidates_lists_everything(index: str) -> None:
    spectrum = Spectrum.of(6, {(): 1.0, (2,): 0.5, (0, 1, 4): 0.25})
    everything = interaction_index(spectrum, index, 6)
    for order in (7, 99, 10**18):
        found = interaction_index(spectrum, index, order)
        assert dict(found) == dict(everything)


def test_subsets_that_memory_does_not_hold_are_refused_in_one_line() -> None:
    wide = Spectrum.of(40, {tuple(range(40)): 1.0})
    with pytest.raises(
        InvalidInput,
        match="1099511627776 subsets of up to 40 members, more than can be listed",
    ):
        interaction_index(wide, "moebius", 99)
    assert len(interaction_index(wide, "moebius", 2)) == 1 + 40 + 780
