"""Smallest sets: predicted by the spectrum, confirmed on the model, within the budget."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from spexlens import Explanation, Game, Spectrum, explain
from spexlens.errors import InvalidInput
from spexlens.evaluation.ledger.ledger import Ledger
from spexlens.evaluation.repetitions import Repetitions
from spexlens.evidence.smallest import confirmed
from spexlens.masks import designs
from spexlens.report.terminal.page import plain


def gated(masks: NDArray[np.bool_]) -> NDArray[np.float64]:
    """Ten if 1 and 2 are kept, or 4 and 5; and little for each other candidate."""
    m = masks.astype(float)
    either = np.maximum(m[:, 1] * m[:, 2], m[:, 4] * m[:, 5])
    return np.asarray(10.0 * either + 0.01 * m.sum(axis=1))


@pytest.mark.parametrize("n", [8, 14, 30])
def test_what_is_enough_and_what_is_needed_is_confirmed_on_the_model(n: int) -> None:
    explanation = explain(Game(gated, n), 400, smallest=0.9)
    assert explanation.calls <= 400
    enough, needed = explanation.smallest
    assert (enough.kind, needed.kind) == ("sufficient", "necessary")
    assert set(enough.members) in ({1, 2}, {4, 5})
    assert len(needed.members) == 2
    assert all(set(needed.members) & pair for pair in ({1, 2}, {4, 5}))
    for found in explanation.smallest:
        mask = np.full((1, n), found.kind == "necessary")
        mask[0, list(found.members)] = found.kind == "sufficient"
        assert found.answered == pytest.approx(float(gated(mask)[0]))
        assert found.holds is True
        assert found.irreducible is True
    assert "enough for 90% of f(all) - f(none): x" in plain(explanation)


def test_a_prediction_that_the_model_does_not_bear_out_is_found_anew() -> None:
    # of 0 alone it says too much
    wrong = Spectrum.of(12, {(): 6.0, (0,): -3.0, (1,): -2.0, (2,): -1.0})
    truth = Spectrum.of(12, {(): 6.0, (0,): -1.0, (1,): -3.0, (2,): -2.0})
    with Ledger() as ledger:
        evaluator = Repetitions(Game(truth.predict, 12), ledger)
        enough, needed = confirmed(evaluator, wrong, (12.0,), (0.0,), 0.8, 16)
        assert evaluator.paid <= 16
    assert enough.holds
    assert 1 in enough.members
    masks = designs.everything(12)[:, :]
    reached = masks[truth.predict(masks) >= enough.threshold].sum(axis=1).min()
    assert reached <= len(enough.members) <= 3
    assert needed.holds


def test_falling_answers_have_smallest_sets_too() -> None:
    explanation = explain(Game(lambda m: -gated(m), 14), 300, smallest=0.9)
    enough, needed = explanation.smallest
    assert len(enough.members) == len(needed.members) == 2
    assert enough.holds
    assert needed.holds


def test_sets_are_predicted_without_a_call(tmp_path: Path) -> None:
    explanation = explain(Game(gated, 14), 300)
    explanation.save(tmp_path / "x.json")
    loaded = Explanation.load(tmp_path / "x.json")
    for found in (loaded.sufficient(0.9), loaded.necessary(0.9)):
        assert len(found.members) == found.least == 2
        assert found.answered is None
        assert found.holds is None
    assert len(loaded.sufficient(0.05).members) <= 2


def test_what_has_no_smallest_set_is_refused_or_left_out() -> None:
    flat = explain(Game(lambda m: np.ones(len(m)), 14), 200, smallest=0.9)
    assert flat.smallest == ()
    with pytest.raises(InvalidInput, match="are the same"):
        flat.sufficient()
    for share in (0.0, -1.0, 1.01, float("nan")):
        with pytest.raises(InvalidInput, match="up to 1"):
            explain(Game(gated, 14), 200).necessary(share)
    two = Game(lambda m: np.stack([gated(m)] * 2, axis=1), 14, outputs=["a", "b"])
    with pytest.raises(InvalidInput, match="of one output"):
        explain(two, 200, smallest=0.9)
    assert explain(two, 200).sufficient(0.9, output="b").members


@pytest.mark.parametrize("share", [1, np.float64(1.0), np.array(1.0)])
def test_a_share_is_a_number_of_python_whatever_it_was_given_as(share: Any) -> None:
    game = Game(lambda masks: masks @ np.array([3.0, 2.0, 1.0]), 3)
    sets = explain(game, 100, smallest=share).smallest
    assert sets
    assert {type(found.share) for found in sets} == {float}
