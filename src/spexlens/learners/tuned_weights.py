"""Tuned weights: which of a model's parameters are trained, and what they start from."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from spexlens.arguments import named
from spexlens.errors import InvalidInput, ModelError

if TYPE_CHECKING:
    from spexlens.models.model import HuggingFaceModel

Trained = int | Literal["head", "all"]

# Modules of a body that stand behind its layers, and belong to the head.
_AFTER_LAYERS = ("pooler", "norm", "ln_f", "final_layer_norm", "final_layernorm")
_SPREAD = 0.02  # of new weights, where the configuration names none


class TunedWeights:
    """The parameters of a model that are trained, and their values at the start.

    Attributes:
        trained: the parameters.
        fresh: those of them that the model came without: each seed draws them anew.
    """

    def __init__(
        self, model: "HuggingFaceModel", train: Trained, fresh: set[str]
    ) -> None:
        """Draws the fresh ones once, so that they have values.

        Args:
            model: whose they are.
            train: which, as of `FineTuning`.
            fresh: the names of parameters that the model came without.

        Raises:
            InvalidInput: it has fewer layers than are to be trained.
            ModelError: it has no head of its own.
        """
        self._model = model

        parameters = dict(model.model.named_parameters())
        # Sorted, since each is drawn behind the one before.
        self.fresh = [parameters[name] for name in sorted(fresh) if name in parameters]

        # Before the start is copied, and whether they are trained or not.
        self._draw(0)
        self.trained = _chosen(model.model, train)
        self._start = [part.detach().clone() for part in self.trained]

        trained = {id(part) for part in self.trained}
        self.fresh = [part for part in self.fresh if id(part) in trained]

    def restore(self, seed: int) -> None:
        """The start's values, those of a new head drawn by the seed."""
        import torch

        with torch.no_grad():
            for parameter, value in zip(self.trained, self._start, strict=True):
                parameter.copy_(value)
        self._draw(seed)

    @contextmanager
    def borrowed(self) -> Iterator[None]:
        """The model's parameters ready to train, and everything as before afterwards."""
        import torch

        model = self._model.model
        needed = {part: part.requires_grad for part in model.parameters()}
        devices = [model.device] if model.device.type == "cuda" else []
        with torch.random.fork_rng(devices=devices):
            try:
                for parameter in needed:
                    parameter.requires_grad_(False)
                for parameter in self.trained:
                    parameter.requires_grad_(True)
                yield
            finally:
                self.restore(0)
                for parameter, before in needed.items():
                    parameter.grad = None
                    parameter.requires_grad_(before)
                torch.nn.Module.eval(model)

    def _draw(self, seed: int) -> None:
        """Draw the weights that the model came without: normal, biases zero."""
        import torch

        config = self._model.model.config
        spread = float(getattr(config, "initializer_range", None) or _SPREAD)
        # On the CPU, so that every device draws the same.
        drawn = torch.Generator().manual_seed(seed)

        with torch.no_grad():
            for parameter in self.fresh:
                value = torch.zeros(parameter.shape)
                if parameter.ndim > 1:
                    value.normal_(0.0, spread, generator=drawn)
                parameter.copy_(value.to(parameter))


def _chosen(model: Any, train: Trained) -> list[Any]:
    """The parameters to train, each once.

    Raises:
        InvalidInput: the model has fewer layers.
        ModelError: there is no head of its own.
    """
    if train == "all":
        return list(model.parameters())

    body = {id(parameter) for parameter in model.base_model.parameters()}
    head = [parameter for parameter in model.parameters() if id(parameter) not in body]
    if train == "head" and not head:
        raise ModelError(
            f"the head is tied to the embeddings: give {named('train', 'all')}, or a"
            " number of last layers"
        )

    chosen = list(head)
    for name, child in model.base_model.named_children():
        if name in _AFTER_LAYERS:
            chosen += child.parameters()

    if isinstance(train, int | np.integer):
        chosen += _of_last_layers(model, train)

    return list({id(parameter): parameter for parameter in chosen}.values())


def _of_last_layers(model: Any, count: int) -> list[Any]:
    """The parameters of so many last layers."""
    from spexlens.models.architectures import layers_of

    layers = layers_of(model)
    if count > len(layers):
        raise InvalidInput(
            f"{named('train', count)}: the model has {len(layers)} layers"
        )
    parameters = []
    for layer in layers[-count:]:
        parameters += list(layer.whole.parameters())
    return parameters
