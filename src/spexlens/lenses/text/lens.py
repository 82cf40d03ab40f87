"""The feature lens: ablate words, sentences or spans of a text, and watch a Hugging
Face model.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path, PurePath
from typing import TYPE_CHECKING, Any, cast

import numpy as np
from numpy.typing import NDArray

from spexlens.arguments import named, readable, yes_or_no
from spexlens.errors import InvalidInput
from spexlens.games.candidate import Candidate
from spexlens.games.levels import Level
from spexlens.keywords import keywords
from spexlens.lenses.of_model import OfModel, batch_size_of
from spexlens.lenses.screening.attribution import Attribution
from spexlens.lenses.screening.gradients import (
    GRADIENT,
    INTEGRATED,
    STEPS,
    gradient_attribution,
)
from spexlens.lenses.text.recipe import FeatureRecipe
from spexlens.lenses.text.replacement import (
    ablatable,
    choose_replacement,
    replacements_of,
)
from spexlens.lenses.text.units import levels_of
from spexlens.masks.designs import uniform
from spexlens.models.bundled import about
from spexlens.models.known_words import unknown_words

if TYPE_CHECKING:
    import torch
    from transformers import PreTrainedModel, PreTrainedTokenizerBase

    from spexlens.lenses.text.layout import Layout
    from spexlens.lenses.text.spelled import SpelledText
    from spexlens.lenses.text.tokens import AblatableTokens, Rows
    from spexlens.lenses.text.windows import Window, Windows
    from spexlens.models.kinds import Kind
    from spexlens.models.model import HuggingFaceModel
    from spexlens.models.objectives.labels import LabelObjective
    from spexlens.models.objectives.objective import AveragedObjective, Batch, Objective
    from spexlens.models.reading import Reading
    from spexlens.models.rows import Together


class FeatureLens(OfModel):
    """The parts of one text, and what a model answers when only some of them are kept.

    Replacements of an ablated candidate: `mask`, `pad` and `unk` put that special token
    in place of each of its tokens; `neutral` puts one fixed string in place of the
    whole; `delete` closes the gap; `attention` leaves the tokens and hides them from
    all others. By default a model with a mask token uses `mask` (Hase, Xie & Bansal,
    NeurIPS 2021), any other `delete`.

    Text outside the candidates (white space, punctuation at a word's edge, the
    template, special tokens) always stays. What the model reads of a prompt, and of a
    completion behind it, `models.reading` says: a causal model's prompt begins with its
    beginning-of-sequence token, once, if it has one. Two texts with the tokenizer's
    separator between them, such as `--template "a question [SEP] {text}"`, are a pair.

    The attributions are `lenses.screening.gradients.gradient_attribution`.

    When a lens is made, a few masks are answered alone and together: where answers
    differ, because padding is not inert in the model, only rows of one length share a
    forward pass, or none do. The facts say which, and how many forward passes it took.
    The model is asked in evaluation mode, whatever mode it is in.
    """

    passes = 1
    part = "text"
    recipe: FeatureRecipe | None
    _question: FeatureRecipe

    @keywords()
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
        windows: bool = False,
        tokenizer: "PreTrainedTokenizerBase | None" = None,
        kind: "Kind | None" = None,
        revision: str | None = None,
        device: str | None = None,
        batch_size: int | None = None,
        trust_remote_code: bool = False,
    ) -> None:
        """
        Args:
            model: hub id, local directory, a model in memory (then with its tokenizer),
                or what `models.huggingface.load` gave, such as the `model` of a
                `DataLens` that fine-tunes.
            text: the text to ablate.
            unit: "word", "token", "sentence", "line" or "paragraph".
            target: a classifier's label or labels (several make a vector-valued game;
                by default the label it predicts), a causal model's completion, or the
                query an encoder's embedding is compared with (by default the unablated
                text).
            foil: for "logit difference", the label or the one-token completion compared
                with.
            objective: classifiers "logit", "log-odds", "probability", "logit
                difference" or "accuracy"; causal models "log-probability", "mean
                log-probability", "logit difference" or "accuracy"; encoders "cosine
                similarity". The first is the default, or "logit difference" where a
                foil is given.
            replacement: one of "mask", "pad", "unk", "neutral", "delete", "attention".
            neutral: the string that `neutral` puts in; the tokenizer reads the text
                with it.
            template: what surrounds the text and is never ablated, with `{text}` once.
            chat: put the templated text into the tokenizer's chat template, as the
                user's turn.
            spans: the candidates' own (start, end) characters, instead of a unit.
            windows: read a text that is longer than the model's window part by part. A
                mask's answer is computed from the mean over the parts of a classifier's
                logits, or of an encoder's embeddings.
            tokenizer, kind, revision, device, trust_remote_code: see
                `models.huggingface.load`.
            batch_size: rows a forward pass; by default what suits the length.

        Raises:
            InvalidInput, UnknownLabel, InputTooLong, ModelError, MissingExtra: one line
                that says what is wrong and what to do.
        """
        text = _one_text(text)
        template = readable(template, "the template")
        _refuse_empty(text)
        unit = readable(unit, "the unit")
        chat = yes_or_no(chat, "chat")
        windows = yes_or_no(windows, "windows")
        objective = None if objective is None else readable(objective, "the objective")
        replacement = (
            None if replacement is None else readable(replacement, "the replacement")
        )
        batch_size = batch_size_of(batch_size)
        asked = FeatureRecipe(
            model=model,
            text=text,
            unit=unit,
            target=target,
            foil=foil,
            objective=objective,
            replacement=replacement,
            neutral=neutral,
            template=template,
            chat=chat,
            spans=spans,
            windows=windows,
            kind_of_model=kind,
            revision=revision,
            batch_size=batch_size,
        )
        self._load(
            asked,
            tokenizer=tokenizer,
            device=device,
            trust_remote_code=trust_remote_code,
        )
        self.text = text
        self._prepare()

    def _prepare(self) -> None:
        """Everything that is asked of the model and its tokenizer, once."""
        asked = self._question
        self.replacement = choose_replacement(asked.replacement, self.model.tokenizer)
        self.neutral = (
            readable(asked.neutral, "neutral")
            if self.replacement == "neutral"
            else None
        )
        self.windows: Windows | None = None
        if asked.windows:
            self._read_by_windows()
        else:
            self._read_whole()
        self.unit = self.objective.unit
        self.outputs = self.objective.outputs
        self._unit_of_text = asked.unit if asked.spans is None else "span"
        candidates = [
            Candidate(self.text[start:end], self._unit_of_text, (start, end))
            for start, end in self._spans
        ]
        with self.model.explained():
            self._together, passes = self._seen_together(len(candidates))
        self._setup_passes = self._loading + self._asked_once + passes
        fingerprint, self.unknown = self._identity(anew=False)
        self._take(candidates, fingerprint)

    def _read_whole(self) -> None:
        """Lay out a text that is read at once, and see what is watched."""
        from spexlens.lenses.text.layout import lay_out
        from spexlens.models.objectives.choice import objective_for
        from spexlens.models.objectives.completions import completion_of
        from spexlens.models.reading import read

        asked = self._question
        model = self.model
        layout = lay_out(
            model,
            self.text,
            completion_of(model, asked.target),
            unit=asked.unit,
            spans=asked.spans,
            template=asked.template,
            chat=asked.chat,
        )
        self._spans = layout.spans
        self._counts: list[int] = np.bincount(layout.owner[layout.owner >= 0]).tolist()
        self._note = layout.reading.note
        self._tokens = ablatable(model, layout, self.replacement, asked.neutral)
        self._longest = self._tokens.longest
        model.refuse_longer_than_window(
            self._longest, "the text with what stands in for it", parted=True
        )
        self._refuse_what_cannot_be_read(layout, self._tokens)
        against = None
        if asked.foil is not None and model.kind == "causal":
            other = completion_of(model, asked.foil)
            rendered = layout.surrounded.rendered
            against = read(model, layout.surrounded.whole, other, rendered=rendered)
        with model.explained():
            self.objective = objective_for(
                model,
                asked.objective,
                asked.target,
                asked.foil,
                [layout.reading],
                self.text,
                against,
            )
        self._asked_once = int(model.kind != "causal")
        self._unknown_words = unknown_words(
            model, layout.reading, layout.surrounded.whole
        )
        self._answered = layout.reading.completion
        self.batch_size = asked.batch_size or model.rows_that_fit(
            self._longest, self._answered
        )

    def _read_by_windows(self) -> None:
        """Cut a text into windows, and see what is watched."""
        from spexlens.lenses.text.windows import cut_into_windows, readings_by_windows
        from spexlens.models.objectives.choice import objective_for

        asked = self._question
        model = self.model
        text = self.text
        self._refuse_without_windows()
        self.windows = cut_into_windows(
            model,
            text,
            unit=asked.unit,
            spans=asked.spans,
            replacement=self.replacement,
            neutral=asked.neutral,
        )
        self._spans = self.windows.spans
        self._counts = self.windows.counts()
        self._note = ""
        self._answered = 0
        for part in self.windows.parts:
            self._refuse_what_cannot_be_read(part.layout, part.tokens)
        readings = self.windows.readings
        queried: list[Reading] = []
        if model.kind == "encoder" and isinstance(asked.target, str):
            queried = readings_by_windows(model, readable(asked.target, "the query"))
        with model.explained():
            self.objective = objective_for(
                model,
                asked.objective,
                asked.target,
                asked.foil,
                readings,
                text,
                queried=queried,
            )
        self._asked_once = len(queried) or len(readings)
        known = [
            unknown_words(model, part.layout.reading, part.layout.surrounded.whole)
            for part in self.windows.parts
        ]
        self._unknown_words = None
        if None not in known:
            self._unknown_words = list(
                dict.fromkeys(word for words in known for word in words or ())
            )
        self._longest = self.windows.longest
        self.batch_size = asked.batch_size or max(
            1, model.rows_that_fit(self._longest) // len(self.windows)
        )

    def _refuse_without_windows(self) -> None:
        """InvalidInput where a text is not read by windows."""
        asked = self._question
        if self.model.kind == "causal":
            raise InvalidInput(
                "a causal model reads all of a text before it answers: "
                f"{named('windows', True)} is for classifiers and encoders"
            )
        if asked.chat or asked.template != "{text}":
            raise InvalidInput(
                f"{named('windows', True)} goes without a template and without chat,"
                " which surround a text that is read at once"
            )

    def _seen_together(self, count: int) -> "tuple[Together, int]":
        """Which rows may share a forward pass, seen on everything, nothing and two
        random halves kept.
        """
        from spexlens.models.rows import steady, together_as

        masks = np.concatenate(
            [
                np.ones((1, count), np.bool_),
                np.zeros((1, count), np.bool_),
                uniform(count, 2, seed=0),
            ]
        )
        rows = self._tried(masks)
        answers: list[NDArray[np.float64]] = []

        def ask(chosen: NDArray[np.int64]) -> NDArray[np.float64]:
            answers.append(self._asked(rows.take(chosen)))
            return answers[-1]

        together, passes = together_as(ask, rows.lengths, self.model.rounding)
        self.deterministic = steady(
            answers[0], self._asked(rows.take(np.array([0]))), self.model.rounding
        )
        if (
            self.replacement == "attention"
            and np.array_equal(answers[0], answers[1])
            and len(rows.lengths) > 1
        ):
            raise InvalidInput(
                f"{type(self.model.model).__name__} takes no notice of what is hidden"
                " from attention: choose another replacement"
            )
        return (
            "one length" if self.model.ahead and together == "padded" else together
        ), passes + 1

    def _tried(self, masks: NDArray[np.bool_]) -> "Rows":
        """The rows that see how rows go together; of windows those of the longest and
        of the shortest.
        """
        if self.windows is None:
            return self._tokens.rows(masks, pad=self.model.padding).distinct()[0]
        return self.windows.extremes().rows(masks, pad=self.model.padding)[0]

    def value(self, masks: NDArray[np.bool_]) -> NDArray[np.float64]:
        """The objective for each mask: (m, n) bool -> (m,) or (m, k) float64.

        Masks that lead to the same input share one row of the forward pass; of windows
        those that leave one alike share its row.
        """
        self._remark(len(masks))
        from spexlens.models.rows import answered

        if self.windows is None:
            rows, places = self._tokens.rows(masks, pad=self.model.padding).distinct()
        else:
            rows, places = self.windows.rows(masks, pad=self.model.padding)

        def ask(chosen: NDArray[np.int64]) -> NDArray[np.float64]:
            return self._asked(rows.take(chosen))

        found = answered(ask, rows.lengths, self._together, self._most)[places]
        return found if self.windows is None else self._answer_of(found.mean(axis=1))

    def _asked(self, rows: "Rows") -> NDArray[np.float64]:
        """The answers to rows that share a forward pass: (m,) or (m, k) float64.

        Of a text that is read by windows what the answer is computed from: (m, r).
        """
        batch = self.model.tensors(rows.arrays())
        if self.windows is None:
            return self.objective.measure(self.model, batch)
        import torch

        with torch.inference_mode():
            raw = self._averaged.raw(self.model, batch)
        return np.asarray(raw.cpu().numpy(), dtype=np.float64)

    def _answer_of(self, raw: NDArray[np.float64]) -> NDArray[np.float64]:
        """The answers that are computed from means over windows: (m, r) -> (m,) or (m,
        k) float64.
        """
        import torch

        return np.asarray(
            self._averaged.answer(torch.from_numpy(raw)).numpy(), dtype=np.float64
        )

    @property
    def _averaged(self) -> "AveragedObjective":
        """What is watched of a text that is read by windows."""
        return cast("AveragedObjective", self.objective)

    def _most(self, shortest: int, longest: int) -> int:
        """How many rows of such lengths fit; logits are read from the shortest one's
        completion on.
        """
        if not self._answered:
            return self.batch_size
        fit = self.model.rows_that_fit(longest, self._answered + longest - shortest)
        return min(self.batch_size, fit)

    def batches(
        self, masks: NDArray[np.bool_]
    ) -> "Iterator[tuple[NDArray[np.int64], Batch]]":
        """What the model reads, in batches that may share a forward pass: masks'
        numbers, and tensors.

        Raises:
            InvalidInput: the text is read by windows.
        """
        from spexlens.models.rows import divided

        self._refuse_windows()
        rows = self._tokens.rows(masks, pad=self.model.padding)
        for chosen in divided(rows.lengths, self._together, self._most):
            yield chosen, self.model.tensors(rows.take(chosen).arrays())

    @property
    def variants(self) -> tuple[str, ...]:  # type: ignore[override]
        """The other replacements that the tokenizer has."""
        return tuple(
            name
            for name in replacements_of(self.model.tokenizer)
            if name != self.replacement
        )

    def variant(self, name: str) -> "FeatureLens":
        """The same text with another replacement.

        Raises:
            InvalidInput: there is no such replacement.
        """
        return cast(FeatureLens, self._another(replacement=name))

    def with_text(self, text: str) -> "FeatureLens":
        """The same question about another text.

        Raises:
            InvalidInput, InputTooLong: as for this one.
        """
        target = self._resolved().target
        if self.model.kind == "encoder" and target is None:
            target = self.text
        lens = self._another(
            text=text,
            target=target,
            replacement=self.replacement,
            spans=None,
            batch_size=None,
        )
        return cast(FeatureLens, lens)

    def _resolved(self) -> FeatureRecipe:
        """What was asked for, a classifier's target by its position.

        A name might be another label's too.
        """
        if self.model.kind != "classifier":
            return self._question
        labels: list[int] = list(cast("LabelObjective", self.objective).indices)
        return replace(self._question, target=labels if len(labels) > 1 else labels[0])

    def batch(self, masks: NDArray[np.bool_]) -> "Batch":
        """What the model reads, a row a mask: tensors of shape (m, L), padded on the
        right.

        Raises:
            InvalidInput: the text is read by windows.
        """
        self._refuse_windows()
        return self.model.tensors(
            self._tokens.rows(masks, pad=self.model.padding).arrays()
        )

    inputs = 1

    def value_at(
        self,
        degrees: "torch.Tensor",
        number: int = 0,
        *,
        model: "HuggingFaceModel | None" = None,
        objective: "Objective | None" = None,
    ) -> "torch.Tensor":
        """The answer where each token's embedding is so far on the way from its
        stand-in's to its own.

        The stand-in's is zero where there is none for each token: with `neutral`,
        `delete` and `attention`.

        Args:
            degrees: (n,), 0 ablated, 1 kept.
            number: of the input, of which there is one.
            model: the same one, elsewhere.
            objective: what is watched instead; of what it reads, the text comes first.

        Returns:
            (k,) float64, differentiable.
        """
        model = model or self.model
        if self.windows is not None:
            return self._value_at_by_windows(degrees, model)
        watched = objective or self.objective
        return self._faded(
            self._tokens, degrees, model, lambda batch: watched(model, batch)
        ).reshape(-1)

    def _value_at_by_windows(
        self, degrees: "torch.Tensor", model: "HuggingFaceModel"
    ) -> "torch.Tensor":
        """`value_at`, window by window; what a gradient needs of one is computed again
        when it is asked for.
        """
        import torch
        from torch.utils.checkpoint import checkpoint

        assert self.windows is not None
        total: torch.Tensor | None = None
        for part in self.windows.parts:
            columns = torch.from_numpy(part.columns).to(degrees.device)

            def raw(degrees: "torch.Tensor", part: "Window" = part) -> "torch.Tensor":
                return self._faded(
                    part.tokens,
                    degrees,
                    model,
                    lambda batch: self._averaged.raw(model, batch),
                )

            found: torch.Tensor = checkpoint(raw, degrees[columns], use_reentrant=False)
            total = found if total is None else total + found
        assert total is not None
        return self._averaged.answer(total / len(self.windows)).reshape(-1)

    def _faded(
        self,
        tokens: "AblatableTokens | SpelledText",
        degrees: "torch.Tensor",
        model: "HuggingFaceModel",
        answer: "Callable[[Batch], torch.Tensor]",
    ) -> "torch.Tensor":
        """An answer, differentiable, to one row in which each token is there to its
        candidate's degree.

        Args:
            tokens: of which candidates are numbered as degrees are.
            degrees: (c,).
            model: that is asked.
            answer: to the row.
        """
        import torch

        everything = np.ones((1, max(1, len(degrees))), np.bool_)
        embedding = model.model.get_input_embeddings()
        away: torch.Tensor | float = 0.0
        if self.replacement in ("mask", "pad", "unk"):
            nothing = tokens.rows(~everything, pad=self.model.padding)
            with torch.no_grad():
                away = embedding(self.model.tensors(nothing.arrays())["input_ids"])
        owner = torch.from_numpy(tokens.kept_owners()).to(degrees.device)
        there = torch.ones(len(owner), dtype=degrees.dtype, device=degrees.device)
        if len(degrees):
            there = torch.where(owner >= 0, degrees[owner.clamp(min=0)], there)
        there = there[None, :, None]

        def blend(module: object, given: object, output: torch.Tensor) -> torch.Tensor:
            hook.remove()
            return away + there.to(output) * (output - away)

        rows = tokens.rows(everything, pad=self.model.padding)
        hook = embedding.register_forward_hook(blend)
        try:
            with model.explained():
                return answer(self.model.tensors(rows.arrays()))
        finally:
            hook.remove()

    @property
    def attributions(self) -> tuple[str, ...]:  # type: ignore[override]
        """Gradients, where what is watched has any."""
        return () if self.unit == "accuracy" else (GRADIENT, INTEGRATED)

    def attribute(self, method: str) -> Attribution:
        """Cheap scores of the candidates, by one of `attributions`."""
        return gradient_attribution(
            self, method, STEPS if method == INTEGRATED else None
        )

    def levels(self) -> list[Level]:
        """Paragraphs, sentences, phrases, then the candidates; of tokens words before
        those.
        """
        return levels_of(self.text, self.candidates)

    def costs(self, masks: NDArray[np.bool_]) -> NDArray[np.int64]:
        """(m,) int64, tokens read for each mask."""
        tokens = self._tokens if self.windows is None else self.windows
        return tokens.lengths(masks)

    def _refuse_windows(self) -> None:
        if self.windows is not None:
            raise InvalidInput(
                "a text that is read by windows is no single input: leave windows out,"
                " or explain it alone"
            )

    def facts(self) -> dict[str, Any]:
        """What was ablated, how, and what was watched."""
        return {
            "lens": "features",
            "model": self.model.title,
            "kind": self.model.kind,
            "text": self.text,
            "unit_of_text": self._unit_of_text,
            "target": self.objective.target,
            "foil": None if self._question.foil is None else str(self._question.foil),
            **self.objective.facts(),
            "unit": self.unit,
            "replacement": self.replacement,
            "variants": list(self.variants),
            "neutral": self.neutral,
            "template": self._question.template,
            "chat": self._question.chat,
            "mask_token": self.model.tokenizer.mask_token,
            "windows": None if self.windows is None else len(self.windows),
            "tokens": self._counts,
            "unknown": self._unknown_words,
            "about": about(self.model.name),
            "rows": self._together,
            "notes": self._notes(),
            "setup_passes": self._setup_passes,
            "device": str(self.model.device),
        }

    def _notes(self) -> list[str]:
        """What a person should know of how the text was read."""
        from spexlens.models.model import ANSWERS_AT_RANDOM, ATTENDS_TO_BOTH_SIDES

        notes = [self._note] if self._note else []
        if self.windows is not None:
            notes.append(self._said_of_windows())
        notes += [] if self.deterministic else [ANSWERS_AT_RANDOM]
        if self.model.ahead:
            notes.append(ATTENDS_TO_BOTH_SIDES)
        if self.model.kind == "encoder" and not self.model.sentence.said:
            notes.append(
                "no file beside the model says how it pools its tokens: the mean is"
                " taken"
            )
        return notes

    def _said_of_windows(self) -> str:
        """How a text that is longer than the model's window was read."""
        assert self.windows is not None
        count = len(self.windows)
        if count == 1:
            return "the text fits the model's window: it is read at once"
        return (
            f"the text was read in {count} windows of up to {self._longest} tokens,"
            " whatever is ablated in them; the answer is that of the mean of their"
            f" {self._averaged.averaged}, and one call asks for all of them"
        )

    def _refuse_what_cannot_be_read(
        self, layout: "Layout", tokens: "AblatableTokens | SpelledText"
    ) -> None:
        nothing = np.zeros((1, max(1, len(layout.spans))), np.bool_)
        completion = layout.reading.completion
        left = tokens.rows(nothing, pad=self.model.padding).attention.sum()
        if int(left) <= completion:
            template = "" if self._question.windows else "a template, or "
            raise InvalidInput(
                f"with replacement {self.replacement!r} nothing is left to read when"
                f" all is ablated; give {template}another replacement"
            )
        if not tokens.hidden:
            return
        if "attention_mask" not in self.model.accepts:
            raise InvalidInput(
                f"{type(self.model.model).__name__} has no attention mask to hide"
                " tokens with: choose another replacement"
            )
        if (
            self.model.kind != "encoder"
            and layout.owner[len(layout.owner) - completion - 1] >= 0
        ):
            raise InvalidInput(
                "replacement 'attention' cannot hide the last token, where the answer"
                " is read: give a template that ends in text, or another replacement"
            )

    def _identity(self, *, anew: bool) -> tuple[str | None, str | None]:
        """sha256 of everything that decides a value, or why it cannot be told."""
        from spexlens.models.fingerprint import told

        tokens = self._tokens if self.windows is None else self.windows
        return told(
            self.model,
            "features 2",
            tokens.identity(),
            self.objective.identity(),
            anew=anew,
        )


@FeatureRecipe.made_by
def feature_lens_of(recipe: FeatureRecipe) -> FeatureLens:
    """The lens that a recipe says how to make."""
    return FeatureLens(**recipe.arguments())


def _one_text(text: object) -> str:
    """The text, or InvalidInput with what to give instead."""
    if isinstance(text, PurePath):
        raise InvalidInput(
            "the text is a path: give what is in the file,"
            f" Path({str(text)!r}).read_text()"
        )
    if isinstance(text, bytes):
        raise InvalidInput("the text is bytes: give text.decode()")
    if isinstance(text, list | tuple):
        raise InvalidInput(
            f"a lens is of one text; got {len(text)}: explain_all([FeatureLens(model,"
            " text), ...]) explains several, and of a pair one is ablated while the"
            ' other is the template\'s, as in template="the other [SEP] {text}"'
            " with the tokenizer's own separator"
        )
    return readable(text, "the text")


def _refuse_empty(text: str) -> None:
    if not text.strip():
        raise InvalidInput("the text is empty")
