"""The smallest set that reaches a threshold: against brute force, and with a bound that
holds.
"""

from itertools import combinations, product
from typing import Any

import numpy as np
import pytest
import scipy.optimize
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from spexlens import Spectrum
from spexlens.errors import InvalidInput
from spexlens.masks.designs import everything
from spexlens.spectrum.subsets import smallest as room
from spexlens.spectrum.subsets.best import optimum
from spexlens.spectrum.subsets.smallest import Minimal, minimal

MODES = list(product((False, True), repeat=2))
MILLIONTH = 1e-6


def random_spectrum(
    n: int, sets: int, seed: int, orders: tuple[int, ...] = (1, 2, 2, 2, 3)
) -> Spectrum:
    """Sets of these orders at random, with coefficients that decay."""
    rng = np.random.default_rng(seed)
    drawn = {
        tuple(sorted(rng.choice(n, min(n, rng.choice(orders)), replace=False)))
        for _ in range(sets)
    }
    sizes = rng.permutation(
        rng.normal(size=len(drawn)) / np.arange(1, len(drawn) + 1) ** 0.8
    )
    return Spectrum.of(n, dict(zip(sorted(drawn), sizes, strict=True)))


def among(n: int, spectrum: Spectrum, positions: NDArray[np.int64]) -> Spectrum:
    """A spectrum's candidates at these positions among n, of which the others do
    nothing.
    """
    return Spectrum.of(
        n,
        {tuple(positions[list(members)]): float(value) for members, value in spectrum},
    )


def best_by_force(
    spectrum: Spectrum, threshold: float, ablate: bool, above: bool
) -> tuple[int, float]:
    """The smallest size that reaches a threshold, and the furthest value of that size."""
    sign, masks = (1.0 if above else -1.0), everything(spectrum.n)
    values = sign * spectrum.predict(masks ^ ablate)
    reaching = values >= sign * threshold - 1e-9 * np.abs(spectrum.values).sum()
    size = int(masks[reaching].sum(axis=1).min())
    return size, sign * float(values[reaching & (masks.sum(axis=1) == size)].max())


def check(
    found: Minimal, spectrum: Spectrum, threshold: float, ablate: bool, above: bool
) -> None:
    """The set is one, it reaches the threshold, and its value is what is predicted
    there.
    """
    mask = np.full(spectrum.n, ablate)
    mask[list(found.members)] = not ablate
    assert found.members == tuple(sorted(set(found.members)))
    assert found.value == pytest.approx(float(spectrum.predict(mask)[0]))
    hair = 2e-9 * float(np.abs(spectrum.values).sum())
    assert found.value >= threshold - hair if above else found.value <= threshold + hair
    assert 0 <= found.least <= len(found.members)


@pytest.mark.parametrize("listed", [20, 0])
@settings(deadline=None, max_examples=40)
@given(data=st.data())
def test_it_is_the_smallest_of_all_masks_that_reach_the_threshold(
    listed: int, data: st.DataObject
) -> None:
    """Whether all masks are listed or, as for more candidates, searched and proved."""
    n = data.draw(st.integers(1, 9))
    orders = tuple(range(n + 1))
    spectrum = random_spectrum(
        n, data.draw(st.integers(1, 25)), data.draw(st.integers(0, 10**6)), orders
    )
    ablate, above = data.draw(st.sampled_from(MODES))
    threshold = float(
        spectrum.predict(everything(n)[data.draw(st.integers(0, 2**n - 1))])[0]
    )
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(room.mask_algebra, "ENUMERABLE", listed)
        patch.setattr(room, "_LISTED", 0)
        found = minimal(spectrum, threshold, ablate=ablate, above=above, time_limit=600)
    size, furthest = best_by_force(spectrum, threshold, ablate, above)
    check(found, spectrum, threshold, ablate, above)
    assert len(found.members) == size
    assert found.proved
    assert found.value == pytest.approx(furthest, abs=MILLIONTH)


@pytest.mark.parametrize(("ablate", "above"), MODES)
@pytest.mark.parametrize("listed", [0, 1 << 17])
def test_candidates_that_do_nothing_are_in_no_smallest_set(
    ablate: bool, above: bool, listed: int
) -> None:
    """12 of 24 candidates do nothing: the other 12 are searched by force."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(room, "_LISTED", listed)
        for seed in range(3):
            known = random_spectrum(12, 60, seed, orders=(0, 1, 2, 2, 3, 4))
            positions = np.sort(
                np.random.default_rng(seed).choice(24, 12, replace=False)
            )
            spectrum = among(24, known, positions)
            low, high = np.quantile(known.predict(everything(12)), (0.02, 0.98))
            threshold = float(high if above else low)
            found = minimal(
                spectrum, threshold, ablate=ablate, above=above, time_limit=600
            )
            size, furthest = best_by_force(known, threshold, ablate, above)
            check(found, spectrum, threshold, ablate, above)
            assert (len(found.members), found.least) == (size, size)
            assert found.value == pytest.approx(furthest)
            assert set(found.members) <= set(positions.tolist())


@pytest.mark.parametrize(("ablate", "above"), MODES)
def test_the_program_finds_what_the_search_did_not(ablate: bool, above: bool) -> None:
    known = random_spectrum(11, 40, seed=6, orders=(1, 2, 2, 3, 5))
    spectrum = among(24, known, np.arange(0, 22, 2))
    threshold = float(
        np.quantile(known.predict(everything(11)), 0.999 if above else 0.001)
    )
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(room, "_LISTED", 0)
        patch.setattr(room, "_tried", lambda task: np.ones((1, task.n), np.bool_))
        patch.setattr(room, "_searched", lambda task, goal, mask, least, deadline: mask)
        found = minimal(spectrum, threshold, ablate=ablate, above=above, time_limit=600)
    check(found, spectrum, threshold, ablate, above)
    assert len(found.members) == best_by_force(known, threshold, ablate, above)[0]
    assert found.proved


@pytest.mark.parametrize("listed", [20, 0])
def test_nothing_and_everything_can_be_the_answer(listed: int) -> None:
    """f counts the candidates that are kept."""
    for n in (7, 24):
        count = Spectrum.of(n, {(): n / 2} | {(i,): -0.5 for i in range(n)})
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(room.mask_algebra, "ENUMERABLE", listed)
            for ablate, above, most in [(False, True, n), (True, False, 0)]:
                every = minimal(count, most, ablate=ablate, above=above)
                assert every.members == tuple(range(n))
                assert every.value == pytest.approx(most)
                assert every.proved
            for ablate, above, least in [
                (False, True, 0),
                (True, False, n),
                (True, True, n - 0.5),
            ]:
                nothing = minimal(count, least, ablate=ablate, above=above)
                assert (nothing.members, nothing.least) == ((), 0)


def test_a_spectrum_without_sets_is_zero_everywhere() -> None:
    for n in (3, 30):
        assert minimal(Spectrum.of(n, {}), 0.0).members == ()
        with pytest.raises(
            InvalidInput,
            match=r"no mask is predicted to reach 0\.1; one is predicted 0",
        ):
            minimal(Spectrum.of(n, {}), 0.1)


@pytest.mark.parametrize("n", [10, 40])
def test_of_the_smallest_sets_the_furthest_is_taken(n: int) -> None:
    """To keep i adds 2 + 2 i / n: any one adds 1, and any two add 4, which no one does."""
    spectrum = Spectrum.of(n, {(i,): -1.0 - i / n for i in range(n)})
    nothing = float(spectrum.predict(np.zeros(n, np.bool_))[0])
    assert minimal(spectrum, nothing + 1).members == (n - 1,)
    assert minimal(spectrum, nothing + 4).members == (n - 2, n - 1)


@pytest.mark.parametrize("n", [9, 24])
def test_a_threshold_beyond_all_masks_is_refused(n: int) -> None:
    """Of three pairs of three candidates at most two differ."""
    triangle = Spectrum.of(n, {(0, 1): -1.0, (1, 2): -1.0, (0, 2): -1.0})
    assert len(minimal(triangle, 1.0).members) == 1
    for threshold, above in [(1.5, True), (4.0, True), (-3.5, False)]:
        with pytest.raises(
            InvalidInput, match=f"^no mask is predicted to reach {threshold}; one is"
        ):
            minimal(triangle, threshold, above=above)


def test_where_no_mask_was_found_in_time_the_text_says_so() -> None:
    spectrum = random_spectrum(60, 800, seed=1, orders=(2, 3, 4))
    beyond = 1.1 * optimum(spectrum, 30, time_limit=0.5).value
    with pytest.raises(
        InvalidInput,
        match=r"in 0\.2 seconds no mask was found that is predicted to reach",
    ):
        minimal(spectrum, beyond, time_limit=0.2)


@pytest.mark.parametrize(("ablate", "above"), MODES)
def test_the_time_limit_is_the_programs_and_the_bound_holds(
    ablate: bool, above: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    limits = []

    def told(*args: Any, options: dict[str, float], **settings: Any) -> Any:
        limits.append(options["time_limit"])
        return milp(*args, options=options, **settings)

    milp = scipy.optimize.milp
    spectrum = random_spectrum(60, 800, seed=0, orders=(1, 2, 2, 2, 2, 3, 4))
    threshold = 0.8 * optimum(spectrum, 30, largest=above, time_limit=0.5).value
    monkeypatch.setattr(scipy.optimize, "milp", told)
    found = minimal(spectrum, threshold, ablate=ablate, above=above, time_limit=1.0)
    assert limits
    assert max(limits) <= 1.0
    assert limits == sorted(limits, reverse=True)  # each has what those before it left
    check(found, spectrum, threshold, ablate, above)
    assert found.least > 2
    few = np.zeros((60 * 59 // 2, 60), np.bool_)
    for mask, pair in zip(few, combinations(range(60), 2), strict=True):
        mask[list(pair)] = True
    values = spectrum.predict(few ^ ablate)
    assert (values.max() < threshold) if above else (values.min() > threshold)


def test_a_spectrum_of_singles_and_pairs_is_proved_and_the_same_again() -> None:
    rng = np.random.default_rng(0)
    sets = {members: rng.normal() * 0.02 for members in combinations(range(50), 2)}
    spectrum = Spectrum.of(50, sets | {(i,): rng.normal() for i in range(50)})
    threshold = 0.7 * float(np.abs(spectrum.values).sum() - 12)
    found = minimal(spectrum, threshold, time_limit=600)
    assert found.proved
    assert len(found.members) > 5
    assert minimal(spectrum, threshold, time_limit=600).members == found.members
    turned = Spectrum(spectrum.sets, -spectrum.values)
    assert (
        minimal(turned, -threshold, above=False, time_limit=600).members
        == found.members
    )


def test_sets_of_many_members_cost_no_more_than_their_members() -> None:
    spectrum = Spectrum.of(
        60, {tuple(range(40)): 1.0, tuple(range(20, 32)): -0.5, (0,): -0.1, (): 3.0}
    )
    found = minimal(spectrum, 4.55)
    assert found.proved
    assert found.value == pytest.approx(4.6)
    assert len(found.members) == 2
    assert 0 in found.members


@pytest.mark.parametrize("scale", [1e-9, 1e9])
def test_the_unit_of_the_values_does_not_matter(scale: float) -> None:
    spectrum = random_spectrum(25, 40, seed=4)
    threshold = 0.9 * optimum(spectrum, 9).value
    found = minimal(spectrum, threshold)
    scaled = minimal(
        Spectrum(spectrum.sets, scale * spectrum.values), scale * threshold
    )
    assert found.proved
    assert scaled.proved
    assert scaled.members == found.members
    assert scaled.value == pytest.approx(scale * found.value)


@pytest.mark.parametrize(
    ("threshold", "time_limit", "message"),
    [
        (float("nan"), 1.0, "a threshold is a finite number; got nan"),
        (float("inf"), 1.0, "a threshold is a finite number; got inf"),
        (0.5, 0.0, "a positive number of seconds; got 0.0"),
        (0.5, float("nan"), "a positive number of seconds; got nan"),
    ],
)
def test_bad_input_is_one_clear_line(
    threshold: float, time_limit: float, message: str
) -> None:
    with pytest.raises(InvalidInput, match=message):
        minimal(random_spectrum(5, 9, seed=0), threshold, time_limit=time_limit)


def test_it_is_of_one_output() -> None:
    with pytest.raises(InvalidInput, match="of one output; this spectrum has 2"):
        minimal(Spectrum.of(3, {(0,): [1.0, 2.0]}), 0.5)
