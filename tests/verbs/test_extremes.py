"""The size of answers changes nothing but the unit of what is found, or is refused in a
line.
"""

import json
import math
import os
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from io import StringIO
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from rich.console import Console

from spexlens import Explanation, Game, Ledger, explain
from spexlens.cli.outputs import refuse_closed
from spexlens.errors import InvalidInput, ResultError
from spexlens.masks.designs import everything, uniform
from spexlens.report.terminal.page import listing, render
from spexlens.solvers.exact import Exact
from spexlens.solvers.proxyspex.proxies.linear import Linear
from spexlens.solvers.proxyspex.solver import ProxySpex
from spexlens.solvers.solver import Solver
from spexlens.solvers.spex import Spex
from spexlens.spectrum.indices import INDICES, interaction_index
from spexlens.spectrum.scores import r_squared
from spexlens.spectrum.sizes import LARGEST, SMALLEST, Sizes
from spexlens.spectrum.spectrum import Spectrum
from spexlens.spectrum.subsets.best import optimum
from spexlens.spectrum.subsets.smallest import minimal
from spexlens.spectrum.uncertainty import ProductPrior, Uncertainty

Masks = NDArray[np.bool_]
Array = NDArray[np.float64]
Function = Callable[[Masks], Array]


def planted(masks: Masks) -> Array:
    """Pairs, a candidate alone, and something of every order."""
    m = masks.astype(np.float64)
    weights = np.random.default_rng(5).normal(size=m.shape[1])
    return 2.0 * m[:, 0] * m[:, 1] - 1.5 * m[:, 2] + np.tanh(m @ weights)


def eighths(masks: Masks) -> Array:
    """Answers that are multiples of 1/8: exact beside 1e15."""
    m = masks.astype(np.float64)
    return 2.0 * m[:, 0] * m[:, 1] - 1.5 * m[:, 4] + m[:, 2] * m[:, 3]


def both(masks: Masks) -> Array:
    """Two outputs."""
    return np.stack([planted(masks), 100.0 * planted(masks[:, ::-1]) + 7.0], axis=1)


class Noisy(Game):
    """Answers differ from call to call, in the same way in each new game."""

    def __init__(self, function: Function, n: int, unit: float) -> None:
        rng = np.random.default_rng(1)

        def value(masks: Masks) -> Array:
            answers = function(masks)
            return unit * (answers + 0.2 * rng.normal(size=answers.shape))

        super().__init__(value, n)


def content(explanation: Explanation) -> dict[str, Any]:
    """What is saved, but for how long it took."""
    saved: dict[str, Any] = json.loads(explanation.to_json())
    del saved["account"]["seconds"]
    return saved


_WITH_A_UNIT = {
    "coefficients", "whole", "empty", "effect", "interval", "measured", "measured_interval", "said", "here",
    "there", "change", "low", "high", "deviation", "threshold", "predicted", "answered",
}  # fmt: skip
"""What is an effect, or an answer; all else is the same at any size."""


def in_unit(part: Any, unit: float, name: str = "") -> Any:
    """Saved content with every effect and answer so many times as large."""
    if isinstance(part, dict):
        return {key: in_unit(each, unit, key) for key, each in part.items()}
    if isinstance(part, list):
        return [in_unit(each, unit, name) for each in part]
    return part * unit if name in _WITH_A_UNIT and part is not None else part


def squared(
    uncertainty: list[dict[str, Any]] | None, unit: float
) -> list[dict[str, Any]]:
    """The same of uncertainties, which are of squares."""
    return [
        {
            "noise": each["noise"] * unit * unit,
            "masks": each["masks"],
            "priors": [
                {**prior, "scale": prior["scale"] * unit * unit}
                for prior in each["priors"]
            ],
        }
        for each in uncertainty or []
    ]


def assert_same_but_for_the_unit(
    one: Explanation, other: Explanation, unit: float
) -> None:
    mine, theirs = content(one), content(other)
    assert theirs.pop("uncertainty") == squared(mine.pop("uncertainty"), unit)
    assert theirs == in_unit(mine, unit)
    for output in range(len(one.faithfulness.r2)):
        assert (
            other.importance(output=output).tolist()
            == one.importance(output=output).tolist()
        )
        for index in INDICES:
            pairs = zip(
                *(e.interactions(index, 3, output=output) for e in (one, other)),
                strict=True,
            )
            for known, found in pairs:
                assert (found.members, found.share, found.audible) == (
                    known.members,
                    known.share,
                    known.audible,
                )
                assert found.effect == known.effect * unit
                low, high = known.interval or (0.0, 0.0)
                assert (found.interval or (0.0, 0.0)) == (low * unit, high * unit)


def shown(explanation: Explanation) -> str:
    """The terminal's page, and a listing of every index."""
    page = Console(file=StringIO(), width=110)
    for output in range(len(explanation.faithfulness.r2)):
        page.print(render(explanation, output=output))
        for index in INDICES:
            page.print(listing(explanation, index, 3, output=output))
    assert isinstance(page.file, StringIO)
    return page.file.getvalue()


# Games of any size.


@pytest.mark.parametrize("power", [-450, 450])
@pytest.mark.parametrize("function", [planted, both])
def test_an_explanation_is_the_same_at_any_size(
    function: Function, power: int, tmp_path: Path
) -> None:
    unit = 2.0**power
    arguments: dict[str, Any] = {"held_out": 24, "method": ProxySpex([Linear(2)])}
    if function is planted:
        arguments |= {"smallest": 0.5}

    def made(unit: float) -> Explanation:
        other = Noisy(
            lambda masks: function(masks) + 0.3 * function(masks[:, ::-1]), 10, unit
        )
        ordinary = [unit * 1.5, unit * 2.5, unit * 0.1] if function is planted else []
        return explain(
            Noisy(function, 10, unit),
            240,
            against=[other],
            ordinary=ordinary,
            **arguments,
        )

    one, other = made(1.0), made(unit)
    assert_same_but_for_the_unit(one, other, unit)
    other.save(tmp_path / "result.json")
    assert repr(Explanation.load(tmp_path / "result.json")) == repr(other)


@pytest.mark.parametrize("power", [-300, 460])
def test_the_default_proxies_find_the_same_at_any_size(power: int) -> None:
    unit = 2.0**power
    one, other = (
        explain(Game(lambda masks, u=u: u * planted(masks), 12), 100)
        for u in (1.0, unit)
    )
    assert_same_but_for_the_unit(one, other, unit)


@settings(max_examples=25, deadline=None)
@given(power=st.integers(-900, 900), vector=st.booleans())
def test_a_size_is_explained_alike_or_refused_in_a_line(
    power: int, vector: bool
) -> None:
    function = both if vector else planted
    values = 2.0**power * function(everything(4)).reshape(16, -1)
    game = Game(lambda masks: 2.0**power * function(masks), 4)
    if np.abs(values).max() > LARGEST or np.ptp(values, axis=0).min() < SMALLEST:
        with pytest.raises(
            InvalidInput, match=r"^the game.* cannot be squared; .* by 1e\d+$"
        ):
            explain(game, 64)
    else:
        assert_same_but_for_the_unit(
            explain(Game(function, 4), 64), explain(game, 64), 2.0**power
        )


@pytest.mark.parametrize("size", [1e-100, 1e-12, 1e12, 1e100])
def test_a_page_says_how_large_effects_are(size: float) -> None:
    explanation = explain(Game(lambda masks: size * planted(masks), 6), 64)
    strongest = explanation.interactions()[0]
    page = shown(explanation)
    assert f"{strongest.effect:+.3g}" in page
    assert explanation.whole is not None
    assert f"the function answers {explanation.whole[0]:+.3g} (value)." in page
    assert max(map(len, page.splitlines())) <= 110
    assert "nan" not in page
    assert "inf" not in page


def test_a_page_of_ordinary_effects_keeps_to_three_decimals() -> None:
    explanation = explain(Game(planted, 6), 64)
    strongest = explanation.interactions()[0]
    assert f"{strongest.effect:+.3f}" in shown(explanation)


@pytest.mark.parametrize("size", [1e145, 1e160, 1e200, 1e300])
def test_answers_that_cannot_be_squared_are_refused_after_the_first_batch(
    size: float, tmp_path: Path
) -> None:
    asked: list[int] = []

    def value(masks: Masks) -> Array:
        asked.append(len(masks))
        return size * planted(masks)

    with Ledger(tmp_path / "ledger.db") as ledger:
        with pytest.raises(
            InvalidInput, match=r"cannot be squared; divide them by 1e\d+$"
        ):
            explain(Game(value, 20, fingerprint="huge"), 300, ledger=ledger)
        assert len(asked) == 1
        assert len(ledger) == asked[0]  # nothing that was paid for is lost
        # nor is it paid for again
        with pytest.raises(InvalidInput, match="cannot be squared"):
            explain(Game(value, 20, fingerprint="huge"), 300, ledger=ledger)
        assert len(asked) == 1


@pytest.mark.parametrize("size", [1e-145, 1e-200, 1e-300, 1e-310])
def test_differences_that_cannot_be_squared_are_refused_after_the_first_batch(
    size: float,
) -> None:
    asked: list[int] = []

    def value(masks: Masks) -> Array:
        asked.append(len(masks))
        return np.stack([planted(masks), size * planted(masks)], axis=1)

    with pytest.raises(
        InvalidInput,
        match=r"answers of output small differ by .*; multiply them by 1e\d+$",
    ):
        explain(Game(value, 20, outputs=["large", "small"]), 300)
    assert sum(asked) <= 84  # the first 80, and two asked twice


def test_what_other_ways_to_ablate_answer_too_large_is_said_and_loses_nothing() -> None:
    huge = Game(lambda masks: 1e200 * planted(masks), 10)
    explanation = explain(
        Game(planted, 10), 160, against=[huge], method=ProxySpex([Linear(1)])
    )
    assert any(
        "answers of more than 1e+140 cannot be squared" in told
        for told in explanation.details["caveats"]
    )


def test_answers_that_are_too_many_times_as_large_as_others_are_said_to_be() -> None:
    far = Game(lambda masks: 1e120 * planted(masks), 10)
    small = Game(lambda masks: 1e-120 * planted(masks), 10)
    explanation = explain(small, 160, against=[far], method=ProxySpex([Linear(1)]))
    assert any(
        "take the logarithm of them" in told for told in explanation.details["caveats"]
    )


def test_outputs_of_very_different_sizes_are_each_explained_as_alone() -> None:
    units = (1e-8, 1e8, 1e-100, 1e100)
    functions = [
        lambda masks, j=j: planted(np.roll(masks, j, axis=1)) for j in range(len(units))
    ]
    together = explain(
        Game(
            lambda m: np.stack(
                [u * f(m) for u, f in zip(units, functions, strict=True)], axis=1
            ),
            5,
        ),
        64,
    )
    for output, (unit, function) in enumerate(zip(units, functions, strict=True)):
        alone = explain(Game(lambda masks, u=unit, f=function: u * f(masks), 5), 64)
        found = [
            (i.members, i.effect)
            for i in together.interactions(order=None, output=output)
        ]
        expected = [(i.members, i.effect) for i in alone.interactions(order=None)]
        for (members, effect), (known, size) in zip(found, expected, strict=False):
            assert effect == pytest.approx(size, rel=1e-9, abs=1e-12 * unit)
            assert members == known


# What all answers have in common.


@pytest.mark.parametrize(
    ("common", "n", "budget"), [(1e15, 20, 300), (-(2.0**50), 5, 64), (1e12, 5, 64)]
)
def test_what_answers_have_in_common_does_not_spoil_the_fit(
    common: float, n: int, budget: int
) -> None:
    one = explain(Game(eighths, n), budget)
    other = explain(Game(lambda masks: common + eighths(masks), n), budget)
    assert other.faithfulness.r2[0] == pytest.approx(one.faithfulness.r2[0], abs=1e-9)
    # by members: of those of the same effect, rounding decides which comes first
    by_members = {found.members: found for found in other.interactions()}
    for mine in one.interactions():
        if mine.share > 1e-6:
            theirs = by_members[mine.members]
            assert theirs.effect == pytest.approx(mine.effect, rel=1e-6)
            assert theirs.share == pytest.approx(mine.share, rel=1e-6)
    fresh = uniform(n, 30, seed=9)
    found = other.spectrum.predict(fresh)
    assert r_squared(eighths(fresh), found - common) > 0.99
    rounded = [
        told for told in other.details.get("caveats", []) if "take from them" in told
    ]
    assert bool(rounded) == (abs(common) > 1e14)
    assert other.best_subset(2).members == one.best_subset(2).members
    assert other.best_subset(2).value == pytest.approx(
        common + one.best_subset(2).value, abs=0.25
    )
    assert other.best_subset(2).proved
    for kind in ("sufficient", "necessary"):
        mine, theirs = (getattr(each, kind)(0.9) for each in (one, other))
        assert theirs.members == mine.members
        assert theirs.threshold == pytest.approx(common + mine.threshold, abs=0.25)
    assert "nan" not in shown(other)


def test_smallest_sets_are_confirmed_whatever_answers_have_in_common() -> None:
    one, other = (
        explain(Game(lambda masks, c=c: c + eighths(masks), 6), 100, smallest=0.8)
        for c in (0.0, 1e15)
    )
    assert [(s.kind, s.members, s.holds) for s in other.smallest] == [
        (s.kind, s.members, s.holds) for s in one.smallest
    ]
    for mine, theirs in zip(one.smallest, other.smallest, strict=True):
        assert theirs.answered == pytest.approx(1e15 + (mine.answered or 0.0))


@pytest.mark.parametrize(("common", "unit"), [(1e6, 1e-12), (1e17, 1.0), (1.0, 1e-17)])
def test_answers_that_are_the_same_are_explained_by_nothing(
    common: float, unit: float
) -> None:
    for n in (4, 12):
        explanation = explain(Game(lambda masks: common + unit * planted(masks), n), 64)
        assert explanation.interactions() == []
        assert explanation.spectrum.predict(
            everything(4)[:, :n] if n == 4 else uniform(n, 9, 0)
        ) == pytest.approx(common)
        assert math.isfinite(explanation.faithfulness.r2[0])
        assert "nan" not in explanation.to_json()


def test_answers_that_differ_by_their_rounding_alone_are_said_to() -> None:
    game = Game(lambda masks: 1e16 + 2.0 * masks[:, 0], 4)
    explanation = explain(game, 64)
    assert explanation.interactions() == []
    assert any(
        "by no more than their rounding" in told
        for told in explanation.details["caveats"]
    )


# The floors below.


@given(
    power=st.integers(-900, 900),
    rows=st.integers(1, 6),
    outputs=st.integers(1, 3),
    seed=st.integers(0, 99),
    common=st.sampled_from([0.0, 1e3, 1e15, -1e18]),
)
def test_sizes_bring_answers_to_one_and_back_bit_for_bit(
    power: int, rows: int, outputs: int, seed: int, common: float
) -> None:
    values = 2.0**power * (
        common + np.random.default_rng(seed).normal(size=(rows, outputs))
    )
    sizes = Sizes.of(values)
    down = sizes.down(values)
    assert (sizes.up(down) == values).all()
    assert (np.frexp(sizes.unit)[0] == 0.5).all()
    varied = sizes.unit != 1.0
    largest = np.abs(down).max(axis=0)
    assert ((largest[varied] >= 1.0) & (largest[varied] < 2.0)).all()
    assert (Sizes.of(down).unit[varied] == 1.0).all()


def test_a_zero_keeps_its_sign() -> None:
    values = np.array([-0.0, 0.0, 3.0])
    sizes = Sizes.of(values)
    assert np.signbit(sizes.up(sizes.down(values))).tolist() == [True, False, False]


@pytest.mark.parametrize("solver", [ProxySpex([Linear(1), Linear(2)]), Spex(), Exact()])
@pytest.mark.parametrize("power", [-600, -450, 450, 600])
def test_a_solver_fits_any_size_alike(solver: Solver, power: int) -> None:
    n, unit = (6, 2.0**power) if solver.name == "exact" else (12, 2.0**power)
    packed = solver.plan(n, 64 if n == 6 else 100, seed=0).packed
    masks = np.unpackbits(packed, axis=1, count=n, bitorder="little").astype(np.bool_)
    values = both(masks)
    one, other = (solver.fit_packed(packed, n, u * values, seed=0) for u in (1.0, unit))
    assert list(other.spectrum.sets) == list(one.spectrum.sets)
    assert (other.spectrum.values == unit * one.spectrum.values).all()
    assert other.faithfulness == one.faithfulness
    assert other.details == one.details
    if abs(power) < 500:  # beyond, squares are the largest float, or none
        assert other.uncertainty == tuple(each.times(unit) for each in one.uncertainty)
    assert all(math.isfinite(each.noise) for each in other.uncertainty)


@settings(deadline=None)
@given(power=st.integers(-480, 480), noise=st.floats(0, 10), scale=st.floats(0, 10))
def test_intervals_are_in_the_unit_of_the_values(
    power: int, noise: float, scale: float
) -> None:
    # squares of the least do vanish
    noise, scale = (0.0 if each < 1e-6 else each for each in (noise, scale))
    unit, rho = 2.0**power, np.array([0.5, 0.1, 0.9, 0.0])
    spectrum = Spectrum.of(4, {(): 3.0, (0,): 1.0, (0, 1): -0.5, (0, 1, 2): 0.25})
    uncertainty = Uncertainty(
        noise, 20, (ProductPrior(scale, rho), ProductPrior(0.1 * scale, rho**2))
    )
    larger = Spectrum(spectrum.sets, unit * spectrum.values)
    for index in INDICES:
        widths = uncertainty.half_widths(
            spectrum, index, interaction_index(spectrum, index, 2), 2
        )
        wider = uncertainty.times(unit).half_widths(
            larger, index, interaction_index(larger, index, 2), 2
        )
        assert (wider == unit * widths).all()
    known = uncertainty.variances(spectrum.sets)
    assert (
        uncertainty.times(unit).variances(spectrum.sets) == known * unit * unit
    ).all()


@pytest.mark.parametrize("common", [1e15, -1e15])
def test_a_mean_that_hides_all_else_changes_no_subset_and_no_prediction(
    common: float,
) -> None:
    members = {(0,): 1.0, (1,): -2.0, (0, 3): 0.5, (2, 5, 7): 1.5, (6,): 0.25}
    for n in (8, 25):
        plain, hidden = Spectrum.of(n, members), Spectrum.of(n, {(): common, **members})
        fresh = uniform(n, 100, seed=3)
        assert hidden.predict(fresh) == pytest.approx(
            common + plain.predict(fresh), abs=0.13
        )
        for largest in (True, False):
            mine, theirs = (
                optimum(each, 3, largest=largest) for each in (plain, hidden)
            )
            assert theirs.members == mine.members
            assert theirs.proved == mine.proved
        best = optimum(plain, 4).value
        mine, theirs = minimal(plain, best), minimal(hidden, common + best)
        assert theirs.members == mine.members
        assert theirs.value == pytest.approx(common + mine.value, abs=0.13)


def test_a_mean_that_hides_nothing_is_left_where_it_is() -> None:
    spectrum = Spectrum.of(3, {(): 1e4, (0,): 1.0})
    rest, common = spectrum.apart
    assert rest is spectrum
    assert common == 0.0
    several = Spectrum.of(3, {(): [1e4, 1e12], (0,): [1.0, 1.0]})
    assert several.apart[1].tolist() == [0.0, 1e12]
    assert several.apart[0][()].tolist() == [1e4, 0.0]


# Files and streams.


@pytest.fixture(scope="module")
def saved(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("saved") / "result.json"
    explain(Game(planted, ["ünï", "×", "😀", "word"]), 64).save(path)
    return path


def spexlens(*arguments: str, **streams: Any) -> subprocess.CompletedProcess[bytes]:
    code = "from spexlens.cli import main; main()"
    return subprocess.run(
        [sys.executable, "-c", code, *arguments],
        stderr=subprocess.PIPE,
        check=False,
        **streams,
    )


def test_names_are_not_lost_on_a_stream_that_cannot_encode_them(saved: Path) -> None:
    for encoding, read in (("ascii", "utf-8"), ("latin-1", "latin-1")):
        other = {**os.environ, "PYTHONIOENCODING": encoding, "PYTHONUTF8": "0"}
        run = spexlens("show", str(saved), "--json", stdout=subprocess.PIPE, env=other)
        assert run.returncode == 0
        assert json.loads(run.stdout.decode(read)) == json.loads(
            saved.read_text(encoding="utf-8")
        )
    page = spexlens("show", str(saved), stdout=subprocess.PIPE, env=other)
    assert (page.returncode, page.stderr) == (0, b"")
    assert "ünï".encode("latin-1") in page.stdout


@pytest.mark.skipif(
    not Path("/dev/full").exists(), reason="there is no device that is full"
)
def test_a_full_disk_behind_standard_output_is_a_line(saved: Path) -> None:
    with Path("/dev/full").open("wb") as full:
        run = spexlens("show", str(saved), stdout=full)
    assert run.returncode == 2
    assert run.stderr == b"spexlens: cannot write the output: No space left on device\n"


def test_a_reader_that_leaves_is_no_error(saved: Path) -> None:
    reading, writing = os.pipe()
    os.close(reading)
    run = spexlens("show", str(saved), stdout=writing)
    os.close(writing)
    assert run.returncode == 1
    assert run.stderr == b""


def test_a_closed_pipe_is_refused_before_anything_is_paid_for(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    reading, writing = os.pipe()
    with os.fdopen(writing, "w") as stream:
        monkeypatch.setattr(sys, "stdout", stream)
        refuse_closed()
        os.close(reading)
        with pytest.raises(InvalidInput, match="a pipe that nobody reads: give --out"):
            refuse_closed()
        monkeypatch.undo()


def test_an_explanation_that_holds_no_number_is_not_saved(tmp_path: Path) -> None:
    explanation = explain(Game(planted, 4), 64)
    broken = Spectrum(
        explanation.spectrum.sets, np.full(len(explanation.spectrum), np.nan)
    )
    with pytest.raises(ResultError, match=r"cannot be saved: .* nan"):
        replace(explanation, spectrum=broken, scale="raw").save(tmp_path / "x.json")
    assert list(tmp_path.iterdir()) == []
