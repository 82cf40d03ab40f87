"""Combining: how the lenses of a mixed game come together in a model, or why not."""

import numpy as np

from spexlens.arguments import article, in_python, named
from spexlens.errors import InvalidInput
from spexlens.identity import Unknown
from spexlens.lenses.components.lens import MechanisticLens
from spexlens.lenses.examples.lens import DataLens
from spexlens.lenses.mixed.joint import Joint
from spexlens.lenses.mixed.parts import Parts
from spexlens.lenses.mixed.questions import (
    EncoderQuestion,
    Question,
    TextQuestion,
    TunedQuestion,
)
from spexlens.lenses.mixed.trained import Trained
from spexlens.lenses.text.lens import FeatureLens
from spexlens.lenses.text.replacement import KEEPING_PLACES
from spexlens.models.fingerprint import fingerprint_of
from spexlens.models.model import HuggingFaceModel
from spexlens.models.reading import read as read_as


def combine(parts: Parts) -> Joint | Trained:
    """How these lenses come together.

    Raises:
        InvalidInput: they do not: two models, two texts, two things watched.
    """
    if parts.components is not None:
        _refuse_unsuited(parts.components, parts.text)
    if parts.spelled is not None and (
        parts.examples is None or parts.components is not None
    ):
        raise InvalidInput(
            "parts of a text as texts go with training examples alone; give a"
            " FeatureLens"
        )
    if parts.examples is not None:
        return Trained(parts.examples, _question(parts.examples, parts))
    assert parts.text is not None
    assert parts.components is not None
    return Joint(parts.text, parts.components)


def _question(data: DataLens, parts: Parts) -> Question:
    """What is asked of what is trained.

    Raises:
        InvalidInput: the other lenses are about another point, or of another model.
    """
    _refuse_other_points(data, parts)
    if parts.spelled is not None:
        if not data.examples.textual:
            raise InvalidInput(
                "the training examples are numbers: there is no text to ablate parts of"
            )
        return TextQuestion(data, parts.spelled)
    for lens in parts.of_model:
        _refuse_other_model(data, lens)
    if data.model is not None:
        return TunedQuestion(data, parts)
    assert data.features is not None
    assert data.features.model is not None
    return EncoderQuestion(data.features.model, parts)


def _refuse_unsuited(components: MechanisticLens, text: FeatureLens | None) -> None:
    """What components can't be mixed with anything, or not with this text."""
    if len(components.behaviours) != 1:
        raise InvalidInput(
            "a mixed game is about one input; the components' have"
            f" {len(components.behaviours)}"
        )
    if text is None:
        return
    if components.ablation == "restore":
        raise InvalidInput(
            "'restore' has the model read the counterfactual: there is no text to"
            " ablate in it"
        )
    if not _one_model(text.model, components.model):
        raise InvalidInput(
            f"a mixed game is about one model: the text is read by {text.model.name!r},"
            f" the components are those of {components.model.name!r}"
        )
    if _prompt(text) != components.behaviours[0].clean["input_ids"].tolist():
        raise InvalidInput(
            "a mixed game is about one input: the text and the components' prompt"
            " differ"
        )
    by_position = components.ablation in ("position mean", "resample") or any(
        component.kind == "position" for component in components.components
    )
    if by_position and text.replacement not in KEEPING_PLACES:
        raise InvalidInput(
            f"replacement {text.replacement!r} moves tokens, and the components'"
            f" ablation goes by position: choose one of {', '.join(KEEPING_PLACES)}"
        )


def _refuse_other_points(data: DataLens, parts: Parts) -> None:
    """The test point is one, and what the others are about."""
    if len(data.points) != 1:
        raise InvalidInput(
            f"a mixed game is about one test point; there are {len(data.points)}"
        )
    text = _read_by(parts)
    if data.points.textual and data.points.inputs[0] != text:
        raise InvalidInput(
            f"the test point is {data.points.inputs[0][:60]!r}; the text to ablate"
            f" {text[:60]!r}"
        )
    # a causal model's prompt may begin with a token that the test point's has not
    if parts.text is not None and parts.text.model.kind != "causal":
        prompt = _prompt(parts.text)
        if prompt[0] != read_as(parts.text.model, text).ids.tolist():
            raise InvalidInput(
                "a template makes the text another than the test point: leave it out"
            )


def _read_by(parts: Parts) -> str:
    """The text that the lenses beside the training examples are about."""
    if parts.text is not None:
        return parts.text.text
    if parts.spelled is not None:
        return parts.spelled.text
    if parts.components is not None:
        return parts.components.behaviours[0].text
    return ""


def _prompt(text: FeatureLens) -> list[list[int]]:
    """The tokens that the model reads where everything is kept, of the one row."""
    everything = np.ones((1, text.n), np.bool_)
    prompt: list[list[int]] = text.batch(everything)["input_ids"].tolist()
    return prompt


def _one_model(one: HuggingFaceModel, other: HuggingFaceModel) -> bool:
    """Whether two models are the same object, or answer the same as far as can be told."""
    if one.model is other.model:
        return True
    try:
        return fingerprint_of(one, anew=False) == fingerprint_of(other, anew=False)
    except Unknown:
        return False


def _refuse_other_model(data: DataLens, lens: FeatureLens | MechanisticLens) -> None:
    """A lens that is not of the model that is trained, or makes the features."""
    if data.model is not None:
        if lens.model.model is not data.model.model:
            raise InvalidInput(
                "a mixed game is about one model: make the other lenses of the one"
                f" that is fine-tuned, {type(lens).__name__}(data.model, ...)"
            )
        return
    encoder = None if data.features is None else data.features.model
    if encoder is None:
        raise InvalidInput(
            "the learner reads no model's features: "
            f"{in_python('mix it with TextParts, or ')}give {named('encoder')}"
        )
    if lens.model.kind != "encoder" or not _one_model(lens.model, encoder):
        raise InvalidInput(
            f"a mixed game is about one model: features are made by {encoder.name!r},"
            f" an encoder, and the other lens is of {lens.model.name!r}, read as"
            f" {article(lens.model.kind)}"
        )
