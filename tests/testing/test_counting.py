"""A counting game knows what it was asked."""

import numpy as np
import pytest

from spexlens.errors import InvalidInput
from spexlens.testing.counting import CountingGame
from spexlens.verbs.explain import explain


def test_it_answers_as_its_function_and_keeps_every_batch() -> None:
    game = CountingGame(lambda masks: masks.sum(axis=1), 3)
    masks = np.array([[True, False, True], [False, False, False]])
    assert game.value(masks).tolist() == [2.0, 0.0]
    game.value(masks[:1])
    assert [len(batch) for batch in game.batches] == [2, 1]
    assert game.evaluations == 3
    assert np.array_equal(game.masks, masks[[0, 1, 0]])


def test_what_is_written_to_masks_later_is_not_what_was_asked() -> None:
    game = CountingGame(lambda masks: masks.sum(axis=1), 2)
    masks = np.ones((1, 2), np.bool_)
    game.value(masks)
    masks[:] = False
    assert game.masks.all()


def test_a_call_that_fails_is_counted_and_forgetting_begins_anew() -> None:
    game = CountingGame(lambda masks: "nothing", 2)
    with pytest.raises(InvalidInput):
        game.value(np.ones((1, 2), np.bool_))
    assert game.evaluations == 1
    game.forget()
    assert game.masks.shape == (0, 2)


def test_explain_asks_it_for_no_more_than_the_budget() -> None:
    game = CountingGame(lambda masks: masks[:, 0] & masks[:, 1], 5)
    explanation = explain(game, 40)
    assert game.evaluations == explanation.account.calls <= 40
