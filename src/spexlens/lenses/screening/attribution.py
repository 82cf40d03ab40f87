"""Attribution: one number a candidate, from far fewer evaluations than candidates where
the lens allows.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from spexlens.errors import InvalidInput
from spexlens.evaluation.evaluator import Progress
from spexlens.evaluation.ledger.ledger import Ledger
from spexlens.evaluation.repetitions import Repetitions
from spexlens.games.game import Game
from spexlens.masks import designs
from spexlens.masks import masks as mask_algebra

LEAVE_ONE_OUT = "leave-one-out"
REFINED = "gradient, then leave-one-out"


@dataclass(frozen=True)
class Attribution:
    """How much keeping each candidate adds to the answer, estimated.

    Attributes:
        method: how.
        scores: (n,) or (n, k) float64, in the objective's unit.
        forward: inputs that the model read for it.
        backward: gradients that were propagated through the model.
        trainings: heads that were trained for it.
        calls: evaluations of the game, of which those in the ledger before are
            `reused`.
        reused: see `calls`.
    """

    method: str
    scores: NDArray[np.float64]
    forward: int = 0
    backward: int = 0
    trainings: int = 0
    calls: int = 0
    reused: int = 0

    @property
    def strength(self) -> NDArray[np.float64]:
        """(n,), the sizes of the scores; of several outputs, their sum."""
        return np.asarray(np.abs(self.scores.reshape(len(self.scores), -1)).sum(axis=1))


def leave_one_out(
    game: Game,
    ledger: Ledger,
    progress: Progress | None = None,
    first: Attribution | None = None,
    some: int = 0,
) -> Attribution:
    """What the answer loses where one candidate alone is ablated: n + 1 evaluations.

    Args:
        game: what is asked.
        ledger: where the evaluations are kept.
        progress: told how far things are.
        first: another attribution, of whose largest only so many are asked for; the
            others count as 0.
        some: so many.

    Raises:
        InvalidInput, NonFiniteValue, OutOfMemory, LedgerError: as `explain`.
    """
    left_out = np.arange(game.n) if first is None else largest(first, some)
    # the first mask of the design keeps everything
    masks = designs.leave_one_out(game.n)[np.append(0, left_out + 1)]
    evaluator = Repetitions(
        game, ledger, progress=progress, expected=len(masks) * game.repeats
    )
    values = evaluator.packed_values(mask_algebra.pack(masks))
    scores = np.zeros((game.n, *values.shape[1:]))
    scores[left_out] = values[0] - values[1:]
    paid = {"calls": evaluator.paid, "reused": evaluator.reused}
    if first is None:
        return Attribution(LEAVE_ONE_OUT, scores, **paid)
    return Attribution(
        REFINED, scores, forward=first.forward, backward=first.backward, **paid
    )


def largest(attribution: Attribution, count: int) -> NDArray[np.int64]:
    """The positions of the largest attributions, ascending; of equals the first.

    Raises:
        InvalidInput: one is not finite, or all are 0.
    """
    strength = attribution.strength
    if not np.isfinite(strength).all():
        raise InvalidInput(
            f"{attribution.method} gave a number that is not finite; choose by"
            f" {LEAVE_ONE_OUT}"
        )
    if not strength.any():
        raise InvalidInput(
            f"the screening is empty: {attribution.method} is 0 for every candidate; choose"
            " by another, or give all"
        )
    return np.sort(np.argsort(-strength, kind="stable")[:count])
