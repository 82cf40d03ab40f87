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
from spexlens.learners.learner import Fitted, Learner, Task, Trainer, classes_of
from spexlens.learners.rates import refuse_unusable

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

    def prepare(self, task: Task) -> "Trainer":
        try:
            import torch  # noqa: F401
        except ImportError as error:
            raise MissingExtra("torch", "hf") from error
        if self.optimizer not in OPTIMIZERS:
            raise InvalidInput(unknown("optimizer", self.optimizer, OPTIMIZERS))
        if (
            self.epochs < 1
            or self.subsets < 1
            or (self.rows is not None and self.rows < 1)
        ):
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
        self._inputs, self._tests = (
            torch.tensor(each, dtype=torch.float32, device=self._device)
            for each in (task.inputs, task.tests)
        )
        if task.numeric:
            self.answer = "predictions"
            self._targets = torch.tensor(
                task.labels, dtype=torch.float32, device=self._device
            )
        else:
            self.answer = "log-probabilities"
            self.classes, codes = classes_of(task, "a module")
            self._targets = torch.tensor(codes, device=self._device)
        self._example = self._made(0)
        self._refuse_unsuitable()

    def fit(self, kept: NDArray[np.bool_], seeds: NDArray[np.int64]) -> Fitted:
        import torch

        modules = [self._made(seed) for seed in seeds.tolist()]
        named = [dict(module.named_parameters()) for module in modules]
        start = {
            name: torch.stack([each[name].detach() for each in named])
            for name in named[0]
        }
        trained = {name: each.clone().requires_grad_() for name, each in start.items()}
        weights = torch.tensor(kept, dtype=torch.float32, device=self._device)
        with torch.random.fork_rng(devices=self._cuda()):
            torch.manual_seed(0)
            self._train(modules[0], trained, weights, seeds)
        answers = self._answered(modules[0], trained, len(kept))
        diverged = ~np.isfinite(answers).all(axis=(1, 2))
        if diverged.any():
            answers[diverged] = self._answered(modules[0], start, len(kept))[diverged]
        return Fitted(
            answers, dict.fromkeys(np.flatnonzero(diverged).tolist(), DIVERGED)
        )

    def asking(self, tests: NDArray[Any]) -> Trainer:
        import torch

        other = copy.copy(self)
        other._tests = torch.tensor(tests, dtype=torch.float32, device=self._device)
        return other

    def _train(
        self,
        module: Any,
        parameters: "dict[str, torch.Tensor]",
        weights: "torch.Tensor",
        seeds: NDArray[np.int64],
    ) -> None:
        import torch

        settings = self._learner
        makers = {
            "sgd": torch.optim.SGD,
            "adam": torch.optim.Adam,
            "adamw": torch.optim.AdamW,
        }
        extra = {"momentum": settings.momentum} if settings.optimizer == "sgd" else {}
        optimizer = makers[settings.optimizer](
            list(parameters.values()),
            lr=settings.learning_rate,
            weight_decay=settings.weight_decay,
            **extra,
        )
        count = len(self._inputs)
        rows = settings.rows or count
        orders = [np.random.default_rng(seed) for seed in seeds.tolist()]
        module.train()
        for _ in range(settings.epochs):
            order = torch.arange(count, device=self._device)[None]
            if rows < count:
                drawn = np.stack([rng.permutation(count) for rng in orders])
                order = torch.tensor(drawn, device=self._device)
            for first in range(0, count, rows):
                # Each subset's loss depends on its own parameters only, so that the sum
                # has their gradients.
                optimizer.zero_grad()
                loss = self._losses(
                    module, parameters, order[:, first : first + rows], weights
                ).sum()
                loss.backward()  # type: ignore[no-untyped-call]
                optimizer.step()

    def _losses(
        self,
        module: Any,
        parameters: "dict[str, torch.Tensor]",
        batch: "torch.Tensor",
        weights: "torch.Tensor",
    ) -> "torch.Tensor":
        """(m,), each subset's mean loss over its examples of a batch (m or 1, B); 0
        where it has none.
        """
        import torch

        inputs = self._inputs[batch] if len(batch) > 1 else self._inputs[batch[0]]
        outputs = self._outputs(module, parameters, inputs, apart=len(batch) > 1)
        batch = batch.expand(len(weights), -1)
        targets = self._targets[batch]
        weights = weights.gather(1, batch)
        if self.answer == "predictions":
            losses = (
                (outputs.squeeze(-1) if outputs.ndim == 3 else outputs)
                .sub(targets)
                .square()
            )
        else:
            losses = torch.nn.functional.cross_entropy(
                outputs.transpose(1, 2), targets, reduction="none"
            )
        return (losses * weights).sum(dim=1) / weights.sum(dim=1).clamp(min=1.0)

    def _outputs(
        self,
        module: Any,
        parameters: "dict[str, torch.Tensor]",
        inputs: "torch.Tensor",
        *,
        apart: bool = False,
    ) -> "torch.Tensor":
        """(m, B, ...), every subset's model on the same inputs (B, ...), or each on its
        own (m, B, ...).
        """
        import torch

        def one(own: "dict[str, torch.Tensor]", read: "torch.Tensor") -> Any:
            return torch.func.functional_call(module, own, (read,))

        in_dims = (0, 0 if apart else None)
        found: torch.Tensor = torch.func.vmap(one, in_dims=in_dims, randomness="same")(
            parameters, inputs
        )
        return found

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
        return np.asarray(
            outputs.reshape(count, len(self._tests), -1).cpu().numpy(), dtype=np.float64
        )

    def _made(self, seed: int) -> Any:
        import torch

        with torch.random.fork_rng(devices=self._cuda()):
            torch.manual_seed(seed)
            return copy.deepcopy(self._learner.build()).to(self._device)

    def _cuda(self) -> list[Any]:
        """The devices, beside the CPU, whose random state is ours to restore."""
        return [self._device] if str(self._device).startswith("cuda") else []

    def _refuse_unsuitable(self) -> None:
        """Raise ModelError if the module mixes examples, or does not answer with the
        right shape.
        """
        import torch

        kinds = {type(part).__name__ for part in self._example.modules()}
        mixing = sorted(kind for kind in kinds if "BatchNorm" in kind)
        if mixing:
            raise ModelError(
                f"{mixing[0]} lets examples that are left out act on others: take"
                " LayerNorm or none"
            )
        parameters = {
            name: each.detach()[None]
            for name, each in self._example.eval().named_parameters()
        }
        try:
            with torch.no_grad():
                shape = tuple(
                    self._outputs(self._example, parameters, self._tests).shape[1:]
                )
        except (RuntimeError, ValueError, TypeError, IndexError) as error:
            line = " ".join(str(error).split())[:200]
            raise ModelError(
                f"the module cannot read inputs of shape {tuple(self._tests.shape)}:"
                f" {line}"
            ) from error
        count = len(self._tests)
        right = (
            [(count,), (count, 1)]
            if self.classes is None
            else [(count, len(self.classes))]
        )
        if shape not in right:
            raise ModelError(
                f"the module answers {count} test points with shape {shape}; expected"
                f" {right[-1]}"
            )

    def identity(self) -> list[Any] | None:
        s = self._learner
        settings = [
            s.epochs,
            s.learning_rate,
            s.optimizer,
            s.rows,
            s.weight_decay,
            s.momentum,
        ]
        try:
            told = describe_module(self._example)
        except Unknown as unknown:
            self.unknown = str(unknown)
            return None
        return ["module", told, self._builder(), *map(describe, settings)]

    def _builder(self) -> Any:
        """What makes the module, where that can be told; what it made says the rest."""
        try:
            return describe(self._learner.build)
        except Unknown:
            return None

    def facts(self) -> dict[str, Any]:
        s = self._learner
        size = sum(each.numel() for each in self._example.parameters())
        how = f"{s.epochs} epochs, {s.optimizer} at {s.learning_rate:g}"
        return {
            "learner": f"{type(self._example).__name__} of {size} parameters, {how}",
            "device": str(self._device),
        }
