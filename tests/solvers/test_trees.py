"""The spectrum of a forest is that of the function its trees compute, mask by mask."""

from typing import Any

import lightgbm
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from spexlens.masks.designs import everything, uniform
from spexlens.solvers.proxyspex.proxies.boosting import Boosting
from spexlens.solvers.proxyspex.proxies.trees import Forest, parse_lightgbm

Tree = float | tuple[int, Any, Any]
"""A leaf's value, or (candidate, tree if it is ablated, tree if it is kept)."""


def answer(tree: Tree, mask: NDArray[np.bool_]) -> float:
    while isinstance(tree, tuple):
        tree = tree[2] if mask[tree[0]] else tree[1]
    return tree


def planted(n: int, trees: list[Tree]) -> Forest:
    feature: list[int] = []
    children: list[list[int]] = []
    leaves: list[float] = []

    def place(tree: Tree) -> int:
        if not isinstance(tree, tuple):
            leaves.append(tree)
            return ~(len(leaves) - 1)
        node = len(feature)
        feature.append(tree[0])
        children.append([])
        children[node] = [place(tree[1]), place(tree[2])]
        return node

    roots = [place(tree) for tree in trees]
    return Forest(
        n,
        np.array(feature, np.int32),
        np.array(children, np.int64).reshape(-1, 2),
        np.array(leaves),
        np.array(roots, np.int64),
    )


def grow(
    n: int, depth: int, rng: np.random.Generator, above: tuple[int, ...] = ()
) -> Tree:
    """A random tree, lopsided, that asks for no candidate twice on a path."""
    if len(above) == min(depth, n) or (above and rng.random() < 0.2):
        return float(rng.normal())
    i = int(rng.choice([j for j in range(n) if j not in above]))
    return (i, grow(n, depth, rng, (*above, i)), grow(n, depth, rng, (*above, i)))


def walk(forest: Forest, mask: NDArray[np.bool_]) -> float:
    total = 0.0
    for child in forest.roots.tolist():
        while child >= 0:
            child = int(forest.children[child, int(mask[forest.feature[child]])])
        total += float(forest.leaves[~child])
    return total


def coefficient(table: NDArray[np.float64], members: tuple[int, ...]) -> float:
    masks = everything(len(table).bit_length() - 1)
    return float(np.mean((-1.0) ** masks[:, list(members)].sum(axis=1) * table))


def boosted(
    n: int, rows: int, seed: int = 0, trees: int = 20, **settings: Any
) -> lightgbm.Booster:
    masks = uniform(n, rows, seed)
    rng = np.random.default_rng(seed)
    values = (
        masks @ rng.normal(size=n)
        + 2.0 * (masks[:, 0] & masks[:, -1])
        + rng.normal(size=rows)
    )
    quiet = {
        "verbose": -1,
        "num_threads": 1,
        "min_data_in_bin": 1,
        "min_data_in_leaf": 1,
    }
    table = lightgbm.Dataset(masks.astype(np.float32), values, params=quiet)
    return lightgbm.train(quiet | settings, table, trees)


# Forests made by hand


@given(
    n=st.integers(1, 7),
    trees=st.integers(1, 5),
    depth=st.integers(0, 7),
    seed=st.integers(0, 2**32 - 1),
)
@settings(deadline=None, max_examples=60)
def test_a_forest_predicts_the_sum_of_its_trees_on_every_mask(
    n: int, trees: int, depth: int, seed: int
) -> None:
    rng = np.random.default_rng(seed)
    forest = [grow(n, depth, rng) for _ in range(trees)]
    table = [sum(answer(tree, mask) for tree in forest) for mask in everything(n)]
    np.testing.assert_allclose(
        planted(n, forest).spectrum().predict(everything(n)), table, atol=1e-12
    )


def test_every_coefficient_of_a_forest_is_the_mean_of_its_values_times_the_character() -> (
    None
):
    rng = np.random.default_rng(3)
    forest = planted(5, [grow(5, 4, rng) for _ in range(4)])
    spectrum = forest.spectrum()
    table = np.array([walk(forest, mask) for mask in everything(5)])
    for mask in everything(5):
        members = tuple(np.flatnonzero(mask).tolist())
        assert spectrum[members] == pytest.approx(
            coefficient(table, members), abs=1e-12
        )


def test_one_split_is_a_mean_and_half_a_difference() -> None:
    assert dict(planted(3, [(2, 5.0, 1.0)]).spectrum()) == {(): 3.0, (2,): 2.0}


def test_an_and_of_two_candidates_has_four_coefficients_of_a_quarter() -> None:
    spectrum = planted(4, [(1, 0.0, (3, 0.0, 1.0))]).spectrum()
    assert dict(spectrum) == {(): 0.25, (1,): -0.25, (3,): -0.25, (1, 3): 0.25}


def test_trees_of_a_single_leaf_only_move_the_mean() -> None:
    assert dict(planted(3, [2.0, -0.5]).spectrum()) == {(): 1.5}
    assert dict(planted(3, [2.0, (0, 4.0, 0.0), -0.5]).spectrum()) == {
        (): 3.5,
        (0,): 2.0,
    }


def test_no_coefficient_is_deeper_than_the_trees() -> None:
    rng = np.random.default_rng(0)
    forest = planted(40, [grow(40, 3, rng) for _ in range(30)])
    spectrum = forest.spectrum()
    assert spectrum.n == 40
    assert spectrum.sets.orders.max() == 3
    masks = uniform(40, 50, seed=1)
    np.testing.assert_allclose(
        spectrum.predict(masks), [walk(forest, mask) for mask in masks], atol=1e-12
    )


# LightGBM's own


@pytest.mark.parametrize(
    ("n", "rows", "depth"),
    [(1, 2, 1), (4, 16, 2), (7, 100, 3), (10, 600, 5), (10, 1024, -1)],
)
def test_the_spectrum_of_a_boosted_model_predicts_what_lightgbm_predicts(
    n: int, rows: int, depth: int
) -> None:
    booster = boosted(n, rows, max_depth=depth, num_leaves=31)
    spectrum = parse_lightgbm(booster.model_to_string(), n).spectrum()
    table = np.asarray(booster.predict(everything(n).astype(np.float32)))
    assert table.std() > 0
    np.testing.assert_allclose(spectrum.predict(everything(n)), table, atol=1e-10)
    rng = np.random.default_rng(0)
    for mask in [*np.eye(n, dtype=np.bool_), *(rng.random((20, n)) < 0.4)]:
        members = tuple(np.flatnonzero(mask).tolist())
        assert spectrum[members] == pytest.approx(
            coefficient(table, members), abs=1e-10
        )


@pytest.mark.parametrize("seed", range(4))
def test_parsed_trees_answer_as_the_booster_does(seed: int) -> None:
    booster = boosted(
        9, 200, seed, trees=7, num_leaves=12, bagging_fraction=0.7, bagging_freq=1
    )
    forest = parse_lightgbm(booster.model_to_string(), 9)
    assert len(forest.roots) == 7
    masks = everything(9)
    expected = np.asarray(booster.predict(masks.astype(np.float32)))
    np.testing.assert_allclose(
        [walk(forest, mask) for mask in masks], expected, atol=1e-12
    )


def test_a_booster_that_finds_no_split_is_a_constant() -> None:
    booster = boosted(6, 40, min_data_in_leaf=30)
    forest = parse_lightgbm(booster.model_to_string(), 6)
    assert len(forest.feature) == 0
    (expected,) = np.asarray(booster.predict(np.zeros((1, 6), np.float32)))
    assert dict(forest.spectrum()) == {(): pytest.approx(expected, abs=1e-12)}


def test_a_candidate_that_is_never_ablated_is_in_no_set() -> None:
    masks = uniform(8, 120, seed=0)
    masks[:, 3] = True
    values = masks @ np.arange(8.0)
    spectrum = (
        Boosting(depth=3, columns=1.0, trees=20).fit(masks, values, seed=0).spectrum
    )
    assert len(spectrum) > 4
    assert 3 not in spectrum.sets.members


def test_a_boosting_proxy_predicts_through_its_spectrum_and_repeats_itself() -> None:
    masks, fresh = uniform(12, 150, seed=0), uniform(12, 200, seed=1)
    values = masks[:, 0] * 3.0 - 2.0 * (masks[:, 1] & masks[:, 2])
    proxy = Boosting(depth=3, columns=0.5, trees=30)
    first, again, other = (proxy.fit(masks, values, seed) for seed in (5, 5, 6))
    np.testing.assert_array_equal(first.predict(fresh), first.spectrum.predict(fresh))
    np.testing.assert_array_equal(first.predict(fresh), again.predict(fresh))
    assert (first.predict(fresh) != other.predict(fresh)).any()
    assert first.spectrum.sets.orders.max() <= 3
