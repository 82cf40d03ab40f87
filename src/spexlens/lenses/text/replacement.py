"""Replacement: what stands where a candidate is ablated."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

from spexlens.errors import InvalidInput
from spexlens.lenses.text.tokens import AblatableTokens, substitute

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase

    from spexlens.lenses.text.layout import Layout
    from spexlens.lenses.text.spelled import SpelledText
    from spexlens.models.model import HuggingFaceModel


@dataclass(frozen=True)
class Replacement:
    """One way to ablate a candidate of a text.

    Without any of what the attributes say, a candidate's tokens are left out.

    Attributes:
        name: what it is asked for by.
        token: the tokenizer's special token that stands for each token, such as "mask",
            or None.
        spelled: whether a string stands for the whole candidate, and the tokenizer
            reads the text with it.
        hides: whether the tokens stay and lose the attention of all others.
    """

    name: str
    token: str | None = None
    spelled: bool = False
    hides: bool = False

    @property
    def has_stand_in(self) -> bool:
        """Whether each token of an ablated candidate has another in its place."""
        return self.token is not None

    @property
    def keeps_places(self) -> bool:
        """Whether the tokens that are kept stay where they are."""
        return self.has_stand_in or self.hides

    def available(self, tokenizer: "PreTrainedTokenizerBase") -> bool:
        """Whether a tokenizer has the token for it."""
        return not self.has_stand_in or self._token_id(tokenizer) is not None

    def ablatable(
        self, model: "HuggingFaceModel", layout: "Layout", neutral: str
    ) -> "AblatableTokens | SpelledText":
        """What a model reads of a text whose candidates come and go.

        Args:
            model: that reads.
            layout: the text, everything kept.
            neutral: the string that stands for a candidate, if one does.
        """
        if self.spelled:
            # here, as it needs torch, and names of replacements are asked for without
            from spexlens.lenses.text.spelled import SpelledText

            return SpelledText(model, layout, neutral)
        token_id = self._token_id(model.tokenizer)
        stand_in = [] if token_id is None else [int(token_id)]
        return substitute(
            layout.reading.ids,
            layout.owner,
            [stand_in if candidate >= 0 else [] for candidate in layout.owner],
            hidden=self.hides,
            segments=layout.reading.segments,
        )

    def _token_id(self, tokenizer: "PreTrainedTokenizerBase") -> int | None:
        if self.token is None:
            return None
        token_id: int | None = getattr(tokenizer, f"{self.token}_token_id")
        return token_id


MASK = Replacement("mask", token="mask")
DELETE = Replacement("delete")

# In this order errors list those that work. A new one stands here, and nowhere else.
_KNOWN = (
    MASK,
    Replacement("pad", token="pad"),
    Replacement("unk", token="unk"),
    Replacement("neutral", spelled=True),
    DELETE,
    Replacement("attention", hides=True),
)

REPLACEMENTS = tuple(replacement.name for replacement in _KNOWN)
"""The names of the replacements; see `FeatureLens`."""

KEEPING_PLACES = tuple(
    replacement.name for replacement in _KNOWN if replacement.keeps_places
)
"""The names of those under which the tokens that are kept stay where they are."""


def choose_replacement(
    name: str | None, tokenizer: "PreTrainedTokenizerBase"
) -> Replacement:
    """The replacement of a name; by default the mask token, else deletion.

    Raises:
        InvalidInput: it is unknown or the tokenizer lacks its token; the text says
            which work.
    """
    working = {
        replacement.name: replacement for replacement in replacements_of(tokenizer)
    }
    if name is None:
        return working.get(MASK.name, DELETE)
    if name not in working:
        why = "there is none of that name"
        if name in REPLACEMENTS:
            why = "the tokenizer has no such token"
        raise InvalidInput(
            f"replacement {name!r}: {why}; these work: {', '.join(working)}"
        )
    return working[name]


def replacements_of(
    tokenizer: "PreTrainedTokenizerBase",
) -> tuple[Replacement, ...]:
    """The replacements that a tokenizer has the token for."""
    return tuple(
        replacement for replacement in _KNOWN if replacement.available(tokenizer)
    )
