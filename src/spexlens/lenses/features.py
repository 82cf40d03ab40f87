"""The feature lens: ablate words, sentences or spans of a text, and watch a Hugging Face model."""

import hashlib
import json
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from spexlens.ablation import masks as mask_algebra
from spexlens.ablation.candidate import Candidate
from spexlens.ablation.game import Game
from spexlens.ablation.levels import Level
from spexlens.errors import InvalidInput
from spexlens.lenses.attribution import Attribution
from spexlens.lenses.layout import lay_out
from spexlens.lenses.replacement import ablatable, choose_replacement, replacements_of
from spexlens.lenses.saliency import GRADIENT, INTEGRATED, STEPS, slopes
from spexlens.lenses.units import levels_of

if TYPE_CHECKING:
    import torch
    from transformers import PreTrainedModel, PreTrainedTokenizerBase

    from spexlens.models.huggingface import HuggingFaceModel, Kind
    from spexlens.models.objectives import Batch, Objective


class FeatureLens(Game):
    """The parts of one text, and what a model answers when only some of them are kept.

    Replacements of an ablated candidate: `mask`, `pad` and `unk` put that special token in place of
    each of its tokens; `neutral` puts one fixed string in place of the whole; `delete` closes the
    gap; `attention` leaves the tokens and hides them from all others. By default a model with a mask
    token uses `mask` (Hase, Xie & Bansal, NeurIPS 2021), any other `delete`.

    Text outside the candidates (white space, punctuation at a word's edge, the template, special
    tokens) always stays. A causal model's prompt begins with its beginning-of-sequence token, if it
    has one, so that something is left when all is ablated.

    The attributions are `lenses.saliency.slopes`.

    Making a lens takes one forward pass, of the whole and the empty mask, to see that the model reads
    them, and one more for an encoder's reference or a label that was not given; the facts say so.
    """

    passes = 1
    settled = True

    def __init__(
        self,
        model: "str | Path | PreTrainedModel | HuggingFaceModel",
        text: str,
        *,
        unit: str = "word",
        target: str | int | Sequence[str | int] | None = None,
        foil: str | int | None = None,
        objective: str | None = None,
        replacement: str | None = None,
        neutral: str = "...",
        template: str = "{text}",
        chat: bool = False,
        spans: Sequence[tuple[int, int]] | None = None,
        tokenizer: "PreTrainedTokenizerBase | None" = None,
        kind: "Kind | None" = None,
        revision: str | None = None,
        device: str | None = None,
        batch_size: int | None = None,
        trust_remote_code: bool = False,
    ) -> None:
        """
        Args:
            model: hub id, local directory, a model in memory (then with its tokenizer), or what
                `models.huggingface.load` gave, such as the `model` of a `DataLens` that fine-tunes.
            text: the text to ablate.
            unit: "word", "token", "sentence", "line" or "paragraph".
            target: a classifier's label or labels (several make a vector-valued game; by default the
                label it predicts), a causal model's completion, or the query an encoder's embedding
                is compared with (by default the unablated text).
            foil: for "logit difference", the label or the one-token completion compared with.
            objective: classifiers "logit", "log-odds", "probability", "logit difference" or
                "accuracy"; causal models "log-probability", "mean log-probability", "logit
                difference" or "accuracy"; encoders "cosine similarity". The first is the default,
                or "logit difference" where a foil is given.
            replacement: one of "mask", "pad", "unk", "neutral", "delete", "attention".
            neutral: the string that `neutral` puts in.
            template: what surrounds the text and is never ablated, with `{text}` once.
            chat: put the templated text into the tokenizer's chat template, as the user's turn.
            spans: the candidates' own (start, end) characters, instead of a unit.
            tokenizer, kind, revision, device, trust_remote_code: see `models.huggingface.load`.
            batch_size: rows a forward pass; by default what suits the length.

        Raises:
            InvalidInput, UnknownLabel, InputTooLong, ModelError, MissingExtra: one line that says
                what is wrong and what to do.
        """
        _refuse_unreadable(text)
        self._made: dict[str, Any] = {"unit": unit, "target": target, "foil": foil, "objective": objective}
        self._made |= {"replacement": replacement, "neutral": neutral, "template": template, "chat": chat}
        self._made |= {"spans": spans, "batch_size": batch_size}
        if batch_size is not None and batch_size < 1:
            raise InvalidInput(f"a batch has at least one row; got batch_size={batch_size}")
        from spexlens.models.huggingface import load
        from spexlens.models.objectives import completion_tokens, objective_for

        self.model = load(
            model,
            tokenizer=tokenizer,
            kind=kind,
            revision=revision,
            device=device,
            trust_remote_code=trust_remote_code,
        )
        tokenizer = self.model.tokenizer
        self.text = text
        layout = lay_out(tokenizer, text, unit=unit, spans=spans, template=template, chat=chat)
        self._counts: list[int] = np.bincount(layout.owner[layout.owner >= 0]).tolist()
        completion = completion_tokens(self.model, target)
        if self.model.kind == "causal":
            if tokenizer.bos_token_id is not None and layout.owner[0] >= 0:
                layout = layout.opened(int(tokenizer.bos_token_id))
            layout = layout.followed(completion)
        self.replacement = choose_replacement(replacement, tokenizer)
        self.neutral = neutral if self.replacement == "neutral" else None
        self._tokens = ablatable(layout, self.replacement, tokenizer, text, neutral)
        self._refuse_what_cannot_be_read(len(completion))
        whole = self.model.tensors(self._inputs(np.ones((1, len(layout.spans)), np.bool_)))
        with self.model.explained():
            self.objective = objective_for(self.model, objective, target, foil, completion, text, whole)
        asked = self.model.kind == "encoder" or (self.model.kind == "classifier" and target is None)
        self._setup_passes = 1 + asked
        self.unit, self.outputs = self.objective.unit, self.objective.outputs
        self.batch_size = batch_size or self.model.rows_that_fit(self._tokens.longest, len(completion))
        self._foil = foil
        self._unit_of_text = unit if spans is None else "span"
        self._take(
            [Candidate(text[start:end], self._unit_of_text, (start, end)) for start, end in layout.spans],
            self._identity(),
        )
        with self.model.explained():
            self.value(np.array([[True], [False]]).repeat(self.n, axis=1))

    def value(self, masks: NDArray[np.bool_]) -> NDArray[np.float64]:
        """The objective for each mask: (m, n) bool -> (m,) or (m, k) float64.

        Masks that lead to the same input share one row of the forward pass.
        """
        arrays = self._inputs(masks)
        first, inverse = mask_algebra.distinct(np.concatenate([*arrays.values()], axis=1).view(np.uint8))
        batch = self.model.tensors({name: array[first] for name, array in arrays.items()})
        return self.objective.measure(self.model, batch)[inverse]

    @property
    def variants(self) -> tuple[str, ...]:  # type: ignore[override]
        """The other replacements that the tokenizer has."""
        return tuple(name for name in replacements_of(self.model.tokenizer) if name != self.replacement)

    def variant(self, name: str) -> "FeatureLens":
        """The same text with another replacement.

        Raises:
            InvalidInput: there is no such replacement.
        """
        return FeatureLens(self.model, self.text, **{**self._made, **self._watched(), "replacement": name})

    def another(self, text: str) -> "FeatureLens":
        """The same question about another text.

        Raises:
            InvalidInput, InputTooLong: as for this one.
        """
        made = {**self._made, **self._watched(), "spans": None, "batch_size": None}
        return FeatureLens(self.model, text, **{**made, "replacement": self.replacement})

    def _watched(self) -> dict[str, Any]:
        """What is watched, said so that another text is asked the same."""
        if self.model.kind == "classifier" and self._made["target"] is None:
            return {"target": self.objective.target}
        if self.model.kind == "encoder" and self._made["target"] is None:
            return {"target": self.text}
        return {}

    def batch(self, masks: NDArray[np.bool_]) -> "Batch":
        """What the model reads, a row a mask: tensors of shape (m, L)."""
        return self.model.tensors(self._inputs(masks))

    def graded(
        self,
        degrees: "torch.Tensor",
        model: "HuggingFaceModel | None" = None,
        objective: "Objective | None" = None,
    ) -> "torch.Tensor":
        """The answer where each token's embedding is so far on the way from its stand-in's to its own.

        The stand-in's is zero where there is none for each token: with `neutral`, `delete` and `attention`.

        Args:
            degrees: (n,), 0 ablated, 1 kept.
            model: the same one, elsewhere.
            objective: what is watched instead; of what it reads, the text comes first.

        Returns:
            (k,) float64, differentiable.
        """
        import torch

        model = model or self.model
        everything = np.ones((1, self.n), np.bool_)
        embedding = model.model.get_input_embeddings()
        away: torch.Tensor | float = 0.0
        if self.replacement in ("mask", "pad", "unk"):
            with torch.no_grad():
                away = embedding(self.batch(~everything)["input_ids"])
        owner = torch.from_numpy(self._tokens.owner[self._tokens.present(everything)[0]])
        owner = owner.to(degrees.device)
        there = torch.where(owner >= 0, degrees[owner.clamp(min=0)], 1.0)[None, :, None]

        def blend(module: object, given: object, output: torch.Tensor) -> torch.Tensor:
            hook.remove()
            return away + there.to(output.dtype) * (output - away)

        hook = embedding.register_forward_hook(blend)
        try:
            with model.explained():
                return (objective or self.objective)(model, self.batch(everything)).reshape(-1)
        finally:
            hook.remove()

    @property
    def device(self) -> "torch.device":
        """Where the model is."""
        return self.model.device

    @property
    def attributions(self) -> tuple[str, ...]:  # type: ignore[override]
        """Gradients, where what is watched has any."""
        return () if self.unit == "accuracy" else (GRADIENT, INTEGRATED)

    def attribute(self, method: str) -> Attribution:
        """Cheap scores of the candidates, by one of `attributions`."""
        return slopes(self, method, STEPS if method == INTEGRATED else None)

    def levels(self) -> list[Level]:
        """Paragraphs, sentences, phrases, then the candidates; of tokens words before those."""
        return levels_of(self.text, self.candidates)

    def lengths(self, masks: NDArray[np.bool_]) -> NDArray[np.int64]:
        """(m,) int64, tokens read for each mask."""
        return self._tokens.lengths(masks)

    def facts(self) -> dict[str, Any]:
        """What was ablated, how, and what was watched."""
        return {
            "lens": "features",
            "model": self.model.name,
            "kind": self.model.kind,
            "text": self.text,
            "unit_of_text": self._unit_of_text,
            "target": self.objective.target,
            "foil": self._foil,
            "unit": self.unit,
            "replacement": self.replacement,
            "variants": list(self.variants),
            "neutral": self.neutral,
            "template": self._made["template"],
            "chat": self._made["chat"],
            "mask_token": self.model.tokenizer.mask_token,
            "tokens": self._counts,
            "setup_passes": self._setup_passes,
            "device": str(self.model.device),
        }

    def _inputs(self, masks: NDArray[np.bool_]) -> dict[str, NDArray[np.int64]]:
        """What the model reads for each mask: its arguments by name, each (m, L) int64."""
        causal = self.model.kind == "causal"
        ids, real, attention = self._tokens.rows(masks, pad=self.model.padding, left=causal)
        arrays = {"input_ids": ids, "attention_mask": attention.astype(np.int64)}
        if causal and "position_ids" in self.model.accepts:
            arrays["position_ids"] = np.maximum(np.cumsum(real, axis=1) - 1, 0)
        return arrays

    def _refuse_what_cannot_be_read(self, completion: int) -> None:
        self.model.refuse_longer_than_window(self._tokens.longest, "the input")
        nothing = np.zeros((1, int(self._tokens.owner.max()) + 1), np.bool_)
        if int(self._tokens.seen(nothing).sum()) <= completion:
            raise InvalidInput(
                f"with replacement {self.replacement!r} nothing is left to read when all is ablated; "
                "give a template, or another replacement"
            )
        last = self._tokens.owner[len(self._tokens.owner) - completion - 1]
        if self._tokens.hidden and self.model.kind != "encoder" and last >= 0:
            raise InvalidInput(
                "replacement 'attention' cannot hide the last token, where the answer is read: "
                "give a template that ends in text, or another replacement"
            )

    def _identity(self) -> str:
        """sha256 of everything that decides a value."""
        slots: list[NDArray[Any]] = [self._tokens.ids, self._tokens.owner, self._tokens.when]
        parts = [
            "features 1",
            self.model.fingerprint,
            self.model.kind,
            [array.tolist() for array in slots],
            self._tokens.hidden,
            self.objective.identity(),
        ]
        return hashlib.sha256(json.dumps(parts).encode()).hexdigest()


def _refuse_unreadable(text: str) -> None:
    if not text.strip():
        raise InvalidInput("the text is empty")
    try:
        text.encode()
    except UnicodeEncodeError as error:
        raise InvalidInput(f"the text is not valid Unicode at character {error.start}") from error
