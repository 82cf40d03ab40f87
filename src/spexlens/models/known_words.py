"""Known words: for which words a tokenizer has no token but its unknown one."""

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from spexlens.models.model import HuggingFaceModel
    from spexlens.models.reading import Reading

_LETTER = re.compile(r"\w")


def unknown_words(
    model: "HuggingFaceModel", reading: "Reading", text: str
) -> list[str] | None:
    """The words of a text that the model reads as unknown.

    Args:
        model: whose tokenizer it is.
        reading: what is read of the text.
        text: the whole of it.

    Returns:
        Each once, in lower case, in their order; None where the tokenizer knows every
            word: it has no unknown token, or spells what it does not know.
    """
    tokenizer = model.tokenizer
    unknown = tokenizer.unk_token_id
    # GPT-2's, for one, is its token for the end, which stands for no word.
    ends = (tokenizer.eos_token_id, tokenizer.bos_token_id, tokenizer.pad_token_id)
    if unknown is None or unknown in ends:
        return None
    shown = reading.places[:, 1] > reading.places[:, 0]
    places = reading.places[(reading.ids == unknown) & shown].tolist()
    words = []
    for start, end in places:
        piece = text[start:end]
        # A completion's place may lie behind the text, and a text may hold the unknown
        # token itself.
        if end <= len(text) and _LETTER.search(piece) and piece != tokenizer.unk_token:
            words.append(piece.lower())
    return list(dict.fromkeys(words))
