"""Windowed text: a text that a model reads part by part."""

from dataclasses import dataclass
from typing import Any, cast

import numpy as np
import torch
from numpy.typing import NDArray
from torch.utils.checkpoint import checkpoint

from spexlens.arguments import named, readable
from spexlens.errors import InvalidInput
from spexlens.lenses.text.cutting import cut_into_windows, readings_by_windows
from spexlens.lenses.text.degrees import answer_at
from spexlens.lenses.text.read_text import ReadText, refuse_unreadable
from spexlens.lenses.text.recipe import FeatureRecipe
from spexlens.lenses.text.replacement import Replacement
from spexlens.lenses.text.tokens import Rows
from spexlens.lenses.text.units import Span
from spexlens.lenses.text.windows import Window, Windows
from spexlens.models.known_words import unknown_words
from spexlens.models.model import HuggingFaceModel
from spexlens.models.objectives.choice import objective_for
from spexlens.models.objectives.objective import AveragedObjective, Objective
from spexlens.models.reading import Reading


@dataclass(frozen=True)
class WindowedText(ReadText):
    """A text in windows; the answer is that of the mean over them.

    Attributes:
        parts: the windows.
    """

    parts: Windows

    @property
    def windows(self) -> Windows:
        return self.parts

    @property
    def spans(self) -> list[Span]:
        return self.parts.spans

    @property
    def counts(self) -> list[int]:
        return self.parts.counts()

    @property
    def completion(self) -> int:
        return 0

    @property
    def rows_at_once(self) -> int:
        # A mask may need a row of every window.
        return max(1, self.model.rows_that_fit(self.longest) // len(self.parts))

    def notes(self) -> list[str]:
        count = len(self.parts)
        if count == 1:
            return ["the text fits the model's window: it is read at once"]
        return [
            f"the text was read in {count} windows of up to {self.longest}"
            " tokens, whatever is ablated in them; the answer is that of the mean of"
            f" their {self._averaged.averaged}, and one call asks for all of them"
        ]

    def rows(self, masks: NDArray[np.bool_]) -> tuple[Rows, NDArray[np.int64]]:
        return self.parts.rows(masks, pad=self.model.padding)

    def trial(self, masks: NDArray[np.bool_]) -> Rows:
        # Rows of the longest and of the shortest window are padded the most.
        return self.parts.extremes().rows(masks, pad=self.model.padding)[0]

    def measure(self, rows: Rows) -> NDArray[np.float64]:
        batch = self.model.tensors(rows.arrays())
        with torch.inference_mode():
            raw = self._averaged.raw(self.model, batch)
        return np.asarray(raw.cpu().numpy(), dtype=np.float64)

    def value(self, measured: NDArray[np.float64]) -> NDArray[np.float64]:
        # The mean of logits or embeddings, not of answers: a probability of the mean
        # logits is not the mean probability.
        mean = torch.from_numpy(measured.mean(axis=1))
        return np.asarray(self._averaged.answer(mean).numpy(), dtype=np.float64)

    def value_at(
        self, degrees: torch.Tensor, model: HuggingFaceModel, objective: Objective
    ) -> torch.Tensor:
        total: torch.Tensor | None = None
        for part in self.parts.parts:
            raw = self._raw_at(degrees, model, part)
            total = raw if total is None else total + raw
        assert total is not None
        return self._averaged.answer(total / len(self.parts)).reshape(-1)

    def _raw_at(
        self, degrees: torch.Tensor, model: HuggingFaceModel, part: Window
    ) -> torch.Tensor:
        """What the answer is computed from, of one window.

        What a gradient needs of the window is computed again when it is asked for, so
        that one window at a time is held in memory.
        """
        columns = torch.from_numpy(part.columns).to(degrees.device)

        def raw(degrees: torch.Tensor) -> torch.Tensor:
            return answer_at(
                degrees,
                part.tokens,
                self.replacement,
                lambda batch: self._averaged.raw(model, batch),
                model=model,
                reader=self.model,
            )

        answer: torch.Tensor = checkpoint(raw, degrees[columns], use_reentrant=False)
        return answer

    def lengths(self, masks: NDArray[np.bool_]) -> NDArray[np.int64]:
        return self.parts.lengths(masks)

    def identity(self) -> list[Any]:
        return self.parts.identity()

    @property
    def _averaged(self) -> AveragedObjective:
        """What is watched."""
        return cast(AveragedObjective, self.objective)


def read_by_windows(
    model: HuggingFaceModel, asked: FeatureRecipe, replacement: Replacement
) -> WindowedText:
    """Cut a text into windows, and see what is watched.

    Raises:
        InvalidInput, UnknownLabel, InputTooLong, ModelError: see `FeatureLens`.
    """
    _refuse_without_windows(model, asked)
    windows = cut_into_windows(
        model,
        asked.text,
        unit=asked.unit,
        spans=asked.spans,
        replacement=replacement,
        neutral=asked.neutral,
    )
    for part in windows.parts:
        refuse_unreadable(model, part.layout, part.tokens, replacement, windows=True)
    readings = windows.readings
    query: list[Reading] = []
    if model.kind == "encoder" and isinstance(asked.target, str):
        query = readings_by_windows(model, readable(asked.target, "the query"))
    with model.explained():
        objective = objective_for(
            model,
            asked.objective,
            asked.target,
            asked.foil,
            readings,
            asked.text,
            queried=query,
        )
    return WindowedText(
        model=model,
        replacement=replacement,
        objective=objective,
        asked=len(query) or len(readings),
        longest=windows.longest,
        unknown_words=_unknown_words(model, windows),
        parts=windows,
    )


def _unknown_words(model: HuggingFaceModel, windows: Windows) -> list[str] | None:
    """The unknown words of all windows, each once; None where there can be none."""
    words: dict[str, None] = {}
    for part in windows.parts:
        layout = part.layout
        unknown = unknown_words(model, layout.reading, layout.surrounded.whole)
        if unknown is None:
            return None
        words |= dict.fromkeys(unknown)
    return list(words)


def _refuse_without_windows(model: HuggingFaceModel, asked: FeatureRecipe) -> None:
    """InvalidInput where a text is not read by windows."""
    if model.kind == "causal":
        raise InvalidInput(
            "a causal model reads all of a text before it answers: "
            f"{named('windows', True)} is for classifiers and encoders"
        )
    if asked.chat or asked.template != "{text}":
        raise InvalidInput(
            f"{named('windows', True)} goes without a template and without chat,"
            " which surround a text that is read at once"
        )
