"""Stability, noise and stopping early: what would be found again, what is noise, what
need not be bought.
"""

from collections.abc import Callable

import numpy as np
import pytest
from numpy.typing import NDArray

from spexlens import Explanation, Game, Spectrum, explain
from spexlens.evidence.stability import stability_of
from spexlens.masks import designs
from spexlens.masks import masks as mask_algebra
from spexlens.report.terminal.page import plain
from spexlens.spectrum.scores import r_squared
from spexlens.spectrum.shares import strongest
from spexlens.spectrum.uncertainty import Uncertainty

Masks = NDArray[np.bool_]
Array = NDArray[np.float64]


def summed(masks: Masks) -> Array:
    """Five pairs of falling size, and weights."""
    m = masks.astype(float)
    pairs = sum((6.0 - j) * m[:, 2 * j] * m[:, 2 * j + 1] for j in range(5))
    return np.asarray(pairs + m @ np.linspace(1.0, 0.1, m.shape[1]))


def noisy(
    function: Callable[[Masks], Array], sigma: float, seed: int = 0
) -> Callable[[Masks], Array]:
    """Another answer each time."""
    rng = np.random.default_rng(seed)
    return lambda masks: function(masks) + sigma * rng.normal(size=len(masks))


# Stability.


def test_a_strong_set_stays_and_two_that_are_alike_change_places() -> None:
    spectrum = Spectrum.of(
        9,
        {
            (0, 1): 1.0,
            (2, 3): 0.5,
            (4, 5): 0.495,
            (6, 7): 0.3,
            (0, 8): 0.2,
            (1, 8): 0.19,
        },
    )
    found = {
        each.members: each
        for each in stability_of(spectrum, Uncertainty(0.1, 100), seed=0)
    }
    assert found[0, 1].stays == 1.0
    assert found[0, 1].ranks == (1, 1)
    assert found[2, 3].ranks == (2, 3)
    assert found[4, 5].ranks == (2, 3)
    assert 0.3 < found[1, 8].stays < 0.5 < found[0, 8].stays < 0.7
    sure = {
        each.members: each
        for each in stability_of(spectrum, Uncertainty(0.0, 100), seed=0)
    }
    assert sure[0, 8].stays == 1.0
    assert sure[1, 8].stays == 0.0


def test_an_explanation_says_how_stable_its_strongest_are() -> None:
    few, many = (
        explain(Game(noisy(summed, 2.0), 20), budget, noise=0) for budget in (100, 600)
    )
    stays = [
        np.mean([each.stays for each in e.stability[0] if len(each.members) == 2][:5])
        for e in (few, many)
    ]
    assert stays[0] < stays[1]
    assert "top 5: how often" in plain(many, verbose=True)
    assert (
        explain(Game(lambda m: m[:, 0] & m[:, 1], 6), 300).stability[0][0].stays == 1.0
    )


def test_the_strongest_are_of_two_members_or_more() -> None:
    spectrum = Spectrum.of(
        5, {(): 9.0, (0,): 8.0, (0, 1): 1.0, (1, 2, 3): -2.0, (2, 4): 0.5}
    )
    assert strongest(spectrum, 2) == {(0, 1), (1, 2, 3)}


# Noise.


@pytest.mark.parametrize("seed", range(4))
def test_the_noise_of_a_model_is_found(seed: int) -> None:
    explanation = explain(Game(noisy(summed, 0.7, seed), 20), 400, seed=seed)
    assert explanation.noise is not None
    assert explanation.noise.deviation[0] == pytest.approx(0.7, rel=0.2)
    assert not explanation.noise.seeded
    assert explanation.calls == 400
    assert explanation.noise.ceiling[0] < 1.0
    assert "from call to call" in plain(explanation)


def test_a_model_without_noise_is_asked_two_masks_twice() -> None:
    explanation = explain(Game(summed, 20), 300)
    assert explanation.noise is not None
    assert explanation.noise.deviation == (0.0,)
    assert explanation.noise.repeated == 2
    assert "noise" not in plain(explanation)
    assert explain(Game(summed, 20), 300, noise=0).noise is None
    asked = explain(Game(summed, 20), 300, noise=25)
    assert asked.noise is not None
    assert asked.noise.repeated == 25


def test_effects_that_noise_alone_would_make_are_greyed() -> None:
    game = Game(noisy(lambda m: 3.0 * m[:, 0] * m[:, 1] + 0.02 * m[:, 2], 1.0), 16)
    explanation = explain(game, 300)
    assert explanation.noise is not None
    found = {i.members: i for i in explanation.interactions()}
    assert found[0, 1].audible
    quiet = [i for i in found.values() if not i.audible]
    assert quiet
    assert all(abs(i.effect) <= explanation.noise.floor(i.order) for i in quiet)
    assert "may be the model's noise" in plain(explanation)
    assert set(explanation.to_frame().audible) == {True, False}


def test_the_noise_floor_of_an_effect_is_what_noise_alone_makes() -> None:
    explanation = explain(
        Game(noisy(lambda m: np.zeros(len(m)), 1.0), 6), 300, method="exact", noise=40
    )
    assert explanation.noise is not None
    floor, masks = explanation.noise.floor(2), 64
    draws = np.random.default_rng(0).normal(size=(4000, masks))
    signs = 1.0 - 2.0 * (designs.everything(6)[:, 0] ^ designs.everything(6)[:, 1])
    made = np.abs(4.0 * draws @ signs / masks) * explanation.noise.deviation[0]
    assert np.mean(made <= floor) == pytest.approx(0.9, abs=0.02)


# Stopping.


def test_a_run_stops_when_the_strongest_no_longer_move() -> None:
    whole, early = (
        explain(Game(summed, 20), 400, until=until) for until in (None, "stable")
    )  # type: ignore[arg-type]
    assert early.account.saved == 400 - early.calls > 100
    assert strongest(early.spectrum) == strongest(whole.spectrum)
    assert early.checks is not None
    assert f"stopped early, {early.account.saved} calls saved" in " ".join(
        plain(early).split()
    )
    assert whole.account.saved == 0
    masks = designs.uniform(20, 2000, seed=1)
    assert r_squared(summed(masks), early.spectrum.predict(masks)) > 0.95


def test_what_never_settles_is_bought_to_the_end() -> None:
    rng = np.random.default_rng(0)
    table = rng.normal(size=1 << 14)
    explanation = explain(
        Game(lambda m: table[mask_algebra.to_index(m)], 14), 200, until="stable"
    )
    assert (explanation.calls, explanation.account.saved) == (200, 0)


def test_where_all_masks_fit_fewer_may_do() -> None:
    explanation = explain(
        Game(lambda m: 3.0 * (m[:, 0] & m[:, 1]) + m[:, 2], 8), 300, until="stable"
    )
    assert explanation.account.method == "proxyspex"
    assert explanation.calls < 256
    assert explanation.checks is not None
    assert explanation.account.saved == 300 - explanation.calls


def test_the_same_seed_stops_at_the_same_place() -> None:
    one, two = (
        explain(Game(summed, 20), 200, until="stable", seed=5) for _ in range(2)
    )
    assert one.to_json().replace(str(one.account.seconds), "") == two.to_json().replace(
        str(two.account.seconds), ""
    )


def scaled(explanation: Explanation) -> list[float]:
    return [i.effect for i in explanation.interactions()]


def test_scales_are_the_same_in_tables_and_files(tmp_path: object) -> None:
    raw = explain(Game(summed, 20), 300)
    share, sd = raw.in_scale("share"), raw.in_scale("sd")
    assert raw.whole is not None
    assert raw.empty is not None
    total = raw.whole[0] - raw.empty[0]
    deviation = float(np.sqrt(raw.spectrum.energy.sum()))
    np.testing.assert_allclose(scaled(share), np.array(scaled(raw)) / total)
    np.testing.assert_allclose(scaled(sd), np.array(scaled(raw)) / deviation)
    np.testing.assert_allclose(share.to_frame().effect, scaled(share))
    assert share.to_frame().attrs["scale"] == "share"
    assert f"total variation of {total:+.3f}" in " ".join(
        plain(share, verbose=True).split()
    )
    assert "share of f(all) - f(none)" in plain(share)
    for explanation in (raw, share, sd):
        checks = [
            i.evidence for i in explanation.interactions() if i.evidence is not None
        ]
        assert {check.verdict for check in checks} == {"confirmed"}
        first = checks[0]
        assert first.measured == pytest.approx(scaled(explanation)[0], rel=0.05)
