"""Noise: how far two answers to one mask are apart, and what that makes of effects."""

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from spexlens.budget.allocation import Allocation
from spexlens.evaluation.repetitions import Repetitions
from spexlens.evaluation.sized import Sized
from spexlens.evidence.check_masks import CheckMasks
from spexlens.masks import masks as mask_algebra
from spexlens.masks.masks import seen_among
from spexlens.masks.outputs import by_output
from spexlens.solvers.solver import Plan
from spexlens.spectrum.sizes import Sizes
from spexlens.spectrum.uncertainty import HALF_WIDTH

# Of the largest answer: what two answers to one mask are apart by more than rounding.
_DIFFERENT = 1e-5


@dataclass(frozen=True)
class Noise:
    """How far evaluations of one mask are apart, under several seeds or just again.

    There is one number an output.

    Attributes:
        deviation: the standard deviation of one evaluation.
        ceiling: the R² that knowing the mean over all evaluations would have, on the
            masks that are judged.
        repeated: evaluations that repeated a mask.
        masks: values that the explanation was fitted to, each the mean of `times`
            evaluations.
        times: evaluations a value.
        seeded: whether what differs is a seed, that of a training; else the model
            answers as it likes.
    """

    deviation: tuple[float, ...]
    ceiling: tuple[float, ...]
    repeated: int
    masks: int = 0
    times: int = 1
    seeded: bool = True

    def restored(self, sizes: Sizes) -> "Noise":
        """Of the answers as they were.

        Where this is of answers that were brought to size one.
        """
        return replace(self, deviation=sizes.effects(self.deviation))

    def floor(self, order: int, output: int = 0) -> float:
        """What noise alone makes of an interaction, at most, in 90 cases of 100.

        A Fourier coefficient is measured from m values of noise σ² with variance σ² /
        m; the Banzhaf interaction index is that times (-2)^order.

        Args:
            order: how many members the interaction has.
            output: by position.
        """
        if not self.masks:
            return 0.0
        evaluations = self.masks * self.times
        sigma = self.deviation[output] / evaluations**0.5
        return float(HALF_WIDTH * 2.0**order * sigma)


def noise_of(
    deviation: NDArray[np.float64],
    repeated: int,
    values: NDArray[np.float64],
    times: int,
    *,
    fitted: tuple[int, int] = (0, 1),
    seeded: bool = True,
) -> Noise:
    """What repetitions do to values that are each a mean of so many evaluations.

    Args:
        deviation: (k,), of one evaluation.
        repeated: how many evaluations it was measured with.
        values: (m,) or (m, k), those that an explanation is judged on.
        times: the evaluations that each of them is the mean of.
        fitted: how many values the explanation was fitted to, and the evaluations of
            each.
        seeded: see `Noise`.
    """
    columns = by_output(values)
    variance = columns.var(axis=0)
    # Values that never move have no variance to share: nothing of it is noise.
    share = np.divide(
        deviation**2 / times,
        variance,
        out=np.zeros_like(variance),
        where=variance > 0,
    )
    ceiling = np.maximum(1.0 - share, 0.0)
    masks, times_fitted = fitted
    return Noise(
        deviation=tuple(deviation.tolist()),
        ceiling=tuple(ceiling.tolist()),
        repeated=repeated,
        masks=masks,
        times=times_fitted,
        seeded=seeded,
    )


def probes(plan: Plan) -> NDArray[np.uint8]:
    """Two masks that are asked twice at first.

    That with everything kept and that with nothing, where the plan has them, else two
    others.
    """
    packed = plan.packed
    extreme = mask_algebra.whole(packed, plan.n) | mask_algebra.empty(packed)
    extreme_first = np.argsort(~extreme, kind="stable")
    return packed[extreme_first[:2]]


def differs(evaluator: Repetitions, packed: NDArray[np.uint8]) -> bool:
    """Whether asking these masks again gives other answers, beyond rounding."""
    answers = by_output(evaluator.again(packed, 2))
    size = np.abs(answers).max(axis=0)
    deviation = evaluator.deviation
    if deviation is None:
        return False
    return bool((deviation > _DIFFERENT * size).any())


def measured_noise(
    sized: Sized, allocation: Allocation, bought: CheckMasks
) -> Noise | None:
    """How far answers to one mask differ, or None where that was not measured.

    Some masks are asked again, where that is what the budget has for it.

    Args:
        sized: the game's evaluator.
        allocation: of the budget.
        bought: the plan, and the masks that checked its fit.
    """
    evaluator = sized.evaluator
    game = evaluator.game
    shares = allocation.shares
    _ask_again(evaluator, allocation, bought.plan)
    if evaluator.deviation is None:
        return None
    fitted = bought.plan.packed
    if allocation.request.refit:
        fitted = np.concatenate([fitted, bought.packed])
    first, _ = mask_algebra.distinct(fitted)
    # The ceiling is that of the R² that is told: of what is held out, if it is judged.
    values = bought.values
    times = game.repeats
    if shares.held_out > 1:
        values = bought.values_of_checks[bought.is_judged]
        times = shares.times
    return noise_of(
        evaluator.deviation / sized.sizes.unit,
        evaluator.repeated,
        values,
        times,
        fitted=(len(first), game.repeats),
        seeded=game.seeded,
    )


def _ask_again(evaluator: Repetitions, allocation: Allocation, plan: Plan) -> None:
    """Ask a second time for as many masks as the budget has repetitions left."""
    game = evaluator.game
    packed = plan.packed
    if game.seeded:
        if allocation.shares.held_out > 1:
            return  # those that are held out are repeated anyway
        again = allocation.shares.again
    else:
        again = allocation.reserve.repeats - evaluator.repeated
        if evaluator.repeated:
            # The probes were repeated before the fit: again they would tell nothing new.
            is_probe = seen_among(packed, probes(plan))
            packed = packed[~is_probe]
    again = min(again, len(packed))
    if again > 1:
        rng = np.random.default_rng([allocation.request.seed, again])
        rows = rng.choice(len(packed), again, replace=False)
        evaluator.again(packed[rows], 2)
