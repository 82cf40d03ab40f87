"""The catalogue: which classes of Transformers there are, by the head they have."""

import inspect
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Literal

import transformers
from transformers.models.auto import modeling_auto

Column = Literal["causal", "classifier", "encoder", "other"]

_MAPPINGS: dict[Column, tuple[str, ...]] = {
    "causal": ("FOR_CAUSAL_LM", "FOR_IMAGE_TEXT_TO_TEXT", "FOR_MULTIMODAL_LM"),
    "classifier": ("FOR_SEQUENCE_CLASSIFICATION",),
    "encoder": ("", "FOR_TEXT_ENCODING"),
    "other": (
        "FOR_MASKED_LM",
        "FOR_TOKEN_CLASSIFICATION",
        "FOR_QUESTION_ANSWERING",
        "FOR_MULTIPLE_CHOICE",
        "FOR_NEXT_SENTENCE_PREDICTION",
        "FOR_SEQ_TO_SEQ_CAUSAL_LM",
        "FOR_PRETRAINING",
    ),
}


@dataclass(frozen=True)
class Entry:
    """One class of Transformers.

    Attributes:
        family: the `model_type` of its configuration.
        name: the class.
        column: what it is read as; "other" is a head that the lens has no answer for.
    """

    family: str
    name: str
    column: Column

    @property
    def model_class(self) -> Any:
        """The class itself."""
        return getattr(transformers, self.name)

    @property
    def config_class(self) -> Any:
        """The class of its configuration."""
        return transformers.CONFIG_MAPPING[self.family]


def catalogue() -> list[Entry]:
    """Every class that reads `input_ids`, each once, by family."""
    found: dict[str, Entry] = {}
    for entry in _listed():
        if entry.name not in found and _reads_tokens(entry):
            found[entry.name] = entry
    return _in_order(found)


def named(names: set[str]) -> list[Entry]:
    """The classes of these names, or of families of these names, of which nothing else
    is imported.
    """
    found: dict[str, Entry] = {}
    for entry in _listed():
        if (
            {entry.name, entry.family} & names
            and entry.name not in found
            and _reads_tokens(entry)
        ):
            found[entry.name] = entry
    return _in_order(found)


def _in_order(found: dict[str, Entry]) -> list[Entry]:
    order = list(_MAPPINGS)
    return sorted(
        found.values(),
        key=lambda entry: (entry.family, order.index(entry.column), entry.name),
    )


def _listed() -> Iterator[Entry]:
    for column, mappings in _MAPPINGS.items():
        for mapping in mappings:
            names = getattr(
                modeling_auto, f"MODEL_{mapping}_MAPPING_NAMES".replace("__", "_")
            )
            for family, listed in names.items():
                for name in [listed] if isinstance(listed, str) else listed:
                    yield Entry(
                        family,
                        name,
                        "causal" if name.endswith("WithLMHeadModel") else column,
                    )


def _reads_tokens(entry: Entry) -> bool:
    try:
        return "input_ids" in inspect.signature(entry.model_class.forward).parameters
    except (ImportError, AttributeError):  # it needs a package that is not installed
        return False
