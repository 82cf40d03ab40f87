"""A text longer than a model's window is explained by windows, when that is asked for."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from typer.testing import CliRunner

torch = pytest.importorskip("torch")
pytest.importorskip("transformers")

from spexlens.cli import app
from spexlens.errors import InputTooLong, InvalidInput
from spexlens.lenses.components.lens import MechanisticLens
from spexlens.lenses.mixed.lens import MixedLens
from spexlens.lenses.screening.screen import screen
from spexlens.lenses.text.lens import FeatureLens
from spexlens.models.bundled import SENTIMENT
from spexlens.verbs.explain import explain
from spexlens.verbs.zoom import zoom

SENTENCES = [
    "The film is not bad, and her acting never fails to impress a critic.",
    "A critic was bored!",
    "The film never fails to impress, and her acting is not bad.",
    "Her acting is bad, bad, bad, bad.",
    "The critic who was bored is not her critic, and never was.",
    "The film was not to impress.",
]
LONG = " ".join(SENTENCES * 2)  # of some 130 tokens, where the model reads 48


def lens_of(model: Path, text: str = LONG, **settings: Any) -> FeatureLens:
    return FeatureLens(
        str(model), text, **{"target": "GOOD", "windows": True} | settings
    )


def read_alone(lens: FeatureLens, part: str) -> np.ndarray:
    """A classifier's logits of one text that fits, in a plain call: (labels,)."""
    given = lens.model.tokenizer(part, return_tensors="pt")
    given.pop("token_type_ids", None)
    with torch.inference_mode():
        return np.asarray(lens.model.model(**given).logits[0].double())


def test_a_text_that_is_too_long_says_what_to_do(
    classifier: Path, causal: Path
) -> None:
    with pytest.raises(InputTooLong) as refused:
        FeatureLens(str(classifier), LONG, target="GOOD")
    assert "tokens, and" in str(refused.value)
    assert (
        "reads at most 48 at once: give windows=True to read it by windows, cut the"
        " text, or choose" in str(refused.value)
    )
    assert str(refused.value).endswith("a coarser unit does not help")
    with pytest.raises(InputTooLong) as refused:
        FeatureLens(str(causal), "film " * 500, target=" bad")
    assert "windows" not in str(refused.value)


@pytest.mark.parametrize("windows", [False, True])
def test_a_text_of_megabytes_is_refused_in_one_line(
    classifier: Path, windows: bool
) -> None:
    with pytest.raises(InputTooLong, match="tokens") as refused:
        FeatureLens(
            str(classifier), "bad film " * 450_000, target="GOOD", windows=windows
        )
    assert "\n" not in str(refused.value)


def test_the_answer_is_the_mean_of_the_windows_logits(classifier: Path) -> None:
    lens = lens_of(classifier)
    assert lens.windows is not None
    parts = [LONG[slice(*part.span)] for part in lens.windows.parts]
    assert "".join(parts) == LONG
    assert len(parts) == lens.facts()["windows"] > 2
    everything = lens.value(np.ones((1, lens.n), np.bool_))
    assert everything[0] == pytest.approx(
        np.mean([read_alone(lens, part)[2] for part in parts]), abs=1e-5
    )


def test_a_probability_is_that_of_the_mean_logits(classifier: Path) -> None:
    lens = lens_of(classifier, objective="probability")
    assert lens.windows is not None
    logits = np.mean(
        [read_alone(lens, LONG[slice(*part.span)]) for part in lens.windows.parts],
        axis=0,
    )
    wanted = np.exp(logits) / np.exp(logits).sum()
    assert lens.value(np.ones((1, lens.n), np.bool_))[0] == pytest.approx(
        wanted[2], abs=1e-5
    )


def test_windows_end_with_sentences_where_they_can_and_never_inside_of_words(
    classifier: Path,
) -> None:
    lens = lens_of(classifier)
    assert lens.windows is not None
    for part in lens.windows.parts:
        assert LONG[slice(*part.span)].rstrip()[-1] in ".!"
    unbroken = "film bad " * 60
    endless = lens_of(classifier, unbroken)
    assert endless.windows is not None
    for part in endless.windows.parts[1:]:
        assert unbroken[part.span[0] - 1] == " "


def test_ablating_moves_no_border(classifier: Path) -> None:
    lens = lens_of(classifier, replacement="delete")
    assert lens.windows is not None
    second = lens.windows.parts[1]
    mask = np.ones((2, lens.n), np.bool_)
    mask[1, lens.windows.parts[0].columns] = False  # all of the first window goes
    rows, places = lens.windows.rows(mask, pad=0)
    assert (places[0, 1:] == places[1, 1:]).all()
    assert (
        rows.ids[places[1, 1]].tolist()[: len(second.layout.reading)]
        == second.layout.reading.ids.tolist()
    )


def test_a_window_is_read_once_for_all_masks_that_leave_it_alike(
    classifier: Path,
) -> None:
    lens = lens_of(classifier)
    assert lens.windows is not None
    masks = ~np.eye(lens.n, dtype=np.bool_)  # each leaves one word out
    rows, places = lens.windows.rows(masks, pad=0)
    assert places.shape == (lens.n, len(lens.windows))
    assert len(rows.lengths) <= lens.n + len(lens.windows)


@pytest.mark.parametrize(
    "replacement", ["mask", "pad", "unk", "delete", "attention", "neutral"]
)
@pytest.mark.parametrize("unit", ["word", "token", "sentence"])
def test_every_replacement_and_unit_is_read_by_windows(
    classifier: Path, replacement: str, unit: str
) -> None:
    lens = lens_of(classifier, unit=unit, replacement=replacement)
    assert lens.windows is not None
    masks = np.random.default_rng(0).random((3, lens.n)) < 0.5
    together = lens.value(masks)
    alone = np.concatenate([lens.value(mask[None]) for mask in masks])
    np.testing.assert_allclose(together, alone, atol=1e-5)
    assert len(set(together.tolist())) == 3
    assert (lens.windows.longest) <= 48


def test_a_word_without_an_end_is_cut_between_tokens(decoder: Path) -> None:
    lens = FeatureLens(
        str(decoder), "film" * 60, unit="token", replacement="neutral", windows=True
    )
    assert lens.windows is not None
    assert len(lens.windows) > 1
    assert lens.value(np.ones((1, lens.n), np.bool_)).shape == (1,)


def test_a_sentence_longer_than_the_window_is_in_several(classifier: Path) -> None:
    long = "the film is bad and " * 20 + "bad. The film is not bad."
    lens = lens_of(classifier, long, unit="sentence")
    assert lens.windows is not None
    assert lens.n == 2
    assert [0 in part.columns for part in lens.windows.parts].count(True) > 1
    assert sum(lens.facts()["tokens"]) == len(long.replace(".", " .").split())


def test_a_text_that_fits_has_the_answer_that_it_has_without_windows(
    classifier: Path,
) -> None:
    masks = np.random.default_rng(1).random((5, 6)) < 0.5
    text = "the film is not bad ."
    plain, windowed = (
        lens_of(classifier, text, windows=each) for each in (False, True)
    )
    masks = masks[:, : plain.n]
    np.testing.assert_array_equal(plain.value(masks), windowed.value(masks))
    assert windowed.facts()["windows"] == 1


def test_an_encoders_windows_have_the_mean_of_their_embeddings(encoder: Path) -> None:
    lens = FeatureLens(str(encoder), LONG, windows=True)
    everything = lens.value(np.ones((1, lens.n), np.bool_))
    assert everything[0] == pytest.approx(1.0)
    assert lens.windows is not None
    embeddings = []
    for part in lens.windows.parts:
        given = lens.model.tokenizer(LONG[slice(*part.span)], return_tensors="pt")
        given.pop("token_type_ids", None)
        with torch.inference_mode():
            embeddings.append(
                lens.model.model(**given).last_hidden_state[0].double().mean(0)
            )
    query = "the film is bad"
    given = lens.model.tokenizer(query, return_tensors="pt")
    given.pop("token_type_ids", None)
    with torch.inference_mode():
        asked = lens.model.model(**given).last_hidden_state[0].double().mean(0)
    mean = torch.stack(embeddings).mean(0)
    wanted = torch.nn.functional.cosine_similarity(mean, asked, dim=0)
    compared = FeatureLens(str(encoder), LONG, target=query, windows=True)
    assert compared.value(np.ones((1, compared.n), np.bool_))[0] == pytest.approx(
        float(wanted), abs=1e-6
    )
    assert (
        lens.with_text(LONG + " bad").value(np.ones((1, lens.n + 1), np.bool_))[0] < 1
    )


def test_gradients_are_those_of_the_windows_mean(classifier: Path) -> None:
    lens = lens_of(classifier)
    found = lens.attribute("gradient x input").scores
    eps = 1e-3
    for number in (0, 17, lens.n - 1):
        degrees = torch.ones(lens.n)
        with torch.no_grad():
            whole = lens.value_at(degrees)[0]
            degrees[number] -= eps
            less = lens.value_at(degrees)[0]
        assert found[number] == pytest.approx(
            float((whole - less) / eps), rel=0.05, abs=2e-3
        )


def test_screening_zoom_and_other_replacements_go_by_windows(classifier: Path) -> None:
    lens = lens_of(classifier)
    explanation = explain(screen(lens, 8), 64, checks=0)
    assert explanation.facts["windows"] == len(lens.windows or ())
    found = zoom(lens, 64, checks=0)
    assert found.path
    assert found.facts["windows"] == len(lens.windows or ())
    assert lens.variant("delete").windows is not None


def test_the_page_says_how_many_windows_and_what_is_averaged(classifier: Path) -> None:
    explanation = explain(screen(lens_of(classifier), 5), 32)
    page = " ".join(str(explanation).split())
    count = explanation.facts["windows"]
    assert f"read in {count} windows" in page
    assert "the mean of their logits" in page
    assert "one call asks for all of them" in page


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"template": "a film: {text}"}, "without a template"),
        ({"chat": True}, "without a template"),
        ({"windows": 3}, "windows"),
    ],
)
def test_what_does_not_go_with_windows_is_refused(
    classifier: Path, settings: dict[str, Any], said: str
) -> None:
    with pytest.raises(InvalidInput, match=said):
        lens_of(classifier, **settings)


def test_causal_models_and_mixed_games_go_without_windows(
    causal: Path, classifier: Path
) -> None:
    with pytest.raises(InvalidInput, match="causal"):
        FeatureLens(str(causal), "the film", target=" is", windows=True)
    heads = MechanisticLens(str(classifier), "the film", target="GOOD")
    with pytest.raises(InvalidInput, match="windows"):
        MixedLens([lens_of(classifier, "the film"), heads])


def test_the_same_text_with_and_without_windows_are_two_games(classifier: Path) -> None:
    assert lens_of(classifier).fingerprint == lens_of(classifier).fingerprint
    text = "the film is bad"
    assert (
        lens_of(classifier, text).fingerprint
        != lens_of(classifier, text, windows=False).fingerprint
    )
    assert (
        lens_of(classifier).fingerprint
        != lens_of(classifier, LONG.replace("bad!", "bored!") + " bad").fingerprint
    )


def test_the_bundled_classifier_reads_a_long_review_by_windows() -> None:
    review = (
        "The plot is thin and the jokes are old, but her acting never fails to"
        " impress. " * 60
    )
    lens = FeatureLens(SENTIMENT, review, target="POSITIVE", windows=True)
    assert lens.facts()["windows"] == 3


def test_a_long_file_is_zoomed_into_by_windows_as_the_readme_says(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    review = (
        "The plot is thin. The jokes are old! Her acting never fails to impress, and I"
        " was bored. " * 35
    )
    Path("long.txt").write_text(review)
    command = ["features", "--file", "long.txt", "--zoom", "--budget", "200"]
    refused = CliRunner().invoke(app, command)
    assert isinstance(refused.exception, InputTooLong)
    assert "give --windows to read it by windows" in str(refused.exception)
    ran = CliRunner().invoke(app, [*command, "--windows", "--json"])
    assert ran.exit_code == 0, ran.output
    assert json.loads(ran.stdout)["facts"]["windows"] == 2


def test_a_batch_reads_long_texts_by_windows(tmp_path: Path) -> None:
    texts = ["her acting is dull. " * 130, "a great film"]
    file = tmp_path / "texts.jsonl"
    file.write_text("".join(json.dumps({"prompt": text}) + "\n" for text in texts))
    command = [
        "batch",
        str(file),
        "--target",
        "POSITIVE",
        "--budget",
        "32",
        "--candidates",
        "4",
    ]
    ran = CliRunner().invoke(
        app, [*command, "--windows", "--out", str(tmp_path / "out")]
    )
    assert ran.exit_code == 0, ran.output
    counts = [
        json.loads((tmp_path / "out" / f"{name}.json").read_text())["facts"]["windows"]
        for name in ("0001", "0002")
    ]
    assert counts == [2, 1]


def test_the_follow_up_of_a_text_read_by_windows_asks_for_windows(
    classifier: Path,
) -> None:
    explanation = explain(screen(lens_of(classifier, unit="sentence"), 5), 32)
    commands = [step.command for step in explanation.follow_up()]
    assert commands
    assert all(
        "--windows" in command and "mechanistic" not in command for command in commands
    )
