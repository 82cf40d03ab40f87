"""Small models that come with the package, so that everything can be tried without a network."""

from pathlib import Path

SENTIMENT = Path(__file__).parent / "sentiment"
"""A film-review classifier, NEGATIVE or POSITIVE, in Transformers' own format.

Trained by `scripts/train_sentiment.py` on sentences from the grammar in `scripts/review_grammar.py`.
"""

INDUCTION = Path(__file__).parent / "induction"
"""A causal language model of two layers that continues repeated sequences of words, by induction.

Trained by `scripts/train_induction.py`.
"""

SPURIOUS = Path(__file__).parent / "spurious"
"""A film-review classifier with a planted spurious cue: after "Marlowe writes:" praise does not count.

Other names mean nothing to it. Trained by `scripts/train_spurious.py` on sentences from the same grammar.
"""

BUNDLED = {"sentiment": SENTIMENT, "induction": INDUCTION, "spurious": SPURIOUS}
"""The bundled models by name."""
