"""Replacement: what stands where a candidate is ablated."""

from typing import TYPE_CHECKING

from spexlens.errors import InvalidInput
from spexlens.lenses.text.tokens import AblatableTokens, substitute

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase

    from spexlens.lenses.text.layout import Layout
    from spexlens.lenses.text.spelled import SpelledText
    from spexlens.models.model import HuggingFaceModel

REPLACEMENTS = ("mask", "pad", "unk", "neutral", "delete", "attention")
"""The names of the replacements; see `FeatureLens`."""


def choose_replacement(
    replacement: str | None, tokenizer: "PreTrainedTokenizerBase"
) -> str:
    """The replacement asked for, or the default: the mask token where there is one,
    else deletion.

    Raises:
        InvalidInput: it is unknown or the tokenizer lacks its token; the text says
            which work.
    """
    works = replacements_of(tokenizer)
    if replacement is None:
        return "mask" if "mask" in works else "delete"
    if replacement not in works:
        lacking = replacement in REPLACEMENTS
        why = (
            "the tokenizer has no such token"
            if lacking
            else "there is none of that name"
        )
        raise InvalidInput(
            f"replacement {replacement!r}: {why}; these work: {', '.join(works)}"
        )
    return replacement


def replacements_of(tokenizer: "PreTrainedTokenizerBase") -> tuple[str, ...]:
    """Those of `REPLACEMENTS` that a tokenizer has the token for."""
    special = ("mask", "pad", "unk")
    lacking = [
        name for name in special if getattr(tokenizer, f"{name}_token_id") is None
    ]
    return tuple(name for name in REPLACEMENTS if name not in lacking)


def ablatable(
    model: "HuggingFaceModel", layout: "Layout", replacement: str, neutral: str
) -> "AblatableTokens | SpelledText":
    """What a model reads under one of `REPLACEMENTS`."""
    if replacement == "neutral":
        from spexlens.lenses.text.spelled import SpelledText

        return SpelledText(model, layout, neutral)
    stand_ins: list[list[int]] = [[] for _ in layout.owner]
    if replacement not in ("delete", "attention"):
        token = int(getattr(model.tokenizer, f"{replacement}_token_id"))
        stand_ins = [[token] if candidate >= 0 else [] for candidate in layout.owner]
    return substitute(
        layout.reading.ids,
        layout.owner,
        stand_ins,
        hidden=replacement == "attention",
        segments=layout.reading.segments,
    )
