"""Every index equals its definition, worked out over all 2^n masks without a Fourier
coefficient.
"""

from itertools import combinations
from math import comb, factorial

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from spexlens.errors import InvalidInput
from spexlens.masks.designs import everything
from spexlens.spectrum.indices import (
    INDICES,
    banzhaf_values,
    interaction_index,
    shapley_values,
)
from spexlens.spectrum.sets import Sets
from spexlens.spectrum.spectrum import Spectrum

Array = NDArray[np.float64]
Members = tuple[int, ...]
BY_DERIVATIVES = ("moebius", "bii", "sii", "stii")


def families(n: int, order: int) -> list[Members]:
    return [
        members
        for t in range(min(n, order) + 1)
        for members in combinations(range(n), t)
    ]


def derivatives(table: Array, members: Members) -> tuple[Array, NDArray[np.int64]]:
    """The discrete derivative of f at every context C ⊆ N \\ T, and the size of each C."""
    n = len(table).bit_length() - 1
    cube = table.reshape((2,) * n + table.shape[1:])
    # axis i is now candidate i
    cube = cube.transpose(*reversed(range(n)), *range(n, cube.ndim))
    for i in members:
        cube = np.diff(cube, axis=i)
    sizes = np.indices(cube.shape[:n]).sum(axis=0).reshape(-1)
    return cube.reshape(-1, *table.shape[1:]), sizes


def by_derivatives(index: str, table: Array, members: Members, order: int) -> Array:
    n, t = len(table).bit_length() - 1, len(members)
    change, size = derivatives(table, members)
    if index == "bii":
        return np.asarray(change.mean(axis=0))
    if index == "sii":
        weight = [
            factorial(c) * factorial(n - c - t) / factorial(n - t + 1) for c in size
        ]
        return np.tensordot(weight, change, 1)
    if index == "stii" and t == order:
        return np.tensordot([order / n / comb(n - 1, c) for c in size], change, 1)
    return np.asarray(change[0])  # at the empty context


def faithful(index: str, table: Array, order: int) -> dict[Members, Array]:
    """The best Σ_{T ⊆ m} I(T), |T| <= order: over uniform masks, or under the Shapley
    kernel.
    """
    n = len(table).bit_length() - 1
    masks, unknowns = everything(n), families(n, order)
    design = np.column_stack(
        [masks[:, list(members)].all(axis=1) for members in unknowns]
    ).astype(float)
    size = masks.sum(axis=1)
    if index == "fbii":
        solution = np.linalg.lstsq(design, table, rcond=None)[0]
    else:
        ends, inner = (size == 0) | (size == n), (size > 0) & (size < n)
        weight = np.array(
            [(n - 1) / (comb(n, s) * s * (n - s)) for s in size[inner].tolist()]
        )
        weighted = design[inner].T * weight
        system = np.block(
            [
                [weighted @ design[inner], design[ends].T],
                [design[ends], np.zeros((2, 2))],
            ]
        )
        target = np.concatenate([weighted @ table[inner], table[ends]])
        solution = np.linalg.solve(system, target)[: len(unknowns)]
    return dict(zip(unknowns, solution, strict=True))


def defined(index: str, table: Array, order: int) -> dict[Members, Array]:
    """The index of every set of at most `order` members, from its definition."""
    n = len(table).bit_length() - 1
    if index in ("fbii", "fsii"):
        return faithful(index, table, order)
    if index == "fourier":
        ablated = 1.0 - 2.0 * everything(n)
        return {
            s: np.tensordot(ablated[:, list(s)].prod(1), table, 1) / 2**n
            for s in families(n, order)
        }
    return {s: by_derivatives(index, table, s, order) for s in families(n, order)}


def assert_as_defined(index: str, table: Array, order: int) -> None:
    found = interaction_index(Spectrum.from_table(table), index, order)
    expected = defined(index, table, order)
    assert set(found.sets) <= set(expected)
    for members, value in expected.items():
        np.testing.assert_allclose(
            found[members], value, rtol=0, atol=1e-9, err_msg=f"{index} of {members}"
        )


# The definitions


@pytest.mark.parametrize("n", range(1, 9))
@pytest.mark.parametrize("index", INDICES)
def test_an_index_equals_its_definition(index: str, n: int) -> None:
    rng = np.random.default_rng(n)
    for order in range(1, 5):
        assert_as_defined(index, rng.normal(size=1 << n), order)
        assert_as_defined(index, rng.normal(size=(1 << n, 2)), order)


@pytest.mark.parametrize("index", INDICES)
def test_an_index_of_ten_candidates_equals_its_definition(index: str) -> None:
    assert_as_defined(index, np.random.default_rng(10).normal(size=1 << 10), 3)


@pytest.mark.parametrize("n", [1, 2, 5, 8, 10])
def test_shapley_and_banzhaf_values_are_weighted_means_of_marginal_changes(
    n: int,
) -> None:
    table = np.random.default_rng(n).normal(size=(1 << n, 2))
    shapley = [by_derivatives("sii", table, (i,), 1) for i in range(n)]
    banzhaf = [by_derivatives("bii", table, (i,), 1) for i in range(n)]
    spectrum, scalar = Spectrum.from_table(table), Spectrum.from_table(table[:, 1])
    np.testing.assert_allclose(shapley_values(spectrum), shapley, atol=1e-9)
    np.testing.assert_allclose(banzhaf_values(spectrum), banzhaf, atol=1e-9)
    np.testing.assert_allclose(
        shapley_values(scalar), np.array(shapley)[:, 1], atol=1e-9
    )
    np.testing.assert_allclose(
        banzhaf_values(scalar), np.array(banzhaf)[:, 1], atol=1e-9
    )


def test_a_candidate_that_no_set_names_has_value_zero() -> None:
    spectrum = Spectrum.of(6, {(): 3.0, (1,): -0.5, (1, 4): 0.25})
    assert (shapley_values(spectrum)[[0, 2, 3, 5]] == 0).all()
    assert banzhaf_values(spectrum).tolist() == [0.0, 1.0, 0.0, 0.0, 0.0, 0.0]


def test_the_moebius_coefficients_below_a_mask_sum_to_the_function() -> None:
    table = np.random.default_rng(0).normal(size=64)
    dividends = interaction_index(Spectrum.from_table(table), "moebius")
    for mask, value in zip(everything(6), table, strict=True):
        kept = set(np.flatnonzero(mask).tolist())
        assert sum(
            a for members, a in dividends if kept >= set(members)
        ) == pytest.approx(value, abs=1e-10)


# What every explanation must respect

tables = st.integers(2, 5).flatmap(
    lambda n: st.lists(
        st.floats(-8, 8, width=32), min_size=1 << n, max_size=1 << n
    ).map(np.array)
)


@given(table=tables, order=st.integers(1, 4))
@settings(deadline=None, max_examples=40)
def test_shapley_taylor_and_faith_shapley_share_out_the_whole_change(
    table: Array, order: int
) -> None:
    spectrum = Spectrum.from_table(table)
    change = table[-1] - table[0]
    assert shapley_values(spectrum).sum() == pytest.approx(change, abs=1e-9)
    for index in ("stii", "fsii"):
        shares = sum(
            value
            for members, value in interaction_index(spectrum, index, order)
            if members
        )
        assert shares == pytest.approx(change, abs=1e-9)


@given(
    table=tables,
    order=st.integers(1, 4),
    index=st.sampled_from(sorted(INDICES)),
    data=st.data(),
)
@settings(deadline=None, max_examples=60)
def test_a_dummy_gets_nothing_and_changes_nothing(
    table: Array, order: int, index: str, data: st.DataObject
) -> None:
    n = len(table).bit_length() - 1
    dummy = data.draw(st.integers(0, n))
    rest = [i for i in range(n + 1) if i != dummy]
    with_dummy = table[everything(n + 1)[:, rest] @ (1 << np.arange(n))]
    found = interaction_index(Spectrum.from_table(with_dummy), index, order)
    without = interaction_index(Spectrum.from_table(table), index, order)
    for members in families(n + 1, order):
        expected = (
            0.0 if dummy in members else without[tuple(rest.index(i) for i in members)]
        )
        assert found[members] == pytest.approx(expected, abs=1e-9)


@given(
    table=tables,
    order=st.integers(1, 4),
    index=st.sampled_from(sorted(INDICES)),
    data=st.data(),
)
@settings(deadline=None, max_examples=60)
def test_an_index_follows_the_candidates_when_they_are_renamed(
    table: Array, order: int, index: str, data: st.DataObject
) -> None:
    n = len(table).bit_length() - 1
    # candidate i is now called renamed[i]
    renamed = data.draw(st.permutations(range(n)))
    moved = table[everything(n)[:, renamed] @ (1 << np.arange(n))]
    found = interaction_index(Spectrum.from_table(moved), index, order)
    before = interaction_index(Spectrum.from_table(table), index, order)
    for members in families(n, order):
        assert found[[renamed[i] for i in members]] == pytest.approx(
            before[members], abs=1e-9
        )


@given(table=tables, order=st.integers(1, 4), index=st.sampled_from(sorted(INDICES)))
@settings(deadline=None, max_examples=40)
def test_candidates_that_do_the_same_get_the_same(
    table: Array, order: int, index: str
) -> None:
    n = len(table).bit_length() - 1
    swapped = everything(n)[:, [1, 0, *range(2, n)]] @ (1 << np.arange(n))
    found = interaction_index(Spectrum.from_table(table + table[swapped]), index, order)
    for members in families(n, order):
        twin = [{0: 1, 1: 0}.get(i, i) for i in members]
        assert found[members] == pytest.approx(found[twin], abs=1e-9)


@given(table=tables)
@settings(deadline=None, max_examples=40)
def test_a_duplicate_interacts_as_the_negative_of_what_it_repeats(table: Array) -> None:
    n = len(table).bit_length() - 1
    masks = everything(n + 1)
    # candidate n repeats candidate 0
    either = np.column_stack([masks[:, 0] | masks[:, n], masks[:, 1:n]])
    doubled = interaction_index(
        Spectrum.from_table(table[either @ (1 << np.arange(n))]), "moebius"
    )
    single = interaction_index(Spectrum.from_table(table), "moebius")
    for others in (members for members in families(n, n) if 0 not in members):
        expected = single[(0, *others)]
        assert doubled[(0, *others)] == pytest.approx(expected, abs=1e-9)
        assert doubled[(*others, n)] == pytest.approx(expected, abs=1e-9)
        assert doubled[(0, *others, n)] == pytest.approx(-expected, abs=1e-9)


@given(
    tables=st.tuples(tables, tables),
    index=st.sampled_from(sorted(INDICES)),
    order=st.integers(1, 3),
)
@settings(deadline=None, max_examples=30)
def test_an_index_is_linear_in_the_function(
    tables: tuple[Array, Array], index: str, order: int
) -> None:
    size = min(map(len, tables))
    first, second = (table[:size] for table in tables)
    parts = [
        interaction_index(Spectrum.from_table(table), index, order)
        for table in (first, second)
    ]
    whole = interaction_index(Spectrum.from_table(2.0 * first - second), index, order)
    for members in families(size.bit_length() - 1, order):
        expected = 2.0 * parts[0][members] - parts[1][members]
        assert whole[members] == pytest.approx(expected, abs=1e-9)


# Small functions with known answers


def test_a_pair_that_is_an_and_has_a_moebius_coefficient_of_one() -> None:
    masks = everything(4)
    dividends = interaction_index(
        Spectrum.from_table((masks[:, 1] & masks[:, 3]).astype(float)), "moebius"
    )
    for members in families(4, 4):
        assert dividends[members] == pytest.approx(float(members == (1, 3)), abs=1e-12)


def test_a_pair_that_is_an_or_has_a_negative_interaction() -> None:
    masks = everything(3)
    spectrum = Spectrum.from_table((masks[:, 0] | masks[:, 2]).astype(float))
    for index in ("moebius", "bii", "sii", "stii", "fbii", "fsii"):
        assert interaction_index(spectrum, index, 2)[(0, 2)] == pytest.approx(
            -1.0, abs=1e-12
        )


def test_by_default_the_order_is_the_largest_in_the_spectrum() -> None:
    spectrum = Spectrum.of(9, {(): 1.0, (2, 5): 0.5, (1, 2, 8): 0.25})
    assert max(map(len, interaction_index(spectrum, "moebius").sets)) == 3
    full, two = (
        interaction_index(spectrum, "stii"),
        interaction_index(spectrum, "stii", 2),
    )
    assert max(map(len, full.sets)) == 3
    assert max(map(len, two.sets)) == 2
    assert full[(1, 2)] == 1.0  # below the order, the derivative at the empty set
    assert two[(1, 2)] != 1.0


@pytest.fixture(scope="module")
def of_one_character() -> dict[str, dict[int, float]]:
    """Each index, order 2, of the character of all 15 of 15 candidates, by the size of
    T.
    """
    table = 1.0 - 2.0 * (everything(15).sum(axis=1) % 2)
    spectra = {index: faithful(index, table, 2) for index in ("fbii", "fsii")}
    chosen: dict[int, Members] = {0: (), 1: (0,), 2: (0, 1)}
    weights = {
        index: {
            t: float(by_derivatives(index, table, members, 2))
            for t, members in chosen.items()
        }
        for index in BY_DERIVATIVES
    }
    return weights | {
        index: {t: float(found[members]) for t, members in chosen.items()}
        for index, found in spectra.items()
    }


@pytest.mark.parametrize("index", [*BY_DERIVATIVES, "fbii", "fsii"])
def test_a_thousand_sets_of_fifteen_members_have_the_right_pairs(
    index: str, of_one_character: dict[str, dict[int, float]]
) -> None:
    rng = np.random.default_rng(0)
    sets = [set(rng.permutation(80)[:15].tolist()) for _ in range(1000)]
    spectrum = Spectrum(Sets.of(80, sets), rng.normal(size=1000))
    found = interaction_index(spectrum, index, 2)
    for members in [(), (0,), (37,), (79,), (0, 1), (11, 64), (63, 79)]:
        above = sum(float(spectrum[s]) for s in sets if s >= set(members))
        assert above != 0.0
        expected = above * of_one_character[index][len(members)]
        assert float(found[members]) == pytest.approx(expected, rel=1e-7, abs=1e-9)


# Refusals


def test_an_unknown_index_is_refused_and_the_known_ones_are_named() -> None:
    with pytest.raises(InvalidInput, match=r"'owen'.*fourier.*fsii"):
        interaction_index(Spectrum.of(3, {(0,): 1.0}), "owen")


@pytest.mark.parametrize("order", [0, -1])
def test_an_order_below_one_is_refused(order: int) -> None:
    with pytest.raises(InvalidInput, match="at least 1"):
        interaction_index(Spectrum.of(3, {(0,): 1.0}), "sii", order)
