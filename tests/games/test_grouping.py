"""Groups of candidates, levels of them, and masks that share trainings."""

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from spexlens import Candidate, Game, Ledger, explain
from spexlens.errors import InvalidInput, SpexlensError
from spexlens.evaluation.evaluator import Evaluator
from spexlens.games.grouped import Grouped
from spexlens.games.levels import filled, finest, gathered, nested, whole
from spexlens.masks import designs, shared_trainings
from spexlens.masks import masks as mask_algebra


def counted(n: int, fingerprint: str | None = None) -> tuple[Game, list[int]]:
    """A game of any order and how many masks it was asked for."""
    asked = [0]
    weights = np.random.default_rng(n).normal(size=n)

    def value(masks: np.ndarray) -> np.ndarray:
        asked[0] += len(masks)
        return masks @ weights + 2.0 * masks[:, 0] * masks[:, -1]

    return Game(value, n, fingerprint), asked


def test_a_mask_of_groups_is_the_games_mask_and_the_rest_stays() -> None:
    game, _ = counted(6)
    grouped = Grouped(game, [[0, 3], [5]])
    assert [candidate.label for candidate in grouped.candidates] == ["x0 x3", "x5"]
    assert grouped.fixed.tolist() == [1, 2, 4]
    masks = designs.everything(2)
    spread = np.ones((4, 6), np.bool_)
    spread[:, [0, 3]], spread[:, 5] = masks[:, :1], masks[:, 1]
    assert np.array_equal(grouped.value(masks), game.value(spread))
    expanded = mask_algebra.unpack(grouped.to_base(mask_algebra.pack(masks)), 6)
    assert np.array_equal(expanded, spread)
    assert grouped.facts()["kept"] == 3


def test_groups_of_groups_are_groups_of_the_game() -> None:
    game, _ = counted(6)
    outer = Grouped(Grouped(game, [[0, 1], [2, 3], [4]]), [[0, 2], [1]])
    assert outer.base is game
    assert outer.owner.tolist() == [0, 0, 1, 1, 0, -1]


@settings(max_examples=30, deadline=None)
@given(st.integers(2, 9), st.integers(0, 1000))
def test_the_exact_spectrum_of_groups_is_that_of_the_game_restricted(
    n: int, seed: int
) -> None:
    game, _ = counted(n)
    rng = np.random.default_rng(seed)
    owner = rng.integers(-1, 3, size=n)
    groups = [
        np.flatnonzero(owner == group).tolist()
        for group in range(3)
        if (owner == group).any()
    ]
    if not groups:
        return
    grouped = Grouped(game, groups)
    explanation = explain(grouped, 1 << len(groups), unchosen=0)
    masks = designs.everything(len(groups))
    assert np.allclose(explanation.spectrum.predict(masks), grouped.value(masks))


def test_groupings_of_one_game_share_what_was_paid_for() -> None:
    game, asked = counted(8, "shared")
    with Ledger() as book:
        explain(Grouped(game, [[0, 1], [2, 3], [4, 5], [6, 7]]), 16, ledger=book)
        assert asked[0] == 16
        finer = explain(
            Grouped(game, [[0], [1], [2, 3], [4, 5], [6, 7]]), 32, ledger=book
        )
    assert (asked[0], finer.calls, finer.account.reused) == (32, 16, 16)


@pytest.mark.parametrize(
    ("groups", "wrong"),
    [
        ([[0], []], "empty"),
        ([[0], [0]], "is in groups"),
        ([[9]], "no candidate 9"),
        ([], "at least one"),
    ],
)
def test_bad_groups_are_one_line(groups: list[list[int]], wrong: str) -> None:
    with pytest.raises(InvalidInput, match=wrong):
        Grouped(counted(4)[0], groups)


def test_levels_are_nested_and_end_with_the_candidates() -> None:
    game, _ = counted(300)
    levels = game.levels()
    assert [len(level) for level in levels] == [5, 38, 300]
    for level in levels:
        assert sorted(position for group in level.groups for position in group) == list(
            range(300)
        )
    grouped = Grouped(game, [[position] for position in range(100)])
    assert [len(level) for level in grouped.levels()] == [2, 13, 100]


def test_levels_that_split_a_group_are_left_out() -> None:
    game, _ = counted(64)
    across = Grouped(game, [[0, 63], *([position] for position in range(1, 63))])
    assert [len(level) for level in across.levels()] == [63]


def test_levels_far_apart_are_filled_with_runs_of_neighbours() -> None:
    candidates = [
        Candidate(f"w{place}", "word", (place, place + 1)) for place in range(70)
    ]
    pair = gathered(
        "half", [place // 35 for place in range(70)], lambda group: candidates[group[0]]
    )
    levels = filled([pair, finest(candidates)], 8)
    assert [(level.name, len(level)) for level in levels] == [
        ("half", 2),
        ("5 words", 14),
        ("word", 70),
    ]
    assert levels[1].candidates[0] == Candidate("w0 … w4", "block", (0, 5))
    for coarse, fine in pairwise(levels):
        for group in fine.groups:
            assert sum(set(group) <= set(other) for other in coarse.groups) == 1
    assert [
        len(level) for level in filled([whole(candidates), finest(candidates)], 10)
    ] == [1, 10, 70]
    assert [
        len(each) for each in nested([pair, finest(candidates), finest(candidates)])
    ] == [2, 70]


@pytest.mark.parametrize("trainings", [4, 10, 64])
def test_masks_share_trainings_and_are_distinct(trainings: int) -> None:
    trained = np.arange(14) % 2 == 0
    masks = shared_trainings.sharing(trained, 200, trainings, seed=3)
    assert len(mask_algebra.distinct(mask_algebra.pack(masks))[0]) == len(masks) == 200
    assert len(np.unique(masks[:, trained], axis=0)) == trainings
    assert np.array_equal(
        masks, shared_trainings.sharing(trained, 200, trainings, seed=3)
    )
    fresh = shared_trainings.sharing(trained, 40, 6, seed=4, apart=masks)
    old = {row.tobytes() for row in masks[:, trained]}
    assert not any(row.tobytes() in old for row in fresh[:, trained])


def test_the_evaluator_never_splits_a_training() -> None:
    class Trained(Game):
        training_candidates = np.array(
            [True, True, True, False, False, False, False, False]
        )
        batch_size = 7

        def __init__(self) -> None:
            super().__init__(lambda masks: masks.sum(axis=1), 8)
            self.batches: list[np.ndarray] = []

        def value(self, masks: np.ndarray) -> np.ndarray:
            self.batches.append(masks)
            return super().value(masks)

    game = Trained()
    with Ledger() as book:
        evaluator = Evaluator(game, book)
        evaluator.values(designs.uniform(8, 100, 0))
    slices = [{row.tobytes() for row in batch[:, :3]} for batch in game.batches]
    assert sum(map(len, slices)) == len(set.union(*slices)) == evaluator.trainings == 8


def test_trainings_are_counted_only_where_they_are_shared() -> None:
    with pytest.raises(SpexlensError, match="counted apart only where"):
        explain(counted(20)[0], 100, trainings=10)
