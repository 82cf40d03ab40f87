"""A model that reads a text with parts of it, of itself, or of both ablated."""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, nullcontext

import numpy as np
import torch
from numpy.typing import NDArray

from spexlens.lenses.components.lens import MechanisticLens
from spexlens.lenses.mixed.parts import Parts
from spexlens.lenses.text.lens import FeatureLens
from spexlens.models.model import HuggingFaceModel
from spexlens.models.objectives.objective import Batch, Objective


class AblatedModel:
    """What the lenses of a text, of components, or of both ask one model.

    Masks are (m, n) bool, of the text's candidates and then the components'.

    Attributes:
        model: that reads.
    """

    def __init__(self, parts: Parts) -> None:
        """
        Args:
            parts: with a text, components, or both.
        """
        lens = parts.components or parts.text
        assert lens is not None
        self.model: HuggingFaceModel = lens.model
        self._text: FeatureLens | None = parts.text
        self._components: MechanisticLens | None = parts.components
        self._words = 0 if parts.text is None else parts.text.n
        self._rows = lens.batch_size

    @property
    def objective(self) -> Objective:
        """What the lenses watch: of components it is another once they are renewed."""
        if self._components is not None:
            return self._components.behaviours[0].objective
        assert self._text is not None
        return self._text.objective

    def read(
        self, masks: NDArray[np.bool_], answer: Callable[[Batch], torch.Tensor]
    ) -> torch.Tensor:
        """What forward passes answer to the masks' rows, in the masks' order.

        Args:
            masks: as many as fit share a pass.
            answer: runs the model on a batch of b rows: (b, ...).

        Returns:
            (m, ...).
        """
        places = []
        answers = []
        for start in range(0, len(masks), self._rows):
            chunk = masks[start : start + self._rows]
            for rows, batch in self._batches(chunk):
                with self._ablated(chunk[rows]):
                    answers.append(answer(batch))
                places.append(rows + start)
        order = np.argsort(np.concatenate(places), kind="stable")
        return torch.cat(answers)[torch.from_numpy(order)]

    def _batches(
        self, masks: NDArray[np.bool_]
    ) -> Iterator[tuple[NDArray[np.int64], Batch]]:
        """What the model reads, in batches that may share a forward pass: masks'
        numbers, and the rows.
        """
        for together in self._seen_together(len(masks)):
            if self._text is None:
                yield together, self._prompts(len(together))
                continue
            words = masks[together, : self._words]
            for rows, batch in self._text.batches(words):
                yield together[rows], batch

    def _seen_together(self, count: int) -> list[NDArray[np.int64]]:
        """Rows that may be in one pass: all, unless the components' hooks see rows as
        others than they are alone.
        """
        if self._components is not None and self._components.apart:
            return [np.array([row]) for row in range(count)]
        return [np.arange(count)]

    def _prompts(self, count: int) -> Batch:
        """So many times what the components' model reads."""
        assert self._components is not None
        behaviour = self._components.behaviours[0]
        return behaviour.rows(count, corrupted=self._components.restoring)

    def _ablated(self, masks: NDArray[np.bool_]) -> AbstractContextManager[None]:
        """Inside, the model's components are ablated row by row."""
        if self._components is None:
            return nullcontext()
        return self._components.switchboard.ablated(masks[:, self._words :])
