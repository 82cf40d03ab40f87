"""One thing is changed, and a ledger that knows the old one is asked: never an old
answer.
"""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import transformers
from makes import bert, llama, whole, word_piece
from tokenizers import Tokenizer

from spexlens import (
    DataLens,
    FeatureLens,
    FineTuning,
    Ledger,
    MechanisticLens,
    MixedLens,
    explain,
    screen,
)
from spexlens.errors import InvalidInput
from spexlens.learners.encoders import encoded
from spexlens.models.huggingface import load

TEXT = "the red cat runs fast"


class Rig:
    """A classifier in memory, its tokenizer, and a ledger that knows its answers."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.tokenizer = word_piece("both")
        self.model = bert(
            self.tokenizer, num_labels=3, id2label={0: "bad", 1: "fair", 2: "good"}
        )
        self.settings: dict[str, Any] = {"target": "good"}
        self.ledger = folder / "runs.db"
        self.undone: list[tuple[Any, str, Any]] = []

    def undo(self) -> None:
        """What was changed beside the model."""
        for owner, name, value in self.undone:
            setattr(owner, name, value)

    def lens(self) -> FeatureLens:
        return FeatureLens(self.model, TEXT, tokenizer=self.tokenizer, **self.settings)


def scale_a_weight(rig: Rig) -> None:
    with torch.no_grad():
        rig.model.classifier.weight.mul_(-3)


def scale_a_weight_behind_autograds_back(rig: Rig) -> None:
    rig.model.classifier.weight.data *= -3


def swap_a_weight(rig: Rig) -> None:
    rig.model.classifier.weight = torch.nn.Parameter(
        rig.model.classifier.weight.detach() * 2
    )


def load_other_weights(rig: Rig) -> None:
    rig.model.load_state_dict(bert(rig.tokenizer, num_labels=3, seed=7).state_dict())


def change_a_buffer_that_is_not_saved(rig: Rig) -> None:
    embeddings = rig.model.bert.embeddings
    embeddings.position_ids = embeddings.position_ids.flip(-1).clone()


def steer(rig: Rig) -> None:
    vector = torch.sin(torch.arange(32.0))
    rig.model.bert.encoder.layer[0].output.register_forward_hook(
        lambda module, given, output: output + vector
    )


def steer_from_the_front(rig: Rig) -> None:
    rig.model.bert.encoder.layer[1].register_forward_pre_hook(
        lambda module, given: (given[0] * 2, *given[1:])
    )


def change_the_activation(rig: Rig) -> None:
    rig.model.bert.encoder.layer[0].intermediate.intermediate_act_fn = torch.nn.ReLU()


def change_the_activation_to_a_function(rig: Rig) -> None:
    intermediate = rig.model.bert.encoder.layer[0].intermediate
    del intermediate.intermediate_act_fn
    intermediate.intermediate_act_fn = torch.tanh


def change_the_scale_of_attention(rig: Rig) -> None:
    for layer in rig.model.bert.encoder.layer:
        layer.attention.self.scaling = 2.0


def change_the_epsilon(rig: Rig) -> None:
    rig.model.bert.encoder.layer[0].output.LayerNorm.eps = 0.5


def replace_a_module(rig: Rig) -> None:
    torch.manual_seed(9)
    rig.model.bert.pooler.dense = torch.nn.Linear(32, 32)


def halve_the_precision(rig: Rig) -> None:
    rig.model.to(torch.bfloat16)


def wrap_a_method_of_an_installed_class(rig: Rig) -> None:
    modeling = transformers.models.bert.modeling_bert

    def forward(self: Any, hidden: torch.Tensor) -> torch.Tensor:
        return self.dense(hidden).tanh()

    rig.undone.append(
        (modeling.BertIntermediate, "forward", modeling.BertIntermediate.forward)
    )
    modeling.BertIntermediate.forward = torch.no_grad()(forward)


def replace_a_function_beside_the_model(rig: Rig) -> None:
    modeling = transformers.models.bert.modeling_bert
    attend = modeling.eager_attention_forward

    def halved(*given: Any, **named: Any) -> Any:
        output, weights = attend(*given, **named)
        return output / 2, weights

    rig.model.set_attn_implementation("eager")
    rig.undone.append((modeling, "eager_attention_forward", attend))
    modeling.eager_attention_forward = halved


def register_another_attention(rig: Rig) -> None:
    attend = transformers.integrations.sdpa_attention.sdpa_attention_forward

    def halved(*given: Any, **named: Any) -> Any:
        output, weights = attend(*given, **named)
        return output / 2, weights

    transformers.AttentionInterface.register("mine", halved)
    rig.model.set_attn_implementation("mine")


def split_special_tokens(rig: Rig) -> None:
    rig.tokenizer.split_special_tokens = True
    rig.settings["template"] = "<mask> {text}"


def order_the_labels_anew(rig: Rig) -> None:
    rig.model.config.id2label = {0: "good", 1: "fair", 2: "bad"}


def retrain_the_tokenizer(rig: Rig) -> None:
    content = json.loads(rig.tokenizer.backend_tokenizer.to_str())
    vocabulary = content["model"]["vocab"]
    vocabulary["red"], vocabulary["blue"] = vocabulary["blue"], vocabulary["red"]
    rig.tokenizer._tokenizer = Tokenizer.from_str(json.dumps(content))


def mask_with_another_token(rig: Rig) -> None:
    rig.tokenizer.mask_token = "blue"


def watch_another_label(rig: Rig) -> None:
    rig.settings["target"] = "bad"


def watch_it_otherwise(rig: Rig) -> None:
    rig.settings["objective"] = "log-odds"


def ablate_otherwise(rig: Rig) -> None:
    rig.settings["replacement"] = "delete"


def put_another_string_in(rig: Rig) -> None:
    rig.settings |= {"replacement": "neutral", "neutral": "slow"}


def surround_it(rig: Rig) -> None:
    rig.settings["template"] = "not {text}"


BESIDE: list[Callable[[Rig], None]] = [
    wrap_a_method_of_an_installed_class,
    replace_a_function_beside_the_model,
    register_another_attention,
    split_special_tokens,
    order_the_labels_anew,
    retrain_the_tokenizer,
    mask_with_another_token,
    watch_another_label,
    watch_it_otherwise,
    ablate_otherwise,
    put_another_string_in,
    surround_it,
]
IN_PLACE: list[Callable[[Rig], None]] = [
    scale_a_weight,
    scale_a_weight_behind_autograds_back,
    swap_a_weight,
    load_other_weights,
    change_a_buffer_that_is_not_saved,
    steer,
    steer_from_the_front,
    change_the_activation,
    change_the_activation_to_a_function,
    change_the_scale_of_attention,
    change_the_epsilon,
    replace_a_module,
    halve_the_precision,
]


def asked(lens: Any, ledger: Path) -> tuple[tuple[float, float], int]:
    """What an explanation with a ledger says with everything kept and nothing, and the
    calls it paid.
    """
    explanation = explain(lens, 64, ledger=ledger)
    assert explanation.whole is not None
    assert explanation.empty is not None
    return (explanation.whole[0], explanation.empty[0]), explanation.calls


@pytest.mark.parametrize(
    "change", [*IN_PLACE, *BESIDE], ids=lambda change: change.__name__
)
def test_a_ledger_never_gives_an_old_answer(
    change: Callable[[Rig], None], tmp_path: Path
) -> None:
    rig = Rig(tmp_path)
    before, paid = asked(rig.lens(), rig.ledger)
    assert paid == 32
    assert asked(rig.lens(), rig.ledger) == (before, 0)
    try:
        change(rig)
        fresh, _ = asked(rig.lens(), tmp_path / "another.db")
        value, calls = asked(rig.lens(), rig.ledger)
    finally:
        rig.undo()
    assert value == fresh
    assert value != pytest.approx(before, abs=1e-6)
    assert calls == 32


@pytest.mark.parametrize("change", IN_PLACE, ids=lambda change: change.__name__)
@pytest.mark.parametrize(
    "kind", ["features", "mechanistic", "loaded", "mixed", "screened"]
)
def test_nor_does_a_lens_that_was_made_before(
    kind: str, change: Callable[[Rig], None], tmp_path: Path
) -> None:
    rig = Rig(tmp_path)
    loaded = load(rig.model, tokenizer=rig.tokenizer)
    words = FeatureLens(loaded, TEXT, target="good")
    heads = MechanisticLens(
        loaded, TEXT, target="good", components=["L0.H0", "L0.H1", "L1.H2", "L1.MLP"], ablation="mean",
        reference=["a dog", "she said yes"],
    )  # fmt: skip
    lens = {
        "features": lambda: words,
        "mechanistic": lambda: heads,
        "loaded": lambda: FeatureLens(loaded, TEXT, target="good"),
        "mixed": lambda: MixedLens([words, heads]),
        "screened": lambda: screen(words, [0, 2, 4]),
    }[kind]
    made = lens()
    budget = {"mixed": 600}.get(kind, 64)
    before = explain(made, budget, ledger=rig.ledger)
    change(rig)
    after = explain(made, budget, ledger=rig.ledger)
    again = explain(lens(), budget, ledger=tmp_path / "another.db")
    assert after.whole == again.whole
    assert after.empty == again.empty
    assert after.whole != before.whole
    np.testing.assert_array_equal(after.spectrum.values, again.spectrum.values)
    everything = np.ones((1, made.n), np.bool_)
    assert after.whole is not None
    assert made.value(everything)[0] == pytest.approx(after.whole[0], abs=1e-5)


def test_a_stand_in_is_of_the_model_as_it_is(tmp_path: Path) -> None:
    """Means and resampled activations are taken anew when the weights have changed."""
    rig = Rig(tmp_path)
    lens = MechanisticLens(
        rig.model, TEXT, target="good", tokenizer=rig.tokenizer, counterfactual="the blue dog sleeps slow",
        components=["L0.H0", "L1.H1"],
    )  # fmt: skip
    explain(lens, 16)
    load_other_weights(rig)
    explanation = explain(lens, 16)
    fresh = MechanisticLens(
        rig.model, TEXT, target="good", tokenizer=rig.tokenizer, counterfactual="the blue dog sleeps slow",
        components=["L0.H0", "L1.H1"],
    )  # fmt: skip
    masks = np.array([[True, True], [False, True], [True, False], [False, False]])
    np.testing.assert_allclose(
        explanation.spectrum.predict(masks), fresh.value(masks), atol=1e-5
    )


def test_a_default_question_stays_the_same_question(tmp_path: Path) -> None:
    rig = Rig(tmp_path)
    lens = FeatureLens(rig.model, TEXT, tokenizer=rig.tokenizer)
    first = lens.objective.indices
    with torch.no_grad():
        rig.model.classifier.bias[(first[0] + 1) % 3] += 100
    explanation = explain(lens, 32)
    assert lens.objective.indices == first
    assert explanation.facts["target"] == ("bad", "fair", "good")[first[0]]
    causal = llama(rig.tokenizer)
    heads = MechanisticLens(causal, TEXT, tokenizer=rig.tokenizer)
    token = heads.behaviours[0].objective.completion
    with torch.no_grad():
        causal.lm_head.weight.mul_(-1)
    assert explain(heads, 64).facts["target"] == rig.tokenizer.decode(list(token))
    assert heads.behaviours[0].objective.completion == token


def test_what_cannot_be_told_is_refused_with_a_ledger_on_disk_in_one_line(
    tmp_path: Path,
) -> None:
    rig = Rig(tmp_path)
    endless = (float(i) for i in range(10**9))
    rig.model.bert.encoder.layer[0].register_forward_hook(
        lambda module, given, output: output + 0 * next(endless)
    )
    for lens in (
        rig.lens(),
        MechanisticLens(rig.model, TEXT, tokenizer=rig.tokenizer, target="good"),
    ):
        assert lens.fingerprint is None
        with pytest.raises(
            InvalidInput, match=r"^[^\n]*bert\.encoder\.layer\.0[^\n]*ledger=None$"
        ):
            explain(lens, 32, ledger=rig.ledger)
        assert explain(lens, 32).calls
        assert explain(lens, 32, ledger=Ledger()).calls


def test_a_models_mode_changes_nothing_and_is_told(tmp_path: Path) -> None:
    tokenizer = word_piece("both")
    model = bert(tokenizer, hidden_dropout_prob=0.4, attention_probs_dropout_prob=0.4)
    for make in (FeatureLens, MechanisticLens):
        lens = make(model, TEXT, target=0, tokenizer=tokenizer)
        right, ledger = whole(lens), tmp_path / f"{make.__name__}.db"
        quiet = explain(lens, 32, ledger=ledger)
        assert not quiet.details.get("caveats")
        model.train()
        model.bert.encoder.layer[1].eval()  # a part that somebody froze
        modes = [module.training for module in model.modules()]
        assert whole(lens) == whole(lens) == right
        assert explain(lens, 32, ledger=ledger).calls == 0
        told = explain(lens, 32)
        assert told.whole == pytest.approx((right,), abs=1e-5)
        assert any("training mode" in caveat for caveat in told.details["caveats"])
        assert [module.training for module in model.modules()] == modes, (
            "left as it was"
        )
        model.eval()


def test_a_lens_follows_its_model_to_another_precision_and_attention(
    tmp_path: Path,
) -> None:
    tokenizer = word_piece("bos")
    model = llama(tokenizer, attn_implementation="eager")
    words = FeatureLens(model, TEXT, target="now", tokenizer=tokenizer)
    heads = MechanisticLens(
        model,
        TEXT,
        target="now",
        tokenizer=tokenizer,
        ablation="mean",
        reference=["a dog", "she said"],
    )
    exact = [explain(lens, 64, ledger=tmp_path / "runs.db") for lens in (words, heads)]
    model.set_attn_implementation("sdpa")
    for lens, before in zip((words, heads), exact, strict=True):
        after = explain(lens, 64, ledger=tmp_path / "runs.db")
        assert after.calls > 0, "rounded otherwise, so asked anew"
        assert after.whole == pytest.approx(before.whole, abs=1e-4)
    model.to(torch.float64)
    for lens, before in zip((words, heads), exact, strict=True):
        after = explain(lens, 64, ledger=tmp_path / "runs.db")
        assert after.calls > 0
        assert after.whole == pytest.approx(before.whole, abs=1e-4)
        assert after.empty == pytest.approx(before.empty, abs=1e-4)


def test_adapters_are_part_of_a_model(tmp_path: Path) -> None:
    peft = pytest.importorskip("peft")
    rig = Rig(tmp_path)
    seen = {asked(rig.lens(), rig.ledger)[0]}
    settings = peft.LoraConfig(
        r=4, lora_alpha=8, target_modules=["query", "value"], init_lora_weights=False
    )
    rig.model.add_adapter(settings)
    rig.model.eval()
    for change in (lambda: None, rig.model.disable_adapters, rig.model.enable_adapters):
        change()
        value, _ = asked(rig.lens(), rig.ledger)
        assert value == asked(rig.lens(), tmp_path / f"{len(seen)}.db")[0]
        seen.add(value)
    assert len(seen) == 2


def test_features_are_kept_under_everything_that_makes_them(tmp_path: Path) -> None:
    folder, cache = tmp_path / "encoder", tmp_path / "cache"
    tokenizer = word_piece("both")
    bert(tokenizer, "BertModel").save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    texts = np.array([TEXT, "a bad dog"], object)

    def write(name: str, content: Any) -> Callable[[], None]:
        def change() -> None:
            (folder / name).parent.mkdir(exist_ok=True)
            (folder / name).write_text(json.dumps(content))

        return change

    def settle(name: str, value: Any) -> Callable[[], None]:
        def change() -> None:
            path = folder / "tokenizer_config.json"
            path.write_text(json.dumps(json.loads(path.read_text()) | {name: value}))

        return change

    def other_words() -> None:
        path = folder / "tokenizer.json"
        content = json.loads(path.read_text())
        vocabulary = content["model"]["vocab"]
        vocabulary["red"], vocabulary["blue"] = vocabulary["blue"], vocabulary["red"]
        path.write_text(json.dumps(content))

    pooling = "1_Pooling/config.json"
    normalised = [
        {
            "idx": 2,
            "name": "2",
            "path": "",
            "type": "sentence_transformers.models.Normalize",
        }
    ]
    prompted = {"prompts": {"q": "answer: "}, "default_prompt_name": "q"}
    changes = [
        lambda: None, write(pooling, {"pooling_mode": "cls"}), write(pooling, {"pooling_mode": "max"}),
        write("modules.json", normalised), write("sentence_bert_config.json", {"max_seq_length": 5}),
        write("config_sentence_transformers.json", prompted), settle("model_max_length", 4), other_words,
        lambda: bert(tokenizer, "BertModel", seed=5).save_pretrained(folder),
    ]  # fmt: skip
    known: list[np.ndarray] = []
    for change in changes:
        change()
        kept, fresh = (
            encoded(texts, texts[:1], str(folder), cache),
            encoded(texts, texts[:1], str(folder), None),
        )
        np.testing.assert_array_equal(kept.train, fresh.train)
        assert kept.facts == fresh.facts
        again = encoded(texts, texts[:1], str(folder), cache)
        np.testing.assert_array_equal(again.train, kept.train)
        known.append(kept.train)
    assert (
        len(list(cache.iterdir())) >= len(changes) - 1
    )  # a smaller window makes no difference beside a prompt


def test_a_learner_is_everything_that_trains_it(tmp_path: Path) -> None:
    """Fine-tuning with another tokenizer, window, label, head or example, on a ledger
    that knows others.
    """
    texts = [
        "the red cat runs fast",
        "a bad dog sleeps here",
        "good yes she said it",
        "no bad big slow dog",
    ]
    test = ("the red cat said good yes", "pos")
    long, short = word_piece("both"), word_piece("both")
    short.model_max_length = 4
    model = bert(long, id2label={0: "neg", 1: "pos"})
    other = bert(long, id2label={0: "pos", 1: "neg"})
    settings: dict[str, Any] = {"epochs": 1, "train": "all", "learning_rate": 1e-2}
    values: set[float] = set()
    other_texts = [*texts[:3], "no red big slow dog"]
    cases: list[tuple[Any, Any, dict[str, Any], list[str]]] = [
        (model, long, {}, texts),
        (model, short, {}, texts),
        (other, long, {}, texts),
        (model, long, {"rows": 1}, texts),
        (model, long, {"epochs": np.int64(2)}, texts),
        (model, long, {}, other_texts),
    ]
    for made, tokenizer, changed, given in cases:
        learner = FineTuning(made, tokenizer=tokenizer, **{**settings, **changed})
        lens = DataLens(learner, (given, ["pos", "neg"] * 2), test)
        value, paid = asked(lens, tmp_path / "runs.db")
        assert paid > 0
        assert value[0] == pytest.approx(
            float(lens.value(np.ones((1, 4), np.bool_))[0]), abs=1e-5
        )
        values.add(round(value[0], 6))
    assert len(values) == 6
    learner = FineTuning(model, tokenizer=long, **settings)
    lens = DataLens(learner, (texts, ["pos", "neg"] * 2), test)
    before, _ = asked(lens, tmp_path / "runs.db")
    with torch.no_grad():
        model.classifier.weight.mul_(-2)  # the start of every training
    after, paid = asked(lens, tmp_path / "runs.db")
    assert paid > 0
    assert after[0] == pytest.approx(
        float(lens.value(np.ones((1, 4), np.bool_))[0]), abs=1e-5
    )
    assert after != pytest.approx(before, abs=1e-6)
