"""Tokenizing: what a tokenizer makes of a text, or one line that says that it cannot."""

from typing import TYPE_CHECKING, Any

from spexlens.errors import ModelError
from spexlens.models.quiet import one_line

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase

_LARGEST = 10_000_000  # the number of a token, more than any vocabulary has


def tokenized(tokenizer: "PreTrainedTokenizerBase", *texts: str, **how: Any) -> Any:
    """What `tokenizer(*texts, **how)` returns.

    It is neither cut nor filled up unless that is asked for.

    Raises:
        ModelError: it cannot, as one that lacks the token for words that it does not
            know.
    """
    settings = {"truncation": False, "padding": False, "verbose": False, **how}
    try:
        return tokenizer(*texts, **settings)
    except MemoryError:
        raise
    # its own library raises no other class, and deep nesting a RecursionError
    except Exception as error:
        raise ModelError(
            f"the tokenizer cannot read the text: {one_line(error)}"
        ) from error


def refuse_unusable(tokenizer: "PreTrainedTokenizerBase", name: str) -> None:
    """Refuse a tokenizer of which not even the tokens can be listed.

    Raises:
        ModelError: one line.
    """
    try:
        largest = max([*tokenizer.get_vocab().values(), tokenizer.unk_token_id or 0])
    except Exception as error:  # see `tokenized`
        raise ModelError(
            f"the tokenizer of {name!r} is damaged: {one_line(error)}"
        ) from error
    if largest > _LARGEST:
        raise ModelError(
            f"the tokenizer of {name!r} is damaged: no vocabulary has a token {largest}"
        )
