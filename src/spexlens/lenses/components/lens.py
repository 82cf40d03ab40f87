"""The mechanistic lens: switch off components of a model, and watch its answer."""

from collections.abc import Iterable, Sequence
from contextlib import ExitStack
from dataclasses import asdict, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import numpy as np
from numpy.typing import NDArray

from spexlens.arguments import readable, several, whole_number, yes_or_no
from spexlens.errors import InvalidInput
from spexlens.games.candidate import Candidate
from spexlens.games.levels import Level, finest, gathered, nested
from spexlens.keywords import keywords
from spexlens.lenses.components.ablation import KNOWN, ZERO, choose_ablation
from spexlens.lenses.components.names import select
from spexlens.lenses.components.recipe import MechanisticRecipe
from spexlens.lenses.of_model import OfModel, batch_size_of
from spexlens.lenses.screening.gradients import PATCHING
from spexlens.models.architectures import architecture_of, layers_of

if TYPE_CHECKING:
    import torch
    from transformers import PreTrainedModel, PreTrainedTokenizerBase

    from spexlens.lenses.components.names import Kind as ComponentKind
    from spexlens.lenses.components.switches import Switchboard
    from spexlens.models.architectures import Layer
    from spexlens.models.kinds import Kind
    from spexlens.models.model import HuggingFaceModel


class MechanisticLens(OfModel):
    """The components of a model, and what it answers when only some are kept.

    Ablations: `zero` puts zeros in a component's place; `mean` its mean over all tokens
    of reference prompts, `position mean` its mean over them at each position;
    `resample` what it is on a counterfactual prompt of the same length. `restore` is
    the other direction: the model reads the counterfactual, and a component that is
    kept is set to what it is on the input, so that nothing kept is the corrupted run.
    Of components in series, resampling shows that all are needed (an AND), restoring
    that any is enough (an OR): Heimersheim & Nanda, "How to use and interpret
    activation patching" (2024).

    What is ablated: of a head, its slice of what enters the attention's output
    projection (whose bias stays); of an MLP, what leaves its last projection; of a
    neuron, its entry of what enters that; of a layer, what it adds to the residual
    stream; of a position, the residual stream after the layer at that token. A kept
    component is computed anew from what the ablated ones left (but for `restore`).

    One forward pass serves a batch of masks, each row with its own; the layers before
    the first candidate's are computed for one row, where the model allows it. The hooks
    are there only while a value is computed; the model's weights are never touched.
    """

    gradient = PATCHING
    part = "components"
    recipe: MechanisticRecipe | None
    _question: MechanisticRecipe

    @keywords()
    def __init__(
        self,
        model: "str | Path | PreTrainedModel | HuggingFaceModel",
        inputs: str | Sequence[str],
        *,
        components: str | Iterable[str] = "heads",
        layers: Iterable[int] | None = None,
        ablation: str | None = None,
        reference: Sequence[str] | None = None,
        counterfactual: str | Sequence[str] | None = None,
        rescale: bool = False,
        target: str | int | Sequence[str | int] | None = None,
        foil: str | int | Sequence[str | int] | None = None,
        objective: str | None = None,
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
            inputs: a prompt, or several: then the value is the mean over them.
            components: "heads", "mlps", "neurons", "layers" or "residual" (positions of
                the residual stream), names such as "L3.H7", "L2.MLP", "L5.MLP[1203]",
                "L4" and "L1.RESID[6]", or several of these.
            layers: the layers of the kinds named; by default all.
            ablation: one of `ABLATIONS`; by default "resample" with a counterfactual,
                "mean" with a reference, else "zero".
            reference: for the means, prompts; by default the inputs, if there are
                several.
            counterfactual: for "resample" and "restore", a prompt of as many tokens for
                each input.
            rescale: with "zero", multiply the heads kept in a layer by |heads| / |heads
                kept|.
            target: a classifier's label or labels, a causal model's completion (by
                default the token it predicts), or a text whose embedding, by the same
                ablated model, an encoder's is compared with (by default the unablated
                model's embedding of the input). With several inputs, one for all or one
                for each.
            foil: for "logit difference", the label or the one-token completion compared
                with; one for all inputs or one for each.
            objective: as for `FeatureLens`.
            tokenizer, kind, revision, device, trust_remote_code: see
                `models.huggingface.load`.
            batch_size: rows a forward pass; by default what suits the length.

        Raises:
            InvalidInput, UnknownLabel, InputTooLong, ModelError, MissingExtra: one line
                that says what is wrong and what to do.
        """
        batch_size = batch_size_of(batch_size)
        if not isinstance(components, str):
            components = several(components, "components")
        if layers is not None:
            numbers = several(layers, "layers")
            layers = [whole_number(number, "a layer") for number in numbers]
        if reference is not None and not isinstance(reference, str):
            reference = several(reference, "reference")
        if objective is not None:
            objective = readable(objective, "the objective")
        rescale = yes_or_no(rescale, "rescale")
        self._ablation = choose_ablation(
            ablation, inputs, reference, counterfactual, rescale
        )
        self.rescale = rescale
        asked = MechanisticRecipe(
            model=model,
            inputs=inputs,
            components=components,
            layers=layers,
            ablation=ablation,
            reference=reference,
            counterfactual=counterfactual,
            rescale=rescale,
            target=target,
            foil=foil,
            objective=objective,
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
        self._prepare()

    def _prepare(self) -> None:
        """Everything that is asked of the model, once."""
        from spexlens.lenses.components.placement import refuse_misplaced
        from spexlens.lenses.components.prompts import behaviours_of
        from spexlens.lenses.components.switches import sizes_of

        asked = self._question
        blocks = layers_of(self.model.model)
        self.behaviours = behaviours_of(
            self.model,
            asked.inputs,
            target=asked.target,
            foil=asked.foil,
            objective=asked.objective,
            counterfactual=asked.counterfactual,
        )
        first = self.behaviours[0]
        # Until it is seen how rows go together, each goes alone.
        self._shared = 0
        self.apart = True
        sizes = sizes_of(self.model, blocks, first.clean)
        # A position behind the last token that is read could change no answer.
        readable_sizes = [size | {"position": first.read} for size in sizes]
        self.components = select(asked.components, asked.layers, readable_sizes)
        refuse_misplaced(
            self.model,
            self.behaviours,
            self.components,
            self._ablation,
            rescale=self.rescale,
        )
        self.switchboard = self._wired(blocks, sizes)
        self.unit = first.objective.unit
        self.outputs = first.objective.outputs
        self.batch_size = asked.batch_size or self._rows_that_fit()
        fingerprint, self.unknown = self._identity(anew=False)
        self._take(self._named(), fingerprint)
        self._first = blocks[self._untouched].whole
        with self.model.explained():
            self.apart, self._shared, self._tries = self._seen_together()

    def _rows_that_fit(self) -> int:
        """Rows that suit a forward pass, by the longest prompt."""
        longest = max(behaviour.length for behaviour in self.behaviours)
        return self.model.rows_that_fit(longest, self.behaviours[0].completion)

    def _wired(
        self, blocks: "Sequence[Layer]", sizes: "list[dict[ComponentKind, int]]"
    ) -> "Switchboard":
        """The switches of the components, with what goes on where one is off."""
        from spexlens.lenses.components.stand_ins import references_of, stand_ins
        from spexlens.lenses.components.switches import Switchboard, switches_of

        asked = self._question
        switches = switches_of(self.components, blocks, sizes, self.model.device)
        prompts = asked.inputs if asked.reference is None else asked.reference
        self._references = references_of(self.model, prompts, self._ablation)
        sites = [switch.site for switch in switches]
        instead = stand_ins(
            self.model, self._ablation, sites, self.behaviours, self._references
        )
        return Switchboard(
            self.model,
            switches,
            instead,
            rescale=self.rescale,
            restoring=self.restoring,
        )

    def value(self, masks: NDArray[np.bool_]) -> NDArray[np.float64]:
        """The mean objective over the inputs: (m, n) bool -> (m,) or (m, k) float64."""
        self._remark(len(masks))
        if self.apart:
            return np.concatenate([self._answers(mask[None]) for mask in masks])
        return self._answers(masks)

    def _answers(self, masks: NDArray[np.bool_]) -> NDArray[np.float64]:
        """The values of masks that share forward passes."""
        from spexlens.models.hooks import widened

        answers = []
        for number, behaviour in enumerate(self.behaviours):
            # Layers that are shared are computed for one row, which is widened behind.
            rows = 1 if self._shared else len(masks)
            batch = behaviour.rows(rows, corrupted=self.restoring)
            with ExitStack() as hooks:
                if self._shared:
                    hooks.enter_context(widened(self._first, len(masks)))
                hooks.enter_context(self.switchboard.ablated(masks, number))
                answers.append(behaviour.objective.measure(self.model, batch))
        return np.asarray(np.mean(answers, axis=0))

    def _resolved(self) -> MechanisticRecipe:
        """What was asked for, the target as it was found.

        A name might be another label's too, and another prompt's next token another.
        """
        if self.model.kind == "encoder":
            return self._question
        watched = [behaviour.watched for behaviour in self.behaviours]
        target = watched[0] if isinstance(self._question.inputs, str) else watched
        return replace(self._question, target=cast(Any, target))

    @property
    def variants(self) -> tuple[str, ...]:  # type: ignore[override]
        """The other ablations that need nothing that this lens was not given."""
        asked = self._question
        several = not isinstance(asked.inputs, str) and len(asked.inputs) > 1
        references = asked.reference is not None or several
        pairs = asked.counterfactual is not None
        return tuple(
            other.name
            for other in KNOWN.values()
            if other.is_variant(references=references, pairs=pairs)
            and other != self._ablation
        )

    def variant(
        self,
        name: str,
        *,
        reference: Sequence[str] | None = None,
        counterfactual: str | Sequence[str] | None = None,
    ) -> "MechanisticLens":
        """The same components ablated in another way.

        Args:
            name: one of `ABLATIONS`.
            reference, counterfactual: what it needs, if this lens was not given it.

        Raises:
            InvalidInput: there is no such ablation, or it needs more.
        """
        asked = self._question
        other = KNOWN.get(name, ZERO)  # an unknown one is refused where it is chosen
        lens = self._another(
            ablation=name,
            rescale=False,  # which goes with zeros alone
            reference=(reference or asked.reference) if other.averages else None,
            counterfactual=(
                (counterfactual or asked.counterfactual) if other.swaps else None
            ),
        )
        return cast(MechanisticLens, lens)

    def with_text(self, text: str) -> "MechanisticLens":
        """The same question about another prompt, to be asked with everything kept.

        Raises:
            InvalidInput, InputTooLong: as for this one.
        """
        if not isinstance(self._question.inputs, str):
            raise InvalidInput(
                "ordinary inputs are asked the question of one prompt: this lens has"
                " several"
            )
        target = self._resolved().target
        # An encoder's default target is the prompt, here the one that is explained.
        if self.model.kind == "encoder" and target is None:
            target = self._question.inputs
        lens = self._another(
            inputs=text,
            target=target,
            # With everything kept none matters, and this one needs nothing.
            ablation=ZERO.name,
            reference=None,
            counterfactual=None,
            rescale=False,
        )
        return cast(MechanisticLens, lens)

    @property
    def inputs(self) -> int:
        """The number of prompts."""
        return len(self.behaviours)

    def value_at(self, degrees: "torch.Tensor", number: int = 0) -> "torch.Tensor":
        """A prompt's answer where components are there to a degree.

        Each is so far on the way from its stand-in to what it is.

        Args:
            degrees: (n,), 0 ablated, 1 kept.
            number: of the prompt.

        Returns:
            (k,) float64, differentiable.
        """
        behaviour = self.behaviours[number]
        with self.switchboard.faded(degrees, number), self.model.explained():
            batch = behaviour.rows(1, corrupted=self.restoring)
            return behaviour.objective(self.model, batch).reshape(-1)

    def levels(self) -> list[Level]:
        """Layers, and what is ablated in them."""
        names = [f"L{component.layer}" for component in self.components]
        layers = gathered(
            "layer", names, lambda group: Candidate(names[group[0]], "layer")
        )
        return nested([layers, finest(self.candidates)])

    @property
    def passes(self) -> int:
        """Forward passes for each batch of masks."""
        return sum(behaviour.passes for behaviour in self.behaviours)

    @property
    def ablation(self) -> str:
        """The name of what goes on where a component is ablated."""
        return self._ablation.name

    @property
    def restoring(self) -> bool:
        """Whether the model reads the counterfactual, and kept components are restored."""
        return self._ablation.restores

    @property
    def _untouched(self) -> int:
        """How many layers come before the first candidate's."""
        return min(component.layer for component in self.components)

    def _seen_together(self) -> tuple[bool, int, int]:
        """Whether rows go apart, how many layers they share, and the passes to see it.

        The layers before the first candidate's are computed for one row, if the model
        answers the same then. Some do not: a decoder that classifies answers as many
        rows as there were rows of tokens. This is also where a model that cannot read
        its input says so.
        """
        from spexlens.models.rows import agree, steady

        corners = np.array([[True], [False], [True]]).repeat(self.n, axis=1)
        rows = np.arange(3)
        close = self.model.rounding
        # The third mask is the first again: it is asked for once.
        apart = [self._answers(mask[None]) for mask in corners[:2]]
        alone = np.concatenate(apart)[[0, 1, 0]]
        self.deterministic = steady(alone[:1], self._answers(corners[:1]), close)

        def ask(chosen: NDArray[np.int64]) -> NDArray[np.float64]:
            return self._answers(corners[chosen])

        if not agree(ask, rows, alone, close):
            return True, 0, 4
        if not self._untouched:
            return False, 0, 4
        self._shared = self._untouched
        agreed = agree(ask, rows, alone, close)
        return False, self._shared if agreed else 0, 5

    def facts(self) -> dict[str, Any]:
        """What was ablated, how, and what was watched."""
        behaviours = self.behaviours
        targets = _distinct(behaviour.objective.target for behaviour in behaviours)
        foils = _distinct(behaviour.foil for behaviour in behaviours if behaviour.foil)
        facts: dict[str, Any] = {
            "lens": "mechanistic",
            "model": self.model.title,
            "kind": self.model.kind,
            "target": _one_or_count(targets, "targets"),
            "foil": _one_or_count(foils, "foils") if foils else None,
            "unit": self.unit,
            "ablation": self.ablation,
            "variants": list(self.variants),
            "rescale": self.rescale,
            "references": len(self._references),
            "setup_passes": self._setup_passes(),
            "shared_layers": self._shared,
            "rows": "one at a time" if self.apart else "padded",
            "notes": self._notes(),
            "passes_a_batch": self.passes,
            "device": str(self.model.device),
        }
        if len(behaviours) > 1:
            facts["texts"] = [behaviour.text for behaviour in behaviours]
            facts["counterfactuals"] = [
                behaviour.counterfactual for behaviour in behaviours
            ]
            return facts
        only = behaviours[0]
        facts["text"] = only.text
        facts["counterfactual"] = only.counterfactual
        return facts | only.objective.facts()

    def _setup_passes(self) -> int:
        """Forward passes that making the lens took."""
        sizing = 1  # see `sizes_of`
        asking = sum(behaviour.asked for behaviour in self.behaviours)
        trying = sum(self._tries * behaviour.passes for behaviour in self.behaviours)
        collecting = len(self._references)
        if self._ablation.swaps:
            collecting = len(self.behaviours)
        return self._loading + sizing + asking + trying + collecting

    def _notes(self) -> list[str]:
        """What a person should know of how the prompts were read."""
        from spexlens.models.model import ANSWERS_AT_RANDOM, ATTENDS_TO_BOTH_SIDES

        notes = [] if self.deterministic else [ANSWERS_AT_RANDOM]
        notes += _distinct(
            behaviour.note for behaviour in self.behaviours if behaviour.note
        )
        if self.model.ahead:
            notes.append(ATTENDS_TO_BOTH_SIDES)
        return notes

    def _named(self) -> list[Candidate]:
        """The components as candidates; a position of a single prompt shows its token."""
        tokens: list[int] = []
        if len(self.behaviours) == 1:
            tokens = self.behaviours[0].clean["input_ids"][0].tolist()
        candidates = []
        for component in self.components:
            label = component.name
            if component.kind == "position" and tokens:
                token = self.model.tokenizer.decode([tokens[component.index]])
                label += f" {token!r}"
            candidates.append(Candidate(label, component.kind))
        return candidates

    def _identity(self, *, anew: bool) -> tuple[str | None, str | None]:
        """sha256 of everything that decides a value, or why it cannot be told."""
        from spexlens.models.fingerprint import told

        return told(
            self.model,
            "mechanistic 2",  # counted up when values are computed otherwise
            asdict(architecture_of(self.model.model)),
            [component.name for component in self.components],
            [self.ablation, self.rescale],
            [
                [*behaviour.tokens(), behaviour.objective.identity()]
                for behaviour in self.behaviours
            ],
            [batch["input_ids"][0].tolist() for batch in self._references],
            anew=anew,
        )


def _distinct(names: Iterable[str]) -> list[str]:
    """Each once, in order."""
    return list(dict.fromkeys(names))


def _one_or_count(names: Sequence[str], what: str) -> str:
    """A name where there is one, else how many there are."""
    return names[0] if len(names) == 1 else f"{len(names)} {what}"


@MechanisticRecipe.made_by
def mechanistic_lens_of(recipe: MechanisticRecipe) -> MechanisticLens:
    """The lens that a recipe says how to make."""
    return MechanisticLens(**recipe.arguments())
