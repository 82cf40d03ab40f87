"""spexlens: which parts of a language model's input act together.

>>> import spexlens
>>> explanation = spexlens.explain(spexlens.Game(lambda masks: masks[:, 0] & masks[:, 1], candidates=4))
>>> explanation.interactions()[0].members
(0, 1)
"""

from importlib.metadata import version

from spexlens.ablation.game import Candidate, Game
from spexlens.ablation.ledger import Ledger
from spexlens.errors import SpexlensError
from spexlens.explain import explain
from spexlens.explanation import Explanation, Interaction
from spexlens.lenses.features import FeatureLens
from spexlens.spectrum.spectrum import Spectrum

__version__ = version("spexlens")

__all__ = [
    "Candidate",
    "Explanation",
    "FeatureLens",
    "Game",
    "Interaction",
    "Ledger",
    "Spectrum",
    "SpexlensError",
    "explain",
]
