"""Placeholders: the same candidates ablated in other ways, and ordinary inputs, asked
beside a game.
"""

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
from spexlens.games.game import Game
from spexlens.masks import designs
from spexlens.masks import masks as mask_algebra
from spexlens.spectrum.shares import Members
from spexlens.spectrum.sizes import Sizes, refuse_large
from spexlens.spectrum.spectrum import Spectrum

Array = NDArray[np.float64]

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
        given = [against] if isinstance(against, str | Game) else list(against)
        variants: dict[str, Game] = {}
        for each in given:
            other = game.variant(each) if isinstance(each, str) else each
            name = each if isinstance(each, str) else _name(other, len(variants))
            if not isinstance(other, Game) or other.n != game.n:
                raise InvalidInput(
                    f"another way to ablate has the same {game.n} candidates; {name}"
                    f" has {getattr(other, 'n', 'none')}"
                )
            if other.key == game.key or name in variants:
                raise InvalidInput(
                    f"{name} is how this is ablated already: give another way"
                )
            variants[name] = other
        inputs = [ordinary] if isinstance(ordinary, str) else list(ordinary)
        if 0 < len(inputs) < _LEAST_ORDINARY:
            raise InvalidInput(
                f"ordinary inputs are {_LEAST_ORDINARY} or more; got {len(inputs)}"
            )
        answers = [_answer(each) for each in inputs if not isinstance(each, str)]
        others = [game.with_text(each) for each in inputs if isinstance(each, str)]
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
        """Ask them; and what went wrong with any, which the explanation itself does not
        suffer from.

        Args:
            spending: of the run.
            sizes: of the game's answers, those asked included.
            checked: the fit, its masks, and those that checked it.
            each: the most masks of each variant.
            empty: (k,), the answer with everything ablated, if it was asked.
            seed: decides masks where nothing was checked.
        """
        found: list[Variant] = []
        failed: list[str] = []
        ordinary: Ordinary | None = None
        try:
            ordinary = (
                None
                if empty is None
                else self._ordinary(spending, sizes, checked.bought, empty)
            )
        except (AblationError, InvalidInput) as error:
            failed.append(f"ordinary inputs: {error}")
        if self.variants:
            corners, packed, here, effects = _shared(checked, each, seed)
        for name, game in self.variants.items():
            try:
                there = spending.on(game).packed_values(packed)
                if there.shape != here.shape:
                    raise InvalidInput("answers of another shape than the game's own")
                there = sizes.down(there)
            except (AblationError, InvalidInput) as error:
                failed.append(f"ablated by {name}: {error}")
                continue
            found.append(
                variant_of(name, corners, checked.spectrum, here, there, effects)
            )
        return (
            Artefacts(tuple(found), ordinary) if found or ordinary else None
        ), failed

    def refuse_unrecognised(self, spending: Spending) -> None:
        """InvalidInput before anything is paid for, if a ledger on disk would not
        recognise a game.
        """
        for game in (*self.variants.values(), *self.others):
            spending.on(game)

    def _ordinary(
        self,
        spending: Spending,
        sizes: Sizes,
        asked: CheckMasks,
        empty: Sequence[float],
    ) -> Ordinary:
        if not self.others and not self.answers:
            something = ~mask_algebra.empty(asked.plan.packed)
            return Ordinary.of(asked.values[something], empty, 0)
        rows = [np.full(len(empty), answer) for answer in self.answers]
        for game in self.others:
            everything = mask_algebra.pack(np.ones((1, game.n), np.bool_))
            rows.append(spending.on(game).packed_values(everything).reshape(-1))
        if len({len(row) for row in rows} | {len(empty)}) > 1:
            raise InvalidInput(
                "ordinary inputs are answered with another number of outputs"
            )
        return Ordinary.of(sizes.down(np.array(rows)), empty, len(rows))


def _name(game: Game, before: int) -> str:
    facts = game.facts() if isinstance(game, Game) else {}
    return str(
        facts.get("replacement") or facts.get("ablation") or f"another way {before + 1}"
    )


def _answer(given: object) -> float:
    try:
        return number(given, "an answer")
    except InvalidInput as error:
        wanted = "ordinary inputs are texts, or numbers that the model answers to them"
        raise InvalidInput(f"{wanted}: {error}") from None


def _shared(
    checked: Checked, each: int, seed: int
) -> tuple[FactorialDesign, NDArray[np.uint8], Array, list[dict[Members, float]]]:
    """FactorialDesign, their masks and more, the game's own values of them, and its effects, an
    output each.
    """
    asked = checked.bought
    checks = checked.checks
    spectrum = checked.spectrum
    if asked.corners is not None and checks is not None:
        known = [
            {check.members: check.measured for check in found} for found in checks.found
        ]
        return asked.corners, asked.packed[:each], asked.asked[:each], known
    n = asked.plan.n
    ranked = worth_checking(spectrum)
    if len(asked.packed):  # nothing acts together, so there are no corners
        none = FactorialDesign(
            (), np.zeros((0, n), np.bool_), np.zeros(0, np.int64), ()
        )
        outputs = asked.values[:1].size
        return (
            none,
            asked.packed[:each],
            asked.asked[:each],
            [{} for _ in range(outputs)],
        )
    contexts, room = spread_over(each, len(ranked[0]) if ranked else 1)
    if each >= 1 << n:
        contexts = 1 << n
        room = each
    sets = fitting(ranked, room) or [(0,)]
    chosen = designs.uniform(n, contexts, seed ^ OTHER_SEED ^ 1)
    corners = FactorialDesign.of(sets, chosen)
    packed = mask_algebra.pack(corners.masks)
    columns = spectrum.values.reshape(len(spectrum), -1)
    scalars = [Spectrum(spectrum.sets, column) for column in columns.T]
    effects = [
        {s: float((-2.0) ** len(s) * scalar[s]) for s in sets if scalar[s]}
        for scalar in scalars
    ]
    return corners, packed, _values_of(asked, packed), effects


def _values_of(asked: CheckMasks, packed: NDArray[np.uint8]) -> Array:
    """The values of masks that are all among the plan's."""
    first, where = mask_algebra.distinct(np.concatenate([asked.plan.packed, packed]))
    values: Array = asked.values[first[where[len(asked.plan.packed) :]]]
    return values
