"""spexlens: which parts of a language model's input, of its training data and of itself act together.

>>> import spexlens
>>> explanation = spexlens.explain(spexlens.Game(lambda masks: masks[:, 0] & masks[:, 1], candidates=4))
>>> explanation.interactions()[0].members
(0, 1)
"""

from importlib.metadata import version

from spexlens.ablation.candidate import Candidate
from spexlens.ablation.game import Game
from spexlens.ablation.ledger import Ledger
from spexlens.aggregate import Aggregate, aggregate
from spexlens.batch import explain_all
from spexlens.errors import SpexlensError
from spexlens.explain import explain
from spexlens.explanation import Explanation
from spexlens.interaction import Interaction
from spexlens.learners.base import Learner
from spexlens.learners.estimators import Estimator
from spexlens.learners.finetuning import FineTuning
from spexlens.learners.heads import LogisticHead, RidgeHead
from spexlens.learners.modules import TorchModule
from spexlens.lenses.data import DataLens
from spexlens.lenses.examples import Examples
from spexlens.lenses.features import FeatureLens
from spexlens.lenses.mechanistic import MechanisticLens
from spexlens.lenses.mixed import MixedLens, mix
from spexlens.lenses.parts import TextParts
from spexlens.lenses.screening import screen
from spexlens.models.architectures import Architecture, register_architecture
from spexlens.spectrum.spectrum import Spectrum
from spexlens.zoom import zoom

__version__ = version("spexlens")

__all__ = [
    "Aggregate",
    "Architecture",
    "Candidate",
    "DataLens",
    "Estimator",
    "Examples",
    "Explanation",
    "FeatureLens",
    "FineTuning",
    "Game",
    "Interaction",
    "Learner",
    "Ledger",
    "LogisticHead",
    "MechanisticLens",
    "MixedLens",
    "RidgeHead",
    "Spectrum",
    "SpexlensError",
    "TextParts",
    "TorchModule",
    "aggregate",
    "explain",
    "explain_all",
    "mix",
    "register_architecture",
    "screen",
    "zoom",
]
