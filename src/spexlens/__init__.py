"""spexlens: which parts of a language model's input, and of the model itself, act together.

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
from spexlens.lenses.mechanistic import MechanisticLens
from spexlens.models.architectures import Architecture, register_architecture
from spexlens.spectrum.spectrum import Spectrum

__version__ = version("spexlens")

__all__ = [
    "Architecture",
    "Candidate",
    "Explanation",
    "FeatureLens",
    "Game",
    "Interaction",
    "Ledger",
    "MechanisticLens",
    "Spectrum",
    "SpexlensError",
    "explain",
    "register_architecture",
]
