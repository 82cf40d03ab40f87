"""Behaviours: a prompt, its counterfactual, and what is watched in the answer."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch

from spexlens.arguments import readable
from spexlens.errors import InvalidInput
from spexlens.models.model import HuggingFaceModel
from spexlens.models.objectives.choice import Target, objective_for
from spexlens.models.objectives.completions import completion_of
from spexlens.models.objectives.labels import LabelObjective
from spexlens.models.objectives.objective import Batch, Objective
from spexlens.models.objectives.similarity import PairObjective, query_of
from spexlens.models.reading import (
    Completion,
    Reading,
    read,
    refuse_far_longer,
    shows_spaces,
)


@dataclass(frozen=True)
class Behaviour:
    """One prompt and what is watched.

    Attributes:
        text: the prompt.
        counterfactual: the prompt it is compared with, or None.
        clean: its tokens, with a causal model's completion behind them: tensors of
            shape (1, L).
        corrupt: the same of the counterfactual, or None.
        objective: what is watched in the answer.
        foil: what it is compared with, in words, or "".
        completion: how many of the tokens are a causal model's completion.
        asked: forward passes that it took to find out what to watch.
        watched: the target, said so that another prompt is asked for the same.
        note: what a person should know of how the prompt was read, or "".
    """

    text: str
    counterfactual: str | None
    clean: Batch
    corrupt: Batch | None
    objective: Objective
    foil: str
    completion: int
    asked: int
    watched: Target
    note: str = ""

    @property
    def length(self) -> int:
        """Tokens that the model gets."""
        return int(self.clean["input_ids"].shape[1])

    @property
    def read(self) -> int:
        """Tokens, from the first, that can decide the answer.

        The last of a completion is scored, and nothing is read behind it.
        """
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
        rows = [
            batch.get(name)
            for batch in batches
            for name in ("input_ids", "token_type_ids")
        ]
        return [row[0].tolist() for row in rows if row is not None]


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
        InvalidInput: an empty prompt, lists of different lengths, a counterfactual of
            another length, or what `objective_for` refuses.
    """
    if isinstance(inputs, str):
        return (_behaviour(model, inputs, target, foil, objective, counterfactual),)  # type: ignore[arg-type]
    texts = list(inputs)
    if not texts:
        raise InvalidInput("no prompt was given")
    targets = _one_each(target, len(texts), "target")
    foils = _one_each(foil, len(texts), "foil")
    counterfactuals = _one_each(counterfactual, len(texts), "counterfactual")
    prompts = zip(texts, targets, foils, counterfactuals, strict=True)
    return tuple(
        _behaviour(model, text, goal, against, objective, corrupt)
        for text, goal, against, corrupt in prompts
    )


def encode(
    model: HuggingFaceModel, text: str, completion: str | Completion | None = None
) -> Reading:
    """What a model reads of a prompt, with a causal model's completion behind it.

    Raises:
        InvalidInput, InputTooLong: nothing to read, or more than the model reads at
            once.
    """
    if not readable(text, "a prompt").strip():
        raise InvalidInput(f"a prompt is a text; got {text!r}")
    # by characters, before a text that is far too long is tokenised
    refuse_far_longer(model, text, "the input")
    reading = read(model, text, completion)
    model.refuse_longer_than_window(len(reading), "the input")
    return reading


def _behaviour(
    model: HuggingFaceModel,
    text: str,
    target: Target,
    foil: str | int | None,
    objective: str | None,
    counterfactual: str | None,
) -> Behaviour:
    """A prompt, read and asked what is to be watched of it."""
    # A classifier is asked even where labels are named: how many it has is seen then.
    asked = int(target is None or model.kind == "classifier")
    with model.explained():
        if model.kind == "causal" and target is None:
            target = _next_token(model, encode(model, text))
        completion = completion_of(model, target)
        clean = encode(model, text, completion)
        objective_watched = _watched(model, clean, text, target, foil, objective)
    corrupt = None
    if counterfactual is not None:
        corrupt = _corrupted(model, counterfactual, completion, clean)
        if isinstance(objective_watched, PairObjective):
            raise InvalidInput(
                "the query has no counterfactual: give no target, or use zero or mean"
            )
    if isinstance(objective_watched, LabelObjective):
        labels = list(objective_watched.indices)
        target = labels if len(labels) > 1 else labels[0]
    return Behaviour(
        text=text,
        counterfactual=counterfactual,
        clean=model.tensors(clean.arrays()),
        corrupt=None if corrupt is None else model.tensors(corrupt.arrays()),
        objective=objective_watched,
        foil="" if foil is None else str(foil),
        completion=clean.completion,
        asked=asked,
        watched=target,
        note=clean.note,
    )


def _watched(
    model: HuggingFaceModel,
    clean: Reading,
    text: str,
    target: Target,
    foil: str | int | None,
    objective: str | None,
) -> Objective:
    """What is watched in the answer to a prompt, of which this is read."""
    against = None
    if model.kind == "causal" and foil is not None:
        against = encode(model, text, completion_of(model, foil))
    by_similarity = objective in (None, PairObjective.unit)
    if model.kind == "encoder" and isinstance(target, str) and by_similarity:
        # The query is read by the ablated model, as the prompt is.
        return PairObjective(query_of(model, target), model.sentence.pooling, target)
    return objective_for(model, objective, target, foil, [clean], text, against)


def _next_token(model: HuggingFaceModel, prompt: Reading) -> Completion:
    """What a causal model says next."""
    with torch.inference_mode():
        logits = model.outputs(model.tensors(prompt.arrays())).logits
    token = int(logits[0, -1].argmax())
    return Completion((token,), _written(model, prompt, token))


def _written(model: HuggingFaceModel, prompt: Reading, token: int) -> str:
    """A token as it is written behind a prompt.

    Its space is included where the tokenizer shows spaces, which some tokenizers leave
    out of a token that is decoded alone.
    """
    alone = str(model.tokenizer.decode([token]))
    if not shows_spaces(model.tokenizer):
        return alone
    ids = list(prompt.prompt)
    before = str(model.tokenizer.decode(ids))
    whole = str(model.tokenizer.decode([*ids, token]))
    if whole.startswith(before) and len(whole) > len(before):
        return whole[len(before) :]
    return alone


def _corrupted(
    model: HuggingFaceModel,
    text: str,
    completion: str | Completion | None,
    clean: Reading,
) -> Reading:
    """What is read of a counterfactual, with the same completion behind it.

    Raises:
        InvalidInput: it has not as many tokens as its prompt, or the completion is
            tokenised otherwise behind it.
    """
    corrupt = encode(model, text, completion)
    length = len(clean) - clean.completion
    corrupt_length = len(corrupt) - corrupt.completion
    if corrupt_length != length:
        raise InvalidInput(
            f"the counterfactual {text!r} has {corrupt_length} tokens, its prompt"
            f" {length}; they must match"
        )
    # Other tokens would be another answer, which nothing is compared with.
    if clean.completed != corrupt.completed:
        raise InvalidInput(
            f"behind the counterfactual {text!r} the completion has other tokens than"
            " behind its prompt: begin the completion with a space"
        )
    return corrupt


def _one_each(given: Any, count: int, name: str) -> list[Any]:
    """One value for each of several prompts: those given, or the same for all."""
    if not isinstance(given, list | tuple):
        return [given] * count
    if len(given) != count:
        raise InvalidInput(
            f"{count} prompts need as many of {name}, or one for all; got {len(given)}"
        )
    return list(given)
