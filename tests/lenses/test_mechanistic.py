"""The mechanistic lens finds what was wired by hand, and leaves the model as it was."""

import itertools
from pathlib import Path
from typing import Any

import numpy as np
import pytest

torch = pytest.importorskip("torch")
pytest.importorskip("transformers")

import handwired
from conftest import SENTENCE

import spexlens
from spexlens import FeatureLens, MechanisticLens
from spexlens.errors import InvalidInput
from spexlens.models.bundled import INDUCTION, SENTIMENT

TEXT = "Her acting never fails to impress"
OTHER = "His acting always manages to bore"
ASK = {"target": "yes", "foil": "no", "tokenizer": handwired.tokenizer()}
CLEAN, CORRUPT, MIXED = "a b c d e", "_ _ _ _ _", "b _ d _ _"
SEEING: dict[str, dict[str, Any]] = {
    "zero": {},
    "mean": {"reference": [CORRUPT, "_ _ _"]},
    "position mean": {"reference": ["_ _ _ _ _ _"]},
    "resample": {"counterfactual": CORRUPT},
    "restore": {"counterfactual": CORRUPT},
}
"""For each ablation, what switches a hand-wired head off."""


def moebius(lens: MechanisticLens) -> dict[tuple[str, ...], float]:
    """The exact terms above 1e-4."""
    explanation = spexlens.explain(lens, budget=2**lens.n)
    found = explanation.interactions("moebius", order=None)
    return {each.labels: each.effect for each in found if abs(each.effect) > 1e-4}


def every_mask(n: int) -> np.ndarray:
    return np.array(list(itertools.product([False, True], repeat=n)))


@pytest.mark.parametrize("ablation", SEEING)
def test_an_and_an_or_and_an_idle_head_are_exactly_those_moebius_terms(
    ablation: str,
) -> None:
    lens = MechanisticLens(
        handwired.gates(), CLEAN, ablation=ablation, **ASK, **SEEING[ablation]
    )
    assert moebius(lens) == {
        ("L0.H2",): pytest.approx(3, abs=1e-4),
        ("L0.H3",): pytest.approx(3, abs=1e-4),
        ("L0.H0", "L0.H1"): pytest.approx(2, abs=1e-4),
        ("L0.H2", "L0.H3"): pytest.approx(-3, abs=1e-4),
    }


@pytest.mark.parametrize("ablation", ["resample", "restore"])
def test_single_patches_miss_the_or_from_one_end_and_the_and_from_the_other(
    ablation: str,
) -> None:
    lens = MechanisticLens(
        handwired.gates(), CLEAN, ablation=ablation, counterfactual=CORRUPT, **ASK
    )
    whole, single = np.ones((1, 5), np.bool_), np.eye(5, dtype=np.bool_)
    corrupted = lens.value(whole) - lens.value(~single)
    restored = lens.value(single) - lens.value(~whole)
    np.testing.assert_allclose(corrupted, [2, 2, 0, 0, 0], atol=1e-4)
    np.testing.assert_allclose(restored, [0, 0, 3, 3, 0], atol=1e-4)


def test_heads_in_series_are_an_and_when_corrupted_and_an_or_when_restored() -> None:
    heads = ["L0.H0", "L1.H0", "L1.H1"]
    for ablation in ("zero", "mean", "position mean", "resample"):
        settings = {"zero": {}, "resample": {"counterfactual": "_"}}.get(
            ablation, {"reference": ["_ _"]}
        )
        lens = MechanisticLens(
            handwired.chain(),
            "a",
            components=heads,
            ablation=ablation,
            **ASK,
            **settings,
        )
        assert moebius(lens) == {("L0.H0", "L1.H0"): pytest.approx(1, abs=1e-4)}
    lens = MechanisticLens(
        handwired.chain(),
        "a",
        components=heads,
        ablation="restore",
        counterfactual="_",
        **ASK,
    )
    assert moebius(lens) == {
        ("L0.H0",): pytest.approx(1, abs=1e-4),
        ("L1.H0",): pytest.approx(1, abs=1e-4),
        ("L0.H0", "L1.H0"): pytest.approx(-1, abs=1e-4),
    }


def through_the_gates(heads: np.ndarray) -> np.ndarray:
    """What `handwired.gates` makes of its heads: (m, 5) -> (m,)."""
    joined = np.maximum(heads[:, 0] + heads[:, 1] - 1, 0)
    either = np.maximum(heads[:, 2] + heads[:, 3], 0) - np.maximum(
        heads[:, 2] + heads[:, 3] - 1, 0
    )
    return np.asarray(2 * joined + 3 * either)


def test_a_mean_over_references_that_hold_what_the_heads_look_for_half_of_the_time() -> (
    None
):
    lens = MechanisticLens(handwired.gates(), CLEAN, reference=[CLEAN, CORRUPT], **ASK)
    masks = every_mask(5)
    # A head attends to all positions alike: at position t it has seen the word at w as
    # 5 / (t + 1).
    means = [
        np.mean([5 / (t + 1) if t >= w else 0.0 for t in range(5)]) / 2
        for w in range(5)
    ]
    np.testing.assert_allclose(
        lens.value(masks), through_the_gates(np.where(masks, 1.0, means)), atol=1e-4
    )


def test_rescaling_multiplies_what_is_kept_in_a_layer_by_heads_over_heads_kept() -> (
    None
):
    lens = MechanisticLens(
        handwired.gates(),
        CLEAN,
        ablation="zero",
        rescale=True,
        components=["L0.H0", "L0.H1", "L0.H2"],
        **ASK,
    )
    masks = every_mask(3)
    # H3 and H4 are no candidates
    kept = np.concatenate([masks, np.ones((8, 2), np.bool_)], axis=1)
    rescaled = kept * (5 / kept.sum(axis=1, keepdims=True))
    np.testing.assert_allclose(
        lens.value(masks), through_the_gates(rescaled), atol=1e-4
    )


def test_a_neuron_an_mlp_a_layer_and_a_position_of_the_hand_wired_model() -> None:
    lens = MechanisticLens(
        handwired.gates(),
        CLEAN,
        components=["L0.MLP[0]", "L0.MLP[3]", "L0.MLP", "L0", "L0.RESID[4]"],
        **ASK,
    )
    everything = lens.value(np.ones((1, 5), np.bool_))[0]
    without = everything - lens.value(~np.eye(5, dtype=np.bool_))
    np.testing.assert_allclose(without, [2, 0, 5, 5, 5], atol=1e-4)
    assert lens.candidates[4].label == "L0.RESID[4] 'e'"


def test_several_prompts_are_one_game_of_their_mean() -> None:
    prompts = [CLEAN, MIXED, "a b"]
    targets, counterfactuals = ["yes", "no", "yes"], [CORRUPT, "_ _ _ _ _", "_ _"]
    settings = {"tokenizer": handwired.tokenizer(), "objective": "log-probability"}
    model, masks = handwired.gates(), every_mask(5)
    for ablation in ("zero", "resample", "restore"):
        others = counterfactuals if ablation != "zero" else [None] * 3
        together = MechanisticLens(
            model, prompts, ablation=ablation, target=targets,
            counterfactual=None if ablation == "zero" else others, **settings,
        )  # fmt: skip
        each = [
            MechanisticLens(
                model,
                prompt,
                ablation=ablation,
                target=target,
                counterfactual=other,
                **settings,
            )
            for prompt, target, other in zip(prompts, targets, others, strict=True)
        ]
        mean = np.mean([lens.value(masks) for lens in each], axis=0)
        np.testing.assert_allclose(together.value(masks), mean, atol=1e-12)
        assert together.facts()["passes_a_batch"] == 3
        assert together.facts()["target"] == "2 targets"


def test_accuracy_is_the_share_of_prompts_answered_right() -> None:
    model = handwired.gates()
    with torch.no_grad():
        model.lm_head.weight[handwired.TOKENS.index("no"), 0] = 1e-4  # "no" is always 1
    settings = {
        "tokenizer": handwired.tokenizer(),
        "objective": "accuracy",
        "target": "yes",
    }
    lens = MechanisticLens(
        model, [CLEAN, CORRUPT, "a b", "_"], ablation="zero", **settings
    )
    assert lens.value(np.ones((1, 5), np.bool_)) == 0.5
    assert lens.value(np.array([[True, True, False, False, True]])) == 0.25 + 0.25
    assert lens.value(np.zeros((1, 5), np.bool_)) == 0.0


def test_without_a_target_the_token_that_the_model_predicts_is_watched() -> None:
    lens = MechanisticLens(handwired.gates(), CLEAN, tokenizer=handwired.tokenizer())
    assert lens.facts()["target"] == "yes"
    assert (
        lens.facts()["setup_passes"] == 9
    )  # what it is, the prediction, the sizes; corners alone, again, together


def test_nothing_ablated_answers_as_the_feature_lens_does(
    causal: Path, classifier: Path
) -> None:
    for model, target in (
        (causal, " impress"),
        (classifier, "GOOD"),
        (str(SENTIMENT), "POSITIVE"),
    ):
        features = FeatureLens(str(model), SENTENCE, target=target)
        components = MechanisticLens(str(model), SENTENCE, target=target)
        whole = [
            lens.value(np.ones((1, lens.n), np.bool_))
            for lens in (features, components)
        ]
        np.testing.assert_allclose(*whole, atol=1e-5)


def test_several_labels_are_a_vector_valued_game(classifier: Path) -> None:
    lens = MechanisticLens(str(classifier), SENTENCE, target=["BAD", "GOOD"])
    assert lens.outputs == ("BAD", "GOOD")
    assert lens.value(np.ones((3, lens.n), np.bool_)).shape == (3, 2)
    difference = MechanisticLens(str(classifier), SENTENCE, target="GOOD", foil="BAD")
    masks = every_mask(4)
    both = lens.value(masks)
    np.testing.assert_allclose(
        difference.value(masks), both[:, 1] - both[:, 0], atol=1e-5
    )


def test_an_encoders_query_is_embedded_by_the_same_ablated_model(encoder: Path) -> None:
    pair = MechanisticLens(str(encoder), "the film", target="the film")
    np.testing.assert_allclose(pair.value(every_mask(pair.n)), 1.0, atol=1e-5)
    assert pair.facts()["passes_a_batch"] == 2
    # against the unablated model's own embedding
    kept = MechanisticLens(str(encoder), "the film")
    values = kept.value(every_mask(kept.n))
    assert values[-1] == pytest.approx(1, abs=1e-5)
    assert values[:-1].max() < 0.9999


@pytest.mark.parametrize(
    ("dtype", "close"), [(torch.bfloat16, 0.15), (torch.float16, 0.02)]
)
def test_half_precision(causal: Path, dtype: Any, close: float) -> None:
    from transformers import AutoModelForCausalLM, AutoTokenizer

    tokenizer = AutoTokenizer.from_pretrained(causal)
    answers = []
    for precision in (torch.float32, dtype):
        model = AutoModelForCausalLM.from_pretrained(causal, dtype=precision)
        lens = MechanisticLens(
            model, SENTENCE, target=" film", tokenizer=tokenizer, components=["heads", "mlps", "layers"],
            reference=["the film is not bad", "a critic"],
        )  # fmt: skip
        answers.append(lens.value(np.random.default_rng(0).random((40, lens.n)) < 0.5))
    spread = answers[0].std()
    assert np.abs(answers[1] - answers[0]).max() < close * spread


def test_a_device_map_that_keeps_a_layer_on_disk(tmp_path: Path) -> None:
    from transformers import AutoModelForSequenceClassification, AutoTokenizer

    tokenizer = AutoTokenizer.from_pretrained(SENTIMENT)
    rest = (
        "distilbert.embeddings",
        "distilbert.transformer.layer.0",
        "distilbert.transformer.layer.2",
    )
    places = dict.fromkeys([*rest, "pre_classifier", "classifier"], "cpu")
    places["distilbert.transformer.layer.1"] = "disk"
    answers = []
    for settings in ({}, {"device_map": places, "offload_folder": str(tmp_path)}):
        model = AutoModelForSequenceClassification.from_pretrained(
            SENTIMENT, **settings
        )
        lens = MechanisticLens(
            model, TEXT, tokenizer=tokenizer, components=["heads", "mlps", "layers", "residual"],
            reference=[OTHER],
        )  # fmt: skip
        masks = np.random.default_rng(0).random((8, lens.n)) < 0.5
        answers.append((lens.fingerprint, lens.value(masks)))
    assert answers[0][0] == answers[1][0]
    np.testing.assert_allclose(answers[0][1], answers[1][1], atol=1e-5)


def hooks(model: Any) -> list[tuple[int, int]]:
    return [(len(m._forward_hooks), len(m._forward_pre_hooks)) for m in model.modules()]


@pytest.mark.parametrize("stop", [RuntimeError, KeyboardInterrupt])
@pytest.mark.parametrize("ablation", ["zero", "mean", "restore"])
def test_hooks_go_and_weights_stay_also_after_an_error_or_an_interrupt(
    causal: Path, stop: type[BaseException], ablation: str
) -> None:
    from transformers import AutoModelForCausalLM, AutoTokenizer

    model = AutoModelForCausalLM.from_pretrained(causal).eval()
    before = {name: tensor.clone() for name, tensor in model.state_dict().items()}
    bare = hooks(model)
    settings = {
        "mean": {"reference": ["a film"]},
        "restore": {"counterfactual": "the film is good"},
    }
    lens = MechanisticLens(
        model, "the film is good", tokenizer=AutoTokenizer.from_pretrained(causal), ablation=ablation,
        components=["heads", "neurons", "mlps", "layers", "residual"],
        **settings.get(ablation, {}),
    )  # fmt: skip
    assert hooks(model) == bare
    masks = np.random.default_rng(0).random((4, lens.n)) < 0.5
    answer = lens.value(masks)

    def interrupt(*_: object) -> None:
        raise stop

    handle = model.transformer.h[1].mlp.register_forward_hook(interrupt)
    with pytest.raises(stop):
        lens.value(masks)
    handle.remove()
    assert hooks(model) == bare
    assert all(
        torch.equal(tensor, before[name]) for name, tensor in model.state_dict().items()
    )
    np.testing.assert_array_equal(lens.value(masks), answer)


def test_a_ledger_knows_the_game_again_and_every_setting_that_decides_it(
    tmp_path: Path,
) -> None:
    def lens(**settings: Any) -> MechanisticLens:
        return MechanisticLens(
            str(SENTIMENT), **{"inputs": TEXT, "target": "POSITIVE"} | settings
        )

    ledger = tmp_path / "runs.db"
    first = spexlens.explain(lens(), budget=60, ledger=ledger)
    again = spexlens.explain(lens(), budget=60, ledger=ledger)
    assert (first.calls, again.calls, again.account.reused) == (60, 0, 60)
    np.testing.assert_array_equal(first.spectrum.values, again.spectrum.values)
    variants: list[dict[str, Any]] = [
        {}, {"inputs": OTHER}, {"inputs": [TEXT, OTHER]}, {"inputs": [OTHER, TEXT]}, {"target": "NEGATIVE"},
        {"foil": "NEGATIVE"}, {"objective": "accuracy"}, {"rescale": True}, {"components": "layers"},
        {"components": ["L0.H1", "L0.H0"]}, {"components": ["L0.H0", "L0.H1"]}, {"layers": [1]},
        {"reference": [TEXT]}, {"reference": [OTHER]}, {"reference": [OTHER], "ablation": "position mean"},
        {"counterfactual": OTHER}, {"counterfactual": OTHER, "ablation": "restore"},
        {"counterfactual": OTHER.replace("bore", "please")},
    ]  # fmt: skip
    assert len({lens(**settings).fingerprint for settings in variants}) == len(variants)
    assert lens().fingerprint == lens(ablation="zero", components=["heads"]).fingerprint


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"components": "head"}, "unknown component 'head'; give heads, mlps, neurons"),
        ({"components": ["L0.H1", 3]}, "unknown component 3; give heads"),
        ({"components": []}, "no component was given"),
        ({"components": "L3.H0"}, "there is no L3.H0; the model has layers L0 to L2"),
        ({"components": "L2.H4"}, "there is no L2.H4; layer 2 has 4 heads, from 0"),
        ({"components": "L0.MLP[256]"}, r"there is no L0.MLP\[256\]; layer 0 has 256 neurons, from 0"),
        ({"components": "L1.RESID[9]"}, r"there is no L1.RESID\[9\]; layer 1 has 8 positions, from 0"),
        ({"layers": [3]}, "there is no layer 3; the model has layers 0 to 2"),
        ({"layers": []}, "no layer was given; the model has layers 0 to 2"),
        ({"layers": [0], "components": "L1.H0"}, "layers goes with a kind"),
        ({"ablation": "noise"}, "unknown ablation 'noise'; choose one of zero, mean"),
        ({"ablation": "mean"}, r"ablation 'mean' needs reference: prompts"),
        ({"ablation": "mean", "reference": []}, r"reference is a list of prompts; got nothing"),
        ({"ablation": "mean", "reference": TEXT}, "reference is a list of prompts; got 'Her"),
        ({"ablation": "zero", "reference": [TEXT]}, "ablation 'zero' has no use for a reference"),
        ({"ablation": "restore"}, "ablation 'restore' needs counterfactual: a prompt"),
        ({"ablation": "mean", "counterfactual": TEXT}, "ablation 'mean' has no use for a counterfactual"),
        ({"counterfactual": "Too short"}, "the counterfactual 'Too short' has 4 tokens, its prompt 8"),
        ({"ablation": "position mean", "reference": ["Too short"]}, "one length; they have 4 to 8 tokens"),
        ({"reference": [TEXT], "rescale": True}, "rescale goes with ablation 'zero', not 'mean'"),
        ({"components": "mlps", "rescale": True}, "no component is a head"),
        ({"inputs": []}, "no prompt was given"),
        ({"inputs": " "}, "a prompt is a text; got ' '"),
        ({"inputs": [TEXT, "Too short"], "components": "residual"}, "of 4 to 8 tokens have no positions"),
        ({"inputs": [TEXT, OTHER], "target": ["POSITIVE"]}, "2 prompts need as many of target, or one"),
        ({"inputs": "word " * 600}, "the input has 602 tokens, .* reads at most 512 at once: cut"),
        ({"target": "GOOD"}, "unknown label 'GOOD'; the model's labels are NEGATIVE, POSITIVE"),
        ({"foil": "BAD"}, "unknown label 'BAD'"),
        ({"objective": "logit difference"}, "objective 'logit difference' and foil go together"),
        ({"objective": "logit", "foil": "NEGATIVE"}, "objective 'logit difference' and foil go together"),
        ({"objective": "perplexity"}, "a classifier has no objective 'perplexity'"),
        ({"batch_size": 0}, "a batch has at least one row; got batch_size=0"),
    ],
)  # fmt: skip
def test_bad_input_is_one_clear_line(settings: dict[str, Any], message: str) -> None:
    with pytest.raises(InvalidInput, match=message) as raised:
        MechanisticLens(
            str(SENTIMENT), **{"inputs": TEXT, "target": "POSITIVE"} | settings
        )
    assert "\n" not in str(raised.value)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"counterfactual": "a film"}, "the query has no counterfactual"),
        (
            {"components": "residual"},
            "inputs and their queries have no positions in common",
        ),
        (
            {"ablation": "position mean", "reference": ["the film"]},
            "a text and its query share no positions",
        ),
    ],
)
def test_a_query_has_no_positions_of_the_text(
    encoder: Path, settings: dict[str, Any], message: str
) -> None:
    with pytest.raises(InvalidInput, match=message):
        MechanisticLens(str(encoder), "the film", target="a critic", **settings)


def test_a_completion_of_unknown_words_is_refused() -> None:
    with pytest.raises(
        InvalidInput, match="'river' has a word that the tokenizer does not know"
    ):
        MechanisticLens(str(INDUCTION), "owl ink cup owl", target="river")


def test_a_logit_difference_is_between_single_tokens(causal: Path) -> None:
    with pytest.raises(InvalidInput, match="between single tokens; ' film never' has"):
        MechanisticLens(str(causal), SENTENCE, target=" film never", foil=" film")
