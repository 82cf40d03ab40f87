"""A game is its candidates, and a function of which of them are kept."""

import numpy as np
import pytest
from numpy.typing import NDArray

from spexlens.errors import InvalidInput
from spexlens.games.candidate import Candidate
from spexlens.games.game import Game
from spexlens.masks.designs import everything

LABELS = ("never", "fails", "to")


def count(masks: NDArray[np.bool_]) -> NDArray[np.int64]:
    kept: NDArray[np.int64] = masks.sum(axis=1)
    return kept


def test_labels_become_candidates_in_their_order() -> None:
    game = Game(count, LABELS)
    assert tuple(candidate.label for candidate in game.candidates) == LABELS
    assert game.n == 3


def test_a_number_of_candidates_names_each_of_them_differently() -> None:
    game = Game(count, 12)
    assert game.n == 12
    assert len({candidate.label for candidate in game.candidates}) == 12


def test_a_candidate_given_whole_keeps_its_kind_and_span() -> None:
    word = Candidate("fails", kind="word", span=(17, 22))
    game = Game(count, [Candidate("never"), word])
    assert game.candidates[1] is word


def test_a_value_is_one_float_a_mask() -> None:
    values = Game(count, 3).value(everything(3))
    assert values.dtype == np.float64
    assert values.tolist() == [0, 1, 1, 2, 1, 2, 2, 3]


def test_a_function_may_answer_with_a_list() -> None:
    assert (
        Game(lambda masks: [0.5] * len(masks), 3).value(everything(3)).tolist()
        == [0.5] * 8
    )


def test_a_vector_valued_function_names_its_outputs() -> None:
    game = Game(
        lambda masks: np.stack([count(masks), -count(masks)], 1),
        3,
        outputs=["up", "down"],
        unit="nat",
    )
    assert game.value(everything(3)).shape == (8, 2)
    assert game.outputs == ("up", "down")
    assert game.unit == game.facts()["unit"] == "nat"


@pytest.mark.parametrize("nothing", [0, -1, [], ()])
def test_a_game_without_candidates_is_refused(
    nothing: int | list[str] | tuple[str, ...],
) -> None:
    with pytest.raises(InvalidInput, match="at least one candidate"):
        Game(count, nothing)


def test_a_fingerprint_is_the_key() -> None:
    game = Game(count, 3, fingerprint="kept words")
    assert game.key == "kept words n=3"


def test_unnamed_games_never_share_a_key() -> None:
    games = [Game(count, 3) for _ in range(50)]
    assert {game.fingerprint for game in games} == {None}
    assert len({game.key for game in games}) == 50


def test_one_game_keeps_its_key() -> None:
    game = Game(count, 3)
    assert game.key == game.key


def test_every_mask_of_a_function_costs_the_same() -> None:
    assert len(set(Game(count, 3).costs(everything(3)).tolist())) == 1


@pytest.mark.parametrize("answer", ["words", 1j])
def test_an_answer_that_is_no_real_number_is_refused(answer: object) -> None:
    with pytest.raises(InvalidInput, match="expected real numbers"):
        Game(lambda masks: [answer] * len(masks), 3).value(np.ones((2, 3), np.bool_))
