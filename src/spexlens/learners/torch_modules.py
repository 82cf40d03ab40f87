"""PyTorch modules trained from scratch: all subsets in one vectorised training."""

import copy
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from spexlens.arguments import unknown
from spexlens.errors import InvalidInput, MissingExtra, ModelError
from spexlens.identity import Unknown, describe, describe_module
from spexlens.learners.classes import classes_of
from spexlens.learners.learner import Fitted, Learner, Task, Trainer, remarked
from spexlens.learners.rates import refuse_unusable
from spexlens.printable import one_line

if TYPE_CHECKING:
    import torch

OPTIMIZERS = ("sgd", "adam", "adamw")

DIVERGED = "training diverged: the model as it was at the start counts"


@dataclass(frozen=True)
class TorchModule(Learner):
    """A PyTorch module trained from scratch, many subsets at once (`torch.func`).

    The loss is the mean, over the kept examples of a batch, of the cross-entropy for
    classes or the squared error for numbers. The start and the order of the examples
    are the seed's; one that is left out is passed over. Dropout is the same for all
    subsets. Where training diverges, the start counts.

    Attributes:
        build: makes the module, which takes (B, ...) float32 and answers with (B,
            classes) logits, or with (B,) or (B, 1) numbers. It is called under the
            seed.
        epochs: passes over the examples.
        learning_rate: of the optimiser.
        optimizer: "sgd", "adam" or "adamw".
        rows: examples a step; None for all.
        weight_decay, momentum: of the optimiser (momentum of "sgd").
        subsets: how many are trained at once.
        device: a torch device; by default CUDA if there is one.
    """

    build: "Callable[[], torch.nn.Module]"
    epochs: int = 100
    learning_rate: float = 1e-2
    optimizer: str = "adam"
    rows: int | None = None
    weight_decay: float = 0.0
    momentum: float = 0.0
    subsets: int = 64
    device: str | None = None

    def prepare(self, task: Task) -> Trainer:
        try:
            import torch  # noqa: F401
        except ImportError as error:
            raise MissingExtra("torch", "hf") from error
        if self.optimizer not in OPTIMIZERS:
            raise InvalidInput(unknown("optimizer", self.optimizer, OPTIMIZERS))
        rows = 1 if self.rows is None else self.rows
        if min(self.epochs, self.subsets, rows) < 1:
            raise InvalidInput("epochs, rows and subsets are at least 1")
        refuse_unusable(self.learning_rate, self.weight_decay)
        if task.textual:
            raise InvalidInput("a module reads numbers, not texts: give encoder=...")
        return _ModuleTrainer(self, task)


class _ModuleTrainer(Trainer):
    seeded = True

    def __init__(self, learner: TorchModule, task: Task) -> None:
        import torch

        self._learner = learner
        self.batch_size = learner.subsets
        self._device = learner.device or (
            "cuda" if torch.cuda.is_available() else "cpu"
        )

        self._inputs = self._tensor(task.inputs)
        self._tests = self._tensor(task.tests)
        if task.numeric:
            self.answer = "predictions"
            self._targets = self._tensor(task.labels)
        else:
            self.answer = "log-probabilities"
            self.classes, codes = classes_of(task, "a module")
            self._targets = torch.tensor(codes, device=self._device)

        self._example = self._made(0)
        self._refuse_unsuitable()

    def fit(self, kept: NDArray[np.bool_], seeds: NDArray[np.int64]) -> Fitted:
        import torch

        modules = [self._made(seed) for seed in seeds.tolist()]
        start = _stacked(modules)

        trained = {
            name: parameter.clone().requires_grad_()
            for name, parameter in start.items()
        }

        module = modules[0]  # the architecture; the parameters are handed to it
        with torch.random.fork_rng(devices=self._cuda()):
            # Dropout is the same for all subsets, whatever batch they are in.
            torch.manual_seed(0)
            self._train(module, trained, self._tensor(kept), seeds)

        answers = self._answered(module, trained, len(kept))
        diverged = ~np.isfinite(answers).all(axis=(1, 2))

        # where training went astray, what counts is the start
        if diverged.any():
            answers[diverged] = self._answered(module, start, len(kept))[diverged]

        return Fitted(answers, remarked(np.flatnonzero(diverged), DIVERGED))

    def asking(self, tests: NDArray[Any]) -> Trainer:
        other = copy.copy(self)
        other._tests = self._tensor(tests)
        return other

    def _tensor(self, values: Any) -> "torch.Tensor":
        """float32, where the module is."""
        import torch

        return torch.tensor(values, dtype=torch.float32, device=self._device)

    def _train(
        self,
        module: Any,
        parameters: "dict[str, torch.Tensor]",
        weights: "torch.Tensor",
        seeds: NDArray[np.int64],
    ) -> None:
        """Change the parameters, a row a subset, in place.

        Args:
            module: which is given them.
            parameters: by name, each (m, ...).
            weights: (m, N), 1 where an example is in.
            seeds: (m,), which decide the order of the examples.
        """
        import torch

        optimizer = self._optimizer(list(parameters.values()))
        count = len(self._inputs)
        rows = self._learner.rows or count
        orders = [np.random.default_rng(seed) for seed in seeds.tolist()]

        module.train()
        for _ in range(self._learner.epochs):
            # The order does not matter where a step has all examples: one for all.
            order = torch.arange(count, device=self._device)[None]
            if rows < count:
                drawn = np.stack([rng.permutation(count) for rng in orders])
                order = torch.tensor(drawn, device=self._device)

            for first in range(0, count, rows):
                batch = order[:, first : first + rows]
                # Each subset's loss depends on its own parameters only, so that the sum
                # has their gradients.
                optimizer.zero_grad()
                loss = self._losses(module, parameters, batch, weights).sum()
                loss.backward()  # type: ignore[no-untyped-call]
                optimizer.step()

    def _optimizer(self, parameters: "list[torch.Tensor]") -> "torch.optim.Optimizer":
        import torch

        settings = self._learner
        rate = settings.learning_rate
        decay = settings.weight_decay
        if settings.optimizer == "sgd":
            return torch.optim.SGD(
                parameters, lr=rate, weight_decay=decay, momentum=settings.momentum
            )
        if settings.optimizer == "adam":
            return torch.optim.Adam(parameters, lr=rate, weight_decay=decay)
        return torch.optim.AdamW(parameters, lr=rate, weight_decay=decay)

    def _losses(
        self,
        module: Any,
        parameters: "dict[str, torch.Tensor]",
        batch: "torch.Tensor",
        weights: "torch.Tensor",
    ) -> "torch.Tensor":
        """(m,), each subset's mean loss over its examples of a batch.

        Args:
            module, parameters, weights: as of `_train`.
            batch: (m, B), the examples of each, or (1, B) of all; 0 is the loss where
                a subset has none of them.
        """
        apart = len(batch) > 1
        inputs = self._inputs[batch] if apart else self._inputs[batch[0]]

        outputs = self._outputs(module, parameters, inputs, apart=apart)
        batch = batch.expand(len(weights), -1)
        losses = self._loss_of_each(outputs, self._targets[batch])

        # of a batch without an example of a subset, the mean is of nothing: zero
        weights = weights.gather(1, batch)
        return (losses * weights).sum(dim=1) / weights.sum(dim=1).clamp(min=1.0)

    def _loss_of_each(
        self, outputs: "torch.Tensor", targets: "torch.Tensor"
    ) -> "torch.Tensor":
        """(m, B), of outputs (m, B, ...) and targets (m, B)."""
        import torch

        if self.answer == "predictions":
            numbers = outputs.squeeze(-1) if outputs.ndim == 3 else outputs
            return numbers.sub(targets).square()
        return torch.nn.functional.cross_entropy(
            outputs.transpose(1, 2), targets, reduction="none"
        )

    def _outputs(
        self,
        module: Any,
        parameters: "dict[str, torch.Tensor]",
        inputs: "torch.Tensor",
        *,
        apart: bool = False,
    ) -> "torch.Tensor":
        """(m, B, ...), what every subset's model answers.

        Args:
            module: which is given the parameters.
            parameters: by name, each (m, ...).
            inputs: (B, ...), the same for all; or (m, B, ...), for each its own.
            apart: whether each has its own.
        """
        import torch

        def one(weights: "dict[str, torch.Tensor]", read: "torch.Tensor") -> Any:
            return torch.func.functional_call(module, weights, (read,))

        in_dims = (0, 0 if apart else None)
        every = torch.func.vmap(one, in_dims=in_dims, randomness="same")
        outputs: torch.Tensor = every(parameters, inputs)
        return outputs

    def _answered(
        self, module: Any, parameters: "dict[str, torch.Tensor]", count: int
    ) -> NDArray[np.float64]:
        """(m, t, c) float64, about the test points."""
        import torch

        module.eval()
        with torch.no_grad():
            outputs = self._outputs(module, parameters, self._tests).double()

        if self.answer == "log-probabilities":
            outputs = torch.log_softmax(outputs, dim=2)

        answers = outputs.reshape(count, len(self._tests), -1)
        return np.asarray(answers.cpu().numpy(), dtype=np.float64)

    def _made(self, seed: int) -> Any:
        import torch

        with torch.random.fork_rng(devices=self._cuda()):
            torch.manual_seed(seed)
            # `build` may give the same module each time.
            return copy.deepcopy(self._learner.build()).to(self._device)

    def _cuda(self) -> list[Any]:
        """The devices, beside the CPU, whose random state is ours to restore."""
        return [self._device] if str(self._device).startswith("cuda") else []

    def _refuse_unsuitable(self) -> None:
        """Raise ModelError if the module mixes examples, or answers in another shape."""
        kinds = {type(part).__name__ for part in self._example.modules()}
        mixing = sorted(kind for kind in kinds if "BatchNorm" in kind)
        if mixing:
            raise ModelError(
                f"{mixing[0]} lets examples that are left out act on others: take"
                " LayerNorm or none"
            )

        shape = self._shape()
        count = len(self._tests)
        right: list[tuple[int, ...]] = [(count,), (count, 1)]
        if self.classes is not None:
            right = [(count, len(self.classes))]
        if shape not in right:
            raise ModelError(
                f"the module answers {count} test points with shape {shape}; expected"
                f" {right[-1]}"
            )

    def _shape(self) -> tuple[int, ...]:
        """Of what one module answers about the test points.

        Raises:
            ModelError: it cannot read them.
        """
        import torch

        parameters = _stacked([self._example.eval()])
        try:
            with torch.no_grad():
                outputs = self._outputs(self._example, parameters, self._tests)
        except (RuntimeError, ValueError, TypeError, IndexError) as error:
            line = one_line(error, 200)
            raise ModelError(
                f"the module cannot read inputs of shape {tuple(self._tests.shape)}:"
                f" {line}"
            ) from error
        return tuple(outputs.shape[1:])

    def identity(self) -> list[Any] | None:
        learner = self._learner
        settings = [
            learner.epochs,
            learner.learning_rate,
            learner.optimizer,
            learner.rows,
            learner.weight_decay,
            learner.momentum,
        ]
        try:
            module = describe_module(self._example)
        except Unknown as unknown:
            self.unknown = str(unknown)
            return None
        return ["module", module, self._builder(), *map(describe, settings)]

    def _builder(self) -> Any:
        """What makes the module, where that can be told; what it made says the rest."""
        try:
            return describe(self._learner.build)
        except Unknown:
            return None

    def facts(self) -> dict[str, Any]:
        learner = self._learner
        size = sum(parameter.numel() for parameter in self._example.parameters())
        rate = f"{learner.optimizer} at {learner.learning_rate:g}"
        name = type(self._example).__name__
        return {
            "learner": f"{name} of {size} parameters, {learner.epochs} epochs, {rate}",
            "device": str(self._device),
        }


def _stacked(modules: list[Any]) -> "dict[str, torch.Tensor]":
    """The parameters of modules by name, each with a row a module."""
    import torch

    named = [dict(module.named_parameters()) for module in modules]
    return {
        name: torch.stack([parameters[name].detach() for parameters in named])
        for name in named[0]
    }
