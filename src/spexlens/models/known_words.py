"""Known words: which words of a text a tokenizer has none but its unknown token for."""

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from spexlens.models.model import HuggingFaceModel
    from spexlens.models.reading import Reading

_LETTER = re.compile(r"\w")


def unknown_words(
    model: "HuggingFaceModel", reading: "Reading", text: str
) -> list[str] | None:
    """The words of a text that the model reads as unknown, each once, in lower case, in
    their order.

    Args:
        model: whose tokenizer it is.
        reading: what is read of the text.
        text: the whole of it.

    Returns:
        None where the tokenizer knows every word: it has no unknown token, or spells
            what it does not know.
    """
    unknown = model.tokenizer.unk_token_id
    others = (
        model.tokenizer.eos_token_id,
        model.tokenizer.bos_token_id,
        model.tokenizer.pad_token_id,
    )
    if unknown is None or unknown in others:
        return None
    places = reading.places[
        (reading.ids == unknown) & (reading.places[:, 1] > reading.places[:, 0])
    ]
    found = [text[start:end] for start, end in places.tolist() if end <= len(text)]
    words = [
        piece.lower()
        for piece in found
        if _LETTER.search(piece) and piece != model.tokenizer.unk_token
    ]
    return list(dict.fromkeys(words))
