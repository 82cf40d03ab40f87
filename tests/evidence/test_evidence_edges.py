"""Evidence where budgets, seeds, trainings and failures meet: within the budget,
nothing lost, one line.
"""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from typer.testing import CliRunner

from spexlens import Explanation, FeatureLens, Game, explain, explain_all, screen, zoom
from spexlens.cli import app
from spexlens.errors import InvalidInput, ResultError, SpexlensError
from spexlens.formats import expectations as expectations_file
from spexlens.masks import designs
from spexlens.masks import masks as mask_algebra
from spexlens.models.bundled import SENTIMENT
from spexlens.report.terminal.page import plain

Masks = NDArray[np.bool_]
Array = NDArray[np.float64]


def summed(masks: Masks) -> Array:
    m = masks.astype(float)
    return np.asarray(
        m @ np.linspace(1, 0.2, m.shape[1])
        + 2.0 * m[:, 0] * m[:, 1]
        - 1.5 * m[:, 2] * m[:, 3]
    )


def other(masks: Masks) -> Array:
    return np.asarray(0.9 * summed(masks))


@pytest.mark.parametrize(
    ("n", "budget", "settings"),
    [
        (12, 400, {"held_out": 60}),
        (12, 300, {"held_out": 20, "smallest": 0.8, "noise": 10}),
        (10, 1040, {"until": "stable", "noise": 0}),
        (10, 1100, {"until": "stable", "smallest": 0.9}),
        (8, 300, {"noise": 20}),
        (8, 280, {"smallest": 0.9}),
        (6, 100, {"ordinary": [1.0, 2.0, 3.0]}),
        (30, 300, {"checks": 50}),
    ],
)
def test_other_ways_to_ablate_keep_to_the_budget(
    n: int, budget: int, settings: dict[str, Any]
) -> None:
    asked = []

    def counted(function: Any) -> Any:
        def value(masks: Masks) -> Array:
            asked.append(len(masks))
            return np.asarray(function(masks))

        return value

    explanation = explain(
        Game(counted(summed), n), budget, against=[Game(counted(other), n)], **settings
    )
    assert sum(asked) == explanation.calls <= budget
    assert explanation.artefacts is not None
    (variant,) = explanation.artefacts.variants
    assert variant.found[0]
    for survival in variant.found[0]:
        assert min(survival.score, 1.0) == pytest.approx(0.9, abs=0.1)


def test_a_noisy_function_of_few_candidates_stays_within_its_budget() -> None:
    rng = np.random.default_rng(0)
    for budget in (64, 150, 270, 300):
        asked = []

        def value(masks: Masks, asked: list[int] = asked) -> Array:
            asked.append(len(masks))
            return summed(masks) + rng.normal(size=len(masks))

        explanation = explain(Game(value, 8), budget)
        assert sum(asked) == explanation.calls <= budget
        assert explanation.noise is not None


def test_another_way_to_ablate_that_fails_costs_no_explanation() -> None:
    def broken(masks: Masks) -> Array:
        return np.where(masks[:, 0], np.nan, summed(masks))

    def wide(masks: Masks) -> Array:
        return np.stack([summed(masks)] * 2, axis=1)

    explanation = explain(
        Game(summed, 16),
        300,
        against=[Game(broken, 16), Game(wide, 16), Game(other, 16)],
    )
    assert explanation.artefacts is not None
    assert len(explanation.artefacts.variants) == 1
    said = " ".join(explanation.details["caveats"])
    assert "the model answered nan" in said
    assert "answers of another shape" in said


def test_a_game_that_a_ledger_would_not_recognise_is_refused_first(
    tmp_path: Path,
) -> None:
    asked = []

    def value(masks: Masks) -> Array:
        asked.append(len(masks))
        return summed(masks)

    game = Game(value, 12, fingerprint="summed")
    with pytest.raises(InvalidInput, match="cannot be recognised"):
        explain(game, 200, ledger=tmp_path / "runs.db", against=[Game(other, 12)])
    assert asked == []


@pytest.mark.parametrize(
    "evidence",
    [
        {"checks": 3},
        {"noise": 1},
        {"against": ["x"]},
        {"smallest": 2.0},
        {"ordinary": [1.0]},
        {"expectations": "absent.toml"},
        {"checks": 400},
    ],
)
def test_a_zoom_refuses_before_its_first_level(evidence: Any) -> None:
    asked = []

    def value(masks: Masks) -> Array:
        asked.append(len(masks))
        return summed(masks)

    with pytest.raises(SpexlensError):
        zoom(Game(value, 200), 600, **evidence)
    assert asked == []


def test_the_interval_under_another_ablation_is_of_the_effect_there() -> None:
    rng, held = np.random.default_rng(1), list[bool]()
    for seed in range(12):
        table = rng.normal(size=1 << 10) + 3.0 * designs.everything(10)[:, :2].all(
            axis=1
        )
        game = Game(lambda m, t=table: t[mask_algebra.to_index(m)], 10)  # type: ignore[misc]
        variant = Game(lambda m, t=table: 0.97 * t[mask_algebra.to_index(m)], 10)  # type: ignore[misc]
        explanation = explain(game, 200, against=[variant], seed=seed, noise=0)
        assert explanation.artefacts is not None
        signs = 1.0 - 2.0 * designs.everything(10)
        for survival in explanation.artefacts.variants[0].found[0]:
            character = signs[:, list(survival.members)].prod(axis=1)
            true = (
                0.97
                * (-2.0) ** len(survival.members)
                * float((table * character).mean())
            )
            held.append(survival.interval[0] <= true <= survival.interval[1])
    assert np.mean(held) > 0.8


def test_what_is_audible_is_so_in_every_index() -> None:
    rng = np.random.default_rng(0)
    explanation = explain(
        Game(lambda m: summed(m) + 0.7 * rng.normal(size=len(m)), 12), 300
    )
    heard = {
        index: {i.members for i in explanation.interactions(index, 2) if i.audible}
        for index in ("bii", "fourier")
    }
    assert heard["bii"] == heard["fourier"]
    assert heard["bii"]


def test_labels_are_shown_as_they_are(tmp_path: Path) -> None:
    text = (
        "He was [/b] bad. The film is good [red]. It [/i] was nice :smile:. I like it."
    )
    run = CliRunner().invoke(
        app, ["features", text, "--unit", "sentence", "--out", str(tmp_path / "s.json")]
    )
    assert run.exit_code == 0
    for option in ("--sufficient", "--necessary"):
        shown = CliRunner().invoke(
            app, ["show", str(tmp_path / "s.json"), option, "0.9"]
        )
        assert shown.exit_code == 0, shown.exception
        assert any(
            part in shown.stdout for part in ("[/b]", "[red]", "[/i]", "I like it")
        )


@pytest.mark.parametrize(
    ("position", "said"),
    [
        ("0-99999999999", "longer than 1,000,000, the most"),
        ("0-9999999", "longer than 1,000,000, the most"),
        ("²", "a position is a number"),
        ("-1", "a position is a number"),
        ("3-", "a position is a number"),
    ],
)
def test_positions_that_are_none_are_one_line(
    position: str, said: str, tmp_path: Path
) -> None:
    path = tmp_path / "e.toml"
    path.write_text(
        f'[[forbidden]]\nmembers = [{{ position = "{position}" }}]', encoding="utf-8"
    )
    with pytest.raises(InvalidInput, match=said):
        expectations_file.read(path)


def test_a_share_of_nothing_keeps_what_was_paid_for(tmp_path: Path) -> None:
    out = tmp_path / "x.json"
    words = [
        "features",
        "[MASK] [MASK] [MASK]",
        "--target",
        "POSITIVE",
        "--replacement",
        "mask",
    ]
    run = CliRunner().invoke(app, [*words, "--scale", "share", "--out", str(out)])
    assert run.exit_code != 0
    assert Explanation.load(out).scale == "raw"


def test_expectations_of_a_batch_are_those_of_the_file_as_it_is(tmp_path: Path) -> None:
    file, game = tmp_path / "e.toml", Game(summed, 12, fingerprint="summed")
    for kind in ("expected", "forbidden"):
        file.write_text(f'[[{kind}]]\nmembers = ["x0", "x1"]')
        (found,) = explain_all(
            [game], 100, paths=[tmp_path / "x.json"], expectations=str(file)
        )
        compared = found.expectations[0]
        assert bool(compared.found) == (kind == "expected")
        assert bool(compared.forbidden) == (kind == "forbidden")


def test_the_next_step_of_a_screened_text_masks_its_own_words() -> None:
    lens = FeatureLens(
        SENTIMENT,
        "The plot isn't bad, but her acting never fails to impress",
        target="POSITIVE",
    )
    explanation = explain(screen(lens, ["never", "fails", "impress"]), 40)
    step = explanation.follow_up()[0]
    assert step.why == "which heads carry it"
    assert (
        "The plot isn't bad, but her acting [MASK] [MASK] to"
        in step.command.replace("'\"'\"'", "'")
    )


@pytest.mark.parametrize(
    ("part", "value"),
    [
        (
            "noise",
            {
                "deviation": [1.0],
                "ceiling": [1.0],
                "repeated": 2,
                "masks": 9,
                "times": 0,
                "seeded": False,
            },
        ),
        ("stability", [[{"members": [0], "stays": 7.0, "ranks": [1, 2]}]]),
        ("stability", [[{"members": [99], "stays": 0.5, "ranks": [1, 2]}]]),
        ("checks", {"found": [[], []], "masks": 3, "contexts": 3, "refitted": True}),
        (
            "checks",
            {"found": [[]], "masks": 3, "contexts": 3, "refitted": True, "more": 1},
        ),
        ("scale", "log"),
    ],
)
def test_damaged_evidence_is_refused(part: str, value: Any, tmp_path: Path) -> None:
    import json

    content = json.loads(explain(Game(summed, 12), 100).to_json())
    content[part] = value
    path = tmp_path / "x.json"
    path.write_text(json.dumps(content))
    with pytest.raises(ResultError, match="damaged") as caught:
        Explanation.load(path)
    assert "\n" not in str(caught.value)


def test_a_file_of_the_first_format_is_read(tmp_path: Path) -> None:
    import json

    content = json.loads(explain(Game(summed, 12), 100, checks=0, noise=0).to_json())
    new = (
        "checks",
        "artefacts",
        "smallest",
        "stability",
        "expectations",
        "scale",
        "interactions",
    )
    for name in new:
        del content[name]
    content["format_version"] = 1
    path = tmp_path / "x.json"
    path.write_text(json.dumps(content))
    loaded = Explanation.load(path)
    assert loaded.checks is None
    assert "x0 × x1" in plain(loaded)
