"""spexlens: which parts of a language model's input, of its training data and of itself
act together.

>>> import spexlens
>>> explanation = spexlens.explain(spexlens.Game(lambda masks: masks[:, 0] & masks[:, 1], candidates=4))
>>> explanation.interactions()[0].members
(0, 1)
"""

from importlib import import_module
from importlib.metadata import version
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from spexlens.errors import SpexlensError
    from spexlens.evaluation.ledger.ledger import Ledger
    from spexlens.explanation import Explanation
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
    from spexlens.spectrum.spectrum import Spectrum
    from spexlens.verbs.aggregate import Aggregate, aggregate
    from spexlens.verbs.batch import explain_all
    from spexlens.verbs.explain import explain
    from spexlens.verbs.resume import resume
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
    "resume",
    "screen",
    "zoom",
]

_HOMES = {
    "Aggregate": "spexlens.verbs.aggregate",
    "Architecture": "spexlens.models.architectures",
    "Candidate": "spexlens.games.candidate",
    "DataLens": "spexlens.lenses.examples.lens",
    "Estimator": "spexlens.learners.estimators",
    "Examples": "spexlens.lenses.examples.examples",
    "Explanation": "spexlens.explanation",
    "FeatureLens": "spexlens.lenses.text.lens",
    "FineTuning": "spexlens.learners.finetuning",
    "Game": "spexlens.games.game",
    "Interaction": "spexlens.results.interaction",
    "Learner": "spexlens.learners.learner",
    "Ledger": "spexlens.evaluation.ledger.ledger",
    "LogisticHead": "spexlens.learners.linear.heads",
    "MechanisticLens": "spexlens.lenses.components.lens",
    "MixedLens": "spexlens.lenses.mixed.lens",
    "RidgeHead": "spexlens.learners.linear.heads",
    "Spectrum": "spexlens.spectrum.spectrum",
    "SpexlensError": "spexlens.errors",
    "TextParts": "spexlens.lenses.text.parts",
    "TorchModule": "spexlens.learners.torch_modules",
    "aggregate": "spexlens.verbs.aggregate",
    "explain": "spexlens.verbs.explain",
    "explain_all": "spexlens.verbs.batch",
    "mix": "spexlens.lenses.mixed.lens",
    "register_architecture": "spexlens.models.architectures",
    "resume": "spexlens.verbs.resume",
    "screen": "spexlens.lenses.screening.screen",
    "zoom": "spexlens.verbs.zoom",
}


def __getattr__(name: str) -> Any:
    """A public name, imported from its home when it is first asked for.

    Models and solvers take most of a second to import: who needs neither does not wait.
    """
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(import_module(_HOMES[name]), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
