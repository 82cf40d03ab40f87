"""Completions: what is watched in a causal model's answer."""

from dataclasses import dataclass
from typing import Any

import torch

from spexlens.arguments import named, readable
from spexlens.errors import InvalidInput
from spexlens.models.log_probabilities import of_tokens, token_logits
from spexlens.models.model import HuggingFaceModel
from spexlens.models.objectives.objective import Batch, Objective
from spexlens.models.reading import Completion, Reading

COMPLETION_UNITS = (
    "log-probability",
    "mean log-probability",
    "logit difference",
    "accuracy",
)
"""The objectives of a causal model; the first is the default."""


@dataclass
class CompletionObjective(Objective):
    """A causal model's answer about a fixed completion, teacher-forced.

    "log-probability" is the sum over its tokens, "mean log-probability" the mean.
    "accuracy" is 1 where each of them is the likeliest, else 0. "logit difference" is
    the logit of its one token less that of the foil.

    The completion's tokens are the last of every row, before what it is padded with on
    the right. Of a model that looks ahead each token is scored in a pass of its own,
    which ends before it; rows are of one length.
    """

    completion: tuple[int, ...]
    target: str
    unit: str
    foil: int | None = None

    def __call__(self, model: HuggingFaceModel, batch: Batch) -> torch.Tensor:
        predict = self._ahead if model.ahead else self._at_once
        logits = predict(model, batch)
        tokens = torch.tensor(self.completion, device=logits.device)
        if self.unit == "accuracy":
            return (logits.argmax(dim=2) == tokens).all(dim=1).double()
        if self.unit == "logit difference":
            foil = logits[:, 0, self.foil].double()
            return token_logits(logits, tokens)[:, 0] - foil
        scores = of_tokens(logits, tokens)
        if self.unit == "mean log-probability":
            return scores.mean(dim=1)
        return scores.sum(dim=1)

    def _at_once(self, model: HuggingFaceModel, batch: Batch) -> torch.Tensor:
        """(m, c, V) float32, the logits that predict each token of the completion."""
        count = len(self.completion)
        attention = batch["attention_mask"]
        longest = attention.shape[1]
        padding = attention.flip(1).argmax(dim=1)  # tokens, of each row
        ends = longest - padding
        # One more than the completion: the logits at a place predict the next token.
        needed = longest - int(ends.min()) + count + 1
        logits: torch.Tensor = model.outputs(batch, logits_to_keep=needed).logits
        # A model that does not know `logits_to_keep` gives those of all places.
        left_out = longest - logits.shape[1]
        first = ends - count - 1 - left_out
        steps = torch.arange(count, device=first.device)
        places = first[:, None] + steps
        rows = torch.arange(len(logits), device=logits.device)[:, None]
        return logits[rows, places.to(logits.device)].float()

    def _ahead(self, model: HuggingFaceModel, batch: Batch) -> torch.Tensor:
        """The same, of rows of one length, from what comes before each token alone."""
        longest = batch["attention_mask"].shape[1]
        columns = []
        for left in range(len(self.completion), 0, -1):
            end = longest - left
            before = {name: tensor[:, :end] for name, tensor in batch.items()}
            columns.append(model.outputs(before).logits[:, -1].float())
        return torch.stack(columns, dim=1)

    def identity(self) -> list[Any]:
        foil = [] if self.foil is None else [self.foil]
        return ["completion", self.completion, self.unit, *foil]


def completion_of(model: HuggingFaceModel, target: object) -> str | Completion | None:
    """A causal model's target as a completion; none for other kinds of model.

    Raises:
        InvalidInput: the target is not a text.
    """
    if model.kind != "causal":
        return None
    if isinstance(target, Completion):
        return target
    if not isinstance(target, str) or not target:
        raise InvalidInput(
            f"a causal model needs {named('target')}: the completion whose probability"
            " is watched"
        )
    return readable(target, "the completion")


def completion_objective(
    unit: str,
    target: object,
    reading: Reading,
    foil: object,
    against: Reading | None,
) -> CompletionObjective:
    """What to watch of a causal model.

    Args:
        unit: one of its objectives.
        target: the completion, as a text or a `Completion`.
        reading: the unablated prompt with the completion behind it.
        foil: the completion to compare with.
        against: the same prompt with the foil behind it, or None without a foil.

    Raises:
        InvalidInput: of a logit difference, either completion has several tokens, or
            they do not follow the same.
    """
    text = target.text if isinstance(target, Completion) else str(target)
    token = None
    if against is not None:
        token = _single_token(reading, text, against, str(foil))
    return CompletionObjective(reading.completed, text, unit, token)


def _single_token(
    target: Reading, target_text: str, foil: Reading, foil_text: str
) -> int:
    """The foil's one token, behind the same prompt as the target's.

    Raises:
        InvalidInput: either has several, or they do not follow the same tokens.
    """
    for text, reading in ((target_text, target), (foil_text, foil)):
        if reading.completion != 1:
            raise InvalidInput(
                f"a logit difference is between single tokens; {text!r} has"
                f" {reading.completion}"
            )
    if target.prompt != foil.prompt:
        raise InvalidInput(
            f"{target_text!r} and {foil_text!r} are not tokenised behind the same prompt, so"
            " that their logits are answers to two questions; begin both with a space,"
            " or neither"
        )
    return foil.completed[0]
