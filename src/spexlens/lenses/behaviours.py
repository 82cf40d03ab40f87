"""Behaviours: a prompt, what is watched in the model's answer to it, and its counterfactual."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch

from spexlens.errors import InvalidInput
from spexlens.models.huggingface import HuggingFaceModel, pooling_of
from spexlens.models.objectives import (
    Batch,
    Objective,
    PairObjective,
    Target,
    completion_tokens,
    objective_for,
    query_of,
)


@dataclass(frozen=True)
class Behaviour:
    """One prompt and what is watched.

    Attributes:
        text: the prompt.
        counterfactual: the prompt it is compared with, or None.
        clean: its tokens, with a causal model's completion behind them: tensors of shape (1, L).
        corrupt: the same of the counterfactual, or None.
        objective: what is watched in the answer.
        foil: what it is compared with, in words, or "".
        completion: how many of the tokens are a causal model's completion.
        asked: forward passes that it took to find out what to watch.
    """

    text: str
    counterfactual: str | None
    clean: Batch
    corrupt: Batch | None
    objective: Objective
    foil: str
    completion: int
    asked: int

    @property
    def length(self) -> int:
        """Tokens that the model gets."""
        return int(self.clean["input_ids"].shape[1])

    @property
    def read(self) -> int:
        """Tokens, from the first, that can decide the answer: not the last of a completion."""
        return self.length - (self.completion > 0)

    @property
    def passes(self) -> int:
        """Forward passes for each batch of masks."""
        return 2 if isinstance(self.objective, PairObjective) else 1

    def rows(self, count: int, *, corrupted: bool) -> Batch:
        """So many equal rows of the prompt, or of its counterfactual."""
        batch = self.corrupt if corrupted and self.corrupt is not None else self.clean
        return {name: tensor.repeat(count, 1) for name, tensor in batch.items()}

    def tokens(self) -> list[list[int]]:
        """All tokens that decide a value."""
        batches = [self.clean] if self.corrupt is None else [self.clean, self.corrupt]
        return [batch["input_ids"][0].tolist() for batch in batches]


def behaviours_of(
    model: HuggingFaceModel,
    inputs: str | Sequence[str],
    *,
    target: Target,
    foil: str | int | Sequence[str | int] | None,
    objective: str | None,
    counterfactual: str | Sequence[str] | None,
) -> tuple[Behaviour, ...]:
    """One behaviour an input; see `MechanisticLens` for the arguments.

    Raises:
        InvalidInput: an empty prompt, lists of different lengths, a counterfactual of another length,
            or what `objective_for` refuses.
    """
    if isinstance(inputs, str):
        return (_behaviour(model, inputs, target, foil, objective, counterfactual),)  # type: ignore[arg-type]
    texts = list(inputs)
    if not texts:
        raise InvalidInput("no prompt was given")
    columns = [
        _one_each(given, len(texts), name)
        for given, name in ((target, "target"), (foil, "foil"), (counterfactual, "counterfactual"))
    ]
    return tuple(
        _behaviour(model, text, goal, against, objective, other)
        for text, goal, against, other in zip(texts, *columns, strict=True)
    )


def encode(model: HuggingFaceModel, text: str, completion: Sequence[int] = ()) -> Batch:
    """A prompt as a batch of one row, as the feature lens has the model read it.

    A causal model's prompt begins with its beginning-of-sequence token, if it has one.

    Raises:
        InvalidInput, InputTooLong: nothing to read, or more than the model reads at once.
    """
    if not isinstance(text, str) or not text.strip():
        raise InvalidInput(f"a prompt is a text; got {text!r}")
    encoded = model.tokenizer(
        text, return_special_tokens_mask=True, truncation=False, padding=False, verbose=False
    )
    ids: list[int] = list(encoded["input_ids"])
    first, opens = model.tokenizer.bos_token_id, encoded["special_tokens_mask"][:1] == [1]
    if model.kind == "causal" and first is not None and not opens:
        ids = [int(first), *ids]
    ids += completion
    model.refuse_longer_than_window(len(ids), "the input")
    return model.tensors({"input_ids": np.array([ids]), "attention_mask": np.ones((1, len(ids)), np.int64)})


def _behaviour(
    model: HuggingFaceModel,
    text: str,
    target: Target,
    foil: str | int | None,
    objective: str | None,
    counterfactual: str | None,
) -> Behaviour:
    prompt = encode(model, text)
    asked = int(target is None)
    with model.explained():
        if model.kind == "causal" and target is None:
            completion = [_next_token(model, prompt)]
            target = model.tokenizer.decode(completion)
        else:
            completion = completion_tokens(model, target)
        clean = encode(model, text, completion) if completion else prompt
        watched: Objective
        if model.kind == "encoder" and isinstance(target, str) and objective in (None, "cosine similarity"):
            watched = PairObjective(query_of(model, target), pooling_of(model.name, model.revision), target)
        else:
            watched = objective_for(model, objective, target, foil, completion, text, clean)
    corrupt = None
    if counterfactual is not None:
        corrupt = encode(model, counterfactual, completion)
        _refuse_another_length(clean, corrupt, counterfactual, len(completion))
        if isinstance(watched, PairObjective):
            raise InvalidInput("the query has no counterfactual: give no target, or use zero or mean")
    return Behaviour(
        text,
        counterfactual,
        clean,
        corrupt,
        watched,
        "" if foil is None else str(foil),
        len(completion),
        asked,
    )


def _next_token(model: HuggingFaceModel, prompt: Batch) -> int:
    with torch.inference_mode():
        return int(model.model(**prompt).logits[0, -1].argmax())


def _refuse_another_length(clean: Batch, corrupt: Batch, text: str, completion: int) -> None:
    lengths = [batch["input_ids"].shape[1] - completion for batch in (clean, corrupt)]
    if lengths[0] != lengths[1]:
        raise InvalidInput(
            f"the counterfactual {text!r} has {lengths[1]} tokens, its prompt {lengths[0]}; they must match"
        )


def _one_each(given: Any, count: int, name: str) -> list[Any]:
    """One value for each of several prompts: those given, or the same for all."""
    if not isinstance(given, list | tuple):
        return [given] * count
    if len(given) != count:
        raise InvalidInput(f"{count} prompts need as many of {name}, or one for all; got {len(given)}")
    return list(given)
