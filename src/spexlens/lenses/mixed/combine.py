"""Meeting: how the lenses of a mixed game come together in a model."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from spexlens.arguments import article, in_python, named, shown
from spexlens.errors import InvalidInput
from spexlens.games.game import Game
from spexlens.identity import Unknown
from spexlens.learners.encoders import scaled
from spexlens.learners.learner import Read
from spexlens.lenses.components.lens import MechanisticLens
from spexlens.lenses.examples.lens import DataLens
from spexlens.lenses.text.lens import FeatureLens
from spexlens.lenses.text.parts import TextParts
from spexlens.models.fingerprint import fingerprint_of
from spexlens.models.model import HuggingFaceModel
from spexlens.models.objectives.completions import CompletionObjective
from spexlens.models.objectives.objective import Batch, Objective
from spexlens.models.objectives.similarity import PairObjective, embed
from spexlens.models.reading import read as read_as

_MASKS_A_BATCH = 512
_OF_FIXED_LENGTH = ("mask", "pad", "unk", "attention")


class Question(ABC):
    """What a model that was trained on some examples is asked, as the rest of the mask
    leaves it.

    Attributes:
        batch_size: masks that it likes at once.
    """

    batch_size: int = _MASKS_A_BATCH

    @abstractmethod
    def asked(self, masks: NDArray[np.bool_]) -> NDArray[Any] | Read:
        """For `DataLens.about`: (m, n) bool, of the other lenses' candidates."""


class _Texts(Question):
    """Training examples and parts of a text that the learner reads as a text."""

    def __init__(self, data: DataLens, parts: TextParts) -> None:
        self._encode = None if data.features is None else data.features.encode
        self._parts = parts

    def asked(self, masks: NDArray[np.bool_]) -> NDArray[Any]:
        texts = self._parts.texts(masks)
        return texts if self._encode is None else self._encode(texts)


class _Model:
    """A text, components or both of one model."""

    def __init__(
        self, text: FeatureLens | None, components: MechanisticLens | None
    ) -> None:
        lens = components or text
        assert lens is not None
        self.model: HuggingFaceModel = lens.model
        self._text = text
        self._components = components
        self._rows = lens.batch_size

    @property
    def objective(self) -> Objective:
        """What is watched."""
        if self._components is not None:
            return self._components.behaviours[0].objective
        assert self._text is not None
        return self._text.objective

    def _each(
        self, masks: NDArray[np.bool_], answer: Callable[[Batch], torch.Tensor]
    ) -> torch.Tensor:
        """What forward passes with the masks' rows give, as many at a time as fit, in
        the masks' order.
        """
        places = []
        found = []
        for first in range(0, len(masks), self._rows):
            chunk = masks[first : first + self._rows]
            for chosen, batch in self._batches(chunk):
                with self._ablated(chunk[chosen]):
                    found.append(answer(batch))
                places.append(chosen + first)
        return torch.cat(found)[
            torch.from_numpy(np.argsort(np.concatenate(places), kind="stable"))
        ]

    def _batches(
        self, masks: NDArray[np.bool_]
    ) -> Iterator[tuple[NDArray[np.int64], Batch]]:
        """What the model reads, in batches that may share a forward pass: masks'
        numbers, and the rows.
        """
        apart = self._components is not None and self._components.apart
        each = (
            [np.array([row]) for row in range(len(masks))]
            if apart
            else [np.arange(len(masks))]
        )
        if self._text is not None:
            for own in each:
                for chosen, batch in self._text.batches(masks[own, : self._text.n]):
                    yield own[chosen], batch
            return
        assert self._components is not None
        behaviour = self._components.behaviours[0]
        restoring = self._components.restoring
        for own in each:
            yield own, behaviour.rows(len(own), corrupted=restoring)

    @contextmanager
    def _ablated(self, masks: NDArray[np.bool_]) -> Iterator[None]:
        """Inside, the model's components are ablated row by row."""
        split = 0 if self._text is None else self._text.n
        with ExitStack() as hooks:
            if self._components is not None:
                hooks.enter_context(
                    self._components.switchboard.ablated(masks[:, split:])
                )
            yield


class Joint(_Model):
    """A text and components, and no training.

    Attributes:
        unit, outputs: of what is watched.
        batch_size: masks at once.
        passes: forward passes for each batch of masks.
    """

    def __init__(self, text: FeatureLens, components: MechanisticLens) -> None:
        super().__init__(text, components)
        self._words = text
        self._heads = components
        watched = components.behaviours[0].objective
        other = text.objective
        one = watched.identity() == other.identity()
        # the text's lens compares with the query as it was
        if isinstance(watched, PairObjective):
            one = watched.target == other.target
        if not one:
            raise InvalidInput(
                "a mixed game watches one thing, and one foil: the lenses watch the"
                f" {other.unit} of {other.target!r} and the {watched.unit} of"
                f" {watched.target!r}"
            )
        self.unit = watched.unit
        self.outputs = watched.outputs
        self.passes = components.passes
        self.batch_size = components.batch_size

    def values(self, masks: NDArray[np.bool_]) -> NDArray[np.float64]:
        """What is watched: (m, n) bool -> (m,) or (m, k) float64."""
        objective = self.objective
        with self.model.explained():
            parts = self._each(
                masks,
                lambda batch: torch.from_numpy(objective.measure(self.model, batch)),
            )
        return np.asarray(parts.numpy())

    def remarks(self, count: int) -> dict[int, str]:
        """What is to be remarked on so many answers, by the model as it is."""
        return self.model.remarks(count)

    def value_at(self, degrees: torch.Tensor) -> torch.Tensor:
        """The same, differentiable, to a degree: (n,) -> (k,)."""
        with self._heads.switchboard.faded(degrees[self._words.n :]):
            return self._words.value_at(
                degrees[: self._words.n], model=self.model, objective=self.objective
            )


class _Encoder(_Model, Question):
    """Training examples of which a head learns an encoder's features, and parts of text
    or encoder.
    """

    def __init__(
        self,
        model: HuggingFaceModel,
        text: FeatureLens | None,
        components: MechanisticLens | None,
    ) -> None:
        super().__init__(text, components)
        self._pooling = model.sentence.pooling

    def asked(self, masks: NDArray[np.bool_]) -> NDArray[np.float64]:
        with torch.inference_mode(), self.model.explained():
            found = self._each(
                masks, lambda batch: embed(self.model, batch, self._pooling).cpu()
            )
        return scaled(self.model, np.asarray(found.numpy(), dtype=np.float64))


class _Tuned(_Model, Question):
    """Training examples on which a model is fine-tuned, and parts of the text it reads
    or of itself.
    """

    batch_size = 1  # a training each

    def __init__(
        self,
        data: DataLens,
        text: FeatureLens | None,
        components: MechanisticLens | None,
    ) -> None:
        super().__init__(text, components)
        watched = self.objective
        labels = data.points.labels
        self._completion = isinstance(watched, CompletionObjective)
        if self._completion and watched.unit != "log-probability":
            raise InvalidInput(
                "a fine-tuned causal model is asked for the log-probability; name no"
                " other"
            )
        if self._completion and (labels is None or str(labels[0]) != watched.target):
            wanted = None if labels is None else str(labels[0])
            raise InvalidInput(
                f"the test point's completion is {shown(wanted)}; the target"
                f" {watched.target!r}"
            )

    def asked(self, masks: NDArray[np.bool_]) -> Read:
        def read() -> torch.Tensor:
            return self._each(masks, self._logits)

        return read

    def _logits(self, batch: Batch) -> torch.Tensor:
        if self._completion:
            return self.objective(self.model, batch)
        logits: torch.Tensor = self.model.outputs(batch).logits
        return logits


def meet(lenses: Sequence[Game]) -> Joint | Question:
    """How these lenses, at most one of a kind, come together.

    Raises:
        InvalidInput: they do not: two models, two texts, two things watched.
    """
    data = next((lens for lens in lenses if isinstance(lens, DataLens)), None)
    text = next((lens for lens in lenses if isinstance(lens, FeatureLens)), None)
    parts = next((lens for lens in lenses if isinstance(lens, TextParts)), None)
    components = next(
        (lens for lens in lenses if isinstance(lens, MechanisticLens)), None
    )
    if components is not None:
        _refuse_unsuited(components, text)
    if parts is not None and (data is None or components is not None):
        raise InvalidInput(
            "parts of a text as texts go with training examples alone; give a"
            " FeatureLens"
        )
    if data is None:
        assert text is not None
        assert components is not None
        return Joint(text, components)
    _refuse_other_points(data, text or parts, components)
    if parts is not None:
        if not data.examples.textual:
            raise InvalidInput(
                "the training examples are numbers: there is no text to ablate parts of"
            )
        return _Texts(data, parts)
    for lens in (text, components):
        if lens is not None:
            _refuse_other_model(data, lens)
    if data.model is not None:
        return _Tuned(data, text, components)
    assert data.features is not None
    assert data.features.model is not None
    return _Encoder(data.features.model, text, components)


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
    everything = np.ones((1, text.n), np.bool_)
    theirs = components.behaviours[0].clean["input_ids"]
    if text.batch(everything)["input_ids"].tolist() != theirs.tolist():
        raise InvalidInput(
            "a mixed game is about one input: the text and the components' prompt"
            " differ"
        )
    placed = components.ablation in ("position mean", "resample") or any(
        component.kind == "position" for component in components.components
    )
    if placed and text.replacement not in _OF_FIXED_LENGTH:
        raise InvalidInput(
            f"replacement {text.replacement!r} moves tokens, and the components'"
            f" ablation goes by position: choose one of {', '.join(_OF_FIXED_LENGTH)}"
        )


def _refuse_other_points(
    data: DataLens,
    text: FeatureLens | TextParts | None,
    components: MechanisticLens | None,
) -> None:
    """The test point is one, and what the others are about."""
    if len(data.points) != 1:
        raise InvalidInput(
            f"a mixed game is about one test point; there are {len(data.points)}"
        )
    read = (
        text.text
        if text is not None
        else components.behaviours[0].text
        if components
        else ""
    )
    if data.points.textual and data.points.inputs[0] != read:
        raise InvalidInput(
            f"the test point is {data.points.inputs[0][:60]!r}; the text to ablate"
            f" {read[:60]!r}"
        )
    if isinstance(text, FeatureLens) and text.model.kind != "causal":
        everything = text.batch(np.ones((1, text.n), np.bool_))["input_ids"][0].tolist()
        if everything != read_as(text.model, read).ids.tolist():
            raise InvalidInput(
                "a template makes the text another than the test point: leave it out"
            )


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
