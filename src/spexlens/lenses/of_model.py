"""Lens of a model: what feature and mechanistic lenses share.

The model may change while the lens lives.
"""

from abc import abstractmethod
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from spexlens.arguments import named, whole_number
from spexlens.errors import InvalidInput
from spexlens.games.game import Game
from spexlens.lenses.model_recipe import ModelRecipe, as_data
from spexlens.lenses.screening.attribution import Attribution
from spexlens.lenses.screening.gradients import (
    GRADIENT,
    INTEGRATED,
    STEPS,
    gradient_attribution,
)
from spexlens.models.bundled import title

if TYPE_CHECKING:
    import torch

    from spexlens.models.kinds import Kind
    from spexlens.models.model import HuggingFaceModel


class OfModel(Game):
    """A game that asks a Hugging Face model.

    What is asked of the model once, such as a reference embedding, a default target or
    stand-ins, is asked in `_prepare`, which is called again when the model has changed.

    Attributes:
        model: that is asked.
        gradient: what the attribution by the gradient with everything kept is called.
    """

    deterministic = True
    gradient = GRADIENT
    model: "HuggingFaceModel"
    _question: ModelRecipe  # of the model in memory; see `ModelRecipe`

    def _load(
        self,
        asked: ModelRecipe,
        *,
        tokenizer: Any,
        device: str | None,
        trust_remote_code: bool,
    ) -> None:
        """Take the model, and note what is asked of it and what loading it cost."""
        from spexlens.models.huggingface import load

        # A recipe never runs code that comes with a model, so that what needs such code
        # has none.
        if tokenizer is None and not trust_remote_code:
            self.recipe = as_data(replace(asked, model=_written(asked.model)))
        self.model = load(
            asked.model,
            tokenizer=tokenizer,
            kind=cast("Kind | None", asked.kind_of_model),
            revision=asked.revision,
            device=device,
            trust_remote_code=trust_remote_code,
        )
        self._question = replace(
            asked, model=self.model, kind_of_model=None, revision=None
        )
        probed = self.model.kind == "causal" and self.model is not asked.model
        self._loading = _PROBED if probed else 0
        self._remarks: dict[int, str] = {}

    @property
    @abstractmethod
    def passes(self) -> int:
        """Forward passes for each batch of masks."""

    @property
    @abstractmethod
    def inputs(self) -> int:
        """How many inputs there are, whose mean answer is the answer."""

    @abstractmethod
    def value_at(self, degrees: "torch.Tensor", number: int = 0) -> "torch.Tensor":
        """One input's answer, differentiable, with each candidate there to a degree.

        Args:
            degrees: (n,), 0 ablated, 1 kept, on the model's device.
            number: of the input.

        Returns:
            (k,) float64, there too.
        """

    @property
    def attributions(self) -> tuple[str, ...]:  # type: ignore[override]
        """Gradients, where what is watched has any."""
        return () if self.unit == "accuracy" else (self.gradient, INTEGRATED)

    def attribute(self, method: str) -> Attribution:
        """Cheap scores of the candidates, by one of `attributions`."""
        steps = STEPS if method == INTEGRATED else None
        return gradient_attribution(self, method, steps)

    @abstractmethod
    def _prepare(self) -> None:
        """Ask the model and its tokenizer everything that is asked once."""

    @abstractmethod
    def _identity(self, *, anew: bool) -> tuple[str | None, str | None]:
        """sha256 of everything that decides a value, or why it cannot be told.

        As `models.fingerprint.told` gives it.
        """

    @abstractmethod
    def _resolved(self) -> ModelRecipe:
        """`_question` with the target that was found.

        A changed model or another text is asked about the same target.
        """

    def _another(self, **changes: Any) -> Any:
        """A lens of the same model that is asked what this one is, but for changes."""
        lens = replace(self._resolved(), **changes).game()
        if self.recipe is not None:
            lens.recipe = as_data(replace(self.recipe, **changes))
        return lens

    def renew(self) -> None:
        """Take the fingerprint anew, and ask a model that has changed anew.

        A model that has changed since it was loaded is not the one that the recipe
        names: then there is no recipe any more.
        """
        fingerprint, _ = self._identity(anew=True)
        if fingerprint is not None and fingerprint == self.fingerprint:
            return
        asked = self._question
        key = self.key
        before = self.fingerprint
        if fingerprint != before:
            self.recipe = None
        # A model that has changed may predict another label: it is asked about the one
        # that was found first.
        self._question = self._resolved()
        try:
            self._prepare()
        finally:
            self._question = asked
        if before is None and self.fingerprint is None:
            self.key = key  # what cannot be recognised is itself as long as it lives

    def remarks(self) -> dict[int, str]:
        """Of the last masks, those that a model in training mode answered."""
        return self._remarks

    @property
    def device(self) -> "torch.device":
        """Where the model is."""
        return self.model.device

    def _remark(self, count: int) -> None:
        """Note what is to be remarked on so many answers, by the model as it is."""
        self._remarks = self.model.remarks(count)


_PROBED = 3  # forward passes that see whether a causal model looks ahead


def _written(model: object) -> object:
    """What a recipe calls a model, a bundled one by the name that every machine knows.

    A model in memory is given back as it is.
    """
    return title(str(model)) if isinstance(model, str | Path) else model


def batch_size_of(given: int | None) -> int | None:
    """Rows a forward pass, as they were asked for.

    Raises:
        InvalidInput: less than one, or no number.
    """
    if given is None:
        return None
    rows = whole_number(given, named("batch_size"))
    if rows < 1:
        raise InvalidInput(
            f"a batch has at least one row; got {named('batch_size', rows)}"
        )
    return rows
