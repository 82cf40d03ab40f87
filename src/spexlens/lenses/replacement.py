"""Replacement: what stands where a candidate is ablated."""

from typing import TYPE_CHECKING

import numpy as np

from spexlens.errors import InvalidInput
from spexlens.lenses.layout import Layout
from spexlens.lenses.tokens import AblatableTokens, substitute

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase

REPLACEMENTS = ("mask", "pad", "unk", "neutral", "delete", "attention")
"""The names of the replacements; see `FeatureLens`."""


def choose_replacement(replacement: str | None, tokenizer: "PreTrainedTokenizerBase") -> str:
    """The replacement asked for, or the default: the mask token where there is one, else deletion.

    Raises:
        InvalidInput: it is unknown or the tokenizer lacks its token; the text says which work.
    """
    works = replacements_of(tokenizer)
    if replacement is None:
        return "mask" if "mask" in works else "delete"
    if replacement not in works:
        lacking = replacement in REPLACEMENTS
        why = "the tokenizer has no such token" if lacking else "there is none of that name"
        raise InvalidInput(f"replacement {replacement!r}: {why}; these work: {', '.join(works)}")
    return replacement


def replacements_of(tokenizer: "PreTrainedTokenizerBase") -> tuple[str, ...]:
    """Those of `REPLACEMENTS` that a tokenizer has the token for."""
    special = ("mask", "pad", "unk")
    lacking = [name for name in special if getattr(tokenizer, f"{name}_token_id") is None]
    return tuple(name for name in REPLACEMENTS if name not in lacking)


def ablatable(
    layout: Layout, replacement: str, tokenizer: "PreTrainedTokenizerBase", text: str, neutral: str
) -> AblatableTokens:
    """The slots of a layout under one of `REPLACEMENTS`."""
    stand_ins: list[list[int]] = [[] for _ in layout.ids]
    if replacement == "neutral":
        opens = np.flatnonzero((layout.owner >= 0) & (np.diff(layout.owner, prepend=-1) != 0))
        for position in opens:
            start = layout.spans[layout.owner[position]][0]
            spaced = " " if text[:start][-1:].isspace() else ""
            stand_ins[position] = list(tokenizer(spaced + neutral, add_special_tokens=False)["input_ids"])
    elif replacement not in ("delete", "attention"):
        token = int(getattr(tokenizer, f"{replacement}_token_id"))
        stand_ins = [[token] if candidate >= 0 else [] for candidate in layout.owner]
    return substitute(layout.ids, layout.owner, stand_ins, hidden=replacement == "attention")
