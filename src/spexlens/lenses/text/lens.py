"""The feature lens: ablate parts of a text, and watch a Hugging Face model."""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path, PurePath
from typing import TYPE_CHECKING, Any, cast

import numpy as np
from numpy.typing import NDArray

from spexlens.arguments import readable, yes_or_no
from spexlens.errors import InvalidInput
from spexlens.games.candidate import Candidate
from spexlens.games.levels import Level
from spexlens.keywords import keywords
from spexlens.lenses.of_model import OfModel, batch_size_of
from spexlens.lenses.text.recipe import FeatureRecipe
from spexlens.lenses.text.replacement import choose_replacement, replacements_of
from spexlens.lenses.text.units import levels_of
from spexlens.models.bundled import about

if TYPE_CHECKING:
    import torch
    from transformers import PreTrainedModel, PreTrainedTokenizerBase

    from spexlens.lenses.text.read_text import ReadText
    from spexlens.lenses.text.whole import WholeText
    from spexlens.lenses.text.windows import Windows
    from spexlens.models.kinds import Kind
    from spexlens.models.model import HuggingFaceModel
    from spexlens.models.objectives.labels import LabelObjective
    from spexlens.models.objectives.objective import Batch, Objective


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
        if objective is not None:
            objective = readable(objective, "the objective")
        if replacement is not None:
            replacement = readable(replacement, "the replacement")
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
        # These need torch, which is not imported before a model is.
        from spexlens.lenses.text.trial import try_rows
        from spexlens.lenses.text.whole import read_whole
        from spexlens.lenses.text.windowed import read_by_windows

        asked = self._question
        chosen = choose_replacement(asked.replacement, self.model.tokenizer)
        self._replacement = chosen
        self.neutral = readable(asked.neutral, "neutral") if chosen.spelled else None
        reads = read_by_windows if asked.windows else read_whole
        self._text_read: ReadText = reads(self.model, asked, chosen)
        self.batch_size = asked.batch_size or self._text_read.rows_at_once
        self.objective = self._text_read.objective
        self.unit = self.objective.unit
        self.outputs = self.objective.outputs
        self._unit_of_text = asked.unit if asked.spans is None else "span"
        candidates = [
            Candidate(self.text[start:end], self._unit_of_text, (start, end))
            for start, end in self._text_read.spans
        ]
        with self.model.explained():
            trial = try_rows(self._text_read, len(candidates))
        self._together = trial.together
        self.deterministic = trial.deterministic
        self._setup_passes = self._loading + self._text_read.asked + trial.passes
        fingerprint, self.unknown = self._identity(anew=False)
        self._take(candidates, fingerprint)

    @property
    def replacement(self) -> str:
        """The name of what stands for an ablated candidate."""
        return self._replacement.name

    @property
    def windows(self) -> "Windows | None":
        """The parts that the text is read by; None where it is read at once."""
        return self._text_read.windows

    def value(self, masks: NDArray[np.bool_]) -> NDArray[np.float64]:
        """The objective for each mask: (m, n) bool -> (m,) or (m, k) float64.

        Masks that lead to the same input share one row of the forward pass; of windows
        those that leave one alike share its row.
        """
        from spexlens.models.rows import answered

        self._remark(len(masks))
        rows, places = self._text_read.rows(masks)

        def ask(chosen: NDArray[np.int64]) -> NDArray[np.float64]:
            return self._text_read.measure(rows.take(chosen))

        measured = answered(ask, rows.lengths, self._together, self._rows_that_fit)
        return self._text_read.value(measured[places])

    def _rows_that_fit(self, shortest: int, longest: int) -> int:
        """How many rows of such lengths, in tokens, fit in one forward pass."""
        completion = self._text_read.completion
        if not completion:
            return self.batch_size
        # Logits, of a whole vocabulary a token, are kept from where the completion begins
        # in the shortest row.
        fit = self.model.rows_that_fit(longest, completion + longest - shortest)
        return min(self.batch_size, fit)

    def _whole(self) -> "WholeText":
        """The text as it is read at once.

        Raises:
            InvalidInput: it is read by windows.
        """
        if self.windows is not None:
            raise InvalidInput(
                "a text that is read by windows is no single input: leave windows out,"
                " or explain it alone"
            )
        return cast("WholeText", self._text_read)

    def batches(
        self, masks: NDArray[np.bool_]
    ) -> "Iterator[tuple[NDArray[np.int64], Batch]]":
        """What the model reads, in batches that may share a forward pass.

        Yields:
            The masks' numbers, (b,) int64, and tensors of a row each.

        Raises:
            InvalidInput: the text is read by windows.
        """
        from spexlens.models.rows import divided

        rows = self._whole().every_row(masks)
        for chosen in divided(rows.lengths, self._together, self._rows_that_fit):
            yield chosen, self.model.tensors(rows.take(chosen).arrays())

    @property
    def variants(self) -> tuple[str, ...]:  # type: ignore[override]
        """The other replacements that the tokenizer has."""
        return tuple(
            other.name
            for other in replacements_of(self.model.tokenizer)
            if other != self._replacement
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
        # An encoder's default target is the text itself, here the one that is explained.
        if self.model.kind == "encoder" and target is None:
            target = self.text
        lens = self._another(
            text=text,
            target=target,
            replacement=self.replacement,
            # Spans are of this text, and another may be much longer.
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
        """What the model reads, a row a mask: tensors (m, L), padded on the right.

        Raises:
            InvalidInput: the text is read by windows.
        """
        return self.model.tensors(self._whole().every_row(masks).arrays())

    inputs = 1

    def value_at(
        self,
        degrees: "torch.Tensor",
        number: int = 0,
        *,
        model: "HuggingFaceModel | None" = None,
        objective: "Objective | None" = None,
    ) -> "torch.Tensor":
        """The answer where candidates are there to a degree.

        Each token's embedding is so far on the way from its stand-in's to its own. The
        stand-in's is zero where there is none for each token: with `neutral`, `delete`
        and `attention`.

        Args:
            degrees: (n,), 0 ablated, 1 kept.
            number: of the input, of which there is one.
            model: the same one, elsewhere.
            objective: what is watched instead; of what it reads, the text comes first.

        Returns:
            (k,) float64, differentiable.
        """
        return self._text_read.value_at(
            degrees, model or self.model, objective or self.objective
        )

    def levels(self) -> list[Level]:
        """Paragraphs, sentences, phrases, of tokens words, then the candidates."""
        return levels_of(self.text, self.candidates)

    def costs(self, masks: NDArray[np.bool_]) -> NDArray[np.int64]:
        """(m,) int64, tokens read for each mask."""
        return self._text_read.lengths(masks)

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
            "tokens": self._text_read.counts,
            "unknown": self._text_read.unknown_words,
            "about": about(self.model.name),
            "rows": self._together,
            "notes": self._notes(),
            "setup_passes": self._setup_passes,
            "device": str(self.model.device),
        }

    def _notes(self) -> list[str]:
        """What a person should know of how the text was read."""
        from spexlens.models.model import ANSWERS_AT_RANDOM, ATTENDS_TO_BOTH_SIDES

        notes = self._text_read.notes()
        if not self.deterministic:
            notes.append(ANSWERS_AT_RANDOM)
        if self.model.ahead:
            notes.append(ATTENDS_TO_BOTH_SIDES)
        if self.model.kind == "encoder" and not self.model.sentence.said:
            notes.append(
                "no file beside the model says how it pools its tokens: the mean is"
                " taken"
            )
        return notes

    def _identity(self, *, anew: bool) -> tuple[str | None, str | None]:
        """sha256 of everything that decides a value, or why it cannot be told."""
        from spexlens.models.fingerprint import told

        return told(
            self.model,
            "features 2",  # counted up when values are computed otherwise
            self._text_read.identity(),
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
