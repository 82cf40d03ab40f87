"""Masks keep their meaning in every form, and the designs are what they say they are."""

from itertools import product

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from spexlens.errors import BudgetTooSmall, InvalidInput
from spexlens.masks import designs
from spexlens.masks import masks as mask_algebra

SIZES = [1, 2, 7, 8, 9, 15, 16, 17, 31, 63, 64, 65, 70]


def draw(n: int, count: int, seed: int = 0) -> NDArray[np.bool_]:
    return np.random.default_rng(seed).random((count, n)) < 0.5


def rows(masks: NDArray[np.bool_]) -> list[tuple[bool, ...]]:
    return [tuple(row) for row in masks.tolist()]


# The forms of a mask


@pytest.mark.parametrize("n", SIZES)
def test_unpacking_returns_the_masks_that_were_packed(n: int) -> None:
    masks = draw(n, 50)
    packed = mask_algebra.pack(masks)
    assert packed.shape == (50, (n + 7) // 8)
    assert packed.dtype == np.uint8
    unpacked = mask_algebra.unpack(packed, n)
    assert unpacked.dtype == np.bool_
    np.testing.assert_array_equal(unpacked, masks)


def test_candidate_i_is_bit_i_mod_8_of_byte_i_div_8() -> None:
    packed = mask_algebra.pack(np.eye(19, dtype=np.bool_))
    for i in range(19):
        expected = [0, 0, 0]
        expected[i // 8] = 1 << (i % 8)
        assert packed[i].tolist() == expected


@pytest.mark.parametrize("n", [1, 5, 8, 13, 33, 62])
def test_bit_i_of_the_index_is_candidate_i(n: int) -> None:
    masks = draw(n, 40)
    index = mask_algebra.to_index(masks)
    assert index.tolist() == [sum(1 << i for i in range(n) if row[i]) for row in masks]
    np.testing.assert_array_equal(mask_algebra.from_index(index, n), masks)


def test_the_index_is_the_little_endian_integer_of_the_packed_mask() -> None:
    masks = draw(37, 40)
    integers = [
        int.from_bytes(row.tobytes(), "little") for row in mask_algebra.pack(masks)
    ]
    assert mask_algebra.to_index(masks).tolist() == integers


@given(
    rows=st.integers(1, 3).flatmap(
        lambda w: st.lists(
            st.lists(st.sampled_from([0, 1, 255]), min_size=w, max_size=w), min_size=1
        )
    )
)
@settings(deadline=None, max_examples=60)
def test_distinct_rows_stand_in_order_of_first_appearance(
    rows: list[list[int]],
) -> None:
    first, inverse = mask_algebra.distinct(np.array(rows, np.uint8))
    seen = [row for i, row in enumerate(rows) if row not in rows[:i]]
    assert first.tolist() == [rows.index(row) for row in seen]
    assert inverse.tolist() == [seen.index(row) for row in rows]


# Parities


@given(
    n=st.integers(1, 70),
    masks=st.integers(1, 20),
    sets=st.integers(1, 35),
    seed=st.integers(0, 2**32 - 1),
)
@settings(deadline=None, max_examples=60)
def test_characters_are_the_parity_of_a_plain_count(
    n: int, masks: int, sets: int, seed: int
) -> None:
    kept, members = draw(n, masks, seed), draw(n, sets, seed + 1)
    counts = [
        [sum(a and b for a, b in zip(m, s, strict=True)) for s in rows(members)]
        for m in rows(kept)
    ]
    packed = mask_algebra.pack(kept), mask_algebra.pack(members)
    odd = mask_algebra.parities(*packed)
    assert odd.shape == (masks, (sets + 7) // 8)
    assert odd.dtype == np.uint8
    for i, j in product(range(masks), range(sets)):
        assert (odd[i, j // 8] >> (j % 8)) & 1 == counts[i][j] % 2
    characters = mask_algebra.characters(*packed)
    assert characters.dtype == np.float64
    assert characters.tolist() == [[(-1.0) ** count for count in row] for row in counts]


def test_the_character_of_the_empty_set_is_one_everywhere() -> None:
    empty = np.zeros((1, 9), np.uint8)
    assert (
        mask_algebra.characters(mask_algebra.pack(draw(70, 30)), empty) == 1.0
    ).all()


@pytest.mark.parametrize(
    ("rows", "bytes_per_row"), [(0, 8), (1, 1 << 30), (5, 1 << 30), (1 << 20, 100)]
)
def test_blocks_cover_every_row_once_and_in_order(
    rows: int, bytes_per_row: int
) -> None:
    covered = [
        (block.start, block.stop) for block in mask_algebra.blocks(rows, bytes_per_row)
    ]
    assert [start for start, _ in covered] == [0, *(stop for _, stop in covered)][
        : len(covered)
    ]
    assert (covered[-1][1] if covered else 0) == rows
    assert all(
        stop - start == 1 or (stop - start) * bytes_per_row <= 1 << 24
        for start, stop in covered
    )


# Designs


@pytest.mark.parametrize("n", [1, 4, 10])
def test_everything_is_each_mask_at_its_own_index(n: int) -> None:
    masks = designs.everything(n)
    assert rows(masks) == [
        tuple(reversed(bits)) for bits in product([False, True], repeat=n)
    ]


def test_everything_refuses_what_cannot_be_listed() -> None:
    with pytest.raises(InvalidInput, match=r"2\^21"):
        designs.everything(21)


@pytest.mark.parametrize(
    ("n", "count"), [(5, 32), (16, 3000), (17, 3000), (40, 3000), (70, 3000)]
)
def test_uniform_masks_are_distinct(n: int, count: int) -> None:
    masks = designs.uniform(n, count, seed=3)
    assert masks.shape == (count, n)
    assert masks.dtype == np.bool_
    assert len(set(rows(masks))) == count


@pytest.mark.parametrize("n", [5, 16, 17, 40])
def test_a_longer_uniform_design_begins_with_the_shorter_one(n: int) -> None:
    longest = designs.uniform(n, min(2500, 1 << n), seed=8)
    for count in (0, 1, 20, 1023, 1024, 1025, 2048):
        if count <= len(longest):
            np.testing.assert_array_equal(
                designs.uniform(n, count, seed=8), longest[:count]
            )


def test_a_design_that_meets_repeats_stays_nested_and_distinct() -> None:
    # thousands of draws repeat an earlier mask
    longest = designs.uniform(17, 20_000, seed=0)
    assert len(np.unique(mask_algebra.to_index(longest))) == 20_000
    np.testing.assert_array_equal(designs.uniform(17, 9_000, seed=0), longest[:9_000])


@pytest.mark.parametrize("n", [5, 16, 17, 40])
def test_the_seed_decides_the_design(n: int) -> None:
    count = min(100, 1 << n)
    first = designs.uniform(n, count, seed=1)
    np.testing.assert_array_equal(first, designs.uniform(n, count, seed=1))
    assert (first != designs.uniform(n, count, seed=2)).any()


@pytest.mark.parametrize("n", [12, 40])
def test_uniform_masks_keep_each_candidate_and_each_pair_as_often_as_chance_does(
    n: int,
) -> None:
    masks = designs.uniform(n, 2000, seed=5).astype(float)
    together = masks.T @ masks / len(masks)
    expected = np.where(np.eye(n) == 1, 0.5, 0.25)
    assert np.abs(together - expected).max() < 5 * 0.5 / np.sqrt(2000)


@pytest.mark.parametrize("n", [1, 5, 16])
def test_more_masks_than_there_are_is_refused(n: int) -> None:
    assert len(designs.uniform(n, 1 << n, seed=0)) == 1 << n
    with pytest.raises(BudgetTooSmall, match=str(1 << n)):
        designs.uniform(n, (1 << n) + 1, seed=0)


@pytest.mark.parametrize(
    ("n", "count"), [(6, 20), (16, 500), (17, 500), (40, 501), (70, 300)]
)
def test_paired_masks_are_distinct_and_each_is_followed_by_its_complement(
    n: int, count: int
) -> None:
    masks = designs.paired(n, count, seed=4)
    assert masks.shape == (count, n)
    assert len(set(rows(masks))) == count
    even = count - count % 2
    np.testing.assert_array_equal(masks[0:even:2], ~masks[1:even:2])


@pytest.mark.parametrize("n", [1, 3, 4, 6])
def test_all_masks_can_be_paired(n: int) -> None:
    masks = designs.paired(n, 1 << n, seed=4)
    assert len(set(rows(masks))) == 1 << n
    np.testing.assert_array_equal(masks[0::2], ~masks[1::2])


def test_more_paired_masks_than_there_are_is_refused() -> None:
    with pytest.raises(BudgetTooSmall):
        designs.paired(3, 9, seed=0)


def test_leave_one_out_keeps_everything_and_then_all_but_one() -> None:
    masks = designs.leave_one_out(4)
    assert masks.astype(int).tolist() == [
        [1, 1, 1, 1],
        [0, 1, 1, 1],
        [1, 0, 1, 1],
        [1, 1, 0, 1],
        [1, 1, 1, 0],
    ]


# Masks that users bring


@pytest.mark.parametrize("dtype", [bool, int, float, np.uint8])
def test_zeros_and_ones_of_any_type_are_masks(dtype: type) -> None:
    masks = mask_algebra.as_masks(np.array([[1, 0, 1], [0, 0, 1]], dtype), 3)
    assert masks.dtype == np.bool_
    assert masks.tolist() == [[True, False, True], [False, False, True]]


def test_one_mask_becomes_a_row() -> None:
    assert mask_algebra.as_masks([1, 0, 1], 3).tolist() == [[True, False, True]]


@pytest.mark.parametrize(
    "bad",
    [
        np.ones((2, 4), bool),
        np.ones(4, bool),
        np.ones((2, 3, 1), bool),
        np.bool_(True),
        [[1, 0, 1], [1, 0]],
    ],
    ids=["too wide", "one row too wide", "three axes", "no axis", "ragged"],
)
def test_masks_of_another_shape_are_refused(bad: object) -> None:
    with pytest.raises(InvalidInput):
        mask_algebra.as_masks(bad, 3)  # type: ignore[arg-type]


@pytest.mark.parametrize("entry", [2, -1, 0.5, float("nan")])
def test_entries_that_are_neither_zero_nor_one_are_refused(entry: float) -> None:
    with pytest.raises(InvalidInput, match="only"):
        mask_algebra.as_masks([[0, 1, entry]], 3)


def test_the_refusal_names_the_shape_it_got_and_the_width_it_wants() -> None:
    with pytest.raises(InvalidInput, match=r"\(2, 4\).*\(m, 3\)"):
        mask_algebra.as_masks(np.ones((2, 4), bool), 3)
