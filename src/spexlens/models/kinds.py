"""Kinds: what a model is for, by its class, and by what it is seen to do."""

from collections.abc import Callable, Sequence
from typing import Any, Literal

import torch
from transformers.models.auto import modeling_auto

from spexlens.arguments import named
from spexlens.errors import ModelError

Kind = Literal["classifier", "causal", "encoder"]

KINDS: tuple[Kind, ...] = ("classifier", "causal", "encoder")

_OTHER_HEADS = {
    "ForMaskedLM": "fills in masked words",
    "ForPreTraining": "fills in masked words",
    "ForTokenClassification": "labels single tokens",
    "ForQuestionAnswering": "marks an answer's place in a text",
    "ForMultipleChoice": "chooses between texts",
    "ForNextSentencePrediction": "says whether a sentence follows",
}
_PROBE = 6  # tokens, of which the last is changed


def kind_named(config: Any, architecture: str) -> Kind:
    """What a class of transformers is for.

    Args:
        config: the model's configuration.
        architecture: the class's name, or "" where none is known.

    Raises:
        ModelError: it is for something that no lens explains; the text says what would
            work.
    """
    if is_generator(config, architecture):
        return "causal"
    if architecture.endswith("ForSequenceClassification"):
        return "classifier"
    _refuse_other_heads(architecture)
    return "encoder"


def is_generator(config: Any, architecture: str) -> bool:
    """Whether a class of transformers continues texts, and may see or hear as well.

    Raises:
        ModelError: it is an encoder-decoder.
    """
    if _answers_a_text(config) and not architecture.endswith("EncoderModel"):
        raise ModelError(
            f"{architecture} is an encoder-decoder, which no lens can ablate yet"
        )
    tables = (
        modeling_auto.MODEL_FOR_CAUSAL_LM_MAPPING_NAMES,
        modeling_auto.MODEL_FOR_IMAGE_TEXT_TO_TEXT_MAPPING_NAMES,
        modeling_auto.MODEL_FOR_MULTIMODAL_LM_MAPPING_NAMES,
    )
    if architecture.endswith(("ForCausalLM", "LMHeadModel")):
        return True
    # Some have names of their own, which only these tables tell.
    return any(architecture in map(str, table.values()) for table in tables)


def _answers_a_text(config: Any) -> bool:
    """Whether a decoder answers what an encoder has read."""
    configs = (config, config.get_text_config())
    return any(bool(getattr(part, "is_encoder_decoder", False)) for part in configs)


def _refuse_other_heads(architecture: str) -> None:
    for ending, what in _OTHER_HEADS.items():
        if architecture.endswith(ending):
            raise ModelError(
                f"{architecture} {what}, which no lens watches;"
                f" {named('kind', 'encoder')} explains its embeddings"
            )
    if "For" in architecture and architecture not in _bodies():
        raise ModelError(
            f"{architecture} is neither a sequence classifier nor a causal language"
            f" model, and no lens watches what it answers; {named('kind', 'encoder')}"
            " explains its embeddings, if it has any"
        )


def _bodies() -> set[str]:
    return {str(name) for name in modeling_auto.MODEL_MAPPING_NAMES.values()}


def looks_ahead(
    ask: Callable[[list[int]], torch.Tensor], tokens: Sequence[int], rounding: float
) -> bool:
    """Whether a language model's logits change with another last token, or with none.

    They do in one that attends to both sides: in one pass, it would see the completion
    that it is asked for.

    Args:
        ask: gives the logits (L, V) of a row of L tokens.
        tokens: a few ordinary ones.
        rounding: what answers may be apart by, relative to the largest.
    """
    row = (list(tokens) * _PROBE)[:_PROBE]
    *beginning, last = row
    another = row[0] if row[0] != last else row[1]
    before = ask(row)[:-1]
    with_another = ask([*beginning, another])[:-1]
    # A row that is shorter finds out models that attend to the last token alone.
    without = ask(beginning)
    largest = float(before.abs().max())
    allowed = rounding * max(1.0, largest)
    changes = [with_another - before, without - before]
    return any(bool(change.abs().max() > allowed) for change in changes)
