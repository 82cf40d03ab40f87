"""The best subset of a size: against brute force, and with a bound that holds."""

from itertools import combinations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from spexlens import Spectrum
from spexlens.errors import InvalidInput
from spexlens.spectrum.subsets import best as room
from spexlens.spectrum.subsets.best import optimum


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


def best_by_force(spectrum: Spectrum, keep: int, sign: float) -> float:
    chosen = list(combinations(range(spectrum.n), keep))
    masks = np.zeros((len(chosen), spectrum.n), np.bool_)
    for mask, members in zip(masks, chosen, strict=True):
        mask[list(members)] = True
    return float((sign * spectrum.predict(masks)).max())


def predicted(spectrum: Spectrum, members: tuple[int, ...]) -> float:
    mask = np.zeros((1, spectrum.n), np.bool_)
    mask[0, list(members)] = True
    return float(spectrum.predict(mask)[0])


@pytest.mark.parametrize("listed", [20, 0])
@settings(deadline=None, max_examples=40)
@given(data=st.data())
def test_it_is_the_best_of_all_masks_of_the_size(
    listed: int, data: st.DataObject
) -> None:
    """Whether the masks are listed or, as for more candidates, searched and proved."""
    n = data.draw(st.integers(1, 9))
    keep = data.draw(st.integers(0, n))
    orders = tuple(range(n + 1))
    spectrum = random_spectrum(
        n, data.draw(st.integers(1, 25)), data.draw(st.integers(0, 10**6)), orders
    )
    largest = data.draw(st.booleans())
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(room.mask_algebra, "ENUMERABLE", listed)
        found = optimum(spectrum, keep, largest=largest, time_limit=600)
        patch.undo()
        sign = 1.0 if largest else -1.0
        assert sign * found.value == pytest.approx(
            best_by_force(spectrum, keep, sign), abs=1e-6
        )
        assert found.value == pytest.approx(predicted(spectrum, found.members))
        assert len(found.members) == keep
        assert found.proved
        assert found.gap == 0.0
        assert found.bound == found.value


def test_72_candidates_and_600_sets_are_solved_with_a_bound_that_holds() -> None:
    spectrum = random_spectrum(72, 600, seed=0, orders=(1, 2, 2, 2, 2, 3, 4))
    single = np.array([-float(spectrum[(i,)]) for i in range(72)])
    greedy = predicted(spectrum, tuple(np.argsort(-single)[:36]))
    found = optimum(spectrum, 36, time_limit=4)
    assert found.value > greedy
    assert found.bound >= found.value
    assert found.bound <= np.abs(spectrum.values).sum()
    rng = np.random.default_rng(1)
    masks = np.array([rng.permutation(72) < 36 for _ in range(5_000)])
    assert spectrum.predict(masks).max() <= found.value


def test_a_spectrum_with_all_pairs_is_proved() -> None:
    """The size ties the pairs of a candidate together, which makes the relaxation
    tight.
    """
    rng = np.random.default_rng(0)
    sets = {members: rng.normal() * 0.02 for members in combinations(range(30), 2)}
    sets |= {(i,): rng.normal() for i in range(30)}
    spectrum = Spectrum.of(30, sets)
    found = optimum(spectrum, 15, time_limit=600)
    assert found.proved
    assert optimum(spectrum, 15, time_limit=600).members == found.members
    assert -optimum(
        Spectrum(spectrum.sets, -spectrum.values), 15, largest=False, time_limit=600
    ).value == pytest.approx(found.value)


def test_sets_of_many_members_cost_no_more_than_their_members() -> None:
    spectrum = Spectrum.of(
        60, {tuple(range(40)): 1.0, tuple(range(20, 32)): -0.5, (0,): -0.1, (): 3.0}
    )
    found = optimum(spectrum, 21)
    assert found.proved
    assert found.value == pytest.approx(4.6)
    assert 0 in found.members


@pytest.mark.parametrize("scale", [1e-9, 1e9])
def test_the_unit_of_the_values_does_not_matter(scale: float) -> None:
    spectrum = random_spectrum(25, 40, seed=4)
    found, scaled = (
        optimum(spectrum, 9),
        optimum(Spectrum(spectrum.sets, scale * spectrum.values), 9),
    )
    assert found.proved
    assert scaled.proved
    assert scaled.members == found.members
    assert scaled.value == pytest.approx(scale * found.value)


def test_where_nothing_matters_any_subset_is_the_best() -> None:
    for spectrum in (Spectrum.of(30, {(): 2.0}), Spectrum.of(30, {})):
        found = optimum(spectrum, 4)
        assert found.proved
        assert len(found.members) == 4
        assert found.value == (2.0 if len(spectrum) else 0.0)


@pytest.mark.parametrize("keep", [0, 25])
def test_where_there_is_no_choice_there_is_one_answer(keep: int) -> None:
    spectrum = random_spectrum(25, 60, seed=3)
    found = optimum(spectrum, keep)
    assert found.members == tuple(range(keep))
    assert found.value == pytest.approx(predicted(spectrum, found.members))
    assert found.proved


def test_a_limit_too_short_for_a_proof_still_gives_a_subset_and_a_bound() -> None:
    spectrum = random_spectrum(120, 2_000, seed=5, orders=(2, 3, 4))
    found = optimum(spectrum, 60, time_limit=0.05)
    assert len(found.members) == 60
    assert found.gap > 0
    assert not found.proved


@pytest.mark.parametrize(
    ("keep", "time_limit", "message"),
    [
        (-1, 1.0, "of 5 candidates 0 to 5 can be kept; got -1"),
        (6, 1.0, "of 5 candidates 0 to 5 can be kept; got 6"),
        (2.5, 1.0, "a whole number; got 2.5"),
        (2, 0.0, "a positive number of seconds; got 0.0"),
        (2, float("nan"), "a positive number of seconds; got nan"),
    ],
)
def test_bad_input_is_one_clear_line(
    keep: int, time_limit: float, message: str
) -> None:
    with pytest.raises(InvalidInput, match=message):
        optimum(random_spectrum(5, 9, seed=0), keep, time_limit=time_limit)


def test_it_is_of_one_output() -> None:
    spectrum = Spectrum.of(3, {(0,): [1.0, 2.0]})
    with pytest.raises(InvalidInput, match="of one output; this spectrum has 2"):
        optimum(spectrum, 1)
