"""The mechanistic lens: switch off attention heads, MLPs, neurons or layers, and watch
the model.
"""

from collections.abc import Iterable, Sequence
from contextlib import ExitStack
from dataclasses import asdict, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import numpy as np
from numpy.typing import NDArray

from spexlens.arguments import named, readable, several, whole_number, yes_or_no
from spexlens.errors import InvalidInput
from spexlens.games.candidate import Candidate
from spexlens.games.levels import Level, finest, gathered, nested
from spexlens.keywords import keywords
from spexlens.lenses.components.names import ablation_of, select
from spexlens.lenses.components.recipe import MechanisticRecipe
from spexlens.lenses.of_model import OfModel, batch_size_of
from spexlens.lenses.screening.attribution import Attribution
from spexlens.lenses.screening.gradients import (
    INTEGRATED,
    PATCHING,
    STEPS,
    gradient_attribution,
)
from spexlens.models.architectures import architecture_of, layers_of

if TYPE_CHECKING:
    import torch
    from transformers import PreTrainedModel, PreTrainedTokenizerBase

    from spexlens.models.kinds import Kind
    from spexlens.models.model import HuggingFaceModel


class MechanisticLens(OfModel):
    """The components of a model, and what it answers about its inputs when only some
    are kept.

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
        components = (
            components
            if isinstance(components, str)
            else several(components, "components")
        )
        if layers is not None:
            layers = [
                whole_number(layer, "a layer") for layer in several(layers, "layers")
            ]
        if reference is not None and not isinstance(reference, str):
            reference = several(reference, "reference")
        objective = None if objective is None else readable(objective, "the objective")
        rescale = yes_or_no(rescale, "rescale")
        self.ablation = ablation_of(
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
        from spexlens.lenses.components.prompts import behaviours_of, encode
        from spexlens.lenses.components.stand_ins import stand_ins
        from spexlens.lenses.components.switches import (
            Switchboard,
            sizes_of,
            switches_of,
        )

        asked = self._question
        reference = self._question.reference
        blocks = layers_of(self.model.model)
        self.behaviours = behaviours_of(
            self.model,
            asked.inputs,
            target=asked.target,
            foil=asked.foil,
            objective=asked.objective,
            counterfactual=self._question.counterfactual,
        )
        first = self.behaviours[0]
        self._shared = 0
        self.apart = True
        sizes = sizes_of(self.model, blocks, first.clean)
        self.components = select(
            asked.components,
            asked.layers,
            [size | {"position": first.read} for size in sizes],
        )
        self._refuse_misplaced()
        switches = switches_of(self.components, blocks, sizes, self.model.device)
        texts = (
            ()
            if "mean" not in self.ablation
            else (asked.inputs if reference is None else reference)
        )
        self._references = [
            self.model.tensors(encode(self.model, text).arrays()) for text in texts
        ]
        sites = [switch.site for switch in switches]
        instead = stand_ins(
            self.model, self.ablation, sites, self.behaviours, self._references
        )
        self.switchboard = Switchboard(
            self.model,
            switches,
            instead,
            rescale=self.rescale,
            restoring=self.restoring,
        )
        self.unit = first.objective.unit
        self.outputs = first.objective.outputs
        longest = max(behaviour.length for behaviour in self.behaviours)
        self.batch_size = asked.batch_size or self.model.rows_that_fit(
            longest, first.completion
        )
        fingerprint, self.unknown = self._identity(anew=False)
        self._take(self._named(), fingerprint)
        self._first = blocks[self._untouched].whole
        with self.model.explained():
            self.apart, self._shared, self._tries = self._seen_together()

    def value(self, masks: NDArray[np.bool_]) -> NDArray[np.float64]:
        """The objective for each mask, its mean over the inputs: (m, n) bool -> (m,) or
        (m, k) float64.
        """
        self._remark(len(masks))
        if self.apart:
            return np.concatenate([self._answers(mask[None]) for mask in masks])
        return self._answers(masks)

    def _answers(self, masks: NDArray[np.bool_]) -> NDArray[np.float64]:
        """The values of masks that share forward passes."""
        from spexlens.models.hooks import widened

        answers = []
        for number, behaviour in enumerate(self.behaviours):
            batch = behaviour.rows(
                1 if self._shared else len(masks), corrupted=self.restoring
            )
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
        several = (
            not isinstance(self._question.inputs, str)
            and len(self._question.inputs) > 1
        )
        means = self._question.reference is not None or several
        pairs = self._question.counterfactual is not None
        names = [
            "zero",
            *(["mean"] if means else []),
            *(["resample", "restore"] if pairs else []),
        ]
        return tuple(name for name in names if name != self.ablation)

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
        needed: dict[str, Any] = {"reference": None, "counterfactual": None}
        if "mean" in name:
            needed["reference"] = reference or self._question.reference
        if name in ("resample", "restore"):
            needed["counterfactual"] = counterfactual or self._question.counterfactual
        lens = self._another(ablation=name, rescale=False, **needed)
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
        if self.model.kind == "encoder" and target is None:
            target = self._question.inputs
        lens = self._another(
            inputs=text,
            target=target,
            ablation="zero",
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
        """A prompt's answer with each component so far on the way from its stand-in to
        what it is.

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

    @property
    def attributions(self) -> tuple[str, ...]:  # type: ignore[override]
        """Gradients, where what is watched has any."""
        return () if self.unit == "accuracy" else (PATCHING, INTEGRATED)

    def attribute(self, method: str) -> Attribution:
        """Cheap scores of the candidates, by one of `attributions`."""
        return gradient_attribution(
            self, method, STEPS if method == INTEGRATED else None
        )

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
    def restoring(self) -> bool:
        """Whether the model reads the counterfactual, and what is kept is set to what
        it is on the input.
        """
        return self.ablation == "restore"

    @property
    def _untouched(self) -> int:
        """How many layers come before the first candidate's."""
        return min(component.layer for component in self.components)

    def _seen_together(self) -> tuple[bool, int, int]:
        """Whether each row needs a pass of its own, how many layers rows share, and the
        passes to see it.

        The layers before the first candidate's are computed for one row, if the model
        answers the same then. Some do not: a decoder that classifies answers as many
        rows as there were rows of tokens. This is also where a model that cannot read
        its input says so.
        """
        from spexlens.models.rows import agree, steady

        corners = np.array([[True], [False], [True]]).repeat(self.n, axis=1)
        every = np.arange(3)
        close = self.model.rounding
        alone = np.concatenate([self._answers(mask[None]) for mask in corners[:2]])[
            [0, 1, 0]
        ]
        self.deterministic = steady(alone[:1], self._answers(corners[:1]), close)

        def ask(rows: NDArray[np.int64]) -> NDArray[np.float64]:
            return self._answers(corners[rows])

        if not agree(ask, every, alone, close):
            return True, 0, 4
        if not self._untouched:
            return False, 0, 4
        self._shared = self._untouched
        return False, self._shared if agree(ask, every, alone, close) else 0, 5

    def facts(self) -> dict[str, Any]:
        """What was ablated, how, and what was watched."""
        targets = list(
            dict.fromkeys(behaviour.objective.target for behaviour in self.behaviours)
        )
        foils = list(
            dict.fromkeys(
                behaviour.foil for behaviour in self.behaviours if behaviour.foil
            )
        )
        facts: dict[str, Any] = {
            "lens": "mechanistic",
            "model": self.model.title,
            "kind": self.model.kind,
            "target": targets[0] if len(targets) == 1 else f"{len(targets)} targets",
            "foil": (
                foils[0]
                if len(foils) == 1
                else f"{len(foils)} foils"
                if foils
                else None
            ),
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
        for name in ("text", "counterfactual"):
            said = [getattr(behaviour, name) for behaviour in self.behaviours]
            facts[name if len(said) == 1 else f"{name}s"] = (
                said[0] if len(said) == 1 else said
            )
        if len(self.behaviours) == 1:
            facts |= self.behaviours[0].objective.facts()
        return facts

    def _setup_passes(self) -> int:
        """Forward passes that making the lens took."""
        behaviours = self.behaviours
        collecting = len(self._references)
        if self.ablation in ("resample", "restore"):
            collecting = len(behaviours)
        return (
            self._loading
            + 1
            + sum(b.asked + self._tries * b.passes for b in behaviours)
            + collecting
        )

    def _notes(self) -> list[str]:
        """What a person should know of how the prompts were read."""
        from spexlens.models.model import ANSWERS_AT_RANDOM, ATTENDS_TO_BOTH_SIDES

        notes = [] if self.deterministic else [ANSWERS_AT_RANDOM]
        notes += list(
            dict.fromkeys(
                behaviour.note for behaviour in self.behaviours if behaviour.note
            )
        )
        if self.model.ahead:
            notes.append(ATTENDS_TO_BOTH_SIDES)
        return notes

    def _named(self) -> list[Candidate]:
        """The components as candidates; a position of a single prompt shows its token."""
        tokens = (
            self.behaviours[0].clean["input_ids"][0].tolist()
            if len(self.behaviours) == 1
            else []
        )
        labels = [component.name for component in self.components]
        for place, component in enumerate(self.components):
            if component.kind == "position" and tokens:
                labels[place] += (
                    f" {self.model.tokenizer.decode([tokens[component.index]])!r}"
                )
        return [
            Candidate(label, component.kind)
            for label, component in zip(labels, self.components, strict=True)
        ]

    def _refuse_misplaced(self) -> None:
        """Positions, and the heads that rescaling is for."""
        kinds = {component.kind for component in self.components}
        lengths = {behaviour.length for behaviour in self.behaviours}
        paired = any(behaviour.passes > 1 for behaviour in self.behaviours)
        if "position" in kinds and (len(lengths) > 1 or paired):
            what = (
                "and their queries"
                if paired
                else f"of {min(lengths)} to {max(lengths)} tokens"
            )
            raise InvalidInput(
                f"inputs {what} have no positions in common; give inputs of one length"
            )
        if paired and self.ablation == "position mean":
            raise InvalidInput(
                "a text and its query share no positions; use mean, or give no target"
            )
        placed = self.ablation in ("position mean", "resample", "restore")
        if self.model.ahead and (placed or "position" in kinds):
            raise InvalidInput(
                f"{type(self.model.model).__name__} attends to both sides, so that each"
                " token of a completion is scored in a shorter pass of its own: ablate"
                " by zero or mean, and no positions"
            )
        if self.rescale and "head" not in kinds:
            raise InvalidInput(
                f"{named('rescale')} multiplies the heads that are kept, and no"
                " component is a head"
            )

    def _identity(self, *, anew: bool) -> tuple[str | None, str | None]:
        """sha256 of everything that decides a value, or why it cannot be told."""
        from spexlens.models.fingerprint import told

        return told(
            self.model,
            "mechanistic 2",
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


@MechanisticRecipe.made_by
def mechanistic_lens_of(recipe: MechanisticRecipe) -> MechanisticLens:
    """The lens that a recipe says how to make."""
    return MechanisticLens(**recipe.arguments())
