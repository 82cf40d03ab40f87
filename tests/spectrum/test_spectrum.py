"""A Spectrum is the function whose coefficients it holds."""

from itertools import combinations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from scipy.linalg import hadamard

from spexlens.errors import InvalidInput
from spexlens.masks.designs import everything
from spexlens.spectrum.hadamard import walsh_hadamard
from spexlens.spectrum.sets import Sets
from spexlens.spectrum.spectrum import SetFunction, Spectrum

Array = NDArray[np.float64]


def random_sets(
    n: int, count: int, deepest: int, rng: np.random.Generator
) -> list[tuple[int, ...]]:
    drawn = {
        tuple(
            sorted(rng.permutation(n)[: rng.integers(0, min(n, deepest) + 1)].tolist())
        )
        for _ in range(count)
    }
    return sorted(drawn, key=lambda members: (len(members), members))


def summed(
    coefficients: dict[tuple[int, ...], Array], mask: NDArray[np.bool_]
) -> Array:
    """Σ_S F(S) (-1)^|S ∩ m|, term by term."""
    signed = [
        value * (-1) ** sum(bool(mask[i]) for i in s)
        for s, value in coefficients.items()
    ]
    return np.asarray(np.sum(signed, axis=0))


# Sets

RAGGED = [(), (3,), (0, 2), (1, 2, 4), (0, 1, 2, 3, 4)]


def test_sets_give_back_what_they_were_made_of() -> None:
    sets = Sets.of(5, [[], [3], [2, 0], (4, 1, 2), range(5)])
    assert list(sets) == RAGGED
    assert len(sets) == 5
    assert sets[3] == (1, 2, 4)
    assert sets.orders.tolist() == [0, 1, 2, 3, 5]


def test_a_family_of_no_sets_is_a_family() -> None:
    sets = Sets.of(5, [])
    merged, values = sets.merge(np.empty(0))
    assert list(sets) == []
    assert list(merged) == []
    assert len(values) == 0
    assert sets.packed.shape == (0, 1)
    assert list(sets.by_order()) == []


@pytest.mark.parametrize("bad", [(5,), (-1,), (0, 0), (2, 1, 2), (0, 7)])
def test_what_is_not_a_set_of_positions_is_refused(bad: tuple[int, ...]) -> None:
    with pytest.raises(InvalidInput, match="from 0 to 4"):
        Sets.of(5, [(0, 1), bad])


def test_incidence_rows_and_packed_rows_name_the_same_sets() -> None:
    incidence = np.random.default_rng(0).random((60, 19)) < 0.3
    incidence[[0, 7, 59]] = False
    sets = Sets.from_incidence(incidence)
    assert list(sets) == [tuple(np.flatnonzero(row).tolist()) for row in incidence]
    unpacked = np.unpackbits(sets.packed, axis=1, count=19, bitorder="little")
    np.testing.assert_array_equal(unpacked, incidence)


def test_ragged_rows_may_be_padded_anywhere_and_in_any_order() -> None:
    padded = np.array([[6, 6, 6], [6, 4, 6], [5, 6, 0], [3, 1, 2]], np.int32)
    assert list(Sets.from_ragged(6, padded)) == [(), (4,), (0, 5), (1, 2, 3)]


def test_take_follows_the_positions_it_is_given() -> None:
    sets = Sets.of(5, RAGGED)
    assert list(sets.take([4, 0, 2, 2])) == [RAGGED[4], RAGGED[0], RAGGED[2], RAGGED[2]]
    assert list(sets.take([])) == []


def test_by_order_visits_every_set_once_with_its_members() -> None:
    rng = np.random.default_rng(1)
    sets = Sets.of(9, [random_sets(9, 1, 9, rng)[0] for _ in range(80)])
    visited = {}
    for positions, members in sets.by_order():
        assert members.shape[0] == len(positions)
        visited.update(
            {
                int(p): tuple(row)
                for p, row in zip(positions.tolist(), members.tolist(), strict=True)
            }
        )
    assert visited == dict(enumerate(sets))


@given(
    n=st.sampled_from([3, 8, 63, 64, 1000]),
    outputs=st.sampled_from([0, 1, 3]),
    seed=st.integers(0, 2**32 - 1),
)
@settings(deadline=None, max_examples=40)
def test_merging_sums_equal_sets_and_sorts_by_order_then_members(
    n: int, outputs: int, seed: int
) -> None:
    rng = np.random.default_rng(seed)
    pool = random_sets(n, 12, 20, rng)
    listed = [pool[i] for i in rng.integers(0, len(pool), 30)]
    values = rng.normal(size=(30, outputs) if outputs else 30)
    expected: dict[tuple[int, ...], Array] = {}
    for members, value in zip(listed, values, strict=True):
        expected[members] = expected.get(members, 0.0) + value
    merged, sums = Sets.of(n, listed).merge(values)
    assert list(merged) == sorted(expected, key=lambda members: (len(members), members))
    np.testing.assert_allclose(
        sums, [expected[members] for members in merged], rtol=0, atol=1e-12
    )


def test_deep_sets_that_differ_in_their_last_member_stay_apart() -> None:
    deep = [(*range(100, 130), last) for last in (998, 997, 999)]
    merged, values = Sets.of(1000, deep).merge(np.array([1.0, 2.0, 3.0]))
    assert list(merged) == [deep[1], deep[0], deep[2]]
    assert values.tolist() == [2.0, 1.0, 3.0]


# Set functions


def test_a_value_is_found_whatever_the_order_of_its_members() -> None:
    function = SetFunction(Sets.of(6, [(4, 1, 2), (3,), ()]), [5.0, 7.0, 2.0])
    assert function[(2, 4, 1)] == function[[1, 2, 4]] == function[{4, 2, 1}] == 5.0
    assert function[[3]] == 7.0
    assert function[()] == 2.0
    assert [members for members, _ in function] == [(), (3,), (1, 2, 4)]


def test_a_set_that_is_not_listed_has_value_zero() -> None:
    assert SetFunction(Sets.of(6, [(1,)]), [5.0])[(1, 2)] == 0.0
    vector = SetFunction(Sets.of(6, [(1,)]), [[5.0, 6.0]])
    assert vector[(1,)].tolist() == [5.0, 6.0]
    assert vector[(2,)].tolist() == [0.0, 0.0]


@pytest.mark.parametrize("shape", [(2,), (4,), (3, 1, 1), ()])
def test_values_that_do_not_match_the_sets_are_refused(shape: tuple[int, ...]) -> None:
    with pytest.raises(InvalidInput, match="3 sets"):
        SetFunction(Sets.of(4, [(), (1,), (2,)]), np.ones(shape))


# The transform


@pytest.mark.parametrize("n", [0, 1, 2, 5, 8])
def test_walsh_hadamard_is_the_dense_matrix(n: int) -> None:
    values = np.random.default_rng(n).normal(size=(1 << n, 3))
    before = values.copy()
    np.testing.assert_allclose(
        walsh_hadamard(values), hadamard(1 << n) @ values, atol=1e-12
    )
    np.testing.assert_allclose(
        walsh_hadamard(values[:, 0]), hadamard(1 << n) @ values[:, 0], atol=1e-12
    )
    np.testing.assert_array_equal(values, before)


def test_walsh_hadamard_does_not_care_how_the_values_lie_in_memory() -> None:
    values = np.random.default_rng(0).normal(size=(32, 4))
    dense = hadamard(32)
    np.testing.assert_allclose(
        walsh_hadamard(np.asfortranarray(values)), dense @ values, atol=1e-12
    )
    np.testing.assert_allclose(
        walsh_hadamard(values[::-1, ::2]), dense @ values[::-1, ::2], atol=1e-12
    )


@pytest.mark.parametrize("outputs", [(), (1,), (3,)])
@pytest.mark.parametrize("n", [1, 2, 3, 6, 9])
def test_the_spectrum_of_a_table_predicts_the_table(
    n: int, outputs: tuple[int, ...]
) -> None:
    table = np.random.default_rng(n).normal(size=(1 << n, *outputs))
    spectrum = Spectrum.from_table(table)
    assert spectrum.n == n
    assert len(spectrum) == 1 << n
    predicted = spectrum.predict(everything(n))
    assert predicted.shape == table.shape
    np.testing.assert_allclose(predicted, table, atol=1e-12)
    np.testing.assert_allclose(spectrum.table(), table, atol=1e-12)


def test_a_coefficient_is_the_mean_of_the_values_times_the_character() -> None:
    table, masks = np.random.default_rng(0).normal(size=32), everything(5)
    spectrum = Spectrum.from_table(table)
    for members in [(), (2,), (0, 4), (1, 2, 3), (0, 1, 2, 3, 4)]:
        signs = [(-1) ** sum(mask[i] for i in members) for mask in masks.astype(int)]
        assert spectrum[members] == pytest.approx(np.mean(signs * table), abs=1e-12)


@pytest.mark.parametrize("rows", [0, 3, 12, 1000])
def test_a_table_without_two_to_the_n_rows_is_refused(rows: int) -> None:
    with pytest.raises(InvalidInput, match=f"{rows}$"):
        Spectrum.from_table(np.zeros(rows))


def test_a_table_of_too_many_masks_is_refused() -> None:
    with pytest.raises(InvalidInput, match=r"2\^21"):
        Spectrum.of(21, {(0,): 1.0}).table()


# Prediction


@given(
    n=st.integers(1, 140),
    count=st.integers(1, 40),
    outputs=st.sampled_from([(), (1,), (3,)]),
    seed=st.integers(0, 2**32 - 1),
)
@settings(deadline=None, max_examples=50)
def test_a_prediction_is_the_sum_of_signed_coefficients(
    n: int, count: int, outputs: tuple[int, ...], seed: int
) -> None:
    rng = np.random.default_rng(seed)
    coefficients = {s: rng.normal(size=outputs) for s in random_sets(n, count, 20, rng)}
    masks = rng.random((9, n)) < 0.5
    predicted = Spectrum.of(n, coefficients).predict(masks)
    assert predicted.shape == (9, *outputs)
    np.testing.assert_allclose(
        predicted, [summed(coefficients, mask) for mask in masks], atol=1e-11
    )


@pytest.mark.parametrize("outputs", [(), (2,)])
@pytest.mark.parametrize("n", [1, 5, 8])
def test_masks_are_answered_alike_one_by_one_and_all_at_once(
    n: int, outputs: tuple[int, ...]
) -> None:
    rng = np.random.default_rng(n)
    coefficients = {s: rng.normal(size=outputs) for s in random_sets(n, 300, n, rng)}
    spectrum = Spectrum.of(n, coefficients)
    # so many that a table of all 2^n pays
    many = rng.permutation(np.tile(everything(n), (40, 1)))
    at_once = spectrum.predict(many)
    np.testing.assert_allclose(
        at_once[:60], [summed(coefficients, mask) for mask in many[:60]], atol=1e-12
    )
    one_by_one = np.array([spectrum.predict(mask)[0] for mask in many[:60]])
    np.testing.assert_allclose(one_by_one, at_once[:60], atol=1e-12)


def test_a_prediction_in_many_blocks_is_right_in_every_block() -> None:
    rng = np.random.default_rng(0)
    triples = list(combinations(range(70), 3))[:26_001]
    spectrum = Spectrum(Sets.of(70, triples), rng.normal(size=26_001))
    masks = rng.random((6_000, 70)) < 0.5
    predicted = spectrum.predict(masks)
    chosen = np.array([0, 1, 2_999, 5_000, 5_500, 5_999])
    odd = masks[chosen][:, np.array(triples)].sum(axis=2) % 2
    np.testing.assert_allclose(
        predicted[chosen], (1.0 - 2.0 * odd) @ spectrum.values, atol=1e-9
    )


def test_a_spectrum_without_sets_is_zero_everywhere() -> None:
    assert Spectrum.of(5, {}).predict(everything(5)).tolist() == [0.0] * 32


def test_predicting_masks_of_another_width_is_refused() -> None:
    with pytest.raises(InvalidInput, match=r"\(2, 4\)"):
        Spectrum.of(5, {(0,): 1.0}).predict(np.ones((2, 4), bool))


# Energy


@pytest.mark.parametrize("outputs", [(), (3,)])
def test_the_energies_sum_to_the_variance(outputs: tuple[int, ...]) -> None:
    table = 4.0 + np.random.default_rng(0).normal(size=(128, *outputs))
    energy = Spectrum.from_table(table).energy
    assert energy.sum() == pytest.approx(table.var(axis=0).sum(), rel=1e-12)
    assert energy[0] == 0.0


@given(
    share=st.floats(0.05, 0.999),
    seed=st.integers(0, 2**32 - 1),
    outputs=st.sampled_from([(), (2,)]),
)
@settings(deadline=None, max_examples=40)
def test_truncation_keeps_the_fewest_sets_that_hold_the_share(
    share: float, seed: int, outputs: tuple[int, ...]
) -> None:
    spectrum = Spectrum.from_table(
        np.random.default_rng(seed).normal(size=(32, *outputs))
    )
    kept = spectrum.truncate(energy=share)
    largest_first = np.sort(spectrum.energy)[::-1]
    held = np.cumsum(largest_first) / largest_first.sum()
    assert len(kept) - 1 == next(
        count for count in range(1, 33) if held[count - 1] >= share * (1 - 1e-9)
    )
    for members, value in kept:
        np.testing.assert_array_equal(value, spectrum[members])
    assert kept.energy.sum() >= share * (1 - 1e-9) * spectrum.energy.sum()


def test_the_mean_stays_however_small_it_is() -> None:
    spectrum = Spectrum.of(4, {(): 1e-9, (0,): 3.0, (1, 2): -2.0, (3,): 1.0})
    assert dict(spectrum.truncate(count=1)) == {(): 1e-9, (0,): 3.0}
    assert dict(spectrum.truncate(count=2)) == {(): 1e-9, (0,): 3.0, (1, 2): -2.0}
    assert dict(spectrum.truncate(energy=0.6)) == {(): 1e-9, (0,): 3.0}  # 9 of 14
    assert dict(spectrum.truncate(energy=0.7, count=1)) == {(): 1e-9, (0,): 3.0}


def test_truncating_to_no_sets_leaves_the_mean() -> None:
    spectrum = Spectrum.of(4, {(): 0.5, (0,): 3.0, (1, 2): -2.0})
    assert dict(spectrum.truncate(count=0)) == {(): 0.5}


def test_truncating_nothing_away_leaves_the_spectrum_as_it_was() -> None:
    spectrum = Spectrum.from_table(np.random.default_rng(0).normal(size=64))
    for whole in (spectrum.truncate(), spectrum.truncate(energy=1.0, count=1000)):
        assert list(whole.sets) == list(spectrum.sets)
        np.testing.assert_array_equal(whole.values, spectrum.values)


def test_a_constant_survives_truncation() -> None:
    assert dict(Spectrum.of(4, {(): 2.0}).truncate(energy=0.9, count=5)) == {(): 2.0}
