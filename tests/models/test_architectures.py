"""Every registered architecture: heads, MLPs and layers are where the registry says."""

import copy
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest

torch = pytest.importorskip("torch")
transformers = pytest.importorskip("transformers")

from conftest import SENTENCE, bert_tokenizer

import spexlens
from spexlens import Architecture, MechanisticLens, errors, register_architecture
from spexlens.models import architectures
from spexlens.models.architectures import layers_of, registered

TEXT = " ".join(SENTENCE.split()[:9])
HEADS, GROUPS = 4, 2
GROUPED = {
    "llama",
    "mistral",
    "qwen2",
    "qwen3",
    "gemma",
    "gemma2",
    "gemma3_text",
    "phi",
    "phi3",
}
OWN_NAMES = {  # of what all other configurations call by the same name
    "distilbert": {"hidden_dim": 48},
    "gpt2": {"n_inner": 48},
    "opt": {"ffn_dim": 48, "word_embed_proj_dim": 32},
}


def tiny(model_type: str, seed: int = 0, **settings: Any) -> Any:
    """A random base model of three layers."""
    sizes: dict[str, Any] = {
        "num_hidden_layers": 3,
        "num_attention_heads": HEADS,
        "hidden_size": 32,
        "vocab_size": 64,
        "max_position_embeddings": 64,
        "pad_token_id": 0,
        "bos_token_id": 2,
        "eos_token_id": 3,
    }
    sizes |= OWN_NAMES.get(model_type, {"intermediate_size": 48}) | settings
    if model_type in GROUPED:
        sizes["num_key_value_heads"] = GROUPS
    torch.manual_seed(seed)
    config = transformers.AutoConfig.for_model(model_type, **sizes)
    model = transformers.AutoModel.from_config(config).eval()
    # biases and norms begin at zero or one, where a mistake might not show
    with torch.no_grad():
        for parameter in model.parameters():
            parameter += 0.2 * torch.randn_like(parameter)
    return model


def lens_of(model: Any, **settings: Any) -> MechanisticLens:
    return MechanisticLens(
        model, TEXT, tokenizer=bert_tokenizer(), kind="encoder", **settings
    )


def hidden(model: Any, lens: MechanisticLens, masks: np.ndarray) -> Any:
    """The last hidden state of each mask, taken from within the lens's own forward
    pass.
    """
    seen = []
    handle = model.register_forward_hook(
        lambda _, __, output: seen.append(output.last_hidden_state)
    )
    lens.value(masks)
    handle.remove()
    return seen[0]


def plain(model: Any, lens: MechanisticLens, rows: int = 1) -> Any:
    with torch.inference_mode():
        return model(**lens.behaviours[0].rows(rows, corrupted=False)).last_hidden_state


def all_but(lens: MechanisticLens, *names: str) -> np.ndarray:
    """One mask that ablates these."""
    return np.array([[component.name not in names for component in lens.components]])


every_architecture = pytest.mark.parametrize("model_type", registered())


@every_architecture
def test_ablating_nothing_is_the_plain_model_bit_for_bit(model_type: str) -> None:
    model = tiny(model_type)
    for kinds in ("heads", "mlps", "neurons", "layers", "residual"):
        lens = lens_of(model, components=kinds)
        kept = np.ones((3, lens.n), np.bool_)
        assert torch.equal(hidden(model, lens, kept), plain(model, lens, rows=3)), kinds


@every_architecture
def test_all_heads_of_a_layer_are_its_attention_without_the_bias(
    model_type: str,
) -> None:
    model = tiny(model_type)
    lens = lens_of(model)
    silenced = copy.deepcopy(model)
    with torch.no_grad():
        layers_of(silenced)[1].heads.weight.zero_()
    ablated = hidden(
        model, lens, all_but(lens, *(f"L1.H{head}" for head in range(HEADS)))
    )
    torch.testing.assert_close(ablated, plain(silenced, lens), rtol=1e-5, atol=1e-5)
    assert not torch.allclose(ablated, plain(model, lens), atol=1e-3)


@every_architecture
def test_a_head_is_its_own_slice_also_where_keys_are_shared(model_type: str) -> None:
    model = tiny(model_type)
    lens = lens_of(model)
    for head in range(HEADS):
        silenced = copy.deepcopy(model)
        entering = _by_input(layers_of(silenced)[2].heads)
        width = len(entering) // HEADS
        with torch.no_grad():
            entering[head * width : (head + 1) * width] = 0
        ablated = hidden(model, lens, all_but(lens, f"L2.H{head}"))
        torch.testing.assert_close(ablated, plain(silenced, lens), rtol=1e-5, atol=1e-5)


@every_architecture
def test_a_head_answers_to_its_own_queries(model_type: str) -> None:
    """Disturbing the queries of head 3 changes what its slice holds, and no other
    head's.
    """
    model = tiny(model_type)
    disturbed = copy.deepcopy(model)
    with torch.no_grad():
        _queries(layers_of(disturbed)[0].whole, model_type, head=3).add_(1.0)
    lens, other = lens_of(model, layers=[0]), lens_of(disturbed, layers=[0])
    without = all_but(lens, "L0.H3")
    torch.testing.assert_close(
        hidden(model, lens, without),
        hidden(disturbed, other, without),
        rtol=0,
        atol=1e-5,
    )
    with_it = all_but(lens, "L0.H1")
    assert not torch.allclose(
        hidden(model, lens, with_it), hidden(disturbed, other, with_it), atol=1e-4
    )


def _by_input(projection: Any) -> Any:
    """Its weights, one row an input."""
    return (
        projection.weight
        if type(projection).__name__ == "Conv1D"
        else projection.weight.T
    )


def _queries(layer: Any, model_type: str, head: int) -> Any:
    """The weights that make one head's queries, by the names of each model's own code."""
    names = {
        "gpt2": "attn.c_attn",
        "gpt_neox": "attention.query_key_value",
        "distilbert": "attention.q_lin",
        "phi3": "self_attn.qkv_proj",
    }
    bert = model_type in ("bert", "roberta", "xlm-roberta")
    name = names.get(model_type, "attention.self.query" if bert else "self_attn.q_proj")
    weight = layer.get_submodule(name).weight
    if model_type == "gpt2":
        return weight[:, head * 8 : (head + 1) * 8]
    if model_type == "gpt_neox":  # each head's query, key and value side by side
        return weight[head * 24 : head * 24 + 8]
    grouped = {"gemma": 256, "gemma2": 256, "gemma3_text": 256, "qwen3": 128}
    width = grouped.get(model_type, 8)
    return weight[head * width : (head + 1) * width]


@every_architecture
def test_an_mlp_a_neuron_and_a_layer_are_where_the_registry_says(
    model_type: str,
) -> None:
    model = tiny(model_type)
    lens = lens_of(model, components=["mlps", "L1.MLP[5]", "layers"])
    silenced = copy.deepcopy(model)
    with torch.no_grad():
        for parameter in layers_of(silenced)[1].mlp.parameters():
            parameter.zero_()
    ablated = hidden(model, lens, all_but(lens, "L1.MLP"))
    torch.testing.assert_close(ablated, plain(silenced, lens), rtol=1e-5, atol=1e-5)

    silenced = copy.deepcopy(model)
    with torch.no_grad():
        _by_input(layers_of(silenced)[1].mlp)[5] = 0
    ablated = hidden(model, lens, all_but(lens, "L1.MLP[5]"))
    torch.testing.assert_close(ablated, plain(silenced, lens), rtol=1e-5, atol=1e-5)

    shorter = copy.deepcopy(model)
    layers = shorter.base_model.get_submodule(
        architectures.architecture_of(model).layers
    )
    del layers[1]
    ablated = hidden(model, lens, all_but(lens, "L1"))
    # whose layers take turns by their number
    if model_type not in ("gemma2", "gemma3_text"):
        torch.testing.assert_close(ablated, plain(shorter, lens), rtol=1e-5, atol=1e-5)


@every_architecture
def test_a_batch_of_masks_equals_one_at_a_time(model_type: str) -> None:
    model = tiny(model_type)
    for settings in (
        {"ablation": "zero", "rescale": True},
        {"reference": ["the film", "not a bad film"]},
        {"counterfactual": TEXT.replace("film", "critic").replace("bad", "bored")},
        {"counterfactual": TEXT.replace("film", "critic"), "ablation": "restore"},
    ):
        lens = lens_of(
            model,
            components=["heads", "mlps", "L0.MLP[3]", "L2", "L1.RESID[2]"],
            **settings,
        )
        masks = np.random.default_rng(0).random((16, lens.n)) < 0.5
        single = np.concatenate([lens.value(mask[None]) for mask in masks])
        np.testing.assert_allclose(lens.value(masks), single, rtol=0, atol=1e-5)


@every_architecture
def test_layers_before_the_first_candidate_are_computed_for_one_row(
    model_type: str,
) -> None:
    model = tiny(model_type)
    counted: list[int] = []
    for settings in (
        {"components": ["heads", "neurons", "mlps", "layers"], "layers": [1, 2]},
        {
            "components": ["heads", "residual"],
            "layers": [2],
            "counterfactual": TEXT,
            "ablation": "restore",
        },
    ):
        lens = lens_of(model, **settings)
        shared = lens.facts()["shared_layers"]
        assert shared == settings["layers"][0]
        masks = np.random.default_rng(0).random((8, lens.n)) < 0.5
        before = layers_of(model)[shared - 1].whole
        with before.register_forward_pre_hook(
            lambda _, given, named: counted.append(
                len(given[0] if given else named["hidden_states"])
            ),
            with_kwargs=True,
        ):
            values = lens.value(masks)
        lens._shared = 0
        np.testing.assert_allclose(values, lens.value(masks), rtol=0, atol=1e-5)
    assert counted == [1, 1]


def test_a_decoder_that_classifies_cannot_share_its_early_layers(decoder: Any) -> None:
    lens = MechanisticLens(str(decoder), SENTENCE, target="LABEL_0", layers=[1])
    assert lens.facts()["shared_layers"] == 0
    assert len(lens.value(np.ones((3, 2), np.bool_))) == 3


@pytest.fixture
def restored() -> Iterator[None]:
    """The registry as it was."""
    before = dict(architectures._ARCHITECTURES)
    yield
    architectures._ARCHITECTURES.clear()
    architectures._ARCHITECTURES.update(before)


@pytest.mark.usefixtures("restored")
def test_an_unknown_architecture_says_what_to_register_and_then_works() -> None:
    del architectures._ARCHITECTURES["bert"]
    model = tiny("bert")
    with pytest.raises(
        spexlens.SpexlensError,
        match=r"spexlens.register_architecture\('bert', .*heads=",
    ):
        lens_of(model)
    wrong = Architecture(
        layers="encoder.layer", heads="attention.nowhere", mlp="output.dense"
    )
    register_architecture("bert", wrong)
    with pytest.raises(
        spexlens.SpexlensError, match=r"no module 'attention\.nowhere' in its BertLayer"
    ):
        lens_of(model)
    register_architecture(
        "bert", Architecture("encoder.layer", "attention.output.dense", "output.dense")
    )
    assert lens_of(model).n == 12


@pytest.mark.usefixtures("restored")
def test_a_registered_place_that_nothing_passes_or_that_does_not_split_is_refused() -> (
    None
):
    model = tiny("bert")
    register_architecture(
        "bert", Architecture("encoder.layer", "attention.self", "output.dense")
    )
    # the heads' input would be the residual stream: 32 values split into four
    lens = lens_of(model)
    assert lens.n == 12
    model.config.num_attention_heads = 5
    with pytest.raises(spexlens.SpexlensError, match="no multiple of 5 heads"):
        lens_of(model)
    model.config.num_attention_heads = HEADS
    for layer in model.encoder.layer:
        layer.spare = torch.nn.Linear(32, 32)
    register_architecture(
        "bert", Architecture("encoder.layer", "spare", "output.dense")
    )
    with pytest.raises(
        spexlens.SpexlensError, match="nothing passed a Linear of BertModel"
    ):
        lens_of(model)


def test_a_configuration_that_does_not_count_its_heads_is_refused_in_a_line(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    model = tiny("bert")
    monkeypatch.delattr(model.config, "num_attention_heads")
    monkeypatch.delattr(type(model.config), "num_attention_heads", raising=False)
    with pytest.raises(errors.ModelError, match="BertConfig has no num_attention"):
        lens_of(model)


def test_masks_may_be_a_view_that_runs_backwards() -> None:
    lens = lens_of(tiny("bert"))
    masks = np.random.default_rng(0).random((6, lens.n)) < 0.5
    assert np.array_equal(lens.value(masks[::-1]), lens.value(masks[::-1].copy()))


@pytest.mark.parametrize("given", [("", Architecture("a", "b", "c")), ("x", "layers")])
def test_only_an_architecture_can_be_registered(given: Any) -> None:
    with pytest.raises(
        spexlens.SpexlensError, match="takes a config's model_type and an Architecture"
    ):
        register_architecture(*given)
