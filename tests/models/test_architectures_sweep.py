"""Whatever the architecture, a mask in a batch is answered as its row alone; or one
line says why not.
"""

from collections.abc import Iterator
from typing import Any

import pytest

torch = pytest.importorskip("torch")
pytest.importorskip("transformers")

from architectures.catalogue import Entry, named
from architectures.page import page
from architectures.tiny import tiny_config
from architectures.verdict import Verdict, examine

RIGHT = {
    "AlbertModel": "padded",
    "BartForCausalLM": "padded",
    "BertForSequenceClassification": "padded",
    "BertLMHeadModel": "padded",
    "BertModel": "padded",
    "BloomForCausalLM": "padded",
    "ConvBertForSequenceClassification": "one length",
    "CpmAntForCausalLM": "one length",
    "DebertaV2Model": "padded",
    "DistilBertForSequenceClassification": "padded",
    "ElectraForSequenceClassification": "padded",
    "FNetModel": "one length",
    "FunnelModel": "padded",
    "GPT2ForSequenceClassification": "padded",
    "GPT2LMHeadModel": "padded",
    "GPTNeoXForCausalLM": "padded",
    "Gemma3ForCausalLM": "padded",
    "Gemma3ForConditionalGeneration": "padded",
    "LlamaForCausalLM": "padded",
    "LlamaForSequenceClassification": "padded",
    "MambaForCausalLM": "padded",
    "MixtralForCausalLM": "padded",
    "MobileBertForSequenceClassification": "one length",
    "NystromformerModel": "one length",
    "OPTForCausalLM": "padded",
    "PegasusForCausalLM": "padded",
    "Qwen2ForSequenceClassification": "padded",
    "Qwen2Model": "padded",
    "RecurrentGemmaForCausalLM": "padded",
    "RoFormerForCausalLM": "padded",
    "RobertaForCausalLM": "padded",
    "RobertaForSequenceClassification": "padded",
    "RwkvForCausalLM": "padded",
    "T5EncoderModel": "padded",
    "XLMWithLMHeadModel": "one length",
    "XLNetForSequenceClassification": "one length",
    "XLNetLMHeadModel": "one length",
    "YosoModel": "one length",
}
"""What is answered right -> which rows share a forward pass where words are deleted."""

REFUSED = {
    "BartForConditionalGeneration": "is an encoder-decoder",
    "BertForMaskedLM": "fills in masked words",
    "BertForMultipleChoice": "chooses between texts",
    "CLIPModel": "cannot read the text",
    "DPRQuestionEncoder": "gives no hidden states of its tokens",
    "DistilBertForTokenClassification": "labels single tokens",
    "T5Model": "is an encoder-decoder",
}
"""What is refused -> a part of the line that says why."""


@pytest.fixture(autouse=True, scope="module")
def one_thread() -> Iterator[None]:
    """Models this small are slower on several."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


def entry_of(name: str) -> Entry:
    return next(entry for entry in named({name}) if entry.name == name)


@pytest.mark.parametrize(("name", "rows"), RIGHT.items())
def test_a_mask_in_a_batch_is_answered_as_its_row_alone(name: str, rows: str) -> None:
    verdict = examine(entry_of(name))
    assert verdict.outcome == rows, verdict.detail


@pytest.mark.parametrize(("name", "why"), REFUSED.items())
def test_what_cannot_be_read_is_refused_in_one_line(name: str, why: str) -> None:
    verdict = examine(entry_of(name))
    assert verdict.outcome == "refused", verdict.detail
    assert why in verdict.detail


def test_a_tiny_configuration_has_a_layer_of_each_kind_and_small_parts() -> None:
    config: Any = tiny_config(entry_of("Gemma3ForConditionalGeneration"))
    assert config.text_config.layer_types == ["sliding_attention", "full_attention"]
    assert config.text_config.hidden_size == config.vision_config.hidden_size == 32


def test_the_page_has_a_row_a_family_and_says_what_is_refused() -> None:
    model, head = entry_of("BertModel"), entry_of("BertForMaskedLM")
    why = "BertForMaskedLM fills in masked words"
    written = page([Verdict(model, "padded"), Verdict(head, "refused", why)])
    assert "| bert | - | - | padded |\n" in written
    assert "- The class fills in masked words: BertForMaskedLM.\n" in written
