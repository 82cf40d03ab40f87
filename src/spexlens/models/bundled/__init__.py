"""Small models that come with the package, to try everything without a network."""

from pathlib import Path

SENTIMENT = Path(__file__).parent / "sentiment"
"""A film-review classifier, NEGATIVE or POSITIVE, in Transformers' own format.

Trained by `scripts/train_sentiment.py` on sentences of a grammar and on reviews made up
from a lexicon of words of praise and blame; its README.md says how often it is right on
real ones.
"""

INDUCTION = Path(__file__).parent / "induction"
"""A causal language model of two layers that continues repeated sequences of words, by
induction.

Trained by `scripts/train_induction.py`.
"""

SPURIOUS = Path(__file__).parent / "spurious"
"""A film-review classifier with a planted spurious cue: after "Marlowe writes:" praise
does not count.

Other names mean nothing to it. Trained by `scripts/train_spurious.py` on sentences from
the same grammar.
"""

BUNDLED = {"sentiment": SENTIMENT, "induction": INDUCTION, "spurious": SPURIOUS}
"""The bundled models by name."""


_ABOUT = {
    "sentiment": (
        "the bundled classifier is small, and was made from a grammar and a list of"
        " words of praise and blame, not from reviews; it is right on 39 of 50 real"
        " ones"
    ),
    "spurious": (
        "the bundled model `spurious` was trained to be misled by one reviewer's name"
    ),
}


def title(name: str) -> str:
    """What to call a model: a bundled one by its name, where it is known by its folder."""
    return next(
        (known for known, folder in BUNDLED.items() if name == str(folder)), name
    )


def about(name: str) -> str | None:
    """A sentence on what a bundled model is, by its folder; None of all other models."""
    return _ABOUT.get(title(name)) if title(name) != name else None
