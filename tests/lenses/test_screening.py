"""Screening: what cheap attributions choose, what that costs, and what it missed."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from spexlens import (
    DataLens,
    Explanation,
    FeatureLens,
    Game,
    Ledger,
    MechanisticLens,
    SpexlensError,
    explain,
    screen,
)
from spexlens.errors import OutOfMemory
from spexlens.lenses.screening.attribution import Attribution
from spexlens.lenses.screening.gradients import gradient_attribution
from spexlens.lenses.screening.screen import attribution_of
from spexlens.models.bundled import INDUCTION, SENTIMENT

TEXT = (
    "The plot is thin and the jokes are old, but her acting never fails to impress. The"
    " film is not bad, and a great critic was bored by the music. The script is a joy,"
    " although the story fails to move."
)
COPY = "owl ink cup sun key owl ink cup"


def planted(
    n: int = 400, relevant: int = 12
) -> tuple[Game, NDArray[np.int64], list[int]]:
    """A game of which so many candidates matter, alone and in threes; the others do
    next to nothing.
    """
    rng = np.random.default_rng(5)
    where = np.sort(rng.choice(n, relevant, replace=False))
    alone, noise, asked = (
        rng.uniform(0.5, 2.0, relevant),
        1e-3 * rng.normal(size=n),
        [0],
    )

    def value(masks: NDArray[np.bool_]) -> NDArray[np.float64]:
        asked[0] += len(masks)
        kept = masks[:, where]
        together = kept.reshape(len(masks), -1, 3).all(axis=2).sum(axis=1)
        return kept @ alone + 1.5 * together + masks @ noise

    return Game(value, n, "planted"), where, asked


def test_what_is_planted_is_chosen_and_the_rest_is_seen_to_do_nothing() -> None:
    game, where, asked = planted()
    chosen = screen(game, 20)
    assert asked[0] == 401
    assert set(where.tolist()) <= set(np.flatnonzero(chosen.owner >= 0).tolist())
    explanation = explain(chosen, 300)
    assert asked[0] == 701
    assert explanation.unchosen is not None
    assert explanation.unchosen.candidates == 380
    assert explanation.unchosen.share[0] < 1e-3
    assert explanation.facts["screening"] == "by leave-one-out"
    assert explanation.facts["screening_cost"]["calls"] == 401
    assert "the other 380 stay kept" in " ".join(repr(explanation).split())


def test_a_screening_that_missed_something_is_seen() -> None:
    game, where, _ = planted()
    others = [
        position for position in range(400) if position not in set(where[:6].tolist())
    ]
    explanation = explain(screen(game, [*where[6:].tolist(), *others[:10]]), 200)
    assert explanation.unchosen is not None
    assert explanation.unchosen.share[0] > 0.3
    assert "of the variance is in what was not chosen" in " ".join(
        repr(explanation).split()
    )
    assert explain(screen(game, where.tolist()), 200, unchosen=0).unchosen is None


def test_the_check_is_in_the_budget_and_survives_a_round_trip(tmp_path: Path) -> None:
    game, _, asked = planted()
    explanation = explain(screen(game, [0, 1, 2, 3, 4, 5, 6, 7, 8, 9]), 200)
    assert asked[0] == explanation.calls == 200
    explanation.save(tmp_path / "x.json")
    again = Explanation.load(tmp_path / "x.json")
    assert again.unchosen == explanation.unchosen
    assert repr(again) == repr(explanation)


def overlap(found: Attribution, truth: Attribution, count: int = 20) -> float:
    """The part of the truth's largest that is among the largest found."""
    top = [
        set(np.argsort(-each.strength, kind="stable")[:count].tolist())
        for each in (found, truth)
    ]
    return len(top[0] & top[1]) / count


def mass(found: Attribution, truth: Attribution, count: int = 20) -> float:
    """The truth's effects that the largest found hold, of those that its own largest
    hold.
    """
    ours, best = (
        np.argsort(-each.strength, kind="stable")[:count] for each in (found, truth)
    )
    return float(truth.strength[ours].sum() / truth.strength[best].sum())


@pytest.mark.parametrize("ablation", ["zero", "mean"])
def test_attribution_patching_chooses_most_of_what_leave_one_out_would(
    ablation: str,
) -> None:
    reference = (
        ["The film is not bad", "Her acting never fails to impress"]
        if ablation == "mean"
        else None
    )
    lens = MechanisticLens(
        str(SENTIMENT),
        TEXT[:77],
        components="neurons",
        target="POSITIVE",
        ablation=ablation,
        reference=reference,
    )
    found, truth = attribution_of(lens), attribution_of(lens, "leave-one-out")
    assert (found.forward, found.backward, found.calls, truth.calls) == (1, 1, 0, 769)
    assert overlap(found, truth) >= 0.75
    assert mass(found, truth) >= 0.9
    refined = attribution_of(lens, "gradient, then leave-one-out")
    assert refined.calls == 61
    assert overlap(refined, truth) >= 0.9


def test_gradients_of_a_text_find_most_of_what_leave_one_out_would_at_two_passes() -> (
    None
):
    lens = FeatureLens(str(SENTIMENT), TEXT, target="POSITIVE")
    truth = attribution_of(lens, "leave-one-out")
    for name, passes in (("gradient x input", 1), ("integrated gradients", 4)):
        found = attribution_of(lens, name)
        assert (found.forward, found.backward) == (passes, passes)
        assert mass(found, truth) >= 0.7
    refined = attribution_of(lens, "gradient, then leave-one-out", count=10)
    assert overlap(refined, truth, 10) >= 0.9


@pytest.mark.parametrize("replacement", ["mask", "pad", "unk"])
def test_a_text_to_a_degree_is_the_text_where_degrees_are_whole(
    replacement: str,
) -> None:
    lens = FeatureLens(
        str(SENTIMENT), TEXT, target=["POSITIVE", "NEGATIVE"], replacement=replacement
    )
    masks = np.random.default_rng(0).random((6, lens.n)) < 0.5
    for mask, value in zip(masks, lens.value(masks), strict=True):
        value_at = lens.value_at(torch.from_numpy(mask).float()).detach().cpu().numpy()
        assert np.allclose(value_at, value, atol=1e-4)


@pytest.mark.parametrize(
    "how",
    [
        {"ablation": "zero", "rescale": True},
        {"ablation": "mean", "reference": ["ant bee cat dog", "bus car egg"]},
        {"counterfactual": "owl ink key sun key owl ink cup"},
        {"counterfactual": "owl ink key sun key owl ink cup", "ablation": "restore"},
    ],
)
def test_components_to_a_degree_are_what_they_are_where_degrees_are_whole(
    how: dict[str, Any],
) -> None:
    kinds = (
        ["heads"]
        if how.get("rescale")
        else ["heads", "mlps", "L0.MLP[3]", "L0.RESID[2]"]
    )
    lens = MechanisticLens(str(INDUCTION), COPY, components=kinds, target="sun", **how)
    masks = np.random.default_rng(0).random((6, lens.n)) < 0.6
    for mask, value in zip(masks, lens.value(masks), strict=True):
        value_at = lens.value_at(torch.from_numpy(mask).float()).detach().cpu().numpy()
        assert np.allclose(value_at, value, atol=1e-4)


@pytest.mark.parametrize("point", [1.0, 0.6])
def test_slopes_are_the_differences_they_stand_for(point: float) -> None:
    for lens in (
        FeatureLens(str(SENTIMENT), TEXT, target="POSITIVE"),
        MechanisticLens(str(INDUCTION), COPY, target="sun"),
    ):
        middle = torch.full((lens.n,), point, requires_grad=True)
        (slope,) = torch.autograd.grad(lens.value_at(middle).sum(), middle)
        for place in range(0, lens.n, 5):
            step = 1e-2 * (torch.arange(lens.n) == place)
            up, down = middle.detach() + step, middle.detach() - step
            with torch.no_grad():
                difference = (
                    float((lens.value_at(up) - lens.value_at(down)).sum()) / 2e-2
                )
            assert difference == pytest.approx(float(slope[place]), rel=0.05, abs=5e-3)


def test_integrated_gradients_add_up_to_what_is_between_nothing_and_all() -> None:
    lens = FeatureLens(
        str(SENTIMENT), "Her acting never fails to impress", target="POSITIVE"
    )
    whole, nothing = lens.value(np.array([[True], [False]]).repeat(lens.n, axis=1))
    assert gradient_attribution(lens, "x", 128).scores.sum() == pytest.approx(
        whole - nothing, rel=0.02
    )


def test_several_outputs_are_screened_together() -> None:
    lens = FeatureLens(str(SENTIMENT), TEXT, target=["POSITIVE", "NEGATIVE"])
    found = attribution_of(lens)
    assert found.scores.shape == (lens.n, 2)
    assert found.backward == 2
    explanation = explain(screen(lens, 5), 100)
    assert explanation.unchosen is not None
    assert len(explanation.unchosen.share) == 2


def test_words_are_chosen_by_name_and_position() -> None:
    lens = FeatureLens(str(SENTIMENT), TEXT, target="POSITIVE")
    chosen = screen(lens, ["fails", 0])
    assert [candidate.label for candidate in chosen.candidates] == [
        "The",
        "fails",
        "fails",
    ]
    assert screen(lens, "all") is lens
    assert screen(lens, 500) is lens


def test_leave_one_out_is_kept_in_the_ledger(tmp_path: Path) -> None:
    game, _, asked = planted(50)
    with Ledger(tmp_path / "runs.db") as book:
        first = screen(game, 10, by="leave-one-out", ledger=book)
        again = screen(game, 10, by="leave-one-out", ledger=book)
    assert asked[0] == 51
    assert first.facts() == again.facts()
    assert first.facts()["screening_cost"]["calls"] == 51


@pytest.mark.parametrize(
    ("candidates", "by", "wrong"),
    [
        (0, None, "the screening is empty: choose 1 candidate or more, or all, not 0"),
        ([], None, "the screening is empty: the list"),
        (["nver"], None, "there is no candidate 'nver' of 41; there are 'never'"),
        ([99], None, "their positions are 0 to 40"),
        ("most", None, "candidates are 'all', a number, or a list"),
        (
            5,
            "magic",
            (
                "no attribution 'magic' here; choose one of gradient x input,"
                " integrated gradients"
            ),
        ),
        ("all", "gradient x input", "needs a number of candidates"),
    ],
)
def test_bad_input_is_one_line(candidates: Any, by: str | None, wrong: str) -> None:
    lens = FeatureLens(str(SENTIMENT), TEXT, target="POSITIVE")
    with pytest.raises(SpexlensError, match=wrong) as caught:
        screen(lens, candidates, by=by)
    assert "\n" not in str(caught.value)


def test_a_game_in_which_nothing_matters_alone_has_no_screening() -> None:
    game = Game(lambda masks: masks[:, :2].any(axis=1).astype(float), 30)
    with pytest.raises(SpexlensError, match="leave-one-out is 0 for every candidate"):
        screen(game, 5)


def test_one_candidate_is_enough(tmp_path: Path) -> None:
    lens = FeatureLens(str(SENTIMENT), TEXT, target="POSITIVE")
    explanation = explain(screen(lens, 1), 100)
    explanation.save(tmp_path / "x.json")
    assert explanation.unchosen is not None
    assert np.isfinite(explanation.unchosen.share).all()


def test_what_has_no_gradient_is_left_out_one_by_one() -> None:
    for lens in (
        FeatureLens(str(SENTIMENT), TEXT, target="POSITIVE", objective="accuracy"),
        MechanisticLens(str(INDUCTION), COPY, target="sun", objective="accuracy"),
    ):
        assert lens.attributions == ()
        assert attribution_of(lens).method == "leave-one-out"
        with pytest.raises(SpexlensError, match="has no gradient"):
            gradient_attribution(lens, "gradient x input")


@pytest.mark.parametrize("count", [1, 200])
def test_the_share_of_what_was_not_chosen_is_a_share_of_the_variance(
    count: int,
) -> None:
    weights = np.append(np.full(10, 2.0), np.full(count, 2.0 if count == 1 else 0.1))
    truth = (weights[10:] ** 2).sum() / (weights**2).sum()
    game = Game(lambda masks: masks @ weights, len(weights))
    found = explain(screen(game, list(range(10))), 600, unchosen=200).unchosen
    assert found is not None
    assert found.share[0] == pytest.approx(truth, rel=0.3)


def test_a_budget_for_all_masks_stays_one() -> None:
    lens = FeatureLens(str(SENTIMENT), TEXT, target="POSITIVE")
    exact = explain(screen(lens, 8), 256, method="exact")
    assert (exact.calls, exact.unchosen) == (256, None)
    assert explain(screen(lens, 8), 260).account.method == "exact"
    with pytest.raises(SpexlensError, match="unchosen takes 3 to 10000 masks"):
        explain(screen(lens, 8), 300, unchosen=2)


@pytest.mark.parametrize(
    "wrong", [2.5, None, [None], [[1]], [1.5], True, [True], np.ones(41, np.bool_)]
)
def test_what_is_no_candidate_is_refused(wrong: Any) -> None:
    lens = FeatureLens(str(SENTIMENT), TEXT, target="POSITIVE")
    with pytest.raises(SpexlensError, match="candidate") as caught:
        screen(lens, wrong)
    assert "\n" not in str(caught.value)


# Memory.


def test_one_input_at_a_time_is_gone_back_through(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    prompts = [
        f"{word} ink cup sun key {word} ink cup" for word in ("owl", "sky", "cat")
    ]
    lens = MechanisticLens(INDUCTION, prompts, target=["sun"] * 3)
    alone = [
        gradient_attribution(
            MechanisticLens(INDUCTION, prompt, target="sun"), "patching"
        ).scores
        for prompt in prompts
    ]
    expected = np.mean(alone, axis=0)
    events, value_at, back = list[str](), MechanisticLens.value_at, torch.autograd.grad

    def forward(
        self: MechanisticLens, degrees: torch.Tensor, number: int = 0
    ) -> torch.Tensor:
        events.append("forward")
        return value_at(self, degrees, number)

    def backward(*given: Any, **how: Any) -> Any:
        events.append("backward")
        return back(*given, **how)

    monkeypatch.setattr(MechanisticLens, "value_at", forward)
    monkeypatch.setattr(torch.autograd, "grad", backward)
    found = gradient_attribution(lens, "patching")
    assert events == ["forward", "backward"] * 3
    assert (found.forward, found.backward) == (3, 3)
    np.testing.assert_allclose(found.scores, expected, atol=1e-7)


@pytest.mark.parametrize(
    "error",
    [
        torch.OutOfMemoryError("CUDA out of memory"),
        MemoryError(),
        RuntimeError("can't allocate memory"),
    ],
)
def test_a_backward_pass_without_memory_is_one_line_and_harms_nothing(
    monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    lens = MechanisticLens(SENTIMENT, "The film is not bad", components="neurons")
    before = lens.value(np.ones((1, lens.n), np.bool_))

    def exhausted(*_: Any, **__: Any) -> Any:
        raise error

    with monkeypatch.context() as without:
        without.setattr(torch.autograd, "grad", exhausted)
        with pytest.raises(OutOfMemory) as caught:
            screen(lens, 20)
    assert str(caught.value).startswith(
        "out of memory in the backward pass of attribution patching: choose by"
        " leave-one-out"
    )
    assert lens.value(np.ones((1, lens.n), np.bool_)) == before
    assert screen(lens, 20).n == 20
    assert explain(screen(lens, 8, by="leave-one-out"), 64).calls == 64


def test_other_errors_of_a_backward_pass_stay_what_they_are(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    lens = MechanisticLens(SENTIMENT, "The film is not bad", components="neurons")

    def broken(*_: Any, **__: Any) -> Any:
        raise RuntimeError("no kernel image is available")

    monkeypatch.setattr(torch.autograd, "grad", broken)
    with pytest.raises(RuntimeError, match="no kernel image"):
        screen(lens, 20)


def test_a_text_that_does_not_fit_into_memory_is_one_line(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    from spexlens.models.objectives import labels as objectives

    def exhausted(*_: Any, **__: Any) -> Any:
        raise torch.OutOfMemoryError("CUDA out of memory")

    monkeypatch.setattr(objectives, "label_logits", exhausted)
    with pytest.raises(
        OutOfMemory, match="out of memory on a single text: give a shorter one"
    ):
        FeatureLens(SENTIMENT, "The film is not bad")


def test_an_influence_that_does_not_fit_into_memory_is_one_line(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    from spexlens.lenses.examples import choosing

    def exhausted(*_: Any, **__: Any) -> Any:
        raise MemoryError

    inputs, labels = np.random.default_rng(0).normal(size=(12, 3)), np.arange(12) % 2
    monkeypatch.setitem(choosing._EFFECTS, "influence", exhausted)
    with pytest.raises(
        OutOfMemory, match="out of memory in influence: choose by gradient similarity"
    ):
        DataLens(
            "logistic",
            (inputs, labels),
            (inputs[0], 1),
            candidates=4,
            screening="influence",
        )
