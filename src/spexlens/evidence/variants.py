"""Placeholders: other ways to ablate the same candidates, and ordinary inputs."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from spexlens.arguments import number
from spexlens.budget.reserve import Beside
from spexlens.errors import AblationError, InvalidInput
from spexlens.evaluation.spending import Spending
from spexlens.evidence.artefacts import Artefacts, Variant, variant_of
from spexlens.evidence.check_masks import OTHER_SEED, Checked, CheckMasks
from spexlens.evidence.factorial import (
    FactorialDesign,
    fitting,
    spread_over,
    worth_checking,
)
from spexlens.evidence.ordinary_inputs import Ordinary
from spexlens.evidence.spot_checks import Checks
from spexlens.games.game import Game
from spexlens.masks import designs
from spexlens.masks import masks as mask_algebra
from spexlens.masks.outputs import by_output
from spexlens.spectrum.shares import Members
from spexlens.spectrum.sizes import Sizes, refuse_large
from spexlens.spectrum.spectrum import Spectrum

Array = NDArray[np.float64]

# Fewer answers are no range that another could be outside of.
_LEAST_ORDINARY = 3


@dataclass(frozen=True)
class Placeholders:
    """What else is asked.

    Attributes:
        variants: games of the same candidates, by the name of how they ablate.
        others: games of ordinary inputs, to be asked with everything kept.
        answers: what the model answers to further ordinary inputs.
    """

    variants: Mapping[str, Game]
    others: Sequence[Game]
    answers: Sequence[float]

    @classmethod
    def of(
        cls, game: Game, against: Sequence[str | Game], ordinary: Sequence[str | float]
    ) -> "Placeholders":
        """What `explain` was asked.

        Raises:
            InvalidInput: a variant of other candidates or outputs, or one that does not
                exist; one or two ordinary inputs only.
        """
        ways = [against] if isinstance(against, str | Game) else list(against)
        variants: dict[str, Game] = {}
        for way in ways:
            if isinstance(way, str):
                variant = game.variant(way)
                name = way
            else:
                variant = way
                name = _name(way, len(variants))
            _refuse_unlike(game, variant, name)
            if variant.key == game.key or name in variants:
                raise InvalidInput(
                    f"{name} is how this is ablated already: give another way"
                )
            variants[name] = variant
        inputs = [ordinary] if isinstance(ordinary, str) else list(ordinary)
        if 0 < len(inputs) < _LEAST_ORDINARY:
            raise InvalidInput(
                f"ordinary inputs are {_LEAST_ORDINARY} or more; got {len(inputs)}"
            )
        # Answers are read first: a wrong number is told before any text is tokenized.
        answers = [_answer(given) for given in inputs if not isinstance(given, str)]
        others = [game.with_text(text) for text in inputs if isinstance(text, str)]
        refuse_large(np.array(answers))
        return cls(variants, others, answers)

    @property
    def beside(self) -> Beside:
        """What they cost, for the budget."""
        ordinary = sum(other.repeats for other in self.others)
        return Beside(len(self.variants), ordinary)

    def tested(
        self,
        spending: Spending,
        sizes: Sizes,
        checked: Checked,
        each: int,
        empty: Sequence[float] | None,
        seed: int,
    ) -> tuple[Artefacts | None, list[str]]:
        """What the games answer, and what went wrong with any of them.

        The explanation itself does not suffer from a game that fails.

        Args:
            spending: of the run.
            sizes: of the game's answers, those asked included.
            checked: the fit, its masks, and those that checked it.
            each: the most masks of each variant.
            empty: (k,), the answer with everything ablated, if it was asked.
            seed: decides masks where nothing was checked.
        """
        variants: list[Variant] = []
        failures: list[str] = []
        ordinary: Ordinary | None = None
        if empty is not None:
            try:
                ordinary = self._ordinary(spending, sizes, checked.bought, empty)
            except (AblationError, InvalidInput) as error:
                failures.append(f"ordinary inputs: {error}")
        if self.variants:
            shared = _SharedMasks.of(checked, each, seed)
        for name, game in self.variants.items():
            try:
                values = by_output(spending.on(game).packed_values(shared.packed))
                if values.shape != shared.values.shape:
                    raise InvalidInput("answers of another shape than the game's own")
                values = sizes.down(values)
            except (AblationError, InvalidInput) as error:
                failures.append(f"ablated by {name}: {error}")
                continue
            variant = variant_of(
                name,
                shared.design,
                checked.spectrum,
                shared.values,
                values,
                shared.effects,
            )
            variants.append(variant)
        if not variants and not ordinary:
            return None, failures
        return Artefacts(tuple(variants), ordinary), failures

    def refuse_unrecognised(self, spending: Spending) -> None:
        """Refuse, before anything is paid for, games that a ledger would not know again.

        Raises:
            InvalidInput: the ledger is on disk, and would not recognise a game.
        """
        for game in (*self.variants.values(), *self.others):
            spending.on(game)

    def _ordinary(
        self,
        spending: Spending,
        sizes: Sizes,
        bought: CheckMasks,
        empty: Sequence[float],
    ) -> Ordinary:
        if not self.others and not self.answers:
            # Nobody gave any: masks that keep something stand for them.
            something = ~mask_algebra.empty(bought.plan.packed)
            return Ordinary.of(bought.values[something], empty, 0)
        outputs = len(empty)
        rows = [np.full(outputs, answer) for answer in self.answers]
        for game in self.others:
            everything = np.ones((1, game.n), np.bool_)
            packed = mask_algebra.pack(everything)
            values = spending.on(game).packed_values(packed)
            rows.append(values.reshape(-1))
        if any(len(row) != outputs for row in rows):
            raise InvalidInput(
                "ordinary inputs are answered with another number of outputs"
            )
        values = sizes.down(np.array(rows))
        return Ordinary.of(values, empty, len(rows))


@dataclass(frozen=True)
class _SharedMasks:
    """Masks that the game and each of its variants are asked for.

    Attributes:
        design: the corners of the interactions that are compared.
        packed: (m, w) uint8, the design's masks and, behind them, others.
        values: (m,) or (m, k) float64, the game's own.
        effects: of each output, the game's own effect of each set.
    """

    design: FactorialDesign
    packed: NDArray[np.uint8]
    values: Array
    effects: list[dict[Members, float]]

    @classmethod
    def of(cls, checked: Checked, each: int, seed: int) -> "_SharedMasks":
        """Those that checked the fit; where none did, masks of the plan.

        Args:
            checked: the fit, its masks, and those that checked it.
            each: the most masks.
            seed: decides the masks where nothing was checked.
        """
        bought = checked.bought
        if bought.design is not None and checked.checks is not None:
            return cls._of_checks(bought, bought.design, checked.checks, each)
        if len(bought.packed):
            return cls._of_masks_alone(bought, each)
        return cls._of_all_masks(checked, each, seed)

    @classmethod
    def _of_checks(
        cls, bought: CheckMasks, design: FactorialDesign, checks: Checks, each: int
    ) -> "_SharedMasks":
        effects = []
        for checks_of_output in checks.found:
            measured = {check.members: check.measured for check in checks_of_output}
            effects.append(measured)
        packed = bought.packed[:each]
        return cls(design, packed, bought.values_of_checks[:each], effects)

    @classmethod
    def _of_masks_alone(cls, bought: CheckMasks, each: int) -> "_SharedMasks":
        """Where nothing acts together, there are no corners."""
        design = FactorialDesign(
            sets=(),
            masks=np.zeros((0, bought.plan.n), np.bool_),
            context=np.zeros(0, np.int64),
            rows=(),
        )
        outputs = bought.values[:1].size
        effects: list[dict[Members, float]] = [{} for _ in range(outputs)]
        packed = bought.packed[:each]
        return cls(design, packed, bought.values_of_checks[:each], effects)

    @classmethod
    def _of_all_masks(cls, checked: Checked, each: int, seed: int) -> "_SharedMasks":
        """Where the plan has all 2^n masks: any corner is among them."""
        spectrum = checked.spectrum
        n = checked.bought.plan.n
        ranked = worth_checking(spectrum)
        order = len(ranked[0]) if ranked else 1
        contexts, room = spread_over(each, order)
        if each >= 1 << n:
            contexts = 1 << n
            room = each
        sets = fitting(ranked, room) or [(0,)]
        chosen = designs.uniform(n, contexts, seed ^ OTHER_SEED ^ 1)
        design = FactorialDesign.of(sets, chosen)
        packed = design.packed
        effects = []
        for column in spectrum.columns.T:
            scalar = Spectrum(spectrum.sets, column)
            effects.append(_interactions(scalar, sets))
        values = _values_of(checked.bought, packed)
        return cls(design, packed, values, effects)


def _interactions(scalar: Spectrum, sets: Sequence[Members]) -> dict[Members, float]:
    """The Banzhaf interaction indices of the sets that a spectrum lists."""
    indices = {}
    for members in sets:
        coefficient = scalar[members]
        if coefficient:
            index = (-2.0) ** len(members) * coefficient
            indices[members] = float(index)
    return indices


def _refuse_unlike(game: Game, variant: Game, name: str) -> None:
    """InvalidInput if a variant is not of the game's candidates."""
    if not isinstance(variant, Game) or variant.n != game.n:
        raise InvalidInput(
            f"another way to ablate has the same {game.n} candidates; {name}"
            f" has {getattr(variant, 'n', 'none')}"
        )


def _name(game: Game, before: int) -> str:
    """What a variant that came without a name is called, after so many others."""
    # A person may give anything: what is no game is refused after it has a name.
    facts = game.facts() if isinstance(game, Game) else {}
    name = facts.get("replacement") or facts.get("ablation")
    return str(name or f"another way {before + 1}")


def _answer(given: object) -> float:
    try:
        return number(given, "an answer")
    except InvalidInput as error:
        wanted = "ordinary inputs are texts, or numbers that the model answers to them"
        raise InvalidInput(f"{wanted}: {error}") from None


def _values_of(bought: CheckMasks, packed: NDArray[np.uint8]) -> Array:
    """The values of masks that are all among the plan's."""
    planned = bought.plan.packed
    every = np.concatenate([planned, packed])
    first, where = mask_algebra.distinct(every)
    rows = first[where[len(planned) :]]
    values: Array = bought.values[rows]
    return values
