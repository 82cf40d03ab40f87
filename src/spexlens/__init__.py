"""spexlens: which parts of a language model's input, of its training data and of itself
act together.

>>> import spexlens
>>> explanation = spexlens.explain(spexlens.Game(lambda masks: masks[:, 0] & masks[:, 1], candidates=4))
>>> explanation.interactions()[0].members
(0, 1)
"""

from importlib.metadata import version

from spexlens.errors import SpexlensError
from spexlens.evaluation.ledger.ledger import Ledger
from spexlens.games.candidate import Candidate
from spexlens.games.game import Game
from spexlens.learners.estimators import Estimator
from spexlens.learners.finetuning import FineTuning
from spexlens.learners.learner import Learner
from spexlens.learners.linear.heads import LogisticHead, RidgeHead
from spexlens.learners.torch_modules import TorchModule
from spexlens.lenses.components.lens import MechanisticLens
from spexlens.lenses.examples.examples import Examples
from spexlens.lenses.examples.lens import DataLens
from spexlens.lenses.mixed.lens import MixedLens, mix
from spexlens.lenses.screening.screen import screen
from spexlens.lenses.text.lens import FeatureLens
from spexlens.lenses.text.parts import TextParts
from spexlens.models.architectures import Architecture, register_architecture
from spexlens.results.interaction import Interaction
from spexlens.results.recurrence import Aggregate, aggregate
from spexlens.results.result import Explanation
from spexlens.spectrum.spectrum import Spectrum
from spexlens.verbs.batch import explain_all
from spexlens.verbs.explain import explain
from spexlens.verbs.zoom import zoom

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
